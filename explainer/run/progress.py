"""The bar of a run: samples, what is worked on, rate and time left, from the first sample on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from tqdm.auto import tqdm

from explainer.perturb.engine import watched
from explainer.run.stopwatch import Part, Stopwatch

_INTERVAL = 0.1  # seconds from one showing to the next
_NEARLY = 0.99  # of a sample, however many images went through the network, before it is done


class _Samples(float):
    """How many are done; shown without the part of the next one."""

    def __str__(self) -> str:
        return str(int(self))


class RunBar:
    """A progress bar that moves inside of a sample, too: by the images that went through the network for it.

    Args:
        total: samples; None where their number is not known.
        done: of them before the run.
        passes: that a sample is expected to need.
        shown: None: only on a terminal.
        clock: seconds from some moment on.
    """

    def __init__(
        self,
        total: int | None,
        done: int,
        passes: float,
        shown: bool | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._done = done
        self._passes = max(1.0, passes)
        self._of_sample = 0
        self._clock = clock
        self._shown_at = clock()
        disable = None if shown is None else not shown
        self._bar: Any = tqdm(total=total, initial=done, desc="explaining", unit="image", disable=disable)

    def sample_done(self) -> None:
        """A sample is complete, or was left out."""
        self._done += 1
        self._of_sample = 0
        self._show()

    def evaluated(self, images: int) -> None:
        """So many images went through the network."""
        self._of_sample += images
        self._show()

    def at(self, part: Part) -> None:
        """The part is worked on from now on."""
        self._bar.set_postfix_str(part.name or part.kind, refresh=False)
        self._show()

    def close(self) -> None:
        """The last state stays on the terminal."""
        self._bar.n = _Samples(self._done)
        self._bar.set_postfix_str("", refresh=False)
        self._bar.close()

    def _show(self) -> None:
        now = self._clock()
        if now - self._shown_at >= _INTERVAL:
            self._shown_at = now
            self._bar.n = _Samples(self._done + min(_NEARLY, self._of_sample / self._passes))
            self._bar.refresh()


@contextmanager
def shown(bar: RunBar, stopwatch: Stopwatch) -> Iterator[None]:
    """The bar is told of what the run does meanwhile; it stays as it is at the end."""
    stopwatch.on_part = bar.at
    try:
        with closing(bar), watched(bar.evaluated):
            yield
    finally:
        stopwatch.on_part = None
