"""A report of 100,000 rows made of one of 16: real columns, and of the grid its first and its last chunks alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from written_reports import Report

from explainer.report.chunks import Body, as_text, deflated
from explainer.report.page import in_file

ROWS = 100_000
_PER_CHUNK = 8


def write_many_rows(report: Report, folder: Path) -> Path:
    """Copies the report with as many samples as rows: the later the row, the less confident; its page."""
    shutil.copytree(report.page.parent, folder)
    page = folder / report.page.name
    page.write_text(re.sub(r'"(rows|samples)":(12|16)(?=,)', rf'"\1":{ROWS}', report.html), "utf-8")
    _write(folder, "cols", _columns())
    for number in (0, 1):
        chunk = report[f"g/{number}"]
        body = Body()
        body.add_bytes(chunk.body)
        first = ROWS - 2 * _PER_CHUNK + chunk["first"]
        _write(folder, f"g/{first // _PER_CHUNK}", deflated({**chunk.header, "first": first}, body))
    return page


def _write(folder: Path, key: str, chunk: bytes) -> None:
    path = folder / "data" / f"{key}.js"
    path.write_bytes(b"".join(in_file(key, as_text(chunk))))


def _columns() -> bytes:
    body, rows = Body(), np.arange(ROWS)
    part = np.linspace(1, 0, ROWS, dtype=np.float32)
    unknown, none = np.full(ROWS, np.nan, np.float32), np.zeros(ROWS, np.uint8)
    columns = {
        **dict.fromkeys(("of", "start"), rows.astype(np.uint32)),
        **dict.fromkeys(("deviation", "low", "high", "disagreement", "total", "aleatoric", "epistemic"), unknown),
        **dict.fromkeys(("p", "p_top", "margin", "entropy"), part),
        **dict.fromkeys(("label", "top"), (rows % 5).astype(np.int32)),
        "first": none + 1,
        "outcome": (1 + rows % 2).astype(np.uint8),
        "correct": (1 + rows % 2).astype(np.uint8),
        "has_edits": none,
        "sample": rows.astype(np.int32),
    }
    names = [f"img_{row:06}.png".encode() for row in range(ROWS)]
    labels: dict[str, Any] = {
        "at": body.add(np.arange(ROWS + 1, dtype=np.uint32)),
        "labels": body.add(columns["label"]),
    }
    header = {
        "rows": ROWS,
        "samples": ROWS,
        "columns": {name: body.add(values) for name, values in columns.items()},
        "names": {
            "at": body.add((len(names[0]) * np.arange(ROWS + 1)).astype(np.uint32)),
            "text": body.add_bytes(b"".join(names)),
        },
        "truth": labels,
        "predicted": labels,
    }
    return deflated(header, body)
