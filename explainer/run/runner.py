"""The runner: registers jobs, checks everything, goes over the data once and fans the records out to the sinks."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from explainer.benchmark.base import Metric
from explainer.checks import require_distinct, require_flag, require_type
from explainer.counterfactual.search import HierarchicalOcclusion
from explainer.data.mindspore_dataset import has_boxes, sample_count
from explainer.errors import BadSampleError
from explainer.explanation.base import Attribution
from explainer.explanation.controls import CentreControl, RandomControl
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.of import require_network
from explainer.records import Record, RunEnd, RunMetadata, Saliency, SampleDone, SampleSkipped
from explainer.run.hierarchical_occlusion import HierarchicalOcclusionJob
from explainer.run.inference import InferenceJob
from explainer.run.interrupts import Interrupts
from explainer.run.job import Job, PredictedBatch, Sink
from explainer.run.options import RunOptions
from explainer.run.predict import Item, Predictor, fatal_error, first_items, require_unsure
from explainer.run.provenance import provenance_of
from explainer.run.registration import (
    require_data,
    require_explainers,
    require_members,
    require_metrics,
    require_recordable,
)
from explainer.run.saliency import SaliencyJob
from explainer.run.stream import SampleStream, in_order
from explainer.run.uncertainty import UncertaintyJob
from explainer.summary.writer import SummaryWriter
from explainer.uncertainty import (
    DRAWS,
    AugmentationUncertainty,
    DropoutUncertainty,
    EnsembleUncertainty,
    Uncertainty,
)
from explainer.version import __version__


@dataclass(frozen=True)
class RunResult:
    """Where a run wrote and what.

    Attributes:
        summary_dir: the job folder.
        event_file: the file of the records.
        data_dir: the folder of the pictures.
        samples: how many samples are complete.
        skipped: how many samples were left out.
        maps: how many saliency maps were written.
        seconds: how long the run took.
    """

    summary_dir: Path
    event_file: Path
    data_dir: Path
    samples: int
    skipped: int
    maps: int
    seconds: float


class ImageClassificationRunner:
    """Explains a whole dataset: saliency maps and scores of every sample, written as a summary.

    Args:
        summary_dir: the folder for the summary; made when it is absent. MindInsight lists the folders inside its base
            folder, so give it the folder above this one. A second run in the same folder leaves the first as it is.
        data: (dataset, labels): a MindSpore dataset with the columns [images], [images, labels] or [images, labels,
            bboxes], and the names of the classes in the order of the network's outputs. Labels are class ids, or a
            zero or one for each class; see `RunOptions.label_format`.
        network: images (N, C, H, W) -> logits (N, K); given back as it was.
        activation_fn: logits -> probabilities, nn.Softmax() for one label per image, nn.Sigmoid() for several,
            and for a network of one output.
        options: how the run goes about its work.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: labels that are missing, blank or repeated; a dataset without one to three columns.

    Source: the API of mindspore.explainer 1.3. Differences: one pass over the data, results on disk sample by sample,
    datasets of images alone work, 4 channels work, no process is started.
    """

    def __init__(
        self,
        summary_dir: str | os.PathLike[str],
        data: tuple[Any, list[str]],
        network: Any,
        activation_fn: Any,
        *,
        options: RunOptions | None = None,
    ) -> None:
        require_type("summary_dir", summary_dir, (str, os.PathLike), "a path")
        self._dataset, self._labels = require_data(data)
        require_network("network", network)
        require_network("activation_fn", activation_fn)
        require_type("options", options, (RunOptions, type(None)), "RunOptions")
        self._summary_dir = Path(summary_dir)
        self._network = network
        self._activation = activation_fn
        self._options = options or RunOptions()
        self._classifier = MindSporeClassifier(network, activation_fn, batch_size=self._options.batch_size)
        self._jobs: list[Job] = []
        self._sinks: list[Sink] = []

    def register_saliency(
        self, explainers: list[Attribution], benchmarkers: list[Metric] | None = None, *, controls: bool = True
    ) -> None:
        """Registers the methods that explain and the metrics that score them; once per runner.

        Args:
            explainers: the methods, of distinct names, made for the same network object as the runner's.
            benchmarkers: the metrics, of distinct names.
            controls: score a random map and a blob in the middle of the image, too, so that chance has a number; only
                where there are metrics. They are in `explainer inspect` and in `read_run`, not in MindInsight.

        Raises:
            TypeError: not lists of these types.
            ValueError: no explainer, a name twice, another network, maps that are no pictures; a metric that needs
                boxes the data has not, or that is made for another number of labels.
            RuntimeError: called before.
        """
        self._require_new(SaliencyJob.name, "register_saliency", "; register all explainers in one call")
        metrics = [] if benchmarkers is None else benchmarkers
        require_flag("controls", controls)
        require_explainers(explainers, self._network)
        require_metrics(metrics, has_boxes(self._dataset), len(self._labels))
        scored = [RandomControl(self._network), CentreControl(self._network)] if controls and metrics else []
        names = [explainer.name for explainer in [*explainers, *scored]]
        require_distinct("explainers", names, "the controls have these names, so give the method another one")
        self._jobs.append(SaliencyJob(explainers, metrics, scored))

    def register_hierarchical_occlusion(
        self,
        *,
        win_sizes: list[int] | tuple[int, ...] | None = None,
        strides: list[int] | tuple[int, ...] | None = None,
        threshold: float = 0.5,
        by_masking: bool = False,
        mask: Any = None,
    ) -> None:
        """Registers the search for the few regions that are enough for each label above the threshold; once per runner.

        Images must have three channels and, with automatic windows, a short side of at least 56 pixels. MindInsight
        shows results of `by_masking=False` with a "gaussian:N" mask; all are in the summary.

        Args:
            win_sizes: as for `explainer.counterfactual.HierarchicalOcclusion`.
            strides: as there.
            threshold: as there.
            by_masking: as there.
            mask: as for its `search`.

        Raises:
            TypeError, ValueError: an argument of a wrong type or value.
            RuntimeError: called before.
        """
        self._require_new(HierarchicalOcclusionJob.name, "register_hierarchical_occlusion")
        search = HierarchicalOcclusion(
            self._network,
            self._activation,
            win_sizes,
            strides,
            threshold=threshold,
            by_masking=by_masking,
            batch_size=self._options.batch_size,
        )
        self._jobs.append(HierarchicalOcclusionJob(search, mask))

    def register_uncertainty(
        self,
        networks: list[Any] | None = None,
        *,
        augment: Any = None,
        draws: int = DRAWS,
        seed: int = 0,
        interval: str = "beta",
    ) -> None:
        """Registers the deviation and 95 % interval of every label's probability; once per runner, with saliency.

        By the network's own dropout; or by several networks, or by changing the images, which need none.

        Args:
            networks: a deep ensemble: networks trained for the same task, as from several checkpoints.
            augment: "shift", "noise" or a function; see `explainer.uncertainty.AugmentationUncertainty`.
            draws: how often each image is predicted; of no meaning for an ensemble.
            seed: what the draws depend on.
            interval: "beta" or "quantile"; see `explainer.uncertainty.posterior.interval_of`.

        Raises:
            TypeError, ValueError: an argument of a wrong type or value; both `networks` and `augment`.
            NoDropoutError: the network drops nothing, and neither of them was given.
            RuntimeError: called before.
        """
        self._require_new(UncertaintyJob.name, "register_uncertainty")
        if networks is not None and augment is not None:
            raise ValueError("`networks` and `augment` are two ways to draw, got both; give one of them")
        batch_size = self._options.batch_size
        drawn: dict[str, Any] = {"draws": draws, "seed": seed, "interval": interval, "batch_size": batch_size}
        uncertainty: Uncertainty
        if networks is not None:
            uncertainty = EnsembleUncertainty(networks, self._activation, interval=interval, batch_size=batch_size)
        elif augment is not None:
            uncertainty = AugmentationUncertainty(self._network, self._activation, augment, **drawn)
        else:
            uncertainty = DropoutUncertainty(self._network, self._activation, **drawn)
        self._jobs.append(UncertaintyJob(uncertainty))

    def register(self, job: Job) -> None:
        """Registers a job of your own; see docs/write-a-job.md.

        Raises:
            TypeError: the job lacks one of `name`, `check`, `start`, `on_batch`, `finish`, or has `parameters` that are
                no mapping of JSON values.
            ValueError: a name that the summary uses for something else.
            RuntimeError: a job of this name was registered before.
        """
        require_members("job", job, ("name", "check", "start", "on_batch", "finish"))
        require_recordable(job)
        if job.name in (InferenceJob.name, *(other.name for other in self._jobs)):
            raise RuntimeError(f"a job named {job.name!r} was registered before; give this one another name")
        self._jobs.append(job)

    def register_sink(self, sink: Sink) -> None:
        """Registers a consumer of your own, which gets every record beside the summary; see docs/write-a-consumer.md.

        It is closed at the end of each run; one that serves several runs must take records after `close`.

        Raises:
            TypeError: the sink lacks `write` or `close`.
        """
        require_members("sink", sink, ("write", "close"))
        self._sinks.append(sink)

    def run(self) -> RunResult:
        """Explains every sample and writes the summary; what it wrote and where.

        All checks come before the first file. Each sample is on disk as soon as it is complete: whatever ends the run,
        the samples before stay.

        Raises:
            ValueError: no samples, wrong columns, a network that does not fit the labels, or (unless the options say
                otherwise) a sample that is not finite.
            TypeError: columns of a wrong type.
            RuntimeError: no job was registered, uncertainty without saliency, or the disk refused.
            RunInterrupted: a KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; the samples before are complete.
        """
        names = {job.name for job in self._jobs}
        if not names:
            raise RuntimeError("nothing to do: call register_saliency (or register) before run")
        if UncertaintyJob.name in names and SaliencyJob.name not in names:
            raise RuntimeError(
                "register_uncertainty was called without register_saliency; MindInsight shows uncertainty on the "
                "saliency page alone, so register saliency, too, or use explainer.uncertainty alone"
            )
        with ExitStack() as stack:
            stack.enter_context(self._classifier.outputs_kept())
            for sink in self._sinks:
                stack.enter_context(closing(sink))
            return self._run()

    def _require_new(self, name: str, method: str, do: str = "") -> None:
        if any(job.name == name for job in self._jobs):
            raise RuntimeError(f"{method} was called before{do}")

    def _run(self) -> RunResult:
        started = time.monotonic()
        items = Predictor(self._classifier, self._labels, self._options).items(self._dataset)
        # Up to the first batch nothing is written: what it shows to be wrong leaves no folder behind.
        skipped, first = first_items(items)
        if len(self._labels) == 1:
            require_unsure(self._activation)
        jobs = [InferenceJob(self._options), *self._jobs]
        for job in jobs:
            job.check(first.unpredicted, self._labels)
        metadata = self._metadata(first)
        with SummaryWriter(self._summary_dir, metadata) as writer:
            # The summary comes first, here and for each record: a sink that raises costs no sample on disk.
            for sink in self._sinks:
                sink.write(metadata)
            counts = self._write_all(self._records(jobs, chain(skipped, [first], items)), [writer, *self._sinks])
        return RunResult(
            summary_dir=self._summary_dir,
            event_file=writer.event_file,
            data_dir=writer.data_dir,
            samples=counts[SampleDone],
            skipped=counts[SampleSkipped],
            maps=counts[Saliency],
            seconds=time.monotonic() - started,
        )

    def _write_all(self, records: Iterable[Record], sinks: Sequence[Sink]) -> Counter[type]:
        """How many records of each type went to the sinks."""
        counts: Counter[type] = Counter()
        with self._progress_bar() as progress, Interrupts() as interrupts:
            for record in records:
                counts[type(record)] += 1
                for sink in sinks:
                    sink.write(record)
                if isinstance(record, SampleDone | SampleSkipped):
                    progress.update()
                    interrupts.check(samples=counts[SampleDone])
        return counts

    def _records(self, jobs: Sequence[Job], items: Iterable[Item]) -> Iterator[Record]:
        """Every record of a run, in order."""
        for job in jobs:
            yield from job.start()
        for item in items:
            if isinstance(item, SampleSkipped):
                yield item
            else:
                yield from self._batch_records(jobs, item)
        for job in jobs:
            yield from job.finish()
        yield RunEnd()

    def _batch_records(self, jobs: Sequence[Job], batch: PredictedBatch) -> Iterator[Record]:
        """Every record of a batch, sample by sample: each is done as soon as every job is done with it.

        A sample that a job cannot work on ends the run or is skipped, as the options say.
        """
        streams = [SampleStream(job, batch) for job in jobs]
        for sample in batch.samples:
            try:
                yield from in_order(streams, sample)
            except BadSampleError as fault:
                if self._options.on_bad_sample == "raise":
                    raise fatal_error(str(fault), sample.sample_id) from fault
                yield SampleSkipped(sample.sample_id, str(fault))
            else:
                yield SampleDone(sample.sample_id)

    def _progress_bar(self) -> Any:
        shown = self._options.progress
        total = sample_count(self._dataset)
        return tqdm(total=total, desc="explaining", unit="image", disable=None if shown is None else not shown)

    def _metadata(self, first: PredictedBatch) -> RunMetadata:
        saliency = next((job for job in self._jobs if isinstance(job, SaliencyJob)), SaliencyJob([]))
        return RunMetadata(
            labels=tuple(self._labels),
            explainers=tuple(explainer.name for explainer in saliency.explainers),
            metrics=tuple(metric.name for metric in saliency.metrics),
            jobs=tuple(job.name for job in self._jobs) + (("benchmark",) if saliency.metrics else ()),
            parameters={
                "network": type(self._network).__name__,
                "provenance": provenance_of(self._network, self._classifier.weights_digest()),
                "activation_fn": type(self._activation).__name__,
                "options": self._options.recorded,
                "label_format": first.samples[0].sample.label_format,
                "explainers": {explainer.name: explainer.parameters for explainer in saliency.explainers},
                "metrics": {metric.name: metric.parameters for metric in saliency.metrics},
                "controls": {control.name: control.parameters for control in saliency.controls},
                **{job.name: dict(job.parameters) for job in self._jobs if hasattr(job, "parameters")},
            },
            package_version=__version__,
        )
