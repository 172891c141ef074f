"""What surrounds a run changes nothing in it, or is told: clock, time zone, locale, names of folders, the disk."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import STARTED, write_run

from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.errors import SummaryWriteError

TESTS = Path(__file__).parents[1]

# ---- the clock ----


@pytest.mark.parametrize(
    ("clock", "number", "started"),
    [
        (-5.5, 0, "1970-01-01T00:00:00+00:00"),  # a machine without a battery
        (2**31 - 1, 2**31 - 1, "2038-01-19T03:14:07+00:00"),  # the last second that 32 bits hold
        (2**31, 2**31, "2038-01-19T03:14:08+00:00"),
        (2**32 + 7, 2**32 + 7, "2106-02-07T06:28:23+00:00"),
        (300_000_000_000, 300_000_000_000, None),  # year 11476, which Python's dates have not
    ],
)
def test_a_run_of_any_time_is_read_with_its_number_and_time(
    tmp_path: Path, clock: float, number: int, started: str | None
) -> None:
    writer = write_run(tmp_path, clock=clock)
    assert writer.timestamp == number
    run = read_run(tmp_path)
    assert (run.files.timestamp, list(run.samples)) == (number, [0, 1, 2, 3])
    assert facts_of(run)["started"] == started


def test_runs_are_in_the_order_of_their_numbers_whatever_the_clock_did(tmp_path: Path) -> None:
    """And whatever times the files have."""
    clocks = [2**31 + 5, STARTED, 12, 2**31 + 6, 2**31 + 6]  # set back by years, and then right again
    written = [write_run(tmp_path, clock=clock).event_file for clock in clocks]
    for age, event_file in enumerate(written):
        os.utime(event_file, (STARTED - age, STARTED - age))  # the first one is the youngest by its file
    run = read_run(tmp_path)
    assert [*(older.event_file for older in run.older), run.files.event_file] == written
    assert [older.timestamp for older in run.older] == [2**31 + 5, 2**31 + 6, 2**31 + 7, 2**31 + 8]
    assert run.files.timestamp == 2**31 + 9


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_another_time_zone_changes_neither_numbers_nor_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the latest to the earliest time of day on earth, so that local times run backwards."""
    runs = []
    for name in ("Etc/GMT-14", "America/New_York", "Etc/GMT+12"):
        monkeypatch.setenv("TZ", name)
        time.tzset()
        runs.append(write_run(tmp_path))
    assert [run.timestamp for run in runs] == [STARTED, STARTED + 1, STARTED + 2]
    assert facts_of(read_run(tmp_path))["started"] == "2023-11-14T22:13:22+00:00"


# ---- locale and names ----

LABELS = ("Katze", "Hündin", "鰻", "🦊")
FOLDERS = [b"two words", "\u9c3b".encode(), b"caf\xe9", b"-dash", b"'quote\"", b"line\nend"]
IN_THE_C_LOCALE = """
import dataclasses, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hand_made_runs import METADATA, write_run
from explainer.command.main import main

os.chdir(sys.argv[2])
metadata = dataclasses.replace(METADATA, labels=eval(sys.argv[3]))
for folder in eval(sys.argv[4]):
    name = "./" + os.fsdecode(folder)
    write_run(Path(name), metadata)
    commands = ["inspect", name], ["verify", name], ["repair", name, "--to", name + " 2"]
    statuses = [main(list(command)) for command in commands]
    assert statuses == [0, 0, 0], (name, statuses)
"""


def test_folders_of_any_name_are_written_and_read_in_the_c_locale(tmp_path: Path) -> None:
    """Where Python takes files for ASCII unless it is told."""
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    package = str(TESTS.parent)
    done = subprocess.run(
        [sys.executable, "-c", IN_THE_C_LOCALE, str(TESTS), str(tmp_path), ascii(LABELS), repr(FOLDERS)],
        env=os.environ | locale | {"PYTHONPATH": package},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    done.stdout.decode("ascii")  # nothing else was written
    for folder in FOLDERS:
        for name in (folder, folder + b" 2"):
            run = read_run(tmp_path / os.fsdecode(name))
            assert run.metadata.labels == LABELS
            np.testing.assert_array_equal(run.picture(run.samples[2].image), np.full((5, 7, 3), 2))


# ---- the disk ----


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EIO], ids=errno.errorcode.get)
def test_a_disk_that_refuses_a_file_is_told_with_file_and_reason_and_no_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(SummaryWriteError) as caught:
        write_run(tmp_path / "job")
    monkeypatch.undo()
    told = re.escape(os.strerror(number))
    assert re.match(rf"could not write {re.escape(str(tmp_path))}/job/.*_explain: {told}; ", str(caught.value))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_when_all_is_written_is_told_and_what_it_kept_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(SummaryWriteError, match=r"could not write .*_explain: Input/output error"):
        write_run(tmp_path)
    assert list(read_run(tmp_path).samples) == [0, 1, 2, 3]
