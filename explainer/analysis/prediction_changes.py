"""How the predictions of two runs differ, pair by pair of samples."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from explainer.analysis.score_changes import interval_facts, verdict_of
from explainer.analysis.statistics import difference_of, summary_of
from explainer.summary.reader import SampleView

Facts = dict[str, Any]
_PROPORTION = (0.0, 1.0)


class PredictionChanges:
    """Takes pairs of samples, and tells which predictions became correct or incorrect, or changed otherwise.

    Args:
        labels: of both runs.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._first, self._second = array("b"), array("b")
        self._became: dict[bool, list[Facts]] = {True: [], False: []}
        self._relabelled: list[Facts] = []
        self._other_truth = 0
        self._other_top_label = 0

    def take(self, first: SampleView, second: SampleView) -> None:
        """Takes the predictions of a sample in both runs."""
        if not self._judged(first, second) and _top(first) != _top(second):
            self._relabelled.append(self._change(first, second))
        self._other_top_label += _top(first) != _top(second)

    def _judged(self, first: SampleView, second: SampleView) -> bool:
        """Counts a pair of predictions that can be told right from wrong; whether it became correct or incorrect."""
        if first.correct is None or second.correct is None:
            return False
        if not same_truth(first, second):
            self._other_truth += 1
            return False
        self._first.append(first.correct)
        self._second.append(second.correct)
        if first.correct != second.correct:
            self._became[second.correct].append(self._change(first, second))
        return first.correct != second.correct

    def _change(self, first: SampleView, second: SampleView) -> Facts:
        return {
            "name": second.source or first.source or f"sample {first.sample_id}",
            "sample_a": first.sample_id,
            "sample_b": second.sample_id,
            "true_labels": [self._name(label) for label in first.prediction.ground_truth],
            "a": self._predicted(first),
            "b": self._predicted(second),
        }

    def _predicted(self, sample: SampleView) -> Facts:
        label, probabilities = _top(sample), sample.prediction.probabilities
        return {"label": self._name(label), "probability": float(probabilities[label]) if probabilities.size else None}

    def _name(self, label: int) -> str:
        return self._labels[label] if 0 <= label < len(self._labels) else str(label)

    def facts(self) -> Facts:
        """The accuracies, their difference, and what became correct or incorrect."""
        difference = difference_of(self._first, self._second, _PROPORTION)
        both = sum(a == b == 1 for a, b in zip(self._first, self._second, strict=True))
        return {
            "samples": len(self._first),
            "a": interval_facts(summary_of(self._first, _PROPORTION)),
            "b": interval_facts(summary_of(self._second, _PROPORTION)),
            "difference": interval_facts(difference),
            "verdict": verdict_of(difference, self._first, self._second, _PROPORTION, higher_is_better=True),
            "both_correct": both,
            "both_incorrect": len(self._first) - both - len(self._became[True]) - len(self._became[False]),
            "became_correct": self._became[True],
            "became_incorrect": self._became[False],
            "relabelled": self._relabelled,
            "other_true_labels": self._other_truth,
            "other_top_label": self._other_top_label,
        }


def same_truth(first: SampleView, second: SampleView) -> bool:
    """Whether the same labels are true in both runs."""
    return set(first.prediction.ground_truth) == set(second.prediction.ground_truth)


def _top(sample: SampleView) -> int:
    """The most probable label; -1 where a damaged file has none."""
    probabilities = sample.prediction.probabilities
    return int(probabilities.argmax()) if probabilities.size else -1
