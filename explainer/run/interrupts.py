"""Signals that ask a run to end: noted, so that the sample at hand is finished and on disk first."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from explainer.errors import RunInterrupted

_SIGNALS = tuple(
    found for name in ("SIGINT", "SIGTERM", "SIGHUP") if (found := getattr(signal, name, None)) is not None
)


class Interrupts:
    """While it is open, the first signal is noted and a second one ends the process at once.

    Handlers belong to the main thread: in another one nothing is noted.

    >>> with Interrupts() as interrupts:
    ...     interrupts.check(samples=3)
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._noted: signal.Signals | None = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def check(self, *, samples: int) -> None:
        """Nothing, where no signal came; to be called between samples.

        Args:
            samples: how many are finished.

        Raises:
            RunInterrupted: one came.
        """
        if self._noted is not None:
            raise RunInterrupted(
                f"interrupted by {self._noted.name} after {samples} samples, which are complete on disk",
                signal_number=int(self._noted),
            )
        # Anew for each sample: MindSpore puts a handler of its own in the place of ours once it works.
        for number in self._before:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = self._noted or signal.Signals(number)
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_DFL)
