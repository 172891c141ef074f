"""One run: goes over the data once, has every job work on each sample, and fans the records out to the sinks."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from explainer.data.mindspore_dataset import sample_count
from explainer.data.portion import Portion
from explainer.errors import BadSampleError
from explainer.network.engine import MINDSPORE
from explainer.network.onnx_classifier import OnnxClassifier
from explainer.records import DatasetOrder, RunMetadata, Saliency, SampleDone, SampleSkipped
from explainer.remote import Place
from explainer.representation import line, short
from explainer.run.control_samples import ControlSamples
from explainer.run.estimate import Estimate, spoken
from explainer.run.forecast import Forecast
from explainer.run.inference import InferenceJob
from explainer.run.interrupts import Interrupts
from explainer.run.job import Job, PredictedBatch, Sink
from explainer.run.metadata import metadata_of, settings_of
from explainer.run.normalisation_check import doubt_about
from explainer.run.options import RunOptions
from explainer.run.predict import Item, Predictor, first_items, no_samples, require_unsure
from explainer.run.progress import RunBar, shown
from explainer.run.records import records_of_run
from explainer.run.resume import (
    CompleteSamples,
    engine_now,
    engine_of,
    require_label_format,
    require_same,
    require_same_engines,
    same_engine,
)
from explainer.run.stopwatch import WRITING, Stopwatch
from explainer.run.timing import Timer
from explainer.summary.reader import SampleView
from explainer.summary.recorded_run import RecordedRun, open_recorded
from explainer.summary.writer import SummaryWriter


@dataclass(frozen=True)
class RunResult:
    """Where a run wrote and what.

    Attributes:
        summary_dir: the job folder; of a run to a URL what is behind it, as are file and folder.
        event_file: the file of the records.
        data_dir: the folder of the pictures.
        samples: how many samples are complete.
        skipped: how many samples were left out.
        maps: how many saliency maps were written.
        seconds: how long the run took.
        resumed: how many of the samples were complete before.
        estimate: what the run was expected to take; None where it was too small to be tried beforehand.
        seconds_of: how long it was at each of its parts, by the names that the estimate has for them.
    """

    summary_dir: Place
    event_file: Place
    data_dir: Place
    samples: int
    skipped: int
    maps: int
    seconds: float
    resumed: int = 0
    estimate: Estimate | None = None
    seconds_of: Mapping[str, float] = field(default_factory=dict)

    def at(self, place: Place) -> RunResult:
        """The result of a run that is there now."""
        event_file, data_dir = place / self.event_file.name, place / self.data_dir.name
        return replace(self, summary_dir=place, event_file=event_file, data_dir=data_dir)

    def __repr__(self) -> str:
        """Where the summary is, and how much is in it."""
        counts = {"samples": self.samples, "skipped": self.skipped, "maps": self.maps, "resumed": self.resumed}
        there = {name: count for name, count in counts.items() if count or name in ("samples", "maps")}
        return line(type(self).__name__, short(str(self.summary_dir)), **there, seconds=self.seconds)


_FEW = 5000  # images that go through the network; of a run of fewer nothing is said beforehand
_FEW_PIXELS = 3e7  # nor of one with fewer pixels in them: 30,000 images of 32 x 32, which take seconds
_SHORT = 60.0  # seconds; nor of a run that seems to take less
_LOG = logging.getLogger("explainer")


@dataclass(frozen=True, eq=False)
class RunSetup:
    """What a runner was given, and what was registered with it.

    Attributes:
        dataset: of MindSpore.
        labels: the names of the classes.
        network: the user's.
        activation: from its logits to probabilities.
        options: of the run.
        classifier: network and activation, asked by way of the run's engine.
        jobs: what is worked on.
        sinks: who takes the records, beside the summary.
        stopwatch: counts the time of each part.
    """

    dataset: Any
    labels: list[str]
    network: Any
    activation: Any
    options: RunOptions
    classifier: OnnxClassifier
    jobs: list[Job] = field(default_factory=list)
    sinks: list[Sink] = field(default_factory=list)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)


class OneRun:
    """A run that is begun, or gone on with.

    Args:
        setup: what is run.
        summary_dir: where the summary goes.
        portion: the part of the dataset that is worked on; None for all of it.
    """

    def __init__(self, setup: RunSetup, summary_dir: Path, portion: Portion | None = None) -> None:
        self._setup = setup
        self._summary_dir = summary_dir
        self._portion = portion
        self._options = setup.options
        self._classifier = setup.classifier

    def estimate(self) -> Estimate:
        """What a new run will take; nothing is written."""
        with self._classifier.in_run(self._options.engine, self._options.device):
            started = time.monotonic()
            skipped, first = first_items(self._items())
            if first is None:
                raise no_samples(skipped)
            forecast = self._forecast(self._checked_jobs(first), first, self._sample_count)
            return forecast.estimate(time.monotonic() - started, self._options.raw_maps)

    def run(self, *, resume: bool) -> RunResult:
        """Explains every sample and writes the summary; what it wrote and where.

        Args:
            resume: go on with the newest unfinished run in the folder, where there is one.
        """
        with ExitStack() as stack:
            recorded = open_recorded(self._summary_dir) if resume else None
            engine, device = self._options.engine, self._options.device
            if recorded is not None:
                stack.enter_context(recorded)
                engine = engine_of(recorded, engine, device)
            stack.enter_context(self._classifier.in_run(engine, device))
            for sink in self._setup.sinks:
                stack.enter_context(closing(sink))
            return self._begin() if recorded is None else self._go_on(recorded)

    def _begin(self) -> RunResult:
        """A new run."""
        started = time.monotonic()
        items = self._items()
        # Up to the first batch nothing is written: what it shows to be wrong leaves no folder behind.
        skipped, first = first_items(items)
        jobs = self._checked_jobs(first)
        if first is None:
            return self._begin_without_samples(skipped, jobs, started)
        _warn_of_doubt(first, self._options)
        engine = self._classifier.engine_for(first.unpredicted.images)
        metadata = self._metadata(first.samples[0].sample.label_format, engine.recorded)
        _note_control_samples(metadata)
        forecast = self._forecast(jobs, first, self._sample_count)
        estimate = self._told(forecast, time.monotonic() - started)
        with SummaryWriter(self._summary_dir, metadata, raw_kind=self._options.raw_maps) as writer:
            counts = self._write_all(writer, metadata, jobs, chain(skipped, [first], items), forecast)
        return self._result(writer, counts, started, estimate)

    def _begin_without_samples(
        self, skipped: Sequence[SampleSkipped | DatasetOrder], jobs: Sequence[Any], started: float
    ) -> RunResult:
        """A new run of a part that has no samples, as there are fewer than parts; its summary says so."""
        if not any(isinstance(item, DatasetOrder) and item.samples for item in skipped):
            raise no_samples(skipped)
        metadata = self._metadata(None, None)
        with SummaryWriter(self._summary_dir, metadata) as writer:
            counts = self._write_all(writer, metadata, jobs, skipped, None)
        return self._result(writer, counts, started)

    def _go_on(self, recorded: RecordedRun) -> RunResult:
        """A run that was begun before."""
        started = time.monotonic()
        then = recorded.metadata.parameters.get("label_format")
        metadata = self._metadata(then, engine_now(recorded))
        changed = require_same(recorded, metadata)
        before: Counter[type] = Counter({SampleDone: len(recorded.complete), SampleSkipped: len(recorded.skipped)})
        if recorded.ended:
            before[Saliency] = sum(len(sample.maps) for sample in recorded.samples())
            _LOG.warning("%s has ended: all of its samples are complete, nothing was computed", recorded.event_file)
            return self._result(recorded, before, started, resumed=len(recorded.complete))
        complete = CompleteSamples(recorded)
        items = self._items(complete)
        with same_engine(recorded):
            skipped, first = first_items(items)
        jobs = self._checked_jobs(first)
        if first is not None:
            require_label_format(recorded, first.samples[0].sample.label_format)
            require_same_engines(recorded, self._classifier.engine_for(first.unpredicted.images))
            told = {**metadata.parameters, **settings_of(self._setup.jobs)}  # more than before there were images
            require_same(recorded, replace(metadata, parameters=told))
        forecast = None if first is None else self._forecast(jobs, first, self._left(recorded))
        estimate = None if forecast is None else self._told(forecast, time.monotonic() - started)
        raw_kind = self._options.raw_maps
        with SummaryWriter(
            self._summary_dir, recorded.metadata, recorded=recorded, changed=changed, raw_kind=raw_kind
        ) as writer:
            left = chain(skipped, [] if first is None else [first], items)
            counts = self._write_all(writer, recorded.metadata, jobs, left, forecast, recorded)
        return self._result(writer, before + counts, started, estimate, len(recorded.complete))

    def _items(self, complete: CompleteSamples | None = None) -> Iterator[Item]:
        """The samples, predicted; those that are complete are left out."""
        predictor = Predictor(self._classifier, self._setup.labels, self._options, complete, self._portion)
        return predictor.items(self._setup.dataset)

    @property
    def _sample_count(self) -> int | None:
        """How many samples there are to be worked on; None where nobody knows."""
        samples = sample_count(self._setup.dataset)
        return samples if self._portion is None else self._portion.count(samples)

    def _checked_jobs(self, first: PredictedBatch | None) -> list[Any]:
        """The jobs, each of which can work on these samples, if there are any."""
        if len(self._setup.labels) == 1:
            require_unsure(self._setup.activation)
        jobs = [InferenceJob(self._options), *self._setup.jobs]
        if first is not None:
            for job in jobs:
                job.check(first.unpredicted, self._setup.labels)
        return jobs

    def _left(self, recorded: RecordedRun) -> int | None:
        """How many samples are left to be worked on; None where nobody knows."""
        samples = self._sample_count
        return None if samples is None else max(0, samples - len(recorded.complete | recorded.skipped))

    def _forecast(self, jobs: Sequence[Any], first: PredictedBatch, samples: int | None) -> Forecast:
        engine = self._classifier.engine_for(first.unpredicted.images).name
        # What MindSpore computes it compiles with the third batch.
        timer = Timer(calls=4 if engine == MINDSPORE else 2)
        return Forecast(jobs, first, samples, self._classifier, timer)

    def _told(self, forecast: Forecast, ready_seconds: float) -> Estimate | None:
        """What the run will take, logged; None where it is small, or a first sample cannot be worked on."""
        self._setup.stopwatch.reset()
        try:
            is_small = forecast.passes < _FEW or forecast.pixels < _FEW_PIXELS
            if is_small or forecast.rough_seconds() < _SHORT:
                return None
            estimate = forecast.estimate(ready_seconds, self._options.raw_maps)
        except BadSampleError:  # raised, or skipped, when the sample's turn comes
            return None
        level = logging.WARNING if estimate.is_long else logging.INFO
        _LOG.log(level, "the run will take about %s\n%s", spoken(estimate.seconds), estimate.told)
        return estimate

    def _write_all(
        self,
        writer: SummaryWriter,
        metadata: RunMetadata,
        jobs: Sequence[Any],
        items: Iterable[Item],
        forecast: Forecast | None,
        recorded: RecordedRun | None = None,
    ) -> Counter[type]:
        """How many records of each type were written; maps that were recalled are counted, too."""
        # The summary comes first, here and for each record: a sink that raises costs no sample on disk.
        for sink in self._setup.sinks:
            sink.write(metadata)
        counts: Counter[type] = Counter()
        recalled = () if recorded is None else _recalled(recorded, writer, counts)
        records = records_of_run(jobs, items, recalled, self._options.on_bad_sample, self._setup.stopwatch)
        bar = self._progress_bar(recorded, forecast)
        with shown(bar, self._setup.stopwatch), Interrupts() as interrupts:
            for record in records:
                counts[type(record)] += 1
                with self._setup.stopwatch.at(WRITING):
                    for sink in (writer, *self._setup.sinks):
                        sink.write(record)
                if isinstance(record, SampleDone | SampleSkipped):
                    bar.sample_done()
                    interrupts.check(samples=counts[SampleDone])
        return counts

    def _progress_bar(self, recorded: RecordedRun | None, forecast: Forecast | None) -> RunBar:
        before = 0 if recorded is None else len(recorded.complete | recorded.skipped)
        passes = 0.0 if forecast is None else forecast.passes_per_sample
        return RunBar(self._sample_count, before, passes, self._options.progress)

    def _metadata(self, label_format: str | None, engine: Any) -> RunMetadata:
        subject = self._setup.network, self._setup.activation, self._classifier
        found = {"label_format": label_format, "engine": engine}
        if self._portion is not None:
            found["shard"] = dict(self._portion.recorded)
        return metadata_of(subject, (self._setup.dataset, self._setup.labels), self._setup.jobs, self._options, found)

    def _result(
        self,
        run: SummaryWriter | RecordedRun,
        counts: Counter[type],
        started: float,
        estimate: Estimate | None = None,
        resumed: int = 0,
    ) -> RunResult:
        return RunResult(
            summary_dir=self._summary_dir,
            event_file=run.event_file,
            data_dir=run.data_dir,
            samples=counts[SampleDone],
            skipped=counts[SampleSkipped],
            maps=counts[Saliency],
            seconds=time.monotonic() - started,
            resumed=resumed,
            estimate=estimate,
            seconds_of={str(part): seconds for part, seconds in self._setup.stopwatch.seconds.items()},
        )


def _warn_of_doubt(first: PredictedBatch, options: RunOptions) -> None:
    told = options if options.preprocess is None else options.preprocess
    doubt = doubt_about(first.unpredicted.images, told.mean, told.std)
    if doubt is not None:
        _LOG.warning("%s", doubt)


def _note_control_samples(metadata: RunMetadata) -> None:
    drawn = metadata.parameters.get("control_samples")
    if drawn is not None:
        _LOG.info("controls, and curves with further fills: %s", ControlSamples(**drawn))


def _recalled(recorded: RecordedRun, writer: SummaryWriter, counts: Counter[type]) -> Iterator[SampleView]:
    """The complete samples of a run, of which the writer takes note, and whose maps are counted."""
    for sample in recorded.samples():
        writer.recall(sample)
        counts[Saliency] += len(sample.maps)
        yield sample
