"""Faithfulness against sums by hand, a slow loop over steps, and maps that are the best or the worst there can be."""

from __future__ import annotations

import json
from itertools import permutations
from math import ceil, isqrt
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
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
)
from scipy.ndimage import gaussian_filter

from explainer.benchmark import Case, Faithfulness
from explainer.explanation import Gradient, Occlusion
from explainer.passes import Passes

FloatArray = NDArray[Any]

METRICS = ["NaiveFaithfulness", "DeletionAUC", "InsertionAUC"]
AREAS = METRICS[1:]
IMAGES = normal_images()
MAPS = np.random.default_rng(4).standard_normal((3, 2, 5, 7)).astype(np.float32)
# Means of float32 probabilities, each off by some 1e-7.
ROUNDING = {"rtol": 0, "atol": 1e-6}
# A correlation of a few falls of some 1e-2 that are off by 1e-7; measured: 5e-6.
CORRELATION_ROUNDING = {"rtol": 0, "atol": 3e-5}


def rounding_of(metric: str) -> dict[str, float]:
    return CORRELATION_ROUNDING if metric == METRICS[0] else ROUNDING


def first_pixels(saliency: FloatArray) -> list[tuple[int, int]]:
    """All pixels, the most important first, equal ones from left to right and from top to bottom."""
    return sorted(np.ndindex(saliency.shape), key=lambda pixel: (-saliency[pixel], pixel))


def with_pixels(image: FloatArray, other: FloatArray, pixels: list[tuple[int, int]]) -> FloatArray:
    """The image, but for these pixels, which are the other's."""
    changed = image.copy()
    for row, column in pixels:
        changed[:, row, column] = other[:, row, column]
    return changed


def slow_naive(score: Score, image: FloatArray, filled: FloatArray, saliency: FloatArray, blocks: int) -> FloatArray:
    """For each class: (1 + r) / 2, r the correlation of the blocks' means with the falls; half of the pixels."""
    order = first_pixels(saliency)
    length = len(order) // 2 // blocks
    means, falls = [], []
    for start in range(0, blocks * length, length):
        block = order[start : start + length]
        means.append(np.mean([saliency[pixel] for pixel in block], dtype=np.float64))
        falls.append(score(image[None])[0] - score(with_pixels(image, filled, block)[None])[0])
    return np.array([(1 + np.corrcoef(means, of_class)[0, 1]) / 2 for of_class in np.transpose(falls)])


def slow_curve(score: Score, start: FloatArray, end: FloatArray, saliency: FloatArray, ends: list[int]) -> FloatArray:
    """The scores (P + 1, K) while the first image becomes the second, the most important pixels first."""
    order = first_pixels(saliency)
    return np.array([score(with_pixels(start, end, order[:count])[None])[0] for count in ends])


def slow_area(curve: FloatArray, ends: list[int]) -> FloatArray:
    """By trapezia, over the part that is changed: (K,)."""
    steps = zip(curve, curve[1:], ends, ends[1:], strict=False)
    return sum((before + after) / 2 * (until - since) for before, after, since, until in steps) / ends[-1]


def slow_scores(
    metric: str, score: Score, image: FloatArray, filled: FloatArray, saliency: FloatArray, steps: int, part: float
) -> FloatArray:
    """(K,)."""
    if metric == METRICS[0]:
        return slow_naive(score, image, filled, saliency, steps)
    ends = [round(step * int(saliency.size * part) / steps) for step in range(steps + 1)]
    if metric == METRICS[1]:
        return 1 - slow_area(slow_curve(score, image, filled, saliency, ends), ends)
    return slow_area(slow_curve(score, filled, image, saliency, ends), ends)


def additive(weights: FloatArray) -> Gradient:
    """An explainer of a network that has each pixel add its weight (L, H, W) to the probability; ask with Identity."""
    return Gradient(LinearNetwork(weights.reshape(len(weights), -1)))


def ones(*size: int) -> FloatArray:
    return np.ones((1, 1, *size), np.float32)


# By hand: a pixel of row r of a 4 x 4 image adds a quarter of 1/2, 1/4, 1/8, 1/8.

ROWS = np.float32([8, 4, 2, 2])[:, None] * np.ones(4, np.float32) / 64
BY_ROW = np.stack([np.zeros((4, 4), np.float32), ROWS])
DOWNWARD = np.float32([4, 3, 2, 1])[:, None] * np.ones((1, 1, 1, 4), np.float32)


def by_hand(metric: str, saliency: FloatArray, **options: Any) -> float:
    faithfulness = Faithfulness(2, nn.Identity(), metric, steps=4, **options)
    return float(faithfulness.evaluate(additive(BY_ROW), ones(4, 4), 1, saliency)[0])


def test_the_deletion_score_is_one_less_the_area_by_trapezia() -> None:
    # 1, 1/2, 1/4, 1/8, 0
    assert by_hand("DeletionAUC", DOWNWARD) == 1 - (1 / 2 + 1 / 2 + 1 / 4 + 1 / 8) / 4
    # 1, 7/8, 3/4, 1/2, 0
    assert by_hand("DeletionAUC", -DOWNWARD) == 1 - (1 / 2 + 7 / 8 + 3 / 4 + 1 / 2) / 4


def test_the_insertion_score_is_the_area_by_trapezia() -> None:
    # 0, 1/2, 3/4, 7/8, 1
    assert by_hand("InsertionAUC", DOWNWARD) == (1 / 2 + 3 / 4 + 7 / 8 + 1 / 2) / 4
    # 0, 1/8, 1/4, 1/2, 1
    assert by_hand("InsertionAUC", -DOWNWARD) == (1 / 8 + 1 / 4 + 1 / 2 + 1 / 2) / 4


def test_an_area_is_of_the_part_that_is_changed() -> None:
    # eight pixels, two at a time: 1, 3/4, 1/2, 3/8, 1/4
    assert by_hand("DeletionAUC", DOWNWARD, percent=0.5) == 1 - (5 / 8 + 3 / 4 + 1 / 2 + 3 / 8) / 4


def test_naive_faithfulness_is_the_correlation_of_the_blocks_with_their_falls() -> None:
    # 4, 3, 2, 1 with 8, 4, 2, 2: deviations 3/2, 1/2, -1/2, -3/2 and 4, 0, -2, -2
    correlation = (6 + 0 + 1 + 3) / np.sqrt((9 / 4 + 1 / 4 + 1 / 4 + 9 / 4) * (16 + 0 + 4 + 4))
    # All values are exact in float32; the rest is float64.
    assert by_hand("NaiveFaithfulness", DOWNWARD, percent=1) == pytest.approx((1 + correlation) / 2, abs=1e-12)
    assert by_hand("NaiveFaithfulness", DOWNWARD[:, :, ::-1], percent=1) == pytest.approx(
        (1 - correlation) / 2, abs=1e-12
    )


def test_naive_faithfulness_looks_at_the_upper_half_of_the_map() -> None:
    # four blocks of two pixels: 4, 4, 3, 3 with 1/4, 1/4, 1/8, 1/8
    assert by_hand("NaiveFaithfulness", DOWNWARD) == pytest.approx(1, abs=1e-12)
    # 4, 4, 3, 3 with 1/16, 1/16, 1/16, 1/16
    assert np.isnan(by_hand("NaiveFaithfulness", -DOWNWARD))


def test_a_block_is_hidden_in_all_channels() -> None:
    weights = np.float32([[[[2, 0, 0]], [[1, 0, 0]]], [[[0, 0, 1]], [[0, 0, 1]]]]) / 4
    deletion = Faithfulness(2, nn.Identity(), "DeletionAUC", steps=3)
    saliency = np.float32([[[[3, 2, 1]]]])
    scores = deletion.evaluate(additive(weights), np.ones((1, 2, 1, 3)), 0, saliency)
    assert scores.tolist() == [1 - 3 / 4 / 2 / 3]  # 3/4, 0, 0, 0


# Slow replicas.

FILLS: list[tuple[Any, FloatArray]] = [
    (0.0, np.zeros(IMAGES.shape)),
    (0.5, np.full(IMAGES.shape, 0.5)),
    ([0.5, -1], np.array([0.5, -1]).reshape(1, 2, 1, 1) * np.ones(IMAGES.shape)),
    ("mean", IMAGES.mean(axis=(2, 3), keepdims=True) * np.ones(IMAGES.shape)),
    ("blur", np.array([[gaussian_filter(plane, 1, mode="nearest") for plane in image] for image in IMAGES])),
    (mirrored, IMAGES[..., ::-1]),
]


def replicated(
    metric: str, score: Score, fills: FloatArray, steps: int = 5, part: float = 1.0, maps: FloatArray = MAPS
) -> FloatArray:
    """The slow scores (N, L) of the maps for TARGETS."""
    return np.array(
        [
            [
                slow_scores(metric, score, image, filled, one, steps, part)[label]
                for one, label in zip(*pair, strict=True)
            ]
            for image, filled, *pair in zip(IMAGES, fills, maps, TARGETS, strict=True)
        ]
    )


@pytest.mark.parametrize(("fill", "filled"), FILLS, ids=["zero", "number", "per channel", "mean", "blur", "function"])
@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_a_slow_loop_over_the_steps(metric: str, fill: Any, filled: FloatArray) -> None:
    network = SmallCnn()
    faithfulness = Faithfulness(4, nn.Softmax(), metric, fill=fill)
    scores = faithfulness.evaluate(Gradient(network), IMAGES, TARGETS, MAPS)
    wanted = replicated(metric, cnn_scores(network, softmax), filled)
    np.testing.assert_allclose(scores, wanted, **rounding_of(metric))


@pytest.mark.parametrize("metric", METRICS)
def test_scores_of_probabilities_that_are_no_distribution_are_those_of_the_slow_loop(metric: str) -> None:
    network = SmallCnn()
    scores = Faithfulness(4, nn.Sigmoid(), metric).evaluate(Gradient(network), IMAGES, TARGETS, MAPS)
    wanted = replicated(metric, cnn_scores(network, sigmoid), np.zeros(IMAGES.shape))
    np.testing.assert_allclose(scores, wanted, **rounding_of(metric))


@pytest.mark.parametrize(("steps", "percent"), [(2, 1.0), (35, 1.0), (9, 0.7), (4, 0.5), (3, 0.1)])
@pytest.mark.parametrize("metric", AREAS)
def test_steps_and_percent_are_those_of_the_slow_loop(metric: str, steps: int, percent: float) -> None:
    network = SmallCnn()
    faithfulness = Faithfulness(4, nn.Softmax(), metric, steps=steps, percent=percent, batch_size=300)
    scores = faithfulness.evaluate(Gradient(network), IMAGES, TARGETS, MAPS)
    wanted = replicated(metric, cnn_scores(network, softmax), np.zeros(IMAGES.shape), steps, percent)
    np.testing.assert_allclose(scores, wanted, **ROUNDING)


@pytest.mark.parametrize("steps", [2, 4, 8, 17])
def test_blocks_of_naive_faithfulness_are_those_of_the_slow_loop(steps: int) -> None:
    network = SmallCnn()
    scores = Faithfulness(4, nn.Softmax(), steps=steps, batch_size=200).evaluate(
        Gradient(network), IMAGES, TARGETS, MAPS
    )
    wanted = replicated(METRICS[0], cnn_scores(network, softmax), np.zeros(IMAGES.shape), steps)
    np.testing.assert_allclose(scores, wanted, **CORRELATION_ROUNDING)


@pytest.mark.parametrize("metric", AREAS)
def test_normalized_areas_are_divided_by_the_probability_of_the_whole_image(metric: str) -> None:
    halves = additive(BY_ROW / 2)
    normalized = Faithfulness(2, nn.Identity(), metric, steps=4, normalize=True)
    halved = normalized.evaluate(halves, ones(4, 4), 1, DOWNWARD)
    assert halved.tolist() == [by_hand(metric, DOWNWARD)]


@pytest.mark.parametrize(("metric", "score"), [("DeletionAUC", 0), ("InsertionAUC", 1)])
def test_normalized_areas_end_at_one_where_hiding_makes_the_network_surer(metric: str, score: float) -> None:
    weights = np.float32([[[0, 0]], [[3, -2]]]) / 4  # the whole image 1/4, the first pixel alone 3/4
    faithfulness = Faithfulness(2, nn.Identity(), metric, steps=2, normalize=True)
    saliency = np.float32([[[[2, 1]]]]) * (1 if metric == "InsertionAUC" else -1)
    assert faithfulness.evaluate(additive(weights), ones(1, 2), 1, saliency).tolist() == [score]


@pytest.mark.parametrize("metric", AREAS)
def test_normalized_areas_are_undefined_where_the_whole_image_has_no_probability(metric: str) -> None:
    faithfulness = Faithfulness(2, nn.Identity(), metric, normalize=True)
    assert np.isnan(faithfulness.evaluate(additive(BY_ROW), ones(4, 4), 0, DOWNWARD)).all()


# Perfect, worst, random and constant maps.

FOUR = np.float32([[0, 0, 0, 0], [3, 2, 1, 0.5]])


@pytest.mark.parametrize(
    ("weights", "activation"), [(FOUR / 8, nn.Identity()), (FOUR - 1, nn.Sigmoid())], ids=["additive", "monotone"]
)
@pytest.mark.parametrize("metric", AREAS)
def test_of_all_orders_the_true_one_scores_highest_and_its_inverse_lowest(
    metric: str, weights: FloatArray, activation: nn.Cell
) -> None:
    maps = np.float32(list(permutations([0.5, 1, 2, 3]))).reshape(1, 24, 2, 2)
    (scores,) = Faithfulness(2, activation, metric, steps=4, batch_size=200).evaluate(
        additive(weights), ones(2, 2), np.ones((1, 24), int), maps
    )
    best, worst = (maps[0, place(scores)].ravel().tolist() for place in (np.argmax, np.argmin))
    assert (best, worst) == ([3, 2, 1, 0.5], [0.5, 1, 2, 3])
    assert np.sum(scores == scores.max()) == np.sum(scores == scores.min()) == 1
    assert scores.min() < scores.mean() < scores.max()


@pytest.mark.parametrize("metric", AREAS)
def test_all_orders_together_score_half_for_an_additive_network(metric: str) -> None:
    maps = np.float32(list(permutations([0.5, 1, 2, 3]))).reshape(1, 24, 2, 2)
    weights = np.stack([np.zeros(4), np.array([1, 3, 2, 2]) / 8])
    (scores,) = Faithfulness(2, nn.Identity(), metric, steps=4, batch_size=200).evaluate(
        additive(weights), ones(2, 2), np.ones((1, 24), int), maps
    )
    assert scores.mean() == pytest.approx(0.5, abs=1e-12)


def contributions(seed: int = 3) -> FloatArray:
    """Of 5 x 7 pixels, all different, (1, 1, 5, 7): whole numbers of 1/1024, in all less than 1."""
    return (np.random.default_rng(seed).permutation(35).reshape(1, 1, 5, 7) + 1).astype(np.float32) / 1024


def random_scores(metric: str, **options: Any) -> tuple[float, float, FloatArray]:
    """Of the true map, of its negative, and of 50 random ones."""
    true = contributions()
    weights = np.concatenate([np.zeros((1, 5, 7)), true[0]])
    maps = np.random.default_rng(8).standard_normal((1, 50, 5, 7)).astype(np.float32)
    given = np.concatenate([true, -true, maps], axis=1)
    faithfulness = Faithfulness(2, nn.Identity(), metric, batch_size=2000, **options)
    (scores,) = faithfulness.evaluate(additive(weights), ones(5, 7), np.ones((1, 52), int), given)
    return scores[0], scores[1], scores[2:]


@pytest.mark.parametrize("metric", AREAS)
def test_random_maps_lie_between_the_true_one_and_its_negative(metric: str) -> None:
    true, negative, random = random_scores(metric)
    assert negative < random.min() < random.max() < true
    # A random order has half of the whole image's area, 630/1024, in the mean; three standard errors.
    half = 630 / 1024 / 2
    chance = half if metric == "InsertionAUC" else 1 - half
    assert abs(random.mean() - chance) < 3 * random.std() / np.sqrt(50)


def test_naive_faithfulness_of_the_falls_is_one_and_of_their_negative_zero() -> None:
    true, negative, random = random_scores("NaiveFaithfulness", percent=1, steps=35)
    assert (true, negative) == (pytest.approx(1, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert 0 < random.min() < random.max() < 1
    assert abs(random.mean() - 0.5) < 3 * random.std() / np.sqrt(50)


def test_naive_faithfulness_of_occlusion_s_own_map_is_one() -> None:
    occlusion = Occlusion(SmallCnn(), nn.Softmax(), window=1, signed=True)
    faithfulness = Faithfulness(4, nn.Softmax(), percent=1, steps=35, batch_size=300)
    np.testing.assert_allclose(faithfulness.evaluate(occlusion, IMAGES, TARGETS), np.ones((3, 2)), **ROUNDING)
    opposite = faithfulness.evaluate(occlusion, IMAGES, TARGETS, -occlusion(IMAGES, TARGETS))
    np.testing.assert_allclose(opposite, np.zeros((3, 2)), **ROUNDING)


def test_rounding_does_not_carry_a_correlation_beyond_its_bounds() -> None:
    """Two pixels correlate by 1 or by -1, which float64 leaves for some of these maps if it may."""
    weights = np.float32([[[0, 0]], [[1 / 3, 1 / 777]]])
    maps = np.exp(np.random.default_rng(5).standard_normal((1, 60, 1, 2)) * 5)
    faithfulness = Faithfulness(2, nn.Identity(), percent=1, steps=2, batch_size=200)
    (scores,) = faithfulness.evaluate(additive(weights), ones(1, 2), np.ones((1, 60), int), maps)
    wanted = maps[0, :, 0, 0] > maps[0, :, 0, 1]
    assert np.abs(scores - wanted).max() < 1e-12
    assert 0 <= scores.min() <= scores.max() <= 1


@pytest.mark.parametrize("value", [0, 0.1, -3])
def test_a_constant_map_has_no_naive_faithfulness(value: float) -> None:
    scores = Faithfulness(4, nn.Softmax()).evaluate(Gradient(SmallCnn()), IMAGES, 1, np.full((3, 1, 5, 7), value))
    assert np.isnan(scores).all()


@pytest.mark.parametrize("metric", AREAS)
def test_equal_pixels_are_changed_from_left_to_right_and_from_top_to_bottom(metric: str) -> None:
    faithfulness, gradient = Faithfulness(4, nn.Softmax(), metric), Gradient(SmallCnn())
    reading = -np.arange(35.0).reshape(1, 1, 5, 7) * np.ones((3, 1, 1, 1))
    constant = faithfulness.evaluate(gradient, IMAGES, 1, np.full((3, 1, 5, 7), 0.1))
    np.testing.assert_array_equal(constant, faithfulness.evaluate(gradient, IMAGES, 1, reading))
    levels = np.float32(MAPS[:, :1] > 0)
    tied = faithfulness.evaluate(gradient, IMAGES, 1, levels)
    np.testing.assert_array_equal(tied, faithfulness.evaluate(gradient, IMAGES, 1, 100 * levels + reading))


def test_blocks_take_equal_pixels_in_their_order_too() -> None:
    levels = np.round(MAPS)
    scores = Faithfulness(4, nn.Softmax()).evaluate(Gradient(SmallCnn()), IMAGES, TARGETS, levels)
    wanted = replicated(METRICS[0], cnn_scores(SmallCnn(), softmax), np.zeros(IMAGES.shape), maps=levels)
    np.testing.assert_allclose(scores, wanted, **CORRELATION_ROUNDING)


def test_constant_predictions_have_no_naive_faithfulness_and_a_level_curve() -> None:
    gradient = Gradient(LinearNetwork(np.zeros((4, 70))))
    assert np.isnan(Faithfulness(4, nn.Softmax()).evaluate(gradient, IMAGES, TARGETS, MAPS)).all()
    deletion, insertion = (Faithfulness(4, nn.Softmax(), metric) for metric in AREAS)
    assert (deletion.evaluate(gradient, IMAGES, TARGETS, MAPS) == 0.75).all()
    assert (insertion.evaluate(gradient, IMAGES, TARGETS, MAPS) == 0.25).all()


@pytest.mark.parametrize("metric", METRICS)
def test_a_map_keeps_its_score_when_it_is_stretched(metric: str) -> None:
    faithfulness, gradient = Faithfulness(4, nn.Softmax(), metric), Gradient(SmallCnn())
    scores = faithfulness.evaluate(gradient, IMAGES, TARGETS, MAPS)
    stretched = faithfulness.evaluate(gradient, IMAGES, TARGETS, MAPS * 4)
    np.testing.assert_allclose(stretched, scores, rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", AREAS)
def test_the_areas_know_only_the_order(metric: str) -> None:
    faithfulness, gradient = Faithfulness(4, nn.Softmax(), metric), Gradient(SmallCnn())
    scores = faithfulness.evaluate(gradient, IMAGES, TARGETS, MAPS)
    np.testing.assert_array_equal(faithfulness.evaluate(gradient, IMAGES, TARGETS, np.exp(MAPS)), scores)


# The curve.


def test_a_curve_runs_from_the_whole_to_the_filled_image_and_back() -> None:
    network = SmallCnn()
    deletion, insertion = (
        Faithfulness(4, nn.Softmax(), metric, fill="mean").curve(Gradient(network), IMAGES, TARGETS, MAPS)
        for metric in AREAS
    )
    score = cnn_scores(network, softmax)
    whole = of_targets(list(score(IMAGES)))
    filled = of_targets(list(score(IMAGES.mean(axis=(2, 3), keepdims=True) * np.ones(IMAGES.shape))))
    for curve, first, last in ((deletion, whole, filled), (insertion, filled, whole)):
        assert curve.fractions.tolist() == [0, 7 / 35, 14 / 35, 21 / 35, 28 / 35, 1]
        assert curve.probabilities.shape == (3, 2, 6)
        np.testing.assert_allclose(curve.probabilities[..., 0], first, **ROUNDING)
        np.testing.assert_allclose(curve.probabilities[..., -1], last, **ROUNDING)


def test_a_curve_is_that_of_the_slow_loop() -> None:
    network = SmallCnn()
    curve = Faithfulness(4, nn.Softmax(), "InsertionAUC", steps=4, percent=0.5).curve(
        Gradient(network), IMAGES, TARGETS, MAPS
    )
    ends = [0, 4, 8, 13, 17]  # of 17 pixels; 8.5 is rounded to the even number, 4.25 and 12.75 to the nearest
    assert (curve.fractions * 35).tolist() == pytest.approx(ends)
    score = cnn_scores(network, softmax)
    for place, label in np.ndindex(3, 2):
        slow = slow_curve(score, np.zeros((2, 5, 7)), IMAGES[place], MAPS[place, label], ends)
        np.testing.assert_allclose(curve.probabilities[place, label], slow[:, TARGETS[place, label]], **ROUNDING)


def test_a_curve_for_one_label_has_an_axis_for_it() -> None:
    curve = Faithfulness(4, nn.Softmax(), "DeletionAUC").curve(Gradient(SmallCnn()), IMAGES, 1)
    assert curve.probabilities.shape == (3, 1, 6)


@pytest.mark.parametrize("height", [1, 2])
def test_rectangles_keep_rows_and_columns_apart(height: int) -> None:
    weights = np.zeros((2, height, 3), np.float32)
    weights[1, 0, 2] = 1
    saliency = np.float32(weights[None, 1:])
    for metric in AREAS:
        faithfulness = Faithfulness(2, nn.Identity(), metric, steps=3 * height)
        scores = faithfulness.evaluate(additive(weights), ones(height, 3), 1, saliency)
        assert scores.tolist() == [1 - 1 / 2 / (3 * height)]


# What the network is asked.


def told(faithfulness: Faithfulness, size: tuple[int, int], labels: int = 1, further: bool = False) -> Passes:
    """What it says that it needs for an image."""
    maps = np.zeros((labels, *size), np.float32)
    return faithfulness.passes(Case(maps, tuple(range(labels)), maps, None, None, further))


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> RecordingNetwork:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # a compiled network does not remember
    return RecordingNetwork(SmallCnn())


@pytest.mark.parametrize(
    ("metric", "options", "per_image"),
    [
        ("NaiveFaithfulness", {}, 1),
        ("NaiveFaithfulness", {"steps": 17, "percent": 0.5}, 1),
        ("DeletionAUC", {}, 0),
        ("DeletionAUC", {"steps": 100}, 0),
        ("InsertionAUC", {"steps": 4, "percent": 0.3}, 0),
        ("InsertionAUC", {"normalize": True}, 1),
    ],
)
@pytest.mark.parametrize("targets", [1, TARGETS])
def test_the_network_is_asked_as_often_as_declared_in_full_batches(
    recording: RecordingNetwork, metric: str, options: dict[str, Any], per_image: int, targets: Any
) -> None:
    faithfulness = Faithfulness(4, nn.Softmax(), metric, batch_size=8, **options)
    maps = MAPS[:, : np.atleast_2d(targets).shape[1]]
    batches = asked(recording, lambda: faithfulness.evaluate(Gradient(recording), IMAGES, targets, maps))
    perturbed = 3 * (told(faithfulness, (5, 7), maps.shape[1]).forwards - per_image)
    sizes = sorted((len(batch) for batch in batches), reverse=True)
    assert sum(sizes) == perturbed + 3 * per_image
    assert sizes[: perturbed // 8] == [8] * (perturbed // 8)
    assert len(sizes) == ceil(perturbed / 8) + per_image


@pytest.mark.parametrize(
    ("options", "size", "cost"),
    [
        ({}, (5, 7), 5 + 1),
        ({}, (224, 224), 224 + 1),
        ({"steps": 9}, (5, 7), 9 + 1),
        ({"steps": 100}, (5, 7), 17 + 1),
        ({"percent": 0.1}, (5, 7), 3 + 1),
        ({"percent": 0.001}, (5, 7), 1 + 1),
        ({"metric": "DeletionAUC"}, (5, 7), 6),
        ({"metric": "InsertionAUC", "steps": 100}, (5, 7), 36),
        ({"metric": "InsertionAUC", "steps": 4}, (5, 7), 5),
    ],
)
def test_the_cost_is_a_pass_per_step_and_one_for_the_image_or_the_start_of_a_curve(
    options: dict[str, Any], size: tuple[int, int], cost: int
) -> None:
    assert told(Faithfulness(4, nn.Softmax(), **options), size).forwards == cost


@pytest.mark.parametrize(
    ("options", "further", "passes"),
    [
        ({}, False, Passes(forwards=2 * 5 + 1, known=1)),
        ({"metric": "DeletionAUC"}, False, Passes(forwards=2 * 6, known=2)),  # nothing is deleted at the start
        ({"metric": "DeletionAUC", "normalize": True}, False, Passes(forwards=2 * 6 + 1, known=3)),
        ({"metric": "InsertionAUC"}, True, Passes(forwards=2 * 2 * 6, known=4)),  # all is shown at the end
        ({"metric": "InsertionAUC", "percent": 0.3}, False, Passes(forwards=2 * 6)),
        ({"metric": "DeletionAUC", "curve_fills": [1.0, "mean"]}, True, Passes(forwards=3 * 2 * 6, known=6)),
    ],
)
def test_what_a_run_knows_already_is_told(options: dict[str, Any], further: bool, passes: Passes) -> None:
    assert told(Faithfulness(4, nn.Softmax(), **options), (5, 7), 2, further) == passes


def test_by_default_there_are_as_many_steps_as_the_root_of_the_pixels() -> None:
    for size in [(5, 7), (32, 33), (6, 6)]:
        assert told(Faithfulness(4, nn.Softmax(), "DeletionAUC"), size).forwards == isqrt(size[0] * size[1]) + 1


def test_the_network_is_shown_each_image_with_more_and_more_deleted(recording: RecordingNetwork) -> None:
    deletion = Faithfulness(4, nn.Softmax(), "DeletionAUC", steps=4, fill=[0.5, -1])
    shown = np.concatenate(asked(recording, lambda: deletion.evaluate(Gradient(recording), IMAGES, TARGETS, MAPS)))
    filled = np.array([0.5, -1]).reshape(2, 1, 1) * np.ones((2, 5, 7))
    wanted = [
        with_pixels(IMAGES[place], filled, first_pixels(MAPS[place, label])[:count])
        for place, label in np.ndindex(3, 2)
        for count in [0, 9, 18, 26, 35]
    ]
    np.testing.assert_array_equal(shown, wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_scores_do_not_depend_on_how_many_images_share_a_pass(metric: str) -> None:
    gradient = Gradient(SmallCnn())
    alone = Faithfulness(4, nn.Softmax(), metric, batch_size=1)
    one_by_one = [
        [alone.evaluate(gradient, IMAGES[i : i + 1], int(TARGETS[i, j]), MAPS[i : i + 1, j : j + 1])[0] for j in (0, 1)]
        for i in range(3)
    ]
    for batch_size in (7, 1000):
        scores = Faithfulness(4, nn.Softmax(), metric, batch_size=batch_size).evaluate(gradient, IMAGES, TARGETS, MAPS)
        np.testing.assert_allclose(scores, one_by_one, **rounding_of(metric))


@pytest.mark.parametrize("metric", METRICS)
def test_neither_images_nor_maps_are_changed(metric: str) -> None:
    images, maps = IMAGES.copy(), MAPS.copy()
    Faithfulness(4, nn.Softmax(), metric, fill=mirrored).evaluate(Gradient(SmallCnn()), images, TARGETS, maps)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(maps, MAPS)


@pytest.mark.parametrize("metric", METRICS)
def test_one_metric_serves_several_networks_and_weights(metric: str) -> None:
    faithfulness, network, other = Faithfulness(4, nn.Softmax(), metric), SmallCnn(), SmallCnn(seed=20)

    def scores(explained: nn.Cell) -> FloatArray:
        return faithfulness.evaluate(Gradient(explained), IMAGES, TARGETS, MAPS)

    first, second = scores(network), scores(other)
    for name, parameter in other.parameters_and_names():
        dict(network.parameters_and_names())[name].set_data(parameter)
    assert (np.abs(first - second) > 1e-3).any()
    np.testing.assert_allclose(scores(network), second, **rounding_of(metric))


@pytest.mark.parametrize("metric", METRICS)
def test_a_case_of_a_run_scores_as_alone_in_whatever_order_its_labels_come(metric: str) -> None:
    gradient = Gradient(SmallCnn())
    faithfulness = Faithfulness(4, nn.Softmax(), metric)
    wanted = faithfulness.evaluate(gradient, IMAGES, TARGETS, MAPS)
    for place, labels in enumerate(TARGETS):
        backward = Case(IMAGES[place], tuple(labels[::-1].tolist()), MAPS[place, ::-1], None, gradient)
        np.testing.assert_allclose(faithfulness.score(backward)[::-1], wanted[place], **rounding_of(metric))


@pytest.mark.parametrize("metric", METRICS)
def test_tensors_are_as_good_as_arrays(metric: str) -> None:
    faithfulness, gradient = Faithfulness(4, nn.Softmax(), metric), Gradient(SmallCnn())
    wanted = faithfulness.evaluate(gradient, IMAGES, TARGETS, MAPS)
    scores = faithfulness.evaluate(gradient, Tensor(IMAGES), Tensor(TARGETS), Tensor(MAPS))
    np.testing.assert_array_equal(scores, wanted)


@pytest.mark.parametrize("percent", [None, 0.001])
def test_at_least_one_pixel_is_changed(percent: float | None) -> None:
    weights = np.float32([[[0]], [[0.75]]])
    deletion = Faithfulness(2, nn.Identity(), "DeletionAUC", percent=percent)
    assert deletion.evaluate(additive(weights), ones(1, 1), 1, ones(1, 1)).tolist() == [1 - 0.75 / 2]
    naive = Faithfulness(2, nn.Identity(), percent=percent)
    assert np.isnan(naive.evaluate(additive(weights), ones(1, 1), 1, ones(1, 1))).all()  # one block has no correlation


# What is recorded, and errors.


def test_what_was_asked_for_is_recorded_as_json() -> None:
    faithfulness = Faithfulness(
        4,
        nn.Softmax(),
        "DeletionAUC",
        percent=np.float32(0.5),
        steps=np.int64(4),
        fill=np.float32([0.5, -1]),
        normalize=True,
    )
    assert faithfulness.name == "DeletionAUC"
    assert json.loads(json.dumps(faithfulness.parameters)) == {
        "class": "Faithfulness",
        "higher_is_better": True,
        "bounds": [0, 1],
        "per_label": True,
        "metric": "DeletionAUC",
        "percent": 0.5,
        "steps": 4,
        "fill": [0.5, -1],
        "curve_fills": ["blur"],
        "normalize": True,
    }


@pytest.mark.parametrize(("metric", "percent"), [("NaiveFaithfulness", 0.5), ("DeletionAUC", 1), ("InsertionAUC", 1)])
def test_the_defaults_are_recorded(metric: str, percent: float) -> None:
    found = Faithfulness(4, nn.Softmax(), metric, fill=mirrored).parameters
    assert (found["metric"], found["percent"], found["steps"]) == (metric, percent, None)
    assert (found["fill"], found["normalize"]) == ("mirrored", False)
    assert found["curve_fills"] == ([] if metric == METRICS[0] else ["blur"])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, ["0.0", "blur"]),
        ({"fill": "blur"}, ["blur", "0.0"]),
        ({"fill": "blur:3"}, ["blur:3", "0.0"]),
        ({"fill": [1.0, 2.0], "curve_fills": ("mean", 0.5)}, ["[1.0, 2.0]", "mean", "0.5"]),
        ({"curve_fills": ()}, ["0.0"]),
    ],
)
@pytest.mark.parametrize("metric", AREAS)
def test_a_run_keeps_a_curve_of_each_fill_and_scores_by_the_first(
    metric: str, options: dict[str, Any], wanted: list[str]
) -> None:
    gradient, labels = Gradient(SmallCnn()), (2, 1)
    faithfulness = Faithfulness(4, nn.Softmax(), metric, steps=4, normalize=True, **options)
    scores, curves = faithfulness.score_and_curves(Case(IMAGES[0], labels, MAPS[0], None, gradient))
    assert [curve.fill for curve in curves] == wanted
    np.testing.assert_array_equal(scores, faithfulness.evaluate(gradient, IMAGES[:1], TARGETS[:1], MAPS[:1])[0])
    fills = [options.get("fill", 0.0), *options.get("curve_fills", (0.0 if "fill" in options else "blur",))]
    for fill, curve in zip(fills, curves, strict=True):
        alone = Faithfulness(4, nn.Softmax(), metric, steps=4, fill=fill)
        fractions, probabilities = alone.curve(gradient, IMAGES[:1], TARGETS[:1], MAPS[:1])
        np.testing.assert_array_equal(curve.fractions, fractions)
        np.testing.assert_array_equal(curve.probabilities, probabilities[0])
    assert len({curve.probabilities.tobytes() for curve in curves}) == len(wanted)


def test_naive_faithfulness_keeps_no_curve() -> None:
    case = Case(IMAGES[0], (2, 1), MAPS[0], None, Gradient(SmallCnn()))
    scores, curves = Faithfulness(4, nn.Softmax()).score_and_curves(case)
    assert curves == ()
    np.testing.assert_array_equal(scores, Faithfulness(4, nn.Softmax()).score(case))


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"curve_fills": "blur"}, TypeError, "`curve_fills` must be a sequence"),
        ({"curve_fills": 0.5}, TypeError, "`curve_fills` must be a sequence"),
        ({"curve_fills": ("glue",)}, ValueError, r"`curve_fills\[0\]`"),
        ({"curve_fills": (0.0,)}, ValueError, "'0.0' twice"),
        ({"curve_fills": ("mean", "mean")}, ValueError, "'mean' twice"),
    ],
)
def test_the_fills_of_curves_are_checked(options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        Faithfulness(4, nn.Softmax(), "DeletionAUC", **options)


def test_another_name_is_of_another_metric_with_nothing_aggregated() -> None:
    deletion = Faithfulness(4, nn.Softmax(), "DeletionAUC", fill="mean")
    deletion.aggregate(np.array([0.5]), 1)
    renamed = deletion.named(" with means ")
    renamed.aggregate(np.array([0.25]), 1)
    assert (renamed.name, deletion.name) == ("with means", "DeletionAUC")
    assert (renamed.performance, deletion.performance) == (0.25, 0.5)
    assert renamed.parameters == deletion.parameters
    gradient = Gradient(SmallCnn())
    np.testing.assert_array_equal(
        renamed.evaluate(gradient, IMAGES, 1, MAPS[:, :1]), deletion.evaluate(gradient, IMAGES, 1, MAPS[:, :1])
    )


@pytest.mark.parametrize(("name", "error"), [(3, TypeError), ("", ValueError), ("  ", ValueError)])
def test_a_name_must_be_text(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`name`"):
        Faithfulness(4, nn.Softmax()).named(name)


def test_naive_faithfulness_is_the_metric_if_none_is_named() -> None:
    assert Faithfulness(4, nn.Softmax()).name == "NaiveFaithfulness"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_labels": 0}, "`num_labels` must be at least 1, got 0"),
        ({"metric": "deletionAUC"}, "`metric` must be one of NaiveFaithfulness, .*; did you mean 'DeletionAUC'"),
        ({"percent": 0}, "`percent` must be above 0"),
        ({"percent": 1.5}, r"`percent` must lie in \[0, 1\], got 1.5"),
        ({"percent": np.nan}, r"`percent` must lie in \[0, 1\], got nan"),
        ({"steps": 1}, "`steps` must be at least 2, got 1"),
        ({"fill": np.inf}, r"`fill` must lie in \[.*\], got inf"),
        ({"fill": "blurred"}, "`fill` must be a number, .*, got 'blurred'; did you mean 'blur'"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
    ],
)
def test_values_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faithfulness(**{"num_labels": 4, "activation_fn": nn.Softmax()} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_labels": 4.0}, "`num_labels` must be a whole number, got float 4.0"),
        ({"activation_fn": None}, "`activation_fn` must be a mindspore.nn.Cell, got None"),
        ({"activation_fn": nn.Softmax}, "`activation_fn` must be a mindspore.nn.Cell, got"),
        ({"metric": 1}, "`metric` must be a string, got int"),
        ({"percent": "half"}, "`percent` must be a number, got str 'half'"),
        ({"steps": 4.0}, "`steps` must be a whole number, got float 4.0"),
        ({"fill": True}, "`fill` must be a number, got bool True"),
        ({"normalize": 1}, "`normalize` must be True or False, got 1"),
        ({"batch_size": True}, "`batch_size` must be a whole number, got bool True"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Faithfulness(**{"num_labels": 4, "activation_fn": nn.Softmax()} | options)


@pytest.mark.parametrize("metric", METRICS)
def test_a_label_that_the_network_does_not_have_is_refused(metric: str) -> None:
    faithfulness = Faithfulness(10, nn.Softmax(), metric)
    with pytest.raises(ValueError, match=r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 5"):
        faithfulness.evaluate(Gradient(SmallCnn()), IMAGES, 5, MAPS[:, :1])


@pytest.mark.parametrize("metric", METRICS)
def test_a_fill_for_other_channels_is_refused_when_the_image_comes(metric: str) -> None:
    faithfulness = Faithfulness(4, nn.Softmax(), metric, fill=[1, 2, 3])
    with pytest.raises(ValueError, match=r"`fill` must have one number or one per channel \(2\), got 3"):
        faithfulness.evaluate(Gradient(SmallCnn()), IMAGES, TARGETS, MAPS)


def test_naive_faithfulness_has_no_curve() -> None:
    with pytest.raises(ValueError, match="NaiveFaithfulness has no curve; make a Faithfulness with DeletionAUC or"):
        Faithfulness(4, nn.Softmax()).curve(Gradient(SmallCnn()), IMAGES, TARGETS, MAPS)


def test_a_curve_checks_its_arguments_too() -> None:
    with pytest.raises(ValueError, match=r"`saliency` must have shape \(3, 2, 5, 7\), .* got \(3, 1, 5, 7\)"):
        Faithfulness(4, nn.Softmax(), "DeletionAUC").curve(Gradient(SmallCnn()), IMAGES, TARGETS, MAPS[:, :1])
