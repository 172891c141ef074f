"""Derivatives of parts of a tensor, and of margins around one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from explainer.network.onnx.derivatives.convolution import reversed_along
from explainer.network.onnx.derivatives.shapes import scattered
from explainer.network.onnx.derivatives.step import Derivative, Step
from explainer.network.onnx.graph import GraphBuilder, Shape, Value
from explainer.network.onnx.operators.operands import fixed


def _sliced(graph: GraphBuilder, step: Step) -> Value:
    """The part is laid back among zeros: its rows as far apart as they were, in their order."""
    gradient, rank = step.upstream, len(step.input.shape)
    margins = [(0, 0)] * rank
    for start, axis, stride in zip(*(_numbers(graph, step, index) for index in (1, 3, 4)), strict=True):
        size, count = fixed(step.input.shape[axis]), fixed(step.output.shape[axis])
        if stride < 0:
            start, stride = start + (count - 1) * stride, -stride
            gradient = reversed_along(graph, gradient, axis)
        if stride > 1:
            gradient = _apart(graph, gradient, axis, stride)
        margins[axis] = (start, size - start - count * stride)
    return _with_margins(graph, gradient, margins, step.input.shape)


def _apart(graph: GraphBuilder, value: Value, axis: int, stride: int) -> Value:
    """Zeros after each row: rows stand `stride` apart."""
    count = fixed(value.shape[axis])
    alone = graph.reshaped(value, (*value.shape[: axis + 1], 1, *value.shape[axis + 1 :]))
    shape = (*alone.shape[: axis + 1], stride, *alone.shape[axis + 2 :])
    margins = [(0, stride - 1) if at == axis + 1 else (0, 0) for at in range(len(shape))]
    padded = _with_margins(graph, alone, margins, shape)
    return graph.reshaped(padded, (*value.shape[:axis], count * stride, *value.shape[axis + 1 :]))


def _padded(graph: GraphBuilder, step: Step) -> Value:
    """A margin of constants gives nothing back; one of the tensor's own numbers gives to where they came from."""
    pads = _numbers(graph, step, 1)
    pairs = list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
    mode = step.node.attributes["mode"]
    if mode == "constant":
        return _with_margins(graph, step.upstream, [(-before, -after) for before, after in pairs], step.input.shape)
    gradient = step.upstream
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            size = fixed(step.input.shape[axis])
            places = graph.integers(*np.pad(np.arange(size), (before, after), mode=mode).tolist())
            wanted = Value("", (*gradient.shape[:axis], size, *gradient.shape[axis + 1 :]), gradient.dtype)
            gradient = scattered(graph, gradient, places, axis, wanted)
    return gradient


def _with_margins(graph: GraphBuilder, value: Value, margins: list[tuple[int, int]], shape: Shape) -> Value:
    """Zeros before and after along each axis; less than none is cut off."""
    if not any(map(any, margins)):
        return value
    pads = graph.integers(*(before for before, _ in margins), *(after for _, after in margins))
    return graph.node("Pad", value, pads, graph.constant(0, value.dtype), shape=shape, mode="constant")


def _numbers(graph: GraphBuilder, step: Step, index: int) -> list[int]:
    known = graph.known(step.operand(index))
    assert known is not None
    return [int(number) for number in known]


DERIVATIVES: Mapping[str, Derivative] = {"Pad": _padded, "Slice": _sliced}
