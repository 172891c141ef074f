"""A run read twice: first where its complete samples stand, then each of them from there, one at a time."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from explainer.errors import SummaryReadError
from explainer.records import ImageFile, SampleDone, StoredRecord
from explainer.summary.folder import chosen_run
from explainer.summary.reader import Located, RunReader, SampleView, located, opened, read_located
from explainer.summary.recordfile import Frame, FrameReader, frame_size
from explainer.summary.run_notes import RunNotes


def iter_samples(source: str | os.PathLike[str], *, run: int | str | None = None) -> Iterator[SampleView]:
    """The complete samples of a run, each once, in the order in which the file completes them.

    Of a sample that was recorded twice the last complete record counts. The event file is read twice, so that memory
    holds one sample at a time, and some numbers for each.

    Args:
        source: a job folder, or an event file.
        run: which run of the folder, by its timestamp or the name of its event file; by default the newest.

    Raises:
        SummaryReadError: there is no such run, it cannot be read, its format is a later one, or it changed meanwhile.
    """
    path = Path(source)
    event_file = path if path.is_file() else chosen_run(path, run)[0].event_file
    yield from samples_at(event_file, index_of(event_file))


def index_of(event_file: Path) -> SampleIndex:
    """What an event file holds, and where.

    Raises:
        SummaryReadError: the file cannot be opened, or its format is a later one.
    """
    index = SampleIndex()
    for found in read_located(event_file):
        index.take(found)
    return index


def samples_at(event_file: Path, index: SampleIndex) -> Iterator[SampleView]:
    """The samples of an index.

    Raises:
        SummaryReadError: the file cannot be opened, or is not the one that the index was made of.
    """
    with SampleReader(event_file, index) as reader:
        yield from map(reader.sample, index.samples)


class SampleReader:
    """The complete samples of an event file in any order; a context manager.

    What was opened is read to its end, also where another file takes its place meanwhile.

    Args:
        event_file: the file.
        index: of it.

    Raises:
        SummaryReadError: the file cannot be opened.
    """

    def __init__(self, event_file: Path, index: SampleIndex) -> None:
        self._event_file = event_file
        self._index = index
        self._stack = ExitStack()
        self._reader = FrameReader(self._stack.enter_context(opened(event_file)))

    def __enter__(self) -> SampleReader:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._stack.close()

    def sample(self, sample_id: int) -> SampleView:
        """A complete sample.

        Raises:
            SummaryReadError: the file is not the one that the index was made of.
        """
        records = (record for offset in self._index.samples[sample_id] for record in self._records_at(offset))
        (sample,) = RunReader(self._index.metadata).samples(records)
        return sample

    def payloads(self, sample_id: int) -> Iterator[bytes]:
        """What the file holds of a complete sample, as it stands there; also what this version does not know.

        Raises:
            SummaryReadError: the file is not the one that the index was made of.
        """
        offsets = self._index.samples[sample_id]
        for offset, following in zip(offsets, [*offsets[1:], 0], strict=True):
            payload = self._frame_at(offset).payload
            yield payload
            yield from self._unknown_payloads(offset + frame_size(payload), following, sample_id)

    def _unknown_payloads(self, offset: int, end: int, sample_id: int) -> Iterator[bytes]:
        while offset < end:
            found = located(self._frame_at(offset))
            if found.records or found.sample_id != sample_id:
                return
            yield found.payload
            offset += frame_size(found.payload)

    def _records_at(self, offset: int) -> tuple[StoredRecord, ...]:
        found = located(self._frame_at(offset))
        if found.finding is not None:
            raise self._changed(offset)
        return found.records

    def _frame_at(self, offset: int) -> Frame:
        try:
            frame = self._reader.frame_at(offset)
        except OSError as error:
            raise SummaryReadError(f"could not read {self._event_file}: {error.strerror or error}") from error
        if frame is None or frame.damage is not None:
            raise self._changed(offset)
        return frame

    def _changed(self, offset: int) -> SummaryReadError:
        return SummaryReadError(f"{self._event_file} changed while it was read: no record is left at byte {offset}")


class SampleIndex(RunNotes):
    """Where the records of a run stand; the same samples are complete as for RunReader.

    Attributes:
        samples: the offsets of the records of each complete sample, in the order in which they were completed.
        begun: the samples of which there is anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.samples: dict[int, array[int]] = {}
        self.begun: set[int] = set()
        self._open: dict[int, array[int]] = {}

    @property
    def unfinished(self) -> list[int]:
        """The samples of which there is something, but not all."""
        return sorted(self.begun - self.samples.keys())

    def take(self, found: Located) -> None:
        """Takes what stands at the next offset."""
        if found.finding is not None:
            self.note(found.finding)
            self._open.clear()  # it may have cost them a map or a score
        for record in found.records:
            if not self.note(record):
                self._take_part(record, found.offset)

    def _take_part(self, record: Any, offset: int) -> None:
        sample_id = record.sample_id
        self.begun.add(sample_id)
        if isinstance(record, ImageFile):
            self._open[sample_id] = array("q")  # eight bytes for each record, where a list takes forty
        offsets = self._open.get(sample_id)
        if offsets is None:
            return  # its beginning is missing
        if not offsets or offsets[-1] != offset:
            offsets.append(offset)
        if isinstance(record, SampleDone):
            self.samples.pop(sample_id, None)  # so that it comes where it was completed last
            self.samples[sample_id] = self._open.pop(sample_id)
