"""Derivatives of what computes each number from the numbers at the same index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt

from explainer.network.onnx.derivatives.step import Derivative, Step, symbols
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import converted
from explainer.network.onnx.symbols import Symbol


def of_one(formula: Callable[[Symbol, Symbol, Symbol], Symbol]) -> Derivative:
    """The derivative of an operator of one operand, from (upstream, input, output)."""

    def derivative(graph: GraphBuilder, step: Step) -> Value:
        return formula(*symbols(graph, step.upstream, step.operand(0), step.output)).value

    return derivative


def _of_two(*formulas: Callable[[Symbol, Symbol, Symbol, Symbol], Symbol]) -> Derivative:
    """The derivatives for either operand, from (upstream, first, second, output)."""

    def derivative(graph: GraphBuilder, step: Step) -> Value:
        given = symbols(graph, step.upstream, step.operand(0), step.operand(1), step.output)
        return formulas[step.index](*given).value

    return derivative


def _power(graph: GraphBuilder, step: Step) -> Value:
    upstream, base, exponent, output = symbols(graph, step.upstream, step.operand(0), step.operand(1), step.output)
    if step.index == 0:
        known = graph.known(exponent.value)
        if known is not None and known.size == 1:
            number = float(known.item())
            return (upstream * base * 2 if number == 2 else upstream * base ** (number - 1) * number).value
        return (upstream * exponent * base ** (exponent - 1)).value
    positive = (base > 0).number()
    logarithm = (base * positive + (1 - positive)).node("Log")  # 0 where there is none, as in MindSpore
    return (upstream * output * logarithm).value


def _larger(graph: GraphBuilder, step: Step) -> Value:
    return _taken(graph, step, *symbols(graph, step.operand(0), step.operand(1)))


def _smaller(graph: GraphBuilder, step: Step) -> Value:
    return _taken(graph, step, *symbols(graph, step.operand(1), step.operand(0)))


def _taken(graph: GraphBuilder, step: Step, large: Symbol, small: Symbol) -> Value:
    """The first operand is taken where `large > small`, the second where `large < small`."""
    upstream = Symbol(graph, step.upstream)
    if step.node.first_of_equals:
        return (upstream * (large >= small if step.index == 0 else large < small)).value
    sign = (large - small).node("Sign")  # half of each where it is zero
    return (upstream * ((sign if step.index == 0 else -sign) * 0.5 + 0.5)).value


def _chosen(graph: GraphBuilder, step: Step) -> Value:
    """(condition, where it holds, where it does not)."""
    upstream, condition = symbols(graph, step.upstream, step.operand(0))
    return (upstream * (condition if step.index == 1 else ~condition)).value


def _converted(graph: GraphBuilder, step: Step) -> Value:
    return converted(graph, step.upstream, step.input.dtype)


def _unchanged(graph: GraphBuilder, step: Step) -> Value:
    return step.upstream


DERIVATIVES: Mapping[str, Derivative] = {
    "Abs": of_one(lambda u, x, y: u * x.node("Sign")),
    "Add": _unchanged,
    "Cast": _converted,
    "Cos": of_one(lambda u, x, y: -u * x.node("Sin")),
    "Div": _of_two(lambda u, a, b, y: u / b, lambda u, a, b, y: -u * y / b),
    "Erf": of_one(lambda u, x, y: u * (-x * x).node("Exp") * (2 / sqrt(pi))),
    "Exp": of_one(lambda u, x, y: u * y),
    "Identity": _unchanged,
    "Log": of_one(lambda u, x, y: u / x),
    "Max": _larger,
    "Min": _smaller,
    "Mul": _of_two(lambda u, a, b, y: u * b, lambda u, a, b, y: u * a),
    "Neg": of_one(lambda u, x, y: -u),
    "Pow": _power,
    "Reciprocal": of_one(lambda u, x, y: -u * y * y),
    "Sin": of_one(lambda u, x, y: u * x.node("Cos")),
    "Sqrt": of_one(lambda u, x, y: u / y * 0.5),
    "Sub": _of_two(lambda u, a, b, y: u, lambda u, a, b, y: -u),
    "Tanh": of_one(lambda u, x, y: u * (1 - y * y)),
    "Where": _chosen,
}

FLAT = frozenset({"Ceil", "Floor", "Round", "Sign"})
"""Operators whose derivative is zero: no gradient passes, as none passes where numbers become indices."""
