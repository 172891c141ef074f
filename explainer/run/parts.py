"""The folders that workers write to, in the folder of their run, and how they become one run.

<summary_dir>/parts/worker-0/...        the run of a worker, like any other
<summary_dir>/parts/merged/...          all of them, while they are put together
<summary_dir>/parts-merged/...          as soon as that is complete; it moves to <summary_dir>, and the rest goes

Each step can be the last one before a kill: who comes next finds out how far it went.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from explainer.errors import SummaryWriteError
from explainer.records import DatasetOrder
from explainer.summary.folder import PARTS, RunFiles, chosen_run, find_runs
from explainer.summary.lock import RunLock, has_writer
from explainer.summary.merge import merge
from explainer.summary.sample_index import index_of

_MERGED, _PUBLISHED = "merged", "parts-merged"
_PATIENCE = 10.0  # seconds that a worker whose driver was killed may need to notice


@dataclass(frozen=True)
class Part:
    """What a worker has written.

    Attributes:
        folder: of its run.
        complete: the samples that are complete, in rising order.
        skipped: those that were left out.
        has_ended: whether nothing can be added to it.
        order: of the dataset, where it has come to its end.
    """

    folder: Path
    complete: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    has_ended: bool = False
    order: DatasetOrder | None = None

    @property
    def name(self) -> str:
        """Of the worker."""
        return self.folder.name

    @property
    def done(self) -> list[int]:
        """The samples on which no work is left."""
        return sorted({*self.complete, *self.skipped})


class Parts:
    """The parts of a run.

    Args:
        summary_dir: the run's folder.
    """

    def __init__(self, summary_dir: Path) -> None:
        self.summary_dir = summary_dir
        self._folder = summary_dir / PARTS

    @property
    def exist(self) -> bool:
        """Whether workers have begun a run here that is not put together yet."""
        return self._folder.is_dir()

    def require_none(self) -> None:
        """Raises RuntimeError where there are parts of a run: no other may be begun or gone on with."""
        if self.exist:
            raise RuntimeError(
                f"{self._folder} holds parts of a run that workers have begun and that has not ended. Go on with it by "
                "workers=... and resume=True (--workers N --resume), or remove that folder"
            )

    @contextmanager
    def held(self) -> Iterator[list[Part]]:
        """The parts as they are on disk; nobody else works on them meanwhile, and where nothing came, nothing stays.

        Raises:
            SummaryWriteError: somebody does, or the disk refused.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = RunLock(self._folder)
        except OSError as error:
            raise SummaryWriteError(f"could not write {self._folder}: {error.strerror or error}") from error
        with lock:
            try:
                yield self.all()
            except BaseException:
                self._remove_where_empty()
                raise

    def all(self) -> list[Part]:
        """As they are on disk."""
        folders = [path for path in sorted(self._folder.iterdir()) if path.is_dir() and path.name != _MERGED]
        return [_part(path) for path in folders]

    def place(self, name: str) -> Path:
        """The folder of a worker."""
        return self._folder / name

    def merge(self) -> RunFiles:
        """The run that they become, in the run's folder; the parts are gone.

        Raises:
            MergeError: they are not the parts of one run.
            SummaryWriteError: the disk refused.
        """
        merged = self._folder / _MERGED
        shutil.rmtree(merged, ignore_errors=True)  # of a merge that was killed
        merge(merged, [part.folder for part in self.all()])
        os.replace(self._folder, self.summary_dir / _PUBLISHED)
        self.publish()
        return chosen_run(self.summary_dir)[0]

    def publish(self) -> None:
        """Moves a run that has been put together into the run's folder, and removes the parts; if there is one."""
        published = self.summary_dir / _PUBLISHED
        if not published.is_dir():
            return
        for run in find_runs(published / _MERGED):
            for path in (run.data_dir, run.event_file):  # in this order: a run without pictures would be none
                if path.exists():  # else a kill came right behind
                    _move(path, self.summary_dir / path.name)
        shutil.rmtree(published)

    def _remove_where_empty(self) -> None:
        """A run of which nothing was written leaves nothing."""
        with suppress(OSError):
            if not any(find_runs(part.folder) for part in self.all()):
                shutil.rmtree(self._folder)
                self.summary_dir.rmdir()


def _part(folder: Path) -> Part:
    runs = find_runs(folder)
    if not runs:
        return Part(folder)
    end = time.monotonic() + _PATIENCE
    while has_writer(folder, runs[-1]) and time.monotonic() < end:
        time.sleep(0.1)
    index = index_of(runs[-1].event_file)
    ended = index.ended and not index.repairs
    return Part(folder, tuple(sorted(index.samples)), tuple(sorted(index.skipped)), ended, index.order)


def _move(path: Path, target: Path) -> None:
    if target.exists():
        raise SummaryWriteError(f"could not write {target}: it is there already; move it away, then resume")
    os.replace(path, target)
