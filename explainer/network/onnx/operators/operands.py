"""What operators are given, as ONNX takes it: numbers as constants, other types converted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explainer.errors import EngineError
from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import Batch, GraphBuilder, Value
from explainer.network.onnx.messages import TYPE_NUMBERS

Translation = Callable[[GraphBuilder, Call], Any]


def as_value(graph: GraphBuilder, argument: Any, dtype: str) -> Value:
    """An argument as a value of this type.

    Raises:
        EngineError: it is the size of the batch, as a number to compute with.
    """
    if isinstance(argument, Batch):
        raise EngineError("the network computes with the size of the batch")
    if not isinstance(argument, Value):
        return graph.constant(argument, dtype)
    return argument if argument.dtype == dtype else converted(graph, argument, dtype)


def converted(graph: GraphBuilder, value: Value, dtype: str) -> Value:
    """The value as another type."""
    return graph.node("Cast", value, dtype=dtype, to=TYPE_NUMBERS[dtype])


def common_type(call: Call) -> str:
    """The type to which NumPy would bring the call's values."""
    return np.result_type(*(entry.dtype for entry in call.arguments if isinstance(entry, Value))).name


def integers(argument: Any) -> list[int]:
    """A number, or a tuple of them, as a list."""
    return list(argument) if isinstance(argument, tuple | list) else [argument]


def fixed(size: int | Batch) -> int:
    """A dimension that is the same for every batch.

    Raises:
        EngineError: it grows with the batch.
    """
    if isinstance(size, Batch):
        raise EngineError("the network treats the images of a batch as one axis among others")
    return size


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    return axis + rank if axis < 0 else axis


def require(fact: bool, operator: str, what: str) -> None:
    """Raises EngineError unless an operator is used in a way that has a translation."""
    if not fact:
        raise EngineError(f"the operator {operator} has no translation {what}")
