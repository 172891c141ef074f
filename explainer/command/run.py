"""`explainer run`: a network named on the command line and a folder of pictures, through the runner."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from explainer import benchmark, explanation
from explainer.benchmark.base import Metric
from explainer.checks import did_you_mean, require_choice
from explainer.explanation.base import Attribution
from explainer.run.options import RunOptions
from explainer.run.runner import ImageClassificationRunner, RunResult

_ENDINGS = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
_NOT_FOR_A_COMMAND = ("network", "activation_fn", "num_labels", "reshape_transform", "method", "curve_fills")
_METHODS: dict[str, type[Attribution]] = {
    name: getattr(explanation, name) for name in explanation.__all__ if name != "Attribution"
}
_METRICS: dict[str, type[Metric]] = {
    name: kind
    for name in benchmark.__all__
    if issubclass(kind := getattr(benchmark, name), Metric) and not inspect.isabstract(kind)
}


@dataclass(frozen=True)
class Picture:
    """A file and its label, -1 where that is unknown."""

    path: Path
    label: int


def run_folder(options: argparse.Namespace) -> RunResult:
    """Runs what the command line asks for.

    Raises:
        ValueError: an argument that does not fit; says which.
        OSError: a file that cannot be read.
    """
    _require_sizes(options)
    labels = read_labels(options.labels)
    pictures = find_pictures(options.images, labels)[: options.limit]
    network = load_network(options.network, options.checkpoint, len(labels))
    activation = nn.Softmax() if options.activation == "softmax" else nn.Sigmoid()
    explainers = make_explainers(options.explainers, network, activation)
    metrics = make_metrics(options.metrics, len(labels), activation)
    dataset = GeneratorDataset(_Pictures(pictures, options), ["image", "label"], shuffle=False)
    runner = ImageClassificationRunner(
        options.summary_dir,
        (dataset, labels),
        network,
        activation,
        options=RunOptions(
            batch_size=options.batch_size,
            top_k=options.top_k,
            mean=options.mean,
            std=options.std,
            label_format="ids",
            progress=None,
        ),
    )
    runner.register_saliency(explainers, metrics)
    if options.hierarchical_occlusion:
        runner.register_hierarchical_occlusion()
    if options.uncertainty is not None:
        runner.register_uncertainty(augment=None if options.uncertainty == "dropout" else options.uncertainty)
    return runner.run()


def read_labels(path: Path) -> list[str]:
    """The class names of a file, one per line, blank lines left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"--labels {path} could not be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"--labels {path} must be UTF-8 text: {error.reason} at byte {error.start}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def find_pictures(folder: Path, labels: list[str]) -> list[Picture]:
    """The pictures of a folder, sorted by path; a subfolder named like a label gives its pictures that label."""
    if not folder.is_dir():
        raise ValueError(f"--images must be a folder, got {folder}")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file())
    if not files:
        raise ValueError(f"--images must hold pictures ({', '.join(sorted(_ENDINGS))}), found none in {folder}")
    numbers = {label: number for number, label in enumerate(labels)}
    return [Picture(path, numbers.get(path.relative_to(folder).parts[0], -1)) for path in files]


def load_network(name: str, checkpoint: Path | None, class_count: int) -> nn.Cell:
    """The network that a factory makes, every weight of it from the checkpoint; without one, as the factory made it."""
    network = _factory(name, class_count)()
    if not isinstance(network, nn.Cell):
        raise TypeError(f"--network {name} must make a mindspore.nn.Cell, made {type(network).__name__}")
    if checkpoint is None:
        print(f"no --checkpoint: {name} is explained with the weights that its factory gives it", file=sys.stderr)
    else:
        if not checkpoint.is_file():
            raise ValueError(f"--checkpoint must be a file, got {checkpoint}")
        _load(network, checkpoint)
    return network.set_train(False)


def _load(network: nn.Cell, checkpoint: Path) -> None:
    try:
        missing, _ = mindspore.load_param_into_net(network, mindspore.load_checkpoint(str(checkpoint)))
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise ValueError(f"--checkpoint {checkpoint} does not fit the network: {reason}") from error
    if missing:
        raise ValueError(
            f"--checkpoint {checkpoint} lacks {len(missing)} weights of the network, the first {missing[0]!r}; "
            "explanations of a half-loaded network mean nothing"
        )


def make_explainers(text: str, network: nn.Cell, activation: nn.Cell) -> list[Attribution]:
    """The explainers of a list such as "Gradient,GradCAM:layer=conv2"; options are separated by ":"."""
    return _make_all("--explainers", _METHODS, text, {"network": network, "activation_fn": activation})


def make_metrics(text: str, label_count: int, activation: nn.Cell) -> list[Metric]:
    """The metrics of a list such as "Sparseness,Faithfulness:metric=DeletionAUC:steps=16"."""
    return _make_all("--metrics", _METRICS, text, {"num_labels": label_count, "activation_fn": activation})


def _make_all(option: str, kinds: Mapping[str, Callable[..., Any]], text: str, given: dict[str, Any]) -> list[Any]:
    return [_make(option, kinds, entry.strip(), given) for entry in text.split(",") if entry.strip()]


def _make(option: str, kinds: Mapping[str, Callable[..., Any]], entry: str, given: dict[str, Any]) -> Any:
    """What an entry NAME:KEY=VALUE:... stands for, made of its settings and of what is given that it takes."""
    name, *settings = entry.split(":")
    require_choice(option, name, kinds)
    accepted = inspect.signature(kinds[name]).parameters
    known = [key for key in accepted if key not in _NOT_FOR_A_COMMAND]
    arguments = dict(_setting(option, setting, name, known) for setting in settings)
    return kinds[name](**{key: value for key, value in given.items() if key in accepted}, **arguments)


def _setting(option: str, setting: str, name: str, known: list[str]) -> tuple[str, Any]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise ValueError(f"{option}: options of {name} are written key=value, got {setting!r}")
    require_choice(f"{option}: option of {name}", key, known)
    return key, value if key in ("layer", "name") else _value(value)


def _value(text: str) -> Any:
    """A number, "true" or "false", a pair such as 16x16, or the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    pair = text.split("x")
    if len(pair) == 2 and all(part.isdecimal() for part in pair):
        return int(pair[0]), int(pair[1])
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


def _factory(name: str, class_count: int) -> Callable[[], Any]:
    module_name, colon, factory_name = name.partition(":")
    if not colon or not factory_name:
        raise ValueError(f"--network must be MODULE:FACTORY or mindcv:NAME, got {name!r}")
    if module_name == "mindcv":
        return _mindcv_factory(factory_name, class_count)
    sys.path.insert(0, "")
    try:
        factory = getattr(importlib.import_module(module_name), factory_name, None)
    except ImportError as error:
        raise ValueError(f"--network: could not import {module_name!r} ({error}); is it on the Python path?") from error
    finally:
        sys.path.remove("")
    if not callable(factory):
        raise ValueError(f"--network: {module_name} has no function {factory_name!r}")
    made: Callable[[], Any] = factory
    return made


def _mindcv_factory(name: str, class_count: int) -> Callable[[], Any]:
    try:
        from mindcv.models import create_model, list_models
    except ImportError as error:
        raise ValueError(f"--network mindcv:{name} needs MindCV: pip install mindcv ({error})") from error
    known = list_models()
    if name not in known:
        raise ValueError(f"--network: MindCV has no network {name!r}{did_you_mean(name, known)}")
    factory: Callable[[], Any] = partial(create_model, name, num_classes=class_count, pretrained=False)
    return factory


class _Pictures:
    """The source of a GeneratorDataset: (image (C, H, W) float32, label int32) per picture."""

    def __init__(self, pictures: list[Picture], options: argparse.Namespace) -> None:
        self._pictures = pictures
        self._mode = "L" if options.channels == 1 else "RGB"
        self._size = tuple(options.size)
        self._mean = _per_channel("--mean", options.mean, options.channels)
        self._std = _per_channel("--std", options.std, options.channels)

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, place: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        picture = self._pictures[place]
        pixels = _read(picture.path, self._mode, self._size)
        image = (pixels.astype(np.float32) / 255).reshape(*self._size, -1).transpose(2, 0, 1)
        return ((image - self._mean) / self._std).astype(np.float32), np.array(picture.label, np.int32)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        return (self[place] for place in range(len(self)))


def _read(path: Path, mode: str, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """The pixels of a picture, resized to (H, W)."""
    try:
        with Image.open(path) as image:
            shallow = _eight_bits(image) if image.mode.startswith("I") else image
            return np.asarray(shallow.convert(mode).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"could not read the picture {path}: {error}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 bits in 8; Pillow's own conversion cuts everything above 255."""
    return Image.fromarray((np.asarray(image).astype(np.float64) / 257).round().clip(0, 255).astype(np.uint8))


def _require_sizes(options: argparse.Namespace) -> None:
    if min(options.size) < 1:
        raise ValueError(f"--size must be at least 1 1, got {options.size[0]} {options.size[1]}")
    if options.limit is not None and options.limit < 1:
        raise ValueError(f"--limit must be at least 1, got {options.limit}")


def _per_channel(name: str, values: list[float], channels: int) -> NDArray[np.float32]:
    if len(values) not in (1, channels):
        raise ValueError(f"{name} must have 1 or {channels} values for {channels} channels, got {len(values)}")
    return np.array(values, np.float32).reshape(-1, 1, 1)
