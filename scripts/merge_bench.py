"""How long shards take to be put together, and how much memory that needs: synthetic samples with small maps.

    python scripts/merge_bench.py [--samples 10000 100000] [--shards 4] [--folder DIR]

For each number of samples, shards are written, of 10 labels, 2 methods and 2 metrics each, as `explainer run --shard`
leaves them, and put together by `explainer merge` in a process of its own: seconds, samples a second, its largest
memory, and how much more that is than after the imports. What is read has been written just before, so it comes from
the system's memory, not from the disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from explainer.records import (
    Benchmark,
    DatasetOrder,
    ImageFile,
    Prediction,
    RunMetadata,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    Score,
)
from explainer.summary import codec, images
from explainer.summary.event_copy import payload_of, write_events
from explainer.summary.explain_pb2 import Explain
from explainer.summary.folder import RunFiles, data_folder_name, event_file_name
from explainer.summary.index_file import IndexDraft
from explainer.summary.sample_index import index_of

LABELS = tuple(f"label {number}" for number in range(10))
EXPLAINERS, METRICS = ("GradCAM", "Gradient"), ("Deletion", "Sparseness")
STARTED = 1_700_000_000
MEASURED = """
import json, resource, sys, time
from explainer.summary.merge import merge
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, began, used = peak(), time.monotonic(), time.process_time()
made = merge(sys.argv[1], sys.argv[2:])
seconds, cpu = time.monotonic() - began, time.process_time() - used
print(json.dumps({"samples": made.samples, "linked": made.linked, "copied": made.copied, "seconds": seconds,
                  "cpu": cpu, "before": before, "peak": peak()}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--shards", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where shards and merged run go (default: a temporary folder)")
    given = parser.parse_args()
    for samples in given.samples:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            tell(samples, given.shards, Path(folder))
    return 0


def tell(samples: int, count: int, folder: Path) -> None:
    """Writes shards, puts them together, and says what that took."""
    began = time.monotonic()
    shards = [write_shard(folder / f"shard-{index}-of-{count}", index, count, samples) for index in range(count)]
    written = time.monotonic() - began
    command = [sys.executable, "-c", MEASURED, str(folder / "merged"), *map(str, shards)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"{found['samples']:,} samples in {count} shards, written in {written:.0f} s: merged in {found['seconds']:.1f} "
        f"s ({found['cpu']:.1f} s of the processor), {found['samples'] / found['seconds']:,.0f} samples a second, "
        f"{found['linked']:,} files linked, {found['copied']:,} copied; memory {found['before']:.0f} MB after the "
        f"imports, {found['peak']:.0f} MB at most",
        flush=True,
    )
    shutil.rmtree(folder / "merged")


def write_shard(folder: Path, index: int, count: int, samples: int) -> Path:
    """A shard with every so-manieth sample."""
    data = data_folder_name(STARTED + index)
    (folder / data).mkdir(parents=True)
    parameters = {"shard": {"index": index, "count": count}, "options": {"batch_size": 64}}
    jobs = ("saliency", "benchmark")
    metadata = RunMetadata(LABELS, EXPLAINERS, METRICS, jobs, parameters, "0")
    png = images.png_of(np.arange(48, dtype=np.uint8).reshape(6, 8))
    event_file = folder / event_file_name(STARTED + index, 1)
    write_events(event_file, payloads(folder, data, metadata, range(index, samples, count), samples, png))
    files = RunFiles(STARTED + index, event_file)
    IndexDraft(index_of(event_file), event_file.stat().st_size).store(files)
    return folder


def payloads(
    folder: Path, data: str, metadata: RunMetadata, numbers: range, samples: int, png: bytes
) -> Iterator[bytes]:
    """The records of a shard, whose pictures are written meanwhile."""
    messages = [codec.encode_metadata(metadata), codec.encode_metadata_copy(metadata)]
    yield from map(payload_of, messages)
    for number in numbers:
        yield from map(payload_of, messages_of(folder, data, number, png))
    table = [Benchmark(explainer, metric, 0.5, (0.5,) * 10, 1) for explainer in EXPLAINERS for metric in METRICS]
    ends = [codec.encode_order(DatasetOrder(samples, bytes(16))), codec.encode_benchmarks(table), codec.encode_end()]
    yield from map(payload_of, ends)


def messages_of(folder: Path, data: str, number: int, png: bytes) -> Iterator[Explain]:
    """The records of one sample: its image, a map by each method, a score by each metric."""
    label = number % 10
    image = ImageFile(number, images.image_path(data, number), True, bytes(16))
    maps = [
        SaliencyFile(number, name, label, images.saliency_path(data, name, number, label), -1.0, 1.0, None, bytes(16))
        for name in EXPLAINERS
    ]
    for path in [image.path, *(entry.path for entry in maps)]:
        target = folder / path
        if number % 1000 < len(LABELS):
            target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png)
    rng = np.random.default_rng(number)
    prediction = Prediction(number, (label,), (label,), (label,), rng.random(10, np.float32))
    scores = [
        Score(number, name, metric, label, float(rng.random(dtype=np.float32)))
        for name in EXPLAINERS
        for metric in METRICS
    ]
    yield codec.encode_sample(image, prediction, origin=SampleOrigin(number, bytes(16), f"{number}.png", bytes(16)))
    yield from map(codec.encode_saliency, maps)
    yield codec.encode_scores(number, scores)
    yield codec.encode_done(SampleDone(number))


if __name__ == "__main__":
    sys.exit(main())
