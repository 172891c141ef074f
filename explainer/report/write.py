"""Writes the report of a run: a page that a browser opens from the disk, with all maps, scores and pictures."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from explainer.analysis.view import RunView, read_run
from explainer.checks import require_choice
from explainer.records import SaliencyFile
from explainer.report.against import Against, Pairs, opened_against
from explainer.report.catalogue import Catalogue, catalogue_of
from explainer.report.cells import (
    GridChunk,
    MapCell,
    Names,
    OtherCells,
    RowCells,
    image_cell,
    map_cell,
    other_row,
    row_of,
)
from explainer.report.chunks import as_text, deflated
from explainer.report.columns import Rows, columns_chunk, score_chunks
from explainer.report.detail import MapFile, detail_chunk, detail_key
from explainer.report.page import page_of
from explainer.report.picture_files import (
    Damaged,
    Picture,
    PictureFiles,
    Place,
    PngFile,
    picture_read,
    raw_maps_read,
)
from explainer.report.run_facts import ROWS_PER_CHUNK, Facts, measured_of, run_facts
from explainer.report.target import FORMS, Draft, WrittenFiles, target_of
from explainer.summary.reader import SampleView

_MOST_THREADS = 8
_AHEAD = 2  # samples in work for each thread
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


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
        complete: whether it ended, or was repaired, and nothing is damaged, no picture either.
        unreadable: how many pictures and maps could not be read.
    """

    path: Path
    form: str
    files: int
    bytes: int
    samples: int
    state: str
    complete: bool
    unreadable: int


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

    The pictures are read once, one sample after another; memory holds the records of all samples, as `read_run` does,
    and the pictures of a few. What is damaged is shown as damaged.

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
    view = run if isinstance(run, RunView) else read_run(run)
    compared = nullcontext() if against is None else opened_against(view, Path(against), against_run)
    with Draft(target_of(view.summary_dir, to, form)) as draft, compared as other:
        facts = _write_chunks(view, draft, other, detail=detail)
        written = draft.finish(lambda form: page_of({**facts, "form": form, "detail": detail}))
    return _report(view, written, facts)


def _report(view: RunView, written: WrittenFiles, facts: Facts) -> WrittenReport:
    unreadable: int = facts["counts"]["damaged_cells"] + facts["counts"]["damaged_raw_maps"]
    return WrittenReport(
        path=written.page,
        form=written.form,
        files=written.count,
        bytes=written.bytes,
        samples=len(view.samples),
        state=facts["run"]["state"],
        complete=view.complete and not unreadable,
        unreadable=unreadable,
    )


def _write_chunks(view: RunView, draft: Draft, against: Against | None, *, detail: bool) -> Facts:
    """Writes all that a page loads; the facts of the run, which stand in the page itself."""
    catalogue = catalogue_of(view)
    rows = Rows(list(view.samples.values()), catalogue)
    measured, pairs = measured_of(view, catalogue), Pairs(rows)
    grid, other_grid = _Grid(draft, "g"), _Grid(draft, "c")
    for work in _worked_out(view, rows, catalogue, against, detail=detail):
        measured.take(work.rows)
        measured.damaged_raw_maps += work.damaged_raw_maps
        grid.add(work.rows)
        if work.detail:
            draft.add(detail_key(work.sample_id), as_text(work.detail))
        if against is not None:
            pairs.take(work.other, work.other_rows)
            other_grid.add(work.other_rows)
    grid.finish()
    other_grid.finish()
    draft.add("cols", as_text(columns_chunk(rows, measured.disagreements)))
    if against is not None:
        draft.add("pairs", as_text(pairs.chunk()))
    for index, chunk in score_chunks(rows, catalogue):
        draft.add(f"score-{index}", as_text(chunk))
    return {**run_facts(view, catalogue, rows, measured), "compare": None if against is None else against.facts()}


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


# One sample, in a thread of its own.


class _Other(NamedTuple):
    """The same sample in another run. image: None where it is the same picture."""

    sample: SampleView
    image: Place | None
    maps: list[tuple[SaliencyFile, Place]]


class _Task(NamedTuple):
    """A sample to be worked out: the labels of its rows, and where its picture and its maps lie."""

    sample: SampleView
    labels: list[int]
    image: Place
    maps: list[tuple[SaliencyFile, Place]]
    raw_maps: list[Place | None]
    other: _Other | None


class _Work(NamedTuple):
    """What became of it. detail: its chunk, b"" where none is wanted."""

    sample_id: int
    rows: list[RowCells]
    detail: bytes
    damaged_raw_maps: int
    other: SampleView | None
    other_rows: list[OtherCells | None]


def _worked_out(
    view: RunView, rows: Rows, catalogue: Catalogue, against: Against | None, *, detail: bool
) -> Iterator[_Work]:
    names = Names(catalogue, view.metadata.labels)

    def work(task: _Task) -> _Work:
        with picture_read(task.sample.image, task.image) as picture:
            image, image_file = image_cell(task.sample, picture), _file_of(picture)
        cells: dict[int, list[MapCell]] = {label: [] for label in task.labels}
        pictures: list[PngFile | Damaged] = []
        for entry, place in task.maps:  # each is let go before the next is read
            with picture_read(entry, place) as picture:
                cells[entry.label].append(map_cell(entry, picture, names))
                pictures.append(_file_of(picture))
        own = [row_of(image, maps, catalogue) for maps in cells.values()]
        chunk, damaged = _detail(task, image_file, pictures, catalogue) if detail else (b"", 0)
        other = None if task.other is None else task.other.sample
        return _Work(task.sample.sample_id, own, chunk, damaged, other, _other_rows(task, cells, names))

    yield from _in_threads(work, _tasks(view, rows, catalogue, against))


def _other_rows(task: _Task, own: Mapping[int, Sequence[MapCell]], names: Names) -> list[OtherCells | None]:
    """The rows of the other run; None where it has not the sample."""
    other, image = task.other, None
    if other is None:
        return [None] * len(own)
    if other.image is not None:
        with picture_read(other.sample.image, other.image) as picture:
            image = image_cell(other.sample, picture)
    cells: dict[int, list[MapCell]] = {label: [] for label in own}
    for entry, place in other.maps:
        with picture_read(entry, place) as picture:
            cells[entry.label].append(map_cell(entry, picture, names))
    return [other_row(image, maps, own[label]) for label, maps in cells.items()]


def _file_of(picture: Picture | Damaged) -> PngFile | Damaged:
    return picture.file if isinstance(picture, Picture) else picture


def _detail(
    task: _Task, image: PngFile | Damaged, pictures: list[PngFile | Damaged], catalogue: Catalogue
) -> tuple[bytes, int]:
    """The chunk of a sample, and how many of its maps cannot be shown as floats."""
    entries = [entry for entry, _ in task.maps]
    raw = raw_maps_read(entries, task.raw_maps)
    files = [MapFile(*parts) for parts in zip(entries, pictures, raw, strict=True)]
    damaged = sum(isinstance(found, Damaged) and not found.left_out for found in raw)
    return detail_chunk(task.sample, image, files, catalogue), damaged


def _tasks(view: RunView, rows: Rows, catalogue: Catalogue, against: Against | None) -> Iterator[_Task]:
    files = PictureFiles(view.summary_dir)
    for index, sample in enumerate(rows.samples):
        labels = rows.labels_of(index)
        maps = [(entry, files.place_of(entry)) for entry in _shown_maps(sample, labels, catalogue)]
        raw_maps = [None if entry.raw is None else files.place_of(entry.raw) for entry, _ in maps]
        other = None if against is None else _other(sample, labels, catalogue, against)
        yield _Task(sample, labels, files.place_of(sample.image), maps, raw_maps, other)


def _other(own: SampleView, labels: list[int], catalogue: Catalogue, against: Against) -> _Other | None:
    sample, files = against.sample(own.sample_id), against.files
    if sample is None:
        return None
    same = bool(own.image.digest) and own.image.digest == sample.image.digest
    maps = [(entry, files.place_of(entry)) for entry in _shown_maps(sample, labels, catalogue)]
    return _Other(sample, None if same else files.place_of(sample.image), maps)


def _shown_maps(sample: SampleView, labels: list[int], catalogue: Catalogue) -> list[SaliencyFile]:
    """The maps of a sample's rows in the order of methods, one for each method and label."""
    shown: dict[tuple[int, int], SaliencyFile] = {}
    for entry in sample.maps:
        method = catalogue.method_index.get(entry.explainer)
        if method is not None and entry.label in labels:
            shown.setdefault((method, entry.label), entry)
    return [shown[pair] for pair in sorted(shown)]


def _in_threads(work: Callable[[_Given], _Made], items: Iterable[_Given]) -> Iterator[_Made]:
    """What becomes of each item, in order, a few at a time: Pillow and zlib let other threads run meanwhile."""
    threads = min(os.cpu_count() or 1, _MOST_THREADS) + 1  # the one that waits for them packs and writes
    pool = ThreadPoolExecutor(threads, "report")
    waiting: deque[Future[_Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
