"""A report of a run, from the folder to the page: both forms, damage, strangers' files, other programs beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import hostile_runs
import numpy as np
import pytest
from hand_made_runs import MAP_FILE, PICTURE_FILE, STARTED, flip, write_run
from report_runs import USUAL, write_report_run
from written_reports import Report

import explainer
from explainer.analysis.view import read_run
from explainer.errors import SummaryReadError
from explainer.report import sample_work
from explainer.report import write as module
from explainer.report.write import write_report
from explainer.summary.folder import find_runs
from explainer.summary.images import png_of
from explainer.summary.verify import verify

MOST_SECONDS = 14  # of CPU; on an idle machine none takes 2
WORST = (
    "5,000 samples that end together",
    "200,000 empty edit trees",
    "100,000 scores of one metric each",
    "10,000 metrics with scores",
)


def test_both_forms_hold_the_same(written, tmp_path):
    single = Report(write_report(written.view, tmp_path / "one.html").path)
    assert single.keys == written.report.keys
    for key in single.keys:
        one, other = single[key], written.report[key]
        assert (one.header, one.body) == (other.header, other.body)
    assert single.run == {**written.report.run, "form": "single"}


def test_a_report_is_the_same_each_time(tmp_path):
    write_report_run(tmp_path / "run", USUAL)
    pages = [write_report(tmp_path / "run", tmp_path / f"{name}.html").path.read_bytes() for name in "ab"]
    assert pages[0] == pages[1]


def test_the_keys_are_these(written):
    details = {f"s/0/{number}" for number in range(12)}
    assert written.report.keys == {"cols", "score-0", "score-1", "score-2", "g/0", "g/1"} | details


def test_without_detail_there_is_no_chunk_of_a_sample(tmp_path):
    write_run(tmp_path / "run")
    report = Report(write_report(tmp_path / "run", detail=False).path)
    assert report.keys == {"cols", "g/0"}
    assert report.run["detail"] is False


def test_what_was_written_is_told(tmp_path):
    write_run(tmp_path / "run")
    written = write_report(tmp_path / "run")
    assert written.path == tmp_path / "run" / "report.html"
    assert (written.form, written.files, written.samples) == ("single", 1, 4)
    assert (written.state, written.complete, written.unreadable) == ("ended", True, 0)
    assert written.bytes == written.path.stat().st_size


def test_damaged_pictures_are_cells_with_a_reason(tmp_path):
    writer = write_run(tmp_path / "run")
    (tmp_path / "run" / MAP_FILE).write_bytes(b"no picture")
    (tmp_path / "run" / PICTURE_FILE).unlink()
    written = write_report(tmp_path / "run")
    report = Report(written.path)
    del writer
    assert (written.state, written.complete, written.unreadable) == ("ended", False, 2)
    assert report.run["counts"]["damaged_cells"] == 2
    _, row = report.row(4)  # sample 2, label 1
    assert row["image"]["reason"] == "the picture is missing"
    assert [(cell["method"], cell["flag"]) for cell in row["maps"]] == [(0, 2)]
    assert report["s/0/2"]["picture"] == {"flag": 2, "reason": "the picture is missing"}


def test_a_run_that_did_not_end_is_shown_as_far_as_it_came(tmp_path):
    write_run(tmp_path / "run", ended=False)
    written = write_report(tmp_path / "run")
    assert (written.state, written.complete, written.samples) == ("not ended", False, 4)


def test_a_run_without_a_sample_has_a_report_too(tmp_path):
    hostile_runs.write(tmp_path / "run", hostile_runs.metadata())
    report = Report(write_report(tmp_path / "run").path)
    assert (report.run["rows"], report.run["samples"], report.keys) == (0, 0, {"cols"})


def test_a_run_whose_metadata_is_lost_has_a_report_too(tmp_path):
    writer = write_run(tmp_path / "run")
    for number in (0, 1):
        flip(writer.event_file, number)
    report = Report(write_report(tmp_path / "run").path)
    assert report.run["run"]["labels"] == ["0", "1", "2", "3"]
    assert report.run["samples"] == 4


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(SummaryReadError, match="found no summary"):
        write_report(tmp_path)


def test_an_unknown_form_is_told(tmp_path):
    with pytest.raises(ValueError, match="`form` must be one of auto, single, folder"):
        write_report(tmp_path, form="pdf")


@pytest.mark.parametrize("form", ["single", "folder"])
def test_a_report_in_the_job_folder_is_in_nobodys_way(tmp_path, form):
    write_run(tmp_path)
    bytes_before = explainer.read_run(tmp_path).files
    write_report(tmp_path, form=form)
    assert verify(tmp_path).problems == ()
    assert [run.timestamp for run in find_runs(tmp_path)] == [STARTED]
    assert explainer.read_run(tmp_path).files == bytes_before
    write_run(tmp_path, clock=STARTED + 1)
    assert [run.timestamp for run in find_runs(tmp_path)] == [STARTED, STARTED + 1]


def test_pictures_are_taken_one_sample_at_a_time(tmp_path, monkeypatch):
    write_report_run(tmp_path / "run", USUAL._replace(samples=60, height=5, width=7, methods=("A",)))
    alive, most, read = [0], [0], sample_work.picture_read

    def counted(entry, place):
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        return read(entry, place)

    added = module._Grid.add

    def taken(grid, rows):
        alive[0] -= 1 + sum(len(row.maps) for row in rows)
        added(grid, rows)

    monkeypatch.setattr(sample_work, "picture_read", counted)
    monkeypatch.setattr(module._Grid, "add", taken)
    monkeypatch.setattr(sample_work, "_MOST_THREADS", 2)
    write_report(tmp_path / "run", tmp_path / "r.html", detail=False)
    assert alive[0] == 0
    assert most[0] <= (3 * 2 + 2) * 3  # samples in work, each with its picture and at most two maps


def test_an_error_in_a_thread_is_raised_and_leaves_nothing(tmp_path, monkeypatch):
    write_run(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(sample_work, "row_of", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(tmp_path / "run")
    assert sorted(tmp_path.rglob("*")) == before


def test_pictures_of_several_sizes_and_modes(tmp_path):
    write_report_run(tmp_path / "run", USUAL._replace(samples=1, height=70, width=3, methods=("A",)))
    run = read_run(tmp_path / "run")
    path = run.summary_dir / run.samples[0].image.path
    path.write_bytes(png_of(np.full((5, 7, 4), 255, np.uint8)))
    report = Report(write_report(run).path)
    _, row = report.row(0)
    assert row["image"]["reason"] == "the picture is not the one that was recorded"
    assert (row["maps"][0]["w"], row["maps"][0]["h"]) == (3, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORST)
def test_no_hostile_file_takes_long(tmp_path, name):
    folder = hostile_runs.write(tmp_path / "run", hostile_runs.HOSTILE[name]())
    started = time.process_time()
    Report(write_report(folder, form="single").path)
    assert time.process_time() - started < MOST_SECONDS


def test_writing_a_report_loads_no_mindspore(tmp_path):
    write_run(tmp_path / "run")
    script = (
        "import sys, json, explainer\n"
        f"explainer.write_report({str(tmp_path / 'run')!r})\n"
        "print(json.dumps(['mindspore' in sys.modules, 'scipy.stats' in sys.modules]))"
    )
    root = str(Path(explainer.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, False]
