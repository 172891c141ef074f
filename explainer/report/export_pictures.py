"""The pictures of a run with a line of JSON for each, as tools for image datasets load them."""

from __future__ import annotations

from pathlib import Path

from explainer.analysis.limits import MOST_BOXES, MOST_ROWS
from explainer.analysis.streamed_run import StreamedRun
from explainer.analysis.tables import Row, Tables, edges_of, has_more_boxes, number_of
from explainer.errors import SummaryReadError
from explainer.report.export_place import INDEX, Place, drafted_folder
from explainer.report.export_result import Exported, ExportSettings, LeftOut, as_json, exported, header_of
from explainer.summary.picture_check import PictureCheck
from explainer.summary.reader import SampleView

LINES = "metadata.jsonl"
"""The name that Hugging Face's `imagefolder` looks for."""
FOLDER = Place(names=r"metadata\.jsonl|images/-?\d+/-?\d+\.png")
_PER_FOLDER = 1000


def write_metadata(run: StreamedRun, target: Path, settings: ExportSettings) -> Exported:
    """Writes each picture that is the one that was recorded, byte by byte, and a line about it."""
    left_out = LeftOut()
    tables = Tables(run.metadata.labels, ())
    check = PictureCheck(run.folder, settings.most_pixels)
    count = 0
    with drafted_folder(target) as draft:
        (draft / INDEX).write_text(as_json(header_of(run, "metadata")) + "\n", "utf-8", "backslashreplace")
        with (draft / LINES).open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as lines:
            for sample in run.samples():
                content = _content(sample, check, left_out)
                if content is None:
                    continue
                if has_more_boxes(sample):
                    left_out.add(f"sample {sample.sample_id} has more than {MOST_BOXES} boxes")
                path = _path_of(sample.sample_id)
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                (draft / path).write_bytes(content)
                lines.write(as_json(_line(path, sample, tables)) + "\n")
                count += 1
    return exported(run, {"samples": run.sample_count, "pictures": count}, left_out)


def _content(sample: SampleView, check: PictureCheck, left_out: LeftOut) -> bytes | None:
    problem = check.problem(sample.image)
    if problem is not None:
        left_out.add(f"sample {sample.sample_id}: {sample.image.path} {problem}")
        return None
    try:
        return check.content(sample.image)
    except SummaryReadError as error:
        left_out.add(f"sample {sample.sample_id}: {error}")
        return None


def _path_of(sample_id: int) -> str:
    """A path of numbers alone; nothing in it comes from a text of the summary.

    >>> _path_of(2005)
    'images/2000/2005.png'
    """
    return f"images/{sample_id // _PER_FOLDER * _PER_FOLDER}/{sample_id}.png"


def _line(path: str, sample: SampleView, tables: Tables) -> Row:
    (row,) = tables.rows("samples", sample)
    truth = row["true_labels"]
    return {
        "file_name": path,
        "sample_id": row["sample_id"],
        "source": row["source"],
        "label": truth[0] if truth is not None and len(truth) == 1 else None,
        "labels": truth,
        "prediction": row["label_name"],
        "predicted_labels": row["predicted_labels"],
        "probability": row["probability"],
        "correct": row["correct"],
        "deviation": row["deviation"],
        "interval_low": row["interval_low"],
        "interval_high": row["interval_high"],
        "total_entropy": row["total_entropy"],
        "aleatoric_entropy": row["aleatoric_entropy"],
        "epistemic_entropy": row["epistemic_entropy"],
        "objects": _objects(sample, tables),
        "scores": [
            {
                "method": score.explainer,
                "metric": score.metric,
                "label": None if score.label is None else tables.name(score.label),
                "score": number_of(score.value),
            }
            for score in sample.scores[:MOST_ROWS]
        ],
    }


def _objects(sample: SampleView, tables: Tables) -> Row | None:
    """As Hugging Face's `imagefolder` documents it for object detection, with the size that boxes are in."""
    if sample.objects is None:
        return None
    boxes = sample.objects.boxes[:MOST_BOXES]
    return {
        "bbox": [edges_of(box) for box in boxes],
        "categories": tables.names(box.label for box in boxes),
        "size": list(sample.objects.size),
    }
