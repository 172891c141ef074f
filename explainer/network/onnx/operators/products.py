"""Products of matrices."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation


def _product(graph: GraphBuilder, call: Call) -> Value:
    """(left, right, whether the left, whether the right is turned)."""
    left, right = call.arguments[:2]
    if call.argument(2, False):
        left = turned(graph, left)
    if call.argument(3, False):
        right = turned(graph, right)
    return graph.node("MatMul", left, right, shape=call.shape)


def _dense(graph: GraphBuilder, call: Call) -> Value:
    """(input, weights (K, C), bias)."""
    value, weights, bias = call.arguments[:3]
    product = graph.node("MatMul", value, turned(graph, weights), shape=call.shape)
    return product if bias is None else graph.node("Add", product, bias)


def turned(graph: GraphBuilder, value: Value) -> Value:
    """The last two axes exchanged."""
    axes = list(range(len(value.shape)))
    axes[-2:] = axes[:-3:-1]
    return graph.node("Transpose", value, shape=tuple(value.shape[axis] for axis in axes), perm=axes)


OPERATORS: Mapping[str, Translation] = {
    "BatchMatMul": _product,
    "BatchMatMulExt": _product,
    "Dense": _dense,
    "MatMul": _product,
    "MatMulExt": _product,
}
