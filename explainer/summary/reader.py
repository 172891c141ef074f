"""Reads a run back from disk: everything that is complete, and what is damaged. Never raises on damaged content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from google.protobuf.message import DecodeError

from explainer.deprecated import warn_renamed
from explainer.errors import SummaryReadError
from explainer.records import (
    EditTree,
    ImageFile,
    ObjectBoxes,
    Prediction,
    RunMetadata,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    Score,
    ScoreCurve,
    StoredRecord,
    Uncertainty,
)
from explainer.summary import codec, recordfile
from explainer.summary.assemble import SampleAssembler
from explainer.summary.explain_pb2 import Event
from explainer.summary.recordfile import Damage
from explainer.summary.run_notes import Finding, RunNotes

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, eq=False)
class SampleView:
    """One complete sample of a run."""

    sample_id: int
    image: ImageFile
    prediction: Prediction
    maps: tuple[SaliencyFile, ...] = ()
    scores: tuple[Score, ...] = ()
    curves: tuple[ScoreCurve, ...] = ()
    uncertainty: Uncertainty | None = None
    edit_trees: tuple[EditTree, ...] = ()
    absence_known: bool = False  # of the only class: its labels are zeros and ones, so that none means absent
    origin: SampleOrigin | None = None
    objects: ObjectBoxes | None = None

    def __repr__(self) -> str:
        """Number, file, labels, and how much there is of the sample."""
        prediction = self.prediction
        source = f" from {self.source[:60]!r}" if self.source else ""
        return (
            f"<SampleView {self.sample_id}{source}: truth {_some(prediction.ground_truth)}, predicted "
            f"{_some(prediction.predicted)}, {len(self.maps)} maps, {len(self.scores)} scores>"
        )

    @property
    def source(self) -> str:
        """The name of the file that the sample was read from; "" where none was recorded."""
        return "" if self.origin is None else self.origin.source

    @property
    def truth_known(self) -> bool:
        """Whether it is known which labels are true: there is one, or the only class is known not to be there."""
        return bool(self.prediction.ground_truth) or self.absence_known

    @property
    def correct(self) -> bool | None:
        """Whether the most probable label is a true one, a single class predicted where it is; None if not known."""
        if not self.truth_known or not self.prediction.probabilities.size:
            return None
        if len(self.prediction.probabilities) == 1:
            return bool(self.prediction.predicted) == bool(self.prediction.ground_truth)
        return int(self.prediction.probabilities.argmax()) in self.prediction.ground_truth

    @property
    def right(self) -> bool | None:
        """The old name of `correct`."""
        warn_renamed("SampleView.right", "correct")
        return self.correct


@dataclass(frozen=True)
class Located:
    """What stands at an offset of an event file: a message with its records, or damage.

    records: none where this version knows nothing of what the message holds. sample_id: of the message, where it has
    one.
    """

    offset: int
    payload: bytes = b""
    records: tuple[StoredRecord, ...] = ()
    sample_id: int | None = None
    finding: Finding | None = None


def read_records(event_file: Path) -> Iterator[StoredRecord | Finding]:
    """Every record of an event file in its order, and every damage where it was met.

    Raises:
        SummaryReadError: the file cannot be opened, or its format is a later one.
    """
    for found in read_located(event_file):
        yield from found.records if found.finding is None else (found.finding,)


def read_located(event_file: Path) -> Iterator[Located]:
    """All that an event file holds, in its order, with its offsets.

    Raises:
        SummaryReadError: the file cannot be opened, or its format is a later one.
    """
    with opened(event_file) as file:
        yield from map(located, recordfile.read_frames(file))


@contextmanager
def opened(event_file: Path) -> Iterator[BinaryIO]:
    """An event file, open for reading.

    Raises:
        SummaryReadError: it cannot be opened or read.
    """
    try:
        if event_file.exists() and not event_file.is_file():
            raise SummaryReadError(f"could not read {event_file}: it is no regular file")  # a pipe would never open
        with event_file.open("rb") as file:
            yield file
    except OSError as error:
        raise SummaryReadError(f"could not read {event_file}: {error.strerror or error}") from error


def located(frame: recordfile.Frame) -> Located:
    """What a frame holds."""
    if frame.damage is not None:
        return Located(frame.offset, finding=Finding(frame.offset, frame.damage.value))
    try:
        event = Event.FromString(frame.payload)
        records = tuple(codec.decode(event))
    except (DecodeError, UnicodeDecodeError):
        return Located(frame.offset, finding=Finding(frame.offset, Damage.BAD_DATA.value))
    sample_id = event.explain.sample_id if event.explain.HasField("sample_id") else None
    return Located(frame.offset, frame.payload, records, sample_id)


class RunReader(RunNotes):
    """One pass over the records of a run: its samples one by one, everything else noted.

    Attributes:
        begun: the samples of which there is anything.
    """

    def __init__(self, metadata: RunMetadata | None = None) -> None:
        super().__init__(metadata)
        self.begun: set[int] = set()
        self._assembler = SampleAssembler()

    def samples(self, records: Iterable[StoredRecord | Finding]) -> Iterator[SampleView]:
        """The complete samples."""
        for record in records:
            if isinstance(record, SampleDone):
                self.begun.add(record.sample_id)
                view = self._view(record.sample_id)
                if view is not None:
                    yield view
            elif not self.note(record):
                self._take_part(record)
            elif isinstance(record, Finding):
                self._assembler.drop()  # it may have cost them a map or a score

    def _take_part(self, record: Any) -> None:
        self.begun.add(record.sample_id)
        if isinstance(record, ImageFile):
            self._assembler.begin(record.sample_id)
        self._assembler.add(record)

    def _view(self, sample_id: int) -> SampleView | None:
        """The sample that has just ended; None when its beginning is missing."""
        parts = self._assembler.end(sample_id)
        images, predictions = _all(parts, ImageFile), _all(parts, Prediction)
        if not images or not predictions:
            return None
        return SampleView(
            sample_id,
            images[-1],
            predictions[-1],
            _all(parts, SaliencyFile),
            _all(parts, Score),
            _all(parts, ScoreCurve),
            next(iter(_all(parts, Uncertainty)), None),
            _all(parts, EditTree),
            self._absence_known,
            next(iter(_all(parts, SampleOrigin)), None),
            next(iter(_all(parts, ObjectBoxes)), None),
        )

    @property
    def _absence_known(self) -> bool:
        metadata = self.metadata
        if metadata is None:
            return False
        return len(metadata.labels) == 1 and metadata.parameters.get("label_format") == "multi-hot"


def _some(labels: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, labels[:5]))}{', ...' if len(labels) > 5 else ''}]"


def _all(records: list[Any], kind: type[_Kind]) -> tuple[_Kind, ...]:
    return tuple(record for record in records if isinstance(record, kind))
