"""`explainer repair`: what it says, and its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from hand_made_runs import STARTED, write_run

from explainer.command.main import main


def repaired(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["repair", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_it_says_what_was_copied_and_what_was_left_out(tmp_path: Path, capsys):
    writer = write_run(tmp_path / "job", ended=False)
    (writer.data_dir / "origin_images" / "0" / "3.png").unlink()
    status, text, errors = repaired(capsys, tmp_path / "job", "--to", tmp_path / "new")
    assert (status, errors) == (0, "")
    assert text.splitlines() == [
        f"summary     {tmp_path / 'new'} ({writer.event_file.name})",
        "samples     3 copied",
        "pictures    12 copied",
        "left out    1 sample had a picture that was lost, the run had not ended",
        f"left out    sample 3: _explain_{STARTED}/origin_images/0/3.png is missing",
    ]


def test_the_copy_passes_verify_and_inspect_says_that_it_is_one(tmp_path: Path, capsys):
    write_run(tmp_path / "job", ended=False)
    assert main(["verify", str(tmp_path / "job")]) == main(["inspect", str(tmp_path / "job")]) == 1
    repaired(capsys, tmp_path / "job", "--to", tmp_path / "new")
    for command in ("verify", "inspect"):
        assert main([command, str(tmp_path / "new")]) == 0
        assert "\nrepaired    the run had not ended\n" in capsys.readouterr().out


def test_a_whole_run_is_said_to_be_whole(tmp_path: Path, capsys):
    write_run(tmp_path / "job")
    _, text, _ = repaired(capsys, tmp_path / "job", "--to", tmp_path / "new", "--run", STARTED)
    assert text.splitlines()[-1] == "left out    nothing: it was complete"


def test_a_wrong_place_has_exit_status_2(tmp_path: Path, capsys):
    write_run(tmp_path / "job")
    status, text, errors = repaired(capsys, tmp_path / "job", "--to", tmp_path)
    assert (status, text) == (2, "")
    assert errors == f"explainer: `to` must be a new or an empty folder, got {tmp_path}\n"
    assert repaired(capsys, tmp_path / "job")[0] == 2  # without --to


def test_nothing_to_read_has_exit_status_2(tmp_path: Path, capsys):
    status, text, errors = repaired(capsys, tmp_path / "absent", "--to", tmp_path / "new")
    assert (status, text) == (2, "")
    assert errors.startswith("explainer: found no summary in")


def test_a_copy_that_could_not_be_written_has_exit_status_1(tmp_path: Path, capsys):
    write_run(tmp_path / "job")
    (tmp_path / "file").touch()
    status, text, errors = repaired(capsys, tmp_path / "job", "--to", tmp_path / "file" / "new")
    assert (status, text) == (1, "")
    assert errors.startswith("explainer: could not write ")
