"""Two runs on disk that are alike but for what a test makes other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.records import (
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    Score,
    Uncertainty,
)
from explainer.summary.writer import SummaryWriter

METADATA = RunMetadata(
    labels=("cat", "dog", "eel"),
    explainers=("GradCAM", "RISE"),
    metrics=("DeletionAUC", "PointingGame"),
    jobs=("saliency", "benchmark"),
    parameters={
        "seed": 7,
        "explainers": {"GradCAM": {"layer": "conv2"}, "RISE": {"masks": 500}},
        "metrics": {
            "DeletionAUC": {"higher_is_better": False, "bounds": [0, 1]},
            "PointingGame": {"higher_is_better": True, "bounds": [0, 1]},
        },
        "provenance": {"weights": "00ff"},
    },
    package_version="0.1.0",
)
MAP = np.arange(35, dtype=np.float32).reshape(5, 7)


@dataclass(frozen=True)
class Item:
    """One sample of a run: its names, what is true, what was predicted, its scores (metric, method, label) and maps."""

    number: int
    source: str = ""
    digest: bytes = b""
    truth: tuple[int, ...] = (1,)
    probabilities: tuple[float, ...] = (0.125, 0.625, 0.25)
    scores: Mapping[tuple[str, str, int | None], float] = field(default_factory=dict)
    maps: Mapping[tuple[str, int], NDArray[np.float32]] = field(default_factory=dict)
    pixels: Any = None
    interval: float = 0.0

    def but(self, **changed: Any) -> Item:
        return replace(self, **changed)


def write(folder: Path, items: Sequence[Item], metadata: RunMetadata = METADATA, *, clock: float = 1700000000) -> Path:
    """A run of these samples in a folder; the folder."""
    with SummaryWriter(folder, metadata, clock=lambda: clock) as writer:
        for item in items:
            _write(writer, item)
        writer.write(RunEnd())
    return folder


def _write(writer: SummaryWriter, item: Item) -> None:
    number = item.number
    pixels = np.full((5, 7, 3), number, np.uint8) if item.pixels is None else item.pixels
    writer.write(OriginalImage(number, pixels))
    if item.source or item.digest:
        writer.write(SampleOrigin(number, item.digest, item.source))
    explained = tuple(dict.fromkeys(label for _, label in item.maps)) or (0, 1)
    row = np.float32(item.probabilities)
    writer.write(Prediction(number, item.truth, (int(row.argmax()),), explained, row))
    if item.interval:
        reach = np.float32(item.interval)
        writer.write(Uncertainty(number, row, row * 0 + reach / 2, row - reach, row + reach, 0.5, 0.375, 0.125))
    for (explainer, label), saliency in item.maps.items():
        writer.write(Saliency(number, explainer, label, np.float32(saliency)))
    for (metric, explainer, label), value in item.scores.items():
        writer.write(Score(number, explainer, metric, label, value))
    writer.write(SampleDone(number))
