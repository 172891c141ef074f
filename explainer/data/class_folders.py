"""Pictures in a folder for each class, as torchvision's ImageFolder has them: photos/cat/1.png."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from explainer.data.labels import LabelNames
from explainer.data.pictures import Picture, PictureObject


def class_folders(pictures: Sequence[Picture]) -> list[str]:
    """The folders that hold the pictures, sorted by name, as ImageFolder numbers them."""
    return sorted({folder for picture in pictures if (folder := _folder(picture))})


def labelled_by_folder(
    pictures: Sequence[Picture], labels: LabelNames
) -> tuple[tuple[Picture, ...], dict[str, tuple[int, str]]]:
    """The pictures with the labels of their folders; and each folder that is no label: its pictures, what it may mean.

    Pictures that lie in no folder, or in one that is no label, have none.
    """
    found = tuple(_labelled(picture, labels.index_of(_folder(picture))) for picture in pictures)
    counts = Counter(_folder(picture) for picture in pictures)
    unknown = {name: counts[name] for name in class_folders(pictures) if labels.index_of(name) is None}
    return found, {name: (count, _hint(name, pictures, labels)) for name, count in unknown.items()}


def _hint(name: str, pictures: Sequence[Picture], labels: LabelNames) -> str:
    """What a folder may have meant: a label, or the folder above those of the labels."""
    paths = [PurePosixPath(picture.name).parts for picture in pictures if _folder(picture) == name]
    if any(len(parts) > 2 and labels.index_of(parts[1]) is not None for parts in paths):
        return " (the folders in it are labels, so give that folder)"
    return labels.hint(name)


def _labelled(picture: Picture, label: int | None) -> Picture:
    return picture if label is None else replace(picture, objects=(PictureObject(label),))


def _folder(picture: Picture) -> str:
    """The name of the uppermost folder that a picture lies in; "" for one that lies in none."""
    parts = PurePosixPath(picture.name).parts
    return parts[0] if len(parts) > 1 else ""
