"""The columns of a report are what the run says of each row and sample."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hand_made_runs import sample, tree
from scipy.stats import entropy
from written_reports import Chunk

from explainer.records import Score
from explainer.report.catalogue import Catalogue
from explainer.report.columns import Rows, ScoreColumns, columns_chunk, score_chunk
from explainer.report.ordered_samples import OrderedSamples
from explainer.summary.reader import SampleView

CATALOGUE = Catalogue(("A", "B"), ("M", "N", "O"), frozenset(), 3)


def with_explained(number, probabilities, explained, **more) -> SampleView:
    """A sample of which these labels were explained."""
    made = sample(number, probabilities, **more)
    prediction = type(made.prediction)(
        number, made.prediction.ground_truth, made.prediction.predicted, explained, made.prediction.probabilities
    )
    return SampleView(
        number,
        made.image,
        prediction,
        uncertainty=made.uncertainty,
        edit_trees=made.edit_trees,
        scores=more_scores(number),
    )


def more_scores(number):
    return (
        Score(number, "A", "M", 1, 0.5),
        Score(number, "B", "M", 2, math.nan),
        Score(number, "A", "N", None, 0.25),
        Score(number, "C", "M", 1, 0.125),
        Score(number, "A", "P", 1, 0.125),
    )


SAMPLES = [
    with_explained(3, [0.125, 0.25, 0.625], (1, 2), truth=(1,), predicted=(2,), deviation=[0.1, 0.2, 0.3]),
    with_explained(7, [0.25, 0.5, 0.25], (1,), truth=(1,), predicted=(1,), trees=(tree(1, (1, 1, 4, 4)),)),
    with_explained(8, [0.75, 0.5, 0.0], (2, 0), trees=(tree(2, reason="none is enough"),)),
    sample(9, []),
]


def rows_of(samples) -> Rows:
    return Rows.of(OrderedSamples({sample.sample_id: sample for sample in samples}), CATALOGUE.label_count)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return rows_of(SAMPLES)


@pytest.fixture(scope="module")
def columns(rows) -> Chunk:
    return Chunk(columns_chunk(rows, [0.5, 0.25, math.nan, 1, 2, math.nan]))


def floats(chunk: Chunk, name: str) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 6) for value in chunk.column(name)]


def test_rows_are_the_explained_labels_in_their_order_and_one_for_a_sample_without_any(columns):
    assert (columns["rows"], columns["samples"]) == (6, 4)
    assert columns.column("of") == [0, 0, 1, 2, 2, 3]
    assert columns.column("label") == [1, 2, 1, 2, 0, -1]
    assert columns.column("start") == [0, 2, 3, 5]


def test_the_default_row_is_that_of_the_top_label_else_the_first(columns):
    assert columns.column("top") == [2, 1, 0, -1]
    assert columns.column("first") == [0, 1, 1, 0, 1, 1]


def test_outcomes_are_of_the_rows_label(columns):
    false_negative, false_positive, true_positive, unknown = 3, 2, 1, 0
    assert columns.column("outcome") == [false_negative, false_positive, true_positive, unknown, unknown, unknown]
    assert columns.column("correct") == [2, 1, 0, 0]


def test_numbers_of_rows(columns):
    assert floats(columns, "p") == [0.25, 0.625, 0.5, 0.0, 0.75, None]
    assert floats(columns, "deviation") == [0.2, 0.3, None, None, None, None]
    assert floats(columns, "low") == [0, 0, None, None, None, None]
    assert floats(columns, "disagreement") == [0.5, 0.25, None, 1, 2, None]
    assert columns.column("has_edits") == [0, 0, 1, 2, 0, 0]


def test_numbers_of_samples(columns):
    assert columns.column("sample") == [3, 7, 8, 9]
    assert floats(columns, "p_top") == [0.625, 0.5, 0.75, None]
    assert floats(columns, "margin") == [0.375, 0.25, 0.25, None]
    assert floats(columns, "total") == [0.5, None, None, None]
    assert floats(columns, "epistemic") == [0.125, None, None, None]


def test_entropy_is_of_classes_where_they_sum_to_one_else_of_labels(columns):
    of_labels = entropy([0.75, 0.25]) + entropy([0.5, 0.5])
    expected = [entropy([0.125, 0.25, 0.625]), entropy([0.25, 0.5, 0.25]), of_labels]
    assert columns.column("entropy")[:3] == pytest.approx(expected, rel=1e-6)
    assert math.isnan(columns.column("entropy")[3])


def test_truth_and_predictions_are_lists_of_labels(columns):
    assert columns.lists("truth") == [[1], [1], [], []]
    assert columns.lists("predicted") == [[2], [1], [], []]


def test_scores_stand_by_row_and_method_and_a_score_of_a_sample_in_all_of_its_rows(rows):
    scores = ScoreColumns(CATALOGUE)
    for index, one in enumerate(SAMPLES):
        scores.take(one, rows.labels_of(index))
    contents = dict(scores.chunks())
    chunks = {index: Chunk(content) for index, content in contents.items()}
    assert [score_chunk(index, rows, CATALOGUE) for index in range(4)] == [contents[0], contents[1], None, None]
    assert sorted(chunks) == [0, 1]  # O has none, and P is none of the catalogue's
    assert [chunk["methods"] for chunk in chunks.values()] == [2, 2]
    first, second = (chunk.array(chunk["values"]).reshape(6, 2) for chunk in chunks.values())
    nan = np.nan
    assert np.array_equal(first[:, 0], np.float32([0.5, nan, 0.5, nan, nan, nan]), equal_nan=True)
    assert np.isnan(first[:, 1]).all()
    assert np.array_equal(second[:, 0], np.float32([0.25, 0.25, 0.25, 0.25, 0.25, nan]), equal_nan=True)


def test_a_strangers_probabilities_make_no_error():
    odd = [sample(1, [math.nan, 2.0, -1.0], truth=(1,)), sample(2, [math.inf, 0.0, 0.0]), sample(3, [1.0])]
    chunk = Chunk(columns_chunk(rows_of(odd), [0.0] * 3))
    assert math.isnan(chunk.column("margin")[2])
    assert chunk["samples"] == 3


def test_names_are_utf8_and_may_be_missing(written):
    chunk = written.report["cols"]
    text = chunk.array(chunk["names"]["text"]).tobytes().decode()
    begins = chunk.array(chunk["names"]["at"]).tolist()
    names = [text[start:end] for start, end in pairwise(begins)]
    assert names == [sample.source for sample in written.view.samples.values()]


def test_a_whole_run_has_its_rows_in_the_order_of_its_samples(written):
    chunk, samples = written.report["cols"], written.view.samples
    pairs = list(zip(chunk.column("of"), chunk.column("label"), strict=True))
    assert pairs == [(index, label) for index, one in enumerate(samples.values()) for label in one.prediction.explained]
    assert chunk.column("sample") == list(samples)
    assert sum(chunk.column("first")) == len(samples)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_columns_are_the_same_however_many_samples_are_put_together_at_once(rows, monkeypatch, at_once):
    whole = columns_chunk(rows, range(6))
    monkeypatch.setattr("explainer.report.columns._AT_ONCE", at_once)
    assert columns_chunk(rows, range(6)) == whole


def test_a_row_knows_its_sample_and_a_sample_its_place(rows):
    assert [(row.of, row.label) for row in rows.between(1, 5)] == [(0, 2), (1, 1), (2, 2), (2, 0)]
    assert rows.between(5, 99) == [(3, -1)]
    assert rows.between(6, 14) == []
    assert [rows.index_of(number) for number in (2, 3, 8, 9, 10)] == [None, 0, 2, 3, None]


def test_a_run_without_samples_has_columns_without_rows():
    chunk = Chunk(columns_chunk(rows_of([]), []))
    assert (chunk["rows"], chunk["samples"], chunk.column("of"), chunk.lists("truth")) == (0, 0, [], [])
