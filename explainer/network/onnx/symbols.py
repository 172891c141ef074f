"""Values to compute with as with arrays: what is written in Python becomes nodes of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.errors import EngineError
from explainer.network.onnx.graph import GraphBuilder, Shape, Value, broadcast
from explainer.network.onnx.operators.operands import converted


class Symbol:
    """A value of a graph under arithmetic and comparison, with numbers and with other symbols.

    Truth values count as 0 and 1 in arithmetic, as NumPy's and MindSpore's do.

    Args:
        graph: to which nodes are added.
        value: what stands behind the symbol.
        positive: a value that is above zero where this one is, to be compared with zero in its place.
        mask: where the value counts; it is zero elsewhere. Masks that follow each other are joined before they are laid
            on the value, which is read once.

    >>> from explainer.network.onnx.graph import Batch
    >>> graph = GraphBuilder((Batch(), 3))
    >>> x = Symbol(graph, graph.images)
    >>> product = x * (x > 0)
    >>> [node.operator for node in graph.finished((product.value,)).nodes]
    ['Greater', 'Cast', 'Mul']
    """

    __array_ufunc__ = None  # so that a NumPy number on the left leaves the operation to the symbol
    __hash__ = None  # type: ignore[assignment]  # as of all that is compared element by element

    def __init__(
        self, graph: GraphBuilder, value: Value, positive: Value | None = None, mask: Value | None = None
    ) -> None:
        self.graph = graph
        self._value = value
        self._positive = positive
        self._mask = mask

    @property
    def value(self) -> Value:
        """What stands behind the symbol, its mask laid on it."""
        if self._mask is not None:
            self._value = self.graph.node("Mul", self._value, converted(self.graph, self._mask, self._value.dtype))
            self._mask = None
        return self._value

    @property
    def shape(self) -> Shape:
        """Of the value."""
        return self._value.shape if self._mask is None else broadcast(self._value.shape, self._mask.shape)

    def node(self, operator: str, *others: Any, dtype: str = "", **attributes: Any) -> Symbol:
        """What an elementwise operator gives of this and of others, symbols or numbers."""
        values = [self.value, *(self._value_of(other) for other in others)]
        return Symbol(self.graph, self.graph.node(operator, *values, dtype=dtype, **attributes))

    def number(self) -> Symbol:
        """Truth values as 0 and 1; numbers as they are."""
        return Symbol(self.graph, converted(self.graph, self.value, "float32")) if self._is_truth else self

    def __add__(self, other: Any) -> Symbol:
        return self._computed("Add", other)

    def __radd__(self, other: Any) -> Symbol:
        return self._computed("Add", other)

    def __sub__(self, other: Any) -> Symbol:
        return self._computed("Sub", other)

    def __rsub__(self, other: Any) -> Symbol:
        return self._constant(other)._computed("Sub", self)

    def __mul__(self, other: Any) -> Symbol:
        if isinstance(other, Symbol) and self._is_truth != other._is_truth:
            return other._masked(self) if self._is_truth else self._masked(other)
        return self._computed("Mul", other)

    def __rmul__(self, other: Any) -> Symbol:
        return self._computed("Mul", other)

    def __truediv__(self, other: Any) -> Symbol:
        return self._computed("Div", other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return self._constant(other)._computed("Div", self)

    def __pow__(self, other: Any) -> Symbol:
        return self._computed("Pow", other)

    def __neg__(self) -> Symbol:
        return self.number().node("Neg")

    def __pos__(self) -> Symbol:
        return self.number()

    def __abs__(self) -> Symbol:
        return self.number().node("Abs")

    def __gt__(self, other: Any) -> Symbol:
        if not _is_zero(other):
            return self._compared("Greater", other)
        if self._mask is not None:  # zero is not above zero, so the mask need not be laid on the value
            return (Symbol(self.graph, self._value) > 0) & Symbol(self.graph, self._mask)
        return Symbol(self.graph, self._positive or self.value)._compared("Greater", other)

    def __ge__(self, other: Any) -> Symbol:
        return self._compared("GreaterOrEqual", other)

    def __lt__(self, other: Any) -> Symbol:
        return self._compared("Less", other)

    def __le__(self, other: Any) -> Symbol:
        return self._compared("LessOrEqual", other)

    def __eq__(self, other: object) -> Symbol:  # type: ignore[override]
        return self._compared("Equal", other)

    def __ne__(self, other: object) -> Symbol:  # type: ignore[override]
        return ~self._compared("Equal", other)

    def __and__(self, other: Any) -> Symbol:
        return self._joined("And", other)

    def __or__(self, other: Any) -> Symbol:
        return self._joined("Or", other)

    def __invert__(self) -> Symbol:
        self._require_truth("~")
        return self.node("Not")

    def __bool__(self) -> bool:
        raise EngineError("what is written as nodes of a graph cannot branch on its numbers (if, and, or, not)")

    @property
    def _is_truth(self) -> bool:
        return self._value.dtype == "bool"

    def _masked(self, truth: Symbol) -> Symbol:
        if self._mask is None:
            return Symbol(self.graph, self._value, mask=truth.value)
        return Symbol(self.graph, self._value, mask=self.graph.node("And", self._mask, truth.value))

    def _computed(self, operator: str, other: Any) -> Symbol:
        return self.number().node(operator, other.number() if isinstance(other, Symbol) else other)

    def _compared(self, operator: str, other: Any) -> Symbol:
        return self.number().node(operator, other.number() if isinstance(other, Symbol) else other, dtype="bool")

    def _joined(self, operator: str, other: Any) -> Symbol:
        self._require_truth(operator.lower())
        return self.node(operator, other)

    def _require_truth(self, what: str) -> None:
        if not self._is_truth:
            raise EngineError(f"`{what}` is for comparisons, not for numbers")

    def _constant(self, number: Any) -> Symbol:
        return Symbol(self.graph, self._value_of(number))

    def _value_of(self, other: Any) -> Value:
        if isinstance(other, Symbol):
            return other.value
        if not _is_number(other):
            raise EngineError(f"a value of a graph meets numbers alone, not {type(other).__name__}")
        return self.graph.constant(other, "float32" if self._is_truth else self.value.dtype)


def _is_number(given: Any) -> bool:
    return isinstance(given, bool | int | float | np.bool_ | np.integer | np.floating)


def _is_zero(given: Any) -> bool:
    return _is_number(given) and bool(given == 0)
