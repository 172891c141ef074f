"""What is computed with symbols, the graph computes as NumPy does with arrays."""

from __future__ import annotations

import numpy as np
import pytest

from explainer.errors import EngineError
from explainer.network.onnx.graph import Batch, GraphBuilder
from explainer.network.onnx.session import Session
from explainer.network.onnx.symbols import Symbol

X = np.float32([[-2, -1, 0, 1, 2, 0.5]])
Y = np.float32([3, -1, 2, 1, -4, 0.5])


def with_number_on_either_side(x, y):
    return (2 - x) * 3 + 1 - x / 4 + 6 / (x * x + 1) + (+x) - 5 * x


def with_another(x, y):
    return x + y - x * y / (y * y) - -y


def power(x, y):
    return (x * x + 1) ** y + abs(x) ** 2


def comparisons(x, y):
    return (x > y) * 1 + (x >= y) * 2 + (x < y) * 4 + (x <= y) * 8 + (x == y) * 16 + (x != y) * 32


def with_a_number_first(x, y):
    return x * (0 < x) + y * (1 >= x)  # noqa: SIM300  the number first


def truths_joined(x, y):
    return x * ((x > 0) & (y > 0)) + y * ((x > 0) | ~(y > 0))


def masked_again_and_again(x, y):
    return x * (x > -2) * (y > -2) * (y > x) + (x > 0) * y


def compared_when_masked(x, y):
    masked = x * (y > 0)
    return masked * (masked > 0) + (masked + 1) * (x > 1)


def number_types(x, y):
    return np.float32(2) * x + x * np.float64(3) - np.int64(1) + True * y


def truths_as_numbers(x, y):
    return ((x > 0) * (y > 0)) * 3 + (1 - (x > 0)) * 5 - (x > 1) + (x > 0) / 2


@pytest.mark.parametrize(
    "formula",
    [
        with_number_on_either_side,
        with_another,
        power,
        comparisons,
        with_a_number_first,
        truths_joined,
        masked_again_and_again,
        compared_when_masked,
        number_types,
        truths_as_numbers,
    ],
)
def test_a_formula_of_symbols_is_that_of_arrays(formula):
    graph = GraphBuilder((Batch(), 6))
    symbols = Symbol(graph, graph.images), Symbol(graph, graph.constant(Y, "float32"))
    given = formula(*symbols)
    assert given.shape == (Batch(), 6)
    (output,) = Session(graph.finished((given.value,)), {})(X)
    arrays = (X.astype(np.float64), Y.astype(np.float64))
    expected = formula(*(_Truthful(array) for array in arrays)).array
    np.testing.assert_allclose(output, expected, atol=1e-6)


class _Truthful:
    """An array whose truth values count as numbers in every operation: NumPy has no `-` for them."""

    __array_ufunc__ = None

    def __init__(self, array):
        self.array = array


def _number(given):
    array = given.array if isinstance(given, _Truthful) else np.asarray(given)
    return array.astype(np.float64)


def _define(name, function, keep_truth=False):
    def method(self, *others):
        if keep_truth:
            return _Truthful(function(self.array, *(other.array for other in others)))
        return _Truthful(function(_number(self), *map(_number, others)))

    setattr(_Truthful, name, method)


for _name in ("add", "sub", "mul", "truediv", "pow", "gt", "ge", "lt", "le", "eq", "ne", "neg", "pos", "abs"):
    _define(f"__{_name}__", lambda *arrays, name=_name: getattr(arrays[0], f"__{name}__")(*arrays[1:]))
for _name in ("add", "sub", "mul", "truediv"):
    _define(f"__r{_name}__", lambda one, other, name=_name: getattr(other, f"__{name}__")(one))
for _name in ("and", "or", "invert"):
    _define(f"__{_name}__", lambda *arrays, name=_name: getattr(arrays[0], f"__{name}__")(*arrays[1:]), keep_truth=True)


def symbol() -> Symbol:
    graph = GraphBuilder((Batch(), 6))
    return Symbol(graph, graph.images)


def operators_of(given: Symbol) -> list[str]:
    return [node.operator for node in given.graph.finished((given.value,)).nodes]


def test_masks_are_joined_before_they_are_laid_on_a_value():
    x = symbol()
    assert operators_of(x * (x > 0) * (x < 6)) == ["Greater", "Less", "And", "Cast", "Mul"]


def test_what_is_masked_is_above_zero_where_it_is_and_the_mask_holds():
    x = symbol()
    masked = x * (x < 6)
    assert operators_of(masked * (masked > 0)) == ["Less", "Greater", "And", "And", "Cast", "Mul"]


def test_a_value_that_is_asked_for_twice_is_computed_once():
    x = symbol()
    masked = x * (x > 0)
    assert masked.value is masked.value


def test_what_is_positive_alike_is_compared_with_zero_in_its_place():
    graph = GraphBuilder((Batch(), 6))
    relu = graph.node("Relu", graph.images)
    x = Symbol(graph, graph.images, positive=relu)
    compared = [(x > 0).value, (x > 1).value, (x < 0).value]
    nodes = {node.outputs[0]: node for node in graph.finished(tuple(compared)).nodes}
    assert [nodes[value].inputs[0] for value in compared] == [relu, graph.images, graph.images]


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (lambda x: x if x > 0 else -x, "cannot branch on its numbers"),
        (lambda x: x + np.ones(3), "meets numbers alone, not ndarray"),
        (lambda x: x * "2", "meets numbers alone, not str"),
        (lambda x: x & (x > 0), "`and` is for comparisons"),
        (lambda x: ~x, "`~` is for comparisons"),
    ],
)
def test_what_no_node_can_be_is_refused(formula, reason):
    with pytest.raises(EngineError, match=reason):
        formula(symbol())
