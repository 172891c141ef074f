"""Occlusion as Xplique (rows X1 to X7) and MATLAB (rows T1 to T10) have it, and what goes beyond both.

Most networks here are linear, so that the fall under a window is what the hidden pixels contribute: the maps are sums
of whole numbers, worked out place by place.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from functools import partial
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.dataset import NumpySlicesDataset
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from PIL import Image
from replicas import TARGETS, RecordingNetwork, asked, normal_images, of_targets, softmax, whole_numbers

from explainer import ImageClassificationRunner, overlay
from explainer.errors import NetworkOutputError
from explainer.explanation import RISE, Occlusion

FloatArray = NDArray[Any]
Rectangle = tuple[slice, ...]

WEIGHTS = whole_numbers(4, 70, seed=1)
IMAGES = whole_numbers(3, 2, 5, 7, seed=2)
LABELS = np.array([1, 0, 3])
ROUNDING = {"rtol": 1e-6, "atol": 1e-5}


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


def linear() -> nn.Cell:
    return LinearNetwork(WEIGHTS)


def contributions(fill: Any = 0.0) -> FloatArray:
    """What each pixel adds to each label's logit beyond the fill: (N, K, C, H, W)."""
    return WEIGHTS.reshape(1, 4, 2, 5, 7) * (IMAGES - fill)[:, None]


def falls_under(rectangles: Iterable[Rectangle], per_pixel: FloatArray) -> list[FloatArray]:
    """The sum over each rectangle of the last axes: one array of the leading axes per rectangle."""
    return [per_pixel[(..., *one)].sum(axis=tuple(range(-len(one), 0))) for one in rectangles]


def summed(rectangles: list[Rectangle], per_pixel: FloatArray) -> FloatArray:
    """The sum over the rectangles on each place of what falls under them."""
    maps = np.zeros(per_pixel.shape)
    for rectangle, fall in zip(rectangles, falls_under(rectangles, per_pixel), strict=True):
        maps[(..., *rectangle)] += fall[(..., *[None] * len(rectangle))]
    return maps


def counted(rectangles: list[Rectangle], size: tuple[int, ...]) -> FloatArray:
    counts = np.zeros(size)
    for rectangle in rectangles:
        counts[rectangle] += 1
    return counts


def xplique_rectangles(size: tuple[int, ...], patch: tuple[int, ...], stride: tuple[int, ...]) -> list[Rectangle]:
    """Whole patches from the first corner on, stride by stride, as long as they fit."""
    axes = [
        [slice(place * step, place * step + long) for place in range(ceil((length - long + 1) / step))]
        for length, long, step in zip(size, patch, stride, strict=True)
    ]
    return [tuple(axis[at] for axis, at in zip(axes, place, strict=True)) for place in np.ndindex(*map(len, axes))]


def xplique(network: Any = None, **options: Any) -> Occlusion:
    """What Xplique computes by default, in our words."""
    defaults = {"window": 3, "stride": 3, "score": "logit", "aggregate": "sum", "edges": "full", "signed": True}
    return Occlusion(linear() if network is None else network, None, **(defaults | options))


gaps = pytest.mark.filterwarnings("ignore:.* positions are in no window")


# X1: the model, and how many perturbed inputs at once.


@gaps
@pytest.mark.parametrize("per_eval", [None, 1, 2, 32])
def test_x1_the_number_of_inputs_at_once_changes_nothing_and_none_takes_all(per_eval: int | None) -> None:
    network = RecordingNetwork(linear())
    maps = xplique(network, perturbation_per_eval=per_eval).explain(IMAGES, LABELS)
    wanted = summed(xplique_rectangles((5, 7), (3, 3), (3, 3)), contributions().sum(axis=2))
    np.testing.assert_array_equal(maps, wanted[np.arange(3), LABELS])
    assert max(map(len, network.shown)) == (6 if per_eval is None else min(per_eval, 6))


@gaps
@pytest.mark.parametrize("wrap", [lambda scores: scores, Tensor, np.float64, lambda scores: scores.tolist()])
def test_x1_the_model_may_be_any_function_of_arrays(wrap: Callable[[FloatArray], Any]) -> None:
    def model(inputs: FloatArray) -> Any:
        return wrap((inputs.reshape(len(inputs), -1) @ WEIGHTS.T).astype(np.float32))

    np.testing.assert_array_equal(xplique(model).explain(IMAGES, LABELS), xplique().explain(IMAGES, LABELS))


def test_x1_a_model_that_is_a_function_may_have_an_activation_that_is_one() -> None:
    images = normal_images()
    cell = SmallCnn()
    of_cell = Occlusion(cell, nn.Softmax(), window=2)(images, TARGETS)

    def model(inputs: FloatArray) -> FloatArray:
        return cell(Tensor(inputs)).asnumpy()

    np.testing.assert_allclose(Occlusion(model, softmax, window=2)(images, TARGETS), of_cell, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (nn.ReLU, TypeError, "`network` must be a mindspore.nn.Cell, got"),
        ("model", TypeError, "`network` must be a mindspore.nn.Cell, got str"),
        (lambda inputs: inputs[:1, :, 0, 0], NetworkOutputError, "`network` must give a row for each of 3 inputs"),
        (lambda inputs: (inputs[:, :, 0, 0], inputs[:, :, 0, 0]), NetworkOutputError, "must give one tensor of logits"),
    ],
)
def test_x1_what_is_no_model_is_refused(model: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        xplique(model, edges="cover").explain(IMAGES, [0, 1, 0])


# X2: patch size and stride.


@gaps
@pytest.mark.parametrize(
    ("patch", "stride"), [(1, 1), (2, 2), (3, 3), (2, 1), (3, 2), ((2, 4), (1, 3)), ((5, 7), (1, 1)), ((1, 2), (3, 3))]
)
def test_x2_whole_patches_are_moved_by_the_stride_as_long_as_they_fit(patch: Any, stride: Any) -> None:
    both = [given if isinstance(given, tuple) else (given, given) for given in (patch, stride)]
    wanted = summed(xplique_rectangles((5, 7), *both), contributions().sum(axis=2))
    maps = xplique(window=patch, stride=stride)(IMAGES, TARGETS)
    np.testing.assert_array_equal(maps, of_targets(list(wanted)))


def test_x2_a_stride_beyond_the_patch_leaves_gaps_which_are_told_and_zero() -> None:
    explainer = xplique(window=1, stride=2)
    with pytest.warns(UserWarning, match=r"Occlusion: 23 of 35 positions are in no window, .* their saliency is 0"):
        maps = explainer.explain(IMAGES, LABELS)
    assert not maps[:, 1::2].any()
    assert not maps[:, :, 1::2].any()
    np.testing.assert_array_equal(maps[:, ::2, ::2], contributions().sum(axis=2)[np.arange(3), LABELS][:, ::2, ::2])
    assert explainer.cost(IMAGES).uncovered == 23


@pytest.mark.parametrize("name", ["window", "stride"])
@pytest.mark.parametrize("given", [(2,), (2, 2, 2), ()])
def test_x2_a_length_per_axis_must_fit_the_axes(name: str, given: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"`{name}` must be one number or \(h, w\), got"):
        xplique(**{name: given})


# X3: operators.


def moved(shape: tuple[int, ...], seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def slow_falls(score: Callable[[FloatArray, int], float], rectangles: list[Rectangle]) -> FloatArray:
    """Of each image, the sum over the windows on each pixel of how far the score falls."""
    maps = np.zeros((3, 5, 7))
    for place, image in enumerate(normal_images()):
        for rectangle in rectangles:
            hidden = image.copy()
            hidden[(slice(None), *rectangle)] = 0
            maps[place][rectangle] += score(image, place) - score(hidden, place)
    return maps


RECTANGLES = xplique_rectangles((5, 7), (2, 3), (2, 2))


@gaps
def test_x3_regression_weights_the_outputs() -> None:
    network, weights = SmallCnn(), moved((3, 4), 5)

    def score(image: FloatArray, place: int) -> float:
        return float((network(Tensor(image[None])).asnumpy()[0] * weights[place]).sum())

    explainer = xplique(network, score="regression", window=(2, 3), stride=2)
    np.testing.assert_allclose(explainer.explain(normal_images(), weights), slow_falls(score, RECTANGLES), atol=1e-5)


@gaps
def test_x3_a_regression_of_whole_numbers_is_the_output_of_that_place() -> None:
    network = SmallCnn()
    by_number = xplique(network, score="regression").explain(normal_images(), LABELS)
    np.testing.assert_allclose(by_number, xplique(network).explain(normal_images(), LABELS), rtol=0, atol=1e-6)


@gaps
def test_x3_segmentation_is_the_mean_over_a_zone() -> None:
    network = nn.Conv2d(2, 4, 3, pad_mode="same", weight_init=Tensor(moved((4, 2, 3, 3), 6)))
    zone = np.zeros((3, 4, 5, 7), np.float32)
    zone[0, 1, 1:3, 2:6], zone[1, 2, 4], zone[2, 0, 0, 0] = 1, 0.5, -1

    def score(image: FloatArray, place: int) -> float:
        weighted = network(Tensor(image[None])).asnumpy()[0] * zone[place]
        return float(weighted.sum() / (zone[place] != 0).sum())

    explainer = xplique(network, score="segmentation", window=(2, 3), stride=2)
    np.testing.assert_allclose(explainer.explain(normal_images(), zone), slow_falls(score, RECTANGLES), atol=1e-5)


@gaps
def test_x3_object_detection_is_how_well_a_box_is_found() -> None:
    def detector(inputs: FloatArray) -> FloatArray:
        """Two boxes, whose width, objectness and class follow the brightness of two corners."""
        near, far = inputs[:, :, :2, :3].mean(axis=(1, 2, 3)), inputs[:, :, 3:, 4:].mean(axis=(1, 2, 3))
        zero, sure = np.zeros_like(near), 1 / (1 + np.exp(-near))
        one = np.stack([zero, zero, 3 + near, zero + 2, sure, sure, 1 - sure], axis=1)
        other = np.stack([zero + 4, zero + 3, 7 + far, zero + 5, 0.5 + zero, zero, zero + 1], axis=1)
        return np.stack([one, other], axis=1).astype(np.float32)

    wanted_box = np.float32([[0, 0, 3, 2, 1, 1, 0], [4, 3, 7, 5, 1, 0, 1], [4, 3, 7, 5, 1, 0, 1]])

    def score(image: FloatArray, place: int) -> float:
        best = 0.0
        for left, top, right, bottom, objectness, *classes in detector(image[None])[0].astype(float).tolist():
            box = wanted_box[place].tolist()
            shared = max(0, min(right, box[2]) - max(left, box[0])) * max(0, min(bottom, box[3]) - max(top, box[1]))
            areas = (right - left) * (bottom - top) + (box[2] - box[0]) * (box[3] - box[1])
            likeness = np.dot(classes, box[5:]) / (np.linalg.norm(classes) * np.linalg.norm(box[5:]))
            best = max(best, shared / (areas - shared) * objectness * likeness)
        return best

    explainer = xplique(detector, score="object detection", window=(2, 3), stride=2)
    maps = explainer.explain(normal_images(), wanted_box)
    np.testing.assert_allclose(maps, slow_falls(score, RECTANGLES), atol=1e-5)
    assert np.abs(maps).max(axis=(1, 2)).min() > 1e-3


@gaps
@pytest.mark.parametrize("as_tensor", [True, False])
def test_x3_an_operator_of_one_s_own_has_the_model_the_inputs_and_their_targets(as_tensor: bool) -> None:
    network, seen = SmallCnn(), []

    def squared_distance(model: Any, x: FloatArray, y: FloatArray) -> Any:
        seen.append(len(x))
        scores = ((model(x) - y) ** 2).sum(axis=1)
        return Tensor(scores) if as_tensor else scores

    targets = moved((3, 4), 7)

    def score(image: FloatArray, place: int) -> float:
        return float(((network(Tensor(image[None])).asnumpy()[0] - targets[place]) ** 2).sum())

    explainer = xplique(network, score=squared_distance, window=(2, 3), stride=2, perturbation_per_eval=4)
    np.testing.assert_allclose(explainer.explain(normal_images(), targets), slow_falls(score, RECTANGLES), atol=1e-4)
    assert explainer.parameters["score"] == "squared_distance"
    assert max(seen) <= 4


@pytest.mark.parametrize(
    ("score", "targets", "message"),
    [
        ("regression", np.ones((3, 5)), r"`targets` must have a weight for each output, \(N, 4\), got \(N, 5\)"),
        ("segmentation", np.ones((3, 4, 5)), r"a weight for each output, \(N, 4\), got \(N, 4, 5\)"),
        ("object detection", np.ones((3, 7)), r"object detection needs outputs \(N, boxes, 5 \+ K\)"),
        ("regression", np.ones((2, 4)), r"`targets` must have a row for each of 3 inputs, got shape \(2, 4\)"),
        ("regression", [0, 1, 4], r"`targets` must lie in \[0, 3\]"),
        (lambda model, x, y: model(x), 1, r"`score` must give one number per input, \(3,\), gave shape \(3, 4\)"),
    ],
)
def test_x3_targets_and_scores_that_do_not_fit_are_refused(score: Any, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xplique(SmallCnn(), score=score, edges="cover").explain(normal_images(), targets)


# X4: inputs.


@gaps
def test_x4_images_with_the_channels_last() -> None:
    class ChannelsLast(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.network = linear()

        def construct(self, inputs: Tensor) -> Tensor:
            return self.network(inputs.transpose(0, 3, 1, 2))

    maps = xplique(ChannelsLast(), data_format="NHWC").explain(IMAGES.transpose(0, 2, 3, 1), LABELS)
    assert maps.shape == (3, 5, 7)
    np.testing.assert_array_equal(maps, xplique().explain(IMAGES, LABELS))


@gaps
@pytest.mark.parametrize(("patch", "stride"), [(1, 1), (2, 2), (3, 1)])
def test_x4_tabular_inputs(patch: int, stride: int) -> None:
    inputs, weights = whole_numbers(3, 7, seed=3), whole_numbers(4, 7, seed=4)
    maps = xplique(LinearNetwork(weights), data_format="NW", window=patch, stride=stride).explain(inputs, LABELS)
    rectangles = xplique_rectangles((7,), (patch,), (stride,))
    np.testing.assert_array_equal(maps, summed(rectangles, weights[LABELS] * inputs))


@gaps
@pytest.mark.parametrize(("patch", "stride"), [(1, 1), (2, 2), ((4, 1), (4, 1)), ((1, 3), 1)])
def test_x4_time_series(patch: Any, stride: Any) -> None:
    inputs, weights = whole_numbers(3, 8, 3, seed=3), whole_numbers(4, 24, seed=4)
    maps = xplique(LinearNetwork(weights), data_format="NTW", window=patch, stride=stride).explain(inputs, LABELS)
    both = [given if isinstance(given, tuple) else (given, given) for given in (patch, stride)]
    rectangles = xplique_rectangles((8, 3), *both)
    np.testing.assert_array_equal(maps, summed(rectangles, weights[LABELS].reshape(3, 8, 3) * inputs))


@gaps
@pytest.mark.parametrize("batch_size", [None, 1, 2, 3])
def test_x4_a_dataset_brings_its_targets(batch_size: int | None) -> None:
    one_hot = np.eye(4, dtype=np.float32)[LABELS]
    dataset = NumpySlicesDataset((IMAGES, one_hot), ["inputs", "targets"], shuffle=False)
    dataset = dataset if batch_size is None else dataset.batch(batch_size)
    np.testing.assert_array_equal(xplique().explain(dataset), xplique().explain(IMAGES, LABELS))
    with pytest.raises(ValueError, match="`targets` must be None where `inputs` is a dataset, which brings its own"):
        xplique().explain(dataset, one_hot)


def test_x4_a_dataset_has_two_columns() -> None:
    with pytest.raises(ValueError, match="a dataset must have two columns, inputs and targets, got 1: inputs"):
        xplique().explain(NumpySlicesDataset((IMAGES,), ["inputs"]))


@gaps
def test_x4_a_tensor_in_gives_a_tensor_out() -> None:
    maps = xplique().explain(Tensor(IMAGES), Tensor(LABELS))
    assert isinstance(maps, Tensor)
    np.testing.assert_array_equal(maps.asnumpy(), xplique().explain(IMAGES, LABELS))


@pytest.mark.parametrize(("shape", "advice"), [((5, 7), ""), ((2, 5, 7), r"; for one image pass inputs\[None\]")])
def test_x4_inputs_of_other_axes_are_refused(shape: tuple[int, ...], advice: str) -> None:
    with pytest.raises(ValueError, match=rf"`inputs` must have axes \(N, C, H, W\), got shape .*{advice}"):
        xplique().explain(np.zeros(shape), 1)


# X5: targets.


@gaps
@pytest.mark.parametrize("kind", [np.float32, np.int64, bool, Tensor, list])
def test_x5_one_hot_rows_and_class_ids_are_the_same(kind: Any) -> None:
    one_hot = np.eye(4)[LABELS]
    given = Tensor(one_hot) if kind is Tensor else one_hot.tolist() if kind is list else one_hot.astype(kind)
    np.testing.assert_array_equal(xplique().explain(IMAGES, given), xplique().explain(IMAGES, LABELS))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (None, r"`targets` must be given: class ids \(N,\) or one-hot rows \(N, K\)"),
        (np.ones((3, 4)), "`targets` .* must be one-hot rows, a single 1 in each"),
        (np.zeros((3, 4)), "`targets` .* must be one-hot rows, a single 1 in each"),
        (np.eye(4)[:2], r"`targets` must .* `inputs` holds 3 samples, got shape \(2,\)"),
        (np.eye(6)[[5, 0, 1]], r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 5"),
        ([0, 4, 1], r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 4"),
    ],
)
def test_x5_targets_that_do_not_fit_are_refused(targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xplique().explain(IMAGES, targets)


# X6: the score.


@gaps
def test_x6_logit_and_probability_are_two_scores_and_the_choice_is_recorded() -> None:
    network = SmallCnn()
    for name, activation in (("logit", lambda logits: logits), ("probability", softmax)):

        def score(image: FloatArray, place: int, activation: Any = activation) -> float:
            return float(activation(network(Tensor(image[None])).asnumpy())[0, LABELS[place]])

        options = {"window": (2, 3), "stride": 2, "edges": "full", "aggregate": "sum", "signed": True}
        explainer = Occlusion(network, nn.Softmax(), score=name, **options)
        maps = explainer.explain(normal_images(), LABELS)
        np.testing.assert_allclose(maps, slow_falls(score, RECTANGLES), rtol=0, atol=1e-5)
        assert json.loads(json.dumps(explainer.parameters))["score"] == name


# X7: overlapping windows.


@pytest.mark.parametrize(("window", "stride"), [((3, 2), (1, 1)), ((2, 4), (2, 3)), ((5, 7), (1, 1))])
def test_x7_overlapping_windows_are_added_or_averaged(window: Any, stride: Any) -> None:
    rectangles = captum_rectangles((5, 7), window, stride)
    total = summed(rectangles, contributions().sum(axis=2))
    options = {"window": window, "stride": stride, "edges": "cover"}
    np.testing.assert_array_equal(xplique(**options)(IMAGES, TARGETS), of_targets(list(total)))
    mean = xplique(**options, aggregate="mean")(IMAGES, TARGETS)
    np.testing.assert_allclose(mean, of_targets(list(total / counted(rectangles, (5, 7)))), **ROUNDING)


def captum_rectangles(size: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, ...]) -> list[Rectangle]:
    """Stride by stride until the end is reached, the last window moved back to be whole."""
    axes = []
    for length, long, step in zip(size, window, stride, strict=True):
        starts = [min(step * place, length - long) for place in range(ceil((length - long) / step) + 1)]
        axes.append([slice(start, start + long) for start in starts])
    return [tuple(axis[at] for axis, at in zip(axes, place, strict=True)) for place in np.ndindex(*map(len, axes))]


# T1: total activation.


def matlab(network: Any, **options: Any) -> Occlusion:
    """What MATLAB computes by default, in our words."""
    defaults = {"window": "auto", "edges": "clip", "fill": "mean", "aggregate": "bicubic", "score": "logit"}
    return Occlusion(network, None, signed=True, **(defaults | options))


def matlab_rectangles(size: tuple[int, ...], mask: tuple[int, ...], stride: tuple[int, ...]) -> list[Rectangle]:
    """Masks centred at the first place and then at every stride, cut off at the border."""
    axes = []
    for length, long, step in zip(size, mask, stride, strict=True):
        starts = [centre - long // 2 for centre in range(0, length, step)]
        axes.append([slice(max(0, start), min(length, start + long)) for start in starts])
    return [tuple(axis[at] for axis, at in zip(axes, place, strict=True)) for place in np.ndindex(*map(len, axes))]


def test_t1_a_network_of_maps_is_explained_by_its_total_activation() -> None:
    """A convolution is linear: a pixel counts the sum of the kernel's weights that reach it."""
    kernel = whole_numbers(4, 2, 3, 3, seed=5)
    network = nn.Conv2d(2, 4, 3, pad_mode="same", has_bias=False, weight_init=Tensor(kernel))
    total = np.zeros((4, 2, 5, 7))
    for row, column, down, right in np.ndindex(5, 7, 3, 3):  # the output place (row, column) sees this input
        if 0 <= row + down - 1 < 5 and 0 <= column + right - 1 < 7:
            total[:, :, row + down - 1, column + right - 1] += kernel[:, :, down, right]
    per_pixel = (total[None] * IMAGES[:, None]).sum(axis=2)
    rectangles = matlab_rectangles((5, 7), (3, 2), (2, 2))
    falls = np.stack(falls_under(rectangles, per_pixel), axis=-1).reshape(3, 4, 3, 4)
    maps = matlab(network, window=(3, 2), stride=2, fill=0, aggregate="grid")(IMAGES, TARGETS)
    np.testing.assert_array_equal(maps, of_targets(list(falls)))


# T2: several channels in one pass.


def test_t2_a_vector_of_channels_has_a_map_each_from_the_same_passes() -> None:
    shown = []
    for targets in (3, [[3, 0, 1]] * 3):
        network = RecordingNetwork(SmallCnn())
        explainer = matlab(network)
        shown.append(np.concatenate(asked(network, partial(explainer, normal_images(), targets))))
    np.testing.assert_array_equal(*shown)
    maps = explainer(normal_images(), [[3, 0, 1]] * 3)
    for place, channel in enumerate([3, 0, 1]):
        np.testing.assert_array_equal(maps[:, place], explainer(normal_images(), channel)[:, 0])


# T3: mask size and stride.


@pytest.mark.parametrize(
    ("size", "mask", "stride"),
    [
        ((224, 224), (45, 45), (22, 22)),
        ((227, 299), (45, 60), (23, 30)),
        ((10, 15), (2, 3), (1, 2)),
        ((5, 7), (1, 1), (1, 1)),
        ((1, 2), (1, 1), (1, 1)),
        ((25, 13), (5, 3), (3, 1)),
    ],
)
def test_t3_auto_is_a_fifth_and_a_tenth_of_each_side_rounded_and_at_least_one(
    size: Any, mask: Any, stride: Any
) -> None:
    assert mask == tuple(max(1, floor(length / 5 + 0.5)) for length in size)
    assert stride == tuple(max(1, floor(length / 10 + 0.5)) for length in size)
    assert matlab(linear()).geometry(size) == (mask, stride)
    assert matlab(linear(), window=(4, 2)).geometry(size)[0] == (4, 2)
    assert matlab(linear(), window=3, stride="auto").geometry(size) == ((3, 3), stride)
    assert matlab(linear(), stride=(2, 1)).geometry(size) == (mask, (2, 1))


# T4: mask value.


@pytest.mark.parametrize(
    ("fill", "filled"),
    [
        ("mean", IMAGES.mean(axis=(2, 3), keepdims=True)),
        (1.5, 1.5),
        ([0.5, -2.0], np.reshape([0.5, -2.0], (1, 2, 1, 1))),
    ],
)
def test_t4_the_mask_has_the_mean_of_each_channel_or_a_number_or_one_per_channel(fill: Any, filled: Any) -> None:
    rectangles = matlab_rectangles((5, 7), (3, 2), (2, 2))
    falls = np.stack(falls_under(rectangles, contributions(filled).sum(axis=2)), axis=-1).reshape(3, 4, 3, 4)
    maps = matlab(linear(), window=(3, 2), stride=2, fill=fill, aggregate="grid")(IMAGES, TARGETS)
    np.testing.assert_allclose(maps, of_targets(list(falls)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("fill", [[1, 2, 3], [1.0]])
def test_t4_numbers_for_other_channels_are_refused(fill: list[float]) -> None:
    if len(fill) == 1:  # one number is one for all channels
        np.testing.assert_array_equal(matlab(linear(), fill=fill)(IMAGES, 1), matlab(linear(), fill=1.0)(IMAGES, 1))
    else:
        with pytest.raises(ValueError, match=r"`fill` must have one number or one per channel \(2\), got 3"):
            matlab(linear(), fill=fill)(IMAGES, 1)


# T5: upsampling.


def test_t5_none_gives_the_coarse_grid_and_nearest_repeats_it() -> None:
    options = {"window": 3, "stride": (2, 3), "fill": 0}
    grid = matlab(linear(), **options, aggregate="grid")(IMAGES, TARGETS)
    falls = falls_under(matlab_rectangles((5, 7), (3, 3), (2, 3)), contributions().sum(axis=2))
    np.testing.assert_array_equal(grid, of_targets(list(np.stack(falls, axis=-1).reshape(3, 4, 3, 3))))
    nearest = matlab(linear(), **options, aggregate="nearest")(IMAGES, TARGETS)
    rows, columns = [0, 0, 1, 2, 2], [0, 0, 1, 1, 1, 2, 2]  # of three: floor((i + 1/2) * 3 / 5) and / 7
    np.testing.assert_array_equal(nearest, grid[..., rows, :][..., columns])


@gaps
def test_t5_bicubic_is_that_of_a_known_library_away_from_the_border() -> None:
    network, images = LinearNetwork(whole_numbers(2, 2 * 40 * 30, seed=8)), whole_numbers(1, 2, 40, 30, seed=9)
    options = {"window": 5, "stride": (4, 3), "fill": 0}
    grid = matlab(network, **options, aggregate="grid")(images, 1)[0, 0]
    assert grid.shape == (10, 10)
    bicubic = matlab(network, **options, aggregate="bicubic")(images, 1)[0, 0]
    pillow = np.asarray(Image.fromarray(grid).resize((30, 40), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(bicubic[8:-8, 6:-6], pillow[8:-8, 6:-6], rtol=1e-5, atol=1e-2)
    assert np.ptp(bicubic) > 100


@pytest.mark.parametrize("aggregate", ["nearest", "bicubic"])
@pytest.mark.parametrize("edges", ["clip", "full", "cover"])
@pytest.mark.filterwarnings("ignore:.* positions are in no window")
def test_t5_maps_have_exactly_the_size_of_the_input(aggregate: str, edges: str) -> None:
    for stride in (1, 2, 3, 5):
        maps = matlab(linear(), window=3, stride=stride, edges=edges, aggregate=aggregate)(IMAGES, TARGETS)
        assert maps.shape == (3, 2, 5, 7)
        assert maps.any()


# T6: mask clipping.


@gaps
@pytest.mark.parametrize("size", [(5, 7), (10, 11), (12, 9)])
@pytest.mark.parametrize("mask", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_t6_masks_are_cut_off_at_the_border_or_left_out(size: tuple[int, int], mask: int, stride: int) -> None:
    weights, images = whole_numbers(2, size[0] * size[1], seed=3), whole_numbers(1, 1, *size, seed=4)
    per_pixel = (weights[1].reshape(size) * images[0, 0])[None]
    options = {"window": mask, "stride": stride, "fill": 0, "aggregate": "grid"}
    on = matlab(LinearNetwork(weights), **options)(images, 1)[0, 0]
    assert on.shape == (ceil(size[0] / stride), ceil(size[1] / stride))
    falls = falls_under(matlab_rectangles(size, (mask, mask), (stride, stride)), per_pixel)
    np.testing.assert_array_equal(on.ravel(), np.ravel(falls))
    off = matlab(LinearNetwork(weights), **options, edges="full")(images, 1)[0, 0]
    assert off.shape == tuple(floor((length - mask) / stride) + 1 for length in size)
    falls = falls_under(xplique_rectangles(size, (mask, mask), (stride, stride)), per_pixel)
    np.testing.assert_array_equal(off.ravel(), np.ravel(falls))


# T7: mini-batches and devices.


@pytest.mark.parametrize("per_eval", [7, 32, None])
def test_t7_the_size_of_a_mini_batch_changes_nothing(per_eval: int | None) -> None:
    images, network = normal_images(), SmallCnn()
    wanted = matlab(network, perturbation_per_eval=1, window=3, stride=2)(images, TARGETS)
    found = matlab(network, perturbation_per_eval=per_eval, window=3, stride=2)(images, TARGETS)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("device", ["GPU", "gpu", "Ascend"])
def test_t7_a_device_that_is_not_there_is_an_error_before_any_work(device: str) -> None:
    with pytest.raises(RuntimeError, match=rf"`device` {device} is not in use: MindSpore runs on CPU here"):
        matlab(linear(), device=device)


@pytest.mark.parametrize("device", ["auto", "CPU", "cpu"])
def test_t7_the_device_in_use_is_taken(device: str) -> None:
    np.testing.assert_array_equal(matlab(linear(), device=device)(IMAGES, 1), matlab(linear())(IMAGES, 1))


@pytest.mark.parametrize("device", ["multi-gpu", 3])
def test_t7_what_is_no_device_is_refused(device: Any) -> None:
    with pytest.raises((RuntimeError, TypeError), match="`device`"):
        matlab(linear(), device=device)


# T8: types and sizes.


@pytest.mark.parametrize("dtype", [*"fdebhiqBHIQ"])
def test_t8_inputs_of_all_types_of_numbers_give_the_same_map(dtype: str) -> None:
    images = np.abs(IMAGES)
    given = images.astype(dtype)
    np.testing.assert_array_equal(given.astype(np.float32), images)
    np.testing.assert_array_equal(matlab(linear())(given, TARGETS), matlab(linear())(images, TARGETS))


def test_t8_an_image_of_another_size_than_the_network_s_is_told() -> None:
    with pytest.raises(ValueError, match=r"`network` \(LinearNetwork\) .* input of shape \(1, 2, 6, 7\).* made for"):
        matlab(linear())(np.zeros((1, 2, 6, 7)), 1)


def test_t8_an_error_of_the_network_s_own_is_passed_on() -> None:
    def broken(inputs: FloatArray) -> FloatArray:
        raise ValueError("my own trouble")

    with pytest.raises(ValueError, match=r"^my own trouble$"):
        matlab(broken)(IMAGES, 1)


# T9: the figure.


def test_t9_the_figure_of_the_example_is_half_the_image_and_half_the_map_in_jet() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    weights = np.zeros((2, 105), np.float32)
    weights[1, :21] = 1  # the first three rows of the first channel
    network = LinearNetwork(weights)
    scores = matlab(network, window=1, fill=0, aggregate="nearest")(image.transpose(2, 0, 1)[None], 1)[0, 0]
    figure = overlay(image, scores, alpha=0.5, palette="jet")
    assert figure.shape == (5, 7, 3)
    place = np.unravel_index(scores.argmax(), scores.shape)
    np.testing.assert_array_equal(figure[place], np.rint((image[place] + np.array([127.0, 0, 0])) / 2))


# T10: class names.


def test_t10_a_target_may_be_the_name_of_a_class() -> None:
    explainer = matlab(linear(), labels=["cat", "dog", "cow", "hen"])
    np.testing.assert_array_equal(explainer(IMAGES, "hen"), explainer(IMAGES, 3))
    np.testing.assert_array_equal(explainer(IMAGES, ["dog", "cat", "hen"]), explainer(IMAGES, [1, 0, 3]))
    np.testing.assert_array_equal(
        explainer.explain(IMAGES, ["dog", "cat", "hen"]), explainer.explain(IMAGES, [1, 0, 3])
    )
    with pytest.raises(ValueError, match="`targets` must be among the 4 class names, got 'cod'; did you mean 'cow'"):
        explainer(IMAGES, "cod")
    with pytest.raises(TypeError, match=r"`targets` must be whole numbers .* names need `labels`"):
        matlab(linear())(IMAGES, "hen")


# Beyond: fills.


def hidden_with(fill: Any, image: FloatArray) -> FloatArray:
    """What a network sees of one image (C, H, W) when the window [1, 3) x [2, 6) is hidden."""
    network = RecordingNetwork(linear())
    segments = np.zeros((5, 7), int)
    segments[1:3, 2:6] = 1
    Occlusion(network, None, segments=segments, fill=fill, score="logit")(image[None], 1)
    return np.concatenate(network.shown)[-1]


@pytest.mark.parametrize("fill", ["mean", "local_mean", "blur", "blur:2.5", "noise", "noise:4", "inpaint"])
def test_every_fill_by_name_changes_the_window_alone(fill: str) -> None:
    image = normal_images()[0]
    shown = hidden_with(fill, image)
    outside = np.ones((5, 7), bool)
    outside[1:3, 2:6] = False
    np.testing.assert_array_equal(shown[:, outside], image[:, outside])
    assert (shown[:, ~outside] != image[:, ~outside]).all()
    assert np.abs(shown).max() < 5


def test_the_mean_of_the_window_and_the_mean_of_the_image() -> None:
    image = normal_images()[0]
    inside = np.s_[:, 1:3, 2:6]
    local, whole = image[inside].mean(axis=(1, 2)), image.mean(axis=(1, 2))
    np.testing.assert_allclose(
        hidden_with("local_mean", image)[inside], local[:, None, None] * np.ones((2, 2, 4)), rtol=1e-5
    )
    np.testing.assert_allclose(hidden_with("mean", image)[inside], whole[:, None, None] * np.ones((2, 2, 4)), rtol=1e-5)


def test_what_lies_on_a_plane_is_drawn_from_its_neighbours_and_does_not_fall() -> None:
    rows, columns = np.mgrid[:5, :7]
    image = np.stack([2 * rows + columns, 3.0 * columns - rows]).astype(np.float32)
    np.testing.assert_allclose(hidden_with("inpaint", image), image, rtol=1e-5, atol=1e-5)


def test_a_function_of_images_and_masks_may_fill() -> None:
    def negative(images: FloatArray, shown: FloatArray) -> FloatArray:
        assert images.shape == shown.shape
        return -images

    image = normal_images()[0]
    shown = hidden_with(negative, image)
    np.testing.assert_array_equal(shown[:, 1:3, 2:6], -image[:, 1:3, 2:6])
    np.testing.assert_array_equal(shown[:, 0], image[:, 0])


@pytest.mark.parametrize("fill", ["noise:3", "local_mean", "blur", "inpaint"])
@pytest.mark.parametrize("batch_size", [4, 100])
def test_maps_under_a_fill_depend_neither_on_the_batch_nor_on_the_order(fill: str, batch_size: int) -> None:
    network, images = SmallCnn(), normal_images()
    wanted = Occlusion(network, nn.Softmax(), window=2, stride=2, fill=fill, signed=True)(images, TARGETS)
    one = Occlusion(network, nn.Softmax(), batch_size, window=2, stride=2, fill=fill, signed=True)
    np.testing.assert_allclose(one(images[::-1], TARGETS[::-1])[::-1], wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(one(images[1:2], TARGETS[1:2]), wanted[1:2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("fill", ["mean", "local_mean", "blur", "noise", "inpaint"])
def test_other_perturbation_methods_take_the_fills_too(fill: str) -> None:
    maps = RISE(SmallCnn(), nn.Softmax(), masks=8, grid=3, fill=fill)(normal_images(), 1)
    assert np.isfinite(maps).all()
    assert maps.any()


# Beyond: segments.


def numbered() -> NDArray[np.int64]:
    """Five regions of (5, 7) of any shape, two of them in two pieces."""
    return np.random.default_rng(3).integers(0, 5, (5, 7)) * 10


def test_segments_are_hidden_in_place_of_windows() -> None:
    per_pixel = contributions().sum(axis=2)
    wanted = np.zeros(per_pixel.shape)
    for number in np.unique(numbered()):
        inside = numbered() == number
        wanted[..., inside] = per_pixel[..., inside].sum(axis=-1, keepdims=True)
    options = {"segments": numbered(), "score": "logit", "signed": True}
    explainer = Occlusion(linear(), None, **options)
    np.testing.assert_array_equal(explainer(IMAGES, TARGETS), of_targets(list(wanted)))
    assert explainer.cost(IMAGES) == (5, 2, 0)
    own = np.stack([numbered(), numbered()[::-1], numbered()[:, ::-1]])
    of_each = Occlusion(linear(), None, **(options | {"segments": own}))(IMAGES, TARGETS)
    np.testing.assert_array_equal(of_each[0], explainer(IMAGES, TARGETS)[0])
    upside_down = Occlusion(linear(), None, **(options | {"segments": numbered()[::-1]}))(IMAGES, TARGETS)
    np.testing.assert_array_equal(of_each[1], upside_down[1])


def test_segments_may_be_a_function_of_the_image() -> None:
    def bright(image: FloatArray) -> NDArray[np.bool_]:
        return image.sum(axis=0) > 0

    explainer = Occlusion(linear(), None, segments=bright, score="logit", signed=True)
    per_pixel = contributions().sum(axis=2)[np.arange(3), LABELS]
    for place, (image, each) in enumerate(zip(IMAGES, per_pixel, strict=True)):
        wanted = np.where(bright(image), each[bright(image)].sum(), each[~bright(image)].sum())
        np.testing.assert_array_equal(explainer.explain(IMAGES, LABELS)[place], wanted)
    assert explainer.parameters["segments"] == "bright"


@pytest.mark.parametrize(
    "segments", [np.zeros((7, 5), int), np.zeros((2, 5, 7), int), lambda image: np.zeros((2, 2), int)]
)
def test_segments_of_another_size_are_refused(segments: Any) -> None:
    with pytest.raises(ValueError, match="`segments` must"):
        Occlusion(linear(), None, segments=segments, score="logit")(IMAGES, 1)


# Beyond: channels.


def test_maps_per_channel_hide_one_channel_at_a_time() -> None:
    rectangles = captum_rectangles((5, 7), (2, 3), (1, 2))
    wanted = summed(rectangles, contributions()) / counted(rectangles, (5, 7))
    options = {"window": (2, 3), "stride": (1, 2), "per_channel": True, "score": "logit", "signed": True}
    maps = Occlusion(linear(), None, **options)(IMAGES, TARGETS)
    assert maps.shape == (3, 2, 2, 5, 7)
    np.testing.assert_allclose(maps, of_targets(list(wanted)), **ROUNDING)
    together = Occlusion(linear(), None, **(options | {"per_channel": False}))(IMAGES, TARGETS)
    np.testing.assert_allclose(maps.sum(axis=2), together, rtol=1e-5, atol=1e-4)


def test_segments_per_channel() -> None:
    wanted = np.zeros((3, 4, 2, 5, 7))
    for number in np.unique(numbered()):
        inside = numbered() == number
        wanted[..., inside] = contributions()[..., inside].sum(axis=-1, keepdims=True)
    maps = Occlusion(linear(), None, segments=numbered(), per_channel=True, score="logit", signed=True)(IMAGES, TARGETS)
    np.testing.assert_array_equal(maps, of_targets(list(wanted)))


# Beyond: volumes.


@pytest.mark.parametrize("data_format", ["NCDHW", "NDHWC"])
def test_volumes(data_format: str) -> None:
    weights, images = whole_numbers(4, 2 * 60, seed=3), whole_numbers(3, 2, 3, 4, 5, seed=4)
    network: Any = LinearNetwork(weights)
    given = images
    if data_format == "NDHWC":
        given = np.moveaxis(images, 1, -1)

        def network(inputs: FloatArray) -> FloatArray:
            return np.moveaxis(inputs, -1, 1).reshape(len(inputs), -1) @ weights.T

    per_pixel = (weights.reshape(4, 2, 3, 4, 5) * images[:, None]).sum(axis=2)
    rectangles = captum_rectangles((3, 4, 5), (2, 2, 3), (1, 2, 2))
    wanted = summed(rectangles, per_pixel) / counted(rectangles, (3, 4, 5))
    options = {"window": (2, 2, 3), "stride": (1, 2, 2), "data_format": data_format}
    maps = Occlusion(network, None, score="logit", signed=True, **options)(given, TARGETS)
    np.testing.assert_allclose(maps, of_targets(list(wanted)), **ROUNDING)


@pytest.mark.parametrize("aggregate", ["grid", "nearest", "bicubic", "gaussian", "sum"])
def test_volumes_have_every_aggregate(aggregate: str) -> None:
    weights, images = whole_numbers(4, 60, seed=3), whole_numbers(3, 1, 3, 4, 5, seed=4)
    options = {"window": "auto", "edges": "clip", "data_format": "NCDHW", "aggregate": aggregate}
    maps = Occlusion(LinearNetwork(weights), None, score="logit", signed=True, **options)(images, TARGETS)
    np.testing.assert_allclose(maps, of_targets(list(weights.reshape(4, 3, 4, 5) * images)), **ROUNDING)  # mask 1


# Beyond: weights within a window.


@pytest.mark.parametrize("edges", ["cover", "full", "clip"])
@pytest.mark.filterwarnings("ignore:.* positions are in no window")
def test_a_gaussian_bell_weights_the_middle_of_each_window(edges: str) -> None:
    window, stride = (3, 4), (2, 3)
    of_edges = {"cover": captum_rectangles, "full": xplique_rectangles, "clip": matlab_rectangles}
    rectangles = of_edges[edges]((5, 7), window, stride)
    total, weights = np.zeros((3, 4, 5, 7)), np.zeros((5, 7))
    starts = {"clip": [(row - 1, column - 2) for row in range(0, 5, 2) for column in range(0, 7, 3)]}
    for at, rectangle in enumerate(rectangles):
        top, left = starts[edges][at] if edges == "clip" else (rectangle[0].start, rectangle[1].start)
        bell = np.zeros((5, 7))
        for row in range(rectangle[0].start, rectangle[0].stop):
            for column in range(rectangle[1].start, rectangle[1].stop):
                down, right = (row - top - 1) / 0.75, (column - left - 1.5) / 1.0  # from the centre, in deviations
                bell[row, column] = np.exp(-(down**2 + right**2) / 2)
        (fall,) = falls_under([rectangle], contributions().sum(axis=2))
        total += fall[..., None, None] * bell
        weights += bell
    wanted = total / np.where(weights == 0, 1, weights)
    options = {"window": window, "stride": stride, "edges": edges, "aggregate": "gaussian"}
    maps = Occlusion(linear(), None, score="logit", signed=True, **options)(IMAGES, TARGETS)
    np.testing.assert_allclose(maps, of_targets(list(wanted)), rtol=1e-5, atol=1e-4)


# Beyond: what it will cost is told.


@pytest.mark.parametrize(
    ("options", "cost"),
    [
        ({}, (15, 3, 0)),  # 3 x 5 windows of 3 images: 45 and 3 in batches of 32
        ({"perturbation_per_eval": 10}, (15, 6, 0)),
        ({"perturbation_per_eval": None}, (15, 2, 0)),
        ({"window": 3, "stride": 3, "edges": "full"}, (2, 2, 17)),
        ({"window": 2, "stride": 3}, (6, 2, 11)),
        ({"window": 3, "stride": 1, "per_channel": True}, (30, 4, 0)),
        ({"window": 3, "stride": 2, "edges": "clip"}, (12, 3, 0)),
    ],
)
def test_the_number_of_windows_and_passes_is_known_before(options: dict[str, Any], cost: tuple[int, int, int]) -> None:
    network = RecordingNetwork(linear())
    explainer = Occlusion(network, None, score="logit", **options)
    assert explainer.cost(IMAGES) == cost
    assert not network.shown
    if not cost[2]:
        explainer(IMAGES, 1)
        assert len(network.shown) == 1 + cost[1]  # the first look at the output


def test_progress_is_told_to_a_function_of_one_s_own() -> None:
    told: list[tuple[int, int]] = []
    occlusion = Occlusion(linear(), None, 20, score="logit", on_progress=lambda *numbers: told.append(numbers))
    occlusion(IMAGES, 1)
    assert told == [(20, 45), (40, 45), (45, 45)]


def test_a_short_run_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Occlusion(linear(), None, 4, score="logit")(IMAGES, 1)
    assert not caplog.records


# In a run.


@pytest.mark.parametrize(
    "options",
    [
        {"data_format": "NHWC"},
        {"per_channel": True},
        {"aggregate": "grid"},
        {"score": "segmentation"},
        {"score": lambda model, x, y: model(x)[:, 0]},
    ],
)
def test_a_run_takes_pictures_only_and_says_so_at_registration(options: dict[str, Any], tmp_path: Any) -> None:
    network = SmallCnn()
    data = (NumpySlicesDataset((normal_images(),), ["image"]).batch(2), ["a", "b", "c", "d"])
    runner = ImageClassificationRunner(str(tmp_path), data, network, nn.Softmax())
    with pytest.raises(ValueError, match=r"`explainers\[0\]` \(Occlusion\) must give one picture per label"):
        runner.register_saliency([Occlusion(network, nn.Softmax(), **options)])
