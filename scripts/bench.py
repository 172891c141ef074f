"""The bench: what our ways cost beside the cheapest possible, in interleaved runs; medians of ratios."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import mindspore
import numpy as np
from mindspore import Tensor, nn
from trial import data, datasets, networks

from explainer import ImageClassificationRunner, RunOptions
from explainer.explanation import GradCAM, Gradient
from explainer.mindspore_classifier import MindSporeClassifier

BATCH = 32
WARM_UPS = 2


@dataclass(frozen=True)
class Row:
    """One row of the bench: ours against the floor, seconds and the median of the ratios of neighbouring runs."""

    name: str
    ours: float
    floor: float
    ratio: float
    goal: float | None
    repeats: int


def main() -> int:
    """Prints the rows; exit status 0 whatever they say, as a machine may be busy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="timed runs of each side (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    options = parser.parse_args()
    if not data.has_shared():
        print("skipped: the trial networks are not here (set EXPLAINER_SHARED)")
        return 0
    rows = [forward_row(options.repeats), runner_row(options.repeats)]
    print(f"{'row':<58}{'ours s':>9}{'floor s':>9}{'ratio':>7}{'goal':>6}")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:.1f}"
        print(f"{row.name:<58}{row.ours:>9.3f}{row.floor:>9.3f}{row.ratio:>7.2f}{goal:>6}")
    print(f"medians of {options.repeats} interleaved runs; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return 0


def forward_row(repeats: int) -> Row:
    """The seam's forward of 200 images against MindSpore's own compiled forward in batches of 32."""
    network, images = networks.CifarResNet20(), data.cifar10().images
    classifier = MindSporeClassifier(network, nn.Softmax(), batch_size=BATCH)
    floor = _Floor(network, images)
    name = "forward: seam / jit, ResNet-20, 200 images"
    return compare(name, lambda: classifier.logits(images), floor.forward, repeats)


def runner_row(repeats: int) -> Row:
    """A whole run with Gradient and GradCAM against the forwards and backwards that it needs, files and all."""
    network, images = networks.CifarResNet20(), data.cifar10().images
    floor = _Floor(network, images)
    with tempfile.TemporaryDirectory() as folder:
        runner = ImageClassificationRunner(
            folder,
            (datasets.cifar_dataset(), data.cifar10_labels()),
            network,
            nn.Softmax(),
            options=RunOptions(batch_size=BATCH, mean=data.MEAN, std=data.STD, progress=False),
        )
        runner.register_saliency([Gradient(network), GradCAM(network, "layer3")])
        maps = runner.run().maps // 2
        name = f"runner: 200 images, {maps} labels, Gradient + GradCAM"
        return compare(name, runner.run, lambda: floor.whole_run(maps), repeats, goal=1.5)


def compare(
    name: str, ours: Callable[[], object], floor: Callable[[], object], repeats: int, goal: float | None = None
) -> Row:
    """Ours and the floor in turn, after warm-ups that compile both."""
    for _ in range(WARM_UPS):
        ours(), floor()
    pairs = [(_seconds(ours), _seconds(floor)) for _ in range(repeats)]
    ratio = statistics.median(mine / least for mine, least in pairs)
    medians = [statistics.median(side) for side in zip(*pairs, strict=True)]
    return Row(name, medians[0], medians[1], ratio, goal, repeats)


class _Floor:
    """The cheapest way: graphs compiled for the very batch sizes they get, nothing else done."""

    def __init__(self, network: nn.Cell, images: np.ndarray) -> None:
        network.set_train(False)
        self._images = images
        self._seeds = np.eye(10, dtype=np.float32)[np.zeros(BATCH, int)]

        def forward(batch: Tensor) -> Tensor:
            return network(batch)

        def objective(batch: Tensor, seed: Tensor) -> Tensor:
            return (network(batch) * seed).sum()

        self._forward = mindspore.jit(forward)
        self._gradient = mindspore.jit(mindspore.grad(objective, 0))

    def forward(self) -> None:
        """One forward of every image."""
        self._repeat(self._forward, len(self._images))

    def whole_run(self, maps: int) -> None:
        """A forward per image, one per GradCAM map (its backward is the last layer), a gradient per Gradient map."""
        self.forward()
        self._repeat(lambda batch: self._gradient(batch, Tensor(self._seeds[: len(batch)])), maps)
        self._repeat(self._forward, maps)

    def _repeat(self, compute: Callable[[Tensor], Tensor], count: int) -> None:
        for start in range(0, count, BATCH):
            compute(Tensor(self._images[: min(BATCH, count - start)])).asnumpy()


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
