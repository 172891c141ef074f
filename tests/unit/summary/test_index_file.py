"""The index beside an event file: a sample is opened by it, and never another one than without it."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from counted_reads import counted_reads
from large_runs import write_large_run
from small_runs import METADATA, event, write_run, write_sample

from explainer.analysis.view import open_run
from explainer.digests import digest_of
from explainer.records import ImageFile, Prediction, RunEnd, SampleDone, SampleSkipped
from explainer.summary import SummaryWriter, codec, iter_samples
from explainer.summary.folder import RunFiles, find_runs
from explainer.summary.index_file import (
    INDEX,
    IndexDraft,
    opened_index,
    same_places,
    store_index,
    stored_index,
)
from explainer.summary.recorded_run import open_recorded
from explainer.summary.repair import repair
from explainer.summary.sample_index import SampleReader, index_of
from explainer.summary.verify import verify


def files_in(folder: Path) -> RunFiles:
    (files,) = find_runs(folder)
    return files


def path_in(folder: Path) -> Path:
    return files_in(folder).data_dir / INDEX


def closed(content: bytes) -> bytes:
    """An index with the right digest at its end, as a forger makes it."""
    return content + digest_of(content)


def test_a_run_that_ended_has_the_index_that_reading_all_of_it_gives(tmp_path: Path):
    event_file = write_run(tmp_path, [4, 0, 2])
    stored, read = stored_index(files_in(tmp_path)), index_of(event_file)
    assert stored is not None
    assert list(stored.samples.items()) == list(read.samples.items())
    assert stored.of_the_run.tolist() == read.of_the_run.tolist()
    assert (stored.metadata, stored.ended_at, stored.findings) == (read.metadata, read.ended_at, [])
    assert verify(tmp_path).complete


def test_what_is_said_of_the_run_is_read_from_where_it_stands(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0, 1.0)
        writer.write(SampleSkipped(1, "not finite"))
        write_sample(writer, 2, 1.0)
        writer.write(RunEnd())
    index = stored_index(files_in(tmp_path))
    assert index is not None
    assert (list(index.samples), index.skipped) == ([0, 2], {1: "not finite"})


def test_a_run_that_did_not_end_has_none_and_one_that_is_gone_on_with_gets_it_at_its_end(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0, 1.0)
    assert not path_in(tmp_path).exists()
    with open_recorded(tmp_path) as recorded, SummaryWriter(tmp_path, METADATA, recorded=recorded) as writer:
        write_sample(writer, 1, 2.0)
        writer.write(RunEnd())
    stored = stored_index(files_in(tmp_path))
    assert stored is not None
    assert same_places(stored, index_of(writer.event_file))
    assert list(stored.samples) == [0, 1]


def test_a_repaired_copy_has_its_own_which_goes_when_it_is_gone_on_with(tmp_path: Path):
    write_run(tmp_path / "a", [0, 1])
    next((tmp_path / "a").rglob("1_1.png")).unlink()
    repair(tmp_path / "a", tmp_path / "b")
    stored = stored_index(files_in(tmp_path / "b"))
    assert stored is not None
    assert (list(stored.samples), len(stored.repairs)) == ([0], 1)
    with open_recorded(tmp_path / "b") as recorded, SummaryWriter(tmp_path / "b", METADATA, recorded=recorded):
        assert not path_in(tmp_path / "b").exists()


def test_a_record_that_nobody_noted_makes_no_index(tmp_path: Path):
    event_file = write_run(tmp_path, [0, 1])
    path_in(tmp_path).unlink()
    draft = IndexDraft()
    draft.add_sample(0, 40, 50)  # behind records that it was not told of
    draft.store(files_in(tmp_path))
    IndexDraft(index_of(event_file), event_file.stat().st_size - 1).store(files_in(tmp_path))
    assert not path_in(tmp_path).exists()


def test_a_full_disk_costs_the_index_and_not_the_run(tmp_path: Path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("explainer.summary.index_file.store_index", full)
    write_run(tmp_path, [0, 1])
    assert not path_in(tmp_path).exists()
    assert verify(tmp_path).complete


def test_samples_whose_records_do_not_stand_together_are_read_and_have_no_index(tmp_path: Path):
    def frames(number: int) -> tuple[bytes, bytes]:
        prediction = Prediction(number, (), (), (), np.float32([0.75, 0.25]))
        sample = codec.encode_sample(ImageFile(number, f"{number}.png"), prediction)
        return event(sample), event(codec.encode_done(SampleDone(number)))

    first, second = frames(0), frames(1)
    path = tmp_path / "summary.17_explain"
    metadata = event(codec.encode_metadata(METADATA))
    path.write_bytes(b"".join([metadata, first[0], second[0], first[1], second[1], event(codec.encode_end())]))
    index = index_of(path)
    start = len(metadata)
    done = start + len(first[0] + second[0])
    place = index.samples[0]
    assert (place.start, place.end, tuple(place.offsets)) == (start, done + len(first[1]), (start, done))
    assert [sample.sample_id for sample in iter_samples(path)] == [0, 1]
    files = files_in(tmp_path)
    files.data_dir.mkdir()
    store_index(files, index.samples, index.of_the_run)
    assert list(files.data_dir.iterdir()) == []


# What is not believed.


def forged(content: bytes, samples: int, **changed: list[int]) -> bytes:
    """An index with other columns."""
    columns, at = {}, 48
    for name, kind in (("numbers", "<i4"), ("starts", "<i8"), ("ends", "<i8")):
        columns[name] = np.frombuffer(content, kind, samples, at)
        at += columns[name].nbytes
    parts = [np.array(changed.get(name, values), values.dtype).tobytes() for name, values in columns.items()]
    return closed(b"".join([content[:48], *parts, content[at:-16]]))


def without_the_last(content: bytes) -> bytes:
    columns = [content[48:60], content[60:84], content[84:108]]
    shorter = b"".join(column[: len(column) // 3 * 2] for column in columns)
    return closed(content[:32] + struct.pack("<Q", 2) + content[40:48] + shorter + content[108:-16])


FORGED = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:-9],
    "longer": lambda content: content + b"0",
    "a changed byte": lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
    "other letters": lambda content: closed(b"explidx2" + content[8:-16]),
    "of a larger file": lambda content: closed(content[:8] + struct.pack("<Q", 10**15) + content[16:-16]),
    "of 2^60 samples": lambda content: closed(content[:32] + struct.pack("<Q", 2**60) + content[40:-16]),
    "of 2^64 - 1 samples": lambda content: closed(content[:32] + b"\xff" * 8 + content[40:-16]),
    "a sample left out": lambda content: without_the_last(content),
    "a place below 0": lambda content: forged(content, 3, starts=[-8, 2000, 3000]),
    "places of -2^63": lambda content: forged(content, 3, starts=[-(2**63)] * 3, ends=[-(2**63)] * 3),
    "a place beyond the end": lambda content: forged(content, 3, ends=[10, 20, 2**62]),
    "an empty place": lambda content: forged(content, 3, starts=[10, 20, 30], ends=[10, 25, 35]),
    "places in one another": lambda content: forged(content, 3, starts=[10, 20, 30], ends=[25, 28, 35]),
    "no metadata": lambda content: closed(content[:40] + struct.pack("<Q", 0) + content[48 : 48 + 60]),
    "ten gigabytes": None,
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_no_index_of_the_file_is_not_believed(tmp_path: Path, name):
    write_run(tmp_path, [4, 0, 2])
    path = path_in(tmp_path)
    if name == "ten gigabytes":
        os.truncate(path, 10**10)  # of holes
    else:
        path.write_bytes(FORGED[name](path.read_bytes()))
    assert stored_index(files_in(tmp_path)) is None
    assert list(opened_index(files_in(tmp_path)).samples) == [4, 0, 2]
    assert verify(tmp_path).complete


@pytest.mark.parametrize("kind", ["pipe", "folder", "link out", "loop"])
def test_what_is_no_file_of_the_folder_is_not_opened(tmp_path: Path, kind):
    write_run(tmp_path / "run", [4, 0])
    path = path_in(tmp_path / "run")
    shutil.move(path, tmp_path / "moved")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "moved" if kind == "link out" else path)
    assert stored_index(files_in(tmp_path / "run")) is None
    assert list(opened_index(files_in(tmp_path / "run")).samples) == [4, 0]


def test_a_file_that_was_written_on_or_changed_at_its_ends_has_no_index_any_more(tmp_path: Path):
    event_file = write_run(tmp_path, [4, 0, 2])
    content = event_file.read_bytes()
    others = write_run(tmp_path / "other", [4, 0, 2], clock=18)
    assert others.stat().st_size == len(content)
    for changed in (content + event(codec.encode_end()), content[:-1], others.read_bytes()):
        event_file.write_bytes(changed)
        assert stored_index(files_in(tmp_path)) is None
    event_file.write_bytes(content)
    assert stored_index(files_in(tmp_path)) is not None


def test_a_place_that_holds_two_samples_is_no_sample_and_verify_tells_it(tmp_path: Path):
    event_file = write_run(tmp_path, [4, 0, 2])
    content, index = path_in(tmp_path).read_bytes(), index_of(event_file)
    places = list(index.samples.values())
    starts = [places[0].start, places[1].start, places[2].start]
    path_in(tmp_path).write_bytes(forged(content, 3, numbers=[0, 4, 2], starts=starts))
    assert list(stored_index(files_in(tmp_path)).samples) == [0, 4, 2]
    run = open_run(tmp_path)
    assert [run.samples[number].scores[0].value for number in (0, 4, 2)] == [2.0, 1.0, 3.0]
    (problem,) = verify(tmp_path).problems
    assert problem == ("_explain_17/samples.index", "says otherwise than the event file; remove it")


# A sample costs what it is, not what the file is.


def test_a_sample_is_opened_by_reading_its_records_and_the_ends_of_the_file(tmp_path: Path, monkeypatch):
    event_file = write_large_run(tmp_path, 2_000)
    files = files_in(tmp_path)
    counted = counted_reads(monkeypatch)
    index = opened_index(files)
    with SampleReader(event_file, index) as reader:
        assert reader.sample(1_234).source == "img_001234.png"
    place = index.samples[1_234]
    size, own = event_file.stat().st_size, place.end - place.start
    of_the_run = index.samples[0].start + size - index.samples[1_999].end
    assert size > 2_000_000
    assert sum(counted) == 2 * (1 << 16) + of_the_run + own


def test_without_the_index_all_is_read_to_the_same_sample(tmp_path: Path, monkeypatch):
    event_file = write_large_run(tmp_path, 200)
    path_in(tmp_path).unlink()
    counted = counted_reads(monkeypatch)
    index = opened_index(files_in(tmp_path))
    with SampleReader(event_file, index) as reader:
        assert reader.sample(123).source == "img_000123.png"
    assert sum(counted) >= event_file.stat().st_size
