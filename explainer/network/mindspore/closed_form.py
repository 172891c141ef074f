"""A softmax or a sigmoid of logits, computed without MindSpore.

MindSpore's threads keep a core busy for some time after each of its operators, looking out for the next one; where ONNX
Runtime computes the network, that is a core which it lacks: KernelSHAP on ResNet-20 takes 7 % longer on two cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import nn

from explainer.arrays import FloatArray
from explainer.network.mindspore.state import State, state_of

_NEAR = 1e-6  # of probabilities in float32, which MindSpore computes in float32


class ClosedForm:
    """What an activation gives, where it is one of MindSpore's that are known and does what they do.

    Args:
        activation: logits (N, K) -> probabilities (N, K).

    >>> from mindspore import Tensor
    >>> softmax = nn.Softmax()
    >>> probabilities = ClosedForm(softmax)
    >>> probabilities(np.float32([[0, 0]]), lambda logits: softmax(Tensor(logits)).asnumpy()).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, activation: Any) -> None:
        self._activation = activation
        self._formula = _formula_of(activation)
        self._state: State | None = None

    def __call__(self, logits: FloatArray, by_mindspore: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """The probabilities of logits (N, K): by the formula, where MindSpore gave the same the first time.

        Args:
            logits: (N, K) float32.
            by_mindspore: the activation, asked the first time, after each change of it, and where it has no formula.
        """
        if self._formula is None:
            return by_mindspore(logits)
        if self._state is None or not self._state.is_untouched():
            state, theirs = state_of(self._activation), by_mindspore(logits)
            same = np.allclose(self._formula(logits), theirs, rtol=0, atol=_NEAR, equal_nan=True)
            self._state = state if same else None
            if self._state is None:
                return theirs
        # Also the first time, so that a run that is gone on with has the very numbers of one that was not.
        return self._formula(logits)


def softmax(logits: FloatArray) -> FloatArray:
    """Of each row, in float64 and rounded once; NaN where one of the row is NaN, or infinite upwards.

    >>> softmax(np.float32([[0, 0, -np.inf]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    with np.errstate(invalid="ignore", under="ignore"):
        exponents = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
        probabilities: FloatArray = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def sigmoid(logits: FloatArray) -> FloatArray:
    """Of each value, in float64 and rounded once.

    >>> sigmoid(np.float32([[0, -np.inf, np.inf]])).tolist()
    [[0.5, 0.0, 1.0]]
    """
    with np.errstate(over="ignore", under="ignore"):
        probabilities: FloatArray = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    return probabilities


def _formula_of(activation: Any) -> Callable[[FloatArray], FloatArray] | None:
    """By the very class: what a subclass does, or an object with code of its own, is another thing."""
    if "construct" in getattr(activation, "__dict__", ()):
        return None
    if type(activation) is nn.Softmax and activation.softmax.axis in ((-1,), (1,), -1, 1):
        return softmax
    return sigmoid if type(activation) is nn.Sigmoid else None
