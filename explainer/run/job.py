"""What a job is: it sees every batch once, with the network's predictions, and yields records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explainer.data.batch import Batch, Sample
from explainer.deprecated import warn_renamed
from explainer.records import Box, Record


@dataclass(frozen=True, eq=False)
class PredictedSample:
    """A sample with the network's prediction and the labels that are to be explained.

    Attributes:
        sample: as it is in the data.
        probabilities: (K,) in [0, 1].
        predicted: the labels above the run's threshold.
        explained: the labels that are to be explained, in rising order.
    """

    sample: Sample
    probabilities: NDArray[np.float32]
    predicted: tuple[int, ...]
    explained: tuple[int, ...]

    @property
    def sample_id(self) -> int:
        """The index of the sample in the dataset, from 0."""
        return self.sample.sample_id

    @property
    def named(self) -> str:
        """What messages call the sample."""
        return self.sample.named

    @property
    def image(self) -> NDArray[np.float32]:
        """(C, H, W)."""
        return self.sample.image

    @property
    def labels(self) -> tuple[int, ...]:
        """The true labels."""
        return self.sample.labels

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Around objects of the true labels."""
        return self.sample.boxes


@dataclass(frozen=True, eq=False)
class PredictedBatch:
    """Predicted samples whose images have one shape."""

    samples: tuple[PredictedSample, ...]

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """The images, (N, C, H, W) float32."""
        return self.unpredicted.images

    @property
    def cases(self) -> tuple[PredictedSample, ...]:
        """The old name of `samples`."""
        warn_renamed("cases", "samples")
        return self.samples

    @cached_property
    def unpredicted(self) -> Batch:
        """The samples alone."""
        return Batch(tuple(sample.sample for sample in self.samples))


class Job(Protocol):
    """A part of a run. `check` raises before any work; the other three yield records.

    A job may have `parameters`, a mapping of JSON values, which the summary keeps under its name, and `provenance`, the
    digests of what it was given, such as other networks. One that is to be in
    runs that are resumed has `recall`, which takes a sample of such a run as a `SampleView` and yields nothing: it
    counts for the totals what was recorded of the sample, which will not come in a batch any more.

    One that may be tried before the run, so that its time is estimated, has `worked_on`, which gives those samples of a
    PredictedBatch on which there is work as another one. Before `start`, `on_batch` is asked for the records of the
    first of them, which are thrown away. With `passes` it says what goes through the network for a sample.
    """

    name: str
    """What the summary calls the job."""

    def check(self, first_batch: Batch, labels: Sequence[str]) -> None:
        """Raises TypeError or ValueError when this data cannot be worked on.

        Not called where a run that is resumed has no sample left.
        """

    def start(self) -> Iterable[Record]:
        """Begins a run: what was gathered in a run before is forgotten."""

    def on_batch(self, batch: PredictedBatch) -> Iterable[Record]:
        """Works on one batch and yields the records of its samples one after another, in their order.

        Each sample is written when the next one begins, so a job that takes long should yield as it goes. A
        BadSampleError with a sample_id, raised before anything was counted for it, costs that sample: before the first
        record of the batch, or when the samples before it have all of their records. The others come once more, in
        another batch, but for those that had records.
        """

    def finish(self) -> Iterable[Record]:
        """Ends a run: totals."""


class Sink(Protocol):
    """Takes the records of a run, in order."""

    def write(self, record: Record) -> None:
        """Takes one record."""

    def close(self) -> None:
        """No more records will come; also called when the run failed."""
