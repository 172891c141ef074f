"""Labels and boxes from a table: a header, then a row for each picture, or for each of its objects.

file               the picture, as its path in the folder, or its end as far as no other has it
label, or labels   a name or an index; several in one cell are separated by ";"; empty: none
x, y, w, h         the box, in pixels; also width, height; all four empty: none

Other columns are left alone. Rows of one picture are taken together, wherever they stand.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from explainer.data.annotations import (
    AnnotatedObject,
    AnnotatedPicture,
    Annotations,
    BoxNumbers,
    box_of,
    text_of,
)
from explainer.remote import Place

_COLUMNS = {"labels": "label", "width": "w", "height": "h"}
_BOX = ("x", "y", "w", "h")
_SEPARATOR = ";"
_MOST_SHOWN = 8

Row = dict[str, str]


def read_table(path: Place, name: str, needs: tuple[str, ...]) -> Annotations:
    """The labels and boxes of a table.

    Args:
        path: of the file, UTF-8 with commas.
        name: what messages call it.
        needs: the columns that must be there, of "file", "label", "x", "y", "w", "h".

    Raises:
        ValueError: it cannot be read, a column is missing, or a row does not fit; says in which line.
    """
    objects: dict[str, list[AnnotatedObject]] = {}
    for where, row in _rows(text_of(path, name), f"{name} {path}", needs):
        if not row["file"]:
            raise ValueError(f"a row must name its picture in the column file, got nothing {where}")
        objects.setdefault(row["file"], []).extend(_objects(row, where))
    pictures = tuple(AnnotatedPicture(file, tuple(found)) for file, found in objects.items())
    return Annotations(pictures, numbers=True)


def _rows(text: str, what: str, needs: tuple[str, ...]) -> Iterator[tuple[str, Row]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [_column(cell) for cell in next(reader, [])]
        _require_columns(header, needs, what)
        for cells in reader:
            where = f"in line {reader.line_num} of {what}"
            if any(cell.strip() for cell in cells):
                yield where, _row(header, cells, where)
    except csv.Error as error:
        raise ValueError(f"{what} must be a table with commas: {error} in line {reader.line_num}") from error


def _column(cell: str) -> str:
    name = cell.strip().lower()
    return _COLUMNS.get(name, name)


def _require_columns(header: list[str], needs: tuple[str, ...], what: str) -> None:
    missing = [column for column in needs if column not in header]
    some = [column for column in _BOX if column in header]
    missing = missing or ([column for column in _BOX if column not in header] if some else [])
    if missing:
        got = ", ".join(repr(column[:40]) for column in header[:_MOST_SHOWN]) or "nothing"
        raise ValueError(
            f"{what} must begin with a line that names its columns, {', '.join(needs)} among them, with commas, got "
            f"{got}, without {', '.join(missing)}"
        )
    double = next((column for column in ("file", "label", *_BOX) if header.count(column) > 1), None)
    if double is not None:
        raise ValueError(f"{what} must have each column once, got {double!r} {header.count(double)} times")


def _row(header: list[str], cells: list[str], where: str) -> Row:
    if len(cells) != len(header):
        raise ValueError(
            f"a row must have {len(header)} cells as the header has, got {len(cells)} {where}; put a name with a comma "
            'in quotes ("...")'
        )
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _objects(row: Row, where: str) -> list[AnnotatedObject]:
    box = _box(row, where)
    if "label" not in row:
        return [AnnotatedObject(None, box, where)]
    labels = [part.strip() for part in row["label"].split(_SEPARATOR) if part.strip()]
    if box is not None and len(labels) != 1:
        raise ValueError(
            f"a row with a box must have the one label that it belongs to, got {row['label']!r} {where}; give each "
            "object a row of its own"
        )
    return [AnnotatedObject(label, box, where) for label in labels]


def _box(row: Row, where: str) -> BoxNumbers | None:
    cells = [row.get(column, "") for column in _BOX]
    return box_of(cells, where) if any(cells) else None
