"""The pictures of a run for a report: each file once, and only those that were recorded."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, SaliencyFile
from explainer.summary import images
from explainer.summary.folder import inside

PictureFile = ImageFile | SaliencyFile
_FEW_PIXELS = 4_000_000  # of a picture, as many as a thread may decode beside the others


@dataclass(frozen=True)
class PngFile:
    """The bytes of a picture's file, and the picture's size."""

    content: bytes
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was read: its file, and its pixels (H, W) or (H, W, 3 or 4)."""

    file: PngFile
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Damaged:
    """A picture that cannot be shown, and why."""

    reason: str


Place = Path | Damaged
"""Where a picture lies, or why it is not looked for."""


class PictureFiles:
    """Where the pictures of a job folder lie; a file that several records name is shown for the one asked for first.

    Our own records name each file once. A stranger's could have a small folder decode one large picture for ever.

    Args:
        summary_dir: the job folder.
    """

    def __init__(self, summary_dir: Path) -> None:
        self._summary_dir = summary_dir
        self._first: dict[str, PictureFile] = {}

    def place_of(self, entry: PictureFile) -> Place:
        """Where a picture lies; the same each time."""
        again = Damaged("is the picture of another record, too")
        if self._first.setdefault(entry.path, entry) is not entry:
            return again
        try:
            target = inside(self._summary_dir, entry.path)
        except SummaryReadError as error:
            return Damaged(str(error))
        return target if self._first.setdefault(str(target), entry) is entry else again


_one_at_a_time = threading.Lock()


@contextmanager
def picture_read(entry: PictureFile, place: Place) -> Iterator[Picture | Damaged]:
    """A picture, if it is there, can be decoded, and is the one that was recorded.

    A context manager, so that large pictures are worked on one after another: else memory would depend on how many
    threads there are.
    """
    content = _content_of(entry, place)
    large = isinstance(content, bytes) and _claimed_pixels(content) > _FEW_PIXELS
    with _one_at_a_time if large else nullcontext():
        yield content if isinstance(content, Damaged) else _picture_of(entry, content)


def _content_of(entry: PictureFile, place: Place) -> bytes | Damaged:
    if isinstance(place, Damaged):
        return place
    if isinstance(entry, SaliencyFile) and not _is_range(entry.low, entry.high):
        return Damaged(f"the map's values are recorded to reach from {entry.low:g} to {entry.high:g}")
    try:
        return images.content_of(place)
    except FileNotFoundError:
        return Damaged("the picture is missing")
    except OSError as error:
        return _unreadable(error)


def _picture_of(entry: PictureFile, content: bytes) -> Picture | Damaged:
    try:
        pixels = images.pixels_of(content)
    except OSError as error:
        return _unreadable(error)
    if entry.digest and entry.digest != digest_of(content):
        return Damaged("the picture is not the one that was recorded")
    if isinstance(entry, SaliencyFile) and pixels.ndim != 2:
        return Damaged("the picture is not grey, as a saliency map must be")
    return Picture(PngFile(content, pixels.shape[1], pixels.shape[0]), pixels)


def _unreadable(error: OSError) -> Damaged:
    return Damaged(f"the picture cannot be read: {error}")


def _is_range(low: float, high: float) -> bool:
    return math.isfinite(high - low) and low <= high


def _claimed_pixels(content: bytes) -> int:
    """How many a PNG says that it has."""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    return width * height
