"""Explains many tiny samples in one run: memory, open descriptors and the time of a sample must not grow.

    python scripts/soak.py [--samples 10000]

Five cheap methods and a metric on 1 x 8 x 8 images that are made as they are asked for. The process is read every 96
samples, which are three batches; of the first 1,000, in which networks are compiled and buffers grow, nothing counts.
Exit code 1 where the resident memory grows by 1 MB for each 1,000 samples or more, descriptors are left open, or the
time of a sample grows: by more than three standard errors of its slope and by more than a tenth over the run. The line
goes through ninths of the run, as a machine is busy or idle for seconds on end, which would make neighbouring readings
alike and the error too small; and it is CPU time that counts, where others' load shows least.

Files are most of the time here, and the disk's whims most of its scatter: ext4 is slow where many files were removed
minutes ago. TMPDIR on a file system in memory leaves that out.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset

from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Sparseness
from explainer.explanation import GradCAM, Gradient, HiResCAM, InputXGradient, Occlusion
from explainer.records import Record, SampleDone

BATCH = 32
EVERY = 3 * BATCH  # samples between two readings
WARM_UP = 1_000  # samples
LABELS = ["ant", "bee", "cat", "dog", "eel"]
MOST_MEGABYTES = 1.0  # of growth for 1,000 samples
MOST_SLOWER = 0.1  # of the time of a sample, over the run
SURE = 3.0  # standard errors
PARTS = 9  # of a run, whose times are compared


class Reading(NamedTuple):
    """The process after so many samples: resident MB, open descriptors, and seconds since some moment by two clocks."""

    samples: int
    megabytes: float
    descriptors: int
    wall: float
    cpu: float


class Fit(NamedTuple):
    """A line through points: its slope, with the standard error, and the mean of the points."""

    slope: float
    error: float
    mean: float


class Gauge:
    """A sink that reads the process every so many samples."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._samples = 0

    def write(self, record: Record) -> None:
        """Counts the samples that are done."""
        if isinstance(record, SampleDone):
            self._samples += 1
            if self._samples % EVERY == 0:
                self.readings.append(reading_after(self._samples))

    def close(self) -> None:
        """Nothing: what was read stays."""


class TinyImages:
    """Images (1, 8, 8) of noise, each with a label, made when they are asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image = np.random.default_rng(int(index)).standard_normal((1, 8, 8)).astype(np.float32)
        return image, np.array(index % len(LABELS), np.int32)


class TinyCnn(nn.Cell):
    """Images (N, 1, 8, 8) -> logits (N, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, weight_init=weights((4, 1, 3, 3)))
        self.relu = nn.ReLU()
        self.fc = nn.Dense(4, len(LABELS), weight_init=weights((len(LABELS), 4)), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        """The logits."""
        return self.fc(self.relu(self.conv(images)).mean((2, 3)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000, help="(default: %(default)s)")
    given = parser.parse_args()
    if given.samples < 2 * WARM_UP:
        parser.error(f"--samples must be at least {2 * WARM_UP}, as the first {WARM_UP} do not count")
    with tempfile.TemporaryDirectory() as folder:
        readings = soaked(Path(folder), given.samples)
    grown = [*told_memory(readings), *told_descriptors(readings), *told_time(readings)]
    print("grows: " + ", ".join(grown) if grown else "nothing grows")
    return 1 if grown else 0


def soaked(folder: Path, samples: int) -> list[Reading]:
    """The readings of a run, without those of its first samples."""
    network, softmax, gauge = TinyCnn(), nn.Softmax(), Gauge()
    dataset = GeneratorDataset(TinyImages(samples), ["image", "label"], shuffle=False, num_parallel_workers=1)
    options = RunOptions(batch_size=BATCH, progress=False)
    runner = ImageClassificationRunner(folder, (dataset, LABELS), network, softmax, options=options)
    explainers = [
        Gradient(network),
        InputXGradient(network),
        GradCAM(network, "conv"),
        HiResCAM(network, "conv"),
        Occlusion(network, softmax, window=4, stride=4),
    ]
    runner.register_saliency(explainers, [Sparseness(len(LABELS))])
    runner.register_sink(gauge)
    done = runner.run()
    print(f"{done.samples} samples, {done.maps} maps in {done.seconds:.0f} s")
    return [reading for reading in gauge.readings if reading.samples >= WARM_UP]


# What is told of the readings, and what of it grows.


def told_memory(readings: Sequence[Reading]) -> list[str]:
    fit = fitted([reading.samples / 1e3 for reading in readings], [reading.megabytes for reading in readings])
    first, last = readings[0].megabytes, readings[-1].megabytes
    print(f"memory: {first:.1f} MB, {last:.1f} MB at the end; {fit.slope:.3f} MB for 1,000 samples (± {fit.error:.3f})")
    return ["memory"] if fit.slope >= MOST_MEGABYTES else []


def told_descriptors(readings: Sequence[Reading]) -> list[str]:
    first, last = readings[0].descriptors, readings[-1].descriptors
    print(f"descriptors: {first}, {last} at the end")
    return ["descriptors"] if last > first else []


def told_time(readings: Sequence[Reading]) -> list[str]:
    """Of the CPU, and beside it what the clock on the wall says."""
    fits = {kind: time_of_a_sample(readings, kind) for kind in ("wall", "cpu")}
    run = (readings[-1].samples - readings[0].samples) / 1e3
    for kind, fit in fits.items():
        print(
            f"time of a sample ({kind}): {fit.mean:.3f} ms; {1e3 * fit.slope:+.2f} us for 1,000 samples "
            f"(± {1e3 * fit.error:.2f}), {fit.slope * run / fit.mean:+.1%} over the run"
        )
    cpu = fits["cpu"]
    return ["time"] if cpu.slope > SURE * cpu.error and cpu.slope * run > MOST_SLOWER * cpu.mean else []


def time_of_a_sample(readings: Sequence[Reading], kind: str) -> Fit:
    """In ms, by thousands of samples."""
    kept = readings[:: max(1, len(readings) // PARTS)]
    ends = np.array([reading.samples for reading in kept])
    seconds = np.array([getattr(reading, kind) for reading in kept])
    middles, taken = (ends[1:] + ends[:-1]) / 2e3, 1e3 * np.diff(seconds) / np.diff(ends)
    return fitted(middles, taken)


def fitted(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> Fit:
    """The line of least squares; its error as if the points scattered independently of one another."""
    across, up = np.asarray(x) - np.mean(x), np.asarray(y) - np.mean(y)
    slope = float(across @ up / (across @ across))
    left = up - slope * across
    error = math.sqrt(float(left @ left) / (len(left) - 2) / float(across @ across))
    return Fit(slope, error, float(np.mean(y)))


def reading_after(samples: int) -> Reading:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    megabytes = float(status.split("VmRSS:")[1].split()[0]) / 1e3
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Reading(samples, megabytes, descriptors, time.perf_counter(), time.process_time())


def weights(shape: tuple[int, ...]) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


if __name__ == "__main__":
    sys.exit(main())
