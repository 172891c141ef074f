"""How many images a graph is given at once: so few that what it holds of them stays near the cores."""

from __future__ import annotations

from explainer.network.onnx.device import CPU
from explainer.network.onnx.graph import Graph, Node, Value
from explainer.network.onnx.model import needed
from explainer.network.onnx.windows.plan import elements

_NEAR = 2e7  # bytes for each thread: with more of them a pass of convolutions takes up to 15 % longer for an image
_WEIGHTS = 2  # a pass goes through all weights: with so many times fewer bytes of values they would be most of its work
_HELD = 5.12e8  # bytes, elsewhere
_BYTES = 4  # of a float32
_SAME_NUMBERS = {"Reshape", "Identity", "Flatten", "Squeeze", "Unsqueeze"}  # what takes no memory of its own


def images_together(graph: Graph, device: str, threads: int) -> int:
    """How many images the graph is best given at once, at least one; more than one are an even number."""
    given = (*graph.weights.values(), *graph.others)
    weights = _BYTES * sum(elements(value.shape) for value in given if value.numbers_per_image is None)
    room = max(_NEAR * threads, weights / _WEIGHTS) if device == CPU else _HELD
    fitting = int(room // max(1, bytes_held(graph)))
    return max(1, fitting - fitting % 2)


def bytes_held(graph: Graph) -> int:
    """Of the values that are held together for an image, where they are the most: each until it is used last.

    >>> from explainer.network.onnx.graph import Batch, GraphBuilder
    >>> builder = GraphBuilder((Batch(), 3))
    >>> wide = builder.node("MatMul", builder.images, builder.weight("w", (3, 10), "float32"), shape=(Batch(), 10))
    >>> narrow = builder.node("ReduceSum", builder.node("Relu", wide), shape=(Batch(),))
    >>> bytes_held(builder.finished((narrow,)))
    80
    """
    nodes = needed(graph, graph.outputs)
    released = _released(nodes, graph.outputs)
    held = most = 0
    for place, node in enumerate(nodes):
        held += sum(map(_bytes_of, _made_by(node)))
        most = max(most, held)
        held -= sum(map(_bytes_of, released[place]))
    return most


def _released(nodes: list[Node], outputs: tuple[Value, ...]) -> list[list[Value]]:
    """For each node the values that nobody needs behind it."""
    origins = _origins(nodes)
    ends: dict[Value, int] = {}
    for place, node in enumerate(nodes):
        ends |= dict.fromkeys(_made_by(node), place)
        used = {origins.get(value, value) for value in node.inputs if value is not None}
        ends |= dict.fromkeys(used & ends.keys(), place)
    released: list[list[Value]] = [[] for _ in nodes]
    for value, place in ends.items():
        if value not in outputs:
            released[place].append(value)
    return released


def _origins(nodes: list[Node]) -> dict[Value, Value]:
    """Whose memory a value is in, where it has none of its own."""
    origins: dict[Value, Value] = {}
    for node in nodes:
        first = node.inputs[0] if node.inputs else None
        if node.operator in _SAME_NUMBERS and first is not None:
            origins[node.outputs[0]] = origins.get(first, first)
    return origins


def _made_by(node: Node) -> tuple[Value, ...]:
    """What a node puts into memory of its own."""
    return () if node.operator in _SAME_NUMBERS else node.outputs


def _bytes_of(value: Value) -> int:
    return _BYTES * (value.numbers_per_image or 0)
