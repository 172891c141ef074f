"""The board that keeps scores and gives their means."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from explainer.representation import line


class ScoreBoard:
    """Sums and counts of scores, in total and per label; undefined scores are counted and left out of every mean.

    >>> board = ScoreBoard(label_count=2)
    >>> board.add([0, 1], [0.5, float("nan")])
    >>> board.mean, board.undefined
    (0.5, 1)
    """

    def __init__(self, label_count: int) -> None:
        self._label_count = label_count
        self._scores: dict[int | None, array[float]] = defaultdict(_numbers)  # a list: four times as much
        self._undefined = 0
        self.left_out = 0
        """How many perturbations were left out of the scores; a metric that leaves some out counts them here."""

    def __repr__(self) -> str:
        """How many scores there are, and their mean."""
        return line(type(self).__name__, defined=self.defined, undefined=self.undefined, mean=self.mean)

    def add(self, labels: Sequence[int | None], scores: Sequence[float]) -> None:
        """Takes one score for each label; None = the metric does not look at labels."""
        for label, score in zip(labels, scores, strict=True):
            if math.isfinite(score):
                self._scores[label].append(float(score))
            else:
                self._undefined += 1

    @property
    def mean(self) -> float:
        """The mean of all defined scores; nan when there is none."""
        return _mean(chain.from_iterable(self._scores.values()), self.defined)

    @property
    def mean_by_label(self) -> tuple[float, ...]:
        """The mean for each label; nan where a label has no defined score."""
        of_labels = (self._scores.get(label, ()) for label in range(self._label_count))
        return tuple(_mean(scores, len(scores)) for scores in of_labels)

    @property
    def defined(self) -> int:
        """How many scores are in the mean."""
        return sum(len(scores) for scores in self._scores.values())

    @property
    def undefined(self) -> int:
        """How many scores were undefined."""
        return self._undefined


def _numbers() -> array[float]:
    return array("d")


def _mean(scores: Iterable[float], count: int) -> float:
    return math.fsum(scores) / count if count else math.nan
