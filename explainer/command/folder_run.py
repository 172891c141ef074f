"""A run over a folder of pictures, put together from the options of `explainer run`."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from tqdm.auto import tqdm

from explainer.benchmark import MPRT, EfficientMPRT, Metric
from explainer.command import terminal, text
from explainer.command.configuration import CONFIGURATION
from explainer.command.names import make_explainers, make_metrics
from explainer.command.network_options import GivenNetwork, size_options_named
from explainer.data.picture_file import Decoding, pixel_cap
from explainer.data.pictures import Picture, PictureSource, find_pictures, read_labels
from explainer.data.preprocess import Preprocess
from explainer.errors import LayerError, NoGradientError
from explainer.explanation import Attribution
from explainer.network.engine import default_engine
from explainer.network.of import classifier_of
from explainer.run.options import RunOptions
from explainer.run.runner import ImageClassificationRunner, RunResult
from explainer.summary.folder import is_of_a_run

_ACTIVATIONS = {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True, kw_only=True)
class FolderRun:
    """The options of `explainer run`, by their names; `explainer run --help` says what each is.

    Raises:
        ValueError: a size or a number that makes no sense; says which.
    """

    network: str
    network_args: tuple[str, ...]
    images: Path
    labels: Path
    summary_dir: Path
    checkpoint: Path | None
    explainers: str
    metrics: str
    hierarchical_occlusion: bool
    uncertainty: str | None
    activation: str
    size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    batch_size: int
    top_k: int
    limit: int | None
    max_megapixels: float
    bits: int
    control_samples: int | str | None
    raw_maps: str | None
    engine: str | None
    on_bad_sample: str
    resume: bool
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError(f"--size must be at least 1 1, got {self.size[0]} {self.size[1]}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"--limit must be at least 1, got {self.limit}")
        if not 0 < self.max_megapixels < math.inf:
            raise ValueError(f"--max-megapixels must be a number above 0, got {self.max_megapixels:g}")
        for name, values in (("--mean", self.mean), ("--std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(
                    f"{name} must have 1 or {self.channels} values for {self.channels} channels, got {len(values)}"
                )

    @property
    def preprocess(self) -> Preprocess:
        """What pictures become."""
        return Preprocess(self.size, channels=self.channels, mean=self.mean, std=self.std)

    @property
    def given_network(self) -> GivenNetwork:
        """Which network is explained."""
        return GivenNetwork(network=self.network, network_args=self.network_args, checkpoint=self.checkpoint)

    @property
    def decoding(self) -> Decoding:
        """How pictures are decoded."""
        return Decoding(max_megapixels=self.max_megapixels, bits=self.bits)

    @property
    def run_options(self) -> RunOptions:
        """The options of the runner."""
        return RunOptions(
            batch_size=self.batch_size,
            top_k=self.top_k,
            preprocess=self.preprocess,
            label_format="ids",
            on_bad_sample=self.on_bad_sample,
            control_samples=self.control_samples,
            raw_maps=self.raw_maps,
            engine=self.engine or default_engine(),
            provenance=self.provenance,
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """Where network, weights and pictures come from, and the options that were given."""
        factory = " ".join((self.network, *self.network_args))
        given = {"network_factory": factory, "checkpoint": self.checkpoint, "images": self.images}
        found: dict[str, Any] = {name: str(value) for name, value in given.items() if value is not None}
        return found | ({CONFIGURATION: dict(self.configuration)} if self.configuration else {})


def run_folder(options: FolderRun) -> RunResult:
    """Explains the pictures of a folder and writes the summary; where it is and what is in it.

    Raises:
        TypeError, ValueError: an option that does not fit; says which.
        OSError: a file that cannot be read.
    """
    labels = read_labels(options.labels, name="--labels")
    pictures = _pictures(options, labels)[: options.limit]
    network = options.given_network.made(len(labels))
    if options.checkpoint is None and not options.given_network.is_graph:
        terminal.print_error(text.weights_of_the_factory(options.network))
    activation = _ACTIVATIONS[options.activation]()
    explainers = make_explainers(options.explainers, network, activation)
    metrics = make_metrics(options.metrics, len(labels), activation)
    if options.given_network.is_graph:
        _require_outputs_alone(explainers, metrics, (options.channels, *options.size))
    source = PictureSource(pictures, options.preprocess, options.decoding, _note)
    data = GeneratorDataset(source, ["image", "label"], shuffle=False), labels
    runner = ImageClassificationRunner(options.summary_dir, data, network, activation, options=options.run_options)
    runner.register_saliency(explainers, metrics)
    if options.hierarchical_occlusion:
        runner.register_hierarchical_occlusion()
    if options.uncertainty == "dropout":
        classifier_of(network).require_dropout()  # it is asked for by name, so nothing takes its place
    if options.uncertainty is not None:
        runner.register_uncertainty(augment=None if options.uncertainty == "dropout" else options.uncertainty)
    with pixel_cap(options.decoding), size_options_named():
        return runner.run(resume=options.resume)


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


def _pictures(options: FolderRun, labels: list[str]) -> tuple[Picture, ...]:
    found = find_pictures(options.images, labels, is_left_out=is_of_a_run, name="--images")
    for note in text.not_explained(found.others, found.left_out):
        terminal.print_error(f"--images: {note}")
    return found.pictures


def _note(text: str) -> None:
    """Tells of a picture while others are read; a progress bar makes room."""
    with tqdm.external_write_mode(sys.stderr):
        terminal.print_error(f"--images: {text}")
