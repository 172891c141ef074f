"""Runs that are read on give what `read_run` gives, record by record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from report_runs import write_report_run
from served_reports import Growing

from explainer.analysis.facts import facts_of
from explainer.analysis.growing_run import GrowingRun
from explainer.analysis.view import read_run
from explainer.errors import SummaryReadError
from explainer.summary.folder import find_runs
from explainer.summary.recordfile import Damage, FrameReader

STARTED = 1_700_000_100


def growing(folder: Path) -> GrowingRun:
    return GrowingRun(folder, find_runs(folder)[-1])


def test_what_was_read_step_by_step_is_what_is_read_at_once(tmp_path: Path):
    with Growing(tmp_path, 2) as writer:
        run = growing(tmp_path)
        assert run.read_on()
        assert (run.state, run.sample_count) == ("running", 2)
        assert not run.read_on()
        writer.add(3)
        assert run.read_on()
        assert (run.state, run.sample_count) == ("running", 5)
        assert facts_of(run.view()) == facts_of(read_run(tmp_path))
        writer.end()
        run.read_on()
        assert run.state == "ended"
    assert facts_of(run.view()) == facts_of(read_run(tmp_path))


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Growing(tmp_path, 20) as writer:
        run = growing(tmp_path)
        run.read_on()
        read, frame_at = [], FrameReader.frame_at

        def counted(reader, offset):
            read.append(offset)
            return frame_at(reader, offset)

        monkeypatch.setattr(FrameReader, "frame_at", counted)
        before = run.files.event_file.stat().st_size
        writer.add(1)
        run.read_on()
        assert run.sample_count == 21
        assert [offset for offset in read if offset < before] == read[:1]  # the last record, if it is still there


def test_samples_that_were_there_stay_the_same_objects(tmp_path: Path):
    with Growing(tmp_path, 2) as writer:
        run = growing(tmp_path)
        run.read_on()
        first = run.view().samples
        writer.add(1)
        run.read_on()
        assert all(run.view().samples[number] is sample for number, sample in first.items())


def test_a_run_that_nobody_writes_any_more_did_not_end(tmp_path: Path):
    with Growing(tmp_path, 2):
        run = growing(tmp_path)
        run.read_on()
    run.read_on()
    assert run.state == "not ended"


def test_a_run_that_is_cut_to_be_gone_on_with_is_read_anew(tmp_path: Path):
    write_report_run(tmp_path, ended=False)
    run = growing(tmp_path)
    run.read_on()
    content = run.files.event_file.read_bytes()
    run.files.event_file.write_bytes(content[: len(content) // 2])
    make_old(run.files.event_file)
    assert run.read_on()
    assert run.restarts == 1
    assert run.sample_count == len(read_run(tmp_path).samples) < 12
    assert run.state == read_run(tmp_path).state


def test_half_a_record_is_waited_for_while_the_file_is_young_and_damage_when_nothing_came(tmp_path: Path):
    with Growing(tmp_path, 2) as writer:
        writer.add(1)
    run = growing(tmp_path)
    content = run.files.event_file.read_bytes()
    run.files.event_file.write_bytes(content[:-9])  # as on a machine that does not see the lock
    run.read_on()
    assert (run.state, run.sample_count, run.restarts) == ("not ended", 2, 0)
    with run.files.event_file.open("ab") as file:
        file.write(content[-9:-1])
    assert not run.read_on()
    make_old(run.files.event_file)
    run.read_on()
    assert (run.state, run.view().findings[0].what) == ("damaged", Damage.TRUNCATED.value)


def test_half_a_record_that_is_completed_is_a_sample_more(tmp_path: Path):
    with Growing(tmp_path, 3):
        pass
    run = growing(tmp_path)
    content = run.files.event_file.read_bytes()
    run.files.event_file.write_bytes(content[:-9])
    run.read_on()
    with run.files.event_file.open("ab") as file:
        file.write(content[-9:])
    assert run.read_on()
    assert (run.state, run.sample_count, run.restarts) == ("not ended", 3, 0)


def make_old(file: Path) -> None:
    os.utime(file, (STARTED, STARTED))


def test_a_run_of_which_nothing_is_there_yet_is_an_error(tmp_path: Path):
    with Growing(tmp_path):
        run = growing(tmp_path)
        run.files.event_file.write_bytes(b"")
        run.read_on()
        assert run.state == "running"
        with pytest.raises(SummaryReadError, match="holds no metadata"):
            run.view()
