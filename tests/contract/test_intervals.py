"""Whoever reads a run has intervals of as few scores as the others: of five, and of no fewer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_reports import Report

from explainer import read_run
from explainer.analysis.comparison import compare_runs
from explainer.analysis.statistics import LEAST
from explainer.command.main import main
from explainer.records import (
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    SampleDone,
    Score,
    ScoreCurve,
)
from explainer.report.write import write_report
from explainer.summary.writer import SummaryWriter

Readers = dict[str, Callable[[Path, Any], list[float | None]]]


def write(folder: Path, count: int) -> None:
    """A run of so many samples, each with a score of a method and a control, and a curve."""
    ends = np.float32([0, 1])
    with SummaryWriter(folder, RunMetadata(("cat",), ("A",), ("M",), parameters={"controls": {"c": {}}})) as writer:
        for number in range(count):
            writer.write(OriginalImage(number, np.zeros((5, 7), np.uint8)))
            writer.write(Prediction(number, (0,), (0,), (0,), np.float32([0.75])))
            writer.write(Score(number, "A", "M", 0, number / 8))
            writer.write(Score(number, "c", "M", 0, number / 16))
            writer.write(ScoreCurve(number, "A", "M", 0, "blur", ends, ends * number))
            writer.write(SampleDone(number))
        writer.write(RunEnd())


def of_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[float | None]:
    assert main(["inspect", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    parts = [part for entry in facts["statistics"] for part in (entry, entry["correct"])]
    return [*(part["low"] for part in parts), *facts["curves"][0]["low"]]


def of_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[float | None]:
    found: list[float | None] = []
    for arguments in ([], ["--metric", "M"]):
        assert main(["inspect", str(folder), *arguments]) == 0
        rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("A  ", "a c  "))]
        found += [float(row.partition("[")[2].partition(",")[0]) if "[" in row else None for row in rows[:2]]
    return found


def of_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[float | None]:
    facts = Report(write_report(folder, folder.parent / "page.html").path).run
    return [*(entry["all"]["low"] for entry in facts["statistics"]), *facts["curves"][0]["low"]]


def of_comparison(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[float | None]:
    facts = compare_runs(folder, folder)
    scores = [entry[side]["low"] for entry in facts["scores"] for side in ("a", "b", "difference")]
    return [*scores, *(facts["predictions"][side]["low"] for side in ("a", "b", "difference"))]


def of_python(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[float | None]:
    lows = [entry.overall.low for entry in read_run(folder).statistics()]
    return [None if math.isnan(low) else low for low in lows]


READERS: Readers = {
    "json": of_json,
    "tables": of_tables,
    "report": of_report,
    "compare": of_comparison,
    "python": of_python,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("count", [2, LEAST - 1, LEAST])
def test_there_is_an_interval_from_five_scores_on(
    reader: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "run", count)
    lows = READERS[reader](tmp_path / "run", capsys)
    assert len(lows) >= 2
    assert {low is not None for low in lows} == {count >= LEAST}


@pytest.mark.parametrize("count", [LEAST - 1, LEAST])
def test_below_that_nobody_says_that_a_method_is_better_than_a_control(count: int, tmp_path: Path) -> None:
    write(tmp_path / "run", count)
    facts = Report(write_report(tmp_path / "run", tmp_path / "page.html").path).run
    places = {entry["name"]: place for place, entry in enumerate(facts["methods"])}
    (method,) = [entry for entry in facts["statistics"] if entry["method"] == places["A"]]
    assert method["all"]["too_few"] == ([places["c"]] if count < LEAST else [])


def test_the_page_says_from_how_many_on() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert LEAST == 5 and "Fewer than five scores have none" in page
