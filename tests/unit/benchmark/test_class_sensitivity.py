"""How much the maps of the highest and the lowest logit differ: by hand, at the limits, and against slow replicas."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import cnn_scores, linear_scores, normal_images, whole_numbers

from explainer.benchmark import Case, ClassSensitivity
from explainer.explanation import RISE, GradCAM, Gradient, InputXGradient, Occlusion

FloatArray = NDArray[Any]

HEIGHT, WIDTH = 5, 7
PIXELS = HEIGHT * WIDTH
WEIGHTS = whole_numbers(4, 2 * PIXELS, seed=1)
IMAGES = whole_numbers(3, 2, HEIGHT, WIDTH, seed=2)
ROUNDING = 1e-12  # of the correlation's float64 sums


class OfLabels:
    """An explainer whose map depends on the label alone, and which remembers the labels that it was asked for."""

    def __init__(self, map_of: Callable[[int], Any], network: nn.Cell | None = None) -> None:
        self.network = LinearNetwork(WEIGHTS) if network is None else network
        self.map_of = map_of
        self.asked: list[list[list[int]]] = []

    def __call__(self, images: FloatArray, labels: NDArray[np.int64]) -> FloatArray:
        self.asked.append(labels.tolist())
        return np.array([[self.map_of(label) for label in of_image] for of_image in labels], np.float32)


def extremes(logits: FloatArray) -> list[list[int]]:
    """The labels of the highest and the lowest logit, the first of equal ones: (N, 2)."""
    rows = [row.tolist() for row in logits]
    return [[row.index(max(row)), row.index(min(row))] for row in rows]


def replica(maps: FloatArray) -> float:
    """(1 - r) / 2 of two maps, summed pixel by pixel."""
    first, second = (np.float64(map_).ravel().tolist() for map_ in maps)
    means = [sum(values) / len(values) for values in (first, second)]
    pairs = [(a - means[0], b - means[1]) for a, b in zip(first, second, strict=True)]
    spreads = [sum(pair[place] ** 2 for pair in pairs) for place in (0, 1)]
    return (1 - sum(a * b for a, b in pairs) / (spreads[0] * spreads[1]) ** 0.5) / 2


# By hand.


def test_input_x_gradient_of_a_linear_network_by_hand() -> None:
    network = LinearNetwork(np.array([[0, 0, 0], [-3, -1, -2], [1, 2, 3]]))
    # The maps of labels 2 and 1 are their weights: deviations (-1, 0, 1) and (-1, 1, 0), r = 1 / 2.
    scores = ClassSensitivity().evaluate(InputXGradient(network), np.ones((1, 1, 1, 3)))
    assert scores == pytest.approx([0.25], abs=ROUNDING)


def test_input_x_gradient_of_a_linear_network_is_the_correlation_of_its_contributions() -> None:
    labels = extremes(linear_scores(WEIGHTS)(IMAGES))
    contributions = WEIGHTS.reshape(4, 2, HEIGHT, WIDTH)[None] * IMAGES[:, None]
    wanted = [replica(of_image.sum(axis=1)[pair]) for of_image, pair in zip(contributions, labels, strict=True)]
    scores = ClassSensitivity().evaluate(InputXGradient(LinearNetwork(WEIGHTS)), IMAGES)
    assert scores == pytest.approx(wanted, abs=ROUNDING)


@pytest.mark.parametrize(
    ("factor", "shift", "wanted"), [(1, 0, 0), (3, 2, 0), (-1, 0, 1), (-0.5, 7, 1)], ids=["same", "kin", "neg", "op"]
)
def test_maps_that_are_alike_score_0_and_opposite_ones_1(factor: float, shift: float, wanted: float) -> None:
    map_ = whole_numbers(HEIGHT, WIDTH)
    ((highest, _),) = extremes(linear_scores(WEIGHTS)(IMAGES[:1]))
    explainer = OfLabels(lambda label: map_ if label == highest else factor * map_ + shift)
    (score,) = ClassSensitivity().evaluate(explainer, IMAGES[:1])
    assert score == pytest.approx(wanted, abs=ROUNDING)
    assert 0 <= score <= 1


def test_unrelated_maps_score_a_half() -> None:
    rows, columns = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    ((highest, _),) = extremes(linear_scores(WEIGHTS)(IMAGES[:1]))
    explainer = OfLabels(lambda label: rows if label == highest else columns)
    assert ClassSensitivity().evaluate(explainer, IMAGES[:1]) == pytest.approx([0.5], abs=ROUNDING)


# Which labels, and how often.


def test_the_maps_of_the_highest_and_the_lowest_logit_come_from_one_call() -> None:
    explainer = OfLabels(lambda label: whole_numbers(HEIGHT, WIDTH, seed=label))
    scores = ClassSensitivity().evaluate(explainer, IMAGES)
    labels = extremes(linear_scores(WEIGHTS)(IMAGES))
    assert len({tuple(pair) for pair in labels}) > 1
    assert explainer.asked == [labels]
    wanted = [replica(np.array([explainer.map_of(label) for label in pair])) for pair in labels]
    assert scores == pytest.approx(wanted, abs=ROUNDING)


def test_of_equal_logits_the_first_counts() -> None:
    network = LinearNetwork(np.repeat([[-1], [3], [3], [-1]], 2 * PIXELS, axis=1))
    explainer = OfLabels(lambda label: whole_numbers(HEIGHT, WIDTH, seed=label), network)
    ClassSensitivity().evaluate(explainer, np.ones((1, 2, HEIGHT, WIDTH)))
    assert explainer.asked == [[[1, 0]]]


def test_the_order_of_the_labels_does_not_matter() -> None:
    order = [2, 0, 3, 1]
    scores = [ClassSensitivity().evaluate(Gradient(LinearNetwork(rows)), IMAGES) for rows in (WEIGHTS, WEIGHTS[order])]
    np.testing.assert_array_equal(*scores)


# Methods.


def correlated(explainer: Any, images: FloatArray, labels: list[list[int]]) -> list[float]:
    """The slow replica: each map from a call of its own."""
    pairs = zip(images[:, None], labels, strict=True)
    return [replica(np.concatenate([explainer(image, label)[:, 0] for label in pair])) for image, pair in pairs]


@pytest.mark.parametrize(
    "make",
    [
        Gradient,
        lambda network: GradCAM(network, "conv2"),
        lambda network: Occlusion(network, nn.Softmax()),
        lambda network: RISE(network, nn.Softmax(), masks=40, grid=(2, 3)),
    ],
    ids=["Gradient", "GradCAM", "Occlusion", "RISE"],
)
def test_every_kind_of_method_scores_as_by_single_maps(make: Any) -> None:
    network, images = SmallCnn(), normal_images(2)
    explainer = make(network)
    wanted = correlated(explainer, images, extremes(cnn_scores(network)(images)))
    # Maps are float32, of one batch or of several: some 1e-6 of their spread.
    np.testing.assert_allclose(ClassSensitivity().evaluate(explainer, images), wanted, rtol=0, atol=1e-5)


def test_the_score_does_not_depend_on_the_batch_or_the_order() -> None:
    explainer = Gradient(LinearNetwork(WEIGHTS))
    scores = ClassSensitivity().evaluate(explainer, IMAGES)
    np.testing.assert_array_equal(ClassSensitivity(batch_size=2).evaluate(explainer, IMAGES[::-1]), scores[::-1])
    single = [ClassSensitivity(batch_size=1).evaluate(explainer, image[None]).item() for image in IMAGES]
    np.testing.assert_array_equal(single, scores)


def test_a_tensor_is_an_array() -> None:
    explainer = Gradient(LinearNetwork(WEIGHTS))
    scores = ClassSensitivity().evaluate(explainer, Tensor(IMAGES))
    assert isinstance(scores, np.ndarray)
    np.testing.assert_array_equal(scores, ClassSensitivity().evaluate(explainer, IMAGES))


def test_another_network_is_asked_when_the_explainer_has_another() -> None:
    metric, networks = ClassSensitivity(), [LinearNetwork(WEIGHTS), LinearNetwork(-WEIGHTS)]
    explainers = [OfLabels(lambda label: whole_numbers(HEIGHT, WIDTH, seed=label), network) for network in networks]
    for explainer in explainers:
        metric.evaluate(explainer, IMAGES)
    first, second = (explainer.asked[0] for explainer in explainers)
    assert second == [pair[::-1] for pair in first]


def test_a_case_scores_as_its_image_whatever_its_labels_and_maps() -> None:
    explainer = Gradient(LinearNetwork(WEIGHTS))
    case = Case(IMAGES[1], (3, 1, 2), np.zeros((3, HEIGHT, WIDTH), np.float32), None, explainer)
    score = ClassSensitivity().score(case)
    assert score.shape == (1,)
    assert score.tolist() == ClassSensitivity().evaluate(explainer, IMAGES[1:2]).tolist()


# Undefined.


@pytest.mark.parametrize("constant", ["highest", "lowest"])
def test_a_constant_map_has_no_score(constant: str) -> None:
    (pair,) = extremes(linear_scores(WEIGHTS)(IMAGES[:1]))
    flat = pair[constant == "lowest"]
    explainer = OfLabels(lambda label: np.full((HEIGHT, WIDTH), 0.1) if label == flat else whole_numbers(HEIGHT, WIDTH))
    assert np.isnan(ClassSensitivity().evaluate(explainer, IMAGES[:1])).tolist() == [True]


def test_there_is_no_score_where_all_logits_are_equal() -> None:
    network = LinearNetwork(np.repeat(WEIGHTS[:1], 4, axis=0))
    assert np.isnan(ClassSensitivity().evaluate(Gradient(network), IMAGES)).all()


def test_there_is_no_score_for_a_network_with_one_label() -> None:
    assert np.isnan(ClassSensitivity().evaluate(Gradient(LinearNetwork(WEIGHTS[:1])), IMAGES)).all()


# The reference's verbs, and what the metric declares.


def test_performance_is_the_mean_of_the_defined_scores_and_the_others_are_counted() -> None:
    metric = ClassSensitivity()
    metric.aggregate(np.array([0.25, np.nan]))
    metric.aggregate(Tensor(np.float32([0.75])))
    metric.aggregate(0.5)
    assert (metric.performance, metric.undefined) == (0.5, 1)


def test_after_a_reset_nothing_is_aggregated() -> None:
    metric = ClassSensitivity()
    metric.aggregate([0.25, np.nan])
    metric.reset()
    assert np.isnan(metric.performance)
    assert metric.undefined == 0


def test_evaluating_aggregates_nothing() -> None:
    metric = ClassSensitivity()
    metric.evaluate(Gradient(LinearNetwork(WEIGHTS)), IMAGES)
    assert np.isnan(metric.performance)


def test_it_declares_itself() -> None:
    metric = ClassSensitivity(batch_size=7)
    declared = {"class": "ClassSensitivity", "higher_is_better": True, "bounds": [0, 1], "per_label": False}
    assert json.loads(json.dumps(metric.parameters)) == declared
    assert (metric.name, metric.needs) == ("ClassSensitivity", {"explainer"})


# Errors.


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_a_batch_size_must_be_a_whole_number_of_at_least_1(size: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`batch_size` must be"):
        ClassSensitivity(batch_size=size)


@pytest.mark.parametrize("explainer", [None, Gradient, LinearNetwork(WEIGHTS), "Gradient"])
def test_an_explainer_must_be_one(explainer: Any) -> None:
    with pytest.raises(TypeError, match="`explainer` must be an explainer"):
        ClassSensitivity().evaluate(explainer, IMAGES)


@pytest.mark.parametrize(
    ("inputs", "error", "told"),
    [
        (IMAGES[0], ValueError, r"`inputs` must have axes \(N, C, H, W\).*inputs\[None\]"),
        (np.where(IMAGES == 4, np.nan, IMAGES), ValueError, "`inputs` must be finite"),
        (IMAGES[:0], ValueError, "`inputs` must not be empty"),
        (IMAGES.astype(str), TypeError, "`inputs` must hold numbers"),
    ],
    ids=["one image", "NaN", "none", "words"],
)
def test_inputs_must_be_images(inputs: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        ClassSensitivity().evaluate(Gradient(LinearNetwork(WEIGHTS)), inputs)


@pytest.mark.parametrize(
    ("map_", "told"), [(np.ones((WIDTH, HEIGHT)), "must have shape"), (np.full((HEIGHT, WIDTH), np.inf), "finite")]
)
def test_maps_of_another_shape_or_not_finite_are_refused(map_: FloatArray, told: str) -> None:
    with pytest.raises(ValueError, match=f"`saliency` must .*{told}|`saliency` {told}"):
        ClassSensitivity().evaluate(OfLabels(lambda label: map_), IMAGES)


@pytest.mark.parametrize("result", [None, "0.5", [{}]])
def test_results_must_be_numbers(result: Any) -> None:
    with pytest.raises(TypeError, match="`result` must hold numbers"):
        ClassSensitivity().aggregate(result)


def test_results_must_have_one_axis() -> None:
    with pytest.raises(ValueError, match=r"`result` must have a score per image, \(N,\), got shape \(1, 2\)"):
        ClassSensitivity().aggregate([[0.5, 0.25]])
