"""`explainer compare`: what it says, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from paired_runs import MAP, METADATA, Item, write

from explainer.analysis.comparison import compare_runs
from explainer.command.main import main

DELETION, POINTING = ("DeletionAUC", "GradCAM", 1), ("PointingGame", "GradCAM", 1)
CAT = (0.75, 0.125, 0.125)
NOISE = (0.01, -0.01, 0.02, -0.02, 0.03, -0.03)


def items(shift: float = 0.0, names: Sequence[str] = ()) -> list[Item]:
    given = names or [f"photos/{number}.png" for number in range(6)]
    return [
        Item(
            number, name, scores={DELETION: 0.5 + shift + NOISE[number], POINTING: number % 2}, maps={("RISE", 1): MAP}
        )
        for number, name in enumerate(given)
    ]


def said(capsys: pytest.CaptureFixture[str], first: Path, second: Path, *more: str) -> str:
    assert main(["compare", str(first), str(second), *more]) == 0
    return capsys.readouterr().out


def test_it_says_what_is_other(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    metadata = replace(METADATA, parameters={**METADATA.parameters, "seed": 8})
    after = items(-0.25)
    after[0] = after[0].but(probabilities=CAT)
    write(Path("a"), [*items(), Item(9, "gone.png")])
    write(Path("b"), after, metadata)
    lines = said(capsys, Path("a"), Path("b")).splitlines()
    assert lines[0].startswith("a           a (events.out.events.summary.1700000000.")
    start = next(number for number, line in enumerate(lines) if line.startswith("paired"))
    assert [line for line in lines[start:] if not line.startswith("  ")] == [
        "paired      6 samples by the names of their files; 1 only in a",
        "differs     seed: 7 -> 8",
        "top label   another one for 1 of 6 samples",
        "accuracy    a 1.000 [0.557, 1.000], b 0.833 [0.418, 0.989], n 6",
        "unclear     difference -0.167 [-0.540, +0.290]; 0 became correct, 1 became",
        "incorrect   photos/0.png: dog 0.62 -> cat 0.75",
        "means       over samples; those of `explainer inspect` are over maps",
        "score       DeletionAUC (lower is better): a -> b, difference, n",
        "better      GradCAM 0.500 -> 0.250 -0.250 [-0.250, -0.250] n 6",
        "score       PointingGame (higher is better): a -> b, difference, n",
        "same        GradCAM 0.500 -> 0.500 +0.000 [-0.346, +0.346] n 6",
        "maps        how alike, by the correlation of their ranks: 1 is the same order",
    ]
    assert "            RISE: mean 1.000, median 1.000, n 6; lowest 1.000 (photos/0.png)" in lines


def test_rows_fit_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"a-folder-of-photographs/of-long-names/photograph-{number:05d}.png" for number in range(6)]
    parameters = {**METADATA.parameters, "dataset": {"files": list(range(60))}, "note": "word " * 60}
    after = [item.but(probabilities=CAT) for item in items(0.1, names)]
    write(tmp_path / "a", items(0, names))
    write(tmp_path / "b", after, replace(METADATA, parameters=parameters))
    lines = said(capsys, tmp_path / "a", tmp_path / "b").splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    assert any(line.startswith("worse ") for line in lines)


def test_without_an_interval_it_says_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [item.but(scores={DELETION: float("nan")} if item.number else item.scores) for item in items()[:3]]
    write(tmp_path / "a", few)
    write(tmp_path / "b", [few[0].but(scores={DELETION: 0.5}), *few[1:]])
    text = said(capsys, tmp_path / "a", tmp_path / "b")
    assert "\ntoo few     GradCAM 0.510 -> 0.500 -0.010 n 1, 2 undefined\n" in text
    assert "difference +0.000; 0 became correct, 0 became incorrect" in text


def test_what_cannot_be_known_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a", [Item(0, truth=(), scores={DELETION: float("nan")})])
    text = said(capsys, tmp_path / "a", tmp_path / "a")
    assert "accuracy" not in text
    assert "GradCAM undefined, 1 undefined" in text


def test_what_became_incorrect_is_cut_off_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = [Item(number, f"{number}.png") for number in range(15)]
    write(tmp_path / "a", before)
    write(tmp_path / "b", [item.but(probabilities=CAT) for item in before])
    lines = said(capsys, tmp_path / "a", tmp_path / "b").splitlines()
    assert sum(line.startswith("incorrect ") for line in lines) == 13
    assert "incorrect   and 3 more, see --json" in lines


def test_json_has_the_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, items())
    write(tmp_path, items(0.1), clock=1700000100)
    found = json.loads(said(capsys, tmp_path, tmp_path, "--json", "--run-a", "1700000000"))
    assert found == compare_runs(tmp_path, tmp_path, run_a=1700000000)
    assert found["scores"][0]["verdict"] == "worse"
    same = json.loads(said(capsys, tmp_path, tmp_path, "--json", "--run-a", "1700000000", "--run-b", "1700000000"))
    assert same["scores"][0]["difference"]["mean"] == 0


def test_a_stranger_s_names_send_no_command_to_the_terminal(tmp_path: Path, capsys) -> None:
    write(tmp_path / "a", [Item(0, "\x1b[2J\n.png")])
    write(tmp_path / "b", [Item(0, "\x1b[2J\n.png", probabilities=CAT)])
    assert "\x1b" not in said(capsys, tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("other", ["labels", "nothing"])
def test_what_cannot_be_compared_is_one_sentence_and_status_2(tmp_path: Path, capsys, other: str) -> None:
    write(tmp_path / "a", items())
    if other == "labels":
        write(tmp_path / "b", items(), replace(METADATA, labels=("cat", "dog", "fox")))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("explainer: ")
    assert len(error.splitlines()) == 1
