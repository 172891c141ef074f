"""The single scores of a run in columns, 8 bytes for each and 9 for each label of a sample, for statistics."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.limits import MOST_METHODS
from explainer.arrays import Float64Array
from explainer.summary.reader import SampleView

PARTS = ("correct", "incorrect")
"""The parts of the samples that have statistics of their own."""
_PART_OF = {True: PARTS[0], False: PARTS[1], None: ""}
_PART_NUMBERS = {part: number for number, part in enumerate(("", *PARTS))}
_NO_LABEL = 1 << 31  # among labels of 32 bits, the one that none has
Of = tuple[int, int | None]
"""What a score is of: a sample, and a label where there is a score for each."""


class SingleScore(NamedTuple):
    """A score, to which part of the samples it belongs ("correct", "incorrect", or neither), and what it is of."""

    metric: str
    explainer: str
    value: float
    part: str
    of: Of


class Scored(NamedTuple):
    """The scores of a method by a metric.

    Attributes:
        values: (n,).
        of: what each is of, as a number, (n,).
        parts: the number of each one's part, (n,).
    """

    values: Float64Array
    of: NDArray[np.int64]
    parts: NDArray[np.int8]

    def part(self, part: str) -> Scored:
        """Those of a part of the samples; all for ""."""
        return self if not part else self._only(self.parts == _PART_NUMBERS[part])

    @property
    def by_label(self) -> dict[int, Float64Array]:
        """The values of each label, by rising labels; scores that are of no label are left out."""
        labels = (self.of & 0xFFFFFFFF).astype(np.uint32)
        with_label = self._only(labels != _NO_LABEL)
        labels = (with_label.of & 0xFFFFFFFF).astype(np.uint32).astype(np.int32)
        order = np.argsort(labels, kind="stable")
        known, begins = np.unique(labels[order], return_index=True)
        return dict(zip(known.tolist(), np.split(with_label.values[order], begins[1:]), strict=False))

    def once(self) -> Scored:
        """The last one of each thing, in the order of things."""
        order = np.argsort(self.of, kind="stable")
        of = self.of[order]
        return self._only(order[np.append(of[1:] != of[:-1], True)] if len(of) else order)

    def _only(self, chosen: NDArray[np.bool_ | np.intp]) -> Scored:
        return Scored(self.values[chosen], self.of[chosen], self.parts[chosen])


def in_both(one: Scored, other: Scored) -> tuple[Scored, Scored]:
    """The scores of what both have scores of, pair by pair; each as `once` gives it."""
    if np.array_equal(one.of, other.of):
        return one, other
    _, first, second = np.intersect1d(one.of, other.of, assume_unique=True, return_indices=True)
    return one._only(first), other._only(second)


class ScoreTable:
    """The scores of the first `MOST_METHODS` pairs of metric and method, in the order of their first scores.

    Args:
        samples: whose scores are taken at once.
    """

    def __init__(self, samples: Iterable[SampleView] = ()) -> None:
        self._columns: dict[tuple[str, str], _Column] = {}
        self._of, self._parts = array("q"), array("b")  # of each thing that there is any score of
        self._sample: tuple[int, str] | None = None  # whose scores came last
        self._things: dict[int | None, int] = {}  # of that sample, by label
        for sample in samples:
            self.take(sample)

    def take(self, sample: SampleView) -> None:
        """Takes the scores of a sample."""
        part = _PART_OF[sample.correct]
        for score in sample.scores:
            self.add(SingleScore(score.metric, score.explainer, score.value, part, (score.sample_id, score.label)))

    def add(self, score: SingleScore) -> None:
        """Takes a score."""
        names = score.metric, score.explainer
        column = self._columns.get(names)
        if column is None:
            if len(self._columns) >= MOST_METHODS:
                return
            column = self._columns[names] = _Column()
        column.add(self._thing(score), score.value)

    @property
    def methods(self) -> dict[str, list[str]]:
        """The methods that a metric has scores of, by the metric."""
        found: dict[str, list[str]] = {}
        for metric, explainer in self._columns:
            found.setdefault(metric, []).append(explainer)
        return found

    def scores(self, metric: str, explainer: str) -> Scored:
        """The scores of a method by a metric, in the order in which they came; none where there are none."""
        column = self._columns.get((metric, explainer), _Column())
        things = np.array(column.things, np.int64)
        of, parts = np.array(self._of), np.array(self._parts)
        return Scored(np.array(column.values, np.float64), of[things], parts[things])

    def _thing(self, score: SingleScore) -> int:
        """The index of what a score is of."""
        sample_id, label = score.of
        if self._sample != (sample_id, score.part):
            self._sample = sample_id, score.part
            self._things.clear()
        if label not in self._things:
            self._things[label] = len(self._of)
            self._of.append(sample_id << 32 | (_NO_LABEL if label is None else label & 0xFFFFFFFF))
            self._parts.append(_PART_NUMBERS[score.part])
        return self._things[label]


class _Column:
    def __init__(self) -> None:
        self.things = array("I")
        self.values = array("f")  # as in a file; "d" once a score is more exact

    def add(self, thing: int, value: float) -> None:
        self.things.append(thing)
        self.values.append(value)
        if self.values[-1] != value and not math.isnan(value):
            self.values = array("d", self.values)
            self.values[-1] = value
