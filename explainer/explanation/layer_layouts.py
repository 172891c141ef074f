"""Which axes of a layer's output are height, width and channels: known from its class, from its shape, or by looking.

Networks keep their features as (N, D, h, w), as (N, h, w, D) (ConvNeXt, Swin), or as tokens, (N, T, D) or (N, D, T).
Read in the wrong way each gives a map, and none of them is the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.classifier import LayerOutput
from explainer.errors import LayerError

Size = tuple[int, int]

_MOST_EXTRA_TOKENS = 2  # a class token, and a distillation token
_DRAWS = 2
_FOLLOWS = 0.1  # of the map's length; a convolution's output moves by about half of it
_CLEARLY = 0.1  # how much better than the second


class Reader(Protocol):
    """What is needed of a classifier."""

    def activations(self, images: FloatArray, name: str) -> FloatArray:
        """The output of a layer, (N, ...)."""


@dataclass(frozen=True)
class Layout:
    """How a layer's output is laid out.

    Attributes:
        kind: "maps" (N, D, h, w), "maps, channels last" (N, h, w, D), "tokens" (N, T, D) or "tokens, channels first".
        grid: height and width of the map.

    >>> Layout("maps, channels last", (5, 7)).spatial(np.zeros((3, 5, 7, 2), np.float32)).shape
    (3, 2, 5, 7)
    """

    kind: str
    grid: Size

    @property
    def positions(self) -> int:
        """How many positions the map has."""
        return self.grid[0] * self.grid[1]

    def spatial(self, values: FloatArray) -> FloatArray:
        """An output, or the gradient there, as (N, D, h, w)."""
        if self.kind == "maps":
            return values
        if self.kind == "maps, channels last":
            return np.ascontiguousarray(np.moveaxis(values, -1, 1))
        tokens = values if self.kind == "tokens" else values.swapaxes(1, 2)
        inside = tokens[:, tokens.shape[1] - self.positions :]
        return np.ascontiguousarray(inside.swapaxes(1, 2)).reshape(len(values), -1, *self.grid)


def layout_of(classifier: Reader, layer: LayerOutput, image_shape: tuple[int, ...]) -> Layout:
    """How a layer is laid out, for images of this shape (C, H, W).

    Where class and shape leave a choice, images that differ in one half are shown: the right layout is the one whose
    map changes in that half.

    Raises:
        LayerError: it has no map, or more than one layout would do.
    """
    size = image_shape[1], image_shape[2]
    possible = layouts(layer, size)
    if not possible:
        raise LayerError(
            f"`layer` {layer.name!r} must have a spatial map (N, D, h, w) or tokens (N, h * w, D), gave {layer.shape} "
            "for one image; name a convolution or pooling layer before the flattening, or give `reshape_transform`"
        )
    plain = [layout for layout in possible if layout.kind in ("maps", "tokens") and is_alike(layout.grid, size)]
    if len(possible) == 1 and (plain or layer.channel_axis is not None):
        return possible[0]
    followed = _followed(classifier, layer, image_shape, possible)
    best, *others = sorted(possible, key=followed.__getitem__, reverse=True)
    if followed[best] > _FOLLOWS and all(followed[best] > followed[other] + _CLEARLY for other in others):
        return best
    if len(possible) == 1 and possible[0].kind in ("maps", "tokens"):
        return possible[0]
    raise LayerError(
        f"`layer` {layer.name!r} gives {layer.shape} for one image, which may be read as "
        f"{' or as '.join(layout.kind for layout in possible)}, and its values do not tell which; give "
        "`reshape_transform`, a function of its output that gives (N, D, h, w)"
    )


def layouts(layer: LayerOutput, size: Size) -> list[Layout]:
    """The layouts that class and shape of a layer allow, for images of this size (H, W)."""
    shape, channels = layer.shape, layer.channel_axis
    if len(shape) == 3:
        first, last = Layout("maps", shape[1:]), Layout("maps, channels last", shape[:2])
        if channels is not None:
            return [first if channels == 1 else last]
        alike = [layout for layout in (first, last) if is_alike(layout.grid, size)]
        return alike or [first]
    if len(shape) == 2:
        tokens = Layout("tokens", grid) if (grid := token_grid(shape[0], size)) else None
        turned = Layout("tokens, channels first", grid) if (grid := token_grid(shape[1], size)) else None
        if channels is not None or tokens is None or (turned is not None and turned.positions == 1):
            turned = None
        return [layout for layout in (tokens, turned) if layout is not None]
    return []


def token_grid(tokens: int, size: Size) -> Size | None:
    """Height and width of the map that this many tokens make, but for one or two extra ones in front."""
    for positions in range(tokens, max(tokens - _MOST_EXTRA_TOKENS, 1) - 1, -1):
        height = isqrt(positions * size[0] // size[1])
        if height and positions % height == 0 and height * size[1] == positions // height * size[0]:
            return height, positions // height
    return None


def is_alike(grid: Size, size: Size) -> bool:
    """Whether a map has the image's proportions, to within what strides and borders change, and is no larger."""
    if grid[0] > size[0] or grid[1] > size[1]:
        return False
    return abs(grid[0] * size[1] - grid[1] * size[0]) <= 2 * max(size)


def _followed(
    classifier: Reader, layer: LayerOutput, image_shape: tuple[int, ...], possible: list[Layout]
) -> dict[Layout, float]:
    """How far a layout's map follows where images change, along the axis that follows less: 0 not at all, 1 wholly."""
    outputs = [classifier.activations(images, layer.name) for images in halves_of_noise(image_shape)]
    return {layout: float(np.mean([_moved(layout.spatial(output)) for output in outputs])) for layout in possible}


def halves_of_noise(image_shape: tuple[int, ...]) -> Iterator[FloatArray]:
    """An image of noise, and four copies with other noise above, below, to the left and to the right; some draws."""
    middle = image_shape[1] // 2, image_shape[2] // 2
    halves = np.s_[:, : middle[0]], np.s_[:, middle[0] :], np.s_[:, :, : middle[1]], np.s_[:, :, middle[1] :]
    for draw in range(_DRAWS):
        noise = np.random.default_rng(draw).standard_normal((2, *image_shape)).astype(np.float32)
        images = np.repeat(noise[:1], 5, axis=0)
        for image, half in zip(images[1:], halves, strict=True):
            image[half] = noise[1][half]
        yield images


def _moved(maps: FloatArray) -> float:
    """How far the change moves from above to below and from left to right, of maps (5, D, h, w); the less of both."""
    change = np.abs(maps[1:] - maps[:1]).sum(axis=1, dtype=np.float64)
    above, below = (_centre(part.sum(axis=1)) for part in change[:2])
    left, right = (_centre(part.sum(axis=0)) for part in change[2:])
    lengths = [(below - above, maps.shape[2]), (right - left, maps.shape[3])]
    return min((moved for moved, length in lengths if length > 1), default=0.0)


def _centre(change: NDArray[np.float64]) -> float:
    """Where on an axis the change lies, from 0 to 1; 0.5 when there is none."""
    positions = np.linspace(0, 1, len(change))
    return float((positions * change).sum() / change.sum()) if change.sum() > 0 else 0.5
