"""The pictures of several runs in the folder of one: the same files where the disk can, else copies."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from functools import lru_cache
from pathlib import Path

from explainer.errors import SummaryReadError
from explainer.summary.folder import inside

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a file system says that has no links, or none between these two folders or to this file."""


class LostError(SummaryReadError):
    """Something of a sample that is not there any more: a picture, a record."""


class PictureLinks:
    """Puts files of other job folders into one.

    Args:
        summary_dir: the folder.

    Attributes:
        linked: how many files are the same as in the other folders.
        copied: how many are not, as the disk has no such links.
    """

    def __init__(self, summary_dir: Path) -> None:
        self._summary_dir = summary_dir
        self._made: dict[str, str] = {}
        # Of a thousand pictures in a folder, one alone is followed through all links.
        self._inside = lru_cache(maxsize=1024)(lambda *path: str(inside(*path)))
        self.linked = 0
        self.copied = 0

    def put(self, source_dir: Path, path: str, to: str) -> None:
        """Puts a file there.

        Args:
            source_dir: the job folder that it is in.
            path: of the file, as a record has it.
            to: its new path.

        Raises:
            LostError: there is no such file, or it lies outside of its folder.
            SummaryReadError: another file has the new path.
            OSError: the disk refused.
        """
        source = self._found(source_dir, path)
        folder, _, name = to.rpartition("/")
        target = f"{self._new_folder(folder)}{os.sep}{name}"  # a Path for each takes as long as the link
        try:
            self._link_or_copy(source, target)
        except FileExistsError:
            raise SummaryReadError(f"could not take {path!r} of {source_dir}: two records name one picture") from None

    def remove(self, to: str) -> None:
        """Takes a file away again."""
        target = self._summary_dir / to
        if target.stat().st_nlink > 1:
            self.linked -= 1
        else:
            self.copied -= 1
        target.unlink()

    def _new_folder(self, name: str) -> str:
        """A folder, made for the first of the thousand pictures in it."""
        if name not in self._made:
            folder = self._summary_dir / name
            folder.mkdir(parents=True, exist_ok=True)
            self._made[name] = str(folder)
        return self._made[name]

    def _link_or_copy(self, source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            with Path(source).open("rb") as content, Path(target).open("xb") as copy:
                shutil.copyfileobj(content, copy)
            self.copied += 1
        else:
            self.linked += 1

    def _found(self, source_dir: Path, path: str) -> str:
        """Where a file of a job folder lies."""
        parent, _, name = path.rpartition("/")
        try:
            if name in ("", ".", "..") or os.sep in name:
                raise SummaryReadError("it names no file")
            found = f"{self._inside(source_dir, parent)}{os.sep}{name}"
            mode = os.lstat(found).st_mode
            if stat.S_ISLNK(mode):
                found = str(inside(source_dir, path))
                mode = os.lstat(found).st_mode
        except (OSError, ValueError) as error:  # no file, a path that leads out, a NUL character
            why = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be taken: {error}"
            raise LostError(f"{path!r} {why}") from error
        if not stat.S_ISREG(mode):
            raise LostError(f"{path!r} is no regular file")
        return found
