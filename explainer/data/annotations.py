"""What a file of annotations says: which objects are on which picture, and where. One reader for each format beside it.

Such files come from strangers: names are compared with those of pictures that were found, and never opened.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from explainer.checks import require_file
from explainer.remote import Place

BoxNumbers = tuple[float, float, float, float]
"""[x, y, width, height] in pixels of the picture, upright; x across from its left edge, y down from its top."""

MOST_BYTES = 2**30  # of a file of annotations; that of COCO's training images has 0.45 GB
_FARTHEST = 1e6  # pixels


@dataclass(frozen=True)
class AnnotatedObject:
    """An object: its label as the file calls it, None where it does not, its box where it has one, and its place."""

    label: str | None
    box: BoxNumbers | None = None
    where: str = ""


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture as a file names it, with its objects, and (width, height) where the file says them."""

    name: str
    objects: tuple[AnnotatedObject, ...] = ()
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Annotations:
    """What a file says.

    Attributes:
        pictures: each once, in the order of the file.
        categories: the names of its classes in the order of their ids, for a file that lists them.
        crowds: how many boxes around groups of objects were left out; their labels are there.
        numbers: whether labels may be told by their indices, too.
    """

    pictures: tuple[AnnotatedPicture, ...]
    categories: tuple[str, ...] = ()
    crowds: int = 0
    numbers: bool = False


def box_of(values: Iterable[Any], where: str) -> BoxNumbers:
    """The four numbers of a box.

    Raises:
        ValueError: other than four finite numbers, or a negative width or height; says where.
    """
    box = tuple(number_of(value, where) for value in values)
    if len(box) != 4:
        raise ValueError(f"a box must be [x, y, width, height], got {len(box)} numbers {where}")
    if box[2] < 0 or box[3] < 0:
        raise ValueError(f"a box must have a width and height of at least 0, got {box[2]:g} x {box[3]:g} {where}")
    return box[0], box[1], box[2], box[3]


def number_of(value: Any, where: str) -> float:
    """A number of pixels, also from text.

    Raises:
        ValueError: it is none; says where.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= _FARTHEST:
        raise ValueError(f"a box must be given in numbers of pixels, got {str(value)[:40]!r} {where}")
    return number


def content_of(path: Place, name: str, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a file of annotations.

    Raises:
        ValueError: it cannot be read, or has more bytes; calls the path by `name`.
    """
    require_file(name, path)
    try:
        if path.stat().st_size > most_bytes:
            raise ValueError(f"{name} {path} must have at most {most_bytes:,} bytes, got {path.stat().st_size:,}")
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{name} {path} could not be read: {error.strerror or error}") from error


def text_of(path: Place, name: str) -> str:
    """The text of such a file.

    Raises:
        ValueError: as `content_of`, or it is not UTF-8.
    """
    try:
        return content_of(path, name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} {path} must be UTF-8 text: {error.reason} at byte {error.start}") from error
