"""A run read twice: first where its complete samples stand, then each of them from there, one at a time."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from explainer.errors import SummaryReadError
from explainer.records import ImageFile, SampleDone
from explainer.remote import local_path
from explainer.summary.folder import chosen_run
from explainer.summary.reader import Located, RunReader, SampleView, located, opened, read_located
from explainer.summary.recordfile import Frame, FrameReader, frame_size
from explainer.summary.run_notes import RunNotes
from explainer.summary.sample_places import Place, SamplePlaces


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
    path = local_path(source, "`source`")
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
            KeyError: there is no such complete sample.
            SummaryReadError: the file is not the one that the index was made of.
        """
        place = self._index.samples[sample_id]
        records = (record for found in self._located(place) for record in found.records)
        samples = list(RunReader(self._index.metadata).samples(records))
        if [sample.sample_id for sample in samples] != [sample_id]:
            raise self._changed(place.start)
        return samples[0]

    def payloads(self, sample_id: int) -> Iterator[bytes]:
        """What the file holds of a complete sample, as it stands there; also what this version does not know.

        Raises:
            SummaryReadError: the file is not the one that the index was made of.
        """
        place = self._index.samples[sample_id]
        offset = place.start
        while not place.offsets and offset < place.end:
            yield (payload := self._frame_at(offset).payload)
            offset += frame_size(payload)
        for offset, following in zip(place.offsets, [*place.offsets[1:], 0], strict=False):
            yield (payload := self._frame_at(offset).payload)
            yield from self._unknown_payloads(offset + frame_size(payload), following, sample_id)

    def _unknown_payloads(self, offset: int, end: int, sample_id: int) -> Iterator[bytes]:
        while offset < end:
            found = located(self._frame_at(offset))
            if found.records or found.sample_id != sample_id:
                return
            yield found.payload
            offset += frame_size(found.payload)

    def located(self, offset: int) -> Located:
        """What stands at an offset of the index.

        Raises:
            SummaryReadError: the file is not the one that the index was made of.
        """
        found = located(self._frame_at(offset))
        if found.finding is not None:
            raise self._changed(offset)
        return found

    def _located(self, place: Place) -> Iterator[Located]:
        offset = place.start
        for offset in place.offsets:
            yield self.located(offset)
        while not place.offsets and offset < place.end:
            yield (found := self.located(offset))
            offset += frame_size(found.payload)

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
        samples: where those of each complete sample stand, in the order in which they were completed.
        of_the_run: the offsets of those that are about the run, or about samples that were left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.samples = SamplePlaces()
        self.of_the_run = array("q")
        self._begun: set[int] = set()  # and not done since
        self._open: dict[int, _OpenSample] = {}

    @property
    def unfinished(self) -> list[int]:
        """The samples of which there is something, but not all."""
        return sorted(number for number in self._begun if number not in self.samples)

    def take(self, found: Located) -> None:
        """Takes what stands at the next offset."""
        if found.finding is not None:
            self.note(found.finding)
            self._open.clear()  # it may have cost them a map or a score
        of_the_run = [self.note(record) for record in found.records]
        if any(of_the_run):
            self.of_the_run.append(found.offset)
        for record, is_noted in zip(found.records, of_the_run, strict=True):
            if not is_noted:
                self._take_part(record, found)
        if not found.records and found.sample_id in self._open:
            self._open[found.sample_id].pass_over(found)  # what this version knows nothing of

    def _take_part(self, record: Any, found: Located) -> None:
        sample_id = record.sample_id
        self._begun.add(sample_id)
        if isinstance(record, ImageFile):
            self._open[sample_id] = _OpenSample(found.offset)
        sample = self._open.get(sample_id)
        if sample is None:
            return  # its beginning is missing
        sample.take(found)
        if isinstance(record, SampleDone):
            self._begun.discard(sample_id)
            self.samples.put(sample_id, self._open.pop(sample_id).place)


class _OpenSample:
    """A sample that is not done yet: where its records stand, and whether anything else stands between them."""

    def __init__(self, start: int) -> None:
        self._offsets = array("q")
        self._start = self._end = start
        self._together = True

    @property
    def place(self) -> Place:
        return Place(self._start, self._end, () if self._together else self._offsets)

    def take(self, found: Located) -> None:
        """Takes what holds a record of it, or several."""
        if not self._offsets or self._offsets[-1] != found.offset:
            self._offsets.append(found.offset)
            self.pass_over(found)

    def pass_over(self, found: Located) -> None:
        """Notes where something of the sample ends."""
        self._together = self._together and found.offset == self._end
        self._end = found.offset + frame_size(found.payload)
