"""`explainer inspect`: what it says of hand-made summaries, and its exit status."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import MAP, METADATA, STARTED, write_run

from explainer.analysis.view import read_run
from explainer.command.main import main
from explainer.records import (
    Benchmark,
    ImageFile,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.summary import codec
from explainer.summary.explain_pb2 import Explain
from explainer.summary.recordfile import frame
from explainer.summary.writer import SummaryWriter


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # so that no row is wrapped


def strict_json(text: str) -> dict[str, object]:
    """JSON as a browser reads it: without NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def inspected(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of `explainer inspect`."""
    status = main(["inspect", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def event(message: Explain) -> bytes:
    return frame(codec.as_event(message, 1.5).SerializeToString())


# ------------------------------------------------- what it says


def test_inspect_says_what_a_complete_run_holds(tmp_path: Path, capsys):
    writer = write_run(tmp_path)
    records = writer.event_file.stat().st_size
    pictures = sum(path.stat().st_size for path in writer.data_dir.rglob("*.*"))
    status, text, errors = inspected(capsys, tmp_path)
    assert (status, errors) == (0, "")
    assert text.splitlines() == [
        f"summary     {tmp_path} ({writer.event_file.name})",
        f"state       ended, started 2023-11-14 22:13:20 UTC, took under 1 s, {(records + pictures) / 1000:.1f} kB",
        "skipped     the image of sample 9 has a NaN",
        "",
        "Samples     correct  unfinished  skipped  maps",
        "──────────────────────────────────────────────",
        "4 complete   2 of 3           0        1    12",
        "constant maps: Gradient 4 of 4",
        "",
        "Scores    Faithfulness ↑",
        "────────────────────────",
        "GradCAM       0.438",
        "Gradient  undefined",
        "mean over maps [95 % interval]; ↑ higher is better",
        "left out as undefined: Faithfulness up to 2 of 9",
        "",
        "Reliability",
        "───────────────────────────────────────────────────────────────",
        "calibration  error (ECE)  0.229  n 12 pairs of sample and label",
        "             Brier score  0.187  n 12 pairs of sample and label",
        "",
        "labels      cat, dog, eel, fox",
        "explainer   GradCAM: 8 maps",
        "explainer   Gradient: 4 maps",
    ]


def test_inspect_says_the_settings_of_an_explainer_and_its_largest_completeness_gap(tmp_path: Path, capsys):
    settings = {"explainers": {"IG": {"class": "IntegratedGradients", "steps": 4, "window": None}}}
    metadata = RunMetadata(labels=("cat", "dog"), explainers=("IG",), jobs=("saliency",), parameters=settings)
    with SummaryWriter(tmp_path, metadata) as writer:
        for number, gap in enumerate((0.25, -0.75, 0.5)):
            writer.write(OriginalImage(number, np.zeros((5, 7), np.uint8)))
            writer.write(Prediction(number, (1,), (), (1,), np.float32([0.4, 0.6])))
            writer.write(Saliency(number, "IG", 1, MAP, gap, gap / 100))
            writer.write(SampleDone(number))
    text = inspected(capsys, tmp_path)[1]
    assert "explainer   IG: 3 maps (class=IntegratedGradients, steps=4)\n" in text
    assert "\nlargest completeness gap: IG 0.75\nlargest standard error: IG 0.0075\n" in text


def test_inspect_says_the_interval_of_a_mean_where_there_are_five_scores(tmp_path: Path, capsys):
    metadata = RunMetadata(labels=("cat", "dog"), explainers=("A", "B"), metrics=("PointingGame",), jobs=("saliency",))
    with SummaryWriter(tmp_path, metadata) as writer:
        for number in range(10):
            writer.write(OriginalImage(number, np.zeros((5, 7), np.uint8)))
            writer.write(Prediction(number, (), (), (1,), np.float32([0.4, 0.6])))
            writer.write(Score(number, "A", "PointingGame", 1, 1.0))
            writer.write(Score(number, "B", "PointingGame", 1, 1.0 if number < 4 else math.nan))
            writer.write(SampleDone(number))
    text = inspected(capsys, tmp_path)[1]
    assert "\nA       1.000 [0.68,1.00]\nB       1.000 (n 4)\n" in text
    detail = [line.split() for line in inspected(capsys, tmp_path, "--metric", "PointingGame")[1].splitlines()]
    assert ["A", "1.5", "1.000", "[0.679,", "1.000]", "1.000", "0.000", "10"] in detail
    assert ["B", "1.5", "1.000", "-", "1.000", "0.000", "4", "of", "10"] in detail
    facts = strict_json(inspected(capsys, tmp_path, "--json")[1])
    assert [entry["low"] for entry in facts["statistics"]] == [pytest.approx(0.6791, abs=5e-5), None]


def test_an_own_job_is_said_with_its_parameters_and_its_scores(tmp_path: Path, capsys):
    parameters = {"brightness": {"scale": 2, "note": "\x1b[31m", "mask": None}}
    jobs = ("saliency", "brightness", "plain", "benchmark")
    with SummaryWriter(tmp_path, RunMetadata(labels=("cat", "dog"), jobs=jobs, parameters=parameters)) as writer:
        for number in range(2):
            writer.write(OriginalImage(number, np.zeros((5, 7), np.uint8)))
            writer.write(Prediction(number, (), (), (1,), np.float32([0.4, 0.6])))
            writer.write(Score(number, "image", "Brightness", None, 0.25 + number / 2))
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    lines = inspected(capsys, tmp_path)[1].splitlines()
    assert lines[-2:] == ["job         brightness (note=\\x1b[31m, scale=2)", "job         plain"]
    assert lines[7:10] == ["Scores  Brightness ↑", "────────────────────", "image   0.500 (n 2)"]
    facts = strict_json(inspected(capsys, tmp_path, "--json")[1])
    assert facts["jobs"] == {"saliency": {}, "benchmark": {}, "plain": {}, **parameters}
    assert [(entry["metric"], entry["explainer"]) for entry in facts["statistics"]] == [("Brightness", "image")]


def test_a_total_without_single_scores_is_said_beside_those_with_them(tmp_path: Path, capsys):
    metadata = RunMetadata(labels=("cat",), explainers=("A",), metrics=("Own", "Sparseness"), jobs=("saliency",))
    with SummaryWriter(tmp_path, metadata) as writer:
        writer.write(OriginalImage(0, np.zeros((5, 7), np.uint8)))
        writer.write(Prediction(0, (), (), (0,), np.float32([0.6])))
        writer.write(Score(0, "A", "Sparseness", 0, 0.5))
        writer.write(SampleDone(0))
        writer.write(Benchmark("A", "Sparseness", 0.5, (0.5,), 1, 0))
        writer.write(Benchmark("A", "Own", 0.25, (0.25,), 4, 1))
        writer.write(RunEnd())
    lines = inspected(capsys, tmp_path)[1].splitlines()
    assert "A       0.250  0.500 (n 1)" in lines
    assert "left out as undefined: Own up to 1 of 5" in lines


def test_inspect_json_holds_every_fact(tmp_path: Path, capsys):
    writer = write_run(tmp_path)
    status, text, errors = inspected(capsys, tmp_path, "--json")
    assert (status, errors) == (0, "")
    assert strict_json(text) == {
        "format": 1,
        "folder": str(tmp_path),
        "event_file": writer.event_file.name,
        "resumed": [],
        "sources": {},
        "started": "2023-11-14T22:13:20+00:00",
        "ended": "2023-11-14T22:13:20+00:00",
        "state": "ended",
        "repaired": "",
        "package_version": "0.9.1",
        "parameters": {"seed": 7},
        "jobs": {"saliency": {}},
        "labels": ["cat", "dog", "eel", "fox"],
        "explainers": ["GradCAM", "Gradient"],
        "metrics": ["Faithfulness"],
        "samples": 4,
        "correct": 2,
        "with_ground_truth": 3,
        "with_boxes": 0,
        "samples_unfinished": [],
        "samples_skipped": {"9": "the image of sample 9 has a NaN"},
        "maps": {"GradCAM": 8, "Gradient": 4},
        "constant_maps": {"GradCAM": 0, "Gradient": 4},
        "largest_completeness_gap": {},
        "largest_standard_error": {},
        "scores": [
            {
                "explainer": "GradCAM",
                "metric": "Faithfulness",
                "mean": 0.4375,
                "by_label": {"cat": None, "dog": 0.25, "eel": 0.5, "fox": None},
                "defined": 7,
                "undefined": 2,
            },
            {
                "explainer": "Gradient",
                "metric": "Faithfulness",
                "mean": None,
                "by_label": {},
                "defined": 0,
                "undefined": 0,
            },
        ],
        "control_samples": None,
        "statistics": [],
        "curves": [],
        "calibration": {
            "of_predictions": {
                "kind": "labels",
                "compared": 12,
                "brier": pytest.approx((0.1875 + 1.3359375 + 0.71875) / 12),
                "ece": pytest.approx(0.2291667),
            },
            "of_mean_draws": None,
        },
        "uncertainty": None,
        "hierarchical_occlusion": None,
        "event_bytes": writer.event_file.stat().st_size,
        "picture_bytes": sum(path.stat().st_size for path in writer.data_dir.rglob("*.*")),
        "damage": [],
        "newest": True,
        "other_runs": [],
        "led_out": [],
        "worst": None,
        "uncertain": None,
    }


def test_inspect_json_keeps_letters_of_every_language(tmp_path: Path, capsys):
    write_run(tmp_path, dataclasses.replace(METADATA, labels=("Katze", "Hündin", "鰻", "🦊")))
    _, text, _ = inspected(capsys, tmp_path, "--json")
    assert "鰻" in text
    assert strict_json(text)["labels"] == ["Katze", "Hündin", "鰻", "🦊"]


def test_parameters_that_are_not_finite_become_null(tmp_path: Path, capsys):
    write_run(tmp_path, dataclasses.replace(METADATA, parameters={"sigma": math.inf, "levels": [0.5, math.nan]}))
    _, text, _ = inspected(capsys, tmp_path, "--json")
    assert strict_json(text)["parameters"] == {"sigma": None, "levels": [0.5, None]}


def test_many_labels_are_shortened_and_counted(tmp_path: Path, capsys):
    write_run(tmp_path, dataclasses.replace(METADATA, labels=tuple(f"label {number}" for number in range(4, 44))))
    _, text, _ = inspected(capsys, tmp_path)
    assert "label 15, ... (40 in all)\n" in text
    assert "label 16" not in text


def test_twelve_labels_are_all_named(tmp_path: Path, capsys):
    write_run(tmp_path, dataclasses.replace(METADATA, labels=tuple("abcdefghijkl")))
    assert "\nlabels      a, b, c, d, e, f, g, h, i, j, k, l\n" in inspected(capsys, tmp_path)[1]


def test_a_label_cannot_write_lines_or_commands_to_the_terminal(tmp_path: Path, capsys):
    """A summary of a stranger may hold anything."""
    write_run(
        tmp_path, dataclasses.replace(METADATA, labels=("cat", "dog\nstate       ended", "\x1b[31meel", "f\u202eox"))
    )
    _, text, _ = inspected(capsys, tmp_path)
    assert "\x1b" not in text
    assert "\u202e" not in text  # turns the reading direction
    (state,) = [line for line in text.splitlines() if line.startswith("state")]
    assert state.startswith("state       ended, started 2023-11-14 22:13:20 UTC, took under 1 s, ")


@pytest.mark.parametrize(
    "parameters",
    [
        '{"seed": 1e999, "uncertainty": {"draws": -1e999}, "metrics": {"Faithfulness": {"bounds": [-1e999, 1e999]}}}',
        '{"seed": NaN, "hierarchical_occlusion": [Infinity, -Infinity]}',
        '{"a": ' + "[" * 500 + "]" * 500 + "}",
        '{"a": "\\ud800", "b": ' + "9" * 4000 + "}",
    ],
)
def test_json_is_valid_whatever_the_parameters_of_a_stranger(tmp_path: Path, capsys, parameters):
    message = codec.encode_metadata(METADATA)
    message.run.parameters = parameters
    scores = [Score(0, "GradCAM", "Faithfulness", 1, value) for value in (3e38, -3e38, 0.0, 1.0, 2.0, math.nan)]
    uncertainty = Uncertainty(0, *(np.float32([value, 0]) for value in (1, math.inf, math.nan, 3e38)), math.inf, 1, 1)
    curve = ScoreCurve(0, "GradCAM", "Faithfulness", 1, "blur", np.float32([0, math.inf]), np.float32([math.nan, 3e38]))
    prediction = Prediction(0, (1,), (), (1,), np.float32([3e38, -3e38]))
    maps = SaliencyFile(0, "GradCAM", 1, "0.png", -math.inf, math.nan, math.inf)
    content = [
        message,
        codec.encode_sample(ImageFile(0, "0.png"), prediction, uncertainty),
        codec.encode_saliency(maps),
        codec.encode_scores(0, scores),
        codec.encode_curves(0, [curve]),
        codec.encode_done(SampleDone(0)),
        Explain(benchmark=[Explain.Benchmark(total_score=math.inf, label_score=[math.inf, -math.inf])]),
        codec.encode_end(),
    ]
    (tmp_path / "summary.17_explain").write_bytes(b"".join(map(event, content)))
    with np.errstate(all="raise"):
        status, text, errors = inspected(capsys, tmp_path, "--json")
    assert (status, errors) == (0, "")
    assert strict_json(text)["samples"] == 1
    assert inspected(capsys, tmp_path)[0] == 0


def test_facts_of_a_run_without_samples_explainers_and_metrics(tmp_path: Path, capsys):
    SummaryWriter(tmp_path, RunMetadata(labels=("cat",)), clock=lambda: STARTED).close()
    status, text, _ = inspected(capsys, tmp_path)
    assert status == 1
    lines = text.splitlines()
    assert lines[1].startswith("state       not ended, started 2023-11-14 22:13:20 UTC, ")
    assert lines[3:] == [
        "Samples     correct  unfinished  skipped  maps",
        "──────────────────────────────────────────────",
        "0 complete  unknown           0        0     0",
        "",
        "labels      cat",
    ]


def test_older_runs_are_counted_and_named(tmp_path: Path, capsys):
    names = [write_run(tmp_path, clock=STARTED + later).event_file.name for later in (0, 5, 9)]
    _, text, _ = inspected(capsys, tmp_path)
    assert f"also here   2 older: {names[0]}, {names[1]}\n" in text
    assert strict_json(inspected(capsys, tmp_path, "--json")[1])["other_runs"] == names[:2]


@pytest.mark.parametrize("by", ["number", "event file"])
def test_any_run_of_the_folder_can_be_inspected(tmp_path: Path, capsys, by):
    writers = [write_run(tmp_path, clock=STARTED + second) for second in range(3)]
    chosen = writers[1].event_file.name if by == "event file" else str(writers[1].timestamp)
    status, text, _ = inspected(capsys, tmp_path, "--run", chosen)
    assert status == 0
    assert text.startswith(f"summary     {tmp_path} ({writers[1].event_file.name})\n")
    assert f"also here   2 other: {writers[0].event_file.name}, {writers[2].event_file.name}\n" in text
    facts = strict_json(inspected(capsys, tmp_path, "--run", chosen, "--json")[1])
    assert facts["event_bytes"] == writers[1].event_file.stat().st_size


def test_a_run_that_is_not_there_has_exit_status_2(tmp_path: Path, capsys):
    write_run(tmp_path)
    status, text, errors = inspected(capsys, tmp_path, "--run", "17")
    assert (status, text) == (2, "")
    assert errors == f"explainer: found no run 17 in {tmp_path}; the newest there are {STARTED}\n"


def test_pictures_of_older_runs_are_not_counted(tmp_path: Path, capsys):
    write_run(tmp_path, clock=STARTED)
    alone = strict_json(inspected(capsys, tmp_path, "--json")[1])["picture_bytes"]
    write_run(tmp_path, clock=STARTED + 5)
    assert strict_json(inspected(capsys, tmp_path, "--json")[1])["picture_bytes"] == alone


# ------------------------------------------------- one metric, and lists of samples


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """Six samples, three predicted incorrectly, with scores of two methods and a control by two metrics, and draws."""
    parameters = {"controls": {"chance": {}}, "metrics": {"Loss": {"higher_is_better": False, "bounds": [0, None]}}}
    metadata = RunMetadata(("cat", "dog"), ("A", "B"), ("Hit", "Loss"), ("saliency",), parameters)
    with SummaryWriter(tmp_path, metadata, clock=lambda: STARTED) as writer:
        for number in range(6):
            row = np.float32([0.25 - number / 32, 0.75 + number / 32])
            writer.write(OriginalImage(number, np.zeros((5, 7), np.uint8)))
            writer.write(SampleOrigin(number, bytes(16), f"photos/{number}.png", bytes(16)))
            writer.write(Prediction(number, (number % 2,), (), (1,), row))
            for place, (explainer, metric) in enumerate(
                (name, metric) for name in ("A", "B") for metric in ("Hit", "Loss")
            ):
                writer.write(Score(number, explainer, metric, 1, (number * 3 % 5 + place) / 8))
            writer.write(Score(number, "chance", "Hit", 1, (number * 3 % 5 + 2) / 8))
            writer.write(Uncertainty(number, row, row / (2 + number % 4), row, row, 0.5, 0.375, 0.125))
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    return tmp_path


def test_methods_are_ordered_by_a_metric(scored: Path, capsys):
    def order(*arguments: str) -> list[str]:
        lines = inspected(capsys, scored, *arguments)[1].splitlines()
        start = next(place for place, line in enumerate(lines) if line.startswith("Scores"))
        return [line[:8].strip() for line in lines[start + 2 : start + 5]]

    assert order() == ["A", "B", "a chance"]
    assert order("--sort", "Hit") == ["B", "a chance", "A"]
    assert order("--sort", "Loss") == ["A", "B", "a chance"]


def test_a_method_with_the_scores_of_a_control_has_a_mark(scored: Path, capsys):
    lines = inspected(capsys, scored)[1].splitlines()
    assert [line.split()[3:4] for line in lines if line.startswith(("A  ", "B  "))] == [["~a"], ["=a"]]
    assert any(line.startswith("=a: nearly every sample scores as with that control") for line in lines)


def test_a_metric_alone_is_shown_without_the_rest_of_the_run(scored: Path, capsys):
    status, text, errors = inspected(capsys, scored, "--metric", "Loss")
    assert (status, errors) == (0, "")
    assert text.splitlines()[3] == "metric      Loss ↓"
    assert "Reliability" not in text and "labels" not in text and "chance" not in text


def test_the_worst_samples_of_a_metric_are_listed(scored: Path, capsys):
    """B has the scores of the control by the metric Hit, so that it does not count there."""
    lines = inspected(capsys, scored, "--metric", "Hit", "--worst", "2")[1].splitlines()
    assert lines[-5:] == [
        "Worst scores  file          true  predicted      p  Hit ↑  worst method",
        "───────────────────────────────────────────────────────────────────────",
        "0             photos/0.png  cat   dog        0.750  0.000       A 0.000",
        "5             photos/5.png  dog   dog        0.906  0.000       A 0.000",
        "Hit: the mean over the methods; without B, which it does not tell from a control",
    ]


def test_the_surest_errors_and_the_least_certain_samples_are_listed(scored: Path, capsys):
    lines = inspected(capsys, scored, "--worst", "2", "--uncertain", "1")[1].splitlines()
    assert lines[3:] == [
        "Surest errors  file          true  predicted      p",
        "───────────────────────────────────────────────────",
        "4              photos/4.png  cat   dog        0.875",
        "2              photos/2.png  cat   dog        0.812",
        "the surest of 3 incorrect predictions",
        "",
        "Least certain  file          true  predicted      p     sd  entropy",
        "───────────────────────────────────────────────────────────────────",
        "4              photos/4.png  cat   dog        0.875  0.438    0.500",
        "sd: of the predicted label's probability over the draws",
    ]


def test_json_has_the_lists_that_were_asked_for_and_one_metric_alone(scored: Path, capsys):
    facts = strict_json(inspected(capsys, scored, "--json", "--metric", "Loss", "--worst", "1", "--uncertain", "2")[1])
    assert {entry["metric"] for entry in facts["statistics"]} == {"Loss"}
    assert [(entry["sample"], entry["source"], entry["score"]) for entry in facts["worst"]] == [
        (3, "photos/3.png", 0.75)
    ]
    assert [entry["sample"] for entry in facts["uncertain"]] == [4, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "hitt"], "`--metric` must be one of Hit, Loss, got 'hitt'; did you mean 'Hit'?"),
        (["--sort", "LOSS"], "`--sort` must be one of Hit, Loss, got 'LOSS'; did you mean 'Loss'?"),
        (["--json", "--metric", "x"], "`--metric` must be one of Hit, Loss, got 'x'"),
    ],
)
def test_a_metric_that_is_not_there_is_refused_with_the_nearest_name(scored: Path, capsys, arguments, message):
    assert inspected(capsys, scored, *arguments) == (2, "", f"explainer: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--metric", "Hit"],
            "`--metric` must be a metric of the run, got 'Hit', but the run has no scores; they are ",
        ),
        (["--uncertain", "3"], "this run has no uncertainty, so that no sample is known to be uncertain; it is "),
        (["--worst", "3"], "no sample of this run has a true label, so that none is known to be predicted incorrectly"),
    ],
)
def test_what_a_run_has_not_is_told_with_exit_status_2(tmp_path: Path, capsys, arguments, message):
    with SummaryWriter(tmp_path, RunMetadata(labels=("cat", "dog"))) as writer:
        writer.write(OriginalImage(0, np.zeros((5, 7), np.uint8)))
        writer.write(Prediction(0, (), (), (1,), np.float32([0.25, 0.75])))
        writer.write(SampleDone(0))
        writer.write(RunEnd())
    status, text, errors = inspected(capsys, tmp_path, *arguments)
    assert (status, text) == (2, "")
    assert errors.startswith(f"explainer: {message}")


@pytest.mark.parametrize("asked", [["--worst", "3"], ["--worst", "3", "--metric", "Hit"], ["--uncertain", "3"]])
def test_a_run_without_a_complete_sample_has_none_to_list(tmp_path: Path, capsys, asked):
    with SummaryWriter(tmp_path, RunMetadata(labels=("cat", "dog"), explainers=("Gradient",), metrics=("Hit",))):
        pass
    message = "no sample of this run is complete (it is not ended), so that there is none to list"
    assert inspected(capsys, tmp_path, *asked) == (2, "", f"explainer: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--sort", "Hit", "--json"],
            "--sort orders the rows of tables; in --json each entry of statistics has its rank",
        ),
        (["--sort", "Hit", "--worst", "3"], "--sort orders methods, of which --worst and --uncertain alone show none"),
        (["--worst", "0"], "Invalid value for '--worst': 0 is not in the range x>=1"),
        (["--uncertain", "few"], "Invalid value for '--uncertain': 'few' is not a valid integer"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_exit_status_2(scored: Path, capsys, arguments, message):
    status, text, errors = inspected(capsys, scored, *arguments)
    assert (status, text) == (2, "")
    assert message in errors


def test_lists_of_a_run_that_did_not_end_have_its_exit_status(scored: Path, capsys):
    (event_file,) = scored.glob("*_explain")
    event_file.write_bytes(event_file.read_bytes()[:-5])
    status, text, _ = inspected(capsys, scored, "--worst", "1")
    assert status == 1
    assert "\nstate       damaged, " in text and "\nSurest errors " in text


# ------------------------------------------------- exit status


def test_a_run_that_did_not_end_has_exit_status_1(tmp_path: Path, capsys):
    write_run(tmp_path, ended=False)
    status, text, errors = inspected(capsys, tmp_path)
    assert (status, errors) == (1, "")
    assert "state       not ended, " in text
    assert "\nScores" not in text


def test_unfinished_samples_are_counted_in_text_and_named_in_json(tmp_path: Path, capsys):
    writer = write_run(tmp_path, ended=False)
    prediction = Prediction(6, (1,), (), (1,), np.float32([0.25] * 4))
    unfinished = event(codec.encode_sample(codec.ImageFile(6, "6.png"), prediction))
    writer.event_file.write_bytes(writer.event_file.read_bytes() + unfinished)
    status, text, _ = inspected(capsys, tmp_path)
    assert status == 1
    assert "\nSamples     correct  unfinished  skipped  maps\n" in text
    assert "\n4 complete   2 of 3           1        1    12\n" in text
    assert strict_json(inspected(capsys, tmp_path, "--json")[1])["samples_unfinished"] == [6]


def test_a_truncated_file_has_exit_status_1_and_names_the_place(tmp_path: Path, capsys):
    writer = write_run(tmp_path)
    whole = writer.event_file.read_bytes()
    writer.event_file.write_bytes(whole[:-5])
    offset = len(whole) - len(event(codec.encode_end()))
    status, text, errors = inspected(capsys, tmp_path)
    assert (status, errors) == (1, "")
    assert "state       damaged, " in text
    assert f"damage      the file ends in the middle of a record (byte {offset})\n" in text
    assert strict_json(inspected(capsys, tmp_path, "--json")[1])["damage"] == [
        {"offset": offset, "what": "the file ends in the middle of a record"}
    ]


def test_damage_in_a_run_that_ended_has_exit_status_1(tmp_path: Path, capsys):
    writer = write_run(tmp_path)
    content = bytearray(writer.event_file.read_bytes())
    content[-len(event(codec.encode_end())) - 6] ^= 1  # in the benchmarks
    writer.event_file.write_bytes(content)
    status, text, _ = inspected(capsys, tmp_path)
    assert read_run(tmp_path).ended
    assert status == 1
    assert "state       damaged, " in text
    assert "damage      a record's content is damaged (byte " in text


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_folder_without_a_summary_has_exit_status_2_and_one_line_on_standard_error(tmp_path: Path, capsys, arguments):
    status, text, errors = inspected(capsys, tmp_path / "absent", *arguments)
    assert (status, text) == (2, "")
    assert errors == f"explainer: found no summary in {tmp_path / 'absent'}: there is no such folder\n"


def test_the_folder_above_a_summary_has_exit_status_2_and_a_hint(tmp_path: Path, capsys):
    write_run(tmp_path / "digits")
    status, _, errors = inspected(capsys, tmp_path)
    assert status == 2
    assert "its folders digits hold summaries" in errors


def test_a_file_of_another_tool_has_exit_status_2(tmp_path: Path, capsys):
    (tmp_path / "events.summary.17_explain").write_bytes(b"\x00" * 100)
    status, text, errors = inspected(capsys, tmp_path)
    assert (status, text) == (2, "")
    assert "was it written by another tool?" in errors


@pytest.mark.parametrize("timestamp", ["9" * 13, "9" * 30])
def test_a_number_in_the_file_name_that_is_no_time_is_no_obstacle(tmp_path: Path, capsys, timestamp):
    content = event(codec.encode_metadata(METADATA)) + event(codec.encode_end())
    (tmp_path / f"summary.{timestamp}_explain").write_bytes(content)
    status, text, errors = inspected(capsys, tmp_path)
    assert (status, errors) == (0, "")
    assert "state       ended" in text
    assert strict_json(inspected(capsys, tmp_path, "--json")[1])["started"] is None


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e300])
def test_an_end_at_no_time_is_an_end_all_the_same(tmp_path: Path, capsys, time):
    end = codec.as_event(codec.encode_end(), time).SerializeToString()
    (tmp_path / "summary.7_explain").write_bytes(event(codec.encode_metadata(METADATA)) + frame(end))
    facts = strict_json(inspected(capsys, tmp_path, "--json")[1])
    assert (facts["state"], facts["ended"]) == ("ended", None)


def test_a_run_that_did_not_end_has_no_time_of_its_end(tmp_path: Path, capsys):
    write_run(tmp_path, ended=False)
    assert strict_json(inspected(capsys, tmp_path, "--json")[1])["ended"] is None


def test_a_sample_without_probabilities_is_not_correct(tmp_path: Path, capsys):
    prediction = Prediction(0, (2,), (), (2,), np.zeros(0, np.float32))
    message = codec.encode_sample(codec.ImageFile(0, "0.png", shown=False), prediction)
    content = [codec.encode_metadata(METADATA), message, codec.encode_done(SampleDone(0)), codec.encode_end()]
    (tmp_path / "summary.17_explain").write_bytes(b"".join(map(event, content)))
    status, text, errors = inspected(capsys, tmp_path)
    assert (status, errors) == (0, "")
    assert "\n1 complete   0 of 1           0        0     0\n" in text


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_folder_whose_name_is_no_text_can_be_inspected(tmp_path: Path, capsys, arguments):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    write_run(folder)
    status, text, errors = inspected(capsys, folder, *arguments)
    assert (status, errors) == (0, "")
    assert "caf\\udce9" in text  # also what JSON writes for it
    if arguments:
        assert strict_json(text)["folder"] == str(folder)


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_terminal_that_knows_ascii_only_can_be_written_to(tmp_path: Path, monkeypatch, arguments):
    write_run(tmp_path, dataclasses.replace(METADATA, labels=("Katze", "Hündin", "鰻", "🦊")))
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["inspect", str(tmp_path), *arguments]) == 0
    terminal.flush()
    text = terminal.buffer.getvalue().decode("ascii")
    if arguments:
        assert strict_json(text)["labels"] == ["Katze", "Hündin", "鰻", "🦊"]
    else:
        assert r"labels      Katze, H\xfcndin, \u9c3b, \U0001f98a" in text
