"""Files and folders that belong together: all of them are made, or none is left."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

DRAFT = ".draft"
"""The ending of a file that is not complete yet."""


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, which gets its name, and takes the place of an older one, when it is complete.

    Raises:
        OSError: the disk refused; nothing half-written is left.
    """
    draft = path.with_name(path.name + DRAFT)
    try:
        with draft.open("wb") as file:
            yield file
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


class Made:
    """What has been made so far, to be taken back should the rest fail.

    A file is written as a draft beside its name, so that nothing half-written ever has the name, and an older file of
    that name stays until all drafts are complete.
    """

    def __init__(self) -> None:
        self._paths: list[Path] = []
        self._trees: set[Path] = set()
        self._drafts: dict[Path, Path] = {}

    def folder(self, path: Path) -> None:
        """Makes a folder.

        Raises:
            FileExistsError: it is there.
        """
        path.mkdir()
        self._paths.append(path)

    def tree(self, path: Path) -> None:
        """Makes a folder that is taken back with all that is in it by then.

        Raises:
            FileExistsError: it is there.
        """
        self.folder(path)
        self._trees.add(path)

    def folders(self, path: Path, below: Path | None = None) -> None:
        """Makes those folders of a path that are missing; with `below`, those beneath it only, which must be there."""
        if path.is_dir():
            return  # as for all but the first of a thousand pictures
        for folder in reversed(_upwards(path, below)):
            if folder.is_dir():
                continue
            try:
                self.folder(folder)
            except FileExistsError:  # somebody was faster, or it is no folder
                if not folder.is_dir():
                    raise

    def note(self, path: Path) -> None:
        """Somebody else makes this file."""
        self._paths.append(path)

    def write(self, path: Path, content: bytes) -> None:
        """Writes a file, which gets its name by `settle`."""
        draft = path.with_name(path.name + DRAFT)
        self._drafts[draft] = path
        draft.write_bytes(content)

    def settle(self) -> None:
        """Every file that was written gets its name, and takes the place of an older one."""
        for draft, path in self._drafts.items():
            if not path.exists():
                self._paths.append(path)  # first, so that an interrupt in between leaves none
            os.replace(draft, path)
        self._drafts.clear()

    def take_back(self) -> None:
        """Removes what was made; what cannot be removed, as others put something into it, stays."""
        for path in [*self._drafts, *reversed(self._paths)]:  # files before the folders that they are in
            with contextlib.suppress(OSError):
                if path in self._trees:
                    shutil.rmtree(path)
                else:
                    path.rmdir() if path.is_dir() else path.unlink()
        self._paths.clear()
        self._trees.clear()
        self._drafts.clear()


def _upwards(path: Path, below: Path | None) -> list[Path]:
    """The folder, the one that it is in, and so on: up to `below`, or to the first that is there."""
    chain = [path, *path.parents]
    if below is not None:
        return chain[: chain.index(below)]
    there = next((index for index, folder in enumerate(chain) if folder.is_dir()), len(chain))
    return chain[:there]
