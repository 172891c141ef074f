"""Runs with all that a report shows: maps of both signs, scores, curves, uncertainty, edits, names, controls."""

from __future__ import annotations

from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from explainer.records import (
    Box,
    Draws,
    EditLayer,
    EditTree,
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
    ScoreCurve,
    Uncertainty,
)
from explainer.summary.writer import SummaryWriter

LABELS = ("cat", "dog", "eel", "fox", "gnu")
METHODS = ("GradCAM", "RISE", "Gradient")
CONTROLS = ("control: random", "control: centre")
METRICS = {
    "DeletionAUC": {"class": "Faithfulness", "metric": "DeletionAUC", "higher_is_better": True, "bounds": [0, 1]},
    "MaxSensitivity": {"class": "MaxSensitivity", "higher_is_better": False, "bounds": [0, None]},
    "ClassSensitivity": {"class": "ClassSensitivity", "higher_is_better": True, "bounds": [0, 1], "per_label": False},
}
CURVES = ("black", "blur")


class Sizes(NamedTuple):
    """How large a run is."""

    samples: int = 12
    height: int = 96
    width: int = 130
    methods: tuple[str, ...] = METHODS
    plain: bool = False  # pictures of noise and one label alone, to measure


def metadata_of(sizes: Sizes) -> RunMetadata:
    parameters = {
        "network": "LeNet5",
        "seed": 3,
        "metrics": METRICS,
        "controls": {name: {"class": "Control"} for name in CONTROLS},
        "explainers": {name: {"class": name, "layer": "conv2"} for name in sizes.methods},
        "provenance": {"network": "nets.LeNet5", "python": "3.11"},
    }
    jobs = ("saliency", "benchmark", "uncertainty", "hierarchical_occlusion")
    return RunMetadata(LABELS, sizes.methods, tuple(METRICS), jobs, parameters, "0.1.0")


USUAL = Sizes()


def write_report_run(
    folder: Path, sizes: Sizes = USUAL, *, ended: bool = True, raw_kind: str | None = None
) -> SummaryWriter:
    """Each sample's top label is its number modulo 5; every third is wrong, every seventh has no true label.

    Those of an even number with a true label have two boxes around their objects.
    """
    times = chain(
        [1_700_000_000], repeat(1_700_000_731)
    )  # twelve minutes and eleven seconds from the first to the last
    with SummaryWriter(folder, metadata_of(sizes), clock=lambda: next(times), raw_kind=raw_kind) as writer:
        for number in range(sizes.samples):
            for record in records_of(number, sizes):
                writer.write(record)
            writer.write(SampleDone(number))
        writer.write(SampleSkipped(sizes.samples, "the image has a NaN"))
        if ended:
            writer.write(RunEnd())
    return writer


def records_of(number: int, sizes: Sizes):
    rng = np.random.default_rng(number)
    top = number % 5
    true = () if number % 7 == 6 else ((top + 1) % 5,) if number % 3 == 2 else (top,)
    explained = (top,) if sizes.plain else tuple(sorted({top, *true}))
    probabilities = rng.random(5, np.float32) * 0.1
    probabilities[top] += 1
    probabilities /= probabilities.sum()
    yield OriginalImage(number, _picture(rng, sizes))
    yield Prediction(number, true, (top,), explained, probabilities)
    yield SampleOrigin(number, bytes(16), f"animals/{LABELS[top]}_{number}.png")
    if number % 2 == 0 and true:
        boxes = Box(true[0], 3 + number, 7, 40, 30), Box(true[0], 60, 50, 20, 10)
        yield ObjectBoxes(number, boxes, (sizes.width, sizes.height))
    deviation = rng.random(5, np.float32) * 0.1
    low, high = np.maximum(probabilities - deviation, 0), np.minimum(probabilities + deviation, 1)
    entropies = 0.5 + number / 100, 0.375, 0.125 + number / 100
    yield Uncertainty(number, probabilities, deviation, low, high, *entropies, _draws(number, probabilities))
    for label in explained:
        for place, name in enumerate(sizes.methods):
            yield Saliency(number, name, label, _map(rng, place, sizes), 0.25 if name == "Gradient" else None)
        yield from _of_label(rng, number, label, sizes)
    for name in sizes.methods:
        yield Score(number, name, "ClassSensitivity", None, float(rng.random()))


def _draws(number: int, probabilities: np.ndarray) -> Draws:
    """Seven of each label."""
    order = np.argsort(-probabilities)
    spread = np.random.default_rng([number, 1]).random((7, 5), np.float32)
    return Draws(tuple(order.tolist()), probabilities[order] * (np.float32(0.75) + spread / 4))


def _of_label(rng, number: int, label: int, sizes: Sizes):
    for place, name in enumerate((*sizes.methods, *CONTROLS)):
        value = np.nan if (number + place) % 6 == 5 else float(rng.random())
        yield Score(number, name, "DeletionAUC", label, value)
        yield Score(number, name, "MaxSensitivity", label, float(rng.random() * 3))
        for fill in CURVES:
            points = np.linspace(0, 1, 9, dtype=np.float32)
            yield ScoreCurve(number, name, "DeletionAUC", label, fill, points, (1 - points) ** np.float32(1 + place))
    if number % 4 == 0:
        yield EditTree(number, label, "gaussian:9", False, reason="no region is enough")
    elif label == number % 5:
        yield _tree(number, label, sizes)


def _tree(number: int, label: int, sizes: Sizes) -> EditTree:
    layers = EditLayer(0.75, ((0, 0, 40, 30),)), EditLayer(0.625, ((4, 8, 10, 20), (20, 0, 8, 6)))
    root = {"layer": -1, "box": [0, 0, sizes.width, sizes.height], "network_output": 0.9, "step_change": 0.0}
    return EditTree(number, label, "gaussian:9", False, layers, root | {"children": []})


def _picture(rng, sizes: Sizes) -> np.ndarray:
    if sizes.plain:
        return rng.integers(0, 256, (sizes.height, sizes.width, 3), dtype=np.uint8)
    blocks = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    tall = -(-sizes.height // 6), -(-sizes.width // 7)
    return np.ascontiguousarray(blocks.repeat(tall[0], 0).repeat(tall[1], 1)[: sizes.height, : sizes.width])


def _map(rng, place: int, sizes: Sizes) -> np.ndarray:
    """Noise alone, or a blob somewhere; those of every third method have both signs."""
    if sizes.plain:
        return rng.random((sizes.height, sizes.width), np.float32) - (0.5 if place % 3 == 2 else 0)
    rows, columns = np.mgrid[: sizes.height, : sizes.width] / max(sizes.height, sizes.width)
    centre, width = rng.random(2) * 0.7, 0.05 + 0.1 * rng.random()
    blob = np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / (2 * width**2))
    if place % 3 == 2:
        blob = blob * rng.standard_normal(blob.shape)
    return (blob + (0.3 if place % 3 == 1 else 0)).astype(np.float32)
