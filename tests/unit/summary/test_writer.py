"""The writer: what is on disk, when it is there, and what is left when something goes wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explainer
from explainer.analysis.view import read_run
from explainer.digests import digest_of
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import (
    Benchmark,
    ImageFile,
    OriginalImage,
    Prediction,
    Record,
    RunEnd,
    RunMetadata,
    Saliency,
    SaliencyFile,
    SampleDone,
    SampleSkipped,
    Score,
)
from explainer.summary.explain_pb2 import Event
from explainer.summary.reader import read_records
from explainer.summary.recordfile import read_frames
from explainer.summary.writer import SummaryWriter

METADATA = RunMetadata(
    labels=("cat", "dog", "eel", "fox"),
    explainers=("GradCAM", "Gradient"),
    metrics=("Faithfulness", "Localization"),
    jobs=("saliency",),
    parameters={"seed": 7},
    package_version="0.9.1",
)
MANIFEST_KEYS = {"saliency_map", "benchmark", "uncertainty", "hierarchical_occlusion"}


def clock_at(*seconds: float):
    """A clock that shows these seconds one after the other and then stands still."""
    left = list(seconds)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def picture_of(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (5, 7, 3), np.uint8)


def map_of(number: int, explainer_name: str, label: int) -> np.ndarray:
    seed = [number, label, *explainer_name.encode("utf-8", "surrogateescape")]
    return np.random.default_rng(seed).standard_normal((5, 7)).astype(np.float32)


def records_of(number: int, explainers: tuple[str, ...] = METADATA.explainers, labels: int = 4) -> list[Record]:
    """A whole sample without its SampleDone: label 2 is true, label 1 predicted, both explained by all explainers."""
    probabilities = np.full(labels, 0.0625, np.float32)
    probabilities[1] = 0.75
    maps = [Saliency(number, name, label, map_of(number, name, label)) for name in explainers for label in (1, 2)]
    scores = [Score(number, name, "Faithfulness", 2, 0.25 * number) for name in explainers]
    return [
        OriginalImage(number, picture_of(number)),
        Prediction(number, (2,), (1,), (1, 2), probabilities),
        *maps,
        *scores,
    ]


def write_sample(writer: SummaryWriter, number: int, **kind: object) -> None:
    for record in records_of(number, **kind):
        writer.write(record)
    writer.write(SampleDone(number))


def assert_sample_is_whole(folder: Path, number: int) -> None:
    run = read_run(folder)
    sample = run.samples[number]
    np.testing.assert_array_equal(run.picture(sample.image), picture_of(number), strict=True)
    assert [(entry.explainer, entry.label) for entry in sample.maps] == [
        (name, label) for name in run.metadata.explainers for label in (1, 2)
    ]
    for entry in sample.maps:
        error = np.abs(run.saliency(entry) - map_of(number, entry.explainer, entry.label)).max()
        assert error <= (entry.high - entry.low) / 510 + 1e-6  # half a grey step, and the rounding to float32
    assert sample.scores == tuple(
        Score(number, name, "Faithfulness", 2, 0.25 * number) for name in run.metadata.explainers
    )


@pytest.mark.parametrize(("kind", "size", "digits"), [("float16", 198, 11), ("float32", 268, 25)])
def test_maps_as_floats_are_beside_their_pictures_and_are_read_back(tmp_path: Path, kind, size, digits):
    with SummaryWriter(tmp_path, METADATA, raw_kind=kind) as writer:
        write_sample(writer, 3)
    run = read_run(tmp_path)
    for entry in run.samples[3].maps:
        path = tmp_path / entry.raw.path
        assert entry.raw.path == entry.path.replace(".png", ".npy")
        assert (path.stat().st_size, digest_of(path.read_bytes())) == (size, entry.raw.digest)
        np.testing.assert_allclose(run.saliency(entry), map_of(3, entry.explainer, entry.label), rtol=2.0**-digits)
        assert run.picture(entry).dtype == np.uint8


def test_a_map_as_floats_that_is_damaged_is_told_and_its_picture_is_still_there(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA, raw_kind="float32") as writer:
        write_sample(writer, 3)
    run = read_run(tmp_path)
    entry = run.samples[3].maps[0]
    path = tmp_path / entry.raw.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SummaryReadError, match="is not the one that was recorded; `picture` has its picture"):
        run.saliency(entry)
    path.unlink()
    with pytest.raises(SummaryReadError, match=r"could not read the map .*: .*no such file"):
        run.saliency(entry)
    assert run.picture(entry).shape == (5, 7)


def test_an_unknown_kind_of_maps_is_refused_before_a_folder_is_made(tmp_path: Path):
    with pytest.raises(ValueError, match="`raw_kind` must be one of float16, float32, got 'float64'"):
        SummaryWriter(tmp_path / "job", METADATA, raw_kind="float64")
    assert not (tmp_path / "job").exists()


def events_of(event_file: Path) -> list[Event]:
    with event_file.open("rb") as file:
        return [Event.FromString(frame.payload) for frame in read_frames(file)]


def manifest_of(writer: SummaryWriter) -> dict[str, object]:
    return json.loads((writer.data_dir / "manifest.json").read_text(encoding="utf-8"))


def files_below(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents_below(folder: Path) -> dict[str, bytes]:
    return {name: content for name, (content, _) in files_below(folder).items()}


# ------------------------------------------------- the contract with MindInsight


def test_file_and_folders_are_named_as_mindinsight_looks_for_them(tmp_path: Path):
    with SummaryWriter(tmp_path / "made" / "job", METADATA, clock=clock_at(1700000000.9)) as writer:
        write_sample(writer, 1003)
    assert writer.event_file.parent == tmp_path / "made" / "job"
    assert writer.timestamp == 1700000000
    assert writer.event_file.name == f"events.out.events.summary.1700000000.{os.getpid()}_explain"
    assert re.search(r"summary\.(?P<timestamp>\d+)", writer.event_file.name)["timestamp"] == "1700000000"
    assert writer.event_file.name.endswith("_explain")
    assert writer.data_dir == tmp_path / "made" / "job" / "_explain_1700000000"
    assert {path.relative_to(writer.data_dir).as_posix() for path in writer.data_dir.rglob("*.*")} == {
        ".lock",
        "manifest.json",
        "origin_images/1000/1003.png",
        *(f"heatmap/{name}/1000/1003_{label}.png" for name in METADATA.explainers for label in (1, 2)),
    }


def test_paths_in_the_file_are_relative_to_the_job_folder_and_lead_to_pictures(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000)) as writer:
        write_sample(writer, 3)
    explains = [event.explain for event in events_of(writer.event_file)]
    paths = [explain.image_path for explain in explains if explain.image_path]
    paths += [entry.heatmap_path for explain in explains for entry in explain.explanation]
    assert paths[0] == "_explain_1700000000/origin_images/0/3.png"
    assert len(paths) == len(set(paths)) == 5
    for path in paths:
        with Image.open(tmp_path / path) as image:
            assert (image.format, image.mode) == ("PNG", "RGB" if "origin_images" in path else "L")


def test_the_first_event_is_the_metadata_with_labels_and_no_sample(tmp_path: Path):
    """MindInsight gives up on a file that starts otherwise."""
    with SummaryWriter(tmp_path, METADATA) as writer:
        first = events_of(writer.event_file)[0]
        assert first.WhichOneof("what") == "explain"
        assert list(first.explain.metadata.label) == ["cat", "dog", "eel", "fox"]
        assert list(first.explain.metadata.explain_method) == ["GradCAM", "Gradient"]
        assert list(first.explain.metadata.benchmark_method) == ["Faithfulness", "Localization"]
        assert not first.explain.HasField("sample_id")
        assert read_run(tmp_path).metadata == METADATA


def test_records_stand_in_the_documented_order(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        writer.write(records_of(0)[0])
        for record in records_of(1):  # a batch comes record by record, sample 1 in the middle of sample 0
            writer.write(record)
        for record in records_of(0)[1:]:
            writer.write(record)
        writer.write(SampleDone(0))
        writer.write(SampleDone(1))
        writer.write(Benchmark("GradCAM", "Faithfulness", 0.5))
        writer.write(RunEnd())
    kinds = [(type(record).__name__, getattr(record, "sample_id", None)) for record in read_records(writer.event_file)]
    sample = ["ImageFile", "Prediction", *["SaliencyFile"] * 4, *["Score"] * 2, "SampleDone"]
    expected = [*[("RunMetadata", None)] * 2, *((kind, number) for number in (0, 1) for kind in sample)]
    assert kinds == [*expected, *[("Benchmark", None)] * 4, ("RunEnd", None)]


def test_records_on_disk_are_the_stored_kind(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(17)) as writer:
        write_sample(writer, 3)
    stored = list(read_records(writer.event_file))
    assert stored[0] == stored[1] == METADATA
    path = "_explain_17/origin_images/0/3.png"
    assert stored[2] == ImageFile(3, path, shown=True, digest=digest_of((tmp_path / path).read_bytes()))
    saliency = map_of(3, "GradCAM", 1)
    path = "_explain_17/heatmap/GradCAM/0/3_1.png"
    low, high, digest = float(saliency.min()), float(saliency.max()), digest_of((tmp_path / path).read_bytes())
    assert stored[4] == SaliencyFile(3, "GradCAM", 1, path, low, high, digest=digest)


def test_the_record_holds_the_digest_of_every_picture_s_file(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 3)
    sample = read_run(tmp_path).samples[3]
    entries = [sample.image, *sample.maps]
    assert len(entries) == 5
    for entry in entries:
        content = (tmp_path / entry.path).read_bytes()
        assert entry.digest == hashlib.blake2b(content, digest_size=16).digest()


def test_every_event_has_the_time_of_the_clock_and_step_one(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000.25)) as writer:
        write_sample(writer, 0)
    assert {(event.wall_time, event.step) for event in events_of(writer.event_file)} == {(1700000000.25, 1)}


def test_a_sample_that_mindinsight_cannot_show_is_kept_without_its_image_path(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        writer.write(OriginalImage(0, picture_of(0)))
        writer.write(Prediction(0, (), (1,), (1,), np.float32([0.25, 0.5, 0.125, 0.125])))
        writer.write(SampleDone(0))
    (sample,) = read_run(tmp_path).samples.values()
    assert not sample.image.shown
    assert not any(event.explain.image_path for event in events_of(writer.event_file))
    np.testing.assert_array_equal(read_run(tmp_path).picture(sample.image), picture_of(0))


# ------------------------------------------------- the manifest


def test_the_manifest_of_a_running_run_promises_its_jobs(tmp_path: Path):
    metadata = dataclasses.replace(METADATA, jobs=("saliency", "benchmark"))
    with SummaryWriter(tmp_path, metadata) as writer:
        assert manifest_of(writer) == {
            "saliency_map": True,
            "benchmark": True,
            "uncertainty": False,
            "hierarchical_occlusion": False,
        }


def test_the_manifest_of_a_closed_run_says_what_is_really_there(tmp_path: Path):
    metadata = dataclasses.replace(METADATA, jobs=("saliency", "benchmark"))
    with SummaryWriter(tmp_path / "nothing", metadata) as nothing:
        pass
    with SummaryWriter(tmp_path / "maps", metadata) as maps:
        write_sample(maps, 0)
    with SummaryWriter(tmp_path / "all", metadata) as everything:
        write_sample(everything, 0)
        everything.write(Benchmark("GradCAM", "Faithfulness", 0.5))
        everything.write(RunEnd())
    others = {"uncertainty": False, "hierarchical_occlusion": False}
    assert manifest_of(nothing) == {"saliency_map": False, "benchmark": False, **others}
    assert manifest_of(maps) == {"saliency_map": True, "benchmark": False, **others}
    assert manifest_of(everything) == {"saliency_map": True, "benchmark": True, **others}


@pytest.mark.parametrize(
    "jobs", [(), ("saliency",), ("my own job",), ("saliency", "hierarchical_occlusion", "uncertainty")]
)
def test_the_manifest_always_has_four_keys_and_no_draft_is_left(tmp_path: Path, jobs):
    with SummaryWriter(tmp_path, dataclasses.replace(METADATA, jobs=jobs)) as writer:
        assert manifest_of(writer).keys() == MANIFEST_KEYS
        assert sorted(path.name for path in writer.data_dir.iterdir()) == [".lock", "manifest.json"]
        writer.write(RunEnd())
    assert manifest_of(writer).keys() == MANIFEST_KEYS
    assert {type(value) for value in manifest_of(writer).values()} == {bool}
    assert sorted(path.name for path in writer.data_dir.iterdir()) == ["manifest.json", "samples.index"]


def test_the_manifest_is_replaced_as_a_whole_by_a_file_that_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """MindInsight reads it on every call and fails for all jobs when it is broken."""
    seen = []

    def watched(draft: Path, target: Path) -> None:
        assert Path(draft).parent == Path(target).parent  # atomic only within one file system
        seen.append((Path(target).name, json.loads(Path(draft).read_text(encoding="utf-8")).keys()))
        replace(draft, target)

    replace = os.replace
    monkeypatch.setattr(os, "replace", watched)
    SummaryWriter(tmp_path, METADATA).close()
    assert seen == [("manifest.json", MANIFEST_KEYS)] * 2


# ------------------------------------------------- whole samples only


def test_nothing_of_an_unfinished_sample_is_on_disk(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        before = files_below(tmp_path)
        for record in records_of(1):
            writer.write(record)
        assert files_below(tmp_path) == before
    assert sorted(read_run(tmp_path).samples) == [0]
    assert read_run(tmp_path).unfinished == ()
    assert not list(tmp_path.rglob("1*.png"))


def test_everything_of_a_finished_sample_can_be_read_while_the_writer_is_open(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        for number in range(3):
            write_sample(writer, number)
            assert sorted(read_run(tmp_path).samples) == list(range(number + 1))
            assert_sample_is_whole(tmp_path, number)
            assert read_run(tmp_path).findings == ()
        assert not read_run(tmp_path).ended
        writer.write(RunEnd())
        assert read_run(tmp_path).ended


def test_a_sample_finished_first_does_not_take_the_records_of_another(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        for records in zip(records_of(4), records_of(9), strict=True):
            for record in records:
                writer.write(record)
        writer.write(SampleDone(9))
        assert_sample_is_whole(tmp_path, 9)
        writer.write(SampleDone(4))
        assert_sample_is_whole(tmp_path, 4)
        assert_sample_is_whole(tmp_path, 9)


def test_a_skipped_sample_leaves_its_reason_and_nothing_else(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        for record in records_of(6):
            writer.write(record)
        writer.write(SampleSkipped(6, "the output of sample 6 has a NaN"))
        assert read_run(tmp_path).skipped == {6: "the output of sample 6 has a NaN"}  # flushed
    assert read_run(tmp_path).samples == {}
    assert not list(tmp_path.rglob("*.png"))


def test_a_reason_with_bytes_that_are_no_text_is_written(tmp_path: Path):
    """As in the name of a file that is not UTF-8."""
    with SummaryWriter(tmp_path, METADATA) as writer:
        writer.write(SampleSkipped(6, os.fsdecode(b"could not read caf\xe9.png")))
    assert "could not read caf" in read_run(tmp_path).skipped[6]


def test_a_failing_with_block_leaves_whole_samples_and_no_end(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        for record in records_of(1):
            writer.write(record)
        raise ZeroDivisionError
    run = read_run(tmp_path)
    assert (sorted(run.samples), run.unfinished, run.ended, run.findings) == ([0], (), False, ())


def test_closing_twice_is_harmless(tmp_path: Path):
    writer = SummaryWriter(tmp_path, METADATA)
    write_sample(writer, 0)
    writer.close()
    before = files_below(tmp_path)
    writer.close()
    assert files_below(tmp_path) == before


def test_a_sample_cannot_be_finished_after_the_writer_was_closed(tmp_path: Path):
    writer = SummaryWriter(tmp_path, METADATA)
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        write_sample(writer, 0)


# ------------------------------------------------- benchmarks


def test_the_benchmark_table_is_complete_and_in_the_order_of_the_metadata(tmp_path: Path):
    """MindInsight pairs scores by place: a missing or moved one would put numbers beside a wrong name."""
    with SummaryWriter(tmp_path, METADATA) as writer:
        writer.write(Benchmark("Gradient", "Localization", 0.5, (0.25, 0.75), 3, 1))
        writer.write(Benchmark("GradCAM", "Localization", 0.125))
        writer.write(Benchmark("Gradient", "Faithfulness", 0.375))
        writer.write(RunEnd())
    table = read_run(tmp_path).benchmarks
    assert [(entry.explainer, entry.metric) for entry in table] == [
        ("GradCAM", "Faithfulness"),
        ("GradCAM", "Localization"),
        ("Gradient", "Faithfulness"),
        ("Gradient", "Localization"),
    ]
    np.testing.assert_array_equal([entry.total for entry in table], [np.nan, 0.125, 0.375, 0.5])
    assert table[3] == Benchmark("Gradient", "Localization", 0.5, (0.25, 0.75), 3, 1)


def test_a_run_without_benchmarks_has_no_table(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        writer.write(RunEnd())
    assert read_run(tmp_path).benchmarks == ()
    assert not any(event.explain.benchmark for event in events_of(writer.event_file))


# ------------------------------------------------- several runs in one folder


def test_two_writers_in_the_same_second_get_their_own_timestamp_and_files(tmp_path: Path):
    with (
        SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000.1)) as first,
        SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000.2)) as second,
    ):
        write_sample(first, 0)
        write_sample(second, 1)
        write_sample(first, 2)
    assert (first.timestamp, second.timestamp) == (1700000000, 1700000001)
    assert sorted(read_run(tmp_path).samples) == [1]
    assert [SampleDone(0), SampleDone(2)] == [
        record for record in read_records(first.event_file) if isinstance(record, SampleDone)
    ]
    assert {path.name for path in first.data_dir.rglob("origin_images/0/*")} == {"0.png", "2.png"}
    assert {path.name for path in second.data_dir.rglob("origin_images/0/*")} == {"1.png"}


def test_writers_made_at_once_all_get_their_own_timestamp(tmp_path: Path):
    def make(_: int) -> SummaryWriter:
        return SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000))

    with ThreadPoolExecutor(8) as pool:
        writers = list(pool.map(make, range(24)))
    for writer in writers:
        writer.close()
    assert len({writer.timestamp for writer in writers}) == 24
    assert len({writer.event_file for writer in writers}) == 24
    assert len({writer.data_dir for writer in writers}) == 24


@pytest.mark.parametrize("now", [1700000000, 1699999999, 12, 1700000500])
def test_a_later_run_has_a_greater_timestamp_even_when_the_clock_goes_back(tmp_path: Path, now):
    SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000)).close()
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(now)) as later:
        write_sample(later, 5)
    assert later.timestamp == max(now, 1700000001)
    assert sorted(read_run(tmp_path).samples) == [5]


def test_a_run_of_another_process_counts_as_older(tmp_path: Path):
    (tmp_path / "events.out.events.summary.1700000700.1_explain").write_bytes(b"")
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000)) as writer:
        pass
    assert writer.timestamp == 1700000701


def test_a_data_folder_without_a_run_is_never_used_again(tmp_path: Path):
    (tmp_path / "_explain_1700000000").mkdir()
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000)) as writer:
        pass
    assert writer.timestamp == 1700000001


def test_an_older_run_is_left_untouched(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000)) as older:
        write_sample(older, 0)
    before = files_below(tmp_path)
    with SummaryWriter(tmp_path, METADATA, clock=clock_at(1700000000)) as later:
        write_sample(later, 0)
    after = files_below(tmp_path)
    assert {name: after[name] for name in before} == before
    assert [run.event_file for run in read_run(tmp_path).older] == [older.event_file]


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": ("cat", "dog", "eel", "gnu")},
        {"labels": ("dog", "cat", "eel", "fox")},
        {"explainers": ("GradCAM",)},
        {"metrics": ("Faithfulness", "Robustness")},
    ],
)
def test_a_run_beside_one_with_other_names_warns(tmp_path: Path, changed):
    SummaryWriter(tmp_path, METADATA).close()
    with pytest.warns(UserWarning, match=r"holds an older run with other labels, explainers or metrics"):
        SummaryWriter(tmp_path, dataclasses.replace(METADATA, **changed)).close()


@pytest.mark.parametrize("changed", [{}, {"parameters": {"seed": 8}}, {"jobs": ()}, {"package_version": "1.0"}])
def test_a_run_beside_one_with_the_same_names_does_not_warn(tmp_path: Path, changed):
    SummaryWriter(tmp_path, METADATA).close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SummaryWriter(tmp_path, dataclasses.replace(METADATA, **changed)).close()


@pytest.mark.parametrize("content", [b"", b"no summary", b"\x00" * 100])
def test_an_older_run_that_cannot_be_read_is_no_reason_to_stop(tmp_path: Path, content):
    (tmp_path / "events.out.events.summary.17.1_explain").write_bytes(content)
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
    assert_sample_is_whole(tmp_path, 0)


def test_a_warning_that_is_an_error_leaves_no_half_made_run(tmp_path: Path):
    SummaryWriter(tmp_path, METADATA).close()
    before = files_below(tmp_path)
    with no_file_left_open(), pytest.raises(UserWarning, match="older run"), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        SummaryWriter(tmp_path, dataclasses.replace(METADATA, labels=("cat", "dog")))
    assert files_below(tmp_path) == before


# ------------------------------------------------- names


UNSAFE = ("../x", "a/b", "a b", "CON", "con", "..", "", "/", "\\", "é", "a\x00b", "x" * 100, "Gradient", "gradient")


def assert_maps_are_apart(folder: Path, names: tuple[str, ...]) -> None:
    metadata = dataclasses.replace(METADATA, explainers=names)
    with SummaryWriter(folder / "job", metadata) as writer:
        write_sample(writer, 0, explainers=names)
    paths = [entry.path for entry in read_run(folder / "job").samples[0].maps]
    assert len({path.lower() for path in paths}) == 2 * len(names)  # also where the file system folds case
    for path in paths:
        assert (folder / "job" / path).resolve().is_relative_to((writer.data_dir / "heatmap").resolve())
    assert_sample_is_whole(folder / "job", 0)
    assert [path.name for path in folder.iterdir()] == ["job"]


def test_unsafe_names_of_explainers_stay_inside_the_data_folder_and_apart(tmp_path: Path):
    assert_maps_are_apart(tmp_path, UNSAFE)


@pytest.mark.parametrize("names", [("x_2", "x", "x!"), ("explainer_2", "?", "!"), ("A_1", "a_2", "A", "a")])
def test_a_name_that_looks_like_a_numbered_one_stays_apart(tmp_path: Path, names):
    assert_maps_are_apart(tmp_path, names)


@pytest.mark.parametrize(
    ("labels", "jobs"),
    [
        (("cat", "dog", "cat", "fox"), ("saliency",)),
        (("hot_dog", "hot dog"), ("hierarchical_occlusion",)),
        (("a_b c", "a b_c"), ("saliency", "hierarchical_occlusion")),
    ],
)
def test_labels_that_mindinsight_cannot_tell_apart_are_refused_before_anything_is_written(tmp_path: Path, labels, jobs):
    with pytest.raises(ValueError, match=r"labels.*distinct"):
        SummaryWriter(tmp_path / "job", dataclasses.replace(METADATA, labels=labels, jobs=jobs))
    assert not (tmp_path / "job").exists()


def test_the_message_on_a_repeated_label_speaks_of_underscores_only_where_they_matter(tmp_path: Path):
    with pytest.raises(ValueError, match=r"labels.*distinct.*'cat' twice") as caught:
        SummaryWriter(tmp_path, dataclasses.replace(METADATA, labels=("cat", "dog", "cat")))
    assert "'_'" not in str(caught.value)


def test_labels_that_differ_by_an_underscore_alone_are_fine_without_occlusion(tmp_path: Path):
    metadata = dataclasses.replace(METADATA, labels=("hot_dog", "hot dog"))
    SummaryWriter(tmp_path, metadata).close()
    assert read_run(tmp_path).metadata.labels == ("hot_dog", "hot dog")


def test_a_label_with_an_underscore_is_shown_with_a_blank_and_a_warning_for_occlusion(tmp_path: Path):
    metadata = dataclasses.replace(METADATA, labels=("hot_dog", "eel"), jobs=("hierarchical_occlusion",))
    with pytest.warns(UserWarning, match="labels with '_' are shown with a blank"):
        SummaryWriter(tmp_path, metadata).close()
    assert read_run(tmp_path).metadata.labels == ("hot_dog", "eel")


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"labels": ("cat", "\udcff")}, ValueError), ({"parameters": {"network": object()}}, TypeError)],
    ids=["label that is no text", "parameters that are no JSON"],
)
def test_metadata_that_cannot_be_written_is_refused_before_a_file_is_made(tmp_path: Path, changed, error):
    """A run without metadata would hide the older ones in its folder."""
    with no_file_left_open(), pytest.raises(error):
        SummaryWriter(tmp_path / "job", dataclasses.replace(METADATA, **changed))
    assert not (tmp_path / "job").exists()


# ------------------------------------------------- wrong use


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "sample 5 must have one OriginalImage before it is done, got 0"),
        (records_of(5)[1:], "sample 5 must have one OriginalImage before it is done, got 0"),
        (records_of(4), "sample 5 must have one OriginalImage before it is done, got 0"),
        (records_of(5)[:1], "sample 5 must have one Prediction before it is done, got 0"),
        ([*records_of(5), *records_of(5)], "sample 5 must have one OriginalImage before it is done, got 2"),
    ],
    ids=["nothing", "no picture", "another sample", "no prediction", "twice"],
)
def test_a_sample_done_without_its_records_is_refused_and_the_next_one_written(tmp_path: Path, records, expected):
    with SummaryWriter(tmp_path, METADATA) as writer:
        for record in records:
            writer.write(record)
        with pytest.raises(ValueError, match=expected):
            writer.write(SampleDone(5))
        write_sample(writer, 7)
    run = read_run(tmp_path)
    assert (sorted(run.samples), run.unfinished, run.findings) == ([7], (), ())


def test_metadata_is_not_written_twice(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer, pytest.raises(ValueError, match="once per run"):
        writer.write(METADATA)


def said(truth: tuple[int, ...], predicted: tuple[int, ...], labels: int) -> Prediction:
    return Prediction(5, truth, predicted, (1,), np.full(labels, 0.25, np.float32))


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (Saliency(5, "GardCAM", 1, map_of(5, "GardCAM", 1)), "GardCAM"),
        (Saliency(5, "GradCAM", 9, map_of(5, "GradCAM", 9)), "9"),
        (Saliency(5, "GradCAM", -1, map_of(5, "GradCAM", 1)), "-1"),
        (said((9,), (), labels=4), "9"),
        (said((), (-1,), labels=4), "-1"),
        (said((1,), (), labels=3), "3"),
        (Benchmark("GardCAM", "Faithfulness", 0.5), "GardCAM"),
        (
            Benchmark("GradCAM", "Fatihfulness", 0.5),
            "by 'Fatihfulness'; yield its Scores alone",
        ),
    ],
    ids=[
        "map of an unknown explainer",
        "map of a label too far",
        "map of label -1",
        "true label too far",
        "predicted label -1",
        "too few probabilities",
        "benchmark of an unknown explainer",
        "benchmark of an unknown metric",
    ],
)
def test_what_the_metadata_does_not_know_is_refused_at_once(tmp_path: Path, record, named):
    """It would be lost without a word, or make MindInsight lose the event and fail (label indices)."""
    with SummaryWriter(tmp_path, METADATA) as writer:
        with pytest.raises(ValueError, match=named):
            writer.write(record)
        write_sample(writer, 7)
    run = read_run(tmp_path)
    assert (sorted(run.samples), run.unfinished) == ([7], ())


# ------------------------------------------------- the disk refuses


@contextlib.contextmanager
def no_file_left_open() -> Iterator[None]:
    """Fails when an open file is only closed by the garbage collector."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    left = [str(entry.message) for entry in caught if entry.category is ResourceWarning]
    assert left == []


@contextlib.contextmanager
def files_at_most(count: int) -> Iterator[None]:
    """The system refuses to make any file longer than this many bytes, as on a full disk in the middle of a write."""
    resource = pytest.importorskip("resource", reason="limits of a process are a matter of Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# so that the event file is longer than any picture, and the limit meets it alone
LONG_METADATA = dataclasses.replace(METADATA, parameters={"remark": "x" * 3000})
MANY_PIXELS = np.random.default_rng(6).standard_normal((200, 200)).astype(np.float32)  # 40 kB as a PNG
MANY_LABELS = dataclasses.replace(METADATA, labels=tuple(f"label {number}" for number in range(5000)))


def test_a_folder_that_is_a_file_is_named_in_the_error(tmp_path: Path):
    (tmp_path / "job").write_text("in the way", encoding="utf-8")
    with pytest.raises(SummaryWriteError, match=f"could not write {re.escape(str(tmp_path / 'job'))}: File exists"):
        SummaryWriter(tmp_path / "job", METADATA)
    with pytest.raises(SummaryWriteError, match=re.escape(str(tmp_path / "job" / "below"))):
        SummaryWriter(tmp_path / "job" / "below", METADATA)
    assert (tmp_path / "job").read_text(encoding="utf-8") == "in the way"


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(SummaryWriteError, match=f"could not write {re.escape(str(tmp_path))}: Permission denied"):
        SummaryWriter(tmp_path, METADATA)


def test_a_write_error_is_a_runtime_error_with_its_cause(tmp_path: Path):
    (tmp_path / "job").touch()
    with pytest.raises(RuntimeError) as caught:
        SummaryWriter(tmp_path / "job", METADATA)
    assert isinstance(caught.value.__cause__, FileExistsError)


def test_a_picture_that_cannot_be_written_is_named_and_earlier_samples_stay(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        (writer.data_dir / "origin_images" / "1000").write_text("in the way", encoding="utf-8")
        with pytest.raises(SummaryWriteError, match=r"could not write .*origin_images.1000.1001\.png: "):
            write_sample(writer, 1001)
        write_sample(writer, 2)
    run = read_run(tmp_path)
    assert (sorted(run.samples), run.unfinished, run.findings) == ([0, 2], (), ())
    assert_sample_is_whole(tmp_path, 0)


def test_a_map_that_cannot_be_written_is_named_and_leaves_nothing_of_its_sample_in_the_file(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        (writer.data_dir / "heatmap" / "Gradient" / "1000").write_text("in the way", encoding="utf-8")
        with pytest.raises(SummaryWriteError, match=r"could not write .*heatmap.Gradient.1000.1001_1\.png: "):
            write_sample(writer, 1001)
        write_sample(writer, 2)
    run = read_run(tmp_path)
    assert (sorted(run.samples), run.unfinished, run.findings) == ([0, 2], (), ())


def test_a_sample_that_could_not_be_written_leaves_no_file_and_no_folder(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        (writer.data_dir / "heatmap" / "Gradient" / "1000").write_text("in the way", encoding="utf-8")
        before = contents_below(tmp_path)
        with pytest.raises(SummaryWriteError):
            write_sample(writer, 1001)
        assert contents_below(tmp_path) == before
        assert not (writer.data_dir / "origin_images" / "1000").exists()


def test_pictures_of_a_record_that_the_disk_refused_are_removed(tmp_path: Path):
    with SummaryWriter(tmp_path, LONG_METADATA) as writer:
        write_sample(writer, 0)
        before = contents_below(tmp_path)
        with files_at_most(writer.event_file.stat().st_size + 10), pytest.raises(SummaryWriteError):
            write_sample(writer, 1)
        assert contents_below(tmp_path) == before


def test_a_picture_of_which_half_was_written_is_removed(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        writer.write(OriginalImage(0, np.random.default_rng(1).integers(0, 256, (100, 100, 3), np.uint8)))  # 30 kB
        writer.write(records_of(0)[1])
        before = contents_below(tmp_path)
        target = re.escape(str(writer.data_dir / "origin_images" / "0" / "0.png"))
        with files_at_most(20_000), pytest.raises(SummaryWriteError, match=f"could not write {target}: File too large"):
            writer.write(SampleDone(0))
        assert contents_below(tmp_path) == before


def test_an_older_record_of_a_sample_keeps_its_pictures_when_a_newer_one_fails(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        before = contents_below(tmp_path)
        for record in records_of(0):
            writer.write(record)
        writer.write(Saliency(0, "Gradient", 3, MANY_PIXELS))
        with files_at_most(20_000), pytest.raises(SummaryWriteError, match=r"0_3\.png: File too large"):
            writer.write(SampleDone(0))
        assert contents_below(tmp_path) == before


def test_an_interrupt_while_a_sample_is_written_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0)
        before = contents_below(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr("explainer.summary.codec.encode_done", interrupted)
            with pytest.raises(KeyboardInterrupt):
                write_sample(writer, 1)
        assert contents_below(tmp_path) == before
        write_sample(writer, 2)
    assert sorted(read_run(tmp_path).samples) == [0, 2]


def test_an_interrupt_just_after_the_record_keeps_the_pictures_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_messages = SummaryWriter._write_messages

    def late(self: SummaryWriter, *messages: object) -> None:
        write_messages(self, *messages)
        raise KeyboardInterrupt

    with SummaryWriter(tmp_path, METADATA) as writer, monkeypatch.context() as patch:
        patch.setattr(SummaryWriter, "_write_messages", late)
        with pytest.raises(KeyboardInterrupt):
            write_sample(writer, 1)
    assert_sample_is_whole(tmp_path, 1)


# ------------------------------------------------- the folder is taken away


AWAY = {
    "removed": lambda path: shutil.rmtree(path) if path.is_dir() else path.unlink(),
    "moved": lambda path: path.rename(path.with_name("elsewhere")),
    "replaced by a copy": lambda path: (path.rename(path.with_name("elsewhere")), copied(path)),
}


def copied(path: Path) -> None:
    moved = path.with_name("elsewhere")
    shutil.copytree(moved, path) if moved.is_dir() else shutil.copy(moved, path)


@pytest.mark.parametrize("how", AWAY)
@pytest.mark.parametrize("which", ["job", "data", "events"])
@pytest.mark.parametrize("then", ["sample", "skipped", "end", "close"])
def test_what_is_taken_away_during_a_run_is_an_error_at_the_next_record(tmp_path: Path, which, how, then):
    """The run would go on to its end, and nothing readable would be left."""
    job = tmp_path / "job"
    writer = SummaryWriter(job, METADATA)
    write_sample(writer, 0)
    taken = {"job": job, "data": writer.data_dir, "events": writer.event_file}[which]
    AWAY[how](taken)
    before = contents_below(tmp_path)
    steps = {
        "sample": lambda: write_sample(writer, 1),
        "skipped": lambda: writer.write(SampleSkipped(1, "why")),
        "end": lambda: writer.write(RunEnd()),
        "close": writer.close,
    }
    with pytest.raises(SummaryWriteError, match=r"could not write .*: it was removed, moved or replaced") as caught:
        steps[then]()
    assert str(taken) in str(caught.value)
    assert contents_below(tmp_path) == before  # nothing is made again
    with contextlib.suppress(SummaryWriteError):
        writer.close()
    assert contents_below(tmp_path) == before


def test_a_run_whose_folder_was_taken_away_leaves_no_file_open(tmp_path: Path):
    with no_file_left_open():
        writer = SummaryWriter(tmp_path / "job", METADATA)
        shutil.rmtree(tmp_path / "job")
        with pytest.raises(SummaryWriteError, match="it was removed, moved or replaced"):
            writer.close()
        del writer


def test_a_folder_taken_away_between_two_pictures_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    writer = SummaryWriter(tmp_path / "job", METADATA)
    monkeypatch.setattr(SummaryWriter, "_require_in_place", lambda self: shutil.rmtree(self.data_dir))
    with pytest.raises(SummaryWriteError, match=r"could not write .*0\.png: No such file"):
        write_sample(writer, 0)
    assert not writer.data_dir.exists()
    monkeypatch.undo()
    with pytest.raises(SummaryWriteError):
        writer.close()


def test_a_job_folder_that_is_a_link_may_stay_one(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with SummaryWriter(tmp_path / "link", METADATA) as writer:
        write_sample(writer, 0)
    assert_sample_is_whole(tmp_path / "real", 0)


# ------------------------------------------------- the first cause


def test_the_first_cause_is_told_and_not_the_manifest(tmp_path: Path):
    with SummaryWriter(tmp_path, LONG_METADATA) as writer:
        write_sample(writer, 0)
    with pytest.raises(SummaryWriteError) as caught, SummaryWriter(tmp_path, LONG_METADATA) as writer:
        write_sample(writer, 0)
        with files_at_most(0):
            try:
                write_sample(writer, 1)
            finally:
                writer.__exit__(*sys.exc_info())  # while the disk is still full
    assert re.search(r"could not write .*origin_images.0.1\.png: File too large", str(caught.value))


def test_an_error_of_the_caller_is_not_replaced_by_one_of_the_manifest(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), SummaryWriter(tmp_path, METADATA) as writer:
        shutil.rmtree(tmp_path)
        raise ZeroDivisionError
    assert not tmp_path.exists()
    del writer


def test_a_manifest_that_cannot_be_written_is_told_where_nothing_else_went_wrong(tmp_path: Path):
    with pytest.raises(SummaryWriteError, match="removed, moved or replaced"), SummaryWriter(tmp_path, METADATA):
        shutil.rmtree(tmp_path)


def test_a_manifest_that_cannot_be_replaced_is_named_and_the_one_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = SummaryWriter(tmp_path, METADATA)
    write_sample(writer, 0)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SummaryWriteError, match=r"could not write .*manifest\.json: No space left on device"):
        writer.close()
    assert manifest_of(writer).keys() == MANIFEST_KEYS
    assert [path.name for path in writer.data_dir.glob("manifest*")] == ["manifest.json"]  # no draft is left
    assert_sample_is_whole(tmp_path, 0)


@pytest.mark.parametrize("room", [0, 1, 12, 200])
@pytest.mark.parametrize("metadata", [LONG_METADATA, MANY_LABELS], ids=["short records", "records beyond a buffer"])
def test_a_full_disk_is_named_and_costs_only_the_sample_it_met(tmp_path: Path, metadata, room):
    with SummaryWriter(tmp_path, metadata) as writer:
        write_sample(writer, 0, labels=len(metadata.labels))
        with files_at_most(writer.event_file.stat().st_size + room):
            with pytest.raises(SummaryWriteError) as caught:
                write_sample(writer, 1, labels=len(metadata.labels))
            halted = read_run(tmp_path)
        assert (sorted(halted.samples), halted.unfinished, halted.findings) == ([0], (), ())
        write_sample(writer, 2, labels=len(metadata.labels))  # somebody made room
        writer.write(RunEnd())
    assert re.search(rf"could not write {re.escape(str(writer.event_file))}: File too large", str(caught.value))
    run = read_run(tmp_path)
    assert (sorted(run.samples), run.unfinished, run.findings, run.ended) == ([0, 2], (), (), True)
    assert_sample_is_whole(tmp_path, 0)
    assert_sample_is_whole(tmp_path, 2)


def test_a_disk_that_stays_full_leaves_no_file_open(tmp_path: Path):
    with no_file_left_open():
        writer = SummaryWriter(tmp_path, LONG_METADATA)
        write_sample(writer, 0)
        with files_at_most(writer.event_file.stat().st_size + 10):
            with pytest.raises(SummaryWriteError):
                write_sample(writer, 1)
            with contextlib.suppress(SummaryWriteError):
                writer.close()
        del writer
    assert sorted(read_run(tmp_path).samples) == [0]


@pytest.mark.parametrize("room", [0, 10, 1000])
def test_a_disk_that_is_full_from_the_start_leaves_the_older_run_the_newest(tmp_path: Path, room):
    with SummaryWriter(tmp_path, LONG_METADATA) as older:
        write_sample(older, 0)
    before = files_below(tmp_path)
    with no_file_left_open(), files_at_most(room), pytest.raises(SummaryWriteError, match="could not write"):
        SummaryWriter(tmp_path, LONG_METADATA)
    assert files_below(tmp_path) == before
    assert read_run(tmp_path).files.event_file == older.event_file


@pytest.mark.parametrize("room", [0, 10, 1000])
def test_a_folder_that_was_made_for_a_run_that_could_not_begin_is_removed(tmp_path: Path, room):
    (tmp_path / "old").mkdir()
    for job in ("old", "new", "made/too"):
        with files_at_most(room), pytest.raises(SummaryWriteError, match="could not write"):
            SummaryWriter(tmp_path / job, LONG_METADATA)
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


def test_an_event_file_that_cannot_be_made_is_named_and_no_folder_is_left(tmp_path: Path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(
        SummaryWriteError, match=r"could not write .*summary\.\d+\.\d+_explain: No space left on device"
    ):
        SummaryWriter(tmp_path / "job", METADATA)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------- the process is killed


ENDLESS_WRITER = """
import sys, types
package = types.ModuleType("explainer")  # without MindSpore, which takes seconds to import
package.__path__ = [sys.argv[1]]
sys.modules["explainer"] = package
import numpy as np
from explainer.records import OriginalImage, Prediction, RunMetadata, Saliency, SampleDone
from explainer.summary.writer import SummaryWriter

generator = np.random.default_rng(1)
metadata = RunMetadata(("cat", "dog"), ("GradCAM", "Gradient"), (), ("saliency",))
with SummaryWriter(sys.argv[2], metadata) as writer:
    for number in range(1_000_000):
        writer.write(OriginalImage(number, np.full((30, 40, 3), number % 256, np.uint8)))
        writer.write(Prediction(number, (1,), (1,), (1,), np.float32([0.25, 0.75])))
        for name in metadata.explainers:
            writer.write(Saliency(number, name, 1, generator.standard_normal((30, 40)).astype(np.float32)))
        writer.write(SampleDone(number))
        print(number, flush=True)
"""


@pytest.mark.parametrize("trial", range(4))
def test_a_killed_process_leaves_every_sample_that_it_had_finished(tmp_path: Path, trial):
    package = str(Path(explainer.__file__).parent)
    command = [sys.executable, "-c", ENDLESS_WRITER, package, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "0\n"
        time.sleep(random.Random(trial).uniform(0, 0.1))
        child.kill()
        told = [0, *(int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n"))]
    run = read_run(tmp_path)
    assert sorted(run.samples) == list(range(len(run.samples)))
    assert len(run.samples) >= told[-1] + 1  # what was said to be finished is there
    assert not run.ended
    assert len(run.findings) <= 1  # at most the last record is cut
    for number, sample in run.samples.items():
        assert (run.picture(sample.image) == number % 256).all()
        assert [run.saliency(entry).shape for entry in sample.maps] == [(30, 40), (30, 40)]
    manifest = json.loads((run.files.data_dir / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == dict.fromkeys(MANIFEST_KEYS, False) | {"saliency_map": True}
