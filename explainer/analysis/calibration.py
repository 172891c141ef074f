"""Whether probabilities are what they claim: reliability of predictions, and whether uncertainty detects errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array
from explainer.checks import sum_to_one

_BINS = 15


class Reliability(NamedTuple):
    """How far probabilities are from what happens; 0 is best for both.

    Attributes:
        kind: "classes" where each sample has one label and its probabilities sum to 1, else "labels".
        compared: how many predictions were compared: samples, or pairs of sample and label.
        brier: the mean squared distance from the truth: of a sample's probabilities, in [0, 2], or of a label's, in
            [0, 1].
        ece: the expected calibration error, in [0, 1]: the mean distance between confidence and accuracy.
    """

    kind: str
    compared: int
    brier: float
    ece: float


def reliability(probabilities: NDArray[Any], truth: NDArray[np.bool_]) -> Reliability:
    """The Brier score and the expected calibration error of predictions; nan where there are none.

    Classes: confidence is the highest probability, and accuracy whether its label is true. Labels: each label's
    probability, and whether it is true.

    Args:
        probabilities: (N, K) in [0, 1].
        truth: (N, K).

    Source: Brier 1950, "Verification of Forecasts Expressed in Terms of Probability"; Guo et al. 2017, "On Calibration
    of Modern Neural Networks", equation 3, 15 bins of one width.

    >>> found = reliability(np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([[True, False], [False, True]]))
    >>> found.kind, found.brier, found.ece
    ('classes', 0.3125, 0.375)
    """
    claimed, truth = np.asarray(probabilities, np.float64), np.asarray(truth, bool)
    if not len(claimed):
        return Reliability("classes", 0, np.nan, np.nan)
    squared = (claimed - truth) ** 2
    if (truth.sum(axis=1) == 1).all() and sum_to_one(claimed).all():
        top = claimed.argmax(axis=1)
        rows = np.arange(len(top))
        return Reliability(
            "classes", len(top), float(squared.sum(axis=1).mean()), _ece(claimed[rows, top], truth[rows, top])
        )
    return Reliability("labels", claimed.size, float(squared.mean()), _ece(claimed.ravel(), truth.ravel()))


def separation(incorrect: Sequence[float], correct: Sequence[float]) -> float:
    """How well uncertainty detects incorrect predictions: the area under the ROC curve; nan where one is empty.

    The chance that an incorrect prediction is more uncertain than a correct one, ties counted half: 0.5 detects
    nothing.

    >>> separation(incorrect=[0.3, 0.2], correct=[0.1, 0.2])
    0.875
    """
    if not len(incorrect) or not len(correct):
        return float("nan")
    ranks = _mid_ranks(np.array([*incorrect, *correct]))[: len(incorrect)].sum()
    return float((ranks - len(incorrect) * (len(incorrect) + 1) / 2) / (len(incorrect) * len(correct)))


def _ece(confidence: Float64Array, happened: NDArray[np.bool_]) -> float:
    """Bins (0, 1/15], (1/15, 2/15], ...; 0 is in the first."""
    bins = np.clip(np.ceil(confidence * _BINS) - 1, 0, _BINS - 1).astype(int)
    gaps = np.bincount(bins, confidence - happened, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _mid_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """The rank of each value from 1, equal ones sharing the mean of theirs."""
    # As scipy.stats.rankdata, whose import would cost `explainer inspect` a second.
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return ranks
