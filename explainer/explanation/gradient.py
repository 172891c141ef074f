"""Gradient: how strongly a small change of each pixel changes the logit."""

from __future__ import annotations

from typing import Any

from explainer.explanation.base import Attribution, FloatArray, LabelArray, gradient_maps
from explainer.relu_rules import plain


class Gradient(Attribution):
    """The absolute gradient of the target's logit, the largest over the channels of each pixel; values >= 0.

    Source: Simonyan, Vedaldi and Zisserman 2014, "Deep Inside Convolutional Networks", section 3.1. The network is
    given back as it was, where the reference left it in evaluation mode.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.

    >>> import numpy as np
    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 3, weight_init=Tensor([[1.0, -2], [3, 4], [5, 6]])))
    >>> Gradient(network)(np.ones((1, 1, 1, 2), np.float32), 0).tolist()
    [[[[1.0, 2.0]]]]
    """

    def __init__(self, network: Any, *, name: str | None = None, batch_size: int = 32) -> None:
        super().__init__(network, name=name, batch_size=batch_size)

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        return gradient_maps(self._classifier, images, targets, plain)
