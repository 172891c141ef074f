"""A network's graph, taken from MindSpore and proven: it gives what MindSpore gives, for one image and for two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.network.mindspore.capture import captured, parameters_of
from explainer.network.mindspore.reference import eager_outputs
from explainer.network.onnx.graph import Graph
from explainer.network.onnx.mindir import BATCH, graph_of
from explainer.network.onnx.session import Session

_ROUNDING = 1e-5  # of the largest output: what MindSpore's own batches of other sizes differ by


@dataclass(frozen=True)
class Translated:
    """A network that ONNX Runtime computes.

    Attributes:
        graph: the network's, without its weights.
        session: the graph at work, with the weights of the moment when it was made.
        difference: from MindSpore's outputs, the largest, in parts of the largest output.
    """

    graph: Graph
    session: Session
    difference: float


def translated(network: Any, images: FloatArray) -> Translated:
    """The network for ONNX Runtime, found to give what MindSpore gives eagerly, with its weights of this moment.

    One image and a batch of two are compared: code may depend on the size of a batch, which a graph does not. The
    network is given back as it was, whatever happens.

    Args:
        network: a mindspore.nn.Cell, images (N, C, H, W) -> a tensor, or several, of N rows.
        images: some of those that it is for, (N, C, H, W) float32, at least one.

    Raises:
        EngineError: it cannot be computed by ONNX Runtime, or not to 1e-5 alike; the message says why.
        NetworkInputError: MindSpore cannot evaluate the network for these images.

    >>> from mindspore import nn
    >>> images = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)
    >>> found = translated(nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU()), images)
    >>> [node.operator for node in found.graph.nodes], found.difference < 1e-6
    (['Conv', 'Relu'], True)
    """
    pair = _two_of(images)
    expected = [eager_outputs(network, batch) for batch in (pair[:1], pair)]
    graph = graph_of(captured(network, images.shape[1:], BATCH))
    session = session_of(graph, network)
    differences = [
        _difference(session(batch), outputs) for batch, outputs in zip((pair[:1], pair), expected, strict=True)
    ]
    return Translated(graph, session, max(differences))


def session_of(graph: Graph, network: Any) -> Session:
    """The graph at work with the network's weights of this moment."""
    return Session(graph, parameters_of(network, list(graph.weights)))


def _two_of(images: FloatArray) -> FloatArray:
    """Two images: even, as the batch of the export is odd."""
    return images[:2] if len(images) > 1 else np.concatenate([images, images[..., ::-1]])


def _difference(ours: Sequence[NDArray[Any]], expected: list[FloatArray]) -> float:
    """In parts of the largest number; EngineError where it is more than rounding."""
    count = len(expected[0]) if expected and expected[0].ndim else 0
    shapes = [[array.shape for array in arrays] for arrays in (ours, expected)]
    if shapes[0] != shapes[1]:
        raise EngineError(f"the graph gives shapes {shapes[0]} for {count} images, not MindSpore's {shapes[1]}")
    difference = max(map(_relative, ours, expected), default=0.0)
    if not difference <= _ROUNDING:
        raise EngineError(
            f"the graph gives other outputs than MindSpore for {count} images, by {difference:.1e} of the largest; the "
            "network may depend on the size of the batch, write into its own tensors, or run otherwise compiled"
        )
    return difference


def _relative(ours: NDArray[Any], expected: FloatArray) -> float:
    largest = np.abs(expected).max(initial=0)
    gap = np.abs(ours.astype(np.float64) - expected).max(initial=0)
    return float(gap / largest) if largest else float(gap)
