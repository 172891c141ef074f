"""Damages and forges summaries at random and reads them: nothing but what is documented may come of it.

    python scripts/fuzz_summary.py [--memory 100000] [--disk 2000] [--seed 0] [--first 0]

In memory: frames and records of an event file. On disk: read_run, the facts, their text and JSON, iter_samples, verify
and the pictures of a folder. Documented are SummaryReadError and findings; anything else, a warning too, and a case of
more than 2 s of CPU, ends the script with exit code 1. A case depends on the seed and its number alone: --first N
--memory 1 runs one again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from explainer.analysis.facts import facts_of
from explainer.analysis.view import RunView, read_run
from explainer.command.inspect_text import overview
from explainer.command.tables import drawn
from explainer.errors import SummaryReadError
from explainer.records import (
    Benchmark,
    Box,
    Draws,
    EditLayer,
    EditTree,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    RunResumed,
    Saliency,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.summary import SummaryWriter, codec, iter_samples
from explainer.summary.explain_pb2 import Event
from explainer.summary.reader import located
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.verify import verify

MOST_SECONDS = 2.0
STARTED = 1_700_000_000
Damage = Callable[[np.random.Generator, list[bytes]], bytes]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", type=int, default=100_000, help="cases of frames and records in memory")
    parser.add_argument("--disk", type=int, default=2_000, help="cases of a whole folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    given = parser.parse_args()
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job"
        payloads = seed_run(job)
        tried = [
            fuzz("memory", given.memory, given, lambda rng: in_memory(damaged(rng, payloads))),
            fuzz("disk", given.disk, given, lambda rng: on_disk(rng, job, payloads)),
        ]
    print(f"peak RSS {peak_megabytes():.0f} MB")
    return 0 if all(tried) else 1


def fuzz(name: str, count: int, given: argparse.Namespace, try_case: Callable[[np.random.Generator], str]) -> bool:
    """Runs the cases and prints what came of them; whether all of it is documented."""
    outcomes: Counter[str] = Counter()
    slowest, at = 0.0, 0
    for number in range(given.first, given.first + count):
        started = time.process_time()
        try:
            outcomes[try_case(np.random.default_rng([given.seed, number]))] += 1
        except Exception as error:
            print(f"{name}: case {number} of seed {given.seed}: {type(error).__name__}: {error}")
            raise
        took = time.process_time() - started
        slowest, at = max((slowest, at), (took, number))
    told = ", ".join(f"{many} {outcome}" for outcome, many in sorted(outcomes.items()))
    print(f"{name}: {count} cases ({told}), slowest {slowest:.3f} s of CPU (case {at})", flush=True)
    return slowest <= MOST_SECONDS


def peak_megabytes() -> float:
    # Not getrusage, whose figure begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1e3


# One case.


def in_memory(content: bytes) -> str:
    """What came of an event file: "whole", "damaged" or "refused"."""
    outcome = "whole"
    for found in read_frames(BytesIO(content)):
        try:
            entry = located(found)
        except SummaryReadError:
            return "refused"
        if entry.finding is not None:
            outcome = "damaged"
    return outcome


def on_disk(rng: np.random.Generator, job: Path, payloads: list[bytes]) -> str:
    """What came of a folder, one of whose files is damaged as well in every other case."""
    (event_file,) = job.glob("*_explain")
    pictures = sorted([*job.rglob("*.png"), *job.rglob("*.npy")])
    picture = pictures[rng.integers(len(pictures))]
    whole, shown = event_file.read_bytes(), picture.read_bytes()
    try:
        event_file.write_bytes(damaged(rng, payloads))
        if rng.integers(2):
            picture.write_bytes(DAMAGES[rng.integers(4)](rng, [shown]))
        return read_all(job, event_file)
    except SummaryReadError:
        return "refused"
    finally:
        event_file.write_bytes(whole)
        picture.write_bytes(shown)


def read_all(job: Path, event_file: Path) -> str:
    run = read_run(job)
    facts = facts_of(run)
    drawn(overview(facts), 80, str, styled=False)
    json.dumps(facts, allow_nan=False)
    require_same(run, sorted(sample.sample_id for sample in iter_samples(event_file)))
    look_at_pictures(run)
    found = verify(job)
    if not run.complete and found.complete:
        raise AssertionError("a run that is not complete passed verify")
    return "whole" if found.complete else "damaged"


def require_same(run: RunView, numbers: Sequence[int]) -> None:
    if list(run.samples) != list(numbers):
        raise AssertionError(f"read_run gave the samples {list(run.samples)}, iter_samples {list(numbers)}")


def look_at_pictures(run: RunView) -> None:
    for sample in run.samples.values():
        for entry in (sample.image, *sample.maps):
            look = run.saliency if isinstance(entry, SaliencyFile) else run.picture
            try:
                look(entry)
            except SummaryReadError:
                continue


# Damages: each makes the content of an event file of the payloads of a good one.


def damaged(rng: np.random.Generator, payloads: list[bytes]) -> bytes:
    content = DAMAGES[rng.integers(len(DAMAGES))](rng, [frame(payload) for payload in payloads])
    return content if rng.integers(4) else DAMAGES[rng.integers(4)](rng, [content])


def flipped(rng: np.random.Generator, parts: list[bytes]) -> bytes:
    content = bytearray(b"".join(parts))
    for _ in range(rng.integers(1, 6)):
        if content:
            content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return bytes(content)


def cut(rng: np.random.Generator, parts: list[bytes]) -> bytes:
    content = b"".join(parts)
    return content[: rng.integers(len(content) + 1)]


def inserted(rng: np.random.Generator, parts: list[bytes]) -> bytes:
    content = b"".join(parts)
    at = rng.integers(len(content) + 1)
    return content[:at] + noise(rng) + content[at:]


def removed(rng: np.random.Generator, parts: list[bytes]) -> bytes:
    content = b"".join(parts)
    at = rng.integers(len(content) + 1)
    return content[:at] + content[at + rng.integers(1, 60) :]


def shuffled(rng: np.random.Generator, frames: list[bytes]) -> bytes:
    """Frames left out, doubled and in disorder."""
    order = rng.integers(len(frames), size=rng.integers(1, 2 * len(frames)))
    return frames[0] * int(rng.integers(2)) + b"".join(frames[place] for place in order)


def forged(rng: np.random.Generator, frames: list[bytes]) -> bytes:
    """Content changed under right checksums."""
    changed = list(frames)
    for _ in range(rng.integers(1, 4)):
        place = rng.integers(len(changed))
        payload = changed[place][12:-4]
        changed[place] = frame(DAMAGES[rng.integers(4)](rng, [payload]))
    return b"".join(changed)


def spliced(rng: np.random.Generator, frames: list[bytes]) -> bytes:
    """A payload that ends as another one does, or is several at once: protobuf merges them."""
    one, other = (frames[place][12:-4] for place in rng.integers(len(frames), size=2))
    return b"".join(frames[: rng.integers(len(frames))]) + frame(one[: rng.integers(len(one) + 1)] + other) + frames[-1]


def promised(rng: np.random.Generator, frames: list[bytes]) -> bytes:
    """Headers with right checksums that promise what is not there."""
    headers = [frame(bytes(int(length)))[:12] for length in rng.integers(0, 3000, rng.integers(1, 30))]
    places = sorted(rng.integers(len(frames), size=len(headers)).tolist())
    for header, place in zip(headers, reversed(places), strict=True):
        frames = [*frames[:place], header, *frames[place:]]
    return b"".join(frames)


def extreme(rng: np.random.Generator, frames: list[bytes]) -> bytes:
    """Well-formed messages with values that nobody foresaw."""
    changed = list(frames)
    for place in rng.integers(len(changed), size=rng.integers(1, 6)):
        event = Event.FromString(changed[place][12:-4])
        values = list(scalars_of(event.explain))
        for number in rng.integers(len(values), size=rng.integers(1, 4)):
            set_extreme(rng, *values[number])
        changed[place] = frame(event.SerializeToString())
    return b"".join(changed)


def scalars_of(message: Any) -> Iterator[tuple[Any, str, int | None]]:
    """Every value in a message: of which message, in which field, at which index of it."""
    for field, value in message.ListFields():
        several = hasattr(value, "append") or hasattr(value, "add")
        for index, one in enumerate(value if several else [value]):
            if hasattr(one, "ListFields"):
                yield from scalars_of(one)
            else:
                yield message, field.name, index if several else None


def set_extreme(rng: np.random.Generator, message: Any, field: str, index: int | None) -> None:
    values = getattr(message, field)
    choices = EXTREMES[type(values if index is None else values[index])]
    chosen = choices[rng.integers(len(choices))]
    try:
        if index is None:
            setattr(message, field, chosen)
        else:
            values[index] = chosen
    except ValueError:  # a number that the field does not hold
        return


EXTREMES: dict[type, list[Any]] = {
    float: [math.inf, -math.inf, math.nan, 3e38, -3e38, 0.0, 1e-45, -1.0],
    int: [-1, 0, 1, 2, 2**31 - 1, -(2**31), 1_000_000],
    bool: [False, True],
    str: [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "\x1b[31m\n",
        "Gradient",
        "x" * 1000,
        '{"a": 1e999}',
        "[" * 500,
        "end",
    ],
    bytes: [b"", b"\0" * 16, b"x" * 100],
}


def noise(rng: np.random.Generator) -> bytes:
    size = int(rng.integers(1, 60))
    return [rng.bytes(size), bytes(size), b"\xff" * size][rng.integers(3)]


DAMAGES: list[Damage] = [flipped, cut, inserted, removed, shuffled, forged, forged, spliced, promised, extreme, extreme]


# The run that is damaged: every kind of record.


def seed_run(job: Path) -> list[bytes]:
    """Writes a run with every kind of record; the payloads of its event file."""
    metadata = RunMetadata(
        labels=("cat", "dog", "eel"),
        explainers=("GradCAM", "Gradient"),
        metrics=("Faithfulness",),
        jobs=("saliency", "uncertainty", "hierarchical_occlusion"),
        parameters={"seed": 7, "metrics": {"Faithfulness": {"bounds": [0, 1]}}, "uncertainty": {"draws": 5}},
    )
    with SummaryWriter(job, metadata, clock=lambda: STARTED, raw_kind="float16") as writer:
        for number in range(3):
            for record in records_of(number):
                writer.write(record)
        writer.write(SampleSkipped(7, "the image of sample 7 has a NaN"))
        writer.write(Benchmark("GradCAM", "Faithfulness", 0.25, (0.0, 0.25, 0.5), 3, 1))
        writer.write(RunEnd())
    resumed = codec.as_event(codec.encode_resumed(RunResumed({"batch_size": 4})), STARTED)
    found = read_frames(BytesIO(writer.event_file.read_bytes()))
    return [*(entry.payload for entry in found), resumed.SerializeToString()]


def records_of(number: int) -> list[object]:
    row = np.float32([0.125, 0.75, 0.125])
    step = {"layer": 0, "box": [0, 0, 4, 4], "network_output": 0.5, "step_change": 0.25, "children": []}
    root = {"layer": -1, "box": [0, 0, 7, 5], "network_output": 0.0, "step_change": 0.0, "children": [step]}
    points = np.float32([0, 0.5, 1]), np.float32([0.75, 0.5, 0.25])
    return [
        OriginalImage(number, np.full((5, 7, 3), 9, np.uint8)),
        Prediction(number, (1,), (1,), (1,), row),
        SampleOrigin(number, bytes([number] * 16), f"eel/{number}.png", bytes([number] * 16)),
        ObjectBoxes(number, (Box(1, 3, 1, 4, 2),), (7, 5)),
        *(Saliency(number, name, 1, np.arange(35, dtype=np.float32).reshape(5, 7)) for name in ("GradCAM", "Gradient")),
        *(Score(number, name, "Faithfulness", 1, 0.25 * number) for name in ("GradCAM", "Gradient")),
        ScoreCurve(number, "GradCAM", "Faithfulness", 1, "blur", *points),
        Uncertainty(number, row, row, row, row, 0.5, 0.375, 0.125, Draws((1, 0), np.float32([[0.5, 0.25]] * 3))),
        EditTree(number, 1, "gaussian:2", False, (EditLayer(0.75, ((0, 0, 4, 4),)),), root),
        SampleDone(number),
    ]


if __name__ == "__main__":
    sys.exit(main())
