"""The runs that are served: those of a job folder, or of the job folders in a summary directory."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.analysis.facts import time_of
from explainer.analysis.view import state_of
from explainer.errors import SummaryReadError
from explainer.serve.served_run import ServedRun
from explainer.summary.event_tail import EventTail
from explainer.summary.folder import RunFiles, chosen_run, find_runs, job_folders
from explainer.summary.lock import has_writer, may_grow
from explainer.summary.sample_index import SampleIndex

MOST_RUNS = 1_000
"""Runs that are listed, the newest."""
_MOST_OPEN = 4  # runs whose records are in memory
_MOST_METHODS = 64  # that are named of a run
_SECONDS = 1.0  # for which event files are read in one answer
Facts = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a run lies: its job folder, and its files."""

    job: Path
    files: RunFiles

    @property
    def key(self) -> str:
        """A name for addresses, which tells nothing of where the run lies."""
        return hashlib.sha256(os.fsencode(self.files.event_file.absolute())).hexdigest()[:16]


class Shelf:
    """The runs below a folder, by their keys.

    Args:
        folder: a job folder, or a folder of job folders.

    Raises:
        SummaryReadError: there is no run, or the folder may not be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._listing = threading.Lock()
        self._open: OrderedDict[str, ServedRun] = OrderedDict()
        self._lines: dict[str, _Line] = {}
        if not (folder.is_dir() and self.places()):
            chosen_run(folder)  # says what is there instead

    def places(self) -> list[Place]:
        """Where the runs are, the newest first.

        Raises:
            SummaryReadError: the folder cannot be read.
        """
        try:
            found = [Place(job, files) for job in job_folders(self._folder) for files in find_runs(job)]
        except OSError as error:
            raise SummaryReadError(f"could not read {self._folder}: {error.strerror or error}") from error
        return sorted(found, key=lambda place: place.files, reverse=True)

    def opened(self, key: str) -> ServedRun | None:
        """The run with this key; None where there is none.

        Raises:
            SummaryReadError: the folder cannot be read.
        """
        with self._lock:
            run = self._open.get(key)
            if run is None:
                place = next((place for place in self.places() if place.key == key), None)
                if place is None:
                    return None
                run = self._open[key] = ServedRun(place.job, place.files)
            self._open.move_to_end(key)
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
            return run

    def listed(self) -> Facts:
        """All runs, as JSON values; what was not read yet of one is null.

        Raises:
            SummaryReadError: the folder cannot be read.
        """
        places = self.places()
        end = time.monotonic() + _SECONDS
        with self._listing:
            shown = {place.key: place for place in places[:MOST_RUNS]}
            self._lines = {key: self._lines.get(key) or _Line(place) for key, place in shown.items()}
            runs = [{"key": key, **line.facts(read=time.monotonic() < end)} for key, line in self._lines.items()]
        return {"runs": runs, "in_all": len(places)}


class _Line:
    """A run in the list, of which it is known again after a change how far it was read."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seen: tuple[object, ...] = ()
        self._begin()
        self._found: Facts = {"state": None, "samples": None, "methods": []}

    def _begin(self) -> None:
        self._tail, self._index = EventTail(self._place.files.event_file), SampleIndex()

    def facts(self, *, read: bool) -> Facts:
        """The facts, as JSON values. read: whether there is time to read."""
        if read:
            try:
                self._read_on()
            except (OSError, SummaryReadError) as error:
                self._found = {**self._found, "state": "unreadable", "why": str(error)}
        files = self._place.files
        return {"name": self._place.job.resolve().name, "started": time_of(files.timestamp), **self._found}

    def _read_on(self) -> None:
        files = self._place.files
        running = has_writer(self._place.job, files)
        growing = running or may_grow(files)
        found = files.event_file.stat()
        now = running, growing, found.st_ino, found.st_size, found.st_mtime_ns
        if now == self._seen:
            return
        if not self._tail.is_there():
            self._begin()
        for entry in self._tail.read_on(growing=growing):
            self._index.take(entry)
        self._found, self._seen = self._told(running), now

    def _told(self, running: bool) -> Facts:
        index = self._index
        methods = index.metadata.explainers if index.metadata is not None else ()
        ended = state_of(
            damaged=index.metadata is None or bool(index.findings), ended=index.ended, repaired=bool(index.repairs)
        )
        return {
            "state": "running" if running and not index.ended else ended,
            "samples": len(index.samples),
            "methods": list(methods[:_MOST_METHODS]),
        }
