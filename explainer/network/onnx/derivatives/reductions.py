"""Derivatives of what makes one number of many."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from explainer.network.onnx.derivatives.step import Derivative, Step, summed, symbols
from explainer.network.onnx.graph import GraphBuilder, Shape, Value
from explainer.network.onnx.operators.operands import fixed
from explainer.network.onnx.symbols import Symbol


def _total(graph: GraphBuilder, step: Step) -> Value:
    return graph.expanded(_kept(graph, step, step.upstream), step.input.shape)


def _mean(graph: GraphBuilder, step: Step) -> Value:
    count = prod(fixed(step.input.shape[axis]) for axis in _axes(graph, step))
    share = graph.node("Mul", _kept(graph, step, step.upstream), graph.constant(1 / count, step.input.dtype))
    return graph.expanded(share, step.input.shape)


def _extreme(graph: GraphBuilder, step: Step) -> Value:
    """Where several are equal each has its share, as in MindSpore."""
    upstream, extreme = symbols(graph, _kept(graph, step, step.upstream), _kept(graph, step, step.output))
    if step.node.first_of_equals:
        return (upstream * _first_extreme(graph, step)).value
    at_extreme = (Symbol(graph, step.input) == extreme).number()
    count = Symbol(graph, summed(graph, at_extreme.value, *_axes(graph, step)))
    return (at_extreme * (upstream / count)).value


def _first_extreme(graph: GraphBuilder, step: Step) -> Symbol:
    """Where along the only axis the extreme stands first."""
    (axis,) = _axes(graph, step)
    operator = "ArgMax" if step.node.operator == "ReduceMax" else "ArgMin"
    shape = _kept_shape(graph, step)
    found = graph.node(operator, step.input, shape=shape, dtype="int64", axis=axis, keepdims=1)
    places = np.arange(fixed(step.input.shape[axis])).reshape(-1, *(1,) * (len(shape) - axis - 1))
    return Symbol(graph, graph.node("Equal", found, graph.constant(places, "int64"), dtype="bool"))


def _product(graph: GraphBuilder, step: Step) -> Value:
    """The product of the others, be one of them zero."""
    axes = _axes(graph, step)
    factor = Symbol(graph, step.input)
    is_zero = (factor == 0).number()
    without = factor + is_zero  # each zero a one
    product = Symbol(
        graph,
        graph.node("ReduceProd", without.value, graph.integers(*axes), shape=_kept_shape(graph, step), keepdims=1),
    )
    zeros = Symbol(graph, summed(graph, is_zero.value, *axes))
    alone = (zeros == is_zero).number()  # no other factor is zero
    return (Symbol(graph, _kept(graph, step, step.upstream)) * product / without * alone).value


def _kept(graph: GraphBuilder, step: Step, value: Value) -> Value:
    """What belongs to the output, with the axes that are gone there as axes of one."""
    return graph.reshaped(value, _kept_shape(graph, step))


def _kept_shape(graph: GraphBuilder, step: Step) -> Shape:
    axes = _axes(graph, step)
    return tuple(1 if axis in axes else size for axis, size in enumerate(step.input.shape))


def _axes(graph: GraphBuilder, step: Step) -> list[int]:
    axes = graph.known(step.operand(1))
    assert axes is not None
    return [int(axis) % len(step.input.shape) for axis in axes]


DERIVATIVES: Mapping[str, Derivative] = {
    "ReduceMax": _extreme,
    "ReduceMean": _mean,
    "ReduceMin": _extreme,
    "ReduceProd": _product,
    "ReduceSum": _total,
}
