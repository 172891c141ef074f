"""How far a network can be trusted, as JSON values: its calibration, its uncertainty, the regions that it needs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.area import covered_pixels
from explainer.analysis.calibration import reliability, separation
from explainer.analysis.json_values import or_none
from explainer.analysis.view import RunView
from explainer.records import EditTree, Uncertainty
from explainer.summary.reader import SampleView

Facts = dict[str, Any]
_MOST_PIXELS = 10**8  # of an image; a stranger's file that claims more is not believed


def reliability_facts(run: RunView) -> Facts:
    """The facts; a part that the run does not have is None."""
    return {
        "calibration": _calibration(run),
        "uncertainty": _uncertainty(run),
        "hierarchical_occlusion": _occlusion(run),
    }


# Calibration: of the samples whose true labels are known.


def _calibration(run: RunView) -> Facts | None:
    count = len(run.metadata.labels)
    known = [sample for sample in run.samples.values() if _has_known_labels(sample, count)]
    probabilities = [sample.prediction.probabilities for sample in known]
    if not known or not _are_distributions(probabilities, count):
        return None
    truth = _truth(known, count)
    means = [sample.uncertainty.mean for sample in known if sample.uncertainty is not None]
    drawn = len(means) == len(known) and _are_distributions(means, count)
    return {
        "of_predictions": reliability(np.stack(probabilities), truth)._asdict(),
        "of_mean_draws": reliability(np.stack(means), truth)._asdict() if drawn else None,
    }


def _has_known_labels(sample: SampleView, count: int) -> bool:
    return sample.truth_known and all(0 <= label < count for label in sample.prediction.ground_truth)


def _are_distributions(rows: list[NDArray[np.float32]], count: int) -> bool:
    """Whether each row has a finite number for every label, which a damaged file need not have."""
    return all(len(row) == count and np.isfinite(row).all() for row in rows)


def _truth(samples: list[SampleView], count: int) -> NDArray[np.bool_]:
    """Which labels are true of each sample, (N, K)."""
    truth = np.zeros((len(samples), count), bool)
    for row, sample in zip(truth, samples, strict=True):
        row[list(sample.prediction.ground_truth)] = True
    return truth


# Uncertainty: the deviation of each sample's most probable label.


@dataclass(frozen=True)
class _TopLabel:
    """The uncertainty of a sample's most probable label."""

    deviation: float
    uncertainty: Uncertainty
    correct: bool | None

    @property
    def finite(self) -> bool:
        entropies = self.uncertainty.total, self.uncertainty.aleatoric, self.uncertainty.epistemic
        return all(map(math.isfinite, (self.deviation, *entropies)))


def _uncertainty(run: RunView) -> Facts | None:
    found = [_top_label(sample) for sample in run.samples.values()]
    known = [label for label in found if label is not None and label.finite]
    if not known:
        return None
    correct = [label.deviation for label in known if label.correct is True]
    incorrect = [label.deviation for label in known if label.correct is False]
    return {
        "settings": run.metadata.parameters.get("uncertainty"),
        "samples": len(known),
        "mean_deviation": _mean([label.deviation for label in known]),
        "mean_deviation_correct": _mean(correct),
        "mean_deviation_incorrect": _mean(incorrect),
        "incorrect": len(incorrect),
        "error_detection_auroc": or_none(separation(incorrect, correct)),
        "mean_total_entropy": _mean([label.uncertainty.total for label in known]),
        "mean_aleatoric_entropy": _mean([label.uncertainty.aleatoric for label in known]),
        "mean_epistemic_entropy": _mean([label.uncertainty.epistemic for label in known]),
    }


def _top_label(sample: SampleView) -> _TopLabel | None:
    uncertainty, probabilities = sample.uncertainty, sample.prediction.probabilities
    if uncertainty is None or not probabilities.size or len(uncertainty.deviation) != len(probabilities):
        return None
    return _TopLabel(float(uncertainty.deviation[probabilities.argmax()]), uncertainty, sample.correct)


def _mean(values: list[float]) -> float | None:
    return or_none(math.fsum(values) / len(values)) if values else None


# Regions: hierarchical occlusion.


def _occlusion(run: RunView) -> Facts | None:
    trees = [tree for sample in run.samples.values() for tree in sample.edit_trees]
    if not trees:
        return None
    found = [tree for tree in trees if tree.layers]
    areas = [area for tree in found if (area := covered_part(tree)) is not None]
    return {
        "settings": run.metadata.parameters.get("hierarchical_occlusion"),
        "labels": len(trees),
        "results": len(found),
        "median_part_of_image": float(np.median(areas)) if areas else None,
        "median_boxes": float(np.median([len(tree.layers[-1].boxes) for tree in found])) if found else None,
        "without_result": dict(Counter(tree.reason for tree in trees if not tree.layers)),
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
