"""The same numbers elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Shape, Value
from explainer.network.onnx.operators.operands import Translation, as_value, axis_of, fixed, integers, require


def _reshaped(graph: GraphBuilder, call: Call) -> Value:
    return graph.reshaped(call.first, call.shape)


def _transposed(graph: GraphBuilder, call: Call) -> Value:
    rank = len(call.shape)
    return graph.node(
        "Transpose", call.first, shape=call.shape, perm=[axis_of(axis, rank) for axis in call.arguments[1]]
    )


def _exchanged(graph: GraphBuilder, call: Call) -> Value:
    rank = len(call.shape)
    axes = list(range(rank))
    one, other = (axis_of(axis, rank) for axis in call.arguments[1:3])
    axes[one], axes[other] = axes[other], axes[one]
    return graph.node("Transpose", call.first, shape=call.shape, perm=axes)


def _joined(graph: GraphBuilder, call: Call) -> Value:
    entries = [as_value(graph, entry, call.dtype) for entry in call.arguments[0]]
    axis = axis_of(call.argument(1, call.settings.get("axis", 0)), len(call.shape))
    return graph.node("Concat", *entries, shape=call.shape, axis=axis)


def _stacked(graph: GraphBuilder, call: Call) -> Value:
    axis = axis_of(call.argument(1, call.settings.get("axis", 0)), len(call.shape))
    shape = (*call.shape[:axis], 1, *call.shape[axis + 1 :])
    entries = [graph.reshaped(as_value(graph, entry, call.dtype), shape) for entry in call.arguments[0]]
    return graph.node("Concat", *entries, shape=call.shape, axis=axis)


def _unstacked(graph: GraphBuilder, call: Call) -> tuple[Value, ...]:
    axis = axis_of(call.argument(1, call.settings.get("axis", 0)), len(call.first.shape))
    shape = call.first.shape
    parts = _parts(graph, call, axis, [(*shape[:axis], 1, *shape[axis + 1 :])] * len(call.outputs))
    return tuple(graph.reshaped(part, call.shape) for part in parts)


def _split(axis_at: int) -> Translation:
    def split(graph: GraphBuilder, call: Call) -> tuple[Value, ...]:
        axis = axis_of(call.argument(axis_at, 0), len(call.first.shape))
        return _parts(graph, call, axis, [shape for shape, _ in call.outputs])

    return split


def _parts(graph: GraphBuilder, call: Call, axis: int, shapes: list[Shape]) -> tuple[Value, ...]:
    sizes = graph.integers(*(fixed(shape[axis]) for shape in shapes))
    return graph.nodes("Split", (call.first, sizes), [(shape, call.first.dtype) for shape in shapes], axis=axis)


def _expanded(graph: GraphBuilder, call: Call) -> Value:
    return graph.expanded(call.first, call.shape)


def _tiled(graph: GraphBuilder, call: Call) -> Value:
    repeats = [fixed(count) for count in integers(call.arguments[1])]
    padded = graph.reshaped(call.first, (1,) * (len(call.shape) - len(call.first.shape)) + call.first.shape)
    repeats = [1] * (len(call.shape) - len(repeats)) + repeats
    return graph.node("Tile", padded, graph.integers(*repeats), shape=call.shape)


def _gathered(graph: GraphBuilder, call: Call) -> Value:
    """(input, indices, axis, axes of the batch)."""
    require(call.argument(3, 0) == 0, call.operator, "with axes of a batch")
    value, indices = call.arguments[:2]
    indices = as_value(graph, indices, "int64")
    return graph.node("Gather", value, indices, shape=call.shape, axis=axis_of(call.arguments[2], len(value.shape)))


OPERATORS: Mapping[str, Translation] = {
    "BroadcastTo": _expanded,
    "BroadcastToView": _expanded,
    "Concat": _joined,
    "ExpandDims": _reshaped,
    "ExpandDimsView": _reshaped,
    "Flatten": _reshaped,
    "FlattenExt": _reshaped,
    "Gather": _gathered,
    "Reshape": _reshaped,
    "Split": _split(1),
    "SplitTensor": _split(2),
    "SplitWithSize": _split(2),
    "Squeeze": _reshaped,
    "Stack": _stacked,
    "Tile": _tiled,
    "Transpose": _transposed,
    "TransposeExt": _exchanged,
    "TransposeExtView": _exchanged,
    "TransposeView": _transposed,
    "Unstack": _unstacked,
    "View": _reshaped,
}
