"""Where a report goes: written beside its place as a draft, and put there when it is complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from explainer.errors import ReportWriteError
from explainer.remote import local_path
from explainer.report.drafts import DraftFolder, put_in_place
from explainer.report.page import MARK, Page, in_file, in_page

FORMS = ("auto", "single", "folder")
LARGEST_SINGLE = 25_000_000
"""Bytes of the chunks up to which a report is one file, if nobody says otherwise."""
MARKER = "explainer-report.txt"
"""The file by which a folder is known to be a report, which the next one replaces."""
_MARKER_TEXT = "A report of explainer. The next report that is written here replaces all of this folder.\n"
_PAGE, _DATA = "index.html", "data"
_SUFFIX = ".html"


@dataclass(frozen=True)
class Target:
    """Where a report may go.

    Attributes:
        single: the file, or None where it must be a folder.
        folder: the folder, or None where it must be a file.
    """

    single: Path | None
    folder: Path | None

    @property
    def parent(self) -> Path:
        """The folder that the report will be in."""
        path = self.single or self.folder
        assert path is not None
        return path.parent


@dataclass(frozen=True)
class WrittenFiles:
    """What was written. page: what is to be opened."""

    page: Path
    form: str
    count: int
    bytes: int


def target_of(summary_dir: Path, to: str | os.PathLike[str] | None, form: str) -> Target:
    """Where the report of a job folder goes.

    >>> target_of(Path("out"), "seen/cats.html", "auto")
    Target(single=PosixPath('seen/cats.html'), folder=None)
    """
    path = None if to is None else local_path(to, "`to`")
    if form == "auto" and path is not None:
        form = "single" if path.suffix.lower() == _SUFFIX else "folder"
    return Target(
        None if form == "folder" else path or summary_dir / "report.html",
        None if form == "single" else path or summary_dir / "report",
    )


class Draft:
    """A report that is being written; a context manager, after which nothing half-written is left.

    Raises:
        ReportWriteError: something else is in the report's place, or the disk refuses.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._draft: DraftFolder
        self._form: _OneFile | _ManyFiles

    def __enter__(self) -> Draft:
        for path in (self._target.single, self._target.folder):
            if path is not None:
                require_replaceable(path)
        with disk_errors(self._target.parent):
            self._draft = DraftFolder(self._target.parent)
            try:
                folder = self._draft.path
                self._form = _ManyFiles(folder) if self._target.single is None else _OneFile(folder)
            except BaseException:
                self._draft.close()
                raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._form.close()
        self._draft.close()

    def add(self, key: str, text: bytes) -> None:
        """Takes a chunk, given in base64."""
        with disk_errors(self._draft.path):
            self._form.add(key, text)
            if isinstance(self._form, _OneFile) and self._form.bytes > LARGEST_SINGLE and self._target.folder:
                self._form = self._form.as_files()

    def finish(self, page_of: Callable[[str], Page]) -> WrittenFiles:
        """Gives the report its page and its place.

        Args:
            page_of: the page of a form.
        """
        single = isinstance(self._form, _OneFile)
        form, path = ("single", self._target.single) if single else ("folder", self._target.folder)
        assert path is not None
        page = page_of(form)
        with disk_errors(path):
            draft, count, size = self._form.finish(page)
            self._draft.unmark()
            put_in_place(draft, path)
        return WrittenFiles(path if single else path / _PAGE, form, count, size)


class _OneFile:
    """Chunks that may become a page of one file: all in one, as thousands of files take long to make.

    Args:
        folder: where the draft is.
    """

    def __init__(self, folder: Path) -> None:
        self.bytes = 0
        self._folder = folder
        self._file = (folder / "chunks").open("w+b")
        self._chunks: list[tuple[str, int]] = []

    def add(self, key: str, text: bytes) -> None:
        self._file.write(text)
        self._chunks.append((key, len(text)))
        self.bytes += len(text)

    def as_files(self) -> _ManyFiles:
        """The same chunks as files, where there are too many for one."""
        files = _ManyFiles(self._folder)
        for key, text in self._all():
            files.add(key, text)
        self.close()
        return files

    def finish(self, page: Page) -> tuple[Path, int, int]:
        """The page, how many files there are, and how many bytes they have."""
        draft = self._folder / _PAGE
        with draft.open("wb") as file:
            file.write(page.before.encode())
            for key, text in self._all():
                file.writelines(in_page(key, text))
            file.write(page.after.encode())
        return draft, 1, draft.stat().st_size

    def close(self) -> None:
        self._file.close()

    def _all(self) -> Iterator[tuple[str, bytes]]:
        self._file.seek(0)
        for key, length in self._chunks:
            yield key, self._file.read(length)


class _ManyFiles:
    """Chunks that are files of their own, beside the page.

    Args:
        folder: where the draft is, which becomes the report.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count, self._bytes = 0, 0
        self._made: set[Path] = set()

    def add(self, key: str, text: bytes) -> None:
        path = self._folder / _DATA / f"{key}.js"
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        with path.open("wb", buffering=0) as file:
            self._bytes += file.write(b"".join(in_file(key, text)))
        self._count += 1

    def finish(self, page: Page) -> tuple[Path, int, int]:
        """The folder, how many files there are, and how many bytes they have."""
        (self._folder / "chunks").unlink(missing_ok=True)
        contents = {_PAGE: (page.before + page.after).encode(), MARKER: _MARKER_TEXT.encode()}
        size = sum((self._folder / name).write_bytes(content) for name, content in contents.items())
        return self._folder, self._count + len(contents), self._bytes + size

    def close(self) -> None:
        """Nothing is open."""


def require_replaceable(path: Path) -> None:
    """Raises ReportWriteError where something is that is no report of ours, and would be lost."""
    with disk_errors(path):
        if path.is_symlink() or not path.exists():
            kept = path.is_symlink()
        elif path.is_dir():
            kept = not (path / MARKER).is_file()
        else:
            kept = not _is_page(path)
    if kept:
        raise ReportWriteError(
            f"could not write {path}: something is there that is no report of explainer; remove it, or give another "
            "place (--to)"
        )


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the disk refuses is a ReportWriteError.

    Raises:
        ReportWriteError: it did.
    """
    try:
        yield
    except OSError as error:
        raise ReportWriteError(
            f"could not write {path}: {error.strerror or error}; nothing half-written is left (--to is another place)"
        ) from error
