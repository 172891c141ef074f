"""Displayable pictures: a saliency map laid over its image, and the regions of an image that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array, Pixels
from explainer.checks import require_choice, require_finite, require_flag, require_number, require_numbers
from explainer.resizing import resized

_HEX = {
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "magma": "000004 1c1044 4f127b 812581 b5367a e55064 fb8761 fec287 fcfdbf",
    "cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    "blue_red": "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f",
    "jet": "00007f 0000ff 007fff 00ffff 7fff7f ffff00 ff7f00 ff0000 7f0000",
}
_LUMA = (0.299, 0.587, 0.114)
_SHADE = 0.35  # how bright the rest of a picture is beside its regions
PALETTES = tuple(_HEX)
"""viridis, magma and cividis, which are safe for the colour-blind and even in brightness; blue_red, safe, too, for maps
with signs; jet, which is neither, as in old figures."""


Limits = tuple[float, float]
"""The values that have the first and the last colour of a palette."""


def overlay(
    image: Any,
    saliency: Any,
    *,
    alpha: float = 0.5,
    palette: str | None = None,
    percentile: float = 100.0,
    limits: Limits | None = None,
    grey: bool = False,
) -> Pixels:
    """The map in colours over the image in grey or its own colours: a picture (H, W, 3) uint8.

    The palette runs from the map's minimum to its maximum; "blue_red" from minus to plus its largest absolute value, so
    that 0 is white. A map of one value is all of the palette's first colour, or its middle one.

    Args:
        image: (H, W), (H, W, 1), (H, W, 3) or (1 or 3, H, W); uint8 as it is, anything else stretched from its minimum
            to its maximum.
        saliency: (h, w), (1, h, w) or (1, 1, h, w), as explainers give it, resized linearly to the image where it is
            smaller or larger.
        alpha: how much of the map is seen, 0 to 1.
        palette: one of "viridis", "magma", "cividis", "blue_red", "jet"; by default "viridis", or "blue_red" for a map
            with values below 0.
        percentile: the palette ends at this percentile of the map, in place of its maximum, so that a few bright pixels
            do not darken the rest; of absolute values for "blue_red". What is above has the last colour.
        limits: the values that have the first and the last colour, in place of those that follow from the map, so that
            several maps have one scale.
        grey: whether the image is shown in grey, so that all colours are the map's.

    Raises:
        TypeError: arrays that do not hold numbers, an `alpha` or a `percentile` that is none, or a `grey` that is no
            bool.
        ValueError: wrong shapes, values that are not finite, an unknown palette, `alpha` outside [0, 1], `percentile`
            outside [0, 100] or beside `limits`, or `limits` that do not rise.

    >>> overlay(np.zeros((1, 2), np.uint8), np.float32([[0, 1]]), alpha=1, palette="jet").tolist()
    [[[0, 0, 127], [127, 0, 0]]]
    """
    picture = in_grey(picture_of(image)) if require_flag("grey", grey) else picture_of(image)
    values = map_of(saliency)
    require_number("alpha", alpha, 0.0, 1.0)
    require_number("percentile", percentile, 0.0, 100.0)
    if palette is None:
        palette = "blue_red" if values.min() < 0 else "viridis"
    require_choice("palette", palette, PALETTES)
    shown = resized(values, picture.shape[:2]).astype(np.float64)
    low, high = limits_of(shown, palette, percentile) if limits is None else _limits(limits, percentile)
    mixed = alpha * coloured(shown, low, high, anchors_of(palette)) + (1 - alpha) * picture
    return np.rint(mixed).astype(np.uint8)


def limits_of(values: NDArray[Any], palette: str, percentile: float = 100.0) -> Limits:
    """The values that have the first and the last colour of a palette.

    Where the percentile leaves nothing of a map, as of one that is zero almost everywhere, its maximum takes its place.

    >>> limits_of(np.array([[0, 1, 2, 3, 10]]), "viridis", 75), limits_of(np.array([[-4, 2]]), "blue_red")
    ((0.0, 3.0), (-4.0, 4.0))
    """
    if palette == "blue_red":
        high = _highest(np.abs(values), 0.0, percentile) or 1.0  # of a map of zeros any: 0 is in the middle
        return -high, high
    low = float(values.min())
    return low, _highest(values, low, percentile)


def anchors_of(palette: str) -> list[str]:
    """The colours of a palette at equal distances, as RRGGBB."""
    return _HEX[palette].split()


def in_grey(picture: Float64Array) -> Float64Array:
    """The picture (H, W, 3) in grey, by the weights that Pillow has for "L" (ITU-R 601).

    >>> in_grey(np.array([[[255.0, 0.0, 0.0]]])).round(3).tolist()
    [[[76.245, 76.245, 76.245]]]
    """
    return np.repeat(picture @ np.array(_LUMA)[:, None], 3, axis=2)


def _highest(values: NDArray[Any], low: float, percentile: float) -> float:
    high = float(np.percentile(values, percentile))
    return high if high > low else float(values.max())


def _limits(limits: Limits, percentile: float) -> Limits:
    if percentile != 100:
        raise ValueError(f"`percentile` must be left out beside `limits`, got {percentile} and {limits!r}")
    values = require_numbers("limits", limits)
    if values.shape != (2,) or not np.isfinite(values).all() or values[0] >= values[1]:
        raise ValueError(f"`limits` must be (low, high), finite and low < high, got {limits!r}")
    return float(values[0]), float(values[1])


def spotlight(image: Any, boxes: Iterable[Sequence[int]]) -> Pixels:
    """The image where the boxes are, and all the rest dark and grey: a picture (H, W, 3) uint8.

    Args:
        image: as for `overlay`.
        boxes: (x, y, width, height) in pixels of the image, as a hierarchical occlusion finds them; what lies outside
            of the image is left out.

    Raises:
        TypeError: an image that does not hold numbers, or a box that does not hold whole numbers.
        ValueError: a wrong shape, values that are not finite, or a box that is not of four numbers, the last two >= 0.

    >>> spotlight(np.uint8([[200, 100]]), [(1, 0, 1, 1)]).tolist()
    [[[70, 70, 70], [100, 100, 100]]]
    """
    picture = picture_of(image)
    shown = np.repeat(picture.mean(axis=2, keepdims=True) * _SHADE, 3, axis=2)
    for index, box in enumerate(boxes):
        x, y, width, height = _box(index, box)
        inside = slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
        shown[inside] = picture[inside]
    rounded: Pixels = np.rint(shown).astype(np.uint8)
    return rounded


def _box(index: int, box: Sequence[int]) -> list[int]:
    values = require_numbers(f"boxes[{index}]", box)
    if values.dtype.kind not in "iu":
        raise TypeError(f"`boxes[{index}]` must hold whole numbers, got dtype {values.dtype}")
    if values.shape != (4,) or (values[2:] < 0).any():
        raise ValueError(f"`boxes[{index}]` must be (x, y, width, height), the last two >= 0, got {box!r}")
    numbers: list[int] = values.tolist()
    return numbers


def picture_of(image: Any) -> Float64Array:
    """An image as `overlay` takes it: (H, W, 3) in [0, 255]; raises as it does."""
    given = require_numbers("image", image)
    if given.ndim == 2:
        given = given[..., None]
    if given.ndim == 3 and given.shape[2] not in (1, 3) and given.shape[0] in (1, 3):
        given = np.moveaxis(given, 0, 2)
    if given.ndim != 3 or given.shape[2] not in (1, 3) or 0 in given.shape:
        raise ValueError(
            f"`image` must be (H, W), (H, W, 1), (H, W, 3) or (1 or 3, H, W), got shape {np.shape(image)}; "
            "for a batch give one image at a time"
        )
    picture = given.astype(np.float64)
    if given.dtype != np.uint8:
        require_finite("image", picture[None])
        picture = 255 * _stretched(picture, picture.min(), picture.max())
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def map_of(saliency: Any) -> NDArray[np.float32]:
    """A map as `overlay` takes it: (h, w); raises as it does."""
    given = require_numbers("saliency", saliency)
    values = given.reshape(given.shape[-2:]) if given.ndim in (3, 4) and set(given.shape[:-2]) == {1} else given
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"`saliency` must be one map (h, w), (1, h, w) or (1, 1, h, w), got shape {given.shape}; "
            "of several maps give one at a time, as maps[0, 0]"
        )
    require_finite("saliency", values[None])
    return values.astype(np.float32)


def coloured(values: NDArray[Any], low: float, high: float, anchors: Sequence[str]) -> Float64Array:
    """The values (H, W) as colours (H, W, 3) in [0, 255], between anchors at equal distances from low to high.

    Args:
        values: those beyond low or high have the first or the last colour.
        low: the value of the first anchor.
        high: that of the last one.
        anchors: colours as RRGGBB.

    >>> coloured(np.array([[0.0, 1.0, 4.0]]), 0.0, 4.0, ["000000", "ff0000", "ffff00"]).tolist()
    [[[0.0, 0.0, 0.0], [127.5, 0.0, 0.0], [255.0, 255.0, 0.0]]]
    """
    indices = _stretched(values, low, high)
    table = np.array([list(bytes.fromhex(anchor)) for anchor in anchors], np.float64)
    positions = np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(indices, positions, channel) for channel in table.T], axis=-1)


def _stretched(values: NDArray[Any], low: float, high: float) -> Float64Array:
    stretched: Float64Array = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    return stretched
