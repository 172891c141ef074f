"""What tests of the perturbing methods share: slow NumPy replicas, and a network that remembers what it was shown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import ceil
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from networks import SmallCnn
from numpy.typing import NDArray

FloatArray = NDArray[Any]
Score = Callable[[FloatArray], FloatArray]
Size = tuple[int, int]


class RecordingNetwork(nn.Cell):
    """A network that remembers each batch it was shown; only while it runs eagerly, so switch compiling off."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.network = network
        self.shown: list[FloatArray] = []

    def construct(self, images: Tensor) -> Tensor:
        self.shown.append(images.asnumpy())
        return self.network(images)


def asked(network: RecordingNetwork, explain: Callable[[], Any]) -> list[FloatArray]:
    """The batches that the network is shown in a first call, without the image that finds the number of classes."""
    explain()
    number_of_classes, *batches = network.shown
    assert len(number_of_classes) == 1
    return batches


# Images, labels and fills.

TARGETS = np.array([[2, 1], [3, 3], [1, 0]])


def of_targets(of_images: list[FloatArray]) -> FloatArray:
    """What belongs to TARGETS, (N, L, ...), from what belongs to all classes, (K, ...) for each image."""
    return np.array([of_classes[labels] for of_classes, labels in zip(of_images, TARGETS, strict=True)])


def mirrored(images: FloatArray) -> FloatArray:
    """A fill that depends on the image."""
    return images[..., ::-1]


def normal_images(count: int = 3, channels: int = 2, height: int = 5, width: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, channels, height, width)).astype(np.float32)


def whole_numbers(*shape: int, seed: int = 0) -> FloatArray:
    """Numbers from -4 to 4, never 0: sums of their products are exact in float32."""
    stream = np.random.default_rng(seed)
    return (stream.integers(1, 5, shape) * stream.choice([-1, 1], shape)).astype(np.float32)


# Networks.


def linear_scores(weights: FloatArray) -> Score:
    """What LinearNetwork(weights) gives."""

    def score(images: FloatArray) -> FloatArray:
        return images.reshape(len(images), -1).astype(np.float64) @ weights.T.astype(np.float64)

    return score


def cnn_scores(network: SmallCnn, activation: Score = lambda logits: logits) -> Score:
    """What the SmallCnn gives, in float64."""
    weights = {name: parameter.asnumpy().astype(np.float64) for name, parameter in network.parameters_and_names()}

    def score(images: FloatArray) -> FloatArray:
        features = images.astype(np.float64)
        for name in ("conv1", "conv2"):
            features = np.maximum(_convolved(features, weights[f"{name}.weight"], weights[f"{name}.bias"]), 0)
        return activation(features.mean(axis=(2, 3)) @ weights["fc.weight"].T + weights["fc.bias"])

    return score


def softmax(logits: FloatArray) -> FloatArray:
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def sigmoid(logits: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-logits))


def _convolved(features: FloatArray, kernels: FloatArray, biases: FloatArray) -> FloatArray:
    """3 x 3, one pixel of zeros around."""
    height, width = features.shape[2:]
    around = np.pad(features, ((0, 0), (0, 0), (1, 1), (1, 1)))
    sums = sum(
        np.einsum("nchw,oc->nohw", around[:, :, i : i + height, j : j + width], kernels[:, :, i, j])
        for i, j in product(range(3), range(3))
    )
    return sums + biases[:, None, None]


# The masks of RISE.


def enlarged(map_: FloatArray, size: Size) -> FloatArray:
    """The map (h, w) on (H, W) pixels: linear between the centres of its places, their values held at the edges."""
    return _along(_along(map_, size[1]).T, size[0]).T


def _along(rows: FloatArray, length: int) -> FloatArray:
    old = (np.arange(rows.shape[1]) + 0.5) / rows.shape[1]
    return np.array([np.interp((np.arange(length) + 0.5) / length, old, row) for row in rows])


def rise_cell(size: Size, grid: Size) -> Size:
    return ceil(size[0] / grid[0]), ceil(size[1] / grid[1])


def rise_mask(shown: FloatArray, size: Size, top: int, left: int) -> FloatArray:
    """RISE, section 3.2: the binary grid, enlarged to one cell more than the image, cropped at a shift."""
    cell = rise_cell(size, shown.shape)
    large = enlarged(shown, ((shown.shape[0] + 1) * cell[0], (shown.shape[1] + 1) * cell[1]))
    return large[top : top + size[0], left : left + size[1]]


def every_rise_mask(size: Size, grid: Size, probability: float) -> tuple[FloatArray, FloatArray]:
    """All masks of small grids, (M, H, W), and how likely each is, (M,)."""
    cell = rise_cell(size, grid)
    shifts = list(product(range(cell[0] + 1), range(cell[1] + 1)))
    masks, odds = [], []
    for bits in product((0, 1), repeat=grid[0] * grid[1]):
        likely = probability ** sum(bits) * (1 - probability) ** (len(bits) - sum(bits))
        for top, left in shifts:
            masks.append(rise_mask(np.reshape(bits, grid).astype(float), size, top, left))
            odds.append(likely / len(shifts))
    return np.array(masks), np.array(odds)
