"""The hidden parts of an input, and how their falls become a map."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.mindspore_program import without_tensor
from explainer.perturb.masks import Windows
from explainer.resizing import resized

FloatArray = NDArray[np.float32]
Doubles = NDArray[np.float64]

AGGREGATES = ("mean", "sum", "gaussian", "grid", "nearest", "bicubic")
_BELL = 1 / 4  # the deviation of a window's bell, as a part of the window


class Part(NamedTuple):
    """A part of an input that is hidden at a time.

    Attributes:
        keep: a keep mask, or the hidden rectangle of (C, ...), for the engine.
        where: what its fall counts for, an index of the map of one label.
        weight: how much it counts there.
    """

    keep: Any
    where: Any
    weight: Any = 1.0

    def add(self, maps: Doubles, falls: Doubles) -> None:
        """Adds the falls (L,) of this part to the maps (L, ...)."""
        at = (slice(None), *self.where)
        shape = maps[at].shape
        maps[at] += falls.reshape(-1, *[1] * (len(shape) - 1)) * self.weight


def parts_of(windows: Windows, aggregate: str, channels: int | None) -> Iterator[Part]:
    """The windows on an input, on all channels at once, or on each of so many channels."""
    gridded = aggregate in ("grid", "nearest", "bicubic")
    for channel in [None] if channels is None else range(channels):
        hidden, layer = (slice(None), ()) if channel is None else (slice(channel, channel + 1), (channel,))
        places = product(*map(range, windows.grid))
        bells = product(*_bells(windows, aggregate)) if aggregate == "gaussian" else None
        for place, window in zip(places, windows, strict=True):
            weight = 1.0 if bells is None else reduce(np.multiply.outer, next(bells))
            yield Part((hidden, *window), (*layer, *(place if gridded else window)), weight)


def weights_of(windows: Windows, aggregate: str) -> Doubles:
    """The sum of the windows' weights at each place, by which a mean is divided; 1 where there is none."""
    if aggregate == "sum":
        return np.ones(windows.size)
    sums = []
    for length, spans, bells in zip(windows.size, windows.axes, _bells(windows, aggregate), strict=True):
        total = np.zeros(length)
        for (start, end), bell in zip(spans, bells, strict=True):
            total[start:end] += bell
        sums.append(total)
    weights: Doubles = reduce(np.multiply.outer, sums)
    return np.where(weights == 0, 1.0, weights)


def resized_maps(maps: FloatArray, size: tuple[int, ...], aggregate: str) -> FloatArray:
    """The maps in the size of the input, where the aggregate asks for it."""
    return resized(maps, size, aggregate) if aggregate in ("nearest", "bicubic") else maps


def _bells(windows: Windows, aggregate: str) -> list[list[Doubles]]:
    """The weights of each window along each axis; a window that is cut off has its part of the bell."""
    return [
        [_bell(length, stride, place, span, windows.edges, aggregate) for place, span in enumerate(spans)]
        for length, stride, spans in zip(windows.window, windows.stride, windows.axes, strict=True)
    ]


def _bell(length: int, stride: int, place: int, span: tuple[int, int], edges: str, aggregate: str) -> Doubles:
    start, end = span
    if aggregate != "gaussian":
        return np.ones(end - start)
    whole_start = place * stride - length // 2 if edges == "clip" else start
    centre = whole_start + (length - 1) / 2
    bell: Doubles = np.exp(-(((np.arange(start, end) - centre) / (_BELL * length)) ** 2) / 2)
    return bell


class Segments:
    """Regions of any shape that are hidden one at a time, such as superpixels.

    Args:
        given: whole numbers (H, W) for all inputs, (N, H, W) for each, or a function of an input (C, H, W) that gives
            (H, W); pixels of one number are one region.

    Raises:
        TypeError: neither whole numbers nor a function.
    """

    def __init__(self, given: Any) -> None:
        self._function = given if callable(given) else None
        self._numbers = None if callable(given) else _whole_numbers(without_tensor(given))

    @property
    def recorded(self) -> str:
        """What a summary keeps."""
        return getattr(self._function, "__name__", "function") if self._function else "given"

    def parts(self, images: FloatArray, channels: int | None) -> Iterator[tuple[int, Part]]:
        """The regions of each image, with its place; on each of so many channels where there is a number of them.

        Raises:
            ValueError: segments of another size than the images.
        """
        for place, numbers in enumerate(self._of_each(images)):
            for region in np.unique(numbers):
                hidden = numbers == region
                if channels is None:
                    yield place, Part(~hidden, (hidden,))
                    continue
                for channel in range(channels):
                    keep = np.ones(images.shape[1:], bool)
                    keep[channel] = ~hidden
                    yield place, Part(keep, (channel, hidden))

    def _of_each(self, images: FloatArray) -> Iterator[NDArray[np.int64]]:
        size = images.shape[2:]
        numbers = self._numbers
        if numbers is not None and numbers.shape not in (size, (len(images), *size)):
            raise ValueError(f"`segments` must have shape {size} or {(len(images), *size)}, got {numbers.shape}")
        for place, image in enumerate(images):
            if self._function is not None:
                found = _whole_numbers(without_tensor(self._function(image.copy())))
                if found.shape != size:
                    raise ValueError(f"`segments` must give shape {size} for an image, gave {found.shape}")
                yield found
            elif numbers is not None:
                yield numbers if numbers.shape == size else numbers[place]


def _whole_numbers(given: Any) -> NDArray[np.int64]:
    numbers = np.asarray(given)
    if numbers.dtype.kind not in "iub":
        raise TypeError(f"`segments` must be whole numbers or a function, got {type(given).__name__} {numbers.dtype}")
    return numbers.astype(np.int64)
