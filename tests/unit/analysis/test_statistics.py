"""Summaries and ranks of scores, by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from explainer.analysis.score_table import SingleScore
from explainer.analysis.statistics import difference_of, method_statistics, ranks, summary_of
from explainer.records import RunMetadata

NAN = math.nan


def test_a_summary_by_hand() -> None:
    found = summary_of([3.0, NAN, 1.0, 8.0, 4.0, math.inf])
    assert found.mean == 4
    assert found.median == 3.5
    assert found.deviation == pytest.approx(np.sqrt((1 + 9 + 16 + 0) / 3))
    assert (found.defined, found.undefined) == (4, 2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_without_a_defined_score_everything_is_undefined_and_not_zero() -> None:
    for scores, undefined in (([], 0), ([NAN, NAN], 2)):
        found = summary_of(scores)
        assert all(math.isnan(value) for value in found[:5])
        assert (found.defined, found.undefined) == (0, undefined)


@pytest.mark.parametrize("scores", [[0.25], [0.0, 1.0], [0.1, 0.7, 0.2, 0.4], [0.5] * 4, [1.0] * 4])
def test_fewer_than_five_scores_have_no_interval(scores: list[float]) -> None:
    found = summary_of([*scores, NAN])
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.mean == pytest.approx(np.mean(scores))
    assert math.isnan(found.deviation) == (len(scores) == 1)


def test_five_scores_have_one() -> None:
    found = summary_of([0.1, 0.7, 0.2, 0.4, 0.5])
    assert found.low < found.mean < found.high


def test_equal_scores_have_an_interval_of_one_point() -> None:
    assert summary_of([0.5] * 9)[:5] == (0.5, 0.5, 0, 0.5, 0.5)
    assert summary_of([0.1] * 9)[3:5] == (0.1, 0.1)
    tiny = summary_of([0.0, 1e-200, 0.0, 2e-200, 0.0])
    assert (tiny.low, tiny.high) == (tiny.mean, tiny.mean)


def test_scores_without_skewness_have_student_s_interval() -> None:
    scores = [3.0, 5.0, 6.0, 7.0, 9.0, 1.0, 11.0]
    found = summary_of(scores)
    wanted = stats.t.interval(0.95, 6, loc=6, scale=stats.sem(scores))
    np.testing.assert_allclose((found.low, found.high), wanted, rtol=1e-12)


def transformed(mean: float, scores: list[float]) -> float:
    """Hall's cubic of Student's ratio, were this the true mean."""
    count, skewness = len(scores), float(stats.skew(scores))
    ratio = (np.mean(scores) - mean) / stats.sem(scores)
    square = skewness * ratio**2 / (3 * math.sqrt(count))
    return ratio + square + skewness**2 * ratio**3 / (27 * count) + skewness / (6 * math.sqrt(count))


@pytest.mark.parametrize("sign", [1, -1], ids=["skewed to the right", "to the left"])
@pytest.mark.parametrize("count", [5, 10, 40])
def test_the_ends_of_an_interval_are_the_means_whose_transformed_ratios_are_student_s_quantiles(
    count: int, sign: int
) -> None:
    scores = (sign * np.random.default_rng(count).lognormal(size=count)).tolist()
    assert abs(stats.skew(scores)) > 0.5
    found = summary_of(scores)
    quantile = stats.t.ppf(0.975, count - 1)
    assert transformed(found.low, scores) == pytest.approx(quantile, rel=1e-9)
    assert transformed(found.high, scores) == pytest.approx(-quantile, rel=1e-9)


def test_an_interval_reaches_further_to_the_side_of_the_rare_scores() -> None:
    found = summary_of([0.1, 0.1, 0.2, 0.2, 0.3, 0.9])
    assert found.high - found.mean > 2 * (found.mean - found.low)


@pytest.mark.parametrize(("hits", "count"), [(0, 9), (9, 9), (1, 10), (7, 10), (29, 30), (5, 5)])
def test_hits_and_misses_have_the_interval_of_a_proportion(hits: int, count: int) -> None:
    """Agresti and Coull: Wald's interval of n + z^2 samples, of which z^2 / 2 more are hits; as wide as Wilson's or
    wider about the same centre, and cut off at 0 and 1.
    """
    found = summary_of([1.0] * hits + [0.0] * (count - hits))
    z = stats.norm.ppf(0.975)
    centre = (hits + z * z / 2) / (count + z * z)
    reach = z * stats.binom.std(1, centre) / np.sqrt(count + z * z)
    np.testing.assert_allclose((found.low, found.high), np.clip((centre - reach, centre + reach), 0, 1), rtol=1e-12)
    wilson = stats.binomtest(hits, count).proportion_ci(0.95, "wilson")
    assert centre == pytest.approx((wilson.low + wilson.high) / 2, rel=1e-12)
    assert found.low <= wilson.low + 1e-12
    assert wilson.high <= found.high + 1e-12


def test_nothing_but_hits_is_no_certainty() -> None:
    assert summary_of([1.0] * 10)[:5] == (1.0, 1.0, 0.0, pytest.approx(0.6791, abs=5e-5), 1.0)
    assert summary_of([0.0] * 10)[3:5] == (0.0, pytest.approx(1 - 0.6791, abs=5e-5))


def test_one_score_between_zero_and_one_makes_it_no_proportion() -> None:
    assert summary_of([1.0] * 9 + [0.999]).low > 0.99


def test_the_same_scores_give_the_same_interval_whatever_their_order() -> None:
    scores = np.random.default_rng(0).random(30)
    found = summary_of(scores.tolist())
    for seed in range(5):
        assert summary_of(np.random.default_rng(seed).permutation(scores).tolist()) == found


def test_no_interval_reaches_beyond_the_bounds_of_the_metric() -> None:
    scores = [0.8, 0.99, 1.0, 0.97, 1.0, 0.6]
    free, bounded = summary_of(scores), summary_of(scores, (-1.0, 1.0))
    assert free.high > 1
    assert (bounded.low, bounded.high) == (free.low, 1.0)
    metadata = RunMetadata(("a",), ("g",), parameters={"metrics": {"M": {"bounds": [0.0, 1.0]}}})
    (found,) = method_statistics(
        [SingleScore("M", "g", score, "correct", (place, 0)) for place, score in enumerate(scores)], metadata
    )
    assert (found.overall.high, found.correct.high) == (1.0, 1.0)


@pytest.mark.parametrize("bounds", [None, [None, None], "01", [0.0], 3, {"low": 0}, [None, "1"]])
def test_bounds_that_are_none_bound_nothing(bounds: object) -> None:
    scores = [0.8, 0.99, 1.0, 0.97, 1.0, 0.6]
    metadata = RunMetadata(("a",), ("g",), parameters={"metrics": {"M": {"bounds": bounds}}})
    (found,) = method_statistics(
        [SingleScore("M", "g", score, "", (place, 0)) for place, score in enumerate(scores)], metadata
    )
    assert found.overall == summary_of(scores)


@pytest.mark.parametrize(
    ("draw", "mean", "wanted"),
    [
        (lambda rng: rng.normal(0.3, 1.0, 10), 0.3, 0.952),
        (lambda rng: rng.exponential(size=10), 1.0, 0.937),
        (lambda rng: rng.beta(5, 1, 10), 5 / 6, 0.947),
        (lambda rng: rng.random(10) < 0.7, 0.7, 0.953),
    ],
    ids=["normal", "exponential", "near 1", "hits"],
)
def test_the_interval_of_ten_scores_covers_the_true_mean_as_often_as_it_is_said(
    draw: Callable[[np.random.Generator], NDArray[Any]], mean: float, wanted: float
) -> None:
    """As measured by scripts/interval_coverage.py; of 1000 samples, by 3 standard errors."""
    rng = np.random.default_rng(3)
    summaries = [summary_of(draw(rng).astype(float).tolist()) for _ in range(1000)]
    hits = np.mean([found.low <= mean <= found.high for found in summaries])
    assert abs(hits - wanted) < 3 * np.sqrt(wanted * (1 - wanted) / 1000)


def test_the_highest_mean_is_first_or_the_lowest() -> None:
    means = {"a": 0.2, "b": 0.9, "c": 0.5}
    assert ranks(means, higher_is_better=True) == {"a": 3, "b": 1, "c": 2}
    assert ranks(means, higher_is_better=False) == {"a": 1, "b": 3, "c": 2}


def test_equal_means_share_their_places_and_undefined_ones_have_none() -> None:
    means = {"a": 0.5, "b": NAN, "c": 0.5, "d": 0.5, "e": 0.1}
    assert ranks(means, higher_is_better=True) == {"a": 2, "c": 2, "d": 2, "e": 4}
    assert ranks({}, higher_is_better=True) == {}


def test_a_control_is_what_the_run_declares_as_one() -> None:
    scores = [SingleScore("M", name, 0.5, "", (0, 0)) for name in ("Gradient", "control: random", "of a job")]
    metadata = RunMetadata(("a",), ("Gradient",), parameters={"controls": {"control: random": {}}})
    assert [entry.control for entry in method_statistics(scores, metadata)] == [False, True, False]
    odd = RunMetadata(("a",), ("Gradient",), parameters={"controls": ["control: random"]})
    assert [entry.control for entry in method_statistics(scores, odd)] == [False, False, False]


def test_statistics_of_a_metric_by_hand() -> None:
    scores = [
        SingleScore("M", "a", 1.0, "correct", (0, 0)),
        SingleScore("M", "a", 3.0, "incorrect", (1, 0)),
        SingleScore("M", "a", math.nan, "incorrect", (2, 0)),
        SingleScore("M", "b", 4.0, "", (3, None)),
        SingleScore("N", "a", math.nan, "correct", (0, 0)),
    ]
    metadata = RunMetadata(("x",), ("a", "b"), parameters={"metrics": {"M": {"higher_is_better": False}}})
    first, second, third = method_statistics(scores, metadata)
    assert (first.metric, first.explainer, first.higher_is_better, first.rank) == ("M", "a", False, 1)
    assert (first.overall.mean, first.overall.undefined) == (2.0, 1)
    assert (first.correct.mean, first.incorrect.mean, first.incorrect.undefined) == (1.0, 3.0, 1)
    assert (second.explainer, second.rank, second.correct.defined, second.overall.mean) == ("b", 2, 0, 4.0)
    assert (third.metric, third.higher_is_better, third.rank, third.overall.defined) == ("N", True, None, 0)


def _scores(**of_methods: dict[int, tuple[float, str]]) -> list[SingleScore]:
    """By method and sample a score and its part."""
    return [
        SingleScore("M", name, value, part, (sample, 0))
        for name, scores in of_methods.items()
        for sample, (value, part) in scores.items()
    ]


def test_a_control_of_a_few_samples_is_ranked_by_what_it_shares_with_each_method() -> None:
    """Samples 0 and 1 are easy: the control's mean is above all methods', though it is behind "good" on both."""
    hard = dict.fromkeys(range(2, 8), (0.1, "incorrect"))
    scores = _scores(
        good={0: (0.9, "correct"), 1: (0.9, "correct"), **hard},
        poor={0: (0.5, "correct"), 1: (0.6, "correct"), **hard},
        control={0: (0.7, "correct"), 1: (0.6, "correct")},
    )
    found = {entry.explainer: entry for entry in method_statistics(scores, RunMetadata(("a",)))}
    assert found["control"].overall.mean > found["good"].overall.mean > found["poor"].overall.mean
    assert {name: entry.rank for name, entry in found.items()} == {"good": 1, "control": 2, "poor": 3}
    assert [entry.part_ranks for entry in found.values()] == [(1, 1.5), (3, 1.5), (2, None)]


def test_methods_of_other_samples_are_compared_by_their_means_where_they_share_none_that_is_defined() -> None:
    scores = _scores(a={0: (0.2, ""), 1: (0.3, "")}, b={2: (0.9, "")}, c={0: (NAN, ""), 3: (0.25, "")})
    found = {entry.explainer: entry.rank for entry in method_statistics(scores, RunMetadata(("x",)))}
    assert found == {"b": 1, "a": 2.5, "c": 2.5}


def test_two_that_are_equal_on_what_they_share_share_their_rank() -> None:
    scores = _scores(a={0: (0.5, ""), 1: (0.1, "")}, b={0: (0.5, "")}, c={0: (0.4, ""), 1: (0.05, "")})
    found = {entry.explainer: entry.rank for entry in method_statistics(scores, RunMetadata(("x",)))}
    assert found == {"a": 1.5, "b": 1.5, "c": 3}


def test_the_old_names_of_the_parts_warn_and_work() -> None:
    scores = [SingleScore("M", "a", 1.0, "correct", (0, 0)), SingleScore("M", "a", 3.0, "incorrect", (1, 0))]
    (found,) = method_statistics(scores, RunMetadata(("cat",)))
    with pytest.warns(DeprecationWarning, match="`MethodStatistics.right` is now called `correct`"):
        assert found.right is found.correct
    with pytest.warns(DeprecationWarning, match="`MethodStatistics.wrong` is now called `incorrect`") as caught:
        assert found.wrong is found.incorrect
    assert caught[0].filename == __file__  # the line that uses the old name is named


# ------------------------------------------------- paired differences


def test_a_difference_is_the_summary_of_the_differences() -> None:
    first, second = [0.1, 0.7, 0.2, 0.4, 0.5, 0.9], [0.3, 0.6, 0.6, 0.4, 0.6, 0.8]
    found = difference_of(first, second)
    assert found == summary_of([b - a for a, b in zip(first, second, strict=True)])
    assert found.mean == pytest.approx(0.5 / 6)


def test_a_pair_is_undefined_where_one_of_its_scores_is() -> None:
    found = difference_of([0.5, NAN, 1.0, math.inf, math.inf], [1.0, 0.5, NAN, 0.5, math.inf])
    assert (found.mean, found.defined, found.undefined) == (0.5, 1, 4)
    assert difference_of([], []).defined == 0


def test_differences_reach_no_further_than_the_bounds_allow() -> None:
    first, second = [0.0, 0.0, 0.0, 0.0, 0.5], [1.0, 1.0, 1.0, 1.0, 0.6]
    assert difference_of(first, second).high > 1
    assert difference_of(first, second, (0, 1)).high == 1
    assert difference_of(second, first, (0, 1)).low == -1


def test_differences_of_hits_have_the_interval_of_bonett_and_price() -> None:
    first = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    second = [1, 1, 1, 1, 0, 0, 0, 1, 1, 1]
    found = difference_of(first, second)
    gained, lost = 5 / 12, 2 / 12
    reach = stats.norm.ppf(0.975) * np.sqrt((gained + lost - (gained - lost) ** 2) / 12)
    assert found.mean == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.25 - reach, 0.25 + reach))


def test_hits_that_never_change_still_leave_a_doubt_and_only_gains_are_no_proportion() -> None:
    same = difference_of([1, 0, 1, 1, 0], [1, 0, 1, 1, 0])
    assert same.low == -same.high < 0
    gains = difference_of([0, 0, 0.5, 0, 0], [1, 0, 0.5, 1, 0])  # differences 0 and 1 of scores that are more
    shifted = summary_of([2.0, 1.0, 1.0, 2.0, 1.0])
    assert (gains.low, gains.high) == pytest.approx((shifted.low - 1, shifted.high - 1))
