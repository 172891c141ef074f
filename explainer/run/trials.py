"""What the parts of a run take for a sample, found by trying each on the first samples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from explainer.arrays import FloatArray
from explainer.benchmark.base import Case, FilledCurve, Metric, passes_of
from explainer.explanation.base import Attribution
from explainer.explanation.controls import CentreControl, RandomControl
from explainer.perturb.engine import watched
from explainer.records import Record, RunMetadata, Saliency, SampleDone, Score, ScoreCurve
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.saliency import explained_in_parts, regions, samples_together, scores_and_curves
from explainer.run.timing import Timer
from explainer.summary.folder import entries_below
from explainer.summary.writer import SummaryWriter

_TRIED = 3  # samples on which a job is tried that does not say what it needs
_PASSES = 512  # that a job makes where it does
_WRITTEN = 4  # samples that are written
_MADE = 5.0  # seconds that the new maps of a score may take; where they would take more, one's time tells theirs


class JobTrial(NamedTuple):
    """What a job takes for a sample: seconds, and images that the engine evaluated."""

    seconds: float
    images: float


class Trials:
    """Tries the parts of a run on its first samples, each once; nothing of it stays.

    Args:
        batch: the samples, a usual one first.
        classifier: the network's, which has predicted them.
        timer: times calls.

    Attributes:
        control: whose maps cost nothing.
    """

    def __init__(self, batch: PredictedBatch, classifier: Any, timer: Timer) -> None:
        self._batch = batch
        self._classifier = classifier
        self._timer = timer
        self.control = RandomControl(classifier.network)
        self._centre = CentreControl(classifier.network)
        self._seconds: dict[Hashable, float] = {}
        self._maps: dict[str, list[FloatArray]] = {}
        self._curves: dict[str, tuple[FilledCurve, ...]] = {}
        self._records: list[Record] = []

    def case(self, explainer: Attribution, further_curves: bool = False) -> Case:
        """The first sample with maps by a method, or with others where they were not made."""
        sample = self._batch.samples[0]
        maps = self._maps_of(explainer, 1)[0]
        return Case(sample.image, sample.explained, maps, regions(sample), explainer, further_curves)

    def prediction(self) -> float:
        """Seconds for a sample."""
        images = self._batch.images

        def predict() -> float:
            return self._timer.seconds(lambda: self._classifier.logits(images)) / len(images)

        return self._known("prediction", predict)

    def explanation(self, explainer: Attribution) -> float:
        """Seconds for the maps of a sample."""
        return self._known(explainer.name, lambda: self._explained(explainer))

    def score_alone(self, metric: Metric, further_curves: bool = False) -> float:
        """Seconds for scoring the maps of a sample, but for new maps that the metric may need."""
        return self._known((metric.name, further_curves), lambda: self._scored(metric, further_curves))

    def score(self, metric: Metric, explainer: Attribution) -> float:
        """Seconds for scoring the maps of a sample by a method, new maps included."""
        case = self.case(explainer)
        new = passes_of(metric, case).total - passes_of(metric, self.case(self.control)).total
        if new <= 0:
            return self.score_alone(metric)
        of_a_sample = explainer.passes(case.image.shape, len(case.labels)).total
        expected = new / of_a_sample * self.explanation(explainer)
        if expected > _MADE:
            return self.score_alone(metric) + expected
        another = metric.named(metric.name)
        return self._timer.seconds(lambda: scores_and_curves(another, case))

    def job(self, job: Any) -> JobTrial:
        """What another job takes for a sample."""
        samples = job.worked_on(self._batch).samples
        if not samples:
            return JobTrial(0.0, 0.0)
        needed = getattr(job, "passes", None)
        tried = PredictedBatch(samples[: _TRIED if needed is None else 1 + _PASSES // max(1, needed.total)])
        counts: list[int] = []
        with watched(counts.append):
            seconds = self._timer.once(lambda: self._records.extend(job.on_batch(tried)))
        share = len(samples) / len(self._batch.samples) / len(tried.samples)
        return JobTrial(seconds * share, sum(counts) * share)

    def writing(self, prediction: Any, saliency: Any, raw_kind: str | None) -> tuple[float, float]:
        """Seconds and bytes on disk for a sample, by writing some into a folder that is removed.

        Args:
            prediction: the job that records predictions.
            saliency: the job that records maps.
            raw_kind: as what maps are kept beside their pictures.
        """
        samples = self._batch.samples[:_WRITTEN]
        names = tuple(explainer.name for explainer in saliency.explainers)
        labels = tuple(map(str, range(len(samples[0].probabilities))))
        predicted = prediction.on_batch(PredictedBatch(samples))
        records = [*predicted, *self._of_saliency(saliency, samples), *self._of_jobs(samples)]
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            metadata = RunMetadata(labels, names)
            writer = stack.enter_context(SummaryWriter(folder, metadata, raw_kind=raw_kind))
            before = _bytes_below(folder)
            seconds = self._timer.once(lambda: _write(writer, records, samples))
            return seconds / len(samples), (_bytes_below(folder) - before) / len(samples)

    def _known(self, key: Hashable, found: Callable[[], float]) -> float:
        if key not in self._seconds:
            self._seconds[key] = found()
        return self._seconds[key]

    def _explained(self, explainer: Attribution) -> float:
        shape = self._batch.images.shape[1:]
        together = samples_together(explainer, shape)
        tried = PredictedBatch(self._batch.samples[:together])
        passes = sum(explainer.passes(shape, len(sample.explained)).in_run for sample in tried.samples)

        def explain() -> None:
            self._maps[explainer.name] = [found.maps for found in explained_in_parts(explainer, tried)]

        return self._timer.seconds_in_part(explain, passes) / len(tried.samples)

    def _scored(self, metric: Metric, further_curves: bool) -> float:
        """The mean of both controls': large holes take ROAD longer than scattered ones."""
        metric = metric.named(metric.name)  # what a metric counts for itself is of the run alone

        def seconds(case: Case) -> float:
            return self._timer.seconds_in_part(lambda: self._score(metric, case), passes_of(metric, case).in_run)

        return mean(seconds(self.case(control, further_curves)) for control in (self.control, self._centre))

    def _score(self, metric: Metric, case: Case) -> None:
        self._curves[metric.name] = tuple(scores_and_curves(metric, case)[1])

    def _maps_of(self, explainer: Attribution, count: int) -> list[FloatArray]:
        """The maps of the first samples, those of a control where they were not made."""
        made = self._maps.get(explainer.name, [])
        control = self.control if explainer is self.control else self._centre
        missing = self._batch.samples[len(made) : count]
        return made[:count] + [control(sample.image[None], [sample.explained])[0] for sample in missing]

    def _of_saliency(self, saliency: Any, samples: Sequence[PredictedSample]) -> Iterator[Record]:
        for explainer in saliency.explainers:
            for sample, maps in zip(samples, self._maps_of(explainer, len(samples)), strict=True):
                for label, one in zip(sample.explained, maps, strict=True):
                    yield Saliency(sample.sample_id, explainer.name, label, one)
                yield from self._of_scores(saliency, explainer, sample)
        # Of as many of them as of all samples.
        scored = samples[: round(len(samples) * saliency.control_samples.share)]
        for control in saliency.controls:
            for sample in scored:
                yield from self._of_scores(saliency, control, sample)

    def _of_scores(self, saliency: Any, explainer: Attribution, sample: PredictedSample) -> Iterator[Record]:
        for metric in saliency.metrics:
            for label in sample.explained:
                yield Score(sample.sample_id, explainer.name, metric.name, label, 0.5)
                for fill, fractions, probabilities in self._curves.get(metric.name, ()):
                    points = fractions.astype("float32"), probabilities[0]
                    yield ScoreCurve(sample.sample_id, explainer.name, metric.name, label, fill, *points)

    def _of_jobs(self, samples: Sequence[PredictedSample]) -> Iterator[Record]:
        """What other jobs have recorded of a sample, for each."""
        first = next((getattr(record, "sample_id", None) for record in self._records), None)
        own: list[Any] = [record for record in self._records if getattr(record, "sample_id", None) == first]
        for sample in samples:
            yield from (replace(record, sample_id=sample.sample_id) for record in own)


def _write(writer: SummaryWriter, records: Sequence[Record], samples: Sequence[PredictedSample]) -> None:
    for sample in sorted(samples, key=lambda sample: sample.sample_id):
        for record in records:
            if getattr(record, "sample_id", None) == sample.sample_id:
                writer.write(record)
        writer.write(SampleDone(sample.sample_id))


def _bytes_below(folder: str) -> int:
    files = (entry for entry in entries_below(Path(folder)) if entry.is_file())
    return sum(entry.stat().st_size for entry in files)
