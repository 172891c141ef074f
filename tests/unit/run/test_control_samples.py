"""The controls are scored, and curves with further fills computed, on a part of the samples, which is told."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import GeneratorDataset, NumpySlicesDataset
from networks import Counting as CountingNetwork
from networks import LinearNetwork

from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.analysis.facts import facts_of
from explainer.analysis.view import RunView
from explainer.benchmark import Case, Faithfulness, Metric, Sparseness
from explainer.benchmark.base import score_and_curves
from explainer.command.score_text import metric_tables, score_tables
from explainer.errors import ResumeError
from explainer.explanation import Gradient
from explainer.records import SampleDone
from explainer.run.control_samples import ControlSamples, control_samples_of

CONTROLS = ("control: random", "control: centre")
COUNT = 60
IMAGES = np.random.default_rng(3).standard_normal((COUNT, 1, 4, 4)).astype(np.float32)
TRUTH = np.arange(COUNT, dtype=np.int32) % 3
WEIGHTS = np.random.default_rng(4).standard_normal((3, 16))
CHOSEN = [10, 18, 35, 42, 53]  # of 60, with seed 0

# ---- which samples ----


def chosen(samples: ControlSamples, count: int) -> list[int]:
    return [number for number in range(count) if samples.has(number)]


@pytest.mark.parametrize(("count", "of"), [(5, 60), (1, 1), (6, 50), (7, 8), (200, 10_001), (9, 9)])
def test_one_sample_is_drawn_of_each_equal_part(count: int, of: int) -> None:
    parts = [number * count // of for number in chosen(ControlSamples(count, of), of)]
    assert parts == list(range(count))


def test_they_depend_on_the_seed_and_their_place_alone() -> None:
    assert chosen(ControlSamples(5, COUNT), COUNT) == CHOSEN
    assert chosen(ControlSamples(5, COUNT, seed=1), COUNT) != CHOSEN


def test_every_sample_of_a_part_is_as_likely() -> None:
    found = Counter(number for seed in range(3000) for number in chosen(ControlSamples(2, 7, seed), 7))
    # Parts of four and of three samples; a standard error is about 24.
    assert [found[number] / 3000 for number in range(7)] == pytest.approx([1 / 4] * 4 + [1 / 3] * 3, abs=0.035)


def test_where_the_number_of_samples_is_not_known_they_are_one_of_so_many_without_an_end() -> None:
    found = chosen(ControlSamples(1, 8), 100_000)
    assert [number // 8 for number in found] == list(range(12_500))


def test_of_an_unknown_number_the_first_five_are_among_them_however_few_come() -> None:
    found = ControlSamples(1, 40, first=5)
    assert chosen(found, 3) == [0, 1, 2]
    assert chosen(found, 4000) == sorted({0, 1, 2, 3, 4, *chosen(ControlSamples(1, 40), 4000)})


# ---- how many ----


class Curved(Metric):
    def __init__(self, fills: int) -> None:
        self.settings = {"curve_fills": [*range(fills)]}

    def score(self, case: Case) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("fills", [0, 1, 2])
@pytest.mark.parametrize("controls", [0, 2])
@pytest.mark.parametrize("methods", [1, 3, 8])
@pytest.mark.parametrize("samples", [1, 5, 6, 50, 500, 100_000, None])
def test_by_default_they_cost_three_tenths_and_are_at_least_five_and_at_most_200(
    samples: int | None, methods: int, controls: int, fills: int
) -> None:
    found = control_samples_of("auto", samples, methods, controls, [Sparseness(3), Curved(fills)])
    more = methods * fills + controls * (1 + fills)
    if found.count is None:
        assert more <= 0.3 * methods or (samples is not None and samples <= 5)
        return
    assert (found.count * more <= 0.3 * methods * found.of) or found.count == 5
    if samples is not None:
        assert found.of == samples
        assert 5 <= found.count <= 200
        assert found.count in (5, 200) or (found.count + 1) * more > 0.3 * methods * samples


def test_50_samples_by_three_methods_and_10000_and_an_unknown_number() -> None:
    one_fill = [Curved(1)]
    assert control_samples_of("auto", 50, 3, 2, one_fill) == ControlSamples(6, 50)
    assert control_samples_of("auto", 10_000, 3, 2, one_fill) == ControlSamples(200, 10_000)
    assert control_samples_of("auto", None, 3, 2, one_fill) == ControlSamples(1, 8, first=5)


def test_a_number_is_what_was_asked_for_and_none_is_all() -> None:
    assert control_samples_of(9, 50, 3, 2, []) == ControlSamples(9, 50)
    assert control_samples_of(50, 50, 3, 2, []) == control_samples_of(None, 50, 3, 2, []) == ControlSamples()
    assert chosen(ControlSamples(), 9) == list(range(9))


# ---- a run ----


def deletion() -> Faithfulness:
    return Faithfulness(3, nn.Softmax(), "DeletionAUC", curve_fills=(0.25,))


def runner_of(
    folder: Path, network: nn.Cell, data_batch: int = 1, metric: Metric | None = None, **options: Any
) -> ImageClassificationRunner:
    data = NumpySlicesDataset((IMAGES, TRUTH), ["image", "label"], shuffle=False)
    data = data if data_batch == 1 else data.batch(data_batch)
    given = RunOptions(threshold=1.0, progress=False, **options)
    runner = ImageClassificationRunner(folder, (data, ["a", "b", "c"]), network, nn.Softmax(), options=given)
    runner.register_saliency([Gradient(network)], [metric or deletion()])
    return runner


def run(folder: Path, **options: Any) -> RunView:
    runner_of(folder, LinearNetwork(WEIGHTS), **options).run()
    return read_run(folder)


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    return run(tmp_path_factory.mktemp("part"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    return run(tmp_path_factory.mktemp("whole"), control_samples=None)


def scores(view: RunView) -> dict[tuple[Any, ...], float]:
    found = (score for sample in view.samples.values() for score in sample.scores)
    return {(score.sample_id, score.explainer, score.label): score.value for score in found}


def curves(view: RunView) -> dict[tuple[Any, ...], list[float]]:
    found = (curve for sample in view.samples.values() for curve in sample.curves)
    return {(one.sample_id, one.explainer, one.label, one.fill): one.probabilities.tolist() for one in found}


def test_controls_have_scores_of_the_chosen_samples_alone_and_methods_those_of_all(
    part: RunView, whole: RunView
) -> None:
    every = scores(whole)
    assert len(every) == 3 * COUNT
    assert scores(part) == {key: value for key, value in every.items() if key[1] not in CONTROLS or key[0] in CHOSEN}
    assert [one.total for one in part.benchmarks] == [one.total for one in whole.benchmarks]


def test_curves_with_a_further_fill_are_of_the_chosen_samples_alone(part: RunView, whole: RunView) -> None:
    every = curves(whole)
    assert len(every) == 2 * 3 * COUNT
    wanted = {key: value for key, value in every.items() if key[0] in CHOSEN or (key[1], key[3]) == ("Gradient", "0.0")}
    assert curves(part) == wanted


def test_what_a_method_is_compared_with_is_what_both_have(part: RunView, whole: RunView) -> None:
    counts = {(entry.explainer, entry.overall.defined) for entry in part.statistics()}
    assert counts == {("Gradient", COUNT), *((name, len(CHOSEN)) for name in CONTROLS)}
    every = scores(whole)
    means = {
        name: np.mean([value for (number, method, _), value in every.items() if method == name and number in CHOSEN])
        for name in ("Gradient", *CONTROLS)
    }
    ranked = {entry.explainer: entry.rank for entry in part.statistics()}
    assert sorted(means, key=lambda name: -means[name]) == sorted(ranked, key=lambda name: ranked[name] or 9)


def test_a_run_says_how_many_samples_that_are(part: RunView, whole: RunView) -> None:
    recorded = {"count": 5, "of": COUNT, "seed": 0}
    assert part.metadata.parameters["control_samples"] == recorded
    assert facts_of(part)["control_samples"] == {**recorded, "samples": 5}
    (scores,) = score_tables(facts_of(part))
    said = f"a, b: controls, which know nothing of the network; scored on 5 of {COUNT} samples"
    assert said in scores.notes
    *_, areas = metric_tables(facts_of(part), "DeletionAUC")
    (curves,) = [row[1:] for row in areas.rows if row[0] == "Gradient"]
    assert curves[0].endswith(f" (n {COUNT})")
    assert curves[1] == f"{facts_of(part)['curves'][1]['area']:.3f} (n 5)"
    assert "control_samples" not in whole.metadata.parameters
    assert facts_of(whole)["control_samples"] is None
    (scores,) = score_tables(facts_of(whole))
    assert "a, b: controls, which know nothing of the network" in scores.notes


def test_the_log_says_it_before_the_work_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "explainer"):
        run(tmp_path)
    assert "controls, and curves with further fills: 5 drawn of 60 samples (seed 0)" in caplog.messages


@pytest.mark.parametrize(
    "sizes", [{"batch_size": 7}, {"data_batch": 16}, {"batch_size": 64, "data_batch": 60}], ids=str
)
def test_they_are_the_same_samples_whatever_the_batches(part: RunView, tmp_path: Path, sizes: dict[str, Any]) -> None:
    found = run(tmp_path, **sizes)
    assert scores(found).keys() == scores(part).keys()
    assert curves(found).keys() == curves(part).keys()


class Stop:
    def __init__(self, after: int) -> None:
        self.left = after

    def write(self, record: Any) -> None:
        self.left -= isinstance(record, SampleDone)
        if self.left == 0:
            raise KeyboardInterrupt

    def close(self) -> None:
        pass


def stopped(folder: Path, after: int, **options: Any) -> None:
    runner = runner_of(folder, LinearNetwork(WEIGHTS), **options)
    runner.register_sink(Stop(after))
    with pytest.raises(KeyboardInterrupt):
        runner.run()


def test_a_run_that_goes_on_has_the_same_samples_and_scores(part: RunView, tmp_path: Path) -> None:
    stopped(tmp_path, 30)
    runner_of(tmp_path, LinearNetwork(WEIGHTS), batch_size=7).run(resume=True)
    found = scores(read_run(tmp_path))
    assert found.keys() == scores(part).keys()
    assert list(found.values()) == pytest.approx(list(scores(part).values()), abs=1e-6)


def test_a_run_with_all_goes_on_with_all_alone_as_one_of_an_earlier_version(tmp_path: Path) -> None:
    stopped(tmp_path, 3, control_samples=None)
    with pytest.raises(
        ResumeError, match=r"control_samples differ: None then, \{'count': 5, 'of': 60, 'seed': 0\} now"
    ):
        runner_of(tmp_path, LinearNetwork(WEIGHTS)).run(resume=True)
    assert runner_of(tmp_path, LinearNetwork(WEIGHTS), control_samples=None).run(resume=True).samples == COUNT


def test_default_metrics_cost_at_most_three_tenths_more_than_one_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # what is compiled calls no Python, so that nothing could be counted
    passes = {}
    for kind, metric, asked in (
        ("bare", Faithfulness(3, nn.Softmax(), "DeletionAUC", curve_fills=()), False),
        ("default", Faithfulness(3, nn.Softmax(), "DeletionAUC"), True),
    ):
        network = CountingNetwork(LinearNetwork(WEIGHTS))
        data = NumpySlicesDataset((np.tile(IMAGES, (3, 1, 1, 1)), np.tile(TRUTH, 3)), ["image", "label"], shuffle=False)
        runner = ImageClassificationRunner(tmp_path / kind, (data, ["a", "b", "c"]), network, nn.Softmax())
        runner.register_saliency([Gradient(network)], [metric], controls=asked)
        network.passes.clear()
        runner.run()
        passes[kind] = sum(network.passes)
    assert 1.2 < passes["default"] / passes["bare"] <= 1.3


def test_a_dataset_that_cannot_be_counted_takes_no_number_of_samples_but_a_part_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "explainer")

    def rows() -> Any:
        yield from zip(IMAGES, TRUTH, strict=True)

    network = LinearNetwork(WEIGHTS)
    data = GeneratorDataset(rows, ["image", "label"], shuffle=False), ["a", "b", "c"]
    with pytest.raises(ValueError, match=r'`control_samples` must be "auto" or None for a dataset .*, got 9'):
        ImageClassificationRunner(tmp_path, data, network, nn.Softmax(), options=RunOptions(control_samples=9))
    runner = ImageClassificationRunner(tmp_path, data, network, nn.Softmax())
    runner.register_saliency([Gradient(network)], [deletion()])
    runner.run()
    found = facts_of(read_run(tmp_path))["control_samples"]
    drawn = {*chosen(ControlSamples(1, 17), COUNT), 0, 1, 2, 3, 4}
    assert found == {"count": 1, "of": 17, "seed": 0, "first": 5, "samples": len(drawn)}
    told = "controls, and curves with further fills: the first 5 samples, and 1 drawn of each 17 (seed 0)"
    assert told in caplog.messages


def test_a_metric_alone_gives_every_curve_unless_none_is_wanted() -> None:
    gradient = Gradient(LinearNetwork(WEIGHTS))
    case = Case(IMAGES[0], (1,), gradient(IMAGES[:1], 1)[0], None, gradient)
    all_scores, both = score_and_curves(deletion(), case)
    own_scores, own = score_and_curves(deletion(), replace(case, further_curves=False))
    assert ([one.fill for one in both], [one.fill for one in own]) == (["0.0", "0.25"], ["0.0"])
    assert own_scores == all_scores
