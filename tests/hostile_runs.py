"""Event files that a stranger makes small and a careless reader makes large."""

from __future__ import annotations

from pathlib import Path

from explainer.records import RunMetadata
from explainer.summary import codec
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.recordfile import frame

NAME = "events.out.events.summary.17.1_explain"


def event(message: Explain) -> bytes:
    return frame(codec.as_event(message, 1.5).SerializeToString())


def varint(number: int) -> bytes:
    ends = [number >> 7 * index & 127 for index in range(max(1, (number.bit_length() + 6) // 7))]
    return bytes([*(byte | 128 for byte in ends[:-1]), ends[-1]])


def field(number: int, content: bytes) -> bytes:
    """A field that holds bytes: a message, a text."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def sample(number: int = 0, fields: bytes = b"") -> bytes:
    """The frames of a complete sample, with more fields as they stand in the file."""
    start = event(Explain(sample_id=number, sample=Explain.Sample(probability=[0.25, 0.75])))
    more = Event(wall_time=1.5).SerializeToString() + field(6, varint(1 << 3) + varint(number) + fields)
    return start + (frame(more) if fields else b"") + event(Explain(sample_id=number, done=True))


def metadata(**changed: object) -> bytes:
    given = {"labels": ("cat", "dog"), "explainers": ("A",), "metrics": ("M",), **changed}
    return event(codec.encode_metadata(RunMetadata(**given)))


def names(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def score(explainer: str = "", metric: str = "", value: float = 0.5) -> bytes:
    message = Explain.Score(value=value)
    if explainer:
        message.explain_method = explainer
    if metric:
        message.benchmark_method = metric
    return field(1002, message.SerializeToString())


def curve(fill: str) -> bytes:
    message = Explain.Curve(fill=fill, fraction=[0, 1], probability=[0, 1])
    return field(1005, message.SerializeToString())


def edit_tree(*boxes: tuple[int, int, int, int], image: tuple[int, int, int, int]) -> bytes:
    layer = Explain.HocLayer(prob=1, box=[value for box in boxes for value in box])
    return field(1007, Explain.EditTree(layer=[layer], root=Explain.EditStep(box=image)).SerializeToString())


def scattered(count: int) -> list[tuple[int, int, int, int]]:
    """Boxes of which no two share a coordinate."""
    return [(2 * index, 2 * (index * 7919 % count), 2, 2) for index in range(count)]


HOSTILE = {
    "200,000 empty maps": lambda: metadata() + sample(0, field(5, b"") * 200_000),
    "200,000 empty edit trees": lambda: metadata() + sample(0, field(1007, b"") * 200_000),
    "200,000 empty scores": lambda: metadata() + sample(0, field(1002, b"") * 200_000),
    "100,000 scores of one sample": lambda: metadata() + sample(0, score("A", "M") * 100_000),
    "100,000 scores of one method each": lambda: (
        metadata() + sample(0, b"".join(score(name, "M", index) for index, name in enumerate(names(100_000))))
    ),
    "100,000 scores of one metric each": lambda: (
        metadata() + sample(0, b"".join(score("A", name) for name in names(100_000)))
    ),
    "20,000 explainer names": lambda: metadata(explainers=names(20_000)),
    "20,000 explainers with scores": lambda: (
        metadata(explainers=names(20_000))
        + sample(0, b"".join(score(name, "M", index) for index, name in enumerate(names(20_000))))
    ),
    "10,000 metric names": lambda: metadata(metrics=names(10_000)),
    "10,000 metrics with scores": lambda: (
        metadata(metrics=names(10_000)) + sample(0, b"".join(score("A", name) for name in names(10_000)))
    ),
    "100,000 labels": lambda: metadata(labels=names(100_000)),
    "50,000 curves": lambda: metadata() + sample(0, curve("") * 50_000),
    "50,000 curves of a fill each": lambda: metadata() + sample(0, b"".join(map(curve, names(50_000)))),
    "5,000 trees of a large image": lambda: (
        metadata() + sample(0, edit_tree((0, 0, 9, 9), image=(0, 0, 10_000, 10_000)) * 5_000)
    ),
    "one tree of 5,000 boxes": lambda: (
        metadata() + sample(0, edit_tree(*scattered(5_000), image=(0, 0, 10_000, 10_000)))
    ),
    "20 trees of 500 boxes": lambda: (
        metadata() + sample(0, edit_tree(*scattered(500), image=(0, 0, 1_000, 1_000)) * 20)
    ),
    "5,000 samples": lambda: metadata() + b"".join(map(sample, range(5_000))),
    "one sample 5,000 times": lambda: metadata() + sample() * 5_000,
    "5,000 samples that end together": lambda: (
        metadata()
        + b"".join(event(Explain(sample_id=number, sample=Explain.Sample())) for number in range(5_000))
        + b"".join(event(Explain(sample_id=number, done=True)) for number in range(5_000))
    ),
    "20,000 benchmarks": lambda: metadata() + event(Explain(benchmark=[Explain.Benchmark()] * 20_000)),
    "20,000 damages, each before a good record": lambda: (
        metadata() + (b"\xff" * 13 + event(Explain(sample_id=1, skipped="x"))) * 20_000
    ),
    "20,000 records that are no message": lambda: metadata() + frame(b"\xff" * 9) * 20_000,
    "1,000 damages, each before made-up headers": lambda: (
        metadata() + (b"\xff" * 13 + made_up(300_000) * 50 + event(Explain(sample_id=1, skipped="x"))) * 1_000
    ),
    "a megabyte of zeros": lambda: metadata() + bytes(1_000_000),
}


def made_up(length: int) -> bytes:
    """A header with a right checksum, and no payload behind it."""
    return frame(bytes(length))[:12]


def write(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(content)
    return folder
