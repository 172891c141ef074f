"""Deconvolution and GuidedBackprop: gradients whose way back through every ReLU is changed."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from explainer.explanation.base import Attribution, FloatArray, LabelArray, gradient_maps
from explainer.relu_rules import ReluRule, deconvolution, guided


class ModifiedReLU(Attribution):
    """The declared hole is `rule`: what each ReLU passes back. Final but for that."""

    @property
    @abstractmethod
    def rule(self) -> ReluRule:
        """What each ReLU passes back."""

    def __init__(self, network: Any, *, name: str | None = None, batch_size: int = 32) -> None:
        super().__init__(network, name=name, batch_size=batch_size)

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        return gradient_maps(self._classifier, images, targets, self.rule)


class Deconvolution(ModifiedReLU):
    """As Gradient, each ReLU passing back the positive gradients only; values >= 0.

    ReLU and ReLU6 cells are changed. A network with a ReLU that is an operator or a function is refused: the map would
    silently be Gradient's, in whole or in part.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 2.1.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.
        NoReluError: called for a network without a ReLU cell, or with a ReLU that is no cell.

    >>> import numpy as np
    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.ReLU(), nn.Dense(2, 1, weight_init=Tensor([[3.0, -4]])))
    >>> Deconvolution(network)(np.float32([[[[-1, 1]]]]), 0).tolist()
    [[[[3.0, 0.0]]]]
    """

    @property
    def rule(self) -> ReluRule:
        """Positive gradients only."""
        return deconvolution


class GuidedBackprop(ModifiedReLU):
    """As Gradient, each ReLU passing back the positive gradients where its input was positive; values >= 0.

    ReLU and ReLU6 cells are changed. A network with a ReLU that is an operator or a function is refused: the map would
    silently be Gradient's, in whole or in part.

    Source: Springenberg et al. 2015, "Striving for Simplicity: The All Convolutional Net", section 3.4.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.
        NoReluError: called for a network without a ReLU cell, or with a ReLU that is no cell.

    >>> import numpy as np
    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.ReLU(), nn.Dense(3, 1, weight_init=Tensor([[3.0, -4, 5]])))
    >>> GuidedBackprop(network)(np.float32([[[[-1, 1, 2]]]]), 0).tolist()
    [[[[0.0, 0.0, 5.0]]]]
    """

    @property
    def rule(self) -> ReluRule:
        """Positive gradients, where the input was positive."""
        return guided
