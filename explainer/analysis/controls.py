"""Whether a method is better than the controls, which do not use the network: by the differences of their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from explainer.analysis.score_changes import BETTER, verdict_on
from explainer.analysis.statistics import PARTS, bounds_of, difference_of, direction_of
from explainer.records import RunMetadata
from explainer.summary.reader import SampleView
from explainer.summary.settings import mapping

_Scores = dict[tuple[int, int | None], float]  # by sample and label
_PARTS = {True: PARTS[0], False: PARTS[1], None: ""}


class AgainstControls(NamedTuple):
    """How a method's scores by one metric stand to those of the controls.

    Attributes:
        better_than: the controls than which it is better: the 95 % interval of the mean paired difference says so.
        too_few: the controls of which that cannot be told, for want of five pairs of defined scores.
    """

    better_than: tuple[str, ...] = ()
    too_few: tuple[str, ...] = ()


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

    def of(self, metric: str, explainer: str, part: str = "") -> AgainstControls:
        """How a method stands to the controls by a metric; a control itself to none.

        Args:
            metric: its name.
            explainer: the method's name.
            part: "correct" or "incorrect" for the samples of that part alone, "" for all.
        """
        if explainer in self._controls:
            return AgainstControls()
        rivals = [name for name in self._controls if (metric, name) in self._scores]
        verdicts = {name: self._verdict(metric, explainer, name, part) for name in rivals}
        return AgainstControls(_with(verdicts, BETTER), _with(verdicts, None))

    def _verdict(self, metric: str, explainer: str, control: str, part: str) -> str | None:
        own, other = self._scores.get((metric, explainer), {}), self._scores[metric, control]
        pairs = [key for key in own if key in other and (not part or self._part[key[0]] == part)]
        first, second = [other[key] for key in pairs], [own[key] for key in pairs]
        difference = difference_of(first, second, bounds_of(metric, self._metadata))
        return verdict_on(difference, higher_is_better=direction_of(metric, self._metadata))


def _with(verdicts: Mapping[str, str | None], verdict: str | None) -> tuple[str, ...]:
    return tuple(name for name, found in verdicts.items() if found == verdict)
