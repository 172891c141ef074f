"""The runner: registers jobs, checks everything, goes over the data once and fans the records out to the sinks."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from explainer.benchmark.base import Metric
from explainer.checks import require_distinct, require_flag, require_type
from explainer.counterfactual.search import HierarchicalOcclusion
from explainer.data.batch import Batch, Sample
from explainer.data.mindspore_dataset import has_boxes, read_batches, require_dataset, sample_count
from explainer.errors import BadSampleError, NetworkOutputError
from explainer.explanation.base import Attribution
from explainer.explanation.controls import CentreControl, RandomControl
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.of import require_network
from explainer.records import Record, RunEnd, RunMetadata, Saliency, SampleDone, SampleSkipped
from explainer.run.hierarchical_occlusion import HierarchicalOcclusionJob
from explainer.run.inference import InferenceJob
from explainer.run.job import Examined, ExaminedBatch, Job, Sink
from explainer.run.options import RunOptions
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

_RESERVED = ("network", "activation_fn", "options", "label_format", "explainers", "metrics", "controls", "benchmark")


@dataclass(frozen=True)
class RunResult:
    """Where a run wrote and what.

    Attributes:
        summary_dir: the job folder.
        event_file: the file of the records.
        data_dir: the folder of the pictures.
        samples: how many samples are whole.
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
        self._dataset, self._labels = _require_data(data)
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
            explainers: the methods, of distinct names, made for the runner's very network.
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
        _require_explainers(explainers, self._network)
        _require_metrics(metrics, has_boxes(self._dataset), len(self._labels))
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
        _require_members("job", job, ("name", "check", "start", "on_batch", "finish"))
        _require_recordable(job)
        if job.name in (InferenceJob.name, *(other.name for other in self._jobs)):
            raise RuntimeError(f"a job named {job.name!r} was registered before; give this one another name")
        self._jobs.append(job)

    def register_sink(self, sink: Sink) -> None:
        """Registers a consumer of your own, which gets every record beside the summary; see docs/write-a-consumer.md.

        It is closed at the end of each run; one that serves several runs must take records after `close`.

        Raises:
            TypeError: the sink lacks `write` or `close`.
        """
        _require_members("sink", sink, ("write", "close"))
        self._sinks.append(sink)

    def run(self) -> RunResult:
        """Explains every sample and writes the summary; what it wrote and where.

        All checks come before the first file. Each sample is on disk as soon as it is whole: whatever ends the run, the
        samples before stay.

        Raises:
            ValueError: no samples, wrong columns, a network that does not fit the labels, or (unless the options say
                otherwise) a sample that is not finite.
            TypeError: columns of a wrong type.
            RuntimeError: no job was registered, uncertainty without saliency, or the disk refused.
        """
        names = {job.name for job in self._jobs}
        if not names:
            raise RuntimeError("nothing to do: call register_saliency (or register) before run")
        if UncertaintyJob.name in names and SaliencyJob.name not in names:
            raise RuntimeError(
                "register_uncertainty was called without register_saliency; MindInsight shows uncertainty on the "
                "saliency page alone, so register saliency, too, or ask explainer.uncertainty itself"
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
        items = self._examine_all()
        head = self._first_items(items)
        if len(self._labels) == 1:
            _require_unsure(self._activation)
        jobs = [InferenceJob(self._options), *self._jobs]
        for job in jobs:
            job.check(_batch_of(head[-1]), self._labels)
        metadata = self._metadata(head[-1])
        with SummaryWriter(self._summary_dir, metadata) as writer:
            for sink in self._sinks:
                sink.write(metadata)
            counts = self._write_all(self._records(jobs, _chained(head, items)), [writer, *self._sinks])
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
        with self._progress_bar() as progress:
            for record in records:
                counts[type(record)] += 1
                for sink in sinks:
                    sink.write(record)
                if isinstance(record, SampleDone | SampleSkipped):
                    progress.update()
        return counts

    def _records(self, jobs: Sequence[Job], items: Iterable[ExaminedBatch | SampleSkipped]) -> Iterator[Record]:
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

    def _batch_records(self, jobs: Sequence[Job], batch: ExaminedBatch) -> Iterator[Record]:
        """Every record of a batch, sample by sample: each is done as soon as every job is done with it.

        A sample that a job cannot work on ends the run or is skipped, as the options say.
        """
        streams = [SampleStream(job, batch) for job in jobs]
        for case in batch.cases:
            try:
                yield from in_order(streams, case)
            except BadSampleError as fault:
                if self._options.on_bad_sample == "raise":
                    raise _fatal(str(fault), case.sample_id) from fault
                yield SampleSkipped(case.sample_id, str(fault))
            else:
                yield SampleDone(case.sample_id)

    def _progress_bar(self) -> Any:
        shown = self._options.progress
        total = sample_count(self._dataset)
        return tqdm(total=total, desc="explaining", unit="image", disable=None if shown is None else not shown)

    def _first_items(self, items: Iterator[ExaminedBatch | SampleSkipped]) -> list[ExaminedBatch | SampleSkipped]:
        """What comes up to the first batch, that batch included."""
        skipped: list[SampleSkipped] = []
        for item in items:
            if isinstance(item, ExaminedBatch):
                return [*skipped, item]
            skipped.append(item)
        why = f"; all {len(skipped)} were skipped, the first because {skipped[0].reason}" if skipped else ""
        raise ValueError(f"`data[0]` must have at least one sample to explain, got none{why}")

    def _examine_all(self) -> Iterator[ExaminedBatch | SampleSkipped]:
        """The whole dataset, examined; a sample that is not finite ends it or is skipped, as the options say."""
        options = self._options
        for batch in read_batches(self._dataset, len(self._labels), options.batch_size, options.label_format):
            cases, faults = self._examine(batch)
            fatal = faults[0] if faults and self._options.on_bad_sample == "raise" else None
            if fatal is not None:
                cases = [case for case in cases if case.sample_id < fatal.sample_id]
            if cases:
                yield ExaminedBatch(tuple(cases))
            if fatal is not None:
                raise _fatal(fatal.reason, fatal.sample_id)
            yield from faults

    def _examine(self, batch: Batch) -> tuple[list[Examined], list[SampleSkipped]]:
        samples = [sample for sample in batch.samples if np.isfinite(sample.image).all()]
        faults = [_fault(sample, "image") for sample in batch.samples if sample not in samples]
        if not samples:
            return [], faults
        probabilities = self._classifier.clean_probabilities(Batch(tuple(samples)).images)
        self._require_class_count(probabilities.shape[1])
        finite = np.isfinite(probabilities).all(axis=1)
        faults += [_fault(sample, "output") for sample, good in zip(samples, finite, strict=True) if not good]
        cases = [
            self._examined(sample, row)
            for sample, row, good in zip(samples, probabilities, finite, strict=True)
            if good
        ]
        return cases, sorted(faults, key=lambda fault: fault.sample_id)

    def _examined(self, sample: Sample, probabilities: np.ndarray[Any, np.dtype[np.float32]]) -> Examined:
        predicted = tuple(np.flatnonzero(probabilities > self._options.threshold).tolist())
        ranked = np.argsort(-probabilities, kind="stable")
        explained = {*sample.labels, *predicted, *ranked[: self._options.top_k].tolist()} or {int(ranked[0])}
        return Examined(sample, probabilities, predicted, tuple(sorted(explained)))

    def _require_class_count(self, class_count: int) -> None:
        if class_count != len(self._labels):
            raise NetworkOutputError(
                f"`data[1]` must name each of the network's {class_count} outputs, got {len(self._labels)} labels; "
                "they must have the order of the outputs"
            )

    def _metadata(self, first: ExaminedBatch | SampleSkipped) -> RunMetadata:
        saliency = next((job for job in self._jobs if isinstance(job, SaliencyJob)), SaliencyJob([]))
        return RunMetadata(
            labels=tuple(self._labels),
            explainers=tuple(explainer.name for explainer in saliency.explainers),
            metrics=tuple(metric.name for metric in saliency.metrics),
            jobs=tuple(job.name for job in self._jobs) + (("benchmark",) if saliency.metrics else ()),
            parameters={
                "network": type(self._network).__name__,
                "activation_fn": type(self._activation).__name__,
                "options": self._options.recorded,
                "label_format": _batch_of(first).samples[0].label_format,
                "explainers": {explainer.name: explainer.parameters for explainer in saliency.explainers},
                "metrics": {metric.name: metric.parameters for metric in saliency.metrics},
                "controls": {control.name: control.parameters for control in saliency.controls},
                **{job.name: dict(job.parameters) for job in self._jobs if hasattr(job, "parameters")},
            },
            package_version=__version__,
        )


def _require_recordable(job: Any) -> None:
    """Raises TypeError or ValueError unless a summary can keep the job's name and, where it has any, its parameters."""
    require_type("job.name", job.name, str, "a string")
    if job.name in _RESERVED:
        raise ValueError(
            f"`job.name` must not be one of {', '.join(_RESERVED)}, which a summary uses, got {job.name!r}"
        )
    parameters = getattr(job, "parameters", {})
    require_type("job.parameters", parameters, Mapping, "a mapping of names to JSON values, which the summary keeps")
    try:
        json.dumps(dict(parameters))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`job.parameters` of {job.name!r} must hold JSON values (numbers, strings, lists, ...), as the summary "
            f"keeps them: {error}"
        ) from error


def _chained(head: list[Any], tail: Iterator[Any]) -> Iterator[Any]:
    while head:
        yield head.pop(0)
    yield from tail


def _batch_of(item: ExaminedBatch | SampleSkipped) -> Batch:
    assert isinstance(item, ExaminedBatch)
    return Batch(tuple(case.sample for case in item.cases))


def _fatal(reason: str, sample_id: int | None) -> BadSampleError:
    return BadSampleError(f'{reason}; RunOptions(on_bad_sample="skip") leaves such samples out', sample_id=sample_id)


def _fault(sample: Sample, what: str) -> SampleSkipped:
    return SampleSkipped(sample.sample_id, f"the {what} of sample {sample.sample_id} has a NaN or an infinity")


def _require_data(data: Any) -> tuple[Any, list[str]]:
    require_type("data", data, tuple, "a tuple (dataset, labels)")
    if len(data) != 2:
        raise ValueError(f"`data` must be a tuple of two, (dataset, labels), got {len(data)} entries")
    dataset, labels = data
    require_dataset(dataset)
    require_type("data[1]", labels, list, "a list of strings, the labels")
    for place, label in enumerate(labels):
        require_type(f"data[1][{place}]", label, str, "a string")
    if not labels:
        raise ValueError("`data[1]` must name every class, got an empty list")
    for place, label in enumerate(labels):
        _require_text(place, label)
    blank = [place for place, label in enumerate(labels) if not label.strip()]
    if blank:
        raise ValueError(f"`data[1]` must not hold blank labels, label {blank[0]} is {labels[blank[0]]!r}")
    require_distinct("data[1]", labels, "results are filed under the label's name")
    return dataset, list(labels)


def _require_text(place: int, label: str) -> None:
    try:
        label.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"`data[1]` must hold text, label {place} is {label!r}: {error.reason}") from error


def _require_unsure(activation: Any) -> None:
    """Raises NetworkOutputError for an activation that is 1 for the logit 0 of the only class, as softmax is."""
    probability = MindSporeClassifier(activation).outputs(np.zeros((1, 1), np.float32))
    if np.array_equal(probability, [[1]]):
        raise NetworkOutputError(
            f"`activation_fn` must tell how probable the only class is, got {type(activation).__name__}, which is 1 "
            "for the logit 0; a softmax of one output is always 1, so give nn.Sigmoid() (--activation sigmoid)"
        )


def _require_explainers(explainers: Any, network: Any) -> None:
    require_type("explainers", explainers, list, "a list of explainers")
    if not explainers:
        raise ValueError("`explainers` must hold at least one explainer, got an empty list")
    for place, explainer in enumerate(explainers):
        require_type(f"explainers[{place}]", explainer, Attribution, "an explainer of explainer.explanation")
        if explainer.network is not network:
            raise ValueError(
                f"`explainers[{place}]` ({explainer.name}) must be made for the runner's very network, got another "
                "instance; its maps would not explain the runner's predictions"
            )
        if not explainer.gives_pictures:
            raise ValueError(
                f"`explainers[{place}]` ({explainer.name}) must give one picture per label, (N, L, H, W), for images "
                "(N, C, H, W); its data_format, per_channel, aggregate or score gives something else, so call it alone"
            )
    require_distinct("explainers", [explainer.name for explainer in explainers], "pass name=... to tell them apart")


def _require_metrics(metrics: Any, boxes: bool, label_count: int) -> None:
    require_type("benchmarkers", metrics, list, "a list of metrics")
    for place, metric in enumerate(metrics):
        require_type(f"benchmarkers[{place}]", metric, Metric, "a metric of explainer.benchmark")
        if "boxes" in metric.needs and not boxes:
            raise ValueError(
                f"`benchmarkers[{place}]` ({metric.name}) needs bounding boxes, but the dataset has no third column; "
                "add the column bboxes or leave this metric out"
            )
        if getattr(metric, "num_labels", label_count) != label_count:
            raise ValueError(
                f"`benchmarkers[{place}]` ({metric.name}) must be made for the runner's {label_count} labels, got "
                f"num_labels={metric.num_labels}"
            )
    require_distinct("benchmarkers", [metric.name for metric in metrics], "metric.named(...) gives one another name")


def _require_members(what: str, value: Any, names: Sequence[str]) -> None:
    missing = [name for name in names if not hasattr(value, name)]
    if missing:
        raise TypeError(f"`{what}` must have {', '.join(names)}, {type(value).__name__} lacks {', '.join(missing)}")
