"""A MindSpore dataset as checked batches of one fixed size, whatever the batch size of the dataset itself.

Columns by place: images; labels; bounding boxes. Rows may be one sample (C, H, W) or a batch (N, C, H, W).

labels   class ids, one per sample, or k per sample (multi-label). Where there is a row of them per sample, ids outside
         [0, K) are padding and dropped; where there is one, -1 means "no label". Rows of exactly K zeros and ones are
         one-hot (or multi-hot) rows.
boxes    k per sample as [x, y, width, height] in pixels from the top left corner; box j belongs to label j.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from mindspore.dataset import GeneratorDataset
from mindspore.dataset.engine.datasets import Dataset, FilterDataset
from numpy.typing import NDArray

from explainer.checks import require_type
from explainer.errors import DatasetError

_CHANNELS = (1, 3, 4)
_TELLING = ("- Python Call Stack:", "- Dataset Pipeline Error Message:")  # the telling parts of MindSpore's errors
_LOG = logging.getLogger("explainer")


@dataclass(frozen=True)
class Box:
    """A box around an object of one label: corner (x, y) and size in pixels, inside the image; may be empty."""

    label: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: image (C, H, W) float32, its labels in rising order, and its boxes."""

    sample_id: int
    image: NDArray[np.float32]
    labels: tuple[int, ...]
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples whose images have one shape."""

    samples: tuple[Sample, ...]

    @property
    def images(self) -> NDArray[np.float32]:
        """The images, (N, C, H, W) float32."""
        return np.stack([sample.image for sample in self.samples])


def require_dataset(dataset: Any) -> None:
    """Raises TypeError unless this is a MindSpore dataset, ValueError unless it has one to three columns."""
    require_type("data[0]", dataset, Dataset, "a MindSpore dataset (mindspore.dataset)")
    try:
        columns = dataset.get_col_names()
    except RuntimeError as error:
        raise DatasetError(
            f"`data[0]` must have at least one sample to explain, and be readable; MindSpore says: {_cause(error)}"
        ) from error
    if not 1 <= len(columns) <= 3:
        raise ValueError(
            "`data[0]` must have the columns [images], [images, labels] or [images, labels, bboxes], got "
            f"{len(columns)}: {', '.join(columns)}; keep these with dataset.project([...])"
        )


def is_dataset(value: Any) -> bool:
    """Whether the value is a MindSpore dataset."""
    return isinstance(value, Dataset)


def pairs_of(dataset: Dataset, axes: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The batches (inputs, targets) of a dataset of two columns; rows of single samples become batches of one.

    Args:
        dataset: of two columns.
        axes: how many the inputs have, the samples' axis included.

    Raises:
        ValueError: not two columns.
    """
    columns = dataset.get_col_names()
    if len(columns) != 2:
        raise ValueError(
            f"a dataset must have two columns, inputs and targets, got {len(columns)}: {', '.join(columns)}; "
            "keep these with dataset.project([...])"
        )
    for inputs, targets in dataset.create_tuple_iterator(num_epochs=1, output_numpy=True):
        yield (inputs[None], targets[None]) if inputs.ndim == axes - 1 else (inputs, targets)


def has_boxes(dataset: Dataset) -> bool:
    """Whether the dataset has the column of bounding boxes."""
    return len(dataset.get_col_names()) == 3


def sample_count(dataset: Dataset) -> int | None:
    """About how many samples there are; None where counting them would run the dataset."""
    if not _is_countable(dataset):
        return None
    batches = dataset.get_dataset_size()
    return int(batches * dataset.get_batch_size()) if batches > 0 else None


def read_batches(dataset: Dataset, class_count: int, batch_size: int) -> Iterator[Batch]:
    """The samples of the dataset, once, in batches of at most `batch_size`; a new image shape begins a new batch.

    What was read before a failure is given out before the error is raised.

    Raises:
        DatasetError: the dataset failed; says after how many samples.
        TypeError: a column that does not hold numbers.
        ValueError: a column of a wrong shape, or a label that is not a class; names the sample.
    """
    waiting: list[Sample] = []
    failure = None
    samples = _read_samples(dataset, class_count)
    while failure is None:
        try:
            sample = next(samples, None)
        except (TypeError, ValueError) as error:
            sample, failure = None, error
        if waiting and (sample is None or waiting[0].image.shape != sample.image.shape):
            yield Batch(tuple(waiting))
            waiting = []
        if sample is None:
            break
        waiting.append(sample)
        if len(waiting) == batch_size:
            yield Batch(tuple(waiting))
            waiting = []
    if failure is not None:
        raise failure


def _is_countable(dataset: Dataset) -> bool:
    """Whether MindSpore can tell the size without running the dataset."""
    if isinstance(dataset, FilterDataset):
        return False
    if isinstance(dataset, GeneratorDataset) and not hasattr(dataset.source, "__len__"):
        return False
    return all(_is_countable(child) for child in dataset.children)


def _read_samples(dataset: Dataset, class_count: int) -> Iterator[Sample]:
    next_id = 0
    labels = _LabelReader(class_count)
    rows = iter(dataset.create_tuple_iterator(num_epochs=1, output_numpy=True))
    while (row := _next_row(rows, next_id)) is not None:
        images = _images(row[0], next_id)
        unbatched = np.ndim(row[0]) == 3
        ids = labels.read(_column(row, 1, unbatched), len(images), next_id)
        boxes = _boxes(_column(row, 2, unbatched), len(images), next_id)
        for place, image in enumerate(images):
            kept = _kept(ids[place], class_count)
            placed = _place_boxes(boxes[place], ids[place], kept, image.shape[1:]) if boxes is not None else ()
            yield Sample(next_id, image, kept, placed)
            next_id += 1


def _next_row(rows: Iterator[Any], read: int) -> list[Any] | None:
    try:
        return next(rows, None)
    except RuntimeError as error:
        raise DatasetError(f"`data[0]` failed after {read} samples: {_cause(error)}") from error


def _cause(error: RuntimeError) -> str:
    """The line that matters in MindSpore's page-long error: the user's own exception, or the pipeline's message."""
    parts = [part.strip() for part in re.split(r"-{20,}", str(error)) if part.strip()]
    told = {title: body for title, body in pairwise(parts) if title.startswith("- ")}
    body = next((told[title] for title in _TELLING if title in told), parts[0] if parts else "no reason given")
    return body.splitlines()[-1].strip().removeprefix("[ERROR] ")


def _column(row: Sequence[NDArray[Any]], place: int, unbatched: bool) -> NDArray[Any] | None:
    if len(row) <= place:
        return None
    return row[place][None] if unbatched else row[place]


def _images(column: NDArray[Any], first_id: int) -> NDArray[np.float32]:
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "fiu":
        got = f"dtype {column.dtype}" if isinstance(column, np.ndarray) else type(column).__name__
        raise TypeError(f"images must hold numbers, got {got} at sample {first_id}")
    images = column[None] if column.ndim == 3 else column
    if images.ndim != 4 or images.shape[1] not in _CHANNELS or 0 in images.shape:
        raise ValueError(
            f"images must be (C, H, W) or (N, C, H, W) with 1, 3 or 4 channels, got shape {column.shape} at sample "
            f"{first_id}; for channels last add dataset.map(mindspore.dataset.vision.HWC2CHW(), input_columns=...)"
        )
    return np.ascontiguousarray(images, dtype=np.float32)


class _LabelReader:
    """Class ids from the labels column; the first sample decides whether its rows are one-hot."""

    def __init__(self, class_count: int) -> None:
        self._class_count = class_count
        self._one_hot: bool | None = None

    def read(self, column: NDArray[Any] | None, count: int, first_id: int) -> list[list[int]]:
        """The ids of each sample as they stand there, padding included."""
        if column is None:
            return [[] for _ in range(count)]
        if column.ndim not in (1, 2) or len(column) != count:
            raise ValueError(
                f"labels must be ({count},) or ({count}, k) beside {count} images, got {column.shape}, "
                f"at sample {first_id}"
            )
        if column.ndim == 2 and self._is_one_hot(column):
            return self._from_one_hot(column, first_id)
        if column.dtype.kind not in "iu":
            raise TypeError(
                f"labels must be class ids (integers) or one-hot rows, got dtype {column.dtype} at sample {first_id}"
            )
        if column.ndim == 1:
            self._require_classes(column, first_id)
        return [[int(label) for label in np.atleast_1d(row)] for row in column]

    def _is_one_hot(self, column: NDArray[Any]) -> bool:
        if self._one_hot is None:
            zeros_and_ones = bool(np.isin(column[0], (0, 1)).all())
            self._one_hot = column.shape[1] == self._class_count and self._class_count > 1 and zeros_and_ones
            if self._one_hot:
                _LOG.info("labels: rows of %d zeros and ones are read as one-hot rows", self._class_count)
        return self._one_hot

    def _from_one_hot(self, column: NDArray[Any], first_id: int) -> list[list[int]]:
        if column.shape[1] != self._class_count or not np.isin(column, (0, 1)).all():
            raise ValueError(
                f"labels began as one-hot rows of {self._class_count}, got other values or another length "
                f"at or after sample {first_id}; give class ids or one-hot rows throughout"
            )
        return [np.flatnonzero(row).tolist() for row in column]

    def _require_classes(self, column: NDArray[Any], first_id: int) -> None:
        bad = np.flatnonzero((column < -1) | (column >= self._class_count))
        if bad.size:
            raise ValueError(
                f"labels must be -1 (no label) or lie in [0, {self._class_count - 1}] as `labels` names "
                f"{self._class_count} classes, got {int(column[bad[0]])} at sample {first_id + int(bad[0])}"
            )


def _kept(ids: Sequence[int], class_count: int) -> tuple[int, ...]:
    return tuple(sorted({label for label in ids if 0 <= label < class_count}))


def _boxes(column: NDArray[Any] | None, count: int, first_id: int) -> NDArray[np.float64] | None:
    if column is None:
        return None
    if column.dtype.kind not in "fiu":
        raise TypeError(f"bboxes must hold numbers, got dtype {column.dtype} at sample {first_id}")
    if column.ndim != 3 or column.shape[2] != 4 or len(column) != count:
        raise ValueError(
            f"bboxes must be ({count}, k, 4) as [x, y, width, height], got shape {column.shape} at sample {first_id}"
        )
    return column.astype(np.float64)


def _place_boxes(
    boxes: NDArray[np.float64], ids: Sequence[int], kept: Sequence[int], size: tuple[int, ...]
) -> tuple[Box, ...]:
    """Box j with label j, clipped to the image; the boxes of padding labels and of NaN are left out."""
    pairs = zip(ids, boxes, strict=False)
    return tuple(_clipped(label, box, size) for label, box in pairs if label in kept and np.isfinite(box).all())


def _clipped(label: int, box: NDArray[np.float64], size: tuple[int, ...]) -> Box:
    height, width = size
    left, right = (int(np.clip(np.floor(edge + 0.5), 0, width)) for edge in (box[0], box[0] + box[2]))
    top, bottom = (int(np.clip(np.floor(edge + 0.5), 0, height)) for edge in (box[1], box[1] + box[3]))
    return Box(label, left, top, max(0, right - left), max(0, bottom - top))
