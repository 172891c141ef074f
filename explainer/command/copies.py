"""Summaries behind URLs, for the commands that read: copied into a temporary folder as long as the command runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

import click

from explainer.analysis.facts import Facts
from explainer.analysis.view import RunView
from explainer.command import terminal
from explainer.command.text import in_bytes
from explainer.errors import RemoteError, SummaryReadError
from explainer.remote import Place, RemotePath, downloaded, files_below
from explainer.summary.folder import is_of_a_run, run_number
from explainer.summary.staging import is_of_one_run

_NONE = ": no file *summary.<number>*_explain"


def on_disk(folder: Place) -> Path:
    """A job folder; of one behind a URL, a copy of its runs that is removed when the command ends, and is told of.

    Raises:
        SummaryReadError: there is no summary behind the URL, or it could not be listed.
        FileNotFoundError, RemoteError: a file could not be copied.
    """
    if isinstance(folder, Path):
        return folder
    return _copied(folder, {name: size for name, size in _sizes_of(folder).items() if is_of_one_run(name)})


def all_on_disk(folder: Place) -> Path:
    """In the same way a folder with the runs in it, and those in the folders in it.

    Raises:
        SummaryReadError, FileNotFoundError, RemoteError: as for `on_disk`.
    """
    if isinstance(folder, Path):
        return folder
    sizes = {name: size for name, size in _listed(folder).items() if is_of_a_run(PurePath(name))}
    if not sizes:
        raise SummaryReadError(f"found no summary in {folder}{_NONE}")
    return _copied(folder, sizes)


def _copied(folder: RemotePath, sizes: Mapping[str, int]) -> Path:
    files = f"{len(sizes):,} file{'s' if len(sizes) != 1 else ''}, {in_bytes(sum(sizes.values()))},"
    terminal.print_error(f"{folder}: {files} copied into a temporary folder for this command")
    return click.get_current_context().with_resource(downloaded(folder, sizes))


@dataclass(frozen=True)
class Records:
    """The records of a job folder, on disk, and the sizes of what is in it where it is behind a URL.

    Attributes:
        folder: on this machine; that of a URL has no pictures.
    """

    folder: Path
    _place: Place
    _sizes: Mapping[str, int]

    def where_they_lie(self, run: RunView, facts: Facts) -> Facts:
        """The facts of a run of the folder, as they are where it really lies."""
        if isinstance(self._place, Path):
            return facts
        start = f"{run.files.data_dir.name}/"
        size = sum(size for name, size in self._sizes.items() if name.startswith(start))
        return {**facts, "folder": str(self._place), "picture_bytes": size}


@contextmanager
def records_of(folder: Place) -> Iterator[Records]:
    """The records alone of a job folder, which is what can be told without its pictures.

    Raises:
        SummaryReadError: there is no summary behind the URL, or it could not be listed.
        FileNotFoundError, RemoteError: a file could not be copied.
    """
    if isinstance(folder, Path):
        yield Records(folder, folder, {})
        return
    sizes = _sizes_of(folder)
    with downloaded(folder, [name for name in sizes if run_number(name) is not None and "/" not in name]) as copy:
        yield Records(copy, folder, sizes)


def _sizes_of(folder: RemotePath) -> dict[str, int]:
    """The sizes of all files; SummaryReadError where none is of a run."""
    sizes = _listed(folder)
    if any(run_number(name) is not None for name in sizes if "/" not in name):
        return sizes
    below = sorted({name.partition("/")[0] for name in sizes if run_number(name) is not None})
    found = f"; its folders {', '.join(below[:5])} hold summaries" if below else _NONE
    raise SummaryReadError(f"found no summary in {folder}{found}")


def _listed(folder: RemotePath) -> dict[str, int]:
    try:
        return files_below(folder)
    except RemoteError as error:
        raise SummaryReadError(f"could not read {folder}: {error.strerror}") from error
