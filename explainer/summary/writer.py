"""The sink that writes a run to disk: one event file and one data folder of its own in the job folder.

<summary_dir>/events.out.events.summary.<timestamp>.<pid>_explain      the records
<summary_dir>/_explain_<timestamp>/manifest.json                       what the run holds, for MindInsight's job list
<summary_dir>/_explain_<timestamp>/samples.index                       where samples stand, of a run that has ended
<summary_dir>/_explain_<timestamp>/origin_images/..., heatmap/...      the pictures

A sample's records are kept until its SampleDone and then written in one go, pictures first: whatever stops the process,
the file holds complete samples, every picture that it names is there, and what was flushed survives a kill. A run that
was stopped is gone on with in the same file: MindInsight reads the newest file of a folder alone.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from explainer.checks import require_choice, require_distinct, require_number
from explainer.digests import digest_of
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import (
    Benchmark,
    DatasetOrder,
    EditTree,
    ImageFile,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    RawMapFile,
    Record,
    RunEnd,
    RunMetadata,
    RunResumed,
    Saliency,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.remote import local_path
from explainer.summary import codec, folder, images, raw_maps, recordfile
from explainer.summary.assemble import SampleAssembler
from explainer.summary.explain_pb2 import Explain
from explainer.summary.index_file import IndexDraft
from explainer.summary.lock import LOCK, RunLock
from explainer.summary.made import Made
from explainer.summary.manifest import JOBS, MANIFEST, write_manifest
from explainer.summary.reader import SampleView, read_records
from explainer.summary.recorded_run import RecordedRun
from explainer.summary.sample_index import index_of

_Kind = TypeVar("_Kind")
_PARTS = (OriginalImage, SampleOrigin, ObjectBoxes, Prediction, Saliency, Score, ScoreCurve, Uncertainty, EditTree)


class SummaryWriter:
    """Writes the records of one run; a context manager, and a sink: `write(record)`, `close()`.

    Args:
        summary_dir: the job folder; made if it is absent.
        metadata: what the run is about; becomes the first record.
        clock: seconds since 1970-01-01 UTC.
        recorded: an unfinished run of this folder, to be gone on with; the metadata is its own then.
        changed: what of its parameters is other from now on, as JSON values.
        raw_kind: as what maps are kept beside their pictures, "float16" or "float32"; None for pictures alone.

    Raises:
        ValueError: labels that MindInsight cannot tell apart, or an unknown kind.
        SummaryWriteError: the folder or a file cannot be written.
    """

    def __init__(
        self,
        summary_dir: str | os.PathLike[str],
        metadata: RunMetadata,
        *,
        clock: Callable[[], float] = time.time,
        recorded: RecordedRun | None = None,
        changed: Mapping[str, Any] | None = None,
        raw_kind: str | None = None,
    ) -> None:
        _require_distinct_labels(metadata)
        if raw_kind is not None:
            require_choice("raw_kind", raw_kind, raw_maps.RAW_MAPS)
        self._raw_kind = raw_kind
        first = codec.encode_metadata(metadata)  # what cannot be written is refused before a folder is made
        self._clock = clock
        self._metadata = metadata
        self._folder = local_path(summary_dir, "`summary_dir`")
        self._pending = SampleAssembler()
        self._benchmarks: list[Benchmark] = []
        self._found = dict.fromkeys(JOBS, False)
        self._promised = {key: job in metadata.jobs for key, job in JOBS.items()}
        self._ended = False
        self._explainer_folders = images.explainer_folders(metadata.explainers)
        with ExitStack() as undo:
            if recorded is None:
                self._begin(first, undo)
            else:
                self._go_on(recorded, changed or {}, undo)
            undo.pop_all()

    def _begin(self, first: Explain, undo: ExitStack) -> None:
        """Makes the run: its folders, its event file with the metadata, its manifest."""
        made = Made()
        undo.callback(made.take_back)  # a run that could not be begun would hide the older ones
        with self._disk_errors(self._folder):
            _warn_if_merged(self._folder, self._metadata)
            self._timestamp, self._data = _claim(self._folder, int(self._clock()), made)
        made.note(self._data / LOCK)
        with self._disk_errors(self._data):
            self._lock = undo.enter_context(RunLock(self._data))
        self._path = self._folder / folder.event_file_name(self._timestamp, os.getpid())
        made.note(self._path)
        self._open("xb", undo)
        self._index = IndexDraft()
        made.note(self._data / MANIFEST)
        self._write_manifest(self._promised)
        self._append(first, codec.encode_metadata_copy(self._metadata))

    def _go_on(self, recorded: RecordedRun, changed: Mapping[str, Any], undo: ExitStack) -> None:
        """Takes the run up behind what is complete of it."""
        self._timestamp, self._data, self._path = recorded.files.timestamp, recorded.files.data_dir, recorded.event_file
        self._lock = recorded.require_lock()
        with self._disk_errors(self._path):
            recorded.clean()
        self._open("ab", undo)
        self._index = IndexDraft(index_of(self._path), self._file.tell())
        self._write_manifest(self._promised)
        if changed:
            self._append(codec.encode_resumed(RunResumed(changed)))

    def _open(self, mode: str, undo: ExitStack) -> None:
        with self._disk_errors(self._path):
            self._file = open(self._path, mode, buffering=0)  # noqa: SIM115 - open as long as the writer is
            undo.callback(self._file.close)
            self._identities = {path: _identity(path) for path in (self._folder, self._data, self._path)}

    @property
    def event_file(self) -> Path:
        """The file of the records."""
        return self._path

    @property
    def data_dir(self) -> Path:
        """The folder of the pictures."""
        return self._data

    @property
    def timestamp(self) -> int:
        """The run's number in its folder: its start in seconds, or more where an older run has that."""
        return self._timestamp

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A full disk refuses the manifest as well: what is raised is the first cause.
        with suppress(SummaryWriteError) if error is not None else nullcontext():
            self.close()

    def write(self, record: Record) -> None:
        """Takes one record; those of a sample reach the disk with its SampleDone or SampleSkipped.

        Raises:
            SummaryWriteError: the disk refused; the samples before are complete, and the next one can be written.
            TypeError: a record of a kind that a summary does not know.
            ValueError: a label, explainer or metric that the metadata does not know.
        """
        _require_known(record, self._metadata)
        match record:
            case SampleDone():
                self._write_sample(record)
            case SampleSkipped():
                self._pending.end(record.sample_id)
                self._append(codec.encode_skipped(record))
            case Benchmark():
                self._benchmarks.append(record)
            case DatasetOrder():
                self._append(codec.encode_order(record))
            case RunEnd():
                self._write_end()
            case RunMetadata():
                raise ValueError("the metadata is written when the writer is made, once per run")
            case _ if isinstance(record, _PARTS):
                self._pending.add(record)
            case _:
                raise TypeError(
                    f"a summary holds records of explainer.records, got a {type(record).__name__}; yield what you have "
                    "as Scores (a number for a sample, or for one of its labels), or hand it to a consumer of your "
                    "own, which a job can call itself (docs/write-a-consumer.md)"
                )

    def close(self) -> None:
        """Writes the manifest of what the run really holds and closes the file; harmless when called again."""
        if self._file.closed:
            return
        with self._lock:
            with self._disk_errors(self._path), self._file:
                os.fsync(self._file.fileno())
            self._require_in_place()
            self._write_manifest(self._found)
            if self._ended:
                with suppress(OSError):  # without it nothing is lost but time
                    self._index.store(folder.RunFiles(self._timestamp, self._path))
                self._lock.remove()

    def recall(self, sample: SampleView) -> None:
        """Takes note of a sample that was complete before the run was gone on with."""
        shown = sample.image.shown
        self._found["saliency_map"] |= bool(sample.maps) and shown
        self._found["uncertainty"] |= sample.uncertainty is not None and shown
        self._found["hierarchical_occlusion"] |= bool(
            codec.redrawn_trees(sample.edit_trees, sample.image, sample.prediction)
        )

    def _write_sample(self, done: SampleDone) -> None:
        records = self._pending.end(done.sample_id)
        self._require_in_place()
        start = self._file.tell()
        made = Made()
        try:
            self._write_records(done, records, made)
        except BaseException:
            if self._file.tell() == start:  # else the record is complete, and an interrupt came just after it
                made.take_back()
            raise

    def _write_records(self, done: SampleDone, records: list[Record], made: Made) -> None:
        image = _only(records, OriginalImage, done.sample_id)
        prediction = _only(records, Prediction, done.sample_id)
        path = images.image_path(self._data.name, done.sample_id)
        digest = self._write_picture(path, image.pixels, made)
        stored = ImageFile(done.sample_id, path, codec.is_shown(prediction), digest)
        maps = [self._write_saliency(record, made) for record in _all(records, Saliency)]
        scores, curves, trees = _all(records, Score), _all(records, ScoreCurve), _all(records, EditTree)
        uncertainty, origin = _first(records, Uncertainty), _first(records, SampleOrigin)
        objects = _first(records, ObjectBoxes)
        height, width = image.pixels.shape[:2]
        occlusions = codec.encode_edit_trees(trees, stored, prediction, (height, width))
        with self._disk_errors(self._data):
            made.settle()
        start = self._file.tell()
        self._write_messages(
            codec.encode_sample(stored, prediction, uncertainty, origin, objects),
            *map(codec.encode_saliency, maps),
            *([codec.encode_scores(done.sample_id, scores)] if scores else []),
            *([codec.encode_curves(done.sample_id, curves)] if curves else []),
            *([occlusions] if trees else []),
            codec.encode_done(done),
        )
        self._index.add_sample(done.sample_id, start, self._file.tell())
        self._found["saliency_map"] |= bool(maps) and stored.shown
        self._found["uncertainty"] |= uncertainty is not None and stored.shown
        self._found["hierarchical_occlusion"] |= bool(occlusions.hoc)

    def _write_saliency(self, record: Saliency, made: Made) -> SaliencyFile:
        grey = images.to_grey(record.saliency)
        explainer_folder = self._explainer_folders[record.explainer]
        path = images.saliency_path(self._data.name, explainer_folder, record.sample_id, record.label)
        digest = self._write_picture(path, grey.grey, made)
        names = record.sample_id, record.explainer, record.label, path
        raw = self._write_raw(record, path, made)
        known = record.completeness_gap, digest, raw, record.standard_error
        return SaliencyFile(*names, grey.low, grey.high, *known)

    def _write_raw(self, record: Saliency, picture_path: str, made: Made) -> RawMapFile | None:
        if self._raw_kind is None:
            return None
        raw, path = raw_maps.to_raw(record.saliency, self._raw_kind), raw_maps.raw_path(picture_path)
        return RawMapFile(path, self._write_content(path, raw.content, made), raw.exponent)

    def _write_picture(self, path: str, pixels: NDArray[np.uint8], made: Made) -> bytes:
        return self._write_content(path, images.png_of(pixels), made)

    def _write_content(self, path: str, content: bytes, made: Made) -> bytes:
        """Writes a file into the data folder, which is never made again; its digest."""
        target = self._folder / path
        with self._disk_errors(target):
            made.folders(target.parent, below=self._data)
            made.write(target, content)
        return digest_of(content)

    def _write_end(self) -> None:
        table = _in_table_order(self._benchmarks, self._metadata) if self._benchmarks else []
        self._append(*([codec.encode_benchmarks(table)] if table else []), codec.encode_end())
        self._found["benchmark"] = bool(table)
        self._ended = True

    def _require_in_place(self) -> None:
        """Raises SummaryWriteError where a folder or the event file is not the one that the run was begun in.

        What is written to a file that was removed, or into a folder that was made anew, nobody could read together.
        """
        for path, identity in self._identities.items():
            with self._disk_errors(path):
                moved = _identity(path) != identity
            if moved:
                raise SummaryWriteError(
                    f"could not write {path}: it was removed, moved or replaced during the run; what was written "
                    "before is wherever it is now, so leave the folder alone and run again"
                )

    def _append(self, *messages: Explain) -> None:
        """Writes messages about the run, or about a sample that was left out."""
        start = self._file.tell()
        for payload in self._write_messages(*messages):
            self._index.add(start, payload)
            start += recordfile.frame_size(payload)

    def _write_messages(self, *messages: Explain) -> list[bytes]:
        """Writes all of them or none: after half a record, nothing that follows in the file could be read.

        Returns:
            The payload of each.
        """
        self._require_in_place()
        payloads = [codec.as_event(message, self._clock()).SerializeToString() for message in messages]
        left = memoryview(b"".join(map(recordfile.frame, payloads)))
        with self._disk_errors(self._path):
            start = self._file.tell()
            try:
                while left:
                    left = left[self._file.write(left) :]
            except BaseException:
                self._file.truncate(start)
                self._file.seek(start)
                raise
        return payloads

    def _write_manifest(self, content: dict[str, bool]) -> None:
        target = self._data / MANIFEST
        with self._disk_errors(target):
            write_manifest(target, content)

    @contextmanager
    def _disk_errors(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SummaryWriteError(
                f"could not write {path}: {error.strerror or error}; the samples finished before are complete, "
                "free some space or check the permissions and run again"
            ) from error


def _claim(summary_dir: Path, now: int, made: Made) -> tuple[int, Path]:
    """A timestamp greater than every older run's, and its data folder; making the folder is the claim."""
    made.folders(summary_dir)
    timestamp = max(now, folder.latest_timestamp(summary_dir) + 1)
    while True:
        data = summary_dir / folder.data_folder_name(timestamp)
        try:
            made.folder(data)
        except FileExistsError:
            timestamp += 1
        else:
            return timestamp, data


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file or folder a path leads to; None where it leads to none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _require_distinct_labels(metadata: RunMetadata) -> None:
    require_distinct("labels", list(metadata.labels), "results are filed under the label's name")
    shown = codec.shown_labels(metadata)
    if len(set(shown)) < len(shown):
        twice = next(label for index, label in enumerate(shown) if label in shown[:index])
        raise ValueError(
            f"`labels` must stay distinct when '_' is shown as a blank, got {twice!r} twice; MindInsight's occlusion "
            "page cannot show a '_', so rename one of them"
        )
    if shown != list(metadata.labels):
        warnings.warn(
            "labels with '_' are shown with a blank: MindInsight's occlusion page cannot show '_'", stacklevel=4
        )


def _require_known(record: Record, metadata: RunMetadata) -> None:
    """Raises ValueError for what the metadata does not know: it would be lost, or make MindInsight fail."""
    match record:
        case Saliency():
            require_choice("explainer", record.explainer, metadata.explainers)
            _require_labels((record.label,), metadata)
        case Benchmark() if record.explainer not in metadata.explainers or record.metric not in metadata.metrics:
            raise ValueError(
                f"a Benchmark must be of an explainer and a metric that were registered, got {record.explainer!r} by "
                f"{record.metric!r}; yield its Scores alone, whose mean `explainer inspect` and statistics() give"
            )
        case Uncertainty():
            _require_one_per_label(record, metadata)
        case EditTree():
            _require_labels((record.label,), metadata)
        case ObjectBoxes():
            _require_labels(tuple(box.label for box in record.boxes), metadata)
        case Prediction() if len(record.probabilities) != len(metadata.labels):
            count = len(metadata.labels)
            raise ValueError(
                f"`probabilities` must hold one for each of {count} labels, got {len(record.probabilities)}"
            )
        case Prediction():
            _require_labels((*record.ground_truth, *record.predicted, *record.explained), metadata)


def _require_one_per_label(record: Uncertainty, metadata: RunMetadata) -> None:
    for name in ("mean", "deviation", "low", "high"):
        count = len(getattr(record, name))
        if count != len(metadata.labels):
            raise ValueError(f"`{name}` must hold one number for each of {len(metadata.labels)} labels, got {count}")
    if record.draws is not None:
        _require_labels(record.draws.labels, metadata)


def _require_labels(labels: tuple[int, ...], metadata: RunMetadata) -> None:
    for label in labels:
        require_number("label", label, 0, len(metadata.labels) - 1)


def _warn_if_merged(summary_dir: Path, metadata: RunMetadata) -> None:
    """Warns when an older run in the folder has other names: a running MindInsight adds the new ones to the old."""
    for run in folder.find_runs(summary_dir):
        older = next((record for record in _readable(run) if isinstance(record, RunMetadata)), None)
        if older is not None and _names(older) != _names(metadata):
            warnings.warn(
                f"{summary_dir} holds an older run with other labels, explainers or metrics; a MindInsight that is "
                "running now would mix both. Restart it, or give this run a fresh folder.",
                stacklevel=4,
            )
            return


def _readable(run: folder.RunFiles) -> Iterator[object]:
    try:
        yield from read_records(run.event_file)
    except SummaryReadError:
        return


def _names(metadata: RunMetadata) -> tuple[tuple[str, ...], ...]:
    return metadata.labels, metadata.explainers, metadata.metrics


def _all(records: list[Record], kind: type[_Kind]) -> list[_Kind]:
    return [record for record in records if isinstance(record, kind)]


def _first(records: list[Record], kind: type[_Kind]) -> _Kind | None:
    return next(iter(_all(records, kind)), None)


def _only(records: list[Record], kind: type[_Kind], sample_id: int) -> _Kind:
    found = _all(records, kind)
    if len(found) != 1:
        raise ValueError(f"sample {sample_id} must have one {kind.__name__} before it is done, got {len(found)}")
    return found[0]


def _in_table_order(benchmarks: list[Benchmark], metadata: RunMetadata) -> list[Benchmark]:
    """Every explainer with every metric, in the order of the metadata: MindInsight pairs them by position."""
    found = {(benchmark.explainer, benchmark.metric): benchmark for benchmark in benchmarks}
    pairs = [(explainer, metric) for explainer in metadata.explainers for metric in metadata.metrics]
    return [found.get(pair, Benchmark(*pair, total=float("nan"))) for pair in pairs]
