"""What computes each number from the numbers at the same index."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, as_value, common_type, converted


def _of_one(operator: str) -> Translation:
    def of_one(graph: GraphBuilder, call: Call) -> Value:
        return graph.node(operator, as_value(graph, call.arguments[0], call.dtype))

    return of_one


def _of_two(operator: str) -> Translation:
    def of_two(graph: GraphBuilder, call: Call) -> Value:
        return graph.node(operator, *(as_value(graph, entry, call.dtype) for entry in call.arguments[:2]))

    return of_two


def _comparison(operator: str) -> Translation:
    def comparison(graph: GraphBuilder, call: Call) -> Value:
        operands = [as_value(graph, entry, common_type(call)) for entry in call.arguments[:2]]
        return graph.node(operator, *operands, dtype="bool")

    return comparison


def _scaled(operator: str) -> Translation:
    """MindSpore's `alpha`: what the second operand is multiplied with first."""

    def scaled(graph: GraphBuilder, call: Call) -> Value:
        first, second = (as_value(graph, entry, call.dtype) for entry in call.arguments[:2])
        alpha = call.argument(2, 1)
        if alpha != 1:
            second = graph.node("Mul", second, graph.constant(alpha, call.dtype))
        return graph.node(operator, first, second)

    return scaled


def _square(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Mul", call.first, call.first)


def _reciprocal_root(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Reciprocal", graph.node("Sqrt", call.first))


def _rounded_down_quotient(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Floor", _of_two("Div")(graph, call))


def _unequal(graph: GraphBuilder, call: Call) -> Value:
    return graph.node("Not", _comparison("Equal")(graph, call))


def _chosen(graph: GraphBuilder, call: Call) -> Value:
    condition, *choices = call.arguments[:3]
    chosen = [as_value(graph, entry, call.dtype) for entry in choices]
    return graph.node("Where", as_value(graph, condition, "bool"), *chosen, dtype=call.dtype)


def _filled(graph: GraphBuilder, call: Call) -> Value:
    value, mask, fill = call.arguments[:3]
    return graph.node("Where", mask, as_value(graph, fill, call.dtype), value, dtype=call.dtype)


def _clipped(graph: GraphBuilder, call: Call) -> Value:
    value = call.first
    for operator, bound in zip(("Max", "Min"), call.arguments[1:3], strict=False):
        if bound is not None:
            clipped = graph.node(operator, value, as_value(graph, bound, call.dtype))
            value = graph.with_first_of_equals(clipped)  # at the bound the gradient passes
    return value


def _cast(graph: GraphBuilder, call: Call) -> Value:
    return call.first if call.first.dtype == call.dtype else converted(graph, call.first, call.dtype)


def _unchanged(graph: GraphBuilder, call: Call) -> Value:
    return call.first


def _without_gradient(graph: GraphBuilder, call: Call) -> Value:
    return graph.stopped(call.first)


OPERATORS: Mapping[str, Translation] = {
    "Abs": _of_one("Abs"),
    "Add": _of_two("Add"),
    "AddExt": _scaled("Add"),
    "Adds": _of_two("Add"),
    "Cast": _cast,
    "Ceil": _of_one("Ceil"),
    "ClampScalar": _clipped,
    "ClampTensor": _clipped,
    "Cos": _of_one("Cos"),
    "Div": _of_two("Div"),
    "Divs": _of_two("Div"),
    "EqScalar": _comparison("Equal"),
    "Equal": _comparison("Equal"),
    "Erf": _of_one("Erf"),
    "Exp": _of_one("Exp"),
    "Floor": _of_one("Floor"),
    "FloorDiv": _rounded_down_quotient,
    "Greater": _comparison("Greater"),
    "GreaterEqual": _comparison("GreaterOrEqual"),
    "GreaterEqualScalar": _comparison("GreaterOrEqual"),
    "GreaterScalar": _comparison("Greater"),
    "Identity": _unchanged,
    "InplaceAddExt": _scaled("Add"),
    "InplaceAddsExt": _scaled("Add"),
    "InplaceDiv": _of_two("Div"),
    "InplaceDivs": _of_two("Div"),
    "InplaceMul": _of_two("Mul"),
    "InplaceMuls": _of_two("Mul"),
    "InplaceSubExt": _scaled("Sub"),
    "InplaceSubScalar": _scaled("Sub"),
    "Less": _comparison("Less"),
    "LessEqual": _comparison("LessOrEqual"),
    "LessEqualScalar": _comparison("LessOrEqual"),
    "LessScalar": _comparison("Less"),
    "Log": _of_one("Log"),
    "LogicalAnd": _of_two("And"),
    "LogicalNot": _of_one("Not"),
    "LogicalOr": _of_two("Or"),
    "MaskedFill": _filled,
    "Maximum": _of_two("Max"),
    "Minimum": _of_two("Min"),
    "Mul": _of_two("Mul"),
    "Muls": _of_two("Mul"),
    "Neg": _of_one("Neg"),
    "NeScalar": _unequal,
    "NotEqual": _unequal,
    "Pow": _of_two("Pow"),
    "PowTensorScalar": _of_two("Pow"),
    "RealDiv": _of_two("Div"),
    "Reciprocal": _of_one("Reciprocal"),
    "Round": _of_one("Round"),
    "Rsqrt": _reciprocal_root,
    "Select": _chosen,
    "Sign": _of_one("Sign"),
    "Sin": _of_one("Sin"),
    "Sqrt": _of_one("Sqrt"),
    "Square": _square,
    "StopGradient": _without_gradient,
    "Sub": _of_two("Sub"),
    "SubExt": _scaled("Sub"),
    "SubScalar": _scaled("Sub"),
    "Tanh": _of_one("Tanh"),
    "TensorMove": _unchanged,
}
