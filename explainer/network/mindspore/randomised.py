"""A network with other weights for a while: what it has learned, layer by layer, taken away and given back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from explainer.network.mindspore.borrowing import one_thread
from explainer.network.mindspore.shared import shared_of

_STATISTICS = ("moving_mean", "moving_variance")  # of batch norms: what went through a layer, not what it learned


def layers_with_weights(network: nn.Cell) -> list[str]:
    """The names of the cells that hold weights of their own, in the order of `network.cells_and_names()`.

    >>> layers_with_weights(nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)))
    ['0', '2']
    """
    return [name for name, cell in network.cells_and_names() if _weights(cell)]


@contextmanager
def randomised(network: nn.Cell, seed: int) -> Iterator[Callable[[str], None]]:
    """A function that shuffles the weights of a layer by its name; all of them are put back, whatever happens.

    Each weight tensor keeps its values and changes their positions, so that the network's signals keep their scale. A
    layer's shuffling depends on the seed and its name alone. Values are written in place: what is compiled stays valid.
    No other thread has a network meanwhile: it would be explained with these weights.
    """
    cells = dict(network.cells_and_names())
    shared = shared_of(network)
    before: dict[int, tuple[Parameter, Tensor]] = {}

    def shuffle(name: str) -> None:
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        for weight in _weights(cells[name]):
            if id(weight) in before:  # a weight of two layers is shuffled with the first of them
                continue
            kept = before.setdefault(id(weight), (weight, weight.value().copy()))[1]
            indices = rng.permutation(weight.size).astype(np.int32)
            ops.assign(weight, kept.reshape(-1)[Tensor(indices)].reshape(weight.shape))
        shared.weights_written()

    # In place and by ops.assign: a graph that MindSpore has compiled keeps the storage that it was compiled with.
    with one_thread():
        try:
            with shared.outputs_not_kept():
                yield shuffle
        finally:
            for weight, kept in before.values():
                ops.assign(weight, kept)
            shared.weights_written()


def _weights(cell: nn.Cell) -> list[Parameter]:
    own = {name: weight for name, weight in cell._params.items() if weight is not None}
    return [weight for name, weight in own.items() if name not in _STATISTICS]
