"""Numbers of all rows of a run, column by column, for filters, sorting and plots."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.checks import sum_to_one
from explainer.report.catalogue import NO_LABEL, Catalogue, rows_of, top_label
from explainer.report.chunks import Array, Body, deflated
from explainer.summary.reader import SampleView

_UNKNOWN, _TRUE_POSITIVE, _FALSE_POSITIVE, _FALSE_NEGATIVE, _TRUE_NEGATIVE = range(5)
_CORRECT, _INCORRECT = 1, 2
_NOT_SEARCHED, _FOUND, _NOT_FOUND = range(3)


class Row(NamedTuple):
    """One explained label of a sample. of: the index of the sample."""

    of: int
    label: int


class Rows:
    """The rows of a run, and its samples.

    Args:
        samples: by number.
        catalogue: of the run.
    """

    def __init__(self, samples: Sequence[SampleView], catalogue: Catalogue) -> None:
        self.samples = samples
        self.rows: list[Row] = []
        self.start: list[int] = []
        for index, sample in enumerate(samples):
            self.start.append(len(self.rows))
            self.rows.extend(Row(index, label) for label in rows_of(sample, catalogue.label_count))

    def __len__(self) -> int:
        return len(self.rows)

    def index_of(self, sample_id: int) -> int | None:
        """The index of the sample with this number; None where there is none."""
        index = bisect_left(self.samples, sample_id, key=lambda sample: sample.sample_id)
        there = index < len(self.samples) and self.samples[index].sample_id == sample_id
        return index if there else None

    def labels_of(self, index: int) -> list[int]:
        """The labels of a sample's rows."""
        end = self.start[index + 1] if index + 1 < len(self.start) else len(self.rows)
        return [row.label for row in self.rows[self.start[index] : end]]


def columns_chunk(rows: Rows, disagreements: Sequence[float]) -> bytes:
    """The chunk of all columns.

    Args:
        rows: of the run.
        disagreements: of each row.
    """
    body = Body()
    samples = rows.samples
    columns = {**_row_columns(rows, disagreements), **_sample_columns(rows)}
    header = {
        "rows": len(rows),
        "samples": len(samples),
        "columns": {name: body.add(values) for name, values in columns.items()},
        "names": _texts([sample.source for sample in samples], body),
        "truth": _lists([sample.prediction.ground_truth for sample in samples], body),
        "predicted": _lists([sample.prediction.predicted for sample in samples], body),
    }
    return deflated(header, body)


def score_chunks(rows: Rows, catalogue: Catalogue) -> Iterator[tuple[int, bytes]]:
    """For each metric that has scores its index, and the chunk of the scores of all rows by all methods."""
    for index in scored_metrics(rows.samples, catalogue):
        yield index, score_chunk(index, rows, catalogue)


def score_chunk(metric: int, rows: Rows, catalogue: Catalogue) -> bytes:
    """The chunk of the scores of all rows by all methods, by the metric with this index."""
    body = Body()
    values = _scores_by(catalogue.metrics[metric], rows, catalogue)
    header = {"metric": metric, "methods": len(catalogue.methods), "values": body.add(values)}
    return deflated(header, body)


def scored_metrics(samples: Sequence[SampleView], catalogue: Catalogue) -> list[int]:
    """The metrics by which any sample has scores."""
    found = {score.metric for sample in samples for score in sample.scores}
    return [index for index, name in enumerate(catalogue.metrics) if name in found]


def correctness(sample: SampleView) -> int:
    """0: it is not known which labels are true, 1: the most probable label is a true one, 2: it is not."""
    return {None: _UNKNOWN, True: _CORRECT, False: _INCORRECT}[sample.correct]


def probability_of(sample: SampleView, label: int) -> float:
    """The probability of a label; nan where there is none."""
    return _at(sample.prediction.probabilities, label)


def _scores_by(metric: str, rows: Rows, catalogue: Catalogue) -> NDArray[np.float32]:
    """(rows, methods) float32; the score of a metric that looks at no label stands in all rows of the sample."""
    values = np.full((len(rows), len(catalogue.methods)), np.nan, np.float32)
    for index, sample in enumerate(rows.samples):
        row_of = {label: row for row, label in enumerate(rows.labels_of(index), rows.start[index])}
        for score in sample.scores:
            method = catalogue.method_index.get(score.explainer)
            if score.metric == metric and method is not None:
                values[_rows_with(score.label, row_of), method] = score.value
    return values


def _rows_with(label: int | None, row_of: Mapping[int, int]) -> list[int]:
    if label is None:
        return list(row_of.values())
    return [row_of[label]] if label in row_of else []


# The columns of rows.


def _row_columns(rows: Rows, disagreements: Sequence[float]) -> dict[str, NDArray[Any]]:
    of_rows = [(rows.samples[row.of], row.label) for row in rows.rows]
    first = np.zeros(len(rows), np.uint8)
    first[[_default_row(index, rows) for index in range(len(rows.samples))]] = 1
    return {
        "of": np.array([row.of for row in rows.rows], np.uint32),
        "first": first,
        "label": np.array([row.label for row in rows.rows], np.int32),
        "outcome": np.array([_outcome(sample, label) for sample, label in of_rows], np.uint8),
        "p": np.array([probability_of(sample, label) for sample, label in of_rows], np.float32),
        **{name: _of_draws(name, of_rows) for name in ("deviation", "low", "high")},
        "disagreement": np.array(disagreements, np.float32),
        "has_edits": _edits(rows),
    }


def _default_row(index: int, rows: Rows) -> int:
    labels, top = rows.labels_of(index), top_label(rows.samples[index])
    return rows.start[index] + (labels.index(top) if top in labels else 0)


def _outcome(sample: SampleView, label: int) -> int:
    if not sample.truth_known or label == NO_LABEL:
        return _UNKNOWN
    predicted, true = label in sample.prediction.predicted, label in sample.prediction.ground_truth
    if true:
        return _TRUE_POSITIVE if predicted else _FALSE_NEGATIVE
    return _FALSE_POSITIVE if predicted else _TRUE_NEGATIVE


def _at(values: NDArray[np.float32], label: int) -> float:
    return float(values[label]) if 0 <= label < len(values) else math.nan


def _of_draws(name: str, of_rows: Sequence[tuple[SampleView, int]]) -> NDArray[np.float32]:
    found = ((sample.uncertainty, label) for sample, label in of_rows)
    return np.array(
        [math.nan if drawn is None else _at(getattr(drawn, name), label) for drawn, label in found], np.float32
    )


def _edits(rows: Rows) -> NDArray[np.uint8]:
    """Of each row, whether its label was searched, and whether anything was found."""
    found = np.full(len(rows), _NOT_SEARCHED, np.uint8)
    states = [_edit_states(sample) for sample in rows.samples]
    for index, row in enumerate(rows.rows):
        found[index] = states[row.of].get(row.label, _NOT_SEARCHED)
    return found


def _edit_states(sample: SampleView) -> dict[int, int]:
    searched = dict.fromkeys((tree.label for tree in sample.edit_trees), _NOT_FOUND)
    return searched | dict.fromkeys((tree.label for tree in sample.edit_trees if tree.layers), _FOUND)


# The columns of samples.


def _sample_columns(rows: Rows) -> dict[str, NDArray[Any]]:
    numbers: Mapping[str, Callable[[SampleView], float]] = {
        "p_top": lambda sample: probability_of(sample, top_label(sample)),
        "margin": _margin,
        "entropy": _entropy,
        "total": lambda sample: math.nan if sample.uncertainty is None else sample.uncertainty.total,
        "aleatoric": lambda sample: math.nan if sample.uncertainty is None else sample.uncertainty.aleatoric,
        "epistemic": lambda sample: math.nan if sample.uncertainty is None else sample.uncertainty.epistemic,
    }
    samples = rows.samples
    with np.errstate(all="ignore"):  # a stranger's probabilities may be anything
        floats = {name: np.array([number(sample) for sample in samples]) for name, number in numbers.items()}
        return {
            "sample": np.array([sample.sample_id for sample in samples], np.int32),
            "start": np.array(rows.start, np.uint32),
            "top": np.array([top_label(sample) for sample in samples], np.int32),
            "correct": np.array([correctness(sample) for sample in samples], np.uint8),
            **{name: values.astype(np.float32) for name, values in floats.items()},
        }


def _margin(sample: SampleView) -> float:
    probabilities = sample.prediction.probabilities
    if len(probabilities) < 2:
        return math.nan
    second, first = np.partition(probabilities, -2)[-2:]
    return float(first) - float(second)


def _entropy(sample: SampleView) -> float:
    """Of the prediction, in nats; of labels that may each be true the sum over labels."""
    probabilities = sample.prediction.probabilities.astype(np.float64)
    if not probabilities.size:
        return math.nan
    entropy = _surprise(probabilities)
    if not sum_to_one(probabilities):
        entropy += _surprise(1 - probabilities)
    return max(0.0, entropy) if math.isfinite(entropy) else math.nan


def _surprise(probabilities: NDArray[np.float64]) -> float:
    return float(-(probabilities * np.log(np.where(probabilities > 0, probabilities, 1.0))).sum())


# Lists of any length: where each begins, and all of them after one another.


def _texts(texts: Sequence[str], body: Body) -> dict[str, Array]:
    encoded = [text.encode("utf-8", "replace") for text in texts]
    return {"at": _begins([len(text) for text in encoded], body), "text": body.add_bytes(b"".join(encoded))}


def _lists(lists: Sequence[Sequence[int]], body: Body) -> dict[str, Array]:
    flat = np.array([value for values in lists for value in values], np.int32)
    return {"at": _begins([len(values) for values in lists], body), "labels": body.add(flat)}


def _begins(lengths: Sequence[int], body: Body) -> Array:
    return body.add(np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.uint32))
