"""Our side: each task as a user would write it. EXPLAINER_ENGINE says which engine, and which column this is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from trial import data

from benching.built import rebuilt
from benching.networks import Exported
from benching.rows import BEFORE, OURS, Row, Work
from explainer import ImageClassificationRunner, OcclusionSensitivity, RunOptions, benchmark, explanation
from explainer.benchmark import Faithfulness, Sparseness
from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import GradCAM, Gradient, Occlusion
from explainer.network.of import classifier_of
from explainer.records import OriginalImage, Prediction, RunEnd, RunMetadata, Saliency, SampleDone
from explainer.resizing import resized
from explainer.summary import SummaryWriter
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty

Call = Callable[[], object]
SOFTMAX = nn.Softmax()


def works(row: Row, exported: Exported) -> dict[str, Work]:
    """The one call."""
    column = BEFORE if os.environ["EXPLAINER_ENGINE"] == "mindspore" else OURS
    network = rebuilt(exported)
    return {column: Work(_MAKERS.get(row.task, _explainer)(row, exported, network))}


def _forward(row: Row, exported: Exported, network: nn.Cell) -> Call:
    return partial(classifier_of(network).logits, exported.images[: row.images])


def _explainer(row: Row, exported: Exported, network: nn.Cell) -> Call:
    method = getattr(explanation, row.task)
    if row.task in ("GradCAM", "GradCAMPlusPlus", "LayerCAM", "ScoreCAM"):
        made = method(network, exported.network.layer)
    elif row.task in ("Occlusion", "RISE", "LIME", "KernelSHAP"):
        made = method(network, SOFTMAX, **row.settings)
    else:
        made = method(network, **row.settings)
    return partial(made, exported.images[: row.images], exported.labels[: row.images])


def _metric(row: Row, exported: Exported, network: nn.Cell) -> Call:
    """Scores maps that are given, those of the gradient; a row may want all labels of an image."""
    settings = dict(row.settings)
    count = settings.pop("labels", 0)
    images, labels = exported.images[: row.images], exported.labels[: row.images]
    explainer = Gradient(network)
    maps = exported.maps[: row.images]
    if count:
        labels = np.tile(np.arange(count), (row.images, 1))
        maps = explainer(images, labels)
    metric = _METRICS[row.task](exported.network.classes, **settings)
    mask = _regions(maps.shape) if row.task == "PointingGame" else None
    given = () if row.task == "ClassSensitivity" else (labels, maps) if mask is None else (labels, maps, mask)
    return partial(metric.evaluate, explainer, images, *given)


def _regions(shape: tuple[int, ...]) -> np.ndarray:
    regions = np.zeros(shape, np.float32)
    regions[..., shape[2] // 4 : shape[2] // 2, shape[3] // 3 :] = 1
    return regions


def _hierarchical(row: Row, exported: Exported, network: nn.Cell) -> Call:
    """The search for a photograph's likeliest label, to half its probability."""
    size = row.settings["size"]
    image = np.stack([resized(channel, (size, size)) for channel in exported.images[1]])
    probabilities = classifier_of(network, SOFTMAX).probabilities(image[None])[0]
    label = int(probabilities.argmax())
    search = HierarchicalOcclusion(network, SOFTMAX, threshold=float(probabilities[label]) / 2, batch_size=32)
    return partial(search.search, image, label)


def _dropout(row: Row, exported: Exported, network: nn.Cell) -> Call:
    return partial(DropoutUncertainty(network, SOFTMAX, **row.settings), exported.images[: row.images])


def _augmentation(row: Row, exported: Exported, network: nn.Cell) -> Call:
    return partial(AugmentationUncertainty(network, SOFTMAX, **row.settings), exported.images[: row.images])


def _sensitivity(row: Row, exported: Exported, network: nn.Cell) -> Call:
    return partial(OcclusionSensitivity().update, network, exported.images[:1], int(exported.labels[0]))


def _runner(row: Row, exported: Exported, network: nn.Cell) -> Call:
    """Maps of three methods and their scores, with pictures; equal work: one curve for each map, no controls."""
    fills = () if row.task == "runner" else None
    explainers = [Gradient(network), GradCAM(network, exported.network.layer)]
    metrics = []
    if row.task != "maps runner":
        explainers.append(Occlusion(network, SOFTMAX, window=8, stride=4))
        metrics = [Faithfulness(10, SOFTMAX, "DeletionAUC", curve_fills=fills), Sparseness(10)]
    shown, truth = exported.images[: row.images], exported.array("truth")[: row.images]

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            options = RunOptions(mean=data.MEAN, std=data.STD, progress=False)
            rows = [(image, np.array(label)) for image, label in zip(shown, truth, strict=True)]
            dataset = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1).batch(32)
            labels = [str(label) for label in range(10)]
            runner = ImageClassificationRunner(folder, (dataset, labels), network, SOFTMAX, options=options)
            runner.register_saliency(explainers, metrics, controls=row.task != "runner")
            runner.run()

    return run


def _writer(row: Row, exported: Exported, network: nn.Cell) -> Call:
    """Samples of a picture and three maps each."""
    pixels = np.clip((exported.images[: row.images].transpose(0, 2, 3, 1) * data.STD + data.MEAN) * 255, 0, 255)
    pixels, maps = pixels.astype(np.uint8), exported.maps[: row.images, 0]
    names = ("one", "two", "three")
    sure = np.eye(10, dtype=np.float32)

    def write() -> None:
        with tempfile.TemporaryDirectory() as folder:
            metadata = RunMetadata(labels=tuple(map(str, range(10))), explainers=names, jobs=("saliency",))
            with SummaryWriter(folder, metadata) as writer:
                for sample, label in enumerate(exported.labels[: row.images].tolist()):
                    writer.write(OriginalImage(sample, pixels[sample]))
                    writer.write(Prediction(sample, (label,), (label,), (label,), sure[label]))
                    for name in names:
                        writer.write(Saliency(sample, name, label, maps[sample]))
                    writer.write(SampleDone(sample))
                writer.write(RunEnd())

    return write


def _first_picture(row: Row, exported: Exported, network: nn.Cell) -> Call:
    """A whole script, from the start of Python to its end."""
    script = Path(__file__).with_name("first_picture_ours.py")
    return partial(subprocess.run, [sys.executable, script, exported.folder], check=True, capture_output=True)


_METRICS: Mapping[str, Callable[..., benchmark.Metric]] = {
    **{
        name: partial(lambda classes, name, **settings: Faithfulness(classes, SOFTMAX, name, **settings), name=name)
        for name in ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")
    },
    "Infidelity": lambda classes, **settings: benchmark.Infidelity(classes, SOFTMAX, **settings),
    "ROAD": lambda classes, **settings: benchmark.ROAD(classes, SOFTMAX, **settings),
    # With a threshold of 1 each perturbation is accepted at the first try.
    "MaxSensitivity": lambda classes, **settings: benchmark.MaxSensitivity(classes, SOFTMAX, threshold=1, **settings),
    "Robustness": lambda classes, **settings: benchmark.Robustness(classes, SOFTMAX, threshold=1, **settings),
    "ClassSensitivity": lambda classes, **settings: benchmark.ClassSensitivity(**settings),
    "RandomLogit": benchmark.RandomLogit,
    "PointingGame": lambda classes, **settings: benchmark.Localization(classes, "PointingGame", **settings),
    "Sparseness": benchmark.Sparseness,
}
_MAKERS: Mapping[str, Callable[[Row, Exported, nn.Cell], Call]] = {
    "forward": _forward,
    "hierarchical": _hierarchical,
    "dropout": _dropout,
    "augmentation": _augmentation,
    "OcclusionSensitivity": _sensitivity,
    "runner": _runner,
    "default runner": _runner,
    "maps runner": _runner,
    "writer": _writer,
    "first picture": _first_picture,
    **dict.fromkeys(_METRICS, _metric),
}
