"""A run as Python reads it: everything that is complete, and what is damaged. Never raises on damaged content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.chosen import chosen_label, chosen_map, chosen_sample
from explainer.analysis.frames import dataframe_of
from explainer.analysis.limits import MOST_METHODS, beyond_the_limits, first_of
from explainer.analysis.notebook import html_of, short_list
from explainer.analysis.statistics import MethodStatistics, SingleScore, method_statistics
from explainer.checks import require_type
from explainer.records import Benchmark, ImageFile, RunMetadata, SaliencyFile
from explainer.summary import images
from explainer.summary.folder import RunFiles, chosen_run
from explainer.summary.lost_metadata import LOST_METADATA, guessed_metadata, nothing_in
from explainer.summary.pictures import picture_of, saliency_of
from explainer.summary.reader import RunReader, SampleView, read_records
from explainer.summary.run_notes import Finding

_ENTRY = "`run.samples[3].image`, or an entry of `run.samples[3].maps`"


@dataclass(frozen=True, eq=False)
class RunView:
    """One run as it stands on disk.

    Attributes:
        summary_dir: the job folder, to which the paths of pictures are relative.
        metadata: what the run is about.
        samples: the complete samples by their number.
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
    samples: dict[int, SampleView] = field(default_factory=dict)
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
        parts = {True: "correct", False: "incorrect", None: ""}
        scores = [
            SingleScore(score.metric, score.explainer, score.value, part, (score.sample_id, score.label))
            for part, sample in ((parts[sample.correct], sample) for sample in self.samples.values())
            for score in sample.scores
        ]
        methods = first_of(((score.metric, score.explainer) for score in scores), MOST_METHODS)
        return method_statistics([score for score in scores if score[:2] in methods], self.metadata)

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
    """A run of a job folder.

    Args:
        summary_dir: the job folder.
        run: which one, by its timestamp or the name of its event file; by default the newest.

    Raises:
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
    """
    folder = Path(summary_dir)
    return _read(folder, *chosen_run(folder, run))


def _read(folder: Path, files: RunFiles, older: tuple[RunFiles, ...]) -> RunView:
    reading = RunReader()
    samples = {sample.sample_id: sample for sample in reading.samples(read_records(files.event_file))}
    return view_of(folder, files, older, reading, samples)


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
    if reading.metadata is None and not samples:
        raise nothing_in(files.event_file, reading.findings)
    lost = [LOST_METADATA] if reading.metadata is None else []
    return RunView(
        summary_dir=folder,
        files=files,
        metadata=reading.metadata or guessed_metadata(samples.values(), reading.benchmarks),
        samples=dict(sorted(samples.items())),
        skipped=dict(reading.skipped),
        unfinished=tuple(sorted(reading.begun - samples.keys())),
        benchmarks=tuple(reading.benchmarks),
        ended=reading.ended,
        findings=(*reading.findings, *lost, *beyond_the_limits(samples.values())),
        older=older,
        repaired="; ".join(reading.repairs),
        resumed=tuple(reading.resumed),
        ended_at=reading.ended_at,
    )
