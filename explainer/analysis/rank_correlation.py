"""How alike two maps order the pixels."""

from __future__ import annotations

import math

import numpy as np

from explainer.arrays import Float64Array, IndexArray, Pixels

_GREYS = 256
_AT_ONCE = 1 << 20  # pixels, whose indices take eight bytes each


def rank_correlation(first: Pixels, second: Pixels) -> float:
    """Spearman's correlation of two grey maps of one shape, in [-1, 1]; nan where one is constant.

    Equal values share the mean of their ranks. As there are 256 greys, ranks are counted, not sorted.

    >>> rank_correlation(np.uint8([[0, 1, 2]]), np.uint8([[0, 10, 200]]))
    1.0
    """
    counts = _joint_counts(first.ravel(), second.ravel())
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    ranks, others = centred_ranks(rows), centred_ranks(columns)
    spread = float(rows @ ranks**2) * float(columns @ others**2)
    if spread == 0:
        return math.nan
    return float(np.clip(ranks @ counts @ others / math.sqrt(spread), -1, 1))


def _joint_counts(first: Pixels, second: Pixels) -> IndexArray:
    """How many pixels have grey i in the first map and j in the second one, (256, 256)."""
    counts = np.zeros(_GREYS * _GREYS, np.int64)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        counts += np.bincount(first[part].astype(np.int64) * _GREYS + second[part], minlength=len(counts))
    return counts.reshape(_GREYS, _GREYS)


def centred_ranks(counts: IndexArray) -> Float64Array:
    """The mean rank of each grey, less that of all pixels; counts: how many pixels have it."""
    ranks: Float64Array = np.cumsum(counts) - (counts - 1) / 2 - (counts.sum() + 1) / 2
    return ranks
