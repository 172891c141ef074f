"""Everything about one sample, its pictures as they lie on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explainer.analysis.json_values import or_none
from explainer.analysis.reliability import covered_part, image_size
from explainer.records import EditTree, SaliencyFile, ScoreCurve, Uncertainty
from explainer.report.catalogue import Catalogue
from explainer.report.chunks import Body, stored
from explainer.report.picture_files import Damaged, PngFile
from explainer.summary.reader import SampleView

_PER_FOLDER = 1000
Facts = dict[str, Any]
MapFile = tuple[SaliencyFile, PngFile | Damaged]
"""A map: its record, and its file or why it cannot be shown."""


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
        "maps": [_map(entry, file, catalogue, body) for entry, file in maps],
        "scores": _scores(sample, catalogue),
        "curves": [_curve(curve, catalogue, body) for curve in sample.curves if _is_known(curve, catalogue)],
        "edits": [_edits(tree) for tree in sample.edit_trees],
        "boxes": None,  # of true objects: no record holds them
    }
    return stored(header, body)


def _picture(file: PngFile | Damaged, body: Body) -> Facts:
    if isinstance(file, Damaged):
        return {"flag": 2, "reason": file.reason}
    return {"flag": 1, "width": file.width, "height": file.height, "png": body.add_bytes(file.content)}


def _map(entry: SaliencyFile, file: PngFile | Damaged, catalogue: Catalogue, body: Body) -> Facts:
    return {
        "method": catalogue.method_index[entry.explainer],
        "label": entry.label,
        "lo": entry.low,
        "hi": entry.high,
        "gap": entry.completeness_gap,
        **_picture(file, body),
    }


def _uncertainty(found: Uncertainty, body: Body) -> Facts:
    arrays = {name: body.add(getattr(found, name)) for name in ("mean", "deviation", "low", "high")}
    return {**arrays, "total": found.total, "aleatoric": found.aleatoric, "epistemic": found.epistemic}


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
