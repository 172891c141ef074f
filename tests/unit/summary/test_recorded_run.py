"""What is found of a run that was left, and what is left of it on disk to be written on."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import METADATA, SAMPLES, STARTED, write_run

from explainer.analysis.view import read_run
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import OriginalImage, Prediction, SampleDone
from explainer.summary import codec
from explainer.summary.explain_pb2 import Event
from explainer.summary.recorded_run import open_recorded
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.writer import SummaryWriter

IDS = [*range(len(SAMPLES))]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A run of four samples that did not end."""
    write_run(tmp_path / "job", ended=False)
    return tmp_path / "job"


def cleaned(job: Path) -> list[int]:
    with open_recorded(job) as recorded:
        found = sorted(recorded.complete)
        recorded.clean()
    return found


def restorer(job: Path) -> Callable[[], None]:
    """Brings the pictures back that belonged to samples that are not complete any more."""
    pictures = {path: path.read_bytes() for path in job.rglob("*.png")}

    def restore() -> None:
        for path, content in pictures.items():
            if not path.exists():
                path.write_bytes(content)

    return restore


def payloads_of(event_file: Path) -> list[bytes]:
    return [found.payload for found in read_frames(BytesIO(event_file.read_bytes()))]


def test_a_run_that_only_has_no_end_is_left_byte_by_byte(job: Path) -> None:
    event_file = read_run(job).files.event_file
    before = event_file.read_bytes()
    assert cleaned(job) == IDS
    assert event_file.read_bytes() == before


def test_totals_and_end_are_no_part_of_a_run_that_goes_on(tmp_path: Path) -> None:
    """Of a repaired run, which may lack samples."""
    write_run(tmp_path)
    event_file = read_run(tmp_path).files.event_file
    note = codec.as_event(codec.Explain(repaired="sample 3 is left out"), STARTED).SerializeToString()
    event_file.write_bytes(event_file.read_bytes() + frame(note))
    assert cleaned(tmp_path) == IDS
    run = read_run(tmp_path)
    assert (run.benchmarks, run.ended, run.repaired, [*run.skipped]) == ((), False, "", [9])


def test_cut_at_any_byte_what_was_complete_is_left_and_nothing_else(job: Path) -> None:
    event_file = read_run(job).files.event_file
    whole, restore = event_file.read_bytes(), restorer(job)
    first = sum(len(frame(payload)) for payload in payloads_of(event_file)[:2])
    for size in range(first, len(whole), 7):
        restore()
        event_file.write_bytes(whole[:size])
        before = read_run(job).samples
        assert cleaned(job) == [*before]
        after = read_run(job)
        assert (after.findings, after.unfinished, [*after.samples]) == ((), (), [*before])
        assert whole.startswith(event_file.read_bytes())  # a MindInsight that is reading it goes on from its byte


def test_whatever_bit_is_flipped_the_file_is_clean_afterwards(job: Path) -> None:
    event_file = read_run(job).files.event_file
    whole, restore = event_file.read_bytes(), restorer(job)
    rng = np.random.default_rng(5)
    for at, bit in zip(rng.integers(len(whole), size=150).tolist(), rng.integers(8, size=150).tolist(), strict=True):
        restore()
        content = bytearray(whole)
        content[at] ^= 1 << bit
        event_file.write_bytes(bytes(content))
        before = read_run(job)
        assert before.findings
        assert cleaned(job) == [*before.samples]
        after = read_run(job)
        assert (after.findings, after.unfinished, [*after.samples]) == ((), (), [*before.samples])
        assert after.metadata == METADATA
        first, copy, *_ = (Event.FromString(payload).explain for payload in payloads_of(event_file))
        assert first.HasField("metadata") and copy.HasField("run") and not copy.HasField("metadata")


def test_what_this_version_does_not_know_stays_with_its_sample(job: Path) -> None:
    event_file = read_run(job).files.event_file
    payloads = payloads_of(event_file)
    unknown = bytes.fromhex("09000000000000f03f 1000 320a 0802 c2bb0104 08011002".replace(" ", ""))  # field 3000
    event_file.write_bytes(b"".join(map(frame, [*payloads, unknown])) + b"half a record")
    cleaned(job)
    assert payloads_of(event_file) == [*payloads, unknown]


def test_leftovers_of_incomplete_samples_are_removed_and_nothing_else(job: Path) -> None:
    data_dir = read_run(job).files.data_dir
    kept = [data_dir / "notes.txt", data_dir / "origin_images" / "0" / "2.png"]
    gone = [data_dir / name for name in ("manifest.json.draft", "origin_images/0/7.png", "heatmap/GradCAM/0/7_1.png")]
    for path in (kept[0], *gone):
        path.write_bytes(b"x")
    cleaned(job)
    assert all(path.exists() for path in kept) and not any(path.exists() for path in gone)


def test_a_data_folder_that_leads_out_is_refused(job: Path, tmp_path: Path) -> None:
    data_dir = read_run(job).files.data_dir
    data_dir.rename(tmp_path / "elsewhere")
    data_dir.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SummaryReadError, match="must stay in the summary's folder"):
        open_recorded(job)


def test_samples_are_found_in_any_order_and_a_rewritten_file_does_not_matter(job: Path) -> None:
    with open_recorded(job) as recorded:
        event_file = recorded.event_file
        event_file.write_bytes(event_file.read_bytes()[:1] + event_file.read_bytes()[1:])
        for number in (3, 0, 2):
            assert recorded.sample(number).sample_id == number
            assert recorded.sample(number).prediction.ground_truth == SAMPLES[number][0]


def test_a_writer_goes_on_behind_what_is_complete(job: Path) -> None:
    with open_recorded(job) as recorded:
        before = recorded.event_file.read_bytes()
        with SummaryWriter(job, recorded.metadata, recorded=recorded, changed={"batch_size": 8}) as writer:
            writer.write(OriginalImage(5, np.zeros((5, 7, 3), np.uint8)))
            writer.write(Prediction(5, (), (), (1,), np.full(4, 0.25, np.float32)))
            writer.write(SampleDone(5))
    assert recorded.event_file.read_bytes().startswith(before)
    run = read_run(job)
    assert [*run.samples] == [*IDS, 5] and run.resumed == ({"batch_size": 8},)


def test_a_run_that_has_ended_is_not_written(tmp_path: Path) -> None:
    write_run(tmp_path)
    with open_recorded(tmp_path) as recorded:
        assert recorded.ended
        with pytest.raises(RuntimeError, match="has ended, there is nothing to go on with"):
            SummaryWriter(tmp_path, recorded.metadata, recorded=recorded)


def test_a_folder_that_cannot_be_locked_is_told(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("explainer.summary.recorded_run.RunLock", refuse)
    with pytest.raises(SummaryWriteError, match=r"could not write .*_explain_1700000000: Permission denied"):
        open_recorded(job)


def test_no_folder_and_no_run_are_none(tmp_path: Path) -> None:
    assert open_recorded(tmp_path / "none") is None
    assert open_recorded(tmp_path) is None
