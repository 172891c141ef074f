"""The options of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.checks import require_choice, require_integer, require_json, require_number, require_type
from explainer.data.batch import SourceFile
from explainer.data.label_column import LABEL_FORMATS
from explainer.data.normalisation import require_mean_and_std
from explainer.data.preprocess import Preprocess
from explainer.network.engine import EngineChoice, default_engine
from explainer.network.onnx.device import CPU
from explainer.remote import place_of
from explainer.representation import of_changed_fields
from explainer.run.control_samples import AUTO, require_control_samples
from explainer.summary.raw_maps import RAW_MAPS

BAD_SAMPLE_POLICIES = ("raise", "skip")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run goes about its work; every field has a default that suits most runs.

    Attributes:
        batch_size: images in one pass through the network, at most; large ones go fewer at a time, see
            `explainer.memory`. The dataset may have any batch size of its own: its rows are regrouped to this one, so
            speed and results do not depend on it.
        threshold: a label counts as predicted, and is explained, when its probability is above this.
        top_k: explain this many most probable labels of each sample too; 0: only ground truth and predicted.
        mean: what was subtracted from each channel, on the scale of [0, 1] or [0, 255] pixels.
        std: what each channel was divided by, on the same scale. With both, pictures show the user's own pixels;
            without, each picture is the image stretched from its minimum to its maximum.
        preprocess: what the images of the dataset went through, so that pictures show the user's own pixels; a summary
            keeps it. Nothing is applied to the images; those of another shape are refused.
        to_display: your own way from an image (C, H, W) float32 to a picture (H, W) or (H, W, 3 or 4) uint8.
        label_format: what the labels column holds. "ids": class ids, one per sample or some, padded outside [0, K).
            "multi-hot": a zero or one for each of the K classes. "auto": what its rows tell, and where they tell
            nothing (zeros and ones of one or two classes), an error that says what to give; up to 256 samples, or 64 MB
            of images, are read before the first is explained.
        on_bad_sample: what an image or an output that is not finite does, or a picture that cannot be read: "raise"
            ends the run (what was finished stays), "skip" leaves the sample out and records why.
        progress: show a progress bar; None: only on a terminal.
        sources: the file that each sample is read from, in the order of the dataset, where there are files: a summary
            keeps their names and a digest of their content.
        control_samples: on how many samples the controls are scored and curves with further fills computed: a number,
            drawn from all of the dataset; "auto": as many as cost up to three tenths of the scores, at least 5 and at
            most 200; None: all. See docs/metrics.md.
        raw_maps: keep each map as floats, too, beside its picture of 256 greys: "float16" (11 binary digits of each
            value, 128 + 2 H W bytes), "float32" (exactly, 128 + 4 H W bytes), or None. `RunView.saliency` reads them.
        engine: what computes the network's outputs for as long as the run goes on, also for explainers and metrics:
            "mindspore", "onnxruntime" (refused where it cannot), or "auto": ONNX Runtime where it gives the same and is
            faster. By default what EXPLAINER_ENGINE in the environment says, else "auto"; see docs/performance.md.
        device: where ONNX Runtime computes: "cpu", or "cuda", a GPU, which needs onnxruntime-gpu; then "auto" is ONNX
            Runtime, or refused. MindSpore has a device of its own, `mindspore.set_device`.
        provenance: what else a summary should keep of where the run comes from, as JSON values, such as {"checkpoint":
            "resnet20.ckpt"}.

    Raises:
        TypeError, ValueError: a field of a wrong type or value.
        EngineError: `device` "cuda", which the ONNX Runtime that is installed has not; says what to install.

    >>> RunOptions(top_k=3)
    RunOptions(top_k=3)
    """

    batch_size: int = 32
    threshold: float = 0.5
    top_k: int = 0
    mean: float | Sequence[float] | None = None
    std: float | Sequence[float] | None = None
    preprocess: Preprocess | None = None
    to_display: Callable[[NDArray[np.float32]], NDArray[np.uint8]] | None = None
    label_format: str = "auto"
    on_bad_sample: str = "raise"
    progress: bool | None = None
    sources: Sequence[str | os.PathLike[str]] | None = None
    control_samples: int | str | None = AUTO
    raw_maps: str | None = None
    engine: str = field(default_factory=default_engine)
    device: str = CPU
    provenance: Mapping[str, Any] = field(default_factory=dict)

    __repr__ = of_changed_fields

    def __post_init__(self) -> None:
        require_integer("batch_size", self.batch_size, 1)
        require_integer("top_k", self.top_k, 0)
        require_number("threshold", self.threshold, 0.0, 1.0)
        require_choice("label_format", self.label_format, LABEL_FORMATS)
        require_choice("on_bad_sample", self.on_bad_sample, BAD_SAMPLE_POLICIES)
        if self.raw_maps is not None:
            require_choice("raw_maps", self.raw_maps, RAW_MAPS)
        require_control_samples(self.control_samples)
        EngineChoice(self.engine, self.device)
        self._check_display()
        self._check_sources()
        require_json("provenance", self.provenance)

    def _check_display(self) -> None:
        if self.mean is not None or self.std is not None:
            require_mean_and_std(self.mean, self.std)
        require_type("preprocess", self.preprocess, (Preprocess, type(None)), "an explainer.Preprocess")
        if self.to_display is not None and not callable(self.to_display):
            raise TypeError(f"`to_display` must be a function, got {type(self.to_display).__name__}")
        ways = {"mean` and `std": self.mean, "preprocess": self.preprocess, "to_display": self.to_display}
        given = [f"`{name}`" for name, way in ways.items() if way is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are ways from an image to its picture: give one of them")

    def _check_sources(self) -> None:
        if isinstance(self.sources, str | bytes) or not isinstance(self.sources, Sequence | None):
            raise TypeError(
                f"`sources` must be a list of paths, one for each sample, got {type(self.sources).__name__}"
            )
        for index, path in enumerate(self.sources or ()):
            require_type(f"sources[{index}]", path, (str, os.PathLike), "a path")

    @property
    def source_files(self) -> list[SourceFile] | None:
        """`sources`, as a dataset takes them."""
        if self.sources is None:
            return None
        places = [place_of(path, f"`sources[{index}]`") for index, path in enumerate(self.sources)]
        return [SourceFile(place.as_posix(), place) for place in places]

    @property
    def recorded(self) -> dict[str, Any]:
        """What a summary keeps of the options, as JSON values."""
        kept = ("batch_size", "threshold", "top_k", "label_format", "on_bad_sample")
        pixels = ("mean", "std") if self.mean is not None else ()
        raw = ("raw_maps",) if self.raw_maps is not None else ()
        recorded = {name: np.asarray(getattr(self, name)).tolist() for name in (*kept, *pixels, *raw)}
        if self.preprocess is not None:
            recorded["preprocess"] = self.preprocess.recorded
        if self.to_display is not None:
            recorded["to_display"] = getattr(self.to_display, "__qualname__", type(self.to_display).__qualname__)
        return recorded
