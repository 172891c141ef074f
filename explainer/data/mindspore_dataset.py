"""A MindSpore dataset as checked batches of one fixed size, whatever the batch size of the dataset itself.

Columns by position: images; labels; bounding boxes. Rows may be one sample (C, H, W) or a batch (N, C, H, W).

labels   class ids, one per sample, or k per sample (multi-label). Where there is a row of them per sample, ids outside
         [0, K) are padding and dropped; where there is one, -1 means "no label". Or rows of K zeros and ones, a one for
         each class that is there (one-hot, multi-hot); for one class, single ones do. `label_column` tells which.
boxes    k per sample as [x, y, width, height] in pixels from the top left corner; box j belongs to label j.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
from mindspore.dataset import GeneratorDataset
from mindspore.dataset.engine.datasets import BatchDataset, Dataset, FilterDataset
from numpy.typing import NDArray

from explainer.checks import require_type
from explainer.data.batch import Batch, Sample, SourceFile
from explainer.data.label_column import LOOK_AHEAD_BYTES, LOOK_AHEAD_SAMPLES, LabelReading
from explainer.data.portion import PartReading, Portion
from explainer.errors import DatasetError
from explainer.memory import images_per_pass
from explainer.records import Box, DatasetOrder

_PARTS = ("images", "labels", "bboxes")  # of a sample, by the position of the column
_CHANNELS = (1, 3, 4)
_TELLING = ("- Python Call Stack:", "- Dataset Pipeline Error Message:")  # the telling parts of MindSpore's errors
_UNREADABLE = ("inhomogeneous shape", "data type is unknown")  # NumPy's and MindSpore's words, without the column


def require_dataset(dataset: Any) -> None:
    """Raises TypeError unless this is a MindSpore dataset, ValueError unless it has one to three columns."""
    require_type("data[0]", dataset, Dataset, "a MindSpore dataset (mindspore.dataset)")
    columns = _column_names(dataset)
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
        DatasetError: the dataset failed.
        TypeError: a column of dictionaries.
        ValueError: not two columns.
    """
    columns = _column_names(dataset)
    if len(columns) != 2:
        raise ValueError(
            f"a dataset must have two columns, inputs and targets, got {len(columns)}: {', '.join(columns)}; "
            "keep these with dataset.project([...])"
        )
    read = 0
    rows = _rows(dataset)
    while (row := _next_row(rows, read, columns)) is not None:
        for what, name, column in zip(("inputs", "targets"), columns, row, strict=True):
            _require_array(_Column(what, name, read), column, "hold numbers")
        inputs, targets = row
        read += 1 if inputs.ndim < axes else len(inputs)
        yield (inputs[None], targets[None]) if inputs.ndim == axes - 1 else (inputs, targets)


def has_boxes(dataset: Dataset) -> bool:
    """Whether the dataset has the column of bounding boxes."""
    return len(_column_names(dataset)) == 3


def sample_count(dataset: Dataset) -> int | None:
    """About how many samples there are; None where counting them would run the dataset.

    Where something follows on batches the last one may be smaller than it is counted.
    """
    if not _is_countable(dataset):
        return None
    if isinstance(dataset, BatchDataset) and not dataset.drop_remainder and dataset.per_batch_map is None:
        return sample_count(dataset.children[0])
    batches = dataset.get_dataset_size()
    return int(batches * dataset.get_batch_size()) if batches > 0 else None


def exact_sample_count(dataset: Dataset) -> int | None:
    """How many samples there are; None where that is not known before they are read, as in a dataset of batches."""
    return None if int(dataset.get_batch_size()) > 1 else sample_count(dataset)


def description_of(dataset: Dataset) -> dict[str, Any]:
    """What a summary keeps of the dataset, as JSON values; `samples` is None where their number is not known before."""
    return {
        "class": type(dataset).__name__,
        "columns": _column_names(dataset),
        "samples": exact_sample_count(dataset),
        **getattr(getattr(dataset, "source", None), "description", {}),
    }


def read_batches(
    dataset: Dataset,
    class_count: int,
    batch_size: int,
    label_format: str = "auto",
    sources: Sequence[SourceFile] | None = None,
    part: PartReading | None = None,
) -> Iterator[Batch]:
    """The samples of the dataset, once, in batches of at most `batch_size` and what fits; a new shape begins a new one.

    What was read before a failure is given out before the error is raised.

    Args:
        dataset: of one to three columns.
        class_count: K.
        batch_size: of the batches given out.
        label_format: what the labels column holds, "ids" or "multi-hot"; "auto": what its rows tell. As long as they
            tell nothing, samples wait, LOOK_AHEAD_SAMPLES or those of LOOK_AHEAD_BYTES at most.
        sources: the file of each sample; by default what the dataset's source says (`source_of`), if it does.
        part: of the dataset, whose samples alone are given out; the order of all is noted in it.

    Raises:
        DatasetError: the dataset failed; says after how many samples.
        TypeError: a column that does not hold numbers.
        ValueError: a column of a wrong shape, a label that is not a class, or labels that can be read in two ways;
            names the sample.
    """
    waiting: list[Sample] = []
    failure = None
    samples = _read_samples(dataset, class_count, label_format, sources, part)
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
        is_last = part is not None and part.portion.ends(sample.sample_id)
        if is_last or len(waiting) == images_per_pass(batch_size, sample.image.shape):
            yield Batch(tuple(waiting))
            waiting = []
    if failure is not None:
        raise failure


def _column_names(dataset: Dataset) -> list[str]:
    try:
        return list(dataset.get_col_names())
    except Exception as error:  # whatever a source of the user's raises
        raise DatasetError(
            f"`data[0]` must have at least one sample to explain, and be readable; MindSpore says: {_cause(error)}"
        ) from error


def _is_countable(dataset: Dataset) -> bool:
    """Whether MindSpore can tell the size without running the dataset."""
    if isinstance(dataset, FilterDataset):
        return False
    if isinstance(dataset, GeneratorDataset) and not hasattr(dataset.source, "__len__"):
        return False
    return all(_is_countable(child) for child in dataset.children)


@dataclass(frozen=True, eq=False)
class _Row:
    """One row of the dataset, checked: images (N, C, H, W), labels (N,) or (N, k), boxes (N, k, 4)."""

    first_id: int
    images: NDArray[np.float32]
    labels: NDArray[Any] | None
    boxes: NDArray[np.float64] | None


def _read_samples(
    dataset: Dataset,
    class_count: int,
    label_format: str,
    sources: Sequence[SourceFile] | None,
    part: PartReading | None,
) -> Iterator[Sample]:
    columns = _column_names(dataset)
    reading = LabelReading(columns[1], class_count, label_format) if len(columns) > 1 else None
    fault_of = _told_by(dataset, "fault_of")
    source_of = _told_by(dataset, "source_of") if sources is None else partial(_source_at, sources)
    # How labels are to be read is told by the first rows of all, so that all parts read them alike.
    told = None if part is None or label_format == "auto" else order_told_by(dataset)
    if part is not None and told is not None:
        part.order = told
        rows = _checked_rows(_own_rows(dataset, part.portion), columns, reading, numbered=True)
    else:
        rows = _checked_rows(_rows(dataset), columns, reading)
    head, failure = ([], None) if reading is None else _look_ahead(rows, reading)
    for row in chain(head, rows):
        for read in _samples(row, reading, class_count):
            number = read.sample_id
            sample = replace(read, fault=fault_of(number), source=source_of(number))
            # Its digest goes into the order of all and is kept: the summary has it, too, of a sample that is worked on.
            if part is None or told is not None or part.takes(sample):
                yield sample
    if failure is not None:
        raise failure


def order_told_by(dataset: Dataset) -> DatasetOrder | None:
    """The order of a dataset whose source tells it, and gives single samples; None where all must be read for it.

    The source has `order_digest()`, bytes that are other where samples are others or come in another order, beside
    `__getitem__` and `__len__`; nothing may follow on it, such as a map or batches, as only these know the samples.
    """
    source: Any = getattr(dataset, "source", None)
    if not isinstance(dataset, GeneratorDataset) or not hasattr(source, "order_digest"):
        return None
    if dataset.is_shuffled() or dataset.get_dataset_size() != len(source):
        return None
    return DatasetOrder(len(source), source.order_digest())


def _own_rows(dataset: GeneratorDataset, portion: Portion) -> Iterator[Any]:
    """The samples of a portion alone, each with its number before its columns."""
    source = dataset.source

    def rows() -> Iterator[tuple[Any, ...]]:
        for sample_id in portion.ids(len(source)):
            yield np.array(sample_id, np.int64), *source[sample_id]

    if portion.is_known:
        return _rows(GeneratorDataset(rows, ["sample_id", *_column_names(dataset)], shuffle=False))
    return ([np.asarray(column) for column in row] for row in rows())  # MindSpore would ask for many ahead


def _told_by(dataset: Dataset, name: str) -> Callable[[int], Any]:
    """What the dataset's source tells of a sample by its number: why it could not be read, or its file."""
    return getattr(getattr(dataset, "source", None), name, lambda sample_id: None)


def _source_at(sources: Sequence[SourceFile], sample_id: int) -> SourceFile:
    if sample_id >= len(sources):
        raise ValueError(f"`sources` must name the file of every sample, got {len(sources)}, and the data has more")
    return sources[sample_id]


def _look_ahead(rows: Iterator[_Row], reading: LabelReading) -> tuple[list[_Row], Exception | None]:
    """The rows up to that which tells how labels are to be read, and the failure that came before; rows are few."""
    head: list[_Row] = []
    failure = None
    while reading.format is None and _is_small(head):
        try:
            row = next(rows, None)
        except (TypeError, ValueError) as error:
            row, failure = None, error
        if row is None:
            break
        head.append(row)
    try:
        if head:
            reading.settle()
    except ValueError:
        if failure is None:
            raise
        raise failure from failure.__cause__
    return head, failure


def _is_small(head: Sequence[_Row]) -> bool:
    samples, size = sum(len(row.images) for row in head), sum(row.images.nbytes for row in head)
    return samples < LOOK_AHEAD_SAMPLES and size < LOOK_AHEAD_BYTES


def _checked_rows(
    rows: Iterator[Any], columns: Sequence[str], reading: LabelReading | None, *, numbered: bool = False
) -> Iterator[_Row]:
    """The rows; those of single samples may have the sample's number before their columns."""
    next_id = 0
    while (row := _next_row(rows, next_id, columns)) is not None:
        if numbered:
            number, *row = row
            next_id = int(number)
        where = [_Column(what, name, next_id) for what, name in zip(_PARTS, columns, strict=False)]
        images = _images(where[0], row[0])
        unbatched = row[0].ndim == 3
        labels = _labels(where[1], row[1], unbatched, len(images)) if len(columns) > 1 else None
        boxes = _boxes(where[2], row[2], unbatched, len(images)) if len(columns) > 2 else None
        if reading is not None and labels is not None:
            reading.look(labels, next_id, None if boxes is None else boxes.shape[1])
        yield _Row(next_id, images, labels, boxes)
        next_id += len(images)


def _samples(row: _Row, reading: LabelReading | None, class_count: int) -> Iterator[Sample]:
    if reading is None or row.labels is None:
        yield from (Sample(row.first_id + index, image, ()) for index, image in enumerate(row.images))
        return
    for index, (image, ids) in enumerate(zip(row.images, reading.read(row.labels), strict=True)):
        kept = _kept(ids, class_count)
        boxes = () if row.boxes is None else _place_boxes(row.boxes[index], ids, kept, image.shape[1:])
        yield Sample(row.first_id + index, image, kept, boxes, reading.format)


def _rows(dataset: Dataset) -> Iterator[Any]:
    """The rows as NumPy arrays; made with the first one, so that a dataset that cannot begin fails like any other."""
    yield from dataset.create_tuple_iterator(num_epochs=1, output_numpy=True)


def _next_row(rows: Iterator[Any], read: int, columns: Sequence[str]) -> list[Any] | None:
    try:
        return next(rows, None)
    except Exception as error:  # whatever a source of the user's raises
        cause = _cause(error)
        raise DatasetError(f"`data[0]` failed after {read} samples: {cause}{_advice(cause, columns)}") from error


def _cause(error: Exception) -> str:
    """The line that matters in MindSpore's page-long error: the user's own exception, or the pipeline's message."""
    if not isinstance(error, RuntimeError):
        return " ".join(f"{type(error).__name__}: {error}".split())
    parts = [part.strip() for part in re.split(r"-{20,}", str(error)) if part.strip()]
    bodies = {title: body for title, body in pairwise(parts) if title.startswith("- ")}
    title = next((title for title in _TELLING if title in bodies), None)
    body = parts[0] if parts and title is None else bodies.get(title or "", "no reason given")
    line = body.splitlines()[-1] if title == _TELLING[0] else " ".join(body.split())
    return line.strip().removeprefix("[ERROR] ")


def _advice(cause: str, columns: Sequence[str]) -> str:
    """Which column holds what MindSpore cannot carry, and what to give it; nothing where that was not the cause."""
    index = re.search(r"Data type of (\d+)th item", cause)
    known = index is not None and 0 < int(index[1]) <= len(columns)
    if not known and not any(text in cause for text in _UNREADABLE):
        return ""
    what = f"the column {columns[int(index[1]) - 1]!r}" if index is not None and known else "each column"
    return f"; {what} must hold numbers, in arrays without None, objects or rows of unequal length (pad them)"


@dataclass(frozen=True)
class _Column:
    """Where a column's row stands, for errors: which part of a sample it is to be, and from which sample on."""

    what: str
    name: str
    first_id: int

    def __str__(self) -> str:
        return f"at sample {self.first_id} of column {self.name!r}"


def _require_array(where: _Column, column: Any, must: str) -> None:
    """Raises TypeError, with the way out of a dictionary, unless MindSpore handed over an array."""
    if isinstance(column, np.ndarray):
        return
    if not isinstance(column, dict):
        raise TypeError(f"{where.what} must {must}, got {type(column).__name__} {where}")
    keys = ", ".join(repr(key) for key in column)
    raise TypeError(
        f"{where.what} must {must}, got a dict of {keys or 'nothing'} {where}; take out what is needed with "
        f"dataset.map(lambda entry: entry[key], input_columns=[{where.name!r}])"
    )


def _require_kind(where: _Column, column: NDArray[Any], kinds: str, must: str, do: str) -> None:
    """Raises TypeError unless the array's dtype is of one of the kinds."""
    if column.dtype.kind not in kinds:
        raise TypeError(f"{where.what} must {must}, got dtype {column.dtype} {where}; {do}")


def _images(where: _Column, column: Any) -> NDArray[np.float32]:
    _require_array(where, column, "hold numbers")
    do = "decode files with mindspore.dataset.vision.Decode()" if column.dtype.kind in "SU" else "convert to float32"
    _require_kind(where, column, "fiu", "hold numbers", do)
    images = column[None] if column.ndim == 3 else column
    if images.ndim != 4 or images.shape[1] not in _CHANNELS or 0 in images.shape:
        raise ValueError(
            f"images must be (C, H, W) or (N, C, H, W) with 1, 3 or 4 channels, got shape {column.shape} {where}; "
            f"{_advice_on_shape(images.shape, column.ndim == 3)}"
        )
    return np.ascontiguousarray(images, dtype=np.float32)


def _advice_on_shape(shape: tuple[int, ...], is_one: bool) -> str:
    if 0 in shape:
        return "leave images without pixels out with dataset.filter(...)"
    if len(shape) == 4 and shape[3] in _CHANNELS and not is_one:  # HWC2CHW takes single images
        return "for channels last add dataset.map(lambda images: images.transpose(0, 3, 1, 2), input_columns=...)"
    if len(shape) == 4 and shape[3] in _CHANNELS:
        return "for channels last add dataset.map(mindspore.dataset.vision.HWC2CHW(), input_columns=...)"
    if len(shape) == 2:
        return "for images without channels add dataset.map(lambda image: image[None], input_columns=...)"
    return "the first column must be the images: dataset.project([...]) puts columns in order"


def _labels(where: _Column, column: Any, unbatched: bool, count: int) -> NDArray[Any]:
    must = "be class ids (integers) or one-hot rows"
    _require_array(where, column, must)
    _require_kind(where, column, "fiub", must, "give each name's number in the list of labels")
    labels: NDArray[Any] = column[None] if unbatched else column
    if labels.ndim not in (1, 2) or len(labels) != count:
        raise ValueError(
            f"labels must be ({count},) or ({count}, k) beside {count} images, got {labels.shape} {where}; give each "
            "image a class id, or k of them, or a zero or one for each class"
        )
    return labels


def _boxes(where: _Column, column: Any, unbatched: bool, count: int) -> NDArray[np.float64]:
    _require_array(where, column, "hold numbers")
    _require_kind(where, column, "fiu", "hold numbers", "give [x, y, width, height] in pixels")
    boxes: NDArray[Any] = column[None] if unbatched else column
    if boxes.ndim != 3 or boxes.shape[2] != 4 or len(boxes) != count:
        raise ValueError(
            f"bboxes must be ({count}, k, 4) as [x, y, width, height], got shape {boxes.shape} {where}; give k boxes "
            "to each image, even where k is 1"
        )
    return boxes.astype(np.float64)


def _kept(ids: Sequence[int], class_count: int) -> tuple[int, ...]:
    return tuple(sorted({label for label in ids if 0 <= label < class_count}))


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
