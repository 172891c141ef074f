"""The samples of a run by their places in it, whether they are in memory or are read when they are asked for."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from explainer.summary.reader import SampleView


class OrderedSamples:
    """Samples in the order of a mapping, which is that of their numbers.

    Args:
        samples: by number.
    """

    def __init__(self, samples: Mapping[int, SampleView]) -> None:
        self._samples = samples
        self._numbers = array("q", samples)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[SampleView]:
        return iter(self._samples.values())

    def __getitem__(self, index: int) -> SampleView:
        return self._samples[self._numbers[index]]

    def index_of(self, sample_id: int) -> int | None:
        """The place of the sample with this number; None where there is none."""
        index = bisect_left(self._numbers, sample_id)
        return index if index < len(self._numbers) and self._numbers[index] == sample_id else None
