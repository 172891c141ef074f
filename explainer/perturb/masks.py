"""Where images are hidden: sliding windows, random grids, the cells of a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, Mask
from explainer.resizing import interpolation

Span = tuple[int, int]

_LATTICE = np.array([0.7548776662466927, 0.5698402909980532])  # 1 / g and 1 / g^2, where g^3 = g + 1

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
    soft = _SoftMasks(size, grid)
    while True:
        shown = (stream.random(grid) < probability).astype(np.float32)
        yield soft.enlarged(shown, soft.shift(stream))


def orthogonal_block(grid: tuple[int, int]) -> int:
    """How many masks of `orthogonal_grids` are balanced together: twice the power of 2 that the cells fit into."""
    return 2 << (prod(grid) - 1).bit_length()


def orthogonal_grids(stream: np.random.Generator, size: tuple[int, int], grid: tuple[int, int]) -> Iterator[Mask]:
    """Endless soft masks, each as likely as any of `random_grids` with probability 1/2, of `orthogonal_cells`.

    A grid and its complement have the same shift, and shifts are spread evenly.
    """
    soft = _SoftMasks(size, grid)
    for shift, shown in zip(soft.even_shifts(stream), orthogonal_cells(stream, grid), strict=False):
        yield soft.enlarged(shown, shift)
        yield soft.enlarged(1 - shown, shift)


def orthogonal_cells(stream: np.random.Generator, grid: tuple[int, int]) -> Iterator[FloatArray]:
    """Endless binary grids (h, w), which with their complements are balanced in blocks, of one half of a block each.

    In a block any three cells are shown in all eight combinations equally often. So neither the mean of a score, nor
    what cells add to it one by one or in twos, makes noise in what another cell adds. The columns of a Hadamard matrix
    that are the cells are drawn for each block, and which of them are turned round; its rows come in any order.

    Source: Owen 1992, "Orthogonal Arrays for Computer Experiments, Integration and Visualization", for randomised
    orthogonal arrays; Box and Hunter 1961, "The 2^(k-p) Fractional Factorial Designs", for complements (fold-over).
    """
    order, count = orthogonal_block(grid) // 2, prod(grid)
    while True:
        columns, turned = stream.permutation(order)[:count], stream.integers(0, 2, count)
        for row in stream.permutation(order):
            yield (_parity(columns & row) ^ turned).reshape(grid).astype(np.float32)


def _parity(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whether there is an odd number of ones in the binary digits; of row & column an entry of a Hadamard matrix."""
    for digits in (32, 16, 8, 4, 2, 1):
        numbers = numbers ^ (numbers >> digits)
    return numbers & 1


class _SoftMasks:
    """Binary grids (h, w) enlarged linearly to masks (H, W)."""

    def __init__(self, size: tuple[int, int], grid: tuple[int, int]) -> None:
        self._size = size
        self._cell = [-(-pixels // positions) for pixels, positions in zip(size, grid, strict=True)]
        self._rows, self._columns = (
            interpolation(positions, (positions + 1) * pixels).astype(np.float32)
            for positions, pixels in zip(grid, self._cell, strict=True)
        )

    def shift(self, stream: np.random.Generator) -> tuple[int, int]:
        """Drawn from 0 to one cell on each axis."""
        top, left = (int(stream.integers(0, pixels + 1)) for pixels in self._cell)
        return top, left

    def even_shifts(self, stream: np.random.Generator) -> Iterator[tuple[int, int]]:
        """Endless shifts, each as likely as any, that fill the cell evenly: a lattice from a place that is drawn.

        Source: Roberts 2018, "The Unreasonable Effectiveness of Quasirandom Sequences", the sequence R2.
        """
        place = stream.random(2)
        while True:
            top, left = (int(part * (pixels + 1)) for part, pixels in zip(place, self._cell, strict=True))
            yield top, left
            place = (place + _LATTICE) % 1

    def enlarged(self, shown: FloatArray, shift: tuple[int, int]) -> Mask:
        """The mask of a grid, 1 = shown, at a shift."""
        top, left = shift
        return self._rows[top : top + self._size[0]] @ shown @ self._columns[left : left + self._size[1]].T


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
