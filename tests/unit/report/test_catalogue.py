"""Which methods, metrics and rows a report has, and what of a stranger's run it leaves out."""

from __future__ import annotations

import pytest
from hand_made_runs import sample, view

from explainer.records import SaliencyFile, Score
from explainer.report import catalogue
from explainer.report.catalogue import catalogue_of, rows_of
from explainer.summary.reader import SampleView


def with_maps(number, *labels, explained=()) -> SampleView:
    made = sample(number, [0.25, 0.5, 0.25])
    prediction = type(made.prediction)(number, (), (), explained, made.prediction.probabilities)
    maps = tuple(SaliencyFile(number, "Own", label, f"{number}_{label}.png", 0.0, 1.0) for label in labels)
    return SampleView(number, made.image, prediction, maps)


def with_scores(number, *names) -> SampleView:
    made = sample(number, [0.25, 0.5, 0.25])
    scores = tuple(Score(number, method, metric, 0, 0.5) for method, metric in names)
    return SampleView(number, made.image, made.prediction, (), scores)


def test_controls_come_last_and_what_only_scores_name_is_there():
    run = view(with_scores(1, ("chance", "M"), ("Own", "N")), controls={"chance": {}})
    found = catalogue_of(run)
    assert (found.methods, found.metrics, found.controls) == (("Own", "chance"), ("M", "N"), {"chance"})
    assert found.method_index == {"Own": 0, "chance": 1}
    assert found.findings == ()


def test_controls_that_are_no_object_are_none():
    assert catalogue_of(view(with_scores(1, ("A", "M")), controls=7)).methods == ("A",)


def test_names_beyond_the_limit_are_left_out_and_told(monkeypatch):
    monkeypatch.setattr(catalogue, "MOST_NAMES", 2)
    found = catalogue_of(view(with_scores(1, ("A", "M"), ("B", "N"), ("C", "M"))))
    assert (found.methods, found.metrics) == (("A", "B"), ("M", "N"))
    assert [finding.what for finding in found.findings] == ["there are 3 methods: the report shows the first 2"]


def test_labels_with_maps_have_rows_though_nothing_says_that_they_were_explained():
    assert rows_of(with_maps(1, 2, 0, explained=(1, 0)), 3) == [1, 0, 2]


@pytest.mark.parametrize("label", [-1, 3, 99])
def test_labels_that_the_run_does_not_have_have_no_row(label):
    assert rows_of(with_maps(1, label, 2), 3) == [2]


def test_a_sample_with_nothing_explained_has_a_row_of_its_top_label():
    assert rows_of(sample(1, [0.25, 0.5, 0.25]), 3) == [1]
    assert rows_of(sample(1, []), 3) == [-1]


def test_rows_beyond_the_limit_are_left_out_and_told(monkeypatch):
    monkeypatch.setattr(catalogue, "MOST_ROWS", 2)
    made = with_maps(1, explained=(0, 1, 2))
    assert rows_of(made, 3) == [0, 1]
    what = "there are 3 labels explained of one sample: the report shows the first 2"
    assert [finding.what for finding in catalogue_of(view(made)).findings] == [what]
