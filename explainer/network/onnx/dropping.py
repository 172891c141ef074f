"""Dropout that is at work, on a graph: each place where it drops is given random numbers beside the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Node, Shape, Value
from explainer.network.onnx.operators.operands import converted


@dataclass(frozen=True)
class Drop:
    """What a dropout does.

    Attributes:
        rate: the probability with which it drops.
        channels: whether it drops whole channels, else single numbers.
    """

    rate: float
    channels: bool


def with_draws(graph: Graph, drops: Mapping[str, Drop], calls: Sequence[str]) -> Graph:
    """The graph that is given, for each call of a dropout, uniform random numbers in [0, 1), a row for each image.

    Where a number is below the rate its place is dropped, the others are divided by what is kept on average. The
    numbers come after the images, in the order of the calls, so that who draws them in this order draws as the network.

    Args:
        graph: of the network; each dropout is a product with a weight, as a mark.
        drops: what each does, by the name of that weight.
        calls: their names, one for each call, in the order in which the network runs them.

    Raises:
        EngineError: the calls are not those of the graph.

    >>> from explainer.network.onnx.session import Session
    >>> builder = GraphBuilder((Batch(), 4))
    >>> marked = builder.node("Mul", builder.images, builder.weight("mark", (1,), "float32"))
    >>> graph = with_draws(builder.finished((marked,)), {"mark": Drop(0.5, channels=False)}, ["mark"])
    >>> Session(graph, {})(np.float32([[1, 2, 3, 4]]), np.float32([[0.1, 0.5, 0.9, 0.2]]))[0].tolist()
    [[0.0, 4.0, 6.0, 0.0]]
    """
    places = _places(graph, drops)
    if sorted(calls) != sorted(name for name, found in places.items() for _ in found):
        counts = {name: (len(found), calls.count(name)) for name, found in places.items()}
        raise EngineError(f"its dropouts run otherwise in the graph than in MindSpore (runs of each: {counts})")
    builder = GraphBuilder.going_on(graph)
    changed = {}
    for index, name in enumerate(calls):
        node = places[name].pop(0)
        mask = _mask(builder, index, drops[name], node.outputs[0].shape)
        changed[node] = replace(node, inputs=(_unmarked(node, name), mask))
    made = builder.finished(graph.outputs)
    masks = made.nodes[len(graph.nodes) :]  # they need nothing of the network, and stand in front of it
    nodes = (*masks, *(changed.get(node, node) for node in graph.nodes))
    weights = {name: value for name, value in graph.weights.items() if name not in drops}
    return replace(made, nodes=nodes, weights=weights)


def drawn(graph: Graph, streams: Sequence[np.random.Generator]) -> list[FloatArray]:
    """The random numbers that such a graph is given: (N, ...) float32 for each call, a row from each image's stream."""
    shapes = [tuple(size for size in value.shape if isinstance(size, int)) for value in graph.others]
    return [np.stack([stream.random(shape, np.float32) for stream in streams]) for shape in shapes]


def _places(graph: Graph, drops: Mapping[str, Drop]) -> dict[str, list[Node]]:
    """The products with each mark."""
    marks = {graph.weights[name]: name for name in drops if name in graph.weights}
    places: dict[str, list[Node]] = {name: [] for name in drops}
    for node in graph.nodes:
        for name in {marks[value] for value in node.inputs if value in marks}:
            places[name].append(node)
    return places


def _unmarked(node: Node, mark: str) -> Value:
    """What is dropped from."""
    (features,) = (value for value in node.inputs if value is not None and value.name != f"weight {mark}")
    if node.operator != "Mul" or features.shape != node.outputs[0].shape:
        raise EngineError("a dropout is more than a product in the graph")
    return features


def _mask(graph: GraphBuilder, index: int, drop: Drop, shape: Shape) -> Value:
    if shape[:1] != (Batch(),) or any(isinstance(size, Batch) for size in shape[1:]):
        raise EngineError("a dropout is given something else than a row for each image")
    if drop.rate >= 1:
        raise EngineError("a dropout drops everything")
    if drop.channels:
        shape = shape[:2] + (1,) * (len(shape) - 2)
    draws = graph.given(f"draws_{index}", shape, "float32")
    kept = graph.node("GreaterOrEqual", draws, graph.constant(drop.rate, "float32"), dtype="bool")
    return graph.node("Mul", converted(graph, kept, "float32"), graph.constant(1 / (1 - drop.rate), "float32"))
