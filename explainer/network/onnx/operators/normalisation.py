"""What brings features to one scale."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, axis_of, require


def _by_channel(graph: GraphBuilder, call: Call) -> tuple[Value]:
    """(input, scale, shift, mean, variance, training, epsilon, ...); only the output is given, no statistics."""
    require(call.arguments[5] is False, call.operator, "by the statistics of the batch")
    normalised = graph.node("BatchNormalization", *call.arguments[:5], shape=call.shape, epsilon=call.arguments[6])
    return (normalised,)


def _by_layer(graph: GraphBuilder, call: Call) -> tuple[Value]:
    """(input, scale, shift, first axis, first axis of the scale, epsilon); only the output is given."""
    value, scale, shift, start, scale_start, epsilon = call.arguments[:6]
    rank = len(value.shape)
    require(axis_of(start, rank) == axis_of(scale_start, rank), call.operator, "with a scale of other axes")
    axis = axis_of(start, rank)
    return (graph.node("LayerNormalization", value, scale, shift, shape=value.shape, axis=axis, epsilon=epsilon),)


def _by_group(graph: GraphBuilder, call: Call) -> tuple[Value]:
    """(input, groups, scale, shift, epsilon); each group is normalised as one channel is."""
    value, groups, scale, shift, epsilon = call.arguments[:5]
    grouped = graph.reshaped(value, (value.shape[0], groups, prod(value.shape[1:]) // groups))
    ones, zeros = (graph.constant([number] * groups, call.dtype) for number in (1, 0))
    normalised = graph.node("InstanceNormalization", grouped, ones, zeros, shape=grouped.shape, epsilon=epsilon)
    channels = (scale.shape[0], *(1,) * (len(value.shape) - 2))
    scaled = graph.node("Mul", graph.reshaped(normalised, value.shape), graph.reshaped(scale, channels))
    return (graph.node("Add", scaled, graph.reshaped(shift, channels)),)


OPERATORS: Mapping[str, Translation] = {
    "BatchNorm": _by_channel,
    "GroupNorm": _by_group,
    "LayerNorm": _by_layer,
}
