"""Any function of arrays as a classifier that gives outputs alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explainer.arrays import FloatArray
from explainer.checks import require_integer
from explainer.errors import NetworkOutputError
from explainer.memory import images_per_pass
from explainer.network.mindspore.borrowing import one_thread
from explainer.network.mindspore.inputs import evaluating
from explainer.network.mindspore.tensors import is_cell, to_tensor, without_tensor


class FunctionClassifier:
    """The outputs of a function of arrays, for batches of any size.

    Args:
        network: a function of (N, ...) float32 arrays; gives an array or tensor (N, ...), or a tuple of them.
        activation_fn: a function of the outputs, or a cell, that gives probabilities; for `probabilities` only.
        batch_size: inputs in one call, at most; large ones go fewer at a time, see `explainer.memory`.

    Raises:
        ValueError: a batch size below 1.

    >>> classifier = FunctionClassifier(lambda inputs: inputs.sum(axis=1), batch_size=2)
    >>> classifier.outputs(np.ones((3, 4), np.float32)).tolist()
    [4.0, 4.0, 4.0]
    """

    def __init__(
        self,
        network: Callable[[FloatArray], Any],
        activation_fn: Callable[[FloatArray], Any] | None = None,
        *,
        batch_size: int = 32,
    ) -> None:
        self._network = network
        self._activation = activation_fn
        self._batch_size = require_integer("batch_size", batch_size, 1)
        self._shapes: dict[tuple[int, ...], list[tuple[int, ...]]] = {}

    @property
    def network(self) -> Callable[[FloatArray], Any]:
        """The user's function."""
        return self._network

    @property
    def batch_size(self) -> int:
        """Inputs in one call of the function."""
        return self._batch_size

    @property
    def keeps_outputs(self) -> bool:
        """Never: what a function gives is not remembered."""
        return False

    def outputs(self, images: FloatArray) -> Any:
        """What the function gives: an array (N, ...) float32, or a tuple of them.

        Raises:
            NetworkOutputError: what it gives has not one row per input.
        """
        pieces = np.array_split(images, -(-len(images) // images_per_pass(self._batch_size, images.shape[1:])))
        with one_thread():
            parts = [_as_arrays(self._network(piece.copy()), len(piece)) for piece in pieces]
        outputs = tuple(np.concatenate(part) for part in zip(*parts, strict=True))
        return outputs[0] if len(outputs) == 1 else outputs

    def output_shapes(self, images: FloatArray) -> list[tuple[int, ...]]:
        """The shapes of the outputs for inputs of this shape, without the batch axis.

        Raises:
            NetworkOutputError: as for `outputs`.
        """
        key = images.shape[1:]
        if key not in self._shapes:
            with one_thread(), evaluating(self._network, images[:1]):
                outputs = _as_arrays(self._network(images[:1].copy()), 1)
            self._shapes[key] = [output.shape[1:] for output in outputs]
        return self._shapes[key]

    def clean_probabilities(self, images: FloatArray) -> FloatArray:
        """As `probabilities`: the outputs of a function are not remembered."""
        return self.probabilities(images)

    def probabilities(self, images: FloatArray) -> FloatArray:
        """The outputs (N, K, ...) after the activation, (N, K).

        Raises:
            NetworkOutputError: the activation gives another shape; or as for `outputs`.
        """
        assert self._activation is not None
        outputs = self.outputs(images)
        with one_thread():
            given = self._activation(to_tensor(outputs) if is_cell(self._activation) else outputs)
        probabilities = np.asarray(without_tensor(given), np.float32)
        if probabilities.shape != outputs.shape[:2]:
            raise NetworkOutputError(
                f"`activation_fn` must give probabilities {outputs.shape[:2]}, got shape {probabilities.shape}"
            )
        return probabilities


def _as_arrays(given: Any, count: int) -> tuple[FloatArray, ...]:
    parts = given if isinstance(given, tuple) else (given,)
    # Copies: a function may write its next answer into the same array.
    arrays = tuple(np.array(without_tensor(part), np.float32) for part in parts)
    if not arrays or any(array.ndim == 0 or len(array) != count for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise NetworkOutputError(
            f"`network` must give a row for each of {count} inputs, gave shapes {shapes or 'none'}"
        )
    return arrays
