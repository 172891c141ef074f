"""Runs made by hand: a summary on disk, and runs as they are read, without a disk."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from explainer.analysis.view import RunView
from explainer.records import (
    Benchmark,
    Box,
    EditLayer,
    EditTree,
    ImageFile,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    Uncertainty,
)
from explainer.summary.folder import RunFiles
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import read_frames
from explainer.summary.writer import SummaryWriter

METADATA = RunMetadata(
    labels=("cat", "dog", "eel", "fox"),
    explainers=("GradCAM", "Gradient"),
    metrics=("Faithfulness",),
    jobs=("saliency",),
    parameters={"seed": 7},
    package_version="0.9.1",
)
STARTED = 1700000000  # 2023-11-14 22:13:20 UTC
DATA = f"_explain_{STARTED}"
PICTURE_FILE, MAP_FILE = f"{DATA}/origin_images/0/2.png", f"{DATA}/heatmap/GradCAM/0/2_1.png"  # of sample 2
RAW_FILE = f"{DATA}/heatmap/GradCAM/0/2_1.npy"  # where the run keeps maps as floats
OTHER = np.full((5, 7), 77, np.uint8)  # a picture that is none of a run
MAP = np.float32([[-1, 0, 1, 2, 3, 4, 5]] * 5)
CONSTANT = np.zeros((5, 7), np.float32)
# truth and probabilities: correct, incorrect, without truth, correct by the second of two true labels
SAMPLES = (
    ((2,), (0.125, 0.125, 0.625, 0.125)),
    ((2,), (0.0625, 0.75, 0.125, 0.0625)),
    ((), (0.25, 0.5, 0.125, 0.125)),
    ((1, 3), (0.125, 0.25, 0.0, 0.625)),
)


def write_run(
    folder: Path,
    metadata: RunMetadata = METADATA,
    *,
    ended: bool = True,
    clock: float = STARTED,
    raw_kind: str | None = None,
) -> SummaryWriter:
    """Four samples with two maps of GradCAM and one constant map of Gradient each, one skipped, one score undefined."""
    with SummaryWriter(folder, metadata, clock=lambda: clock, raw_kind=raw_kind) as writer:
        for number, (truth, probabilities) in enumerate(SAMPLES):
            writer.write(OriginalImage(number, np.full((5, 7, 3), number, np.uint8)))
            padded = np.zeros(len(metadata.labels), np.float32)
            padded[:4] = probabilities
            writer.write(Prediction(number, truth, (), (1, 2), padded))
            for name, label, saliency in (("GradCAM", 1, MAP), ("GradCAM", 2, MAP), ("Gradient", 2, CONSTANT)):
                if name in metadata.explainers:
                    writer.write(Saliency(number, name, label, saliency))
            writer.write(SampleDone(number))
        writer.write(SampleSkipped(9, "the image of sample 9 has a NaN"))
        if ended:
            writer.write(Benchmark("GradCAM", "Faithfulness", 0.4375, (math.nan, 0.25, 0.5, math.nan), 7, 2))
            writer.write(RunEnd())
    return writer


TABLE_METADATA = RunMetadata(
    labels=("cat", "=dog|1", "eel"),
    explainers=("GradCAM", "Integrated"),
    metrics=("Faithfulness", "Sparseness"),
    jobs=("saliency", "uncertainty"),
    parameters={"seed": 7},
)


TABLE_OBJECTS = ObjectBoxes(3, (Box(1, 1, 2, 3, 2), Box(1, 0, 0, 1, 1)), (7, 5))


def write_table_run(folder: Path, *, ended: bool = True, raw_kind: str | None = None) -> SummaryWriter:
    """Two samples with all that a table has: names, gaps, boxes, draws, scores of labels and of none, a control.

    Sample 3 has true label 1 and files and names that a spreadsheet takes for formulas; sample 8 has no true label, no
    draws, no score, and maps of another size.
    """
    with SummaryWriter(folder, TABLE_METADATA, clock=lambda: STARTED, raw_kind=raw_kind) as writer:
        row = np.float32([0.125, 0.75, 0.0625])
        for record in (
            OriginalImage(3, np.full((5, 7, 3), 3, np.uint8)),
            SampleOrigin(3, bytes(16), "-photos/=3.png", bytes(16)),
            TABLE_OBJECTS,
            Prediction(3, (1,), (1,), (0, 1), np.float32([0.1, 0.7, 0.2])),
            Saliency(3, "GradCAM", 0, MAP),
            Saliency(3, "GradCAM", 1, MAP * 2),
            Saliency(3, "Integrated", 1, -MAP, completeness_gap=0.3, standard_error=0.1),
            Score(3, "GradCAM", "Faithfulness", 0, 0.25),
            Score(3, "GradCAM", "Faithfulness", 1, math.nan),
            Score(3, "GradCAM", "Sparseness", None, -0.5),
            Score(3, "RandomControl", "Sparseness", None, 0.1),
            Score(3, "Integrated", "MyOwn", 1, 4.0),
            Uncertainty(3, row, row / 2, row - 0.0625, row + 0.125, 0.5, 0.375, 0.125),
            SampleDone(3),
            OriginalImage(8, np.full((4, 6), 8, np.uint8)),
            Prediction(8, (), (), (2,), np.float32([0.25, 0.25, 0.5])),
            Saliency(8, "GradCAM", 2, MAP[:4, :6]),
            SampleDone(8),
            Benchmark("GradCAM", "Faithfulness", 0.25, (0.25, math.nan, math.nan), 1, 1),
            Benchmark("Integrated", "Sparseness", math.nan),
            *([RunEnd()] if ended else []),
        ):
            writer.write(record)
    return writer


def flip(event_file: Path, number: int) -> int:
    """Damages a record; its offset."""
    content = bytearray(event_file.read_bytes())
    offset = list(read_frames(BytesIO(bytes(content))))[number].offset
    content[offset + 14] ^= 1
    event_file.write_bytes(content)
    return offset


LABELS = ("ant", "bee", "cat")


def sample(
    number: int,
    probabilities: list[float],
    truth: tuple[int, ...] = (),
    deviation: list[float] | None = None,
    *,
    entropies: tuple[float, float, float] = (0.5, 0.375, 0.125),
    trees: tuple[EditTree, ...] = (),
    predicted: tuple[int, ...] = (),
    absence_known: bool = False,
) -> SampleView:
    uncertainty = None
    if deviation is not None:
        row = np.float32(deviation)
        uncertainty = Uncertainty(number, np.float32(probabilities)[::-1].copy(), row, row * 0, row, *entropies)
    prediction = Prediction(number, truth, predicted, (), np.float32(probabilities))
    image = ImageFile(number, f"{number}.png")
    known = {"absence_known": absence_known}
    return SampleView(number, image, prediction, uncertainty=uncertainty, edit_trees=trees, **known)


def view(*samples: SampleView, labels: tuple[str, ...] = LABELS, **parameters: Any) -> RunView:
    files = RunFiles(1, Path("events"))
    metadata = RunMetadata(labels, parameters=parameters)
    return RunView(Path("runs"), files, metadata, {one.sample_id: one for one in samples})


def tree(label: int, *boxes: tuple[int, int, int, int], reason: str = "") -> EditTree:
    layers = (EditLayer(0.75, boxes),) if boxes else ()
    root = {"layer": -1, "box": [0, 0, 10, 8], "network_output": 0.0, "step_change": 0.0, "children": []}
    return EditTree(0, label, "gaussian:2", False, layers, root if boxes else None, reason)
