"""Whether a method is better than the controls, which do not use the network: by the differences of their scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from explainer.analysis.limits import MOST_CONTROLS
from explainer.analysis.score_changes import BETTER, verdict_on
from explainer.analysis.statistics import LEAST, PARTS, Bounds, bounds_of, difference_of, direction_of
from explainer.records import RunMetadata
from explainer.summary.reader import SampleView
from explainer.summary.settings import mapping

_Scores = dict[tuple[int, int | None], float]  # by sample and label
_Pairs = list[tuple[float, float]]  # of scores, the control's first
_PARTS = {True: PARTS[0], False: PARTS[1], None: ""}
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
        samples: of the run.
        metadata: which methods are controls, and the metrics' directions and bounds.
    """

    def __init__(self, samples: Iterable[SampleView], metadata: RunMetadata) -> None:
        self._metadata = metadata
        self._controls = mapping(metadata.parameters.get("controls"))
        self._scores: dict[tuple[str, str], _Scores] = {}
        self._part: dict[int, str] = {}
        for sample in samples:
            self._part[sample.sample_id] = _PARTS[sample.correct]
            for score in sample.scores:
                found = self._scores.setdefault((score.metric, score.explainer), {})
                found[sample.sample_id, score.label] = score.value
        self._rivals: dict[str, list[str]] = {}
        for metric, explainer in self._scores:
            if explainer in self._controls:
                self._rivals.setdefault(metric, []).append(explainer)

    def of(self, metric: str, explainer: str, part: str = "") -> AgainstControls:
        """How a method stands to the controls by a metric, the first `MOST_CONTROLS` of them; a control itself to none.

        Args:
            metric: its name.
            explainer: the method's name.
            part: "correct" or "incorrect" for the samples of that part alone, "" for all.
        """
        rivals = [] if explainer in self._controls else self._rivals.get(metric, [])[:MOST_CONTROLS]
        pairs = {name: self._pairs(metric, explainer, name, part) for name in rivals}
        verdicts = {name: self._verdict(metric, found) for name, found in pairs.items()}
        bounds = bounds_of(metric, self._metadata)
        tied = tuple(name for name, found in pairs.items() if are_tied(found, bounds))
        return AgainstControls(_with(verdicts, BETTER), _with(verdicts, None), tied)

    def _pairs(self, metric: str, explainer: str, control: str, part: str) -> _Pairs:
        own, others = self._scores.get((metric, explainer), {}), self._scores[metric, control]
        keys = [key for key in others if key in own and (not part or self._part[key[0]] == part)]
        return [(others[key], own[key]) for key in keys]

    def _verdict(self, metric: str, pairs: _Pairs) -> str | None:
        first, second = [other for other, _ in pairs], [own for _, own in pairs]
        difference = difference_of(first, second, bounds_of(metric, self._metadata))
        return verdict_on(difference, higher_is_better=direction_of(metric, self._metadata))


def are_tied(pairs: Sequence[tuple[float, float]], bounds: Bounds) -> bool:
    """Whether both scores are equal in 19 of 20 pairs, within `EQUAL`; False below five pairs of defined scores.

    Args:
        pairs: of scores of the same things; a pair with a score that is not finite does not count.
        bounds: the least and the largest possible score.

    >>> are_tied([(0.141, 0.146)] * 19 + [(0.1, 0.9)], (0, 1)), are_tied([(0.1, 0.1)] * 4, (0, 1))
    (True, False)
    """
    defined = [pair for pair in pairs if all(map(math.isfinite, pair))]
    equal = sum(abs(one - other) <= EQUAL * _size(one, other, bounds) for one, other in defined)
    return len(defined) >= LEAST and equal >= _NEARLY_ALL * len(defined)


def _size(one: float, other: float, bounds: Bounds) -> float:
    """That of the metric's range; of the larger score where it has none."""
    low, high = bounds
    return high - low if math.isfinite(high - low) else max(abs(one), abs(other))


def _with(verdicts: Mapping[str, str | None], verdict: str | None) -> tuple[str, ...]:
    return tuple(name for name, found in verdicts.items() if found == verdict)
