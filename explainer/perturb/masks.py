"""Where images are hidden: sliding windows, random grids, the cells of a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Mask
from explainer.resizing import interpolation

Span = tuple[int, int]

EDGES = ("cover", "full", "clip")
"""Where windows lie at the borders: see `spans`."""


def spans(length: int, window: int, stride: int, edges: str = "cover") -> list[Span]:
    """Where windows lie on an axis: (start, end) of each.

    Args:
        length: of the axis.
        window: its length, at most that of the axis unless it is clipped.
        stride: from one window to the next.
        edges: "cover": the first starts at 0, the last is moved back to the end, so that it is whole and the end is
            covered. "full": whole windows only, what they leave at the end is not covered. "clip": window i is centred
            at i * stride, its parts beyond the border cut off; an even window reaches one pixel further to the left.

    >>> spans(11, 4, 3)
    [(0, 4), (3, 7), (6, 10), (7, 11)]
    >>> spans(11, 4, 3, "full")
    [(0, 4), (3, 7), (6, 10)]
    >>> spans(11, 4, 3, "clip")
    [(0, 2), (1, 5), (4, 8), (7, 11)]
    """
    if edges == "clip":
        starts = [centre - window // 2 for centre in range(0, length, stride)]
        return [(max(0, start), min(length, start + window)) for start in starts]
    whole = [(start, start + window) for start in range(0, length - window + 1, stride)]
    if edges == "cover" and whole[-1][1] < length:
        whole.append((length - window, length))
    return whole


def coverage(length: int, window: int, stride: int, edges: str = "cover") -> NDArray[np.int64]:
    """How many windows cover each position of an axis.

    >>> coverage(5, 3, 1).tolist()
    [1, 2, 3, 2, 1]
    """
    counts = np.zeros(length, np.int64)
    for start, end in spans(length, window, stride, edges):
        counts[start:end] += 1
    return counts


@dataclass(frozen=True)
class Windows:
    """Windows that slide along every axis.

    Attributes:
        size: of what they slide over, a length per axis.
        window: their own, a length per axis.
        stride: from one to the next, a number per axis.
        edges: where they lie at the borders; see `spans`.

    >>> windows = Windows((2, 3), (2, 2), (1, 1))
    >>> len(windows), windows.grid, list(windows)[1]
    (2, (1, 2), (slice(0, 2, None), slice(1, 3, None)))
    """

    size: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    edges: str = "cover"

    @property
    def axes(self) -> list[list[Span]]:
        """Where they lie on each axis."""
        return [spans(*axis, self.edges) for axis in zip(self.size, self.window, self.stride, strict=True)]

    @property
    def grid(self) -> tuple[int, ...]:
        """How many there are along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def uncovered(self) -> int:
        """How many positions no window covers."""
        counts = [coverage(*axis, self.edges) for axis in zip(self.size, self.window, self.stride, strict=True)]
        return prod(self.size) - prod(int((count > 0).sum()) for count in counts)

    def __len__(self) -> int:
        return prod(self.grid)

    def __iter__(self) -> Iterator[tuple[slice, ...]]:
        """The windows, the last axis fastest."""
        for position in product(*self.axes):
            yield tuple(slice(start, end) for start, end in position)


def random_grids(
    stream: np.random.Generator, size: tuple[int, int], grid: tuple[int, int], probability: float
) -> Iterator[Mask]:
    """Endless soft masks: random binary grids, enlarged linearly and shifted by up to one cell; mean = probability.

    Source: Petsiuk et al. 2018, "RISE", section 3.2: a grid (h, w) is enlarged to ((h + 1) * cell height, (w + 1) *
    cell width), cell = ceil(H / h), and cropped to (H, W) at a position drawn from 0 to one cell.
    """
    cell = [-(-pixels // positions) for pixels, positions in zip(size, grid, strict=True)]
    rows, columns = (
        interpolation(positions, (positions + 1) * pixels).astype(np.float32)
        for positions, pixels in zip(grid, cell, strict=True)
    )
    while True:
        shown = (stream.random(grid) < probability).astype(np.float32)
        top, left = (int(stream.integers(0, pixels + 1)) for pixels in cell)
        yield rows[top : top + size[0]] @ shown @ columns[left : left + size[1]].T


def grid_cells(size: tuple[int, int], grid: tuple[int, int]) -> NDArray[np.int64]:
    """The number of the grid's cell to which each pixel belongs, (H, W); cells differ by at most one pixel a side.

    >>> grid_cells((2, 5), (1, 2)).tolist()
    [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]
    """
    rows, columns = (
        np.repeat(np.arange(positions), [len(part) for part in np.array_split(np.arange(pixels), positions)])
        for pixels, positions in zip(size, grid, strict=True)
    )
    cells: NDArray[np.int64] = rows[:, None] * grid[1] + columns[None, :]
    return cells
