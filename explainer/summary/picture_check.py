"""Whether the pictures and maps of a run are there, can be decoded, and are those that were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, RawMapFile, SaliencyFile
from explainer.summary import images, raw_maps
from explainer.summary.folder import inside
from explainer.summary.reader import SampleView

PictureFile = ImageFile | SaliencyFile | RawMapFile
"""What lies in a file of its own: a picture, or a map as floats."""


@dataclass(frozen=True)
class _Found:
    """What a file turned out to be.

    digest: of its bytes; is_grey: of a picture; largest: absolute value that a map as floats stores; wrong: why it is
    neither.
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
    """

    def __init__(self, summary_dir: Path, most_pixels: int = images.LARGEST_PICTURE) -> None:
        self._summary_dir = summary_dir
        self._most_pixels = most_pixels
        self._pictures: dict[str, _Found] = {}
        self._raw_maps: dict[str, _Found] = {}
        # Of each path in a record where it leads to, or why it leads nowhere.
        self._found_at: dict[str, Path | str] = {}

    @property
    def complete(self) -> int:
        """How many of the files that were looked at are pictures."""
        return sum(not found.wrong for found in self._pictures.values())

    @property
    def complete_raw_maps(self) -> int:
        """How many of them are maps as floats."""
        return sum(not found.wrong for found in self._raw_maps.values())

    def has_seen(self, path: str) -> bool:
        """Whether a record named the file, by the path where it really lies."""
        return path in self._pictures or path in self._raw_maps

    def problem(self, file: PictureFile) -> str | None:
        """What is wrong with a file; None where nothing is."""
        target = self._target_of(file.path)
        if isinstance(target, str):
            return target
        found = self._look_at(target, file)
        if found.wrong:
            return found.wrong
        if file.digest and file.digest != found.digest:
            return f"is not the {_kind_of(file)} that was recorded"
        if isinstance(file, SaliencyFile) and not found.is_grey:
            return "is no grey picture, as a saliency map must be"
        return _scale_problem(file, found) if isinstance(file, RawMapFile) else None

    def content(self, file: PictureFile) -> bytes:
        """The bytes of a file that has no problem.

        Raises:
            SummaryReadError: it is not the file any more that was looked at.
        """
        path = inside(self._summary_dir, file.path)
        try:
            content = content_of(path, file, self._most_pixels)
        except OSError as error:
            raise SummaryReadError(f"could not read the {_kind_of(file)} {file.path!r}: {error}") from error
        if digest_of(content) != self._look_at(path, file).digest:
            raise SummaryReadError(f"the {_kind_of(file)} {file.path!r} changed while it was read")
        return content

    def _target_of(self, path: str) -> Path | str:
        if path not in self._found_at:
            try:
                self._found_at[path] = inside(self._summary_dir, path)
            except SummaryReadError as error:
                self._found_at[path] = str(error)
        return self._found_at[path]

    def _look_at(self, path: Path, file: PictureFile) -> _Found:
        key, known = str(path), self._raw_maps if isinstance(file, RawMapFile) else self._pictures
        if key not in known:
            known[key] = self._look(path, file)
        return known[key]

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


def _kind_of(file: PictureFile) -> str:
    return "map" if isinstance(file, RawMapFile) else "picture"
