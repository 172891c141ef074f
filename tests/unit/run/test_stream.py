"""A run writes each sample when it is complete, however many share a batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import LinearNetwork

from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.data.batch import Sample
from explainer.errors import BadSampleError
from explainer.explanation import RISE, Gradient
from explainer.records import Record, SampleDone, SampleSkipped, Score
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.stream import SampleStream, in_order

IMAGES = np.random.default_rng(0).random((6, 3, 4, 5)).astype(np.float32)
NETWORK = LinearNetwork(np.random.default_rng(1).standard_normal((2, 60)))


class Diary:
    """A job that notes when it works on which sample, and cannot work on some."""

    def __init__(self, events: list[Any], name: str = "diary", bad: tuple[int, ...] = (), early: bool = False) -> None:
        self.name = name
        self.events = events
        self.bad = bad
        self.early = early

    def check(self, first_batch: Any, labels: Any) -> None:
        pass

    def start(self) -> Iterator[Record]:
        yield from ()

    def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
        if self.early and (found := [case.sample_id for case in batch.samples if case.sample_id in self.bad]):
            raise BadSampleError("bad", sample_id=found[0])  # as one that works on all samples at once
        for case in batch.samples:
            if case.sample_id in self.bad:
                raise BadSampleError("bad", sample_id=case.sample_id)
            self.events.append((self.name, case.sample_id))
            for part in range(2):
                yield Score(case.sample_id, self.name, "metric", None, float(part))

    def finish(self) -> Iterator[Record]:
        yield from ()


class Events:
    """A sink that notes which samples are done."""

    def __init__(self, events: list[Any]) -> None:
        self.events = events

    def write(self, record: Record) -> None:
        if isinstance(record, SampleDone | SampleSkipped):
            self.events.append((type(record).__name__, record.sample_id))

    def close(self) -> None:
        pass


def runner_of(folder: Path, network: nn.Cell = NETWORK, **options: Any) -> ImageClassificationRunner:
    dataset = NumpySlicesDataset((IMAGES,), ["image"], shuffle=False).batch(6)
    return ImageClassificationRunner(
        folder, (dataset, ["a", "b"]), network, nn.Softmax(), options=RunOptions(batch_size=32, **options)
    )


def test_a_sample_is_done_when_the_slow_job_comes_to_the_next(tmp_path: Path) -> None:
    events: list[Any] = []
    runner = runner_of(tmp_path)
    runner.register(Diary(events))
    runner.register_sink(Events(events))
    runner.run()
    worked, done = "diary", "SampleDone"
    assert events == [
        (worked, 0),
        *[event for sample in range(1, 6) for event in ((worked, sample), (done, sample - 1))],
        (done, 5),
    ]


def test_the_first_sample_can_be_read_while_the_batch_is_worked_on(tmp_path: Path) -> None:
    found: list[int] = []

    class Reading(Diary):
        def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
            for case in batch.samples:
                found.append(len(read_run(tmp_path).samples))
                yield Score(case.sample_id, self.name, "metric", None, 1.0)

    runner = runner_of(tmp_path)
    runner.register(Reading([]))
    runner.run()
    assert found == [0, 0, 1, 2, 3, 4]


def test_a_method_of_many_passes_hands_each_sample_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RISE fills many batches by each image; the samples before are there when the last one is explained."""
    found: list[int] = []
    explain = RISE._explain

    def noted(method: RISE, images: Any, targets: Any) -> Any:
        found.append(len(read_run(tmp_path).samples))
        return explain(method, images, targets)

    runner = runner_of(tmp_path)
    runner.register_saliency([RISE(NETWORK, nn.Softmax(), 4, masks=100, grid=2), Gradient(NETWORK)])
    monkeypatch.setattr(RISE, "_explain", noted)
    runner.run()
    assert found == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("early", [False, True])
def test_a_sample_that_a_job_cannot_work_on_is_skipped_for_all(tmp_path: Path, early: bool) -> None:
    events: list[Any] = []
    runner = runner_of(tmp_path, on_bad_sample="skip")
    runner.register(Diary(events, "first", bad=(1,), early=early))
    runner.register(Diary(events, "second", bad=(1, 4), early=early))
    runner.register_sink(Events(events))
    result = runner.run()
    ends = [event for event in events if event[0].startswith("Sample")]
    skipped = [("SampleSkipped", number) if number in (1, 4) else ("SampleDone", number) for number in range(6)]
    assert ends == skipped
    assert (result.samples, result.skipped) == (4, 2)
    scores = {number: len(sample.scores) for number, sample in read_run(tmp_path).samples.items()}
    assert scores == dict.fromkeys((0, 2, 3, 5), 4)


@pytest.mark.parametrize("early", [False, True])
def test_a_sample_that_ends_the_run_leaves_those_before(tmp_path: Path, early: bool) -> None:
    runner = runner_of(tmp_path)
    runner.register(Diary([], bad=(3,), early=early))
    with pytest.raises(BadSampleError, match="bad"):
        runner.run()
    assert sorted(read_run(tmp_path).samples) == [0, 1, 2]


# The stream alone.


def batch_of(count: int) -> PredictedBatch:
    return PredictedBatch(
        tuple(PredictedSample(Sample(n, IMAGES[n], ()), np.float32([0.5, 0.5]), (0,), (0,)) for n in range(count))
    )


class Yielding(Diary):
    """Yields a score for each of the given samples."""

    def __init__(self, samples: list[int]) -> None:
        super().__init__([])
        self.samples = samples

    def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
        return (Score(sample, "explainer", "metric", None, 1.0) for sample in self.samples)


def test_samples_of_which_a_job_says_nothing_have_no_records() -> None:
    batch = batch_of(4)
    stream = SampleStream(Yielding([1, 1, 3]), batch)
    assert [len(stream.of(case)) for case in batch.samples] == [0, 2, 0, 1]


def test_records_of_another_batch_are_dropped() -> None:
    batch = batch_of(2)
    stream = SampleStream(Yielding([7, 0, 1]), batch)
    assert [[record.sample_id for record in stream.of(case)] for case in batch.samples] == [[0], [1]]


def test_a_job_that_goes_back_to_a_sample_is_told() -> None:
    batch = batch_of(3)
    streams = [SampleStream(Yielding([0, 1, 0]), batch)]
    list(in_order(streams, batch.samples[0]))
    with pytest.raises(RuntimeError, match="'diary' yields a record of sample 0 after those of a later one; yield"):
        list(in_order(streams, batch.samples[1]))


# What a job of one's own yields and declares.


class OwnRecord:
    """A kind of record that a summary does not know."""

    sample_id = 0


def test_a_record_of_an_own_kind_is_refused_with_what_to_do(tmp_path: Path) -> None:
    class Own(Diary):
        def on_batch(self, batch: PredictedBatch) -> Iterator[Any]:
            yield OwnRecord()

    runner = runner_of(tmp_path)
    runner.register(Own([]))
    with pytest.raises(
        TypeError, match=r"records of explainer.records, got a OwnRecord; yield what you have as Scores"
    ):
        runner.run()


def test_an_own_job_s_parameters_are_recorded(tmp_path: Path) -> None:
    job = Diary([])
    job.parameters = {"depth": 3, "names": ["a"]}  # type: ignore[attr-defined]
    runner = runner_of(tmp_path)
    runner.register(job)
    runner.run()
    assert read_run(tmp_path).metadata.parameters["diary"] == {"depth": 3, "names": ["a"]}


@pytest.mark.parametrize("parameters", [{"array": np.ones(2)}, ["depth"], {"set": {1}}])
def test_parameters_that_a_summary_cannot_keep_are_refused_at_registration(tmp_path: Path, parameters: Any) -> None:
    job = Diary([])
    job.parameters = parameters  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"`diary.parameters` must (be a mapping .*, got list|hold JSON)"):
        runner_of(tmp_path).register(job)


def test_a_name_that_the_summary_uses_is_refused_at_registration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`job.name` must not be one of network, .*, got 'metrics'"):
        runner_of(tmp_path).register(Diary([], "metrics"))
