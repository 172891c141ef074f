"""Folders of pictures: their files, and the images that a network takes, one by one, with labels and boxes."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.checks import require_folder
from explainer.data.annotations import BoxNumbers
from explainer.data.batch import SourceFile
from explainer.data.picture_file import ENDINGS, Decoding, PictureContent, notes_on, read_picture
from explainer.data.preprocess import Preprocess
from explainer.digests import digest_of
from explainer.remote import Place, ReadAhead, places_below

_NO_BOX = (np.nan,) * 4
_UNKNOWN = -1  # where a picture has no label
_SLACK = 1.0  # pixels that a box may reach over the edge by, as roundings do


@dataclass(frozen=True)
class PictureObject:
    """What is on a picture: the index of its label, and its box, [x, y, width, height] in pixels of the file."""

    label: int
    box: BoxNumbers | None = None


@dataclass(frozen=True)
class Picture:
    """A file.

    Attributes:
        path: of the file.
        name: the path in the folder, with "/".
        objects: what is known to be on it; one for a picture with a label and no box.
        annotated_size: (width, height) of the picture that boxes were drawn on, where that is known.
    """

    path: Place
    name: str = ""
    objects: tuple[PictureObject, ...] = ()
    annotated_size: tuple[int, int] | None = None

    @property
    def labels(self) -> tuple[int, ...]:
        """The indices of its labels, in rising order."""
        return tuple(sorted({found.label for found in self.objects}))


@dataclass(frozen=True)
class FoundPictures:
    """The pictures of a folder, and how much else lies there.

    Attributes:
        pictures: sorted by path; nothing is known to be on them.
        others: how many files are no pictures, by their endings in small letters, "" for those without.
        left_out: how many files were not looked at, as the caller wants.
    """

    pictures: tuple[Picture, ...]
    others: Counter[str]
    left_out: int


def find_pictures(
    folder: Place, *, is_left_out: Callable[[PurePath], bool] = lambda path: False, name: str = "`folder`"
) -> FoundPictures:
    """The pictures of a folder and its subfolders, sorted by path.

    Args:
        folder: is searched with its subfolders.
        is_left_out: whether a path in the folder, relative to it, is not to be explained though it may be a picture.
        name: what messages call the folder.

    Raises:
        ValueError: there is no such folder, or no picture in it.
    """
    require_folder(name, folder)
    there = places_below(folder)
    wanted = {file: place for file, place in there.items() if not is_left_out(file)}
    files = sorted(file for file, place in wanted.items() if file.suffix.lower() in ENDINGS and place.is_file())
    if not files:
        raise ValueError(f"{name} must hold pictures ({', '.join(ENDINGS)}), found none in {folder}")
    pictures = tuple(Picture(wanted[file], file.as_posix()) for file in files)
    others = Counter(file.suffix.lower() for file in wanted.keys() - {*files})
    return FoundPictures(pictures, others, len(there) - len(wanted))


class PictureSource:
    """The image of each picture, read when it is needed, with its labels, and the boxes of these where they are wanted.

    Rows are (image (C, H, W) float32, labels (k,) int32, boxes (k, 4) float64): box j, [x, y, width, height] on the
    image, belongs to label j; NaN where that has none. A picture without a label has the label -1. A picture that
    cannot be read becomes an image of NaN, and `fault_of` says why.

    Args:
        pictures: the files.
        preprocess: what they become.
        decoding: how they are decoded.
        with_boxes: whether rows have boxes.
        note: is given, once for each kind, of pictures that may not be what they seem.
        description: what a summary keeps of where the pictures come from, as JSON values.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        preprocess: Preprocess,
        decoding: Decoding | None = None,
        *,
        with_boxes: bool = False,
        note: Callable[[str], Any] = warnings.warn,
        description: Mapping[str, Any] | None = None,
    ) -> None:
        self._pictures = pictures
        self._files = ReadAhead([picture.path for picture in pictures])
        self._preprocess = preprocess
        self._unread = np.full(preprocess.image_shape, np.nan, np.float32)
        self._decoding = decoding or Decoding()
        self._with_boxes = with_boxes
        self._note = note
        self._noted: set[str] = set()
        self._faults: dict[int, str] = {}
        self._digests: dict[int, bytes] = {}  # of what was read and not yet asked for
        self.description = dict(description or {})

    @property
    def columns(self) -> list[str]:
        """The names of what rows hold."""
        return ["image", "label", "boxes"] if self._with_boxes else ["image", "label"]

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        picture = self._pictures[index]
        try:
            content = self._read(picture, self._files[index])
            boxes = self._boxes(picture, content.size)
            self._digests[index] = content.digest
        except ValueError as error:
            self._faults[index] = str(error)
            return self._row(picture, self._unread, _drawn_boxes(picture))
        return self._row(picture, self._preprocess.normalised(content.image), boxes)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        return (self[index] for index in range(len(self)))

    def order_digest(self) -> bytes:
        """blake2b, 16 bytes, of the pictures in their order: names and what is known to be on them, not contents."""
        known = [(picture.name, picture.objects, picture.annotated_size) for picture in self._pictures]
        return digest_of(repr(known).encode("utf-8", "surrogateescape"))

    def fault_of(self, index: int) -> str | None:
        """Why a picture could not be read when it was needed; None where it could."""
        return self._faults.get(index)

    def source_of(self, index: int) -> SourceFile:
        """The file of a picture; what it held when it was read is not read again."""
        picture = self._pictures[index]
        return SourceFile(picture.name or str(picture.path), picture.path, self._digests.pop(index, None))

    def _row(self, picture: Picture, image: FloatArray, boxes: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        labels = np.array([found.label for found in picture.objects] or [_UNKNOWN], np.int32)
        return (image, labels, boxes) if self._with_boxes else (image, labels)

    def _read(self, picture: Picture, file: Place) -> PictureContent:
        content = read_picture(file, self._preprocess.channels, self._preprocess.framing, self._decoding)
        _require_annotated_size(picture, content.size)
        for kind, text in notes_on(picture.path, content, self._decoding).items():
            self._note_once(kind, text)
        return content

    def _boxes(self, picture: Picture, size: tuple[int, int]) -> NDArray[np.float64]:
        """Where the boxes of a picture of (H, W) are on its image; those of which nothing is left are NaN."""
        drawn = _drawn_boxes(picture)
        if not self._with_boxes or np.isnan(drawn).all():
            return drawn
        if _reach_over(drawn, size):
            self._note_once("over", f"{picture.path} has {size[1]} x {size[0]} pixels, and {_OVER}")
        framing = self._preprocess.framing
        placed = framing.placed(drawn, *size)
        empty = ~_is_seen(placed, framing.size)
        if (empty & ~np.isnan(drawn[:, 0])).any():
            self._note_once("cut", f"{picture.path}: {_CUT}")
        placed[empty] = np.nan
        return placed

    def _note_once(self, kind: str, text: str) -> None:
        if kind not in self._noted:
            self._noted.add(kind)
            self._note(text)


_OVER = (
    "a box on it reaches beyond these; such boxes are clipped, and are wrong where they were drawn on a picture of "
    "another size"
)
_CUT = (
    "of a box nothing is left on what the network sees of this picture; such boxes are left out, and a label without "
    "another box has no score by metrics that need one"
)


def _drawn_boxes(picture: Picture) -> NDArray[np.float64]:
    """(k, 4) in pixels of the file; NaN where there is none."""
    return np.array([found.box or _NO_BOX for found in picture.objects] or [_NO_BOX], np.float64)


def _require_annotated_size(picture: Picture, size: tuple[int, int]) -> None:
    """Raises ValueError where boxes were drawn on a picture of another size, so that they would lie elsewhere."""
    width, height = picture.annotated_size or (size[1], size[0])
    if (height, width) != size and any(found.box for found in picture.objects):
        raise ValueError(
            f"the boxes of {picture.path} are for a picture of {width} x {height} pixels, but it has {size[1]} x "
            f"{size[0]}, upright; give the pictures that were annotated, or boxes for these"
        )


def _reach_over(boxes: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Whether a box goes beyond a picture of (H, W)."""
    ends = boxes[:, :2] + boxes[:, 2:]
    return bool((boxes[:, :2] < -_SLACK).any() or (ends > np.array([size[1], size[0]]) + _SLACK).any())


def _is_seen(boxes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes hold a pixel of an image of (H, W), their edges rounded as a run does; False for NaN."""
    edges = np.floor(np.stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]) + 0.5)
    low, high = np.clip(edges, 0, np.array([size[1], size[0]]))
    seen: NDArray[np.bool_] = (high > low).all(axis=1)
    return seen
