"""One number of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, as_value, axis_of, integers


def _reduced(operator: str) -> Translation:
    """(input, axes, whether they are kept)."""

    def reduced(graph: GraphBuilder, call: Call) -> Value:
        value = as_value(graph, call.first, call.dtype)
        return graph.node(
            operator,
            value,
            graph.integers(*_axes(call.argument(1), len(value.shape))),
            shape=call.shape,
            keepdims=int(len(call.shape) == len(value.shape)),
        )

    return reduced


def _largest_with_index(graph: GraphBuilder, call: Call) -> tuple[Value, Value]:
    return _index("ArgMax")(graph, call), _at_index("ReduceMax")(graph, call)


def _smallest_with_index(graph: GraphBuilder, call: Call) -> tuple[Value, Value]:
    return _index("ArgMin")(graph, call), _at_index("ReduceMin")(graph, call)


def _index(operator: str) -> Translation:
    """(input, axis, ...); the first, where several are equal."""

    def index(graph: GraphBuilder, call: Call) -> Value:
        shape, dtype = call.outputs[0]
        rank = len(call.first.shape)
        found = graph.node(
            operator,
            call.first,
            shape=shape,
            dtype="int64",
            axis=axis_of(call.argument(1, -1), rank),
            keepdims=int(len(shape) == rank),
        )
        return as_value(graph, found, dtype)

    return index


def _at_index(operator: str) -> Translation:
    def at_index(graph: GraphBuilder, call: Call) -> Value:
        shape, rank = call.outputs[1][0], len(call.first.shape)
        axis = graph.integers(axis_of(call.argument(1, 0), rank))
        found = graph.node(operator, call.first, axis, shape=shape, keepdims=int(len(shape) == rank))
        return graph.with_first_of_equals(found)

    return at_index


def _axes(axes: Any, rank: int) -> list[int]:
    """None and an empty tuple are all of them."""
    if axes is None or axes == ():
        return list(range(rank))
    return [axis_of(axis, rank) for axis in integers(axes)]


OPERATORS: Mapping[str, Translation] = {
    "ArgMaxWithValue": _largest_with_index,
    "ArgMinWithValue": _smallest_with_index,
    "Argmax": _index("ArgMax"),
    "Argmin": _index("ArgMin"),
    "Max": _reduced("ReduceMax"),
    "MeanExt": _reduced("ReduceMean"),
    "Min": _reduced("ReduceMin"),
    "ReduceMax": _reduced("ReduceMax"),
    "ReduceMean": _reduced("ReduceMean"),
    "ReduceMin": _reduced("ReduceMin"),
    "ReduceProd": _reduced("ReduceProd"),
    "ReduceSum": _reduced("ReduceSum"),
    "SumExt": _reduced("ReduceSum"),
}
