"""A run as it was left in its folder, locked for whoever goes on with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from contextlib import ExitStack, suppress
from pathlib import Path

from explainer.digests import digest_of
from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.records import RunMetadata, RunResumed, SampleSkipped
from explainer.summary.event_copy import EventCopy, write_events
from explainer.summary.folder import RunFiles, entries_below, find_runs, inside
from explainer.summary.index_file import remove_index
from explainer.summary.lock import RunLock
from explainer.summary.made import DRAFT
from explainer.summary.picture_check import PictureFile, content_of, files_of
from explainer.summary.reader import SampleView
from explainer.summary.sample_index import SampleIndex, SampleReader, index_of, samples_at

_KEPT = (RunResumed, SampleSkipped)  # beside samples; totals and the end come anew
_PICTURE = re.compile(r"(\d+)(_\d+)?\.(png|npy)")


def open_recorded(summary_dir: Path) -> RecordedRun | None:
    """The newest run of a folder that is unfinished, locked; else the newest of all; None where there is none.

    Raises:
        SummaryWriteError: somebody is writing the unfinished run.
        SummaryReadError: the folder or a run cannot be read, or an unfinished one has lost its metadata.
    """
    ended = None
    for files in reversed(_runs_in(summary_dir)):
        index = index_of(files.event_file)
        if not index.samples and index.metadata is None:
            continue  # it ended before it had begun
        if not _is_finished(index):
            return _unfinished(summary_dir, files)
        ended = ended or RecordedRun(files, index)
    return ended


def _runs_in(summary_dir: Path) -> list[RunFiles]:
    try:
        return find_runs(summary_dir)
    except OSError as error:
        raise SummaryReadError(f"could not read {summary_dir}: {error.strerror or error}") from error


def _is_finished(index: SampleIndex) -> bool:
    """Whether there is nothing to go on with; a repaired run may lack samples although it has its end."""
    return index.ended and not index.repairs


def _unfinished(summary_dir: Path, files: RunFiles) -> RecordedRun:
    data_dir = inside(summary_dir, files.data_dir.name)
    with ExitStack() as stack:
        try:
            data_dir.mkdir(exist_ok=True)
            lock = stack.enter_context(RunLock(data_dir))
        except OSError as error:
            raise SummaryWriteError(f"could not write {data_dir}: {error.strerror or error}") from error
        index = index_of(files.event_file)  # anew, as somebody may have written until now
        if _is_finished(index):
            lock.remove()
            return RecordedRun(files, index)
        _drop_without_pictures(summary_dir, files, index)
        run = RecordedRun(files, index, lock)
        stack.pop_all()
    return run


class RecordedRun:
    """What of a run is complete; a context manager, which lets go of its lock.

    Args:
        files: of the run.
        index: of its event file.
        lock: the run's, held; None for one that has ended.

    Raises:
        SummaryReadError: its metadata is lost, so that nobody can tell what it was about.
    """

    def __init__(self, files: RunFiles, index: SampleIndex, lock: RunLock | None = None) -> None:
        if index.metadata is None:
            raise SummaryReadError(
                f"cannot go on with {files.event_file}: its metadata is damaged, and its copy, too, so that nobody "
                "can tell what it was about; begin a new run (`explainer repair` saves what is complete of this one)"
            )
        self.files = files
        self.metadata: RunMetadata = index.metadata
        self._index = index
        self._lock = lock
        self._reader = SampleReader(files.event_file, index)

    @property
    def event_file(self) -> Path:
        """The file of its records."""
        return self.files.event_file

    @property
    def data_dir(self) -> Path:
        """The folder of its pictures."""
        return self.files.data_dir

    def __enter__(self) -> RecordedRun:
        return self

    def __exit__(self, *raised: object) -> None:
        self._reader.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def ended(self) -> bool:
        """Whether there is nothing to go on with."""
        return self._lock is None

    @property
    def complete(self) -> Set[int]:
        """The samples that are complete."""
        return self._index.samples.keys()

    @property
    def skipped(self) -> Set[int]:
        """The samples that were left out."""
        return self._index.skipped.keys()

    def require_lock(self) -> RunLock:
        """The run's lock; RuntimeError for a run that has ended."""
        if self._lock is None:
            raise RuntimeError(f"the run {self.event_file} has ended, there is nothing to go on with")
        return self._lock

    def sample(self, sample_id: int) -> SampleView:
        """A complete sample."""
        return self._reader.sample(sample_id)

    def samples(self) -> Iterator[SampleView]:
        """The complete samples, in the order in which the file has them."""
        return map(self._reader.sample, self._index.samples)

    def clean(self) -> None:
        """Leaves of the run on disk what is complete of it, so that the file can be written on.

        The file is cut behind the last complete sample, which a MindInsight that is reading it bears. Where there is
        damage before, a clean copy takes its place.

        Raises:
            OSError: the disk refused.
        """
        remove_index(self.files)
        copy = EventCopy(self.files.event_file, self._index, _KEPT)
        end = copy.kept_up_to()
        if end is None:
            write_events(self.files.event_file, _payloads(copy))
        else:
            with self.files.event_file.open("r+b") as file:
                file.truncate(end)
        _remove_leftovers(self.files.data_dir, self._index)


def _payloads(copy: EventCopy) -> Iterator[bytes]:
    yield from copy.metadata()
    yield from (entry.payload for entry in copy.entries())


def _drop_without_pictures(summary_dir: Path, files: RunFiles, index: SampleIndex) -> None:
    """Takes those samples for incomplete whose pictures are not what was recorded, as after a loss of power."""
    lost = [
        sample.sample_id
        for sample in samples_at(files.event_file, index)
        if not all(_is_there(summary_dir, file) for file in files_of(sample))
    ]
    for sample_id in lost:
        del index.samples[sample_id]


def _is_there(summary_dir: Path, file: PictureFile) -> bool:
    try:
        content = content_of(inside(summary_dir, file.path), file)
    except (OSError, SummaryReadError):
        return False
    return not file.digest or file.digest == digest_of(content)


def _remove_leftovers(data_dir: Path, index: SampleIndex) -> None:
    """Removes drafts, and the pictures of samples that are not complete."""
    for entry in entries_below(data_dir):
        found = _PICTURE.fullmatch(entry.name)
        if entry.name.endswith(DRAFT) or (found is not None and int(found[1]) not in index.samples):
            with suppress(OSError):
                Path(entry.path).unlink()
