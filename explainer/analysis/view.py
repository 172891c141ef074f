"""A run as Python reads it: everything that is complete, and what is damaged. Never raises on damaged content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.limits import MOST_METHODS, beyond_the_limits, first_of
from explainer.analysis.statistics import MethodStatistics, SingleScore, method_statistics
from explainer.errors import SummaryReadError
from explainer.records import Benchmark, ImageFile, RunMetadata, SaliencyFile
from explainer.summary import images
from explainer.summary.folder import RunFiles, chosen_run, inside
from explainer.summary.lost_metadata import LOST_METADATA, guessed_metadata, nothing_in
from explainer.summary.reader import RunReader, SampleView, read_records
from explainer.summary.run_notes import Finding


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

    @property
    def complete(self) -> bool:
        """Whether nothing is damaged and the run ended, or was repaired since."""
        return not self.findings and (self.ended or bool(self.repaired))

    def statistics(self) -> list[MethodStatistics]:
        """For each metric and method, controls too, statistics of its single scores: means, spread, intervals, ranks.

        Once for all samples, and for those whose most probable label is a true one and those where it is not; samples
        without a true label are in neither part.
        """
        parts = {True: "correct", False: "incorrect", None: ""}
        scores = [
            SingleScore(score.metric, score.explainer, score.value, part)
            for part, sample in ((parts[sample.correct], sample) for sample in self.samples.values())
            for score in sample.scores
        ]
        methods = first_of(((score.metric, score.explainer) for score in scores), MOST_METHODS)
        return method_statistics([score for score in scores if score[:2] in methods], self.metadata)

    def saliency(self, entry: SaliencyFile, *, most_pixels: int = images.LARGEST_PICTURE) -> NDArray[np.float32]:
        """The map (H, W) float32, to within (high - low) / 510.

        Raises:
            SummaryReadError: as `picture`, or the picture is not grey.
        """
        grey = self.picture(entry, most_pixels=most_pixels)
        if grey.ndim != 2:
            raise SummaryReadError(f"the saliency map {entry.path!r} must be a grey picture, got shape {grey.shape}")
        return images.from_grey(grey, entry.low, entry.high)

    def picture(
        self, entry: ImageFile | SaliencyFile, *, most_pixels: int = images.LARGEST_PICTURE
    ) -> NDArray[np.uint8]:
        """The displayable picture of the sample, or of a map: (H, W) or (H, W, 3 or 4) uint8.

        Raises:
            SummaryReadError: the picture is outside the job folder, missing, damaged, or claims more than `most_pixels`
                pixels, which is found out before it is decoded.
        """
        return picture_in(self.summary_dir, entry.path, most_pixels)


def picture_in(summary_dir: Path, path: str, most_pixels: int = images.LARGEST_PICTURE) -> NDArray[np.uint8]:
    """A picture of a job folder: (H, W) or (H, W, 3 or 4) uint8.

    Args:
        summary_dir: the job folder.
        path: relative to it.
        most_pixels: a picture that claims more is refused.

    Raises:
        SummaryReadError: the picture is outside the job folder, missing, damaged, or too large.
    """
    target = inside(summary_dir, path)
    try:
        return images.read_png(target, most_pixels)
    except OSError as error:
        raise SummaryReadError(f"could not read the picture {path!r}: {error}") from error


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
    if reading.metadata is None:
        if not samples:
            raise nothing_in(files.event_file, reading.findings)
        reading.findings.append(LOST_METADATA)
    return RunView(
        summary_dir=folder,
        files=files,
        metadata=reading.metadata or guessed_metadata(samples.values(), reading.benchmarks),
        samples=dict(sorted(samples.items())),
        skipped=reading.skipped,
        unfinished=tuple(sorted(reading.begun - samples.keys())),
        benchmarks=tuple(reading.benchmarks),
        ended=reading.ended,
        findings=(*reading.findings, *beyond_the_limits(samples.values())),
        older=older,
        repaired="; ".join(reading.repairs),
        resumed=tuple(reading.resumed),
    )
