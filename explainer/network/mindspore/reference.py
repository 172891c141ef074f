"""What a network gives, run as its user wrote it: what any other engine is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mindspore import Tensor, nn, ops

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.network.mindspore.borrowing import TracedCalls, blocking, borrowed
from explainer.network.mindspore.computations import arrays_of
from explainer.network.mindspore.inputs import evaluating


def eager_outputs(network: nn.Cell, images: FloatArray, stopped: list[None] | None = None) -> list[FloatArray]:
    """The network's outputs for these images as one batch, uncompiled.

    Args:
        network: a mindspore.nn.Cell.
        images: (N, ...) float32.
        stopped: gets an entry for each gradient that the network stops, which MindSpore's export forgets.

    Raises:
        EngineError: the user traces a part of it; parsed for a graph, that part would leave MindSpore unusable.
        NetworkInputError: MindSpore cannot evaluate the network for these images.
    """
    with borrowed(network), blocking(), evaluating(network, images), _stopped_gradients() as calls:
        traced = TracedCalls()
        outputs = arrays_of(network(Tensor(images)))
    if traced.any:
        raise EngineError(
            'a part of the network is traced, by jit(capture_mode="trace"), which MindSpore cannot export'
        )
    if stopped is not None:
        stopped += calls
    return outputs


@contextmanager
def _stopped_gradients() -> Iterator[list[None]]:
    """An entry for each call of `stop_gradient` meanwhile."""
    calls: list[None] = []
    called = ops.StopGradient.__call__

    def counted(operator: ops.StopGradient, value: Tensor) -> Tensor:
        calls.append(None)
        given: Tensor = called(operator, value)
        return given

    ops.StopGradient.__call__ = counted
    try:
        yield calls
    finally:
        del ops.StopGradient.__call__  # the class has none of its own
