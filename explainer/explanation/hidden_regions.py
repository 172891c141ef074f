"""The regions of an input that are hidden one at a time, and how their score drops become a map."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array, FloatArray
from explainer.digests import digest_of_array
from explainer.network.of import without_tensor
from explainer.perturb.masks import Windows
from explainer.resizing import resized

AGGREGATES = ("mean", "sum", "gaussian", "grid", "nearest", "bicubic")
GRIDDED = ("grid", "nearest", "bicubic")
"""Those with one value per window."""
_BELL = 1 / 4  # the deviation of a window's bell, as a part of the window


class HiddenRegion(NamedTuple):
    """A region of an input that is hidden at a time.

    Attributes:
        keep: a keep mask, or the hidden rectangle of (C, ...), for the engine.
        where: what its score drop counts for, an index of the map of one label.
        weight: how much it counts there.
    """

    keep: Any
    where: Any
    weight: Any = 1.0

    def add(self, maps: Float64Array, score_drops: Float64Array) -> None:
        """Adds the score drops (L,) of this region to the maps (L, ...)."""
        at = (slice(None), *self.where)
        shape = maps[at].shape
        maps[at] += score_drops.reshape(-1, *[1] * (len(shape) - 1)) * self.weight


class WindowRegions:
    """The windows on each of so many inputs, input by input: pairs of the input's index and a region.

    Args:
        count: of the inputs.
        windows: on each.
        aggregate: what becomes of their score drops, one of AGGREGATES.
        channels: None hides all channels at once; a number of them hides one at a time.
    """

    def __init__(self, count: int, windows: Windows, aggregate: str, channels: int | None) -> None:
        self._count = count
        self._windows = windows
        self._aggregate = aggregate
        self._channels = channels

    def __len__(self) -> int:
        return self._count * len(self._windows) * (self._channels or 1)

    def __iter__(self) -> Iterator[tuple[int, HiddenRegion]]:
        for index in range(self._count):
            for channel in [None] if self._channels is None else range(self._channels):
                yield from ((index, region) for region in self._of_channel(channel))

    def _of_channel(self, channel: int | None) -> Iterator[HiddenRegion]:
        hidden, layer = (slice(None), ()) if channel is None else (slice(channel, channel + 1), (channel,))
        cells = product(*map(range, self._windows.grid))
        bells = product(*_bells(self._windows, self._aggregate)) if self._aggregate == "gaussian" else None
        for cell, window in zip(cells, self._windows, strict=True):
            weight = 1.0 if bells is None else reduce(np.multiply.outer, next(bells))
            yield HiddenRegion((hidden, *window), (*layer, *(cell if self._aggregate in GRIDDED else window)), weight)


class SegmentRegions:
    """The segments of each input, input by input: pairs of the input's index and a region.

    Args:
        numbers: the segments of each input, (N, ...).
        channels: None hides all channels at once; a number of them hides one at a time.
    """

    def __init__(self, numbers: list[NDArray[np.int64]], channels: int | None) -> None:
        self._segments = [(each, np.unique(each)) for each in numbers]
        self._channels = channels

    def __len__(self) -> int:
        return sum(len(segments) for _, segments in self._segments) * (self._channels or 1)

    def __iter__(self) -> Iterator[tuple[int, HiddenRegion]]:
        for index, (numbers, segments) in enumerate(self._segments):
            for segment in segments:
                yield from ((index, region) for region in self._of_segment(numbers == segment))

    def _of_segment(self, hidden: NDArray[np.bool_]) -> Iterator[HiddenRegion]:
        if self._channels is None:
            yield HiddenRegion(~hidden, (hidden,))
            return
        for channel in range(self._channels):
            keep = np.ones((self._channels, *hidden.shape), bool)
            keep[channel] = ~hidden
            yield HiddenRegion(keep, (channel, hidden))


def weights_of(windows: Windows, aggregate: str) -> Float64Array:
    """The sum of the windows' weights at each position, by which a mean is divided; 1 where there is none."""
    if aggregate == "sum":
        return np.ones(windows.size)
    sums = []
    for length, spans, bells in zip(windows.size, windows.axes, _bells(windows, aggregate), strict=True):
        total = np.zeros(length)
        for (start, end), bell in zip(spans, bells, strict=True):
            total[start:end] += bell
        sums.append(total)
    weights: Float64Array = reduce(np.multiply.outer, sums)
    return np.where(weights == 0, 1.0, weights)


def resized_maps(maps: FloatArray, size: tuple[int, ...], aggregate: str) -> FloatArray:
    """The maps in the size of the input, where the aggregate needs it."""
    return resized(maps, size, aggregate) if aggregate in ("nearest", "bicubic") else maps


def _bells(windows: Windows, aggregate: str) -> list[list[Float64Array]]:
    """The weights of each window along each axis; a window that is cut off has its part of the bell."""
    return [
        [_bell(length, stride, index, span, windows.edges, aggregate) for index, span in enumerate(spans)]
        for length, stride, spans in zip(windows.window, windows.stride, windows.axes, strict=True)
    ]


def _bell(length: int, stride: int, index: int, span: tuple[int, int], edges: str, aggregate: str) -> Float64Array:
    start, end = span
    if aggregate != "gaussian":
        return np.ones(end - start)
    whole_start = index * stride - length // 2 if edges == "clip" else start
    centre = whole_start + (length - 1) / 2
    bell: Float64Array = np.exp(-(((np.arange(start, end) - centre) / (_BELL * length)) ** 2) / 2)
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
    def are_given(self) -> bool:
        """Whether they are known before the images."""
        return self._function is None

    @property
    def recorded(self) -> str:
        """What a summary keeps."""
        if self._numbers is None:
            return getattr(self._function, "__name__", "function")
        return f"given ({digest_of_array(self._numbers).hex()})"

    def of(self, images: FloatArray) -> list[NDArray[np.int64]]:
        """The segments (...) of each image (N, C, ...).

        Raises:
            ValueError: segments of another size than the images.
        """
        size = images.shape[2:]
        if self._numbers is None:
            return [self._found(image, size) for image in images]
        if self._numbers.shape not in (size, (len(images), *size)):
            raise ValueError(f"`segments` must have shape {size} or {(len(images), *size)}, got {self._numbers.shape}")
        return list(np.broadcast_to(self._numbers, (len(images), *size)))

    def _found(self, image: FloatArray, size: tuple[int, ...]) -> NDArray[np.int64]:
        assert self._function is not None
        found = _whole_numbers(without_tensor(self._function(image.copy())))
        if found.shape != size:
            raise ValueError(f"`segments` must give shape {size} for an image, gave {found.shape}")
        return found


def _whole_numbers(given: Any) -> NDArray[np.int64]:
    numbers = np.asarray(given)
    if numbers.dtype.kind not in "iub":
        raise TypeError(f"`segments` must be whole numbers or a function, got {type(given).__name__} {numbers.dtype}")
    return numbers.astype(np.int64)
