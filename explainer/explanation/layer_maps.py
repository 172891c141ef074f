"""A layer's output as a spatial map: which layer to take, and how its user lays it out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from explainer.arrays import FloatArray
from explainer.classifier import Classifier, LayerOutput
from explainer.errors import LayerError
from explainer.explanation.layer_layouts import halves_of_noise, is_alike, layout_of, layouts

Reshape = Callable[[FloatArray], FloatArray]
"""A layer's output or gradient (N, ...) -> (N, D, h, w)."""

_LOG = logging.getLogger("explainer")


def last_spatial_layer(classifier: Classifier, image_shape: tuple[int, ...]) -> str:
    """The name of the last layer with the coarsest spatial map through which the decision goes; it is logged.

    Spatial are maps shaped like the image, (D, h, w) or (h, w, D), and the normalised tokens of a transformer. A layer
    is passed over when its axes are not known, or when its gradient is zero everywhere on the map: behind a
    transformer's last attention only the class token counts. Found with an image of noise, so that it depends on the
    network and the shape (C, H, W) alone.

    Raises:
        LayerError: the network has no such layer.
    """
    probe = _noise(image_shape)
    size = image_shape[1], image_shape[2]
    found = [(_positions(layer, size), -turn, layer) for turn, layer in enumerate(classifier.layers(probe))]
    seed = np.random.default_rng(1).random((1, classifier.class_count(probe)), np.float32)
    for positions, _, layer in sorted((entry for entry in found if entry[0]), key=lambda entry: entry[:2]):
        # The coarsest first, of these the last.
        with suppress(LayerError):
            layout = layout_of(classifier, layer, image_shape)
            if layout.spatial(classifier.layer(probe, seed, layer.name)[1]).any():
                _LOG.info("layer='auto' is %r: %d positions, %s", layer.name, positions, layout.kind)
                return layer.name
    raise LayerError(
        f"`layer` 'auto' found no layer with a spatial map for images {image_shape}; name a layer, and give "
        "`reshape_transform` where its output is not (N, D, h, w)"
    )


def probing_images(image_shape: tuple[int, ...]) -> FloatArray:
    """All images (P, C, H, W) with which layers are found and read: noise that depends on the shape alone.

    No image of the data is perturbed for them, so they do not go through the perturbation engine.
    """
    return np.concatenate([_noise(image_shape), *halves_of_noise(image_shape)])


def reshaped(values: FloatArray, name: str, reshape: Reshape) -> FloatArray:
    """A layer's output or gradient as the user lays it out, (N, D, h, w).

    Raises:
        LayerError: the user's function gives something else.
    """
    given = np.asarray(reshape(values), np.float32)
    if given.ndim != 4 or len(given) != len(values):
        raise LayerError(
            f"`reshape_transform` must give (N, D, h, w), gave {given.shape} for the output {values.shape} of layer "
            f"{name!r}"
        )
    return given


def _noise(image_shape: tuple[int, ...]) -> FloatArray:
    return np.random.default_rng(0).standard_normal((1, *image_shape)).astype(np.float32)


def _positions(layer: LayerOutput, size: tuple[int, int]) -> int:
    """How many positions the map of a layer has; 0 when it has none, or is none."""
    if len(layer.shape) == 2 and "LayerNorm" not in layer.kind:
        return 0
    grids = [layout.grid for layout in layouts(layer, size) if len(layer.shape) == 2 or is_alike(layout.grid, size)]
    return max((height * width for height, width in grids if height * width > 1), default=0)
