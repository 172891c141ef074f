"""LayerCAM: positions whose own gradient is positive."""

from __future__ import annotations

import numpy as np

from explainer.arrays import FloatArray
from explainer.explanation.by_layer import LayerAttribution


class LayerCAM(LayerAttribution):
    """The layer's output times its positive gradients, summed over the channels, negatives cut off, resized; >= 0.

    Also for early layers, whose fine maps Grad-CAM's one weight per channel blurs.

    Source: Jiang et al. 2021, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", equations 4
    to 6. The paper's scaling of shallow layers (equation 9) is left out.

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
    >>> LayerCAM(network, layer="")(np.float32([[[[10, -20]]]]), 0).tolist()
    [[[[30.0, 0.0]]]]
    """

    def _explain_layer(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        """The outputs weighted by their positive gradients."""
        combined: FloatArray = np.einsum("ndhw,ndhw->nhw", np.maximum(gradients, 0), activations)
        return combined
