"""The complete samples of an event file as a mapping, each read when it is asked for."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from contextlib import suppress
from pathlib import Path

from explainer.errors import SummaryReadError
from explainer.summary.reader import SampleView
from explainer.summary.sample_index import SampleIndex, SampleReader, index_of


class StoredSamples(Mapping[int, SampleView]):
    """Samples by their numbers, in rising order; memory holds the one that is looked at.

    Where something else stands at a place of the index, all of the file is read for what there is.

    Args:
        event_file: the file.
        index: of it.
    """

    def __init__(self, event_file: Path, index: SampleIndex) -> None:
        self._event_file = event_file
        self._index = index

    def __getitem__(self, sample_id: int) -> SampleView:
        with suppress(SummaryReadError), SampleReader(self._event_file, self._index) as reader:
            return reader.sample(sample_id)
        self._index = index_of(self._event_file)
        with SampleReader(self._event_file, self._index) as reader:
            return reader.sample(sample_id)

    def __contains__(self, sample_id: object) -> bool:
        return sample_id in self._index.samples

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._index.samples))

    def __len__(self) -> int:
        return len(self._index.samples)

    def __repr__(self) -> str:
        """How many there are, and where."""
        return f"<StoredSamples: {len(self)} of {str(self._event_file)!r}>"

    def values(self) -> ValuesView[SampleView]:
        """The samples, one after another.

        Raises:
            SummaryReadError: when they are read, that the file is not any more what it was.
        """
        return _Values(self)

    def items(self) -> ItemsView[int, SampleView]:
        """The samples with their numbers, as `values` gives them."""
        return _Items(self)

    def all(self) -> Iterator[SampleView]:
        """The samples, of a file that is opened once."""
        with SampleReader(self._event_file, self._index) as reader:
            yield from map(reader.sample, self)


class _Values(ValuesView[SampleView]):
    _mapping: StoredSamples

    def __iter__(self) -> Iterator[SampleView]:
        return self._mapping.all()


class _Items(ItemsView[int, SampleView]):
    _mapping: StoredSamples

    def __iter__(self) -> Iterator[tuple[int, SampleView]]:
        return ((sample.sample_id, sample) for sample in self._mapping.all())
