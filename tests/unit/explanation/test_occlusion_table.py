"""The table "from Xplique, MATLAB, captum and MindSpore to here", row by row, with numbers worked out by hand.

The right column is read from the page and run; the left one is worked out here, window by window, for a network whose
logits are sums of whole numbers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import Any

import mindspore.train.metrics.occlusion_sensitivity as reference
import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.train import OcclusionSensitivity as Reference
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import RecordingNetwork, normal_images, whole_numbers

import explainer
from explainer.explanation import Occlusion

FloatArray = NDArray[Any]
Pair = tuple[int, int]
Rectangle = tuple[slice, slice]
Options = dict[str, Any]

PAGE = Path(__file__).parents[3] / "docs" / "methods" / "occlusion.md"
WEIGHTS = whole_numbers(4, 70, seed=1)
IMAGES = whole_numbers(3, 2, 5, 7, seed=2)
LABELS = np.array([1, 0, 3])
SEGMENTS = np.random.default_rng(3).integers(0, 5, (5, 7))

pytestmark = pytest.mark.filterwarnings("ignore:.* positions are in no window")


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    monkeypatch.setattr(reference, "trange", range)


def squared(model: Any, x: FloatArray, y: FloatArray) -> FloatArray:
    return model(x)[np.arange(len(x)), y] ** 2


def table_rows() -> Iterator[tuple[str, str, str]]:
    """(system, there, here) of every row."""
    page = PAGE.read_text(encoding="utf-8")
    for section in page[page.index("## From Xplique") :].split("\n### ")[1:]:
        system, *lines = section.splitlines()
        cells = [line.strip("|").split(" | ") for line in lines if line.startswith("|")][2:]
        yield from ((system, there.strip(" `"), here.strip(" `")) for there, here in cells)


ROWS = list(table_rows())


def options_of(here: str) -> Options:
    """The keywords of a cell of the right column."""
    options: Options = eval(f"dict({here})", {"f": squared, "m": SEGMENTS})  # our own page
    return options


def base_of(system: str) -> Options:
    """The first row, which has what that system does by default."""
    return options_of(next(here for of, _, here in ROWS if of == system))


# The windows of each system, and what becomes of their falls.


def xplique_rectangles(patch: Pair, stride: Pair, size: Pair = (5, 7)) -> list[Rectangle]:
    corners = [range(0, stride[at] * ceil((size[at] - patch[at] + 1) / stride[at]), stride[at]) for at in (0, 1)]
    return [(slice(top, top + patch[0]), slice(left, left + patch[1])) for top in corners[0] for left in corners[1]]


def matlab_rectangles(mask: Pair, stride: Pair) -> list[Rectangle]:
    def cut(centre: int, length: int) -> slice:
        return slice(max(0, centre - length // 2), centre - length // 2 + length)

    centres = range(0, 5, stride[0]), range(0, 7, stride[1])
    return [(cut(row, mask[0]), cut(column, mask[1])) for row in centres[0] for column in centres[1]]


def captum_rectangles(window: Pair, stride: Pair) -> list[Rectangle]:
    corners = [
        [
            min(place * stride[at], (5, 7)[at] - window[at])
            for place in range(ceil(((5, 7)[at] - window[at]) / stride[at]) + 1)
        ]
        for at in (0, 1)
    ]
    return [(slice(top, top + window[0]), slice(left, left + window[1])) for top in corners[0] for left in corners[1]]


def fall(rectangle: Rectangle, fill: Any = 0.0) -> FloatArray:
    """What each image's label loses, channel by channel: (N, C)."""
    contributions = WEIGHTS[LABELS].reshape(3, 2, 5, 7) * (IMAGES - fill)
    return contributions[(..., *rectangle)].sum(axis=(2, 3))


def summed(rectangles: list[Rectangle], fill: Any = 0.0) -> FloatArray:
    maps = np.zeros((3, 5, 7))
    for one in rectangles:
        maps[(slice(None), *one)] += fall(one, fill).sum(axis=1)[:, None, None]
    return maps


def averaged(rectangles: list[Rectangle], fill: Any = 0.0) -> FloatArray:
    counts = np.zeros((5, 7))
    for one in rectangles:
        counts[one] += 1
    return summed(rectangles, fill) / np.maximum(counts, 1)


def grid_of(rectangles: list[Rectangle], shape: Pair, fill: Any = 0.0) -> FloatArray:
    return np.stack([fall(one, fill).sum(axis=1) for one in rectangles], axis=1).reshape(3, *shape)


def cubic_resized(grid: FloatArray, size: Pair) -> FloatArray:
    """Cubic convolution (Keys, a = -1/2) along each axis, mirrored at the borders, one value after another."""

    def kernel(distance: float) -> float:
        if distance <= 1:
            return 1.5 * distance**3 - 2.5 * distance**2 + 1
        return -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2 if distance < 2 else 0.0

    def along(values: FloatArray, new: int) -> FloatArray:
        old = len(values)
        rows = []
        for place in range(new):
            at = (place + 0.5) * old / new - 0.5
            taps = range(int(np.floor(at)) - 1, int(np.floor(at)) + 3)
            rows.append(sum(kernel(abs(at - tap)) * values[mirrored(tap, old)] for tap in taps))
        return np.array(rows)

    def mirrored(tap: int, old: int) -> int:
        tap %= 2 * old
        return tap if tap < old else 2 * old - 1 - tap

    return np.stack([along(along(one, size[0]).T, size[1]).T for one in grid])


# Each row: what the left side gives, and whether the right side gives the same.


def maps_of(options: Options, images: FloatArray = IMAGES, network: Any = None) -> FloatArray:
    """Our maps of LABELS, (N, ...); channels are put last for a network that wants them there."""
    network = LinearNetwork(WEIGHTS) if network is None else network
    if options.get("data_format") == "NHWC":
        images, network = images.transpose(0, 2, 3, 1), ChannelsLast(network)
    return Occlusion(network, None, **options).explain(images, LABELS)


class ChannelsLast(nn.Cell):
    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.network = network

    def construct(self, inputs: Tensor) -> Tensor:
        return self.network(inputs.transpose(0, 3, 1, 2))


def gives(wanted: Callable[[], FloatArray]) -> Callable[[Options], None]:
    def check(options: Options) -> None:
        np.testing.assert_allclose(maps_of(options), wanted(), rtol=1e-5, atol=1e-3)
        assert np.ptp(wanted()) > 10

    return check


def takes_batches_of(count: int | None, wanted: Callable[[], FloatArray]) -> Callable[[Options], None]:
    def check(options: Options) -> None:
        network = RecordingNetwork(LinearNetwork(WEIGHTS))
        np.testing.assert_allclose(maps_of(options, network=network), wanted(), rtol=1e-5, atol=1e-3)
        batches = [len(batch) for batch in network.shown]
        assert max(batches) <= count if count else len(batches) == 3  # the first look, the images, all windows

    return check


XPLIQUE = xplique_rectangles((3, 3), (3, 3))
MEANS = IMAGES.mean(axis=(2, 3), keepdims=True)
AUTO = matlab_rectangles((1, 1), (1, 1))  # 5 and 7 pixels: a fifth and a tenth are 1
CAPTUM = captum_rectangles((3, 3), (1, 1))


def xplique_regression(options: Options) -> None:
    weights = whole_numbers(3, 4, seed=5)
    contributions = np.einsum("nk,kchw,nchw->nhw", weights, WEIGHTS.reshape(4, 2, 5, 7), IMAGES)
    wanted = np.zeros((3, 5, 7))
    for one in XPLIQUE:
        wanted[(slice(None), *one)] += contributions[(slice(None), *one)].sum(axis=(1, 2))[:, None, None]
    network = ChannelsLast(LinearNetwork(WEIGHTS))
    maps = Occlusion(network, None, **options).explain(IMAGES.transpose(0, 2, 3, 1), weights)
    np.testing.assert_allclose(maps, wanted, rtol=1e-5)


def xplique_segmentation(options: Options) -> None:
    """The network gives each pixel its channels, so a window in the zone takes away what is hidden of it."""
    zone = np.zeros((3, 5, 7, 2))
    zone[:, 1:4, 2:6, 1] = 1
    wanted = np.zeros((3, 5, 7))
    inputs = IMAGES.transpose(0, 2, 3, 1)
    for one in XPLIQUE:
        hidden = (inputs * zone)[(slice(None), *one)].sum(axis=(1, 2, 3)) / 12
        wanted[(slice(None), *one)] += hidden[:, None, None]
    maps = Occlusion(lambda x: x, None, **options).explain(inputs, zone)
    np.testing.assert_allclose(maps, wanted, rtol=1e-5)


def xplique_detection(options: Options) -> None:
    """One box, always in its place, whose objectness is the mean of the image."""

    def detector(inputs: FloatArray) -> FloatArray:
        boxes = np.tile([0.0, 0, 4, 2, 0, 0, 1], (len(inputs), 1, 1))
        boxes[:, 0, 4] = inputs.mean(axis=(1, 2, 3))
        return boxes

    inputs = IMAGES.transpose(0, 2, 3, 1)
    wanted = np.zeros((3, 5, 7))
    for one in XPLIQUE:
        wanted[(slice(None), *one)] += inputs[(slice(None), *one)].sum(axis=(1, 2, 3))[:, None, None] / 70 / 2
    box = np.float32([[0, 0, 4, 4, 1, 0, 1]] * 3)  # twice as high: half of it is shared
    maps = Occlusion(detector, None, **options).explain(inputs, box)
    np.testing.assert_allclose(maps, wanted, rtol=1e-4, atol=1e-5)


def xplique_function(options: Options) -> None:
    logits = (IMAGES.reshape(3, -1) @ WEIGHTS.T)[np.arange(3), LABELS]
    wanted = np.zeros((3, 5, 7))
    for one in XPLIQUE:
        wanted[(slice(None), *one)] += (logits**2 - (logits - fall(one).sum(axis=1)) ** 2)[:, None, None]
    np.testing.assert_allclose(maps_of(options), wanted, rtol=1e-5)


def xplique_tabular(options: Options) -> None:
    inputs, weights = whole_numbers(3, 8, seed=3), whole_numbers(4, 8, seed=4)
    maps = Occlusion(LinearNetwork(weights), None, **options).explain(inputs, LABELS)
    parts = weights[LABELS] * inputs
    wanted = np.zeros((3, 8))
    for start in (0, 3):  # a third window would end beyond
        wanted[:, start : start + 3] = parts[:, start : start + 3].sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(maps, wanted)


def xplique_series(options: Options) -> None:
    inputs, weights = whole_numbers(3, 8, 3, seed=3), whole_numbers(4, 24, seed=4)
    maps = Occlusion(LinearNetwork(weights), None, **options).explain(inputs, LABELS)
    parts = weights[LABELS].reshape(3, 8, 3) * inputs
    wanted = np.zeros((3, 8, 3))
    for start in (0, 3):
        wanted[:, start : start + 3] = parts[:, start : start + 3].sum(axis=(1, 2), keepdims=True)
    np.testing.assert_array_equal(maps, wanted)


def matlab_names(options: Options) -> None:
    named = Occlusion(LinearNetwork(WEIGHTS), None, **options)
    np.testing.assert_allclose(
        named.explain(IMAGES, ["dog", "cat", "hen"]), grid_of(AUTO, (5, 7), MEANS), rtol=1e-5, atol=1e-3
    )


def captum_channels(options: Options) -> None:
    wanted, counts = np.zeros((3, 2, 5, 7)), np.zeros((5, 7))
    for one in CAPTUM:
        wanted[(slice(None), slice(None), *one)] += fall(one)[:, :, None, None]
        counts[one] += 1
    np.testing.assert_allclose(maps_of(options), wanted / counts, rtol=1e-5, atol=1e-3)


def captum_segments(options: Options) -> None:
    contributions = (WEIGHTS[LABELS].reshape(3, 2, 5, 7) * IMAGES).sum(axis=1)
    wanted = np.zeros((3, 5, 7))
    for number in range(5):
        wanted[:, number == SEGMENTS] = contributions[:, number == SEGMENTS].sum(axis=1, keepdims=True)
    taken = {name: value for name, value in options.items() if name not in ("window", "stride")}
    np.testing.assert_array_equal(maps_of(taken), wanted)


def mindspore_explainer(options: Options) -> None:
    """Windows of 3 pixels at every place, the mean of the probability's falls, as an absolute value."""
    network, images = SmallCnn(), normal_images()

    def probabilities(shown: FloatArray) -> FloatArray:
        return nn.Softmax()(network(Tensor(shown))).asnumpy()[np.arange(3), LABELS]

    total, counts = np.zeros((3, 5, 7)), np.zeros((5, 7))
    for one in CAPTUM:
        hidden = images.copy()
        hidden[(..., *one)] = 0
        total[(slice(None), *one)] += (probabilities(images) - probabilities(hidden))[:, None, None]
        counts[one] += 1
    maps = Occlusion(network, nn.Softmax(), **options).explain(images, LABELS)
    np.testing.assert_allclose(maps, np.abs(total / counts), rtol=0, atol=1e-6)


def their_metric(image: FloatArray, label: int, **options: Any) -> FloatArray:
    metric = Reference(**options)
    metric.update(LinearNetwork(WEIGHTS), image, np.array(label))
    return np.asarray(metric.eval())


def mindspore_metric(here: str) -> None:
    metric = eval(here, {"explainer": explainer})
    metric.update(LinearNetwork(WEIGHTS), IMAGES[:1], 1)
    np.testing.assert_array_equal(metric.eval(), their_metric(IMAGES[:1], 1))


def mindspore_margins(options: Options) -> None:
    for place, label in enumerate(LABELS):
        metric = explainer.OcclusionSensitivity(margin=[2, 2, 2])
        metric.update(LinearNetwork(WEIGHTS), IMAGES[place : place + 1], label)
        np.testing.assert_array_equal(maps_of(options)[place], metric.eval()[1])  # there both channels are hidden


CHECKS: dict[str, dict[str, Callable[[Options], None]]] = {
    "Xplique": {
        "Occlusion(model)": gives(lambda: summed(XPLIQUE)),
        "patch_size=(2, 4)": gives(lambda: summed(xplique_rectangles((2, 4), (3, 3)))),
        "patch_stride=(1, 2)": gives(lambda: summed(xplique_rectangles((3, 3), (1, 2)))),
        "occlusion_value=0.5": gives(lambda: summed(XPLIQUE, 0.5)),
        "batch_size=None": takes_batches_of(None, lambda: summed(XPLIQUE)),
        'operator="classification"': gives(lambda: summed(XPLIQUE)),
        'operator="regression"': xplique_regression,
        'operator="semantic segmentation"': xplique_segmentation,
        'operator="object detection"': xplique_detection,
        "operator=f": xplique_function,
        "inputs (N, W)": xplique_tabular,
        "inputs (N, T, W)": xplique_series,
    },
    "MATLAB": {
        "occlusionSensitivity(net, X, channelIdx)": gives(lambda: grid_of(AUTO, (5, 7), MEANS)),
        "MaskSize=[3 2]": gives(lambda: grid_of(matlab_rectangles((3, 2), (1, 1)), (5, 7), MEANS)),
        "Stride=2": gives(lambda: cubic_resized(grid_of(matlab_rectangles((1, 1), (2, 2)), (3, 4), MEANS), (5, 7))),
        "MaskValue=0.5": gives(lambda: grid_of(AUTO, (5, 7), 0.5)),
        "MaskValue=[1 2]": gives(lambda: grid_of(AUTO, (5, 7), np.reshape([1, 2], (1, 2, 1, 1)))),
        'OutputUpsampling="nearest"': gives(lambda: grid_of(AUTO, (5, 7), MEANS)),
        'OutputUpsampling="none"': gives(lambda: grid_of(AUTO, (5, 7), MEANS)),
        'MaskClipping="off"': gives(lambda: grid_of(AUTO, (5, 7), MEANS)),
        "MiniBatchSize=5": takes_batches_of(5, lambda: grid_of(AUTO, (5, 7), MEANS)),
        'ExecutionEnvironment="cpu"': gives(lambda: grid_of(AUTO, (5, 7), MEANS)),
        "occlusionSensitivity(net, X, label)": matlab_names,
    },
    "captum": {
        "Occlusion(f).attribute(x, sliding_window_shapes=(C, 3, 3))": gives(lambda: averaged(CAPTUM)),
        "sliding_window_shapes=(C, 2, 4)": gives(lambda: averaged(captum_rectangles((2, 4), (1, 1)))),
        "strides=(C, 2, 3)": gives(lambda: averaged(captum_rectangles((3, 3), (2, 3)))),
        "sliding_window_shapes=(1, 3, 3)": captum_channels,
        "baselines=0.5": gives(lambda: averaged(CAPTUM, 0.5)),
        "perturbations_per_eval=5": takes_batches_of(5, lambda: averaged(CAPTUM)),
        "FeatureAblation(f).attribute(x, feature_mask=m)": captum_segments,
    },
    "MindSpore": {
        "mindspore.explainer.explanation.Occlusion(network, activation_fn)": mindspore_explainer,
        "OcclusionSensitivity(margin=[C, 2, 2])": mindspore_margins,
    },
}
METRICS = ("mindspore.nn.OcclusionSensitivity()", "mindspore.train.OcclusionSensitivity()")


@pytest.mark.parametrize(("system", "there", "here"), ROWS, ids=[f"{system}: {there}" for system, there, _ in ROWS])
def test_what_stands_on_the_right_gives_the_numbers_of_the_left(system: str, there: str, here: str) -> None:
    if there in METRICS:
        mindspore_metric(here)
        return
    CHECKS[system][there](({} if system == "MindSpore" else base_of(system)) | options_of(here))


# The table's image is so small that all masks of MATLAB's default have one pixel. With larger masks these rows differ.


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ('OutputUpsampling="none"', lambda: grid_of(matlab_rectangles((3, 2), (2, 3)), (3, 3), MEANS)),
        (
            'OutputUpsampling="nearest"',
            lambda: grid_of(matlab_rectangles((3, 2), (2, 3)), (3, 3), MEANS)[:, [0, 0, 1, 2, 2]][
                :, :, [0, 0, 1, 1, 1, 2, 2]
            ],
        ),
        (
            'MaskClipping="off"',
            lambda: cubic_resized(grid_of(xplique_rectangles((3, 2), (2, 3)), (2, 2), MEANS), (5, 7)),
        ),
    ],
)
def test_rows_of_matlab_with_larger_masks(there: str, wanted: Callable[[], FloatArray]) -> None:
    (here,) = [here for _, left, here in ROWS if left == there]
    gives(wanted)(base_of("MATLAB") | {"window": (3, 2), "stride": (2, 3)} | options_of(here))


def test_every_check_has_a_row() -> None:
    found = {(system, there) for system, there, _ in ROWS if there not in METRICS}
    assert found == {(system, there) for system, checks in CHECKS.items() for there in checks}
    assert {there for _, there, _ in ROWS} >= set(METRICS)


def test_the_page_names_every_parameter() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = [name for name in inspect.signature(Occlusion).parameters if name not in ("network", "name")]
    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []
