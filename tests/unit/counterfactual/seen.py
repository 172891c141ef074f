"""Networks that are functions of what is seen of an image of ones on a background of zeros; exact in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.counterfactual import EditStep

FloatArray = NDArray[Any]
Output = Callable[[FloatArray], float]


class Seen:
    """A network whose class 1 has the probability that `output` gives for what is seen, (H, W); remembers batches."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.batches: list[FloatArray] = []

    def __call__(self, images: FloatArray) -> FloatArray:
        self.batches.append(images.copy())
        outputs = np.array([self.output(image[0]) for image in images])
        return np.stack([1 - outputs, outputs], axis=1)

    @property
    def shown(self) -> list[bytes]:
        return [image.tobytes() for batch in self.batches for image in batch]


def evidence(base: float, *pixels: tuple[int, int, float]) -> Output:
    """The base plus the part of each pixel (x, y, part) that is seen."""
    return lambda seen: base + sum(part * seen[y, x] for x, y, part in pixels)


def ones(height: int, width: int, channels: int = 1) -> FloatArray:
    return np.ones((channels, height, width), np.float32)


def told(step: EditStep) -> Any:
    """A tree as tuples."""
    return (
        step.layer,
        step.box,
        step.network_output,
        step.step_change,
        step.stop_reason and step.stop_reason.name,
        [told(child) for child in step.children],
    )
