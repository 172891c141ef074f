"""Whether the pictures of a run are there, can be decoded, and are those that were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, SaliencyFile
from explainer.summary import images
from explainer.summary.folder import inside

PictureFile = ImageFile | SaliencyFile


@dataclass(frozen=True)
class _Found:
    """What a file turned out to be. digest: of its bytes; wrong: why it is no picture."""

    digest: bytes = b""
    is_grey: bool = False
    wrong: str = ""


class PictureCheck:
    """Looks at the pictures of a job folder, at each file once, however many records name it.

    Args:
        summary_dir: the job folder.
        most_pixels: a picture of more is not decoded.
    """

    def __init__(self, summary_dir: Path, most_pixels: int = images.LARGEST_PICTURE) -> None:
        self._summary_dir = summary_dir
        self._most_pixels = most_pixels
        self._found: dict[str, _Found] = {}
        # Of each path in a record where it leads to, or why it leads nowhere.
        self._found_at: dict[str, Path | str] = {}

    @property
    def complete(self) -> int:
        """How many of the files that were looked at are pictures."""
        return sum(not found.wrong for found in self._found.values())

    def has_seen(self, path: str) -> bool:
        """Whether a record named the file, by the path where it really lies."""
        return path in self._found

    def problem(self, picture: PictureFile) -> str | None:
        """What is wrong with a picture; None where nothing is."""
        target = self._target_of(picture.path)
        if isinstance(target, str):
            return target
        found = self._look_at(target)
        if found.wrong:
            return found.wrong
        if picture.digest and picture.digest != found.digest:
            return "is not the picture that was recorded"
        if isinstance(picture, SaliencyFile) and not found.is_grey:
            return "is no grey picture, as a saliency map must be"
        return None

    def content(self, picture: PictureFile) -> bytes:
        """The bytes of a picture that has no problem.

        Raises:
            SummaryReadError: it is not the file any more that was looked at.
        """
        path = inside(self._summary_dir, picture.path)
        try:
            content = images.content_of(path, self._most_pixels)
        except OSError as error:
            raise SummaryReadError(f"could not read the picture {picture.path!r}: {error}") from error
        if digest_of(content) != self._look_at(path).digest:
            raise SummaryReadError(f"the picture {picture.path!r} changed while it was read")
        return content

    def _target_of(self, path: str) -> Path | str:
        if path not in self._found_at:
            try:
                self._found_at[path] = inside(self._summary_dir, path)
            except SummaryReadError as error:
                self._found_at[path] = str(error)
        return self._found_at[path]

    def _look_at(self, path: Path) -> _Found:
        key = str(path)
        if key not in self._found:
            self._found[key] = self._look(path)
        return self._found[key]

    def _look(self, path: Path) -> _Found:
        try:
            content = images.content_of(path, self._most_pixels)
            pixels = images.pixels_of(content, self._most_pixels)
        except FileNotFoundError:
            return _Found(wrong="is missing")
        except OSError as error:
            return _Found(wrong=f"cannot be read: {error}")
        return _Found(digest_of(content), pixels.ndim == 2)
