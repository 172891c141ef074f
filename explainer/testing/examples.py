"""The images, samples and records of the contracts: small, and the same in no two axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explainer.arrays import FloatArray, Pixels, Region
from explainer.counterfactual.edit_tree import EditStep, StopReason
from explainer.data.batch import Sample
from explainer.records import (
    Benchmark,
    Box,
    Draws,
    EditLayer,
    EditTree,
    ImageFile,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    Record,
    RunEnd,
    RunMetadata,
    Saliency,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.summary.reader import SampleView
from explainer.testing.networks import CHANNELS, HEIGHT, WIDTH

NAMES = ("ant", "bee", "cat", "dog")
"""Of the four classes."""
SAMPLE_IDS = (4, 5, 7)
METADATA = RunMetadata(
    labels=NAMES,
    explainers=("first", "second"),
    metrics=("DeletionAUC", "PointingGame"),
    jobs=("saliency", "uncertainty", "hierarchical_occlusion", "benchmark"),
    parameters={"network": "SmallNetwork", "explainers": {"first": {"class": "Gradient"}}},
    package_version="0",
)
_EXPLAINED = ((2,), (1, 3), (0, 2))
_BOXES = ((Box(2, 3, 1, 4, 2),), (Box(1, 0, 3, 2, 2), Box(3, 4, 0, 2, 4)), ())


def images_of(count: int, channels: int = CHANNELS) -> FloatArray:
    """Images (N, C, 5, 7) of normal numbers; the first ones are the same whatever the count."""
    rng = np.random.default_rng(channels)
    return rng.standard_normal((count, channels, HEIGHT, WIDTH)).astype(np.float32)


def batch_of(images: FloatArray) -> PredictedBatch:
    """Three samples of images (3, C, H, W), with one or two explained labels, boxes, and probabilities of 4 classes."""
    rng = np.random.default_rng(5)
    cases = []
    for sample_id, image, labels, boxes in zip(SAMPLE_IDS, images, _EXPLAINED, _BOXES, strict=True):
        sample = Sample(sample_id, image, labels[:1], boxes)
        probabilities = rng.dirichlet(np.ones(len(NAMES))).astype(np.float32)
        cases.append(PredictedSample(sample, probabilities, predicted=labels[-1:], explained=labels))
    return PredictedBatch(tuple(cases))


def records_of_run() -> list[Record]:
    """Every kind of record, in the order of a run: two samples that are done, one that is left out, the totals."""
    return [METADATA, *records_of_sample(4, (2,)), *_skipped(5), *records_of_sample(7, (1, 3)), *_totals(), RunEnd()]


def records_of_sample(sample_id: int, labels: tuple[int, ...]) -> list[Record]:
    """Those of one sample, up to its SampleDone."""
    rng = np.random.default_rng(sample_id)
    probabilities = rng.dirichlet(np.ones(len(NAMES))).astype(np.float32)
    records: list[Record] = [
        OriginalImage(sample_id, _pixels(rng)),
        Prediction(sample_id, ground_truth=labels[:1], predicted=labels, explained=labels, probabilities=probabilities),
        SampleOrigin(sample_id, input_digest=bytes([sample_id] * 16), source=f"ants/{sample_id}.png"),
        ObjectBoxes(sample_id, (Box(labels[0], 3, 1, 4, 2),), (WIDTH, HEIGHT)),
    ]
    for explainer in METADATA.explainers:
        records += [_saliency(rng, sample_id, explainer, label) for label in labels]
        records += [record for label in labels for record in _scores(rng, sample_id, explainer, label)]
    return [*records, _uncertainty(rng, sample_id), _edit_tree(sample_id, labels[0]), SampleDone(sample_id)]


def recorded_sample(sample: PredictedSample, records: Sequence[Record]) -> SampleView:
    """The sample as a summary gives it back that holds these records of a run."""
    number = sample.sample_id
    own = [record for record in records if getattr(record, "sample_id", None) == number]
    maps = [record for record in own if isinstance(record, Saliency)]
    return SampleView(
        sample_id=number,
        image=ImageFile(number, f"{number}.png"),
        prediction=Prediction(number, sample.labels, sample.predicted, sample.explained, sample.probabilities),
        maps=tuple(_file_of(record) for record in maps),
        scores=tuple(_kept(record) for record in own if isinstance(record, Score)),
        curves=tuple(record for record in own if isinstance(record, ScoreCurve)),
        uncertainty=next((record for record in own if isinstance(record, Uncertainty)), None),
        edit_trees=tuple(record for record in own if isinstance(record, EditTree)),
        objects=next((record for record in own if isinstance(record, ObjectBoxes)), None),
    )


def regions_of(boxes: Sequence[Any]) -> Region:
    """Where each of the boxes lies, (L, 5, 7); a box is an index of the last two axes."""
    regions = np.zeros((len(boxes), HEIGHT, WIDTH), np.bool_)
    for region, box in zip(regions, boxes, strict=True):
        region[box] = True
    return regions


def _kept(score: Score) -> Score:
    """The score as a file has it."""
    return replace(score, value=float(np.float32(score.value)))


def _file_of(record: Saliency) -> SaliencyFile:
    low, high = float(record.saliency.min()), float(record.saliency.max())
    path = f"{record.explainer}/{record.sample_id}_{record.label}.png"
    names = record.sample_id, record.explainer, record.label, path
    gap, error = record.completeness_gap, record.standard_error
    return SaliencyFile(*names, low, high, gap, standard_error=error)


def _pixels(rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def _saliency(rng: np.random.Generator, sample_id: int, explainer: str, label: int) -> Saliency:
    gap = 0.25 if explainer == "first" else None
    return Saliency(sample_id, explainer, label, rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32), gap)


def _scores(rng: np.random.Generator, sample_id: int, explainer: str, label: int) -> list[Record]:
    fractions, probabilities = np.linspace(0, 1, 4, dtype=np.float32), rng.random(4, np.float32)
    return [
        Score(sample_id, explainer, "DeletionAUC", label, float(rng.random())),
        Score(sample_id, explainer, "PointingGame", label, float("nan")),
        ScoreCurve(sample_id, explainer, "DeletionAUC", label, "0.0", fractions, probabilities),
    ]


def _uncertainty(rng: np.random.Generator, sample_id: int) -> Uncertainty:
    mean = rng.dirichlet(np.ones(len(NAMES))).astype(np.float32)
    draws = Draws((0, 2), rng.random((3, 2), np.float32))
    columns = mean, mean / 4, mean / 2, (1 + mean) / 2
    return Uncertainty(sample_id, *columns, total=1.25, aleatoric=0.75, epistemic=0.5, draws=draws)


def _edit_tree(sample_id: int, label: int) -> EditTree:
    if sample_id == SAMPLE_IDS[0]:
        return EditTree(sample_id, label, "gaussian:3", by_masking=False, reason="no region is enough")
    step = EditStep(0, (1, 2, 4, 2), 0.75, 0.5, stop_reason=StopReason.THRESHOLD_MET)
    tree = EditStep(-1, (0, 0, WIDTH, HEIGHT), children=[step]).as_dict()
    return EditTree(sample_id, label, "gaussian:3", False, (EditLayer(0.75, (step.box,)),), tree)


def _skipped(sample_id: int) -> list[Record]:
    """Some records of a sample, and that it was left out."""
    begun = records_of_sample(sample_id, (0,))[:5]
    return [*begun, SampleSkipped(sample_id, f"the first map of sample {sample_id} has a NaN or an infinity")]


def _totals() -> list[Record]:
    of_labels = (float("nan"), 0.25, 0.5, 0.75)
    return [
        Benchmark(explainer, metric, total=0.5, by_label=of_labels, defined=3, undefined=1)
        for explainer in METADATA.explainers
        for metric in METADATA.metrics
    ]
