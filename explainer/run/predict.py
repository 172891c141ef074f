"""Samples of the data with the network's predictions: what every job works on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from explainer.arrays import FloatArray
from explainer.data.batch import Batch, Sample
from explainer.data.mindspore_dataset import read_batches
from explainer.data.portion import PartReading, Portion
from explainer.errors import BadSampleError, LabelCountError, NetworkOutputError
from explainer.network.of import classifier_of
from explainer.records import DatasetOrder, SampleSkipped
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.options import RunOptions
from explainer.run.resume import CompleteSamples

Item = PredictedBatch | SampleSkipped | DatasetOrder


class Predictor:
    """Predicts a dataset, batch by batch.

    Args:
        classifier: the network's.
        labels: the names of the classes.
        options: of the run.
        complete: the samples that are left out, as no work is left to be done on them.
        portion: the part of the dataset that is worked on; None for all of it.
    """

    def __init__(
        self,
        classifier: Any,
        labels: list[str],
        options: RunOptions,
        complete: CompleteSamples | None = None,
        portion: Portion | None = None,
    ) -> None:
        self._classifier = classifier
        self._labels = labels
        self._options = options
        self._complete = complete or CompleteSamples()
        self._part = None if portion is None else PartReading(portion)

    def items(self, dataset: Any) -> Iterator[Item]:
        """The samples, predicted; one that is unread or not finite ends it or is skipped, as options say.

        Where they are a part of the dataset, the order of all is the last item.

        Raises:
            BadSampleError: a sample that is unread or not finite, and the options say "raise".
            LabelCountError: another number of outputs than labels.
            ResumeError: a complete sample that is not as it was.
        """
        options = self._options
        for samples, faults in self._predicted_batches(dataset):
            fatal = faults[0] if faults and options.on_bad_sample == "raise" else None
            if fatal is not None:
                samples = [sample for sample in samples if sample.sample_id < fatal.sample_id]
            # What came before a fatal sample is explained and written first.
            if samples:
                yield PredictedBatch(tuple(samples))
            if fatal is not None:
                raise fatal_error(fatal.reason, fatal.sample_id)
            yield from faults
        if self._part is not None:
            yield self._part.record

    def _predicted_batches(self, dataset: Any) -> Iterator[tuple[list[PredictedSample], list[SampleSkipped]]]:
        """The samples of each batch on which work is left, predicted, and those that cannot be."""
        options = self._options
        reading = options.batch_size, options.label_format, options.source_files
        for batch in read_batches(dataset, len(self._labels), *reading, self._part):
            done = {sample.sample_id for sample in batch.samples if self._complete.has(sample)}
            if len(done) == len(batch.samples):
                continue
            # What is done goes along, so that the rest is predicted to the last bit as in a run without a break.
            samples, faults = self._predict(batch)
            yield (
                [sample for sample in samples if sample.sample_id not in done],
                [fault for fault in faults if fault.sample_id not in done],
            )
        self._complete.require_all_met()

    def _predict(self, batch: Batch) -> tuple[list[PredictedSample], list[SampleSkipped]]:
        samples = [sample for sample in batch.samples if sample.fault is None and np.isfinite(sample.image).all()]
        faults = [_fault(sample, "image") for sample in batch.samples if sample not in samples]
        if not samples:
            return [], faults
        probabilities = self._classifier.clean_probabilities(Batch(tuple(samples)).images)
        self._require_class_count(probabilities.shape[1])
        finite = np.isfinite(probabilities).all(axis=1)
        rows = list(zip(samples, probabilities, finite, strict=True))
        faults += [_fault(sample, "output") for sample, _, good in rows if not good]
        predicted = [self._predicted(sample, row) for sample, row, good in rows if good]
        return predicted, sorted(faults, key=lambda fault: fault.sample_id)

    def _predicted(self, sample: Sample, probabilities: FloatArray) -> PredictedSample:
        predicted = tuple(np.flatnonzero(probabilities > self._options.threshold).tolist())
        ranked = np.argsort(-probabilities, kind="stable")
        explained = {*sample.labels, *predicted, *ranked[: self._options.top_k].tolist()} or {int(ranked[0])}
        return PredictedSample(sample, probabilities, predicted, tuple(sorted(explained)))

    def _require_class_count(self, class_count: int) -> None:
        if class_count != len(self._labels):
            raise LabelCountError(
                f"`data[1]` must name each of the network's {class_count} outputs, got {len(self._labels)} labels; "
                "give a name for each, in their order, as results are filed under names",
                outputs=class_count,
                labels=len(self._labels),
            )


def first_items(items: Iterator[Item]) -> tuple[list[SampleSkipped | DatasetOrder], PredictedBatch | None]:
    """What came before the first batch, as samples that were skipped, and that batch; None where there is none."""
    skipped: list[SampleSkipped | DatasetOrder] = []
    for item in items:
        if isinstance(item, PredictedBatch):
            return skipped, item
        skipped.append(item)
    return skipped, None


def no_samples(before: Sequence[SampleSkipped | DatasetOrder]) -> ValueError:
    """The error of a dataset without a sample to explain."""
    skipped = [item for item in before if isinstance(item, SampleSkipped)]
    why = f"; all {len(skipped)} were skipped, the first: {skipped[0].reason}" if skipped else ""
    return ValueError(f"`data[0]` must have at least one sample to explain, got none{why}")


def fatal_error(reason: str, sample_id: int | None) -> BadSampleError:
    """The error of a sample that ends the run."""
    do = 'RunOptions(on_bad_sample="skip") (--on-bad-sample skip) leaves such samples out'
    return BadSampleError(f"{reason}; {do}", sample_id=sample_id)


def require_unsure(activation: Any) -> None:
    """Raises NetworkOutputError for an activation that is 1 for the logit 0 of the only class, as softmax is."""
    probability = classifier_of(activation).outputs(np.zeros((1, 1), np.float32))
    if np.array_equal(probability, [[1]]):
        raise NetworkOutputError(
            f"`activation_fn` must tell how probable the only class is, got {type(activation).__name__}, which is 1 "
            "for the logit 0; a softmax of one output is always 1, so give nn.Sigmoid() (--activation sigmoid)"
        )


def _fault(sample: Sample, what: str) -> SampleSkipped:
    seen = f"the {what} of {sample.named} has a NaN or an infinity"
    return SampleSkipped(sample.sample_id, sample.fault or seen)
