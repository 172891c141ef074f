"""A run as Python reads it: everything that is complete, and what is damaged. Never raises on damaged content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.chosen import chosen_label, chosen_map, chosen_sample
from explainer.analysis.frames import dataframe_of
from explainer.analysis.limits import beyond_the_limits
from explainer.analysis.notebook import html_of, short_list
from explainer.analysis.score_table import ScoreTable
from explainer.analysis.statistics import MethodStatistics, statistics_of
from explainer.checks import require_type
from explainer.records import Benchmark, ImageFile, RunMetadata, SaliencyFile
from explainer.remote import local_path
from explainer.summary import images
from explainer.summary.folder import RunFiles, chosen_run
from explainer.summary.index_file import opened_index
from explainer.summary.lost_metadata import LOST_METADATA, guessed_metadata, nothing_in
from explainer.summary.pictures import picture_of, saliency_of
from explainer.summary.reader import RunReader, SampleView, read_records
from explainer.summary.run_notes import Finding, RunNotes
from explainer.summary.sample_index import SampleIndex, index_of
from explainer.summary.stored_samples import StoredSamples

_ENTRY = "`run.samples[3].image`, or an entry of `run.samples[3].maps`"


@dataclass(frozen=True, eq=False)
class RunView:
    """One run as it stands on disk.

    Attributes:
        summary_dir: the job folder, to which the paths of pictures are relative.
        metadata: what the run is about.
        samples: the complete samples by their number, in rising order.
        skipped: why a sample was left out, by its number.
        unfinished: samples of which something was written, but not all.
        benchmarks: the mean scores; written at the end of a run.
        ended: whether the run ended as planned.
        ended_at: when, in seconds since 1970-01-01 UTC; None where it did not.
        findings: what is damaged in the event file.
        older: the other runs in the folder, oldest first.
        repaired: what `explainer repair` had to leave out; "" where it was not needed.
        resumed: what was other when the run was resumed, for each time that anything was, as JSON values.
    """

    summary_dir: Path
    files: RunFiles
    metadata: RunMetadata
    samples: Mapping[int, SampleView] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    unfinished: tuple[int, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    ended: bool = False
    findings: tuple[Finding, ...] = ()
    older: tuple[RunFiles, ...] = ()
    repaired: str = ""
    resumed: tuple[Mapping[str, Any], ...] = ()
    ended_at: float | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is damaged and the run ended, or was repaired since."""
        return not self.findings and (self.ended or bool(self.repaired))

    @property
    def state(self) -> str:
        """How the run stands: "damaged", "ended", "repaired" or "not ended"."""
        return state_of(damaged=bool(self.findings), ended=self.ended, repaired=bool(self.repaired))

    def __repr__(self) -> str:
        """Folder, state, and what there is; texts of the summary are written as Python writes them."""
        return (
            f"<RunView of {str(self.summary_dir)!r}: {self.state}, {len(self.samples)} samples, explainers "
            f"[{short_list(self.metadata.explainers)}], metrics [{short_list(self.metadata.metrics)}]>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_of(self)

    def to_dataframe(self, kind: str = "maps") -> Any:
        """A pandas.DataFrame with the columns of docs/export.md.

        Args:
            kind: "maps": a row for each sample, label and method; "samples": for each sample; "scores": for each single
                score.

        Raises:
            ValueError: another kind.
            ImportError: pandas is not installed.
        """
        return dataframe_of(self.metadata, self.samples, kind)

    def statistics(self) -> list[MethodStatistics]:
        """For each metric and method, controls too, statistics of its single scores: means, spread, intervals, ranks.

        Once for all samples, and for those whose most probable label is a true one and those where it is not; samples
        without a true label are in neither part.
        """
        return statistics_of(ScoreTable(self.samples.values()), self.metadata)

    def label_id(self, label: int | str) -> int:
        """The number of a label, given by its name: what `prediction.ground_truth` and the entries of `maps` hold.

        Raises:
            ValueError: there is no such label; names the nearest ones.
        """
        return chosen_label(self.metadata.labels, label)

    def map_of(self, sample: int | str, explainer: str, label: int | str) -> NDArray[np.float32]:
        """The map (H, W) of a sample by one method for one label, as `saliency` gives it.

        Args:
            sample: its number, or the name of its file.
            explainer: the name of the method.
            label: its name or number.

        Raises:
            ValueError: there is no such sample, method, label or map; says what there is.
            SummaryReadError: as `saliency`.
        """
        entry = chosen_map(chosen_sample(self.samples, sample), explainer, label, self.metadata)
        return self.saliency(entry)

    def saliency(self, entry: SaliencyFile, *, most_pixels: int = images.LARGEST_PICTURE) -> NDArray[np.float32]:
        """The map (H, W) float32, to within (high - low) / 510; as exact as it was kept, where it was (`raw_maps`).

        Raises:
            TypeError: another entry than one of `run.samples[3].maps`.
            SummaryReadError: as `picture`, or the picture is not grey, or the map as floats is not the recorded one.
        """
        require_type("entry", entry, SaliencyFile, "an entry of `run.samples[3].maps`; `run.map_of` takes a number")
        return saliency_of(self.summary_dir, entry, most_pixels)

    def picture(
        self, entry: ImageFile | SaliencyFile, *, most_pixels: int = images.LARGEST_PICTURE
    ) -> NDArray[np.uint8]:
        """The displayable picture of the sample, or of a map: (H, W) or (H, W, 3 or 4) uint8.

        Args:
            entry: `run.samples[3].image`, or an entry of `run.samples[3].maps`.
            most_pixels: a picture that claims more is not decoded.

        Raises:
            TypeError: another entry, as the number of a sample.
            SummaryReadError: the picture is outside the job folder, missing, damaged, or claims more than `most_pixels`
                pixels, which is found out before it is decoded.
        """
        require_type("entry", entry, (ImageFile, SaliencyFile), _ENTRY)
        return picture_of(self.summary_dir, entry, most_pixels)


def state_of(*, damaged: bool, ended: bool, repaired: bool) -> str:
    """How far a run came, in words.

    >>> state_of(damaged=False, ended=False, repaired=True)
    'repaired'
    """
    if damaged:
        return "damaged"
    if ended:
        return "ended"
    return "repaired" if repaired else "not ended"


def read_run(summary_dir: str | os.PathLike[str], *, run: int | str | None = None) -> RunView:
    """A run of a job folder; memory holds the records of all samples.

    Args:
        summary_dir: the job folder.
        run: which one, by its timestamp or the name of its event file; by default the newest.

    Raises:
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
    """
    folder = local_path(summary_dir, "`summary_dir`")
    files, older = chosen_run(folder, run)
    reading = RunReader()
    samples = {sample.sample_id: sample for sample in reading.samples(read_records(files.event_file))}
    return view_of(folder, files, older, reading, samples)


def open_run(summary_dir: str | os.PathLike[str], *, run: int | str | None = None) -> RunView:
    """A run of a job folder whose samples are read when they are asked for; memory holds some twenty bytes of each.

    Of a run that ended, one sample is read without the others, by its index (docs/summary-format.md); what is damaged
    elsewhere is found when it is read. `samples` gives each sample anew whenever it is asked for.

    Args:
        summary_dir: the job folder.
        run: which one, by its timestamp or the name of its event file; by default the newest.

    Raises:
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
    """
    return _opened(summary_dir, run, opened_index)


def scanned_run(summary_dir: str | os.PathLike[str], *, run: int | str | None = None) -> RunView:
    """As `open_run`, after all of the event file was read: what is damaged in it is known.

    That there is more than is worked out is found when the samples pass by, as in `facts_of`.

    Raises:
        SummaryReadError: as `open_run`.
    """
    return _opened(summary_dir, run, lambda files: index_of(files.event_file))


def _opened(
    summary_dir: str | os.PathLike[str], run: int | str | None, index_of_run: Callable[[RunFiles], SampleIndex]
) -> RunView:
    folder = local_path(summary_dir, "`summary_dir`")
    files, older = chosen_run(folder, run)
    index = index_of_run(files)
    return _view(folder, files, older, index, StoredSamples(files.event_file, index), index.unfinished, ())


def view_of(
    folder: Path,
    files: RunFiles,
    older: tuple[RunFiles, ...],
    reading: RunReader,
    samples: Mapping[int, SampleView],
) -> RunView:
    """A run of which this was read.

    Args:
        folder: the job folder.
        files: of the run.
        older: the other runs of the folder.
        reading: what was noted.
        samples: the complete samples by their number.

    Raises:
        SummaryReadError: there is neither metadata nor a sample.
    """
    unfinished = sorted(reading.begun - samples.keys())
    beyond = beyond_the_limits(samples.values())
    return _view(folder, files, older, reading, dict(sorted(samples.items())), unfinished, beyond)


def _view(
    folder: Path,
    files: RunFiles,
    older: tuple[RunFiles, ...],
    notes: RunNotes,
    samples: Mapping[int, SampleView],
    unfinished: Iterable[int],
    beyond: Iterable[Finding],
) -> RunView:
    if notes.metadata is None and not samples:
        raise nothing_in(files.event_file, notes.findings)
    lost = [LOST_METADATA] if notes.metadata is None else []
    return RunView(
        summary_dir=folder,
        files=files,
        metadata=notes.metadata or guessed_metadata(samples.values(), notes.benchmarks),
        samples=samples,
        skipped=dict(notes.skipped),
        unfinished=tuple(unfinished),
        benchmarks=tuple(notes.benchmarks),
        ended=notes.ended,
        findings=(*notes.findings, *lost, *beyond),
        older=older,
        repaired="; ".join(notes.repairs),
        resumed=tuple(notes.resumed),
        ended_at=notes.ended_at,
    )
