"""The ReLUs of a MindSpore network: the cells whose backward pass a rule can change, and those out of its reach."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

from mindspore import Tensor, mint, nn, ops

from explainer.errors import NoReluError
from explainer.relu_rules import ReluRule

_REACHABLE = (nn.ReLU, nn.ReLU6)
_BOUND = 6.0
_OPERATORS = frozenset({"ReLU", "ReLU6", "ReLUV2", "ReLUV3"})
_FUNCTIONS = frozenset({"relu", "relu_", "relu6"})
_MOST_NAMED = 5


def ruled_relus(network: nn.Cell, rule: ReluRule) -> dict[nn.Cell, type[nn.Cell]]:
    """For each ReLU cell of the network the class that passes back what the rule says.

    Raises:
        NoReluError: the network has no ReLU cell, or uses a ReLU that is an operator or function, which no rule
            reaches: the map would silently be Gradient's, in whole or in part.
    """
    cells = dict(network.cells_and_names())
    relus = {cell: _ruled(type(cell), rule) for cell in cells.values() if isinstance(cell, _REACHABLE)}
    hidden = [found for name, cell in cells.items() for found in _hidden_relus(name, cell)]
    if relus and not hidden:
        return relus
    kind = type(network).__name__
    more = f"; {len(hidden) - _MOST_NAMED} more" if len(hidden) > _MOST_NAMED else ""
    raise NoReluError(
        f"found {len(relus)} ReLU cells among {len(cells)} cells of {kind}"
        + (f", but also ReLUs out of reach: {'; '.join(hidden[:_MOST_NAMED])}{more}" if hidden else "")
        + "; a ReLU that is an operator or function cannot be changed and the map would equal Gradient: use nn.ReLU "
        "cells, or explain with Gradient"
    )


def _ruled(kind: type[nn.Cell], rule: ReluRule) -> type[nn.Cell]:
    if issubclass(kind, nn.ReLU6):

        class RuledBelowBound(kind):
            def bprop(self, relu_input: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
                return (rule(upstream * (relu_input < _BOUND), relu_input),)

        return RuledBelowBound

    class Ruled(kind):
        def bprop(self, relu_input: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
            return (rule(upstream, relu_input),)

    return Ruled


def _hidden_relus(name: str, cell: nn.Cell) -> Iterator[str]:
    """What a cell computes with a ReLU that is no cell; a function that its classes call from elsewhere is not seen."""
    if isinstance(cell, _REACHABLE):
        return
    if isinstance(cell, mint.nn.ReLU6):
        yield f"{name} is a mint.nn.ReLU6"
    where = f"{name or 'the network itself'} ({type(cell).__name__})"
    for attribute, value in vars(cell).items():
        if isinstance(value, ops.Primitive) and value.name in _OPERATORS:
            yield f"{where} holds the operator {value.name} as {attribute!r}"
    for function in sorted(_functions_called(type(cell))):
        yield f"{where} calls the function {function!r}"


def _functions_called(kind: type[nn.Cell]) -> set[str]:
    """The ReLU functions that the user's classes of a cell call by name, as `ops.relu(x)`, `relu(x)` or `x.relu()`."""
    classes = [
        base for base in kind.__mro__ if not base.__module__.startswith(("mindspore.", "builtins", "explainer."))
    ]
    calls = [node.func for base in classes for node in ast.walk(_parsed(base)) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    names |= {call.attr for call in calls if isinstance(call, ast.Attribute) and not _is_self(call.value)}
    return names & _FUNCTIONS


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def _parsed(kind: type) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, SyntaxError, TypeError):  # made without a file
        return ast.Module(body=[], type_ignores=[])
