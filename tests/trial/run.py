"""Runs the trials: `python -m trial.run BASE` explains real images with pretrained networks, one job folder each."""

from __future__ import annotations

import sys
from pathlib import Path

from mindspore import nn

from explainer import ImageClassificationRunner, RunOptions, RunResult
from explainer.explanation import GradCAM, Gradient
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


def main(base: Path) -> int:
    """Runs both trials; says where each wrote."""
    if not data.has_shared():
        print("skipped: the trial data is not here (set EXPLAINER_SHARED)")
        return 0
    for result in (run_cifar(base), run_photos(base)):
        print(f"{result.summary_dir}: {result.samples} samples, {result.maps} maps in {result.seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
