"""What single scores say together: means with their spread, intervals and ranks. Nowhere a single best method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from explainer.records import RunMetadata

_RESAMPLES = 1000
_AT_ONCE = 1_000_000  # scores that are drawn at once
_SEED = 20


class Summary(NamedTuple):
    """What a method's scores by one metric say.

    Attributes:
        mean: of the defined scores; nan when there is none, as for all that follows.
        median: of them.
        deviation: their standard deviation (of the sample, n - 1); nan for a single one.
        low, high: a 95 % interval of the mean, by bootstrap.
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


class SingleScore(NamedTuple):
    """A score and to which part of the samples it belongs: "right", "wrong", or neither."""

    metric: str
    explainer: str
    value: float
    part: str


class MethodStatistics(NamedTuple):
    """What the scores of a method by a metric say.

    Attributes:
        metric: its name.
        explainer: the method's name.
        higher_is_better: which way is better.
        control: whether the method knows nothing of the network.
        rank: its place among all methods by the mean, 1 for the best; None where the mean is undefined.
        overall: of all samples.
        right: of those whose most probable label is a true one.
        wrong: of those where it is not.
    """

    metric: str
    explainer: str
    higher_is_better: bool
    control: bool
    rank: float | None
    overall: Summary
    right: Summary
    wrong: Summary


def method_statistics(scores: Sequence[SingleScore], metadata: RunMetadata) -> list[MethodStatistics]:
    """For each metric and method, in the order of their first scores, what they say."""
    found: dict[str, dict[str, list[SingleScore]]] = {}
    for score in scores:
        found.setdefault(score.metric, {}).setdefault(score.explainer, []).append(score)
    return [entry for metric, by_method in found.items() for entry in _of_metric(metric, by_method, metadata)]


def _of_metric(
    metric: str, by_method: Mapping[str, Sequence[SingleScore]], metadata: RunMetadata
) -> list[MethodStatistics]:
    higher = _higher_is_better(metric, metadata)
    overall = {name: summary_of([score.value for score in scores]) for name, scores in by_method.items()}
    places = ranks({name: summary.mean for name, summary in overall.items()}, higher_is_better=higher)
    parts = {
        name: [summary_of([score.value for score in scores if score.part == part]) for part in ("right", "wrong")]
        for name, scores in by_method.items()
    }
    declared = metadata.parameters.get("controls")
    controls = declared if isinstance(declared, Mapping) else {}
    return [
        MethodStatistics(metric, name, higher, name in controls, places.get(name), overall[name], *parts[name])
        for name in by_method
    ]


def _higher_is_better(metric: str, metadata: RunMetadata) -> bool:
    declared = metadata.parameters.get("metrics")
    declaration = declared.get(metric) if isinstance(declared, Mapping) else None
    return not isinstance(declaration, Mapping) or declaration.get("higher_is_better") is not False


def summary_of(scores: Sequence[float]) -> Summary:
    """Mean, median, deviation and a 95 % bootstrap interval of the mean; the same scores give the same interval.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3, the percentile interval, of
    1000 resamples.

    >>> summary_of([1.0, 2.0, float("nan"), 6.0])[:3]
    (3.0, 2.0, 2.6457513110645907)
    """
    defined = np.array([score for score in scores if math.isfinite(score)], np.float64)
    undefined = len(scores) - len(defined)
    if not len(defined):
        return Summary(math.nan, math.nan, math.nan, math.nan, math.nan, 0, undefined)
    rng = np.random.default_rng(_SEED)
    rows = max(1, _AT_ONCE // len(defined))
    counts = [min(rows, _RESAMPLES - start) for start in range(0, _RESAMPLES, rows)]
    draws = (rng.integers(0, len(defined), (count, len(defined))) for count in counts)
    means = np.concatenate([defined[draw].mean(axis=1) for draw in draws])
    low, high = np.percentile(means, [2.5, 97.5])
    deviation = float(defined.std(ddof=1)) if len(defined) > 1 else math.nan
    mean, median = math.fsum(defined) / len(defined), float(np.median(defined))
    return Summary(mean, median, deviation, float(low), float(high), len(defined), undefined)


def ranks(means: Mapping[str, float], *, higher_is_better: bool) -> dict[str, float]:
    """The place of each method by its mean, 1 for the best; equal ones share the mean of their places, nan has none.

    >>> ranks({"a": 0.5, "b": 0.9, "c": 0.5, "d": float("nan")}, higher_is_better=True)
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    sign = 1 if higher_is_better else -1
    known = {name: sign * mean for name, mean in means.items() if math.isfinite(mean)}
    return {
        name: 1
        + sum(other > mean for other in known.values())
        + (sum(other == mean for other in known.values()) - 1) / 2
        for name, mean in known.items()
    }
