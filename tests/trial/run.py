"""Runs the trials: `python -m trial.run BASE` explains real images with pretrained networks, one job folder each."""

from __future__ import annotations

import sys
from pathlib import Path

from mindspore import nn

from explainer import ImageClassificationRunner, RunOptions, RunResult
from explainer.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
from explainer.explanation import RISE, Deconvolution, GradCAM, Gradient, GuidedBackprop, Occlusion
from trial import data, datasets, networks


def run_cifar(base: Path, count: int = 100) -> RunResult:
    """ResNet-20 on CIFAR-10 test images."""
    network = networks.CifarResNet20()
    runner = ImageClassificationRunner(
        base / "cifar10-resnet20",
        (datasets.cifar_dataset(count), data.cifar10_labels()),
        network,
        nn.Softmax(),
        options=RunOptions(mean=data.MEAN, std=data.STD),
    )
    runner.register_saliency([Gradient(network), GradCAM(network, "layer3")])
    return runner.run()


def run_photos(base: Path) -> RunResult:
    """SqueezeNet 1.1 on photographs, ground truth and the most probable label of each."""
    network = networks.SqueezeNet11()
    runner = ImageClassificationRunner(
        base / "photos-squeezenet",
        (datasets.photo_dataset(), data.imagenet_labels()),
        network,
        nn.Softmax(),
        options=RunOptions(mean=data.MEAN, std=data.STD, batch_size=8),
    )
    runner.register_saliency([Gradient(network), GradCAM(network, "fire9")])
    return runner.run()


def run_benchmarks(base: Path, count: int = 100) -> RunResult:
    """The six methods of the reference scored by its four benchmarks, on CIFAR-10 test images with boxes anywhere."""
    network, softmax, labels = networks.CifarResNet20(), nn.Softmax(), data.cifar10_labels()
    runner = ImageClassificationRunner(
        base / "cifar10-benchmarks",
        (datasets.boxed_cifar_dataset(count), labels),
        network,
        softmax,
        options=RunOptions(mean=data.MEAN, std=data.STD),
    )
    explainers = [
        Gradient(network),
        Deconvolution(network),
        GuidedBackprop(network),
        GradCAM(network, "layer3"),
        Occlusion(network, softmax, window=8, stride=4),
        RISE(network, softmax, masks=64, grid=6),
    ]
    benchmarkers = [
        Faithfulness(len(labels), softmax, "DeletionAUC"),
        Localization(len(labels)),
        ClassSensitivity(),
        Robustness(len(labels), softmax, perturbations=2),
    ]
    runner.register_saliency(explainers, benchmarkers)
    return runner.run()


def main(base: Path) -> int:
    """Runs every trial; says where each wrote."""
    if not data.has_shared():
        print("skipped: the trial data is not here (set EXPLAINER_SHARED)")
        return 0
    for result in (run_cifar(base), run_photos(base), run_benchmarks(base, 20)):
        print(f"{result.summary_dir}: {result.samples} samples, {result.maps} maps in {result.seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
