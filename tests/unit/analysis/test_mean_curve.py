"""The mean of curves, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from explainer.analysis.curves import mean_curve
from explainer.records import ScoreCurve


def curve(*probabilities: float) -> ScoreCurve:
    return ScoreCurve(0, "A", "M", 0, "blur", np.linspace(0, 1, len(probabilities)), np.array(probabilities))


def test_the_interval_at_each_point_is_students() -> None:
    starts = [0.5, 0.6, 0.7, 0.5, 0.4, 0.6]
    found = mean_curve([curve(start, 0.25) for start in starts])
    low, high = t.interval(0.95, 5, np.mean(starts), np.std(starts, ddof=1) / np.sqrt(6))
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))
    assert (found.low[-1], found.high[-1]) == (0.25, 0.25)  # there all curves meet
    middle = np.mean(starts) / 2 + 0.125
    assert found.high[50] - middle == pytest.approx((high - low) / 4)


def test_no_interval_leaves_the_probabilities() -> None:
    found = mean_curve([curve(start, 0) for start in (1, 1, 1, 1, 0)])
    assert (found.high[0], found.probabilities[0]) == (1, 0.8)
    assert found.low[0] == pytest.approx(0.8 - t.ppf(0.975, 4) * np.std([1, 1, 1, 1, 0], ddof=1) / np.sqrt(5))


def test_fewer_than_five_curves_have_no_interval() -> None:
    found = mean_curve([curve(1, 0)] * 4)
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
