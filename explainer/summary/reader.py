"""Reads a run back from disk: everything that is whole, and what is damaged. Never raises on damaged content."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from explainer.errors import SummaryReadError
from explainer.records import (
    Benchmark,
    EditTree,
    ImageFile,
    Prediction,
    RunEnd,
    RunMetadata,
    SaliencyFile,
    SampleDone,
    SampleSkipped,
    Score,
    ScoreCurve,
    StoredRecord,
    Uncertainty,
)
from explainer.statistics import MethodStatistics, SingleScore, method_statistics
from explainer.summary import codec, images, recordfile
from explainer.summary.assemble import SampleAssembler
from explainer.summary.explain_pb2 import Event
from explainer.summary.folder import RunFiles, find_runs
from explainer.summary.recordfile import Damage

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, eq=False)
class SampleView:
    """One whole sample of a run."""

    sample_id: int
    image: ImageFile
    prediction: Prediction
    maps: tuple[SaliencyFile, ...] = ()
    scores: tuple[Score, ...] = ()
    curves: tuple[ScoreCurve, ...] = ()
    uncertainty: Uncertainty | None = None
    edit_trees: tuple[EditTree, ...] = ()
    absence_known: bool = False  # of the only class: its labels are zeros and ones, so that none is "not there"

    @property
    def truth_known(self) -> bool:
        """Whether it is known which labels are true: there is one, or the only class is known not to be there."""
        return bool(self.prediction.ground_truth) or self.absence_known

    @property
    def right(self) -> bool | None:
        """Whether the most probable label is a true one, a single class predicted where it is; None if not known."""
        if not self.truth_known or not self.prediction.probabilities.size:
            return None
        if len(self.prediction.probabilities) == 1:
            return bool(self.prediction.predicted) == bool(self.prediction.ground_truth)
        return int(self.prediction.probabilities.argmax()) in self.prediction.ground_truth


@dataclass(frozen=True)
class Finding:
    """Damage at a place of the event file."""

    offset: int
    what: str


@dataclass(frozen=True, eq=False)
class RunView:
    """One run as it stands on disk.

    Attributes:
        summary_dir: the job folder, to which the paths of pictures are relative.
        metadata: what the run is about.
        samples: the whole samples by their number.
        skipped: why a sample was left out, by its number.
        unfinished: samples of which something was written, but not all.
        benchmarks: the mean scores; written at the end of a run.
        ended: whether the run ended as planned.
        findings: what is damaged in the event file.
        older: the other runs in the folder, oldest first.
    """

    summary_dir: Path
    files: RunFiles
    metadata: RunMetadata
    samples: dict[int, SampleView] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    unfinished: tuple[int, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    ended: bool = False
    findings: tuple[Finding, ...] = ()
    older: tuple[RunFiles, ...] = ()

    def statistics(self) -> list[MethodStatistics]:
        """For each metric and method, controls too, what its single scores say: means, spread, intervals, ranks.

        Once for all samples, and for those whose most probable label is a true one and those where it is not; samples
        without a true label are in neither part.
        """
        parts = {True: "right", False: "wrong", None: ""}
        scores = [
            SingleScore(score.metric, score.explainer, score.value, parts[sample.right])
            for sample in self.samples.values()
            for score in sample.scores
        ]
        return method_statistics(scores, self.metadata)

    def saliency(self, entry: SaliencyFile) -> NDArray[np.float32]:
        """The map (H, W) float32, to within (high - low) / 510.

        Raises:
            SummaryReadError: the picture is outside the job folder, missing, damaged or not grey.
        """
        grey = self._pixels(entry.path)
        if grey.ndim != 2:
            raise SummaryReadError(f"the saliency map {entry.path!r} must be a grey picture, got shape {grey.shape}")
        return images.from_grey(grey, entry.low, entry.high)

    def picture(self, entry: ImageFile) -> NDArray[np.uint8]:
        """The sample as a person sees it: (H, W) or (H, W, 3 or 4) uint8.

        Raises:
            SummaryReadError: the picture is outside the job folder, missing or damaged.
        """
        return self._pixels(entry.path)

    def _pixels(self, path: str) -> NDArray[np.uint8]:
        try:
            root = self.summary_dir.resolve()
            target = (root / path).resolve()
            if target.is_relative_to(root):
                return images.read_png(target)
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL character
            raise SummaryReadError(f"could not read the picture {path!r}: {error}") from error
        raise SummaryReadError(f"picture paths must stay in the summary's folder, got {path!r}")


def read_run(summary_dir: str | os.PathLike[str]) -> RunView:
    """The newest run in a job folder.

    Raises:
        SummaryReadError: there is no run, no metadata in it, or its format is a later one.
    """
    folder = Path(summary_dir)
    try:
        runs = find_runs(folder)
        hint = "" if runs else _hint(folder)
    except OSError as error:
        raise SummaryReadError(f"could not read {folder}: {error.strerror or error}") from error
    if not runs:
        raise SummaryReadError(f"found no summary in {folder}{hint}")
    return _read(folder, runs[-1], tuple(runs[:-1]))


def read_records(event_file: Path) -> Iterator[StoredRecord | Finding]:
    """Every record of an event file in its order, and every damage where it was met.

    Raises:
        SummaryReadError: the file cannot be opened, or its format is a later one.
    """
    try:
        with event_file.open("rb") as file:
            for frame in recordfile.read_frames(file):
                yield from _decode(frame)
    except OSError as error:
        raise SummaryReadError(f"could not read {event_file}: {error.strerror or error}") from error


def _decode(frame: recordfile.Frame) -> Iterator[StoredRecord | Finding]:
    if frame.damage is not None:
        yield Finding(frame.offset, frame.damage.value)
        return
    try:
        records = list(codec.decode(Event.FromString(frame.payload)))
    except (DecodeError, UnicodeDecodeError):
        yield Finding(frame.offset, Damage.BAD_DATA.value)
        return
    yield from records


def iter_samples(event_file: Path) -> Iterator[SampleView]:
    """The whole samples of an event file, each as soon as it has been read; memory does not grow with their number.

    Of a sample that was recorded twice both come, the later one later.

    Raises:
        SummaryReadError: the file cannot be opened, or its format is a later one.
    """
    yield from _Reading().samples(read_records(event_file))


class _Reading:
    """One pass over the records of a run: its samples one by one, everything else noted."""

    def __init__(self) -> None:
        self.metadata: RunMetadata | None = None
        self.skipped: dict[int, str] = {}
        self.begun: set[int] = set()
        self.benchmarks: list[Benchmark] = []
        self.findings: list[Finding] = []
        self.ended = False
        self._assembler = SampleAssembler()

    def samples(self, records: Iterable[StoredRecord | Finding]) -> Iterator[SampleView]:
        """The whole samples."""
        for record in records:
            if isinstance(record, SampleDone):
                self.begun.add(record.sample_id)
                view = self._view(record.sample_id)
                if view is not None:
                    yield view
            else:
                self._note(record)

    def _note(self, record: StoredRecord | Finding) -> None:
        match record:
            case RunMetadata():
                self.metadata = self.metadata or record
            case SampleSkipped():
                self.skipped[record.sample_id] = record.reason
            case Benchmark():
                self.benchmarks.append(record)
            case RunEnd():
                self.ended = True
            case Finding():
                self.findings.append(record)
                self._assembler.drop()  # it may have cost them a map or a score
            case _:
                self.begun.add(record.sample_id)
                if isinstance(record, ImageFile):
                    self._assembler.begin(record.sample_id)
                self._assembler.add(record)

    def _view(self, sample_id: int) -> SampleView | None:
        """The sample that has just ended; None when its beginning is missing."""
        parts = self._assembler.end(sample_id)
        images, predictions = _all(parts, ImageFile), _all(parts, Prediction)
        if not images or not predictions:
            return None
        return SampleView(
            sample_id,
            images[-1],
            predictions[-1],
            _all(parts, SaliencyFile),
            _all(parts, Score),
            _all(parts, ScoreCurve),
            next(iter(_all(parts, Uncertainty)), None),
            _all(parts, EditTree),
            self._absence_known,
        )

    @property
    def _absence_known(self) -> bool:
        metadata = self.metadata
        if metadata is None:
            return False
        return len(metadata.labels) == 1 and metadata.parameters.get("label_format") == "multi-hot"


def _read(folder: Path, files: RunFiles, older: tuple[RunFiles, ...]) -> RunView:
    reading = _Reading()
    samples = {sample.sample_id: sample for sample in reading.samples(read_records(files.event_file))}
    if reading.metadata is None:
        raise SummaryReadError(f"{files.event_file} holds no metadata of this project; was it written by another tool?")
    return RunView(
        summary_dir=folder,
        files=files,
        metadata=reading.metadata,
        samples=dict(sorted(samples.items())),
        skipped=reading.skipped,
        unfinished=tuple(sorted(reading.begun - samples.keys())),
        benchmarks=tuple(reading.benchmarks),
        ended=reading.ended,
        findings=tuple(reading.findings),
        older=older,
    )


def _all(records: list[Any], kind: type[_Kind]) -> tuple[_Kind, ...]:
    return tuple(record for record in records if isinstance(record, kind))


def _hint(folder: Path) -> str:
    if not folder.is_dir():
        return ": there is no such folder"
    inside = sorted(child.name for child in folder.iterdir() if child.is_dir() and find_runs(child))
    return f"; its folders {', '.join(inside[:5])} hold summaries" if inside else ": no file *summary.<number>*_explain"
