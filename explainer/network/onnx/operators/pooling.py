"""The largest or the mean of windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, fixed, integers, require

_SAME, _VALID = ("SAME", 1), ("VALID", 2)


def _largest(graph: GraphBuilder, call: Call) -> Value:
    """Settings of four numbers are NCHW."""
    settings = call.settings
    size, strides = list(settings["kernel_size"])[-2:], list(settings["strides"])[-2:]
    pads = _pads(call, settings["pad_mode"], size, strides)
    value = call.first if any(pads) else _without_unread_margin(graph, call, size, strides)
    return graph.node("MaxPool", value, shape=call.shape, kernel_shape=size, strides=strides, pads=pads)


def _without_unread_margin(graph: GraphBuilder, call: Call, size: list[int], strides: list[int]) -> Value:
    """What was padded only in case that a window reaches so far, and none does: a copy of a large map is spared."""
    node = graph.made_by(call.first)
    if node is None or node.operator != "Pad":
        return call.first
    inner, pads = node.inputs[:2]
    assert inner is not None and pads is not None
    numbers = graph.known(pads)
    assert numbers is not None
    ends = [(fixed(count) - 1) * stride + extent for count, stride, extent in zip(
        call.shape[2:], strides, size, strict=True)]  # fmt: skip
    unread = all(end <= fixed(given) for end, given in zip(ends, inner.shape[2:], strict=True))
    only_after = not any(numbers[:6]) and all(after >= 0 for after in numbers[6:])
    return inner if unread and only_after else call.first


def _mean(graph: GraphBuilder, call: Call) -> Value:
    """(input, size, strides, padding); what lies in the padding does not count."""
    size, strides = (integers(call.arguments[index])[-2:] for index in (1, 2))
    pads = _pads(call, call.arguments[3], size, strides)
    return graph.node("AveragePool", call.first, shape=call.shape, kernel_shape=size, strides=strides, pads=pads)


def _largest_of_volume(graph: GraphBuilder, call: Call) -> tuple[Value]:
    """(N, C, D, H, W); MindSpore pads maps of two axes with it, as volumes of one layer. No positions are given."""
    settings = call.settings
    sizes = [list(settings[name]) for name in ("ksize", "strides", "dilation", "pads")]
    value, shape = call.first, call.shape
    flat = value.shape[2] == 1 and all(setting[0] in (0, 1) for setting in sizes)
    if flat:
        sizes = [setting[1:] for setting in sizes]
        value, shape = graph.reshaped(value, _without_depth(value.shape)), _without_depth(shape)
    size, strides, dilations, padding = sizes
    pooled = graph.node(
        "MaxPool",
        value,
        shape=shape,
        kernel_shape=size,
        strides=strides,
        dilations=dilations,
        pads=padding * 2,
        ceil_mode=int(settings["ceil_mode"]),
    )
    return (graph.reshaped(pooled, call.shape),)


def _mean_of_volume(graph: GraphBuilder, call: Call) -> Value:
    """(N, C, D, H, W); MindSpore pads maps of two axes with it, as volumes of one layer."""
    settings = call.settings
    require(settings.get("divisor_override", 0) == 0, call.operator, "with a divisor of its own")
    size, strides = list(settings["kernel_size"])[-3:], list(settings["strides"])[-3:]
    pads = list(settings["pad_list"])
    value, shape = call.first, call.shape
    if value.shape[2] == 1 and size[0] == 1 and not any(pads[:2]):
        size, strides, pads = size[1:], strides[1:], pads[2:]
        value, shape = graph.reshaped(value, _without_depth(value.shape)), _without_depth(shape)
    pooled = graph.node(
        "AveragePool",
        value,
        shape=shape,
        kernel_shape=size,
        strides=strides,
        pads=pads[0::2] + pads[1::2],
        ceil_mode=int(settings["ceil_mode"]),
        count_include_pad=int(settings["count_include_pad"]),
    )
    return graph.reshaped(pooled, call.shape)


def _mean_of_parts(graph: GraphBuilder, call: Call) -> Value:
    """Windows of unequal sizes that share the map out: a product from either side."""
    height, width = map(fixed, call.first.shape[-2:])
    if tuple(call.shape[-2:]) == (1, 1):
        return graph.node("ReduceMean", call.first, graph.integers(-2, -1), shape=call.shape, keepdims=1)
    rows = graph.constant(_shares(height, fixed(call.shape[-2])), call.dtype)
    columns = graph.constant(_shares(width, fixed(call.shape[-1])).T, call.dtype)
    halfway = graph.node("MatMul", rows, call.first, shape=(*call.shape[:-1], width), dtype=call.dtype)
    return graph.node("MatMul", halfway, columns, shape=call.shape)


def _shares(size: int, parts: int) -> NDArray[np.float64]:
    """(parts, size): the weight of each row in the mean of each part."""
    weights = np.zeros((parts, size))
    for part in range(parts):
        start, end = part * size // parts, -(-(part + 1) * size // parts)
        weights[part, start:end] = 1 / (end - start)
    return weights


def _pads(call: Call, mode: str | int, size: list[int], strides: list[int]) -> list[int]:
    """ONNX's order; "same" gives the end one more than the start where it does not come out even."""
    if mode in _VALID:
        return [0] * 4
    require(mode in _SAME, call.operator, f"with padding {mode}")
    starts, ends = [], []
    for axis in (0, 1):
        wanted, given = (fixed(shape[axis + 2]) for shape in (call.shape, call.first.shape))
        total = max((wanted - 1) * strides[axis] + size[axis] - given, 0)
        starts.append(total // 2)
        ends.append(total - total // 2)
    return starts + ends


def _without_depth(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return shape[:2] + shape[3:]


OPERATORS: Mapping[str, Translation] = {
    "AdaptiveAvgPool2D": _mean_of_parts,
    "AvgPool": _mean,
    "AvgPool3D": _mean_of_volume,
    "MaxPool": _largest,
    "MaxPool3DWithArgmax": _largest_of_volume,
}
