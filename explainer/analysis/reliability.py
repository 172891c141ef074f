"""How far a network can be trusted, as JSON values: its calibration, its uncertainty, the regions that it needs."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.area import covered_pixels
from explainer.analysis.calibration import Reliability, ReliabilitySums, separation
from explainer.analysis.json_values import or_none
from explainer.analysis.view import RunView
from explainer.records import EditTree, RunMetadata
from explainer.summary.reader import SampleView

Facts = dict[str, Any]
_AT_ONCE = 100  # samples
_ENTROPIES = ("total", "aleatoric", "epistemic")
_MOST_PIXELS = 10**8  # of an image; a stranger's file that claims more is not believed


class ReliabilityFacts:
    """The facts, gathered while samples pass by.

    Args:
        metadata: of the run.
    """

    def __init__(self, metadata: RunMetadata) -> None:
        self._parameters = metadata.parameters
        self._calibration = _Calibration(len(metadata.labels))
        self._uncertainty, self._occlusion = _Uncertainty(), _Occlusion()

    def take(self, sample: SampleView) -> None:
        """Takes a sample."""
        self._calibration.take(sample)
        self._uncertainty.take(sample)
        self._occlusion.take(sample)

    def facts(self) -> Facts:
        """The facts; a part that the run does not have is None."""
        return {
            "calibration": self._calibration.facts(),
            "uncertainty": self._uncertainty.facts(self._parameters.get("uncertainty")),
            "hierarchical_occlusion": self._occlusion.facts(self._parameters.get("hierarchical_occlusion")),
        }


def reliability_facts(run: RunView) -> Facts:
    """The facts of a run."""
    found = ReliabilityFacts(run.metadata)
    for sample in run.samples.values():
        found.take(sample)
    return found.facts()


# Calibration: of the samples whose true labels are known.


class _Calibration:
    """Nothing where any probabilities are not those of the run's labels, which a damaged file's need not be."""

    def __init__(self, label_count: int) -> None:
        self._count = label_count
        self._of_predictions, self._of_draws = _Predictions(label_count), _Predictions(label_count)

    def take(self, sample: SampleView) -> None:
        if _has_known_labels(sample, self._count):
            truth, drawn = sample.prediction.ground_truth, sample.uncertainty
            self._of_predictions.take(sample.prediction.probabilities, truth)
            self._of_draws.take(None if drawn is None else drawn.mean, truth)

    def facts(self) -> Facts | None:
        found, drawn = self._of_predictions.reliability(), self._of_draws.reliability()
        if found is None:
            return None
        return {
            "of_predictions": found._asdict(),
            "of_mean_draws": None if drawn is None else drawn._asdict(),
        }


class _Predictions:
    """Probabilities of samples, a hundred of which are compared with the truth at once."""

    def __init__(self, label_count: int) -> None:
        self._count = label_count
        self._sums = ReliabilitySums()
        self._rows: list[NDArray[np.float32]] = []
        self._truth: list[tuple[int, ...]] = []
        self._known, self._are_distributions = False, True

    def take(self, probabilities: NDArray[np.float32] | None, truth: tuple[int, ...]) -> None:
        """Takes those of a sample; None where it has none."""
        self._known = True
        if probabilities is None or len(probabilities) != self._count or not np.isfinite(probabilities).all():
            self._are_distributions = False
        if self._are_distributions and probabilities is not None:
            self._rows.append(probabilities)
            self._truth.append(truth)
        if len(self._rows) == _AT_ONCE:
            self._add()

    def reliability(self) -> Reliability | None:
        """Of all samples; None where there are none, or one has other probabilities than one for each label."""
        self._add()
        return self._sums.reliability() if self._known and self._are_distributions else None

    def _add(self) -> None:
        if self._rows:
            self._sums.add(np.stack(self._rows), _truth(self._truth, self._count))
        self._rows.clear()
        self._truth.clear()


def _has_known_labels(sample: SampleView, count: int) -> bool:
    return sample.truth_known and all(0 <= label < count for label in sample.prediction.ground_truth)


def _truth(labels: list[tuple[int, ...]], count: int) -> NDArray[np.bool_]:
    """Which labels are true of each sample, (N, K)."""
    truth = np.zeros((len(labels), count), bool)
    for row, true in zip(truth, labels, strict=True):
        row[list(true)] = True
    return truth


# Uncertainty: the deviation of each sample's most probable label.


class _Uncertainty:
    """The uncertainty of each sample's most probable label, where it is finite."""

    def __init__(self) -> None:
        self._deviations = {correct: array("d") for correct in (True, False, None)}
        self._entropies = [array("d") for _ in _ENTROPIES]

    def take(self, sample: SampleView) -> None:
        uncertainty, probabilities = sample.uncertainty, sample.prediction.probabilities
        if uncertainty is None or not probabilities.size or len(uncertainty.deviation) != len(probabilities):
            return
        deviation = float(uncertainty.deviation[probabilities.argmax()])
        entropies = [getattr(uncertainty, name) for name in _ENTROPIES]
        if not all(map(math.isfinite, (deviation, *entropies))):
            return
        self._deviations[sample.correct].append(deviation)
        for column, entropy in zip(self._entropies, entropies, strict=True):
            column.append(entropy)

    def facts(self, settings: Any) -> Facts | None:
        correct, incorrect, unknown = self._deviations.values()
        known = correct + incorrect + unknown
        if not known:
            return None
        return {
            "settings": settings,
            "samples": len(known),
            "mean_deviation": _mean(known),
            "mean_deviation_correct": _mean(correct),
            "mean_deviation_incorrect": _mean(incorrect),
            "incorrect": len(incorrect),
            "error_detection_auroc": or_none(separation(incorrect, correct)),
            **{f"mean_{name}_entropy": _mean(column) for name, column in zip(_ENTROPIES, self._entropies, strict=True)},
        }


def _mean(values: array[float]) -> float | None:
    return or_none(math.fsum(values) / len(values)) if values else None


# Regions: hierarchical occlusion.


class _Occlusion:
    def __init__(self) -> None:
        self._areas, self._boxes = array("d"), array("q")
        self._without: Counter[str] = Counter()

    def take(self, sample: SampleView) -> None:
        for tree in sample.edit_trees:
            if not tree.layers:
                self._without[tree.reason] += 1
                continue
            self._boxes.append(len(tree.layers[-1].boxes))
            area = covered_part(tree)
            if area is not None:
                self._areas.append(area)

    def facts(self, settings: Any) -> Facts | None:
        results = len(self._boxes)
        if not results and not self._without:
            return None
        return {
            "settings": settings,
            "labels": results + self._without.total(),
            "results": results,
            "median_part_of_image": float(np.median(self._areas)) if self._areas else None,
            "median_boxes": float(np.median(self._boxes)) if results else None,
            "without_result": dict(self._without),
        }


def covered_part(tree: EditTree, layer: int = -1) -> float | None:
    """The part of the image that the boxes of a layer, by default the last, cover together; None if it is not known."""
    size = image_size(tree)
    if size is None:
        return None
    return float(covered_pixels(tree.layers[layer].boxes, *size) / (size[0] * size[1]))


def image_size(tree: EditTree) -> tuple[int, int] | None:
    """Width and height of the image whose pixels boxes are in; None where they are not known."""
    if tree.tree is None or len(tree.tree["box"]) != 4:
        return None
    _, _, width, height = tree.tree["box"]
    return (width, height) if width > 0 and 0 < width * height <= _MOST_PIXELS else None
