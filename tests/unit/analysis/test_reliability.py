"""Calibration, uncertainty and regions of a run, against the records by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import LABELS, sample, tree, view
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn

from explainer import ImageClassificationRunner, read_run
from explainer.analysis.facts import facts_of
from explainer.analysis.reliability import covered_part, reliability_facts
from explainer.command.inspect_text import reliability_tables
from explainer.explanation import Gradient
from explainer.summary.reader import SampleView


@pytest.mark.parametrize(
    ("known", "compared", "brier"),
    [(True, 3, (0.25**2 + 0.25**2 + 0.5**2) / 3), (False, 2, (0.25**2 + 0.5**2) / 2)],
)
def test_the_reliability_of_one_class_counts_the_samples_where_it_is_known_not_to_be(
    known: bool, compared: int, brier: float
) -> None:
    samples = [
        sample(0, [0.75], (0,), predicted=(0,), absence_known=known),
        sample(1, [0.25], (), absence_known=known),
        sample(2, [0.5], (0,), absence_known=known),
    ]
    found = reliability_facts(view(*samples, labels=("ant",)))["calibration"]["of_predictions"]
    assert (found["compared"], found["brier"]) == (compared, pytest.approx(brier))
    assert [one.correct for one in samples] == [True, True if known else None, False]


CORRECT = sample(0, [0.75, 0.25, 0.0], (0,), [0.125, 0.5, 0.5])
INCORRECT = sample(1, [0.25, 0.5, 0.25], (2,), [0.5, 0.25, 0.5])
UNKNOWN = sample(2, [0.0, 0.0, 1.0], (), [0.5, 0.5, 0.0625])


def test_reliability_is_of_the_samples_whose_labels_are_known() -> None:
    found = reliability_facts(view(CORRECT, INCORRECT, UNKNOWN))["calibration"]
    brier = ((0.25**2 + 0.25**2) + (0.25**2 + 0.5**2 + 0.75**2)) / 2
    assert found["of_predictions"] == {"kind": "classes", "compared": 2, "brier": brier, "ece": (0.25 + 0.5) / 2}
    mean = ((1 + 0.25**2 + 0.75**2) + (0.25**2 + 0.5**2 + 0.75**2)) / 2  # the draws' means are the other way round
    assert found["of_mean_draws"]["brier"] == pytest.approx(mean)


def test_without_draws_for_all_there_is_no_reliability_of_their_mean() -> None:
    found = reliability_facts(view(CORRECT, sample(1, [0.25, 0.5, 0.25], (2,))))["calibration"]
    assert found["of_mean_draws"] is None and found["of_predictions"]["compared"] == 2


@pytest.mark.parametrize("truth", [(), (3,), (-1,)])
def test_without_known_labels_there_is_no_reliability(truth: tuple[int, ...]) -> None:
    facts = reliability_facts(view(sample(0, [0.5, 0.25, 0.25], truth)))
    assert facts == {"calibration": None, "uncertainty": None, "hierarchical_occlusion": None}


def test_several_true_labels_are_compared_label_by_label() -> None:
    found = reliability_facts(view(sample(0, [0.75, 0.5, 0.0], (0, 1))))["calibration"]["of_predictions"]
    assert found == {"kind": "labels", "compared": 3, "brier": (0.25**2 + 0.5**2) / 3, "ece": 0.25}


def test_uncertainty_is_the_deviation_of_the_likeliest_label() -> None:
    found = reliability_facts(view(CORRECT, INCORRECT, UNKNOWN, uncertainty={"method": "dropout", "draws": 9}))[
        "uncertainty"
    ]
    assert found == {
        "settings": {"method": "dropout", "draws": 9},
        "samples": 3,
        "mean_deviation": (0.125 + 0.25 + 0.0625) / 3,
        "mean_deviation_correct": 0.125,
        "mean_deviation_incorrect": 0.25,
        "incorrect": 1,
        "error_detection_auroc": 1.0,
        "mean_total_entropy": 0.5,
        "mean_aleatoric_entropy": 0.375,
        "mean_epistemic_entropy": 0.125,
    }


def test_uncertainty_that_misleads_has_an_auroc_below_a_half() -> None:
    sure = sample(1, [0.25, 0.5, 0.25], (2,), [0.5, 0.0, 0.5])
    assert reliability_facts(view(CORRECT, sure))["uncertainty"]["error_detection_auroc"] == 0.0


def test_without_an_incorrect_sample_nothing_is_told_apart() -> None:
    assert reliability_facts(view(CORRECT, UNKNOWN))["uncertainty"]["error_detection_auroc"] is None


@pytest.mark.parametrize(
    "odd",
    [
        sample(1, [0.25, 0.5, 0.25], (2,), [0.5, 0.25]),
        sample(1, [0.25, 0.5, 0.25], (2,), [0.5, float("nan"), 0.5]),
        sample(1, [0.25, 0.5, 0.25], (2,), [0.5, 0.25, 0.5], entropies=(float("nan"), 0.5, 0.5)),
    ],
)
def test_a_damaged_uncertainty_is_left_out(odd: SampleView) -> None:
    facts = reliability_facts(view(CORRECT, odd))
    assert facts["uncertainty"]["samples"] == 1


def test_regions_are_counted_and_measured_by_what_they_cover_together() -> None:
    trees = (
        tree(0, (0, 0, 4, 4), (2, 2, 4, 4)),  # 16 + 16 - 4 of 80 pixels
        tree(1, (8, 6, 4, 4)),  # 2 * 2 of it inside
        tree(2, reason="the blur is enough"),
    )
    facts = reliability_facts(
        view(sample(0, [0.5, 0.25, 0.25], (0,), trees=trees), hierarchical_occlusion={"threshold": 0.5})
    )
    assert facts["hierarchical_occlusion"] == {
        "settings": {"threshold": 0.5},
        "labels": 3,
        "results": 2,
        "median_part_of_image": pytest.approx((28 + 4) / 2 / 80),
        "median_boxes": 1.5,
        "without_result": {"the blur is enough": 1},
    }


@pytest.mark.parametrize("box", [[], [0, 0, 0, 5], [0, 0, -3, -3], [0, 0, 10**6, 10**6]])
def test_a_tree_of_an_unbelievable_image_covers_nothing_known(box: list[int]) -> None:
    odd = replace(tree(0, (0, 0, 2, 2)), tree={"box": box})
    assert covered_part(odd) is None
    facts = reliability_facts(view(sample(0, [1.0, 0, 0], trees=(odd,))))
    assert facts["hierarchical_occlusion"]["median_part_of_image"] is None


def test_boxes_beyond_the_border_cover_their_part_inside() -> None:
    assert covered_part(tree(0, (-2, -1, 4, 4))) == 2 * 3 / 80


def test_inspect_tells_it_all_of_a_real_run(tmp_path: Path) -> None:
    network = SmallCnn(channels=3, classes=3)
    images = np.random.default_rng(0).standard_normal((6, 3, 12, 14)).astype(np.float32)
    dataset = NumpySlicesDataset((images, np.int32([0, 1, 2, 0, 1, 2])), ["image", "label"], shuffle=False).batch(4)
    runner = ImageClassificationRunner(tmp_path, (dataset, list(LABELS)), network, nn.Softmax())
    runner.register_saliency([Gradient(network)])
    runner.register_uncertainty(draws=5)
    runner.register_hierarchical_occlusion(win_sizes=[6], strides=[3], mask=0.0)
    runner.run()
    found = read_run(tmp_path)
    facts = facts_of(found)
    assert facts["uncertainty"]["samples"] == facts["calibration"]["of_mean_draws"]["compared"] == 6
    deviations = [
        one.uncertainty.deviation[one.prediction.probabilities.argmax()]
        for one in found.samples.values()
        if one.uncertainty is not None
    ]
    assert facts["uncertainty"]["mean_deviation"] == pytest.approx(np.mean(deviations), rel=1e-6)
    assert facts["uncertainty"]["settings"] == {"method": "dropout", "interval": "beta", "draws": 5, "seed": 0}
    trees = [one for each in found.samples.values() for one in each.edit_trees]
    assert facts["hierarchical_occlusion"]["labels"] == len(trees) > 0
    (table,) = reliability_tables(facts)
    assert [row[0] for row in table.rows if row[0]] == ["calibration", "uncertainty", "regions"]
