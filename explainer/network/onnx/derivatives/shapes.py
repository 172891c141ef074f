"""Derivatives of what gives the same numbers elsewhere: they go back to where they were."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from explainer.network.onnx.derivatives.step import Derivative, Step, merged, summed, zeros
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import fixed


def _reshaped(graph: GraphBuilder, step: Step) -> Value:
    return graph.reshaped(step.upstream, step.input.shape)


def _transposed(graph: GraphBuilder, step: Step) -> Value:
    back = [int(axis) for axis in np.argsort(step.node.attributes["perm"])]
    return graph.node("Transpose", step.upstream, shape=step.input.shape, perm=back)


def _joined(graph: GraphBuilder, step: Step) -> Value:
    axis = step.node.attributes["axis"]
    start = sum(fixed(step.operand(index).shape[axis]) for index in range(step.index))
    bounds = (start, start + fixed(step.input.shape[axis]), axis, 1)
    return graph.node("Slice", step.upstream, *(graph.integers(bound) for bound in bounds), shape=step.input.shape)


def _split(graph: GraphBuilder, step: Step) -> Value:
    pairs = zip(step.upstreams, step.node.outputs, strict=True)
    parts = [zeros(graph, output.shape) if upstream is None else upstream for upstream, output in pairs]
    return graph.node("Concat", *parts, shape=step.input.shape, axis=step.node.attributes["axis"])


def _expanded(graph: GraphBuilder, step: Step) -> Value:
    return step.upstream


def _tiled(graph: GraphBuilder, step: Step) -> Value:
    """Each axis as (repeats, size), summed over the repeats."""
    pairs = [
        (fixed(whole) // fixed(size) if whole != size else 1, size)
        for whole, size in zip(step.output.shape, step.input.shape, strict=True)
    ]
    apart = graph.reshaped(step.upstream, tuple(entry for pair in pairs for entry in pair))
    total = summed(graph, apart, *(2 * axis for axis, (repeats, _) in enumerate(pairs) if repeats != 1))
    return graph.reshaped(total, step.input.shape)


def _gathered(graph: GraphBuilder, step: Step) -> Value:
    if step.index:
        raise step.refused(" for indices")
    return scattered(graph, step.upstream, step.operand(1), step.node.attributes["axis"], step.input)


def scattered(graph: GraphBuilder, upstream: Value, indices: Value, axis: int, wanted: Value) -> Value:
    """What came from places along an axis goes back to them, and is added up there."""
    places = merged(*indices.shape)
    shape = (*wanted.shape[:axis], places, *wanted.shape[axis + 1 :])
    along = graph.reshaped(indices, (places, *(1,) * (len(shape) - axis - 1)))
    return graph.node(
        "ScatterElements",
        zeros(graph, wanted.shape),
        graph.expanded(along, shape),
        graph.reshaped(upstream, shape),
        shape=wanted.shape,
        axis=axis,
        reduction="add",
    )


DERIVATIVES: Mapping[str, Derivative] = {
    "Concat": _joined,
    "Expand": _expanded,
    "Gather": _gathered,
    "Reshape": _reshaped,
    "Split": _split,
    "Tile": _tiled,
    "Transpose": _transposed,
}
