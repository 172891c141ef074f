"""What processes that share a run bring: samples a second of one with all cores, and of several that divide them.

    python scripts/workers_bench.py [--network cnn] [--workers 1 2] [--samples 40 200] [--repeats 3]

Each run is done with two numbers of samples: their difference is told as samples a second, without what it takes to
begin (which is told, too). Every image is explained by Gradient and by RISE with 100 masks. The least of the repeats
counts, in turn for each number of workers, as others may be at work on the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset

from explainer import ImageClassificationRunner, RunOptions
from explainer.explanation import RISE, Gradient

LABELS = [f"class {number}" for number in range(10)]
SIZES = {"cnn": 32, "resnet18": 224}


class SmallCnn(nn.Cell):
    """Images (N, 3, H, W) -> logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Conv2d(32, 64, 3, 2), nn.ReLU()
        )
        self.fc = nn.Dense(64, len(LABELS))

    def construct(self, images: Tensor) -> Tensor:
        """The logits."""
        return self.fc(self.features(images).mean((2, 3)))


class Noise:
    """So many random images of a size, made when they are read."""

    def __init__(self, samples: int, size: int) -> None:
        self._samples = samples
        self._size = size

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image = np.random.default_rng(index).standard_normal((3, self._size, self._size))
        return image.astype(np.float32), np.array(index % len(LABELS), np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=SIZES, default="cnn")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--samples", type=int, nargs=2, default=[40, 200])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    seconds = {(count, samples): [] for count in given.workers for samples in given.samples}
    for _ in range(given.repeats):
        for count, samples in seconds:
            seconds[count, samples].append(seconds_of(given.network, count, samples))
    for count in given.workers:
        tell(count, given.samples, [min(seconds[count, samples]) for samples in given.samples])


def seconds_of(network: str, workers: int, samples: int) -> float:
    """Of a run of so many workers."""
    with tempfile.TemporaryDirectory() as folder:
        runner = runner_of(Path(folder) / "out", network, samples)
        began = time.monotonic()
        runner.run(workers=workers)
        return time.monotonic() - began


def runner_of(folder: Path, name: str, samples: int) -> ImageClassificationRunner:
    network, softmax = network_of(name), nn.Softmax()
    data = GeneratorDataset(Noise(samples, SIZES[name]), ["image", "label"], shuffle=False, num_parallel_workers=1)
    options = RunOptions(progress=False, label_format="ids")
    runner = ImageClassificationRunner(folder, (data, LABELS), network, softmax, options=options)
    runner.register_saliency([Gradient(network), RISE(network, softmax, masks=100)])
    return runner


def network_of(name: str) -> nn.Cell:
    if name == "cnn":
        return SmallCnn()
    import mindcv

    return mindcv.create_model(name, num_classes=len(LABELS))


def tell(workers: int, samples: Sequence[int], seconds: Sequence[float]) -> None:
    rate = (samples[1] - samples[0]) / (seconds[1] - seconds[0])
    begin = seconds[0] - samples[0] / rate
    print(f"{workers} workers: {rate:.2f} samples a second, {begin:.1f} s to begin and to end", flush=True)


if __name__ == "__main__":
    main()
