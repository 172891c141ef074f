"""Derivatives of what brings features to one scale, with respect to the features."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.derivatives.step import Derivative, Step, averaged, symbols
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.symbols import Symbol


def _by_channel(graph: GraphBuilder, step: Step) -> Value:
    """(images, scale, shift, mean, variance), the statistics fixed."""
    _require_features(step)
    scale, variance = symbols(graph, step.operand(1), step.operand(4))
    factor = scale / (variance + step.node.attributes["epsilon"]).node("Sqrt")
    shape = (factor.shape[0], *(1,) * (len(step.input.shape) - 2))
    return graph.node("Mul", step.upstream, graph.reshaped(factor.value, shape))


def _by_layer(graph: GraphBuilder, step: Step) -> Value:
    _require_features(step)
    axes = range(step.node.attributes["axis"], len(step.input.shape))
    scaled = graph.node("Mul", step.upstream, step.operand(1))
    return _normalised(graph, step, scaled, *axes)


def _by_instance(graph: GraphBuilder, step: Step) -> Value:
    _require_features(step)
    rank = len(step.input.shape)
    scale = graph.reshaped(step.operand(1), (step.operand(1).shape[0], *(1,) * (rank - 2)))
    return _normalised(graph, step, graph.node("Mul", step.upstream, scale), *range(2, rank))


def _normalised(graph: GraphBuilder, step: Step, upstream: Value, *axes: int) -> Value:
    """(u - mean(u) - n * mean(u * n)) / deviation, with the normalised features n."""

    def mean(symbol: Symbol) -> Symbol:
        return Symbol(graph, averaged(graph, symbol.value, *axes))

    features, given = symbols(graph, step.input, upstream)
    centred = features - mean(features)
    inverse = 1 / (mean(centred * centred) + float(step.node.attributes["epsilon"])).node("Sqrt")
    normalised = centred * inverse
    return ((given - mean(given) - normalised * mean(given * normalised)) * inverse).value


def _require_features(step: Step) -> None:
    if step.index:
        raise step.refused(" for a scale that the network computes from the images")


DERIVATIVES: Mapping[str, Derivative] = {
    "BatchNormalization": _by_channel,
    "InstanceNormalization": _by_instance,
    "LayerNormalization": _by_layer,
}
