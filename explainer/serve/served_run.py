"""One run that is served: how it stands, its facts, and its chunks, made when they are asked for."""

from __future__ import annotations

import itertools
import math
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explainer.analysis.growing_run import GrowingRun
from explainer.analysis.view import RunView
from explainer.report.catalogue import Catalogue
from explainer.report.cells import GridChunk
from explainer.report.chunks import as_text, deflated
from explainer.report.columns import Rows, catalogue_and_rows, columns_chunk, score_chunk
from explainer.report.detail import detail_key
from explainer.report.page import in_file
from explainer.report.picture_files import PictureFiles
from explainer.report.run_facts import ROWS_PER_CHUNK, Measured, run_facts
from explainer.report.sample_work import SampleWork
from explainer.serve.recently import Recently
from explainer.summary.folder import RunFiles

KEY = re.compile("cols|score-(?P<metric>[0-9]{1,2})|g/(?P<grid>[0-9]{1,9})|s/[0-9]{1,9}/(?P<sample>[0-9]{1,9})")
"""The keys of chunks."""
_MOST_BYTES = 64_000_000  # of the chunks that are kept
_MEASURED_AT_ONCE = 16  # samples
_SECONDS = 1.0  # for which maps are measured in one answer
Facts = dict[str, Any]


class OtherRowsError(Exception):
    """The rows are not those any more that are asked for."""


@dataclass(frozen=True, eq=False)
class _Edition:
    """What stays when rows are added. number: of the edition; restarts: of the run, when it was begun."""

    number: str
    restarts: int
    catalogue: Catalogue
    files: PictureFiles
    measured: Measured = field(default_factory=Measured)

    def numbers_as(self, other: Catalogue) -> bool:
        """Whether methods, metrics and labels have the same numbers there."""
        mine, theirs = (
            (found.methods, found.metrics, found.controls, found.label_count) for found in (self.catalogue, other)
        )
        return mine == theirs


@dataclass(eq=False)
class _Snapshot:
    """The run as it is shown. number: of the snapshot; measured: how many of its samples' maps were looked at."""

    number: int
    edition: _Edition
    view: RunView
    catalogue: Catalogue
    rows: Rows
    work: SampleWork
    measured: int = 0


class ServedRun:
    """A run of a job folder, as a page reads it.

    What was shown once stays: rows come only when `facts` is asked for, and then behind the others. Where they cannot,
    as a run was begun anew or a sample with a smaller number was completed later, there is a new edition.

    Args:
        summary_dir: the job folder.
        files: of the run.
    """

    def __init__(self, summary_dir: Path, files: RunFiles) -> None:
        self._run = GrowingRun(summary_dir, files)
        self._reading = threading.Lock()
        self._numbers = itertools.count()
        self._process = secrets.token_hex(4)
        self._snapshot: _Snapshot | None = None
        self._is_current = False
        self._chunks = Recently(_MOST_BYTES)
        self._facts: tuple[tuple[int, int, str], Facts] | None = None

    def status(self) -> Facts:
        """How the run stands, as JSON values.

        `edition` of its rows ("" where what is shown is not there any more), `state`, `samples` that there are, and
        `measured`, of how many shown ones the maps were looked at.

        Raises:
            SummaryReadError: the run is not there any more.
        """
        with self._reading:
            self._read_on()
            snapshot = self._snapshot or self._renewed()
            self._measure(snapshot)
            same = snapshot.edition.restarts == self._run.restarts
            return {
                "edition": snapshot.edition.number if same else "",
                "state": self._run.state,
                "samples": self._run.sample_count,
                "measured": snapshot.measured,
            }

    def age(self, now: float) -> float | None:
        """Seconds since something was written; None where that cannot be told. now: seconds since 1970."""
        try:
            return max(0.0, round(now - self._run.files.event_file.stat().st_mtime, 1))
        except OSError:
            return None

    def facts(self) -> Facts:
        """The facts of the run, with all rows that there are.

        Raises:
            SummaryReadError: the run is not there any more, or there is nothing in it yet.
        """
        with self._reading:
            self._read_on()
            snapshot = self._snapshot if self._snapshot is not None and self._is_current else self._renewed()
            self._measure(snapshot)
            now = snapshot.number, snapshot.measured, self._run.state
            if self._facts is None or self._facts[0] != now:
                self._facts = now, self._facts_of(snapshot)
            return self._facts[1]

    def chunk(self, key: str, edition: str = "") -> bytes | None:
        """A chunk, as it stands in a file of a report's folder; None where there is no such chunk.

        Args:
            key: of the chunk.
            edition: of the rows that are shown; "" for the one that there is.

        Raises:
            SummaryReadError: the run is not there any more, or there is nothing in it yet.
            OtherRowsError: the rows are others now.
        """
        snapshot = self._snapshot
        if snapshot is None:
            self.facts()
            snapshot = self._snapshot
        assert snapshot is not None
        if edition not in ("", snapshot.edition.number):
            raise OtherRowsError
        found = KEY.fullmatch(key)
        if found is None:
            return None
        of_rows = snapshot.number if found["sample"] is None else None  # what is told of a sample stays
        name = (snapshot.edition.number, key, of_rows, snapshot.measured if key == "cols" else None)
        return self._chunks.get(name, lambda: _file_of(key, _made(snapshot, key, found)))

    def _read_on(self) -> None:
        self._is_current = not self._run.read_on() and self._is_current

    def _renewed(self) -> _Snapshot:
        """A snapshot of all that was read, which takes the place of the one before."""
        view, before = self._run.view(), self._snapshot
        catalogue, rows = catalogue_and_rows(view)
        follows = before is not None and before.edition.numbers_as(catalogue) and _begins_with(rows, before.rows)
        number = next(self._numbers)
        if before is None or not follows:
            edition = _Edition(
                f"{self._process}-{number}", self._run.restarts, catalogue, PictureFiles(view.summary_dir)
            )
            measured = 0
        else:
            edition, measured = before.edition, before.measured
        work = SampleWork(view, rows, catalogue, edition.files)
        self._snapshot = _Snapshot(number, edition, view, catalogue, rows, work, measured)
        self._is_current = True
        return self._snapshot

    def _measure(self, snapshot: _Snapshot) -> None:
        """Looks at maps that were not yet looked at, for a while."""
        end = time.monotonic() + _SECONDS
        everything = len(snapshot.rows.samples)
        while snapshot.measured < everything and time.monotonic() < end:
            some = range(snapshot.measured, min(snapshot.measured + _MEASURED_AT_ONCE, everything))
            for work in snapshot.work.of_samples(some, detail=False):
                snapshot.edition.measured.take(work.rows)
            snapshot.measured = some.stop

    def _facts_of(self, snapshot: _Snapshot) -> Facts:
        facts = run_facts(snapshot.view, snapshot.catalogue, snapshot.rows, snapshot.edition.measured)
        return {
            **facts,
            "run": {**facts["run"], "state": self._run.state},
            "form": "served",
            "detail": True,
            "compare": None,
            "served": {"edition": snapshot.edition.number, "measured": snapshot.measured},
        }


def _begins_with(rows: Rows, before: Rows) -> bool:
    """Whether the samples of before are the first ones, and no other records of them."""
    return len(before.samples) <= len(rows.samples) and all(
        old is new for old, new in zip(before.samples, rows.samples, strict=False)
    )


def _file_of(key: str, chunk: bytes | None) -> bytes | None:
    return None if chunk is None else b"".join(in_file(key, as_text(chunk)))


def _made(snapshot: _Snapshot, key: str, found: re.Match[str]) -> bytes | None:
    if key == "cols":
        known = snapshot.edition.measured.disagreements[: len(snapshot.rows)]
        return columns_chunk(snapshot.rows, [*known, *[math.nan] * (len(snapshot.rows) - len(known))])
    if found["metric"] is not None:
        return _scores(snapshot, int(found["metric"]))
    if found["grid"] is not None:
        return _grid(snapshot, int(found["grid"]))
    return _detail(snapshot, key, int(found["sample"]))


def _scores(snapshot: _Snapshot, metric: int) -> bytes | None:
    return score_chunk(metric, snapshot.rows, snapshot.catalogue)


def _grid(snapshot: _Snapshot, number: int) -> bytes | None:
    rows = snapshot.rows.between(number * ROWS_PER_CHUNK, (number + 1) * ROWS_PER_CHUNK)
    if not rows:
        return None
    chunk = GridChunk(number * ROWS_PER_CHUNK)
    by_sample = itertools.groupby(rows, key=lambda row: row.of)
    wanted = [(of, [row.label for row in own]) for of, own in by_sample]
    for work in snapshot.work.of_labels(wanted, detail=False):
        for row in work.rows:
            chunk.add(row)
    return deflated(chunk.header, chunk.body)


def _detail(snapshot: _Snapshot, key: str, sample: int) -> bytes | None:
    index = snapshot.rows.index_of(sample)
    if index is None or key != detail_key(sample):
        return None
    (work,) = snapshot.work.of_samples([index], detail=True)
    return work.detail
