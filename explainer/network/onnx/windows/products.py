"""Products of all of a map with weights, as a dense layer makes them: what a window changes of them can be added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from explainer.network.onnx.graph import Batch, Graph, Node, Shape, Value
from explainer.network.onnx.operators.operands import fixed
from explainer.network.onnx.windows.locality import is_map


@dataclass(frozen=True)
class Product:
    """A map that is laid flat and multiplied with weights.

    Attributes:
        map: (N, C, H, W).
        flattened: the node that lays it flat, (N, C * H * W).
        multiplied: the node that multiplies it with weights (C * H * W, K).
    """

    map: Value
    flattened: Node
    multiplied: Node

    @property
    def weights(self) -> Value:
        """(C * H * W, K)."""
        weights = self.multiplied.inputs[1]
        assert weights is not None
        return weights

    @property
    def output(self) -> Value:
        """(N, K)."""
        return self.multiplied.outputs[0]

    @property
    def columns(self) -> int:
        """K."""
        return fixed(self.weights.shape[1])


def products_of(graph: Graph, depends_on_images: Callable[[Value | None], bool]) -> list[Product]:
    """The products of a graph, of maps by weights."""
    uses: dict[Value, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        for value in node.inputs:
            if value is not None:
                uses[value].append(node)
    found = []
    for node in graph.nodes:
        users = uses[node.outputs[0]]
        if not _lays_flat(node) or len(users) != 1 or node.outputs[0] in graph.outputs:
            continue
        (user,) = users
        if user.operator == "MatMul" and user.inputs[0] is node.outputs[0] and not depends_on_images(user.inputs[1]):
            assert node.inputs[0] is not None
            found.append(Product(node.inputs[0], node, user))
    return [product for product in found if len(product.weights.shape) == 2]


def _lays_flat(node: Node) -> bool:
    given = node.inputs[0] if node.inputs else None
    return node.operator == "Reshape" and given is not None and is_map(given) and _is_flat(node.outputs[0].shape)


def _is_flat(shape: Shape) -> bool:
    return len(shape) == 2 and isinstance(shape[0], Batch) and shape[0].rows == 1
