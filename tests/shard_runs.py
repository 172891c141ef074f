"""Runs of shards made by hand, and the run in one piece: with all that a run can hold, scores of a control too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from explainer.records import (
    Benchmark,
    Box,
    DatasetOrder,
    EditLayer,
    EditTree,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    Record,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.score_board import ScoreBoard
from explainer.summary.writer import SummaryWriter

EXPLAINERS, METRICS = ("Grad CAM", "Gradient"), ("Faithfulness", "Sparseness")
PROVENANCE = {
    "network": "nets.Small",
    "weights": "00ff",
    "command": ["run.py", "--seed", "7"],
    "platform": "Linux",
    "explainer": "0.9.1",
    "numpy": "2.0",
    "python": "3.11",
}
METADATA = RunMetadata(
    labels=("cat", "dog", "eel"),
    explainers=EXPLAINERS,
    metrics=METRICS,
    jobs=("saliency", "benchmark", "hierarchical_occlusion", "uncertainty"),
    parameters={
        "network": "Small",
        "provenance": PROVENANCE,
        "dataset": {"class": "PictureFolder", "samples": 12},
        "options": {"batch_size": 4, "on_bad_sample": "skip", "threshold": 0.5},
        "label_format": "ids",
        "engine": {"name": "onnxruntime", "version": "1.20", "questions": {"gradients": {"name": "mindspore"}}},
        "explainers": {"Grad CAM": {"class": "GradCAM", "layer": "conv2"}, "Gradient": {"class": "Gradient"}},
        "metrics": {"Faithfulness": {"steps": 6}, "Sparseness": {}},
    },
    package_version="0.9.1",
)
STARTED = 1_700_000_000
DIGEST = bytes(range(16))
SKIPPED = {5: "the image of sample 5 has a NaN"}


def write_part(
    folder: Path,
    numbers: Iterable[int],
    total: int = 12,
    *,
    shard: Any = None,
    changed: Mapping[str, Any] | None = None,
    digest: bytes | None = DIGEST,
    ended: bool = True,
    clock: float = STARTED,
    raw_kind: str | None = None,
) -> Path:
    """A run that works on some samples of a dataset of so many; its folder.

    shard: what it records of its part. changed: parameters that are other. digest: of the order, None for a run that
    records none.
    """
    parameters = {**METADATA.parameters, **({} if shard is None else {"shard": shard}), **(changed or {})}
    boards = {(explainer, metric): ScoreBoard(3) for explainer in EXPLAINERS for metric in METRICS}
    metadata = replace(METADATA, parameters=parameters)
    with SummaryWriter(folder, metadata, clock=lambda: clock, raw_kind=raw_kind) as writer:
        for number in numbers:
            for record in records_of(number):
                writer.write(record)
                if isinstance(record, Score) and (record.explainer, record.metric) in boards:
                    boards[record.explainer, record.metric].add((record.label,), (float(np.float32(record.value)),))
        if ended:
            for record in ends_of(boards, total, digest):
                writer.write(record)
    return folder


def write_shards(folder: Path, count: int, total: int = 12, **given: Any) -> list[Path]:
    """The runs of so many shards, each of every so-manieth sample."""
    return [
        write_part(
            folder / f"shard-{index}-of-{count}",
            range(index, total, count),
            total,
            shard={"index": index, "count": count},
            clock=STARTED + 10 * index,
            **given,
        )
        for index in range(count)
    ]


def write_whole(folder: Path, total: int = 12, **given: Any) -> Path:
    """The run in one piece, which records no order."""
    return write_part(folder, range(total), total, digest=None, **given)


def records_of(number: int) -> Iterator[Record]:
    """A sample, other for each number; what there is of it differs, too."""
    if number in SKIPPED:
        yield SampleSkipped(number, SKIPPED[number])
        return
    rng = np.random.default_rng(number)
    probabilities = rng.dirichlet((1, 1, 1)).astype(np.float32)
    label, other = number % 3, (number + 1) % 3
    yield OriginalImage(number, rng.integers(0, 255, (5, 7, 3), np.uint8))
    yield SampleOrigin(number, bytes([number % 256] * 16), f"photos/{number}.jpg", bytes([7] * 16))
    yield Prediction(number, (label,), (int(probabilities.argmax()),), (label, other), probabilities)
    if number % 2:
        yield ObjectBoxes(number, (Box(label, 1, 2, 3, 2),), (7, 5))
    for name in EXPLAINERS:
        for explained in (label, other):
            found = rng.standard_normal((5, 7)).astype(np.float32)
            yield Saliency(number, name, explained, found, completeness_gap=0.5 if number % 3 else None)
    for name in (*EXPLAINERS, "RandomControl"):
        for explained in (label, other):
            value = math.nan if number % 4 == 3 else float(rng.standard_normal())
            yield Score(number, name, "Faithfulness", explained, value)
        yield Score(number, name, "Sparseness", None, float(rng.random()))
    points = np.float32([0, 0.5, 1]), rng.random(3).astype(np.float32)
    yield ScoreCurve(number, "Gradient", "Faithfulness", label, "grey", *points)
    if number % 5:
        row = rng.random(3).astype(np.float32)
        yield Uncertainty(number, row, row / 2, row / 4, row * 1.5, 0.5, 0.375, 0.125)
    tree = {"layer": -1, "box": [0, 0, 7, 5], "network_output": 0.0, "step_change": 0.0, "children": []}
    yield EditTree(number, label, "gaussian:2", False, (EditLayer(0.75, ((0, 0, 3, 2),)),), tree)
    yield SampleDone(number)


def ends_of(boards: Mapping[tuple[str, str], ScoreBoard], total: int, digest: bytes | None) -> Iterator[Record]:
    """The end of a run: order, totals as the saliency job gives them, end."""
    if digest is not None:
        yield DatasetOrder(total, digest)
    for (explainer, metric), board in boards.items():
        by_label = board.mean_by_label if metric == "Faithfulness" else ()
        yield Benchmark(explainer, metric, board.mean, by_label, board.defined, board.undefined)
    yield RunEnd()
