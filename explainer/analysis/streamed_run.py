"""A run of which one sample is in memory at a time, for what goes over all of it once or twice."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.tables import Tables, metrics_of
from explainer.records import Benchmark, ImageFile, RunMetadata, SaliencyFile
from explainer.remote import local_path
from explainer.summary.folder import chosen_run
from explainer.summary.images import LARGEST_PICTURE
from explainer.summary.lost_metadata import LOST_METADATA, guessed_metadata
from explainer.summary.pictures import picture_of, saliency_of
from explainer.summary.reader import SampleView
from explainer.summary.sample_index import index_of, samples_at
from explainer.summary.verify import require_something


class StreamedRun:
    """A run of a job folder; memory holds one sample, and some numbers for each.

    Args:
        summary_dir: the job folder.
        run: which one, by its timestamp or the name of its event file; by default the newest.
        most_pixels: of a picture; what claims more is not decoded.

    Attributes:
        folder: the job folder.
        files: of the run.
        metadata: what the run is about; what samples tell of it where it is lost.
        sample_count: how many samples are complete.
        benchmarks: the mean scores.

    Raises:
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
    """

    def __init__(
        self,
        summary_dir: str | os.PathLike[str],
        *,
        run: int | str | None = None,
        most_pixels: int = LARGEST_PICTURE,
    ) -> None:
        self.folder = local_path(summary_dir, "`summary_dir`")
        self.files, _ = chosen_run(self.folder, run)
        self._index = index_of(self.files.event_file)
        require_something(self.files, self._index)
        self._most_pixels = most_pixels
        self.benchmarks: tuple[Benchmark, ...] = tuple(self._index.benchmarks)
        self.metadata: RunMetadata = self._index.metadata or guessed_metadata(self.samples(), self.benchmarks)

    @property
    def sample_count(self) -> int:
        """How many samples are complete."""
        return len(self._index.samples)

    @property
    def complete(self) -> bool:
        """Whether nothing is damaged and the run ended, or was repaired since."""
        index = self._index
        return index.metadata is not None and not index.findings and (index.ended or bool(index.repairs))

    @property
    def damage(self) -> list[str]:
        """What is damaged, or not there."""
        found = [f"{finding.what} (byte {finding.offset})" for finding in self._index.findings]
        lost = [LOST_METADATA.what] if self._index.metadata is None else []
        left = [] if self._index.ended or self._index.repairs else ["the run did not end"]
        return [*found, *lost, *left]

    def samples(self) -> Iterator[SampleView]:
        """The complete samples, in the order in which the file completes them.

        Raises:
            SummaryReadError: the file changed meanwhile.
        """
        return samples_at(self.files.event_file, self._index)

    def metrics(self) -> list[str]:
        """The metrics that the run has scores of; see `metrics_of`."""
        return metrics_of(self.metadata, self.samples())

    def label_name(self, label: int) -> str:
        """The name of a label; its number where the run has no name for it."""
        return Tables(self.metadata.labels, ()).name(label)

    def picture(self, entry: ImageFile | SaliencyFile) -> NDArray[np.uint8]:
        """As `RunView.picture`."""
        return picture_of(self.folder, entry, self._most_pixels)

    def saliency(self, entry: SaliencyFile) -> NDArray[np.float32]:
        """As `RunView.saliency`."""
        return saliency_of(self.folder, entry, self._most_pixels)
