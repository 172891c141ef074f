"""The runs that are put together: what is complete of each, and whether they are parts of one run."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.errors import MergeError, SummaryReadError
from explainer.records import DatasetOrder, RunMetadata
from explainer.summary.folder import RunFiles, chosen_run, find_runs, job_folders
from explainer.summary.index_file import opened_index
from explainer.summary.lock import has_writer
from explainer.summary.same_run import compared, engines, in_words, told_differences
from explainer.summary.sample_index import SampleIndex
from explainer.summary.settings import Difference, mapping
from explainer.summary.verify import require_something

_TOLD_BY_SAMPLES = ("label_format", "engine")
_VERSIONS = ("explainer", "mindspore", "numpy", "python")


@dataclass(frozen=True, eq=False)
class Part:
    """A run that is put together with others.

    Attributes:
        files: of the run.
        index: of its event file.
        metadata: what it is about.
    """

    files: RunFiles
    index: SampleIndex
    metadata: RunMetadata

    @cached_property
    def folder(self) -> Path:
        """The job folder."""
        return self.files.event_file.parent

    @cached_property
    def skipped(self) -> dict[int, str]:
        """Why samples were left out, by their numbers."""
        return {number: why for number, why in self.index.skipped.items() if number not in self.index.samples}

    @cached_property
    def sample_ids(self) -> NDArray[np.int64]:
        """The numbers of the samples that are complete or were left out."""
        complete = np.fromiter(self.index.samples.keys(), np.int64, len(self.index.samples))
        return np.concatenate([complete, np.fromiter(self.skipped, np.int64, len(self.skipped))])

    @property
    def recorded(self) -> list[Mapping[str, Any]]:
        """What the merged run keeps of this one, or of those that it was put together of, as JSON values."""
        before = self.metadata.parameters.get("merged")
        if isinstance(before, list):
            return before
        provenance = mapping(self.metadata.parameters.get("provenance"))
        return [
            {
                "folder": self.folder.name,
                "shard": self.metadata.parameters.get("shard"),
                "samples": len(self.index.samples),
                "skipped": len(self.skipped),
                "command": provenance.get("command"),
                "platform": provenance.get("platform"),
                "versions": {name: provenance[name] for name in _VERSIONS if name in provenance},
                "resumed": [dict(changed) for changed in self.index.resumed],
            }
        ]


def parts_of(shards: Sequence[str | os.PathLike[str]]) -> list[Part]:
    """The newest run of each folder, or of each folder in one that holds no run itself; by their first samples.

    Raises:
        MergeError: one of them is given twice.
        SummaryReadError: there is no run, or it has lost its metadata.
    """
    folders = [found for given in shards for found in _job_folders(Path(given))]
    _require_distinct(folders)
    return sorted(map(_part_in, folders), key=lambda part: min(part.sample_ids, default=math.inf))


def require_ended(parts: Sequence[Part]) -> None:
    """Raises MergeError where a run has not ended."""
    unended = next((part for part in parts if not part.index.ended), None)
    if unended is None:
        return
    do = "go on with it (resume=True, `--resume`)"
    if has_writer(unended.folder, unended.files):
        do = "it is being written, by a process that is alive, so wait for it"
    raise MergeError(
        f"cannot merge {unended.folder}: its run has not ended, {len(unended.index.samples)} samples are complete; "
        f"{do}, or take what is complete of all shards (partial=True, `--partial`)"
    )


def require_same_run(parts: Sequence[Part]) -> None:
    """Raises MergeError unless the runs differ in nothing that changes results; names each difference."""
    first = parts[0]
    for other in parts[1:]:
        found = [in_words(found, "in the first", "in the second") for found in _differences(first, other)]
        if found:
            raise MergeError(
                f"cannot merge {first.folder} and {other.folder}: {'; '.join(found)}. Run the one that is wrong again, "
                "with the settings and data of the others"
            )


def order_of(parts: Sequence[Part]) -> DatasetOrder | None:
    """The order of the dataset, which all runs that have ended tell alike; None where none has ended.

    Raises:
        MergeError: they do not.
    """
    ended = [part for part in parts if part.index.ended]
    untold = next((part for part in ended if part.index.order is None), None)
    if untold is not None:
        raise MergeError(
            f"cannot merge {untold.folder}: its run does not tell the order of the dataset, as it is not the run of a "
            "shard, or an earlier version made it"
        )
    for other in ended[1:]:
        _require_same_order(ended[0], other)
    return ended[0].index.order if ended else None


def _require_same_order(first: Part, other: Part) -> None:
    one, another = first.index.order, other.index.order
    if one == another or one is None or another is None:
        return
    what = "the dataset came in another order, or had other labels"
    if one.samples != another.samples:
        what = f"the dataset had {one.samples} samples in the first, {another.samples} in the second"
    raise MergeError(
        f"cannot merge {first.folder} and {other.folder}: {what}. Every shard must read the same data in the same "
        "order, without random changes (shuffle=False, or a fixed seed)"
    )


def _job_folders(given: Path) -> list[Path]:
    try:
        if find_runs(given):
            return [given]
        return (job_folders(given) if given.is_dir() else []) or [given]  # which then says that it has no run
    except OSError as error:
        raise SummaryReadError(f"could not read {given}: {error.strerror or error}") from error


def _require_distinct(folders: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for folder in folders:
        before = seen.setdefault(folder.resolve(), folder)
        if before is not folder:
            raise MergeError(f"cannot merge {folder} with itself: it is given twice")


def _part_in(folder: Path) -> Part:
    files, _ = chosen_run(folder)
    index = opened_index(files)
    require_something(files, index)
    if index.metadata is None:
        raise SummaryReadError(
            f"cannot merge {folder}: its metadata is damaged, and its copy, too, so that nobody can tell what it was "
            "about; run it again"
        )
    return Part(files, index, index.metadata)


def _differences(first: Part, other: Part) -> Iterator[Difference]:
    one, another = ({**engines(part.metadata), **compared(part.metadata)} for part in (first, other))
    # What the first batch tells is unknown of a run that has none, and of a question that none of its images asked.
    told = {*engines(first.metadata), *engines(other.metadata), *_TOLD_BY_SAMPLES}
    unknown = {name for name in told if None in (one.get(name), another.get(name))}
    for found in (one, another):
        for name in ("shard", *unknown):
            found.pop(name, None)
    yield from told_differences(one, another)
