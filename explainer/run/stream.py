"""What a job yields for a batch, handed on sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

from explainer.errors import BadSampleError
from explainer.records import Record
from explainer.run.job import Job, PredictedBatch, PredictedSample
from explainer.run.stopwatch import Part, Stopwatch


class SampleStream:
    """The records of one job for the samples of a batch, in their order, as soon as the job has them.

    A job that works on its samples one after another hands each on when it comes to the next.

    Args:
        job: the job.
        batch: the batch.
        stopwatch: counts the job's time.
    """

    def __init__(self, job: Job, batch: PredictedBatch, stopwatch: Stopwatch | None = None) -> None:
        self._job = job
        self._stopwatch = stopwatch or Stopwatch()
        self._waiting = list(batch.samples)
        self._ids = {sample.sample_id for sample in batch.samples}
        self._faults: dict[int, BadSampleError] = {}
        self._records = self._records_of(batch)
        self._next: Record | None = None

    def of(self, sample: PredictedSample) -> list[Record]:
        """The records of the next sample.

        Raises:
            BadSampleError: the job cannot work on it; it begins anew with the samples that are left.
            RuntimeError: the job yields records of a sample that has been handed on already.
        """
        taken: list[Record] = []
        while sample.sample_id not in self._faults:
            try:
                record = self._pull()
            except BadSampleError as error:
                if taken and error.sample_id != sample.sample_id:
                    # The job has come to a later sample, so this one is done; begun anew it would be counted twice.
                    self._leave(sample)
                    self._begin_anew(error)
                    return taken
                self._begin_anew(error)
                taken = []
                continue
            # The first record of a later sample ends this one; it waits until that sample's turn comes.
            if record is None or self._is_later(record, sample):
                self._next = record
                self._leave(sample)
                return taken
            if self._is_of(record, sample):
                taken.append(record)
        self._leave(sample)
        raise self._faults[sample.sample_id]

    def leave_out(self, sample: PredictedSample) -> None:
        """Another job cannot work on this sample: its records are dropped."""
        self._leave(sample)
        self._ids.discard(sample.sample_id)

    def _records_of(self, batch: PredictedBatch) -> Iterator[Record]:
        return self._stopwatch.over(self._job.on_batch(batch), Part("job", self._job.name))

    def _leave(self, sample: PredictedSample) -> None:
        self._waiting = [other for other in self._waiting if other is not sample]

    def _pull(self) -> Record | None:
        record, self._next = self._next, None
        return next(self._records, None) if record is None else record

    def _begin_anew(self, error: BadSampleError) -> None:
        if error.sample_id is None:
            raise error
        self._faults[error.sample_id] = error
        left = tuple(sample for sample in self._waiting if sample.sample_id not in self._faults)
        self._records = self._records_of(PredictedBatch(left)) if left else iter(())
        self._next = None

    def _is_of(self, record: Record, sample: PredictedSample) -> bool:
        """Whether the record belongs to this sample, or to none; those of samples that were left out are dropped."""
        sample_id = getattr(record, "sample_id", None)
        if sample_id is None or sample_id == sample.sample_id:
            return True
        if sample_id in self._ids:
            raise RuntimeError(
                f"the job {self._job.name!r} yields a record of sample {sample_id} after those of a later one; "
                "yield the records of a batch sample by sample, as each is written when the next begins"
            )
        return False

    def _is_later(self, record: Record, sample: PredictedSample) -> bool:
        sample_id = getattr(record, "sample_id", None)
        return any(other.sample_id == sample_id for other in self._waiting if other is not sample)


def in_order(streams: list[SampleStream], sample: PredictedSample) -> Iterator[Record]:
    """The records of a sample by every job.

    Raises:
        BadSampleError: a job cannot work on it; all leave it out.
    """
    try:
        records = [record for stream in streams for record in stream.of(sample)]
    except BadSampleError:
        for stream in streams:
            stream.leave_out(sample)
        raise
    yield from records
