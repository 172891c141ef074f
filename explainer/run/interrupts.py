"""Signals that ask a run to end: noted, so that the sample at hand is finished and on disk first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from explainer.errors import RunInterrupted

_SIGNALS = tuple(
    found for name in ("SIGINT", "SIGTERM", "SIGHUP") if (found := getattr(signal, name, None)) is not None
)


class Interrupts:
    """While it is open, the first signal is noted and a second one ends the process at once.

    Handlers belong to the main thread: in another one nothing is noted. While MindSpore computes, it has a handler of
    its own for SIGINT, which sends the process SIGTERM: then that is what is noted, unless a `SignalWatch` is open.

    >>> with Interrupts() as interrupts:
    ...     interrupts.check(samples=3)
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._noted: signal.Signals | None = None

    def __enter__(self) -> Interrupts:
        if SignalWatch.current is not None:
            SignalWatch.current.listener = self
        elif threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if SignalWatch.current is not None:
            SignalWatch.current.listener = None
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @property
    def noted(self) -> bool:
        """Whether a signal came."""
        return self._noted is not None

    def note(self, number: int) -> None:
        """Takes the first signal."""
        self._noted = self._noted or signal.Signals(number)

    def check(self, *, samples: int) -> None:
        """Nothing, where no signal came; to be called between samples.

        Args:
            samples: how many are finished.

        Raises:
            RunInterrupted: one came.
        """
        if self._noted is not None:
            raise RunInterrupted(
                f"interrupted by {self._noted.name} after {samples} samples, which are complete on disk; "
                "run(resume=True) (--resume) goes on from there",
                signal_number=int(self._noted),
            )
        # Anew for each sample: MindSpore puts a handler of its own in the place of ours once it works.
        for number in self._before:
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.note(number)
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_DFL)


class SignalWatch:
    """Takes the signals of a process of our own in a thread, before MindSpore's handlers see them.

    To be opened before MindSpore is imported, so that its threads leave these signals to this one. Where no run is
    going on, or at a second signal, the process ends at once, as by the signal itself.
    """

    current: SignalWatch | None = None

    def __init__(self) -> None:
        self.listener: Interrupts | None = None
        self._mask: set[signal.Signals] = set()
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)
        self._closing = False

    def __enter__(self) -> SignalWatch:
        if hasattr(signal, "pthread_sigmask") and threading.current_thread() is threading.main_thread():
            self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS))  # type: ignore[arg-type]
            SignalWatch.current = self
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if SignalWatch.current is self:
            self._closing = True
            signal.pthread_kill(self._thread.ident or 0, _SIGNALS[0])  # wakes the thread, which then ends
            self._thread.join()
            SignalWatch.current = None
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _watch(self) -> None:
        while True:
            number = signal.sigwait(_SIGNALS)
            if self._closing:
                return
            listener = self.listener
            if listener is None or listener.noted:
                sys.stderr.flush()
                os._exit(128 + number)
            listener.note(number)
