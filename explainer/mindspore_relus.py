"""The ReLUs of a MindSpore network and how a rule reaches them: by the class of the cell, or by the operator called."""

from __future__ import annotations

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import Tensor, mint, nn, ops
from numpy.typing import NDArray

from explainer.errors import NoReluError
from explainer.mindspore_program import reclassed
from explainer.relu_rules import ReluRule

_REACHABLE = (nn.ReLU, nn.ReLU6)
_OPERATORS = (ops.ReLU, ops.ReLU6)
_LEAKY = (nn.LeakyReLU, nn.PReLU, nn.RReLU)
_BOUND = 6.0
_IN_PLACE = "relu_"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Reach:
    """How a rule reaches every ReLU of a network.

    Attributes:
        classes: for each ReLU cell the class that passes back what the rule says; they can be compiled.
        by_operator: ReLUs are called outside these cells too, as operators or functions: the rule must be laid on the
            operators themselves (`ruled_operators`), which only works eagerly and then covers the cells as well.
    """

    classes: Mapping[nn.Cell, type[nn.Cell]]
    by_operator: bool


def reach(network: nn.Cell, rule: ReluRule, image: NDArray[np.float32]) -> Reach:
    """How the rule reaches every ReLU that the network calls for one image (1, C, H, W).

    Raises:
        NoReluError: the network calls no ReLU, or one that is out of reach: the map would silently be Gradient's, in
            whole or in part.
    """
    cells = dict(network.cells_and_names())
    relus = {cell: _ruled(type(cell), rule) for cell in cells.values() if isinstance(cell, _REACHABLE)}
    hidden = [found for name, cell in cells.items() for found in _out_of_reach(name, cell)]
    calls = 0 if hidden else _calls_outside(network, list(relus), image)
    if hidden or not (relus or calls):
        _refuse(network, cells, len(relus), hidden)
    _warn_of_leaky(network, cells)
    return Reach(relus, calls > 0)


@contextmanager
def ruled_operators(rule: ReluRule) -> Iterator[None]:
    """Every ReLU and ReLU6 operator of the process that runs eagerly passes back what the rule says."""

    def ruled(call: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
        def ruled_call(operator: Any, relu_input: Tensor) -> Tensor:
            output: Tensor = _RuledOperator(operator, call, rule)(relu_input)
            return output

        return ruled_call

    with _called_as(ruled):
        yield


class _RuledOperator(nn.Cell):
    """One call of a ReLU operator, with the rule's way back."""

    def __init__(self, operator: Any, call: Callable[[Any, Tensor], Tensor], rule: ReluRule) -> None:
        super().__init__()
        self._bounded = isinstance(operator, ops.ReLU6)
        self._parts = (operator, call, rule)

    def construct(self, relu_input: Tensor) -> Tensor:
        operator, call, _ = self._parts
        return call(operator, relu_input)

    def bprop(self, relu_input: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        inside = upstream * (relu_input < _BOUND) if self._bounded else upstream
        return (self._parts[2](inside, relu_input),)


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


def _calls_outside(network: nn.Cell, relus: list[nn.Cell], image: NDArray[np.float32]) -> int:
    """How often a pass calls a ReLU operator outside the ReLU cells, which call one inside."""
    inside = 0
    calls = 0

    def counted(call: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
        def counted_call(operator: Any, relu_input: Tensor) -> Tensor:
            nonlocal calls
            calls += not inside
            return call(operator, relu_input)

        return counted_call

    def marked(kind: type[nn.Cell]) -> type[nn.Cell]:
        class Marked(kind):
            def construct(self, *inputs: Any, **named: Any) -> Any:
                nonlocal inside
                inside += 1
                try:
                    return super().construct(*inputs, **named)
                finally:
                    inside -= 1

        return Marked

    with _called_as(counted), reclassed({cell: marked(type(cell)) for cell in relus}):
        network(Tensor(image))
    return calls


@contextmanager
def _called_as(changed: Callable[[Callable[[Any, Tensor], Tensor]], Any]) -> Iterator[None]:
    """The ReLU operators are called as `changed(their own call)` says; put back, whatever happens."""
    originals = [(operator, operator.__call__) for operator in _OPERATORS]
    try:
        for operator, call in originals:
            operator.__call__ = changed(call)
        yield
    finally:
        for operator, call in originals:
            operator.__call__ = call


def _refuse(network: nn.Cell, cells: Mapping[str, nn.Cell], count: int, hidden: list[str]) -> None:
    more = f"; {len(hidden) - _MOST_NAMED} more" if len(hidden) > _MOST_NAMED else ""
    why = (
        f", but also what no rule reaches: {'; '.join(hidden[:_MOST_NAMED])}{more}; the map would equal Gradient there"
        if hidden
        else f" and no call of a ReLU operator{_leaky(cells)}; the map would equal Gradient"
    )
    raise NoReluError(
        f"found {count} ReLU cells among {len(cells)} cells of {type(network).__name__}{why}: "
        "use nn.ReLU cells or ops.relu in code that is not compiled, or explain with Gradient"
    )


def _warn_of_leaky(network: nn.Cell, cells: Mapping[str, nn.Cell]) -> None:
    if _leaky(cells):
        warnings.warn(
            f"{type(network).__name__} has ReLUs{_leaky(cells)}: no rule is defined for these, they pass back their "
            "true gradients",
            stacklevel=2,
        )


def _leaky(cells: Mapping[str, nn.Cell]) -> str:
    found = [name or "the network itself" for name, cell in cells.items() if isinstance(cell, _LEAKY)]
    return f", and leaky ones ({', '.join(found[:_MOST_NAMED])}{', ...' if len(found) > _MOST_NAMED else ''})" * bool(
        found
    )


def _out_of_reach(name: str, cell: nn.Cell) -> Iterator[str]:
    """What a cell computes that may be a ReLU and that neither way reaches."""
    if isinstance(cell, mint.nn.ReLU6):
        yield f"{name} is a mint.nn.ReLU6"
    where = f"{name or 'the network itself'} ({type(cell).__name__})"
    classes = [
        base for base in type(cell).__mro__ if not base.__module__.startswith(("mindspore.", "builtins", "explainer."))
    ]
    for base in classes:
        for method, function in vars(base).items():
            if getattr(function, "__wrapped_by_jit__", False):
                yield f"{where} has its {method} compiled (mindspore.jit)"
        if _IN_PLACE in _functions_called(base):
            yield f"{where} calls the in-place function {_IN_PLACE!r}"


def _functions_called(kind: type[nn.Cell]) -> set[str]:
    """The functions that a class calls by name, as `relu(x)` or `ops.relu(x)`; methods of its own are left out."""
    calls = [node.func for node in ast.walk(_parsed(kind)) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return names | {call.attr for call in calls if isinstance(call, ast.Attribute) and not _is_self(call.value)}


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def _parsed(kind: type) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, SyntaxError, TypeError):  # made without a file
        return ast.Module(body=[], type_ignores=[])
