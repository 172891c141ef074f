"""The job that explains: saliency maps by every explainer, scored by every metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.benchmark.base import Case, FilledCurve, Metric, score_and_curves
from explainer.data.batch import Batch
from explainer.errors import BadSampleError
from explainer.explanation.base import Attribution, Explained
from explainer.memory import passes
from explainer.records import Benchmark, Box, Record, Saliency, Score, ScoreCurve
from explainer.run.control_samples import ControlSamples
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.stopwatch import Part, Stopwatch
from explainer.score_board import ScoreBoard
from explainer.summary.reader import SampleView

_PASSES_TOGETHER = 4  # full batches beyond which more samples would save little, and would wait for one another


class SaliencyJob:
    """Yields a Saliency for each explainer, sample and explained label, its Scores, and the Benchmarks at the end.

    The controls are scored like explainers, but neither drawn nor in the Benchmarks, whose table MindInsight shows.

    Args:
        explainers: the methods.
        metrics: by which their maps are scored.
        controls: what is scored beside them.
        control_samples: on which samples the controls are scored, and curves with further fills are computed.
        label_count: how many labels there are.
        stopwatch: counts the time of each method and metric.
    """

    name = "saliency"

    def __init__(
        self,
        explainers: Sequence[Attribution],
        metrics: Sequence[Metric] = (),
        controls: Sequence[Attribution] = (),
        control_samples: ControlSamples = ControlSamples(),  # noqa: B008, frozen
        *,
        label_count: int = 0,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self.explainers = tuple(explainers)
        self.metrics = tuple(metrics)
        self.controls = tuple(controls)
        self.control_samples = control_samples
        self._boards: dict[tuple[str, str], ScoreBoard] = {}
        self._label_count = label_count
        self._stopwatch = stopwatch or Stopwatch()

    def check(self, first_batch: Batch, labels: Sequence[str]) -> None:
        """Tries each explainer on the first image, so that one that cannot work raises before any file is made."""
        self._label_count = len(labels)
        for explainer in self.explainers:
            with suppress(BadSampleError):  # a fault of that sample: raised, or skipped, when its batch comes
                explainer.check(first_batch.images[:1])

    def start(self) -> Iterator[Record]:
        """Nothing; the score boards are empty again."""
        pairs = [(explainer.name, metric.name) for explainer in self.explainers for metric in self.metrics]
        self._boards = {pair: ScoreBoard(self._label_count) for pair in pairs}
        yield from ()

    def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
        """Each sample's maps and scores; all maps of a sample are made before its first score is counted.

        Raises:
            BadSampleError: a map is not finite; names the sample.
        """
        # Lazy: the maps of a later part of the batch are made when the samples before have been handed on.
        explained = [self._timed(explained_in_parts(method, batch), method) for method in self.explainers]
        for sample, *of_methods in zip(batch.samples, *explained, strict=True):
            for method, found in zip(self.explainers, of_methods, strict=True):
                yield from _saliency(method, sample, found)
                yield from self._score(method, sample, found.maps)
            for control in self.controls if self.control_samples.has(sample.sample_id) else ():
                (found,) = explain(control, PredictedBatch((sample,)))
                yield from self._score(control, sample, found.maps)

    def recall(self, sample: SampleView) -> None:
        """Counts the scores of a sample that was complete before the run was gone on with."""
        for score in sample.scores:
            board = self._boards.get((score.explainer, score.metric))
            if board is not None:
                board.add((score.label,), (score.value,))

    def finish(self) -> Iterator[Record]:
        """The mean scores of every explainer."""
        per_label = {metric.name: metric.per_label for metric in self.metrics}
        for (explainer, metric), board in self._boards.items():
            by_label = board.mean_by_label if per_label[metric] else ()
            yield Benchmark(explainer, metric, board.mean, by_label, board.defined, board.undefined)

    def _timed(self, explained: Iterator[Explained], method: Attribution) -> Iterator[Explained]:
        return self._stopwatch.over(explained, Part("saliency", method.name))

    def _score(self, explainer: Attribution, sample: PredictedSample, maps: FloatArray) -> Iterator[Record]:
        further = self.control_samples.has(sample.sample_id)
        scored = Case(sample.image, sample.explained, maps, regions(sample), explainer, further)
        for metric in self.metrics:
            labels: tuple[int | None, ...] = sample.explained if metric.per_label else (None,)
            with self._stopwatch.at(Part("metric", metric.name)):
                scores, curves = scores_and_curves(metric, scored)
            if len(scores) != len(labels):
                raise ValueError(
                    f"{metric.name} must give {len(labels)} scores for labels {labels}, gave {len(scores)}"
                )
            if (explainer.name, metric.name) in self._boards:
                # As the summary keeps them, so that totals are the same where they come from there.
                kept = np.array(scores, np.float32).tolist()
                self._boards[explainer.name, metric.name].add(labels, kept)
            for label, score in zip(labels, scores, strict=True):
                yield Score(sample.sample_id, explainer.name, metric.name, label, score)
            for fill, fractions, of_labels in curves:
                for label, probabilities in zip(sample.explained, of_labels, strict=True):
                    points = fractions.astype(np.float32), probabilities
                    yield ScoreCurve(sample.sample_id, explainer.name, metric.name, label, fill, *points)


def _saliency(explainer: Attribution, sample: PredictedSample, found: Explained) -> Iterator[Saliency]:
    for index, label in enumerate(sample.explained):
        part = found.of(index)
        yield Saliency(
            *(sample.sample_id, explainer.name, label, part.maps),
            *(None if one is None else float(one) for one in (part.completeness_gaps, part.standard_errors)),
        )


def explained_in_parts(explainer: Attribution, batch: PredictedBatch) -> Iterator[Explained]:
    """As `explain`, of few samples at a time where each fills several passes by itself, so that none waits for all."""
    together = samples_together(explainer, batch.images.shape[1:])
    for start in range(0, len(batch.samples), together):
        yield from explain(explainer, PredictedBatch(batch.samples[start : start + together]))


def samples_together(explainer: Attribution, image_shape: tuple[int, ...]) -> int:
    """How many samples are explained in one call, at most."""
    passes = explainer.passes(image_shape).total
    return -(-_PASSES_TOGETHER * explainer.batch_size // max(1, passes))


def explain(explainer: Attribution, batch: PredictedBatch) -> list[Explained]:
    """For each sample the maps of its explained labels, (L, H, W), and what is known of their faults, (L,) each.

    The method is called with as few and as full batches as it allows.

    Raises:
        BadSampleError: a map is not finite; names the sample.
    """
    if explainer.one_pass_per_label:
        return _explain_pairs(explainer, batch)
    explained: dict[int, Explained] = {}
    for indices in _same_label_count(batch):
        targets = np.array([batch.samples[index].explained for index in indices], np.int64)
        found = _call(explainer, batch.images[indices], targets, [batch.samples[index] for index in indices])
        explained |= {index: found.of(row) for row, index in enumerate(indices)}
    return [explained[index] for index in range(len(batch.samples))]


def regions(sample: PredictedSample) -> NDArray[np.bool_] | None:
    """Where the object of each explained label is, (L, H, W); boxes of one label are united; None without boxes."""
    if not sample.boxes:
        return None
    masks = np.zeros((len(sample.explained), *sample.image.shape[1:]), bool)
    for index, label in enumerate(sample.explained):
        for box in sample.boxes:
            if box.label == label:
                masks[index][_inside(box)] = True
    return masks


def scores_and_curves(metric: Metric, case: Case) -> tuple[list[float], Sequence[FilledCurve]]:
    """The scores and curves of a case; undefined where a further map that the metric needs is not finite."""
    try:
        scores, curves = score_and_curves(metric, case)
    except BadSampleError:
        return [np.nan] * (len(case.labels) if metric.per_label else 1), ()
    return [float(score) for score in scores], curves


def _explain_pairs(explainer: Attribution, batch: PredictedBatch) -> list[Explained]:
    counts = [len(sample.explained) for sample in batch.samples]
    targets = np.array([label for sample in batch.samples for label in sample.explained], np.int64)
    owners = [sample for sample in batch.samples for _ in sample.explained]
    parts = [
        _call(explainer, np.stack([sample.image for sample in owners[rows]]), targets[rows], owners[rows])
        for rows in passes(len(owners), batch.samples[0].image.shape)
    ]
    known = zip(*((part.maps, part.completeness_gaps, part.standard_errors) for part in parts), strict=True)
    maps, gaps, errors = ([one[:, 0] for one in of_parts if one is not None] for of_parts in known)
    found = Explained(np.concatenate(maps), *(np.concatenate(one) if one else None for one in (gaps, errors)))
    ends = np.cumsum(counts)
    return [found.of(slice(end - count, end)) for count, end in zip(counts, ends, strict=True)]


def _call(
    explainer: Attribution, images: FloatArray, targets: NDArray[np.int64], owners: list[PredictedSample]
) -> Explained:
    """The maps and gaps, a fault raised with the number of the sample that owns the image."""
    try:
        return explainer.explained(images, targets)
    except BadSampleError as error:
        if error.index is None:
            raise
        owner = owners[error.index]
        message = f"the {explainer.name} map of {owner.named} has a NaN or an infinity"
        raise BadSampleError(message, sample_id=owner.sample_id) from error


def _same_label_count(batch: PredictedBatch) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for index, sample in enumerate(batch.samples):
        groups.setdefault(len(sample.explained), []).append(index)
    return list(groups.values())


def _inside(box: Box) -> tuple[Any, ...]:
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
