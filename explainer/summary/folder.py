"""The names of files and folders in a job folder, and the runs found there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

_EVENT_FILE = re.compile(r"summary\.(?P<timestamp>\d+)")  # MindInsight's own pattern
_DATA_FOLDER = re.compile(r"_explain_\d+")
_SUFFIX = "_explain"


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


def is_of_a_run(path: PurePath) -> bool:
    """Whether a path names an event file, or something in the folder of a run's pictures.

    >>> paths = ["out/_explain_17/origin_images/0/3.png", event_file_name(17, 4), "_explain_me/3.png", "a_explain"]
    >>> [is_of_a_run(PurePath(path)) for path in paths]
    [True, True, False, False]
    """
    if any(_DATA_FOLDER.fullmatch(part) for part in path.parts):
        return True
    return path.name.endswith(_SUFFIX) and _EVENT_FILE.search(path.name) is not None


def find_runs(summary_dir: Path) -> list[RunFiles]:
    """The runs in a job folder, oldest first; none when there is no such folder."""
    if not summary_dir.is_dir():
        return []
    names = [path for path in summary_dir.iterdir() if path.name.endswith(_SUFFIX) and path.is_file()]
    matches = [(_EVENT_FILE.search(path.name), path) for path in names]
    return sorted(RunFiles(int(match["timestamp"]), path) for match, path in matches if match)
