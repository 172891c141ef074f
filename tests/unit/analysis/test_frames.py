"""A run as pandas has it: the columns and values of the export schema."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from hand_made_runs import view, write_table_run

from explainer.analysis.tables import TABLES, Tables, metrics_of
from explainer.analysis.view import read_run
from explainer.report.export import export


@pytest.fixture
def run(tmp_path: Path):
    write_table_run(tmp_path / "job")
    return read_run(tmp_path / "job")


@pytest.mark.parametrize("kind", TABLES)
def test_a_frame_has_the_columns_and_rows_of_the_schema(run, kind):
    pandas = pytest.importorskip("pandas")
    frame = run.to_dataframe(kind)
    tables = Tables(run.metadata.labels, metrics_of(run.metadata, run.samples.values()))
    rows = [row for sample in run.samples.values() for row in tables.rows(kind, sample)]
    assert [*frame.columns] == [column.name for column in tables.columns(kind)]
    assert frame.attrs == {"schema_version": 1}
    for index, row in enumerate(rows):
        for name, value in row.items():
            found = frame[name].iloc[index]
            same = (
                found == value if isinstance(value, list) else pandas.isna(found) if value is None else found == value
            )
            assert same, (name, found, value)


def test_a_frame_has_these_types_also_where_nothing_is_known(run):
    pytest.importorskip("pandas")
    for frame in (run.to_dataframe(), view().to_dataframe()):
        types = {name: str(kind) for name, kind in frame.dtypes.items()}
        assert types["sample_id"] == types["label"] == "Int64"
        assert types["is_true"] == "boolean"
        assert types["probability"] == types["deviation"] == types["map_low"] == "float64"
        assert types["method"] == types["source"] == "string"
        assert types["true_labels"] == "object"


def test_pandas_computes_what_statistics_says(run):
    pytest.importorskip("pandas")
    scores = run.to_dataframe("scores")
    means = scores.groupby(["metric", "method"])["score"].mean()
    for entry in run.statistics():
        assert means[entry.metric, entry.explainer] == pytest.approx(entry.overall.mean, abs=1e-7)  # float32


def test_the_csv_export_is_the_frame_of_maps(run, tmp_path: Path):
    pytest.importorskip("pandas")
    export(tmp_path / "job", tmp_path / "out.csv", format="csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert header == ["schema_version", *run.to_dataframe().columns]


def test_another_kind_is_refused_with_the_choices(run):
    with pytest.raises(ValueError, match="`kind` must be one of maps, samples, scores, got 'map'; did you mean 'maps'"):
        run.to_dataframe("map")


def test_without_pandas_the_extra_is_named(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"to_dataframe needs pandas: pip install 'mindspore-explainer\[pandas\]'"):
        run.to_dataframe()
