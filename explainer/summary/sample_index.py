"""A run read twice: first where its complete samples stand, then each of them from there, one at a time."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path

from explainer.errors import SummaryReadError
from explainer.records import (
    Benchmark,
    ImageFile,
    RunEnd,
    RunMetadata,
    RunRepaired,
    SampleDone,
    SampleSkipped,
    StoredRecord,
)
from explainer.summary.folder import chosen_run
from explainer.summary.reader import Finding, Located, RunReader, SampleView, located, opened, read_located
from explainer.summary.recordfile import FrameReader


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
    with opened(event_file) as file:
        reader = FrameReader(file)
        for offsets in index.samples.values():
            records = (record for offset in offsets for record in _records_at(reader, offset, event_file))
            yield from RunReader(index.metadata).samples(records)


def _records_at(reader: FrameReader, offset: int, event_file: Path) -> tuple[StoredRecord, ...]:
    frame = reader.frame_at(offset)
    found = None if frame is None else located(frame)
    if found is None or found.finding is not None:
        raise SummaryReadError(f"{event_file} changed while it was read: no record is left at byte {offset}")
    return found.records


class SampleIndex:
    """Where the records of a run stand; the same samples are complete as for RunReader.

    Attributes:
        metadata: of the run, None where it is damaged.
        samples: the offsets of the records of each complete sample, in the order in which they were completed.
        begun: the samples of which there is anything.
        skipped: those that were left out.
        findings: what is damaged.
        benchmarks: the mean scores.
        ended: whether the run ended as planned.
        repairs: what `explainer repair` had to leave out, for each time.
    """

    def __init__(self) -> None:
        self.metadata: RunMetadata | None = None
        self.samples: dict[int, array[int]] = {}
        self.begun: set[int] = set()
        self.skipped: set[int] = set()
        self.findings: list[Finding] = []
        self.benchmarks: list[Benchmark] = []
        self.ended = False
        self.repairs: list[str] = []
        self._open: dict[int, array[int]] = {}

    @property
    def unfinished(self) -> list[int]:
        """The samples of which there is something, but not all."""
        return sorted(self.begun - self.samples.keys())

    def take(self, found: Located) -> None:
        """Takes what stands at the next offset."""
        if found.finding is not None:
            self.findings.append(found.finding)
            self._open.clear()  # it may have cost them a map or a score
        for record in found.records:
            self._take(record, found.offset)

    def _take(self, record: StoredRecord, offset: int) -> None:
        match record:
            case RunMetadata():
                self.metadata = self.metadata or record
            case Benchmark():
                self.benchmarks.append(record)
            case RunEnd():
                self.ended = True
            case RunRepaired():
                self.repairs.append(record.left_out)
            case SampleSkipped():
                self.skipped.add(record.sample_id)
            case _ if hasattr(record, "sample_id"):
                self._take_part(record, record.sample_id, offset)

    def _take_part(self, record: StoredRecord, sample_id: int, offset: int) -> None:
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
