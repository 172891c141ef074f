"""How well a run's estimate foretells what each of its parts then takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mindspore import nn
from trial import data, datasets, networks

from explainer import ImageClassificationRunner, RunOptions, benchmark, explanation
from explainer.benchmark import Metric
from explainer.explanation import Attribution, Gradient, Occlusion

GOAL = 1.5
"""How many times as long, or as short, a part may take as was told."""
LEAST = 0.05
"""Seconds; of parts that take fewer, and were told to, nothing is expected: what they take is hardly theirs."""
SOFTMAX = nn.Softmax()
PLAIN = ("Gradient", "Deconvolution", "GuidedBackprop", "InputXGradient", "IntegratedGradients", "SmoothGrad")
LAYERED = ("GradCAM", "GradCAMPlusPlus", "HiResCAM", "LayerCAM", "ScoreCAM")


@dataclass(frozen=True)
class Told:
    """Seconds of a part of a run: as they were told before, and as they were."""

    name: str
    told: float
    taken: float

    @property
    def times(self) -> float:
        """How many times as long, or as short, it took."""
        return max(self.taken / self.told, self.told / self.taken)

    @property
    def counts(self) -> bool:
        """Whether it is long enough to be looked at."""
        return max(self.told, self.taken) >= LEAST


@dataclass(frozen=True)
class _Subject:
    """A network, and images with boxes to explain."""

    name: str
    network: nn.Cell
    many: Any
    few: Any
    classes: int
    layer: str
    window: int


def estimate_rows() -> list[Told]:
    """Of every method; of every metric, for a method of one gradient and one of windows; of the other jobs."""
    return [told for subject in _subjects() for told in (*_methods(subject), *_metrics(subject))]


def _subjects() -> Iterator[_Subject]:
    cifar = datasets.boxed_cifar_dataset(32), datasets.boxed_cifar_dataset(8)
    yield _Subject("ResNet-20", networks.CifarResNet20(), *cifar, 10, "layer3", 8)
    photos = datasets.photo_dataset(), datasets.photo_dataset()
    yield _Subject("SqueezeNet", networks.SqueezeNet11(), *photos, 1000, "fire9", 56)


def _methods(subject: _Subject) -> list[Told]:
    """All of them as they are by default, but for RISE, of which the default takes long."""
    network = subject.network
    made: list[Attribution] = [getattr(explanation, name)(network) for name in PLAIN]
    made += [getattr(explanation, name)(network, subject.layer) for name in LAYERED]
    made += [getattr(explanation, name)(network, SOFTMAX) for name in ("Occlusion", "LIME", "KernelSHAP")]
    return _compared(subject, subject.many, [*made, explanation.RISE(network, SOFTMAX, masks=1000)], [])


def _metrics(subject: _Subject) -> list[Told]:
    dear = Occlusion(subject.network, SOFTMAX, window=subject.window, stride=subject.window // 2)
    return _compared(subject, subject.few, [Gradient(subject.network), dear], list(_all_metrics(subject.classes)))


def _all_metrics(classes: int) -> Iterator[Metric]:
    for name in ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC"):
        yield benchmark.Faithfulness(classes, SOFTMAX, name)
    for kind in ("ROAD", "Infidelity", "Robustness", "MaxSensitivity", "AvgSensitivity"):
        yield getattr(benchmark, kind)(classes, SOFTMAX)
    yield benchmark.ClassSensitivity()
    for name in ("PointingGame", "IoSR"):
        yield benchmark.Localization(classes, name)
    for kind in ("Completeness", "RandomLogit", "MPRT", "EfficientMPRT", "Sparseness", "Complexity"):
        yield getattr(benchmark, kind)(classes)
    for kind in ("RelevanceMass", "RelevanceRank", "EnergyPointingGame", "AttributionAUC"):
        yield getattr(benchmark, kind)(classes)


def _compared(subject: _Subject, dataset: Any, explainers: list[Attribution], metrics: list[Metric]) -> list[Told]:
    """Of each part of a run, which exports and compiles nothing, as the estimate has."""
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(mean=data.MEAN, std=data.STD, progress=False)
        given = dataset, [str(label) for label in range(subject.classes)]
        runner = ImageClassificationRunner(folder, given, subject.network, SOFTMAX, options=options)
        runner.register_saliency(explainers, metrics)
        if not metrics:
            runner.register_uncertainty(augment="noise")
        if not metrics and subject.classes == 1000:  # images of 32 pixels are too small for its windows
            runner.register_hierarchical_occlusion()
        told, taken = runner.estimate().recorded, runner.run().seconds_of
    return [Told(f"{subject.name}: {name}", seconds, taken.get(name, 0.0)) for name, seconds in told.items()]
