"""What is said of a run: rows of text, from its facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hand_made_runs import METADATA, sample, tree, view, write_run

from explainer.analysis.facts import facts_of
from explainer.analysis.reliability import reliability_facts
from explainer.analysis.view import RunView, read_run
from explainer.command.text import reliability_rows, rows_of

CORRECT = sample(0, [0.75, 0.25, 0.0], (0,), [0.125, 0.5, 0.5])
INCORRECT = sample(1, [0.25, 0.5, 0.25], (2,), [0.5, 0.25, 0.5])
UNKNOWN = sample(2, [0.0, 0.0, 1.0], (), [0.5, 0.5, 0.0625])


def rows(run: RunView) -> list[tuple[str, str]]:
    return reliability_rows(reliability_facts(run))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_250_000, "1.2 MB"),
        (3_000_000_000, "3.0 GB"),
        (5_000_000_000_000, "5000.0 GB"),
    ],
)
def test_bytes_are_said_in_a_fitting_unit(tmp_path: Path, count, expected):
    write_run(tmp_path)
    rows = dict(rows_of(facts_of(read_run(tmp_path)) | {"event_bytes": count}))
    assert rows["bytes"].startswith(f"{expected} records, ")


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (12, 12), (13, 13), (20_000, 13)])
def test_damage_is_said_a_dozen_times_and_counted(tmp_path: Path, count, shown):
    write_run(tmp_path)
    found = [{"what": "it is damaged", "offset": number} for number in range(count)]
    texts = [text for name, text in rows_of(facts_of(read_run(tmp_path)) | {"damage": found}) if name == "damage"]
    assert len(texts) == shown
    assert all(text == f"it is damaged (byte {number})" for number, text in enumerate(texts[:12]))
    assert texts[12:] == ([f"... ({count} in all; `explainer verify` names each)"] if count > 12 else [])


@pytest.mark.parametrize("truth", [(), (3,), (-1,)])
def test_without_known_labels_draws_and_trees_there_is_nothing_to_say(truth: tuple[int, ...]) -> None:
    assert rows(view(sample(0, [0.5, 0.25, 0.25], truth))) == []


def test_calibration_and_uncertainty_are_said_with_their_numbers() -> None:
    settings = {"method": "dropout", "draws": 9}
    assert rows(view(CORRECT, INCORRECT, UNKNOWN, uncertainty=settings)) == [
        ("calibration", "predictions: calibration error (ECE) 0.375, Brier score 0.500 over 2 samples"),
        ("calibration", "mean of the draws: calibration error (ECE) 0.625, Brier score 1.250 over 2 samples"),
        ("uncertainty", "dropout (draws 9): sd of the predicted label 0.146 on average over 3 samples"),
        ("uncertainty", "sd 0.125 where correct, 0.250 where incorrect (n 1); it detects errors with AUROC 1.000"),
        ("uncertainty", "entropy 0.500 nats: 0.375 of the images (aleatoric), 0.125 of the network (epistemic)"),
    ]


@pytest.mark.parametrize("settings", [None, [], "dropout"])
def test_draws_of_unknown_settings_are_said_to_be_so(settings: object) -> None:
    assert rows(view(UNKNOWN, uncertainty=settings))[0] == (
        "uncertainty",
        "unknown method: sd of the predicted label 0.062 on average over 1 samples",
    )


@pytest.mark.parametrize("recorded", [None, 3, ["a"]])
def test_a_job_whose_parameters_are_damaged_is_named_alone(tmp_path: Path, recorded: object) -> None:
    write_run(tmp_path, replace(METADATA, jobs=("saliency", "own"), parameters={"own": recorded}))
    assert [row for row in rows_of(facts_of(read_run(tmp_path))) if row[0] == "job"] == [("job", "own")]


def test_without_an_incorrect_sample_no_auroc_is_said() -> None:
    assert not any("AUROC" in text for _, text in rows(view(CORRECT, UNKNOWN)))


def test_regions_are_said_with_their_median_and_the_reasons_for_none() -> None:
    trees = (tree(0, (0, 0, 4, 4), (2, 2, 4, 4)), tree(1, (8, 6, 4, 4)), tree(2, reason="the blur is enough"))
    run = view(sample(0, [0.5, 0.25, 0.25], (0,), trees=trees), hierarchical_occlusion={"threshold": 0.5})
    assert rows(run)[-2:] == [
        (
            "regions",
            "2 of 3 predicted labels have a region that is enough for them; in the median it has 1.5 boxes and 20% of "
            "the image",
        ),
        ("regions", "1 without, because the blur is enough"),
    ]


def test_by_masking_the_text_says_what_labels_cannot_do_without() -> None:
    trees = (tree(0, (0, 0, 1, 1)),)
    run = view(sample(0, [1.0, 0, 0], trees=trees), hierarchical_occlusion={"by_masking": True})
    assert "cannot do without" in rows(run)[-1][1]


def test_regions_of_an_image_of_unknown_size_have_no_median() -> None:
    odd = replace(tree(0, (0, 0, 2, 2)), tree={"box": []})
    assert rows(view(sample(0, [1.0, 0, 0], trees=(odd,))))[-1] == (
        "regions",
        "1 of 1 predicted labels have a region that is enough for them",
    )
