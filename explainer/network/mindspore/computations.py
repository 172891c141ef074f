"""What is computed of a network: functions of tensors, as they run eagerly and as they are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
from mindspore import Parameter, Tensor, nn

from explainer.arrays import FloatArray
from explainer.errors import NetworkOutputError
from explainer.network.mindspore.inputs import evaluating


def forward_of(network: nn.Cell) -> Callable[[Tensor], Tensor]:
    """The network, as it is compiled."""

    def forward(images: Tensor) -> Tensor:
        return network(images)

    return forward


def arrays_of(output: Any) -> list[FloatArray]:
    """The tensors of an output, as arrays."""
    parts = output if isinstance(output, tuple) else (output,)
    return [part.asnumpy().astype(np.float32) for part in parts if isinstance(part, Tensor)]


def only_output(output: Any) -> Any:
    """The logits of a network that gives them alone, or as a tuple of one."""
    return output[0] if isinstance(output, tuple) else output


def objective_of(network: nn.Cell) -> Callable[[Tensor, Tensor], Tensor]:
    """<seed, logits>, as it is compiled."""

    def objective(images: Tensor, seed: Tensor) -> Tensor:
        return (only_output(network(images.copy())) * seed).sum()  # a copy: a leaf cannot be written to in place

    return objective


def checked_objective_of(
    network: nn.Cell, look: Callable[[Tensor], None] | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """<seed, logits>, as it runs eagerly: the logits are looked at first."""

    def checked_objective(images: Tensor, seed: Tensor) -> Tensor:
        with evaluating(network, images):
            logits = only_output(network(images.copy()))
            shape = logits.shape  # MindSpore may tell only here that an operator has failed
        _require_a_row_each(shape, len(seed))
        if look is not None:
            look(logits)
        return (logits * seed).sum()

    return checked_objective


def with_a_row_each(output: FloatArray, count: int) -> FloatArray:
    """The output; NetworkOutputError unless it has a row for each of so many images."""
    _require_a_row_each(output.shape, count)
    return output


def _require_a_row_each(shape: tuple[int, ...], count: int) -> None:
    if not shape or shape[0] != count:
        raise NetworkOutputError(
            f"`network` must give a row for each image, gave shape {tuple(shape)} for a batch of {count}; it must take "
            "batches of any size and answer each image for itself"
        )


def gradient_function(objective: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The gradient of an objective with respect to the images."""
    backward = mindspore.grad(objective, 0)

    def gradient(images: Tensor, seed: Tensor) -> Tensor:
        return backward(images, seed)

    return gradient


def slot_gradient_function(
    objective: Callable[[Tensor, Tensor], Tensor], slots: list[Parameter]
) -> Callable[[Tensor, Tensor], Any]:
    """The gradients of an objective with respect to the slots of a tapped layer."""
    backward = mindspore.grad(objective, None, weights=slots)

    def slot_gradients(images: Tensor, seed: Tensor) -> Any:
        return backward(images, seed)

    return slot_gradients
