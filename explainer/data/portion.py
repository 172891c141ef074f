"""A part of a dataset, on whose samples alone a run works, and the order of the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from explainer.checks import require_integer
from explainer.data.batch import Sample
from explainer.digests import DIGEST_SIZE
from explainer.records import DatasetOrder


class Portion(Protocol):
    """Which samples of a dataset a run works on."""

    @property
    def is_known(self) -> bool:
        """Whether that is settled beforehand; else it is told while the run goes on, and nothing is read ahead."""

    @property
    def name(self) -> str:
        """Of the folder that its run is written to."""

    @property
    def recorded(self) -> Mapping[str, Any]:
        """What a summary keeps of it, as JSON values: a run is gone on with by the same portion alone."""

    def has(self, sample_id: int) -> bool:
        """Whether this sample is worked on; of a dataset that is read through each is asked for once, in order."""

    def ids(self, total: int) -> Iterator[int]:
        """The samples that are worked on, in rising order, of a dataset of so many that is read sample by sample."""

    def ends(self, sample_id: int) -> bool:
        """Whether a batch ends with this sample: what comes next is known when it has been worked on."""

    def count(self, total: int | None) -> int | None:
        """How many they are, of so many; None where that is not known."""


@dataclass(frozen=True)
class Shard:
    """One of some equal parts of a dataset: every so-manieth sample. It need not be known how many samples there are.

    Attributes:
        index: which part, from 0.
        parts: how many there are.

    Raises:
        TypeError, ValueError: no whole numbers, or not 0 <= index < parts.

    >>> shard = Shard(1, 3)
    >>> list(shard.ids(8)), shard.count(8), shard.has(3)
    ([1, 4, 7], 3, False)
    """

    index: int
    parts: int
    is_known: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_integer("shard[1]", self.parts, 1)
        require_integer("shard[0]", self.index, 0, self.parts - 1)

    @property
    def name(self) -> str:
        """Of the folder that its run is written to.

        >>> Shard(3, 16).name
        'shard-3-of-16'
        """
        return f"shard-{self.index}-of-{self.parts}"

    @property
    def recorded(self) -> dict[str, int]:
        """What a summary keeps of it."""
        return {"index": self.index, "count": self.parts}

    def has(self, sample_id: int) -> bool:
        """Whether this sample is in it."""
        return sample_id % self.parts == self.index

    def ids(self, total: int) -> Iterator[int]:
        """Its samples, of so many."""
        return iter(range(self.index, total, self.parts))

    def ends(self, sample_id: int) -> bool:
        """Batches go on as long as they have room."""
        return False

    def count(self, total: int | None) -> int | None:
        """How many samples it has, of so many; None where that is not known."""
        return None if total is None else len(range(self.index, total, self.parts))


class PartReading:
    """A dataset that is read for the sake of some of its samples; the order of all is noted.

    Args:
        portion: the samples that are worked on.

    Attributes:
        order: as the dataset's source tells it; None where it comes of the samples.

    >>> reading = PartReading(Shard(1, 2))
    >>> [reading.takes(Sample(number, np.zeros((1, 2, 2), np.float32), (3,))) for number in range(3)]
    [False, True, False]
    >>> reading.record.samples
    3
    """

    def __init__(self, portion: Portion) -> None:
        self.portion = portion
        self.order: DatasetOrder | None = None
        self._digest = hashlib.blake2b(digest_size=DIGEST_SIZE)
        self._samples = 0

    def takes(self, sample: Sample) -> bool:
        """Whether the next sample of the dataset is worked on."""
        self._digest.update(sample.digest)
        self._digest.update(np.array([len(sample.labels), *sample.labels], np.int64).tobytes())
        self._samples += 1
        return self.portion.has(sample.sample_id)

    @property
    def record(self) -> DatasetOrder:
        """What a summary keeps of the dataset that was read."""
        return self.order or DatasetOrder(self._samples, self._digest.digest())
