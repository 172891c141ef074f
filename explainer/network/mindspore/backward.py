"""The way back through a network, read from what MindSpore records of an eager pass: which operators it goes through.

Rules and layers are laid on cells and operators that we know. What else the gradient passes - compiled code, a backward
rule of the user's own, a ReLU that is none of ours - would silently give another map than the one wanted. Here it is
seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import mindspore
import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from explainer.network.mindspore.borrowing import forget_failed_pass

_COMPILED = "bprop_builder"  # in the name of what `mindspore.jit` has compiled
_OWN_CELL = "CellCustomBackward"  # a cell with a `bprop`
_COMPARISONS = ("Greater", "GreaterEqual", "Less", "LessEqual")
_CHOICES = ("Mul", "Select", "MaskedFill")  # with a comparison of their own input they may be a ReLU
_BOUNDS = ("ClampScalar", "ClampTensor", "Minimum")


class Step(NamedTuple):
    """An operator on the way back.

    Attributes:
        name: MindSpore's name of it.
        function: whether it is a function with a `backward` of its own (mindspore.ops' `_Function`).
        inputs: the steps behind it.
    """

    name: str
    function: bool
    inputs: tuple[int, ...]


class WayBack:
    """The steps from a network's output back to its input.

    Args:
        steps: each with a number of its own.
    """

    def __init__(self, steps: dict[int, Step]) -> None:
        self._steps = steps

    def count(self, *names: str) -> int:
        """How many steps have one of these names."""
        return sum(step.name in names for step in self._steps.values())

    @property
    def compiled(self) -> int:
        """How many steps are compiled code."""
        return sum(_COMPILED in step.name for step in self._steps.values())

    @property
    def own_rules(self) -> list[str]:
        """What has a backward rule of the user's own: cells, as "a cell", and the names of functions."""
        cells = ["a cell with a bprop"] * (self.count(_OWN_CELL) > 0)
        return cells + sorted({step.name for step in self._steps.values() if step.function})

    @property
    def like_relus(self) -> list[str]:
        """What may be a ReLU written by other means: x * (x > 0), where, maximum with a constant, clamp."""
        return sorted({step.name for step in self._steps.values() if self._like_relu(step)})

    def _like_relu(self, step: Step) -> bool:
        inputs = [self._steps[number] for number in step.inputs if number in self._steps]
        if step.name in _CHOICES:
            return any(self._compares(other, step) for other in inputs)
        if step.name == "Maximum":
            return len([other for other in inputs if other.name != "ZerosLike"]) == 1
        return step.name in _BOUNDS

    def _compares(self, step: Step, choice: Step) -> bool:
        """Whether this is a comparison, converted or not, of what the choice chooses from."""
        while step.name == "Cast" and step.inputs:
            step = self._steps[step.inputs[0]]
        return step.name in _COMPARISONS and bool(set(step.inputs) & set(choice.inputs))


def way_back(network: nn.Cell, image: NDArray[np.float32]) -> WayBack:
    """The way back from the network's output for one image (1, C, H, W); the network's own gradient is not computed."""
    found: list[WayBack] = []

    def recorded(images: Tensor) -> Tensor:
        found.append(way_back_from(network(images.copy())))
        return (images * 0).sum()  # a way back of its own: the network's is read, not run

    try:
        mindspore.grad(recorded)(Tensor(image))
    except BaseException:
        forget_failed_pass()
        raise
    return found[0]


def way_back_from(output: Any) -> WayBack:
    """The way back from an output, inside a function whose gradient is computed."""
    first = output[0] if isinstance(output, tuple | list) else output
    return WayBack(dict(_steps(getattr(first, "_grad_node", None))))


def _steps(last: Any) -> Iterator[tuple[int, Step]]:
    waiting = [last]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is None or (number := _number(node)) in seen:
            continue
        seen.add(number)
        behind = [_node(entry) for entry in node.next_functions]
        yield (
            number,
            Step(_name(node), type(node).__name__ != "BackwardNode", tuple(map(_number, filter(None, behind)))),
        )
        waiting += behind


def _node(entry: Any) -> Any:
    return entry[0] if isinstance(entry, tuple) else entry


def _number(node: Any) -> int:
    number: int = node._unique_id() if callable(node._unique_id) else node._unique_id
    return number


def _name(node: Any) -> str:
    name: str = node.name() if callable(node.name) else node.name
    return name
