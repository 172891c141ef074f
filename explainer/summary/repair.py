"""A copy of a run that holds all of it that is complete: records byte by byte, pictures after a check."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from explainer.digests import digest_of
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import Benchmark, DatasetOrder, RawMapFile, RunEnd, RunRepaired, RunResumed, SampleSkipped
from explainer.remote import local_path
from explainer.summary import codec
from explainer.summary.event_copy import EventCopy, payload_of, write_events
from explainer.summary.explain_pb2 import Event
from explainer.summary.folder import RunFiles, chosen_run, inside
from explainer.summary.images import LARGEST_PICTURE
from explainer.summary.index_file import INDEX, IndexDraft
from explainer.summary.made import Made
from explainer.summary.manifest import JOBS, MANIFEST, write_manifest
from explainer.summary.picture_check import PictureCheck, PictureFile, files_of
from explainer.summary.raw_maps import RAW_ENDING
from explainer.summary.reader import SampleView
from explainer.summary.sample_index import SampleIndex, index_of, samples_at
from explainer.summary.verify import picture_problems, require_something

_OF_THE_RUN = (Benchmark, DatasetOrder, RunEnd, RunRepaired, RunResumed, SampleSkipped)
_ENDINGS = (".png", RAW_ENDING)


@dataclass(frozen=True)
class Repair:
    """What was copied.

    Attributes:
        event_file: of the copy.
        samples: how many it holds.
        pictures: how many files.
        left_out: the complete samples that it does not hold, and why.
        note: what it was left without, as its record says; "" where it is all of the run.
        raw_maps: how many files of maps as floats.
    """

    event_file: Path
    samples: int
    pictures: int
    left_out: dict[int, str]
    note: str
    raw_maps: int = 0


def repair(
    summary_dir: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    run: int | str | None = None,
    most_pixels: int = LARGEST_PICTURE,
) -> Repair:
    """Copies every complete sample whose pictures are those that were recorded, and all that is known of the run.

    Records are copied as they are, with what this version does not know of them. The totals are those of the run, also
    where samples are left out.

    Args:
        summary_dir: the job folder, in which nothing is changed.
        to: the folder of the copy, new or empty.
        run: which run of the folder, by its timestamp or the name of its event file; by default the newest.
        most_pixels: of a picture; a sample with a larger one is left out.

    Raises:
        ValueError: `to` is neither new nor empty, or lies in the job folder.
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
        SummaryWriteError: the copy could not be written; nothing is left of it.
    """
    folder, target = local_path(summary_dir, "`summary_dir`"), local_path(to, "`to`")
    _require_room(folder, target)
    files, _ = chosen_run(folder, run)
    index = index_of(files.event_file)
    require_something(files, index)
    made = Made()
    try:
        with _disk_errors(target):
            return _Copy(files, index, target, made).write(PictureCheck(folder, most_pixels))
    except BaseException:
        made.take_back()
        raise


def _require_room(folder: Path, target: Path) -> None:
    if target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"`to` must lie outside of {folder}, in which nothing is changed, got {target}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"`to` must be a new or an empty folder, got {target}")


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SummaryWriteError(
            f"could not write {target}: {error.strerror or error}; nothing is left of the copy"
        ) from error


class _Copy:
    """The copy of a run while it is made: its pictures first, its event file next, its manifest last."""

    def __init__(self, files: RunFiles, index: SampleIndex, target: Path, made: Made) -> None:
        self._files = files
        self._index = index
        self._target = target
        self._made = made
        self._left_out: dict[int, str] = {}
        self._digests: dict[Path, bytes] = {}
        self._found = dict.fromkeys(JOBS, False)

    def write(self, check: PictureCheck) -> Repair:
        """Writes all of it."""
        self._made.folders(self._target)
        data_dir = self._target / self._files.data_dir.name
        self._made.folders(data_dir)
        for sample in samples_at(self._files.event_file, self._index):
            self._copy_pictures(sample, check)
        note = self._note()
        event_file = self._target / self._files.event_file.name
        self._write_events(event_file, note)
        self._write_index(RunFiles(self._files.timestamp, event_file))
        self._made.note(data_dir / MANIFEST)
        write_manifest(data_dir / MANIFEST, self._found)
        samples = len(self._index.samples) - len(self._left_out)
        raw = sum(target.suffix == RAW_ENDING for target in self._digests)
        return Repair(event_file, samples, len(self._digests) - raw, self._left_out, note, raw)

    # Pictures.

    def _copy_pictures(self, sample: SampleView, check: PictureCheck) -> None:
        """Copies the pictures of a sample, or none of them where one cannot be kept."""
        problem = next(picture_problems(sample, check), None)
        if problem is not None:
            self._left_out[sample.sample_id] = f"{problem.where} {problem.what}"
            return
        contents = [(file, check.content(file)) for file in files_of(sample)]
        misled = next((file.path for file, content in contents if not self._may_lie_there(file, content)), None)
        if misled is not None:
            self._left_out[sample.sample_id] = f"{misled} cannot lie there in a copy"
            return
        for file, content in contents:
            self._write_picture(inside(self._target, file.path), content)
        self._found["saliency_map"] |= bool(sample.maps) and sample.image.shown
        self._found["uncertainty"] |= sample.uncertainty is not None and sample.image.shown

    def _may_lie_there(self, file: PictureFile, content: bytes) -> bool:
        """Whether a picture can lie there: nothing else has the name, nor is a picture's name that of a folder."""
        try:
            target = inside(self._target, file.path)
        except SummaryReadError:
            return False  # it led out of the job folder and in again
        parts = target.relative_to(self._target.resolve()).parts
        ending = RAW_ENDING if isinstance(file, RawMapFile) else ".png"
        named = bool(parts) and parts[-1].endswith(ending) and not any(part.endswith(_ENDINGS) for part in parts[:-1])
        return named and self._digests.get(target, digest_of(content)) == digest_of(content)

    def _write_picture(self, target: Path, content: bytes) -> None:
        if target in self._digests:
            return
        self._digests[target] = digest_of(content)
        with _disk_errors(target):
            self._made.folders(target.parent, below=self._target.resolve())
            self._made.note(target)
            target.write_bytes(content)

    # Records.

    def _note(self) -> str:
        """What the copy is left without."""
        index = self._index
        parts = [
            *_counted(len(index.findings), "part of the file was damaged", "parts of the file were damaged"),
            *(["the metadata was damaged"] if index.metadata is None else []),
            *_counted(len(index.unfinished), "sample was unfinished", "samples were unfinished"),
            *_counted(len(self._left_out), "sample had a picture that was lost", "samples had pictures that were lost"),
            *([] if index.ended else ["the run had not ended"]),
        ]
        return ", ".join(parts)

    def _write_events(self, event_file: Path, note: str) -> None:
        self._made.note(event_file)
        with _disk_errors(event_file):
            write_events(event_file, self._payloads(note))

    def _write_index(self, files: RunFiles) -> None:
        self._made.note(files.data_dir / INDEX)
        with _disk_errors(files.data_dir):
            IndexDraft(index_of(files.event_file), files.event_file.stat().st_size).store(files)

    def _payloads(self, note: str) -> Iterator[bytes]:
        copy = EventCopy(self._files.event_file, self._index, _OF_THE_RUN, self._left_out)
        yield from copy.metadata()
        if note:
            yield payload_of(codec.encode_repaired(RunRepaired(note)))
        for entry in copy.entries():
            yield entry.payload
            self._found["hierarchical_occlusion"] |= bool(Event.FromString(entry.payload).explain.hoc)
            self._found["benchmark"] |= any(isinstance(record, Benchmark) for record in entry.records)


def _counted(count: int, one: str, more: str) -> list[str]:
    return [f"{count} {one if count == 1 else more}"] if count else []
