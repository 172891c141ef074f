"""Whether a run is complete: its event file, its samples, its pictures; what is wrong, and where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from explainer.errors import SummaryReadError
from explainer.remote import local_path
from explainer.summary.folder import RunFiles, chosen_run, entries_below, inside, led_out
from explainer.summary.images import LARGEST_PICTURE
from explainer.summary.index_file import INDEX, same_places, stored_index
from explainer.summary.lock import LOCK
from explainer.summary.lost_metadata import LOST_METADATA, nothing_in
from explainer.summary.manifest import MANIFEST, is_manifest
from explainer.summary.picture_check import PictureCheck, files_of
from explainer.summary.reader import SampleView
from explainer.summary.sample_index import SampleIndex, index_of, samples_at


class Problem(NamedTuple):
    """What is wrong with a run. where: a byte of the event file, a sample, or a path in the folder."""

    where: str
    what: str


@dataclass(frozen=True)
class Verification:
    """What a run turned out to be.

    Attributes:
        files: of the run.
        ended: whether it ended as planned.
        repaired: what `explainer repair` or a merge had to leave out of it; "" where it was not needed.
        samples: how many are complete.
        skipped: how many were left out, with a reason.
        pictures: how many can be decoded.
        problems: what is wrong.
        raw_maps: how many maps are there as floats, too.
        merged: whether it was put together of shards.
    """

    files: RunFiles
    ended: bool
    repaired: str
    samples: int
    skipped: int
    pictures: int
    problems: tuple[Problem, ...]
    raw_maps: int = 0
    merged: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    summary_dir: str | os.PathLike[str], *, run: int | str | None = None, most_pixels: int = LARGEST_PICTURE
) -> Verification:
    """Reads all of a run, its pictures too, and tells what is wrong; memory holds one sample, and the pictures' names.

    Args:
        summary_dir: the job folder.
        run: which run of the folder, by its timestamp or the name of its event file; by default the newest.
        most_pixels: of a picture; what claims more is not decoded, and is a problem.

    Raises:
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
    """
    folder = local_path(summary_dir, "`summary_dir`")
    files, _ = chosen_run(folder, run)
    index = index_of(files.event_file)
    require_something(files, index)
    check = PictureCheck(folder, most_pixels)
    problems = [
        *_of_the_records(files, index),
        *_of_the_index(files, index),
        *_of_the_pictures(files, index, check),
        *_of_the_folder(files, check),
    ]
    repaired = "; ".join(index.repairs)
    merged = index.metadata is not None and bool(index.metadata.parameters.get("merged"))
    counts = len(index.samples), len(index.skipped), check.complete
    return Verification(files, index.ended, repaired, *counts, tuple(problems), check.complete_raw_maps, merged)


def require_something(files: RunFiles, index: SampleIndex) -> None:
    """Raises SummaryReadError where neither metadata nor a sample can be read."""
    if index.metadata is None and not index.samples:
        raise nothing_in(files.event_file, index.findings)


def picture_problems(sample: SampleView, check: PictureCheck) -> Iterator[Problem]:
    """What is wrong with the pictures and maps of a sample."""
    for file in files_of(sample):
        what = check.problem(file)
        if what is not None:
            yield Problem(file.path, what)


def _of_the_records(files: RunFiles, index: SampleIndex) -> Iterator[Problem]:
    findings = index.findings if index.metadata is not None else [*index.findings, LOST_METADATA]
    yield from (Problem(f"byte {finding.offset} of {files.event_file.name}", finding.what) for finding in findings)
    yield from (Problem(f"sample {number}", "is unfinished") for number in index.unfinished)
    if not index.ended and not index.repairs:
        yield Problem(files.event_file.name, "the run did not end")


def _of_the_index(files: RunFiles, index: SampleIndex) -> Iterator[Problem]:
    """An index that is of another event file is not read, and may lie there as well as none."""
    stored = stored_index(files)
    if stored is not None and not same_places(stored, index):
        yield Problem(f"{files.data_dir.name}/{INDEX}", "says otherwise than the event file; remove it")


def _of_the_pictures(files: RunFiles, index: SampleIndex, check: PictureCheck) -> Iterator[Problem]:
    for sample in samples_at(files.event_file, index):
        yield from picture_problems(sample, check)


def _of_the_folder(files: RunFiles, check: PictureCheck) -> Iterator[Problem]:
    """What is wrong with the names in the folder, once every picture has been looked at."""
    folder = files.event_file.parent
    yield from (Problem(name, "leads out of the folder, and is not read") for name in led_out(folder))
    try:
        data_dir = inside(folder, files.data_dir.name)
    except SummaryReadError:
        return  # which has been said
    ours = {str(data_dir / name) for name in (MANIFEST, LOCK, INDEX)}
    if not is_manifest(data_dir / MANIFEST):
        yield Problem(f"{files.data_dir.name}/{MANIFEST}", "is missing or broken; MindInsight then lists no job at all")
    for entry in entries_below(data_dir):
        target = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        if entry.path not in ours and not check.has_seen(target):
            name = Path(entry.path).relative_to(data_dir).as_posix()
            yield Problem(f"{files.data_dir.name}/{name}", "is named by no record of a complete sample")
