"""A gradient in float64 that takes the engine's choices: which side of zero a unit is on, which pixel a pooling took.

Rounding moves a unit near zero to the other side, in every engine, and the gradient jumps there: a flip. With the
engine's own choices nothing jumps, and what is left is rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from graph_replica import computed
from numpy.typing import NDArray

from explainer.network.onnx.graph import Graph, Value
from explainer.network.onnx.model import needed
from explainer.network.onnx.session import Session

COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")


@dataclass(frozen=True)
class Forced:
    """Gradients of the same images.

    Attributes:
        ours: by ONNX Runtime, in float32.
        exact: in float64.
        forced: in float64, with the choices of ONNX Runtime.
        flips: how many of these float64 makes otherwise.
        choices: how many there are.
    """

    ours: NDArray[np.float32]
    exact: NDArray[np.float64]
    forced: NDArray[np.float64]
    flips: int
    choices: int

    @property
    def error(self) -> float:
        """Of ours against the forced one, the largest, in parts of the largest."""
        return float(np.abs(self.ours - self.forced).max() / np.abs(self.forced).max())

    @property
    def distance(self) -> float:
        """Of ours from the exact one, flips and all: relative L2 of the image for which it is the largest."""
        axes = tuple(range(1, self.exact.ndim))
        gaps, sizes = (np.sqrt((array**2).sum(axes)) for array in (self.ours - self.exact, self.exact))
        return float((gaps / sizes).max())


def forced(graph: Graph, weights: Mapping[str, Any], images: Any, seed: Any) -> Forced:
    """A gradient graph's gradients, by ONNX Runtime and by NumPy."""
    choices = choices_of(graph)
    ours, *chosen = Session(graph, weights, (graph.outputs[0], *choices), threads=1)(images, seed)
    (alone,) = Session(graph, weights, (graph.outputs[0],), threads=1)(images, seed)
    assert np.array_equal(ours, alone)  # being asked for its choices it makes no others
    exact, *own = computed(graph, images, weights, (graph.outputs[0], *choices), others=[seed])
    known = dict(zip(choices, chosen, strict=True))
    (with_them,) = computed(graph, images, weights, (graph.outputs[0],), known, [seed])
    flips = sum(int((one != other).sum()) for one, other in zip(chosen, own, strict=True))
    return Forced(ours, exact, with_them, flips, sum(array.size for array in chosen))


def choices_of(graph: Graph) -> list[Value]:
    """Comparisons, and the positions of the largest in pooling."""
    nodes = needed(graph, graph.outputs)
    compared = [node.outputs[0] for node in nodes if node.operator in COMPARISONS]
    return compared + [position for node in nodes if node.operator == "MaxPool" for position in node.outputs[1:]]
