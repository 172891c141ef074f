"""Samples put together one by one, by the writer's and the reader's one assembler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainer.analysis.view import read_run
from explainer.records import OriginalImage, Prediction, RunEnd, RunMetadata, Saliency, SampleDone, Score
from explainer.summary import SummaryWriter, iter_samples, reader
from explainer.summary.assemble import SampleAssembler

METADATA = RunMetadata(labels=("a", "b"), explainers=("Gradient",), metrics=("m",), jobs=("saliency",))


def score(sample_id: int, value: float = 0.5) -> Score:
    return Score(sample_id, "Gradient", "m", 1, value)


def write_sample(writer: SummaryWriter, number: int, value: float) -> None:
    writer.write(OriginalImage(number, np.full((5, 7), 9, np.uint8)))
    writer.write(Prediction(number, (1,), (0,), (0, 1), np.float32([0.75, 0.25])))
    writer.write(Saliency(number, "Gradient", 1, np.float32([[0, value]])))
    writer.write(score(number, value))
    writer.write(SampleDone(number))


def write_run(folder: Path, numbers: list[int]) -> Path:
    with SummaryWriter(folder, METADATA) as writer:
        for turn, number in enumerate(numbers):
            write_sample(writer, number, float(turn + 1))
        writer.write(RunEnd())
    return writer.event_file


def test_records_of_several_samples_may_come_mixed() -> None:
    assembler = SampleAssembler()
    for record in (score(3, 0.1), score(5, 0.2), score(3, 0.3)):
        assembler.add(record)
    assert assembler.open == {3, 5}
    assert [record.value for record in assembler.end(3)] == [0.1, 0.3]
    assert assembler.open == {5}
    assert assembler.end(3) == []


def test_a_sample_that_begins_anew_forgets_what_came_before() -> None:
    assembler = SampleAssembler()
    assembler.add(score(3, 0.1))
    assembler.begin(3)
    assembler.add(score(3, 0.2))
    assert [record.value for record in assembler.end(3)] == [0.2]


def test_what_is_open_can_be_dropped() -> None:
    assembler = SampleAssembler()
    assembler.add(score(3))
    assembler.drop()
    assert assembler.open == set()


def test_samples_are_those_of_the_whole_run_in_the_order_of_the_file(tmp_path: Path) -> None:
    event_file = write_run(tmp_path, [4, 0, 2])
    samples = list(iter_samples(event_file))
    assert [sample.sample_id for sample in samples] == [4, 0, 2]
    whole = read_run(tmp_path).samples
    assert list(whole) == [0, 2, 4]
    for sample in samples:
        assert sample.scores == whole[sample.sample_id].scores
        assert sample.maps == whole[sample.sample_id].maps


def test_each_sample_comes_before_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    event_file = write_run(tmp_path, list(range(20)))
    read: list[Any] = []
    records = reader.read_records

    def noted(path: Path) -> Iterator[Any]:
        for record in records(path):
            read.append(record)
            yield record

    monkeypatch.setattr(reader, "read_records", noted)
    samples = iter_samples(event_file)
    assert next(samples).sample_id == 0
    first = len(read)
    assert next(samples).sample_id == 1
    assert len(read) - first == first - 2  # the metadata, stored twice, came before the first


def test_of_a_sample_recorded_twice_the_last_one_counts(tmp_path: Path) -> None:
    event_file = write_run(tmp_path, [0, 1, 0])
    again = read_run(tmp_path).samples[0]
    assert [entry.value for entry in again.scores] == [3.0]
    assert len(again.maps) == 1
    assert [sample.sample_id for sample in iter_samples(event_file)] == [0, 1, 0]
