"""A method is better than a control where the differences of their scores say so."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from explainer.analysis.controls import AgainstControls, ControlVerdicts, are_tied
from explainer.analysis.score_table import ScoreTable
from explainer.analysis.statistics import summary_of
from explainer.records import RunMetadata, Score

EASY = [0.1, 0.3, 0.5, 0.7, 0.9, 0.2]
"""What makes a sample easy for any map; the means of six such scores are not sure."""


def _verdicts(
    method: list[float], control: list[float], *, higher: bool = True, correct: list[bool | None] | None = None
) -> ControlVerdicts:
    """Of a method "g" and the control "c", sample by sample, by a metric "M"."""
    parameters = {"controls": {"c": {}}, "metrics": {"M": {"higher_is_better": higher, "bounds": [0.0, 1.0]}}}
    parts = correct or [True] * len(method)
    samples = [
        SimpleNamespace(
            sample_id=number,
            correct=part,
            scores=[Score(number, "g", "M", 2, own), Score(number, "c", "M", 2, other)],
        )
        for number, (own, other, part) in enumerate(zip(method, control, parts, strict=True))
    ]
    return ControlVerdicts(ScoreTable(cast(Any, samples)), RunMetadata(("a", "b", "c"), ("g",), parameters=parameters))


def _above(control: list[float]) -> list[float]:
    return [value + 0.05 + 0.005 * (number % 2) for number, value in enumerate(control)]


def test_a_method_is_better_where_the_differences_are_clear_though_the_intervals_overlap() -> None:
    own, other = summary_of(_above(EASY)), summary_of(EASY)
    assert own.low < other.high
    assert _verdicts(_above(EASY), EASY).of("M", "g") == AgainstControls(("c",), ())


def test_lower_is_better_where_the_metric_says_so() -> None:
    assert _verdicts(_above(EASY), EASY, higher=False).of("M", "g") == AgainstControls()
    assert _verdicts(EASY, _above(EASY), higher=False).of("M", "g") == AgainstControls(("c",), ())


@pytest.mark.parametrize("method", [EASY, [value - 0.05 for value in EASY], EASY[::-1]])
def test_a_method_that_is_equal_worse_or_unclear_is_not_better(method: list[float]) -> None:
    assert _verdicts(method, EASY).of("M", "g")[:2] == ((), ())


def test_a_method_with_the_scores_of_a_control_is_tied_with_it() -> None:
    near = [value + 0.009 * (-1) ** number for number, value in enumerate(EASY)]
    assert _verdicts(near, EASY).of("M", "g") == AgainstControls((), (), ("c",))
    assert _verdicts([*near[1:], near[0]], EASY).of("M", "g").tied_with == ()
    assert _verdicts(near[:4], EASY[:4]).of("M", "g").tied_with == ()


@pytest.mark.parametrize(("others", "tied"), [(1, True), (2, False)])
def test_one_pair_in_twenty_may_differ(others: int, tied: bool) -> None:
    pairs = [(0.25, 0.25)] * (20 - others) + [(0.25, 0.75)] * others
    assert are_tied(pairs, (0.0, 1.0)) is tied
    assert are_tied([*pairs, (math.nan, 0.25), (0.25, math.inf)], (0.0, 1.0)) is tied


@pytest.mark.parametrize(
    ("pair", "bounds", "tied"),
    [
        ((0.0, 0.015), (-1.0, 1.0), True),
        ((0.0, 0.025), (-1.0, 1.0), False),
        ((5000.0, 5040.0), (0.0, math.inf), True),
        ((5000.0, 5060.0), (0.0, math.inf), False),
        ((0.0, 0.001), (0.0, math.inf), False),
        ((0.0, 0.0), (-math.inf, math.inf), True),
    ],
)
def test_a_hundredth_is_of_the_range_or_of_the_larger_score(
    pair: tuple[float, float], bounds: tuple[float, float], tied: bool
) -> None:
    assert are_tied([pair, pair[::-1]] * 3, bounds) is tied


def test_a_method_is_compared_with_so_many_controls_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explainer.analysis.controls.MOST_CONTROLS", 2)
    names = ["g", "c", "d", "e"]
    samples = [
        SimpleNamespace(sample_id=number, correct=None, scores=[Score(number, name, "M", 2, 0.5) for name in names])
        for number in range(5)
    ]
    metadata = RunMetadata(("a",), ("g",), parameters={"controls": {name: {} for name in names[1:]}})
    assert ControlVerdicts(ScoreTable(cast(Any, samples)), metadata).of("M", "g").tied_with == ("c", "d")


def test_a_pair_with_an_undefined_score_is_none_and_below_five_pairs_nothing_can_be_told() -> None:
    method = _above(EASY)
    method[0] = math.nan
    assert _verdicts(method, EASY).of("M", "g") == AgainstControls(("c",), ())
    control = [*EASY[:5], math.nan]
    assert _verdicts(method, control).of("M", "g") == AgainstControls((), ("c",))


def test_the_correct_and_the_incorrect_samples_have_verdicts_of_their_own() -> None:
    control = [*EASY, *EASY]
    method = [*_above(EASY), *EASY]
    verdicts = _verdicts(method, control, correct=[True] * 6 + [False] * 5 + [None])
    assert verdicts.of("M", "g", "correct") == AgainstControls(("c",), ())
    assert verdicts.of("M", "g", "incorrect") == AgainstControls((), (), ("c",))


def test_scores_are_paired_by_sample_and_label() -> None:
    def sample(number: int) -> Any:
        own, other = ([Score(number, name, "M", label, 0.5) for label in (0, 1)] for name in ("g", "c"))
        return SimpleNamespace(sample_id=number, correct=None, scores=[*own[:1], *other[1:]])

    metadata = RunMetadata(("a", "b"), ("g",), parameters={"controls": {"c": {}}})
    assert ControlVerdicts(ScoreTable(map(sample, range(9))), metadata).of("M", "g") == AgainstControls((), ("c",))


def test_a_control_is_compared_with_none_nor_is_a_method_with_one_that_was_not_scored() -> None:
    verdicts = _verdicts(_above(EASY), EASY)
    assert verdicts.of("M", "c") == verdicts.of("N", "g") == AgainstControls()
