"""Totals of scores that were recorded: which of them have labels, what undefined ones do, and when there are none."""

from __future__ import annotations

import math

from explainer.records import Benchmark, RunMetadata, Score
from explainer.summary import codec
from explainer.summary.totals import Totals

METADATA = RunMetadata(("cat", "dog"), ("A", "B"), ("M",))


def totals_of(*scores: Score, before: tuple[Benchmark, ...] = ()) -> list[Benchmark]:
    totals = Totals(METADATA, before)
    totals.add(codec.encode_scores(0, scores).score)
    return totals.benchmarks


def test_scores_of_labels_have_means_for_each_label():
    found = totals_of(Score(0, "A", "M", 1, 0.25), Score(0, "A", "M", 1, 0.75), Score(0, "A", "M", 0, math.nan))
    assert repr(found[0]) == repr(Benchmark("A", "M", 0.5, (math.nan, 0.5), 2, 1))
    assert repr(found[1]) == repr(Benchmark("B", "M", math.nan, (math.nan, math.nan), 0, 0))


def test_scores_without_labels_have_one_mean():
    found = totals_of(Score(0, "B", "M", None, 0.25))
    assert found[1] == Benchmark("B", "M", 0.25, (), 1, 0)


def test_where_no_score_is_there_the_totals_before_tell_whether_labels_have_means():
    found = totals_of(before=(Benchmark("A", "M", math.nan, (math.nan, math.nan)),))
    assert [len(total.by_label) for total in found] == [2, 2]
    assert totals_of() == []


def test_scores_of_controls_and_of_others_metrics_are_in_no_total():
    assert totals_of(Score(0, "RandomControl", "M", 1, 0.25), Score(0, "A", "Own", 1, 0.25)) == []
