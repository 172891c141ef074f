"""What a labels column holds: class ids, or a zero or one for each class. Decided by many rows, never guessed from one.

A column is (N,), a value per sample, or (N, k), and K is the number of classes. What can be read in one way only:

ids        whole numbers in rows of another length than K, or with another value than 0 and 1; (N,) where K > 1.
multi-hot  rows of K zeros and ones that are floats, or True and False; with one class a 1, which is no id.

Whole numbers, K zeros and ones in a row, can be both: [0, 1] is classes 0 and 1, or class 1 alone. Such rows wait for
one that can be read in one way only. Where none comes, they are multi-hot from three classes on, as ids would name a
label twice; for one and two classes, and where each row has K boxes, nothing decides, and the user has to.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.checks import require_choice

LABEL_FORMATS = ("auto", "ids", "multi-hot")
LOOK_AHEAD_SAMPLES = 256  # so many samples wait for one that tells,
LOOK_AHEAD_BYTES = 64 * 2**20  # or those of so many bytes of images

_MEANING = {"ids": "class ids", "multi-hot": "a zero or one for each class"}
_ASK = 'give RunOptions(label_format="ids") or RunOptions(label_format="multi-hot")'
_LOG = logging.getLogger("explainer")


class LabelReading:
    """The one reading of a whole column.

    Args:
        name: what the dataset calls the column.
        class_count: K.
        label_format: one of LABEL_FORMATS.

    Raises:
        ValueError: another format.
    """

    def __init__(self, name: str, class_count: int, label_format: str = "auto") -> None:
        require_choice("label_format", label_format, LABEL_FORMATS)
        self._name = name
        self._class_count = class_count
        self._given = label_format != "auto"
        self._format = label_format if self._given else None
        self._why = f'as RunOptions(label_format="{label_format}") says'
        self._both = ""  # the first row that can be both
        self._all_boxed = True

    @property
    def format(self) -> str | None:
        """What the column holds, "ids" or "multi-hot"; None as long as that is not known."""
        return self._format

    def look(self, column: NDArray[Any], first_id: int, box_count: int | None = None) -> None:
        """Learns from numbers (N,) or (N, k), the first of sample `first_id`, and checks them.

        Args:
            column: the numbers.
            first_id: the first sample's number.
            box_count: how many boxes each sample has; a row of ids may name a label twice, once for each of its boxes.

        Raises:
            TypeError: class ids that are not whole numbers.
            ValueError: rows that do not fit the reading, or that fit none.
        """
        if not self._given:
            self._learn(column, first_id, box_count)
        if self._format == "ids":
            self._require_ids(column, first_id)
        elif self._format == "multi-hot":
            self._require_multi_hot(column, first_id)
        else:
            self._both = self._both or self._both_readings(column, first_id)
            self._all_boxed &= box_count == self._class_count

    def settle(self) -> None:
        """Decides on what was seen, as no more will be.

        Raises:
            ValueError: rows that can be both, and nothing tells.
        """
        if self._format is not None:
            return
        if self._class_count <= 2 or self._all_boxed:
            raise ValueError(f"labels can be read in two ways: {self._both}; {_ASK}")
        self._decide("multi-hot", f"as the samples before were rows of {self._class_count} zeros and ones")

    def read(self, column: NDArray[Any]) -> list[list[int]]:
        """The ids of each sample, padding included, of a column that was looked at, once the format is known."""
        if self._format == "multi-hot":
            return [np.flatnonzero(row).tolist() for row in _rows(column)]
        return [row.tolist() for row in _rows(column)]

    def _learn(self, column: NDArray[Any], first_id: int, box_count: int | None) -> None:
        if box_count is None:
            self._require_sense(column, first_id)
        for index, reading in self._signs(column):
            row = self._shown(column, index, first_id)
            if self._format is None:
                what = row if column.dtype.kind in "iu" else f"{_width(column)} of dtype {column.dtype}"
                self._decide(reading, f"as {what} can be nothing else")
            elif self._format != reading:
                raise ValueError(
                    f"labels are read as {_MEANING[self._format]}, {self._why}, but {row} can only be "
                    f"{_MEANING[reading]}; make the rows alike, or {_ASK}"
                )

    def _decide(self, reading: str, why: str) -> None:
        self._format, self._why = reading, why
        if reading == "multi-hot":
            _LOG.info("labels: rows of %d zeros and ones are read as one-hot rows", self._class_count)

    def _signs(self, column: NDArray[Any]) -> list[tuple[int, str]]:
        """Place and reading of the first row that can only be ids, and of the first that can only be multi-hot."""
        rows = _rows(column)
        if rows.shape[1] != self._class_count or (column.ndim == 1 and self._class_count > 1):
            return [(0, "ids")]
        if column.dtype.kind not in "iu":
            return [(0, "multi-hot")]
        telling = {"ids": ~_zeros_and_ones(rows)}
        if self._class_count == 1:
            telling["multi-hot"] = rows[:, 0] == 1
        return sorted((int(np.argmax(found)), reading) for reading, found in telling.items() if found.any())

    def _require_sense(self, column: NDArray[Any], first_id: int) -> None:
        """Raises ValueError for a row such as [0, 0, 1, -1] of four classes, where -1 may well stand for "unknown".

        As ids it would name a label twice, and no other than the first two.
        """
        rows = _rows(column)
        if rows.shape[1] != self._class_count or column.dtype.kind not in "iu":
            return
        few = ~((rows >= 2) & (rows < self._class_count)).any(axis=1)
        twice = ((rows == 0).sum(axis=1) > 1) | ((rows == 1).sum(axis=1) > 1)
        senseless = few & twice & ~_zeros_and_ones(rows)
        if senseless.any():
            index = int(np.argmax(senseless))
            raise ValueError(
                "labels must be class ids or a zero or one for each class, got "
                f"{self._shown(column, index, first_id)}: ids that name a label twice, or zeros and ones with another "
                'value among them; give RunOptions(label_format="ids") if they are ids, else put 0 or 1 for that value'
            )

    def _require_ids(self, column: NDArray[Any], first_id: int) -> None:
        if column.size and column.dtype.kind not in "iu":  # an empty row is no label, of whatever dtype
            kind = self._why if self._given else f"or one-hot rows of {self._class_count}"
            raise TypeError(
                f"labels must be class ids (integers) {kind}, got dtype {column.dtype} and {_width(column)} "
                f"{self._at(first_id)}; convert class ids to int32"
            )
        bad = np.flatnonzero((column < -1) | (column >= self._class_count)) if column.ndim == 1 else np.array([], int)
        if bad.size:
            raise ValueError(
                f"labels must be -1 (no label) or lie in [0, {self._class_count - 1}] as `labels` names "
                f"{self._class_count} classes, got {int(column[bad[0]])} {self._at(first_id + int(bad[0]))}"
            )

    def _require_multi_hot(self, column: NDArray[Any], first_id: int) -> None:
        rows = _rows(column)
        wanted = f"labels must be a zero or one for each of {self._class_count} classes, {self._why}, got"
        if rows.shape[1] != self._class_count or (column.ndim == 1 and self._class_count > 1):
            raise ValueError(
                f'{wanted} {_width(column)} {self._at(first_id)}; for class ids give RunOptions(label_format="ids")'
            )
        bad = np.flatnonzero(~_zeros_and_ones(rows))
        if bad.size:
            raise ValueError(
                f"{wanted} {self._shown(column, int(bad[0]), first_id)}; make the rows alike, "
                'or give whole numbers and RunOptions(label_format="ids") for class ids'
            )

    def _both_readings(self, column: NDArray[Any], first_id: int) -> str:
        row = _rows(column)[0]
        ids = _named(sorted({int(label) for label in row if label < self._class_count}))
        multi_hot = _named(np.flatnonzero(row).tolist())
        return (
            f"{self._shown(column, 0, first_id)} is {ids} if it holds class ids, and {multi_hot} if it holds a zero or "
            "one for each class"
        )

    def _shown(self, column: NDArray[Any], index: int, first_id: int) -> str:
        values = [str(value) for value in _rows(column)[index].tolist()]
        values = values[:12] + ["..."] * (len(values) > 12)
        return f"[{', '.join(values)}] {self._at(first_id + index)}"

    def _at(self, sample_id: int) -> str:
        return f"at sample {sample_id} of column {self._name!r}"


def _rows(column: NDArray[Any]) -> NDArray[Any]:
    """The column as (N, k)."""
    return column.reshape(len(column), -1) if column.ndim == 1 else column


def _width(column: NDArray[Any]) -> str:
    return "one number per image" if column.ndim == 1 else f"rows of {column.shape[1]}"


def _zeros_and_ones(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows hold nothing else."""
    found: NDArray[np.bool_] = ((rows == 0) | (rows == 1)).all(axis=1)
    return found


def _named(labels: list[int]) -> str:
    return f"label {' and '.join(map(str, labels))}" if labels else "no label"
