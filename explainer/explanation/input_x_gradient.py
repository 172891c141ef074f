"""InputXGradient: each pixel times its gradient, a first guess at what it contributes to the logit."""

from __future__ import annotations

from typing import Any

from explainer.arrays import FloatArray, LabelArray
from explainer.explanation.by_channel import ChannelAttribution


class InputXGradient(ChannelAttribution):
    """The image times the gradient of the target's logit, summed over the channels; any sign.

    Source: Shrikumar et al. 2016, "Not Just a Black Box", section 2 (there as "gradient * input").

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        reduction: "sum", "signed" (the channel of the largest absolute value) or "abs_max".
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: a forward and a backward pass per label.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell.
        ValueError: `reduction` is none of the three.

    >>> import numpy as np
    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 2, weight_init=Tensor([[1.0, -2], [3, 4]])))
    >>> InputXGradient(network)(np.float32([[[[10, 20]]]]), 0).tolist()
    [[[[10.0, -40.0]]]]
    """

    def __init__(self, network: Any, *, reduction: str = "sum", name: str | None = None, batch_size: int = 32) -> None:
        super().__init__(network, reduction=reduction, name=name, batch_size=batch_size)

    def _explain_channels(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The image times the gradient of its logit, (M, C, H, W)."""
        return images * self._gradients(images, labels)
