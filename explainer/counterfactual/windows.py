"""The windows of a hierarchical occlusion: how large they are in each layer, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from explainer.checks import require_integer, require_type
from explainer.counterfactual.edit_tree import Box
from explainer.perturb.masks import spans

_SMALLEST = 28  # an automatic window
SHORTEST_SIDE = 2 * _SMALLEST
"""Pixels of an image that has automatic windows."""
_MOST_LAYERS = 3


class WindowLayers(NamedTuple):
    """The square windows of each layer, from the largest to the smallest.

    Attributes:
        win_sizes: the length of a window's side, for each layer.
        strides: from one window to the next, for each layer.
    """

    win_sizes: list[int]
    strides: list[int]

    def boxes(self, layer: int, field: Box) -> list[Box]:
        """Where the windows of a layer lie in a field, which they cover: column by column, from top to bottom.

        The last window of an axis is moved back to its end.

        >>> WindowLayers([2], [2]).boxes(0, (10, 20, 2, 3))
        [(10, 20, 2, 2), (10, 21, 2, 2)]
        """
        x, y, width, height = field
        size, stride = self.win_sizes[layer], self.strides[layer]
        lefts, tops = ([start for start, _ in spans(length, size, stride)] for length in (width, height))
        return [(x + left, y + top, size, size) for left in lefts for top in tops]


def auto_win_sizes(short_side: int) -> list[int]:
    """The window of each layer for an image: half the short side, and half of that, while they are 28 pixels or more.

    At most three layers.

    Raises:
        ValueError: a short side below 56, which has no such window.

    >>> auto_win_sizes(224), auto_win_sizes(64)
    ([112, 56, 28], [32])
    """
    halves = [short_side // 2 ** (layer + 1) for layer in range(_MOST_LAYERS)]
    sizes = [size for size in halves if size >= _SMALLEST]
    if not sizes:
        raise ValueError(
            f"`image` must have a short side of at least {SHORTEST_SIDE} pixels, got {short_side}; automatic windows "
            f"are half of it and not below {_SMALLEST}, so give `win_sizes` and `strides` for smaller images"
        )
    return sizes


def auto_strides(win_sizes: Sequence[int]) -> list[int]:
    """The stride of each layer: a fifth of its window.

    >>> auto_strides([112, 56, 28])
    [22, 11, 5]
    """
    return [size // 5 for size in win_sizes]


def require_layers(win_sizes: Any, strides: Any) -> WindowLayers | None:
    """A user's own windows, or None where there are none, so that they are to be made for each image.

    Raises:
        TypeError: not a list of whole numbers.
        ValueError: one without the other; none; numbers that do not fall from layer to layer, or are below 1; lengths
            that differ; a stride larger than its window.
    """
    if win_sizes is None and strides is None:
        return None
    if win_sizes is None or strides is None:
        given, missing = ("strides", "win_sizes") if win_sizes is None else ("win_sizes", "strides")
        raise ValueError(
            f"`win_sizes` and `strides` must be given both or not at all, got `{given}` but no `{missing}`"
        )
    layers = WindowLayers(_falling("win_sizes", win_sizes), _falling("strides", strides))
    if len(layers.win_sizes) != len(layers.strides):
        raise ValueError(
            "`win_sizes` and `strides` must have a number for each layer, "
            f"got {len(layers.win_sizes)} and {len(layers.strides)}"
        )
    for size, stride in zip(*layers, strict=True):
        if stride > size:
            raise ValueError(
                f"`strides` must not be larger than their windows, got {stride} for a window of {size}; "
                "what lies between the windows could never be edited"
            )
    return layers


def layers_for(own: WindowLayers | None, short_side: int) -> WindowLayers:
    """The user's own windows, or automatic ones, for an image with this short side.

    Raises:
        ValueError: an image too small for them.
    """
    if own is None:
        sizes = auto_win_sizes(short_side)
        return WindowLayers(sizes, auto_strides(sizes))
    if short_side <= own.win_sizes[0]:
        raise ValueError(
            f"`image` must be larger than the first window, {own.win_sizes[0]}, got a short side of {short_side}; "
            "a window that hides all of it explains nothing, so give smaller `win_sizes`"
        )
    return own


def _falling(name: str, given: Any) -> list[int]:
    require_type(name, given, (list, tuple), "a list of whole numbers")
    numbers = [require_integer(f"{name}[{index}]", number, 1) for index, number in enumerate(given)]
    if not numbers:
        raise ValueError(f"`{name}` must have a number for each layer, got none; leave it out for automatic ones")
    if any(later >= earlier for earlier, later in pairwise(numbers)):
        raise ValueError(f"`{name}` must fall from layer to layer, got {numbers}")
    return numbers
