"""What `explainer run` says about pictures, labels and boxes: its help, and its notes and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_MOST_NAMED = 3
_LONGEST = 60  # letters of a name in a message

IMAGES = "Folder of pictures, or its URL (s3://bucket/folder)."
LABELS = "One class name per line; by default the names of the class folders, or COCO's categories."
LABELS_CSV = "Labels, and boxes, of pictures: a table with the columns file, label and x, y, w, h."
ANNOTATIONS = "Labels and boxes as COCO (a JSON file of instances) or Pascal VOC (a folder of XML files) have them."
BOXES = "Boxes alone: a table with the columns file, x, y, w, h, and label where a picture has several."
ON_UNKNOWN_LABEL = "End at a folder or name that is no label, or explain its pictures without it."
PREPROCESS = (
    "imagenet: shorter edge 256, crop 224, ImageNet's mean and std; cifar: 32 x 32, CIFAR's; none: pixels between 0 "
    "and 1. Options that are given come first."
)
SIZE = "Resize pictures to height and width, whatever their proportions."
RESIZE = "Resize pictures to this shorter edge, before the crop."
CENTER_CROP = "Keep the middle in proportion: N x N pixels, or height and width."
CHANNELS = "1 for grey, 3 for colour."
MEAN = "Of all channels or of each, for pixels in [0, 1]; above 1, for [0, 255]."
LIMIT = "Explain N pictures only: the first, or those that --sample-seed draws."
SAMPLE_SEED = "Draw the pictures of --limit at random, each label in its share."
MAX_MEGAPIXELS = "Larger pictures are not decoded."
BITS = "How many bits grey pictures of 16 bits really use, as 12."

PIXELS_AS_THEY_ARE = (
    "no --mean and --std: the network sees pixels between 0 and 1; if it was trained on normalised ones, give both, or "
    "--preprocess imagenet or cifar"
)


def labels_of_folders(labels: Sequence[str]) -> str:
    """The note that folders are the labels."""
    return f"no --labels: the folders of --images are the labels, by name: {_first(labels)}"


def labels_of_categories(labels: Sequence[str]) -> str:
    """The note that a file's categories are the labels."""
    return f"no --labels: the categories of --annotations are the labels, by id: {_first(labels)}"


def no_labels() -> str:
    """The error where nothing tells the labels."""
    return (
        "--labels must name the classes, one per line in the order of the network's outputs, as neither folders of "
        "--images nor --annotations name them"
    )


def doubles(found: Mapping[str, Sequence[int]], labels: Sequence[str]) -> str:
    """The note on labels of one name."""
    parts = [
        f"{_shown(name)} ({', '.join(map(str, indices))}) became {', '.join(repr(labels[index]) for index in indices)}"
        for name, indices in found.items()
    ]
    return f"--labels has names more than once, which are numbered: {'; '.join(parts)}"


def unknown_folders(found: Mapping[str, tuple[int, str]]) -> str:
    """The error of folders that are no labels: how many pictures each has, and what it may have meant."""
    first = [f"{_shown(name)}{hint}" for name, (_, hint) in list(found.items())[:_MOST_NAMED]]
    what = "a folder of --images is" if len(found) == 1 else f"{len(found)} folders of --images are"
    more = len(found) - len(first)
    return (
        f"{what} not in --labels: {', '.join(first)}{f', and {more} more' if more else ''}; rename what is wrong, or "
        "give --on-unknown-label ignore, which explains such pictures without a true label"
    )


def without_label(found: Mapping[str, tuple[int, str]]) -> str:
    """The note on pictures in such folders."""
    count = sum(number for number, _ in found.values())
    return f"--images: {_pictures(count)} in {_first(list(found))} without a true label, as no label has that name"


def unknown_names(option: str, found: Mapping[str, str]) -> str:
    """The error of names in a file that are no labels, with hints and places."""
    first = [f"{_shown(name)}{rest}" for name, rest in list(found.items())[:_MOST_NAMED]]
    what = "a name is" if len(found) == 1 else f"{len(found)} names are"
    more = len(found) - len(first)
    return (
        f"{option}: {what} not in --labels: {', '.join(first)}{f', and {more} more' if more else ''}; correct what is "
        "wrong, or give --on-unknown-label ignore, which leaves out such labels and their boxes"
    )


def names_left_out(option: str, counts: Mapping[str, int]) -> str:
    """The note on labels of a file that are left out."""
    total = sum(counts.values())
    what = "1 entry" if total == 1 else f"{total} entries"
    return f"{option}: {what} left out, as no label has the name {_first(list(counts))}"


def pictures_not_there(option: str, names: Sequence[str], of: int) -> str:
    """The note on pictures that a file names, and that are not in the folder."""
    return f"{option} names {_pictures(of)}, of which {len(names)} are not in --images: {_first(names)}"


def no_picture_there(option: str, names: Sequence[str]) -> str:
    """The error where a file names no picture of the folder."""
    return (
        f"{option} must name pictures of --images, by their path in it or the end of that, but none of those it names "
        f"is there: {_first(names)}; is it the right folder?"
    )


def not_annotated(option: str, count: int) -> str:
    """The note on pictures that a file does not name."""
    return f"--images: {_pictures(count)} left out, as {option} does not name them"


def crowds_left_out(count: int) -> str:
    """The note on boxes around groups."""
    what = "1 box around a crowd left out; its label counts"
    return f"--annotations: {what if count == 1 else f'{count} boxes around crowds left out; their labels count'}"


def boxes_without_label(count: int) -> str:
    """The note on boxes that belong to no label."""
    return f"--boxes: {count} boxes left out, as their pictures have no label; --labels-csv takes labels and boxes"


def no_boxes(metric: str) -> str:
    """The error of a metric that needs boxes where there is none."""
    return (
        f"--metrics: {metric} needs the boxes of objects, and no picture has one; give them by --labels-csv, --boxes "
        "or --annotations, or leave it out"
    )


def labels_do_not_fit(option: str, outputs: int, labels: int) -> str:
    """The error of another number of labels than the network has outputs."""
    return (
        f"{option} must name each of the network's {outputs} outputs, in their order, got {labels} labels; results "
        "would be filed under wrong names"
    )


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(_shown, names[:_MOST_NAMED])) + more


def _shown(name: str) -> str:
    return repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
