"""Beta intervals of the reference; what it draws them from is told apart, and tested elsewhere.

The golden arrays come from `mindspore.explainer` 1.3; tests that need them skip where the shared material is absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from trial.data import require_shared
from trial.networks import golden

from explainer.uncertainty.posterior import beta_by_moments

FloatArray = NDArray[Any]
ROUNDING: dict[str, Any] = {"rtol": 0, "atol": 1e-8}


@pytest.fixture(scope="module")
def arrays() -> dict[str, FloatArray]:
    require_shared("golden")
    return golden("uncertainty")


@pytest.mark.parametrize(("part", "key"), [("low", "beta_lo"), ("high", "beta_hi"), ("deviation", "beta_sd")])
def test_beta_intervals_by_moments_are_the_golden_ones(arrays: dict[str, FloatArray], part: str, key: str) -> None:
    found = beta_by_moments(arrays["beta_means"], arrays["beta_vars"])
    assert len(found.low) == 12
    np.testing.assert_allclose(getattr(found, part), arrays[key], **ROUNDING)


def test_one_number_has_the_golden_interval_too(arrays: dict[str, FloatArray]) -> None:
    wanted = zip(arrays["beta_lo"], arrays["beta_hi"], arrays["beta_sd"], strict=True)
    for mean, variance, interval in zip(arrays["beta_means"], arrays["beta_vars"], wanted, strict=True):
        np.testing.assert_allclose(beta_by_moments(mean, variance), interval, **ROUNDING)
