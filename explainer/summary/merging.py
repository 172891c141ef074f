"""A run that is made of the runs of shards: its records in the order of samples, its pictures, its manifest."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from explainer.errors import SummaryReadError
from explainer.records import DatasetOrder, RunRepaired, SampleSkipped
from explainer.summary import codec, folder, images, raw_maps
from explainer.summary.cover import Cover, some_of
from explainer.summary.event_copy import EventCopy, payload_of, write_events
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.index_file import IndexDraft
from explainer.summary.made import Made
from explainer.summary.manifest import JOBS, MANIFEST, write_manifest
from explainer.summary.parts import Part
from explainer.summary.picture_links import LostError, PictureLinks
from explainer.summary.recordfile import frame_size
from explainer.summary.sample_index import SampleReader
from explainer.summary.totals import Totals

_MOST_OPEN = 200  # event files at a time; many systems let a process have a thousand


@dataclass(frozen=True)
class Merged:
    """What was put together.

    Attributes:
        event_file: of the merged run.
        samples: how many are complete.
        skipped: how many the shards had left out.
        linked: how many pictures and maps are the shards' own files, by a second name.
        copied: how many are copies, as the disk has no such links.
        parts: what the merged run keeps of each shard.
        left_out: what it lacks, as its record says; "" where it is all of the dataset.
    """

    event_file: Path
    samples: int
    skipped: int
    linked: int
    copied: int
    parts: tuple[Mapping[str, Any], ...]
    left_out: str = ""


class Merging:
    """A merged run while it is made.

    Args:
        parts: the runs.
        cover: which sample lies in which of them, by their places in `parts`.
        target: the job folder, new or empty.
        made: takes note of what is made.
        partial: whether a sample whose picture is missing is left out.
    """

    def __init__(self, parts: Sequence[Part], cover: Cover, target: Path, made: Made, *, partial: bool) -> None:
        self._parts = parts
        self._cover = cover
        self._target = target
        self._made = made
        self._partial = partial
        self._first = next((part for part in parts if len(part.index.samples)), parts[0])
        self._timestamp = min(part.files.timestamp for part in parts)
        self._explainer_folders = images.explainer_folders(self._first.metadata.explainers)
        self._links = PictureLinks(target)
        self._totals = Totals(self._first.metadata, (total for part in parts for total in part.index.benchmarks))
        self._found = dict.fromkeys(JOBS, False)
        self._counts = {"complete": 0, "skipped": 0}
        self._lost: list[int] = []
        self._index = IndexDraft()
        self._end = 0  # bytes of the event file so far

    def write(self, order: DatasetOrder | None, lacking: Sequence[str]) -> Merged:
        """Writes all of it.

        Args:
            order: of the dataset; None where no run tells it.
            lacking: what is not there of the dataset.

        Raises:
            SummaryReadError: a run changed meanwhile, or has a picture or a map that cannot be taken.
            OSError: the disk refused.
        """
        self._made.folders(self._target)
        self._made.tree(self._target / self._data_folder)
        event_file = self._target / folder.event_file_name(self._timestamp, os.getpid())
        self._made.note(event_file)
        entries = [entry for part in self._parts for entry in part.recorded]
        with ExitStack() as stack:
            readers = _Readers(self._parts, stack)
            write_events(event_file, self._payloads(readers, entries, order, lacking))
        if self._ended:
            with suppress(OSError):  # without it nothing is lost but time
                self._index.store(folder.RunFiles(self._timestamp, event_file))
        files = self._links.linked, self._links.copied
        note = "; ".join(self._notes(lacking))
        return Merged(event_file, self._counts["complete"], self._counts["skipped"], *files, tuple(entries), note)

    @property
    def _ended(self) -> bool:
        """Whether all runs have: else nobody knows whether all came in one order."""
        return all(part.index.ended for part in self._parts)

    @property
    def _data_folder(self) -> str:
        return folder.data_folder_name(self._timestamp)

    def _payloads(
        self,
        readers: _Readers,
        entries: Sequence[Mapping[str, Any]],
        order: DatasetOrder | None,
        lacking: Sequence[str],
    ) -> Iterator[bytes]:
        yield from self._noted(_metadata(self._first, entries))
        for sample_id, owner in self._cover:
            part = self._parts[owner]
            if sample_id in part.skipped:
                yield from self._noted([self._skipped(sample_id, part)])
            else:
                yield from self._noted(self._of_sample(sample_id, part, readers), sample_id)
        yield from self._noted(self._of_the_end(order, self._notes(lacking)))
        # The event file gets its name when this has ended: a run that has a name has its manifest, too.
        write_manifest(self._target / self._data_folder / MANIFEST, self._found)

    def _noted(self, payloads: Iterable[bytes], sample_id: int | None = None) -> Iterator[bytes]:
        """The payloads, whose places the index takes note of: all of a sample's together."""
        start = self._end
        for payload in payloads:
            if sample_id is None:
                self._index.add(self._end, payload)
            self._end += frame_size(payload)
            yield payload
        if sample_id is not None and self._end > start:
            self._index.add_sample(sample_id, start, self._end)

    # Samples.

    def _skipped(self, sample_id: int, part: Part) -> bytes:
        self._counts["skipped"] += 1
        return payload_of(codec.encode_skipped(SampleSkipped(sample_id, part.skipped[sample_id])))

    def _of_sample(self, sample_id: int, part: Part, readers: _Readers) -> list[bytes]:
        try:
            events = readers.events(part, sample_id)
            self._take_pictures(sample_id, part, events)
        except LostError as error:
            if self._partial:
                self._lost.append(sample_id)
                return []
            raise SummaryReadError(
                f"cannot merge {part.folder}: of sample {sample_id} {error}. `explainer repair` makes a copy of the "
                "shard in which resuming works on that sample again; or leave it out (partial=True, `--partial`)"
            ) from error
        self._count(events)
        return [event.SerializeToString() for event in events]

    def _take_pictures(self, sample_id: int, part: Part, events: Sequence[Event]) -> None:
        """Puts the pictures of a sample into the folder, or none of them, and writes their new paths."""
        put: list[str] = []
        try:
            for path, to in self._paths(sample_id, part, events):
                self._links.put(part.folder, path, to)
                put.append(to)
        except LostError:
            for to in put:
                self._links.remove(to)
            raise

    def _paths(self, sample_id: int, part: Part, events: Sequence[Event]) -> Iterator[tuple[str, str]]:
        """The path of each picture as it was, and as it is from now on, which the records say when it was taken."""
        for message in (event.explain for event in events):
            if message.HasField("sample"):
                path = images.image_path(self._data_folder, sample_id)
                yield message.sample.image_path, path
                message.sample.image_path = path
                if message.image_path:
                    message.image_path = path
            for entry in message.explanation:
                yield from self._paths_of_map(sample_id, part, entry)

    def _paths_of_map(self, sample_id: int, part: Part, entry: Explain.Explanation) -> Iterator[tuple[str, str]]:
        explainer_folder = self._explainer_folders.get(entry.explain_method)
        if explainer_folder is None:
            raise SummaryReadError(
                f"cannot merge {part.folder}: sample {sample_id} has a map by {entry.explain_method[:60]!r}, which is "
                "none of the run's explainers"
            )
        path = images.saliency_path(self._data_folder, explainer_folder, sample_id, entry.label)
        yield entry.heatmap_path, path
        entry.heatmap_path = path
        if entry.HasField("raw"):
            yield entry.raw.path, raw_maps.raw_path(path)
            entry.raw.path = raw_maps.raw_path(path)

    def _count(self, events: Sequence[Event]) -> None:
        """Counts a sample: its scores, and what the manifest says of the run."""
        self._counts["complete"] += 1
        messages = [event.explain for event in events]
        shown = any(message.image_path for message in messages)
        for message in messages:
            self._totals.add(message.score)
            self._found["saliency_map"] |= bool(message.explanation) and shown
            self._found["uncertainty"] |= message.HasField("uncertainty") and shown
            self._found["hierarchical_occlusion"] |= bool(message.hoc)

    # The end.

    def _notes(self, lacking: Sequence[str]) -> list[str]:
        """What the merged run lacks."""
        lost = len(self._lost)
        one = "sample had records or a picture that were lost"
        more = "samples had records or pictures that were lost"
        return [*lacking, *([f"{lost} {one if lost == 1 else more}: {some_of(self._lost, lost)}"] if lost else [])]

    def _of_the_end(self, order: DatasetOrder | None, notes: Sequence[str]) -> Iterator[bytes]:
        if notes:
            yield payload_of(codec.encode_repaired(RunRepaired("; ".join(notes))))
        if self._ended and order is not None:
            yield payload_of(codec.encode_order(order))
        table = self._totals.benchmarks
        if table:
            yield payload_of(codec.encode_benchmarks(table))
            self._found["benchmark"] = True
        if self._ended:
            at = max(part.index.ended_at or 0.0 for part in self._parts)
            yield codec.as_event(codec.encode_end(), at).SerializeToString()


class _Readers:
    """The event files of the runs, of which the few that were read last are open."""

    def __init__(self, parts: Sequence[Part], stack: ExitStack) -> None:
        self._open: OrderedDict[Path, SampleReader] = OrderedDict()
        stack.callback(self._close)

    def events(self, part: Part, sample_id: int) -> list[Event]:
        """What a run holds of a sample.

        Raises:
            LostError: it is not there any more: the file was damaged, or changed.
        """
        try:
            events = [Event.FromString(payload) for payload in self._reader(part).payloads(sample_id)]
        except (DecodeError, SummaryReadError) as error:
            raise LostError("a record cannot be read") from error
        if not (events and events[-1].explain.done and all(event.explain.sample_id == sample_id for event in events)):
            raise LostError("other records stand in its place")
        return events

    def _reader(self, part: Part) -> SampleReader:
        key = part.files.event_file
        if key not in self._open:
            if len(self._open) == _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[key] = SampleReader(key, part.index)
        self._open.move_to_end(key)
        return self._open[key]

    def _close(self) -> None:
        for reader in self._open.values():
            reader.close()


def _metadata(part: Part, entries: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """The metadata and its copy as one of the runs has them, what this version does not know included."""
    known = {name: value for name, value in part.metadata.parameters.items() if name != "shard"}
    parameters = json.dumps({**known, "merged": list(entries)}, sort_keys=True)
    for payload in EventCopy(part.files.event_file, part.index, ()).metadata():
        event = Event.FromString(payload)
        event.explain.run.parameters = parameters
        yield event.SerializeToString()
