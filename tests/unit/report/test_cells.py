"""The grid of a report: each cell shows the picture or map that the run has, and says so in words."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made_runs import sample
from report_runs import LABELS, METHODS
from scipy.stats import spearmanr

from explainer.records import SaliencyFile
from explainer.report.catalogue import Catalogue
from explainer.report.cells import Names, image_cell, map_cell, row_of
from explainer.report.picture_files import Damaged, Picture, PngFile
from explainer.summary.images import from_grey

NAMES = Names(Catalogue(("GradCAM", "control: random"), (), frozenset({"control: random"}), 3), ("ant", "bee", "cat"))
GREY = np.zeros((6, 9), np.uint8)
GREY[:2, :3] = 255


def picture_of(grey) -> Picture:
    return Picture(PngFile(b"", grey.shape[1], grey.shape[0]), grey)


def cell_of(picture=GREY, low=0.0, high=1.0, *, label=1, method="GradCAM"):
    entry = SaliencyFile(4, method, label, "4_1.png", low, high)
    return map_cell(entry, picture if isinstance(picture, Damaged) else picture_of(picture), NAMES)


def test_every_row_of_a_run_is_in_the_grid_eight_to_a_chunk(written):
    rows = written.report.run["rows"]
    assert rows == 16
    chunks = [written.report[f"g/{number}"] for number in range(2)]
    assert "g/2" not in written.report.keys
    assert [(chunk["first"], len(chunk["rows"])) for chunk in chunks] == [(0, 8), (8, 8)]


def test_a_maps_cell_has_the_maps_largest_magnitudes(written):
    columns, run = written.report["cols"], written.view
    samples = list(run.samples.values())
    for number, (of, label) in enumerate(zip(columns.column("of"), columns.column("label"), strict=True)):
        chunk, row = written.report.row(number)
        maps = {entry.explainer: entry for entry in samples[of].maps if entry.label == label}
        assert [METHODS[cell["method"]] for cell in row["maps"]] == list(METHODS)
        for cell in row["maps"]:
            entry = maps[METHODS[cell["method"]]]
            assert (cell["lo"], cell["hi"]) == (entry.low, entry.high)
            assert (cell["w"], cell["h"], cell["width"], cell["height"]) == (64, 47, 130, 96)
            shown = from_grey(chunk.array(cell["values"]).reshape(47, 64), entry.low, entry.high)
            full = run.saliency(entry)
            assert np.abs(shown).max() == np.abs(full).max()
            top, left = np.unravel_index(np.abs(full).argmax(), full.shape)
            row_of_it = next(index for index in range(47) if top < (index + 1) * 96 // 47)
            column_of_it = next(index for index in range(64) if left < (index + 1) * 130 // 64)
            assert np.abs(shown)[row_of_it, column_of_it] == np.abs(full).max()


def test_a_cell_says_where_the_99th_percentile_is(written):
    chunk, row = written.report.row(0)
    del chunk
    run = written.view
    for cell, entry in zip(row["maps"], run.samples[0].maps, strict=True):
        values = run.saliency(entry)
        expected = np.percentile(np.abs(values) if entry.low < 0 else values, 99)
        assert cell["p99"] == pytest.approx(expected, abs=(entry.high - entry.low) / 100)


def test_a_pictures_cell_has_its_planes(written):
    chunk, row = written.report.row(0)
    cell = row["image"]
    planes = chunk.array(cell["rgb"]).reshape(3, cell["h"], cell["w"]).astype(int)
    picture = written.view.picture(written.view.samples[0].image).astype(int)
    assert (cell["w"], cell["h"], cell["text"]) == (64, 47, "animals/cat_0.png")
    for place in ((3, 3), (30, 12), (12, 50)):  # well inside of blocks of one colour
        at = place[0] * 96 // 47 + 1, place[1] * 130 // 64 + 1
        assert np.abs(planes[:, place[0], place[1]] - picture[at]).max() <= 1


def test_rows_of_one_sample_share_their_picture(written):
    columns = written.report["cols"]
    first = columns.column("of").index(2)
    assert columns.column("of")[first + 1] == 2
    _, one = written.report.row(first)
    _, other = written.report.row(first + 1)
    assert one["image"]["rgb"]["at"] == other["image"]["rgb"]["at"]
    assert one["maps"][0]["values"]["at"] != other["maps"][0]["values"]["at"]


def test_disagreement_is_of_the_thumbnails(written):
    chunk, row = written.report.row(5)
    maps = [chunk.array(cell["values"]) for cell in row["maps"]]
    found = [spearmanr(maps[a], maps[b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
    assert written.report["cols"].column("disagreement")[5] == pytest.approx(1 - np.mean(found), abs=1e-5)


def test_a_cell_in_words():
    text = cell_of().header["text"]
    assert text == "GradCAM for bee: strongest at the upper left, 6 % of the area holds half of the map"
    assert image_cell(sample(4, [1.0]), picture_of(GREY)).header["text"] == "sample 4"


def test_a_map_of_one_value_in_words():
    cell = cell_of(np.zeros((6, 9), np.uint8), 0.25, 0.25)
    assert cell.header["text"] == "GradCAM for bee: the same everywhere"


def test_little_of_the_area_in_words():
    grey = np.zeros((200, 200), np.uint8)
    grey[199, 0] = 255
    text = cell_of(grey).header["text"].partition(": ")[2]
    assert text == "strongest at the lower left, less than 1 % of the area holds half of the map"


def test_long_names_are_cut_in_words():
    names = Names(Catalogue(("G" * 90,), (), frozenset(), 1), ("é" * 10_000,))
    text = names.of_map(SaliencyFile(0, "G" * 90, 0, "0.png", 0.0, 1.0))
    assert text == f"{'G' * 59}… for {'é' * 59}…"


def test_what_cannot_be_shown_says_why():
    cell, image = cell_of(Damaged("the picture is missing")), image_cell(sample(4, [1.0]), Damaged("it is no PNG"))
    text = "GradCAM for bee: the picture is missing"
    assert cell.header == {"flag": 2, "method": 0, "reason": "the picture is missing", "text": text}
    assert image.header == {"flag": 2, "reason": "it is no PNG", "text": "sample 4: it is no PNG"}
    assert (image.damaged, cell.damaged) == (True, True)


def test_what_cannot_be_shown_and_controls_are_not_compared():
    ramp = np.arange(54, dtype=np.uint8).reshape(6, 9)
    image, damaged = image_cell(sample(4, [1.0]), picture_of(GREY)), cell_of(Damaged("x"))
    control = cell_of(ramp, method="control: random")
    assert np.isnan(row_of(image, [cell_of(), control, damaged], NAMES.catalogue).disagreement)
    expected = 1 - spearmanr(GREY.ravel(), ramp.ravel()).statistic
    row = row_of(image, [cell_of(), cell_of(ramp), control, damaged], NAMES.catalogue)
    assert row.disagreement == pytest.approx(expected, abs=1e-6)


def test_labels_of_the_run_are_named(written):
    _, row = written.report.row(1)
    label = written.report["cols"].column("label")[1]
    assert row["maps"][0]["text"].startswith(f"GradCAM for {LABELS[label]}: ")
