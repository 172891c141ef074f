"""Signals and the threads that NumPy and SciPy start when they are imported."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def kept_from_new_threads() -> Iterator[None]:
    """Threads that are started meanwhile never get a signal that asks the process to end.

    A signal goes to any thread that takes it. Of a thread that nobody knows of it would end the process at once, where
    the main thread leaves it to a `SignalWatch` to finish the sample at hand first.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
