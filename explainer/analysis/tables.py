"""A run as tables: the columns of the export schema and the rows of each sample (docs/export.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.limits import MOST_BOXES, MOST_METRIC_COLUMNS, MOST_ROWS
from explainer.records import Box, RunMetadata, SaliencyFile, Uncertainty
from explainer.summary.reader import SampleView

SCHEMA_VERSION = 1
"""Of the columns: a column is never renamed nor changed in meaning without a greater one; columns may be added."""
TABLES = ("maps", "samples", "scores")
Row = dict[str, Any]
_Pair = tuple[str | None, int | None]  # method and label


class Column(NamedTuple):
    """A column: its name, and what it holds beside None: "integer", "number", "flag", "text", "texts", "boxes"."""

    name: str
    kind: str


_SAMPLE = (
    Column("sample_id", "integer"),
    Column("source", "text"),
    Column("true_labels", "texts"),
    Column("predicted_labels", "texts"),
)
_LABEL = (
    Column("label", "integer"),
    Column("label_name", "text"),
    Column("is_true", "flag"),
    Column("is_predicted", "flag"),
    Column("probability", "number"),
    Column("interval_low", "number"),
    Column("interval_high", "number"),
    Column("deviation", "number"),
)
_BOXES = Column("object_boxes", "boxes")
_ENTROPIES = (
    Column("total_entropy", "number"),
    Column("aleatoric_entropy", "number"),
    Column("epistemic_entropy", "number"),
)
_METHOD = Column("method", "text")
_MAP = (
    Column("map_low", "number"),
    Column("map_high", "number"),
    Column("completeness_gap", "number"),
    Column("standard_error", "number"),
    Column("map_path", "text"),
)


class Tables:
    """The tables of a run: each sample gives rows, dicts of all columns, None where nothing is known or defined.

    Numbers are those of the record, float32, in the fewest digits that give them back; none is NaN or infinite.

    Args:
        labels: the names of the run's labels.
        metrics: the names of its metrics; those beyond `MOST_METRIC_COLUMNS` have no column.
    """

    def __init__(self, labels: Sequence[str], metrics: Iterable[str]) -> None:
        self._labels = labels
        self._columns = {metric: f"score_{metric}" for metric in list(dict.fromkeys(metrics))[:MOST_METRIC_COLUMNS]}

    def columns(self, table: str) -> tuple[Column, ...]:
        """The columns of one of `TABLES`."""
        if table == "maps":
            scores = tuple(Column(name, "number") for name in self._columns.values())
            return (*_SAMPLE, *_LABEL, _BOXES, *_ENTROPIES, _METHOD, *_MAP, *scores)
        if table == "samples":
            return (*_SAMPLE, *_LABEL, _BOXES, *_ENTROPIES, Column("correct", "flag"), Column("image_path", "text"))
        return (*_SAMPLE, *_LABEL, _METHOD, Column("metric", "text"), Column("score", "number"))

    def rows(self, table: str, sample: SampleView) -> Iterator[Row]:
        """The rows of a sample in one of `TABLES`."""
        return {"maps": self._maps, "samples": self._sample, "scores": self._scores}[table](sample)

    def _maps(self, sample: SampleView) -> Iterator[Row]:
        """One row for each method and label of the sample, and at least one."""
        parts, entropies = _Parts(sample, self), _entropies(sample.uncertainty)
        by_label, of_all = _scores_of(sample)
        for (method, label), entry in pairs_of(sample).items():
            known = of_all.get(method, {}) | by_label.get((method, label), {})
            scores = {name: number_of(known.get(metric)) for metric, name in self._columns.items()}
            yield {
                **parts.of_sample,
                **parts.of_label(label),
                _BOXES.name: parts.boxes_of(label),
                **entropies,
                "method": method,
                **_of_map(entry),
                **scores,
            }

    def _sample(self, sample: SampleView) -> Iterator[Row]:
        """One row; the label is the most probable one."""
        parts, probabilities = _Parts(sample, self), sample.prediction.probabilities
        top = int(np.argmax(probabilities)) if probabilities.size else None
        yield {
            **parts.of_sample,
            **parts.of_label(top),
            _BOXES.name: parts.boxes_of(top),
            **_entropies(sample.uncertainty),
            "correct": sample.correct,
            "image_path": sample.image.path,
        }

    def _scores(self, sample: SampleView) -> Iterator[Row]:
        """One row for each single score; without a label where the metric does not look at labels."""
        parts = _Parts(sample, self)
        for score in sample.scores[:MOST_ROWS]:
            yield {
                **parts.of_sample,
                **parts.of_label(score.label),
                "method": score.explainer,
                "metric": score.metric,
                "score": number_of(score.value),
            }

    def names(self, labels: Iterable[int]) -> list[str]:
        """The names of labels."""
        return [self.name(label) for label in labels]

    def name(self, label: int) -> str:
        """The name of a label; its number where the run has no name for it."""
        return self._labels[label] if 0 <= label < len(self._labels) else str(label)


class _Parts:
    """The parts of the rows of a sample that do not depend on a method."""

    def __init__(self, sample: SampleView, tables: Tables) -> None:
        self._sample = sample
        self._tables = tables
        self._truth = frozenset(sample.prediction.ground_truth)
        self._predicted = frozenset(sample.prediction.predicted)
        self._boxes = None if sample.objects is None else _by_label(sample.objects.boxes[:MOST_BOXES])
        self.of_sample: Row = {
            "sample_id": sample.sample_id,
            "source": sample.source or None,
            "true_labels": tables.names(sample.prediction.ground_truth) if sample.truth_known else None,
            "predicted_labels": tables.names(sample.prediction.predicted),
        }

    def of_label(self, label: int | None) -> Row:
        """What is known of one label; None for each column where there is none."""
        if label is None:
            return dict.fromkeys(column.name for column in _LABEL)
        probabilities, drawn = self._sample.prediction.probabilities, self._sample.uncertainty
        return {
            "label": label,
            "label_name": self._tables.name(label),
            "is_true": label in self._truth if self._sample.truth_known else None,
            "is_predicted": label in self._predicted,
            "probability": _at(probabilities, label),
            "interval_low": None if drawn is None else _at(drawn.low, label),
            "interval_high": None if drawn is None else _at(drawn.high, label),
            "deviation": None if drawn is None else _at(drawn.deviation, label),
        }

    def boxes_of(self, label: int | None) -> list[list[int]] | None:
        """The boxes of the label's objects; None where the dataset has none for the sample."""
        return None if self._boxes is None or label is None else self._boxes.get(label, [])


def metrics_of(metadata: RunMetadata, samples: Iterable[SampleView]) -> list[str]:
    """The metrics of a run: those of the metadata, and others that have single scores, as those of a job of one's own.

    No more are looked for once there are more than `MOST_METRIC_COLUMNS`.
    """
    names = dict.fromkeys(metadata.metrics)
    for sample in samples:
        if len(names) > MOST_METRIC_COLUMNS:
            break
        names.update(dict.fromkeys(score.metric for score in sample.scores))
    return list(names)


def pairs_of(sample: SampleView) -> dict[_Pair, SaliencyFile | None]:
    """The methods and labels of a sample, with their maps: the first `MOST_ROWS` of them.

    A method that has scores alone, as the controls, has those of its labels; where none of them is of a label, those
    that were explained. A sample without any method has its explained labels.
    """
    found: dict[_Pair, SaliencyFile | None] = {}
    for entry in sample.maps:
        found.setdefault((entry.explainer, entry.label), entry)
    for score in sample.scores:
        if score.label is not None:
            found.setdefault((score.explainer, score.label), None)
    with_labels = {method for method, _ in found}
    without = dict.fromkeys(score.explainer for score in sample.scores if score.explainer not in with_labels)
    labels = sample.prediction.explained or (None,)
    for method in without if found or without else (None,):
        for label in labels[: max(0, MOST_ROWS - len(found))]:
            found.setdefault((method, label), None)
    return dict(list(found.items())[:MOST_ROWS]) if len(found) > MOST_ROWS else found


def edges_of(box: Box) -> list[int]:
    """A box as exports have it: its corner, its width and its height."""
    return [box.x, box.y, box.width, box.height]


def has_more_boxes(sample: SampleView) -> bool:
    """Whether a sample has more boxes than stand in a table."""
    return sample.objects is not None and len(sample.objects.boxes) > MOST_BOXES


def has_more_rows(sample: SampleView) -> bool:
    """Whether a sample may have more rows than are worked out."""
    without_label = len({score.explainer for score in sample.scores if score.label is None})
    most = len(sample.maps) + len(sample.scores) + (without_label + 1) * len(sample.prediction.explained)
    return most > MOST_ROWS and len(pairs_of(sample)) >= MOST_ROWS


def number_of(value: float | None) -> float | None:
    """The number in the fewest digits that give the same float32; None where it is not finite.

    >>> number_of(float(np.float32(0.3))), number_of(float("nan"))
    (0.3, None)
    """
    return None if value is None or not math.isfinite(value) else float(str(np.float32(value)))


def _by_label(boxes: Iterable[Box]) -> dict[int, list[list[int]]]:
    found: dict[int, list[list[int]]] = {}
    for box in boxes:
        found.setdefault(box.label, []).append(edges_of(box))
    return found


def _at(values: NDArray[np.float32], label: int) -> float | None:
    return number_of(float(values[label])) if 0 <= label < len(values) else None


def _entropies(drawn: Uncertainty | None) -> Row:
    if drawn is None:
        return dict.fromkeys(column.name for column in _ENTROPIES)
    return {
        "total_entropy": number_of(drawn.total),
        "aleatoric_entropy": number_of(drawn.aleatoric),
        "epistemic_entropy": number_of(drawn.epistemic),
    }


def _of_map(entry: SaliencyFile | None) -> Row:
    if entry is None:
        return dict.fromkeys(column.name for column in _MAP)
    return {
        "map_low": number_of(entry.low),
        "map_high": number_of(entry.high),
        "completeness_gap": number_of(entry.completeness_gap),
        "standard_error": number_of(entry.standard_error),
        "map_path": entry.path,
    }


def _scores_of(sample: SampleView) -> tuple[dict[_Pair, dict[str, float]], Mapping[str | None, dict[str, float]]]:
    """For each method and label, and for each method, the scores by metric; the first one of a metric counts."""
    by_label: dict[_Pair, dict[str, float]] = {}
    of_all: dict[str | None, dict[str, float]] = {}
    for score in sample.scores:
        if score.label is None:
            of_all.setdefault(score.explainer, {}).setdefault(score.metric, score.value)
        else:
            by_label.setdefault((score.explainer, score.label), {}).setdefault(score.metric, score.value)
    return by_label, of_all
