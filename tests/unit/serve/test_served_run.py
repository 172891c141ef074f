"""Chunks of a run that goes on: rows are added to an edition, or there is a new one."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from served_reports import Growing
from written_reports import Chunk, Report

from explainer.report.write import write_report
from explainer.serve import served_run
from explainer.serve.served_run import OtherRowsError, ServedRun
from explainer.summary.folder import find_runs


def run_of(folder: Path) -> ServedRun:
    return ServedRun(folder, find_runs(folder)[-1])


def decoded(content: bytes | None) -> Chunk:
    assert content is not None
    found = re.fullmatch(rb'E\("[a-z0-9/-]+","(.*)"\)', content)
    assert found is not None
    return Chunk(base64.b64decode(found[1], validate=True))


def test_rows_that_were_shown_stay_and_others_come_behind_them(tmp_path: Path):
    with Growing(tmp_path / "run", 3) as writer:
        run = run_of(tmp_path / "run")
        edition = run.facts()["served"]["edition"]
        few = decoded(run.chunk("g/0", edition))
        writer.add(9)
        assert decoded(run.chunk("g/0", edition)).header == few.header  # until the facts are asked for
        assert run.facts()["served"] == {"edition": edition, "measured": 12}
        many = decoded(run.chunk("g/0", edition))
        assert many["rows"][: len(few["rows"])] == few["rows"]
        assert len(few["rows"]) < len(many["rows"]) == 8
        report = Report(write_report(tmp_path / "run", tmp_path / "seen", form="folder").path)
        facts = run.facts()
    for key in report.keys:
        served = decoded(run.chunk(key, edition))
        assert (served.header, served.body) == (report[key].header, report[key].body), key
    own = ("form", "served", "bytes")  # of the manifest, too, which is written now and then
    assert {name: fact for name, fact in facts.items() if name not in own} == {
        name: fact for name, fact in report.run.items() if name not in own
    }


def test_a_sample_before_others_makes_a_new_edition(tmp_path: Path):
    with Growing(tmp_path / "run") as writer:
        writer.write(5)
        run = run_of(tmp_path / "run")
        edition = run.facts()["served"]["edition"]
        writer.write(2)
        assert run.status()["edition"] == edition  # what is shown is still right
        assert run.facts()["served"]["edition"] != edition
        with pytest.raises(OtherRowsError):
            run.chunk("g/0", edition)
        assert decoded(run.chunk("cols")).column("sample") == [2, 5]


def test_a_sample_that_is_recorded_again_makes_a_new_edition(tmp_path: Path):
    with Growing(tmp_path / "run", 2) as writer:
        run = run_of(tmp_path / "run")
        edition = run.facts()["served"]["edition"]
        writer.write(1)
        assert run.facts()["served"]["edition"] != edition


def test_a_file_that_was_cut_is_told_at_once(tmp_path: Path):
    with Growing(tmp_path / "run", 2):
        run = run_of(tmp_path / "run")
        run.facts()
    file = find_runs(tmp_path / "run")[-1].event_file
    file.write_bytes(file.read_bytes()[:-20])
    assert run.status()["edition"] == ""


def test_maps_are_measured_little_by_little_and_then_it_is_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(served_run, "_SECONDS", 0.0)
    monkeypatch.setattr(served_run, "_MEASURED_AT_ONCE", 5)
    with Growing(tmp_path / "run", 12) as writer:
        run = run_of(tmp_path / "run")
        assert run.facts()["served"]["measured"] == 0
        assert np.isnan(decoded(run.chunk("cols")).column("disagreement")).all()
        monkeypatch.setattr(served_run, "_SECONDS", 60.0)
        assert run.status()["measured"] == 12
        report = Report(write_report(tmp_path / "run", tmp_path / "seen", form="folder").path)
        assert decoded(run.chunk("cols")).body == report["cols"].body
        writer.add(0)
    assert run.facts()["methods"] == report.run["methods"]


def test_what_is_kept_of_chunks_is_bounded_and_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Growing(tmp_path / "run", 12):
        run = run_of(tmp_path / "run")
        first = run.chunk("g/0")
        assert run.chunk("g/0") is first
        monkeypatch.setattr(run._chunks, "_most_bytes", 0)
        run.chunk("g/1")
        assert run._chunks.names == []
        assert run.chunk("g/0") == first
