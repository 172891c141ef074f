"""Derivatives of pooling: the largest of a window takes all, the first of several; a mean is shared out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from explainer.network.onnx.derivatives.step import Derivative, Step, merged
from explainer.network.onnx.graph import Batch, GraphBuilder, Value
from explainer.network.onnx.operators.operands import fixed


def _largest(graph: GraphBuilder, step: Step) -> Value:
    """By the positions that the pooling tells; windows that share no pixel need not be added up."""
    positions = graph.another_output(step.node, step.output.shape, "int64")
    shape, settings = step.input.shape, step.node.attributes
    if _share_no_pixel(step):
        size, strides = settings["kernel_shape"], settings["strides"]
        whole = graph.dimensions(shape)
        return graph.node("MaxUnpool", step.upstream, positions, whole, shape=shape, kernel_shape=size, strides=strides)
    flat = (merged(*step.output.shape),)
    rows = merged(*shape)
    assert isinstance(rows, Batch)
    empty = graph.node("ConstantOfShape", graph.batch_size(rows.rows), shape=(rows,), dtype="float32")
    scattered = graph.node(
        "ScatterElements",
        empty,
        graph.reshaped(positions, flat),
        graph.reshaped(step.upstream, flat),
        shape=(rows,),
        axis=0,
        reduction="add",
    )
    return graph.reshaped(scattered, shape)


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
