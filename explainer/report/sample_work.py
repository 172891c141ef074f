"""What becomes of a sample in a report: its rows of cells and its chunk, each sample in a thread of its own."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from explainer.analysis.view import RunView
from explainer.records import SaliencyFile
from explainer.report.against import Against
from explainer.report.catalogue import Catalogue
from explainer.report.cells import MapCell, Names, OtherCells, RowCells, image_cell, map_cell, other_row, row_of
from explainer.report.columns import Rows
from explainer.report.detail import MapFile, detail_chunk
from explainer.report.picture_files import (
    Damaged,
    Picture,
    PictureFiles,
    Place,
    PngFile,
    picture_read,
    raw_maps_read,
)
from explainer.summary.reader import SampleView

_MOST_THREADS = 8
_AHEAD = 2  # samples in work for each thread
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Work(NamedTuple):
    """What became of a sample. detail: its chunk, b"" where none is wanted; other: the same sample in another run."""

    sample: SampleView
    rows: list[RowCells]
    detail: bytes
    damaged_raw_maps: int
    other: SampleView | None
    other_rows: list[OtherCells | None]


class _Other(NamedTuple):
    """The same sample in another run. image: None where it is the same picture."""

    sample: SampleView
    image: Place | None
    maps: list[tuple[SaliencyFile, Place]]


class _Task(NamedTuple):
    """A sample to be worked out: the labels of its rows, and where its picture and its maps lie."""

    sample: SampleView
    labels: Sequence[int]
    image: Place
    maps: list[tuple[SaliencyFile, Place]]
    raw_maps: list[Place | None]
    other: _Other | None


class SampleWork:
    """Works samples of a run out.

    Args:
        view: the run.
        rows: of it.
        catalogue: of it.
        files: of it; a file is shown for the record that is worked out first.
        against: another run, whose samples are worked out beside the own ones.
    """

    def __init__(
        self, view: RunView, rows: Rows, catalogue: Catalogue, files: PictureFiles, against: Against | None = None
    ) -> None:
        self._rows = rows
        self._catalogue = catalogue
        self._names = Names(catalogue, view.metadata.labels)
        self._files = files
        self._against = against

    def of_samples(self, indices: Iterable[int], *, detail: bool) -> Iterator[Work]:
        """Samples by their indices, all of their rows, in order."""
        return self.of_labels(((index, self._rows.labels_of(index)) for index in indices), detail=detail)

    def of_labels(self, wanted: Iterable[tuple[int, Sequence[int]]], *, detail: bool) -> Iterator[Work]:
        """Samples by their indices, with the rows of these of their labels, in order."""
        tasks = (self._task(index, labels) for index, labels in wanted)
        return _in_threads(lambda task: self._work(task, detail), tasks)

    def _task(self, index: int, labels: Sequence[int]) -> _Task:
        sample = self._rows.samples[index]
        maps = [(entry, self._files.place_of(entry)) for entry in _shown_maps(sample, labels, self._catalogue)]
        raw_maps = [self._files.raw_place_of(entry) for entry, _ in maps]
        other = None if self._against is None else _other(sample, labels, self._catalogue, self._against)
        return _Task(sample, labels, self._files.place_of(sample.image), maps, raw_maps, other)

    def _work(self, task: _Task, detail: bool) -> Work:
        with picture_read(task.sample.image, task.image) as picture:
            image, image_file = image_cell(task.sample, picture), _file_of(picture)
        cells: dict[int, list[MapCell]] = {label: [] for label in task.labels}
        pictures: list[PngFile | Damaged] = []
        for entry, place in task.maps:  # each is let go before the next is read
            with picture_read(entry, place) as picture:
                cells[entry.label].append(map_cell(entry, picture, self._names))
                pictures.append(_file_of(picture))
        chunk, damaged = _detail(task, image_file, pictures, self._catalogue) if detail else (b"", 0)
        own = [row_of(image, maps, self._catalogue) for maps in cells.values()]
        other = None if task.other is None else task.other.sample
        return Work(task.sample, own, chunk, damaged, other, _other_rows(task, cells, self._names))


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


def _other(own: SampleView, labels: Sequence[int], catalogue: Catalogue, against: Against) -> _Other | None:
    sample, files = against.sample(own.sample_id), against.files
    if sample is None:
        return None
    same = bool(own.image.digest) and own.image.digest == sample.image.digest
    maps = [(entry, files.place_of(entry)) for entry in _shown_maps(sample, labels, catalogue)]
    return _Other(sample, None if same else files.place_of(sample.image), maps)


def _shown_maps(sample: SampleView, labels: Sequence[int], catalogue: Catalogue) -> list[SaliencyFile]:
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
