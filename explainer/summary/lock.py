"""The lock of a run: who writes it holds it. The system lets go of it with the process, however that ends."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from explainer.errors import SummaryReadError, SummaryWriteError
from explainer.summary.folder import RunFiles, inside

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""The lock's name in the data folder of a run that has not ended."""
_QUIET = 60.0  # seconds after which half a record is not waited for any more


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


def is_held(data_dir: Path) -> bool:
    """Whether somebody is writing the run with this data folder; nothing is written to find that out.

    False where the system has no locks of this kind.
    """
    return _held(data_dir) is True


def is_left(folder: Path) -> bool:
    """Whether a folder has a lock that nobody holds any more; nothing is written to find that out.

    False where the system has no locks of this kind.
    """
    return _held(folder) is False


def _held(folder: Path) -> bool | None:
    """Whether somebody holds the lock; None where there is none: the run ended, or never had a lock."""
    if fcntl is None:
        return None
    try:
        number = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go when the file is closed
    except OSError:
        return True
    finally:
        os.close(number)
    return False


def has_writer(summary_dir: Path, files: RunFiles) -> bool:
    """Whether somebody is writing a run of a job folder."""
    try:
        return is_held(inside(summary_dir, files.data_dir.name))
    except SummaryReadError:
        return False


def may_grow(files: RunFiles) -> bool:
    """Whether a run's event file changed within the last minute: of a writer on another machine no lock is seen."""
    try:
        return time.time() - files.event_file.stat().st_mtime < _QUIET
    except OSError:
        return False
