"""A report that is written against another run: what it says of it, and that run's maps beside its own."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paired_runs import MAP, METADATA, Item, write
from scipy.stats import spearmanr
from written_reports import Report

from explainer.analysis.comparison import compare_runs
from explainer.analysis.view import read_run
from explainer.errors import ComparisonError, SummaryReadError
from explainer.report import against as module
from explainer.report.write import write_report
from explainer.summary.images import from_grey

CAT, DOG, EEL = (0.625, 0.125, 0.25), (0.125, 0.625, 0.25), (0.125, 0.25, 0.625)
WAVES = np.sin(np.arange(35)).reshape(5, 7)
PICTURE = np.arange(105, dtype=np.uint8).reshape(5, 7, 3)


def item(number: int, name: int, probabilities=DOG, **other) -> Item:
    maps = {("GradCAM", 1): MAP + number, ("RISE", 1): MAP[::-1] - 3 * number, ("GradCAM", 2): MAP.T.reshape(5, 7)}
    return Item(
        number, f"photos/{name}.png", probabilities=probabilities, **({"maps": maps, "pixels": PICTURE} | other)
    )


# The names are paired 0-0, 1-1, 2-2; the numbers are others in the second run.
FIRST = [item(0, 0), item(1, 1), item(2, 2, truth=()), item(3, 77)]
WAVED = {("RISE", 1): WAVES, ("GradCAM", 1): MAP[::-1], ("Lime", 1): MAP}
SECOND = [item(4, 2, CAT, truth=()), item(6, 1, maps={("GradCAM", 0): MAP}), item(9, 0, EEL, maps=WAVED)]
OTHER_METHODS = replace(METADATA, explainers=("RISE", "Lime", "GradCAM"))


def written(folder: Path, first=FIRST, second=SECOND, **options) -> Report:
    a, b = write(folder / "a", first), write(folder / "b", second, OTHER_METHODS)
    return Report(write_report(a, folder / "seen.html", against=b, **options).path)


def rows_of(report: Report) -> list[dict | None]:
    return [row for key in sorted(key for key in report.keys if key.startswith("c/")) for row in report[key]["rows"]]


def row_of(report: Report, sample: int, label: int) -> int:
    columns = report["cols"]
    numbers = [columns.column("sample")[index] for index in columns.column("of")]
    return list(zip(numbers, columns.column("label"), strict=True)).index((sample, label))


def test_each_row_has_the_maps_of_the_same_sample_label_and_methods(tmp_path):
    report = written(tmp_path)
    other = read_run(tmp_path / "b")
    chunk, row = report["c/0"], report["c/0"]["rows"][row_of(report, 0, 1)]
    entries = {entry.explainer: entry for entry in other.samples[9].maps}
    assert [METADATA.explainers[cell["method"]] for cell in row["maps"]] == ["GradCAM", "RISE"]
    for cell in row["maps"]:
        entry = entries[METADATA.explainers[cell["method"]]]
        assert (cell["lo"], cell["hi"], cell["w"], cell["h"]) == (entry.low, entry.high, 7, 5)
        values = from_grey(chunk.array(cell["values"]).reshape(5, 7), entry.low, entry.high)
        assert values.tolist() == other.saliency(entry).tolist()
        assert cell["text"].startswith(f"{entry.explainer} for dog: ")


def test_a_label_that_the_other_run_did_not_explain_has_no_map_and_a_sample_that_it_lacks_no_row(tmp_path):
    report = written(tmp_path)
    rows = rows_of(report)
    assert rows[row_of(report, 1, 1)] == {"image": None, "maps": []}
    assert rows[row_of(report, 3, 1)] is None
    assert len(rows) == report.run["rows"] == 8


def test_the_columns_say_which_sample_it_is_and_what_it_is_taken_for(tmp_path):
    report = written(tmp_path)
    pairs = report["pairs"]
    assert (pairs["rows"], pairs["samples"]) == (8, 4)
    assert pairs.column("other") == [9, 6, 4, -1]
    assert pairs.column("top") == [2, 1, 0, -1]
    assert pairs.column("correct") == [2, 1, 0, 0]
    assert pairs.column("p_top")[:3] == [0.625, 0.625, 0.625] and math.isnan(pairs.column("p_top")[3])
    at = [row_of(report, sample, 1) for sample in range(4)]
    assert [pairs.column("p")[row] for row in at[:3]] == [0.25, 0.625, 0.125] and math.isnan(pairs.column("p")[at[3]])
    assert [pairs.column("maps")[row] for row in at] == [2, 0, 2, 0]


def test_likeness_is_the_mean_rank_correlation_of_the_maps(tmp_path):
    report = written(tmp_path)
    expected = [
        spearmanr(*maps).statistic for maps in ((MAP.ravel(), MAP[::-1].ravel()), (MAP[::-1].ravel(), _in_greys(WAVES)))
    ]
    likeness = report["pairs"].column("likeness")
    assert likeness[row_of(report, 0, 1)] == pytest.approx(np.mean(expected))
    assert likeness[row_of(report, 2, 1)] == pytest.approx(1)
    assert math.isnan(likeness[row_of(report, 1, 1)])


def _in_greys(values: np.ndarray) -> np.ndarray:
    """As a run stores a map."""
    return np.rint((values - values.min()) / np.ptp(values) * 255).ravel()


def test_where_the_true_labels_differ_nobody_says_which_is_correct(tmp_path):
    report = written(tmp_path, [item(0, 0, truth=(1,)), item(1, 1)], [item(0, 0, truth=(2,)), item(1, 1, EEL)])
    assert report["pairs"].column("correct") == [0, 2]


def test_another_picture_of_the_same_name_is_there_and_the_same_one_is_not(tmp_path):
    second = [item(0, 0, pixels=255 - PICTURE), item(1, 1)]
    report = written(tmp_path, FIRST[:2], second)
    rows = rows_of(report)
    image = rows[row_of(report, 0, 1)]["image"]
    planes = report["c/0"].array(image["rgb"]).reshape(3, 5, 7)
    assert (planes == (255 - PICTURE).transpose(2, 0, 1)).all()
    assert rows[row_of(report, 1, 1)]["image"] is None


def test_a_damaged_map_of_the_other_run_is_counted_and_the_report_is_not_complete(tmp_path):
    a, b = write(tmp_path / "a", FIRST), write(tmp_path / "b", SECOND, OTHER_METHODS)
    (entry,) = (entry for entry in read_run(b).samples[9].maps if entry.explainer == "RISE")
    (b / entry.path).unlink()
    found = write_report(a, tmp_path / "seen", against=b)
    report = Report(found.path)
    cells = rows_of(report)[row_of(report, 0, 1)]["maps"]
    assert [(cell["flag"], cell.get("reason")) for cell in cells] == [(1, None), (2, "the picture is missing")]
    assert (found.complete, found.unreadable) == (False, 0)
    assert (found.against, found.against_unreadable, report.run["compare"]["damaged_in_b"]) == ("ended", 1, 1)
    assert report.run["compare"]["maps"][1]["unreadable_pairs"] == 1


def test_the_same_damaged_picture_counts_once_for_all_rows_of_its_sample(tmp_path):
    a, b = write(tmp_path / "a", FIRST), write(tmp_path / "b", [item(0, 0, pixels=255 - PICTURE), item(1, 1)])
    (b / read_run(b).samples[0].image.path).unlink()
    found = write_report(a, tmp_path / "seen", against=b)
    assert (found.against_unreadable, Report(found.path).run["compare"]["damaged_in_b"]) == (1, 1)


def test_eight_rows_of_which_none_is_in_the_other_run_have_no_chunk(tmp_path):
    alone = [Item(number, f"{number}.png", maps={("GradCAM", 1): MAP}) for number in range(8)]
    report = written(tmp_path, [*alone, item(8, 8)], [item(0, 8)])
    assert sorted(key for key in report.keys if key[0] in "cgp") == ["c/1", "cols", "g/0", "g/1", "pairs"]
    assert report["c/1"]["first"] == 8


def test_the_page_says_what_compare_says_with_names_in_place_of_paths(tmp_path):
    compare = written(tmp_path).run["compare"]
    facts = json.loads(json.dumps(compare_runs(tmp_path / "a", tmp_path / "b")))
    assert (compare["a"]["folder"], compare["b"]["folder"]) == ("a", "b")
    assert str(tmp_path) not in json.dumps(compare)
    for name in ("differences", "explainers", "metrics", "scores", "scores_left_out", "maps"):
        assert compare[name] == facts[name]
    del facts["paired"]["pairs"]
    assert compare["paired"] == facts["paired"] | {"only_in_a_in_all": 1, "only_in_b_in_all": 0}
    changed = {"became_correct_in_all": 0, "became_incorrect_in_all": 1, "relabelled_in_all": 1}
    assert compare["predictions"] == facts["predictions"] | changed
    assert [sample["name"] for sample in compare["predictions"]["relabelled"]] == ["photos/2.png"]


def test_long_lists_stand_in_the_page_as_far_as_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_LISTED", 2)
    first = [item(number, number) for number in range(5)]
    report = written(tmp_path, first, [replace(one, probabilities=EEL) for one in first[:4]])
    predictions = report.run["compare"]["predictions"]
    assert [sample["sample_a"] for sample in predictions["became_incorrect"]] == [0, 1]
    assert predictions["became_incorrect_in_all"] == 4
    assert report["pairs"].column("correct") == [2, 2, 2, 2, 0]


def test_both_forms_hold_the_same(tmp_path):
    single = written(tmp_path)
    folder = Report(write_report(tmp_path / "a", tmp_path / "seen", against=tmp_path / "b").path)
    assert single.keys == folder.keys
    assert all((single[key].header, single[key].body) == (folder[key].header, folder[key].body) for key in single.keys)
    assert single.run == {**folder.run, "form": "single"}


def test_two_runs_of_one_folder_are_compared(tmp_path):
    older = write(tmp_path, FIRST, clock=1_700_000_000)
    write(tmp_path, [item(5, 1), item(8, 0)], clock=1_700_000_100)
    report = Report(write_report(older, tmp_path / "seen.html", against=older, against_run=1_700_000_000).path)
    assert "1700000100" in report.run["compare"]["a"]["event_file"]
    assert "1700000000" in report.run["compare"]["b"]["event_file"]
    assert report["pairs"].column("other") == [1, 0]


def test_a_report_of_one_run_compares_nothing(tmp_path):
    report = Report(write_report(write(tmp_path / "a", FIRST)).path)
    assert report.run["compare"] is None
    assert report.keys.isdisjoint({"pairs", "c/0"})


def test_runs_with_other_labels_are_refused_and_nothing_changes(tmp_path):
    a = write(tmp_path / "a", FIRST)
    b = write(tmp_path / "b", SECOND, replace(OTHER_METHODS, labels=("cat", "dog", "emu")))
    write_report(a, tmp_path / "seen.html")
    before = (tmp_path / "seen.html").read_bytes()
    with pytest.raises(ComparisonError, match="their labels differ: label 2 is 'eel' in the first and 'emu'"):
        write_report(a, tmp_path / "seen.html", against=b)
    assert (tmp_path / "seen.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "seen.html"]


def test_a_folder_without_another_run_and_a_run_without_a_folder_are_told(tmp_path):
    a = write(tmp_path / "a", FIRST)
    with pytest.raises(SummaryReadError, match="found no summary"):
        write_report(a, against=tmp_path)
    with pytest.raises(ValueError, match="`against_run` must come with `against`, the folder of that run, got 7 alone"):
        write_report(a, against_run=7)
