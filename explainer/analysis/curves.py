"""The mean of score curves, each with steps of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from explainer.analysis.limits import MOST_CURVES
from explainer.analysis.statistics import LEAST, student_quantile
from explainer.arrays import Float64Array
from explainer.records import ScoreCurve
from explainer.summary.reader import SampleView

_GRID = 101
_AT_ONCE = 100  # curves that are drawn together


class MeanCurve(NamedTuple):
    """The mean of some curves.

    Attributes:
        curves: how many there are.
        area: under it, divided by the length of its fractions.
        fractions: 101 of one distance, from 0 to the largest of the curves, (P,).
        probabilities: the mean at each of them, (P,).
        low, high: a 95 % interval of that mean at each of them, Student's, within [0, 1], (P,); nan for fewer than five
            curves.
    """

    curves: int
    area: float
    fractions: Float64Array
    probabilities: Float64Array
    low: Float64Array
    high: Float64Array


def mean_curve(curves: Sequence[ScoreCurve]) -> MeanCurve:
    """The mean over one grid, as images of different sizes have different steps; between steps a curve is straight.

    Args:
        curves: at least one, of one metric, explainer and fill.

    >>> def curve(*probabilities):
    ...     points = np.linspace(0, 1, len(probabilities)), np.array(probabilities)
    ...     return ScoreCurve(0, "Gradient", "DeletionAUC", 0, "blur", *points)
    >>> found = mean_curve([curve(1, 0), curve(1, 1, 0)])
    >>> found.curves, round(found.area, 3), found.probabilities[50]
    (2, 0.625, 0.75)
    """
    drawn = _DrawnCurves(max(map(_reach_of, curves)))
    for curve in curves:
        drawn.take(curve)
    return drawn.mean()


class MeanCurves:
    """The mean curve of each of the first `MOST_CURVES` kinds, while samples pass by; none of them is kept.

    Where a later curve reaches further than those that were drawn before, all have to pass by once more.
    """

    def __init__(self) -> None:
        self._drawn: dict[tuple[str, str, str], _DrawnCurves] = {}
        self._reach: dict[tuple[str, str, str], float] = {}

    def take(self, sample: SampleView) -> None:
        """Takes the curves of a sample."""
        for curve in sample.curves:
            kind = curve.metric, curve.explainer, curve.fill
            if kind not in self._drawn:
                if len(self._drawn) >= MOST_CURVES:
                    continue
                self._drawn[kind] = _DrawnCurves(_reach_of(curve))
            self._reach[kind] = max(self._reach.get(kind, -math.inf), _reach_of(curve))
            if self._reach[kind] == self._drawn[kind].reach:
                self._drawn[kind].take(curve)

    def means(self, samples: Iterable[SampleView]) -> list[tuple[tuple[str, str, str], MeanCurve]]:
        """Metric, explainer and fill of each kind in the order of their first curves, and its mean.

        Args:
            samples: those that were taken, once more.
        """
        cut = {kind for kind, drawn in self._drawn.items() if drawn.reach != self._reach[kind]}
        if cut:
            self._drawn.update({kind: _DrawnCurves(self._reach[kind]) for kind in cut})
            for curve in (curve for sample in samples for curve in sample.curves):
                kind = curve.metric, curve.explainer, curve.fill
                if kind in cut:
                    self._drawn[kind].take(curve)
        return [(kind, drawn.mean()) for kind, drawn in self._drawn.items()]


class _DrawnCurves:
    """The sums of curves over one grid.

    Args:
        reach: where the grid ends.
    """

    def __init__(self, reach: float) -> None:
        self.reach = reach
        self._count = 0
        self._mean: Float64Array = np.zeros(_GRID)
        self._squares: Float64Array = np.zeros(_GRID)  # of the distances from the mean
        self._waiting: list[ScoreCurve] = []

    def take(self, curve: ScoreCurve) -> None:
        self._waiting.append(curve)
        if len(self._waiting) == _AT_ONCE:
            self._add()

    def mean(self) -> MeanCurve:
        self._add()
        with np.errstate(invalid="ignore", over="ignore"):  # a stranger's curve may hold anything; its mean is then nan
            mean, reach = self._mean, self._interval()
            low, high = (_within(end, mean) for end in (mean - reach, mean + reach))
            area = float(((mean[1:] + mean[:-1]) / 2).mean())  # by trapezia of one width
            return MeanCurve(self._count, area, np.linspace(0, self.reach, _GRID), mean, low, high)

    def _add(self) -> None:
        """Adds those that wait. Source: Chan, Golub and LeVeque 1983, equation 2.1, for the squares."""
        if not self._waiting:
            return
        with np.errstate(invalid="ignore", over="ignore"):
            grid = np.linspace(0, self.reach, _GRID)
            drawn = np.stack([np.interp(grid, curve.fractions, curve.probabilities) for curve in self._waiting])
            mean, squares = drawn.mean(axis=0), drawn.var(axis=0) * len(drawn)
            part = len(drawn) / (self._count + len(drawn))
            distance = mean - self._mean
            self._squares = self._squares + squares + distance**2 * self._count * part
            self._mean = self._mean + distance * part if self._count else mean
        self._count += len(drawn)
        self._waiting.clear()

    def _interval(self) -> Float64Array:
        """How far the interval of the mean reaches to either side."""
        if self._count < LEAST:
            return np.full(_GRID, np.nan)
        deviation = np.sqrt(self._squares / (self._count - 1))
        return np.asarray(student_quantile(self._count) * deviation / np.sqrt(self._count))


def _reach_of(curve: ScoreCurve) -> float:
    return float(curve.fractions[-1])


def _within(ends: Float64Array, mean: Float64Array) -> Float64Array:
    """The ends of intervals, cut off at 0 and 1 where the mean is a probability."""
    return np.where((mean >= 0) & (mean <= 1), np.clip(ends, 0, 1), ends)
