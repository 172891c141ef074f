"""A run that workers share, as the one sees it who gives out its samples and puts it together at the end."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from explainer.errors import WorkerError
from explainer.run.coordinator import Coordinator, Share
from explainer.run.failure import Failure
from explainer.run.one_run import RunResult
from explainer.run.parts import Part, Parts
from explainer.run.progress import RunBar
from explainer.run.worker import Assignment
from explainer.summary.sample_index import iter_samples

_MOST_DEATHS = 3  # of a worker that completes no sample in between
_LOG = logging.getLogger("explainer")


class SharedRun:
    """What is known of a run while workers are at it.

    Args:
        parts: their folders.
        found: what lies there.
        count: how many work at a time.
        progress: show a bar; None: only on a terminal.

    Attributes:
        coordinator: knows which samples are left.
    """

    def __init__(self, parts: Parts, found: Sequence[Part], count: int, progress: bool | None) -> None:
        self._parts = parts
        self._found = found
        self._count = count
        self._progress = progress
        self.coordinator = Coordinator(count, {part.name: part.done for part in found})
        self._started = time.monotonic()
        self._bar: RunBar | None = None
        self._deaths: Counter[str] = Counter()
        self._told: set[str] = set()
        self._weights: tuple[str, str] | None = None
        self._maps: dict[str, int] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    @property
    def is_done(self) -> bool:
        """Whether all of the dataset is in parts that have ended, so that only their merge is left."""
        orders = [part.order for part in self._found if part.has_ended]
        if not self._found or len(orders) < len(self._found) or orders[0] is None:
            return False
        return orders[0].samples == self.coordinator.done

    @property
    def names(self) -> list[str]:
        """Of the workers: those that have not ended, and as many new ones as are missing then."""
        known = {part.name for part in self._found}
        left = [part.name for part in self._found if not part.has_ended]
        new = (name for name in (f"worker-{number}" for number in range(len(known) + self._count)) if name not in known)
        return left + [next(new) for _ in range(self._count - len(left))]

    @property
    def done(self) -> int:
        """How many samples are complete, or were left out."""
        return self.coordinator.done

    def assignment(self, name: str) -> Assignment:
        """What a worker is to do."""
        folder = self._parts.place(name)
        return Assignment(name, folder, self.coordinator.done_by(name), _LOG.getEffectiveLevel())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """A bar shows how far it is, as soon as a worker asks for samples."""
        try:
            yield
        finally:
            if self._bar is not None:
                self._bar.close()

    def weigh(self, name: str, weights: str) -> None:
        """ValueError where a worker has made a network with other weights than the one before it."""
        first, known = self._weights or (name, weights)
        self._weights = first, known
        if weights != known:
            raise ValueError(
                f"each worker makes the network for itself, and {_spoken(name)} has other weights ({weights[:8]}) "
                f"than {_spoken(first)} ({known[:8]}): load them from a checkpoint (--checkpoint), or fix the seed by "
                "which they are drawn (mindspore.set_seed)"
            )

    def claim(self, name: str, start: int, total: int | None, most: int) -> Share:
        """What a worker is to work on next."""
        share = self.coordinator.claim(name, start, total, most)
        if self._bar is None:
            self._bar = RunBar(self.coordinator.total, self.coordinator.done, 1.0, self._progress)
        return share

    def note(self, name: str, sample_id: int) -> None:
        """A worker has completed a sample, or left it out."""
        self.coordinator.note(name, sample_id)
        self._deaths[name] = 0
        if self._bar is not None:
            self._bar.sample_done()

    def log(self, name: str, level: int, text: str) -> None:
        """What a worker has to say; once, where others say the same."""
        if text not in self._told:
            self._told.add(text)
            _LOG.log(level, "%s: %s", _spoken(name), text)

    def ended(self, name: str, result: RunResult) -> None:
        """A worker has found no more samples."""
        self._maps[name] = result.maps
        for part, seconds in result.seconds_of.items():
            self._seconds[part] += seconds

    def failed(self, name: str, failure: Failure) -> None:
        """Raises the error that has ended a worker's run."""
        raise failure.error(f"{_spoken(name)} of {self._count}")

    def died(self, name: str, how: str) -> None:
        """A worker's process has ended in the midst of its work; WorkerError where it does that again and again."""
        self._deaths[name] += 1
        at = self.coordinator.at(name)
        where = "before its first sample" if at is None else f"at sample {at}"
        if self._deaths[name] > _MOST_DEATHS:
            raise WorkerError(
                f"{_spoken(name)} {how} {where}, {self._deaths[name]} times in a row. Give a worker more memory (fewer "
                "of them), or leave the sample out; what is complete stays, and resume=True (--resume) goes on from "
                "there"
            )
        _LOG.warning("%s %s %s; it is started again, and goes on there", _spoken(name), how, where)

    def result(self) -> RunResult:
        """The parts become one run; what was written, and where."""
        parts = self._parts.all()
        maps = sum(self._maps[part.name] if part.name in self._maps else _maps_in(part) for part in parts)
        files = self._parts.merge()
        return RunResult(
            summary_dir=self._parts.summary_dir,
            event_file=files.event_file,
            data_dir=files.data_dir,
            samples=sum(len(part.complete) for part in parts),
            skipped=sum(len(part.skipped) for part in parts),
            maps=maps,
            seconds=time.monotonic() - self._started,
            resumed=sum(len(part.complete) for part in self._found),
            seconds_of=dict(self._seconds),
        )


def _spoken(name: str) -> str:
    return name.replace("-", " ")


def _maps_in(part: Part) -> int:
    return sum(len(sample.maps) for sample in iter_samples(part.folder))
