"""The mean of score curves, each with steps of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

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
    """

    curves: int
    area: float
    fractions: Float64Array
    probabilities: Float64Array


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
        total = np.zeros(_GRID)
        for curve in curves:
            total += np.interp(grid, curve.fractions, curve.probabilities)
        mean = total / len(curves)
        area = float(((mean[1:] + mean[:-1]) / 2).mean())  # by trapezia of one width
    return MeanCurve(len(curves), area, grid, mean)
