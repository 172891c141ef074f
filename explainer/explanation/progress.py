"""How far a long explanation has come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_LOG = logging.getLogger("explainer")
_LONG = 60.0  # seconds; what takes longer is warned of


class ProgressReporter:
    """Tells once, early, when an explanation will take long, and after each batch how far it has come.

    Args:
        name: of the method.
        on_progress: called with the number of parts that are done and of all.

    Raises:
        TypeError: `on_progress` is no function.
    """

    def __init__(self, name: str, on_progress: Callable[[int, int], None] | None) -> None:
        if on_progress is not None and not callable(on_progress):
            raise TypeError(f"`on_progress` must be a function, got {type(on_progress).__name__}")
        self._name = name
        self._on_progress = on_progress
        self._warned = False

    def of(self, total: int) -> Progress:
        """The progress of an explanation of so many parts."""
        return Progress(self, total)

    def tell(self, done: int, total: int) -> None:
        """Calls the user's function."""
        if self._on_progress is not None:
            self._on_progress(done, total)

    def warn_if_slow(self, seconds: float, total: int) -> None:
        """Warns, the first time, that an explanation will take so long, if that is long."""
        if seconds > _LONG and not self._warned:
            self._warned = True
            _LOG.warning(
                "%s: %d parts to be hidden, one after another, take about %.1f minutes; larger strides or fewer "
                "segments take less",
                self._name,
                total,
                seconds / 60,
            )


class Progress:
    """The progress of one explanation; `add` is called after each batch."""

    def __init__(self, reporter: ProgressReporter, total: int) -> None:
        self._reporter = reporter
        self._total = total
        self._done = 0
        self._since: tuple[float, int] | None = None

    def add(self, count: int) -> None:
        """Counts a batch of so many parts. From the second one the time is estimated: the first prepares much."""
        now = time.perf_counter()
        self._done += count
        if self._since is None:
            self._since = now, self._done
        elif self._done < self._total:
            start, done = self._since
            self._reporter.warn_if_slow((now - start) / (self._done - done) * (self._total - done), self._total)
        self._reporter.tell(self._done, self._total)
