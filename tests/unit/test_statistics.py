"""Summaries and ranks of scores, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explainer.records import RunMetadata
from explainer.statistics import SingleScore, method_statistics, ranks, summary_of

NAN = math.nan


def test_a_summary_by_hand() -> None:
    found = summary_of([3.0, NAN, 1.0, 8.0, 4.0, math.inf])
    assert found.mean == 4
    assert found.median == 3.5
    assert found.deviation == pytest.approx(np.sqrt((1 + 9 + 16 + 0) / 3))
    assert (found.defined, found.undefined) == (4, 2)
    assert 1 < found.low < 4 < found.high < 8


def test_without_a_defined_score_everything_is_undefined_and_not_zero() -> None:
    for scores, undefined in (([], 0), ([NAN, NAN], 2)):
        found = summary_of(scores)
        assert all(math.isnan(value) for value in found[:5])
        assert (found.defined, found.undefined) == (0, undefined)


def test_one_score_has_no_deviation_and_an_interval_of_itself() -> None:
    found = summary_of([0.25])
    assert (found.mean, found.median, found.low, found.high) == (0.25, 0.25, 0.25, 0.25)
    assert math.isnan(found.deviation)


def test_equal_scores_have_an_interval_of_one_point() -> None:
    assert summary_of([0.5] * 9)[:5] == (0.5, 0.5, 0, 0.5, 0.5)


def test_the_same_scores_give_the_same_interval() -> None:
    scores = np.random.default_rng(0).random(30).tolist()
    assert summary_of(scores) == summary_of(scores)


def test_the_interval_covers_the_true_mean_of_ninety_five_in_a_hundred_samples() -> None:
    """The percentile interval of 40 scores is a little narrow: about 93.5 %; of 300 samples, by 3 standard errors."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        found = summary_of(rng.normal(0.3, 1.0, 40).tolist())
        hits += found.low <= 0.3 <= found.high
    assert abs(hits / 300 - 0.935) < 3 * np.sqrt(0.935 * 0.065 / 300)


def test_the_interval_is_about_two_standard_errors_to_each_side() -> None:
    scores = np.random.default_rng(4).normal(size=400)
    found = summary_of(scores.tolist())
    error = scores.std() / 20
    assert found.mean - found.low == pytest.approx(1.96 * error, rel=0.15)
    assert found.high - found.mean == pytest.approx(1.96 * error, rel=0.15)


def test_the_highest_mean_is_first_or_the_lowest() -> None:
    means = {"a": 0.2, "b": 0.9, "c": 0.5}
    assert ranks(means, higher_is_better=True) == {"a": 3, "b": 1, "c": 2}
    assert ranks(means, higher_is_better=False) == {"a": 1, "b": 3, "c": 2}


def test_equal_means_share_their_places_and_undefined_ones_have_none() -> None:
    means = {"a": 0.5, "b": NAN, "c": 0.5, "d": 0.5, "e": 0.1}
    assert ranks(means, higher_is_better=True) == {"a": 2, "c": 2, "d": 2, "e": 4}
    assert ranks({}, higher_is_better=True) == {}


def test_a_control_is_what_the_run_declares_as_one() -> None:
    scores = [SingleScore("M", name, 0.5, "") for name in ("Gradient", "control: random", "of a job")]
    metadata = RunMetadata(("a",), ("Gradient",), parameters={"controls": {"control: random": {}}})
    assert [entry.control for entry in method_statistics(scores, metadata)] == [False, True, False]
    odd = RunMetadata(("a",), ("Gradient",), parameters={"controls": ["control: random"]})
    assert [entry.control for entry in method_statistics(scores, odd)] == [False, False, False]


def test_statistics_of_a_metric_by_hand() -> None:
    scores = [
        SingleScore("M", "a", 1.0, "right"),
        SingleScore("M", "a", 3.0, "wrong"),
        SingleScore("M", "a", math.nan, "wrong"),
        SingleScore("M", "b", 4.0, ""),
        SingleScore("N", "a", math.nan, "right"),
    ]
    metadata = RunMetadata(("x",), ("a", "b"), parameters={"metrics": {"M": {"higher_is_better": False}}})
    first, second, third = method_statistics(scores, metadata)
    assert (first.metric, first.explainer, first.higher_is_better, first.rank) == ("M", "a", False, 1)
    assert (first.overall.mean, first.overall.undefined) == (2.0, 1)
    assert (first.right.mean, first.wrong.mean, first.wrong.undefined) == (1.0, 3.0, 1)
    assert (second.explainer, second.rank, second.right.defined, second.overall.mean) == ("b", 2, 0, 4.0)
    assert (third.metric, third.higher_is_better, third.rank, third.overall.defined) == ("N", True, None, 0)
