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
    sums = ReliabilitySums()
    sums.add(np.asarray(probabilities), np.asarray(truth, bool))
    return sums.reliability()


class ReliabilitySums:
    """`reliability` of predictions that come some at a time."""

    def __init__(self) -> None:
        self._samples, self._labels = 0, 0
        self._squared = 0.0
        self._are_classes = True
        self._gaps_of_classes, self._gaps_of_labels = np.zeros(_BINS), np.zeros(_BINS)

    def add(self, probabilities: NDArray[Any], truth: NDArray[np.bool_]) -> None:
        """Takes predictions.

        Args:
            probabilities: (n, K) in [0, 1].
            truth: (n, K).
        """
        if not len(probabilities):
            return
        claimed = probabilities.astype(np.float64)
        self._samples, self._labels = self._samples + len(claimed), self._labels + claimed.size
        self._squared += float(((claimed - truth) ** 2).sum())
        self._gaps_of_labels += _gaps(claimed.ravel(), truth.ravel())
        self._are_classes &= bool((truth.sum(axis=1) == 1).all() and sum_to_one(claimed).all())
        if self._are_classes:
            rows, top = np.arange(len(claimed)), claimed.argmax(axis=1)
            self._gaps_of_classes += _gaps(claimed[rows, top], truth[rows, top])

    def reliability(self) -> Reliability:
        """Of all predictions; nan where there were none."""
        if not self._samples:
            return Reliability("classes", 0, np.nan, np.nan)
        kind, gaps = ("classes", self._gaps_of_classes) if self._are_classes else ("labels", self._gaps_of_labels)
        compared = self._samples if self._are_classes else self._labels
        return Reliability(kind, compared, self._squared / compared, float(np.abs(gaps).sum() / compared))


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


def _gaps(confidence: Float64Array, happened: NDArray[np.bool_]) -> Float64Array:
    """The sum of confidence - accuracy in each bin: (0, 1/15], (1/15, 2/15], ...; 0 is in the first."""
    bins = np.clip(np.ceil(confidence * _BINS) - 1, 0, _BINS - 1).astype(int)
    return np.asarray(np.bincount(bins, confidence - happened, minlength=_BINS), np.float64)


def _mid_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """The rank of each value from 1, equal ones sharing the mean of theirs."""
    # As scipy.stats.rankdata, whose import would cost `explainer inspect` a second.
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return ranks
