"""GradCAM: which places of a layer's map speak for the label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.errors import LayerError
from explainer.explanation.base import Attribution, FloatArray, LabelArray, one_hot_pairs
from explainer.mindspore_classifier import resolve_layer


class GradCAM(Attribution):
    """The layer's channels weighted by their mean gradients, summed, negatives cut off, resized to the image; >= 0.

    map = relu(sum_c mean_hw(G)_c * A_c), A the layer's output and G the gradient of the target's logit with respect to
    it, then float bilinear resizing to (H, W).

    Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2. The reference resized through 8 bits, which cut small
    values off, wrapped values above 1 around and mixed up height and width; here they stay what they are.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        layer: the cell's name in the network or the cell itself, usually the last convolution; '' is the input.
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell, or `layer` neither a string nor a cell.
        LayerError: no such layer; the nearest names are told. When called: a layer without a spatial map.

    >>> import numpy as np
    >>> from mindspore import nn
    >>> network = nn.SequentialCell(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Dense(4 * 5 * 7, 3))
    >>> GradCAM(network, layer="0")(np.ones((2, 2, 5, 7), np.float32), [1, 2]).shape
    (2, 1, 5, 7)
    """

    def __init__(self, network: Any, layer: Any = "", *, name: str | None = None, batch_size: int = 32) -> None:
        self._layer = resolve_layer(network, layer)
        super().__init__(network, name=name, batch_size=batch_size, parameters={"layer": self._layer})

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        rows, seeds = one_hot_pairs(images, targets, self._classifier.class_count(images))
        activations, gradients = self._classifier.layer(rows, seeds, self._layer)
        if activations.ndim != 4:
            raise LayerError(
                f"`layer` {self._layer!r} must have a spatial map (N, D, h, w), gave {activations.shape}; "
                "name a convolution or pooling layer before the flattening"
            )
        maps = resized(class_activation(activations, gradients), images.shape[2:])
        return maps.reshape(*targets.shape, *images.shape[2:])


def class_activation(activations: FloatArray, gradients: FloatArray) -> FloatArray:
    """The maps (N, h, w) of activations and gradients (N, D, h, w), before resizing."""
    weights = gradients.mean(axis=(2, 3), dtype=np.float64)
    maps: FloatArray = np.maximum(np.einsum("nd,ndhw->nhw", weights, activations), 0).astype(np.float32)
    return maps


def resized(maps: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """The maps (N, h, w) resized to (N, H, W), bilinear with pixel centres aligned, edges held.

    >>> resized(np.float32([[[0, 4]]]), (1, 4)).tolist()
    [[[0.0, 1.0, 3.0, 4.0]]]
    """
    if maps.shape[1:] == tuple(size):
        return maps
    rows, columns = (_interpolation(old, new) for old, new in zip(maps.shape[1:], size, strict=True))
    return (rows @ maps.astype(np.float64) @ columns.T).astype(np.float32)


def _interpolation(old: int, new: int) -> NDArray[np.float64]:
    """The matrix (new, old) that interpolates linearly between old values."""
    position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance = np.abs(position[:, None] - np.arange(old)[None, :])
    weights: NDArray[np.float64] = np.maximum(1 - distance, 0)
    return weights
