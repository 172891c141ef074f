"""The runner: registers jobs and checks everything before a run is begun."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from explainer.benchmark.base import Metric
from explainer.checks import require_distinct, require_flag, require_type
from explainer.counterfactual.search import HierarchicalOcclusion
from explainer.data.mindspore_dataset import exact_sample_count, has_boxes, sample_count
from explainer.errors import NoDropoutError
from explainer.explanation.base import Attribution
from explainer.explanation.controls import CentreControl, RandomControl
from explainer.network.of import onnx_classifier_of, require_network
from explainer.remote import RemotePath, place_of
from explainer.representation import line, name_of, short
from explainer.run.control_samples import control_samples_of, require_countable
from explainer.run.crew import require_guard
from explainer.run.estimate import Estimate
from explainer.run.hierarchical_occlusion import HierarchicalOcclusionJob
from explainer.run.inference import InferenceJob
from explainer.run.job import Job, Sink
from explainer.run.launchers import require_same_cut, shard_of
from explainer.run.one_run import OneRun, RunResult, RunSetup
from explainer.run.options import RunOptions
from explainer.run.parts import Parts
from explainer.run.recipe import Recipe, recorded
from explainer.run.registration import (
    require_data,
    require_explainers,
    require_jobs,
    require_members,
    require_metrics,
    require_recordable,
    require_sources,
)
from explainer.run.saliency import SaliencyJob
from explainer.run.uncertainty import UncertaintyJob
from explainer.run.workers import is_for_one, run_shared, worker_count
from explainer.summary.folder import require_no_file
from explainer.summary.staging import staged
from explainer.uncertainty import (
    DRAWS,
    AugmentationUncertainty,
    DropoutUncertainty,
    EnsembleUncertainty,
    Uncertainty,
)


class ImageClassificationRunner:
    """Explains a whole dataset: saliency maps and scores of every sample, written as a summary.

    Args:
        summary_dir: the folder for the summary; made when it is absent. MindInsight lists the folders inside its base
            folder, so give it the folder above this one. A second run in the same folder leaves the first as it is. A
            URL (s3://bucket/folder) gets the summary when the run has ended; see docs/how-to/data-by-url.md.
        data: (dataset, labels): a MindSpore dataset with the columns [images], [images, labels] or [images, labels,
            bboxes], and the names of the classes in the order of the network's outputs. Labels are class ids, or a
            zero or one for each class; see `RunOptions.label_format`.
        network: images (N, C, H, W) -> logits (N, K); given back as it was.
        activation_fn: logits -> probabilities, nn.Softmax() for one label per image, nn.Sigmoid() for several,
            and for a network of one output.
        options: how the run goes about its work.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a `summary_dir` that is a file; labels that are missing, blank or repeated; a dataset without one to
            three columns; a number of `control_samples` for a dataset that cannot be counted before it is read.

    Source: the API of mindspore.explainer 1.3. Differences: one pass over the data, results on disk sample by sample,
    datasets of images alone work, 4 channels work, no process is started unless `workers` asks for it.
    """

    def __init__(
        self,
        summary_dir: str | os.PathLike[str] | RemotePath,
        data: tuple[Any, list[str]],
        network: Any,
        activation_fn: Any,
        *,
        options: RunOptions | None = None,
    ) -> None:
        require_type("summary_dir", summary_dir, (str, os.PathLike, RemotePath), "a path or a URL")
        self._dataset, self._labels = require_data(data)
        require_network("network", network)
        require_network("activation_fn", activation_fn)
        require_type("options", options, (RunOptions, type(None)), "RunOptions")
        self._summary_dir = place_of(summary_dir, "`summary_dir`")
        require_no_file("`summary_dir`", self._summary_dir)
        self._network = network
        self._activation = activation_fn
        self._options = options or RunOptions()
        require_sources(self._options.sources, exact_sample_count(self._dataset))
        require_countable(self._options.control_samples, sample_count(self._dataset))
        classifier = onnx_classifier_of(
            network,
            activation_fn,
            batch_size=self._options.batch_size,
            engine=self._options.engine,
            device=self._options.device,
        )
        self._setup = RunSetup(self._dataset, self._labels, network, activation_fn, self._options, classifier)
        given = {"data": data, "network": network, "activation_fn": activation_fn, "options": options}
        self._recipe = Recipe(type(self), given)

    def __repr__(self) -> str:
        """Where it writes, of what, and what is registered."""
        jobs = [job.name for job in self._setup.jobs]
        options = {} if self._options == RunOptions() else {"options": self._options}
        labels = f"{len(self._labels)} labels"
        return line(
            type(self).__name__,
            short(str(self._summary_dir)),
            labels,
            name_of(self._network),
            registered=jobs,
            **options,
        )

    @property
    def setup(self) -> RunSetup:
        """What it was given, and what was registered."""
        return self._setup

    @recorded
    def register_saliency(
        self, explainers: list[Attribution], benchmarkers: list[Metric] | None = None, *, controls: bool = True
    ) -> None:
        """Registers the methods that explain and the metrics that score them; once per runner.

        Args:
            explainers: the methods, of distinct names, made for the same network object as the runner's.
            benchmarkers: the metrics, of distinct names.
            controls: score a random map and a blob in the middle of the image, too, so that chance has a number; only
                where there are metrics, and by default on a part of the samples (`RunOptions.control_samples`). They
                are in `explainer inspect` and in `read_run`, not in MindInsight.

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
        counts = sample_count(self._dataset), len(explainers), len(scored)
        chosen = control_samples_of(self._options.control_samples, *counts, metrics)
        known: dict[str, Any] = {"label_count": len(self._labels), "stopwatch": self._setup.stopwatch}
        self._setup.jobs.append(SaliencyJob(explainers, metrics, scored, chosen, **known))

    @recorded
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
        self._setup.jobs.append(HierarchicalOcclusionJob(search, mask))

    @recorded
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

        By the network's own dropout; or by several networks, or by changing the images, which need none. Where the
        network has no dropout and neither is asked for, the images are shifted, with a warning of what that tells.

        Args:
            networks: a deep ensemble: networks trained for the same task, as from several checkpoints.
            augment: "shift", "noise" or a function; see `explainer.uncertainty.AugmentationUncertainty`.
            draws: how often each image is predicted; of no meaning for an ensemble.
            seed: what the draws depend on.
            interval: "beta" or "quantile"; see `explainer.uncertainty.posterior.interval_of`.

        Raises:
            TypeError, ValueError: an argument of a wrong type or value; both `networks` and `augment`.
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
            uncertainty = self._own_uncertainty(drawn)
        self._setup.jobs.append(UncertaintyJob(uncertainty))

    def _own_uncertainty(self, drawn: dict[str, Any]) -> Uncertainty:
        """By the network's dropout; where it has none, by shifted images, and a warning."""
        try:
            return DropoutUncertainty(self._network, self._activation, **drawn)
        except NoDropoutError:
            name = type(self._network).__name__
            warnings.warn(
                f"{name} has no dropout, by which register_uncertainty() draws, so its images are shifted a little "
                'instead, as by augment="shift": deviation and interval then tell how far a prediction depends on '
                "where things lie, not how sure the network is. For that give networks=[...], several that were "
                'trained alike; to keep the shifts give augment="shift"',
                UserWarning,
                stacklevel=4,  # that of whoever has called register_uncertainty
            )
            return AugmentationUncertainty(self._network, self._activation, "shift", **drawn)

    @recorded
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
        if job.name in (InferenceJob.name, *(other.name for other in self._setup.jobs)):
            raise RuntimeError(f"a job named {job.name!r} was registered before; give this one another name")
        self._setup.jobs.append(job)

    def register_sink(self, sink: Sink) -> None:
        """Registers a consumer of your own, which gets every record beside the summary; see docs/write-a-consumer.md.

        It is closed at the end of each run; one that serves several runs must take records after `close`.

        Raises:
            TypeError: the sink lacks `write` or `close`.
        """
        require_members("sink", sink, ("write", "close"))
        self._setup.sinks.append(sink)

    def estimate(self) -> Estimate:
        """What a new run will take, in passes, time and bytes, by method, metric and job; `print` shows it as a table.

        The first batch is predicted, and each part of the run tried on its first images; nothing is written. See
        docs/before-a-long-run.md.

        Raises:
            TypeError, ValueError, RuntimeError, EngineError: as `run` does before its first file.
        """
        require_jobs(self._setup.jobs, resume=False)
        return OneRun(self._setup, Path()).estimate()

    def run(
        self,
        *,
        resume: bool = False,
        shard: tuple[int, int] | str | None = None,
        workers: int | str | None = None,
    ) -> RunResult:
        """Explains every sample and writes the summary; what it wrote and where.

        All checks come before the first file. Each sample is on disk as soon as it is complete: whatever ends the run,
        the samples before stay.

        Args:
            resume: go on with the newest unfinished run in the folder, in its file: what is complete is not computed
                again, and totals come from the recorded scores. Where all runs have ended nothing is computed, where
                there is none a new one begins. Network, weights, labels, data, methods, metrics and their settings must
                be those that the run was begun with; the batch size and `on_bad_sample` may be others. The engine
                that began it goes on with it. Consumers get the metadata, what is new, and the totals.
            shard: (index, count), work on one of so many parts of the dataset alone, index from 0: on the samples whose
                number leaves this rest when divided by the count. The summary goes to "shard-<index>-of-<count>" in the
                folder; `explainer.merge` makes one of all. "auto": as msrun, SLURM or MPI say in the environment.
                See docs/scale.md.
            workers: so many processes share the samples, each with a network of its own; "auto": as many as pay, by
                cores and memory. The runner is sent to them as it was put together: its classes and functions must be
                importable, a script must do its work under `if __name__ == "__main__":`, and consumers cannot be sent.
                What cannot be sent is made anew by each, see `explainer.run.workers.run` and docs/how-to/workers.md.

        Raises:
            ValueError: no samples, wrong columns, a network that does not fit the labels, or (unless the options say
                otherwise) a sample that is not finite.
            TypeError: columns of a wrong type, or something that cannot be sent to workers.
            RuntimeError: no job was registered, uncertainty without saliency, a job that cannot be resumed, the disk
                refused, or the folder has parts of a run that workers have not ended.
            WorkerError: a worker died again and again; names the sample that it was at.
            EngineError: ONNX Runtime is asked for and cannot compute the network; says why.
            ResumeError: the run cannot be gone on with, as something is other than it was; says what.
            RunInterrupted: a KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; the samples before are complete.
        """
        require_flag("resume", resume)
        require_jobs(self._setup.jobs, resume)
        if workers is not None:
            return self._run_shared(workers, resume, shard)
        portion = shard_of(shard)
        folder = self._summary_dir if portion is None else self._summary_dir / portion.name
        with staged(folder, resume=resume, progress=self._options.progress) as written:
            Parts(written if portion is None else written.parent).require_none()
            if portion is not None:
                require_same_cut(written.parent, portion)
            result = OneRun(self._setup, written, portion).run(resume=resume)
        return result.at(folder)

    def _run_shared(self, workers: int | str, resume: bool, shard: Any) -> RunResult:
        """By several processes."""
        require_guard()
        count = worker_count(workers, sample_count(self._dataset))
        if shard is not None:
            raise ValueError("`shard` and `workers` are two ways to share a run, got both; give one of them")
        with staged(self._summary_dir, resume=resume, progress=self._options.progress) as written:
            result = self._shared(written, count, resume=resume)
        return result.at(self._summary_dir)

    def _shared(self, folder: Path, count: int, *, resume: bool) -> RunResult:
        if is_for_one(folder, count, resume=resume):
            return OneRun(self._setup, folder).run(resume=resume)
        require_jobs(self._setup.jobs, resume=True)  # as one that dies is gone on with
        if self._setup.sinks:
            raise TypeError(
                "a consumer that was registered cannot be sent to workers; give explainer.run.workers.run a function "
                "that makes the runner, and each worker has a consumer of its own, or read the summary afterwards"
            )
        sent = self._recipe.pickled()
        return run_shared(sent, folder, count, resume=resume, progress=self._options.progress)

    def _require_new(self, name: str, method: str, do: str = "") -> None:
        if any(job.name == name for job in self._setup.jobs):
            raise RuntimeError(f"{method} was called before{do}")
