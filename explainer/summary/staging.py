"""A summary for a URL: written into a folder of this machine, and uploaded when it has ended.

The folder follows from the URL, so that a run that was stopped, or could not be uploaded, is found again by the next
one. The event file goes last: where one is behind the URL, all that it names is there, too.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from tqdm.auto import tqdm

from explainer.digests import digest_of
from explainer.errors import SummaryWriteError
from explainer.remote import Place, RemotePath, download, require_writable, upload
from explainer.summary.folder import RunFiles, data_folder_name, entries_below, find_runs, is_of_a_run, run_number
from explainer.summary.lock import LOCK, RunLock
from explainer.summary.made import DRAFT

STAGING = "EXPLAINER_STAGING"
"""The variable of the environment that names the folder of all such folders."""
_BEGIN = 4096  # bytes of an event file, in which the time of the first record tells runs apart
_LONGEST = 40  # letters of the URL's last part in a folder's name
_LOG = logging.getLogger("explainer")


@contextmanager
def staged(place: Place, *, resume: bool, progress: bool | None = None) -> Iterator[Path]:
    """The folder that a summary is to be written into; for a URL, what has ended there is then uploaded.

    Args:
        place: where the summary goes. A path of this machine is the folder itself.
        resume: whether what is behind the URL is to be gone on with, where the folder has nothing.
        progress: whether a bar shows the upload; None: on a terminal.

    Raises:
        RemoteError: the URL cannot be written, which is tried before any work.
        SummaryWriteError: another process writes to this URL, the folder cannot be made; or the upload failed, and the
            message says where the run lies.
    """
    if isinstance(place, Path):
        yield place
        return
    staging = _Staging(place, progress)
    with staging.locked():
        require_writable(place)
        with staging.recalled() if resume else staging.numbered():
            yield staging.folder
            staging.deliver()


def staging_folder(target: RemotePath) -> Path:
    """Where the summary for a URL is written: in EXPLAINER_STAGING, or in the user's folder of caches."""
    given = os.environ.get(STAGING)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", target.name)[:_LONGEST]
    name = f"{plain}-{digest_of(str(target).encode()).hex()[:16]}"
    return (Path(given) if given else Path(caches, "explainer", "staging")).absolute() / name


class _Staging:
    """The folder of a URL, and the way between both."""

    def __init__(self, target: RemotePath, progress: bool | None) -> None:
        self.folder = staging_folder(target)
        self._target = target
        self._progress = progress

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder, which nobody else uses meanwhile; removed when nothing is left in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = RunLock(self.folder)
        except OSError as error:
            raise SummaryWriteError(
                f"could not write {self.folder}: {error.strerror or error}; summaries for a URL are written there "
                f"before they are uploaded, set {STAGING} to another folder"
            ) from error
        with lock:
            try:
                yield
            finally:
                lock.remove()
                with suppress(OSError):  # something is left in it
                    self.folder.rmdir()

    @contextmanager
    def recalled(self) -> Iterator[None]:
        """The folder with the records of the newest run behind the URL, where it has none: they say that it ended."""
        newest = self._newest()
        if newest is not None and self._is_empty:
            download(self._target, [newest], self.folder)
        try:
            yield
        finally:
            for run in find_runs(self.folder):
                if not run.data_dir.exists():  # its pictures are behind the URL
                    run.event_file.unlink(missing_ok=True)

    @contextmanager
    def numbered(self) -> Iterator[None]:
        """The folder, in which a new run gets a greater number than those behind the URL have."""
        if not self._is_empty:
            _LOG.warning("%s holds a run for %s from before; resume goes on with it", self.folder, self._target)
        newest = self._newest()
        if newest is None:
            yield
            return
        claim = self.folder / data_folder_name(run_number(newest) or 0)
        claim.mkdir(exist_ok=True)
        try:
            yield
        finally:
            with suppress(OSError):  # a run of before is in it
                claim.rmdir()

    def deliver(self) -> None:
        """Uploads what has ended, and removes it here."""
        for run in find_runs(self.folder):
            if (run.data_dir / LOCK).exists() or not run.data_dir.exists():  # it has not ended; or it was recalled
                continue
            try:
                self._require_number_of_its_own(run)
                self._upload(run)
            except OSError as error:
                raise SummaryWriteError(
                    f"the run has ended, but is not at {self._target}: {error}. It lies in {self.folder}, and "
                    "run(resume=True) (--resume) uploads it without computing anything again"
                ) from error
            shutil.rmtree(run.data_dir, ignore_errors=True)
            run.event_file.unlink(missing_ok=True)

    @property
    def _is_empty(self) -> bool:
        """Whether nothing was left of a run of before."""
        return all(path.name == LOCK for path in self.folder.iterdir())

    def _newest(self) -> str | None:
        """The name of the newest event file behind the URL."""
        names = [name for name in self._names() if run_number(name) is not None]
        return max(names, key=lambda name: (run_number(name) or 0, name), default=None)

    def _names(self) -> list[str]:
        """What is directly behind the URL."""
        try:
            return [path.name for path in self._target.iterdir()]
        except FileNotFoundError:
            return []

    def _require_number_of_its_own(self, run: RunFiles) -> None:
        """Raises FileExistsError where another run has the number, and with it the folder of pictures."""
        with run.event_file.open("rb") as file:
            begin = file.read(_BEGIN)
        for name in self._names():
            if run_number(name) == run.timestamp and not begin.startswith((self._target / name).head(len(begin))):
                raise FileExistsError(
                    f"another run, {name}, was begun there in the same second; give each process a URL of its own, or "
                    "a shard"
                )

    def _upload(self, run: RunFiles) -> None:
        found = [Path(entry.path) for entry in entries_below(run.data_dir)]
        kept = [path for path in found if path.suffix != DRAFT and path.name != LOCK]
        files = {path.relative_to(self.folder).as_posix(): path for path in [*kept, run.event_file]}
        size = sum(path.stat().st_size for path in files.values())
        hidden = None if self._progress is None else not self._progress
        with tqdm(total=size, desc="uploading", unit="B", unit_scale=True, disable=hidden) as bar:
            upload(files, self._target, last=run.event_file.name, done=bar.update)


def is_of_one_run(name: str) -> bool:
    """Whether a file, by its path in a job folder, is of a run there, and not in a folder below.

    >>> [is_of_one_run(f"{folder}_explain_17/1.png") for folder in ("", "shard-0-of-3/")]
    [True, False]
    """
    return is_of_a_run(PurePath(PurePath(name).parts[0]))
