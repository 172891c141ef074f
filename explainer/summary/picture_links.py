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


class PictureLostError(SummaryReadError):
    """A picture that is not there."""


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
        self._made: dict[str, Path] = {}
        # Of a thousand pictures in a folder, one alone is followed through all links.
        self._inside = lru_cache(maxsize=1024)(inside)
        self.linked = 0
        self.copied = 0

    def put(self, source_dir: Path, path: str, to: str) -> None:
        """Puts a file there.

        Args:
            source_dir: the job folder that it is in.
            path: of the file, as a record has it.
            to: its new path.

        Raises:
            PictureLostError: there is no such file, or it lies outside of its folder.
            SummaryReadError: another file has the new path.
            OSError: the disk refused.
        """
        source = self._found(source_dir, path)
        target = self._folder_of(to) / to.rpartition("/")[2]
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

    def _folder_of(self, to: str) -> Path:
        """The folder of a new path, made for the first of the thousand pictures in it."""
        name = to.rpartition("/")[0]
        if name not in self._made:
            self._made[name] = self._summary_dir / name
            self._made[name].mkdir(parents=True, exist_ok=True)
        return self._made[name]

    def _link_or_copy(self, source: Path, target: Path) -> None:
        try:
            target.hardlink_to(source)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            with source.open("rb") as content, target.open("xb") as copy:
                shutil.copyfileobj(content, copy)
            self.copied += 1
        else:
            self.linked += 1

    def _found(self, source_dir: Path, path: str) -> Path:
        """Where a file of a job folder lies."""
        parent, _, name = path.rpartition("/")
        try:
            if name in ("", ".", "..") or os.sep in name:
                raise SummaryReadError("it names no file")
            found = self._inside(source_dir, parent) / name
            mode = found.lstat().st_mode
            if stat.S_ISLNK(mode):
                found = inside(source_dir, path)
                mode = found.stat().st_mode
        except (OSError, ValueError) as error:  # no file, a path that leads out, a NUL character
            why = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be taken: {error}"
            raise PictureLostError(f"{path!r} {why}") from error
        if not stat.S_ISREG(mode):
            raise PictureLostError(f"{path!r} is no regular file")
        return found
