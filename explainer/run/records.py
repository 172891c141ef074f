"""Every record of a run, in order: what the jobs yield, sample by sample, and how each sample ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from explainer.errors import BadSampleError
from explainer.records import DatasetOrder, Record, RunEnd, SampleDone, SampleSkipped
from explainer.run.job import Job, PredictedBatch
from explainer.run.predict import Item, fatal_error
from explainer.run.stopwatch import PREDICTION, Stopwatch
from explainer.run.stream import SampleStream, in_order
from explainer.summary.reader import SampleView


def records_of_run(
    jobs: Sequence[Any],
    items: Iterable[Item],
    recalled: Iterable[SampleView],
    on_bad_sample: str,
    stopwatch: Stopwatch | None = None,
) -> Iterator[Record]:
    """The records of all jobs for all samples, and the end.

    Args:
        jobs: those of the run.
        items: the samples.
        recalled: those that were complete before, of a run that is gone on with.
        on_bad_sample: what becomes of a sample that a job cannot work on, "raise" or "skip".
        stopwatch: counts the time of prediction and jobs.

    Raises:
        BadSampleError: a job cannot work on a sample, and that ends the run.
    """
    stopwatch = stopwatch or Stopwatch()
    for job in jobs:
        yield from job.start()
    for sample in recalled:
        for job in jobs:
            job.recall(sample)
    for item in stopwatch.over(items, PREDICTION):
        if isinstance(item, SampleSkipped | DatasetOrder):
            yield item
        else:
            yield from _of_batch(jobs, item, on_bad_sample, stopwatch)
    for job in jobs:
        yield from job.finish()
    yield RunEnd()


def _of_batch(jobs: Sequence[Job], batch: PredictedBatch, on_bad_sample: str, stopwatch: Stopwatch) -> Iterator[Record]:
    """Sample by sample: each is done as soon as every job is done with it."""
    streams = [SampleStream(job, batch, stopwatch) for job in jobs]
    for sample in batch.samples:
        try:
            yield from in_order(streams, sample)
        except BadSampleError as fault:
            if on_bad_sample == "raise":
                raise fatal_error(str(fault), sample.sample_id) from fault
            yield SampleSkipped(sample.sample_id, str(fault))
        else:
            yield SampleDone(sample.sample_id)
