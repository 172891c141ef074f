"""What a run will take, told from its first batch: counted, and then timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from explainer.benchmark.base import Case, Metric, passes_of
from explainer.explanation.base import Attribution
from explainer.passes import Passes
from explainer.run.estimate import Estimate, EstimateRow
from explainer.run.job import PredictedBatch
from explainer.run.saliency import SaliencyJob
from explainer.run.stopwatch import PREDICTION, WRITING, Part
from explainer.run.timing import Timer
from explainer.run.trials import Trials

_SEARCH = 300.0  # passes that a job is taken to need for a sample before it was tried, where it does not say
_FEWER_CONTROLS = "fewer `control_samples`"


@dataclass(frozen=True)
class _Work:
    """A part of a run.

    Attributes:
        row: what is known of it before it is tried.
        tried: the row with what was found.
        own_seconds: for a sample, what is not passes through the network; quickly found.
    """

    row: EstimateRow
    tried: Callable[[EstimateRow], EstimateRow]
    own_seconds: Callable[[], float] = lambda: 0.0


class Forecast:
    """What a run will take.

    Args:
        jobs: of the run, the one that records predictions first.
        batch: the first one of the run, predicted.
        samples: how many the run has to work on; None where nobody knows.
        classifier: the network's, which has predicted the batch.
        timer: times calls.
    """

    def __init__(
        self, jobs: Sequence[Any], batch: PredictedBatch, samples: int | None, classifier: Any, timer: Timer
    ) -> None:
        self._jobs = jobs
        self._samples = samples
        self._count = 1.0 if samples is None else float(samples)
        self._image = batch.images[0]
        self._label_counts = Counter(len(sample.explained) for sample in batch.samples)
        self._labels = float(np.mean([len(sample.explained) for sample in batch.samples]))
        # One with about as many labels as all comes first.
        ordered = sorted(batch.samples, key=lambda sample: abs(len(sample.explained) - self._labels))
        self._trials = Trials(PredictedBatch(tuple(ordered)), classifier, timer)
        self._saliency = next((job for job in jobs if isinstance(job, SaliencyJob)), SaliencyJob([]))

    @property
    def passes(self) -> float:
        """Images that will go through the network, all in all; nothing is computed."""
        return sum(work.row.total_passes for work in self._works)

    @property
    def pixels(self) -> float:
        """Of these images, of one channel, all in all: a network has more work with large ones."""
        height, width = self._image.shape[1:]
        return self.passes * float(height * width)

    @property
    def passes_per_sample(self) -> float:
        """Of a sample on which no controls are scored."""
        return sum(work.row.passes for work in self._works if work.row.samples == self._count)

    def rough_seconds(self) -> float:
        """About how long the run will take, at little cost: from one pass, and what metrics do beside."""
        forward = self._trials.prediction()
        return sum(work.row.samples * (work.row.passes * forward + work.own_seconds()) for work in self._works)

    def estimate(self, ready_seconds: float = 0.0, raw_kind: str | None = None) -> Estimate:
        """What the run will take, each part tried.

        Args:
            ready_seconds: what came before.
            raw_kind: as what maps are kept beside their pictures.
        """
        rows = [work.tried(work.row) for work in self._works]
        seconds, size = self._trials.writing(self._jobs[0], self._saliency, raw_kind)
        rows.append(EstimateRow(WRITING, "", self._count, 0.0, seconds))
        return Estimate(tuple(rows), self._samples, self._labels, size, ready_seconds)

    @cached_property
    def _works(self) -> list[_Work]:
        metrics = self._saliency.metrics
        return [
            self._of_prediction(),
            *(self._of_method(explainer) for explainer in self._saliency.explainers),
            *(work for metric in metrics for work in self._of_metric(metric)),
            *(self._of_job(job) for job in self._jobs if job not in (self._jobs[0], self._saliency)),
        ]

    def _of_prediction(self) -> _Work:
        row = EstimateRow(PREDICTION, "", self._count, 1.0)
        return _timed(row, self._trials.prediction)

    def _of_method(self, explainer: Attribution) -> _Work:
        passes = self._mean(lambda labels: explainer.passes(self._image.shape, labels))
        row = EstimateRow(Part("saliency", explainer.name), "", self._count, passes, cheaper=_cheaper(explainer))
        return _timed(row, partial(self._trials.explanation, explainer))

    def _of_metric(self, metric: Metric) -> Iterator[_Work]:
        """With each method; and, on some samples, with further fills and with the controls."""
        part, methods, controls = Part("metric", metric.name), self._saliency.explainers, self._saliency.controls
        drawn = self._count * self._saliency.control_samples.share
        alone, both = (self._mean_of(metric, self._trials.control, further) for further in (False, True))

        def seconds(further: bool = False) -> float:
            return self._trials.score_alone(metric, further)

        yield from (self._of_score(metric, explainer, alone) for explainer in methods)
        if both > alone:
            row = EstimateRow(part, "further fills", drawn, len(methods) * (both - alone), cheaper=_FEWER_CONTROLS)
            yield _timed(row, lambda: len(methods) * max(0.0, seconds(True) - seconds()))
        if controls:
            row = EstimateRow(part, "the controls", drawn, len(controls) * both, cheaper=_FEWER_CONTROLS)
            yield _timed(row, lambda: len(controls) * seconds(True))

    def _of_score(self, metric: Metric, explainer: Attribution, alone: float) -> _Work:
        passes = self._mean_of(metric, explainer, False)
        ways = _cheaper(metric), _cheaper(explainer) if passes > alone else ""
        cheaper = "; ".join(filter(None, ways))
        row = EstimateRow(Part("metric", metric.name), explainer.name, self._count, passes, cheaper=cheaper)
        seconds = partial(self._trials.score, metric, explainer)
        return replace(_timed(row, seconds), own_seconds=partial(self._trials.score_alone, metric))

    def _of_job(self, job: Any) -> _Work:
        """Of a job that tells on which samples it works; of others nothing is known."""
        part, passes = Part("job", job.name), getattr(job, "passes", None)
        if not hasattr(job, "worked_on"):
            return _Work(EstimateRow(part, "", self._count, 0.0), lambda row: row)
        row = EstimateRow(part, "", self._count, _SEARCH if passes is None else float(passes.in_run))

        def tried(row: EstimateRow) -> EstimateRow:
            found = self._trials.job(job)
            return replace(row, seconds=found.seconds, passes=found.images if passes is None else row.passes)

        return _Work(row, tried)

    def _mean_of(self, metric: Metric, explainer: Attribution, further: bool) -> float:
        size = self._image.shape[1:]

        def passes(labels: int) -> Passes:
            maps = np.zeros((labels, *size), np.float32)
            return passes_of(metric, Case(self._image, tuple(range(labels)), maps, None, explainer, further))

        return self._mean(passes)

    def _mean(self, passes: Callable[[int], Passes]) -> float:
        """Over the samples, of what so many labels need in a run."""
        total = sum(passes(labels).in_run * count for labels, count in self._label_counts.items())
        return total / self._label_counts.total()


def _timed(row: EstimateRow, seconds: Callable[[], float]) -> _Work:
    return _Work(row, lambda row: replace(row, seconds=seconds()))


def _cheaper(entry: Any) -> str:
    way = getattr(entry, "cheaper", "")
    return f"{way} ({entry.name})" if way else ""
