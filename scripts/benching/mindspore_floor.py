"""MindSpore's floor: graphs compiled for the very batch sizes they get, as many passes as the task needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import mindspore
import numpy as np
from mindspore import Tensor

from benching.built import rebuilt
from benching.networks import Exported, Network
from benching.onnx_floor import batch_of, batches, part_of
from benching.rows import MINDSPORE, Row, Work


def works(row: Row, exported: Exported) -> dict[str, Work]:
    """The passes that the row needs; the way back to a late layer is short, so a forward stands for it."""
    assert row.needs is not None
    floor = _floor(exported.folder.parent, exported.network)
    forwards = row.needs.forwards + row.needs.taps
    runs = [*floor.forwards(forwards), *floor.gradients(row.needs.gradients)]
    return {MINDSPORE: part_of(runs, forwards + row.needs.gradients, exported.network.size)}


@cache
def _floor(folder: Path, network: Network) -> _Floor:
    return _Floor(Exported(folder, network))


class _Floor:
    """One for all rows of a network, which need not be compiled for again."""

    def __init__(self, exported: Exported) -> None:
        self._exported = exported
        network = rebuilt(exported)

        def forward(batch: Tensor) -> Tensor:
            return network(batch)

        def objective(batch: Tensor, seed: Tensor) -> Tensor:
            return (network(batch) * seed).sum()

        self._forward = mindspore.jit(forward)
        self._gradient = mindspore.jit(mindspore.grad(objective, 0))

    def forwards(self, count: int) -> list[tuple[int, Callable[[], object]]]:
        """A call for each batch of so many images."""
        return [(size, partial(_computed, self._forward, self._images(size))) for size in batches(count)]

    def gradients(self, count: int) -> list[tuple[int, Callable[[], object]]]:
        """A call for each batch of so many images, there and back."""
        eye = np.eye(self._exported.network.classes, dtype=np.float32)
        seeds = {size: eye[np.resize(self._exported.labels, size)] for size in set(batches(count))}
        return [(size, partial(_computed, self._gradient, self._images(size), seeds[size])) for size in batches(count)]

    def _images(self, size: int) -> np.ndarray:
        return batch_of(self._exported.images, size)


def _computed(compute: Callable[..., Tensor], *arrays: np.ndarray) -> np.ndarray:
    return compute(*map(Tensor, arrays)).asnumpy()
