"""A network's graph, taken from MindSpore and proven: it gives what MindSpore gives, for one image and for several."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.memory import images_once
from explainer.network.mindspore.capture import captured, parameters_of
from explainer.network.mindspore.reference import eager_outputs
from explainer.network.mindspore.shared import shared_of
from explainer.network.onnx.device import CPU
from explainer.network.onnx.graph import Graph
from explainer.network.onnx.mindir import BATCH, graph_of
from explainer.network.onnx.session import Session, are_equal

_COMPARED = 8  # images
_ROUNDING = 1e-5  # of the largest output: what MindSpore's own batches of other sizes differ by
_SENSITIVE = 4  # times what the last digit of the images changes: rounding inside the network counts as well
_MIXED = 3  # times what batches may differ by: one of one image and one of several are each rounded
_MOST = 1e-4  # for a network that makes much of the last digit
# MindSpore's own kernels are 3e-6, 6e-6 and 1e-4 off what these are in float64, ONNX Runtime's 1e-7: EfficientNet-B0's
# logits are 4e-5 and 2e-6 off. What a network of them may differ by:
_APPROXIMATED = {"Sigmoid": 1e-4, "Exp": 1e-4, "Tanh": 1e-3}


@dataclass(frozen=True)
class Translated:
    """A network that ONNX Runtime computes.

    Attributes:
        graph: the network's, without its weights.
        session: the graph at work, with the weights of the moment when it was made.
        difference: from MindSpore's outputs, the largest, in parts of the largest output.
        speedup: how many times as fast as MindSpore, which ran uncompiled, it was for these images.
        changes_gradients: whether the network changes a gradient by means that its graph has not.
    """

    graph: Graph
    session: Session
    difference: float
    speedup: float
    changes_gradients: bool = False


def translated(network: Any, images: FloatArray, device: str = CPU) -> Translated:
    """The network for ONNX Runtime, found to give what MindSpore gives eagerly, with its weights of this moment.

    One image and a batch of several are compared: code may depend on the size of a batch, which a graph does not. The
    network is given back as it was, whatever happens.

    Args:
        network: a mindspore.nn.Cell, images (N, C, H, W) -> a tensor, or several, of N rows.
        images: some of those that it is for, (N, C, H, W) float32, at least one.
        device: where ONNX Runtime is to compute.

    Raises:
        EngineError: it cannot be computed by ONNX Runtime, or not alike: to 1e-5 of the largest output, or what the
            last digit of the images or MindSpore's approximations change, if that is more; the message says why.
        NetworkInputError: MindSpore cannot evaluate the network for these images.

    >>> from mindspore import nn
    >>> images = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)
    >>> found = translated(nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU()), images)
    >>> [node.operator for node in found.graph.nodes], found.difference < 1e-6
    (['Conv', 'Relu'], True)
    """
    proof = _Proof(network, images)  # first: it refuses what must not be exported
    return proof.of(graph_of(captured(network, images.shape[1:], BATCH)), device)


def held(graph: Graph, network: Any, images: FloatArray, device: str = CPU) -> Translated:
    """A graph that was taken before, with the network's weights of this moment, proven anew.

    Raises:
        EngineError, NetworkInputError: as for `translated`; the network may have changed since.
    """
    return _Proof(network, images).of(graph, device)


class _Proof:
    """What MindSpore gives for one image and for several, and how long it takes."""

    def __init__(self, network: Any, images: FloatArray) -> None:
        self._network = network
        several = _several_of(images)
        self._batches = (several[:1], several)
        self._changing: list[None] = []
        self._eager = [_timed(partial(eager_outputs, network, batch, self._changing)) for batch in self._batches]

    def of(self, graph: Graph, device: str) -> Translated:
        """The graph at work; EngineError unless it gives the same."""
        _require_finite(self._eager)
        session = session_of(graph, self._network, device)
        ours = [_timed(partial(session, batch)) for batch in self._batches]
        expected = self._eager[1].outputs
        differences = [
            difference_of(one.outputs, other.outputs, expected) for one, other in zip(ours, self._eager, strict=True)
        ]
        allowed = rounding_of(graph)
        if max(differences) > allowed:
            sensitivity = _sensitivity(self._network, self._batches[1], expected)
            allowed = max(allowed, explained_by(sensitivity))
            _require_rounding(differences, allowed, len(self._batches[1]))
        alone, among = self._eager
        _require_own_answers(alone, among, _MIXED * allowed)
        speedup = self._eager[1].seconds / ours[1].seconds
        return Translated(graph, session, max(differences), speedup, bool(self._changing))


def rounding_of(graph: Graph, least: float = _ROUNDING) -> float:
    """By how much a graph may differ from MindSpore, in parts of the largest: `least`, or what its operators need."""
    return max([least, *(_APPROXIMATED.get(node.operator, 0.0) for node in graph.nodes)])


def session_of(graph: Graph, network: Any, device: str = CPU) -> Session:
    """The graph at work with the network's weights of this moment, of which all its sessions hold one copy."""
    held = shared_of(network).held_weights
    weights = parameters_of(network, list(graph.weights))
    same = {name: held[name] for name in weights if name in held and are_equal(held[name], weights[name])}
    session = Session(graph, weights | same, device=device)
    held.update(session.held)
    return session


def _several_of(images: FloatArray) -> FloatArray:
    """Two to eight images: even, as the batch of the export is odd."""
    if len(images) == 1:
        return np.concatenate([images, images[..., ::-1]])
    return images[: min(len(images), compared_at_once(images.shape[1:])) // 2 * 2]


def compared_at_once(image_shape: tuple[int, ...]) -> int:
    """How many images of this shape MindSpore is given at once for a comparison: two to eight, an even number.

    >>> [compared_at_once((3, side, side)) for side in (32, 160, 224)]
    [8, 4, 2]
    """
    return min(_COMPARED, images_once(image_shape))


class _Timed(NamedTuple):
    outputs: Sequence[NDArray[Any]]
    seconds: float


def _timed(evaluate: Callable[[], Sequence[NDArray[Any]]]) -> _Timed:
    started = time.perf_counter()
    outputs = evaluate()
    return _Timed(outputs, time.perf_counter() - started)


def _require_finite(eager: Sequence[_Timed]) -> None:
    """Raises EngineError where the network itself gives what is no number: then nothing can be compared."""
    if not all(np.isfinite(output).all() for timed in eager for output in timed.outputs):
        raise EngineError(
            "the network itself gives NaN or infinity for the first images, so nothing can be compared with it; look "
            "at its weights, its statistics (BatchNorm) and the images",
            difference=np.inf,
        )


def _require_own_answers(alone: _Timed, among: _Timed, allowed: float) -> None:
    """Raises EngineError where a network mixes a batch's images: how many go together would change its answers."""
    difference = difference_of([output[:1] for output in among.outputs], alone.outputs, among.outputs)
    if difference > allowed:
        raise EngineError(
            f"the network's answer for an image depends on the others of its batch, by {difference:.1e} of the "
            "largest, so it depends on the size of the batches; it must answer each image for itself",
            difference=difference,
        )


def difference_of(
    ours: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]], scale: Sequence[NDArray[Any]]
) -> float:
    """The largest, in parts of the largest number of `scale`; EngineError where not even the shapes are the same."""
    shapes = [[array.shape for array in arrays] for arrays in (ours, expected)]
    if shapes[0] != shapes[1]:
        raise EngineError(f"the graph gives outputs of shapes {shapes[0]}, not MindSpore's {shapes[1]}")
    gaps = [np.abs(one.astype(np.float64) - other).max(initial=0) for one, other in zip(ours, expected, strict=True)]
    largest = [np.abs(array).max(initial=0) for array in scale]
    found = max((gap / size if size else gap for gap, size in zip(gaps, largest, strict=True)), default=0.0)
    return float(found) if np.isfinite(found) else np.inf


def _require_rounding(differences: list[float], allowed: float, several: int) -> None:
    """Raises EngineError unless batches of one and of several differ by no more than is allowed."""
    for count, difference in zip((1, several), differences, strict=True):
        if difference > allowed:
            raise EngineError(
                f"the graph gives other outputs than MindSpore for a batch of {count}, by {difference:.1e} of the "
                "largest; the network may depend on the size of the batch, write into its own tensors, or run "
                "otherwise compiled",
                difference=difference,
            )


def _sensitivity(network: Any, images: FloatArray, expected: Sequence[NDArray[Any]]) -> float:
    """How far MindSpore's own outputs are from themselves when the last digit of the images changes."""
    return difference_of(eager_outputs(network, with_other_last_digits(images)), expected, expected)


def with_other_last_digits(images: FloatArray) -> FloatArray:
    """The images, the last digit of each number changed at random by one, or not; the same at each call."""
    digits = np.random.default_rng(0).choice([-1, 0, 1], images.shape)
    return (images * (1 + np.finfo(np.float32).eps * digits)).astype(np.float32)


def explained_by(sensitivity: float) -> float:
    """What of a difference is rounding, where a change of the last digit of the images changes as much."""
    return min(_SENSITIVE * sensitivity, _MOST)
