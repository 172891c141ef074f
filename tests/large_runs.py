"""Runs of as many samples as are wanted, written fast: two methods and a control, scores, curves, small pictures.

What differs from sample to sample: its number, its file's name, its labels. The pictures of a thousand samples are one
file each under many names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from explainer.digests import digest_of
from explainer.records import (
    Benchmark,
    ImageFile,
    Prediction,
    RunMetadata,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    Score,
    ScoreCurve,
)
from explainer.summary import codec
from explainer.summary.explain_pb2 import Explain
from explainer.summary.folder import RunFiles, data_folder_name, event_file_name
from explainer.summary.images import image_path, png_of, saliency_path
from explainer.summary.index_file import IndexDraft
from explainer.summary.manifest import JOBS, MANIFEST, write_manifest
from explainer.summary.recordfile import frame

LABELS = tuple(f"label {number}" for number in range(10))
METHODS = ("GradCAM", "RISE")
CONTROL = "control: random"
METRICS = ("DeletionAUC", "Localization")
STARTED = 1_700_000_000
DATA = data_folder_name(STARTED)
METADATA = RunMetadata(
    LABELS,
    METHODS,
    METRICS,
    ("saliency", "benchmark"),
    {
        "seed": 7,
        "controls": {CONTROL: {"class": "Random"}},
        "metrics": {name: {"class": name, "higher_is_better": True, "bounds": [0, 1]} for name in METRICS},
    },
    "0.9.1",
)
_PER_FOLDER = 1000
_SIDE = 32  # pixels
_VARIANTS = 100  # of labels and scores; sample I is as sample I - 100


def write_large_run(folder: Path, samples: int) -> Path:
    """Writes a run that `explainer verify` finds complete; its event file."""
    event_file, index = folder / event_file_name(STARTED, 1), IndexDraft()
    (folder / DATA).mkdir(parents=True)
    with event_file.open("xb") as file:
        _append(file, index, None, codec.encode_metadata(METADATA), codec.encode_metadata_copy(METADATA))
        for first in range(0, samples, _PER_FOLDER):
            numbers = range(first, min(first + _PER_FOLDER, samples))
            digests = _write_pictures(folder, numbers)
            templates = [_messages(variant, digests) for variant in range(_VARIANTS)]
            for number in numbers:
                _append(file, index, number, *_renumbered(templates[number % _VARIANTS], number))
        totals = [Benchmark(name, metric, 0.5) for name in METHODS for metric in METRICS]
        _append(file, index, None, codec.encode_benchmarks(totals), codec.encode_end())
    write_manifest(folder / DATA / MANIFEST, {**dict.fromkeys(JOBS, False), "saliency_map": True, "benchmark": True})
    index.store(RunFiles(STARTED, event_file))
    return event_file


def _append(file: BinaryIO, index: IndexDraft, sample_id: int | None, *messages: Explain) -> None:
    start = file.tell()
    for message in messages:
        payload = codec.as_event(message, STARTED + 1.5).SerializeToString()
        if sample_id is None:
            index.add(file.tell(), payload)
        file.write(frame(payload))
    if sample_id is not None:
        index.add_sample(sample_id, start, file.tell())


def _paths(number: int) -> list[str]:
    label = _top(number % _VARIANTS)
    return [image_path(DATA, number), *(saliency_path(DATA, name, number, label) for name in METHODS)]


def _write_pictures(folder: Path, numbers: range) -> list[bytes]:
    """The pictures of samples that share a folder; the digests of a sample's."""
    generator = np.random.default_rng(numbers.start)
    sizes = [(_SIDE, _SIDE, 3), *[(_SIDE, _SIDE)] * len(METHODS)]
    contents = [png_of(generator.integers(0, 256, size, np.uint8)) for size in sizes]
    first = [folder / path for path in _paths(numbers.start)]
    for path, content in zip(first, contents, strict=True):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    for number in numbers[1:]:
        for one, other in zip(first, _paths(number), strict=True):
            os.link(one, folder / other)
    return list(map(digest_of, contents))


def _top(variant: int) -> int:
    return variant * 3 % len(LABELS)


def _messages(variant: int, digests: list[bytes]) -> list[Explain]:
    """The messages of a sample; every fourth is predicted incorrectly."""
    generator, top = np.random.default_rng(variant), _top(variant)
    probabilities = np.full(len(LABELS), 0.03, np.float32)
    probabilities[top] = 0.73
    truth = top if variant % 4 else (top + 1) % len(LABELS)
    image, *paths = _paths(variant)
    scored = [(name, metric) for name in (*METHODS, CONTROL) for metric in METRICS]
    fractions = np.linspace(0, 1, 11, dtype=np.float32)
    curves = [
        ScoreCurve(0, name, METRICS[0], top, "black", fractions, 1 - fractions * (place + 1) / 3)
        for place, name in enumerate(METHODS)
    ]
    return [
        codec.encode_sample(
            ImageFile(0, image, True, digests[0]),
            Prediction(0, (truth,), (top,), (top,), probabilities),
            origin=SampleOrigin(0, bytes(16), "0"),
        ),
        *(
            codec.encode_saliency(SaliencyFile(0, name, top, path, -0.5, 1.5, digest=digest))
            for name, path, digest in zip(METHODS, paths, digests[1:], strict=True)
        ),
        codec.encode_scores(0, [Score(0, *names, top, float(generator.random())) for names in scored]),
        codec.encode_curves(0, curves),
        codec.encode_done(SampleDone(0)),
    ]


def _renumbered(messages: list[Explain], number: int) -> list[Explain]:
    """The same messages, of the sample with this number."""
    image, *maps = _paths(number)
    for message in messages:
        message.sample_id = number
    first = messages[0]
    first.image_path = first.sample.image_path = image
    first.sample.source, first.sample.input_digest = f"img_{number:06}.png", number.to_bytes(16, "big")
    for message, path in zip(messages[1:], maps, strict=False):
        message.explanation[0].heatmap_path = path
    return messages
