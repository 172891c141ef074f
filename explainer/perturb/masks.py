"""Keep masks, one after another: sliding windows, random grids, coalitions of the cells of a grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from explainer.resizing import interpolation

Mask = NDArray[np.float32]
Size = tuple[int, int]


def starts(length: int, window: int, stride: int) -> list[int]:
    """Where windows start on an axis; the last is aligned to the end, so that every pixel is covered.

    >>> starts(10, 4, 3)
    [0, 3, 6]
    >>> starts(11, 4, 3)
    [0, 3, 6, 7]
    """
    regular = list(range(0, length - window + 1, stride))
    return regular if regular[-1] + window == length else [*regular, length - window]


def coverage(length: int, window: int, stride: int) -> NDArray[np.int64]:
    """How many windows cover each place of an axis.

    >>> coverage(5, 3, 1).tolist()
    [1, 2, 3, 2, 1]
    """
    counts = np.zeros(length, np.int64)
    for start in starts(length, window, stride):
        counts[start : start + window] += 1
    return counts


def windows(size: Size, window: Size, stride: Size) -> Iterator[Mask]:
    """Masks that hide one window each, row by row."""
    for top in starts(size[0], window[0], stride[0]):
        for left in starts(size[1], window[1], stride[1]):
            keep = np.ones(size, np.float32)
            keep[top : top + window[0], left : left + window[1]] = 0
            yield keep


def random_grids(stream: np.random.Generator, size: Size, grid: Size, probability: float) -> Iterator[Mask]:
    """Endless soft masks: random binary grids, enlarged linearly and shifted by up to one cell; mean = probability.

    Source: Petsiuk et al. 2018, "RISE", section 3.2: a grid (h, w) is enlarged to ((h + 1) * cell height, (w + 1) *
    cell width), cell = ceil(H / h), and cropped to (H, W) at a place drawn from 0 to one cell.
    """
    cell = [-(-pixels // places) for pixels, places in zip(size, grid, strict=True)]
    rows, columns = (
        interpolation(places, (places + 1) * pixels).astype(np.float32)
        for places, pixels in zip(grid, cell, strict=True)
    )
    while True:
        shown = (stream.random(grid) < probability).astype(np.float32)
        top, left = (int(stream.integers(0, pixels + 1)) for pixels in cell)
        yield rows[top : top + size[0]] @ shown @ columns[left : left + size[1]].T


def grid_cells(size: Size, grid: Size) -> NDArray[np.int64]:
    """The number of the grid's cell to which each pixel belongs, (H, W); cells differ by at most one pixel a side.

    >>> grid_cells((2, 5), (1, 2)).tolist()
    [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]
    """
    rows, columns = (
        np.repeat(np.arange(places), [len(part) for part in np.array_split(np.arange(pixels), places)])
        for pixels, places in zip(size, grid, strict=True)
    )
    cells: NDArray[np.int64] = rows[:, None] * grid[1] + columns[None, :]
    return cells
