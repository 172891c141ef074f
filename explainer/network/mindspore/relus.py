"""The ReLUs of a MindSpore network and how a rule reaches them: by the class of the cell, or by the operator called.

Whether it reaches all of them is not guessed from the source: the way back is read, without the rule and under it. A
ReLU that is left there, compiled code, or a backward rule of the user's own around a ReLU is an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from explainer.errors import NoReluError
from explainer.network.mindspore.backward import WayBack, way_back
from explainer.network.mindspore.borrowing import blocking, cells_by_name, cells_of, class_of, is_as_made, reclassed
from explainer.relu_rules import ReluRule

_REACHABLE = (nn.ReLU, nn.ReLU6)
_OPERATORS = (ops.ReLU, ops.ReLU6)
_NAMES = ("ReLU", "ReLU6", "ReLUV3", "InplaceReLU")  # on the way back
_LEAKY = (nn.LeakyReLU, nn.PReLU, nn.RReLU)
_BOUND = 6.0
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
    """How the rule reaches every ReLU that lies on the way back for one image (1, C, H, W).

    Raises:
        NoReluError: there is no ReLU, or one that is out of reach: the map would silently be Gradient's, in whole or in
            part.
    """
    with blocking():
        calls: list[None] = []
        with _called_as(_counted(calls)):
            unruled = way_back(network, image)
        _require_within_reach(network, unruled, len(calls))
        relus = {cell: _ruled(class_of(cell), rule) for cell in cells_of(network) if _is_relu(cell)}
        with reclassed(relus):
            by_operator = way_back(network, image).count(*_NAMES) > 0
        if by_operator:
            with ruled_operators(rule):
                require_ruled(network, way_back(network, image))
    _warn_of_others(network, unruled)
    return Reach(relus, by_operator)


def require_ruled(network: nn.Cell, back: WayBack) -> None:
    """Raises NoReluError when the way back under a rule still goes through a ReLU, or through compiled code."""
    left = back.count(*_NAMES)
    if left or back.compiled:
        what = f"{left} calls of a ReLU that it does not reach" if left else "code compiled by mindspore.jit"
        raise _refusal(network, f"but the way back under the rule meets {what}; the map would equal Gradient there")


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


def _is_relu(cell: nn.Cell) -> bool:
    """Whether the cell is a ReLU as MindSpore made it, with no backward rule of its own."""
    return not cell.has_bprop and is_as_made(cell, _REACHABLE)


def _counted(calls: list[None]) -> Callable[[Callable[[Any, Tensor], Tensor]], Callable[[Any, Tensor], Tensor]]:
    def counted(call: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
        def counted_call(operator: Any, relu_input: Tensor) -> Tensor:
            calls.append(None)
            return call(operator, relu_input)

        return counted_call

    return counted


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


def _require_within_reach(network: nn.Cell, back: WayBack, calls: int) -> None:
    """Raises NoReluError when the way back without a rule shows that none, or not all, can be reached."""
    if back.compiled:
        raise _refusal(network, "but also code compiled by mindspore.jit, in which no rule reaches a ReLU")
    found = back.count(*_NAMES)
    if back.own_rules and calls > found:
        raise _refusal(
            network,
            f"but {calls - found} of {calls} calls of a ReLU lie where a backward rule of their own is in force "
            f"({', '.join(back.own_rules)}); the map would follow that rule there",
        )
    if not found:
        alike = f"; {', '.join(back.like_relus)} may be one written by other means" if back.like_relus else ""
        raise _refusal(network, f"and no call of a ReLU operator{_leaky(network)}{alike}; the map would equal Gradient")


def _refusal(network: nn.Cell, why: str) -> NoReluError:
    cells = cells_of(network)
    count = sum(isinstance(cell, _REACHABLE) for cell in cells)
    return NoReluError(
        f"found {count} ReLU cells among {len(cells)} cells of {type(network).__name__}, {why}: "
        "use nn.ReLU cells or ops.relu in code of no backward rule of its own, or explain with Gradient"
    )


def _warn_of_others(network: nn.Cell, back: WayBack) -> None:
    if leaky := _leaky(network):
        _warn(
            f"{type(network).__name__} has ReLUs{leaky}: no rule is defined for these, they pass back their true "
            "gradients"
        )
    elif back.like_relus:
        _warn(
            f"{type(network).__name__} has ReLUs, and computes by {', '.join(back.like_relus)} what may be another one "
            "written by other means: that passes back its true gradient; use nn.ReLU or ops.relu where it is one"
        )


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def _leaky(network: nn.Cell) -> str:
    found = [name or "the network itself" for name, cell in cells_by_name(network).items() if isinstance(cell, _LEAKY)]
    more = ", ..." if len(found) > _MOST_NAMED else ""
    return f", and leaky ones ({', '.join(found[:_MOST_NAMED])}{more})" if found else ""
