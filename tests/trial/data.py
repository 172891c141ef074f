"""Finds and loads the shared trial material. NumPy and Pillow only: the bench imports this without pytest."""

import csv
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
MNIST_MEAN = np.array([0.1307], np.float32)
MNIST_STD = np.array([0.3081], np.float32)

SHARED_VARIABLE = "EXPLAINER_SHARED"


class LabelledImages(NamedTuple):
    """images: (N, C, H, W) float32, normalised; labels: (N,) int32; names: class name of each image."""

    images: Array
    labels: NDArray[np.int32]
    names: list[str]


class Photos(NamedTuple):
    """As LabelledImages, plus boxes: (N, 4) float32, x, y, w, h in pixels, x and y the top left corner."""

    images: Array
    labels: NDArray[np.int32]
    boxes: Array
    names: list[str]


def shared_folder() -> Path:
    """The folder of shared material, present or not: EXPLAINER_SHARED, else `shared` beside the repo."""
    configured = os.environ.get(SHARED_VARIABLE)
    return Path(configured) if configured else Path(__file__).resolve().parents[2].parent / "shared"


def has_shared(part: str = "data") -> bool:
    """Whether `part` ("data" or "golden") of the shared material is present."""
    return (shared_folder() / part).is_dir()


def require_shared(part: str = "data") -> Path:
    """The folder `part` of the shared material; skips the calling test or fixture where it is absent."""
    import pytest

    if not has_shared(part):
        pytest.skip(f"no folder `{part}` in {shared_folder()}; set {SHARED_VARIABLE} to the shared material")
    return shared_folder() / part


def cifar10() -> LabelledImages:
    """200 CIFAR-10 test images, 20 of each class in label order: (200, 3, 32, 32)."""
    return _folder("cifar10", "RGB", MEAN, STD)


def cifar10_train() -> LabelledImages:
    """100 CIFAR-10 training images, 10 of each class in label order: (100, 3, 32, 32)."""
    return _folder("cifar10_train", "RGB", MEAN, STD)


def mnist() -> LabelledImages:
    """100 MNIST test images: (100, 1, 28, 28)."""
    return _folder("mnist", "L", MNIST_MEAN, MNIST_STD)


def photos() -> Photos:
    """Five photographs, labelled in ImageNet's 1000 classes: (5, 3, 224, 224), each with one box."""
    rows = _rows("photos/boxes.csv")
    boxes = np.array([[row[side] for side in "xywh"] for row in rows], np.float32)
    images, labels, names = _load("photos", rows, "RGB", MEAN, STD)
    return Photos(images, labels, boxes, names)


def cifar10_labels() -> list[str]:
    """The 10 class names in label order."""
    return _class_names(_rows("cifar10/labels.csv"))


def mnist_labels() -> list[str]:
    """The 10 digits' names in label order."""
    return _class_names(_rows("mnist/labels.csv"))


def imagenet_labels() -> list[str]:
    """The 1000 class names in label order, unique: repeated ones carry their wnid, "crane (n02012849)"."""
    rows = sorted(_rows("imagenet_classes.csv"), key=lambda row: int(row["label"]))
    names = [row["name"] for row in rows]
    return [f"{row['name']} ({row['wnid']})" if names.count(row["name"]) > 1 else row["name"] for row in rows]


def weights(network: str) -> dict[str, Array]:
    """Array by name of `cifar_resnet20`, `squeezenet11` or `digit_cnn`."""
    with np.load(shared_folder() / "data" / "weights" / f"{network}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def spread(count: int, total: int) -> NDArray[np.int64]:
    """(count,) ascending indices spread evenly over `total`: a part of a sorted set then has every class."""
    if not 1 <= count <= total:
        raise ValueError(f"`count` must be in 1..{total}, got {count}")
    return np.arange(count) * total // count


def normalised(pixels: NDArray[np.uint8], mean: Array, std: Array) -> Array:
    """(C, H, W) float32 of the (H, W, C) picture `pixels`: value/255, minus mean, over std."""
    scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def _folder(folder: str, mode: str, mean: Array, std: Array) -> LabelledImages:
    return _load(folder, _rows(f"{folder}/labels.csv"), mode, mean, std)


def _load(folder: str, rows: list[dict[str, str]], mode: str, mean: Array, std: Array) -> LabelledImages:
    paths = [shared_folder() / "data" / folder / row["file"] for row in rows]
    images = np.stack([normalised(_pixels(path, mode), mean, std) for path in paths])
    labels = np.array([row["label"] for row in rows], np.int32)
    return LabelledImages(images, labels, [row["name"] for row in rows])


def _pixels(path: Path, mode: str) -> NDArray[np.uint8]:
    """(H, W, C) uint8; C is 1 for mode "L"."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)


def _rows(csv_file: str) -> list[dict[str, str]]:
    with open(shared_folder() / "data" / csv_file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _class_names(rows: list[dict[str, str]]) -> list[str]:
    by_label = {int(row["label"]): row["name"] for row in rows}
    return [by_label[label] for label in sorted(by_label)]
