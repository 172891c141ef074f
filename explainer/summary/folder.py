"""The names of files and folders in a job folder, and the runs found there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from explainer.errors import SummaryReadError
from explainer.remote import Place

_EVENT_FILE = re.compile(r"summary\.(?P<timestamp>\d+)")  # MindInsight's own pattern
_DATA_FOLDER = re.compile(r"_explain_(\d+)")
_SUFFIX = "_explain"
PARTS = "parts"  # the folder of a run that workers share, until it has ended
_MOST_NAMES = 5  # in a message
_MOST_FOLDERS = 1_000  # that are remembered


@dataclass(frozen=True, order=True)
class RunFiles:
    """One run in a job folder; the greatest timestamp is the newest."""

    timestamp: int
    event_file: Path

    @property
    def data_dir(self) -> Path:
        """The folder of the run's pictures."""
        return self.event_file.parent / data_folder_name(self.timestamp)


def event_file_name(timestamp: int, process_id: int) -> str:
    """The name of a run's event file.

    >>> event_file_name(17, 4)
    'events.out.events.summary.17.4_explain'
    """
    return f"events.out.events.summary.{timestamp}.{process_id}{_SUFFIX}"


def data_folder_name(timestamp: int) -> str:
    """The name of a run's data folder.

    >>> data_folder_name(17)
    '_explain_17'
    """
    return f"_explain_{timestamp}"


def run_number(name: str) -> int | None:
    """The number of the run whose event file has this name; None for the name of another file.

    >>> run_number(event_file_name(17, 4)), run_number("report.html")
    (17, None)
    """
    match = _EVENT_FILE.search(name) if name.endswith(_SUFFIX) else None
    return None if match is None else int(match["timestamp"])


def is_of_a_run(path: PurePath) -> bool:
    """Whether a path names an event file, or something in the folder of a run's pictures.

    >>> paths = ["out/_explain_17/origin_images/0/3.png", event_file_name(17, 4), "_explain_me/3.png", "a_explain"]
    >>> [is_of_a_run(PurePath(path)) for path in paths]
    [True, True, False, False]
    """
    if any(_DATA_FOLDER.fullmatch(part) for part in path.parts):
        return True
    return run_number(path.name) is not None


def inside(summary_dir: Path, path: str | os.PathLike[str]) -> Path:
    """Where a path really lies; every path that a folder or a record of someone else names goes through here.

    Args:
        summary_dir: the job folder.
        path: relative to it; links that stay inside are followed.

    Raises:
        SummaryReadError: it leads out of the folder: it is absolute, or has "..", or a link; or it leads nowhere.
    """
    try:
        root = summary_dir.resolve()
        target = (root / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL character
        raise SummaryReadError(f"could not follow the path {os.fspath(path)!r}: {error}") from error
    if not target.is_relative_to(root):
        raise SummaryReadError(f"paths must stay in the summary's folder, got {os.fspath(path)!r}")
    return target


def require_no_file(name: str, path: Place) -> None:
    """Raises ValueError where a folder of this machine is to be, or on the way to it, and there is a file."""
    if not isinstance(path, Path):
        return
    try:
        found = next((entry for entry in (path, *path.parents) if entry.exists()), None)
    except OSError:  # a name that is too long: whoever makes the folder says so
        return
    if found is not None and not found.is_dir():
        there = "is a file" if found == path else f"lies in {found}, which is a file"
        raise ValueError(f"{name} must be a folder, or one to be made, but {path} {there}; give another path")


class JobFolder:
    """A job folder of which many paths are followed: each folder in it once, as it holds a thousand pictures.

    Args:
        summary_dir: the job folder.
    """

    def __init__(self, summary_dir: Path) -> None:
        self._summary_dir = summary_dir
        self._folders: dict[str, Path] = {}

    def inside(self, path: str) -> Path:
        """As `inside`.

        Raises:
            SummaryReadError: as `inside`.
        """
        folder, name = os.path.split(path)
        if name in ("", "..", ".") or "\0" in path:
            return inside(self._summary_dir, path)
        try:
            target = self._folder(folder) / name
        except SummaryReadError:
            return inside(self._summary_dir, path)  # which says why of all of it
        return inside(self._summary_dir, path) if target.is_symlink() else target

    def _folder(self, path: str) -> Path:
        if path not in self._folders:
            if len(self._folders) >= _MOST_FOLDERS:
                self._folders.clear()
            self._folders[path] = inside(self._summary_dir, path)
        return self._folders[path]


def find_runs(summary_dir: Path) -> list[RunFiles]:
    """The runs in a job folder, oldest first; none when there is no such folder, and none that lies outside of it."""
    return [run for run in _named_runs(summary_dir) if _stays_inside(run.event_file) and run.event_file.is_file()]


def chosen_run(summary_dir: Path, run: int | str | None = None) -> tuple[RunFiles, tuple[RunFiles, ...]]:
    """A run of a job folder, and the others there, oldest first.

    Args:
        summary_dir: the job folder.
        run: its timestamp or the name of its event file; by default the newest.

    Raises:
        SummaryReadError: there is no such run, or the folder may not be read.
    """
    try:
        runs = find_runs(summary_dir)
        if not runs:
            raise SummaryReadError(f"found no summary in {summary_dir}{_hint(summary_dir)}")
    except OSError as error:
        raise SummaryReadError(f"could not read {summary_dir}: {error.strerror or error}") from error
    wanted = [found for found in runs if run is None or str(run) in (str(found.timestamp), found.event_file.name)]
    if not wanted:
        there = ", ".join(str(found.timestamp) for found in runs[-_MOST_NAMES:])
        raise SummaryReadError(f"found no run {run} in {summary_dir}; the newest there are {there}")
    return wanted[-1], tuple(found for found in runs if found is not wanted[-1])


def job_folders(summary_dir: Path) -> list[Path]:
    """The folder itself if it holds runs, and those directly in it that do, by name; no link is followed.

    Raises:
        OSError: the folder may not be read.
    """
    below = sorted(child for child in summary_dir.iterdir() if child.is_dir())
    own = [summary_dir] if find_runs(summary_dir) else []
    return own + [folder for folder in below if _holds_runs(folder)]


def led_out(summary_dir: Path) -> list[str]:
    """The names of event files and of their data folders that lead out of a job folder, and so are not read."""
    runs = _named_runs(summary_dir)
    paths = dict.fromkeys(path for run in runs for path in (run.event_file, run.data_dir))
    return [path.name for path in paths if not _stays_inside(path)]


def latest_timestamp(summary_dir: Path) -> int:
    """The greatest number in the name of a run or its data folder, wherever that leads; -1 when there is none."""
    names = [path.name for path in summary_dir.iterdir()] if summary_dir.is_dir() else []
    claimed = [int(match[1]) for name in names if (match := _DATA_FOLDER.fullmatch(name))]
    return max((*claimed, *(run.timestamp for run in _named_runs(summary_dir))), default=-1)


def entries_below(directory: Path) -> Iterator[os.DirEntry[str]]:
    """All that is below a folder, but for folders; a link is an entry and not followed, not even the folder itself."""
    left = [] if directory.is_symlink() else [str(directory)]
    while left:
        for entry in _entries(left.pop()):
            if entry.is_dir(follow_symlinks=False):
                left.append(entry.path)
            else:
                yield entry


def _named_runs(summary_dir: Path) -> list[RunFiles]:
    if not summary_dir.is_dir():
        return []
    numbers = ((run_number(path.name), path) for path in summary_dir.iterdir())
    return sorted(RunFiles(number, path) for number, path in numbers if number is not None)


def _stays_inside(path: Path) -> bool:
    try:
        inside(path.parent, path.name)
    except SummaryReadError:
        return False
    return True


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []  # it may not be read, or is gone: there is nothing to be counted


def _hint(summary_dir: Path) -> str:
    if not summary_dir.is_dir():
        return ": there is no such folder"
    if outside := led_out(summary_dir):
        return f": {', '.join(outside[:_MOST_NAMES])} leads out of it"
    below = [folder.name for folder in job_folders(summary_dir)]
    if below:
        return f"; its folders {', '.join(below[:_MOST_NAMES])} hold summaries"
    if (summary_dir / PARTS).is_dir():
        return f": its run is in parts ({PARTS}), as workers have not ended; go on with it by --workers N --resume"
    return ": no file *summary.<number>*_explain"


def _holds_runs(folder: Path) -> bool:
    """Whether a folder that is no link holds runs; one that may not be read tells none."""
    try:
        return not folder.is_symlink() and bool(find_runs(folder))
    except OSError:
        return False
