"""The pictures of `explainer run` with labels and boxes, from folders, tables or annotations; what is odd is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explainer.command import picture_text
from explainer.command.picture_options import PictureOptions
from explainer.command.text import not_explained
from explainer.data.annotated import Unmatched, annotated, with_boxes
from explainer.data.annotations import Annotations
from explainer.data.class_folders import class_folders, labelled_by_folder
from explainer.data.coco import read_coco
from explainer.data.csv_annotations import read_table
from explainer.data.labels import LabelNames, numbered, read_labels
from explainer.data.pictures import Picture, find_pictures
from explainer.data.sampling import drawn
from explainer.data.voc import read_voc
from explainer.digests import digest_of
from explainer.remote import Place
from explainer.summary.folder import is_of_a_run

Say = Callable[[str], Any]


@dataclass(frozen=True)
class LabelledPictures:
    """What a run explains.

    Attributes:
        labels: the names of the classes.
        pictures: in the order of their paths.
        description: what a summary keeps of how they were chosen, as JSON values.
    """

    labels: list[str]
    pictures: tuple[Picture, ...]
    description: dict[str, Any]

    @property
    def has_boxes(self) -> bool:
        """Whether any picture has a box."""
        return any(found.box is not None for picture in self.pictures for found in picture.objects)


def labelled_pictures(options: PictureOptions, say: Say) -> LabelledPictures:
    """The pictures that the options choose.

    Args:
        options: of the command.
        say: is given notes.

    Raises:
        ValueError: what does not fit, by the name of its option.
    """
    found = find_pictures(options.images, is_left_out=is_of_a_run, name="--images")
    for note in not_explained(found.others, found.left_out):
        say(f"--images: {note}")
    table = _annotations(options)
    labels, names = _labels(options, found.pictures, table, say)
    if table is None:
        pictures = _by_folder(found.pictures, names, options, say)
    else:
        pictures = _by_file(found.pictures, table, names, options, say)
    if options.boxes is not None:
        pictures = _with_boxes(pictures, options.boxes, names, options, say)
    kept = _kept(pictures, options)
    return LabelledPictures(labels, kept, options.recorded | _chosen(pictures, kept))


def _annotations(options: PictureOptions) -> Annotations | None:
    """What the file of labels says; None where there is none."""
    if options.labels_csv is not None:
        return read_table(options.labels_csv, "--labels-csv", ("file", "label"))
    if options.annotations is None:
        return None
    return (read_voc if options.annotations.is_dir() else read_coco)(options.annotations, "--annotations")


def _labels(
    options: PictureOptions, pictures: tuple[Picture, ...], table: Annotations | None, say: Say
) -> tuple[list[str], LabelNames]:
    """The labels, doubled ones numbered, and what finds them again."""
    if options.labels is not None:
        told = read_labels(options.labels, name="--labels")
    elif table is not None and table.categories:
        told = list(table.categories)
        say(picture_text.labels_of_categories(told))
    elif table is None and class_folders(pictures):
        told = class_folders(pictures)
        say(picture_text.labels_of_folders(told))
    else:
        raise ValueError(picture_text.no_labels())
    labels, doubles = numbered(told)
    if doubles:
        say(picture_text.doubles(doubles, labels))
    return labels, LabelNames(labels, doubles)


def _by_folder(
    pictures: tuple[Picture, ...], names: LabelNames, options: PictureOptions, say: Say
) -> tuple[Picture, ...]:
    labelled, unknown = labelled_by_folder(pictures, names)
    if unknown and options.on_unknown_label == "raise":
        raise ValueError(picture_text.unknown_folders(unknown))
    if unknown:
        say(picture_text.without_label(unknown))
    return labelled


def _by_file(
    pictures: tuple[Picture, ...], table: Annotations, names: LabelNames, options: PictureOptions, say: Say
) -> tuple[Picture, ...]:
    option = "--labels-csv" if options.labels_csv is not None else "--annotations"
    chosen, unmatched = annotated(pictures, table, names)
    _tell(option, table, unmatched, names, options, say)
    if table.crowds:
        say(picture_text.crowds_left_out(table.crowds))
    if len(chosen) < len(pictures):
        say(picture_text.not_annotated(option, len(pictures) - len(chosen)))
    return chosen


def _with_boxes(
    pictures: tuple[Picture, ...], path: Place, names: LabelNames, options: PictureOptions, say: Say
) -> tuple[Picture, ...]:
    table = read_table(path, "--boxes", ("file", "x", "y", "w", "h"))
    boxed, unmatched = with_boxes(pictures, table, names)
    _tell("--boxes", table, unmatched, names, options, say)
    if unmatched.unlabelled:
        say(picture_text.boxes_without_label(unmatched.unlabelled))
    return boxed


def _tell(
    option: str, table: Annotations, unmatched: Unmatched, names: LabelNames, options: PictureOptions, say: Say
) -> None:
    """Says what of a file does not fit; ValueError where nothing fits, or labels are unknown and must not be."""
    missing, unknown = unmatched.missing, unmatched.unknown
    if len(missing) == len(table.pictures):
        raise ValueError(picture_text.no_picture_there(option, missing))
    if unknown and options.on_unknown_label == "raise":
        found = {name: f" {unmatched.places[name]}{names.hint(name)}" for name in unknown}
        raise ValueError(picture_text.unknown_names(option, found))
    if unknown:
        say(picture_text.names_left_out(option, unknown))
    if missing:
        say(picture_text.pictures_not_there(option, missing, len(table.pictures)))


def _kept(pictures: tuple[Picture, ...], options: PictureOptions) -> tuple[Picture, ...]:
    """The first pictures, or those that are drawn."""
    if options.limit is None or options.sample_seed is None:
        return pictures[: options.limit]
    return drawn(pictures, options.limit, options.sample_seed)


def _chosen(pictures: tuple[Picture, ...], kept: tuple[Picture, ...]) -> dict[str, Any]:
    return {"of": len(pictures) if len(kept) < len(pictures) else None, "boxes": _boxes_digest(kept)}


def _boxes_digest(pictures: tuple[Picture, ...]) -> str | None:
    """What tells these boxes from others; None where there is none."""
    boxes = [(picture.name, found.label, found.box) for picture in pictures for found in picture.objects if found.box]
    return digest_of(repr(boxes).encode()).hex() if boxes else None
