"""What Xplique, a second implementation of occlusion on TensorFlow, says of small networks.

Its maps are kept here with the networks' weights, inputs and targets (scripts/xplique_numbers.py made them and says
what each one is); the networks are built again from the weights, in MindSpore or in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from explainer.explanation import Occlusion
from explainer.network.mindspore.adapter import MindSporeClassifier

FloatArray = NDArray[Any]

# Relative to the largest value of each map. A map is a sum of differences of scores, which are rounded to float32 and
# may be ten times as large as it; measured: below 5e-6.
RELATIVE = 1e-5
# Xplique adds 1e-4 to two denominators of its score for object detection, which the formula has not: the area of a
# union, 18 and more here, and the product of two norms, mostly below 1. Measured: below 2e-4.
RELATIVE_WITH_ITS_EPSILON = 1e-3

UNIT = 1024.0  # of the boxes in "detection scaled", where those 1e-4 are nothing
BATCH_SIZES = (None, 5)
DATA_FORMATS = {"tabular": "NW", "series": "NTW"}  # and NHWC for all others


def minus_mean_error(model: Callable[[FloatArray], Any], x: FloatArray, y: FloatArray) -> FloatArray:
    return -np.abs(model(x) - y).mean(axis=-1)


SCORES = {
    "none": "logit",
    "classification": "logit",
    "regression": "regression",
    "semantic segmentation": "segmentation",
    "object detection": "object detection",
    "custom": minus_mean_error,
}


@cache
def stored() -> dict[str, FloatArray]:
    with np.load(Path(__file__).with_name("xplique_occlusion.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


class Convolutional(nn.Cell):
    """Logits (N, 4) of images (N, H, W, 3)."""

    def __init__(self, weights: dict[str, FloatArray]) -> None:
        super().__init__()
        kernel = Tensor(np.ascontiguousarray(weights["kernel"].transpose(3, 2, 0, 1)))
        self.conv = nn.Conv2d(3, 6, 3, has_bias=True, weight_init=kernel, bias_init=Tensor(weights["bias"]))
        self.relu = nn.ReLU()
        self.dense = dense_of(weights["matrix"], weights["offset"])

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu(self.conv(ops.transpose(images, (0, 3, 1, 2))))
        return self.dense(features.mean((2, 3)))


def perceptron(weights: dict[str, FloatArray]) -> nn.Cell:
    first, second = dense_of(weights["first"], weights["bias"]), dense_of(weights["second"], weights["offset"])
    return nn.SequentialCell(nn.Flatten(), first, nn.ReLU(), second)


def dense_of(matrix: FloatArray, offset: FloatArray) -> nn.Cell:
    weight = Tensor(np.ascontiguousarray(matrix.T))
    return nn.Dense(*matrix.shape, weight_init=weight, bias_init=Tensor(offset))


def segmenter(weights: dict[str, FloatArray], images: FloatArray) -> FloatArray:
    """Probabilities (N, H, W, 2) of images (N, H, W, 3)."""
    features = np.maximum(images @ weights["point"][0, 0] + weights["bias"], 0)
    around = sliding_window_view(np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), axis=(1, 2))
    exponentials = np.exp(np.einsum("nhwcij,ijck->nhwk", around, weights["kernel"]) + weights["offset"])
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def detector(weights: dict[str, FloatArray], images: FloatArray, unit: float) -> FloatArray:
    """Boxes (N, 3, 5 + 2) of images (N, H, W, 3)."""
    boxes = weights["boxes"] + (images.mean(axis=(1, 2)) @ weights["shift"]).reshape(-1, 3, 4)
    features = np.maximum(images.reshape(len(images), -1) @ weights["first"], 0)
    scores = (1 / (1 + np.exp(-features @ weights["second"]))).reshape(-1, 3, 3)
    return np.concatenate([boxes * unit, scores[..., :1], scores[..., 1:] * unit], axis=-1)


NETWORKS = {
    "image": Convolutional,
    "tabular": perceptron,
    "series": perceptron,
    "segmentation": lambda weights: partial(segmenter, weights),
    "detection": lambda weights: partial(detector, weights, unit=1.0),
    "detection scaled": lambda weights: partial(detector, weights, unit=UNIT),
}


@cache
def network_of(name: str) -> Any:
    start = f"{name}/weights/"
    return NETWORKS[name](
        {key.removeprefix(start): values for key, values in stored().items() if key.startswith(start)}
    )


def lengths_of(written: str) -> int | tuple[int, ...]:
    lengths = tuple(map(int, written.split("x")))
    return lengths if len(lengths) > 1 else lengths[0]


def arguments_of(operator: str, window: str, fill: str) -> dict[str, Any]:
    """What a user of Xplique has to say for Xplique's map."""
    size, stride = map(lengths_of, window.split("+"))
    numbers = {"window": size, "stride": stride, "fill": float(fill)}
    return {**numbers, "score": SCORES[operator], "signed": True, "aggregate": "sum", "edges": "full"}


def assert_agrees(got: FloatArray, wanted: FloatArray, relative: float = RELATIVE) -> None:
    """Map by map: a strong map must not hide a weak one's error."""
    assert got.shape == wanted.shape
    for map_, wanted_map in zip(got, wanted, strict=True):
        assert wanted_map.any()
        np.testing.assert_allclose(map_, wanted_map, rtol=0, atol=relative * np.abs(wanted_map).max())


def all_targets_of(name: str, kind: str) -> list[FloatArray]:
    """The targets as Xplique takes them, and class ids where they are one-hot rows."""
    targets = stored()[f"{name}/targets/{kind}"]
    return [targets, targets.argmax(axis=1)] if kind == "one-hot" else [targets]


def places(name: str, window: str) -> tuple[int, int]:
    """How many places of an input no whole window reaches, and how many there are."""
    shape = stored()[f"{name}/inputs"].shape[1:]
    size = shape if name in DATA_FORMATS else shape[:2]
    written = [np.broadcast_to(lengths_of(one), len(size)) for one in window.split("+")]
    reached = [
        len({start + step for start in range(0, axis - length + 1, stride) for step in range(length)})
        for axis, length, stride in zip(size, *written, strict=True)
    ]
    return prod(size) - prod(reached), prod(size)


def warns_of_gaps(gaps: int, count: int) -> AbstractContextManager[Any]:
    return pytest.warns(UserWarning, match=f": {gaps} of {count} positions are in no window") if gaps else nullcontext()


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Compiling would take longer than all maps of a network."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


MAPS = [key for key in stored() if key.count("/") == 4]


def test_a_map_is_stored_for_every_network_operator_and_kind_of_window():
    assert {key.split("/")[0] for key in MAPS} == set(NETWORKS)
    assert {key.split("/")[1] for key in MAPS} == set(SCORES)
    assert {places(key.split("/")[0], key.split("/")[3])[0] > 0 for key in MAPS} == {True, False}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_are_the_same(name):
    network, inputs = network_of(name), stored()[f"{name}/inputs"]
    outputs = MindSporeClassifier(network).outputs(inputs) if isinstance(network, nn.Cell) else network(inputs)
    assert_agrees(outputs, stored()[f"{name}/outputs"])


@pytest.mark.parametrize("key", MAPS)
def test_occlusion_is_xpliques(key):
    name, operator, kind, window, fill = key.split("/")
    inputs, wanted = stored()[f"{name}/inputs"], stored()[key]
    arguments = arguments_of(operator, window, fill) | {"data_format": DATA_FORMATS.get(name, "NHWC")}
    relative = RELATIVE_WITH_ITS_EPSILON if name == "detection" else RELATIVE
    for batch_size in BATCH_SIZES[MAPS.index(key) % 2 :][:1]:  # the one or the other, in turn
        occlusion = Occlusion(network_of(name), None, batch_size, **arguments)
        for targets in all_targets_of(name, kind):
            with warns_of_gaps(*places(name, window)):
                maps = occlusion.explain(inputs, targets)
            assert_agrees(maps, wanted, relative)
