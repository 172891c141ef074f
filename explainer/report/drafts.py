"""Drafts, and how they get their place: what is there goes once the new one stands."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from explainer.errors import SummaryWriteError
from explainer.summary.lock import LOCK, RunLock, is_left

_PREFIX, _NEW, _DRAFT = ".explainer-report-", ".new", ".draft"


class DraftFolder:
    """A hidden folder in which something is written, held by a lock as long as its writer lives.

    Drafts in the same place whose writers were killed are removed first; one without a lock is nobody's business.

    Args:
        parent: the folder that it is made in.

    Raises:
        OSError: the disk refuses; nothing is left.
    """

    def __init__(self, parent: Path) -> None:
        _remove_left(parent)
        made = parent / f"{_PREFIX}{secrets.token_hex(4)}{_NEW}"
        made.mkdir()
        try:
            self._lock = _locked(made)  # before it has the name by which others look for what is left
            self.path = made.with_suffix(_DRAFT)
            made.rename(self.path)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise

    def unmark(self) -> None:
        """Takes the lock's file away, but not the lock, where the folder itself is going to its place."""
        (self.path / LOCK).unlink(missing_ok=True)

    def close(self) -> None:
        """Removes what is still there."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()


def _locked(folder: Path) -> RunLock | None:
    """The lock; None where the file system has none: then nobody may take the draft for one that was left."""
    try:
        return RunLock(folder)
    except (NotImplementedError, OSError, SummaryWriteError):
        with suppress(FileNotFoundError):
            (folder / LOCK).unlink()
        return None


def _remove_left(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*{_DRAFT}"):
        if not path.is_symlink() and is_left(path):
            shutil.rmtree(path, ignore_errors=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Gives a file or a folder its name, and takes away what has it; an OSError leaves that as it was."""
    if not path.is_dir():
        if draft.is_dir():
            path.unlink(missing_ok=True)
        os.replace(draft, path)
        return
    old = path.with_name(f".explainer-{secrets.token_hex(4)}.old")
    path.rename(old)
    try:
        os.replace(draft, path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
