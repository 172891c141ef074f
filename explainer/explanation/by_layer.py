"""Methods that read one layer: its output and what speaks for the label there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from explainer.arrays import FloatArray, LabelArray
from explainer.explanation.base import Attribution, one_hot, pair_batches
from explainer.explanation.layer_layouts import Layout, layout_of
from explainer.explanation.layer_maps import Reshape, last_spatial_layer, reshaped
from explainer.network.of import classifier_of
from explainer.resizing import resized

AUTO = "auto"


class LayerReader:
    """The layer of a method: named by the user, or chosen when the first images come.

    Args:
        network: the network.
        layer: a name, a cell, "" for the input, or "auto".
        reshape: the user's `reshape_transform`.

    Raises:
        TypeError, ValueError: a layer or function that is none.
    """

    def __init__(self, network: Any, layer: Any, reshape: Reshape | None) -> None:
        if reshape is not None and not callable(reshape):
            raise TypeError(f"`reshape_transform` must be a function of the layer's output, got {reshape!r}")
        automatic = isinstance(layer, str) and layer == AUTO
        self._given = AUTO if automatic else classifier_of(network).layer_name(layer)
        self._reshape = reshape
        self._chosen: dict[tuple[int, ...], str] = {}
        self._layouts: dict[tuple[int, ...], Layout] = {}

    @property
    def recorded(self) -> dict[str, Any]:
        """What a summary records."""
        chosen = {"chosen_layer": ", ".join(dict.fromkeys(self._chosen.values()))} if self._chosen else {}
        return {"layer": self._given, **chosen}

    def name(self, classifier: Any, image_shape: tuple[int, ...]) -> str:
        """The layer that is read for images of this shape (C, H, W)."""
        if self._given != AUTO:
            return self._given
        if image_shape not in self._chosen:
            self._chosen[image_shape] = last_spatial_layer(classifier, image_shape)
        return self._chosen[image_shape]

    def read(self, classifier: Any, images: FloatArray, seeds: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The layer's output and the gradient of <seed, logits> there, both (M, D, h, w)."""
        output, gradient = classifier.layer(images, seeds, self.name(classifier, images.shape[1:]))
        return self._spatial(classifier, images, output), self._spatial(classifier, images, gradient)

    def activations(self, classifier: Any, images: FloatArray) -> FloatArray:
        """The layer's output, (M, D, h, w)."""
        return self._spatial(
            classifier, images, classifier.activations(images, self.name(classifier, images.shape[1:]))
        )

    def channels(self, classifier: Any, image_shape: tuple[int, ...]) -> int:
        """How many channels the layer has, D, for images of this shape (C, H, W)."""
        image = np.zeros((1, *image_shape), np.float32)
        name = self.name(classifier, image_shape)
        shape = classifier.layer_output(image, name).shape if name else image_shape
        return int(self._spatial(classifier, image, np.zeros((1, *shape), np.float32)).shape[1])

    def _spatial(self, classifier: Any, images: FloatArray, values: FloatArray) -> FloatArray:
        shape = images.shape[1:]
        name = self.name(classifier, shape)
        if self._reshape is not None:
            return reshaped(values, name, self._reshape)
        if shape not in self._layouts:
            self._layouts[shape] = layout_of(classifier, classifier.layer_output(images, name), shape)
        return self._layouts[shape].spatial(values)


class LayerAttribution(Attribution):
    """A layer's map, negatives cut off, resized to the image. The declared hole is `_explain_layer`.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        layer: the cell's name in the network, the cell itself, '' for the input, or "auto": the last layer with a
            spatial map, which `parameters` names once images have come.
        reshape_transform: for a layer whose output is not (N, D, h, w): a function (N, ...) -> (N, D, h, w) of arrays.
            Tokens (N, h * w, D), with up to two extra ones in front, need none.
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.
        parameters: what else a summary records.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell, or `layer` neither a string nor a cell.
        LayerError: no such layer; the message lists the nearest names. When called: a layer without a spatial map.
    """

    def __init__(
        self,
        network: Any,
        layer: Any = AUTO,
        *,
        reshape_transform: Reshape | None = None,
        name: str | None = None,
        batch_size: int = 32,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._layer = LayerReader(network, layer, reshape_transform)
        self._own = dict(parameters or {})
        super().__init__(network, name=name, batch_size=batch_size, parameters=self._recorded)

    def _recorded(self) -> dict[str, Any]:
        return self._own | self._layer.recorded  # with the layer that "auto" has chosen, once images have come

    @final
    def combined(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        """The map (M, h, w) of a layer's outputs and gradients, both (M, D, h, w), before negatives are cut off."""
        return self._explain_layer(activations, gradients)

    @abstractmethod
    def _explain_layer(self, activations: FloatArray, gradients: FloatArray) -> FloatArray:
        """The map (M, h, w) of a layer's outputs and gradients, both (M, D, h, w)."""

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        pairs = pair_batches(images, targets)
        maps = np.concatenate([self._maps(images[indices], labels) for indices, labels in pairs])
        return maps.reshape(*targets.shape, *images.shape[2:])

    def _maps(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The map (B, H, W) of each image's own label, for labels (B,)."""
        seeds = one_hot(labels, self._classifier.class_count(images))
        # Cut off before resizing, as in the papers: resized first, neighbours of other sign would cancel.
        maps = self._explain_layer(*self._layer.read(self._classifier, images, seeds))
        return resized(np.maximum(maps, 0).astype(np.float32), images.shape[2:])
