"""Derivatives of pooling: the largest of a window takes all, the first of several; a mean is shared out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainer.network.onnx.derivatives.step import Derivative, Step, merged, zeros
from explainer.network.onnx.graph import Batch, GraphBuilder, Shape, Value
from explainer.network.onnx.operators.operands import converted, fixed


def _largest(graph: GraphBuilder, step: Step) -> Value:
    """By comparison along one axis after the other where windows overlap a little, else by the pooling's positions."""
    if _share_no_pixel(step):
        settings = step.node.attributes
        size, strides = settings["kernel_shape"], settings["strides"]
        positions, whole = _positions(graph, step), graph.dimensions(step.input.shape)
        shape = step.input.shape
        return graph.node("MaxUnpool", step.upstream, positions, whole, shape=shape, kernel_shape=size, strides=strides)
    windows = _windows(step)
    return _scattered(graph, step) if windows is None else _by_comparison(graph, step, *windows)


def _scattered(graph: GraphBuilder, step: Step) -> Value:
    flat = (merged(*step.output.shape),)
    rows = merged(*step.input.shape)
    assert isinstance(rows, Batch)
    empty = graph.node("ConstantOfShape", graph.batch_size(rows.rows), shape=(rows,), dtype="float32")
    scattered = graph.node(
        "ScatterElements",
        empty,
        graph.reshaped(_positions(graph, step), flat),
        graph.reshaped(step.upstream, flat),
        shape=(rows,),
        axis=0,
        reduction="add",
    )
    return graph.reshaped(scattered, step.input.shape)


def _positions(graph: GraphBuilder, step: Step) -> Value:
    return graph.another_output(step.node, step.output.shape, "int64")


@dataclass(frozen=True)
class _Windows:
    """Windows along one axis: window i begins at i * stride - before.

    Attributes:
        axis: of the values.
        count: how many there are.
        size: of each.
        stride: from one to the next.
        before: how far the first begins before the values.
        given: how many values there are.
    """

    axis: int
    count: int
    size: int
    stride: int
    before: int
    given: int

    @property
    def reach(self) -> int:
        """From the beginning of the first to the end of the last."""
        return (self.count - 1) * self.stride + self.size

    @property
    def after(self) -> int:
        """How far the last ends behind the values; below zero where some are read by none."""
        return self.reach - self.before - self.given


def _windows(step: Step) -> tuple[_Windows, _Windows] | None:
    """Down and across; None unless these are maps of floats in which a pixel is in two windows of an axis at most."""
    settings = step.node.attributes
    if len(step.input.shape) != 4 or any(number != 1 for number in settings.get("dilations", ())):
        return None
    down, across = (
        _Windows(axis + 2, fixed(step.output.shape[axis + 2]), settings["kernel_shape"][axis],
                 settings["strides"][axis], settings["pads"][axis], fixed(step.input.shape[axis + 2]))
        for axis in (0, 1)
    )  # fmt: skip
    few = all(entry.size <= 2 * entry.stride for entry in (down, across))
    return (down, across) if few and step.input.dtype == "float32" else None


def _by_comparison(graph: GraphBuilder, step: Step, down: _Windows, across: _Windows) -> Value:
    """First the row of each window that has the largest, then the pixel of that row.

    So the first of several in reading order has it all, as by the positions. The pooling that tells them is not ONNX
    Runtime's fast one, and takes a fifth of SqueezeNet's gradient.
    """
    images, channels = step.input.shape[:2]
    rows = graph.node(
        "MaxPool",
        step.input,
        shape=(images, channels, down.given, across.count),
        kernel_shape=[1, across.size],
        strides=[1, across.stride],
        pads=[0, across.before, 0, max(across.after, 0)],
    )
    of_rows = _to_the_first(graph, rows, step.output, step.upstream, down)
    return _to_the_first(graph, step.input, rows, of_rows, across)


def _to_the_first(graph: GraphBuilder, values: Value, largest: Value, upstream: Value, windows: _Windows) -> Value:
    """The gradient of values, from that of the largest of each window along one axis: the first of equals takes it."""
    axis, stride = windows.axis, windows.stride
    padded = _padded(graph, values, axis, windows.before, max(windows.after, 0), -np.inf)
    taken, left = [], upstream
    for place in range(windows.size - 1):
        bounds = (place, place + (windows.count - 1) * stride + 1, axis, stride)
        here = graph.node("Slice", padded, *(graph.integers(number) for number in bounds), shape=largest.shape)
        equal = graph.node("Equal", here, largest, dtype="bool")
        taken.append(graph.node("Mul", left, converted(graph, equal, "float32")))
        left = graph.node("Sub", left, taken[-1])
    spread = _laid_out(graph, [*taken, left], windows)
    return _padded(graph, spread, axis, -windows.before, -windows.after, 0)


def _laid_out(graph: GraphBuilder, places: list[Value], windows: _Windows) -> Value:
    """What each place of each window has, on the axis from the beginning of the first window to the end of the last."""
    axis, stride = windows.axis, windows.stride
    own, of_next = places[:stride], places[stride:]  # places of the next window's own pixels are added to them
    added = [
        graph.node("Add", one, _padded(graph, two, axis, 1, -1, 0)) for one, two in zip(own, of_next, strict=False)
    ]
    added += own[len(of_next) :]
    shape = added[0].shape
    columns = [graph.reshaped(entry, (*shape[: axis + 1], 1, *shape[axis + 1 :])) for entry in added]
    columns += [zeros(graph, columns[0].shape)] * (stride - len(columns))
    side_by_side = (*shape[: axis + 1], stride, *shape[axis + 1 :])
    whole = graph.node("Concat", *columns, axis=axis + 1, shape=side_by_side)
    whole = graph.reshaped(whole, _with(shape, axis, windows.count * stride))
    ends = [_padded(graph, entry, axis, 1 - windows.count, 0, 0) for entry in of_next]
    if ends:
        length = windows.count * stride + len(ends)
        whole = graph.node("Concat", whole, *ends, axis=axis, shape=_with(shape, axis, length))
    return _padded(graph, whole, axis, 0, windows.reach - fixed(whole.shape[axis]), 0)


def _padded(graph: GraphBuilder, value: Value, axis: int, before: int, after: int, fill: float) -> Value:
    """The value with so many more on an axis, or fewer, where the number is below zero."""
    if not before and not after:
        return value
    pads = [0] * 2 * len(value.shape)
    pads[axis], pads[axis + len(value.shape)] = before, after
    shape = _with(value.shape, axis, fixed(value.shape[axis]) + before + after)
    return graph.node(
        "Pad", value, graph.integers(*pads), graph.constant(fill, value.dtype), shape=shape, mode="constant"
    )


def _with(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _share_no_pixel(step: Step) -> bool:
    """Whether windows lie side by side, none of them beyond the end: ONNX Runtime's MaxUnpool takes no others."""
    settings = step.node.attributes
    if any(number != 1 for number in settings.get("dilations", ())):
        return False
    triples = zip(
        settings["kernel_shape"], settings["strides"], step.output.shape[2:], step.input.shape[2:], strict=True
    )
    return all(
        size <= stride and (fixed(count) - 1) * stride + size <= fixed(given) for size, stride, count, given in triples
    )


def _mean(graph: GraphBuilder, step: Step) -> Value:
    """Each share is laid on its window: a transposed convolution, channel by channel, with a kernel of ones."""
    settings = step.node.attributes
    images, channels, *given = step.input.shape
    size, strides, pads = settings["kernel_shape"], settings["strides"], settings["pads"]
    spatial = len(size)
    shares = graph.node("Mul", step.upstream, graph.constant(_shares(step), step.output.dtype))
    alone = graph.reshaped(shares, (merged(images, channels), 1, *step.output.shape[2:]))
    beyond = [
        (fixed(step.output.shape[2 + axis]) - 1) * strides[axis] + size[axis] - pads[axis] - fixed(given[axis])
        for axis in range(spatial)
    ]
    spread = graph.node(
        "ConvTranspose",
        alone,
        graph.constant(np.ones((1, 1, *size)), step.output.dtype),
        shape=(alone.shape[0], 1, *given),
        strides=strides,
        pads=[*pads[:spatial], *(max(rest, 0) for rest in beyond)],
        output_padding=[max(-rest, 0) for rest in beyond],
        dilations=[1] * spatial,
        group=1,
    )
    return graph.reshaped(spread, step.input.shape)


def _shares(step: Step) -> NDArray[np.float64]:
    """The part of each window's mean that one of its pixels is: (*output sizes)."""
    settings = step.node.attributes
    spatial = len(settings["kernel_shape"])
    counts = np.ones(())
    for axis in range(spatial):
        before, after = settings["pads"][axis], settings["pads"][axis + spatial]
        if not settings.get("count_include_pad", 0):
            before = after = 0
        starts = np.arange(fixed(step.output.shape[2 + axis])) * settings["strides"][axis] - settings["pads"][axis]
        ends = np.minimum(starts + settings["kernel_shape"][axis], fixed(step.input.shape[2 + axis]) + after)
        counts = np.multiply.outer(counts, ends - np.maximum(starts, -before))
    return 1 / counts


DERIVATIVES: Mapping[str, Derivative] = {"AveragePool": _mean, "MaxPool": _largest}
