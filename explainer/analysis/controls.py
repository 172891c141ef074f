"""Whether a method is better than the controls, which do not use the network: by the differences of their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from explainer.analysis.limits import MOST_CONTROLS
from explainer.analysis.score_changes import BETTER, verdict_on
from explainer.analysis.score_table import ScoreTable, in_both
from explainer.analysis.statistics import LEAST, Bounds, bounds_of, difference_of, direction_of, sizes_of
from explainer.arrays import Float64Array
from explainer.records import RunMetadata
from explainer.summary.settings import mapping

EQUAL = 0.01
"""Two scores are taken for equal within this part of the metric's range; of the larger one where it has no range."""
_NEARLY_ALL = 0.95


class AgainstControls(NamedTuple):
    """How a method's scores by one metric stand to those of the controls.

    Attributes:
        better_than: the controls than which it is better: the 95 % interval of the mean paired difference says so.
        too_few: the controls of which that cannot be told, for want of five pairs of defined scores.
        tied_with: the controls whose scores it has, pair by pair, within a hundredth and of 19 pairs in 20: the metric
            does not tell its maps from theirs.
    """

    better_than: tuple[str, ...] = ()
    too_few: tuple[str, ...] = ()
    tied_with: tuple[str, ...] = ()


class ControlVerdicts:
    """Compares methods with the controls that were scored by the same metric, pair by pair of sample and label.

    Pairing takes out what makes single images easy or hard: two means whose own intervals overlap may differ clearly.

    Args:
        table: the scores of the run.
        metadata: which methods are controls, and the metrics' directions and bounds.
    """

    def __init__(self, table: ScoreTable, metadata: RunMetadata) -> None:
        self._metadata = metadata
        self._table = table
        self._controls = mapping(metadata.parameters.get("controls"))
        self._rivals = {
            metric: [name for name in methods if name in self._controls][:MOST_CONTROLS]
            for metric, methods in table.methods.items()
        }

    def of(self, metric: str, explainer: str, part: str = "") -> AgainstControls:
        """How a method stands to the controls by a metric, the first `MOST_CONTROLS` of them; a control itself to none.

        Args:
            metric: its name.
            explainer: the method's name.
            part: "correct" or "incorrect" for the samples of that part alone, "" for all.
        """
        rivals = [] if explainer in self._controls else self._rivals.get(metric, [])
        pairs = {name: self._pairs(metric, explainer, name, part) for name in rivals}
        verdicts = {name: self._verdict(metric, found) for name, found in pairs.items()}
        bounds = bounds_of(metric, self._metadata)
        tied = tuple(name for name, found in pairs.items() if are_tied(found, bounds))
        return AgainstControls(_with(verdicts, BETTER), _with(verdicts, None), tied)

    def _pairs(self, metric: str, explainer: str, control: str, part: str) -> Float64Array:
        """The scores of what both have scores of, (n, 2), the control's first."""
        own, others = (self._table.scores(metric, name).once() for name in (explainer, control))
        own, others = in_both(own.part(part), others)
        return np.stack([others.values, own.values], axis=1)

    def _verdict(self, metric: str, pairs: Float64Array) -> str | None:
        difference = difference_of(pairs[:, 0], pairs[:, 1], bounds_of(metric, self._metadata))
        return verdict_on(difference, higher_is_better=direction_of(metric, self._metadata))


def are_tied(pairs: Float64Array | Sequence[tuple[float, float]], bounds: Bounds) -> bool:
    """Whether both scores are equal in 19 of 20 pairs, within `EQUAL`; False below five pairs of defined scores.

    Args:
        pairs: of scores of the same things, (n, 2); a pair with a score that is not finite does not count.
        bounds: the least and the largest possible score.

    >>> are_tied([(0.141, 0.146)] * 19 + [(0.1, 0.9)], (0, 1)), are_tied([(0.1, 0.1)] * 4, (0, 1))
    (True, False)
    """
    scores = np.array(pairs, np.float64).reshape(-1, 2)
    defined = scores[np.isfinite(scores).all(axis=1)]
    with np.errstate(over="ignore"):  # a stranger's scores may be anything
        equal = np.count_nonzero(np.abs(defined[:, 0] - defined[:, 1]) <= EQUAL * sizes_of(defined, bounds))
    return len(defined) >= LEAST and equal >= _NEARLY_ALL * len(defined)


def _with(verdicts: Mapping[str, str | None], verdict: str | None) -> tuple[str, ...]:
    return tuple(name for name, found in verdicts.items() if found == verdict)
