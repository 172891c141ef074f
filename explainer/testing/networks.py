"""The networks of the contracts, and what must be the same of one before and after it was used."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor, nn

from explainer.arrays import FloatArray

CHANNELS, HEIGHT, WIDTH, CLASSES = 2, 5, 7, 4
FAILURE = "the network failed on purpose"


class SmallNetwork(nn.Cell):
    """Conv - ReLU - Conv - ReLU - mean - Dense, with weights that are always the same; images of any size.

    Args:
        channels: of the images.
    """

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels, 5, 3, has_bias=True, weight_init=_normal((5, channels, 3, 3), 0), bias_init=_normal((5,), 4)
        )
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(5, 6, 3, has_bias=True, weight_init=_normal((6, 5, 3, 3), 1), bias_init=_normal((6,), 5))
        self.relu2 = nn.ReLU()
        self.fc = nn.Dense(6, CLASSES, weight_init=_normal((CLASSES, 6), 2), bias_init=_normal((CLASSES,), 3))

    def construct(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W)."""
        return self.fc(self.relu2(self.conv2(self.relu1(self.conv1(images)))).mean((2, 3)))


class LinearNetwork(nn.Cell):
    """The logit of each class is a weighted sum of the image's values.

    Args:
        weights: (K, C, H, W).
    """

    def __init__(self, weights: FloatArray) -> None:
        super().__init__()
        rows = weights.reshape(len(weights), -1)
        self.flatten = nn.Flatten()
        self.fc = nn.Dense(rows.shape[1], len(rows), weight_init=Tensor(rows.astype(np.float32)), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W)."""
        return self.fc(self.flatten(images))


class FailingNetwork(nn.Cell):
    """Answers as another network does, for so many calls; then it raises a RuntimeError that says `FAILURE`.

    Args:
        network: the other one.
        good_calls: how many.
    """

    def __init__(self, network: nn.Cell, good_calls: int) -> None:
        super().__init__()
        self.network = network
        self.good_calls = good_calls
        self.calls = 0

    def construct(self, images: Tensor) -> Tensor:
        """What the other network gives."""
        self.calls += 1
        if self.calls > self.good_calls:
            raise RuntimeError(FAILURE)
        return self.network(images)


def half_trained(network: nn.Cell) -> nn.Cell:
    """The network in training, but for its first cell, whose first parameter is frozen: flags of both kinds."""
    network.set_train(True)
    first = next(cell for name, cell in network.cells_and_names() if name and not cell.name_cells())
    first.set_train(False)
    next(iter(network.get_parameters())).requires_grad = False
    return network


def state_of(network: nn.Cell) -> dict[str, Any]:
    """All that whoever uses a network has to leave as it was: its cells, their flags, and its parameters."""
    cells = {
        name: (id(cell), type(cell).__name__, id(type(cell)), cell.training, cell.requires_grad)
        for name, cell in network.cells_and_names()
    }
    parameters = {
        name: (id(value), value.name, value.requires_grad, value.asnumpy().tobytes())
        for name, value in network.parameters_and_names()
    }
    return {"cells": cells, "parameters": parameters}


def require_untouched(what: str, network: nn.Cell, before: dict[str, Any]) -> None:
    """AssertionError unless the network is as it was; `what` says after what."""
    after = state_of(network)
    for part, entries in before.items():
        changed = [name for name in {**entries, **after[part]} if entries.get(name) != after[part].get(name)]
        assert not changed, f"{what}, the network must be as it was, but its {part} {changed} were changed"


def _normal(shape: tuple[int, ...], seed: int) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))
