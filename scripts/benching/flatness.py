"""Peak memory by the size of the task: flat in images, masks and the size of a picture, but for what they take."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mindspore import nn

from benching.networks import BATCH
from benching.sides import main_variables
from benching.worker import memory
from explainer import OcclusionSensitivity
from explainer.explanation import RISE, Attribution, Gradient, IntegratedGradients, Occlusion
from explainer.network.mindspore.adapter import MindSporeClassifier


@dataclass(frozen=True)
class Memory:
    """Peak memory in MB for the smaller and for the larger task."""

    name: str
    least: float
    most: float


def memory_rows() -> list[Memory]:
    """The peaks for few and for many images or masks, for a small and for a large picture, each in its own process."""
    small, large = "224 224", "1500 2000"
    asked = {
        "Occlusion at 224 x 224: 4 images, 16 images": (f"occlusion 4 0 {small}", f"occlusion 16 0 {small}"),
        "OcclusionSensitivity, 3 x 24 x 24, 3 x 64 x 64": ("metric 1 0 24 24", "metric 1 0 64 64"),
        "RISE at 224 x 224: 1024 masks, 8192 masks": (f"rise 1 1024 {small}", f"rise 1 8192 {small}"),
        "RISE at 224 x 224, 1024 masks: 1 image, 8 images": (f"rise 1 1024 {small}", f"rise 8 1024 {small}"),
        **{
            f"{name}, a picture of 224 x 224, of 1500 x 2000": (f"{method} 1 64 {small}", f"{method} 1 64 {large}")
            for method, name in (("rise", "RISE"), ("gradient", "Gradient"), ("integrated", "IntegratedGradients"))
        },
    }
    return [Memory(name, *map(_peak, sides)) for name, sides in asked.items()]


def peak_of(method: str, images: int, masks: int, height: int, width: int) -> float:
    """Megabytes that explaining takes above what the process takes once a picture of 224 x 224 has been explained."""
    network = nn.SequentialCell(nn.Conv2d(3, 8, 7, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dense(8, 5))
    explainers: dict[str, Callable[[], Attribution]] = {
        "occlusion": lambda: Occlusion(network, nn.Softmax(), window=28, stride=14),
        "rise": lambda: RISE(network, nn.Softmax(), masks=masks),
        "gradient": lambda: Gradient(network),
        "integrated": lambda: IntegratedGradients(network),
    }
    if method == "metric":
        return _metric_peak(network, height)
    batch = np.random.default_rng(0).standard_normal((images, 3, height, width)).astype(np.float32)
    RISE(network, nn.Softmax(), masks=8 * BATCH)(np.ascontiguousarray(batch[:1, :, :224, :224]), 1)
    before = memory("VmHWM")
    explainers[method]()(batch, 1)
    return memory("VmHWM") - before


def _metric_peak(network: nn.Cell, size: int) -> float:
    """Megabytes that OcclusionSensitivity takes above what a batch of such inputs takes."""
    image = np.random.default_rng(0).standard_normal((1, 3, size, size)).astype(np.float32)
    classifier = MindSporeClassifier(network, batch_size=128)
    for _ in range(4):
        classifier.logits(np.repeat(image, 128, axis=0))
    before = memory("VmHWM")
    OcclusionSensitivity().update(network, image, 1)
    return memory("VmHWM") - before


def _peak(asked: str) -> float:
    command = [sys.executable, "-m", "benching.flatness", *asked.split()]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=main_variables())
    return float(found.stdout.split()[-1])


if __name__ == "__main__":
    print(peak_of(sys.argv[1], *map(int, sys.argv[2:])), flush=True)
    os._exit(0)  # MindSpore's cells print a traceback each when Python ends
