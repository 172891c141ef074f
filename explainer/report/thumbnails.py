"""Small pictures for a grid of many, and what is worked out of a map beside its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explainer.analysis.rank_correlation import centred_ranks
from explainer.arrays import Float64Array, Pixels
from explainer.summary.images import LEVELS

CELL = 64
"""The longest side of a thumbnail in pixels."""
QUANTILES = 101
"""At how many quantiles of one distance a map's values are kept."""
_PLACES = (
    ("upper left", "top", "upper right"),
    ("left", "centre", "right"),
    ("lower left", "bottom", "lower right"),
)


def thumbnail_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the thumbnail of a picture: its own where it is small, else the longest side has CELL.

    >>> thumbnail_size(448, 224), thumbnail_size(5, 7), thumbnail_size(1, 6400)
    ((64, 32), (5, 7), (1, 64))
    """
    scale = min(1.0, CELL / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def picture_thumbnail(pixels: Pixels) -> Pixels:
    """The thumbnail (3, h, w) of a picture: the mean of each block, transparency over white."""
    height, width = thumbnail_size(*pixels.shape[:2])
    image = Image.fromarray(pixels)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BOX)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def map_thumbnail(grey: Pixels, low: float, high: float) -> Pixels:
    """The thumbnail (h, w) of a map in grey values: of each block the value of largest magnitude.

    The mean would make maps of many small values of both signs vanish.

    Args:
        grey: (H, W).
        low: the value of grey 0.
        high: the value of grey 255.
    """
    size = thumbnail_size(*grey.shape)
    if low >= 0:
        return _by_block(grey, size, np.maximum)
    if high <= 0:
        return _by_block(grey, size, np.minimum)
    highest, lowest = _by_block(grey, size, np.maximum), _by_block(grey, size, np.minimum)
    values = np.abs(level_values(low, high))
    thumbnail: Pixels = np.where(values[highest] >= values[lowest], highest, lowest)
    return thumbnail


def _by_block(grey: Pixels, size: tuple[int, int], combined: np.ufunc) -> Pixels:
    """Each block's values combined; blocks share no pixel; as `reduceat`, five times as fast."""
    for axis, count in enumerate(size):
        ends = np.arange(count + 1) * grey.shape[axis] // count
        found = grey.take(ends[:-1], axis)
        for step in range(1, int(np.diff(ends).max())):
            combined(found, grey.take(np.minimum(ends[:-1] + step, ends[1:] - 1), axis), out=found)
        grey = found
    return grey


def level_values(low: float, high: float) -> Float64Array:
    """The value of each grey level, (256,)."""
    return low + np.arange(LEVELS) / (LEVELS - 1) * (high - low)


@dataclass(frozen=True, eq=False)
class MapFacts:
    """What a map shows, worked out of all of its pixels.

    Attributes:
        p99: the least level that 99 % of the values, or of their magnitudes where some are below 0, do not exceed.
        half: the part of the area, the largest magnitudes first, that holds half of the sum of all magnitudes.
        place: which ninth of the map has the largest mean magnitude, in words.
        quantiles: values at QUANTILES quantiles of one distance.
    """

    p99: float
    half: float
    place: str
    quantiles: NDArray[np.float32]


def map_facts(grey: Pixels, thumbnail: Pixels, low: float, high: float) -> MapFacts:
    """The facts of a map in grey values (H, W), whose place is found on its thumbnail."""
    counts = np.array(Image.fromarray(grey).histogram(), np.int64)
    values = level_values(low, high)
    magnitudes = np.abs(values)
    order = np.argsort(magnitudes, kind="stable")
    ends = counts[order].cumsum()
    p99 = magnitudes[order][np.searchsorted(ends, 0.99 * grey.size)]
    middles = (np.arange(QUANTILES) + 0.5) / QUANTILES * grey.size
    quantiles = values[np.searchsorted(counts.cumsum(), middles)].astype(np.float32)
    half = _half(counts[order][::-1], magnitudes[order][::-1])
    return MapFacts(float(p99), half, _place(magnitudes[thumbnail]), quantiles)


def _half(counts: NDArray[np.int64], magnitudes: Float64Array) -> float:
    """The part of the pixels that holds half of the sum, the levels from the largest magnitude down."""
    sums = np.concatenate([[0.0], (counts * magnitudes).cumsum()])
    if not sums[-1] > 0:
        return 1.0
    level = int(np.searchsorted(sums, sums[-1] / 2)) - 1
    within = (sums[-1] / 2 - sums[level]) / magnitudes[level]
    return float((counts[:level].sum() + within) / counts.sum())


def _place(magnitudes: Float64Array) -> str:
    """Which ninth has the largest mean; the first in reading order of equal ones."""
    rows, columns = ((6 * np.arange(count) + 3) // (2 * count) for count in magnitudes.shape)
    ninths = (3 * rows[:, None] + columns).ravel()
    sums, counts = np.bincount(ninths, magnitudes.ravel(), 9), np.bincount(ninths, minlength=9)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), -1)
    row, column = divmod(int(means.argmax()), 3)
    return _PLACES[row][column]


def disagreement(thumbnails: list[Pixels]) -> float:
    """1 - the mean rank correlation (Spearman) over the pairs of maps; nan where no two can be compared.

    Args:
        thumbnails: of one sample and label, by different methods; those of one value rank no pixel and are left out,
            and maps of different sizes are not compared.
    """
    ranked = [_ranks(grey) for grey in thumbnails if _varies(grey)]
    correlations = [
        float(first @ second)
        for index, (first, shape) in enumerate(ranked)
        for second, other in ranked[index + 1 :]
        if shape == other
    ]
    return 1 - sum(correlations) / len(correlations) if correlations else float("nan")


def likeness(pairs: Sequence[tuple[Pixels | None, Pixels | None]]) -> float:
    """The mean rank correlation (Spearman) of the pairs of maps; nan where there is none.

    Args:
        pairs: of thumbnails; pairs of different sizes, with a map of one value or without one are left out.
    """
    found = [
        float(_ranks(first)[0] @ _ranks(second)[0])
        for first, second in pairs
        if first is not None
        and second is not None
        and first.shape == second.shape
        and _varies(first)
        and _varies(second)
    ]
    return math.fsum(found) / len(found) if found else math.nan


def _varies(grey: Pixels) -> bool:
    return bool(grey.min() < grey.max())


def _ranks(grey: Pixels) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """The ranks of all pixels, equal ones sharing theirs, of mean 0 and length 1; and the map's shape."""
    counts = np.bincount(grey.ravel(), minlength=LEVELS)
    ranks = centred_ranks(counts)
    length = np.sqrt((counts * ranks**2).sum())
    return (ranks / length).astype(np.float32)[grey.ravel()], grey.shape
