"""The graph of a network: ONNX's operators on values whose shapes are known but for the number of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """A dimension that grows with the batch: so many rows for each image."""

    rows: int = 1


Shape = tuple[int | Batch, ...]


@dataclass(frozen=True, eq=False)
class Value:
    """What a node gives or takes.

    Attributes:
        name: its own in the graph.
        shape: the dimensions, one of them a `Batch` unless it is the same for every image.
        dtype: NumPy's name of the type, "float32".
    """

    name: str
    shape: Shape
    dtype: str = "float32"

    @property
    def numbers_per_image(self) -> int | None:
        """How many numbers there are for each image; None unless float32, with the batch on the first axis alone."""
        if self.dtype != "float32" or not self.shape or not isinstance(self.shape[0], Batch):
            return None
        fixed = [entry for entry in self.shape[1:] if not isinstance(entry, Batch)]
        return self.shape[0].rows * prod(fixed) if len(fixed) == len(self.shape) - 1 else None


@dataclass(frozen=True, eq=False)
class Node:
    """One operator of ONNX.

    Attributes:
        operator: its name.
        inputs: what it takes; None where an optional one is left out.
        outputs: what it gives.
        attributes: its settings: integers, floats, texts, or lists of one of them.
        scope: where in the user's network it stands, as MindSpore tells it.
        differentiable: whether a gradient passes; not where the user has stopped it.
        first_of_equals: where several operands, or elements, are the largest alike, whether the first has the whole
            gradient; otherwise each has its share.
    """

    operator: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    scope: str = ""
    differentiable: bool = True
    first_of_equals: bool = False


@dataclass(frozen=True)
class Graph:
    """A network for any number of images; it holds no weight, but knows their names.

    Attributes:
        images: the input, (N, C, H, W).
        outputs: what the network gives, in its order.
        nodes: in an order in which they can be computed.
        weights: by the name that MindSpore has for the parameter.
        constants: the arrays that are the same whatever the weights are, by the value that they fill.
        others: what is given beside the images, as the seed of a gradient is.
    """

    images: Value
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    weights: Mapping[str, Value]
    constants: Mapping[Value, NDArray[Any]]
    others: tuple[Value, ...] = ()

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What is given: the images first."""
        return (self.images, *self.others)


def with_open_weights(graph: Graph) -> Graph:
    """The graph that is given its weights with the images, after all else: a session of it serves any weights."""
    return replace(graph, weights={}, others=(*graph.others, *graph.weights.values()))


class GraphBuilder:
    """A graph that is being made, node by node.

    Args:
        images: the shape of the images, the batch first.
    """

    def __init__(self, images: Shape) -> None:
        self.images = Value("images", images)
        self.scope = ""
        self._others: list[Value] = []
        self._nodes: list[Node] = []
        self._weights: dict[str, Value] = {}
        self._constants: dict[Value, NDArray[Any]] = {}
        self._batch_sizes: dict[int, Value] = {}
        self._before_reshape: dict[Value, Value] = {}

    @classmethod
    def going_on(cls, graph: Graph) -> GraphBuilder:
        """A graph to which more is added; the one that is given stays as it is."""
        builder = cls(graph.images.shape)
        builder.images = graph.images
        builder._others = list(graph.others)
        builder._nodes = list(graph.nodes)
        builder._weights = dict(graph.weights)
        builder._constants = dict(graph.constants)
        return builder

    def finished(self, outputs: tuple[Value, ...]) -> Graph:
        """The graph that gives these."""
        return Graph(
            self.images, outputs, tuple(self._nodes), dict(self._weights), dict(self._constants), tuple(self._others)
        )

    def given(self, name: str, shape: Shape, dtype: str) -> Value:
        """What is given beside the images, after what was asked for before."""
        value = Value(name, shape, dtype)
        self._others.append(value)
        return value

    def node(
        self, operator: str, *inputs: Value | None, shape: Shape | None = None, dtype: str = "", **attributes: Any
    ) -> Value:
        """What an operator of one output gives.

        Args:
            operator: ONNX's name of it.
            inputs: what it takes, None for an optional one that is left out.
            shape: of the output; as the inputs broadcast, if it is not given.
            dtype: of the output; as the first input's, if it is not given.
            attributes: the operator's settings; those that are None are left out.
        """
        given = [entry for entry in inputs if entry is not None]
        shape = broadcast(*(entry.shape for entry in given)) if shape is None else shape
        return self.nodes(operator, inputs, [(shape, dtype or given[0].dtype)], **attributes)[0]

    def nodes(
        self, operator: str, inputs: tuple[Value | None, ...], outputs: list[tuple[Shape, str]], **attributes: Any
    ) -> tuple[Value, ...]:
        """What an operator of several outputs gives, their shapes and types given."""
        values = tuple(Value(f"{operator}_{len(self._nodes)}_{index}", *made) for index, made in enumerate(outputs))
        kept = {name: value for name, value in attributes.items() if value is not None}
        self._nodes.append(Node(operator, inputs, values, kept, self.scope))
        return values

    def made_by(self, value: Value) -> Node | None:
        """The node that gives a value; None where no node does."""
        return next((node for node in reversed(self._nodes) if value in node.outputs), None)

    def another_output(self, node: Node, shape: Shape, dtype: str) -> Value:
        """What an operator that is there already gives beside its first output, where ONNX has it give more."""
        value = Value(f"{node.outputs[0].name}_too", shape, dtype)
        self._replace(node.outputs[0], outputs=(*node.outputs, value))
        return value

    def with_first_of_equals(self, value: Value) -> Value:
        """The value, whose gradient goes to the first where several operands are the largest alike."""
        self._replace(value, first_of_equals=True)
        return value

    def _replace(self, value: Value, **changed: Any) -> None:
        """The node that gives a value is given with something changed."""
        at = next(at for at, entry in enumerate(self._nodes) if value in entry.outputs)
        self._nodes[at] = replace(self._nodes[at], **changed)

    def weight(self, name: str, shape: Shape, dtype: str) -> Value:
        """The network's parameter of this name."""
        return self._weights.setdefault(name, Value(f"weight {name}", shape, dtype))

    def constant(self, array: Any, dtype: str) -> Value:
        """An array, or a number, that is the same for every image."""
        filled = np.asarray(array, dtype)
        value = Value(f"constant_{len(self._constants)}", filled.shape, dtype)
        self._constants[value] = filled
        return value

    def known(self, value: Value) -> NDArray[Any] | None:
        """The numbers of a constant; None where a value depends on the images or the weights."""
        return self._constants.get(value)

    def integers(self, *numbers: int) -> Value:
        """A list of integers, as ONNX takes shapes, axes and bounds."""
        return self.constant(numbers, "int64")

    def batch_size(self, rows: int) -> Value:
        """(1,): how many rows there are for all images, so many for each."""
        if rows not in self._batch_sizes:
            count = self.node("Shape", self.images, shape=(1,), dtype="int64", start=0, end=1)
            self._batch_sizes[rows] = count if rows == 1 else self.node("Mul", count, self.integers(rows))
        return self._batch_sizes[rows]

    def dimensions(self, shape: Shape) -> Value:
        """A shape as a list of integers that is known when the graph runs."""
        fixed = [entry for entry in shape if not isinstance(entry, Batch)]
        if len(fixed) == len(shape):
            return self.integers(*fixed)
        parts = [self.batch_size(entry.rows) if isinstance(entry, Batch) else self.integers(entry) for entry in shape]
        return self.node("Concat", *parts, shape=(len(shape),), axis=0)

    def reshaped(self, value: Value, shape: Shape) -> Value:
        """The same numbers in another shape; of several reshapes in a row one is left, or none."""
        value = self._before_reshape.get(value, value)
        if value.shape == shape:
            return value
        batches = sum(isinstance(entry, Batch) for entry in shape)
        if batches > 1:
            target = self.dimensions(shape)
        else:
            target = self.integers(*(-1 if isinstance(entry, Batch) else entry for entry in shape))
        reshaped = self.node("Reshape", value, target, shape=shape)
        self._before_reshape[reshaped] = value
        return reshaped

    def stopped(self, value: Value) -> Value:
        """The value, through which no gradient passes."""
        stopped = Value(f"Identity_{len(self._nodes)}_0", value.shape, value.dtype)
        self._nodes.append(Node("Identity", (value,), (stopped,), scope=self.scope, differentiable=False))
        return stopped

    def expanded(self, value: Value, shape: Shape) -> Value:
        """The value repeated along dimensions of one, or along new ones in front."""
        return value if value.shape == shape else self.node("Expand", value, self.dimensions(shape), shape=shape)


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an elementwise operation on these."""
    length = max(len(shape) for shape in shapes)
    padded = [(1,) * (length - len(shape)) + shape for shape in shapes]
    return tuple(next((entry for entry in column if entry != 1), 1) for column in zip(*padded, strict=True))
