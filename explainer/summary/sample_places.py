"""Where the records of each complete sample stand in an event file, in some twenty bytes for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Place(NamedTuple):
    """Where the records of a sample stand.

    Attributes:
        start: where the first one begins.
        end: where the last one ends.
        offsets: of each of them, where something else stands between them; () where they stand together.
    """

    start: int
    end: int
    offsets: Sequence[int] = ()

    def holds(self, offset: int) -> bool:
        """Whether the record at an offset is one of them.

        >>> Place(40, 90).holds(60), Place(40, 90, (40, 70)).holds(60)
        (True, False)
        """
        if not self.offsets:
            return self.start <= offset < self.end
        index = bisect_left(self.offsets, offset)
        return index < len(self.offsets) and self.offsets[index] == offset


class SamplePlaces(Mapping[int, Place]):
    """The places of samples by their numbers, in the order in which they were put; one that is put again moves there.

    >>> places = SamplePlaces()
    >>> for number, start in ((4, 10), (2, 30), (4, 50)):
    ...     places.put(number, Place(start, start + 20))
    >>> list(places.items())
    [(2, Place(start=30, end=50, offsets=())), (4, Place(start=50, end=70, offsets=()))]
    """

    def __init__(self) -> None:
        # Of each place that was ever put, in this order; of those of one number the last counts.
        self._numbers = array("i")
        self._starts = array("q")
        self._ends = array("q")
        self._offsets: dict[int, Sequence[int]] = {}  # of the few whose records do not stand together
        self._removed: set[int] = set()
        self._rising = True  # so that numbers are searched as they are
        self._searched: tuple[NDArray[np.int32], NDArray[np.int64]] | None = None

    @classmethod
    def of_columns(cls, numbers: NDArray[Any], starts: NDArray[Any], ends: NDArray[Any]) -> SamplePlaces:
        """Those that `columns` gives."""
        places = cls()
        for column, values in ((places._numbers, numbers), (places._starts, starts), (places._ends, ends)):
            column.frombytes(values.astype(column.typecode).tobytes())
        places._rising = bool((numbers[1:] > numbers[:-1]).all())
        return places

    def columns(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None:
        """Numbers, starts and ends in order; None where the records of a sample do not stand together."""
        kept = list(self._indices())
        if not self._offsets.keys().isdisjoint(kept):
            return None
        return np.array(self._numbers)[kept], np.array(self._starts)[kept], np.array(self._ends)[kept]

    def put(self, number: int, place: Place) -> None:
        """Puts a sample behind all others."""
        self._removed.discard(self._last(number) if self._removed else -1)
        if place.offsets:
            self._offsets[len(self._numbers)] = place.offsets
        self._rising = self._rising and (not self._numbers or number > self._numbers[-1])
        self._searched = None
        self._numbers.append(number)
        self._starts.append(place.start)
        self._ends.append(place.end)

    def __getitem__(self, number: int) -> Place:
        index = self._index(number)
        return Place(self._starts[index], self._ends[index], self._offsets.get(index, ()))

    def __delitem__(self, number: int) -> None:
        self._removed.add(self._index(number))

    def __contains__(self, number: object) -> bool:
        index = self._last(int(number)) if isinstance(number, int | np.integer) else -1
        return index >= 0 and index not in self._removed

    def __iter__(self) -> Iterator[int]:
        return (self._numbers[index] for index in self._indices())

    def __len__(self) -> int:
        count = len(self._numbers) if self._rising else len(self._sorted()[0])
        return count - len(self._removed)

    def _indices(self) -> Iterator[int]:
        """The indices of those that count, in order."""
        indices = range(len(self._numbers)) if self._rising else np.sort(self._sorted()[1]).tolist()
        return (index for index in indices if index not in self._removed)

    def _index(self, number: int) -> int:
        """The index of a number that is there; KeyError where it is not."""
        index = self._last(number)
        if index < 0 or index in self._removed:
            raise KeyError(number)
        return index

    def _last(self, number: int) -> int:
        """The index of the last place of a number, removed or not; -1 where there never was one."""
        if self._rising:
            place = bisect_left(self._numbers, number)
            return place if place < len(self._numbers) and self._numbers[place] == number else -1
        numbers, indices = self._sorted()
        place = int(np.searchsorted(numbers, number))
        return int(indices[place]) if place < len(numbers) and numbers[place] == number else -1

    def _sorted(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The numbers in order, and the index of the last place of each."""
        if self._searched is None:
            numbers, from_the_end = np.unique(np.array(self._numbers, np.int32)[::-1], return_index=True)
            self._searched = numbers, len(self._numbers) - 1 - from_the_end
        return self._searched
