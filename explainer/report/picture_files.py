"""The pictures of a run for a report: each file once, and only those that were recorded."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, RawMapFile, SaliencyFile
from explainer.summary import images, raw_maps
from explainer.summary.folder import JobFolder
from explainer.summary.name_numbers import NameNumbers

PictureFile = ImageFile | SaliencyFile
MOST_RAW_BYTES = 64_000_000
"""Of the maps of one sample as floats."""
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


@dataclass(frozen=True, eq=False)
class RawMap:
    """A map as floats: what its file holds, (H, W) float16 or float32; saliency = values * 2 ** exponent."""

    values: NDArray[Any]
    exponent: int


@dataclass(frozen=True)
class Damaged:
    """A picture that cannot be shown, and why. left_out: nothing is wrong with it, there is no room for it."""

    reason: str
    left_out: bool = False


Place = Path | Damaged
"""Where a picture lies, or why it is not looked for."""


class PictureFiles:
    """Where the pictures of a job folder lie; a file that several records name is shown for the one asked for first.

    Our own records name each file once. A stranger's could have a small folder decode one large picture for ever.

    Args:
        summary_dir: the job folder.
    """

    def __init__(self, summary_dir: Path) -> None:
        self._folder = JobFolder(summary_dir)
        self._first = NameNumbers()  # of each file the record that it is shown for

    def place_of(self, entry: PictureFile) -> Place:
        """Where a picture lies; the same each time."""
        return self._place(entry.path, _mark_of(entry))

    def raw_place_of(self, entry: SaliencyFile) -> Place | None:
        """Where a map lies as floats; None where the run did not keep it so."""
        return None if entry.raw is None else self._place(entry.raw.path, _mark_of(entry))

    def _place(self, path: str, mark: int) -> Place:
        try:
            target = self._folder.inside(path)
        except SummaryReadError as error:
            return Damaged(str(error))
        first = self._first.get(str(target))
        if first is None:
            self._first.put(str(target), mark)
        return target if first in (None, mark) else Damaged("is the picture of another record, too")


def _mark_of(entry: PictureFile) -> int:
    """A number that other records do not have."""
    names = (entry.explainer, entry.label) if isinstance(entry, SaliencyFile) else ()
    return int.from_bytes(digest_of(repr((entry.sample_id, *names)).encode())[:8], "little")


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


def raw_maps_read(entries: Sequence[SaliencyFile], places: Sequence[Place | None]) -> list[RawMap | Damaged | None]:
    """The maps of a sample as floats, together at most MOST_RAW_BYTES; None for those that the run did not keep so."""
    found: list[RawMap | Damaged | None] = []
    room = MOST_RAW_BYTES
    for entry, place in zip(entries, places, strict=True):
        raw = None if entry.raw is None or place is None else _raw_map(entry.raw, place, room)
        room -= raw.values.nbytes if isinstance(raw, RawMap) else 0
        found.append(raw)
    return found


def _raw_map(entry: RawMapFile, place: Place, room: int) -> RawMap | Damaged:
    if isinstance(place, Damaged):
        return place
    try:
        if place.is_file() and place.stat().st_size > room:
            return Damaged(f"a sample's maps as floats have more than {MOST_RAW_BYTES:,} bytes", left_out=True)
        content = raw_maps.content_of(place)
        values = raw_maps.stored_values(content)
        raw_maps.require_scalable(float(np.abs(values).max()), entry.exponent)
    except FileNotFoundError:
        return Damaged("the map as floats is missing")
    except OSError as error:
        return Damaged(f"the map as floats cannot be read: {error}")
    if entry.digest and entry.digest != digest_of(content):
        return Damaged("the map as floats is not the one that was recorded")
    return RawMap(values, entry.exponent)


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
