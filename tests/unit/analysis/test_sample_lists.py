"""The samples to look at first: the surest errors, the worst scores, the least certain."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hand_made_runs import sample, view

from explainer.analysis.sample_lists import described, most_uncertain, surest_errors, worst_scores
from explainer.analysis.view import RunView
from explainer.records import SampleOrigin, Score

METRICS = {"M": {"higher_is_better": True}, "Lower": {"higher_is_better": False}}


def numbers(entries: list[dict[str, Any]]) -> list[int]:
    return [entry["sample"] for entry in entries]


def scored(number: int, *scores: tuple[str, str, int, float]) -> Any:
    found = (Score(number, method, metric, label, value) for metric, method, label, value in scores)
    return replace(sample(number, [0.25, 0.75, 0.0], (1,)), scores=tuple(found))


def run(*samples: Any) -> RunView:
    return view(*samples, metrics=METRICS, controls={"c": {}})


@pytest.mark.parametrize("listed", [surest_errors, most_uncertain, lambda run, count: worst_scores(run, "M", count)])
def test_of_a_run_without_samples_none_is_listed(listed: Any) -> None:
    with pytest.raises(ValueError, match="no sample of this run is complete"):
        listed(run(), 3)


def test_a_sample_is_described_by_its_file_its_labels_and_how_certain_they_are() -> None:
    one = sample(7, [0.25, 0.5, 0.25], (2, 0), [0.125, 0.0625, 0.5], entropies=(0.75, 0.5, 0.25))
    one = replace(one, origin=SampleOrigin(7, bytes(16), "cat/7.png", bytes(16)))
    assert described(view(one), one) == {
        "sample": 7,
        "source": "cat/7.png",
        "picture": "7.png",
        "true_labels": ["cat", "ant"],
        "predicted_label": "bee",
        "probability": 0.5,
        "correct": False,
        "deviation": 0.0625,
        "total_entropy": 0.75,
    }


def test_what_is_not_known_of_a_sample_is_none() -> None:
    found = described(view(), sample(7, []))
    assert {key for key, value in found.items() if value is None} == {
        *("source", "true_labels", "predicted_label", "probability", "correct", "deviation", "total_entropy")
    }


@pytest.mark.parametrize(("predicted", "label", "probability"), [((0,), "spam", 0.75), ((), "not spam", 0.25)])
def test_of_a_single_class_the_prediction_may_be_that_it_is_not_there(predicted, label, probability) -> None:
    one = sample(0, [0.75], (), predicted=predicted, absence_known=True)
    found = described(view(one, labels=("spam",)), one)
    assert (found["predicted_label"], found["probability"]) == (label, probability)


def test_the_surest_errors_are_the_incorrect_predictions_with_the_largest_probability() -> None:
    rows = {0: (0.75, 0), 1: (0.75, 1), 2: (0.5, 1), 3: (0.875, 2), 4: (0.75, 1), 5: (0.99, None)}
    samples = [
        sample(number, [probability, 1 - probability, 0.0], () if truth is None else (truth,))
        for number, (probability, truth) in rows.items()
    ]
    assert numbers(surest_errors(view(*samples), 9)) == [3, 1, 4, 2]
    assert numbers(surest_errors(view(*samples), 2)) == [3, 1]
    assert surest_errors(view(samples[0]), 2) == []


def test_without_true_labels_no_error_is_known() -> None:
    with pytest.raises(ValueError, match="no sample of this run has a true label, so that none is known"):
        surest_errors(view(sample(0, [0.5, 0.5, 0.0])), 3)


def test_the_worst_scores_are_of_the_mean_over_methods_each_of_the_mean_over_its_labels() -> None:
    found = worst_scores(
        run(
            scored(0, ("M", "g", 1, 0.5), ("M", "h", 1, 0.75), ("M", "c", 1, 0.0), ("Lower", "g", 1, 0.0)),
            scored(1, ("M", "g", 1, 0.25), ("M", "g", 2, 0.75), ("M", "h", 1, 0.25)),
            scored(2, ("M", "g", 1, math.nan), ("M", "h", 1, 0.9)),
            scored(3, ("M", "g", 1, math.nan), ("M", "c", 1, 0.1)),
        ),
        "M",
        9,
    )
    assert [(entry["sample"], entry["score"], entry["worst_method"], entry["worst_score"]) for entry in found] == [
        (1, 0.375, "h", 0.25),
        (0, 0.625, "g", 0.5),
        (2, pytest.approx(0.9), "h", pytest.approx(0.9)),
    ]


def test_where_lower_is_better_the_worst_scores_are_the_highest() -> None:
    samples = [
        scored(number, ("Lower", "g", 1, value), ("Lower", "h", 1, 0.5)) for number, value in enumerate((1, 3, 2))
    ]
    found = worst_scores(run(*samples), "Lower", 2)
    assert [(entry["sample"], entry["score"], entry["worst_method"]) for entry in found] == [
        (1, 1.75, "g"),
        (2, 1.25, "g"),
    ]


def test_methods_may_be_left_out_of_the_worst_scores() -> None:
    samples = [scored(0, ("M", "g", 1, 0.5), ("M", "h", 1, 0.0)), scored(1, ("M", "g", 1, 0.25), ("M", "h", 1, 0.5))]
    assert numbers(worst_scores(run(*samples), "M", 2)) == [0, 1]
    assert numbers(worst_scores(run(*samples), "M", 2, without=["h"])) == [1, 0]


def test_the_most_uncertain_samples_have_the_largest_deviation_of_their_most_probable_label() -> None:
    samples = [
        sample(0, [0.25, 0.75, 0.0], (), [0.5, 0.125, 0.5]),
        sample(1, [0.75, 0.25, 0.0], (), [0.25, 0.0, 0.0]),
        sample(2, [0.75, 0.25, 0.0]),
        sample(3, [0.75, 0.25, 0.0], (), [math.nan, 0.5, 0.5]),
        sample(4, [0.75, 0.25, 0.0], (), [0.25, 0.0, 0.0]),
    ]
    assert numbers(most_uncertain(view(*samples), 9)) == [1, 4, 0, 3]
    assert numbers(most_uncertain(view(*samples), 1)) == [1]


def test_without_draws_no_sample_is_known_to_be_uncertain() -> None:
    with pytest.raises(ValueError, match=r"this run has no uncertainty, .* `explainer run --uncertainty`"):
        most_uncertain(view(sample(0, [0.5, 0.5, 0.0])), 3)
