"""Pictures with the labels and boxes that a file of annotations has for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from explainer.data.annotations import AnnotatedObject, AnnotatedPicture, Annotations
from explainer.data.labels import LabelNames
from explainer.data.pictures import Picture, PictureObject


@dataclass
class Unmatched:
    """What of a file of annotations did not fit.

    Attributes:
        missing: the names of pictures that are not there.
        unknown: how often each name is no label.
        places: where each of these stands first.
        unlabelled: how many boxes are on pictures without a label, to which they could belong.
    """

    missing: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)
    unlabelled: int = 0


class PictureNames:
    """The pictures of a folder by what a file calls them: the path in the folder, or its end if no other has that."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._by_name = {picture.name: picture for picture in pictures}
        self._by_end: dict[str, list[Picture]] = defaultdict(list)
        for picture in pictures:
            self._by_end[PurePosixPath(picture.name).name].append(picture)

    def find(self, name: str) -> Picture | None:
        """The picture of that name; None where there is none.

        Raises:
            ValueError: several end like this.
        """
        wanted = PurePosixPath(name.replace("\\", "/"))
        exact = self._by_name.get(wanted.as_posix())
        if exact is not None:
            return exact
        alike = [
            picture
            for picture in self._by_end.get(wanted.name, [])
            if PurePosixPath(picture.name).parts[-len(wanted.parts) :] == wanted.parts
        ]
        if len(alike) > 1:
            names = " and ".join(repr(picture.name) for picture in alike[:2])
            raise ValueError(f"{name[:200]!r} must be told by its path in the folder, as {names} end like this")
        return alike[0] if alike else None


def annotated(
    pictures: Sequence[Picture], annotations: Annotations, labels: LabelNames
) -> tuple[tuple[Picture, ...], Unmatched]:
    """The pictures that are annotated, with labels and boxes, in the order in which they were given.

    Raises:
        ValueError: a name of a picture that several could have.
    """
    unmatched = Unmatched()
    of_file: dict[str, Picture] = {}
    for picture, entry in _found(pictures, annotations, unmatched):
        objects = tuple(_known(entry.objects, labels, annotations.numbers, unmatched))
        before = of_file[picture.name].objects if picture.name in of_file else ()
        of_file[picture.name] = replace(picture, objects=before + objects, annotated_size=entry.size)
    return tuple(of_file[picture.name] for picture in pictures if picture.name in of_file), unmatched


def with_boxes(
    pictures: Sequence[Picture], annotations: Annotations, labels: LabelNames
) -> tuple[tuple[Picture, ...], Unmatched]:
    """All pictures, with the boxes that are there for their labels; a box without a label is of the picture's only one.

    Raises:
        ValueError: a name of a picture that several could have; a box of a label that its picture has not, or without
            a label where the picture has several.
    """
    unmatched = Unmatched()
    boxes: dict[str, tuple[PictureObject, ...]] = {}
    for picture, entry in _found(pictures, annotations, unmatched):
        told = tuple(_told(entry.objects, picture, labels, unmatched))
        found = tuple(_known(told, labels, annotations.numbers, unmatched))
        _require_labels_of(picture, found, told, labels)
        boxes[picture.name] = boxes.get(picture.name, ()) + found
    return tuple(replace(one, objects=one.objects + boxes.get(one.name, ())) for one in pictures), unmatched


def _told(
    objects: Sequence[AnnotatedObject], picture: Picture, labels: LabelNames, unmatched: Unmatched
) -> Iterator[AnnotatedObject]:
    """The objects with a label each, that of the picture where the file tells none."""
    for found in objects:
        if found.label is not None:
            yield found
        elif len(picture.labels) == 1:
            yield replace(found, label=labels.name_of(picture.labels[0]))
        elif not picture.labels:
            unmatched.unlabelled += 1
        else:
            names = ", ".join(map(labels.name_of, picture.labels))
            raise ValueError(
                f"a box must tell its label where the picture has several ({names}), got none {found.where}; add the "
                "column label"
            )


def _require_labels_of(
    picture: Picture, found: Sequence[PictureObject], told: Sequence[AnnotatedObject], labels: LabelNames
) -> None:
    other = next((one.label for one in found if one.label not in picture.labels), None)
    if other is not None:
        name = labels.name_of(other)
        where = next((one.where for one in told if one.label in (name, str(other))), "")
        has = ", ".join(map(labels.name_of, picture.labels)) or "none"
        raise ValueError(
            f"a box must be of a label that its picture {picture.name!r} has ({has}), got {name!r} {where}; give a "
            "file of labels and boxes as --labels-csv"
        )


def _found(
    pictures: Sequence[Picture], annotations: Annotations, unmatched: Unmatched
) -> Iterator[tuple[Picture, AnnotatedPicture]]:
    names = PictureNames(pictures)
    for entry in annotations.pictures:
        picture = names.find(entry.name)
        if picture is None:
            unmatched.missing.append(entry.name)
        else:
            yield picture, entry


def _known(
    objects: Sequence[AnnotatedObject], labels: LabelNames, numbers: bool, unmatched: Unmatched
) -> Iterator[PictureObject]:
    """The objects whose labels are known; the others are counted."""
    for found in objects:
        name = found.label or ""
        index = labels.index_of_name_or_number(name) if numbers else labels.index_of(name)
        if index is not None:
            yield PictureObject(index, found.box)
        else:
            unmatched.unknown[name] += 1
            unmatched.places.setdefault(name, found.where)
