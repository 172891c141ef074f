"""Who works on which samples, where several workers share a run: ranges, given out as they are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

UNCOUNTED = 16
"""The most samples of a range where nobody knows how many there are."""


class Share(NamedTuple):
    """A range of samples, and which of them a worker is to work on.

    Attributes:
        stop: the first sample behind the range.
        samples: in rising order; the others are complete elsewhere.
    """

    stop: int
    samples: tuple[int, ...]


class Coordinator:
    """Gives out the samples of a run in ranges; a range stays with the worker that it was given to.

    So a worker that has died and begins anew is given what it had, and goes on in its folder. Ranges are as large as a
    batch as long as many samples are left, and smaller towards the end, when one worker would keep the others waiting.

    Args:
        workers: how many work at a time.
        done: the samples that are complete, or were left out, by the worker whose folder has them.

    >>> coordinator = Coordinator(2, {"a": [9], "b": [1, 2]})
    >>> [coordinator.claim(worker, 0, 20, 4) for worker in ("a", "b")]
    [Share(stop=3, samples=(0,)), Share(stop=5, samples=(3, 4))]
    >>> coordinator.claim("a", 3, 20, 4)
    Share(stop=7, samples=(5, 6))
    """

    def __init__(self, workers: int, done: Mapping[str, Collection[int]] | None = None) -> None:
        self._workers = workers
        self._done = {sample: worker for worker, samples in (done or {}).items() for sample in samples}
        self._given: dict[str, list[range]] = defaultdict(list)
        self._left: Iterator[range] | None = None
        self.total: int | None = None

    @property
    def done(self) -> int:
        """How many samples are complete, or were left out."""
        return len(self._done)

    def done_by(self, worker: str) -> list[int]:
        """The samples that a worker's folder has, in rising order."""
        return sorted(sample for sample, owner in self._done.items() if owner == worker)

    def claim(self, worker: str, start: int, total: int | None, most: int) -> Share:
        """What a worker is to work on next.

        Args:
            worker: who asks.
            start: the sample from which on it can still work.
            total: how many samples there are; None where nobody knows.
            most: how many it works on at a time.
        """
        span = next((span for span in self._given[worker] if span.stop > start), None)
        if span is None:
            span = self._new(total, most)
            self._given[worker].append(span)
        return Share(span.stop, tuple(sample for sample in span if self._done.get(sample, worker) == worker))

    def note(self, worker: str, sample_id: int) -> None:
        """A worker has completed a sample, or left it out."""
        self._done[sample_id] = worker

    def at(self, worker: str) -> int | None:
        """The first sample that a worker was given and has not completed; None where there is none."""
        return next((sample for span in self._given[worker] for sample in span if sample not in self._done), None)

    def _new(self, total: int | None, most: int) -> range:
        if self._left is None:
            self.total = total
            self._left = ranges(total, self._workers, most)
        return next(self._left)


def ranges(total: int | None, workers: int, most: int) -> Iterator[range]:
    """The samples from 0 on, cut, and on beyond the last: who reads finds out where the data end.

    A range has at most `most` samples, and at most a part of those that are left, so that at the end all workers are
    ready at about the same time.

    >>> cut = ranges(40, 2, 4)
    >>> [len(next(cut)) for _ in range(20)]
    [4, 4, 4, 4, 4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    start = 0
    while True:
        most_now = UNCOUNTED if total is None else max(1, (total - start) // (_PARTS * workers))
        size = min(most, most_now)
        yield range(start, start + size)
        start += size


_PARTS = 3  # of what is left for each worker: a range is at most one of them
