"""Controls: maps that know nothing of the network, and their place in a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn
from replicas import TARGETS, RecordingNetwork, normal_images

from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.analysis.facts import facts_of
from explainer.benchmark import Localization, Sparseness
from explainer.command.score_text import metric_tables, score_tables
from explainer.explanation import Gradient
from explainer.explanation.controls import CentreControl, RandomControl

NAMES = ["control: random", "control: centre"]


def test_random_maps_are_uniform_and_of_each_image_and_label() -> None:
    maps = RandomControl(SmallCnn())(normal_images(), [[0, 1], [2, 1], [3, 0]])
    assert maps.shape == (3, 2, 5, 7)
    assert 0 <= maps.min() < maps.max() < 1
    flat = maps.reshape(6, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(6)).max() < 0.6
    assert flat.mean() == pytest.approx(0.5, abs=3 * np.sqrt(1 / 12 / flat.size))


def test_random_maps_depend_on_image_label_and_seed_alone() -> None:
    images = normal_images()
    maps = RandomControl(SmallCnn())(images, TARGETS)
    np.testing.assert_array_equal(RandomControl(SmallCnn())(images[2:], TARGETS[2:]), maps[2:])
    np.testing.assert_array_equal(RandomControl(SmallCnn())(images[::-1], TARGETS[::-1])[::-1], maps)
    assert (RandomControl(SmallCnn(), seed=1)(images, TARGETS) != maps).all()


def test_the_blob_is_highest_in_the_middle_and_the_same_upside_down() -> None:
    maps = CentreControl(SmallCnn())(normal_images(), TARGETS)
    assert maps.shape == (3, 2, 5, 7)
    one = maps[0, 0]
    assert (maps == one).all()
    assert np.unravel_index(one.argmax(), one.shape) == (2, 3)
    assert one[2, 3] == 1
    np.testing.assert_array_equal(one, one[::-1, ::-1])
    assert one[2, 0] == pytest.approx(np.exp(-((3 / (7 / 4)) ** 2) / 2), rel=1e-6)
    assert one[0, 3] == pytest.approx(np.exp(-((2 / (5 / 4)) ** 2) / 2), rel=1e-6)


@pytest.mark.parametrize("control", [RandomControl, CentreControl])
def test_the_network_is_not_asked(control: Any) -> None:
    network = RecordingNetwork(SmallCnn())
    control(network)(normal_images(), TARGETS)
    assert network.shown == []


# In a run.

SIZE = 24
BOX = (4, 6, 10, 8)  # x, y, width, height: 80 of 576 pixels


def run(tmp_path: Path, count: int = 6, **options: Any) -> Any:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)
    labels, boxes = rng.integers(0, 2, (count, 1)).astype(np.int32), np.tile(np.float32(BOX), (count, 1, 1))
    dataset = NumpySlicesDataset((images, labels, boxes), ["image", "label", "bboxes"], shuffle=False).batch(4)
    network = nn.SequentialCell(nn.Conv2d(3, 2, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dense(2, 2))
    every = RunOptions(control_samples=None)
    runner = ImageClassificationRunner(str(tmp_path), (dataset, ["cat", "dog"]), network, nn.Softmax(), options=every)
    metrics = [Localization(2), Sparseness(2)] if options.pop("metrics", True) else None
    runner.register_saliency([Gradient(network)], metrics, **options)
    return read_run(runner.run().summary_dir)


def test_controls_are_scored_beside_the_methods_but_not_drawn_nor_in_the_table(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert [found.benchmarks[at].explainer for at in range(2)] == ["Gradient", "Gradient"]
    assert len(found.benchmarks) == 2
    assert found.metadata.explainers == ("Gradient",)
    assert sorted(found.metadata.parameters["controls"]) == sorted(NAMES)
    for sample in found.samples.values():
        assert {entry.explainer for entry in sample.maps} == {"Gradient"}
        assert {score.explainer for score in sample.scores} == {"Gradient", *NAMES}


@pytest.mark.parametrize("options", [{"controls": False}, {"metrics": False}])
def test_without_metrics_or_when_switched_off_there_are_none(tmp_path: Path, options: dict[str, Any]) -> None:
    found = run(tmp_path, **options)
    assert {score.explainer for sample in found.samples.values() for score in sample.scores} <= {"Gradient"}
    assert found.metadata.parameters["controls"] == {}


def test_the_random_control_points_into_boxes_as_often_as_their_part_of_the_image(tmp_path: Path) -> None:
    facts = facts_of(run(tmp_path, count=60))
    (entry,) = [one for one in facts["statistics"] if (one["metric"], one["explainer"]) == ("PointingGame", NAMES[0])]
    chance = 80 / SIZE**2
    labelled = entry["defined"]
    assert labelled >= 60
    assert abs(entry["mean"] - chance) < 3 * np.sqrt(chance * (1 - chance) / labelled)


def test_statistics_are_of_the_single_scores_and_of_correct_and_incorrect_samples(tmp_path: Path) -> None:
    found = run(tmp_path, count=12)
    facts = facts_of(found)
    assert [(one["metric"], one["explainer"], one["control"]) for one in facts["statistics"]] == [
        (metric, name, name in NAMES) for metric in ("PointingGame", "Sparseness") for name in ("Gradient", *NAMES)
    ]
    for entry in facts["statistics"]:
        scores = [
            (score.value, int(sample.prediction.probabilities.argmax()) in sample.prediction.ground_truth)
            for sample in found.samples.values()
            for score in sample.scores
            if (score.metric, score.explainer) == (entry["metric"], entry["explainer"])
        ]
        values = np.array([value for value, _ in scores if np.isfinite(value)])
        assert entry["mean"] == pytest.approx(values.mean())
        assert entry["median"] == pytest.approx(np.median(values))
        assert entry["defined"] + entry["undefined"] == len(scores)
        correct = [value for value, is_correct in scores if is_correct and np.isfinite(value)]
        assert entry["correct"]["defined"] == len(correct)
        assert entry["correct"]["defined"] + entry["incorrect"]["defined"] == entry["defined"]
    totals = {(total.metric, total.explainer): total.total for total in found.benchmarks}  # float32 on disk
    for entry in facts["statistics"]:
        if not entry["control"]:
            assert entry["mean"] == pytest.approx(totals[entry["metric"], entry["explainer"]], rel=1e-6)


def test_totals_in_all_and_per_label_can_be_rebuilt_from_the_single_scores(tmp_path: Path) -> None:
    found = run(tmp_path, count=12)
    for total in found.benchmarks:
        scores = [
            score
            for sample in found.samples.values()
            for score in sample.scores
            if (score.metric, score.explainer) == (total.metric, total.explainer)
        ]
        defined = [score for score in scores if np.isfinite(score.value)]
        assert (total.defined, total.undefined) == (len(defined), len(scores) - len(defined))
        assert total.total == pytest.approx(np.mean([score.value for score in defined]), rel=1e-6)
        for label, mean in enumerate(total.by_label):
            of_label = [score.value for score in defined if score.label == label]
            assert mean == pytest.approx(np.mean(of_label), rel=1e-6) if of_label else np.isnan(mean)


def test_inspect_says_them_a_row_each_below_the_methods(tmp_path: Path) -> None:
    facts = facts_of(run(tmp_path))
    (table,) = score_tables(facts)
    assert [row[0] for row in table.rows] == ["Gradient", "a control: random", "b control: centre"]
    assert table.heads == ["Scores", "PointingGame ↑", "Sparseness ↑"]
    assert table.dimmed == {1, 2}
    assert re.match(r"0\.\d{3} \[0\.\d\d,[01]\.\d\d]", table.rows[2][2])
    _, in_all, by_part = metric_tables(facts, "Sparseness")
    (centre,) = [row for row in in_all.rows if row[0] == "b control: centre"]
    assert re.match(r"[123] 0\.\d+ \[0\.\d+, 0\.\d+] 0\.\d+ 0\.\d+ \d+", " ".join(centre[1:]))
    assert by_part.heads == ["By prediction", "correct", "n", "rank", "incorrect", "n", "rank"]


def test_a_method_may_not_have_the_name_of_a_control(tmp_path: Path) -> None:
    network = SmallCnn()
    data = (NumpySlicesDataset((normal_images(),), ["image"]).batch(2), ["a", "b", "c", "d"])
    runner = ImageClassificationRunner(str(tmp_path), data, network, nn.Softmax())
    method = Gradient(network, name=NAMES[0])
    with pytest.raises(ValueError, match="got 'control: random' twice; the controls have these names"):
        runner.register_saliency([method], [Sparseness(4)])
    runner.register_saliency([method], [Sparseness(4)], controls=False)


def test_a_metric_is_made_for_the_labels_of_the_run(tmp_path: Path) -> None:
    network = SmallCnn()
    data = (NumpySlicesDataset((normal_images(),), ["image"]).batch(2), ["a", "b", "c", "d"])
    runner = ImageClassificationRunner(str(tmp_path), data, network, nn.Softmax())
    with pytest.raises(ValueError, match=r"`benchmarkers\[0\]` \(Sparseness\) must be made for the runner's 4 labels"):
        runner.register_saliency([Gradient(network)], [Sparseness(5)])


@pytest.mark.parametrize("controls", [None, 1, "no"])
def test_controls_are_on_or_off(tmp_path: Path, controls: Any) -> None:
    network = SmallCnn()
    data = (NumpySlicesDataset((normal_images(),), ["image"]).batch(2), ["a", "b", "c", "d"])
    runner = ImageClassificationRunner(str(tmp_path), data, network, nn.Softmax())
    with pytest.raises(TypeError, match="`controls` must be True or False"):
        runner.register_saliency([Gradient(network)], controls=controls)
