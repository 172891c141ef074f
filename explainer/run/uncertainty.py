"""The job that records how sure the network is of each sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from explainer.arrays import FloatArray
from explainer.checks import first_non_finite
from explainer.data.batch import Batch
from explainer.errors import BadSampleError
from explainer.passes import Passes
from explainer.records import Draws, Record
from explainer.records import Uncertainty as UncertaintyRecord
from explainer.run.job import PredictedBatch
from explainer.summary.reader import SampleView
from explainer.uncertainty import Uncertainty

MOST_DRAWN_LABELS = 10
"""The most probable labels of a sample, whose draws are kept."""
MOST_DRAWS = 100
"""Of each of them: at most 4 kB in all."""


class UncertaintyJob:
    """Yields an Uncertainty for each sample: every label's deviation and interval, the entropies, and some draws.

    Args:
        uncertainty: how probabilities are drawn.
    """

    name = "uncertainty"

    def __init__(self, uncertainty: Uncertainty) -> None:
        self._uncertainty = uncertainty

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings, as JSON values."""
        return self._uncertainty.parameters

    @property
    def provenance(self) -> dict[str, Any]:
        """Which networks an ensemble is of."""
        weights = getattr(self._uncertainty, "weights", None)
        return {} if weights is None else {"weights": weights}

    def check(self, first_batch: Batch, labels: Sequence[str]) -> None:
        """Raises what the draws of the first image raise, or ValueError unless they have a number for each label."""
        count = self._uncertainty(first_batch.images[:1]).mean.shape[1]
        if count != len(labels):
            raise ValueError(f"`networks` must have an output for each of {len(labels)} labels, got {count}")

    @property
    def passes(self) -> Passes:
        """What goes through the network for a sample."""
        return self._uncertainty.passes

    def worked_on(self, batch: PredictedBatch) -> PredictedBatch:
        """All samples."""
        return batch

    def start(self) -> Iterator[Record]:
        """Nothing."""
        yield from ()

    def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
        """The spread of the draws for each sample.

        Raises:
            BadSampleError: a draw is not finite; names the sample.
        """
        drawn = self._uncertainty.draws(batch.images)
        estimate = self._uncertainty.estimate(drawn)
        bad = first_non_finite(estimate.mean)
        if bad is not None:
            sample = batch.samples[bad]
            message = f"the uncertainty of {sample.named} met a NaN or an infinity"
            raise BadSampleError(message, sample_id=sample.sample_id)
        columns = [
            np.asarray(column, np.float32)
            for column in (estimate.mean, estimate.deviation, estimate.low, estimate.high)
        ]
        for index, sample in enumerate(batch.samples):
            mean, deviation, low, high = (column[index] for column in columns)
            total, aleatoric, epistemic = (float(part[index]) for part in estimate.entropies)
            draws = _draws(drawn[:MOST_DRAWS, index], sample.probabilities)
            yield UncertaintyRecord(sample.sample_id, mean, deviation, low, high, total, aleatoric, epistemic, draws)

    def recall(self, sample: SampleView) -> None:
        """Nothing is gathered over samples."""

    def finish(self) -> Iterator[Record]:
        """Nothing."""
        yield from ()


def _draws(drawn: FloatArray, probabilities: FloatArray) -> Draws:
    """Those of the most probable labels; drawn: (S, K)."""
    labels = np.argsort(-probabilities, kind="stable")[:MOST_DRAWN_LABELS]
    return Draws(tuple(labels.tolist()), np.asarray(drawn[:, labels], np.float32))
