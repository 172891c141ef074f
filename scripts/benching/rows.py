"""What is measured: a task on a network, the passes that it needs, who else does it, and what is to be reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benching.networks import NETWORKS

OURS, BEFORE = "ours", "before"
MINDSPORE, ONNX = "mindspore", "onnxruntime"
PEER, PEER_LAST, PEER_BATCHED = "peer", "peer, channels last", "peer, batched"
FLOORS = (MINDSPORE, ONNX)
PEERS = (PEER, PEER_LAST, PEER_BATCHED)
COLUMNS = (OURS, BEFORE, *FLOORS, *PEERS)

RULES = {"GuidedBackprop": "guided", "Deconvolution": "deconvolution"}


@dataclass(frozen=True)
class Needs:
    """The passes that a task needs, with whatever clever way: what the floors run.

    Attributes:
        forwards: images through the network.
        gradients: images there and back.
        rule: what the ReLUs pass back: "plain", "guided" or "deconvolution".
        taps: images there, and back to the layer of the class activation maps.
    """

    forwards: int = 0
    gradients: int = 0
    rule: str = "plain"
    taps: int = 0


@dataclass(frozen=True)
class Goal:
    """Ours takes at most so many times what something else takes: a column, or another row of the network by name."""

    of: str
    times: float


@dataclass(frozen=True)
class Work:
    """What a side runs for a row; a floor runs a part, which counts so many times."""

    call: Callable[[], object]
    times: float = 1.0


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        group: rows of a kind; a pattern may choose them.
        name: unique for the network.
        network: the name of one of `networks.NETWORKS`.
        task: what the sides know it by.
        images: how many of the network's images.
        settings: of the task.
        needs: the floors' work; None where no floor makes sense.
        peer: whose code the peers' columns run; "" where nobody has the like.
        goals: what is to be reached.
        quick: whether `--quick` has it.
        left_out: columns that are not asked, and why.
    """

    group: str
    name: str
    network: str
    task: str
    images: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    needs: Needs | None = None
    peer: str = ""
    goals: tuple[Goal, ...] = ()
    quick: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_peak(self) -> bool:
        """Whether the work is done in the process that is asked, so that its peak memory says something."""
        return self.task != "first picture"

    @property
    def key(self) -> str:
        """Its name among all rows."""
        return f"{self.network}: {self.name}"


CNNS = ("ResNet-20", "SqueezeNet", "ResNet-18", "MobileNetV2")
AHEAD = {"ResNet-20": 2.3, "SqueezeNet": 3.0, "MobileNetV2": 3.0, "ResNet-18": 1.15}
NO_RELU6 = {"peer": "captum leaves a ReLU6 as it is"}
TOO_LONG = "left out, as it takes too long"


def selected(pattern: str = "", quick: bool = False) -> list[Row]:
    """The rows whose group, network or name the pattern is found in; only the quick ones, if so asked."""
    found = re.compile(pattern, re.IGNORECASE)
    return [row for row in ROWS if (row.quick or not quick) and found.search(f"{row.group}: {row.key}")]


def named(key: str) -> Row:
    """The row of this key."""
    return next(row for row in ROWS if row.key == key)


def _rows() -> Iterator[Row]:
    yield from _forwards()
    yield from _gradients()
    yield from _activation_maps()
    yield from _perturbations()
    yield from _metrics()
    yield from _labels()
    yield from _searches()
    yield from _uncertainty()
    yield from _sensitivities()
    yield from _wholes()


def _forwards() -> Iterator[Row]:
    for network in (*CNNS, "ViT-B/32"):
        count = 32 if network == "ResNet-20" else 8
        yield Row(
            "forward", f"forward of {count}", network, "forward", count, needs=Needs(count), peer="torch",
            goals=(Goal(ONNX, 1.15),), quick=network in ("ResNet-20", "SqueezeNet"),
        )  # fmt: skip


def _gradient(method: str, network: str, count: int, passes: int = 1, **settings: Any) -> Row:
    plain = (Goal("Gradient", 1.25),) if method in RULES else ()
    return Row(
        "gradient", method, network, method, count, settings,
        Needs(gradients=count * passes, rule=RULES.get(method, "plain")), "captum",
        (Goal(ONNX, 1.15), Goal(PEER, 1 / 1.2), *plain),
        quick=method in ("Gradient", "GuidedBackprop") and network in ("ResNet-20", "SqueezeNet"),
        left_out=NO_RELU6 if network == "MobileNetV2" and method in RULES else {},
    )  # fmt: skip


def _gradients() -> Iterator[Row]:
    for network in (*CNNS, "ViT-B/32"):
        count = 32 if network == "ResNet-20" else 4
        yield _gradient("Gradient", network, count)
        if network != "ViT-B/32":
            yield _gradient("GuidedBackprop", network, count)
        if network in ("ResNet-20", "SqueezeNet"):
            yield _gradient("Deconvolution", network, count)
            yield _gradient("InputXGradient", network, count)
        steps = 50 if network == "ResNet-20" else 16
        yield _gradient("IntegratedGradients", network, 4 if steps == 50 else 1, steps, steps=steps)
        if network in ("ResNet-20", "SqueezeNet"):
            yield _gradient("SmoothGrad", network, 4 if steps == 50 else 1, steps, samples=steps)


def _activation_maps() -> Iterator[Row]:
    for network in (*CNNS, "ViT-B/32"):
        count = 32 if network == "ResNet-20" else 4
        methods = ("GradCAM", "GradCAMPlusPlus", "LayerCAM") if network in ("ResNet-20", "SqueezeNet") else ("GradCAM",)
        for method in methods:
            captum = method == "GradCAM" and network != "ViT-B/32"
            yield Row(
                "gradient", method, network, method, count, needs=Needs(taps=count),
                peer="captum" if captum else "grad-cam", goals=(Goal(ONNX, 1.15), Goal(PEER, 1 / 1.2)),
                quick=method == "GradCAM" and network == "SqueezeNet",
            )  # fmt: skip


def _forward_only(name: str, network: str, task: str, images: int, forwards: int, peer: str, **settings: Any) -> Row:
    ahead = (Goal(PEER, 1 / AHEAD[network]),) if peer and network in AHEAD else ()
    return Row(
        "perturbation", name, network, task, images, settings, Needs(forwards), peer, (Goal(ONNX, 1.15), *ahead),
        quick=name in ("Occlusion 8/4", "Occlusion 32/16") and network in ("ResNet-20", "SqueezeNet"),
    )  # fmt: skip


def _perturbations() -> Iterator[Row]:
    small = "ResNet-20"
    yield _forward_only("Occlusion 8/4", small, "Occlusion", 4, 4 * 50, "captum", window=8, stride=4)
    yield _forward_only("Occlusion 3/1", small, "Occlusion", 1, 901, "captum", window=3, stride=1)
    yield _forward_only("RISE, 1000 masks", small, "RISE", 1, 1000, "", masks=1000)
    yield _forward_only("LIME, 200 samples", small, "LIME", 1, 200, "captum", samples=200)
    yield _forward_only("KernelSHAP, 200 samples", small, "KernelSHAP", 1, 200, "captum", samples=200)
    yield _forward_only("ScoreCAM", small, "ScoreCAM", 4, 4 * 65, "grad-cam")
    for network in ("SqueezeNet", "ResNet-18", "MobileNetV2"):
        yield _forward_only("Occlusion 32/16", network, "Occlusion", 1, 170, "captum", window=32, stride=16)
    yield _forward_only("Occlusion 64/32", "ViT-B/32", "Occlusion", 1, 37, "captum", window=64, stride=32)
    yield _forward_only("RISE, 128 masks", "SqueezeNet", "RISE", 1, 128, "", masks=128)
    yield _forward_only("LIME, 64 samples", "SqueezeNet", "LIME", 1, 64, "captum", samples=64)
    for network, plain, ahead in (("SqueezeNet", 1.8, 6.0), ("ResNet-18", 1.4, 1.7)):
        slow = (PEER_BATCHED, PEER_LAST) if network == "SqueezeNet" else (PEER_BATCHED, PEER_LAST, BEFORE)
        yield Row(
            "perturbation", "Occlusion 16/8", network, "Occlusion", 1, {"window": 16, "stride": 8}, Needs(730),
            "captum", (Goal(ONNX, 1 / plain), Goal(PEER, 1 / ahead)),
            left_out=dict.fromkeys(slow, TOO_LONG),
        )  # fmt: skip


def _metric(name: str, task: str, forwards: int, peer: str, network: str = "ResNet-20", images: int = 8) -> Row:
    ahead = (Goal(PEER, 1 / AHEAD[network]),) if peer and forwards else ()
    floor = (Goal(ONNX, 1.15),) if forwards else ()
    return Row(
        "metric", name, network, task, images, {}, Needs(forwards * images) if forwards else None, peer,
        (*floor, *ahead), quick=name in ("DeletionAUC",) and network == "ResNet-20",
    )  # fmt: skip


def _metrics() -> Iterator[Row]:
    yield _metric("DeletionAUC", "DeletionAUC", 33, "Quantus")
    yield _metric("InsertionAUC", "InsertionAUC", 33, "")
    yield _metric("Infidelity, 100 perturbations", "Infidelity", 101, "captum", images=4)
    yield _metric("ROAD", "ROAD", 18, "grad-cam")
    yield Row(
        "metric", "MaxSensitivity, 10 perturbations", "ResNet-20", "MaxSensitivity", 4,
        needs=Needs(forwards=44, gradients=40), peer="captum", goals=(Goal(ONNX, 1.15), Goal(PEER, 1.0)),
    )  # fmt: skip
    yield Row(
        "metric", "ClassSensitivity", "ResNet-20", "ClassSensitivity", 32, needs=Needs(forwards=32, gradients=64),
        goals=(Goal(ONNX, 1.15),),
    )  # fmt: skip
    yield Row(
        "metric", "RandomLogit", "ResNet-20", "RandomLogit", 8, needs=Needs(gradients=8), peer="Quantus",
        goals=(Goal(PEER, 1.0),),
    )  # fmt: skip
    for name in ("PointingGame", "Sparseness"):
        yield Row("metric", name, "ResNet-20", name, 50, peer="Quantus", goals=(Goal(PEER, 1.0),))
    for network in ("SqueezeNet", "ResNet-18", "MobileNetV2"):
        yield Row(
            "metric", "DeletionAUC, 28 steps", network, "DeletionAUC", 2, {"steps": 28}, Needs(2 * 29), "Quantus",
            (Goal(ONNX, 1.15), Goal(PEER, 1 / AHEAD[network])),
        )  # fmt: skip


def _labels() -> Iterator[Row]:
    """Metrics for all ten labels of one image."""
    passes = {"NaiveFaithfulness": 32 * 10 + 1, "DeletionAUC": 33 * 10, "InsertionAUC": 33 * 10, "ROAD": 18 * 10}
    for task, forwards in (passes | {"Infidelity": 101}).items():
        yield Row(
            "labels", f"{task}, 10 labels", "ResNet-20", task, settings={"labels": 10}, needs=Needs(forwards),
            goals=(Goal(ONNX, 1.15),),
        )  # fmt: skip
    yield Row(
        "labels", "Robustness, 10 labels", "ResNet-20", "Robustness", settings={"labels": 10},
        needs=Needs(forwards=11, gradients=100), goals=(Goal(ONNX, 1.15),),
    )  # fmt: skip


def _searches() -> Iterator[Row]:
    """The floors run the network at 224 px alone, where the search asks for 330 pictures."""
    for size in (64, 112, 224):
        yield Row(
            "hierarchical occlusion", f"hierarchical occlusion, {size} px", "SqueezeNet", "hierarchical",
            settings={"size": size}, needs=Needs(330) if size == 224 else None,
            goals=(Goal(BEFORE, 1 / 3),) if size == 224 else (),
        )  # fmt: skip


def _uncertainty() -> Iterator[Row]:
    yield Row("uncertainty", "dropout, 20 draws", "SqueezeNet", "dropout", settings={"draws": 20}, needs=Needs(20))
    yield Row(
        "uncertainty", "augmentation, 50 draws", "ResNet-20", "augmentation", 8, {"draws": 50}, Needs(400),
        goals=(Goal(ONNX, 1.15),),
    )  # fmt: skip


def _sensitivities() -> Iterator[Row]:
    for size, ahead in ((24, 10), (48, 15), (64, 20)):
        yield Row(
            "sensitivity", "OcclusionSensitivity", f"two convolutions, {size} px", "OcclusionSensitivity",
            needs=Needs(3 * size * size), peer="mindspore.train", goals=(Goal(PEER, 1 / ahead),), quick=size == 24,
        )  # fmt: skip


def _wholes() -> Iterator[Row]:
    yield Row("writer", "writer, 50 samples of 3 maps", "ResNet-20", "writer", 50, peer="PNGs", goals=(Goal(PEER, 1),))
    runner = "runner, 50 images, equal work"
    yield Row("runner", runner, "ResNet-20", "runner", 50, peer="captum + Quantus + PNGs", goals=(Goal(PEER, 1 / 3),))
    yield Row(
        "runner", "runner, 50 images, default settings", "ResNet-20", "default runner", 50, goals=(Goal(runner, 1.3),)
    )
    yield Row(  # of 200 images it explains 238 labels
        "runner", "runner, 200 images, Gradient + GradCAM", "ResNet-20", "maps runner", 200,
        needs=Needs(forwards=200, gradients=238, taps=238), goals=(Goal(MINDSPORE, 1.5),),
    )  # fmt: skip
    yield Row(
        "first picture", "first picture of a fresh process", "SqueezeNet", "first picture", peer="captum",
        goals=(Goal(PEER, 1.0),), quick=True,
    )  # fmt: skip


ROWS = tuple(sorted(_rows(), key=lambda row: list(NETWORKS).index(row.network)))
"""All of them, a network after the other."""
