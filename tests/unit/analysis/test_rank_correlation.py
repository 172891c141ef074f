"""Rank correlations of grey maps, beside SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from explainer.analysis import rank_correlation as room
from explainer.analysis.rank_correlation import rank_correlation


@pytest.mark.parametrize("greys", [2, 5, 256])
def test_it_is_spearman_s_with_ties(greys: int) -> None:
    rng = np.random.default_rng(greys)
    first, second = rng.integers(0, greys, (2, 15, 21)).astype(np.uint8)
    second[:7] = first[:7]
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first.ravel(), second.ravel())[0], abs=1e-12)


def test_maps_of_one_order_have_1_and_of_the_opposite_one_minus_1() -> None:
    grey = np.random.default_rng(0).permutation(256).astype(np.uint8).reshape(8, 32)
    assert rank_correlation(grey, grey) == 1
    assert rank_correlation(grey, 255 - grey) == -1
    assert rank_correlation(grey, (grey // 2).astype(np.uint8)) > 0.999


def test_a_constant_map_has_none() -> None:
    grey = np.uint8([[1, 2, 3]])
    assert math.isnan(rank_correlation(grey, np.full_like(grey, 7)))
    assert math.isnan(rank_correlation(np.full_like(grey, 7), grey))


def test_a_large_map_is_counted_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = np.random.default_rng(1).integers(0, 9, (2, 11, 13)).astype(np.uint8)
    whole = rank_correlation(first, second)
    monkeypatch.setattr(room, "_AT_ONCE", 10)
    assert rank_correlation(first, second) == whole
