"""Where an export or a figure goes: written beside its place under another name, put there when it is complete."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from explainer.errors import SummaryWriteError
from explainer.report.drafts import put_in_place
from explainer.summary.folder import entries_below
from explainer.summary.made import DRAFT, Made

SIGNATURE = '{"schema": "explainer.export"'
"""How the JSON of an export begins."""
INDEX = "index.json"
"""The file of an exported folder that says what it is."""


@dataclass(frozen=True)
class Place:
    """What may be replaced at the place of an export.

    Attributes:
        signature: how a file of ours begins; "" where the export is a folder.
        names: the paths in a folder of ours, beside `INDEX`.
    """

    signature: str = ""
    names: str = ""

    def require_room(self, target: Path, summary_dir: Path) -> None:
        """Raises ValueError where something else lies there, or it is in the job folder, in which nothing changes."""
        if target.resolve().is_relative_to(summary_dir.resolve()):
            raise ValueError(f"`to` must lie outside of {summary_dir}, in which nothing is changed, got {target}")
        if not target.exists() and not target.is_symlink():
            return
        if self.signature and not self._is_file_of_ours(target):
            raise ValueError(f"`to` must be a new file, or an earlier export of this format, got {target}")
        if not self.signature and not self._is_folder_of_ours(target):
            raise ValueError(
                f"`to` must be a new or an empty folder, or an earlier export of this format alone, got {target}"
            )

    def _is_file_of_ours(self, target: Path) -> bool:
        if target.is_symlink() or not target.is_file():
            return False
        with target.open("rb") as file:
            start = file.read(len(self.signature))
        return start in (b"", self.signature.encode())

    def _is_folder_of_ours(self, target: Path) -> bool:
        """Whether nothing is lost with it: it is empty, or holds an export of this format and nothing else."""
        if target.is_symlink() or not target.is_dir():
            return False
        if not any(target.iterdir()):
            return True
        index = target / INDEX
        if index.is_symlink() or not index.is_file():
            return False
        with index.open("rb") as file:
            if file.read(len(SIGNATURE)) != SIGNATURE.encode():
                return False
        paths = (Path(entry.path).relative_to(target).as_posix() for entry in entries_below(target))
        return all(path == INDEX or re.fullmatch(self.names, path) for path in paths)


@contextmanager
def drafted_file(target: Path) -> Iterator[Path]:
    """Where a file is written; at the end it gets its name.

    Raises:
        SummaryWriteError: the disk refused; nothing half-written is left.
    """
    with _drafted(target, lambda draft: draft.touch(exist_ok=False), os.replace, Path.unlink) as draft:
        yield draft


@contextmanager
def drafted_folder(target: Path) -> Iterator[Path]:
    """A folder that is written; at the end it gets its name, and what was there before is removed.

    Raises:
        SummaryWriteError: the disk refused; nothing half-written is left.
    """
    with _drafted(target, Path.mkdir, put_in_place, shutil.rmtree) as draft:
        yield draft


@contextmanager
def _drafted(
    target: Path,
    make: Callable[[Path], None],
    replace: Callable[[Path, Path], None],
    remove: Callable[[Path], None],
) -> Iterator[Path]:
    target = target.resolve()  # "." has no name; it is no link, which was refused
    draft = target.with_name(f"{target.name}.{os.getpid()}{DRAFT}")
    made, is_ours = Made(), False
    try:
        made.folders(target.parent)
        make(draft)
        is_ours = True
        yield draft
        replace(draft, target)
    except BaseException as error:
        if is_ours and draft.exists():
            remove(draft)
        made.take_back()
        if isinstance(error, OSError):
            raise SummaryWriteError(
                f"could not write {target}: {error.strerror or error}; nothing half-written is left"
            ) from error
        raise
