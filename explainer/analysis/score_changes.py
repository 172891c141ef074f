"""How the scores of two runs differ, pair by pair of samples."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explainer.analysis.limits import MOST_METHODS
from explainer.analysis.statistics import (
    LEAST,
    Bounds,
    Scores,
    Summary,
    bounds_of,
    difference_of,
    direction_of,
    sizes_of,
    summary_of,
)
from explainer.errors import ComparisonError
from explainer.records import RunMetadata
from explainer.summary.reader import SampleView
from explainer.summary.settings import mapping

Facts = dict[str, Any]
BETTER, WORSE, UNCLEAR, SAME = "better", "worse", "not distinguishable", "same"
ROUNDING = 1e-5
"""What two engines, or batches of two sizes, may differ by: of the metric's range; of the scores where it has none."""


@dataclass
class _Pairs:
    """The scores of one method by one metric: for each sample the mean over its labels, in both runs."""

    first: array[float] = field(default_factory=lambda: array("d"))
    second: array[float] = field(default_factory=lambda: array("d"))
    undefined: int = 0


class ScoreChanges:
    """Takes pairs of samples, and tells how their scores differ.

    A sample counts once for a method and metric, with the mean over the labels that were scored in both runs: labels of
    one image are alike, and would make an interval too narrow.

    Attributes:
        left_out: whether there were more pairs of metric and method than are worked out.
    """

    def __init__(self) -> None:
        self.left_out = False
        self._pairs: dict[tuple[str, str], _Pairs] = {}

    def take(self, first: SampleView, second: SampleView) -> None:
        """Takes the scores of a sample in both runs."""
        values = {(score.metric, score.explainer, score.label): score.value for score in second.scores}
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for score in first.scores:
            value = values.get((score.metric, score.explainer, score.label))
            if value is not None:
                found.setdefault((score.metric, score.explainer), []).append((score.value, value))
        for method, pairs in found.items():
            self._add(method, pairs)

    def _add(self, method: tuple[str, str], pairs: list[tuple[float, float]]) -> None:
        if method not in self._pairs and len(self._pairs) == MOST_METHODS:
            self.left_out = True
            return
        kept = self._pairs.setdefault(method, _Pairs())
        defined = [pair for pair in pairs if all(map(math.isfinite, pair))]
        kept.undefined += len(pairs) - len(defined)
        if defined:
            kept.first.append(math.fsum(a for a, _ in defined) / len(defined))
            kept.second.append(math.fsum(b for _, b in defined) / len(defined))

    def facts(self, first: RunMetadata, second: RunMetadata) -> list[Facts]:
        """For each metric and method in both runs, in the order of their first scores, how the scores differ.

        Raises:
            ComparisonError: higher scores of a metric are better in one run, and lower ones in the other.
        """
        for metric in dict.fromkeys(metric for metric, _ in self._pairs):
            _require_one_direction(metric, first, second)
        controls = mapping(first.parameters.get("controls"))
        return [
            {"control": explainer in controls, **_facts(metric, explainer, self._pairs[metric, explainer], first)}
            for metric, explainer in self._by_metric()
        ]

    def _by_metric(self) -> list[tuple[str, str]]:
        """Metrics and methods in the order in which they came, those of a metric together."""
        places = {metric: place for place, metric in enumerate(dict.fromkeys(metric for metric, _ in self._pairs))}
        return sorted(self._pairs, key=lambda names: places[names[0]])


def _require_one_direction(metric: str, first: RunMetadata, second: RunMetadata) -> None:
    if direction_of(metric, first) != direction_of(metric, second):
        raise ComparisonError(
            f"the runs cannot be compared: higher values of {metric} are better in one of them, and lower ones in the "
            "other; two metrics have one name"
        )


def _facts(metric: str, explainer: str, pairs: _Pairs, metadata: RunMetadata) -> Facts:
    bounds, higher = bounds_of(metric, metadata), direction_of(metric, metadata)
    difference = difference_of(pairs.first, pairs.second, bounds)
    return {
        "metric": metric,
        "higher_is_better": higher,
        "explainer": explainer,
        "a": interval_facts(summary_of(pairs.first, bounds)),
        "b": interval_facts(summary_of(pairs.second, bounds)),
        "difference": interval_facts(difference),
        "verdict": verdict_of(difference, pairs.first, pairs.second, bounds, higher_is_better=higher),
        "samples": difference.defined,
        "undefined_pairs": pairs.undefined,
    }


def interval_facts(summary: Summary) -> Facts:
    """The mean and its interval."""
    return {"mean": summary.mean, "low": summary.low, "high": summary.high}


def verdict_of(
    difference: Summary, first: Scores, second: Scores, bounds: Bounds, *, higher_is_better: bool
) -> str | None:
    """Whether the second run's scores are the same but for rounding, else as `verdict_on`; all scores are defined.

    >>> scores, bounds = ([0.1, 0.2, 0.3], [0.1, 0.2000001, 0.3]), (0, 1)
    >>> verdict_of(difference_of(*scores, bounds), *scores, bounds, higher_is_better=True)
    'same'
    """
    if not difference.defined:
        return None
    pairs = np.array([first, second], np.float64).T
    with np.errstate(over="ignore"):  # a stranger's scores may be anything
        rounding = ROUNDING * sizes_of(pairs, bounds)
        each = np.abs(pairs[:, 1] - pairs[:, 0]) <= rounding
        # A few that are not the same do not make a mean that is another.
        mean = max(-difference.low, difference.high) <= rounding.mean()
    return SAME if each.all() or mean else verdict_on(difference, higher_is_better=higher_is_better)


def verdict_on(difference: Summary, *, higher_is_better: bool) -> str | None:
    """Whether the second run is clearly better or worse: its interval does not hold 0; None without an interval.

    >>> verdict_on(difference_of([0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.4, 0.4, 0.6, 0.6]), higher_is_better=False)
    'worse'
    """
    if difference.defined < LEAST:
        return None
    if difference.low <= 0 <= difference.high:
        return UNCLEAR
    return BETTER if (difference.low > 0) == higher_is_better else WORSE
