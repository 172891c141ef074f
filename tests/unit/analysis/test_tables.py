"""The tables of a run: which rows there are, and every value of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import DATA, TABLE_METADATA, sample, write_run, write_table_run
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.analysis import tables as module
from explainer.analysis.streamed_run import StreamedRun
from explainer.analysis.tables import TABLES, Tables, has_more_boxes, has_more_rows, metrics_of, number_of, pairs_of
from explainer.analysis.view import read_run
from explainer.records import Box, ImageFile, ObjectBoxes, Prediction, SaliencyFile, Score
from explainer.summary.reader import SampleView

STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=200)
MAPS_COLUMNS = [
    *("sample_id", "source", "true_labels", "predicted_labels"),
    *("label", "label_name", "is_true", "is_predicted", "probability", "interval_low", "interval_high", "deviation"),
    *("object_boxes", "total_entropy", "aleatoric_entropy", "epistemic_entropy", "method"),
    *("map_low", "map_high", "completeness_gap", "standard_error", "map_path"),
]


@pytest.fixture
def run(tmp_path: Path):
    write_table_run(tmp_path)
    return read_run(tmp_path)


def table(run, kind: str) -> list[dict[str, object]]:
    tables = Tables(run.metadata.labels, metrics_of(run.metadata, run.samples.values()))
    return [row for one in run.samples.values() for row in tables.rows(kind, one)]


def test_the_columns_of_version_1_are_these():
    """If this fails: raise SCHEMA_VERSION where a column is renamed or changes its meaning; tell docs/export.md."""
    tables = Tables(("cat",), ("A", "B", "A"))
    assert module.SCHEMA_VERSION == 1
    assert [column.name for column in tables.columns("maps")] == [*MAPS_COLUMNS, "score_A", "score_B"]
    assert [column.name for column in tables.columns("samples")] == [*MAPS_COLUMNS[:16], "correct", "image_path"]
    assert [column.name for column in tables.columns("scores")] == [*MAPS_COLUMNS[:12], "method", "metric", "score"]


def test_every_row_has_every_column_in_its_order(run):
    tables = Tables(run.metadata.labels, metrics_of(run.metadata, run.samples.values()))
    for kind in TABLES:
        names = [column.name for column in tables.columns(kind)]
        assert all([*row] == names for row in table(run, kind))


def test_there_is_a_row_for_each_sample_method_and_label(run):
    assert [(row["sample_id"], row["method"], row["label"]) for row in table(run, "maps")] == [
        (3, "GradCAM", 0),
        (3, "GradCAM", 1),
        (3, "Integrated", 1),
        (3, "RandomControl", 0),  # which has no map: the labels that were explained
        (3, "RandomControl", 1),
        (8, "GradCAM", 2),
    ]


def test_a_row_has_these_values(run):
    assert table(run, "maps")[2] == {
        "sample_id": 3,
        "source": "-photos/=3.png",
        "true_labels": ["=dog|1"],
        "predicted_labels": ["=dog|1"],
        "label": 1,
        "label_name": "=dog|1",
        "is_true": True,
        "is_predicted": True,
        "probability": 0.7,
        "interval_low": 0.6875,
        "interval_high": 0.875,
        "deviation": 0.375,
        "object_boxes": [[1, 2, 3, 2], [0, 0, 1, 1]],
        "total_entropy": 0.5,
        "aleatoric_entropy": 0.375,
        "epistemic_entropy": 0.125,
        "method": "Integrated",
        "map_low": -5.0,
        "map_high": 1.0,
        "completeness_gap": 0.3,
        "standard_error": 0.1,
        "map_path": f"{DATA}/heatmap/Integrated/0/3_1.png",
        "score_Faithfulness": None,
        "score_Sparseness": None,
        "score_MyOwn": 4.0,
    }


def test_a_score_without_a_label_stands_in_every_row_of_its_method_and_an_undefined_one_is_none(run):
    rows = table(run, "maps")
    assert [(row["score_Faithfulness"], row["score_Sparseness"]) for row in rows] == [
        (0.25, -0.5),
        (None, -0.5),
        (None, None),
        (None, 0.1),
        (None, 0.1),
        (None, None),
    ]


def test_what_is_not_known_is_none(run):
    row = table(run, "maps")[-1]
    unknown = {name for name, value in row.items() if value is None}
    assert unknown == {
        *("source", "true_labels", "is_true", "interval_low", "interval_high", "deviation", "object_boxes"),
        *("total_entropy", "aleatoric_entropy", "epistemic_entropy", "completeness_gap", "standard_error"),
        *("score_Faithfulness", "score_Sparseness", "score_MyOwn"),
    }
    assert (row["predicted_labels"], row["is_predicted"]) == ([], False)


def test_boxes_stand_in_the_rows_of_their_label(run):
    boxes = [[1, 2, 3, 2], [0, 0, 1, 1]]
    assert [row["object_boxes"] for row in table(run, "maps")[:3]] == [[], boxes, boxes]


def test_a_sample_has_the_first_hundred_of_its_boxes():
    boxes = tuple(Box(1, number, 0, 1, 1) for number in range(101))
    assert not has_more_boxes(replace(sample(0, [0.25, 0.5, 0.25]), objects=ObjectBoxes(0, boxes[:100], (200, 1))))
    crowd = replace(sample(0, [0.25, 0.5, 0.25]), objects=ObjectBoxes(0, boxes, (200, 1)))
    (row,) = Tables(("a", "b", "c"), ()).rows("samples", crowd)
    assert row["object_boxes"] == [[number, 0, 1, 1] for number in range(100)]
    assert has_more_boxes(crowd)


def test_a_sample_has_one_row_with_its_most_probable_label(run):
    first, second = table(run, "samples")
    assert (first["label_name"], first["probability"], first["deviation"], first["correct"]) == (
        "=dog|1",
        0.7,
        0.375,
        True,
    )
    assert (second["label"], second["probability"], second["correct"], second["is_true"]) == (2, 0.5, None, None)
    assert second["image_path"] == f"{DATA}/origin_images/0/8.png"


def test_every_single_score_has_a_row(run):
    rows = table(run, "scores")
    assert [(row["method"], row["metric"], row["label"], row["score"]) for row in rows] == [
        ("GradCAM", "Faithfulness", 0, 0.25),
        ("GradCAM", "Faithfulness", 1, None),
        ("GradCAM", "Sparseness", None, -0.5),
        ("RandomControl", "Sparseness", None, 0.1),
        ("Integrated", "MyOwn", 1, 4.0),
    ]
    assert rows[2]["probability"] is None and rows[2]["source"] == "-photos/=3.png"


def test_the_only_class_that_is_known_to_be_absent_is_no_true_label_and_that_is_known():
    one = sample(0, [0.25], absence_known=True)
    (row,) = Tables(("cat",), ()).rows("maps", one)
    assert (row["true_labels"], row["is_true"], row["method"], row["label"]) == ([], None, None, None)
    (row,) = Tables(("cat",), ()).rows("samples", one)
    assert (row["is_true"], row["correct"]) == (False, True)


def test_a_sample_without_methods_has_its_explained_labels():
    prediction = Prediction(4, (0,), (), (0, 2), np.float32([0.5, 0.25, 0.25]))
    rows = Tables(("a", "b", "c"), ()).rows("maps", SampleView(4, ImageFile(4, "4.png"), prediction))
    assert [(row["method"], row["label_name"], row["map_path"]) for row in rows] == [
        (None, "a", None),
        (None, "c", None),
    ]


def test_labels_without_a_name_or_a_probability_are_told_by_their_number():
    prediction = Prediction(4, (-1, 9), (9,), (), np.float32([0.5]))
    maps = (SaliencyFile(4, "A", 9, "x.png", -math.inf, math.nan),)
    (row,) = Tables(("a",), ()).rows("maps", SampleView(4, ImageFile(4, "4.png"), prediction, maps))
    assert (row["label_name"], row["true_labels"], row["is_true"]) == ("9", ["-1", "9"], True)
    assert (row["probability"], row["map_low"], row["map_high"]) == (None, None, None)


@STEADY
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_the_shortest_that_gives_the_same_float32(value: float):
    found = number_of(value)
    assert np.float32(found) == np.float32(value)
    assert float(f"{found:.9g}") == found  # nine digits tell every float32 from its neighbours


def test_the_rows_of_a_sample_are_limited_and_that_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_ROWS", 7)
    prediction = Prediction(4, (), (), tuple(range(5)), np.float32([0.5]))
    few = SampleView(4, ImageFile(4, "4.png"), prediction, scores=(Score(4, "A", "M", None, 1.0),))
    many = SampleView(
        4, ImageFile(4, "4.png"), prediction, scores=tuple(Score(4, f"A{name}", "M", None, 1.0) for name in range(9))
    )
    assert (len(pairs_of(few)), has_more_rows(few)) == (5, False)
    assert (len(pairs_of(many)), has_more_rows(many)) == (7, True)
    maps = tuple(SaliencyFile(4, "A", label, "x.png", 0, 1) for label in range(9))
    assert len(pairs_of(SampleView(4, ImageFile(4, "4.png"), prediction, maps))) == 7


def test_the_columns_of_metrics_are_limited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_METRIC_COLUMNS", 3)
    tables = Tables((), ("A", "B", "A", "C", "D"))
    assert [column.name for column in tables.columns("maps")][len(MAPS_COLUMNS) :] == ["score_A", "score_B", "score_C"]


# ------------------------------------------------- a run that is read sample by sample


def test_a_streamed_run_gives_the_rows_of_one_that_is_read_at_once(tmp_path: Path):
    write_table_run(tmp_path)
    run, streamed = read_run(tmp_path), StreamedRun(tmp_path)
    assert (streamed.metadata, streamed.sample_count, streamed.complete) == (TABLE_METADATA, 2, True)
    assert streamed.metrics() == ["Faithfulness", "Sparseness", "MyOwn"]
    tables = Tables(streamed.metadata.labels, streamed.metrics())
    for kind in TABLES:
        assert list(itertools.chain(*(tables.rows(kind, one) for one in streamed.samples()))) == table(run, kind)


def test_a_streamed_run_tells_what_is_damaged(tmp_path: Path):
    event_file = write_run(tmp_path, ended=False).event_file
    event_file.write_bytes(event_file.read_bytes()[:-3])
    run = StreamedRun(tmp_path)
    assert not run.complete and run.damage[0].startswith("the file ends in the middle of a record (byte ")
    assert run.damage[1:] == ["the run did not end"]
