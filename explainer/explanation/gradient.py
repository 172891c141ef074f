"""Gradient: how strongly a small change of each pixel changes the logit."""

from __future__ import annotations

from explainer.arrays import FloatArray, LabelArray
from explainer.explanation.by_channel import ChannelAttribution


class Gradient(ChannelAttribution):
    """The absolute gradient of the target's logit, the largest over the channels of each pixel; values >= 0.

    Source: Simonyan, Vedaldi and Zisserman 2014, "Deep Inside Convolutional Networks", section 3.1. The network is
    given back as it was, where the reference left it in evaluation mode.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        reduction: "abs_max", or, with signs, "signed" (the channel of the largest absolute value) or "sum".
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: a forward and a backward pass per label.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.
        ValueError: `reduction` is none of the three.

    >>> import numpy as np
    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 3, weight_init=Tensor([[1.0, -2], [3, 4], [5, 6]])))
    >>> Gradient(network)(np.ones((1, 1, 1, 2), np.float32), 0).tolist()
    [[[[1.0, 2.0]]]]
    >>> Gradient(network, reduction="signed")(np.ones((1, 1, 1, 2), np.float32), 0).tolist()
    [[[[1.0, -2.0]]]]
    """

    def _explain_channels(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The gradient of each image's logit, (M, C, H, W)."""
        return self._gradients(images, labels)
