"""docs/inspect.md has every key of `explainer inspect --json`, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made_runs import tree

import explainer
from explainer.analysis.facts import FORMAT
from explainer.command.main import main
from explainer.records import (
    Benchmark,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.summary.writer import SummaryWriter

PAGE = (Path(explainer.__file__).parents[1] / "docs" / "inspect.md").read_text(encoding="utf-8")
OPEN = {  # whose keys are names of the run
    *("jobs", "sources", "samples_skipped", "maps", "constant_maps"),
    *(
        "largest_completeness_gap",
        "largest_standard_error",
        "scores[].by_label",
        "hierarchical_occlusion.without_result",
    ),
}
FREE = {"parameters", "jobs.NAME", "resumed[]", "uncertainty.settings", "hierarchical_occlusion.settings"}  # anything
"""What holds what a run has recorded, which may be anything."""


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where a value stands, and all that is in it."""
    if path:
        yield path
    if path in FREE:
        return
    if isinstance(value, dict):
        for key, below in value.items():
            name = "NAME" if path in OPEN else key
            yield from paths(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for entry in value:
            yield from paths(entry, f"{path}[]")


def write_all(folder: Path) -> None:
    """A run of which every list and mapping that the facts have holds something."""
    parameters = {"controls": {"c": {}}, "control_samples": {"count": 2, "of": 2, "seed": 0}, "uncertainty": {}}
    row, curve = np.float32([0.25, 0.75]), np.linspace(0, 1, 3, dtype=np.float32)
    metadata = RunMetadata(("cat", "dog"), ("A",), ("M",), ("saliency", "own"), parameters)
    with SummaryWriter(folder, metadata) as writer:
        for number in range(2):
            for record in (
                OriginalImage(number, np.zeros((5, 7), np.uint8)),
                SampleOrigin(number, bytes(16), f"{number}.png", bytes(16)),
                Prediction(number, (number,), (), (1,), row),
                Saliency(number, "A", 1, np.zeros((5, 7), np.float32), 0.25, 0.125),
                Score(number, "A", "M", 1, 0.5),
                Score(number, "c", "M", 1, 0.5),
                ScoreCurve(number, "A", "M", 1, "blur", curve, curve),
                Uncertainty(number, *[row] * 4, 0.5, 0.375, 0.125),
                replace(tree(1, reason="the blur is enough"), sample_id=number),
                SampleDone(number),
            ):
                writer.write(record)
        writer.write(SampleSkipped(2, "no picture"))
        writer.write(Benchmark("A", "M", 0.5, (0.5, 0.5), 2, 0))
        writer.write(RunEnd())
    with writer.event_file.open("ab") as file:
        file.write(b"damage")


def facts(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> dict[str, Any]:
    main(["inspect", str(folder), "--json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_key_is_documented_and_no_other(tmp_path: Path, capsys):
    write_all(tmp_path)
    lists = [facts(capsys, tmp_path, "--worst", "1", *more) for more in ([], ["--metric", "M", "--uncertain", "1"])]
    found = {path for one in lists for path in paths(one)}
    single = {path for path in found if not any(other.startswith((f"{path}.", f"{path}[")) for other in found)}
    rows = re.findall(r"^\| (`.*?) \|", PAGE.partition("## `--json`\n")[2], re.MULTILINE)
    documented = [key for row in rows for key in re.findall("`(.*?)`", row)]
    assert len(documented) == len(set(documented))
    assert set(documented) <= found
    assert {path.removesuffix("[]") for path in single} <= {path.removesuffix("[]") for path in documented}


def test_the_version_of_the_keys_is_the_documented_one(tmp_path: Path, capsys):
    write_all(tmp_path)
    assert facts(capsys, tmp_path)["format"] == FORMAT
    assert f"`format` is the version of these keys, {FORMAT}." in PAGE
