"""What `repair` copies: all that is whole, byte by byte, and nothing else; the copy passes `verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import DATA, MAP, MAP_FILE, METADATA, OTHER, PICTURE_FILE, RAW_FILE, STARTED, flip, write_run
from hostile_runs import field

from explainer.analysis.view import read_run
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import ImageFile, OriginalImage, Prediction, RawMapFile, RunEnd, SaliencyFile, SampleDone
from explainer.summary import codec
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.images import png_of
from explainer.summary.raw_maps import to_raw
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.repair import repair
from explainer.summary.verify import verify
from explainer.summary.writer import SummaryWriter


def payloads_of(event_file: Path) -> list[bytes]:
    return [found.payload for found in read_frames(BytesIO(event_file.read_bytes()))]


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def seen_in(sample: SampleView) -> tuple[object, ...]:
    prediction = sample.prediction
    return sample.image, prediction.ground_truth, prediction.probabilities.tolist(), sample.maps, sample.scores


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A whole run of four samples."""
    write_run(tmp_path / "job")
    return tmp_path / "job"


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Path]:
    """Where the copy goes; afterwards, that it passes."""
    yield tmp_path / "new"
    assert verify(tmp_path / "new").problems == ()
    assert not list((tmp_path / "new").rglob("*.draft"))


def event_file_of(job: Path) -> Path:
    return read_run(job).files.event_file


# ------------------------------------------------- what is kept


def test_a_whole_run_is_copied_byte_by_byte(job: Path, new: Path):
    made = repair(job, new)
    assert {name: content for name, (content, _) in content_of(new).items()} == {
        name: content for name, (content, _) in content_of(job).items()
    }
    assert (made.samples, made.pictures, made.left_out, made.note) == (4, 16, {}, "")
    assert made.event_file == new / event_file_of(job).name


def test_an_empty_folder_is_as_good_as_none(job: Path, new: Path):
    new.mkdir()
    assert repair(job, new).samples == 4


def test_nothing_in_the_job_folder_is_changed(job: Path, new: Path):
    flip(event_file_of(job), 5)
    before = content_of(job)
    repair(job, new)
    assert content_of(job) == before


def test_a_damaged_sample_is_left_out_and_said(job: Path, new: Path):
    flip(event_file_of(job), 3)  # a map of the first sample
    whole = read_run(job)
    made = repair(job, new)
    run = read_run(new)
    assert {number: seen_in(sample) for number, sample in run.samples.items()} == {
        number: seen_in(whole.samples[number]) for number in (1, 2, 3)
    }
    assert made.note == run.repaired == "1 part of the file was damaged, 1 sample was unfinished"
    assert (run.metadata, run.skipped, run.ended) == (whole.metadata, whole.skipped, True)
    assert repr(run.benchmarks) == repr(whole.benchmarks)  # nan is not equal to itself
    assert (run.findings, run.unfinished, run.complete) == ((), (), True)
    assert not (new / DATA / "origin_images" / "0" / "0.png").exists()


def test_a_run_that_did_not_end_is_copied_and_does_not_claim_to_have_ended(tmp_path: Path, job: Path, new: Path):
    write_run(tmp_path / "other", ended=False)
    made = repair(tmp_path / "other", new)
    run = read_run(new)
    assert (run.ended, run.repaired, run.complete, len(run.samples)) == (False, "the run had not ended", True, 4)
    assert made.note == "the run had not ended"


def test_a_file_cut_at_any_record_or_in_it_gives_what_is_whole(tmp_path: Path, job: Path):
    event_file = event_file_of(job)
    content = event_file.read_bytes()
    offsets = [found.offset for found in read_frames(BytesIO(content))]
    for number, offset in enumerate(offsets[1:]):
        event_file.write_bytes(content[: offset + 5 * (number % 2)])
        expected = read_run(job).samples
        repair(job, tmp_path / str(number))
        found = verify(tmp_path / str(number))
        assert (found.problems, found.samples) == ((), len(expected)), f"cut at {offset}"


def test_of_a_sample_recorded_twice_the_last_complete_record_is_copied(tmp_path: Path):
    with SummaryWriter(tmp_path / "twice", METADATA) as writer:
        for grey in (1, 2):
            writer.write(OriginalImage(0, np.full((5, 7), grey, np.uint8)))
            writer.write(Prediction(0, (1,), (), (), np.float32([grey / 4, 0.25, 0.25, 0.25])))
            writer.write(SampleDone(0))
        writer.write(RunEnd())
    repair(tmp_path / "twice", tmp_path / "new")
    assert verify(tmp_path / "new").complete
    assert len(payloads_of(writer.event_file)) - len(payloads_of(event_file_of(tmp_path / "new"))) == 2
    assert read_run(tmp_path / "new").samples[0].prediction.probabilities[0] == 0.5


def test_any_run_of_the_folder_is_repaired(job: Path, new: Path):
    write_run(job, clock=STARTED + 9, ended=False)
    assert repair(job, new, run=STARTED).note == ""
    assert read_run(new).files.timestamp == STARTED


# ------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "cannot be read: cannot identify image file, it is no PNG"),
        (lambda path: path.write_bytes(png_of(OTHER)), "is not the picture that was recorded"),
    ],
)
@pytest.mark.parametrize("path", [PICTURE_FILE, MAP_FILE], ids=["picture", "map"])
def test_a_sample_without_its_picture_is_left_out_and_said(tmp_path: Path, job: Path, path, damage, why):
    damage(job / path)
    made = repair(job, tmp_path / "new")
    assert made.left_out == {2: f"{path} {why}"}
    assert made.note == "1 sample had a picture that was lost"
    assert sorted(read_run(tmp_path / "new").samples) == [0, 1, 3]
    assert verify(tmp_path / "new").complete


def test_maps_as_floats_are_copied_byte_by_byte(tmp_path: Path, new: Path):
    write_run(tmp_path / "job", raw_kind="float16")
    made = repair(tmp_path / "job", new)
    assert (made.pictures, made.raw_maps, made.left_out) == (16, 12, {})
    assert (new / RAW_FILE).read_bytes() == (tmp_path / "job" / RAW_FILE).read_bytes()


def test_a_sample_without_its_map_as_floats_is_left_out_and_said(tmp_path: Path, new: Path):
    write_run(tmp_path / "job", raw_kind="float16")
    (tmp_path / "job" / RAW_FILE).write_bytes(b"")
    made = repair(tmp_path / "job", new)
    assert made.left_out == {2: f"{RAW_FILE} cannot be read: it is no map: its header is none of ours"}
    assert (made.pictures, made.raw_maps) == (12, 9)


@pytest.mark.parametrize("path", ["1.png", "manifest.json", "x.npy/1.npy", "../1.npy"])
def test_a_map_as_floats_goes_nowhere_but_where_such_maps_lie(tmp_path: Path, new: Path, path):
    stranger = tmp_path / "stranger"
    (stranger / "x.npy").mkdir(parents=True)
    (stranger / "0.png").write_bytes(png_of(OTHER))
    (stranger / path).write_bytes(to_raw(MAP, "float32").content)
    entry = SaliencyFile(0, "GradCAM", 1, "0.png", 0.0, 1.0, raw=RawMapFile(path))
    messages = [
        codec.encode_metadata(METADATA),
        codec.encode_sample(ImageFile(0, "0.png"), Prediction(0, (1,), (), (), np.float32([0.5, 0.5]))),
        codec.encode_saliency(entry),
        codec.encode_done(SampleDone(0)),
    ]
    content = b"".join(frame(codec.as_event(message, 1.5).SerializeToString()) for message in messages)
    (stranger / "summary.17_explain").write_bytes(content)
    assert repair(stranger, new).left_out.keys() == {0}


def test_files_that_belong_to_no_sample_are_not_copied(job: Path, new: Path):
    (job / DATA / "notes.txt").touch()
    (job / DATA / "origin_images" / "0" / "9.png").write_bytes(png_of(OTHER))
    assert repair(job, new).pictures == 16


def test_a_link_inside_becomes_a_file(job: Path, new: Path):
    (job / PICTURE_FILE).rename(job / "elsewhere.png")
    (job / PICTURE_FILE).symlink_to(job / "elsewhere.png")
    repair(job, new)
    assert not (new / PICTURE_FILE).is_symlink()
    assert (new / PICTURE_FILE).read_bytes() == (job / "elsewhere.png").read_bytes()


def by_hand(folder: Path, paths: list[str], *more: bytes) -> Path:
    """A run of one sample for each path, and more payloads."""
    prediction = Prediction(0, (1,), (), (), np.float32([0.5, 0.5]))
    messages = [codec.encode_metadata(METADATA)]
    for number, path in enumerate(paths):
        messages += [codec.encode_sample(ImageFile(number, path), prediction), codec.encode_done(SampleDone(number))]
    payloads = [codec.as_event(message, 1.5).SerializeToString() for message in [*messages, codec.encode_end()]]
    folder.mkdir(exist_ok=True)
    (folder / "summary.17_explain").write_bytes(b"".join(map(frame, [*payloads, *more])))
    return folder


def test_paths_of_a_stranger_lead_nowhere_but_into_the_copy(tmp_path: Path):
    stranger = tmp_path / "stranger"
    (stranger / "x").mkdir(parents=True)
    for name in ("1.png", "x/2.png", "manifest.json", "summary.17_explain.png"):
        (stranger / name).write_bytes(png_of(OTHER))
    (tmp_path / "outside.png").write_bytes(png_of(OTHER))
    paths = {
        "1.png": True,
        "x/../1.png": True,
        "./x/2.png": True,
        "summary.17_explain.png": True,
        "manifest.json": False,  # it could be taken for something else
        "../outside.png": False,
        "../stranger/1.png": False,  # out and in again
        str(stranger / "1.png"): False,
        "absent.png": False,
        "": False,
    }
    by_hand(stranger, list(paths))
    made = repair(stranger, tmp_path / "new")
    assert sorted(made.left_out) == [number for number, kept in enumerate(paths.values()) if not kept]
    assert verify(tmp_path / "new").complete
    assert {path.name for path in tmp_path.iterdir()} == {"stranger", "new", "outside.png"}


def test_two_pictures_for_one_place_are_not_mixed_up(tmp_path: Path):
    stranger = tmp_path / "stranger"
    (stranger / "deep" / "er").mkdir(parents=True)
    (stranger / "x").symlink_to("deep/er")
    (stranger / "a.png").write_bytes(png_of(OTHER))
    (stranger / "deep" / "a.png").write_bytes(png_of(OTHER + 1))
    by_hand(stranger, ["a.png", "x/../a.png"])
    made = repair(stranger, tmp_path / "new")
    assert made.left_out == {1: "x/../a.png cannot lie there in a copy"}


# ------------------------------------------------- versions


UNKNOWN = field(1999, b"from the future")


def test_a_later_minor_version_is_read_and_what_is_unknown_survives(tmp_path: Path):
    """Fields inside known messages, messages of a sample and of the run: all of them byte by byte."""
    event_file = write_run(tmp_path / "job").event_file
    payloads = payloads_of(event_file)
    first = Event.FromString(payloads[0])
    first.explain.run.format_minor = codec.FORMAT_MINOR + 7
    inside = [first.SerializeToString(), *payloads[1:]]
    inside = [payload + field(6, UNKNOWN) for payload in inside]  # merged into `explain` by every reader
    of_sample = Event(wall_time=1.5, explain=Explain(sample_id=2)).SerializeToString() + field(6, UNKNOWN)
    of_lost = Event(wall_time=1.5, explain=Explain(sample_id=77)).SerializeToString() + field(6, UNKNOWN)
    of_run = Event(wall_time=1.5).SerializeToString() + field(6, UNKNOWN)
    event_file.write_bytes(b"".join(map(frame, [*inside[:5], of_sample, of_lost, *inside[5:], of_run])))
    assert read_run(tmp_path / "job").complete
    repair(tmp_path / "job", tmp_path / "new")
    assert payloads_of(event_file_of(tmp_path / "new")) == [*inside[:5], of_sample, *inside[5:], of_run]


def test_a_later_major_version_is_refused_with_the_reason(tmp_path: Path, job: Path):
    event_file = event_file_of(job)
    payloads = payloads_of(event_file)
    first = Event.FromString(payloads[0])
    first.explain.run.format_major = codec.FORMAT_MAJOR + 1
    event_file.write_bytes(b"".join(map(frame, [first.SerializeToString(), *payloads[1:]])))
    for refused in (lambda: repair(job, tmp_path / "new"), lambda: verify(job), lambda: read_run(job)):
        with pytest.raises(
            SummaryReadError,
            match=rf"the summary has format 2\.{codec.FORMAT_MINOR}, .*; this version reads up to 1\.x",
        ):
            refused()
    assert not (tmp_path / "new").exists()


# ------------------------------------------------- metadata


@pytest.mark.parametrize("lost", [(0,), (1,), (0, 1)], ids=["first", "copy", "both"])
def test_metadata_stands_at_the_start_twice_whatever_was_lost(job: Path, new: Path, lost):
    event_file = event_file_of(job)
    whole = payloads_of(event_file)
    for number in lost:
        flip(event_file, number)
    repair(job, new)
    first, second = (Event.FromString(payload).explain for payload in payloads_of(event_file_of(new))[:2])
    assert first.HasField("metadata") and first.HasField("run")  # MindInsight wants it first
    assert not second.HasField("metadata") and second.run == first.run
    run = read_run(new)
    if lost == (0, 1):
        assert run.metadata.labels == ("0", "1", "2", "3")
        assert (run.metadata.explainers, run.metadata.metrics) == (METADATA.explainers, METADATA.metrics)
        assert "the metadata was damaged" in run.repaired
    else:
        assert run.metadata == METADATA
        kept = ({0, 1} - set(lost)).pop()
        assert payloads_of(event_file_of(new))[kept] == whole[kept]


def test_what_is_unknown_in_metadata_survives_when_its_other_copy_is_lost(tmp_path: Path, job: Path):
    event_file = event_file_of(job)
    payloads = [payload + field(6, field(1000, UNKNOWN)) for payload in payloads_of(event_file)[:2]]
    for lost in (0, 1):
        kept = [*payloads[:lost], *payloads[lost + 1 :], *payloads_of(event_file)[2:]]
        folder = tmp_path / f"lost {lost}"
        folder.mkdir()
        (folder / "summary.17_explain").write_bytes(b"".join(map(frame, kept)))
        for entry in (job / DATA).parent.iterdir():
            if entry.is_dir():
                (folder / entry.name).symlink_to(entry)
        made = repair_of_metadata(folder, tmp_path / f"new {lost}")
        assert all(b"from the future" in payload for payload in made[:2])


def repair_of_metadata(folder: Path, new: Path) -> list[bytes]:
    return payloads_of(repair(folder, new).event_file)


# ------------------------------------------------- the manifest


def test_the_manifest_says_what_the_copy_holds(job: Path, new: Path):
    manifest = job / DATA / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text("broken")
    repair(job, new)
    assert (
        json.loads((new / DATA / "manifest.json").read_text())
        == content
        == {
            "saliency_map": True,
            "benchmark": True,
            "uncertainty": False,
            "hierarchical_occlusion": False,
        }
    )


# ------------------------------------------------- refusals and failures


@pytest.mark.parametrize("kind", ["file", "folder with a file"])
def test_a_place_that_is_taken_is_refused(tmp_path: Path, job: Path, kind):
    new = tmp_path / "new"
    if kind == "file":
        new.touch()
    else:
        new.mkdir()
        (new / "theirs").touch()
    with pytest.raises(ValueError, match="`to` must be a new or an empty folder"):
        repair(job, new)
    assert new.is_file() or [path.name for path in new.iterdir()] == ["theirs"]


@pytest.mark.parametrize("below", ["", "new", "x/new"])
def test_a_place_in_the_job_folder_is_refused(job: Path, below):
    before = content_of(job)
    with pytest.raises(ValueError, match="`to` must lie outside of"):
        repair(job, job / below)
    assert content_of(job) == before


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("fails", ["picture", "events", "manifest"])
def test_a_copy_that_could_not_be_written_leaves_nothing(tmp_path: Path, job: Path, monkeypatch, fails, exists):
    new = tmp_path / "made" / "new"
    if exists:
        new.mkdir(parents=True)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.rglob("*"))
    whole_write = Path.write_bytes
    with monkeypatch.context() as patch:
        if fails == "picture":
            patch.setattr(
                Path, "write_bytes", lambda self, data: full() if "2_1" in self.name else whole_write(self, data)
            )
        elif fails == "events":
            patch.setattr("os.fsync", full)
        else:
            patch.setattr("explainer.summary.repair.write_manifest", full)
        with pytest.raises(SummaryWriteError, match=r"could not write .*: No space left on device; nothing is left"):
            repair(job, new)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 100])
def test_where_nothing_can_be_read_nothing_is_made(tmp_path: Path, content):
    (tmp_path / "job").mkdir()
    if content is not None:
        (tmp_path / "job" / "summary.17_explain").write_bytes(content)
    with pytest.raises(SummaryReadError):
        repair(tmp_path / "job", tmp_path / "new")
    assert not (tmp_path / "new").exists()
