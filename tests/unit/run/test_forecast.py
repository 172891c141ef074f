"""What a run tells of itself beforehand: passes as they are then made, bytes as they are then written, times by a clock
that the test moves."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import GeneratorDataset, NumpySlicesDataset
from networks import Counting, SmallCnn

from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Faithfulness, Robustness, Sparseness
from explainer.explanation import RISE, Gradient
from explainer.records import Score
from explainer.run import one_run
from explainer.run.estimate import Estimate
from explainer.run.job import PredictedBatch
from explainer.run.stopwatch import Part
from explainer.run.timing import Timer

SOFTMAX = nn.Softmax()
COUNT = 12
IMAGES = np.random.default_rng(1).standard_normal((COUNT, 3, 8, 8)).astype(np.float32)
LABELS = ["a", "b", "c", "d"]


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that is compiled calls no Python, so that nothing could be counted."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


def runner_of(folder: Path, network: nn.Cell, images: Any = IMAGES, **options: Any) -> ImageClassificationRunner:
    """Of images that are each explained for the label 1."""
    columns = {"image": images, "label": np.full(len(images), 1, np.int32)}
    data = NumpySlicesDataset(columns, shuffle=False), LABELS
    given = RunOptions(threshold=1.0, engine="mindspore", progress=False, label_format="ids", **options)
    return ImageClassificationRunner(folder, data, network, SOFTMAX, options=given)


class Ticking:
    """A clock that moves whenever it is read."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.seconds = seconds

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """So many seconds pass from one look at the clock to the next; how small the images are is no matter."""
    monkeypatch.setattr(one_run, "_FEW_PIXELS", 0)

    def tick(seconds: float) -> None:
        monkeypatch.setattr(one_run, "Timer", lambda calls: Timer(calls, Ticking(seconds)))

    return tick


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "explainer")
    return caplog


def told(log: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in log.records if "will take" in record.getMessage()]


# ---- passes ----


def test_the_passes_that_are_told_are_those_that_the_run_makes(tmp_path: Path) -> None:
    network = Counting(SmallCnn(channels=3))
    runner = runner_of(tmp_path / "out", network)
    deletion = Faithfulness(4, SOFTMAX, "DeletionAUC", steps=6)
    robustness = Robustness(4, SOFTMAX, perturbations=2, threshold=1)
    runner.register_saliency(
        [Gradient(network), RISE(network, SOFTMAX, masks=40)], [deletion, robustness, Sparseness(4)]
    )
    runner.register_uncertainty(augment="noise", draws=5)
    estimate = runner.estimate()
    network.passes.clear()
    runner.run()
    # Before the first sample: its prediction (with that of the batch), a gradient, 32 masks and 5 draws of one image.
    checks = 1 + 32 + 5
    assert sum(network.passes) - checks == estimate.passes
    controls = 5  # samples: fewer have no interval
    by_hand = {
        "prediction": COUNT,
        "saliency Gradient": COUNT,
        "saliency RISE": COUNT * 40,
        # The step at which nothing is hidden is known. The blur beside it, and two controls with it, on some samples.
        "metric DeletionAUC": 2 * COUNT * 6 + controls * (2 * 6 + 2 * 12),
        "metric Robustness": COUNT * (2 + 2 * 1 + 2 + 2 * 40) + controls * 2 * 2,
        "metric Sparseness": 0,
        "job uncertainty": COUNT * 5,
        "writing": 0,
    }
    assert passes_of(estimate) == by_hand


def passes_of(estimate: Estimate) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(estimate.recorded, 0.0)
    for row in estimate.rows:
        found[str(row.part)] += row.total_passes
    return found


def test_of_several_labels_the_mean_is_told(tmp_path: Path) -> None:
    network = SmallCnn(channels=3)
    columns = {"image": IMAGES[:3], "label": np.array([[0, -1, -1], [1, 2, -1], [0, 1, 3]], np.int32)}
    data = NumpySlicesDataset(columns, shuffle=False), LABELS
    options = RunOptions(threshold=1.0, engine="mindspore", progress=False, label_format="ids")
    runner = ImageClassificationRunner(tmp_path / "out", data, network, SOFTMAX, options=options)
    runner.register_saliency([Gradient(network)], [Faithfulness(4, SOFTMAX, "DeletionAUC", steps=6)], controls=False)
    estimate = runner.estimate()
    assert estimate.labels == 2
    gradient, deletion = estimate.rows[1:3]
    assert (gradient.passes, deletion.passes) == (2, 12)


def test_a_search_is_told_by_the_passes_of_the_first_samples(tmp_path: Path) -> None:
    network = Counting(SmallCnn(channels=3))
    runner = runner_of(tmp_path / "out", network)
    windows = {"win_sizes": [4, 2], "strides": [2, 1], "threshold": 0.4, "mask": 0.0}
    runner.register_saliency([Gradient(network)])
    runner.register_hierarchical_occlusion(**windows)
    search = next(row for row in runner.estimate().rows if row.part.name == "hierarchical_occlusion")
    runner.run()
    without = runner_of(tmp_path / "without", network)
    without.register_saliency([Gradient(network)])
    counts = []
    for one in (runner, without):
        network.passes.clear()
        one.run()
        counts.append(sum(network.passes))
    assert search.passes > 0
    assert search.total_passes == pytest.approx(counts[0] - counts[1], rel=0.5)  # of 12 samples three are tried


# ---- bytes ----


@pytest.mark.parametrize("raw_maps", [None, "float32"])
def test_the_bytes_that_are_told_are_about_those_on_disk(tmp_path: Path, raw_maps: str | None) -> None:
    network = SmallCnn(channels=3)
    images = np.random.default_rng(2).standard_normal((20, 3, 40, 50)).astype(np.float32)
    runner = runner_of(tmp_path / "out", network, images, raw_maps=raw_maps)
    rise, deletion = RISE(network, SOFTMAX, masks=300), Faithfulness(4, SOFTMAX, "DeletionAUC", steps=6)
    runner.register_saliency([Gradient(network), rise], [deletion])
    runner.register_uncertainty(augment="noise", draws=10)
    estimate = runner.estimate()
    assert not (tmp_path / "out").exists()
    runner.run()
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert 1 / 1.5 < estimate.bytes / written < 1.5
    if raw_maps:
        assert written > 20 * 2 * 4 * 40 * 50  # two maps of each


@pytest.mark.parametrize("control_samples", [None, 6])
def test_the_scores_of_controls_count_among_the_bytes(tmp_path: Path, control_samples: int | None) -> None:
    network = SmallCnn(channels=3)
    metrics = [Sparseness(4).named(f"Sparseness {number}") for number in range(40)]
    told, written = [], []
    for controls in (True, False):
        folder = tmp_path / str(controls)
        runner = runner_of(folder, network, control_samples=control_samples)
        runner.register_saliency([Gradient(network)], metrics, controls=controls)
        told.append(runner.estimate().bytes)
        runner.run()
        written.append(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    of_controls = (told[0] - told[1]) / (written[0] - written[1])
    assert 1 / 1.1 < of_controls < 1.1


# ---- seconds ----


def long_runner(folder: Path, masks: int = 500) -> ImageClassificationRunner:
    network = SmallCnn(channels=3)
    runner = runner_of(folder, network)
    runner.register_saliency([Gradient(network), RISE(network, SOFTMAX, masks=masks)])
    return runner


def test_above_ten_minutes_a_run_warns_and_says_what_takes_most(
    tmp_path: Path, ticking: Callable[[float], None], log: pytest.LogCaptureFixture
) -> None:
    ticking(20.0)
    result = long_runner(tmp_path / "out").run()
    ((level, message),) = told(log)
    assert level == logging.WARNING
    assert result.estimate is not None and result.estimate.seconds > 600
    # Of RISE six batches of 32 masks are timed, a look at the clock for each: 20 s, and as long for each 32 further.
    (rise,) = (row for row in result.estimate.rows if row.part.name == "RISE")
    assert rise.seconds == pytest.approx(2 * 20 + (500 - 32) * 20 / 32)
    assert message.startswith("the run will take about ") and "\nsaliency RISE " in message
    assert "is saliency RISE, 500 passes for each sample" in message and "fewer `masks`" in message


def test_of_one_to_ten_minutes_the_table_alone_is_logged(
    tmp_path: Path, ticking: Callable[[float], None], log: pytest.LogCaptureFixture
) -> None:
    ticking(0.6)
    result = long_runner(tmp_path / "out").run()
    assert result.estimate is not None and 60 < result.estimate.seconds < 600
    ((level, message),) = told(log)
    assert (level, message.partition("\n")[2]) == (logging.INFO, repr(result.estimate))


@pytest.mark.parametrize(("seconds", "masks"), [(0.001, 500), (1e6, 300)], ids=["quick", "few passes"])
def test_of_a_small_run_nothing_is_said(
    tmp_path: Path, ticking: Callable[[float], None], log: pytest.LogCaptureFixture, seconds: float, masks: int
) -> None:
    ticking(seconds)
    assert long_runner(tmp_path / "out", masks).run().estimate is None
    assert told(log) == []


def test_of_a_run_of_small_images_nothing_is_said(
    tmp_path: Path, ticking: Callable[[float], None], log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking(1e6)
    monkeypatch.setattr(one_run, "_FEW_PIXELS", 3e7)
    assert long_runner(tmp_path / "out", 800).run().estimate is None
    assert told(log) == []


class Bright(Gradient):
    """Cannot explain what is very bright."""

    def _explain(self, images: Any, targets: Any) -> Any:
        maps = super()._explain(images, targets)
        return np.where(images.max(axis=(1, 2, 3), keepdims=True) > 50, np.nan, maps)


def test_a_first_sample_that_cannot_be_worked_on_is_skipped_without_an_estimate(
    tmp_path: Path, ticking: Callable[[float], None], log: pytest.LogCaptureFixture
) -> None:
    ticking(20.0)
    images = IMAGES.copy()
    images[0, 1, 2, 3] = 100
    network = SmallCnn(channels=3)
    runner = runner_of(tmp_path / "out", network, images, on_bad_sample="skip")
    runner.register_saliency([Bright(network), RISE(network, SOFTMAX, masks=500)])
    result = runner.run()
    assert (result.estimate, result.skipped, result.samples) == (None, 1, COUNT - 1)
    assert told(log) == []


def test_what_a_resumed_run_has_left_is_told(
    tmp_path: Path, ticking: Callable[[float], None], log: pytest.LogCaptureFixture
) -> None:
    ticking(20.0)

    class Stopping:
        def __init__(self) -> None:
            self.left = 2

        def write(self, record: Any) -> None:
            self.left -= type(record).__name__ == "SampleDone"
            if not self.left:
                raise KeyboardInterrupt

        def close(self) -> None:
            pass

    runner = long_runner(tmp_path / "out", masks=800)
    runner.register_sink(Stopping())
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    estimate = long_runner(tmp_path / "out", masks=800).run(resume=True).estimate
    assert estimate is not None and estimate.samples == COUNT - 2


def test_how_long_each_part_took_is_given(tmp_path: Path) -> None:
    runner = long_runner(tmp_path / "out")
    told_before = runner.estimate().recorded
    taken = runner.run().seconds_of
    assert taken.keys() >= told_before.keys()
    assert 0 < taken["saliency Gradient"] < taken["saliency RISE"]
    assert sum(runner.run().seconds_of.values()) < 2 * sum(taken.values())  # of that run alone


# ---- other jobs, other data ----


class Own:
    """A job that notes what it was asked."""

    name = "own"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def check(self, first_batch: Any, labels: Any) -> None:
        self.asked.append("check")

    def start(self) -> Any:
        self.asked.append("start")
        return ()

    def on_batch(self, batch: PredictedBatch) -> Any:
        self.asked.append(len(batch.samples))
        for sample in batch.samples:
            yield Score(sample.sample_id, "own", "own", 0, 0.5)

    def finish(self) -> Any:
        return ()


class Trying(Own):
    """One that may be tried."""

    def worked_on(self, batch: PredictedBatch) -> PredictedBatch:
        return PredictedBatch(batch.samples[:6])


def test_a_job_of_ones_own_is_not_tried_unless_it_says_so(tmp_path: Path) -> None:
    runner, own = runner_of(tmp_path / "out", SmallCnn(channels=3)), Own()
    runner.register(own)
    row = runner.estimate().rows[1]
    assert (row.part, own.asked) == (Part("job", "own"), ["check"])
    assert math.isnan(row.seconds)


def test_a_job_that_may_be_tried_is_tried_on_some_samples_before_it_starts(
    tmp_path: Path, ticking: Callable[[float], None]
) -> None:
    ticking(4.0)
    runner, own = runner_of(tmp_path / "out", SmallCnn(channels=3)), Trying()
    runner.register(own)
    row = runner.estimate().rows[1]
    assert own.asked == ["check", 3]
    assert row.seconds == pytest.approx(4.0 / 3 * 6 / 12)  # three of six samples; six of twelve are worked on


def test_of_an_unknown_number_of_samples_one_is_told(tmp_path: Path) -> None:
    network = SmallCnn(channels=3)
    data = GeneratorDataset(lambda: ((image,) for image in IMAGES), ["image"], shuffle=False), LABELS
    options = RunOptions(engine="mindspore", progress=False)
    runner = ImageClassificationRunner(tmp_path / "out", data, network, SOFTMAX, options=options)
    runner.register_saliency([RISE(network, SOFTMAX, masks=40)])
    estimate = runner.estimate()
    assert (estimate.samples, estimate.passes) == (None, 41)


def test_an_estimate_raises_what_a_run_raises_before_its_first_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nothing to do: call register_saliency"):
        runner_of(tmp_path / "out", SmallCnn(channels=3)).estimate()
    network = SmallCnn(channels=3, classes=5)
    runner = runner_of(tmp_path / "out", network)
    runner.register_saliency([Gradient(network)])
    with pytest.raises(ValueError, match="must name each of the network's 5 outputs, got 4 labels"):
        runner.estimate()
