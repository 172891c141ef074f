"""What makes a network more than a product of matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, as_value, axis_of, integers, require


def _activation(operator: str, **settings: Any) -> Translation:
    def activation(graph: GraphBuilder, call: Call) -> Value:
        return graph.node(operator, call.first, **settings)

    return activation


def _normalised(operator: str) -> Translation:
    def normalised(graph: GraphBuilder, call: Call) -> Value:
        axes = integers(call.argument(1, -1))
        require(len(axes) == 1, call.operator, "over several axes at once")
        return graph.node(operator, call.first, axis=axis_of(axes[0], len(call.shape)))

    return normalised


def _relu6(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Clip", call.first, graph.constant(0, call.dtype), graph.constant(6, call.dtype))


def _silu(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Mul", call.first, graph.node("Sigmoid", call.first))


def _gelu(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Gelu", call.first, approximate="tanh")


def _elu(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Elu", call.first, alpha=float(call.argument(1, call.settings.get("alpha", 1.0))))


def _prelu(graph: GraphBuilder, call: Call) -> Value:
    slope = call.arguments[1]
    channels = (slope.shape[0], *(1,) * (len(call.shape) - 2)) if len(call.shape) > 1 else slope.shape
    return graph.node("PRelu", call.first, graph.reshaped(slope, channels))


def _softplus(graph: GraphBuilder, call: Call) -> Value:
    beta = float(call.argument(1, 1.0))
    if beta == 1.0:
        return graph.node("Softplus", call.first)
    scale = as_value(graph, beta, call.dtype)
    return graph.node("Div", graph.node("Softplus", graph.node("Mul", call.first, scale)), scale)


def _log_sigmoid(graph: GraphBuilder, call: Call) -> tuple[Value]:
    return (graph.node("Neg", graph.node("Softplus", graph.node("Neg", call.first))),)


OPERATORS: Mapping[str, Translation] = {
    "Elu": _elu,
    "EluExt": _elu,
    "GeLU": _gelu,
    "HSigmoid": _activation("HardSigmoid", alpha=1 / 6, beta=0.5),
    "HSwish": _activation("HardSwish"),
    "LogSigmoidExt": _log_sigmoid,
    "LogSoftmax": _normalised("LogSoftmax"),
    "LogSoftmaxExt": _normalised("LogSoftmax"),
    "Mish": _activation("Mish"),
    "MishExt": _activation("Mish"),
    "PReLU": _prelu,
    "ReLU": _activation("Relu"),
    "ReLU6": _relu6,
    "ReLUV3": _activation("Relu"),
    "SeLU": _activation("Selu"),
    "SeLUExt": _activation("Selu"),
    "SiLU": _silu,
    "Sigmoid": _activation("Sigmoid"),
    "Softmax": _normalised("Softmax"),
    "Softplus": _softplus,
    "SoftplusExt": _softplus,
}
