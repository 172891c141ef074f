"""A run over a folder of pictures, put together from the options of `explainer run`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from tqdm.auto import tqdm

from explainer.benchmark import MPRT, EfficientMPRT, Metric
from explainer.command import picture_text, terminal, text
from explainer.command.configuration import CODE_FOLDER, CONFIGURATION
from explainer.command.labelled_pictures import LabelledPictures, Say, labelled_pictures
from explainer.command.names import make_explainers, make_metrics
from explainer.command.network_options import GivenNetwork, size_options_named
from explainer.command.picture_options import PictureOptions
from explainer.counterfactual.windows import SHORTEST_SIDE
from explainer.data.picture_file import pixel_cap
from explainer.data.pictures import PictureSource
from explainer.errors import LabelCountError, LayerError, NoGradientError
from explainer.explanation import Attribution
from explainer.network.engine import default_engine
from explainer.network.of import classifier_of
from explainer.own_code import is_from_here
from explainer.remote import Place
from explainer.run import ray, workers
from explainer.run.estimate import Estimate
from explainer.run.one_run import RunResult
from explainer.run.options import RunOptions
from explainer.run.runner import ImageClassificationRunner
from explainer.summary.folder import require_no_file

_LOG = logging.getLogger("explainer")
_ACTIVATIONS = {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True, kw_only=True)
class FolderRun:
    """The options of `explainer run`, by their names; `explainer run --help` says what each is."""

    network: str
    network_args: tuple[str, ...]
    pictures: PictureOptions
    summary_dir: Place
    checkpoint: Path | None
    explainers: str
    metrics: str
    hierarchical_occlusion: bool
    uncertainty: str | None
    activation: str
    batch_size: int
    top_k: int
    control_samples: int | str | None
    raw_maps: str | None
    engine: str | None
    device: str
    on_bad_sample: str
    resume: bool
    shard: tuple[int, int] | str | None = None
    workers: int | str | None = None
    ray: str | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)

    @property
    def given_network(self) -> GivenNetwork:
        """Which network is explained."""
        return GivenNetwork(network=self.network, network_args=self.network_args, checkpoint=self.checkpoint)

    @property
    def run_options(self) -> RunOptions:
        """The options of the runner."""
        return RunOptions(
            batch_size=self.batch_size,
            top_k=self.top_k,
            preprocess=self.pictures.made,
            label_format="ids",
            on_bad_sample=self.on_bad_sample,
            control_samples=self.control_samples,
            raw_maps=self.raw_maps,
            engine=self.engine or default_engine(),
            device=self.device,
            provenance=self.provenance,
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """Where network, weights and pictures come from, and the options that were given."""
        given = {"network_factory": " ".join((self.network, *self.network_args)), "checkpoint": self.checkpoint}
        found: dict[str, Any] = {name: str(value) for name, value in given.items() if value is not None}
        configured = {CONFIGURATION: dict(self.configuration)} if self.configuration else {}
        here = {CODE_FOLDER: str(Path.cwd())} if is_from_here(self.network.partition(":")[0]) else {}
        return found | self.pictures.provenance | configured | here


def run_folder(options: FolderRun) -> RunResult:
    """Explains the pictures of a folder and writes the summary; where it is and what is in it.

    Raises:
        TypeError, ValueError: an option that does not fit; says which.
        OSError: a file that cannot be read.
    """
    if options.workers is not None or options.ray is not None:
        with _told_by_options(options):
            return _run_shared(options)
    runner = _runner(options)
    with _told_by_options(options):
        return runner.run(resume=options.resume, shard=options.shard)


def _run_shared(options: FolderRun) -> RunResult:
    """By several processes, of this machine or of Ray's."""
    make = partial(_made_by_worker, options)
    count = options.workers or workers.AUTO
    if options.ray is None:
        return workers.run(make, options.summary_dir, workers=count, resume=options.resume)
    return ray.run(make, options.summary_dir, workers=count, address=options.ray, resume=options.resume)


def _made_by_worker(options: FolderRun, summary_dir: Path) -> ImageClassificationRunner:
    """The runner of a process that has nothing else to do; what it has to say goes to the one who gives out samples."""
    ExitStack().enter_context(pixel_cap(options.pictures.decoding))
    return _runner(replace(options, summary_dir=summary_dir), _LOG.warning)


def estimate_folder(options: FolderRun) -> Estimate:
    """What explaining the pictures of a folder will take; nothing is written.

    Raises:
        TypeError, ValueError, OSError: as for `run_folder`.
    """
    runner = _runner(options)
    with _told_by_options(options):
        return runner.estimate()


def _runner(options: FolderRun, say: Say = terminal.print_error) -> ImageClassificationRunner:
    require_no_file("--summary-dir", options.summary_dir)
    if options.hierarchical_occlusion:
        _require_room_for_windows(options.pictures)
    pictures = labelled_pictures(options.pictures, say)
    labels = pictures.labels
    network = options.given_network.made(len(labels))
    if options.checkpoint is None and not options.given_network.is_graph:
        say(text.weights_of_the_factory(options.network))
    activation = _ACTIVATIONS[options.activation]()
    explainers = make_explainers(options.explainers, network, activation)
    metrics = make_metrics(options.metrics, len(labels), activation)
    if options.given_network.is_graph:
        _require_outputs_alone(explainers, metrics, options.pictures.made.image_shape)
    _require_boxes(metrics, pictures)
    source = _source(pictures, options.pictures, say)
    data = GeneratorDataset(source, source.columns, shuffle=False), labels
    runner = ImageClassificationRunner(options.summary_dir, data, network, activation, options=options.run_options)
    runner.register_saliency(explainers, metrics)
    if options.hierarchical_occlusion:
        runner.register_hierarchical_occlusion()
    if options.uncertainty == "dropout":
        classifier_of(network).require_dropout()  # it is asked for by name, so nothing takes its place
    if options.uncertainty is not None:
        runner.register_uncertainty(augment=None if options.uncertainty == "dropout" else options.uncertainty)
    return runner


def _require_room_for_windows(options: PictureOptions) -> None:
    side = min(options.made.image_shape[1:])
    if side < SHORTEST_SIDE:
        raise ValueError(
            f"--hierarchical-occlusion needs pictures with a short side of at least {SHORTEST_SIDE} pixels, whose half "
            f"is its first window, got {side}; give a larger --size, or leave it out"
        )


def _require_boxes(metrics: Sequence[Metric], pictures: LabelledPictures) -> None:
    in_need = next((metric.name for metric in metrics if "boxes" in metric.needs), None)
    if in_need is not None and not pictures.has_boxes:
        raise ValueError(picture_text.no_boxes(in_need))


@contextmanager
def _told_by_options(options: FolderRun) -> Iterator[None]:
    """Pictures are decoded as asked for; a size or a number of labels that does not fit is told by its option."""
    try:
        with pixel_cap(options.pictures.decoding), size_options_named():
            yield
    except LabelCountError as error:
        told = picture_text.labels_do_not_fit(options.pictures.labels_option, error.outputs, error.labels)
        raise LabelCountError(told, outputs=error.outputs, labels=error.labels) from error


def _require_outputs_alone(
    explainers: list[Attribution], metrics: list[Metric], image_shape: tuple[int, int, int]
) -> None:
    """Raises what a graph cannot do, by the name of the explainer or metric that needs it."""
    for explainer in explainers:
        try:
            explainer.check(np.zeros((1, *image_shape), np.float32))
        except (LayerError, NoGradientError) as error:
            raise type(error)(f"{explainer.name}: {error}") from error
    for metric in metrics:
        if isinstance(metric, MPRT | EfficientMPRT):
            raise LayerError(
                f"{metric.name}: it shuffles the weights of layers, and a MindIR file has none by name; leave it out"
            )


def _source(pictures: LabelledPictures, options: PictureOptions, say: Say) -> PictureSource:
    if options.mean is None and options.std is None and options.preprocess is None:
        say(picture_text.PIXELS_AS_THEY_ARE)
    return PictureSource(
        pictures.pictures,
        options.made,
        options.decoding,
        with_boxes=pictures.has_boxes,
        note=partial(_note, say),
        description=pictures.description,
    )


def _note(say: Say, text: str) -> None:
    """Tells of a picture while others are read; a progress bar makes room."""
    with tqdm.external_write_mode(sys.stderr):
        say(f"--images: {text}")
