"""How long a run is at each of its parts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

_Entry = TypeVar("_Entry")


class Part(NamedTuple):
    """A part of a run.

    Attributes:
        kind: "prediction" (with what is read for it), "saliency", "metric", "job" or "writing".
        name: of the method, the metric or the job.
    """

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.name) if part)


PREDICTION, WRITING = Part("prediction"), Part("writing")


class Stopwatch:
    """Counts the seconds of each part; inside of another part, the inner one's alone.

    Args:
        clock: seconds from some moment on.

    Attributes:
        seconds: by part.
        on_part: called with each part that begins, or goes on.

    >>> watch = Stopwatch(iter([0.0, 1.0, 4.0, 6.0]).__next__)
    >>> with watch.at(Part("metric", "ROAD")):
    ...     with watch.at(Part("saliency", "RISE")):
    ...         pass
    >>> {part.name: seconds for part, seconds in watch.seconds.items()}
    {'ROAD': 3.0, 'RISE': 3.0}
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._parts: list[Part] = []
        self._since = 0.0
        self.seconds: dict[Part, float] = defaultdict(float)
        self.on_part: Callable[[Part], object] | None = None

    def reset(self) -> None:
        """Nothing is counted any more of what was."""
        self.seconds.clear()

    @contextmanager
    def at(self, part: Part) -> Iterator[None]:
        """The part goes on."""
        self._note()
        self._begin(part)
        try:
            yield
        finally:
            self._note()
            self._parts.pop()
            if self._parts:
                self._tell(self._parts[-1])

    def over(self, entries: Iterable[_Entry], part: Part) -> Iterator[_Entry]:
        """The entries, of which each is made by the part."""
        waiting = iter(entries)
        while True:
            with self.at(part):
                try:
                    entry = next(waiting)
                except StopIteration:
                    return
            yield entry

    def _begin(self, part: Part) -> None:
        self._parts.append(part)
        self._tell(part)

    def _tell(self, part: Part) -> None:
        if self.on_part is not None:
            self.on_part(part)

    def _note(self) -> None:
        """Counts for the part that went on until now."""
        now = self._clock()
        if self._parts:
            self.seconds[self._parts[-1]] += now - self._since
        self._since = now
