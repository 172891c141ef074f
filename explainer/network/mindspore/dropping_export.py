"""The graph of a network whose dropout is at work: each cell that drops something is a product with a mark."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Parameter, Tensor, nn

from explainer.network.mindspore.borrowing import reclassed
from explainer.network.mindspore.capture import captured
from explainer.network.mindspore.dropout import require_dropout


def marks_of(network: nn.Cell) -> dict[nn.Cell, str]:
    """The cells that drop something, each with the name of its mark.

    Raises:
        NoDropoutError: there are none.
    """
    return {cell: f"explainer_dropout_{index}" for index, cell in enumerate(require_dropout(network))}


def captured_with_marks(network: nn.Cell, image_shape: tuple[int, ...], batch: int) -> Any:
    """As `captured`; what the cells of `marks_of` give is the product of their input with a parameter of that name.

    Raises:
        EngineError: as for `captured`.
    """
    with reclassed({cell: _marking(type(cell), name) for cell, name in marks_of(network).items()}):
        return captured(network, image_shape, batch)


def _marking(kind: type[nn.Cell], name: str) -> type[nn.Cell]:
    mark = Parameter(Tensor(np.ones(1, np.float32)), name=name)

    class Marking(kind):
        def construct(self, features: Tensor) -> Tensor:
            return features * mark

    return Marking
