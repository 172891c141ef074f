"""Where in each value a hidden window is felt, along one axis, for every place that the window can have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """Which inputs an output is made of, along an axis: `extent` of them from `output * stride - before` on."""

    extent: int = 1
    stride: int = 1
    before: int = 0


SAME_PLACE = Reach()
"""That of an operator that computes each number from those at the same place."""


@dataclass(frozen=True, eq=False)
class Span:
    """A part of an axis, of one length, that has all that changes.

    Attributes:
        size: of the axis.
        changed: (first, last) index that changes for each place of the window, (2, places).
        length: of the part.
        starts: where it begins for each place, (places,).

    >>> window = Span.of_windows(2, 6)
    >>> window.starts.tolist()
    [0, 1, 2, 3, 4]
    >>> felt = window.behind(Reach(extent=3, stride=2, before=1), 3)
    >>> felt.length, felt.starts.tolist()
    (2, [0, 0, 1, 1, 1])
    """

    size: int
    changed: Indices
    length: int
    starts: Indices

    @classmethod
    def of_windows(cls, length: int, size: int) -> Span:
        """The windows of this length themselves, at every place of the axis."""
        first = np.arange(size - length + 1)
        return cls._around(np.stack([first, first + length - 1]), size)

    @classmethod
    def _around(cls, changed: Indices, size: int) -> Span:
        length = int((changed[1] - changed[0]).max()) + 1
        return cls(size, changed, length, np.minimum(changed[0], size - length))

    def behind(self, reach: Reach, size: int) -> Span:
        """What is felt behind an operator whose output has this size."""
        first = -(-(self.changed[0] + reach.before - reach.extent + 1) // reach.stride)
        last = (self.changed[1] + reach.before) // reach.stride
        first = np.clip(first, 0, size - 1)
        return Span._around(np.stack([first, np.clip(last, first, size - 1)]), size)

    @classmethod
    def joined(cls, spans: Iterable[Span]) -> Span:
        """What is felt where several values, of axes of the same size, meet."""
        several = list(spans)
        first = np.min([span.changed[0] for span in several], axis=0)
        last = np.max([span.changed[1] for span in several], axis=0)
        return cls._around(np.stack([first, last]), several[0].size)

    def is_at(self, other: Span) -> bool:
        """Whether both parts lie in the same place, wherever the window is."""
        return self.length == other.length and np.array_equal(self.starts, other.starts)


Region = tuple[Span, Span]
"""The rows and the columns of a map."""


def are_alike(one: Region, other: Region) -> bool:
    """Whether both regions lie in the same place, wherever the window is."""
    return all(mine.is_at(theirs) for mine, theirs in zip(one, other, strict=True))
