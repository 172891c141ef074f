"""`explainer verify`: what it says, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hand_made_runs import STARTED, write_run

from explainer.command.main import main

DATA = f"_explain_{STARTED}"


def verified(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["verify", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_a_whole_summary_has_exit_status_0(tmp_path: Path, capsys):
    name = write_run(tmp_path).event_file.name
    status, text, errors = verified(capsys, tmp_path)
    assert (status, errors) == (0, "")
    assert text.splitlines() == [
        f"summary     {tmp_path} ({name})",
        "state       complete",
        "samples     4 complete, 1 skipped",
        "pictures    16 can be decoded",
    ]


def test_maps_as_floats_are_counted(tmp_path: Path, capsys):
    write_run(tmp_path, raw_kind="float16")
    _, text, _ = verified(capsys, tmp_path)
    assert text.splitlines()[-1] == "raw maps    12 can be read"


def test_what_is_wrong_is_named_with_exit_status_1(tmp_path: Path, capsys):
    writer = write_run(tmp_path, ended=False)
    (writer.data_dir / "origin_images" / "0" / "3.png").unlink()
    (writer.data_dir / "heatmap" / "GradCAM" / "0" / "0_1.png").write_bytes(b"")
    status, text, errors = verified(capsys, tmp_path)
    assert (status, errors) == (1, "")
    assert text.splitlines()[1:] == [
        "state       not complete: 3 problems",
        "samples     4 complete, 1 skipped",
        "pictures    14 can be decoded",
        f"problem     {writer.event_file.name}: the run did not end",
        f"problem     {DATA}/heatmap/GradCAM/0/0_1.png: cannot be read: cannot identify image file, it is no PNG",
        f"problem     {DATA}/origin_images/0/3.png: is missing",
    ]


def test_json_tells_the_same(tmp_path: Path, capsys):
    writer = write_run(tmp_path)
    (writer.data_dir / "notes.txt").touch()
    status, text, errors = verified(capsys, tmp_path, "--json")
    assert (status, errors) == (1, "")
    assert json.loads(text) == {
        "folder": str(tmp_path),
        "event_file": writer.event_file.name,
        "complete": False,
        "ended": True,
        "repaired": "",
        "merged": False,
        "samples": 4,
        "samples_skipped": 1,
        "pictures": 16,
        "raw_maps": 0,
        "problems": [{"where": f"{DATA}/notes.txt", "what": "is named by no record of a complete sample"}],
    }


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--run", "17")])
def test_where_there_is_nothing_to_read_the_exit_status_is_2(tmp_path: Path, capsys, arguments):
    if arguments == ("--run", "17"):
        write_run(tmp_path)
    status, text, errors = verified(capsys, tmp_path, *arguments)
    assert (status, text) == (2, "")
    assert errors.startswith("explainer: found no ")


def test_a_run_and_a_limit_can_be_chosen(tmp_path: Path, capsys):
    write_run(tmp_path)
    write_run(tmp_path, ended=False, clock=STARTED + 9)
    assert verified(capsys, tmp_path)[0] == 1
    assert verified(capsys, tmp_path, "--run", STARTED)[0] == 0
    assert verified(capsys, tmp_path, "--run", STARTED, "--max-pixels", 34)[0] == 1
    assert verified(capsys, tmp_path, "--run", STARTED, "--max-pixels", 0)[0] == 2


def test_a_file_s_name_sends_no_command_to_the_terminal(tmp_path: Path, capsys):
    writer = write_run(tmp_path)
    (writer.data_dir / "a\x1b[31m\nstate       complete").touch()
    _, text, _ = verified(capsys, tmp_path)
    assert "\x1b" not in text
    assert sum(line.startswith("state") for line in text.splitlines()) == 1
