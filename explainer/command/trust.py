"""What `explainer inspect` says of how sure and how right the network is: reliability, doubt, regions it needs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.calibration import reliability, separation
from explainer.analysis.view import RunView
from explainer.records import EditTree, Uncertainty
from explainer.summary.reader import SampleView

Facts = dict[str, Any]


def trust_facts(run: RunView) -> Facts:
    """The facts as JSON values; a part that the run does not have is None."""
    return {
        "reliability": _reliability(run),
        "uncertainty": _uncertainty(run),
        "hierarchical_occlusion": _occlusion(run),
    }


def trust_lines(facts: Facts) -> list[tuple[str, str]]:
    """The same for a person: a name and a text for each line."""
    return [
        *_named("trust", _reliability_text(facts["reliability"])),
        *_named("doubt", _uncertainty_text(facts["uncertainty"])),
        *_named("regions", _occlusion_text(facts["hierarchical_occlusion"])),
    ]


def _named(name: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, text) for text in texts]


# Reliability: of the samples whose true labels are known.


def _reliability(run: RunView) -> Facts | None:
    count = len(run.metadata.labels)
    known = [sample for sample in run.samples.values() if sample.truth_known]
    known = [sample for sample in known if all(0 <= label < count for label in sample.prediction.ground_truth)]
    if not known or not all(_fits(sample.prediction.probabilities, run) for sample in known):
        return None
    truth = np.zeros((len(known), count), bool)
    for row, sample in zip(truth, known, strict=True):
        row[list(sample.prediction.ground_truth)] = True
    drawn = [sample.uncertainty.mean for sample in known if sample.uncertainty is not None]
    whole = len(drawn) == len(known) and all(_fits(mean, run) for mean in drawn)
    return {
        "of_predictions": _as_json(np.stack([sample.prediction.probabilities for sample in known]), truth),
        "of_mean_draws": _as_json(np.stack(drawn), truth) if whole else None,
    }


def _fits(probabilities: NDArray[Any], run: RunView) -> bool:
    return len(probabilities) == len(run.metadata.labels) and bool(np.isfinite(probabilities).all())


def _as_json(probabilities: NDArray[Any], truth: NDArray[np.bool_]) -> Facts:
    return reliability(probabilities, truth)._asdict()


def _reliability_text(facts: Facts | None) -> list[str]:
    if facts is None:
        return []
    names = {"of_predictions": "predictions", "of_mean_draws": "mean of the draws"}
    return [
        f"{name}: calibration error (ECE) {facts[key]['ece']:.3f}, Brier score {facts[key]['brier']:.3f} "
        f"over {facts[key]['compared']} {'samples' if facts[key]['kind'] == 'classes' else 'pairs of sample and label'}"
        for key, name in names.items()
        if facts[key] is not None
    ]


# Doubt: the deviation of each sample's most probable label.


@dataclass(frozen=True)
class _Doubt:
    deviation: float
    uncertainty: Uncertainty
    right: bool | None

    @property
    def finite(self) -> bool:
        said = self.uncertainty
        return all(map(math.isfinite, (self.deviation, said.total, said.aleatoric, said.epistemic)))


def _uncertainty(run: RunView) -> Facts | None:
    doubts = [_doubt(sample) for sample in run.samples.values()]
    known = [doubt for doubt in doubts if doubt is not None and doubt.finite]
    if not known:
        return None
    parts = {name: [doubt for doubt in known if doubt.right is right] for name, right in _PARTS.items()}
    deviations = {name: [doubt.deviation for doubt in part] for name, part in parts.items()}
    return {
        "settings": run.metadata.parameters.get("uncertainty"),
        "samples": len(known),
        "mean_deviation": _mean([doubt.deviation for doubt in known]),
        "mean_deviation_right": _mean(deviations["right"]),
        "mean_deviation_wrong": _mean(deviations["wrong"]),
        "wrong": len(parts["wrong"]),
        "error_detection_auroc": or_none(separation(deviations["wrong"], deviations["right"])),
        **{
            f"mean_{kind}_entropy": _mean([getattr(doubt.uncertainty, kind) for doubt in known])
            for kind in ("total", "aleatoric", "epistemic")
        },
    }


_PARTS = {"right": True, "wrong": False}


def _doubt(sample: SampleView) -> _Doubt | None:
    found, probabilities = sample.uncertainty, sample.prediction.probabilities
    if found is None or not probabilities.size or len(found.deviation) != len(probabilities):
        return None
    return _Doubt(float(found.deviation[probabilities.argmax()]), found, sample.right)


def _uncertainty_text(facts: Facts | None) -> list[str]:
    if facts is None:
        return []
    settings = facts["settings"] if isinstance(facts["settings"], dict) else {}
    by = ", ".join(f"{key} {value}" for key, value in settings.items() if key != "method")
    texts = [
        f"{settings.get('method', 'unknown method')}{f' ({by})' if by else ''}: sd of the predicted label "
        f"{facts['mean_deviation']:.3f} on average over {facts['samples']} samples"
    ]
    if facts["error_detection_auroc"] is not None:
        texts.append(
            f"sd {facts['mean_deviation_right']:.3f} where right, {facts['mean_deviation_wrong']:.3f} where wrong "
            f"(n {facts['wrong']}); it tells wrong from right with AUROC {facts['error_detection_auroc']:.3f}"
        )
    texts.append(
        f"entropy {facts['mean_total_entropy']:.3f} nats: {facts['mean_aleatoric_entropy']:.3f} of the images "
        f"(aleatoric), {facts['mean_epistemic_entropy']:.3f} of the network (epistemic)"
    )
    return texts


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


def covered_part(tree: EditTree) -> float | None:
    """The part of the image that the boxes of the last layer cover together; None where it is not known."""
    if tree.tree is None or len(tree.tree["box"]) != 4:
        return None
    _, _, width, height = tree.tree["box"]
    if width <= 0 or not 0 < width * height <= _MOST_PIXELS:
        return None
    covered = np.zeros((height, width), bool)
    for x, y, w, h in tree.layers[-1].boxes:
        covered[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = True
    return float(covered.mean())


_MOST_PIXELS = 10**8  # beyond it, a stranger's file is not believed


def _occlusion_text(facts: Facts | None) -> list[str]:
    if facts is None:
        return []
    texts = [f"{facts['results']} of {facts['labels']} predicted labels have a region that is enough for them"]
    settings = facts["settings"] if isinstance(facts["settings"], dict) else {}
    if settings.get("by_masking"):
        texts = [f"{facts['results']} of {facts['labels']} predicted labels have a region that they cannot do without"]
    if facts["median_part_of_image"] is not None:
        boxes, part = facts["median_boxes"], facts["median_part_of_image"]
        texts[0] += f"; in the median it has {boxes:g} boxes and {part:.0%} of the image"
    return texts + [f"{count} without, because {reason}" for reason, count in facts["without_result"].items()]


def _mean(values: list[float]) -> float | None:
    return or_none(math.fsum(values) / len(values)) if values else None


def or_none(value: float) -> float | None:
    """The number as a JSON value, which nan and infinity are not."""
    return value if math.isfinite(value) else None
