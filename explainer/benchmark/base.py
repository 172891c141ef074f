"""What every metric is, and the board that keeps its scores."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Case:
    """What a metric looks at: one image, some of its labels, and the maps that explain them.

    Attributes:
        image: (C, H, W) float32.
        labels: L label indices.
        saliency: (L, H, W) float32, larger = more important.
        regions: (L, H, W) bool, where the object of each label is; None where the data has no boxes.
        explainer: the Attribution that made the maps.
    """

    image: FloatArray
    labels: tuple[int, ...]
    saliency: FloatArray
    regions: NDArray[np.bool_] | None
    explainer: Any


class Metric(ABC):
    """A way to score saliency maps. Subclasses declare what they are, so that no reader has to know their names."""

    name: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    needs: ClassVar[frozenset[str]] = frozenset()
    """What must be there: "boxes"."""
    per_label: ClassVar[bool] = True
    """Whether there is a score for each label; False: one for each image."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What the metric declares, as JSON values; a summary keeps it, so that a reader knows which way is better."""
        return {
            "class": type(self).__name__,
            "higher_is_better": self.higher_is_better,
            "bounds": list(self.bounds),
            "per_label": self.per_label,
        }

    @abstractmethod
    def score(self, case: Case) -> NDArray[np.float64]:
        """(L,) scores, or (1,) where `per_label` is False; nan = undefined."""


class ScoreBoard:
    """Sums and counts of scores, in total and per label; undefined scores are counted and left out of every mean.

    >>> board = ScoreBoard(label_count=2)
    >>> board.add([0, 1], [0.5, float("nan")])
    >>> board.mean, board.undefined
    (0.5, 1)
    """

    def __init__(self, label_count: int) -> None:
        self._label_count = label_count
        self._scores: dict[int | None, list[float]] = defaultdict(list)
        self._undefined = 0

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
        return _mean([score for scores in self._scores.values() for score in scores])

    @property
    def mean_by_label(self) -> tuple[float, ...]:
        """The mean for each label; nan where a label has no defined score."""
        return tuple(_mean(self._scores.get(label, [])) for label in range(self._label_count))

    @property
    def defined(self) -> int:
        """How many scores are in the mean."""
        return sum(len(scores) for scores in self._scores.values())

    @property
    def undefined(self) -> int:
        """How many scores were undefined."""
        return self._undefined


def _mean(scores: list[float]) -> float:
    return math.fsum(scores) / len(scores) if scores else math.nan
