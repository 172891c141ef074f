"""The lock of a run: who writes it holds it. The system lets go of it with the process, however that ends."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from explainer.errors import SummaryWriteError

LOCK = ".lock"
"""The lock's name in the data folder of a run that has not ended."""


class RunLock:
    """The lock of the run with this data folder; a context manager.

    Raises:
        SummaryWriteError: somebody else holds it.
        OSError: the folder cannot be written.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        # Made in one thread, a run may be closed in another.
        self._lock = FileLock(data_dir / LOCK, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise SummaryWriteError(
                f"could not write the run of {data_dir}: it is being written, by a process that is alive; wait for "
                "its end, or stop it"
            ) from None

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()

    def remove(self) -> None:
        """Removes the file of a run that has ended: nobody will write it any more."""
        with suppress(OSError):
            (self._data_dir / LOCK).unlink()

    def release(self) -> None:
        """Lets go; harmless when called again."""
        self._lock.release(force=True)
