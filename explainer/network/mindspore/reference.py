"""What a network gives, run as its user wrote it: what any other engine is compared with."""

from __future__ import annotations

from mindspore import Tensor, nn

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.network.mindspore.borrowing import TracedCalls, blocking, borrowed
from explainer.network.mindspore.computations import arrays_of
from explainer.network.mindspore.inputs import evaluating


def eager_outputs(network: nn.Cell, images: FloatArray) -> list[FloatArray]:
    """The network's outputs for these images as one batch, uncompiled.

    Raises:
        EngineError: the user traces a part of it; parsed for a graph, that part would leave MindSpore unusable.
        NetworkInputError: MindSpore cannot evaluate the network for these images.
    """
    with borrowed(network), blocking(), evaluating(network, images):
        traced = TracedCalls()
        outputs = arrays_of(network(Tensor(images)))
    if traced.any:
        raise EngineError(
            'a part of the network is traced, by jit(capture_mode="trace"), which MindSpore cannot export'
        )
    return outputs
