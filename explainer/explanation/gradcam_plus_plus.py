"""GradCAMPlusPlus: Grad-CAM whose weights count every position of a feature map alike, however often it occurs."""

from __future__ import annotations

import numpy as np

from explainer.arrays import FloatArray
from explainer.explanation.by_layer import LayerAttribution


class GradCAMPlusPlus(LayerAttribution):
    """The layer's channels weighted by weighted positive gradients, summed, negatives cut off, resized; >= 0.

    w_c = sum_ij a_cij * relu(G_cij), a = G^2 / (2 G^2 + sum_hw(A) * G^3), with a = 0 where G = 0 or the denominator is
    0; map = relu(sum_c w_c * A_c).

    Source: Chattopadhyay et al. 2018, "Grad-CAM++", equations 5, 6 and 19, for the score exp(logit), whose derivatives
    are powers of the logit's gradient. The common factor exp(logit) of the weights is left out: it scales a map as a
    whole and overflows for large logits.

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
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 1, weight_init=Tensor([[2.0, -1]])))
    >>> GradCAMPlusPlus(network, layer="")(np.float32([[[[3, 1]]]]), 0).tolist()
    [[[[0.6000000238418579, 0.20000000298023224]]]]
    """

    def _explain_layer(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        """The channels weighted by weighted positive gradients."""
        gradients = gradients.astype(np.float64)
        total = activations.sum(axis=(2, 3), keepdims=True, dtype=np.float64)
        denominator = 2 + total * gradients  # of the paper's, the gradient squared cancels
        positive = np.maximum(gradients, 0)
        weights = np.divide(positive, denominator, out=np.zeros_like(positive), where=denominator != 0).sum(axis=(2, 3))
        combined: FloatArray = np.einsum("nd,ndhw->nhw", weights, activations)
        return combined
