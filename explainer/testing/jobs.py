"""What a job of one's own has to hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import get_args
from unittest import SkipTest

from explainer.errors import BadSampleError
from explainer.records import Record, RunEnd, RunMetadata, SampleDone, SampleSkipped
from explainer.run.job import Job, PredictedBatch
from explainer.run.stream import SampleStream
from explainer.testing.examples import NAMES, batch_of, images_of, recorded_sample
from explainer.testing.expectations import BATCH_ROUNDING, require_alike, require_json, require_refused

_OF_THE_RUNNER = (RunMetadata, SampleDone, SampleSkipped, RunEnd)


class JobContract(ABC):
    """What holds for every job. The hole is `make`; `refused` and `faulty` say what it cannot work on.

    >>> from explainer.run.inference import InferenceJob
    >>> from explainer.run.options import RunOptions
    >>> class TestInferenceJob(JobContract):
    ...     def make(self):
    ...         return InferenceJob(RunOptions())
    >>> TestInferenceJob().test_records_come_sample_by_sample()
    """

    @abstractmethod
    def make(self) -> Job:
        """The job, set up in the same way each time."""

    def batch(self) -> PredictedBatch:
        """The samples that it works on; by default three of (3, 5, 7) pixels, of 4 labels."""
        return batch_of(images_of(3, channels=3))

    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return NAMES

    def refused(self) -> PredictedBatch | None:
        """Samples that it cannot work on, as `check` says; None: it takes whatever a run gives."""
        return None

    def faulty(self) -> tuple[PredictedBatch, int] | None:
        """Samples of which it cannot work on one, and the id of that one; None: it can work on any."""
        return None

    def test_it_has_a_name(self) -> None:
        """Under which the summary keeps it."""
        name = self.make().name
        assert isinstance(name, str) and name.strip(), f"`name` must be a text that is not blank, got {name!r}"

    def test_parameters_are_json(self) -> None:
        """Where it has any."""
        require_json("`parameters`", getattr(self.make(), "parameters", {}))

    def test_check_takes_the_samples(self) -> None:
        """And yields nothing: no file is there yet."""
        given = self.make().check(self.batch().unpredicted, self.labels())  # type: ignore[func-returns-value]
        assert given is None, f"`check` must give nothing, got {given!r}; records come from start, on_batch, finish"

    def test_check_refuses_what_it_cannot_work_on(self) -> None:
        """Before any record: TypeError or ValueError."""
        samples = self.refused()
        if samples is None:
            raise SkipTest("`refused` gives no samples")
        job = self.make()
        require_refused("samples that it cannot work on", lambda: job.check(samples.unpredicted, self.labels()))

    def test_records_are_those_of_a_run(self) -> None:
        """Of the kinds of `explainer.records`, and none of the runner's."""
        for record in self._run(self.make(), self.batch()):
            kind = type(record)
            assert kind in get_args(Record), f"a record must be of a kind of explainer.records, got {kind.__name__}"
            assert kind not in _OF_THE_RUNNER, f"{kind.__name__} is the runner's to yield"

    def test_records_come_sample_by_sample(self) -> None:
        """In the order of the batch, those of a sample one after another; totals at the end."""
        job, batch = self._checked(self.make(), self.batch()), self.batch()
        wanted = [sample.sample_id for sample in batch.samples]
        ids = [getattr(record, "sample_id", None) for record in job.on_batch(batch)]
        found = [sample_id for sample_id, _ in groupby(sample_id for sample_id in ids if sample_id is not None)]
        assert found == [sample_id for sample_id in wanted if sample_id in found], (
            f"records must come in the order of the samples {wanted}, those of one together, got {found}"
        )
        last = [record for record in job.finish() if hasattr(record, "sample_id")]
        assert not last, f"`finish` comes after all samples, got a record of one: {last}"

    def test_two_runs_give_the_same(self) -> None:
        """What was gathered in a run before is forgotten at `start`."""
        job, batch = self.make(), self.batch()
        first = self._run(job, batch)
        require_alike("the records of a second run", self._run(job, batch), first)

    def test_samples_are_left_as_they_were(self) -> None:
        """Other jobs get the same ones."""
        batch = self.batch()
        self._run(self.make(), batch)
        require_alike("the samples after a run", list(batch.samples), list(self.batch().samples))

    def test_a_sample_that_it_cannot_work_on_costs_that_one_alone(self) -> None:
        """A BadSampleError says which one; the others have the records and count for the totals as without it."""
        given = self.faulty()
        if given is None:
            raise SkipTest("`faulty` gives no samples")
        batch, bad = given
        job = self._checked(self.make(), batch)
        stream = SampleStream(job, batch)
        found: list[Record] = []
        for sample in batch.samples:
            if sample.sample_id == bad:
                error = require_refused(f"sample {bad}", partial(stream.of, sample), (BadSampleError,))
                named = getattr(error, "sample_id", None)
                assert named == bad, f"the error must have the sample_id {bad}, got {named}"
            else:
                found += stream.of(sample)
        others = PredictedBatch(tuple(sample for sample in batch.samples if sample.sample_id != bad))
        wanted = self._run(self.make(), others)
        require_alike("the records of the other samples", [*found, *job.finish()], wanted, BATCH_ROUNDING)

    def test_what_is_recalled_counts_for_the_totals(self) -> None:
        """Where a run is resumed the samples before come as they were recorded, and in no batch any more."""
        batch, wanted = self.batch(), self._run(self.make(), self.batch())
        job = self._checked(self.make(), batch)
        recall = getattr(job, "recall", None)
        if recall is None:
            raise SkipTest("the job has no `recall`, so that its runs cannot be resumed")
        first, *others = batch.samples
        given = recall(recorded_sample(first, wanted))
        assert given is None, f"`recall` must give nothing, got {given!r}"
        list(job.on_batch(PredictedBatch(tuple(others))))
        totals = [record for record in wanted if getattr(record, "sample_id", None) is None]
        require_alike("the totals of a run that was resumed", list(job.finish()), totals, BATCH_ROUNDING)

    def _checked(self, job: Job, batch: PredictedBatch) -> Job:
        """The job after `check` and `start`."""
        job.check(batch.unpredicted, self.labels())
        list(job.start())
        return job

    def _run(self, job: Job, batch: PredictedBatch) -> list[Record]:
        """All records of a run."""
        return list(self._records(job, batch))

    def _records(self, job: Job, batch: PredictedBatch) -> Iterator[Record]:
        job.check(batch.unpredicted, self.labels())
        yield from job.start()
        yield from job.on_batch(batch)
        yield from job.finish()
