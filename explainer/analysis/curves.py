"""The mean of score curves, each with steps of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from explainer.analysis.statistics import LEAST, student_quantile
from explainer.arrays import Float64Array
from explainer.records import ScoreCurve

_GRID = 101


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
    with np.errstate(invalid="ignore", over="ignore"):  # a stranger's curve may hold anything; its mean is then nan
        grid = np.linspace(0, max(float(curve.fractions[-1]) for curve in curves), _GRID)
        drawn = np.stack([np.interp(grid, curve.fractions, curve.probabilities) for curve in curves])
        mean = drawn.mean(axis=0)
        reach = _reach(drawn)
        low, high = (_within(end, mean) for end in (mean - reach, mean + reach))
        area = float(((mean[1:] + mean[:-1]) / 2).mean())  # by trapezia of one width
    return MeanCurve(len(curves), area, grid, mean, low, high)


def _within(ends: Float64Array, mean: Float64Array) -> Float64Array:
    """The ends of intervals, cut off at 0 and 1 where the mean is a probability."""
    return np.where((mean >= 0) & (mean <= 1), np.clip(ends, 0, 1), ends)


def _reach(drawn: Float64Array) -> Float64Array:
    """How far the interval of the mean of each column reaches to either side."""
    count = len(drawn)
    if count < LEAST:
        return np.full(drawn.shape[1], np.nan)
    return np.asarray(student_quantile(count) * drawn.std(axis=0, ddof=1) / np.sqrt(count))
