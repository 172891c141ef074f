"""`explainer merge`: what it says, and its exit status; and what inspect says of a merged run."""

from __future__ import annotations

from pathlib import Path

import pytest
from shard_runs import write_part, write_shards, write_whole

from explainer.analysis.view import read_run
from explainer.command.main import main
from explainer.command.merge_text import merged_rows


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(list(map(str, arguments)))
    return status, *capsys.readouterr()


def test_it_says_what_was_put_together(tmp_path: Path, capsys):
    write_shards(tmp_path / "shards", 2)
    status, text, errors = said(capsys, "merge", tmp_path / "out", tmp_path / "shards")
    assert (status, errors) == (0, "")
    summary, event_file, *lines = text.splitlines()
    assert summary == f"summary     {tmp_path / 'out'}"  # too long for a line with its event file
    assert event_file == f"            ({read_run(tmp_path / 'out').files.event_file.name})"
    assert lines == [
        "merged      2 shards: shard-0-of-2 (6 samples), shard-1-of-2 (5 samples)",
        "samples     11 complete, 1 skipped",
        "pictures    55 are the shards' own files (hard links)",
    ]


def test_many_shards_fit_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_shards(Path("shards"), 12)
    _, text, _ = said(capsys, "merge", "out", "shards")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("            shard-2-of-12 (1 sample), shard-3-of-12 (1 sample), ")


def test_it_says_what_is_not_there(tmp_path: Path, capsys):
    shards = write_shards(tmp_path, 3)
    status, text, _ = said(capsys, "merge", tmp_path / "out", shards[0], shards[2], "--partial")
    assert status == 0
    assert text.splitlines()[-1] == "left out    4 samples are missing: 1, 4, 7, 10"
    for command in ("verify", "inspect"):
        status, text, _ = said(capsys, command, tmp_path / "out")
        assert status == 0
        assert "\nleft out    4 samples are missing: 1, 4, 7, 10\n" in text
        assert "repaired" not in text
    assert "\nstate       merged with gaps, started " in text


def test_a_merge_of_what_had_not_ended_is_no_repair(tmp_path: Path, capsys):
    write_part(tmp_path / "a", range(6), ended=False)
    said(capsys, "merge", tmp_path / "out", tmp_path / "a", "--partial")
    status, text, _ = said(capsys, "inspect", tmp_path / "out")
    assert status == 0
    assert "\nstate       merged with gaps, started " in text
    assert "\nleft out    a had not ended\n" in text


def test_what_is_no_part_of_one_run_has_exit_status_2(tmp_path: Path, capsys):
    shards = write_shards(tmp_path, 3)
    status, text, errors = said(capsys, "merge", tmp_path / "out", shards[0], shards[2])
    assert (status, text) == (2, "")
    assert errors == (
        "explainer: cannot merge: 4 samples are missing: 1, 4, 7, 10. Give the shards that hold them, or merge what "
        "there is (partial=True, `--partial`)\n"
    )
    assert said(capsys, "merge", tmp_path / "out")[0] == 2  # without a shard


def test_inspect_says_of_which_shards_a_run_was_made(tmp_path: Path, capsys):
    shards = write_shards(tmp_path, 2)
    assert main(["merge", str(tmp_path / "out"), *map(str, shards)]) == 0
    _, text, _ = said(capsys, "inspect", tmp_path / "out")
    assert "\nmerged      2 shards: shard-0-of-2 (6 samples), shard-1-of-2 (5 samples)\n" in text
    _, text, _ = said(capsys, "inspect", shards[0])
    assert "merged" not in text


def test_of_many_shards_the_first_are_named():
    parts = [{"folder": f"shard-{index}-of-16", "samples": 10} for index in range(16)]
    ((_, text),) = merged_rows(parts)
    assert text.startswith("16 shards: shard-0-of-16 (10 samples), ")
    assert text.endswith("shard-11-of-16 (10 samples), ... (16 in all)")


@pytest.mark.parametrize("damaged", [None, 3, "text", [], {}])
def test_what_is_no_list_of_shards_is_not_shown(damaged: object):
    assert merged_rows(damaged) == []


def test_the_options_of_a_merged_run_are_those_of_the_run_of_all(tmp_path: Path, capsys):
    given = {"network": "net", "weights": "0", "configuration": {"summary-dir": "/out", "size": [8, 8]}}
    for name, numbers in (("a", range(6)), ("b", range(6, 12))):
        write_part(tmp_path / name, numbers, changed={"provenance": given})
    said(capsys, "merge", tmp_path / "out", tmp_path / "a", tmp_path / "b")
    _, text, _ = said(capsys, "config", tmp_path / "out")
    assert "shard" not in text
    assert "size = [8, 8]" in text


def test_who_worked_on_which_samples_is_no_difference_of_two_runs(tmp_path: Path, capsys):
    write_whole(tmp_path / "whole")
    said(capsys, "merge", tmp_path / "out", *write_shards(tmp_path, 2))
    status, text, _ = said(capsys, "compare", tmp_path / "whole", tmp_path / "out")
    assert status == 0
    assert "paired      11 samples" in text
    assert "differs" not in text
