"""The area that boxes cover together."""

from __future__ import annotations

from collections.abc import Iterable

Box = tuple[int, int, int, int]


def covered_pixels(boxes: Iterable[Box], width: int, height: int) -> int:
    """How many pixels of an image boxes cover together, each once; in n log n steps, however large the image is.

    A line sweeps over the image from left to right; a tree of intervals knows how much of it is inside a box.

    Args:
        boxes: (x, y, width, height) in pixels; what is beyond the border does not count.
        width: of the image.
        height: of the image.

    >>> covered_pixels([(0, 0, 4, 4), (2, 2, 4, 4), (8, 6, 9, 9)], width=10, height=8)
    32
    """
    sides = sorted(_sides(boxes, width, height))
    line = _Line(sorted({end for _, _, low, high in sides for end in (low, high)}))
    area, before = 0, 0
    for x, change, low, high in sides:
        area += (x - before) * line.covered
        before = x
        line.change(low, high, change)
    return area


def _sides(boxes: Iterable[Box], width: int, height: int) -> Iterable[tuple[int, int, int, int]]:
    """For the left and the right side of each box where it is, 1 or -1, and from where to where it reaches."""
    for x, y, w, h in boxes:
        left, right = max(x, 0), min(x + w, width)
        low, high = max(y, 0), min(y + h, height)
        if left < right and low < high:
            yield left, 1, low, high
            yield right, -1, low, high


class _Line:
    """How much of a line is inside at least one of the intervals that come and go."""

    def __init__(self, ends: list[int]) -> None:
        self._ends = ends
        self._index = {end: index for index, end in enumerate(ends)}
        self._counts = [0] * (4 * len(ends) + 2)  # intervals that hold all of a node
        self._covered = [0] * (4 * len(ends) + 2)  # length of what is covered in a node

    @property
    def covered(self) -> int:
        """The length that is inside."""
        return self._covered[1]

    def change(self, low: int, high: int, change: int) -> None:
        """An interval comes (1) or goes (-1)."""
        self._change(1, 0, len(self._ends) - 1, (self._index[low], self._index[high]), change)

    def _change(self, node: int, start: int, stop: int, interval: tuple[int, int], change: int) -> None:
        if interval[1] <= start or stop <= interval[0]:
            return
        if interval[0] <= start and stop <= interval[1]:
            self._counts[node] += change
        else:
            middle = (start + stop) // 2
            self._change(2 * node, start, middle, interval, change)
            self._change(2 * node + 1, middle, stop, interval, change)
        self._covered[node] = self._length(node, start, stop)

    def _length(self, node: int, start: int, stop: int) -> int:
        if self._counts[node]:
            return self._ends[stop] - self._ends[start]
        return 0 if stop - start == 1 else self._covered[2 * node] + self._covered[2 * node + 1]
