"""What is said of a run beside its scores: state, samples, reliability, where it comes from, and samples to look at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drawn_tables import lines_of
from hand_made_runs import METADATA, STARTED, sample, tree, view, write_run

from explainer.analysis.facts import facts_of
from explainer.analysis.reliability import reliability_facts
from explainer.analysis.view import RunView, read_run
from explainer.command.inspect_text import (
    errors_table,
    head,
    overview,
    reliability_tables,
    short_overview,
    uncertain_table,
    worst_table,
)
from explainer.command.tables import Rows

CORRECT = sample(0, [0.75, 0.25, 0.0], (0,), [0.125, 0.5, 0.5])
INCORRECT = sample(1, [0.25, 0.5, 0.25], (2,), [0.5, 0.25, 0.5])
UNKNOWN = sample(2, [0.0, 0.0, 1.0], (), [0.5, 0.5, 0.0625])


def facts(folder: Path, **changed: Any) -> dict[str, Any]:
    write_run(folder)
    return {**facts_of(read_run(folder)), **changed}


def reliability(run: RunView) -> list[list[str]]:
    tables = reliability_tables(reliability_facts(run))
    return [list(row) for table in tables for row in table.rows]


# ------------------------------------------------- state and samples


def test_the_state_has_the_time_the_length_and_the_bytes(tmp_path: Path) -> None:
    known = facts(tmp_path, event_bytes=1_000_000, picture_bytes=250_000, ended="2023-11-14T22:14:50+00:00")
    assert dict(head(known).rows)["state"] == "ended, started 2023-11-14 22:13:20 UTC, took 1.5 min, 1.2 MB"


@pytest.mark.parametrize(
    ("started", "ended", "said"),
    [
        (None, "2023-11-14T22:14:50+00:00", "at an unknown time, 2 B"),
        ("2023-11-14T22:14:50+00:00", None, "2023-11-14 22:14:50 UTC, 2 B"),
        ("2023-11-14T22:14:50+00:00", "2023-11-14T22:14:49+00:00", "2023-11-14 22:14:50 UTC, 2 B"),
        ("2023-11-14T22:14:50+00:00", "2023-11-15T00:14:50+00:00", "2023-11-14 22:14:50 UTC, took 2.0 h, 2 B"),
    ],
)
def test_a_time_that_is_not_known_is_not_made_up(tmp_path: Path, started, ended, said) -> None:
    known = facts(tmp_path, event_bytes=1, picture_bytes=1, started=started, ended=ended)
    assert dict(head(known).rows)["state"] == f"ended, started {said}"


def test_the_command_by_which_a_run_was_resumed_fits_80_columns(tmp_path: Path) -> None:
    command = ["explainer", "run", *["--explainers", "Gradient"] * 4]
    lines = lines_of([head(facts(tmp_path, resumed=[{"batch_size": 4, "command": command}]))])
    start = lines.index("resumed     with other batch_size 4, command explainer run --explainers Gradient")
    assert lines[start : start + 2] == [
        "resumed     with other batch_size 4, command explainer run --explainers Gradient",
        "            --explainers Gradient --explainers Gradient --explainers Gradient",
    ]


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (12, 12), (13, 13), (20_000, 13)])
def test_damage_is_said_a_dozen_times_and_counted(tmp_path: Path, count, shown):
    found = [{"what": "it is damaged", "offset": number} for number in range(count)]
    texts = [text for name, text in head(facts(tmp_path, damage=found)).rows if name == "damage"]
    assert len(texts) == shown
    assert all(text == f"it is damaged (byte {number})" for number, text in enumerate(texts[:12]))
    assert texts[12:] == ([f"... ({count} in all; `explainer verify` names each)"] if count > 12 else [])


def test_what_is_wrong_with_a_run_is_bold(tmp_path: Path) -> None:
    assert head(facts(tmp_path)).bold == {"damage"}
    assert head(facts(tmp_path, state="not ended")).bold == {"damage", "state"}


def test_samples_are_counted_by_their_states(tmp_path: Path) -> None:
    known = facts(tmp_path, samples_unfinished=[5, 6], with_boxes=3)
    _, samples, *_ = short_overview(known)
    assert samples.heads == ["Samples", "correct", "unfinished", "skipped", "with boxes", "maps"]
    assert samples.rows == [["4 complete", "2 of 3", "2", "1", "3", "12"]]
    assert samples.notes == ["constant maps: Gradient 4 of 4"]


def test_without_true_labels_it_is_not_said_how_many_are_correct(tmp_path: Path) -> None:
    _, samples, *_ = short_overview(facts(tmp_path, with_ground_truth=0, correct=0))
    assert samples.heads == ["Samples", "correct", "unfinished", "skipped", "maps"]
    assert samples.rows == [["4 complete", "unknown", "0", "1", "12"]]


def test_how_exact_maps_are_stands_below_the_samples(tmp_path: Path) -> None:
    exact = {"largest_completeness_gap": {"IG": 0.75}, "largest_standard_error": {"RISE": 0.0075, "IG": 0.25}}
    _, samples, *_ = short_overview(facts(tmp_path, constant_maps={}, **exact))
    assert samples.notes == ["largest completeness gap: IG 0.75", "largest standard error: RISE 0.0075, IG 0.25"]


def test_the_end_of_a_run_says_the_same_without_where_it_comes_from(tmp_path: Path) -> None:
    known = facts(tmp_path)
    *short, provenance = overview(known)
    assert short == short_overview(known)
    assert isinstance(provenance, Rows) and "explainer" in dict(provenance.rows)


# ------------------------------------------------- reliability


@pytest.mark.parametrize("truth", [(), (3,), (-1,)])
def test_without_known_labels_draws_and_trees_there_is_nothing_to_say(truth: tuple[int, ...]) -> None:
    assert reliability(view(sample(0, [0.5, 0.25, 0.25], truth))) == []


def test_calibration_and_uncertainty_are_said_with_their_numbers() -> None:
    run = view(CORRECT, INCORRECT, UNKNOWN, uncertainty={"method": "dropout", "draws": 9})
    assert reliability(run) == [
        ["calibration", "error (ECE)", "0.375", "n 2; mean of the draws 0.625"],
        ["", "Brier score", "0.500", "n 2; mean of the draws 1.250"],
        ["uncertainty", "sd of predicted label", "0.146", "0.125 correct, 0.250 incorrect (n 1)"],
        ["", "detects errors (AUROC)", "1.000", "0.5 by chance"],
        ["", "entropy in nats", "0.500", "aleatoric 0.375, epistemic 0.125"],
    ]


def test_labels_that_do_not_exclude_one_another_are_pairs_with_samples(tmp_path: Path) -> None:
    (table,) = reliability_tables(facts(tmp_path))
    assert table.rows[0] == ["calibration", "error (ECE)", "0.229", "n 12 pairs of sample and label"]


def test_without_an_incorrect_sample_no_auroc_is_said() -> None:
    told = reliability(view(CORRECT, UNKNOWN))
    assert ["uncertainty", "sd of predicted label", "0.094", "n 2"] in told
    assert not any("AUROC" in text for row in told for text in row)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"method": "dropout", "draws": 9}, "dropout (draws 9)"), *((odd, "unknown method") for odd in (None, [], "x"))],
)
def test_how_draws_were_made_is_said_where_it_is_known(tmp_path: Path, settings: object, said: str) -> None:
    known = facts(tmp_path, **reliability_facts(view(UNKNOWN, uncertainty=settings)))
    assert dict(overview(known)[-1].rows)["uncertainty"] == said


def test_regions_are_said_with_their_median_and_the_reasons_for_none() -> None:
    trees = (tree(0, (0, 0, 4, 4), (2, 2, 4, 4)), tree(1, (8, 6, 4, 4)), tree(2, reason="the blur is enough"))
    run = view(sample(0, [0.5, 0.25, 0.25], (0,), trees=trees), hierarchical_occlusion={"threshold": 0.5})
    assert reliability(run)[-3:] == [
        ["regions", "enough for the label", "2", "of 3 predicted labels"],
        ["", "part of the image", "20%", "median; 1.5 boxes"],
        ["", "none", "1", "the blur is enough"],
    ]


def test_by_masking_the_text_says_what_labels_cannot_do_without() -> None:
    run = view(sample(0, [1.0, 0, 0], trees=(tree(0, (0, 0, 1, 1)),)), hierarchical_occlusion={"by_masking": True})
    assert reliability(run)[0][:2] == ["regions", "cannot do without it"]


def test_regions_of_an_image_of_unknown_size_have_no_median() -> None:
    odd = replace(tree(0, (0, 0, 2, 2)), tree={"box": []})
    assert reliability(view(sample(0, [1.0, 0, 0], trees=(odd,)))) == [
        ["regions", "enough for the label", "1", "of 1 predicted labels"]
    ]


# ------------------------------------------------- where a run comes from


@pytest.mark.parametrize("recorded", [None, 3, ["a"]])
def test_a_job_whose_parameters_are_damaged_is_named_alone(tmp_path: Path, recorded: object) -> None:
    write_run(tmp_path, replace(METADATA, jobs=("saliency", "own"), parameters={"own": recorded}))
    rows = overview(facts_of(read_run(tmp_path)))[-1].rows
    assert [row for row in rows if row[0] == "job"] == [("job", "own")]


def test_settings_that_are_too_long_for_a_line_are_cut_and_those_of_many_methods_are_counted(tmp_path: Path) -> None:
    explainers = {f"M{number}": {"class": "Own", "setting": "x" * 90} for number in range(14)}
    metadata = replace(METADATA, explainers=tuple(explainers), metrics=(), parameters={"explainers": explainers})
    write_run(tmp_path, metadata, ended=False)
    lines = lines_of(overview(facts_of(read_run(tmp_path))))
    said = [line for line in lines if line.startswith("explainer")]
    assert len(said) == 13
    assert lines[-1] == "…: cut; --json has the whole"
    assert said[0].startswith("explainer   M0: 0 maps (class=Own, setting=xxx") and said[0].endswith("x…")
    assert {len(line) for line in said[:12]} == {80}
    assert said[12] == "explainer   ... (14 in all)"


# ------------------------------------------------- lists of samples

KNOWN = {"folder": "runs/digits", "with_ground_truth": 9, "correct": 6, "statistics": []}


def entry(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "sample": number,
        "source": None,
        "picture": f"_explain_{STARTED}/origin_images/0/{number}.png",
        "true_labels": ["cat"],
        "predicted_label": "dog",
        "probability": 0.875,
        "correct": False,
        "deviation": 0.125,
        "total_entropy": 0.5,
        **changed,
    }


def test_samples_are_listed_with_file_labels_and_probability() -> None:
    entries = [
        entry(3, source="cat/3.png"),
        entry(14, source="14.png", true_labels=None, predicted_label=None, probability=None),
        entry(5, source="5.png", true_labels=[], picture="5.png"),
        entry(6, true_labels=["cat", "eel"]),
    ]
    assert lines_of([errors_table(entries, KNOWN)]) == [
        "Surest errors  file       true     predicted          p",
        "───────────────────────────────────────────────────────",
        "3              cat/3.png  cat      dog            0.875",
        "14             14.png     unknown  -          undefined",
        "5              5.png      none     dog            0.875",
        "6                         cat+eel  dog            0.875",
        "the surest of 3 incorrect predictions",
    ]


def test_where_nothing_is_predicted_incorrectly_that_is_said() -> None:
    assert lines_of([errors_table([], KNOWN)])[-1] == "no sample is predicted incorrectly"


def test_without_a_file_the_picture_is_named_and_where_it_lies() -> None:
    assert lines_of([uncertain_table([entry(3), entry(4)], KNOWN)]) == [
        "Least certain  picture  true  predicted      p     sd  entropy",
        "──────────────────────────────────────────────────────────────",
        "3              3.png    cat   dog        0.875  0.125    0.500",
        "4              4.png    cat   dog        0.875  0.125    0.500",
        "sd: of the predicted label's probability over the draws",
        f"pictures: runs/digits/_explain_{STARTED}/origin_images/0",
    ]
    elsewhere = entry(1000, picture=f"_explain_{STARTED}/origin_images/1000/1000.png")
    table = uncertain_table([entry(3), elsewhere], KNOWN)
    assert [row[1] for row in table.rows] == [entry(3)["picture"], elsewhere["picture"]]
    assert table.notes[1] == "pictures: runs/digits"


def test_the_worst_scores_say_of_which_method_they_are_and_what_is_left_out() -> None:
    scored = [entry(3, source="3.png", score=0.25, worst_method="RISE", worst_score=0.125)]
    statistics = [
        {"metric": "IoSR", "explainer": name, "higher_is_better": False, "tied_with": tied}
        for name, tied in (("RISE", []), ("Blob", ["control: centre"]))
    ]
    table = worst_table(scored, {**KNOWN, "statistics": statistics}, "IoSR")
    assert table.heads[-2:] == ["IoSR ↓", "worst method"]
    assert table.rows[0][-2:] == ("0.250", "RISE 0.125")
    assert table.notes == ["IoSR: the mean over the methods; without Blob, which it does not tell from a control"]


def test_a_long_file_name_is_folded_and_the_numbers_are_not() -> None:
    name = "photographs/" + "x" * 90 + ".png"
    lines = lines_of([uncertain_table([entry(3, source=name)], KNOWN)])
    assert max(map(len, lines)) <= 80
    first = lines[2].split()
    assert first[0] == "3" and first[2:] == ["cat", "dog", "0.875", "0.125", "0.500"]
    assert first[1] + "".join(line.strip() for line in lines[3:-1]) == name
