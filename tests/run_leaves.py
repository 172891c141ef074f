"""All that can be read of a run, value by value, and where two runs differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from explainer import read_run
from explainer.records import ImageFile, SaliencyFile
from explainer.summary import iter_samples
from explainer.summary.index_file import INDEX

MISSING = object()


class Leaf(NamedTuple):
    """A number, a text or some bytes of a run, and where it stands."""

    where: str
    value: Any


def leaves_of(folder: Path) -> Iterator[Leaf]:
    """All that can be read of the run in a folder; its pictures, too."""
    run = read_run(folder)
    yield from leaves("metadata", run.metadata)
    yield from leaves("samples", {sample.sample_id: located(sample) for sample in iter_samples(folder)})
    yield from leaves("skipped", run.skipped)
    yield from leaves("totals", {(total.explainer, total.metric): total for total in run.benchmarks})
    yield from leaves("statistics", run.statistics())
    yield Leaf("ended", run.ended)
    for path in sorted(run.files.data_dir.rglob("*")):
        if path.is_file() and path.name != INDEX:  # which is of the bytes of an event file, and those have times
            yield Leaf(str(path.relative_to(run.files.data_dir)), path.read_bytes())


def located(sample: Any) -> Any:
    """The sample, its pictures' paths without the folder that is named after the run."""
    return replace(sample, image=inside_run(sample.image), maps=tuple(map(inside_run, sample.maps)))


def inside_run(picture: ImageFile | SaliencyFile) -> ImageFile | SaliencyFile:
    if isinstance(picture, SaliencyFile) and picture.raw is not None:
        raw = replace(picture.raw, path=picture.raw.path.partition("/")[2])
        picture = replace(picture, raw=raw)
    return replace(picture, path=picture.path.partition("/")[2])


def leaves(where: str, value: Any) -> Iterator[Leaf]:
    """The numbers, texts and bytes that a value is made of."""
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, np.ndarray):
        yield Leaf(f"{where}.dtype", str(value.dtype))
        value = value.tolist()
    if isinstance(value, Mapping):
        items: Sequence[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    else:
        yield Leaf(where, value)
        return
    yield Leaf(f"{where}.length", len(items))
    for name, part in items:
        yield from leaves(f"{where}.{name}", part)


def compared(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[tuple[str, ...], float]:
    """Where two runs differ, and by how much; infinity where it is not numbers that differ."""
    different = {
        where: difference(expected.get(where, MISSING), found.get(where, MISSING)) for where in {**expected, **found}
    }
    wrong = {where: by for where, by in different.items() if by > 0}
    return tuple(wrong), max(wrong.values(), default=0.0)


def difference(one: Any, other: Any) -> float:
    """Of two values; infinite unless they are equal or fractions."""
    if type(one) is not type(other):
        return math.inf
    if isinstance(one, float) and math.isfinite(one) and math.isfinite(other):
        return abs(one - other)
    both_nan = isinstance(one, float) and math.isnan(one) and math.isnan(other)
    return 0.0 if both_nan or one == other else math.inf
