"""The bench: what our ways cost beside the cheapest possible, in interleaved runs, and how much memory they take.

At its end, and alone with `--shares`: what part of a run's CPU time is spent in writing its summary.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import mindspore
import mindspore.train.metrics.occlusion_sensitivity as mindspore_metric
import numpy as np
from mindspore import Tensor, nn
from trial import data, datasets, networks

from explainer import ImageClassificationRunner, OcclusionSensitivity, RunOptions
from explainer.benchmark import ROAD, ClassSensitivity, Faithfulness, Infidelity, LabelMetric, Robustness
from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import RISE, Attribution, GradCAM, Gradient, IntegratedGradients, Occlusion
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.resizing import resized
from explainer.summary import SummaryWriter

BATCH = 32
WARM_UPS = 2
FAITHFULNESS_PASSES = {"NaiveFaithfulness": 32 * 10 + 1, "DeletionAUC": 33 * 10, "InsertionAUC": 33 * 10}  # 32 x 32


@dataclass(frozen=True)
class Row:
    """One row of the bench: ours against the floor, seconds and the median of the ratios of neighbouring runs."""

    name: str
    ours: float
    floor: float
    ratio: float
    goal: float | None
    repeats: int


@dataclass(frozen=True)
class Memory:
    """Peak memory in MB for the smaller and for the larger task."""

    name: str
    least: float
    most: float


@dataclass(frozen=True)
class Share:
    """CPU seconds inside the summary's writer and of the whole process, in one run."""

    name: str
    inside: float
    whole: float
    goal: float


def main() -> int:
    """Prints the rows; exit status 0 whatever they say, as a machine may be busy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="timed runs of each side (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument("--shares", action="store_true", help="measure the writer's part of a run's CPU time alone")
    parser.add_argument(
        "--peak", nargs=5, metavar=("METHOD", "IMAGES", "MASKS", "HEIGHT", "WIDTH"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.peak:
        print(peak_of(options.peak[0], *map(int, options.peak[1:])))
        return 0
    if not data.has_shared():
        print("skipped: the trial networks are not here (set EXPLAINER_SHARED)")
        return 0
    if options.shares:
        print_shares(share_rows())
        return 0
    rows = [
        forward_row(options.repeats),
        perturbation_row(options.repeats, "Occlusion, 900 windows", 900 + 1, lambda net: Occlusion(net, nn.Softmax())),
        perturbation_row(options.repeats, "RISE, 1000 masks", 1000, lambda net: RISE(net, nn.Softmax(), masks=1000)),
        *(faithfulness_row(options.repeats, metric, passes) for metric, passes in FAITHFULNESS_PASSES.items()),
        metric_row(options.repeats, "ROAD, 10 labels", 18 * 10, lambda: ROAD(10, nn.Softmax()), goal=None),
        metric_row(options.repeats, "Infidelity, 10 labels", 100 + 1, lambda: Infidelity(10, nn.Softmax())),
        explainer_metric_row(
            options.repeats, "ClassSensitivity, 32 images", ClassSensitivity(), images=32, forwards=32, maps=64
        ),
        # Ten perturbations of the image, each accepted at the first try; all labels of each are explained together.
        explainer_metric_row(
            options.repeats, "Robustness, 10 labels", Robustness(10, nn.Softmax(), threshold=1), forwards=11, maps=100
        ),
        runner_row(options.repeats),
        *(hierarchical_row(min(3, options.repeats), side) for side in (64, 112, 224)),
        *(row for size in (24, 48, 64) for row in occlusion_sensitivity_rows(min(3, options.repeats), size)),
        occlusion_sensitivity_rows(min(3, options.repeats), 48, channels=1)[0],
    ]
    print(f"{'row':<58}{'ours s':>9}{'floor s':>9}{'ratio':>7}{'goal':>6}")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:.1f}"
        print(f"{row.name:<58}{row.ours:>9.3f}{row.floor:>9.3f}{row.ratio:>7.2f}{goal:>6}")
    print(f"medians of {options.repeats} interleaved runs; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    memory = memory_rows()
    for row in memory:
        print(f"{row.name:<58}{row.least:>7.0f} MB{row.most:>7.0f} MB")
    print("peak memory above that of the loaded network; an image and its map take 1 MB at 224, 48 MB at 1500 x 2000")
    shares = share_rows()
    print_shares(shares)
    if options.json:
        rows += [*memory, *shares]
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return 0


def forward_row(repeats: int) -> Row:
    """The seam's forward of 200 images against MindSpore's own compiled forward in batches of 32."""
    network, images = networks.CifarResNet20(), data.cifar10().images
    classifier = MindSporeClassifier(network, nn.Softmax(), batch_size=BATCH)
    floor = _Floor(network, images)
    name = "forward: seam / jit, ResNet-20, 200 images"
    return compare(name, lambda: classifier.logits(images), floor.forward, repeats)


def perturbation_row(repeats: int, name: str, passes: int, make: Callable[[nn.Cell], Attribution]) -> Row:
    """A perturbation method on one image of ResNet-20 against the compiled forwards that it needs."""
    network, image = networks.CifarResNet20(), data.cifar10().images[:1]
    explainer = make(network)
    floor = _Floor(network, np.repeat(image, passes, axis=0))
    return compare(f"{name} / forwards, ResNet-20", lambda: explainer(image, 3), floor.forward, repeats, goal=1.2)


def faithfulness_row(repeats: int, metric: str, passes: int) -> Row:
    """One of the three faithfulness metrics for every label of an image."""
    return metric_row(repeats, f"{metric}, 10 labels", passes, lambda: Faithfulness(10, nn.Softmax(), metric))


def explainer_metric_row(repeats: int, name: str, metric: Any, *, forwards: int, maps: int, images: int = 1) -> Row:
    """A metric that asks for maps of its own against the compiled forwards and gradients that it needs."""
    network, shown = networks.CifarResNet20(), data.cifar10().images[:images]
    explainer, labels = Gradient(network), np.arange(10)[None]
    given = () if isinstance(metric, ClassSensitivity) else (labels, explainer(shown, labels))
    floor = _Floor(network, np.repeat(shown[:1], BATCH, axis=0))

    def needed() -> None:
        floor.forward(forwards)
        floor.gradients(maps)

    ours = lambda: metric.evaluate(explainer, shown, *given)  # noqa: E731
    return compare(f"{name} / forwards and gradients, ResNet-20", ours, needed, repeats, goal=1.2)


def metric_row(repeats: int, name: str, passes: int, make: Callable[[], LabelMetric], goal: float | None = 1.2) -> Row:
    """A metric on the maps of one image and every label, which are given, against the forwards that it needs."""
    network, image = networks.CifarResNet20(), data.cifar10().images[:1]
    metric, explainer, labels = make(), Gradient(network), np.arange(10)[None]
    maps = explainer(image, labels)
    floor = _Floor(network, np.repeat(image, BATCH, axis=0))
    return compare(
        f"{name} / forwards, ResNet-20",
        lambda: metric.evaluate(explainer, image, labels, maps),
        lambda: floor.forward(passes),
        repeats,
        goal,
    )


def occlusion_sensitivity_rows(repeats: int, size: int, channels: int = 3) -> list[Row]:
    """OcclusionSensitivity on a small network against one forward per place, and against mindspore.train's."""
    mindspore_metric.trange = range  # no bar
    network = nn.SequentialCell(
        *(
            nn.Conv2d(channels, 16, 3),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, 2),
            nn.ReLU(),
        ),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dense(32, 10)),
    )
    image = np.random.default_rng(0).standard_normal((1, channels, size, size)).astype(np.float32)
    ours, theirs = OcclusionSensitivity(), mindspore_metric.OcclusionSensitivity()
    floor = _Floor(network, np.repeat(image, ours.n_batch, axis=0), ours.n_batch)
    name = f"OcclusionSensitivity, {channels} x {size} x {size} / "
    return [
        compare(
            name + "a forward per place",
            lambda: ours.update(network, image, 3),
            lambda: floor.forward(image.size),
            repeats,
            goal=1.2,
        ),
        compare(
            name + "mindspore.train's",
            lambda: ours.update(network, image, 3),
            lambda: theirs.update(network, image, np.array(3)),
            repeats,
        ),
    ]


def memory_rows() -> list[Memory]:
    """The peaks for few and for many images or masks, for a small and for a large picture, each in its own process."""
    small, large = "224 224", "1500 2000"
    asked = {
        "Occlusion at 224 x 224: 4 images, 16 images": (f"occlusion 4 0 {small}", f"occlusion 16 0 {small}"),
        "OcclusionSensitivity, 3 x 24 x 24, 3 x 64 x 64": ("metric 1 0 24 24", "metric 1 0 64 64"),
        "RISE at 224 x 224: 1024 masks, 8192 masks": (f"rise 1 1024 {small}", f"rise 1 8192 {small}"),
        "RISE at 224 x 224, 1024 masks: 1 image, 8 images": (f"rise 1 1024 {small}", f"rise 8 1024 {small}"),
        **{
            f"{name}, a picture of 224 x 224, of 1500 x 2000": (f"{method} 1 64 {small}", f"{method} 1 64 {large}")
            for method, name in (("rise", "RISE"), ("gradient", "Gradient"), ("integrated", "IntegratedGradients"))
        },
    }
    return [Memory(name, *map(_peak, sides)) for name, sides in asked.items()]


def peak_of(method: str, images: int, masks: int, height: int, width: int) -> float:
    """Megabytes that explaining takes above what the process takes once a picture of 224 x 224 has been explained."""
    network = nn.SequentialCell(nn.Conv2d(3, 8, 7, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dense(8, 5))
    explainers: dict[str, Callable[[], Attribution]] = {
        "occlusion": lambda: Occlusion(network, nn.Softmax(), window=28, stride=14),
        "rise": lambda: RISE(network, nn.Softmax(), masks=masks),
        "gradient": lambda: Gradient(network),
        "integrated": lambda: IntegratedGradients(network),
    }
    if method == "metric":
        return metric_peak(network, height)
    batch = np.random.default_rng(0).standard_normal((images, 3, height, width)).astype(np.float32)
    RISE(network, nn.Softmax(), masks=8 * BATCH)(np.ascontiguousarray(batch[:1, :, :224, :224]), 1)
    before = _highest()
    explainers[method]()(batch, 1)
    return _highest() - before


def metric_peak(network: nn.Cell, size: int) -> float:
    """Megabytes that OcclusionSensitivity takes above what a batch of such inputs takes."""
    image = np.random.default_rng(0).standard_normal((1, 3, size, size)).astype(np.float32)
    classifier = MindSporeClassifier(network, batch_size=128)
    for _ in range(4):
        classifier.logits(np.repeat(image, 128, axis=0))
    before = _highest()
    OcclusionSensitivity().update(network, image, 1)
    return _highest() - before


def _highest() -> float:
    """The peak of this process in megabytes; getrusage would begin with that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def _peak(asked: str) -> float:
    command = [sys.executable, __file__, "--peak", *asked.split()]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def hierarchical_row(repeats: int, side: int) -> Row:
    """The search for a photograph's likeliest label, to half its probability, against as many compiled forwards."""
    network = networks.SqueezeNet11()
    image = np.stack([resized(channel, (side, side)) for channel in data.photos().images[1]])
    probabilities = MindSporeClassifier(network, nn.Softmax()).probabilities(image[None])[0]
    label = int(probabilities.argmax())
    search = HierarchicalOcclusion(network, nn.Softmax(), threshold=float(probabilities[label]) / 2, batch_size=BATCH)
    shown = _shown(lambda: search.search(image, label))
    floor = _Floor(network, np.repeat(image[None], BATCH, axis=0))
    name = f"hierarchical occlusion, {side} px, {shown} pictures / forwards"
    return compare(name, lambda: search.search(image, label), lambda: floor.forward(shown), repeats)


def _shown(work: Callable[[], object]) -> int:
    """How many pictures the work asks probabilities of."""
    counts = []
    ask = MindSporeClassifier.probabilities

    def counted(self: MindSporeClassifier, images: np.ndarray) -> np.ndarray:
        counts.append(len(images))
        return ask(self, images)

    with patch.object(MindSporeClassifier, "probabilities", counted):
        work()
    return sum(counts)


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


def share_rows() -> list[Share]:
    """The writer's part of a cheap run, and of one as it may well be."""
    network, softmax = networks.CifarResNet20(), nn.Softmax()
    cheap: list[Attribution] = [Gradient(network), GradCAM(network, "layer3")]
    more = [*cheap, Occlusion(network, softmax, window=8, stride=4)]
    deletion = Faithfulness(10, softmax, "DeletionAUC")
    return [
        share_row("200 images, Gradient + GradCAM", network, 200, cheap, []),
        share_row("50 images, these, Occlusion 8/4, DeletionAUC", network, 50, more, [deletion]),
    ]


def share_row(
    name: str, network: nn.Cell, images: int, explainers: list[Attribution], metrics: list[LabelMetric]
) -> Share:
    """Of a run of ResNet-20, after one that compiles it."""
    options = RunOptions(batch_size=BATCH, mean=data.MEAN, std=data.STD, progress=False)
    with tempfile.TemporaryDirectory() as folder, writer_timed() as spent:
        given = datasets.cifar_dataset(images), data.cifar10_labels()
        runner = ImageClassificationRunner(folder, given, network, nn.Softmax(), options=options)
        runner.register_saliency(explainers, list(metrics))
        runner.run()
        spent.clear()
        start = time.process_time()
        runner.run()
        return Share(f"writer / run: {name}", sum(spent), time.process_time() - start, goal=0.05)


@contextmanager
def writer_timed() -> Iterator[list[float]]:
    """The CPU seconds of each call of a summary's writer; the thread's, as MindSpore's others wait by spinning."""
    spent: list[float] = []

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            start = time.thread_time()
            try:
                return method(*given)
            finally:
                spent.append(time.thread_time() - start)

        return call

    with ExitStack() as stack:
        for name in ("__init__", "write", "close"):
            stack.enter_context(patch.object(SummaryWriter, name, timed(getattr(SummaryWriter, name))))
        yield spent


def print_shares(rows: list[Share]) -> None:
    for row in rows:
        print(f"{row.name:<65}{row.inside:>7.3f} of{row.whole:>7.2f} s of CPU{row.inside / row.whole:>7.1%}")
    print(f"the goal is less than {rows[0].goal:.0%}")


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

    def __init__(self, network: nn.Cell, images: np.ndarray, batch: int = BATCH) -> None:
        network.set_train(False)
        self._images = images
        self._batch = batch
        self._seeds = np.eye(10, dtype=np.float32)[np.zeros(BATCH, int)]

        def forward(batch: Tensor) -> Tensor:
            return network(batch)

        def objective(batch: Tensor, seed: Tensor) -> Tensor:
            return (network(batch) * seed).sum()

        self._forward = mindspore.jit(forward)
        self._gradient = mindspore.jit(mindspore.grad(objective, 0))

    def forward(self, count: int | None = None) -> None:
        """One forward of every image, or of so many."""
        self._repeat(self._forward, len(self._images) if count is None else count)

    def gradients(self, count: int) -> None:
        """So many gradients."""
        self._repeat(lambda batch: self._gradient(batch, Tensor(self._seeds[: len(batch)])), count)

    def whole_run(self, maps: int) -> None:
        """A forward per image, one per GradCAM map (its backward is the last layer), a gradient per Gradient map."""
        self.forward()
        self.gradients(maps)
        self._repeat(self._forward, maps)

    def _repeat(self, compute: Callable[[Tensor], Tensor], count: int) -> None:
        for start in range(0, count, self._batch):
            compute(Tensor(self._images[: min(self._batch, count - start)])).asnumpy()


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
