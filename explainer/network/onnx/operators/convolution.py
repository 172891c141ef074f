"""Convolutions, and the bias that is added to their channels."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, fixed, require


def _convolution(graph: GraphBuilder, call: Call) -> Value:
    """Settings of four numbers are NCHW; `pad_list` is (top, bottom, left, right)."""
    settings = call.settings
    require(settings.get("format", "NCHW") == "NCHW", call.operator, "with its channels last")
    weights = call.arguments[1]
    return graph.node(
        "Conv",
        call.first,
        weights,
        shape=call.shape,
        strides=list(settings["stride"])[-2:],
        dilations=list(settings["dilation"])[-2:],
        pads=_in_onnx_order(list(settings["pad_list"])),
        group=settings["group"],
    )


def _transposed(graph: GraphBuilder, call: Call) -> Value:
    """(upstream, weight, size of the output): a convolution's own gradient."""
    settings = call.settings
    strides, dilations = list(settings["stride"])[-2:], list(settings["dilation"])[-2:]
    weights = call.arguments[1]
    pads = _in_onnx_order(list(settings["pad_list"]))
    rest = []
    for axis in (0, 1):
        size, kernel, wanted = (fixed(shape[axis + 2]) for shape in (call.first.shape, weights.shape, call.shape))
        covered = (size - 1) * strides[axis] + dilations[axis] * (kernel - 1) + 1
        rest.append(wanted - covered + pads[axis] + pads[axis + 2])
    return graph.node(
        "ConvTranspose",
        call.first,
        weights,
        shape=call.shape,
        strides=strides,
        dilations=dilations,
        pads=pads,
        output_padding=rest,
        group=settings["group"],
    )


def _biased(graph: GraphBuilder, call: Call) -> Value:
    bias = call.arguments[1]
    return graph.node("Add", call.first, graph.reshaped(bias, (bias.shape[0], *(1,) * (len(call.shape) - 2))))


def _in_onnx_order(pads: list[int]) -> list[int]:
    """(top, bottom, left, right) as (top, left, bottom, right)."""
    return pads[0::2] + pads[1::2]


OPERATORS: Mapping[str, Translation] = {
    "BiasAdd": _biased,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _transposed,
    "Conv2DTranspose": _transposed,
}
