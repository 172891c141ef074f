"""A run as one table: CSV or JSON, a row for each sample, label and method."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from unicodedata import category

from explainer.analysis.limits import MOST_BOXES, MOST_METRIC_COLUMNS, MOST_ROWS
from explainer.analysis.streamed_run import StreamedRun
from explainer.analysis.tables import SCHEMA_VERSION, Column, Row, Tables, has_more_boxes, has_more_rows
from explainer.report.export_place import SIGNATURE, Place, drafted_file
from explainer.report.export_result import Exported, ExportSettings, LeftOut, as_json, exported, header_of

CSV = Place(signature="schema_version,sample_id,source,")
JSON = Place(signature=SIGNATURE)
# What a spreadsheet may take for a formula, in some countries in full width, too; and our own mark.
_FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n", "'")
_LINE_ENDS = ("Cc", "Zl", "Zp")  # categories of control characters, and of what ends a line or paragraph


def write_csv(run: StreamedRun, target: Path, settings: ExportSettings) -> Exported:
    """Writes the table of maps as CSV: UTF-8, a comma between cells, texts in quotes."""
    left_out = LeftOut()
    tables = _tables(run, left_out)
    columns = tables.columns("maps")
    count = 0
    with drafted_file(target) as draft, _text_file(draft) as file:
        file.write(",".join(["schema_version", *(_csv_header(column) for column in columns)]) + "\r\n")
        for row in _rows(run, tables, left_out):
            file.write(
                f"{SCHEMA_VERSION},{','.join(csv_cell(row[column.name], column.kind) for column in columns)}\r\n"
            )
            count += 1
    return exported(run, {"samples": run.sample_count, "rows": count}, left_out)


def write_json(run: StreamedRun, target: Path, settings: ExportSettings) -> Exported:
    """Writes the table of maps as one JSON object, a row on each line."""
    left_out = LeftOut()
    tables = _tables(run, left_out)
    header = header_of(run, "json") | {"columns": [column._asdict() for column in tables.columns("maps")]}
    count = 0
    with drafted_file(target) as draft, _text_file(draft) as file:
        file.write(f'{as_json(header)[:-1]}, "rows": [')
        for row in _rows(run, tables, left_out):
            file.write(f"{',' if count else ''}\n{as_json(row)}")
            count += 1
        file.write("\n]}\n")
    return exported(run, {"samples": run.sample_count, "rows": count}, left_out)


def csv_cell(value: Any, kind: str) -> str:
    r"""A cell of CSV; nothing for None.

    Texts are in quotes, control characters written as escapes, and an apostrophe stands before those that a spreadsheet
    could take for a formula. Numbers are left as they are.

    >>> csv_cell("=2+3", "text"), csv_cell(-0.5, "number"), csv_cell(["a|b", "c"], "texts"), csv_cell(None, "text")
    ('"\'=2+3"', '-0.5', '"a\\|b|c"', '')
    >>> csv_cell([[3, 1, 4, 2], [0, 3, 2, 2]], "boxes")
    '3 1 4 2|0 3 2 2'
    """
    if value is None:
        return ""
    if kind == "flag":
        return "true" if value else "false"
    if kind in ("integer", "number"):
        return repr(value)
    if kind == "boxes":
        return "|".join(" ".join(map(str, edges)) for edges in value)
    if kind == "texts":
        value = "|".join(entry.replace("\\", "\\\\").replace("|", "\\|") for entry in value)
    return _quoted(value) if value else ""


def _quoted(text: str) -> str:
    marked = f"'{text}" if text.startswith(_FORMULA) else text
    shown = "".join(ascii(char)[1:-1] if category(char) in _LINE_ENDS else char for char in marked)
    return '"' + shown.replace('"', '""') + '"'


def _csv_header(column: Column) -> str:
    return column.name if column.name.isidentifier() else _quoted(column.name)


def _tables(run: StreamedRun, left_out: LeftOut) -> Tables:
    metrics = run.metrics()
    if len(metrics) > MOST_METRIC_COLUMNS:
        left_out.add(f"there are more than {MOST_METRIC_COLUMNS:,} metrics: the others have no column")
    return Tables(run.metadata.labels, metrics)


def _rows(run: StreamedRun, tables: Tables, left_out: LeftOut) -> Iterator[Row]:
    for sample in run.samples():
        if has_more_rows(sample):
            left_out.add(f"sample {sample.sample_id} has more than {MOST_ROWS:,} rows")
        if has_more_boxes(sample):
            left_out.add(f"sample {sample.sample_id} has more than {MOST_BOXES} boxes")
        yield from tables.rows("maps", sample)


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    with path.open("wb") as file, io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="") as text:
        yield text
