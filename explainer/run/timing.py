"""How long a call takes, of which only the first batches are made where there are many."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from explainer.perturb.engine import watched

_LEAST_LAPS = 6  # batches; the first ones prepare, as sessions for windows that come with the third
_MOST_CALLS = 7
_LONG_ENOUGH = 0.5  # seconds, beyond which neither batches nor calls are waited for that are not needed
_TOO_LONG = 2.0  # seconds, beyond which a call is not repeated at all


class _Enough(BaseException):
    """Ends a call that has been watched for long enough; nobody's `except Exception` takes it."""


class Timer:
    """Times calls.

    Args:
        calls: how often a call is made, unless it takes long: all before the last of them prepare.
        clock: seconds from some moment on.
    """

    def __init__(self, calls: int = 2, clock: Callable[[], float] = time.perf_counter) -> None:
        self._calls = calls
        self._clock = clock

    def once(self, call: Callable[[], object]) -> float:
        """Seconds of one call."""
        start = self._clock()
        call()
        return self._clock() - start

    def seconds(self, call: Callable[[], object]) -> float:
        """Seconds of a usual call."""
        return self._usual(self._taken(call, []))

    def seconds_in_part(self, call: Callable[[], object], passes: float) -> float:
        """Seconds of a call of so many passes through the engine, ended after some batches where there are more."""
        laps = _Laps(self._clock)
        try:
            with watched(laps):
                whole = self.once(call)
        except _Enough:
            return laps.seconds_of(passes)
        return self._usual(self._taken(call, [whole]))

    def _taken(self, call: Callable[[], object], taken: list[float]) -> list[float]:
        """Seconds of each of some calls."""
        while len(taken) < _MOST_CALLS:
            if taken and sum(taken) >= (_TOO_LONG if len(taken) < self._calls else _LONG_ENOUGH):
                break
            taken.append(self.once(call))
        return taken

    def _usual(self, taken: list[float]) -> float:
        """The median of those that came after what prepares; of fewer calls the last."""
        return median(taken[self._calls - 1 :] or taken[-1:])


class _Laps:
    """Notes when batches of the engine were done; ends the call when there are enough of them. It begins now."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = clock()
        self._ends: list[float] = []
        self._counts: list[int] = []

    def __call__(self, count: int) -> None:
        self._ends.append(self._clock())
        self._counts.append(count)
        if len(self._ends) >= _LEAST_LAPS and self._ends[-1] - self._start >= _LONG_ENOUGH:
            raise _Enough

    def seconds_of(self, passes: float) -> float:
        """Of a call of so many passes: the first batch as it was, each further image as in the median later batch."""
        durations = [end - start for start, end in pairwise(self._ends)]
        each = [seconds / count for seconds, count in zip(durations, self._counts[1:], strict=True)]
        steady = median(each[len(each) // 2 :])
        return self._ends[0] - self._start + max(0.0, passes - self._counts[0]) * steady
