"""HiResCAM: which positions of a layer's map contribute to the label."""

from __future__ import annotations

import numpy as np

from explainer.arrays import FloatArray
from explainer.explanation.by_layer import LayerAttribution


class HiResCAM(LayerAttribution):
    """The layer's output times its gradient, summed over the channels, negatives cut off, resized to the image; >= 0.

    Where a linear layer follows, each position's value is what it contributes to the logit, which Grad-CAM's mean of
    the gradients does not keep.

    Source: Draelos and Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks", section 3.2.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        layer: as for GradCAM; by default "auto", the last layer with a spatial map.
        reshape_transform: as for GradCAM.
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: a forward and a backward pass per label.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell, or `layer` neither a string nor a cell.
        LayerError: no such layer; the message lists the nearest names. When called: a layer without a spatial map.

    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 1, weight_init=Tensor([[3.0, -1]])))
    >>> HiResCAM(network, layer="")(np.float32([[[[10, 20]]]]), 0).tolist()
    [[[[30.0, 0.0]]]]
    """

    def _explain_layer(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        """The outputs weighted by their gradients."""
        combined: FloatArray = np.einsum("ndhw,ndhw->nhw", gradients, activations)
        return combined
