"""Which loops are left uncompiled."""

from __future__ import annotations

import pytest
from mindspore import Tensor, jit, nn, ops

from explainer.network.mindspore.loops import has_open_loop


class OverTheBatch(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        logits = []
        for place in range(images.shape[0]):
            logits.append(images[place].sum())
        return ops.stack(logits)


class ByALength(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        count = images.shape[0]
        return ops.stack([images[place].sum() for place in range(count)])


class OverATensor(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return ops.stack([image.sum() for image in images])


class While(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        place, total = 0, 0
        while place < images.shape[0]:
            total, place = total + images[place].sum(), place + 1
        return total


class InAMethod(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return self.summed(images)

    def summed(self, images: Tensor) -> Tensor:
        return ops.stack([images[place].sum() for place in range(len(images))])


def summed(images: Tensor) -> Tensor:
    return ops.stack([images[place].sum() for place in range(len(images))])


def half_of(images: Tensor) -> Tensor:
    return summed(images) / 2


class InAFunction(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return half_of(images)


class InAStaticMethod(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return self.summed(images)

    @staticmethod
    def summed(images: Tensor) -> Tensor:
        return ops.stack([image.sum() for image in images])


class Jitted(nn.Cell):
    @jit
    def construct(self, images: Tensor) -> Tensor:
        return ops.stack([image.sum() for image in images])


class Inherited(OverTheBatch):
    """No loop of its own."""


class OverCells(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.CellList([nn.ReLU() for _ in range(3)])
        self.depth = 2
        self.more = self.made(3)

    def made(self, count: int) -> nn.Cell:
        """Runs when the network is made, and in no pass."""
        return nn.SequentialCell([nn.ReLU() for _ in range(count)])

    def construct(self, images: Tensor) -> Tensor:
        for block in self.blocks:
            images = block(images)
        for place, block in enumerate(self.blocks):
            images = block(images) + place
        for place in range(self.depth):
            images = self.blocks[place](images)
        features = [images, images]
        return ops.concat([feature + 1 for feature in features] + [images for _ in range(4)], 1)


@pytest.mark.parametrize(
    "kind", [OverTheBatch, ByALength, OverATensor, While, InAMethod, InAFunction, InAStaticMethod, Jitted, Inherited]
)
def test_loops_that_a_batch_makes_longer_are_found(kind: type[nn.Cell]) -> None:
    assert has_open_loop(nn.SequentialCell(nn.Flatten(), kind()))


def test_loops_over_cells_and_constants_are_none() -> None:
    assert not has_open_loop(nn.SequentialCell(OverCells(), nn.ReLU()))


def test_a_class_without_a_source_has_none() -> None:
    made: dict[str, type[nn.Cell]] = {}
    exec("from mindspore import nn\nclass Made(nn.Cell):\n def construct(self, x):\n  return [i for i in x]\n", made)
    assert not has_open_loop(made["Made"]())
