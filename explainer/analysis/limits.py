"""How much of a run is worked out. No real run has so much; a small file of a stranger can have far more."""

from __future__ import annotations

from collections.abc import Iterable

from explainer.summary.reader import SampleView
from explainer.summary.run_notes import Finding

MOST_METHODS = 10_000
"""Pairs of metric and explainer that statistics are made of."""
MOST_CONTROLS = 10
"""Controls that a method is compared with by a metric."""
MOST_CURVES = 2_000
"""Triples of metric, explainer and fill that mean curves are made of."""
MOST_METRIC_COLUMNS = 200
"""Metrics that have a column of their own in a table."""
MOST_ROWS = 100_000
"""Rows of one sample in a table."""
MOST_BOXES = 100
"""Boxes of the objects of one sample that are shown, and stand in tables."""


class Limits:
    """How much there is of a run, while its samples pass by."""

    def __init__(self) -> None:
        self._methods: set[tuple[str, str]] = set()
        self._curves: set[tuple[str, str, str]] = set()

    def take(self, sample: SampleView) -> None:
        """Takes a sample."""
        self._methods.update((score.metric, score.explainer) for score in sample.scores)
        self._curves.update((curve.metric, curve.explainer, curve.fill) for curve in sample.curves)

    def beyond(self) -> list[Finding]:
        """What of the run is not worked out."""
        found = (
            _beyond(len(self._methods), MOST_METHODS, "pairs of metric and explainer with scores: the statistics are"),
            _beyond(len(self._curves), MOST_CURVES, "kinds of curves: the mean curves are"),
        )
        return [finding for finding in found if finding is not None]


def beyond_the_limits(samples: Iterable[SampleView]) -> list[Finding]:
    """What of a run is not worked out."""
    limits = Limits()
    for sample in samples:
        limits.take(sample)
    return limits.beyond()


def _beyond(count: int, most: int, what: str) -> Finding | None:
    return Finding(0, f"there are {count:,} {what} of the first {most:,}") if count > most else None
