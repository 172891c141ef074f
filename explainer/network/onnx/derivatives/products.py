"""Derivatives of products of matrices, for either side."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.derivatives.step import Derivative, Step
from explainer.network.onnx.graph import GraphBuilder, Value, broadcast
from explainer.network.onnx.operators.products import turned


def _product(graph: GraphBuilder, step: Step) -> Value:
    left, right = step.operand(0), step.operand(1)
    if min(len(left.shape), len(right.shape)) < 2:
        raise step.refused(" for a single row")
    if step.index == 0:
        return _multiplied(graph, step.upstream, turned(graph, right))
    return _multiplied(graph, turned(graph, left), step.upstream)


def _multiplied(graph: GraphBuilder, left: Value, right: Value) -> Value:
    shape = (*broadcast(left.shape[:-2], right.shape[:-2]), left.shape[-2], right.shape[-1])
    return graph.node("MatMul", left, right, shape=shape)


DERIVATIVES: Mapping[str, Derivative] = {"MatMul": _product}
