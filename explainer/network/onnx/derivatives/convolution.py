"""Derivatives of convolutions with respect to the images; of their weights there is none, as no method asks."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.derivatives.step import Derivative, Step
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import fixed


def _convolution(graph: GraphBuilder, step: Step) -> Value:
    """A convolution with turned weights where the stride is 1: it is computed faster than a transposed one."""
    _require_images(step)
    upstream, weights = _with_scale_in_weights(graph, step)
    settings = step.node.attributes
    reach = [
        dilation * (fixed(size) - 1) for dilation, size in zip(settings["dilations"], weights.shape[2:], strict=True)
    ]
    pads = [size - pad for size, pad in zip(reach * 2, settings["pads"], strict=True)]
    if any(stride != 1 for stride in settings["strides"]) or min(pads) < 0:
        return _spread(graph, step, upstream, weights, reach)
    return graph.node(
        "Conv",
        upstream,
        turned_kernels(graph, weights, settings["group"]),
        shape=step.input.shape,
        strides=settings["strides"],
        dilations=settings["dilations"],
        pads=pads,
        group=settings["group"],
    )


def _spread(graph: GraphBuilder, step: Step, upstream: Value, weights: Value, reach: list[int]) -> Value:
    settings = step.node.attributes
    strides, pads, spatial = settings["strides"], settings["pads"], len(reach)
    covered = [
        (fixed(size) - 1) * stride + extent + 1 - pads[axis] - pads[axis + spatial]
        for axis, (size, stride, extent) in enumerate(zip(step.output.shape[2:], strides, reach, strict=True))
    ]
    return graph.node(
        "ConvTranspose",
        upstream,
        weights,
        shape=step.input.shape,
        strides=strides,
        dilations=settings["dilations"],
        pads=pads,
        output_padding=[fixed(size) - part for size, part in zip(step.input.shape[2:], covered, strict=True)],
        group=settings["group"],
    )


def _with_scale_in_weights(graph: GraphBuilder, step: Step) -> tuple[Value, Value]:
    """(upstream, weights): a factor for each channel, as a BatchNorm passes back, is laid on the weights, once for all.

    ONNX Runtime does so with what follows a convolution, not with what comes before one.
    """
    upstream, weights = step.upstream, step.operand(1)
    node = graph.made_by(upstream)
    if node is None or node.operator != "Mul":
        return upstream, weights
    scaled, factor = node.inputs
    assert scaled is not None and factor is not None
    channels = weights.shape[0]
    if factor.shape != (channels, *(1,) * (len(weights.shape) - 2)) or scaled.shape != upstream.shape:
        return upstream, weights
    by_kernel = graph.reshaped(factor, (channels, *(1,) * (len(weights.shape) - 1)))
    return scaled, graph.node("Mul", weights, by_kernel)


def _transposed(graph: GraphBuilder, step: Step) -> Value:
    _require_images(step)
    settings = {name: step.node.attributes[name] for name in ("strides", "dilations", "pads", "group")}
    return graph.node("Conv", step.upstream, step.operand(1), shape=step.input.shape, **settings)


def turned_kernels(graph: GraphBuilder, weights: Value, group: int) -> Value:
    """(M, C / group, ...) -> (C, M / group, ...), each kernel turned by half a turn."""
    count, channels, *size = weights.shape
    count = fixed(count)
    if channels != 1 or count != group:
        apart = graph.reshaped(weights, (group, count // group, channels, *size))
        axes = [0, 2, 1, *range(3, 3 + len(size))]
        exchanged = graph.node("Transpose", apart, shape=tuple(apart.shape[axis] for axis in axes), perm=axes)
        weights = graph.reshaped(exchanged, (group * fixed(channels), count // group, *size))
    axes = [axis for axis, extent in enumerate(size, 2) if extent != 1]
    return reversed_along(graph, weights, *axes)


def reversed_along(graph: GraphBuilder, value: Value, *axes: int) -> Value:
    """The value read backwards along some axes."""
    if not axes:
        return value
    starts, ends, steps = ([number] * len(axes) for number in (-1, -(2**31), -1))
    bounds = [graph.integers(*entry) for entry in (starts, ends, axes, steps)]
    return graph.node("Slice", value, *bounds, shape=value.shape)


def _require_images(step: Step) -> None:
    if step.index:
        raise step.refused(" for weights that the network computes from the images")


DERIVATIVES: Mapping[str, Derivative] = {"Conv": _convolution, "ConvTranspose": _transposed}
