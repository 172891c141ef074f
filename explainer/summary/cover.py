"""Which sample of a dataset lies in which of several runs: each in one of them, or it is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

_FEW = 5  # samples that a message names


class Cover:
    """The samples of several runs, in rising order, with the run that each lies in.

    Args:
        samples: the numbers of those of each run, in any order.

    >>> cover = Cover([np.array([4, 0]), np.array([1])])
    >>> list(cover), list(cover.gaps(6)), cover.missing(6)
    ([(0, 0), (1, 1), (4, 0)], [2, 3, 5], 3)
    """

    def __init__(self, samples: Sequence[NDArray[np.int64]]) -> None:
        owners = np.repeat(np.arange(len(samples)), [len(ids) for ids in samples])
        ids = np.concatenate(samples)
        order = np.argsort(ids, kind="stable")
        self._ids, self._owners = ids[order], owners[order]

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for sample_id, owner in zip(self._ids, self._owners, strict=True):
            yield int(sample_id), int(owner)

    @property
    def doubles(self) -> list[tuple[int, int, int]]:
        """Each sample that lies in two runs, and which; in more than two: each next to another."""
        again = np.flatnonzero(self._ids[1:] == self._ids[:-1])
        rows = self._ids[again], self._owners[again], self._owners[again + 1]
        return list(zip(*(row.tolist() for row in rows), strict=True))

    def beyond(self, count: int) -> tuple[int, int] | None:
        """A sample that none of so many is, and its run; None where there is none."""
        ends = [0, -1] if len(self) else []
        found = ((int(self._ids[end]), int(self._owners[end])) for end in ends)
        return next((one for one in found if not 0 <= one[0] < count), None)

    def missing(self, count: int) -> int:
        """How many of so many samples lie in no run, where none lies in two."""
        return count - len(self)

    def gaps(self, count: int) -> Iterator[int]:
        """Those samples, of so many, that lie in no run."""
        edges = np.concatenate([[-1], self._ids, [count]])
        for at in np.flatnonzero(np.diff(edges) > 1):
            yield from range(int(edges[at]) + 1, int(edges[at + 1]))


def some_of(numbers: Iterable[int], count: int) -> str:
    """The first few of so many numbers.

    >>> some_of([3, 5], 2), some_of(range(9), 9)
    ('3, 5', '0, 1, 2, 3, 4 and 4 more')
    """
    more = f" and {count - _FEW} more" if count > _FEW else ""
    return ", ".join(map(str, islice(numbers, _FEW))) + more
