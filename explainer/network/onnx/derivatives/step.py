"""One step on the way back through a graph, and what derivatives have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explainer.errors import EngineError
from explainer.network.onnx.graph import Batch, GraphBuilder, Node, Shape, Value
from explainer.network.onnx.symbols import Symbol


@dataclass(frozen=True)
class Step:
    """A node, and the gradients of what it gives: what a derivative is asked about.

    Attributes:
        node: whose derivative is wanted.
        index: of the input for which it is.
        upstreams: the gradient of each output of the node; None where nothing comes back.
    """

    node: Node
    index: int
    upstreams: tuple[Value | None, ...]

    @property
    def upstream(self) -> Value:
        """The gradient of the node's only output."""
        (upstream,) = self.upstreams
        assert upstream is not None
        return upstream

    @property
    def input(self) -> Value:
        """For which the derivative is."""
        return self.operand(self.index)

    @property
    def output(self) -> Value:
        """The first that the node gives."""
        return self.node.outputs[0]

    def operand(self, index: int) -> Value:
        """An input of the node."""
        value = self.node.inputs[index]
        assert value is not None
        return value

    def refused(self, what: str = "") -> EngineError:
        """The error that says that there is no derivative."""
        place = f" ({self.node.scope})" if self.node.scope else ""
        return EngineError(f"the operator {self.node.operator} has no derivative here{what}{place}")


Derivative = Callable[[GraphBuilder, Step], Value]
"""The gradient of a step's input; of a shape to which that input broadcasts, at least."""


def summed_to(graph: GraphBuilder, gradient: Value, shape: Shape) -> Value:
    """The gradient of what was broadcast, from the gradient of what it became."""
    added = len(gradient.shape) - len(shape)
    axes = [axis for axis, size in enumerate(gradient.shape) if size != 1 and ((1,) * added + shape)[axis] == 1]
    if axes:
        gradient = summed(graph, gradient, *axes)
    return graph.reshaped(gradient, shape)


def summed(graph: GraphBuilder, value: Value, *axes: int) -> Value:
    """The sum along some axes, which stay as axes of one."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape))
    return graph.node("ReduceSum", value, graph.integers(*axes), shape=shape, keepdims=1)


def averaged(graph: GraphBuilder, value: Value, *axes: int) -> Value:
    """The mean along some axes, which stay as axes of one."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape))
    return graph.node("ReduceMean", value, graph.integers(*axes), shape=shape, keepdims=1)


def symbols(graph: GraphBuilder, *values: Value) -> list[Symbol]:
    """The values, to compute with."""
    return [Symbol(graph, value) for value in values]


def zeros(graph: GraphBuilder, shape: Shape, dtype: str = "float32") -> Value:
    """As many zeros."""
    return graph.expanded(graph.constant(0, dtype), shape)


def merged(*sizes: int | Batch) -> int | Batch:
    """How many rows there are when axes become one."""
    rows, per_image = 1, False
    for size in sizes:
        rows *= size.rows if isinstance(size, Batch) else size
        per_image = per_image or isinstance(size, Batch)
    return Batch(rows) if per_image else rows
