"""Small networks that tests share; written to a file since MindSpore compiles them from their source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops


def random_weights(shape: tuple[int, ...], seed: int, scale: float = 0.5) -> Tensor:
    """A float32 tensor of normal numbers that depends on the seed alone."""
    return Tensor((np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32))


class Counting(nn.Cell):
    """Passes a network's answers on and notes how many images each pass had."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.network = network
        self.passes: list[int] = []

    def construct(self, images: Tensor) -> Tensor:
        self.passes.append(images.shape[0])
        return self.network(images)


class SmallCnn(nn.Cell):
    """Conv - ReLU - Conv - ReLU - Dropout - mean - Dense; any image size, C channels to K logits.

    `relu` makes each ReLU: a cell, an operator, or a function that stands for one.
    """

    def __init__(self, channels: int = 2, classes: int = 4, seed: int = 0, relu: Callable[[], Any] = nn.ReLU) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels,
            5,
            3,
            has_bias=True,
            weight_init=random_weights((5, channels, 3, 3), seed),
            bias_init=random_weights((5,), seed + 3),
        )
        self.relu1 = relu()
        self.conv2 = nn.Conv2d(
            5,
            6,
            3,
            has_bias=True,
            weight_init=random_weights((6, 5, 3, 3), seed + 1),
            bias_init=random_weights((6,), seed + 4),
        )
        self.relu2 = relu()
        self.dropout = nn.Dropout(p=0.5)
        self.fc = nn.Dense(
            6,
            classes,
            weight_init=random_weights((classes, 6), seed + 2, 2.0),
            bias_init=random_weights((classes,), seed + 5),
        )

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu2(self.conv2(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


class LinearNetwork(nn.Cell):
    """logits = weights @ flattened image; weights (K, C * H * W)."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        classes, features = weights.shape
        self.fc = nn.Dense(features, classes, weight_init=Tensor(weights.astype(np.float32)), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.flatten(images))


class NormalisedCnn(nn.Cell):
    """As SmallCnn with batch norm, whose statistics a test can watch."""

    def __init__(self, channels: int = 2, classes: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 5, 3, weight_init=random_weights((5, channels, 3, 3), 3))
        self.norm = nn.BatchNorm2d(5)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(p=0.3)
        self.fc = nn.Dense(
            5, classes, weight_init=random_weights((classes, 5), 4), bias_init=random_weights((classes,), 5)
        )

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.dropout(self.relu(self.norm(self.conv(images))).mean((2, 3))))


def rectified(features: Tensor) -> Tensor:
    """A helper beside a network's own file, as many networks have."""
    return ops.relu(features)
