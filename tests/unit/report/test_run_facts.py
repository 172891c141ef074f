"""What a page says of a run as a whole is what the run, its statistics and `explainer inspect` say."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hand_made_runs import flip, sample, view, write_run
from report_runs import CONTROLS, CURVES, LABELS, METHODS, METRICS, USUAL, write_report_run
from written_reports import Report

from explainer.analysis.controls import ControlVerdicts
from explainer.analysis.facts import facts_of
from explainer.analysis.score_table import PARTS, ScoreTable
from explainer.report import run_facts
from explainer.report.cells import Cell, MapCell, RowCells
from explainer.report.run_facts import Measured
from explainer.report.write import write_report
from explainer.summary.lock import RunLock

ALL = (*METHODS, *sorted(CONTROLS))


def run_of(folder, name="run") -> dict:
    return Report(write_report(folder / name, folder / f"{name}.html").path).run


def test_what_the_run_is(written):
    run, view = written.report.run, written.view
    assert (run["format"], run["cell"], run["rows_per_chunk"], run["rows"], run["samples"]) == (1, 64, 8, 16, 12)
    assert (run["form"], run["detail"]) == ("folder", True)
    about = run["run"]
    assert (about["name"], about["state"], about["complete"]) == ("run", "ended", True)
    assert about["labels"] == list(LABELS)
    assert (about["timestamp"], about["started"]) == (1_700_000_000, "2023-11-14T22:13:20+00:00")
    assert about["ended"] == "2023-11-14T22:25:31+00:00"
    assert about["event_file"] == view.files.event_file.name
    assert about["network"] == "LeNet5"
    assert about["provenance"] == {"network": "nets.LeNet5", "python": "3.11"}
    assert about["parameters"] == view.metadata.parameters
    assert about["jobs"] == ["saliency", "benchmark", "uncertainty", "hierarchical_occlusion"]


def test_counts(written):
    assert written.report.run["counts"] == {
        "correct": 7,
        "incorrect": 4,
        "with_truth": 11,
        "unfinished": 0,
        "skipped": 1,
        "maps": 48,
        "damaged_cells": 0,
        "damaged_raw_maps": 0,
        "with_uncertainty": 12,
        "with_edits": 9,
        "with_scores": 12,
    }
    assert written.report.run["skipped"] == [{"sample": 12, "reason": "the image has a NaN"}]


def test_methods_and_controls_in_their_order(written):
    methods = written.report.run["methods"]
    assert [(entry["name"], entry["kind"]) for entry in methods] == [
        *((name, "method") for name in METHODS),
        *((name, "control") for name in sorted(CONTROLS)),
    ]
    assert [entry["signed"] for entry in methods] == [False, False, True, False, False]
    assert [entry["maps"] for entry in methods] == [16, 16, 16, 0, 0]
    assert [entry["largest_gap"] for entry in methods] == [None, None, 0.25, None, None]
    assert methods[0]["settings"] == {"class": "GradCAM", "layer": "conv2"}
    assert methods[3]["settings"] == {"class": "Control"}


def test_percentiles_are_of_all_values_of_a_methods_maps(written):
    view = written.view
    for entry in written.report.run["methods"][:3]:
        maps = [found for one in view.samples.values() for found in one.maps if found.explainer == entry["name"]]
        values = np.concatenate([view.saliency(found).ravel() for found in maps])
        low, high = np.percentile(values, (0.5, 1.5)), np.percentile(values, (98.5, 99.5))
        assert low[0] <= entry["p01"] <= low[1]  # a map is kept at 101 quantiles
        assert high[0] <= entry["p99"] <= high[1]
    assert [(entry["p01"], entry["p99"]) for entry in written.report.run["methods"][3:]] == [(None, None)] * 2


def test_metrics_say_which_way_is_better_and_what_they_ask(written):
    metrics = {entry["name"]: entry for entry in written.report.run["metrics"]}
    assert list(metrics) == list(METRICS)
    deletion = metrics["DeletionAUC"]
    assert (deletion["class"], deletion["better"], deletion["low"], deletion["high"]) == (
        "Faithfulness",
        "higher",
        0,
        1,
    )
    assert deletion["question"].startswith("Does the probability drop early")
    assert deletion["formula"].startswith("1 - the area")
    assert (metrics["MaxSensitivity"]["better"], metrics["MaxSensitivity"]["high"]) == ("lower", None)
    assert [entry["per_label"] for entry in metrics.values()] == [True, True, False]
    assert [entry["scores"] for entry in metrics.values()] == [True, True, True]


@pytest.mark.parametrize("odd", [7, [1], {"M": 3}, {"M": {"class": 5, "bounds": "ab", "higher_is_better": None}}])
def test_metrics_of_a_damaged_file_are_no_error(odd):
    run = view(sample(1, [0.5, 0.25, 0.25]), metrics=odd)
    found = run_facts._metric(run_facts.mapping(run_facts.mapping(run.metadata.parameters["metrics"]).get("M")))
    assert (found["class"], found["better"], found["low"], found["question"]) == (None, "higher", None, "")


def test_statistics_are_those_of_the_run(written):
    names = tuple(METRICS)
    found = {(names[entry["metric"]], ALL[entry["method"]]): entry for entry in written.report.run["statistics"]}
    statistics = written.view.statistics()
    assert len(found) == len(statistics) == 13
    for expected in statistics:
        entry = found[expected.metric, expected.explainer]
        assert entry["rank"] == expected.rank
        parts = (expected.overall, expected.correct, expected.incorrect)
        for name, part, rank in zip(("all", *PARTS), parts, (expected.rank, *expected.part_ranks), strict=True):
            known = {key: value for key, value in part._asdict().items() if key not in ("defined", "undefined")}
            shown = {key: None if math.isnan(value) else value for key, value in known.items()}
            against = {kind: entry[name][kind] for kind in ("better_than", "too_few")}
            assert entry[name] == {**shown, "n": part.defined, "undefined": part.undefined, "rank": rank, **against}


def test_a_method_says_which_controls_it_is_better_than(written):
    verdicts = ControlVerdicts(ScoreTable(written.view.samples.values()), written.view.metadata)
    found = {(entry["metric"], entry["method"]): entry for entry in written.report.run["statistics"]}
    told = set()
    for (metric, method), entry in found.items():
        for name, part in (("all", ""), *((part, part) for part in PARTS)):
            expected = verdicts.of(tuple(METRICS)[metric], ALL[method], part)
            assert [ALL[place] for place in entry[name]["better_than"]] == list(expected.better_than)
            assert [ALL[place] for place in entry[name]["too_few"]] == list(expected.too_few)
            told |= {kind for kind in ("better_than", "too_few") if entry[name][kind]}
    assert told == {"better_than", "too_few"}


def test_means_of_labels(written):
    found = {(entry["metric"], entry["method"]): entry["labels"] for entry in written.report.run["statistics"]}
    scores = [
        score
        for one in written.view.samples.values()
        for score in one.scores
        if (score.metric, score.explainer) == ("DeletionAUC", "RISE")
    ]
    labels = found[0, 1]
    assert labels["label"] == [0, 1, 2, 3, 4]
    for label, mean, count, undefined in zip(
        *(labels[name] for name in ("label", "mean", "n", "undefined")), strict=True
    ):
        values = [score.value for score in scores if score.label == label]
        assert mean == pytest.approx(np.nanmean(values), rel=1e-12)
        assert (count, undefined) == (np.isfinite(values).sum(), np.isnan(values).sum())
    assert sum(labels["undefined"]) > 0
    assert found[2, 1] == {"label": [], "mean": [], "n": [], "undefined": []}


def test_mean_curves_have_a_band(written):
    curves = written.report.run["curves"]
    assert len(curves) == 10
    assert [(ALL[entry["method"]], entry["fill"]) for entry in curves[:2]] == [("GradCAM", fill) for fill in CURVES]
    first = curves[0]
    assert (first["metric"], first["n"], len(first["x"])) == (0, 16, 101)
    assert first["mean"] == pytest.approx(1 - np.array(first["x"]), abs=1e-6)
    assert first["low"] == pytest.approx(first["mean"], abs=1e-6)  # all curves are equal
    assert first["area"] == pytest.approx(0.5, abs=1e-6)


def test_calibration_uncertainty_and_regions_are_those_of_inspect(written):
    facts = json.loads(json.dumps(facts_of(written.view)))
    for name in ("calibration", "uncertainty", "hierarchical_occlusion"):
        assert written.report.run[name] == facts[name] is not None
    assert written.report.run["totals"] == facts["scores"]


def test_a_damaged_run_says_what_and_where(tmp_path):
    offset = flip(write_run(tmp_path / "run").event_file, 3)
    run = run_of(tmp_path)
    assert (run["run"]["state"], run["run"]["complete"]) == ("damaged", False)
    assert [finding["offset"] for finding in run["findings"]] == [offset]
    assert run["findings_in_all"] == 1


def test_a_run_that_is_being_written_is_running(tmp_path):
    writer = write_run(tmp_path / "run", ended=False)
    assert run_of(tmp_path)["run"]["state"] == "not ended"
    with RunLock(writer.data_dir):
        assert run_of(tmp_path)["run"]["state"] == "running"
    assert run_of(tmp_path)["run"]["state"] == "not ended"


def test_long_lists_are_cut_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(run_facts, "_MOST_NUMBERS", 0)
    write_report_run(tmp_path / "run", USUAL._replace(samples=1))
    run = run_of(tmp_path)
    assert (run["skipped"], run["counts"]["skipped"]) == ([], 1)


# ------------------------------------------------- what is measured while pictures pass by


def cell_of(method, *quantiles) -> RowCells:
    cell = MapCell({"method": method}, "values", np.zeros((1, 1), np.uint8), np.float32(quantiles))
    return RowCells(Cell({}), (cell,), 0.5)


@pytest.mark.parametrize(
    ("maps", "measured_of_them"), [(3, (0, 1, 2)), (4, (0, 2)), (6, (0, 2, 4)), (7, (0, 4)), (12, (0, 4, 8))]
)
def test_maps_are_measured_at_equal_distances(monkeypatch, maps, measured_of_them):
    monkeypatch.setattr(run_facts, "MOST_MEASURED", 3)
    measured = Measured()
    for value in range(maps):
        measured.take([cell_of(0, value, value)])
    assert measured.percentiles(0) == tuple(np.percentile(np.repeat(measured_of_them, 2), (1, 99)))
    assert measured.percentiles(1) == (None, None)


def test_damage_is_counted_once_for_a_picture_and_for_each_map():
    measured = Measured()
    damaged = MapCell({"method": 0})
    image = Cell({"flag": 2})
    measured.take([RowCells(image, (damaged, damaged), 0.25), RowCells(image, (damaged,), math.nan)])
    assert measured.damaged == 4
    assert measured.disagreements[0] == 0.25
