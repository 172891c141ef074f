"""The curves of a run, from the metric to the file and to what `explainer inspect` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn
from replicas import normal_images

from explainer import ImageClassificationRunner, read_run
from explainer.analysis.facts import facts_of
from explainer.analysis.view import RunView
from explainer.benchmark import Case, Faithfulness, Metric
from explainer.command.score_text import metric_tables
from explainer.errors import BadSampleError
from explainer.explanation import Gradient

IMAGES = normal_images(3, 3)
LABELS = ["ant", "bee", "cat", "dog"]


class Unlucky(Metric):
    """Asks for a further map of each image, which is not finite for the second of them."""

    name = "Unlucky"

    def score(self, case: Case) -> Any:
        if (case.image == IMAGES[1]).all():
            raise BadSampleError("the map has a NaN", index=0)
        return np.full(len(case.labels), 0.5)


def run(folder: Path, *metrics: Metric) -> RunView:
    network = SmallCnn(channels=3)
    truth = np.array([0, 2, 1], np.int32)
    dataset = NumpySlicesDataset((IMAGES, truth), ["image", "label"], shuffle=False).batch(2)
    runner = ImageClassificationRunner(folder, (dataset, LABELS), network, nn.Sigmoid())
    runner.register_saliency([Gradient(network)], list(metrics))
    runner.run()
    return read_run(folder)


def area(fractions: np.ndarray, probabilities: np.ndarray) -> float:
    widths = np.diff(fractions.astype(np.float64))
    return float((widths * (probabilities[1:] + probabilities[:-1]) / 2).sum() / fractions[-1])


def test_every_score_is_the_area_of_its_curve_in_the_file(tmp_path: Path) -> None:
    found = run(tmp_path, Faithfulness(4, nn.Sigmoid(), "DeletionAUC"), Faithfulness(4, nn.Sigmoid(), "InsertionAUC"))
    for sample in found.samples.values():
        curves = {(curve.metric, curve.explainer, curve.label, curve.fill): curve for curve in sample.curves}
        assert len(curves) == len(sample.curves) == 2 * len(sample.scores)
        for score in sample.scores:
            curve = curves[score.metric, score.explainer, score.label, "0.0"]
            assert len(curve.fractions) == 6 and curve.fractions[0] == 0 and curve.fractions[-1] == 1
            found_area = area(curve.fractions, curve.probabilities)
            wanted = 1 - found_area if score.metric == "DeletionAUC" else found_area
            assert score.value == pytest.approx(wanted, abs=1e-6)
            assert (
                curves[score.metric, score.explainer, score.label, "blur"].probabilities != curve.probabilities
            ).any()


def test_one_metric_twice_under_two_names(tmp_path: Path) -> None:
    zeros = Faithfulness(4, nn.Sigmoid(), "DeletionAUC", curve_fills=())
    means = Faithfulness(4, nn.Sigmoid(), "DeletionAUC", fill="mean", curve_fills=()).named("DeletionAUC (mean)")
    found = run(tmp_path, zeros, means)
    assert found.metadata.metrics == ("DeletionAUC", "DeletionAUC (mean)")
    assert found.metadata.parameters["metrics"]["DeletionAUC (mean)"]["fill"] == "mean"
    totals = {total.metric: total.total for total in found.benchmarks}
    assert totals["DeletionAUC"] != totals["DeletionAUC (mean)"]


def test_inspect_says_the_area_of_each_fill(tmp_path: Path) -> None:
    found = run(tmp_path, Faithfulness(4, nn.Sigmoid(), "InsertionAUC", percent=0.5))
    facts = facts_of(found)
    assert [(entry["explainer"], entry["fill"]) for entry in facts["curves"]] == [
        (name, fill) for name in ("Gradient", "control: random", "control: centre") for fill in ("0.0", "blur")
    ]
    for entry in facts["curves"]:
        curves = [
            curve
            for sample in found.samples.values()
            for curve in sample.curves
            if (curve.explainer, curve.fill) == (entry["explainer"], entry["fill"])
        ]
        assert entry["curves"] == len(curves) > 2
        areas = [area(curve.fractions, curve.probabilities) for curve in curves]
        assert entry["area"] == pytest.approx(np.mean(areas), abs=2e-3)  # a grid of 101 points
        assert entry["fractions"][-1] == pytest.approx(17 / 35) and len(entry["probabilities"]) == 101
    mean = next(entry["mean"] for entry in facts["statistics"] if entry["explainer"] == "Gradient")
    assert facts["curves"][0]["area"] == pytest.approx(mean, abs=2e-3)
    *_, areas = metric_tables(facts, "InsertionAUC")
    assert areas.heads[:2] == ["Area under the mean curve", "fill 0.0"]
    said = {row[0]: row[1] for row in areas.rows}
    assert said["Gradient"] == f"{facts['curves'][0]['area']:.3f} (n 10)"


def test_statistics_are_there_for_python_too(tmp_path: Path) -> None:
    found = run(tmp_path, Faithfulness(4, nn.Sigmoid(), "DeletionAUC", curve_fills=()))
    gradient, *controls = found.statistics()
    assert (gradient.metric, gradient.explainer, gradient.control) == ("DeletionAUC", "Gradient", False)
    assert [entry.control for entry in controls] == [True, True]
    assert sorted(entry.rank for entry in (gradient, *controls)) == [1, 2, 3]
    values = {True: [], False: []}
    for sample in found.samples.values():
        values[sample.correct] += [score.value for score in sample.scores if score.explainer == "Gradient"]
    assert gradient.overall.mean == pytest.approx(np.mean(values[True] + values[False]))
    for part, summary in ((True, gradient.correct), (False, gradient.incorrect)):
        assert summary.defined == len(values[part])
        if values[part]:
            assert summary.mean == pytest.approx(np.mean(values[part]))


def test_a_further_map_that_is_not_finite_costs_that_score_alone(tmp_path: Path) -> None:
    found = run(tmp_path, Unlucky())
    assert found.ended and sorted(found.samples) == [0, 1, 2]
    for sample in found.samples.values():
        assert sample.scores and all(np.isnan(score.value) == (sample.sample_id == 1) for score in sample.scores)
    (total,) = found.benchmarks
    assert total.undefined >= 1 and total.total == 0.5
