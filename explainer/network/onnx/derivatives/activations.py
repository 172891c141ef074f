"""Derivatives of activations; what a ReLU passes back is a rule's to say, see `backward`."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt

from explainer.network.onnx.derivatives.elementwise import of_one
from explainer.network.onnx.derivatives.step import Derivative, Step, summed, symbols
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.symbols import Symbol

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _hard_sigmoid(graph: GraphBuilder, step: Step) -> Value:
    upstream, output = symbols(graph, step.upstream, step.output)
    return (upstream * ((output > 0) & (output < 1)) * float(step.node.attributes["alpha"])).value


def _hard_swish(upstream: Symbol, x: Symbol, output: Symbol) -> Symbol:
    """Of x * (x + 3) / 6 from -3 to 3, and x above."""
    return upstream * (((x >= -3) & (x <= 3)) * (x / 3 + 0.5) + (x > 3))


def _mish(upstream: Symbol, x: Symbol, output: Symbol) -> Symbol:
    """Of x * tanh(softplus(x))."""
    bend = x.node("Softplus").node("Tanh")
    return upstream * (bend + x * x.node("Sigmoid") * (1 - bend * bend))


def _prelu(graph: GraphBuilder, step: Step) -> Value:
    upstream, x, slope = symbols(graph, step.upstream, step.operand(0), step.operand(1))
    if step.index == 1:
        return (upstream * x * (x <= 0)).value
    positive = (x > 0).number()
    return (upstream * (positive + slope * (1 - positive))).value


def _elu(graph: GraphBuilder, step: Step) -> Value:
    upstream, output = symbols(graph, step.upstream, step.output)
    below = output.node("Min", 0.0)
    alpha = float(step.node.attributes["alpha"])
    return (upstream * ((output > 0).number() + (output <= 0) * (below + alpha))).value


def _selu(upstream: Symbol, x: Symbol, output: Symbol) -> Symbol:
    below = output.node("Min", 0.0) + _SELU_SCALE * _SELU_ALPHA
    return upstream * ((output > 0) * _SELU_SCALE + (output <= 0) * below)


def _gelu(graph: GraphBuilder, step: Step) -> Value:
    """Of x * Phi(x), or its approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    upstream, x = symbols(graph, step.upstream, step.operand(0))
    if step.node.attributes["approximate"] != "tanh":
        share = x.node("Mul", sqrt(0.5)).node("Erf") * 0.5 + 0.5
        return (upstream * (share + x * (x * x * -0.5).node("Exp") * (1 / sqrt(2 * pi)))).value
    square = x * x
    bend = (x * (square * (0.044715 * sqrt(2 / pi)) + sqrt(2 / pi))).node("Tanh")
    inner = square * (3 * 0.044715 * sqrt(2 / pi)) + sqrt(2 / pi)
    return (upstream * ((bend + 1 + x * (1 - bend * bend) * inner) * 0.5)).value


def _softmax(graph: GraphBuilder, step: Step) -> Value:
    upstream, output = symbols(graph, step.upstream, step.output)
    product = upstream * output
    return (product - output * Symbol(graph, summed(graph, product.value, step.node.attributes["axis"]))).value


def _log_softmax(graph: GraphBuilder, step: Step) -> Value:
    upstream, output = symbols(graph, step.upstream, step.output)
    total = Symbol(graph, summed(graph, step.upstream, step.node.attributes["axis"]))
    return (upstream - output.node("Exp") * total).value


DERIVATIVES: Mapping[str, Derivative] = {
    "Elu": _elu,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": of_one(_hard_swish),
    "LogSoftmax": _log_softmax,
    "Mish": of_one(_mish),
    "PRelu": _prelu,
    "Selu": of_one(_selu),
    "Sigmoid": of_one(lambda u, x, y: u * (y - y * y)),
    "Softmax": _softmax,
    "Softplus": of_one(lambda u, x, y: u * x.node("Sigmoid")),
}
