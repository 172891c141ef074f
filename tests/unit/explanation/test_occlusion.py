"""Occlusion against closed forms for linear networks and a slow loop over windows for others."""

from __future__ import annotations

import tracemalloc
from math import ceil
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import Counting, LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import (
    TARGETS,
    RecordingNetwork,
    Score,
    asked,
    cnn_scores,
    mirrored,
    normal_images,
    of_targets,
    sigmoid,
    softmax,
    whole_numbers,
)

from explainer.explanation import Occlusion

FloatArray = NDArray[Any]
Pair = tuple[int, int]

WEIGHTS = whole_numbers(4, 70, seed=1)
IMAGES = whole_numbers(3, 2, 5, 7, seed=2)
# Whole numbers and halves: the logits are exact in float32, the mean over the windows rounds.
ROUNDING = {"rtol": 1e-6, "atol": 1e-6}
# Differences of float32 probabilities, each off by some 1e-7; or of logits, some 1e-6.
CNN_ROUNDING = {"rtol": 0, "atol": 2e-6}


def both(given: int | Pair) -> Pair:
    return (given, given) if isinstance(given, int) else given


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """Stride by stride until the end is reached, the last step being as short as it must."""
    found = [0]
    while found[-1] + window < length:
        found.append(min(found[-1] + stride, length - window))
    return found


def slow_occlusion(score: Score, image: FloatArray, filled: FloatArray, window: Pair, stride: Pair) -> FloatArray:
    """The mean fall of each score over the windows that cover each pixel, (K, H, W)."""
    height, width = image.shape[1:]
    falls: dict[Pair, list[FloatArray]] = {place: [] for place in np.ndindex(height, width)}
    for top in window_starts(height, window[0], stride[0]):
        for left in window_starts(width, window[1], stride[1]):
            hidden = image.copy()
            inside = [(row, column) for row in range(top, top + window[0]) for column in range(left, left + window[1])]
            for row, column in inside:
                hidden[:, row, column] = filled[:, row, column]
            fall = score(image[None])[0] - score(hidden[None])[0]
            for place in inside:
                falls[place].append(fall)
    means = [np.mean(falls[place], axis=0) for place in np.ndindex(height, width)]
    return np.transpose(means).reshape(-1, height, width)


# Linear networks.

GEOMETRIES: list[tuple[int | Pair, int | Pair]] = [
    (3, 1),
    (1, 1),
    ((2, 3), (1, 2)),
    ((2, 4), (2, 3)),  # the last window of both axes aligned to the end: it overlaps more than the others
    ((4, 5), (3, 5)),
    ((3, 2), (2, 2)),
    ((5, 1), (5, 1)),  # whole columns
    ((5, 7), (1, 1)),  # the whole image
]
FILLS: list[tuple[Any, FloatArray]] = [
    (0.0, np.zeros(IMAGES.shape)),
    (2.5, np.full(IMAGES.shape, 2.5)),
    ([0.5, -1], np.array([0.5, -1]).reshape(1, 2, 1, 1) * np.ones(IMAGES.shape)),
    (mirrored, IMAGES[..., ::-1]),
]


def shared_windows(length: int, window: int, stride: int) -> FloatArray:
    """Of the windows that cover place i, the share that cover place j, too: (length, length)."""
    found = window_starts(length, window, stride)
    covers = np.array([[start <= place < start + window for place in range(length)] for start in found], float)
    return covers.T @ covers / covers.sum(axis=0)[:, None]


def linear_occlusion(filled: FloatArray, window: Pair, stride: Pair) -> FloatArray:
    """A pixel has what each pixel contributes, times the share of windows over it that hide that pixel, too."""
    contributions = (WEIGHTS.reshape(4, 2, 5, 7) * (IMAGES - filled)[:, None]).sum(axis=2)
    rows, columns = (shared_windows(*axis) for axis in zip((5, 7), window, stride, strict=True))
    return of_targets(list(rows @ contributions @ columns.T))


@pytest.mark.parametrize(("fill", "filled"), FILLS, ids=["zero", "number", "per channel", "function"])
@pytest.mark.parametrize(("window", "stride"), GEOMETRIES)
def test_the_map_of_a_linear_network_is_the_mean_contribution_of_the_windows(
    window: int | Pair, stride: int | Pair, fill: Any, filled: FloatArray
) -> None:
    wanted = linear_occlusion(filled, both(window), both(stride))
    options = {"window": window, "stride": stride, "fill": fill, "score": "logit"}
    signed = Occlusion(LinearNetwork(WEIGHTS), None, 200, signed=True, **options)(IMAGES, TARGETS)
    np.testing.assert_allclose(signed, wanted, **ROUNDING)
    absolute = Occlusion(LinearNetwork(WEIGHTS), None, 200, **options)(IMAGES, TARGETS)
    np.testing.assert_array_equal(absolute, np.abs(signed))


def test_windows_of_one_pixel_give_the_contribution_of_each_pixel() -> None:
    maps = Occlusion(LinearNetwork(WEIGHTS), None, window=1, signed=True, score="logit")(IMAGES, TARGETS)
    contributions = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * IMAGES[:, None]).sum(axis=2)
    np.testing.assert_array_equal(maps, contributions)


def test_the_absolute_value_is_taken_of_the_mean_and_not_before() -> None:
    # contributions 3, -3, 1: windows (1, 2) and (2, 3) fall by 0 and -2, the middle is in both
    network, image = LinearNetwork(np.float32([[0, 0, 0], [3, -3, 1]])), np.ones((1, 1, 1, 3), np.float32)
    occlusion = Occlusion(network, None, window=(1, 2), score="logit")
    assert occlusion(image, 1).tolist() == [[[[0, 1, 2]]]]


def test_the_fill_is_no_evidence() -> None:
    images = np.full((3, 2, 5, 7), 2.5, np.float32)
    assert not Occlusion(LinearNetwork(WEIGHTS), None, fill=2.5, score="logit")(images, TARGETS).any()


def test_a_window_of_its_own_moves_by_one_pixel() -> None:
    by_default = Occlusion(LinearNetwork(WEIGHTS), None, window=(2, 3), score="logit")
    wanted = np.abs(linear_occlusion(np.zeros(1), (2, 3), (1, 1)))
    np.testing.assert_allclose(by_default(IMAGES, TARGETS), wanted, **ROUNDING)


# Networks that are not linear.


@pytest.mark.parametrize(
    ("activation", "replica", "score"),
    [
        (nn.Softmax(), softmax, "probability"),
        (nn.Sigmoid(), sigmoid, "probability"),
        (nn.Softmax(), lambda logits: logits, "logit"),
        (None, lambda logits: logits, "logit"),
    ],
    ids=["softmax", "sigmoid", "logit with softmax", "logit"],
)
@pytest.mark.parametrize("fill", [0.0, [1.5, -0.5]])
def test_the_score_s_mean_fall_over_the_windows_on_each_pixel(
    activation: Any, replica: Score, score: str, fill: Any
) -> None:
    network, images = SmallCnn(), normal_images()
    filled = np.broadcast_to(np.reshape(fill, (1, -1, 1, 1)), images.shape)
    scores = cnn_scores(network, replica)
    wanted = of_targets([slow_occlusion(scores, *pair, (2, 3), (2, 2)) for pair in zip(images, filled, strict=True)])
    options = {"window": (2, 3), "stride": 2, "fill": fill, "score": score}
    maps = Occlusion(network, activation, 8, signed=True, **options)(images, TARGETS)
    np.testing.assert_allclose(maps, wanted, **CNN_ROUNDING)
    assert np.abs(wanted).max() > 0.05
    np.testing.assert_allclose(
        Occlusion(network, activation, **options)(images, TARGETS), np.abs(wanted), **CNN_ROUNDING
    )


def test_the_default_is_the_probability_s_absolute_fall_under_zeros() -> None:
    network, images = SmallCnn(), normal_images()
    scores = cnn_scores(network, softmax)
    wanted = of_targets([slow_occlusion(scores, image, 0 * image, (3, 3), (1, 1)) for image in images])
    maps = Occlusion(network, nn.Softmax())(images, TARGETS)
    np.testing.assert_allclose(maps, np.abs(wanted), **CNN_ROUNDING)


# Geometry.


@pytest.mark.parametrize(
    ("size", "window", "stride"),
    [
        ((2, 2), (2, 2), (1, 1)),
        ((1, 5), (1, 3), (1, 1)),
        *(((length, length), (3, 3), (1, 1)) for length in (3, 20, 32, 33, 40, 63)),
        ((64, 64), (2, 2), (2, 2)),
        ((65, 65), (2, 2), (2, 2)),
        ((95, 96), (2, 3), (2, 3)),
        ((224, 224), (7, 7), (7, 7)),
        ((230, 230), (7, 7), (7, 7)),
        ((5, 224), (3, 7), (1, 7)),
        ((224, 63), (7, 3), (7, 1)),
    ],
)
def test_each_axis_has_the_windows_of_its_length(size: Pair, window: Pair, stride: Pair) -> None:
    assert Occlusion(SmallCnn(), nn.Softmax()).geometry(size) == (window, stride)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"window": 5}, ((5, 5), (1, 1))),
        ({"window": (4, 6), "stride": 2}, ((4, 6), (2, 2))),
        ({"window": [4, 6], "stride": [1, 3]}, ((4, 6), (1, 3))),
        ({"stride": 3}, ((7, 3), (3, 3))),
        ({"window": np.int64(5), "stride": np.int32(4)}, ((5, 5), (4, 4))),
    ],
)
def test_windows_and_strides_of_one_s_own_go_before_the_default(options: dict[str, Any], wanted: Any) -> None:
    assert Occlusion(SmallCnn(), nn.Softmax(), **options).geometry((224, 40)) == wanted


@pytest.mark.parametrize("size", [(65, 5), (4, 71)])
def test_no_pixel_is_left_out_whatever_the_size(size: Pair) -> None:
    """Every pixel counts 1, so the map is the number of pixels in a window, 6 everywhere: none is averaged away."""
    network = LinearNetwork(np.ones((2, size[0] * size[1])))
    maps = Occlusion(network, None, 128, score="logit")(np.ones((1, 1, *size), np.float32), 1)
    np.testing.assert_array_equal(maps, np.full((1, 1, *size), 6))


# What the network is asked.


@pytest.fixture
def recording() -> RecordingNetwork:
    return RecordingNetwork(SmallCnn())


@pytest.mark.parametrize("targets", [1, [2, 1, 3], TARGETS, np.tile(np.arange(4), (3, 5))])
def test_all_labels_come_from_the_same_passes(recording: RecordingNetwork, targets: Any) -> None:
    occlusion = Occlusion(recording, nn.Softmax(), 8)
    batches = asked(recording, lambda: occlusion(normal_images(), targets))
    assert sum(len(batch) for batch in batches) == 3 + 3 * 15  # windows: 3 starts of rows times 5 of columns


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_images_share_batches_that_are_full_and_never_too_large(
    recording: RecordingNetwork, count: int, batch_size: int
) -> None:
    occlusion = Occlusion(recording, nn.Softmax(), batch_size)
    batches = asked(recording, lambda: occlusion(normal_images(count), 1))
    whole, perturbed = ceil(count / batch_size), ceil(15 * count / batch_size)
    assert len(batches) == whole + perturbed
    assert max(len(batch) for batch in batches) <= batch_size
    assert [len(batch) for batch in batches[whole:-1]] == [batch_size] * (perturbed - 1)


def test_the_network_is_shown_each_image_and_then_each_with_one_window_filled(recording: RecordingNetwork) -> None:
    images = normal_images()
    occlusion = Occlusion(recording, nn.Softmax(), 8, window=(4, 3), stride=(4, 3), fill=[0.5, -1])
    found = np.concatenate(asked(recording, lambda: occlusion(images, 1)))
    wanted = list(images)
    for image in images:
        for top, left in [(0, 0), (0, 3), (0, 4), (1, 0), (1, 3), (1, 4)]:
            wanted.append(image.copy())
            wanted[-1][0, top : top + 4, left : left + 3] = 0.5
            wanted[-1][1, top : top + 4, left : left + 3] = -1
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 1000])
@pytest.mark.usefixtures("compiled")
def test_maps_do_not_depend_on_how_many_images_share_a_pass(batch_size: int) -> None:
    network, images = SmallCnn(), normal_images()
    alone = Occlusion(network, nn.Softmax())
    one_by_one = [alone(images[place : place + 1], TARGETS[place : place + 1]) for place in range(3)]
    maps = Occlusion(network, nn.Softmax(), batch_size)(images, TARGETS)
    np.testing.assert_allclose(maps, np.concatenate(one_by_one), **CNN_ROUNDING)


@pytest.mark.usefixtures("compiled")
def test_memory_does_not_grow_with_the_number_of_windows() -> None:
    network, image = LinearNetwork(np.ones((2, 48 * 48))), np.ones((1, 1, 48, 48), np.float32)
    occlusion = Occlusion(network, None, 16, score="logit")
    occlusion(image, 1)
    tracemalloc.start()
    occlusion(image, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    mask = image.nbytes
    assert 46 * 46 * mask > 19e6
    # A batch has 16 masks, and as many images, in a few copies, also in float64.
    assert peak < 16 * 20 * mask


# Errors.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "`window` must be at least 1, got 0"),
        ({"window": (3, 0)}, r"`window\[1\]` must be at least 1, got 0"),
        ({"window": (1, 2, 3)}, r"`window` must be one number or \(h, w\), got \(1, 2, 3\)"),
        ({"window": []}, r"`window` must be one number or \(h, w\), got \[\]"),
        ({"stride": -1}, "`stride` must be at least 1, got -1"),
        ({"fill": np.nan}, r"`fill` must lie in \[.*\], got nan"),
        ({"fill": [0, np.inf]}, r"`fill\[1\]` must lie in \[.*\], got inf"),
        ({"fill": []}, "`fill` must be a number or one number per channel"),
        ({"score": "logits"}, "`score` must be one of probability, logit, .*, got 'logits'; did you mean 'logit'"),
        ({"score": "prob"}, "`score` must be one of probability, logit, .*, got 'prob'; did you mean 'probability'"),
        ({"score": None}, "`score` must be one of probability, logit, .*, got None"),
        ({"fill": "blurred"}, "`fill` must be a number, .* or one of mean, .*, got 'blurred'; did you mean 'blur'"),
        ({"fill": "blur:0"}, "`fill` must end in a number > 0, got 'blur:0'"),
        ({"fill": "noise:x"}, "`fill` must end in a whole number >= 0, got 'noise:x'"),
        ({"fill": "mean:3"}, "`fill` must be a number, .*, got 'mean:3'"),
        ({"edges": "wrap"}, "`edges` must be one of cover, full, clip, got 'wrap'"),
        ({"aggregate": "max"}, "`aggregate` must be one of mean, sum, gaussian, grid, nearest, bicubic, got 'max'"),
        ({"data_format": "HWC"}, "`data_format` must have N first, .* got 'HWC'"),
        ({"data_format": "NCCH"}, "`data_format` must have .* C at most once .* got 'NCCH'"),
        ({"data_format": "NC"}, "`data_format` must have .* one letter more for each other axis, .* got 'NC'"),
        ({"segments": np.zeros((5, 7), int), "window": 3}, "`segments` replace windows"),
        ({"perturbation_per_eval": 0}, "`perturbation_per_eval` must be at least 1, got 0"),
        ({"name": " "}, "`name` must not be blank"),
    ],
)
def test_values_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Occlusion(SmallCnn(), nn.Softmax(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": True}, "`window` must be a whole number, got bool True"),
        ({"window": 3.0}, "`window` must be a whole number, got float 3.0"),
        ({"window": "3"}, "`window` must be a whole number, got str '3'"),
        ({"window": (3, 2.5)}, r"`window\[1\]` must be a whole number, got float 2.5"),
        ({"stride": (False, 1)}, r"`stride\[0\]` must be a whole number, got bool False"),
        ({"stride": "1"}, "`stride` must be a whole number, got str '1'"),
        ({"signed": 1}, "`signed` must be True or False, got 1"),
        ({"signed": "yes"}, "`signed` must be True or False, got 'yes'"),
        ({"signed": None}, "`signed` must be True or False, got None"),
        ({"per_channel": 1}, "`per_channel` must be True or False, got 1"),
        ({"segments": [[0.5]]}, "`segments` must be whole numbers or a function, got list float64"),
        ({"labels": "cat"}, "`labels` must be a list of class names, in the order of the network's outputs, got 'cat'"),
        ({"on_progress": 3}, "`on_progress` must be a function, got int"),
        ({"data_format": 4}, "`data_format` must be a string of axes such as 'NCHW', got int"),
        ({"fill": True}, "`fill` must be a number, got bool True"),
        ({"perturbation_per_eval": 2.0}, "`perturbation_per_eval` must be a whole number, got float 2.0"),
        ({"perturbation_per_eval": True}, "`perturbation_per_eval` must be a whole number, got bool True"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Occlusion(SmallCnn(), nn.Softmax(), **options)


def test_a_probability_needs_an_activation() -> None:
    with pytest.raises(TypeError, match=r'`activation_fn` must be a mindspore.nn.Cell, got None; only score="logit"'):
        Occlusion(SmallCnn(), None)


@pytest.mark.parametrize("activation", [softmax, "softmax", nn.Softmax])
def test_an_activation_that_is_no_cell_is_refused(activation: Any) -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore.nn.Cell, got"):
        Occlusion(SmallCnn(), activation)


@pytest.mark.parametrize("window", [(6, 1), (1, 8), 8])
def test_a_window_larger_than_the_image_is_refused_before_the_network_is_asked(window: int | Pair) -> None:
    network = Counting(SmallCnn())
    occlusion = Occlusion(network, nn.Softmax(), window=window)
    height, width = both(window)
    for ask in (lambda: occlusion(normal_images(), 1), lambda: occlusion.check(normal_images(1))):
        with pytest.raises(ValueError, match=f"`window` must fit into the image of 5 x 7, got {height} x {width}"):
            ask()
    assert network.passes == []


def test_a_fill_for_other_channels_is_refused_when_the_image_comes() -> None:
    occlusion = Occlusion(SmallCnn(), nn.Softmax(), fill=[1, 2, 3])
    with pytest.raises(ValueError, match=r"`fill` must have one number or one per channel \(2\), got 3"):
        occlusion(normal_images(), 1)


def test_a_fill_function_that_gives_another_shape_is_refused() -> None:
    occlusion = Occlusion(SmallCnn(), nn.Softmax(), fill=lambda images: images[:1])
    with pytest.raises(ValueError, match=r"`fill` must give images of shape \(3, 2, 5, 7\), gave \(1, 2, 5, 7\)"):
        occlusion(normal_images(), 1)


def test_a_fill_function_that_gives_nan_is_refused_though_a_relu_would_hide_it() -> None:
    occlusion = Occlusion(SmallCnn(), nn.Softmax(), fill=lambda images: images * np.nan)
    with pytest.raises(ValueError, match=r"`fill\(images\)` must be finite, got NaN or infinity in sample 0 of 3"):
        occlusion(normal_images(), 1)


def test_what_was_asked_for_is_recorded() -> None:
    occlusion = Occlusion(SmallCnn(), None, window=(2, 3), fill=mirrored, signed=True, score="logit", name="mine")
    assert occlusion.name == "mine"
    assert occlusion.parameters == {
        "class": "Occlusion",
        "window": [2, 3],
        "stride": None,
        "edges": "cover",
        "segments": None,
        "per_channel": False,
        "aggregate": "mean",
        "data_format": "NCHW",
        "fill": "mirrored",
        "signed": True,
        "score": "logit",
    }
