"""A run has one writer; the lock ends with whoever holds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from explainer.errors import SummaryWriteError
from explainer.summary.lock import LOCK, RunLock, is_held, is_left

HOLD = """
import sys, time
from pathlib import Path
from explainer.summary.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    with RunLock(tmp_path), pytest.raises(SummaryWriteError, match="is being written, by a process that is alive"):
        RunLock(tmp_path)
    with RunLock(tmp_path):
        pass


def test_runs_have_locks_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with RunLock(tmp_path / "one"), RunLock(tmp_path / "other"):
        pass


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(SummaryWriteError, match="is being written"):
            RunLock(tmp_path)
        holder.kill()
        holder.wait()
        RunLock(tmp_path).release()


def test_a_lock_that_nobody_holds_any_more_is_told_from_one_that_is_held_and_from_none(tmp_path: Path) -> None:
    assert not is_left(tmp_path)
    with RunLock(tmp_path):
        assert not is_left(tmp_path)
    (tmp_path / LOCK).touch()
    assert is_left(tmp_path)
    assert not is_held(tmp_path)


def test_letting_go_twice_and_removing_are_harmless(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    lock.remove()
    assert not (tmp_path / LOCK).exists()
    for _ in range(2):
        lock.release()
    lock.remove()


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        RunLock(tmp_path / "file")


def test_whether_it_is_held_is_told_without_a_trace(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with RunLock(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(SummaryWriteError):
            RunLock(tmp_path)
    (tmp_path / LOCK).touch()
    before = (tmp_path / LOCK).stat()
    assert not is_held(tmp_path)
    assert (tmp_path / LOCK).stat() == before
    with RunLock(tmp_path):
        pass


def test_a_link_in_the_locks_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with RunLock(tmp_path):
        (tmp_path / "run" / LOCK).symlink_to(tmp_path / LOCK)
        assert not is_held(tmp_path / "run")
