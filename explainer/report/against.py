"""The run that a report compares its own with: what is other in it, and its samples beside those of the report."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from explainer.analysis.comparison import compare_runs
from explainer.analysis.prediction_changes import same_truth
from explainer.analysis.view import RunView
from explainer.report.catalogue import NO_LABEL, top_label
from explainer.report.cells import OtherCells
from explainer.report.chunks import Body, deflated
from explainer.report.columns import Rows, correctness, probability_of
from explainer.report.picture_files import PictureFiles
from explainer.summary.folder import chosen_run
from explainer.summary.lock import has_writer
from explainer.summary.reader import SampleView
from explainer.summary.sample_index import SampleReader, index_of

MOST_LISTED = 1_000
"""Samples of each list that stands in the page itself; all are in the chunk of pairs."""
_LISTS = ("became_correct", "became_incorrect", "relabelled")
Facts = dict[str, Any]


@contextmanager
def opened_against(own: RunView, folder: Path, run: int | str | None) -> Iterator[Against]:
    """The other run, compared with the report's own.

    Raises:
        SummaryReadError: there is no such run, or it cannot be read.
        ComparisonError: the labels differ, no sample is in both runs, or a metric has two directions.
    """
    facts = compare_runs(own.summary_dir, folder, run_a=own.files.event_file.name, run_b=run)
    files = chosen_run(folder, facts["b"]["event_file"])[0]
    index = index_of(files.event_file)
    if not index.ended and has_writer(folder, files):
        facts["b"]["state"] = "running"
    with SampleReader(files.event_file, index) as reader:
        yield Against(facts, reader, PictureFiles(folder))


class Against:
    """The other run.

    Args:
        facts: of the comparison, the report's run being "a".
        reader: of the other run's samples.
        files: where its pictures lie.

    Attributes:
        damaged: how many of its pictures and maps cannot be shown, as far as they were looked at.
    """

    def __init__(self, facts: Facts, reader: SampleReader, files: PictureFiles) -> None:
        self.files = files
        self.damaged = 0
        self._facts = facts
        self._reader = reader
        self._numbers = dict(facts["paired"]["pairs"])

    def sample(self, number: int) -> SampleView | None:
        """The sample that the report's own one of this number is paired with."""
        other = self._numbers.get(number)
        return None if other is None else self._reader.sample(other)

    @property
    def state(self) -> str:
        """How the run stands, as `RunView.state`, and "running" for one that somebody writes."""
        return str(self._facts["b"]["state"])

    @property
    def complete(self) -> bool:
        """Whether it ended, or was repaired, and nothing that was looked at is damaged."""
        return self.state in ("ended", "repaired") and not self.damaged

    def look_at(self, rows: Sequence[OtherCells | None]) -> None:
        """Counts what cannot be shown of a sample's rows, which share their picture."""
        found = [row for row in rows if row is not None]
        self.damaged += any(row.image is not None and row.image.damaged for row in found)
        self.damaged += sum(cell.damaged for row in found for cell in row.maps)

    def facts(self) -> Facts:
        """What stands in the page: names in place of paths, and of long lists the beginning."""
        facts = self._facts
        predictions, paired = facts["predictions"], facts["paired"]
        return {
            **facts,
            **{side: {**facts[side], "folder": _name(facts[side]["folder"])} for side in ("a", "b")},
            "damaged_in_b": self.damaged,
            "paired": {
                **{name: value for name, value in paired.items() if name != "pairs"},
                **_beginnings(paired, ("only_in_a", "only_in_b")),
            },
            "predictions": {**predictions, **_beginnings(predictions, _LISTS)},
        }


def _name(folder: str) -> str:
    return PurePath(os.path.realpath(folder)).name


def _beginnings(facts: Facts, names: Sequence[str]) -> Facts:
    """The beginning of each list, and how long it is."""
    shown = {name: facts[name][:MOST_LISTED] for name in names}
    return {**shown, **{f"{name}_in_all": len(facts[name]) for name in names}}


_OF_SAMPLES = {"other": "i4", "top": "i4", "correct": "u1", "p_top": "f4"}
_OF_ROWS = {"p": "f4", "likeness": "f4", "maps": "u1"}
_NO_SAMPLE, _NO_ROW = (-1, NO_LABEL, 0, math.nan), (math.nan, math.nan, 0)


@dataclass
class Pairs:
    """The columns of the other run, made while the report's samples pass by: by sample, and by row."""

    rows: Rows
    _samples: list[tuple[float, ...]] = field(default_factory=list)
    _rows: list[tuple[float, ...]] = field(default_factory=list)

    def take(self, own: SampleView, other: SampleView | None, cells: Sequence[OtherCells | None]) -> None:
        """Takes the next sample of the report, the other run's, and its cells for each of the own sample's rows."""
        index = len(self._samples)
        labels = self.rows.labels_of(index)
        self._samples.append(_NO_SAMPLE if other is None else _of_sample(own, other))
        self._rows += [_of_row(other, *row) for row in zip(labels, cells, strict=True)]

    def chunk(self) -> bytes:
        """The chunk of all columns."""
        body = Body()
        columns = {**_columns(self._samples, _OF_SAMPLES, body), **_columns(self._rows, _OF_ROWS, body)}
        return deflated({"rows": len(self._rows), "samples": len(self._samples), "columns": columns}, body)


def _of_sample(own: SampleView, other: SampleView) -> tuple[float, ...]:
    top = top_label(other)
    correct = correctness(other) if same_truth(own, other) else 0
    return other.sample_id, top, correct, probability_of(other, top)


def _of_row(other: SampleView | None, label: int, cells: OtherCells | None) -> tuple[float, ...]:
    if other is None or cells is None:
        return _NO_ROW
    return probability_of(other, label), cells.likeness, len(cells.maps)


def _columns(table: Sequence[tuple[float, ...]], kinds: Mapping[str, str], body: Body) -> Facts:
    return {
        name: body.add(np.array([values[place] for values in table], kind))
        for place, (name, kind) in enumerate(kinds.items())
    }
