"""One operator of MindSpore's graph, as it is called there: what an operator's translation is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explainer.network.onnx.graph import Batch, Shape, Value


@dataclass(frozen=True)
class Call:
    """A call of an operator.

    Attributes:
        operator: MindSpore's name of it.
        arguments: in its order: values, arrays, numbers, texts, None, or tuples of them; numbers of rows that grow with
            the batch are a `Batch`.
        outputs: shape and type of each.
        settings: what MindSpore holds with the operator and not among the arguments.
        name: of what it gives, in MindSpore's graph.
        scope: where in the network it is called.
    """

    operator: str
    arguments: tuple[Any, ...]
    outputs: tuple[tuple[Shape, str], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    scope: str = ""

    @property
    def shape(self) -> Shape:
        """Of the first output."""
        return self.outputs[0][0]

    @property
    def dtype(self) -> str:
        """Of the first output."""
        return self.outputs[0][1]

    @property
    def first(self) -> Value:
        """The first argument, a value."""
        value: Value = self.arguments[0]
        return value

    def argument(self, index: int, otherwise: Any = None) -> Any:
        """An argument, or what stands for one that is left out."""
        return self.arguments[index] if index < len(self.arguments) else otherwise


def is_per_image(shape: Shape) -> bool:
    """Whether one of the dimensions grows with the batch."""
    return any(isinstance(entry, Batch) for entry in shape)
