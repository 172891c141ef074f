"""Writes the report of a run: a page that a browser opens from the disk, with all maps, scores and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from explainer.analysis.view import RunView, scanned_run
from explainer.checks import require_choice
from explainer.remote import local_path
from explainer.report.against import Against, Pairs, opened_against
from explainer.report.cells import GridChunk, OtherCells, RowCells
from explainer.report.chunks import as_text, deflated
from explainer.report.columns import Columns, ScoreColumns, catalogue_and_rows
from explainer.report.detail import detail_key
from explainer.report.page import page_of
from explainer.report.picture_files import PictureFiles
from explainer.report.run_facts import ROWS_PER_CHUNK, Facts, Measured, RunFacts
from explainer.report.sample_work import SampleWork
from explainer.report.target import FORMS, Draft, WrittenFiles, target_of
from explainer.representation import of_changed_fields


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        path: of the page to be opened.
        form: "single" or "folder".
        files: how many there are.
        bytes: of all files together.
        samples: how many the report shows.
        state: of the run: "ended", "running", "not ended", "damaged" or "repaired".
        complete: whether it ended, or was repaired, and nothing is damaged, no picture either; nor of the other run.
        unreadable: how many pictures and maps could not be read.
        against: the state of the other run; "" where there is none.
        against_unreadable: how many of its pictures and maps that are shown could not be read.
    """

    path: Path
    form: str
    files: int
    bytes: int
    samples: int
    state: str
    complete: bool
    unreadable: int
    against: str = ""
    against_unreadable: int = 0

    __repr__ = of_changed_fields


def write_report(
    run: RunView | str | os.PathLike[str],
    to: str | os.PathLike[str] | None = None,
    *,
    form: str = "auto",
    detail: bool = True,
    against: str | os.PathLike[str] | None = None,
    against_run: int | str | None = None,
) -> WrittenReport:
    """Writes the report of a run; where it is.

    The pictures are read once, one sample after another; memory holds the records and pictures of a few samples, and
    some numbers for each sample. What is damaged is shown as damaged.

    Args:
        run: a run that was read, or a job folder, of which the newest run is taken.
        to: the report's file or folder; by default `report.html` or `report` in the job folder. A report that is there
            is replaced, anything else is not.
        form: "single" is one file, "folder" a page with files beside it, which loads what is looked at; "auto" is a
            single file up to 25 MB, else a folder, unless the name of `to` tells: a file's ends in .html.
        detail: whether the pictures and maps are there in full size, and what is known of single samples.
        against: the job folder of another run, whose samples are read one by one: the report says what is other in it,
            and shows its maps, in the size of the grid, beside those of the run, with the differences.
        against_run: which run of that folder, by its timestamp or the name of its event file; by default the newest.

    Raises:
        SummaryReadError: there is no run, or it cannot be read.
        ComparisonError: the other run has other labels, or no sample in common.
        ReportWriteError: the report could not be written; nothing half-written is left.
        ValueError: an unknown form, or `against_run` without `against`.
    """
    require_choice("form", form, FORMS)
    if against_run is not None and against is None:
        raise ValueError(f"`against_run` must come with `against`, the folder of that run, got {against_run!r} alone")
    view = run if isinstance(run, RunView) else scanned_run(run)
    compared = nullcontext() if against is None else opened_against(view, local_path(against, "`against`"), against_run)
    with Draft(target_of(view.summary_dir, to, form)) as draft, compared as other:
        facts = _write_chunks(view, draft, other, detail=detail)
        written = draft.finish(lambda form: page_of({**facts, "form": form, "detail": detail}))
    return _report(view, written, facts, other)


def _report(view: RunView, written: WrittenFiles, facts: Facts, against: Against | None) -> WrittenReport:
    unreadable: int = facts["counts"]["damaged_cells"] + facts["counts"]["damaged_raw_maps"]
    return WrittenReport(
        path=written.page,
        form=written.form,
        files=written.count,
        bytes=written.bytes,
        samples=len(view.samples),
        state=facts["run"]["state"],
        complete=facts["run"]["complete"] and not unreadable and (against is None or against.complete),
        unreadable=unreadable,
        against="" if against is None else against.state,
        against_unreadable=0 if against is None else against.damaged,
    )


def _write_chunks(view: RunView, draft: Draft, against: Against | None, *, detail: bool) -> Facts:
    """Writes all that a page loads; the facts of the run, which stand in the page itself."""
    catalogue, rows = catalogue_and_rows(view)
    measured, pairs, facts = Measured(), Pairs(rows), RunFacts(view, catalogue)
    columns, scores = Columns(), ScoreColumns(catalogue)
    grid, other_grid = _Grid(draft, "g"), _Grid(draft, "c")
    sample_work = SampleWork(view, rows, catalogue, PictureFiles(view.summary_dir), against)
    for index, work in enumerate(sample_work.of_samples(range(len(rows.samples)), detail=detail)):
        labels = rows.labels_of(index)
        facts.take(work.sample)
        columns.take(work.sample, labels)
        scores.take(work.sample, labels)
        measured.take(work.rows)
        measured.damaged_raw_maps += work.damaged_raw_maps
        grid.add(work.rows)
        if work.detail:
            draft.add(detail_key(work.sample.sample_id), as_text(work.detail))
        if against is not None:
            pairs.take(work.sample, work.other, work.other_rows)
            against.look_at(work.other_rows)
            other_grid.add(work.other_rows)
    grid.finish()
    other_grid.finish()
    draft.add("cols", as_text(columns.chunk(measured.disagreements)))
    if against is not None:
        draft.add("pairs", as_text(pairs.chunk()))
    for metric, chunk in scores.chunks():
        draft.add(f"score-{metric}", as_text(chunk))
    return {**facts.facts(rows, measured), "compare": None if against is None else against.facts()}


class _Grid:
    """Puts rows together to the chunks of a grid; one without anything in it is not written."""

    def __init__(self, draft: Draft, name: str) -> None:
        self._draft = draft
        self._name = name
        self._chunk = GridChunk(0)

    def add(self, rows: Iterable[RowCells | OtherCells | None]) -> None:
        for row in rows:
            self._chunk.add(row)
            if len(self._chunk) == ROWS_PER_CHUNK:
                self.finish()

    def finish(self) -> None:
        """Writes the rows that are left."""
        if not self._chunk.is_empty:
            key = f"{self._name}/{self._chunk.first // ROWS_PER_CHUNK}"
            self._draft.add(key, as_text(deflated(self._chunk.header, self._chunk.body)))
        self._chunk = GridChunk(self._chunk.first + len(self._chunk))
