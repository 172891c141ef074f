"""A layer's output as a spatial map: which layer to take, and how tokens become a map."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from explainer.classifier import Classifier, LayerOutput
from explainer.errors import LayerError

FloatArray = NDArray[np.float32]
Reshape = Callable[[FloatArray], FloatArray]
"""A layer's output or gradient (N, ...) -> (N, D, h, w)."""

_LOG = logging.getLogger("explainer")
_MOST_EXTRA_TOKENS = 2  # a class token, and a distillation token


def last_spatial_layer(classifier: Classifier, image_shape: tuple[int, ...]) -> str:
    """The name of the last layer with the coarsest spatial map through which the decision goes; it is logged.

    Spatial are maps (D, h, w) shaped like the image, and the normalised tokens of a transformer. A layer whose
    gradient is zero everywhere on the map is passed over: behind a transformer's last attention only the class token
    counts. Found with an image of noise, so that it depends on the network and the shape (C, H, W) alone.

    Raises:
        LayerError: the network has no such layer.
    """
    probe = np.random.default_rng(0).standard_normal((1, *image_shape)).astype(np.float32)
    size = image_shape[1], image_shape[2]
    found = [(_places(output, size), -turn, output.name) for turn, output in enumerate(classifier.layers(probe))]
    seed = np.random.default_rng(1).random((1, classifier.class_count(probe)), np.float32)
    for places, _, name in sorted(entry for entry in found if entry[0]):  # the coarsest first, of these the last
        gradient = spatial(classifier.layer(probe, seed, name)[1], name, size, None)
        if gradient.any():
            _LOG.info("layer='auto' is %r: %d places", name, places)
            return name
    raise LayerError(
        f"`layer` 'auto' found no layer with a spatial map for images {image_shape}; name a layer, and give "
        "`reshape_transform` where its output is not (N, D, h, w)"
    )


def spatial(values: FloatArray, name: str, size: tuple[int, int], reshape: Reshape | None) -> FloatArray:
    """A layer's output or gradient as (N, D, h, w); tokens (N, T, D) are laid out in the image's shape.

    Raises:
        LayerError: it has no spatial map.
    """
    if reshape is not None:
        reshaped = np.asarray(reshape(values), np.float32)
        if reshaped.ndim != 4 or len(reshaped) != len(values):
            raise LayerError(
                f"`reshape_transform` must give (N, D, h, w), gave {reshaped.shape} for the output {values.shape} of "
                f"layer {name!r}"
            )
        return reshaped
    if values.ndim == 4:
        return values
    grid = _token_grid(values.shape[1], size) if values.ndim == 3 else None
    if grid is None:
        raise LayerError(
            f"`layer` {name!r} must have a spatial map (N, D, h, w) or tokens (N, h * w, D), gave {values.shape}; name "
            "a convolution or pooling layer before the flattening, or give `reshape_transform`"
        )
    return _laid_out(values, grid)


def _places(output: LayerOutput, size: tuple[int, int]) -> int:
    """How many places the map of a layer has; 0 when it has none, or is none."""
    if len(output.shape) == 2 and "LayerNorm" in output.kind:
        height, width = _token_grid(output.shape[0], size) or (0, 0)
    elif len(output.shape) == 3 and _shaped_alike(output.shape[1:], size):
        height, width = output.shape[1:]
    else:
        return 0
    return height * width if height * width > 1 else 0


def _shaped_alike(small: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a map has the image's proportions, to within what strides and borders change, and is no larger."""
    if small[0] > size[0] or small[1] > size[1]:
        return False
    return abs(small[0] * size[1] - small[1] * size[0]) <= 2 * max(size)


def _token_grid(tokens: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width of the map that this many tokens make, but for one or two extra ones in front."""
    for places in range(tokens, max(tokens - _MOST_EXTRA_TOKENS, 1) - 1, -1):
        height = isqrt(places * size[0] // size[1])
        if height and places % height == 0 and height * size[1] == places // height * size[0]:
            return height, places // height
    return None


def _laid_out(tokens: FloatArray, grid: tuple[int, int]) -> FloatArray:
    places = tokens[:, tokens.shape[1] - grid[0] * grid[1] :]
    return np.ascontiguousarray(places.swapaxes(1, 2)).reshape(len(tokens), -1, *grid)
