"""The trial images as MindSpore datasets, in a fixed order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mindspore.dataset import Dataset, GeneratorDataset

from .data import cifar10, photos, spread


def cifar_dataset(count: int = 200, batch_size: int = 32) -> Dataset:
    """Batches of image (B, 3, 32, 32) float32, label (B,) int32: `count` test images, all classes alike."""
    images, labels, _ = cifar10()
    chosen = spread(count, len(images))
    # Labels stay 0-d arrays: with numpy 2 GeneratorDataset rejects scalars.
    rows = [(images[index], np.array(labels[index])) for index in chosen]
    return _batched(rows, ["image", "label"], batch_size)


def boxed_cifar_dataset(count: int = 100, batch_size: int = 32) -> Dataset:
    """As cifar_dataset, with a box (B, 1, 4) float32 x, y, w, h anywhere: chance is a box's part of the image."""
    images, labels, _ = cifar10()
    rng, rows = np.random.default_rng(8), []
    for index in spread(count, len(images)):
        width, height = rng.integers(8, 25, 2)
        box = [rng.integers(0, 33 - width), rng.integers(0, 33 - height), width, height]
        rows.append((images[index], np.array(labels[index]), np.float32([box])))
    return _batched(rows, ["image", "label", "bbox"], batch_size)


def photo_dataset(batch_size: int = 5) -> Dataset:
    """Batches of image (B, 3, 224, 224) float32, label (B,) int32, bbox (B, 1, 4) float32 x, y, w, h."""
    images, labels, boxes, _ = photos()
    rows = [(images[i], np.array(labels[i]), boxes[i][None]) for i in range(len(images))]
    return _batched(rows, ["image", "label", "bbox"], batch_size)


def _batched(rows: Sequence[tuple[Any, ...]], columns: list[str], batch_size: int) -> Dataset:
    rows_in_order = GeneratorDataset(rows, columns, shuffle=False, num_parallel_workers=1)
    return rows_in_order.batch(batch_size)
