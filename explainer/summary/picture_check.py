"""Whether the pictures and maps of a run are there, can be decoded, and are those that were recorded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, RawMapFile, SaliencyFile
from explainer.summary import images, raw_maps
from explainer.summary.folder import JobFolder
from explainer.summary.name_numbers import NameNumbers
from explainer.summary.reader import SampleView

PictureFile = ImageFile | SaliencyFile | RawMapFile
"""What lies in a file of its own: a picture, or a map as floats."""
_KINDS = ("picture", "map")
_DIGEST = 16  # bytes
_MOST_FOLLOWED = 1_000  # paths; most are named once, and a stranger's file can name one for ever


@dataclass(frozen=True)
class _Found:
    """What a file turned out to be.

    digest: of its bytes, or the beginning of it; is_grey: of a picture; largest: absolute value that a map as floats
    stores; wrong: why it is neither.
    """

    digest: bytes = b""
    is_grey: bool = False
    largest: float = 0.0
    wrong: str = ""


def files_of(sample: SampleView) -> list[PictureFile]:
    """All files of a sample: its picture, those of its maps, and the maps as floats."""
    return [sample.image, *sample.maps, *(entry.raw for entry in sample.maps if entry.raw is not None)]


def content_of(path: Path, file: PictureFile, most_pixels: int = images.LARGEST_PICTURE) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is no such file, or it is longer than the largest of its kind needs.
    """
    if isinstance(file, RawMapFile):
        return raw_maps.content_of(path, most_pixels)
    return images.content_of(path, most_pixels)


class PictureCheck:
    """Looks at the pictures and maps of a job folder, at each file once, however many records name it.

    Args:
        summary_dir: the job folder.
        most_pixels: a picture of more is not decoded.

    Attributes:
        complete: how many of the files that were looked at are pictures.
        complete_raw_maps: how many of them are maps as floats.
    """

    def __init__(self, summary_dir: Path, most_pixels: int = images.LARGEST_PICTURE) -> None:
        self._folder = JobFolder(summary_dir)
        self._most_pixels = most_pixels
        self._known = NameNumbers()  # of each file that is a picture or a map, by its kind and path
        self._wrong: dict[str, str] = {}  # why others are neither
        self._followed: dict[str, Path | str] = {}  # paths in records: where one leads to, or why it leads nowhere
        self.complete = 0
        self.complete_raw_maps = 0

    def has_seen(self, path: str) -> bool:
        """Whether a record named the file, by the path where it really lies."""
        names = (f"{kind} {path}" for kind in _KINDS)
        return any(name in self._wrong or self._known.get(name) is not None for name in names)

    def problem(self, file: PictureFile) -> str | None:
        """What is wrong with a file; None where nothing is."""
        target = self._target_of(file.path)
        if isinstance(target, str):
            return target
        found = self._look_at(target, file)
        if found.wrong:
            return found.wrong
        if file.digest and not _is_digest(found, file.digest):
            return f"is not the {_kind_of(file)} that was recorded"
        if isinstance(file, SaliencyFile) and not found.is_grey:
            return "is no grey picture, as a saliency map must be"
        return _scale_problem(file, found) if isinstance(file, RawMapFile) else None

    def content(self, file: PictureFile) -> bytes:
        """The bytes of a file that has no problem.

        Raises:
            SummaryReadError: it is not the file any more that was looked at.
        """
        path = self._folder.inside(file.path)
        try:
            content = content_of(path, file, self._most_pixels)
        except OSError as error:
            raise SummaryReadError(f"could not read the {_kind_of(file)} {file.path!r}: {error}") from error
        if not _is_digest(self._look_at(path, file), digest_of(content)):
            raise SummaryReadError(f"the {_kind_of(file)} {file.path!r} changed while it was read")
        return content

    def _target_of(self, path: str) -> Path | str:
        if path not in self._followed:
            if len(self._followed) >= _MOST_FOLLOWED:
                self._followed.clear()
            try:
                self._followed[path] = self._folder.inside(path)
            except SummaryReadError as error:
                self._followed[path] = str(error)
        return self._followed[path]

    def _look_at(self, path: Path, file: PictureFile) -> _Found:
        name = f"{_kind_of(file)} {path}"
        known = self._known.get(name)
        if known is not None:
            return _unpacked(known, file)
        if name in self._wrong:
            return _Found(wrong=self._wrong[name])
        found = self._look(path, file)
        self._remember(name, found, file)
        return found

    def _remember(self, name: str, found: _Found, file: PictureFile) -> None:
        if found.wrong:
            self._wrong[name] = found.wrong
            return
        self._known.put(name, _packed(found, file))
        if isinstance(file, RawMapFile):
            self.complete_raw_maps += 1
        else:
            self.complete += 1

    def _look(self, path: Path, file: PictureFile) -> _Found:
        try:
            content = content_of(path, file, self._most_pixels)
            if isinstance(file, RawMapFile):
                values = raw_maps.stored_values(content, self._most_pixels)
                return _Found(digest_of(content), largest=float(np.abs(values).max()))
            pixels = images.pixels_of(content, self._most_pixels)
        except FileNotFoundError:
            return _Found(wrong="is missing")
        except OSError as error:
            return _Found(wrong=f"cannot be read: {error}")
        return _Found(digest_of(content), pixels.ndim == 2)


def _scale_problem(file: RawMapFile, found: _Found) -> str | None:
    try:
        raw_maps.require_scalable(found.largest, file.exponent)
    except OSError as error:
        return f"cannot be read: {error}"
    return None


def _is_digest(found: _Found, digest: bytes) -> bool:
    return bool(found.digest) and len(digest) == _DIGEST and digest.startswith(found.digest)


def _packed(found: _Found, file: PictureFile) -> int:
    """What is known of a file, as a number of 64 bits."""
    if isinstance(file, RawMapFile):
        return int.from_bytes(found.digest[:4] + struct.pack("<f", found.largest), "little")
    return int.from_bytes(found.digest[:7] + bytes([found.is_grey]), "little")


def _unpacked(known: int, file: PictureFile) -> _Found:
    content = known.to_bytes(8, "little")
    if isinstance(file, RawMapFile):
        return _Found(content[:4], largest=struct.unpack("<f", content[4:])[0])
    return _Found(content[:7], is_grey=bool(content[7]))


def _kind_of(file: PictureFile) -> str:
    return _KINDS[isinstance(file, RawMapFile)]
