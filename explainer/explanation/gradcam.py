"""GradCAM: which positions of a layer's map speak for the label."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.arrays import FloatArray
from explainer.explanation.by_layer import LayerAttribution
from explainer.explanation.layer_maps import Reshape


class GradCAM(LayerAttribution):
    """The layer's channels weighted by their mean gradients, summed, negatives cut off, resized to the image; >= 0.

    map = relu(sum_c mean_hw(G)_c * A_c), A the layer's output and G the gradient of the target's logit with respect to
    it, then float bilinear resizing to (H, W).

    Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2. The reference resized through 8 bits, which cut small
    values off, wrapped values above 1 around and mixed up height and width; here they stay what they are.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        layer: the cell's name in the network, usually the last convolution; the cell itself; '' for the input; or
            "auto": the last layer with a spatial map, which `parameters` names once images have come.
        reshape_transform: for a layer whose output is not (N, D, h, w): a function (N, ...) -> (N, D, h, w) of arrays.
            Tokens (N, h * w, D), with up to two extra ones in front, need none.
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: a forward and a backward pass per label.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell, or `layer` neither a string nor a cell.
        LayerError: no such layer; the message lists the nearest names. When called: a layer without a spatial map.

    >>> import numpy as np
    >>> from mindspore import nn
    >>> network = nn.SequentialCell(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Dense(4 * 5 * 7, 3))
    >>> GradCAM(network, layer="0")(np.ones((2, 2, 5, 7), np.float32), [1, 2]).shape
    (2, 1, 5, 7)
    """

    def __init__(
        self,
        network: Any,
        layer: Any = "",
        *,
        reshape_transform: Reshape | None = None,
        name: str | None = None,
        batch_size: int = 32,
    ) -> None:
        super().__init__(network, layer, reshape_transform=reshape_transform, name=name, batch_size=batch_size)

    def _explain_layer(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        """The channels weighted by their mean gradients."""
        weights = gradients.mean(axis=(2, 3), dtype=np.float64)
        flat = activations.reshape(*weights.shape, -1)
        combined: FloatArray = weights[:, None] @ flat
        return combined.reshape(len(weights), *activations.shape[2:])
