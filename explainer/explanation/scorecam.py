"""ScoreCAM: a layer's channels weighted by the network's output for the image seen through each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from explainer.arrays import FloatArray, LabelArray, Mask
from explainer.explanation.base import Traits
from explainer.explanation.by_layer import AUTO, LayerReader
from explainer.explanation.by_perturbation import PerturbationAttribution, of_targets
from explainer.explanation.layer_maps import Reshape
from explainer.memory import blocks
from explainer.passes import Passes
from explainer.resizing import resized


class ScoreCAM(PerturbationAttribution):
    """The layer's channels weighted by the softmax of their scores, summed, negatives cut off, resized; >= 0.

    Each channel's map is resized to the image, stretched to [0, 1] and used as a mask; its score is the logit of the
    image under it. No gradient is used; all labels of an image come from the same passes, one per channel.

    Source: Wang et al. 2020, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks",
    equations 5 to 8 and algorithm 1. The score of the empty image, which the paper subtracts, cancels in the softmax. A
    constant channel masks nothing and gets the weight 0.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        layer: as for GradCAM; by default "auto", the last layer with a spatial map.
        activation_fn: logits -> probabilities; needed for score="probability" alone.
        perturbation_per_eval: masked images in one pass through the network.
        reshape_transform: as for GradCAM.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images.
        score: what weighs a channel, the "logit" or the "probability" of the target.
        name: what the method is called in a summary.

    Cost: a forward pass per channel of the layer, and one more, per image; all labels together.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value, no such layer; when called, a layer without a spatial map.

    >>> from mindspore import nn
    >>> network = nn.SequentialCell(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(4 * 5 * 7, 3))
    >>> ScoreCAM(network)(np.ones((2, 2, 5, 7), np.float32), [1, 2]).shape
    (2, 1, 5, 7)
    """

    def __init__(
        self,
        network: Any,
        layer: Any = AUTO,
        *,
        activation_fn: Any = None,
        perturbation_per_eval: int = 32,
        reshape_transform: Reshape | None = None,
        fill: Any = 0.0,
        score: str = "logit",
        name: str | None = None,
    ) -> None:
        self._layer = LayerReader(network, layer, reshape_transform)
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            fill=fill,
            score=score,
            name=name,
            parameters=lambda: self._layer.recorded,
            traits=Traits(passes=self._passes_of, cheaper="a `layer` of fewer channels"),
        )

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        activations = self._activations(images)
        scored = self._outputs_under(images, _channel_masks(activations, images.shape[2:]))
        rows = [of_targets(batch.outputs, batch.indices, targets) for batch in scored]
        scores = np.concatenate(rows).reshape(*activations.shape[:2], -1)
        maps = np.einsum("ndl,ndhw->nlhw", _weights(scores, activations), activations)
        return resized(np.maximum(maps, 0).astype(np.float32), images.shape[2:])

    def _keeps(self, images: FloatArray) -> Iterator[tuple[int, Mask]]:
        return _channel_masks(self._activations(images), images.shape[2:])

    def _passes_of(self, image_shape: tuple[int, ...], labels: int) -> Passes:
        """One for each channel, and one for the layer's output, unless that is the input."""
        is_computed = self._layer.name(self._classifier, image_shape) != ""
        return Passes(forwards=is_computed + self._layer.channels(self._classifier, image_shape))

    def _activations(self, images: FloatArray) -> FloatArray:
        return self._layer.activations(self._classifier, images)


def _channel_masks(activations: FloatArray, size: tuple[int, ...]) -> Iterator[tuple[int, FloatArray]]:
    """For each image the map of each channel, stretched to [0, 1]."""
    for index, channels in enumerate(activations):
        for some in blocks(len(channels), size):
            masks = resized(channels[some], size)
            masks = masks - masks.min(axis=(1, 2), keepdims=True)
            spread = masks.max(axis=(1, 2), keepdims=True)
            yield from ((index, mask) for mask in np.divide(masks, spread, out=masks, where=spread != 0))


def _weights(scores: FloatArray, activations: FloatArray) -> FloatArray:
    """The softmax over the channels that are not constant, (N, D, L), of scores (N, D, L)."""
    varied = np.ptp(activations, axis=(2, 3))[:, :, None] > 0
    highest = np.max(scores, axis=1, keepdims=True, where=varied, initial=-np.inf)
    with np.errstate(invalid="ignore"):  # infinity less infinity is nan, and so is its map, which is refused
        exponents = np.where(varied, np.exp(np.where(varied, scores.astype(np.float64) - highest, 0)), 0)
    total = exponents.sum(axis=1, keepdims=True)
    weights: FloatArray = np.divide(exponents, total, out=np.zeros_like(exponents), where=total != 0)
    return weights
