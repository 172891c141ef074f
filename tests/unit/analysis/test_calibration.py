"""Reliability and separation: by hand, against slow loops, and at their best and worst."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.analysis.calibration import reliability, separation

FloatArray = NDArray[Any]


def one_hot(*labels: int, classes: int = 4) -> NDArray[np.bool_]:
    return np.eye(classes, dtype=bool)[list(labels)]


# Reliability, by hand.


def test_reliability_of_classes_by_hand() -> None:
    probabilities = np.array([[0.1, 0.7, 0.1, 0.1], [0.0, 0.2, 0.2, 0.6], [0.9, 0.05, 0.05, 0.0]])
    kind, compared, brier, ece = reliability(probabilities, one_hot(1, 2, 0))
    assert (kind, compared) == ("classes", 3)
    assert brier == pytest.approx(((0.09 + 0.03) + (0.04 + 0.64 + 0.36) + (0.01 + 0.005)) / 3)
    assert ece == pytest.approx((0.3 + 0.6 + 0.1) / 3)  # three bins of one prediction each


def test_predictions_of_one_bin_make_up_for_one_another() -> None:
    """0.61 and 0.65 lie in (9/15, 10/15]: their mean is 0.63, and one of the two is right."""
    probabilities = np.array([[0.61, 0.39], [0.35, 0.65]])
    assert reliability(probabilities, one_hot(0, 0, classes=2)).ece == pytest.approx(0.63 - 0.5)
    assert reliability(probabilities, one_hot(0, 1, classes=2)).ece == pytest.approx(1 - 0.63)


def test_reliability_of_labels_by_hand() -> None:
    probabilities = np.array([[0.9, 0.2], [0.6, 0.0], [0.9, 1.0]])
    truth = np.array([[True, True], [False, False], [False, True]])
    kind, compared, brier, ece = reliability(probabilities, truth)
    assert (kind, compared) == ("labels", 6)
    assert brier == pytest.approx((0.01 + 0.64 + 0.36 + 0 + 0.81 + 0) / 6)
    assert ece == pytest.approx((abs(0.9 + 0.9 - 1) + 0.8 + 0.6 + 0 + 0) / 6)  # the two 0.9 share a bin


@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_perfect_predictions_are_zero_from_the_truth(kind: str) -> None:
    truth = one_hot(2, 0, 3) if kind == "classes" else np.array([[True, False, True], [False, False, False]])
    assert reliability(truth.astype(float), truth) == (kind, 3 if kind == "classes" else 6, 0, 0)


def test_the_worst_predictions_are_as_far_from_the_truth_as_can_be() -> None:
    assert reliability(one_hot(2, 0, 3).astype(float), one_hot(1, 1, 1)) == ("classes", 3, 2, 1)
    truth = np.array([[True, False, True], [False, False, False]])
    assert reliability(1 - truth, truth) == ("labels", 6, 1, 1)


def test_predictions_that_come_true_as_often_as_they_say_have_no_calibration_error() -> None:
    probabilities = np.tile([0.75, 0.25], (8, 1))
    found = reliability(probabilities, one_hot(*[0, 0, 0, 1] * 2, classes=2))
    assert found.ece == 0
    assert found.brier == pytest.approx(2 * 0.75 * 0.25)


def test_without_samples_nothing_is_known() -> None:
    kind, compared, brier, ece = reliability(np.zeros((0, 4)), np.zeros((0, 4), bool))
    assert (kind, compared) == ("classes", 0)
    assert np.isnan([brier, ece]).all()


# Classes or labels.


@pytest.mark.parametrize("labels", [[[1, 1, 0]], [[0, 0, 0]]], ids=["two", "none"])
def test_a_sample_without_exactly_one_label_makes_it_labels(labels: list[list[int]]) -> None:
    probabilities = np.full((2, 3), 1 / 3)
    truth = np.array([[0, 1, 0], *labels], bool)
    assert reliability(probabilities, truth)[:2] == ("labels", 6)


@pytest.mark.parametrize(
    ("total", "kind"), [(1.0005, "classes"), (0.9995, "classes"), (1.01, "labels"), (0.99, "labels")]
)
def test_one_row_that_does_not_sum_to_one_makes_it_labels(total: float, kind: str) -> None:
    probabilities = np.array([[0.5, 0.5], [0.25 * total, 0.75 * total]])
    assert reliability(probabilities, one_hot(1, 0, classes=2)).kind == kind


def test_of_two_equal_probabilities_the_first_is_the_prediction() -> None:
    probabilities = np.array([[0.1, 0.45, 0.45]])
    assert reliability(probabilities, one_hot(1, classes=3)).ece == pytest.approx(0.55)
    assert reliability(probabilities, one_hot(2, classes=3)).ece == pytest.approx(0.45)


# Bins.


def slow_error(confidence: FloatArray, happened: FloatArray) -> float:
    """Guo et al. 2017, equation 3: sum over bins of |B| / n |accuracy(B) - confidence(B)|, bins ((b - 1)/15, b/15]."""
    error = 0.0
    for bin_ in range(1, 16):
        inside = [
            place
            for place, value in enumerate(confidence)
            if (bin_ - 1) / 15 < value <= bin_ / 15 or (bin_ == 1 and value == 0)
        ]
        if inside:
            accuracy, mean = np.mean(happened[inside]), np.mean(confidence[inside])
            error += len(inside) / len(confidence) * abs(accuracy - mean)
    return float(error)


def test_the_error_of_classes_is_that_of_a_slow_loop_over_bins() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.3] * 4, 500)
    labels = rng.integers(0, 4, 500)
    top = probabilities.argmax(axis=1)
    found = reliability(probabilities, one_hot(*labels))
    assert found.kind == "classes"
    assert found.ece == pytest.approx(slow_error(probabilities.max(axis=1), labels == top))
    slow = np.mean([sum((row - np.eye(4)[label]) ** 2) for row, label in zip(probabilities, labels, strict=True)])
    assert found.brier == pytest.approx(slow)


def test_the_error_of_labels_is_that_of_a_slow_loop_over_bins() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.random((150, 4))
    truth = rng.random((150, 4)) < probabilities**2
    found = reliability(probabilities, truth)
    assert (found.kind, found.compared) == ("labels", 600)
    assert found.ece == pytest.approx(slow_error(probabilities.ravel(), truth.ravel()))
    assert found.brier == pytest.approx(np.mean((probabilities - truth) ** 2))


def binned_together(higher: float, lower: float) -> bool:
    """Whether two probabilities share a bin: if so, the lower, which happens, makes up for the higher, that fails."""
    error = reliability(np.array([[higher, lower]]), np.array([[False, True]])).ece
    together, apart = abs(higher + lower - 1) / 2, (higher + (1 - lower)) / 2
    assert error in (pytest.approx(together), pytest.approx(apart))
    return error != pytest.approx(apart)


@pytest.mark.parametrize("edge", range(1, 15))
def test_an_edge_belongs_to_the_bin_below(edge: int) -> None:
    value = float(Fraction(edge, 15))
    assert binned_together(value, value - 0.01)
    assert not binned_together(value + 0.01, value)
    assert not binned_together(value + 1e-9, value)


def test_zero_is_in_the_first_bin_and_one_in_the_last() -> None:
    assert binned_together(0.05, 0.0)
    assert not binned_together(0.07, 0.0)
    assert binned_together(1.0, 0.95)
    assert not binned_together(1.0, 0.93)


def test_float32_and_lists_are_taken() -> None:
    probabilities, truth = [[0.75, 0.25], [0.5, 0.5]], [[1, 0], [0, 1]]
    wanted = ("classes", 2, 0.3125, 0.375)
    assert reliability(np.array(probabilities, np.float32), np.array(truth, bool)) == wanted
    assert reliability(np.array(probabilities), np.array(truth)) == wanted


def test_a_reliability_is_of_plain_numbers() -> None:
    found = reliability(np.array([[0.75, 0.25]]), one_hot(0, classes=2))
    assert [type(value) for value in found] == [str, int, float, float]


# Separation.


def slow_separation(incorrect: list[float], correct: list[float]) -> float:
    """The part of pairs in which the incorrect prediction is more uncertain, ties counted half."""
    wins = sum((w > r) + (w == r) / 2 for w in incorrect for r in correct)
    return wins / (len(incorrect) * len(correct))


@pytest.mark.parametrize(
    ("incorrect", "correct", "wanted"),
    [
        ([0.9, 0.8], [0.1, 0.2, 0.3], 1.0),
        ([0.1, 0.2], [0.9, 0.8, 0.3], 0.0),
        ([0.5, 0.5], [0.5, 0.5, 0.5], 0.5),
        ([0.4], [0.1, 0.2, 0.3, 0.5], 0.75),
        ([0.3, 0.1, 0.4], [0.3, 0.2], 3.5 / 6),
    ],
)
def test_separation_by_hand(incorrect: list[float], correct: list[float], wanted: float) -> None:
    assert separation(incorrect, correct) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_separation_with_ties_is_that_of_a_slow_double_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    incorrect = (rng.integers(0, 6, 13) / 5).tolist()
    correct = (rng.integers(0, 5, 29) / 5).tolist()
    assert separation(incorrect, correct) == pytest.approx(slow_separation(incorrect, correct))
    assert separation(incorrect, correct) + separation(correct, incorrect) == pytest.approx(1)


def test_only_the_order_of_deviations_matters() -> None:
    rng = np.random.default_rng(8)
    incorrect, correct = rng.random(7), rng.random(12)
    assert separation(np.exp(9 * incorrect).tolist(), np.exp(9 * correct).tolist()) == separation(
        incorrect.tolist(), correct.tolist()
    )


@pytest.mark.parametrize(("incorrect", "correct"), [([], [0.1]), ([0.1], []), ([], [])])
def test_where_all_or_none_are_correct_nothing_is_separated(incorrect: list[float], correct: list[float]) -> None:
    assert np.isnan(separation(incorrect, correct))


def test_probabilities_of_a_stranger_beyond_all_measure_are_in_the_last_bin() -> None:
    with np.errstate(all="raise"):
        found = reliability(np.array([[3e38, -3e38]]), np.array([[True, False]]))
    assert np.isfinite([found.brier, found.ece]).all()
