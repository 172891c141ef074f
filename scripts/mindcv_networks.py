"""Explains networks of MindCV, random weights, with every method: finite, the same compiled and eager, the right layer.

Each is translated for ONNX Runtime, too, and its outputs there held against MindSpore's.

For each network the compiled maps are held against the eager ones, the layer that "auto" chose against the one that a
person would name, and the gradient against finite differences. A network without a ReLU is to be refused by the methods
that change ReLUs. Exit status 1 if anything is otherwise.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from explainer.classifier import LayerOutput
from explainer.errors import EngineError, NoReluError
from explainer.explanation import (
    LIME,
    RISE,
    Attribution,
    Deconvolution,
    GradCAM,
    GradCAMPlusPlus,
    Gradient,
    GuidedBackprop,
    HiResCAM,
    InputXGradient,
    IntegratedGradients,
    KernelSHAP,
    LayerCAM,
    Occlusion,
    ScoreCAM,
    SmoothGrad,
)
from explainer.explanation.layer_layouts import layouts
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.borrowing import reclassed
from explainer.network.mindspore.program import Program
from explainer.network.translation import translated

FloatArray = NDArray[np.float32]
LabelArray = NDArray[np.int64]
Make = Callable[[nn.Cell, int], Attribution]

CLASSES = 10
IMAGES = 2
LABELS = 2  # explained of each image
SIZE = 224
SCORECAM_CHANNELS = 8
REFUSED = NoReluError.__name__
FAIL = "FAIL"

# Relative to the largest value of all maps of a method. The two ways round differently (some 1e-6 of a value), and a
# ReLU whose input is about 0 may fall on the other side, which changes the gradient of what feeds it.
COMPILED_TOLERANCE = 1e-3

# Of the derivative by finite differences. Its steps are such that rounding alone changes it by up to 2 in a hundred;
# beyond that, ReLUs and poolings within a step make the network bend. Sought are a wrong sign, factor or place.
DIFFERENCE_TOLERANCE = 0.1
STEPS = (50.0, 100.0, 200.0, 400.0)  # times the rounding error of the logit, so the logit changes by as much
ROUNDINGS = 8  # evaluations that tell the rounding error
PIXELS = 3


@dataclass(frozen=True)
class Expected:
    """What is to be found in a network: the layer that "auto" chooses, and whether there is a ReLU."""

    layer: str
    relu: bool = True


# The last map before the global pooling; the last tokens before the class token alone counts.
NETWORKS = {
    "resnet18": Expected("layer4"),
    "vgg11": Expected("features"),
    "squeezenet1_1": Expected("classifier.2"),  # a map for each class, whose mean is the logit
    "googlenet": Expected("inception5b"),
    "densenet121": Expected("features"),
    "mobilenet_v2_100": Expected("features"),
    "efficientnet_b0": Expected("features", relu=False),
    "convnext_tiny": Expected("feature", relu=False),
    "vit_b_32_224": Expected("blocks.11.norm1", relu=False),
    "swin_tiny": Expected("norm", relu=False),
}


def _scorecam(network: nn.Cell, size: int) -> ScoreCAM:
    """A pass for each channel, so only the first few of them."""

    def first_channels(values: FloatArray) -> FloatArray:
        layer = LayerOutput("auto", "", values.shape[1:], -1 if values.ndim == 3 else 1)
        return layouts(layer, (size, size))[0].spatial(values)[:, :SCORECAM_CHANNELS]

    return ScoreCAM(network, reshape_transform=first_channels, perturbation_per_eval=4)


# Batches are so small that each method fills four or more: the first two run eagerly, then the network is compiled.
METHODS: Mapping[str, Make] = {
    "Gradient": lambda network, size: Gradient(network, batch_size=1),
    "Deconvolution": lambda network, size: Deconvolution(network, batch_size=1),
    "GuidedBackprop": lambda network, size: GuidedBackprop(network, batch_size=1),
    "GradCAM": lambda network, size: GradCAM(network, "auto", batch_size=1),
    "HiResCAM": lambda network, size: HiResCAM(network, "auto", batch_size=1),
    "LayerCAM": lambda network, size: LayerCAM(network, "auto", batch_size=1),
    "GradCAMPlusPlus": lambda network, size: GradCAMPlusPlus(network, "auto", batch_size=1),
    "InputXGradient": lambda network, size: InputXGradient(network, batch_size=1),
    "IntegratedGradients": lambda network, size: IntegratedGradients(network, steps=4, batch_size=4),
    "SmoothGrad": lambda network, size: SmoothGrad(network, samples=2, batch_size=2),
    "Occlusion": lambda network, size: Occlusion(network, nn.Softmax(), 4, window=size // 2, stride=size // 4),
    "RISE": lambda network, size: RISE(network, nn.Softmax(), 4, masks=8),
    "ScoreCAM": _scorecam,
    "LIME": lambda network, size: LIME(network, nn.Softmax(), 4, grid=2, samples=8),
    "KernelSHAP": lambda network, size: KernelSHAP(network, nn.Softmax(), 4, grid=2, samples=8),
}
CHANGE_RELUS = ("Deconvolution", "GuidedBackprop")
NEED_A_LAYER = ("GradCAM", "HiResCAM", "LayerCAM", "GradCAMPlusPlus", "ScoreCAM")


@dataclass(frozen=True)
class Outcome:
    """What a method gave for a network.

    Attributes:
        method: its name.
        verdict: "ok", the name of the error that was to come, or "FAIL".
        reason: why it failed.
        difference: the largest difference of compiled and eager maps, relative to the largest value.
        compiled: whether MindSpore could compile the network, so that there was something to compare.
        flat: how many of the maps are constant.
        layer: which one was chosen, for the methods that need one.
        seconds: both ways together.
    """

    method: str
    verdict: str
    reason: str = ""
    difference: float | None = None
    compiled: bool = False
    flat: int = 0
    layer: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What was found in a network.

    Attributes:
        difference_error: the gradient's error relative to finite differences.
        translation_error: of the outputs in ONNX Runtime, relative to the largest.
    """

    network: str
    size: int
    outcomes: list[Outcome]
    difference_error: float
    translation_error: float
    failures: list[str]
    seconds: float

    @property
    def layers(self) -> str:
        """The layers that "auto" chose, usually one."""
        return ", ".join(dict.fromkeys(outcome.layer for outcome in self.outcomes if outcome.layer))


def main() -> int:
    """Prints what was found; exit status 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--size", type=int, default=SIZE, help="height and width of the images (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was found there as well, as JSON")
    options = parser.parse_args()
    reports = []
    for name in options.networks:
        reports.append(apart(report_on, name, options.size, options.methods))
        print(_told(reports[-1]), flush=True)
        if options.out:
            options.out.write_text(json.dumps([asdict(report) for report in reports], indent=1), encoding="utf-8")
    print(_table(reports))
    failures = [f"{report.network}: {failure}" for report in reports for failure in report.failures]
    print("\n".join(failures) or f"nothing failed in {len(reports)} networks")
    return int(bool(failures))


def apart(report: Callable[..., Report], *arguments: Any) -> Report:
    """The report of a process of its own: MindSpore keeps what it compiled for as long as a process lives."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_quiet_at_exit) as process:
        return process.submit(report, *arguments).result()


def _quiet_at_exit() -> None:
    """Networks that live to the end no longer count themselves: MindSpore would print a traceback for each."""
    del nn.Cell.__del__


def report_on(name: str, size: int = SIZE, methods: Iterable[str] = tuple(METHODS)) -> Report:
    """What the methods give for a network of MindCV, by name."""
    start = time.perf_counter()
    network, expected = network_of(name, size), NETWORKS[name]
    images = noise(IMAGES, size, seed=1)
    logits = MindSporeClassifier(network).logits(images)
    labels = np.argsort(-logits, axis=1, kind="stable")[:, :LABELS]
    outcomes = [outcome_of(method, network, images, labels, expected) for method in methods]
    error = difference_error(network, images[0], int(labels[0, 0]))
    failures = [f"{outcome.method}: {outcome.reason}" for outcome in outcomes if outcome.verdict == FAIL]
    translation_error = np.nan
    try:
        translation_error = translated(network, images).difference
    except EngineError as refusal:
        failures.append(f"ONNX Runtime: {refusal}")
    if not np.ptp(logits, axis=1).min() > 1e-3:
        failures.append(f"the logits say nothing, so the rest does not either: {logits[0]}")
    if not error <= DIFFERENCE_TOLERANCE:
        failures.append(f"the gradient is {error:.1e} off the finite differences, more than {DIFFERENCE_TOLERANCE}")
    return Report(name, size, outcomes, error, translation_error, failures, time.perf_counter() - start)


def network_of(name: str, size: int) -> nn.Cell:
    """A network of MindCV with random weights, the same each time."""
    from mindcv import create_model

    mindspore.set_seed(0)
    np.random.seed(0)  # some of MindCV's initialisers draw from it
    network: nn.Cell = create_model(name, num_classes=CLASSES, pretrained=False)
    settle(network, noise(4, size, seed=0))
    return network


def settle(network: nn.Cell, images: FloatArray) -> None:
    """Gives every batch norm the statistics of these images.

    With those that it is made with (mean 0, variance 1) the logits of a deep network are 1e-13 or 1e+7, and flat.
    """

    def settling(kind: type[nn.Cell]) -> type[nn.Cell]:
        class Settling(kind):  # type: ignore[valid-type, misc]
            def construct(self, features: Tensor) -> Tensor:
                self.moving_mean.set_data(features.mean((0, 2, 3)))
                self.moving_variance.set_data(features.var((0, 2, 3)))
                return super().construct(features)

        return Settling

    norms = [cell for _, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)]
    network.set_train(False)
    with reclassed({cell: settling(type(cell)) for cell in norms}):
        network(Tensor(images)).asnumpy()


def noise(count: int, size: int, seed: int) -> FloatArray:
    """Normal noise, (count, 3, size, size)."""
    return np.random.default_rng(seed).standard_normal((count, 3, size, size)).astype(np.float32)


def outcome_of(method: str, network: nn.Cell, images: FloatArray, labels: LabelArray, expected: Expected) -> Outcome:
    """What a method gives, compiled and eager."""
    start = time.perf_counter()
    refused = method in CHANGE_RELUS and not expected.relu
    try:
        maps, compiled, layer = maps_of(method, network, images, labels)
        with uncompiled():
            eager_maps, *_ = maps_of(method, network, images, labels)
    except NoReluError as error:
        return Outcome(method, REFUSED) if refused else Outcome(method, FAIL, str(error))
    except Exception as error:  # any other is a finding, too
        return Outcome(method, FAIL, f"{type(error).__name__}: {str(error)[:300]}")
    difference = float(np.abs(maps - eager_maps).max() / max(np.abs(eager_maps).max(), np.finfo(np.float32).tiny))
    faults = [*_faults(maps, difference, layer, expected), *[f"gave maps and no {REFUSED}"] * refused]
    return Outcome(
        method,
        FAIL if faults else "ok",
        " and ".join(faults),
        difference,
        compiled=compiled,
        flat=int((np.ptp(maps, axis=(2, 3)) == 0).sum()),
        layer=layer,
        seconds=time.perf_counter() - start,
    )


def maps_of(method: str, network: nn.Cell, images: FloatArray, labels: LabelArray) -> tuple[FloatArray, bool, str]:
    """The maps (N, L, H, W) of a new explainer, whether any part was compiled, and the layer that it chose, if any."""
    gc.collect()  # the last explainer with what it compiled
    explainer = METHODS[method](network, images.shape[2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning is a finding
        maps: FloatArray = explainer(images, labels)
    compiled = any(found.compiled for found in gc.get_objects() if type(found) is Program)
    return maps, compiled, explainer.parameters.get("chosen_layer", "")


def _faults(maps: FloatArray, difference: float, layer: str, expected: Expected) -> Iterator[str]:
    if not np.isfinite(maps).all():
        yield "maps that are not finite"
    if not difference <= COMPILED_TOLERANCE:
        yield f"compiled and eager maps differ by {difference:.1e}, more than {COMPILED_TOLERANCE}"
    if layer not in ("", expected.layer):
        yield f"'auto' is {layer!r}, not {expected.layer!r}"


@contextmanager
def uncompiled() -> Iterator[None]:
    """What is explained for the first time in here is not compiled."""
    before = os.environ.get("EXPLAINER_COMPILE")
    os.environ["EXPLAINER_COMPILE"] = "off"
    try:
        yield
    finally:
        del os.environ["EXPLAINER_COMPILE"]
        if before is not None:
            os.environ["EXPLAINER_COMPILE"] = before


def difference_error(network: nn.Cell, image: FloatArray, label: int) -> float:
    """How far Gradient is off the logit's change when a pixel is made brighter and darker: the worst of some pixels.

    The sum over the channels is the derivative in the direction of brightness. Logits are float32, so the steps are
    measured by their rounding error; of several steps' derivatives the median counts.
    """
    with uncompiled():
        gradient = Gradient(network, reduction="sum")(image[None], label)[0, 0]
        classifier = MindSporeClassifier(network, batch_size=8)

        def logit(images: FloatArray) -> NDArray[np.float64]:
            return classifier.logits(images)[:, label].astype(np.float64)

        rounding = _rounding(logit, image)
        return max(_error_at(pixel, gradient, logit, image, rounding) for pixel in strongest_pixels(gradient))


def strongest_pixels(gradient: FloatArray) -> list[tuple[int, int]]:
    """(y, x) of the largest absolute value in each of three bands of rows."""
    found = []
    for rows in np.array_split(np.arange(len(gradient)), PIXELS):
        y, x = np.unravel_index(np.abs(gradient[rows]).argmax(), gradient[rows].shape)
        found.append((int(rows[y]), int(x)))
    return found


def _rounding(logit: Callable[[FloatArray], NDArray[np.float64]], image: FloatArray) -> float:
    """The rounding error of the logit: how it varies over images that differ in their last digits."""
    rng = np.random.default_rng(2)
    factors = 1 + 1e-7 * rng.choice([-1, 0, 1], (ROUNDINGS, *image.shape))
    logits = logit((image * factors).astype(np.float32))
    return float(max(logits.std(), np.finfo(np.float32).eps * np.abs(logits).max() / 4))


def _error_at(
    pixel: tuple[int, int],
    gradient: FloatArray,
    logit: Callable[[FloatArray], NDArray[np.float64]],
    image: FloatArray,
    rounding: float,
) -> float:
    """The error of the gradient at a pixel, relative to the finite differences."""
    steps = np.array(STEPS) * rounding / abs(float(gradient[pixel]))
    changed = np.stack([image] * (2 * len(steps)))
    changed[:, :, pixel[0], pixel[1]] += np.concatenate([steps, -steps])[:, None].astype(np.float32)
    brighter, darker = np.split(logit(changed), 2)
    derivative = float(np.median((brighter - darker) / (2 * steps)))
    return abs(float(gradient[pixel]) - derivative) / abs(derivative)


def _told(report: Report) -> str:
    return (
        f"{report.network}: layer {report.layers or '-'}, finite differences {report.difference_error:.1e}, "
        f"ONNX Runtime {report.translation_error:.1e}, "
        f"{len(report.failures)} failures, {report.seconds:.0f} s"
    )


def _table(reports: list[Report]) -> str:
    """A row per method, a column per network: the verdict, and how far compiled and eager maps are apart."""
    names = [outcome.method for outcome in reports[0].outcomes]
    rows = [["", *(report.network for report in reports)], ["layer", *(report.layers for report in reports)]]
    for place, name in enumerate(names):
        rows.append([name, *(_cell(report.outcomes[place]) for report in reports)])
    rows.append(["finite differences", *(f"{report.difference_error:.0e}" for report in reports)])
    rows.append(["ONNX Runtime", *(f"{report.translation_error:.0e}" for report in reports)])
    rows.append(["seconds", *(f"{report.seconds:.0f}" for report in reports)])
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    lines = ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "e: not compiled; f: a constant map among them"])


def _cell(outcome: Outcome) -> str:
    marks = "e" * (outcome.difference is not None and not outcome.compiled) + "f" * bool(outcome.flat)
    return (
        outcome.verdict
        + ("" if outcome.difference is None else f" {outcome.difference:.0e}")
        + f" {marks}" * bool(marks)
    )


if __name__ == "__main__":
    sys.exit(main())
