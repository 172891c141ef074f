"""The records of an event file that are kept, byte by byte, when it is repaired or gone on with."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from explainer.records import RunMetadata
from explainer.summary import codec, recordfile
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.lost_metadata import guessed_metadata
from explainer.summary.made import drafted
from explainer.summary.reader import Located, read_located
from explainer.summary.sample_index import SampleIndex, samples_at
from explainer.summary.sample_places import Place


class EventCopy:
    """What of an event file is kept: the metadata, the complete samples, and some records of the run.

    Args:
        event_file: the file.
        index: of it.
        of_the_run: the kinds of records of the run that are kept.
        left_out: complete samples that are not kept.
    """

    def __init__(
        self, event_file: Path, index: SampleIndex, of_the_run: tuple[type, ...], left_out: Container[int] = ()
    ) -> None:
        self._event_file = event_file
        self._index = index
        self._of_the_run = of_the_run
        self._left_out = left_out

    def metadata(self) -> tuple[bytes, bytes]:
        """The payloads of the metadata and its copy; one of them, or both, made anew where it is lost."""
        found = {_is_first(entry.payload): entry.payload for entry in reversed(self._of_the_metadata())}
        if not found:
            guessed = guessed_metadata(samples_at(self._event_file, self._index), self._index.benchmarks)
            found[True] = payload_of(codec.encode_metadata(guessed))
        return found.get(True) or _completed(found[False]), found.get(False) or _shortened(found[True])

    def entries(self) -> Iterator[Located]:
        """What is kept beside the metadata, in the order in which it stands."""
        return (entry for entry in read_located(self._event_file) if self._is_kept(entry))

    def kept_up_to(self) -> int | None:
        """Where the file could be cut, as what is kept stands before all else; None where it does not."""
        end, cut = 0, False
        for number, entry in enumerate(read_located(self._event_file)):
            if (number < 2 and _holds_metadata(entry)) or self._is_kept(entry):
                if cut:
                    return None
                end = entry.offset + recordfile.frame_size(entry.payload)
            else:
                cut = True
        return end

    def _is_kept(self, entry: Located) -> bool:
        """A record of a kept sample, or of the run; what this version does not know goes with its sample."""
        if entry.finding is not None:
            return False
        place = self._place(entry.sample_id)
        if place is not None and place.holds(entry.offset):
            return True
        if not entry.records:
            return entry.sample_id is None or place is not None
        return all(isinstance(record, self._of_the_run) for record in entry.records)

    def _place(self, sample_id: int | None) -> Place | None:
        """Where the records of a sample stand that is kept."""
        if sample_id is None or sample_id in self._left_out:
            return None
        return self._index.samples.get(sample_id)

    def _of_the_metadata(self) -> list[Located]:
        """The first two records of the run's metadata."""
        found = []
        for entry in read_located(self._event_file):
            if _holds_metadata(entry):
                found.append(entry)
            if len(found) == 2:
                break
        return found


def write_events(target: Path, payloads: Iterable[bytes]) -> None:
    """Writes an event file, which gets its name, and takes the place of an older one, when it is complete and synced.

    Raises:
        OSError: the disk refused.
    """
    with drafted(target) as file:
        for payload in payloads:
            file.write(recordfile.frame(payload))
        file.flush()
        os.fsync(file.fileno())


def payload_of(message: Explain) -> bytes:
    """A message as it stands in a file."""
    return codec.as_event(message, time.time()).SerializeToString()


def _holds_metadata(entry: Located) -> bool:
    return any(isinstance(record, RunMetadata) for record in entry.records)


def _is_first(payload: bytes) -> bool:
    """Whether this is the metadata itself, which MindInsight reads, and not the copy of it."""
    return Event.FromString(payload).explain.HasField("metadata")


def _completed(copy: bytes) -> bytes:
    """The metadata, made of its copy; what is unknown in it stays."""
    event = Event.FromString(copy)
    (known,) = (record for record in codec.decode(event) if isinstance(record, RunMetadata))
    event.explain.metadata.CopyFrom(codec.encode_metadata(known).metadata)
    return event.SerializeToString()


def _shortened(first: bytes) -> bytes:
    """The copy, made of the metadata; what is unknown in it stays."""
    event = Event.FromString(first)
    event.explain.ClearField("metadata")
    return event.SerializeToString()
