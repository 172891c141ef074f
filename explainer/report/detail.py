"""Everything about one sample, its pictures as they lie on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from explainer.analysis.json_values import or_none
from explainer.analysis.limits import MOST_BOXES
from explainer.analysis.reliability import covered_part, image_size
from explainer.records import Draws, EditTree, ObjectBoxes, SaliencyFile, ScoreCurve, Uncertainty
from explainer.report.catalogue import Catalogue
from explainer.report.chunks import Body, stored
from explainer.report.picture_files import Damaged, PngFile, RawMap
from explainer.summary.reader import SampleView

_PER_FOLDER = 1000
_MOST_DRAWN_LABELS, _MOST_DRAWS = 100, 1_000  # a stranger's summary may have more
Facts = dict[str, Any]


class MapFile(NamedTuple):
    """A map: its record, its picture, and itself as floats where the run kept it so; or why they cannot be shown."""

    entry: SaliencyFile
    picture: PngFile | Damaged
    raw: RawMap | Damaged | None = None


def detail_key(sample_id: int) -> str:
    """The key of a sample's chunk.

    >>> detail_key(2005)
    's/2/2005'
    """
    return f"s/{sample_id // _PER_FOLDER}/{sample_id}"


def detail_chunk(sample: SampleView, image: PngFile | Damaged, maps: Sequence[MapFile], catalogue: Catalogue) -> bytes:
    """The chunk of a sample.

    Args:
        sample: the sample.
        image: its picture.
        maps: its maps, each with its record.
        catalogue: of the run.
    """
    body = Body()
    prediction = sample.prediction
    header = {
        "sample": sample.sample_id,
        "name": sample.source,
        "truth": list(prediction.ground_truth),
        "predicted": list(prediction.predicted),
        "explained": list(prediction.explained),
        "probabilities": body.add(prediction.probabilities),
        "uncertainty": None if sample.uncertainty is None else _uncertainty(sample.uncertainty, body),
        "picture": _picture(image, body),
        "maps": [_map(file, catalogue, body) for file in maps],
        "scores": _scores(sample, catalogue),
        "curves": [_curve(curve, catalogue, body) for curve in sample.curves if _is_known(curve, catalogue)],
        "edits": [_edits(tree) for tree in sample.edit_trees],
        "boxes": None if sample.objects is None or min(sample.objects.size) < 1 else _boxes(sample.objects),
    }
    return stored(header, body)


def _picture(file: PngFile | Damaged, body: Body) -> Facts:
    if isinstance(file, Damaged):
        return {"flag": 2, "reason": file.reason}
    return {"flag": 1, "width": file.width, "height": file.height, "png": body.add_bytes(file.content)}


def _map(file: MapFile, catalogue: Catalogue, body: Body) -> Facts:
    entry = file.entry
    return {
        "method": catalogue.method_index[entry.explainer],
        "label": entry.label,
        "lo": entry.low,
        "hi": entry.high,
        "gap": entry.completeness_gap,
        **_picture(file.picture, body),
        "raw": None if file.raw is None else _raw(file.raw, body),
    }


def _raw(raw: RawMap | Damaged, body: Body) -> Facts:
    if isinstance(raw, Damaged):
        return {"flag": 2, "reason": raw.reason}
    height, width = raw.values.shape
    kind = {"exponent": raw.exponent, "kind": raw.values.dtype.name}
    return {"flag": 1, "width": width, "height": height, **kind, "values": body.add(raw.values)}


def _boxes(objects: ObjectBoxes) -> Facts:
    shown = objects.boxes[:MOST_BOXES]
    return {
        "size": list(objects.size),
        "objects": [{"label": box.label, "box": [box.x, box.y, box.width, box.height]} for box in shown],
        "in_all": len(objects.boxes),
    }


def _uncertainty(found: Uncertainty, body: Body) -> Facts:
    arrays = {name: body.add(getattr(found, name)) for name in ("mean", "deviation", "low", "high")}
    draws = None if found.draws is None else _draws(found.draws, body)
    return {**arrays, "draws": draws, "total": found.total, "aleatoric": found.aleatoric, "epistemic": found.epistemic}


def _draws(draws: Draws, body: Body) -> Facts:
    labels, shown = draws.labels[:_MOST_DRAWN_LABELS], draws.probabilities[:_MOST_DRAWS]
    columns = np.ascontiguousarray(shown[:, : len(labels)].T)
    return {"labels": list(labels), "of_each": len(shown), "values": body.add(columns)}


def _scores(sample: SampleView, catalogue: Catalogue) -> list[Facts]:
    methods, metrics = catalogue.method_index, catalogue.metric_index
    return [
        {
            "metric": metrics[score.metric],
            "method": methods[score.explainer],
            "label": score.label,
            "value": or_none(score.value),
        }
        for score in sample.scores
        if score.metric in metrics and score.explainer in methods
    ]


def _is_known(curve: ScoreCurve, catalogue: Catalogue) -> bool:
    return curve.metric in catalogue.metric_index and curve.explainer in catalogue.method_index


def _curve(curve: ScoreCurve, catalogue: Catalogue, body: Body) -> Facts:
    return {
        "metric": catalogue.metric_index[curve.metric],
        "method": catalogue.method_index[curve.explainer],
        "label": curve.label,
        "fill": curve.fill,
        "area": or_none(_area(curve)),
        "x": body.add(curve.fractions),
        "y": body.add(curve.probabilities),
    }


def _area(curve: ScoreCurve) -> float:
    """Under the curve, divided by the length of its fractions."""
    x, y = curve.fractions.astype(np.float64), curve.probabilities.astype(np.float64)
    with np.errstate(all="ignore"):  # a stranger's may hold anything
        return float((y[1:] + y[:-1]) @ (x[1:] - x[:-1]) / 2 / (x[-1] - x[0]))


def _edits(tree: EditTree) -> Facts:
    size = image_size(tree)
    return {
        "label": tree.label,
        "mask": tree.mask,
        "by_masking": tree.by_masking,
        "size": None if size is None else list(size),
        "part": covered_part(tree) if tree.layers else None,
        "reason": tree.reason,
        "layers": [
            {"p": layer.output, "part": covered_part(tree, index), "boxes": layer.boxes}
            for index, layer in enumerate(tree.layers)
        ],
    }
