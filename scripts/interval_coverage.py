"""How often the interval of a mean holds the true mean: the table in docs/metrics.md, ours beside three others.

    python scripts/interval_coverage.py

Samples of known distributions are drawn many times; for scores of 0 and 1 nothing is drawn, the odds of every number of
hits are summed. It takes about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from explainer.analysis.statistics import summary_of

Doubles = NDArray[np.float64]
Ends = tuple[Doubles, Doubles]

COUNTS = (5, 10, 30, 100)
SAMPLES = 10_000  # so that one standard error is 0.2 of 100
RESAMPLES = 1000
AT_ONCE = 500  # samples that are resampled at once
DRAWN: dict[str, tuple[Callable[[np.random.Generator, tuple[int, int]], Doubles], float]] = {
    "normal": (lambda rng, shape: rng.normal(size=shape), 0.0),
    "uniform": (lambda rng, shape: rng.random(shape), 0.5),
    "Beta(5, 1), near 1": (lambda rng, shape: rng.beta(5, 1, shape), 5 / 6),
    "Beta(1/2, 2), near 0": (lambda rng, shape: rng.beta(0.5, 2, shape), 0.2),
    "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0),
    "lognormal": (lambda rng, shape: rng.lognormal(size=shape), float(np.exp(0.5))),
}
HITS = (0.5, 0.7, 0.9, 0.95)


def main() -> int:
    """Prints the table, in percent."""
    print("| scores | n | ours | Student's t | percentile bootstrap | bootstrap-t |\n|---|---|---|---|---|---|")
    for name, (draw, mean) in DRAWN.items():
        for count in COUNTS:
            samples = draw(np.random.default_rng(count), (SAMPLES, count))
            intervals = [ours(samples), student(samples), *bootstraps(samples)]
            print(row(name, count, [coverage(ends, mean) for ends in intervals]), flush=True)
    for chance in HITS:
        for count in COUNTS:
            print(row(f"0 or 1, mean {chance:g}", count, of_hits(count, chance)), flush=True)
    return 0


def row(name: str, count: int, found: list[float]) -> str:
    """A line of the table."""
    return f"| {name} | {count} | {' | '.join(f'{100 * value:.1f}' for value in found)} |"


def coverage(ends: Ends, mean: float) -> float:
    """The part of the intervals that hold the mean."""
    return float(np.mean((ends[0] <= mean) & (mean <= ends[1])))


def of_hits(count: int, chance: float) -> list[float]:
    """The coverage of each interval for scores of 0 and 1, over every possible number of hits."""
    hits = np.arange(count + 1)
    odds = stats.binom.pmf(hits, count, chance)
    samples = (np.arange(count) < hits[:, None]).astype(float)
    intervals = [ours(samples), student(samples), *bootstraps(samples)]
    return [float(odds[(low <= chance) & (chance <= high)].sum()) for low, high in intervals]


def ours(samples: Doubles) -> Ends:
    """The ends of what a run says."""
    found = [summary_of(sample.tolist()) for sample in samples]
    return np.array([one.low for one in found]), np.array([one.high for one in found])


def student(samples: Doubles) -> Ends:
    """Student's interval."""
    count = samples.shape[1]
    means = samples.mean(axis=1)
    reach = stats.t.ppf(0.975, count - 1) * samples.std(axis=1, ddof=1) / np.sqrt(count)
    return means - reach, means + reach


def bootstraps(samples: Doubles) -> list[Ends]:
    """The percentile interval and the bootstrap-t interval, of the same resamples."""
    count = samples.shape[1]
    drawn = np.random.default_rng(20).integers(0, count, (RESAMPLES, count))
    weights = np.stack([(drawn == place).mean(axis=1) for place in range(count)])
    starts = range(0, len(samples), AT_ONCE)
    ends = np.concatenate([_of_resamples(samples[start : start + AT_ONCE], weights) for start in starts], axis=2)
    return [(low, high) for low, high in ends]


def _of_resamples(samples: Doubles, weights: Doubles) -> Doubles:
    """The ends (2 intervals, 2 ends, samples), each resample being a row of weights of the scores."""
    count = samples.shape[1]
    means, deviations = samples.mean(axis=1, keepdims=True), samples.std(axis=1, ddof=1, keepdims=True)
    resampled = samples @ weights
    variances = np.maximum(samples**2 @ weights - resampled**2, 0) * count / (count - 1)
    spread = variances > 1e-12 * deviations**2  # a resample of one score alone has none, and is infinitely far
    errors = np.sqrt(np.where(spread, variances, 1))
    far = np.where(resampled == means, 0, np.copysign(1e9, resampled - means))
    students = np.where(spread, (resampled - means) / errors, far)
    low, high = np.percentile(students, [2.5, 97.5], axis=1)
    percentile = np.percentile(resampled, [2.5, 97.5], axis=1)
    return np.stack([percentile, means[:, 0] - np.stack([high, low]) * deviations[:, 0]])


if __name__ == "__main__":
    sys.exit(main())
