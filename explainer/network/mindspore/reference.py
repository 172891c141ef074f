"""What a network gives, run as its user wrote it: what any other engine is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from mindspore import Tensor, nn, ops

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.network.mindspore.borrowing import TracedCalls, blocking, borrowed
from explainer.network.mindspore.computations import arrays_of
from explainer.network.mindspore.inputs import evaluating


def eager_outputs(network: nn.Cell, images: FloatArray, changing: list[None] | None = None) -> list[FloatArray]:
    """The network's outputs for these images as one batch, uncompiled.

    Args:
        network: a mindspore.nn.Cell.
        images: (N, ...) float32.
        changing: gets an entry for each gradient that the network changes itself (it is stopped, hooked, or has a
            backward rule), which MindSpore's export forgets.

    Raises:
        EngineError: the user traces a part of it; parsed for a graph, that part would leave MindSpore unusable.
        NetworkInputError: MindSpore cannot evaluate the network for these images.
    """
    with borrowed(network), blocking(), evaluating(network, images), _changed_gradients() as calls:
        traced = TracedCalls()
        outputs = arrays_of(network(Tensor(images)))
    if traced.any:
        raise EngineError(
            'a part of the network is traced, by jit(capture_mode="trace"), which MindSpore cannot export'
        )
    if changing is not None:
        changing += calls
    return outputs


@contextmanager
def _changed_gradients() -> Iterator[list[None]]:
    """An entry for each call meanwhile of what changes a gradient and no output."""
    calls: list[None] = []
    places = [(ops.StopGradient, "__call__"), (ops.InsertGradientOf, "__call__"), (ops.HookBackward, "__call__")]
    with ExitStack() as stack:
        for owner, name in (*places, (Tensor, "register_hook")):
            stack.enter_context(_replaced(owner, name, partial(_counted, calls)))
        stack.enter_context(_replaced(nn.Cell, "__call__", partial(_counted, calls, only=lambda cell: cell.has_bprop)))
        yield calls


@contextmanager
def _replaced(owner: type, name: str, changed: Callable[[Any], Any]) -> Iterator[None]:
    own = vars(owner).get(name)
    setattr(owner, name, changed(getattr(owner, name)))
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def _counted(calls: list[None], call: Any, only: Callable[[Any], bool] = lambda called: True) -> Any:
    def counted(called: Any, *given: Any, **named: Any) -> Any:
        if only(called):
            calls.append(None)
        return call(called, *given, **named)

    return counted
