"""What single scores tell together: means with their spread, intervals and ranks. Nowhere a single best method."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.score_table import PARTS, Scored, ScoreTable, SingleScore, in_both
from explainer.arrays import Float64Array
from explainer.deprecated import warn_renamed
from explainer.digests import digest_of
from explainer.records import RunMetadata
from explainer.representation import short
from explainer.summary.settings import mapping

LEAST = 5
"""How many scores an interval needs."""
_UPPER = 0.975  # of a 95 % interval
_NORMAL = 1.959963984540054  # that quantile of the normal distribution
Bounds = tuple[float, float]
Scores = Sequence[float] | Float64Array
_UNBOUNDED = (-math.inf, math.inf)


class Summary(NamedTuple):
    """Mean, spread and counts of a method's scores by one metric.

    Attributes:
        mean: of the defined scores; nan when there is none, as for all that follows.
        median: of them.
        deviation: their standard deviation (of the sample, n - 1); nan for a single one.
        low, high: a 95 % interval of the mean, see `summary_of`; nan for fewer than five scores.
        defined: how many scores there are.
        undefined: how many more were undefined.
    """

    mean: float
    median: float
    deviation: float
    low: float
    high: float
    defined: int
    undefined: int


class MethodStatistics(NamedTuple):
    """The statistics of a method's scores by one metric.

    Attributes:
        metric: its name.
        explainer: the method's name.
        higher_is_better: which way is better.
        control: whether the method is a control, which does not use the network.
        rank: its rank among all methods by the mean, 1 for the best; None where the mean is undefined. Two methods of
            which one has scores of fewer samples, as controls have, are compared by what both have scores of.
        overall: of all samples.
        correct: of those whose most probable label is a true one.
        incorrect: of those where it is not.
        part_ranks: the rank among those of each part, in the order of `PARTS`.
    """

    metric: str
    explainer: str
    higher_is_better: bool
    control: bool
    rank: float | None
    overall: Summary
    correct: Summary
    incorrect: Summary
    part_ranks: tuple[float | None, ...]

    def __repr__(self) -> str:
        """Mean and interval over all samples."""
        mean, low, high = (short(value) for value in (self.overall.mean, self.overall.low, self.overall.high))
        counts = f"n {self.overall.defined}, {self.overall.undefined} undefined"
        return f"<MethodStatistics {self.metric!r} of {self.explainer!r}: mean {mean} [{low}, {high}], {counts}>"

    @property
    def right(self) -> Summary:
        """The old name of `correct`."""
        warn_renamed("MethodStatistics.right", "correct")
        return self.correct

    @property
    def wrong(self) -> Summary:
        """The old name of `incorrect`."""
        warn_renamed("MethodStatistics.wrong", "incorrect")
        return self.incorrect


def method_statistics(scores: Iterable[SingleScore], metadata: RunMetadata) -> list[MethodStatistics]:
    """For each metric and method, in the order of their first scores, their statistics."""
    table = ScoreTable()
    for score in scores:
        table.add(score)
    return statistics_of(table, metadata)


def statistics_of(table: ScoreTable, metadata: RunMetadata) -> list[MethodStatistics]:
    """For each metric and method of a table their statistics."""
    return [
        entry
        for metric, methods in table.methods.items()
        for entry in _of_metric(metric, {name: table.scores(metric, name) for name in methods}, metadata)
    ]


def _of_metric(metric: str, by_method: Mapping[str, Scored], metadata: RunMetadata) -> list[MethodStatistics]:
    higher, bounds = direction_of(metric, metadata), bounds_of(metric, metadata)
    summaries: list[dict[str, Summary]] = []
    ranked: list[dict[str, float]] = []
    for part in ("", *PARTS):
        scored = {name: scores.part(part) for name, scores in by_method.items()}
        summaries.append({name: summary_of(scores.values, bounds) for name, scores in scored.items()})
        means = {name: summary.mean for name, summary in summaries[-1].items()}
        ranked.append(_ranks(scored, means, higher_is_better=higher))
    controls = mapping(metadata.parameters.get("controls"))
    return [
        MethodStatistics(
            metric,
            name,
            higher_is_better=higher,
            control=name in controls,
            rank=ranked[0].get(name),
            **{kind: found[name] for kind, found in zip(("overall", *PARTS), summaries, strict=True)},
            part_ranks=tuple(found.get(name) for found in ranked[1:]),
        )
        for name in by_method
    ]


def _ranks(scored: Mapping[str, Scored], means: Mapping[str, float], *, higher_is_better: bool) -> dict[str, float]:
    """The rank of each method; two that have scores of other things are compared by what both have scores of."""
    once = {name: scores.once() for name, scores in scored.items()}
    kinds: dict[bytes, int] = {}
    kind = {name: kinds.setdefault(digest_of(scores.of.tobytes()), len(kinds)) for name, scores in once.items()}
    if len(kinds) == 1:
        return ranks(means, higher_is_better=higher_is_better)

    def lead(one: str, other: str) -> float:
        if kind[one] != kind[other]:
            first, second = in_both(once[one], once[other])
            found = _mean(first.values) - _mean(second.values)
            if math.isfinite(found):
                return found
        return means[one] - means[other]

    known = [name for name, mean in means.items() if math.isfinite(mean)]
    sign = 1 if higher_is_better else -1
    before = {name: [np.sign(sign * lead(other, name)) for other in known if other != name] for name in known}
    return {name: 1 + sum((1 + float(other)) / 2 for other in found) for name, found in before.items()}


def _mean(scores: Float64Array) -> float:
    """Of those that are defined; nan where there is none."""
    defined = scores[np.isfinite(scores)]
    return math.fsum(defined) / len(defined) if len(defined) else math.nan


def direction_of(metric: str, metadata: RunMetadata) -> bool:
    """Whether higher scores of a metric are better; True where the run does not say."""
    return _declared(metric, metadata).get("higher_is_better") is not False


def bounds_of(metric: str, metadata: RunMetadata) -> Bounds:
    """The least and the largest possible score of a metric; infinite where the run does not say."""
    return _bounds(_declared(metric, metadata).get("bounds"))


def _declared(metric: str, metadata: RunMetadata) -> Mapping[str, object]:
    return mapping(mapping(metadata.parameters.get("metrics")).get(metric))


def _bounds(declared: object) -> Bounds:
    """The bounds that a metric declares, [low, high], None for one that it has not."""
    if not isinstance(declared, Sequence) or isinstance(declared, str) or len(declared) != 2:
        return _UNBOUNDED
    low, high = (value if isinstance(value, int | float) else None for value in declared)
    return -math.inf if low is None else low, math.inf if high is None else high


def summary_of(scores: Scores, bounds: Bounds = _UNBOUNDED) -> Summary:
    """Mean, median, deviation and a 95 % interval of the mean; the order of the scores does not matter.

    The interval is Student's, corrected for skewness. Scores that are all 0 or 1, as hits and misses are, have
    Agresti's and Coull's of a proportion, which is never one point; other scores that are all equal have one point.
    What was measured of the coverage is in docs/metrics.md.

    Source: Hall 1992, "On the Removal of Skewness by Transformation", section 2, the cubic transformation, here with
    Student's quantiles; Agresti and Coull 1998, "Approximate Is Better than 'Exact' for Interval Estimation of
    Binomial Proportions", section 1.

    Args:
        scores: those that are not finite are counted as undefined.
        bounds: the least and the largest possible score, beyond which no interval reaches.

    >>> summary_of([1.0, 2.0, float("nan"), 6.0])[:3]
    (3.0, 2.0, 2.6457513110645907)
    """
    return _summary(scores, bounds, _interval)


def difference_of(first: Scores, second: Scores, bounds: Bounds = _UNBOUNDED) -> Summary:
    """The summary of second - first, pair by pair, with a 95 % interval of the mean difference.

    The interval is that of `summary_of`; where all scores are 0 or 1, that of Bonett and Price for a difference of
    paired proportions, which is never one point.

    Source: Bonett and Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on
    Paired Data".

    Args:
        first: scores, (n).
        second: scores of the same things, (n); a pair with a score that is not finite is counted as undefined.
        bounds: the least and the largest possible score.

    >>> difference_of([0.5, 0.25, 0.0], [1.0, 0.25, float("nan")])[:2]
    (0.25, 0.25)
    """
    pairs = np.array([first, second], np.float64).T.reshape(-1, 2)
    of_hits = bool(np.isin(pairs[np.isfinite(pairs).all(axis=1)], (0, 1)).all())
    low, high = bounds
    with np.errstate(invalid="ignore"):  # inf - inf, which is undefined
        differences = pairs[:, 1] - pairs[:, 0]
    return _summary(differences, (low - high, high - low), _of_paired_hits if of_hits else _of_mean)


def sizes_of(pairs: Float64Array, bounds: Bounds) -> Float64Array:
    """What a difference is small beside, (n): the metric's range; the larger score of each pair where it has none."""
    low, high = bounds
    bounded = math.isfinite(high - low)
    return np.full(len(pairs), high - low) if bounded else np.abs(pairs).max(axis=1, initial=0)


_Interval = Callable[[NDArray[np.float64], float, float], tuple[float, float]]
"""Scores in their order, their mean and deviation -> the ends of an interval."""


def _summary(scores: Scores, bounds: Bounds, interval: _Interval) -> Summary:
    values = np.asarray(scores, np.float64)
    defined = np.sort(values[np.isfinite(values)])
    count, undefined = len(defined), len(scores) - len(defined)
    if not count:
        return Summary(math.nan, math.nan, math.nan, math.nan, math.nan, 0, undefined)
    mean, median = math.fsum(defined) / count, float(np.median(defined))
    deviation = float(defined.std(ddof=1)) if count > 1 else math.nan
    ends = (math.nan, math.nan) if count < LEAST else interval(defined, mean, deviation)
    low, high = (float(np.clip(end, *bounds)) for end in ends)
    return Summary(mean, median, deviation, low, high, count, undefined)


def _interval(scores: NDArray[np.float64], mean: float, deviation: float) -> tuple[float, float]:
    if np.isin(scores, (0, 1)).all():
        return _of_proportion(mean, len(scores))
    return _of_mean(scores, mean, deviation)


def _of_mean(scores: NDArray[np.float64], mean: float, deviation: float) -> tuple[float, float]:
    if scores[0] == scores[-1] or deviation == 0:  # differences may be too small to be squared
        return mean, mean
    return _corrected_for_skewness(scores, mean, deviation)


def _of_paired_hits(differences: NDArray[np.float64], mean: float, deviation: float) -> tuple[float, float]:
    """The interval of Bonett and Price, of differences -1, 0 and 1; one pair of each kind of change is added."""
    count = len(differences) + 2
    gained, lost = ((np.count_nonzero(differences == change) + 1) / count for change in (1, -1))
    centre = gained - lost
    reach = _NORMAL * math.sqrt((gained + lost - centre * centre) / count)
    return centre - reach, centre + reach


def _of_proportion(mean: float, count: int) -> tuple[float, float]:
    """The interval of Agresti and Coull, cut off at 0 and 1."""
    squared = _NORMAL**2
    centre = (mean * count + squared / 2) / (count + squared)
    reach = math.sqrt(squared * centre * (1 - centre) / (count + squared))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def _corrected_for_skewness(scores: NDArray[np.float64], mean: float, deviation: float) -> tuple[float, float]:
    """Hall's interval: the inverse of t + g t^2 / (3 sqrt(n)) + g^2 t^3 / (27 n) + g / (6 sqrt(n)), g the skewness."""
    count = len(scores)
    skewness = float(np.mean(((scores - mean) / deviation) ** 3) * (count / (count - 1)) ** 1.5)
    quantile = student_quantile(count)

    def end(student: float) -> float:
        step = student / math.sqrt(count) - skewness / (6 * count)
        root = float(np.cbrt(1 + skewness * step))
        return mean - deviation * 3 * step / (1 + root + root * root)  # 3 (root - 1) / skewness, which may be 0

    return end(quantile), end(-quantile)


def student_quantile(count: int) -> float:
    """How many standard errors a 95 % interval of the mean of so many scores reaches to either side.

    >>> round(student_quantile(5), 3)
    2.776
    """
    from scipy.special import stdtrit  # a quarter of what starting `explainer --help` takes

    return float(stdtrit(count - 1, _UPPER))


def ranks(means: Mapping[str, float], *, higher_is_better: bool) -> dict[str, float]:
    """The rank of each method by its mean, 1 for the best; equal ones share the mean of their ranks, nan has none.

    >>> ranks({"a": 0.5, "b": 0.9, "c": 0.5, "d": float("nan")}, higher_is_better=True)
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    sign = -1 if higher_is_better else 1
    known = {name: sign * mean for name, mean in means.items() if math.isfinite(mean)}
    ordered = sorted(known.values())
    return {name: (bisect_left(ordered, mean) + bisect_right(ordered, mean) + 1) / 2 for name, mean in known.items()}
