"""What draws of probabilities say: spread, 95 % intervals, and which part of the uncertainty more data could remove."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from explainer.arrays import Float64Array
from explainer.checks import sum_to_one
from explainer.representation import of_fields

INTERVALS = ("beta", "quantile")
_LARGE = 1e7  # parameters of a Beta distribution that is all but normal
_TAILS = (0.025, 0.975)


class Interval(NamedTuple):
    """Where 95 % of a distribution lie.

    Attributes:
        low: the 2.5 % quantile.
        high: the 97.5 % quantile.
        deviation: the standard deviation.
    """

    low: Float64Array
    high: Float64Array
    deviation: Float64Array

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


class Entropies(NamedTuple):
    """How unsure predictions are, in nats, and why.

    Attributes:
        total: of the mean prediction, (N,).
        aleatoric: the mean of the draws' own entropies, (N,): uncertainty that no further training data removes.
        epistemic: the rest, (N,), the mutual information of prediction and network: uncertainty about the network.
    """

    total: Float64Array
    aleatoric: Float64Array
    epistemic: Float64Array

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


def beta_by_moments(mean: NDArray[Any], variance: NDArray[Any]) -> Interval:
    """The interval of the Beta distribution with these moments, which never leaves [0, 1].

    Where there is none (no variance, or more than a distribution on [0, 1] can have) both ends are the mean and the
    deviation is 0.

    Args:
        mean: in [0, 1], of any shape.
        variance: of the same shape.

    Source: `mindspore.explainer`, which has it from the moments a = m^2 (1 - m) / v - m and b = a (1 - m) / m.

    >>> [round(float(value), 3) for value in beta_by_moments(np.array(0.5), np.array(1 / 12))]  # uniform
    [0.025, 0.975, 0.289]
    """
    m, v = np.asarray(mean, np.float64), np.asarray(variance, np.float64)
    with np.errstate(all="ignore"):
        a = m * m * (1 - m) / v - m
        b = a * (1 - m) / m
        low, high = (_quantile(tail, m, v, a, b) for tail in _TAILS)
        known = low <= high  # not where they are NaN
        return Interval(np.where(known, low, m), np.where(known, high, m), np.where(known, np.sqrt(v), 0.0))


def _quantile(tail: float, m: Float64Array, v: Float64Array, a: Float64Array, b: Float64Array) -> Float64Array:
    """Of Beta(a, b), whose moments are m and v; where both are large by its expansion about the normal distribution.

    There the expansion is right to 2e-8 of the deviation, while SciPy below 1.16 is less so, or takes seconds.
    """
    narrow = np.minimum(a, b) > _LARGE
    z, skewness = ndtri(tail), 2 * (1 - 2 * m) * np.sqrt(v) / (m * (1 - m))
    expanded = np.clip(m + np.sqrt(v) * (z + skewness * (z * z - 1) / 6), 0, 1)
    quantile: Float64Array = np.where(
        narrow, expanded, betaincinv(np.where(narrow, 1, a), np.where(narrow, 1, b), tail)
    )
    return quantile


def interval_of(draws: NDArray[Any], kind: str = "beta") -> Interval:
    """The interval of each probability from its draws.

    "beta": of the Beta distribution with the mean and the variance of the draws. From 50 draws, 94 of 100 such
    intervals hold a further draw, and few draws are used well. Where draws have two peaks, at 0 and 1, there may be no
    such distribution; there the quantiles are taken. "quantile": those of the draws themselves, whatever their
    distribution; 95 of 100 hold a further draw from 39 draws on, with fewer they are the least and the largest draw.

    Args:
        draws: (S, ...) in [0, 1], at least two.
        kind: "beta" or "quantile".

    Raises:
        ValueError: another kind.

    Source: Hyndman and Fan 1996, "Sample Quantiles in Statistical Packages", definition 6, whose coverage is exact.

    >>> interval_of(np.array([[0.25], [0.25], [0.25]])).low.tolist()
    [0.25]
    """
    if kind not in INTERVALS:
        raise ValueError(f"`kind` must be one of {', '.join(INTERVALS)}, got {kind!r}")
    samples = np.asarray(draws, np.float64)
    sure = np.ptp(samples, axis=0) == 0
    deviation = np.where(sure, 0.0, samples.std(axis=0, ddof=1))
    low, high = np.quantile(samples, _TAILS, axis=0, method="weibull")
    if kind == "beta":
        fitted = beta_by_moments(samples.mean(axis=0), deviation**2)
        known = (fitted.deviation > 0) | (deviation == 0)
        low, high = np.where(known, fitted.low, low), np.where(known, fitted.high, high)
    return Interval(np.where(sure, samples[0], low), np.where(sure, samples[0], high), deviation)


def entropies_of(draws: NDArray[Any]) -> Entropies:
    """The entropy of the mean prediction, in two parts; never below 0.

    Of classes that exclude one another where every draw of an image sums to 1, else the sum over labels that may each
    be true.

    Args:
        draws: (S, N, K) in [0, 1].

    Source: Depeweg et al. 2018, "Decomposition of Uncertainty in Bayesian Deep Learning", equation 4.

    >>> [part.round(3).tolist() for part in entropies_of(np.array([[[1.0, 0]], [[0, 1.0]]]))]
    [[0.693], [0.0], [0.693]]
    """
    samples = np.asarray(draws, np.float64)
    exclusive = sum_to_one(samples).all(axis=0) & (samples.shape[2] > 1)
    total = _entropy(samples.mean(axis=0), exclusive)
    aleatoric = _entropy(samples, exclusive).mean(axis=0)
    return Entropies(total, aleatoric, np.maximum(total - aleatoric, 0.0))


def _entropy(probabilities: Float64Array, exclusive: NDArray[np.bool_]) -> Float64Array:
    """Over the last axis."""
    of_others = np.where(exclusive[:, None], 0.0, _surprise(1 - probabilities))
    entropy: Float64Array = (_surprise(probabilities) + of_others).sum(axis=-1)
    return entropy


def _surprise(probabilities: Float64Array) -> Float64Array:
    surprise: Float64Array = -probabilities * np.log(np.where(probabilities > 0, probabilities, 1.0))
    return surprise
