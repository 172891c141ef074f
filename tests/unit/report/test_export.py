"""Exports: every value as another tool reads it back, nothing outside their place, nothing half-written."""

from __future__ import annotations

import csv
import gc
import json
import re
import sys
import time
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import hostile_runs
import numpy as np
import pytest
from hand_made_runs import DATA, MAP, MAP_FILE, PICTURE_FILE, STARTED, flip, write_run, write_table_run
from PIL import Image

from explainer.analysis.streamed_run import StreamedRun
from explainer.analysis.tables import Tables, metrics_of
from explainer.analysis.view import read_run
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import OriginalImage, Prediction, RunEnd, RunMetadata, Saliency, SampleDone, Score
from explainer.report import export_arrays
from explainer.report.export import FORMATS, export
from explainer.report.overlays import overlay
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import read_frames
from explainer.summary.writer import SummaryWriter

EVENTS = f"events.out.tfevents.{STARTED}.explainer"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_table_run(tmp_path / "job")
    return tmp_path / "job"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(job: Path) -> list[dict[str, Any]]:
    run = read_run(job)
    tables = Tables(run.metadata.labels, metrics_of(run.metadata, run.samples.values()))
    return [row for sample in run.samples.values() for row in tables.rows("maps", sample)]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------- tables


def test_csv_has_a_line_for_each_row_of_the_table(job: Path, out: Path):
    found = export(job, out, format="csv")
    assert (found.counts, found.complete) == ({"samples": 2, "rows": 6}, True)
    rows = read_csv(out)
    assert [row.pop("schema_version") for row in rows] == ["1"] * 6
    texts = {"source", "label_name", "method", "map_path", "object_boxes"}
    for row, wanted in zip(rows, rows_of(job), strict=True):
        assert [*row] == [*wanted]
        for name, value in wanted.items():
            if isinstance(value, bool):
                assert row[name] == str(value).lower()
            elif name not in {*texts, "true_labels", "predicted_labels"}:
                assert (float(row[name]) if row[name] else None) == value, name


def test_csv_has_these_bytes(job: Path, out: Path):
    export(job, out, format="csv")
    lines = out.read_bytes().split(b"\r\n")
    assert len(lines) == 8 and lines[-1] == b""
    assert lines[3].decode() == (
        '1,3,"\'-photos/=3.png","\'=dog\\|1","\'=dog\\|1",1,"\'=dog|1",true,true,0.7,0.6875,0.875,0.375,'
        f'1 2 3 2|0 0 1 1,0.5,0.375,0.125,"Integrated",-5.0,1.0,0.3,0.1,"{DATA}/heatmap/Integrated/0/3_1.png",,,4.0'
    )


def named_run(folder: Path, name: str) -> Path:
    """A run in which one text stands wherever a stranger can write one."""
    with SummaryWriter(folder, RunMetadata(labels=(name, "b"), explainers=(name,), metrics=(name,))) as writer:
        writer.write(OriginalImage(0, np.zeros((5, 7), np.uint8)))
        writer.write(Prediction(0, (0,), (0,), (0,), np.float32([0.75, 0.25])))
        writer.write(Saliency(0, name, 0, -MAP))
        writer.write(Score(0, name, name, 0, -0.5))
        writer.write(SampleDone(0))
        writer.write(RunEnd())
    return folder


FORMULAS = {
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(1)": "'@SUM(1)",
    "\t=1": "'\\t=1",
    "\r=1": "'\\r=1",
    "\n=1": "'\\n=1",
    "'quoted": "''quoted",
    'a"b': 'a"b',
    "a;=1": "a;=1",
    "a,b\nc": "a,b\\nc",
    "＝1": "'＝1",
    "a\x85b\u2028c": "a\\x85b\\u2028c",
    "a\x00\x1b[31m": "a\\x00\\x1b[31m",
    "犬": "犬",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_cell_of_csv_is_no_formula_and_a_number_stays_one(tmp_path: Path, out: Path, name: str):
    export(named_run(tmp_path / "job", name), out, format="csv")
    (row,) = read_csv(out)
    assert row["label_name"] == row["method"] == FORMULAS[name]
    assert (row["map_low"], row["map_high"]) == ("-5.0", "1.0")
    assert [value for key, value in row.items() if key.startswith("score_")] == ["-0.5"]
    text = out.read_text(encoding="utf-8")
    assert text.count("\n") == 2  # the rows and nothing else end lines
    cells = re.findall(r'(?:^|,|\n)("(?:[^"]|"")*"|[^",\r\n]*)', text)
    assert not [cell for cell in cells if cell.lstrip('"').startswith(("=", "+", "@", "＝"))]
    assert {cell for cell in cells if cell.startswith("-")} == {"-5.0", "-0.5"}


@pytest.mark.parametrize("name", FORMULAS)
def test_json_has_every_text_as_it_is(tmp_path: Path, out: Path, name: str):
    export(named_run(tmp_path / "job", name), out, format="json")
    text = out.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3
    found = json.loads(text)
    assert found["run"]["labels"] == [name, "b"]
    (row,) = found["rows"]
    assert (row["label_name"], row["true_labels"], row[f"score_{name}"]) == (name, [name], -0.5)


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_json_has_the_rows_of_the_table_and_says_what_it_is(job: Path, out: Path):
    export(job, out, format="json")
    found = json.loads(out.read_text(encoding="utf-8"), parse_constant=refuse)
    assert found["rows"] == rows_of(job)
    assert [column["name"] for column in found["columns"]] == [*found["rows"][0]]
    assert (found["schema"], found["version"], found["format"]) == ("explainer.export", 1, "json")
    assert found["run"]["labels"] == ["cat", "=dog|1", "eel"] and found["run"]["number"] == STARTED
    assert len(out.read_text().splitlines()) == 6 + 2


def test_json_of_a_run_without_samples_is_json(tmp_path: Path, out: Path):
    with SummaryWriter(tmp_path / "job", RunMetadata(labels=("a",))) as writer:
        writer.write(RunEnd())
    export(tmp_path / "job", out, format="json")
    assert json.loads(out.read_text())["rows"] == []


# ------------------------------------------------- arrays


def arrays_of(folder: Path) -> tuple[dict[str, Any], list[dict[str, np.ndarray]]]:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    shards = []
    for shard in index["shards"]:
        with np.load(folder / shard["file"], allow_pickle=False) as file:
            shards.append(dict(file))
    return index, shards


@pytest.mark.parametrize("raw_kind", [None, "float32"])
def test_npz_has_the_maps_that_the_reader_gives(tmp_path: Path, out: Path, raw_kind: str | None):
    write_table_run(tmp_path / "job", raw_kind=raw_kind)
    found = export(tmp_path / "job", out, format="npz")
    assert found.counts == {"samples": 2, "maps": 4, "files": 2}
    index, shards = arrays_of(out)
    run = read_run(tmp_path / "job")
    seen = []
    for shard in shards:
        for at, sample_id in enumerate(shard["sample_id"].tolist()):
            sample = run.samples[sample_id]
            method, label = index["methods"][shard["method"][at]], int(shard["label"][at])
            (entry,) = (entry for entry in sample.maps if (entry.explainer, entry.label) == (method, label))
            np.testing.assert_array_equal(shard["map"][at], run.saliency(entry), strict=True)
            np.testing.assert_array_equal(shard["probabilities"][at], sample.prediction.probabilities, strict=True)
            seen.append((sample_id, method, label))
    assert seen == [(3, "GradCAM", 0), (3, "GradCAM", 1), (3, "Integrated", 1), (8, "GradCAM", 2)]


def test_maps_of_other_sizes_are_in_other_files(job: Path, out: Path):
    export(job, out, format="npz")
    index, shards = arrays_of(out)
    assert index["shards"] == [
        {"file": "shard-00000.npz", "maps": 3, "samples": 1, "height": 5, "width": 7, "labels": 3},
        {"file": "shard-00001.npz", "maps": 1, "samples": 1, "height": 4, "width": 6, "labels": 3},
    ]
    assert [shard["map"].shape for shard in shards] == [(3, 5, 7), (1, 4, 6)]
    assert {str(array.dtype) for shard in shards for array in shard.values()} == {"int64", "float32"}


@pytest.mark.parametrize(("samples", "files"), [(1, [1, 1, 1, 1]), (3, [3, 1]), (4, [4]), (100, [4])])
def test_a_file_holds_at_most_so_many_samples(tmp_path: Path, out: Path, samples: int, files: list[int]):
    write_run(tmp_path / "job")
    export(tmp_path / "job", out, format="npz", shard_samples=samples)
    index, shards = arrays_of(out)
    assert [shard["samples"] for shard in index["shards"]] == files
    assert [len(set(shard["sample_id"].tolist())) for shard in shards] == files
    assert sum(len(shard["map"]) for shard in shards) == 12


def test_what_is_in_memory_is_limited_in_bytes(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch):
    write_run(tmp_path / "job")
    monkeypatch.setattr(export_arrays, "_MOST_BYTES", 3 * (5 * 7 * 4 + 16))
    export(tmp_path / "job", out, format="npz")
    index, _ = arrays_of(out)
    assert [shard["maps"] for shard in index["shards"]] == [4, 4, 4]


# ------------------------------------------------- TensorBoard


def values_of(folder: Path) -> dict[tuple[str, int], Any]:
    """What TensorBoard finds: by tag and step."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    frames = list(read_frames(BytesIO((folder / EVENTS).read_bytes())))
    events = [event_pb2.Event.FromString(found.payload) for found in frames if found.damage is None]
    assert len(events) == len(frames) and events[0].file_version == "brain.Event:2"
    return {(value.tag, event.step): value for event in events[1:] for value in event.summary.value}


def test_tensorboard_has_overlays_scores_and_totals(job: Path, out: Path):
    found = export(job, out, format="tensorboard")
    values = values_of(out)
    images = {key for key, value in values.items() if value.HasField("image")}
    assert images == {
        ("pictures/picture", 3),
        ("pictures/picture", 8),
        ("overlays/GradCAM/cat", 3),
        ("overlays/GradCAM/=dog_1", 3),
        ("overlays/Integrated/=dog_1", 3),
        ("overlays/GradCAM/eel", 8),
    }
    scalars = {key: value.simple_value for key, value in values.items() if not value.HasField("image")}
    assert scalars == {
        ("scores/Faithfulness/GradCAM/cat", 3): 0.25,
        ("scores/Sparseness/GradCAM", 3): -0.5,
        ("scores/Sparseness/RandomControl", 3): pytest.approx(0.1, abs=1e-7),  # float32
        ("scores/MyOwn/Integrated/=dog_1", 3): 4.0,
        ("mean/Faithfulness/GradCAM", 0): 0.25,
    }
    assert found.counts == {"samples": 2, "images": 6, "scalars": 5}
    assert {path.name for path in out.iterdir()} == {EVENTS, "index.json"}


def test_an_image_of_tensorboard_is_the_overlay_pixel_by_pixel(job: Path, out: Path):
    export(job, out, format="tensorboard")
    run = read_run(job)
    image = values_of(out)["overlays/Integrated/=dog_1", 3].image
    shown = np.asarray(Image.open(BytesIO(image.encoded_image_string)))
    sample = run.samples[3]
    np.testing.assert_array_equal(shown, overlay(run.picture(sample.image), run.saliency(sample.maps[2])))
    assert (image.height, image.width, image.colorspace) == (5, 7, 3)
    grey = values_of(out)["pictures/picture", 8].image
    assert (grey.height, grey.width, grey.colorspace) == (4, 6, 1)


def test_names_that_tensorboard_would_mix_up_stay_apart(tmp_path: Path, out: Path):
    names = ("a/b", "a|b", "a\x1bb", "x" * 200, "x" * 201)
    metadata = RunMetadata(labels=("cat",), explainers=names)
    with SummaryWriter(tmp_path / "job", metadata, clock=lambda: STARTED) as writer:
        writer.write(OriginalImage(0, np.zeros((5, 7), np.uint8)))
        writer.write(Prediction(0, (0,), (0,), (0,), np.float32([0.75])))
        for name in names:
            writer.write(Saliency(0, name, 0, MAP))
        writer.write(SampleDone(0))
        writer.write(RunEnd())
    assert export(tmp_path / "job", out, format="tensorboard").counts["images"] == 6
    tags = {tag for tag, _ in values_of(out)}
    assert len(tags) == 6 and all(tag.isprintable() and tag.count("/") <= 2 for tag in tags)


@pytest.mark.parametrize(("count", "asked"), [(10, ""), (11, " --samples_per_plugin images=11")])
def test_it_is_said_when_tensorboard_would_not_show_every_image(tmp_path: Path, out: Path, count: int, asked: str):
    with SummaryWriter(tmp_path / "job", RunMetadata(labels=("cat",))) as writer:
        for number in range(count):
            writer.write(OriginalImage(number, np.zeros((5, 7), np.uint8)))
            writer.write(Prediction(number, (0,), (0,), (0,), np.float32([0.75])))
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    hints = export(tmp_path / "job", out, format="tensorboard").hints
    assert hints[0] == f"look at it: tensorboard --logdir {out}{asked}"
    assert len(hints) == 1 + bool(asked)


def test_without_tensorboardx_the_extra_is_named_and_nothing_is_made(job: Path, out: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX.proto", None)
    monkeypatch.delitem(sys.modules, "tensorboardX", raising=False)
    with pytest.raises(ImportError, match=r"needs tensorboardX: pip install 'mindspore-explainer\[tensorboard\]'"):
        export(job, out, format="tensorboard")
    assert {path.name for path in out.parent.iterdir()} == {"job"}


# ------------------------------------------------- pictures with lines about them


def lines_of(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "metadata.jsonl").read_text(encoding="utf-8")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_metadata_has_a_line_for_each_picture(job: Path, out: Path):
    found = export(job, out, format="metadata")
    assert found.counts == {"samples": 2, "pictures": 2}
    first, second = lines_of(out)
    assert first == {
        "file_name": "images/0/3.png",
        "sample_id": 3,
        "source": "-photos/=3.png",
        "label": "=dog|1",
        "labels": ["=dog|1"],
        "prediction": "=dog|1",
        "predicted_labels": ["=dog|1"],
        "probability": 0.7,
        "correct": True,
        "deviation": 0.375,
        "interval_low": 0.6875,
        "interval_high": 0.875,
        "total_entropy": 0.5,
        "aleatoric_entropy": 0.375,
        "epistemic_entropy": 0.125,
        "objects": {"bbox": [[1, 2, 3, 2], [0, 0, 1, 1]], "categories": ["=dog|1", "=dog|1"], "size": [7, 5]},
        "scores": [
            {"method": "GradCAM", "metric": "Faithfulness", "label": "cat", "score": 0.25},
            {"method": "GradCAM", "metric": "Faithfulness", "label": "=dog|1", "score": None},
            {"method": "GradCAM", "metric": "Sparseness", "label": None, "score": -0.5},
            {"method": "RandomControl", "metric": "Sparseness", "label": None, "score": 0.1},
            {"method": "Integrated", "metric": "MyOwn", "label": "=dog|1", "score": 4.0},
        ],
    }
    assert second["objects"] is None
    assert (second["label"], second["labels"], second["prediction"], second["scores"]) == (None, None, "eel", [])
    for number in (3, 8):
        written = (out / f"images/0/{number}.png").read_bytes()
        assert written == (job / DATA / "origin_images" / "0" / f"{number}.png").read_bytes()


def test_a_picture_that_is_not_the_recorded_one_is_left_out_and_said(tmp_path: Path, out: Path):
    write_run(tmp_path / "job")
    (tmp_path / "job" / PICTURE_FILE).write_bytes((tmp_path / "job" / MAP_FILE).read_bytes())
    found = export(tmp_path / "job", out, format="metadata")
    assert [line["sample_id"] for line in lines_of(out)] == [0, 1, 3]
    assert (found.left_out, found.reasons) == (1, (f"sample 2: {PICTURE_FILE} is not the picture that was recorded",))
    assert not found.complete and not (out / "images" / "0" / "2.png").exists()


# ------------------------------------------------- runs that are not whole


@pytest.mark.parametrize("chosen", FORMATS)
def test_of_a_damaged_run_what_is_complete_is_exported_and_the_damage_said(tmp_path: Path, out: Path, chosen: str):
    flip(write_run(tmp_path / "job").event_file, 3)  # a map of sample 0
    found = export(tmp_path / "job", out, format=chosen)
    assert found.counts["samples"] == 3
    assert not found.complete and found.damage[0].startswith("a record's content is damaged (byte ")


@pytest.mark.parametrize("chosen", ["npz", "tensorboard"])
def test_a_map_that_cannot_be_read_is_left_out_and_said(tmp_path: Path, out: Path, chosen: str):
    write_run(tmp_path / "job")
    (tmp_path / "job" / MAP_FILE).unlink()
    found = export(tmp_path / "job", out, format=chosen)
    assert found.left_out == 1 and found.reasons[0].startswith(f"sample 2: could not read the picture '{MAP_FILE}'")
    assert found.counts["maps" if chosen == "npz" else "images"] == (11 if chosen == "npz" else 15)


@pytest.mark.parametrize("chosen", ["npz", "tensorboard", "metadata"])
def test_larger_pictures_are_left_out_unless_they_are_asked_for(tmp_path: Path, chosen: str):
    write_run(tmp_path / "job")
    assert export(tmp_path / "job", tmp_path / "a", format=chosen, most_pixels=34).left_out > 0
    assert export(tmp_path / "job", tmp_path / "b", format=chosen, most_pixels=35).left_out == 0


def test_metadata_that_is_lost_leaves_numbers_for_names(tmp_path: Path, out: Path):
    event_file = write_table_run(tmp_path / "job").event_file
    flip(event_file, 0)
    flip(event_file, 1)
    export(tmp_path / "job", out, format="json")
    rows = json.loads(out.read_text())["rows"]
    assert [row["label_name"] for row in rows][:2] == ["0", "1"] and rows[2]["score_MyOwn"] == 4.0


@pytest.mark.parametrize("chosen", FORMATS)
def test_any_run_of_a_folder_is_exported(tmp_path: Path, out: Path, chosen: str):
    write_run(tmp_path / "job")
    write_run(tmp_path / "job", ended=False, clock=STARTED + 9)
    assert export(tmp_path / "job", out, format=chosen, run=STARTED).complete
    assert export(tmp_path / "job", out, format=chosen).damage == ("the run did not end",)


def test_where_nothing_can_be_read_nothing_is_made(tmp_path: Path, out: Path):
    with pytest.raises(SummaryReadError, match="found no summary"):
        export(tmp_path / "absent", out, format="csv")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------- where an export goes


@pytest.mark.parametrize("chosen", FORMATS)
def test_nothing_in_the_job_folder_is_changed_and_no_draft_is_left(job: Path, out: Path, chosen: str):
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in job.rglob("*")}
    export(job, out, format=chosen)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in job.rglob("*")} == before
    assert {path.name for path in out.parent.iterdir()} == {"job", "out"}


@pytest.mark.parametrize("chosen", FORMATS)
def test_the_same_run_gives_the_same_bytes(job: Path, tmp_path: Path, chosen: str):
    for name in ("a", "b"):
        export(job, tmp_path / name / "out", format=chosen)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


@pytest.mark.parametrize("chosen", FORMATS)
def test_an_earlier_export_and_an_empty_place_are_replaced(job: Path, tmp_path: Path, chosen: str):
    write_run(tmp_path / "other")
    export(job, tmp_path / "wanted", format=chosen)
    out, empty = tmp_path / "out", tmp_path / "empty"
    export(tmp_path / "other", out, format=chosen)
    empty.touch() if chosen in ("csv", "json") else empty.mkdir()
    for place in (out, empty):
        export(job, place, format=chosen)
        wanted = tmp_path / "wanted"
        if wanted.is_file():
            assert place.read_bytes() == wanted.read_bytes()
        else:
            assert content_of(place) == content_of(wanted)
    assert {path.name for path in tmp_path.iterdir()} == {"job", "other", "wanted", "out", "empty"}


def taken_by(kind: str, place: Path, job: Path) -> None:
    """Lets something lie at a place that is not ours."""
    match kind:
        case "a file":
            place.write_text("precious")
        case "a folder with a file":
            place.mkdir()
            (place / "precious.txt").write_text("precious")
        case "an export of another format":
            export(job, place, format="metadata" if place.name != "metadata" else "npz")
        case "an export with something more":
            export(job, place, format="npz")
            (place / "precious.txt").write_text("precious")
        case "an export with a link":
            export(job, place, format="npz")
            (place / "shard-00009.npz").symlink_to(job)
            (place / "more").symlink_to(job)
        case "a link to an empty folder":
            (place.parent / "elsewhere").mkdir()
            place.symlink_to("elsewhere")
        case "a link to nothing":
            place.symlink_to("nowhere")


TAKEN = (
    "a file",
    "a folder with a file",
    "an export of another format",
    "an export with something more",
    "an export with a link",
    "a link to an empty folder",
    "a link to nothing",
)


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("chosen", FORMATS)
def test_a_place_that_is_taken_is_refused_and_stays_as_it_is(job: Path, tmp_path: Path, chosen: str, kind: str):
    place = tmp_path / chosen
    taken_by(kind, place, job)
    before = content_of(tmp_path)
    with pytest.raises(ValueError, match="`to` must be a new "):
        export(job, place, format=chosen)
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("below", [".", "out", f"{DATA}/out"])
@pytest.mark.parametrize("chosen", FORMATS)
def test_a_place_in_the_job_folder_is_refused(job: Path, chosen: str, below: str):
    before = content_of(job)
    with pytest.raises(ValueError, match="`to` must lie outside of"):
        export(job, job / below, format=chosen)
    assert content_of(job) == before


@pytest.mark.parametrize("chosen", FORMATS)
def test_an_export_that_fails_leaves_nothing_and_the_earlier_one(job: Path, tmp_path: Path, monkeypatch, chosen: str):
    out = tmp_path / "new" / "out"
    monkeypatch.setattr("explainer.report.export.StreamedRun", FailingRun)
    with pytest.raises(
        SummaryWriteError, match=r"could not write .*: No space left on device; nothing half-written is left"
    ):
        export(job, out, format=chosen)
    assert {path.name for path in tmp_path.iterdir()} == {"job"}
    monkeypatch.undo()
    export(job, out, format=chosen)
    before = content_of(out.parent)
    monkeypatch.setattr("explainer.report.export.StreamedRun", FailingRun)
    with pytest.raises(SummaryWriteError):
        export(job, out, format=chosen)
    assert content_of(out.parent) == before


class FailingRun(StreamedRun):
    """A run that ends at its second sample as if the disk were full."""

    def metrics(self) -> list[str]:
        return []

    def samples(self) -> Iterator[SampleView]:
        yield next(super().samples())
        raise OSError(28, "No space left on device")


def test_a_place_below_a_file_is_told(job: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SummaryWriteError, match="could not write"):
        export(job, tmp_path / "file" / "out", format="csv")


def test_the_current_folder_is_a_place(job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(job, ".", format="metadata")
    assert len(lines_of(tmp_path / "here")) == 2


def test_names_of_a_summary_become_no_paths(tmp_path: Path):
    name = "../../escaped"
    named_run(tmp_path / "job", name)
    for chosen in FORMATS:
        export(tmp_path / "job", tmp_path / "deep" / "er" / chosen, format=chosen)
    assert {path.name for path in tmp_path.iterdir()} == {"job", "deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"er"}
    assert not list(tmp_path.rglob("*escaped*.[jp]*"))[len(list((tmp_path / "job").rglob("*escaped*.[jp]*"))) :]


def test_an_unknown_format_is_refused_with_the_choices(job: Path, out: Path):
    with pytest.raises(
        ValueError, match="`format` must be one of csv, json, npz, tensorboard, metadata, got 'parquet'"
    ):
        export(job, out, format="parquet")
    with pytest.raises(ValueError, match="`shard_samples` must be at least 1, got 0"):
        export(job, out, format="npz", shard_samples=0)


# ------------------------------------------------- strangers


def labelled_maps(count: int) -> bytes:
    return b"".join(
        hostile_runs.field(5, Explain.Explanation(label=label).SerializeToString()) for label in range(count)
    )


WIDE = {
    "a table of 200 columns and 50,000 rows": lambda: (
        hostile_runs.metadata(metrics=hostile_runs.names(10_000)) + hostile_runs.sample(0, labelled_maps(50_000))
    ),
    "every method by every label": lambda: (
        hostile_runs.metadata()
        + hostile_runs.event(Explain(sample_id=0, sample=Explain.Sample(explained=range(10_000), ground_truth=[1] * 9)))
        + hostile_runs.frame(
            Event(wall_time=1.5).SerializeToString()
            + hostile_runs.field(
                6, b"\x08\0" + b"".join(hostile_runs.score(name) for name in hostile_runs.names(5_000))
            )
        )
        + hostile_runs.event(Explain(sample_id=0, done=True))
    ),
}
CASES = [
    *((name, "json", hostile_runs.HOSTILE[name]) for name in ("200,000 empty scores", "5,000 samples")),
    (
        "20,000 maps without a file",
        "npz",
        lambda: hostile_runs.metadata() + hostile_runs.sample(0, labelled_maps(20_000)),
    ),
    ("100,000 scores of one method each", "csv", hostile_runs.HOSTILE["100,000 scores of one method each"]),
    *((name, "csv", content) for name, content in WIDE.items()),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "chosen", "content"), CASES, ids=[case[0] for case in CASES])
def test_a_small_file_of_a_stranger_costs_little(tmp_path: Path, name: str, chosen: str, content: Any):
    """No measurement of speed: what is limited took minutes, and gigabytes on the disk."""
    job = hostile_runs.write(tmp_path / "job", content())
    started = time.process_time()
    found = export(job, tmp_path / "out", format=chosen)
    assert time.process_time() - started < 60  # of CPU; on an idle machine none takes 13
    assert sum(path.stat().st_size for path in [tmp_path / "out", *(tmp_path / "out").glob("*")]) < 60_000_000
    assert found.counts.get("rows", 0) <= 100_000
    assert (found.left_out > 0) == (name in WIDE or chosen == "npz")


# ------------------------------------------------- memory


def grown_run(folder: Path, count: int) -> Path:
    with SummaryWriter(folder, RunMetadata(labels=("a", "b"), explainers=("A",), metrics=("M",))) as writer:
        saliency = np.random.default_rng(0).standard_normal((40, 50)).astype(np.float32)
        for number in range(count):
            writer.write(OriginalImage(number, np.zeros((40, 50), np.uint8)))
            writer.write(Prediction(number, (0,), (0,), (0, 1), np.float32([0.75, 0.25])))
            for label in (0, 1):
                writer.write(Saliency(number, "A", label, saliency))
                writer.write(Score(number, "A", "M", label, 0.5))
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    return folder


def peak_of(job: Path, out: Path, chosen: str) -> int:
    """Of memory, with hardly any garbage in it."""
    thresholds = gc.get_threshold()
    gc.set_threshold(10, 2, 2)
    tracemalloc.start()
    try:
        export(job, out, format=chosen, shard_samples=5)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.set_threshold(*thresholds)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", FORMATS)
def test_memory_does_not_grow_with_the_samples(tmp_path: Path, chosen: str):
    few, many = grown_run(tmp_path / "few", 20), grown_run(tmp_path / "many", 120)
    peak_of(few, tmp_path / "first" / "out", chosen)  # what is imported and kept by others is not counted
    # The smaller of two: once in a while a table of Python itself grows by megabytes.
    sizes = [min(peak_of(job, tmp_path / job.name.upper() / again, chosen) for again in "ab") for job in (few, many)]
    # Of each sample its place is kept, and a picture's name; its maps have 16 kB, its rows and records more than 4.
    assert sizes[1] - sizes[0] < 100 * 2000
