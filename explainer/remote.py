"""Files and folders by URL (s3://bucket/folder, file:///folder), listed, read and written through fsspec.

fsspec is imported when the first URL is met, as what is on this machine needs none of it. What messages and summaries
call a URL has no password and no signature in it.
"""

from __future__ import annotations

import errno
import io
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath
from threading import Event, Lock
from typing import Any, NamedTuple, TypeVar, Union

from explainer.errors import MissingExtraError, RemoteError

_Found = TypeVar("_Found")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_ONE_SLASH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")  # what pathlib makes of a URL
_PASSWORD = re.compile(r"(://)[^/@\s]*@")
_TRAILING = re.compile(r"(?<=[^/:])/+$")
_QUERY = re.compile(r"(://[^\s?'\"]*\?)[^\s'\"]+")
_EXTRA = "pip install 'mindspore-explainer[remote]'"
_HINTS = {
    "NoCredentialsError": "; give them as the storage's own tools take them, for S3 as AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "PermissionError": "; whoever the credentials belong to must be allowed to list, read, and for summaries write it",
    "EndpointConnectionError": "; is the network there, and AWS_ENDPOINT_URL right?",
}
_AT_ONCE = 16  # files that are on their way: most of the time of a small one is waiting
_PAUSES = (1.0, 4.0)  # seconds before a second and a third try
_FINAL = (FileNotFoundError, PermissionError, NotImplementedError)  # which another try does not change
_COPY = "copy from or to that with the storage's own tools"
_DRAFT = ".draft"
_PROBE = ".explainer-probe"
_WITHOUT_FOLDERS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci"}  # nor is a bucket ever made


class Size(NamedTuple):
    """What is known of a file without reading it, under the name that `os.stat` has for it."""

    st_size: int


@dataclass(frozen=True)
class RemotePath:
    """What a URL leads to: those parts of `pathlib.Path` that reading needs.

    Args:
        url: with its scheme.
        size: in bytes, of a file that a listing told of.
        fetched: its content, where that is on its way.

    >>> folder = RemotePath("s3://bucket/photos")
    >>> (folder / "cat" / "1.PNG").suffix, str(folder.parent), str(RemotePath("ftp://me:secret@host/photos"))
    ('.PNG', 's3://bucket', 'ftp://***@host/photos')
    """

    url: str
    size: int | None = field(default=None, compare=False)
    fetched: Future[bytes] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """The URL without what is secret in it."""
        return _without_secrets(self.url)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url.rstrip('/')}/{name.rstrip('/')}")

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self._parts[1]).name

    @property
    def suffix(self) -> str:
        """The ending of the name, with its point."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> RemotePath:
        """The folder that it is in; of a bucket, itself."""
        start, path = self._parts
        above, slash, _ = path.rpartition("/")
        return RemotePath(f"{start}{above}") if slash else self

    @property
    def _parts(self) -> tuple[str, str]:
        """What is in front of the path, and the path."""
        scheme, separator, path = _TRAILING.sub("", self.url).partition("://")
        return f"{scheme}{separator}", path

    def as_posix(self) -> str:
        """The URL without what is secret in it."""
        return str(self)

    def is_dir(self) -> bool:
        """Whether there are files below it."""
        system, path = _opened(self)
        with _told("read", self):
            return bool(system.isdir(path))

    def is_file(self) -> bool:
        """Whether it is a file."""
        if self.size is not None:
            return True
        system, path = _opened(self)
        with _told("read", self):
            return bool(system.isfile(path))

    def stat(self) -> Size:
        """Its size."""
        if self.size is not None:
            return Size(self.size)
        system, path = _opened(self)
        with _told("read", self):
            return Size(int(system.size(path)))

    def read_bytes(self) -> bytes:
        """Its content.

        Raises:
            FileNotFoundError: it is not there.
            RemoteError: it could not be read for another reason.
        """
        if self.fetched is not None:
            return self.fetched.result()
        system, path = _opened(self)
        with _told("read", self):
            return bytes(system.cat_file(path))

    def head(self, size: int) -> bytes:
        """Its first bytes, so many at most."""
        system, path = _opened(self)
        with _told("read", self):
            return bytes(system.cat_file(path, start=0, end=size))

    def read_text(self, encoding: str = "utf-8") -> str:
        """Its content as text."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> io.BytesIO:
        """Its content as an open file; the mode is the only one."""
        return io.BytesIO(self.read_bytes())

    def glob(self, pattern: str) -> Iterator[RemotePath]:
        """The files directly in it whose names are like the pattern."""
        for name, size in files_below(self).items():
            if "/" not in name and fnmatchcase(name, pattern):
                yield replace(self / name, size=size)

    def iterdir(self) -> Iterator[RemotePath]:
        """What is directly in it."""
        system, path = _opened(self)
        with _told("read", self):
            names = system.ls(path, detail=False)
        yield from (self / PurePosixPath(name).name for name in names)


Place = Union[Path, RemotePath]  # noqa: UP007 - made when the module is imported
"""A path of this machine, or what a URL leads to."""


def is_url(given: Any) -> bool:
    """Whether this is a URL, and no path of this machine.

    >>> [is_url(given) for given in ("s3://bucket/out", "file:///out", "out", "C:/out", Path("out"))]
    [True, True, False, False, False]
    """
    return isinstance(given, RemotePath) or _URL.match(os.fspath(given)) is not None


def place_of(given: str | os.PathLike[str] | RemotePath, name: str = "the path") -> Place:
    """A path, or what a URL leads to.

    Args:
        given: either.
        name: what messages call it.

    Raises:
        ValueError: a URL with one slash, which would be a folder of that name, or one through several file systems.
    """
    if isinstance(given, RemotePath):
        return given
    text = os.fspath(given)
    if is_url(text):
        return _remote(text, name)
    if _ONE_SLASH.match(text):
        raise ValueError(
            f"{name} must be a path, or a URL with two slashes, got {_without_secrets(text)!r}; give a URL as text, as "
            "pathlib.Path leaves out one of its slashes"
        )
    return Path(given)


def local_path(given: str | os.PathLike[str] | RemotePath, name: str, do: str = _COPY) -> Path:
    """A path of this machine.

    Raises:
        ValueError: a URL; calls it by `name`, and says what to do.
    """
    place = place_of(given, name)
    if isinstance(place, RemotePath):
        raise ValueError(f"{name} must be a path of this machine, got the URL {place}; {do}")
    return place


def _remote(url: str, name: str) -> RemotePath:
    if "::" in url:
        raise ValueError(
            f"{name} must be a URL of one file system, got {_without_secrets(url)!r}; leave out what has ::"
        )
    return RemotePath(_TRAILING.sub("", url))


# ---- listing, and copying in both directions ----


def places_below(folder: Place) -> dict[PurePath, Place]:
    """All files below a folder, by their paths in it.

    Raises:
        RemoteError: it cannot be listed.
    """
    if isinstance(folder, Path):
        return {path.relative_to(folder): path for path in folder.rglob("*") if not path.is_dir()}
    return {PurePosixPath(name): replace(folder / name, size=size) for name, size in files_below(folder).items()}


def files_below(folder: RemotePath) -> dict[str, int]:
    """The sizes of all files below a folder, by their paths in it.

    Raises:
        RemoteError: it cannot be listed.
    """
    system, path = _opened(folder)
    with _told("list", folder):
        found = system.find(path, detail=True)
    start = f"{path.rstrip('/')}/"
    names = {name.removeprefix(start): entry for name, entry in found.items() if name.startswith(start)}
    return {name: int(entry["size"]) for name, entry in names.items() if entry["type"] == "file" and name[-1:] != "/"}


class ReadAhead:
    """Files of which those behind URLs are fetched before their turn, as most of the time of a small one is waiting.

    Which come next is taken from the last two, so that one of every sixteen is no detour. As many are on their way, or
    wait in memory, as there are threads.

    Args:
        places: the files.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._coming: dict[int, RemotePath] = {}
        self._last: int | None = None
        self._threads: ThreadPoolExecutor | None = None

    def __getitem__(self, index: int) -> Place:
        """A file, whose turn it is."""
        place = self._places[index]
        if isinstance(place, Path):
            return place
        now = self._coming.pop(index, place)
        step = 0 if self._last is None else index - self._last
        self._last = index
        self._coming = {later: coming for later, coming in self._coming.items() if later > index}
        if step > 0:
            self._begin(range(index + step, len(self._places), step))
        return now

    def _begin(self, wanted: Sequence[int]) -> None:
        """Has the first of these on their way."""
        for index in wanted[:_AT_ONCE]:
            place = self._places[index]
            if isinstance(place, RemotePath) and index not in self._coming and len(self._coming) < _AT_ONCE:
                self._coming[index] = replace(place, fetched=self._pool.submit(place.read_bytes))

    @property
    def _pool(self) -> ThreadPoolExecutor:
        self._threads = self._threads or ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="files")
        return self._threads


def require_writable(folder: RemotePath) -> None:
    """Writes a file without content, and removes it.

    Raises:
        RemoteError: that was refused.
    """
    system, path = _opened(folder)
    probe = f"{path}/{_PROBE}"
    with _told("write", folder):
        _make_folder_of(system, probe)
        system.pipe_file(probe, b"")
        system.rm_file(probe)


def upload(
    files: Mapping[str, Path], folder: RemotePath, *, last: str, done: Callable[[int], Any] = lambda size: None
) -> None:
    """Copies files into a folder, and compares their sizes; a file that is there in its size is left as it is.

    Args:
        files: by their paths in the folder.
        folder: made where it is absent.
        last: of the files, the one that is copied when all others are there; where it is there, so are they.
        done: is given the size of each file that is there, one at a time.

    Raises:
        RemoteError: it could not be written, three times for each file, or what is there then has another size.
    """
    sizes = {name: file.stat().st_size for name, file in files.items()}
    there = files_below(folder)
    if there.get(last) == sizes[last]:
        return
    told = _one_at_a_time(done)

    def put(name: str) -> None:
        if there.get(name) != sizes[name] or name == last:
            system, path = _opened(folder / name)
            with _told("write", folder / name):
                _tried(lambda: _put(system, files[name], path))
        told(sizes[name])

    others = [name for name in files if name != last]
    _in_threads(put, others)
    _require_sizes({name: sizes[name] for name in others}, folder)
    put(last)
    _require_sizes({last: sizes[last]}, folder)


def _require_sizes(sizes: Mapping[str, int], folder: RemotePath) -> None:
    there = files_below(folder)
    wrong = next((name for name, size in sizes.items() if there.get(name) != size), None)
    if wrong is not None:
        found = f"it has {there.get(wrong, 'no')} bytes there, and {sizes[wrong]} here"
        raise RemoteError(f"could not write {folder / wrong}", found)


def download(folder: RemotePath, names: Iterable[str], target: Path) -> None:
    """Copies files of a folder to this machine; each gets its name when it is complete.

    Args:
        folder: that they are in.
        names: their paths in it.
        target: the folder that gets them, under the same paths.

    Raises:
        FileNotFoundError, RemoteError: one could not be read.
        ValueError: a name that leads out of the folder.
    """

    def get(name: str) -> None:
        parts = PurePosixPath(name).parts
        if ".." in parts or PurePosixPath(name).is_absolute():
            raise ValueError(f"the file {name!r} of {folder} leads out of the folder; remove it there")
        file = target.joinpath(*parts)
        draft = file.with_name(f"{file.name}{_DRAFT}")
        file.parent.mkdir(parents=True, exist_ok=True)
        system, path = _opened(folder / name)
        with _told("read", folder / name):
            _tried(lambda: system.get_file(path, str(draft)))
        os.replace(draft, file)

    _in_threads(get, names)


@contextmanager
def downloaded(folder: RemotePath, names: Iterable[str]) -> Iterator[Path]:
    """A copy of files of a folder on this machine, which is there as long as the context is open.

    Raises:
        FileNotFoundError, RemoteError, ValueError: as for `download`.
    """
    with tempfile.TemporaryDirectory(prefix="explainer-") as made:
        copy = Path(made) / (folder.name or "summary")
        copy.mkdir()
        download(folder, names, copy)
        yield copy


# ---- fsspec ----


def _opened(place: RemotePath) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(f"a URL needs fsspec and s3fs, got {place}: {_EXTRA}") from error
    try:
        system, path = url_to_fs(place.url, use_listings_cache=False)  # others write there, too
    except ImportError as error:
        do = _EXTRA if "s3fs" in str(error) else _reason(error)
        raise MissingExtraError(f"the URL {place} needs a package that is not installed: {do}") from error
    except ValueError as error:
        raise ValueError(f"the URL {place} is of a kind that cannot be read: {_reason(error)}") from error
    except Exception as error:  # some connect at once
        raise RemoteError(f"could not reach {place}", _reason(error)) from error
    return system, str(path)


@contextmanager
def _told(what: str, place: RemotePath) -> Iterator[None]:
    """One sentence of whatever a file system raises."""
    try:
        yield
    except Exception as error:
        if what == "read" and isinstance(error, FileNotFoundError):
            raise FileNotFoundError(errno.ENOENT, "it is not there", str(place)) from error
        kinds = [kind.__name__ for kind in type(error).__mro__]
        hint = next((text for kind, text in _HINTS.items() if kind in kinds), "")
        raise RemoteError(f"could not {what} {place}", f"{_reason(error)}{hint}") from error


def _reason(error: Exception) -> str:
    said = (
        getattr(error, "strerror", None) or str(error) or f"the kind of URL does not allow it ({type(error).__name__})"
    )
    return _without_secrets(" ".join(str(said).split())).rstrip(".")


def _without_secrets(text: str) -> str:
    return _QUERY.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))


def _tried(action: Callable[[], _Found]) -> _Found:
    """What an action gives, tried again where that may help."""
    for pause in _PAUSES:
        try:
            return action()
        except _FINAL:
            raise
        except Exception:
            time.sleep(pause)
    return action()


def _make_folder_of(system: Any, path: str) -> None:
    """Makes the folder of a file that is to be written, where files lie in folders."""
    kinds = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if _WITHOUT_FOLDERS.isdisjoint(kinds):
        system.makedirs(path.rpartition("/")[0], exist_ok=True)


def _put(system: Any, file: Path, target: str) -> None:
    _make_folder_of(system, target)
    system.put_file(str(file), target)


def _one_at_a_time(action: Callable[[int], Any]) -> Callable[[int], None]:
    acting = Lock()

    def locked(size: int) -> None:
        with acting:
            action(size)

    return locked


def _in_threads(action: Callable[[str], None], names: Iterable[str]) -> None:
    """Has many files on their way; at the first error nothing more is begun."""
    left, taking, ended = iter(names), Lock(), Event()

    def work() -> None:
        try:
            while not ended.is_set():
                with taking:
                    name = next(left, None)
                if name is None:
                    return
                action(name)
        except BaseException:
            ended.set()
            raise

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="files") as threads:
        try:
            for found in [threads.submit(work) for _ in range(_AT_ONCE)]:
                found.result()
        finally:
            ended.set()
