"""Deconvolution and GuidedBackprop: gradients whose way back through every ReLU is changed."""

from __future__ import annotations

from abc import abstractmethod

from explainer.arrays import FloatArray, LabelArray
from explainer.explanation.by_channel import ChannelAttribution
from explainer.relu_rules import ReluRule, deconvolution, guided


class ModifiedReLU(ChannelAttribution):
    """The declared hole is `rule`: what each ReLU passes back. Final but for that."""

    @property
    @abstractmethod
    def rule(self) -> ReluRule:
        """What each ReLU passes back."""

    def _explain_channels(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The gradient of each image's logit under the rule, (M, C, H, W)."""
        return self._gradients(images, labels, self.rule)


class Deconvolution(ModifiedReLU):
    """As Gradient, each ReLU passing back the positive gradients only; values >= 0.

    ReLUs and ReLU6s are changed, be they cells (nn.ReLU), operators (ops.ReLU()) or functions (ops.relu, mint's); for
    the latter two the network runs uncompiled. A network without any, or with one inside compiled code (mindspore.jit
    on its method), is refused: the map would silently be Gradient's. Other activations pass their true gradient.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 2.1.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        reduction: "abs_max", or, with signs, "signed" (the channel of the largest absolute value) or "sum".
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: a forward and a backward pass per label.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.
        ValueError: `reduction` is none of the three.
        NoReluError: called for a network without a ReLU, or with one that cannot be reached; says which.

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

    ReLUs and ReLU6s are changed, be they cells (nn.ReLU), operators (ops.ReLU()) or functions (ops.relu, mint's); for
    the latter two the network runs uncompiled. A network without any, or with one inside compiled code (mindspore.jit
    on its method), is refused: the map would silently be Gradient's. Other activations pass their true gradient.

    Source: Springenberg et al. 2015, "Striving for Simplicity: The All Convolutional Net", section 3.4.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        reduction: "abs_max", or, with signs, "signed" (the channel of the largest absolute value) or "sum".
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: a forward and a backward pass per label.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.
        ValueError: `reduction` is none of the three.
        NoReluError: called for a network without a ReLU, or with one that cannot be reached; says which.

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
