"""Gradients and layers on a network's graph: each question is compared with MindSpore once, before it is answered."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from explainer.arrays import FloatArray
from explainer.errors import EngineError, NoReluError
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.onnx.backward import gradient_graph, name_of, relus_of
from explainer.network.onnx.graph import Graph, Node, Value
from explainer.network.sessions import AtWork
from explainer.network.translation import (
    difference_of,
    explained_by,
    rounding_of,
    session_of,
    with_other_last_digits,
)
from explainer.relu_rules import ReluRule, plain

_FLIPS = 5e-2  # relative L2 of an image: units near zero are on the other side in another engine, and move pixels
_SMOOTH = 2e-6  # of the largest, where nothing jumps
_SAME_VALUE = 1e-4  # of the largest, between a layer's output and the value of the graph that it is
_KINKED = {"Abs", "Ceil", "Clip", "Floor", "HardSigmoid", "HardSwish", "LeakyRelu", "Max", "MaxPool", "Min", "PRelu"}
_KINKED |= {"ReduceMax", "ReduceMin", "Relu", "Round", "Sign", "ThresholdedRelu", "TopK", "Where"}
_MOST_CANDIDATES = 6
_EXACT = 1e-5


@dataclass(frozen=True)
class GradientQuestion:
    """The gradient of <seed, logits> with respect to the images, under a rule.

    Attributes:
        reference: MindSpore's answers.
        images: some of those that it is for, (N, C, H, W) float32.
        seed: (N, K), the weight of each logit.
        rule: what each ReLU passes back.
    """

    reference: MindSporeClassifier
    images: FloatArray
    seed: FloatArray
    rule: ReluRule

    @property
    def key(self) -> Hashable:
        """What makes it another question."""
        return "gradient", self.rule

    @property
    def label(self) -> str:
        """What is asked for, in words."""
        return "gradient" if self.rule is plain else f"gradient under {name_of(self.rule)}"

    @property
    def of_gradient(self) -> bool:
        """Yes."""
        return True

    def proven(self, graph: Graph, device: str) -> AtWork | None:
        """The gradient laid on the network's graph, found to be MindSpore's; None where that is zero, or not asked for.

        Where MindSpore's rule does not reach every ReLU and the graph's does, it rests on the plain gradient.

        Raises:
            EngineError, NoReluError, LayerError, NoGradientError: it cannot be laid there or is another; as MindSpore.
        """
        rows = np.flatnonzero(self.seed.any(axis=1))[:1]
        if not rows.size:
            return None
        images, seed = self.images[rows], self.seed[rows]
        try:
            expected = self.reference.gradient(images, seed, relu_rule=self.rule)
        except NoReluError:
            if not relus_of(graph):
                raise
            return self._resting_on_plain(graph, device)
        if not expected.any():
            return None
        asked = gradient_graph(graph, rule=self.rule)
        session = session_of(asked, self.reference.network, device)
        (found,) = session(images, seed)
        difference = _gap(graph, found, expected)

        def changed() -> FloatArray:
            return self.reference.gradient(with_other_last_digits(images), seed, relu_rule=self.rule)

        _require_alike("gradient", graph, difference, expected, changed)
        return AtWork(asked, session, difference)

    def _resting_on_plain(self, graph: Graph, device: str) -> AtWork | None:
        unruled = GradientQuestion(self.reference, self.images, self.seed, plain).proven(graph, device)
        if unruled is None:
            return None
        asked = gradient_graph(graph, rule=self.rule)
        return AtWork(asked, session_of(asked, self.reference.network, device), unruled.difference)


@dataclass(frozen=True)
class LayerQuestion:
    """The output of a layer, and the gradient of <seed, logits> with respect to it.

    Attributes:
        reference: MindSpore's answers.
        images: some of those that it is for, (N, C, H, W) float32.
        seed: (N, K), the weight of each logit.
        layer: its name.
    """

    reference: MindSporeClassifier
    images: FloatArray
    seed: FloatArray
    layer: str

    @property
    def key(self) -> Hashable:
        """What makes it another question."""
        return "layer", self.layer

    @property
    def label(self) -> str:
        """What is asked for, in words."""
        return f"gradient at the layer {self.layer!r}"

    @property
    def of_gradient(self) -> bool:
        """Yes."""
        return True

    def proven(self, graph: Graph, device: str) -> AtWork | None:
        """The value of the graph that the layer gives, with its gradient; both are MindSpore's.

        A layer is found by what it gives. Where several values are the same numbers, their gradients tell which is it.

        Raises:
            EngineError: no value is, or none has that gradient.
            LayerError, NoGradientError: as MindSpore.
        """
        rows = np.flatnonzero(self.seed.any(axis=1))[:1]
        if not rows.size:
            return None
        images, seed = self.images[rows], self.seed[rows]
        activation, gradient = self.reference.layer(images, seed, self.layer)
        if not gradient.any() or not activation.any():
            return None
        network = self.reference.network
        best: AtWork | None = None
        candidates = values_like(graph, network, images, activation, self.layer)
        for value in candidates:
            asked = gradient_graph(graph, at=value)
            session = session_of(asked, network, device)
            found = session(images, seed)[0].reshape(gradient.shape)
            difference = _gap(graph, found, gradient)
            if best is None or difference < best.difference:
                best = AtWork(asked, session, difference)
            if difference < _EXACT:
                break
        if best is None:
            raise EngineError(f"no value of the graph is what the layer {self.layer!r} gives")

        def changed() -> FloatArray:
            return self.reference.layer(with_other_last_digits(images), seed, self.layer)[1]

        _require_alike(self.label, graph, best.difference, gradient, changed)
        best.is_one_of_several = len(candidates) > 1
        return best


@dataclass(frozen=True)
class ActivationQuestion:
    """The output of a layer alone.

    Attributes:
        reference: MindSpore's answers.
        images: some of those that it is for, (N, C, H, W) float32.
        layer: its name.
    """

    reference: MindSporeClassifier
    images: FloatArray
    layer: str

    @property
    def key(self) -> Hashable:
        """What makes it another question."""
        return "activation", self.layer

    @property
    def label(self) -> str:
        """What is asked for, in words."""
        return f"output of the layer {self.layer!r}"

    @property
    def of_gradient(self) -> bool:
        """No."""
        return False

    def proven(self, graph: Graph, device: str) -> AtWork | None:
        """The value of the graph that the layer gives; None where several could be it.

        Raises:
            EngineError: no value is.
            LayerError: as MindSpore.
        """
        images = self.images[:1]
        activation = self.reference.activations(images, self.layer)
        if not activation.any():
            return None
        network = self.reference.network
        candidates = values_like(graph, network, images, activation, self.layer)
        if not candidates:
            raise EngineError(f"no value of the graph is what the layer {self.layer!r} gives")
        makers = {output: node for node in graph.nodes for output in node.outputs}
        if len(candidates) > 1 and not _is_in(makers[candidates[0]], self.layer):
            return None
        asked = replace(graph, outputs=(candidates[0],))
        session = session_of(asked, network, device)
        found = session(images)[0].reshape(activation.shape)
        at_work = AtWork(asked, session, difference_of([found], [activation], [activation]))
        at_work.is_one_of_several = len(candidates) > 1
        return at_work


def values_like(graph: Graph, network: Any, images: FloatArray, activation: FloatArray, layer: str) -> list[Value]:
    """The values of a graph with the numbers that a layer gives, those of its own scope first, the last of them first.

    Args:
        graph: the network's.
        network: a mindspore.nn.Cell.
        images: (N, C, H, W).
        activation: what the layer gives for them, (N, ...).
        layer: its name.
    """
    size = prod(activation.shape[1:])
    made = [(node, value) for node in graph.nodes for value in node.outputs if value.numbers_per_image == size]
    if not made:
        return []
    found = session_of(replace(graph, outputs=tuple(value for _, value in made)), network)(images)
    allowed = _SAME_VALUE * np.abs(activation).max()
    fitting = [
        (node, value)
        for (node, value), numbers in zip(made, found, strict=True)
        if np.abs(numbers.reshape(activation.shape) - activation).max() <= allowed
    ]
    fitting.reverse()
    fitting.sort(key=lambda entry: not _is_in(entry[0], layer))
    return [value for _, value in fitting][:_MOST_CANDIDATES]


def _is_in(node: Node, layer: str) -> bool:
    """Whether MindSpore says that the node lies in the layer; it says so of the first instance of a class at times."""
    cells = [part.rsplit("-", 1)[0] for part in node.scope.split("/")[1:-1]]
    return cells[: layer.count(".") + 1] == layer.split(".")


def _gap(graph: Graph, found: FloatArray, expected: FloatArray) -> float:
    """Relative L2 of an image where units may flip; else the largest difference in parts of the largest number."""
    gaps = found.astype(np.float64) - expected
    if not np.isfinite(gaps).all():
        return float("inf")
    if _is_kinked(graph):
        return float(np.linalg.norm(gaps) / np.linalg.norm(expected.astype(np.float64)))
    return float(np.abs(gaps).max() / np.abs(expected).max())


def _is_kinked(graph: Graph) -> bool:
    return any(node.operator in _KINKED for node in graph.nodes)


def _require_alike(
    what: str, graph: Graph, difference: float, expected: FloatArray, changed: Callable[[], FloatArray]
) -> None:
    """Raises EngineError where a gradient differs by more than flips or rounding.

    Args:
        what: whose it is.
        graph: the network's.
        difference: from MindSpore's.
        expected: MindSpore's.
        changed: gives MindSpore's for images that are others in their last digits.
    """
    kinked = _is_kinked(graph)
    allowed = _FLIPS if kinked else rounding_of(graph, _SMOOTH)
    if difference > allowed and not kinked:
        allowed = max(allowed, explained_by(_gap(graph, changed(), expected)))
    if difference > allowed:
        raise EngineError(
            f"the graph's {what} is another than MindSpore's, by {difference:.1e} (at most {allowed:.0e} is rounding)",
            difference=difference,
        )
