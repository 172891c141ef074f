"""Folders of pictures: their files and labels, and the images that a network takes, one by one."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.data.batch import SourceFile
from explainer.data.picture_file import ENDINGS, Decoding, notes_on, read_picture
from explainer.data.preprocess import Preprocess


@dataclass(frozen=True)
class Picture:
    """A file, the index of its label, -1 where that is unknown, and its name: the path in the folder, with "/"."""

    path: Path
    label: int
    name: str = ""


@dataclass(frozen=True)
class FoundPictures:
    """The pictures of a folder, and how much else lies there.

    Attributes:
        pictures: sorted by path.
        others: how many files are no pictures, by their endings in small letters, "" for those without.
        left_out: how many files were not looked at, as the caller wants.
    """

    pictures: tuple[Picture, ...]
    others: Counter[str]
    left_out: int


def read_labels(path: Path, *, name: str = "`path`") -> list[str]:
    """The class names of a file, one per line, blank lines left out.

    Raises:
        ValueError: it cannot be read, or is not UTF-8; calls the path by `name`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{name} {path} could not be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} {path} must be UTF-8 text: {error.reason} at byte {error.start}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def find_pictures(
    folder: Path,
    labels: Sequence[str],
    *,
    is_left_out: Callable[[PurePath], bool] = lambda path: False,
    name: str = "`folder`",
) -> FoundPictures:
    """The pictures of a folder, sorted by path; a subfolder named like a label gives its pictures that label.

    Args:
        folder: is searched with its subfolders.
        labels: the names of the classes.
        is_left_out: whether a path in the folder, relative to it, is not to be explained though it may be a picture.
        name: what messages call the folder.

    Raises:
        ValueError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{name} must be a folder, got {folder}")
    there = [path for path in folder.rglob("*") if not path.is_dir()]
    wanted = [path for path in there if not is_left_out(path.relative_to(folder))]
    files = sorted(path for path in wanted if path.suffix.lower() in ENDINGS and path.is_file())
    if not files:
        raise ValueError(f"{name} must hold pictures ({', '.join(ENDINGS)}), found none in {folder}")
    indices = {label: index for index, label in enumerate(labels)}
    names = [path.relative_to(folder) for path in files]
    pictures = tuple(
        Picture(path, indices.get(name.parts[0], -1), name.as_posix()) for path, name in zip(files, names, strict=True)
    )
    others = Counter(path.suffix.lower() for path in {*wanted} - {*files})
    return FoundPictures(pictures, others, len(there) - len(wanted))


class PictureSource:
    """(image (C, H, W) float32, label () int32) for each picture, read when it is needed.

    A picture that cannot be read becomes an image of NaN, and `fault_of` says why.

    Args:
        pictures: the files.
        preprocess: what they become.
        decoding: how they are decoded.
        note: is given, once for each kind, of pictures that may not be what they seem.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        preprocess: Preprocess,
        decoding: Decoding | None = None,
        note: Callable[[str], Any] = warnings.warn,
    ) -> None:
        self._pictures = pictures
        self._preprocess = preprocess
        self._unread = np.full(preprocess.image_shape, np.nan, np.float32)
        self._decoding = decoding or Decoding()
        self._note = note
        self._noted: set[str] = set()
        self._faults: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[FloatArray, NDArray[np.int32]]:
        label = np.array(self._pictures[index].label, np.int32)
        try:
            image = self._read(self._pictures[index].path)
        except ValueError as error:
            self._faults[index] = str(error)
            return self._unread, label
        return self._preprocess.normalised(image), label

    def __iter__(self) -> Iterator[tuple[FloatArray, NDArray[np.int32]]]:
        return (self[index] for index in range(len(self)))

    def fault_of(self, index: int) -> str | None:
        """Why a picture could not be read when it was needed; None where it could."""
        return self._faults.get(index)

    def source_of(self, index: int) -> SourceFile:
        """The file of a picture."""
        picture = self._pictures[index]
        return SourceFile(picture.name or str(picture.path), picture.path)

    def _read(self, path: Path) -> FloatArray:
        content = read_picture(path, self._preprocess.channels, self._preprocess.framing, self._decoding)
        for kind, text in notes_on(path, content, self._decoding).items():
            if kind not in self._noted:
                self._noted.add(kind)
                self._note(text)
        return content.image
