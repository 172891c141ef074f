"""Numbers of all rows of a run, column by column, for filters, sorting and plots."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.view import RunView
from explainer.checks import sum_to_one
from explainer.report.catalogue import NO_LABEL, Catalogue, CatalogueNames, rows_of, top_label
from explainer.report.chunks import Array, Body, deflated
from explainer.report.ordered_samples import OrderedSamples
from explainer.summary.reader import SampleView

_UNKNOWN, _TRUE_POSITIVE, _FALSE_POSITIVE, _FALSE_NEGATIVE, _TRUE_NEGATIVE = range(5)
_CORRECT, _INCORRECT = 1, 2
_NOT_SEARCHED, _FOUND, _NOT_FOUND = range(3)
_AT_ONCE = 256  # samples
_OF_ROWS = {
    "of": np.uint32,
    "first": np.uint8,
    "label": np.int32,
    "outcome": np.uint8,
    "p": np.float32,
    "deviation": np.float32,
    "low": np.float32,
    "high": np.float32,
    "disagreement": np.float32,
    "has_edits": np.uint8,
}
_OF_SAMPLES = {
    "sample": np.int32,
    "start": np.uint32,
    "top": np.int32,
    "correct": np.uint8,
    **dict.fromkeys(("p_top", "margin", "entropy", "total", "aleatoric", "epistemic"), np.float32),
}
_LISTS = {"truth": "ground_truth", "predicted": "predicted"}


class Row(NamedTuple):
    """One explained label of a sample. of: the index of the sample."""

    of: int
    label: int


class Rows:
    """The rows of a run, and its samples.

    Args:
        samples: of the run, whose rows are taken one after another.
        label_count: how many labels the run has.
    """

    def __init__(self, samples: OrderedSamples, label_count: int) -> None:
        self.samples = samples
        self._label_count = label_count
        self._starts, self._labels = array("q"), array("i")

    @classmethod
    def of(cls, samples: OrderedSamples, label_count: int) -> Rows:
        """All rows."""
        rows = cls(samples, label_count)
        for sample in samples:
            rows.take(sample)
        return rows

    def take(self, sample: SampleView) -> None:
        """Takes the rows of the next sample."""
        self._starts.append(len(self._labels))
        self._labels.extend(rows_of(sample, self._label_count))

    def __len__(self) -> int:
        return len(self._labels)

    def index_of(self, sample_id: int) -> int | None:
        """The index of the sample with this number; None where there is none."""
        return self.samples.index_of(sample_id)

    def labels_of(self, index: int) -> list[int]:
        """The labels of a sample's rows."""
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._labels)
        return self._labels[self._starts[index] : end].tolist()

    def between(self, first: int, last: int) -> list[Row]:
        """The rows from a first one on, before a last one."""
        places = range(first, min(last, len(self._labels)))
        return [Row(bisect_right(self._starts, place) - 1, self._labels[place]) for place in places]


def catalogue_and_rows(run: RunView) -> tuple[Catalogue, Rows]:
    """The methods and metrics of a run, and its rows; each sample is looked at once."""
    names, rows = CatalogueNames(run.metadata), Rows(OrderedSamples(run.samples), len(run.metadata.labels))
    for sample in rows.samples:
        names.take(sample)
        rows.take(sample)
    return names.catalogue(), rows


def columns_chunk(rows: Rows, disagreements: Sequence[float]) -> bytes:
    """The chunk of all columns.

    Args:
        rows: of the run.
        disagreements: of each row.
    """
    columns = Columns()
    for index, sample in enumerate(rows.samples):
        columns.take(sample, rows.labels_of(index))
    return columns.chunk(disagreements)


def score_chunk(metric: int, rows: Rows, catalogue: Catalogue) -> bytes | None:
    """The chunk of the scores of all rows by all methods, by the metric with this index; None where it has none."""
    columns = ScoreColumns(catalogue, [metric])
    for index, sample in enumerate(rows.samples):
        columns.take(sample, rows.labels_of(index))
    return next((chunk for _, chunk in columns.chunks()), None)


class ScoreColumns:
    """The scores of all rows by all methods, put together while samples pass by.

    Args:
        catalogue: of the run.
        metrics: the indices of those that are wanted; None for all.
    """

    def __init__(self, catalogue: Catalogue, metrics: Iterable[int] | None = None) -> None:
        self._catalogue = catalogue
        self._wanted = set(range(len(catalogue.metrics)) if metrics is None else metrics)
        self._values: dict[int, array[float]] = {}
        self._count = 0  # of all rows, by all methods

    @property
    def scored(self) -> list[int]:
        """The metrics by which any sample has scores."""
        return sorted(self._values)

    def take(self, sample: SampleView, labels: Sequence[int]) -> None:
        """Takes the scores of a sample with rows of these labels; one that is of no label stands in all of them."""
        methods, metrics = self._catalogue.method_index, self._catalogue.metric_index
        first, self._count = self._count, self._count + len(labels) * len(methods)
        row_of = {label: row for row, label in enumerate(labels)}
        for score in sample.scores:
            metric, method = metrics.get(score.metric), methods.get(score.explainer)
            if metric is None or metric not in self._wanted:
                continue
            values = self._filled(metric)
            if method is not None:
                for row in _rows_with(score.label, row_of):
                    values[first + row * len(methods) + method] = score.value

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """For each metric that has scores its index, and its chunk."""
        for metric in self.scored:
            values = np.array(self._filled(metric), np.float32)
            body = Body()
            header = {"metric": metric, "methods": len(self._catalogue.methods), "values": body.add(values)}
            yield metric, deflated(header, body)

    def _filled(self, metric: int) -> array[float]:
        """The values by a metric, nan for rows that have none so far."""
        values = self._values.setdefault(metric, array("f"))
        if len(values) < self._count:
            values.extend(repeat(math.nan, self._count - len(values)))
        return values


def correctness(sample: SampleView) -> int:
    """0: it is not known which labels are true, 1: the most probable label is a true one, 2: it is not."""
    return {None: _UNKNOWN, True: _CORRECT, False: _INCORRECT}[sample.correct]


def probability_of(sample: SampleView, label: int) -> float:
    """The probability of a label; nan where there is none."""
    return _at(sample.prediction.probabilities, label)


def _rows_with(label: int | None, row_of: Mapping[int, int]) -> list[int]:
    if label is None:
        return list(row_of.values())
    return [row_of[label]] if label in row_of else []


class Columns:
    """The columns of rows and of samples, put together while samples pass by."""

    def __init__(self) -> None:
        self._samples, self._rows = 0, 0
        self._waiting: list[tuple[SampleView, Sequence[int]]] = []
        self._columns: dict[str, list[NDArray[Any]]] = {}
        self._names = bytearray()

    def take(self, sample: SampleView, labels: Sequence[int]) -> None:
        """Takes a sample with rows of these labels."""
        self._waiting.append((sample, labels))
        if len(self._waiting) == _AT_ONCE:
            self._add()

    def chunk(self, disagreements: Sequence[float]) -> bytes:
        """The chunk of all columns. disagreements: of each row."""
        self._add()
        body = Body()
        self._columns["disagreement"] = [np.array(disagreements, np.float32)]
        columns = {name: self._column(name, body) for name in (*_OF_ROWS, *_OF_SAMPLES)}
        header = {
            "rows": self._rows,
            "samples": self._samples,
            "columns": columns,
            "names": {"at": self._begins("names", body), "text": body.add_bytes(bytes(self._names))},
            **{kind: self._lists(kind, body) for kind in _LISTS},
        }
        return deflated(header, body)

    def _add(self) -> None:
        """Adds the columns of those that wait."""
        samples = [sample for sample, _ in self._waiting]
        counts = np.array([len(labels) for _, labels in self._waiting], np.int64)
        starts = counts.cumsum() - counts
        of_rows = [(sample, label) for sample, labels in self._waiting for label in labels]
        first = np.zeros(len(of_rows), np.uint8)
        first[[start + _default_row(*entry) for start, entry in zip(starts, self._waiting, strict=True)]] = 1
        names = [sample.source.encode("utf-8", "replace") for sample in samples]
        found = {
            "of": np.repeat(self._samples + np.arange(len(samples)), counts),
            "first": first,
            "start": self._rows + starts,
            **_row_columns(of_rows),
            "has_edits": np.array([*chain(*(_edit_states(*entry) for entry in self._waiting))], np.uint8),
            **_sample_columns(samples),
            **_list_columns("names", names),
        }
        for kind in _LISTS:
            lists = [getattr(sample.prediction, _LISTS[kind]) for sample in samples]
            found |= {**_list_columns(kind, lists), f"{kind} labels": np.array([*chain(*lists)], np.int32)}
        kinds = _OF_ROWS | _OF_SAMPLES
        for name, values in found.items():
            self._columns.setdefault(name, []).append(values.astype(kinds.get(name, values.dtype)))
        self._names += b"".join(names)
        self._samples, self._rows = self._samples + len(samples), self._rows + len(of_rows)
        self._waiting.clear()

    def _column(self, name: str, body: Body) -> Array:
        return body.add(np.concatenate(self._columns.pop(name)))

    def _begins(self, name: str, body: Body) -> Array:
        lengths = np.concatenate(self._columns.pop(f"{name} lengths"))
        return body.add(np.concatenate([[0], lengths.cumsum()]).astype(np.uint32))

    def _lists(self, kind: str, body: Body) -> dict[str, Array]:
        """Lists of any length: where each begins, and all of them after one another."""
        return {"at": self._begins(kind, body), "labels": self._column(f"{kind} labels", body)}


def _list_columns(name: str, lists: Sequence[Sequence[int]]) -> dict[str, NDArray[Any]]:
    return {f"{name} lengths": np.array([len(values) for values in lists], np.int64)}


# The columns of rows.


def _row_columns(of_rows: Sequence[tuple[SampleView, int]]) -> dict[str, NDArray[Any]]:
    return {
        "label": np.array([label for _, label in of_rows], np.int32),
        "outcome": np.array([_outcome(sample, label) for sample, label in of_rows], np.uint8),
        "p": np.array([probability_of(sample, label) for sample, label in of_rows], np.float32),
        **{name: _of_draws(name, of_rows) for name in ("deviation", "low", "high")},
    }


def _default_row(sample: SampleView, labels: Sequence[int]) -> int:
    top = top_label(sample)
    return labels.index(top) if top in labels else 0


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


def _edit_states(sample: SampleView, labels: Iterable[int]) -> list[int]:
    """Of each label, whether it was searched, and whether anything was found."""
    searched = dict.fromkeys((tree.label for tree in sample.edit_trees), _NOT_FOUND)
    searched |= dict.fromkeys((tree.label for tree in sample.edit_trees if tree.layers), _FOUND)
    return [searched.get(label, _NOT_SEARCHED) for label in labels]


# The columns of samples.


def _sample_columns(samples: Sequence[SampleView]) -> dict[str, NDArray[Any]]:
    numbers: Mapping[str, Callable[[SampleView], float]] = {
        "p_top": lambda sample: probability_of(sample, top_label(sample)),
        "margin": _margin,
        "entropy": _entropy,
        "total": lambda sample: math.nan if sample.uncertainty is None else sample.uncertainty.total,
        "aleatoric": lambda sample: math.nan if sample.uncertainty is None else sample.uncertainty.aleatoric,
        "epistemic": lambda sample: math.nan if sample.uncertainty is None else sample.uncertainty.epistemic,
    }
    with np.errstate(all="ignore"):  # a stranger's probabilities may be anything
        floats = {name: np.array([number(sample) for sample in samples]) for name, number in numbers.items()}
        return {
            "sample": np.array([sample.sample_id for sample in samples], np.int32),
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
