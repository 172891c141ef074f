"""The tables of a run for pandas, which is imported when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from explainer.analysis.tables import SCHEMA_VERSION, TABLES, Tables, metrics_of
from explainer.checks import require_choice
from explainer.records import RunMetadata
from explainer.summary.reader import SampleView

_TYPES = {
    "integer": "Int64",
    "number": "float64",
    "flag": "boolean",
    "text": "string",
    "texts": "object",
    "boxes": "object",
}


def dataframe_of(metadata: RunMetadata, samples: Mapping[int, SampleView], kind: str) -> Any:
    """A table of `TABLES` as a pandas.DataFrame.

    Raises:
        ValueError: another kind.
        ImportError: pandas is not installed.
    """
    require_choice("kind", kind, TABLES)
    tables = Tables(metadata.labels, metrics_of(metadata, samples.values()))
    rows = [row for sample in samples.values() for row in tables.rows(kind, sample)]
    return _frame(rows, {column.name: _TYPES[column.kind] for column in tables.columns(kind)})


def _frame(rows: Iterable[Mapping[str, Any]], types: Mapping[str, str]) -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_dataframe needs pandas: pip install 'mindspore-explainer[pandas]'") from error
    rows = list(rows)
    columns = {name: pandas.Series([row[name] for row in rows], dtype=kind) for name, kind in types.items()}
    frame = pandas.DataFrame(columns)
    frame.attrs["schema_version"] = SCHEMA_VERSION
    return frame
