"""Runs of samples with one map and one score each, whose values tell in which turn they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explainer.records import OriginalImage, Prediction, RunEnd, RunMetadata, Saliency, SampleDone, Score
from explainer.summary import SummaryWriter, codec
from explainer.summary.explain_pb2 import Explain
from explainer.summary.recordfile import frame

METADATA = RunMetadata(labels=("a", "b"), explainers=("Gradient",), metrics=("m",), jobs=("saliency",))


def write_sample(writer: SummaryWriter, number: int, value: float) -> None:
    writer.write(OriginalImage(number, np.full((5, 7), 9, np.uint8)))
    writer.write(Prediction(number, (1,), (0,), (0, 1), np.float32([0.75, 0.25])))
    writer.write(Saliency(number, "Gradient", 1, np.float32([[0, value]])))
    writer.write(Score(number, "Gradient", "m", 1, value))
    writer.write(SampleDone(number))


def write_run(folder: Path, numbers: list[int], clock: int = 17) -> Path:
    with SummaryWriter(folder, METADATA, clock=lambda: clock) as writer:
        for turn, number in enumerate(numbers):
            write_sample(writer, number, float(turn + 1))
        writer.write(RunEnd())
    return writer.event_file


def event(message: Explain) -> bytes:
    return frame(codec.as_event(message, 1.5).SerializeToString())
