"""`explainer report`: what it says, and its exit status."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hand_made_runs import MAP_FILE, METADATA, STARTED, write_run
from written_reports import Report

from explainer.command.main import main
from explainer.summary.folder import find_runs
from explainer.summary.lock import RunLock


def reported(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["report", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_a_report_of_a_whole_run_has_exit_status_0(tmp_path: Path, capsys):
    write_run(tmp_path)
    status, text, errors = reported(capsys, tmp_path)
    page = tmp_path / "report.html"
    assert (status, errors) == (0, "")
    assert text.splitlines() == [
        f"report      {page}",
        f"bytes       {page.stat().st_size / 1000:.1f} kB in 1 file",
        "samples     4 shown",
        f"open        {page.as_uri()} in a browser",
    ]


def test_a_run_that_did_not_end_has_exit_status_1(tmp_path: Path, capsys):
    write_run(tmp_path, ended=False)
    status, text, _ = reported(capsys, tmp_path)
    assert (status, text.splitlines()[3]) == (1, "state       the run is not ended")


def test_pictures_that_cannot_be_read_have_exit_status_1(tmp_path: Path, capsys):
    write_run(tmp_path)
    (tmp_path / MAP_FILE).unlink()
    status, text, _ = reported(capsys, tmp_path)
    assert (status, text.splitlines()[3]) == (1, "damage      1 picture or map cannot be read")


def test_a_folder_without_a_run_has_exit_status_2(tmp_path: Path, capsys):
    status, text, errors = reported(capsys, tmp_path)
    assert (status, text) == (2, "")
    assert errors.startswith(f"explainer: found no summary in {tmp_path}")


def test_a_place_that_is_taken_has_exit_status_2(tmp_path: Path, capsys):
    write_run(tmp_path / "run")
    (tmp_path / "mine").mkdir()
    status, text, errors = reported(capsys, tmp_path / "run", "--to", tmp_path / "mine")
    assert (status, text) == (2, "")
    assert errors.startswith(f"explainer: could not write {tmp_path / 'mine'}: something is there")


def test_a_report_against_another_run_says_what_is_other_in_it(tmp_path: Path, capsys):
    for name in "ab":
        write_run(tmp_path / name)
    status, text, errors = reported(capsys, tmp_path / "a", "--against", tmp_path / "b", "--against-run", STARTED)
    assert (status, errors) == (0, "")
    compare = Report(tmp_path / "a" / "report.html").run["compare"]
    assert (compare["a"]["folder"], compare["b"]["folder"], compare["paired"]["samples"]) == ("a", "b", 4)
    assert text.splitlines()[0] == f"report      {tmp_path / 'a' / 'report.html'}"


def test_the_state_of_the_other_run_is_told_and_has_exit_status_1(tmp_path: Path, capsys):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", ended=False)
    status, text, _ = reported(capsys, tmp_path / "a", "--against", tmp_path / "b")
    assert (status, text.splitlines()[3]) == (1, "against     the other run is not ended")
    assert Report(tmp_path / "a" / "report.html").run["compare"]["b"]["state"] == "not ended"
    (tmp_path / "b" / MAP_FILE).unlink()
    status, text, _ = reported(capsys, tmp_path / "a", "--against", tmp_path / "b")
    assert (status, text.splitlines()[4]) == (1, "against     of the other run 1 picture or map cannot be read")


def test_a_report_tells_that_the_other_run_goes_on(tmp_path: Path, capsys):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", ended=False)
    with RunLock(find_runs(tmp_path / "b")[-1].data_dir):
        status, text, _ = reported(capsys, tmp_path / "a", "--against", tmp_path / "b")
    assert (status, text.splitlines()[3]) == (1, "against     the other run is running")


def test_runs_that_cannot_be_compared_have_exit_status_2(tmp_path: Path, capsys):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", replace(METADATA, labels=("cat", "dog", "eel", "gnu")))
    status, text, errors = reported(capsys, tmp_path / "a", "--against", tmp_path / "b")
    assert (status, text) == (2, "")
    assert errors.startswith("explainer: the runs cannot be compared: their labels differ: label 3 is 'fox'")
    assert not (tmp_path / "a" / "report.html").exists()


def test_a_folder_and_no_detail(tmp_path: Path, capsys):
    write_run(tmp_path / "run")
    status, text, _ = reported(capsys, tmp_path / "run", "--folder", "--detail", "none", "--to", tmp_path / "seen.html")
    assert status == 0
    assert text.splitlines()[0] == f"report      {tmp_path / 'seen.html' / 'index.html'}"
    assert text.splitlines()[1].endswith(" in 4 files")
    report = Report(tmp_path / "seen.html" / "index.html")
    assert (report.run["form"], report.run["detail"], report.keys) == ("folder", False, {"cols", "g/0"})


def test_a_single_file_of_another_name(tmp_path: Path, capsys):
    write_run(tmp_path / "run")
    assert reported(capsys, tmp_path / "run", "--single", "--to", tmp_path / "seen")[0] == 0
    assert Report(tmp_path / "seen").run["form"] == "single"


def test_an_older_run_is_chosen_by_its_number(tmp_path: Path, capsys):
    write_run(tmp_path)
    write_run(tmp_path, clock=STARTED + 5, ended=False)
    assert reported(capsys, tmp_path)[0] == 1
    status, _, _ = reported(capsys, tmp_path, "--run", STARTED)
    assert status == 0
    assert Report(tmp_path / "report.html").run["run"]["timestamp"] == STARTED


def test_the_help_tells_the_exit_statuses(capsys):
    status, text, _ = reported(capsys, "--help")
    assert status == 0
    assert "Exit status:" in text
    assert "--detail [full|none]" in text
