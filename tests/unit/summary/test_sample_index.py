"""Samples one at a time: the same that are read at once, each once, in memory that does not grow with the run."""

from __future__ import annotations

import os
import tracemalloc
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from small_runs import METADATA, event, write_run, write_sample

from explainer.analysis.view import read_run
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, Prediction, SampleDone, Score
from explainer.summary import SummaryWriter, codec, iter_samples
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.sample_index import index_of


def seen_in(sample: SampleView) -> tuple[object, ...]:
    return sample.sample_id, sample.image, sample.prediction.probabilities.tolist(), sample.maps, sample.scores


def test_samples_are_those_of_the_whole_run_in_the_order_of_the_file(tmp_path: Path):
    event_file = write_run(tmp_path, [4, 0, 2])
    samples = list(iter_samples(event_file))
    assert [sample.sample_id for sample in samples] == [4, 0, 2]
    whole = read_run(tmp_path).samples
    assert [seen_in(sample) for sample in samples] == [seen_in(whole[number]) for number in (4, 0, 2)]


def test_of_a_sample_recorded_twice_the_last_one_counts_and_comes_once(tmp_path: Path):
    event_file = write_run(tmp_path, [0, 1, 0])
    again = read_run(tmp_path).samples[0]
    assert ([entry.value for entry in again.scores], len(again.maps)) == ([3.0], 1)
    assert [(sample.sample_id, sample.scores[0].value) for sample in iter_samples(event_file)] == [(1, 2.0), (0, 3.0)]


def test_of_a_sample_whose_second_record_is_unfinished_the_first_counts(tmp_path: Path):
    event_file = write_run(tmp_path, [0, 1, 0])
    frames = list(read_frames(BytesIO(event_file.read_bytes())))
    cut = frames[-3].offset  # before the score, the mark that it is done, and the end
    event_file.write_bytes(event_file.read_bytes()[:cut])
    assert [(sample.sample_id, sample.scores[0].value) for sample in iter_samples(tmp_path)] == [(0, 1.0), (1, 2.0)]
    assert read_run(tmp_path).samples[0].scores[0].value == 1.0


def test_a_folder_gives_its_newest_run_or_the_one_that_is_asked_for(tmp_path: Path):
    files = [write_run(tmp_path, [number], clock=100 + number) for number in range(3)]
    assert [sample.sample_id for sample in iter_samples(str(tmp_path))] == [2]
    assert [sample.sample_id for sample in iter_samples(tmp_path, run=101)] == [1]
    assert [sample.sample_id for sample in iter_samples(tmp_path, run=files[0].name)] == [0]
    with pytest.raises(SummaryReadError, match="found no run 17"):
        list(iter_samples(tmp_path, run=17))


@pytest.mark.parametrize("name", ["absent", "empty", "pipe"])
def test_what_holds_no_summary_is_told(tmp_path: Path, name):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SummaryReadError, match="found no summary in"):
        next(iter_samples(tmp_path / name))


@pytest.mark.parametrize("seed", range(20))
def test_damage_and_disorder_give_the_samples_that_reading_at_once_gives(tmp_path: Path, seed):
    """Frames are shuffled, doubled, damaged and left out: what is complete is the same both ways."""
    generator = np.random.default_rng(seed)
    event_file = write_run(tmp_path, [0, 1, 2, 1, 3])
    content = event_file.read_bytes()
    frames = [frame(found.payload) for found in read_frames(BytesIO(content))]
    order = generator.choice(len(frames), len(frames) + 9)
    mixed = [frames[0], *(frames[place] for place in (np.sort(order) if seed % 2 else order))]
    for place in generator.choice(len(mixed), 3):
        broken = bytearray(mixed[place])
        broken[generator.integers(len(broken))] ^= 4
        mixed[place] = bytes(broken) if place else mixed[place]
    event_file.write_bytes(b"".join(mixed))
    run, index = read_run(tmp_path), index_of(event_file)
    assert [seen_in(sample) for sample in sorted(iter_samples(event_file), key=lambda one: one.sample_id)] == [
        seen_in(sample) for sample in run.samples.values()
    ]
    assert (tuple(index.unfinished), tuple(index.findings), index.ended) == (run.unfinished, run.findings, run.ended)
    assert (index.metadata, index.skipped) == (run.metadata, run.skipped)


def test_a_sample_in_one_record_is_complete(tmp_path: Path):
    prediction = Prediction(3, (), (), (), np.float32([0.75, 0.25]))
    message = codec.encode_sample(ImageFile(3, "3.png"), prediction)
    message.done = True
    path = tmp_path / "summary.17_explain"
    path.write_bytes(event(codec.encode_metadata(METADATA)) + event(message))
    assert [sample.sample_id for sample in iter_samples(path)] == [3]


def test_a_file_that_changes_between_the_passes_is_told(tmp_path: Path):
    event_file = write_run(tmp_path, list(range(60)))  # more than is read ahead
    samples = iter_samples(event_file)
    assert next(samples).sample_id == 0
    event_file.write_bytes(bytes(event_file.stat().st_size))
    with pytest.raises(SummaryReadError, match="changed while it was read: no record is left at byte"):
        list(samples)


def test_samples_that_are_written_meanwhile_do_not_disturb(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        write_sample(writer, 0, 1.0)
        samples = iter_samples(tmp_path)
        assert next(samples).sample_id == 0
        write_sample(writer, 1, 1.0)
        assert list(samples) == []
        assert [sample.sample_id for sample in iter_samples(tmp_path)] == [0, 1]


@pytest.mark.slow
def test_memory_holds_one_sample_and_some_numbers_for_each(tmp_path: Path):
    """A sample of this run has twenty scores, some 4 kB in memory."""

    def peak(count: int) -> int:
        path = tmp_path / "summary.17_explain"
        scores = [Score(0, "Gradient", "m", 1, 0.5)] * 20
        prediction = Prediction(0, (), (), (), np.float32([0.75, 0.25]))
        messages = [codec.encode_sample(ImageFile(0, "0.png"), prediction), codec.encode_scores(0, scores)]
        with path.open("wb") as file:
            file.write(event(codec.encode_metadata(METADATA)))
            for number in range(count):
                for message in [*messages, codec.encode_done(SampleDone(0))]:
                    message.sample_id = number
                    file.write(event(message))
        tracemalloc.start()
        assert sum(len(sample.scores) for sample in iter_samples(path)) == 20 * count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(200), peak(1700)
    assert (many - few) / 1500 < 200  # bytes for each sample more
