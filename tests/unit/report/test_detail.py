"""The chunk of a sample holds all that the run has of it, its pictures as they lie on the disk."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hand_made_runs import sample, tree
from report_runs import CONTROLS, METHODS, METRICS, USUAL, write_report_run
from written_reports import Chunk, Report

from explainer.analysis.view import read_run
from explainer.records import Box, EditLayer, EditTree, ObjectBoxes, ScoreCurve
from explainer.report import picture_files
from explainer.report.catalogue import Catalogue
from explainer.report.detail import detail_chunk, detail_key
from explainer.report.picture_files import Damaged
from explainer.report.write import write_report
from explainer.summary.images import from_grey, pixels_of
from explainer.summary.reader import SampleView

CATALOGUE = Catalogue(("A",), ("M",), frozenset(), 3)
NAMES = (*METHODS, *sorted(CONTROLS))  # as a summary keeps its parameters
NUMBER = 2  # a sample with two labels


@pytest.fixture
def detail(written) -> Chunk:
    return written.report[detail_key(NUMBER)]


def test_every_sample_has_a_chunk_in_folders_of_a_thousand(written):
    assert {key for key in written.report.keys if key.startswith("s/")} == {f"s/0/{number}" for number in range(12)}
    assert [detail_key(number) for number in (999, 1000, -5)] == ["s/0/999", "s/1/1000", "s/-1/-5"]


def test_pictures_are_the_files(written, detail):
    one = written.view.samples[NUMBER]
    files = [detail.array(found["png"]).tobytes() for found in (detail["picture"], *detail["maps"])]
    paths = [
        one.image.path,
        *(entry.path for entry in sorted(one.maps, key=lambda entry: METHODS.index(entry.explainer))),
    ]
    assert files == [(written.view.summary_dir / path).read_bytes() for path in paths]
    assert (detail["picture"]["width"], detail["picture"]["height"]) == (130, 96)


def test_the_value_of_each_pixel_is_that_of_the_run(written, detail):
    entries = {(entry.explainer, entry.label): entry for entry in written.view.samples[NUMBER].maps}
    assert len(detail["maps"]) == len(entries) == 6
    for found in detail["maps"]:
        grey = pixels_of(detail.array(found["png"]).tobytes())
        expected = written.view.saliency(entries[METHODS[found["method"]], found["label"]])
        assert np.array_equal(from_grey(grey, found["lo"], found["hi"]), expected)


def test_gaps_are_where_the_method_has_them(detail):
    assert {(METHODS[found["method"]], found["gap"]) for found in detail["maps"]} == {
        ("GradCAM", None),
        ("RISE", None),
        ("Gradient", 0.25),
    }


def test_the_prediction_and_its_uncertainty(written, detail):
    one = written.view.samples[NUMBER]
    assert (detail["sample"], detail["name"]) == (2, "animals/eel_2.png")
    assert (detail["truth"], detail["predicted"], detail["explained"]) == ([3], [2], [2, 3])
    assert detail.array(detail["probabilities"]).tolist() == one.prediction.probabilities.tolist()
    for name in ("mean", "deviation", "low", "high"):
        assert detail.array(detail["uncertainty"][name]).tolist() == getattr(one.uncertainty, name).tolist()
    assert detail["uncertainty"]["epistemic"] == one.uncertainty.epistemic


def test_single_draws_stand_label_by_label(written, detail):
    draws, found = written.view.samples[NUMBER].uncertainty.draws, detail["uncertainty"]["draws"]
    assert (found["labels"], found["of_each"]) == (list(draws.labels), 7)
    assert np.array_equal(detail.array(found["values"]).reshape(5, 7), draws.probabilities.T)


def test_boxes_of_the_objects(written, detail):
    assert detail["boxes"] == {
        "size": [130, 96],
        "objects": [{"label": 3, "box": [5, 7, 40, 30]}, {"label": 3, "box": [60, 50, 20, 10]}],
        "in_all": 2,
    }
    assert written.report[detail_key(1)]["boxes"] is None


def test_of_many_boxes_the_first_hundred():
    made = sample(1, [0.5, 0.25, 0.25])
    boxes = tuple(Box(1, number, 0, 1, 1) for number in range(101))
    crowd = replace(made, objects=ObjectBoxes(1, boxes, (200, 1)))
    found = Chunk(detail_chunk(crowd, Damaged("the picture is missing"), [], CATALOGUE))["boxes"]
    assert ([entry["box"][0] for entry in found["objects"]], found["in_all"]) == (list(range(100)), 101)
    nowhere = replace(made, objects=ObjectBoxes(1, boxes, (0, 1)))
    assert Chunk(detail_chunk(nowhere, Damaged("is missing"), [], CATALOGUE))["boxes"] is None


def test_maps_that_were_kept_as_pictures_alone_have_no_floats(detail):
    assert [found["raw"] for found in detail["maps"]] == [None] * 6


@pytest.mark.parametrize(("kind", "stored", "bytes_each"), [("float16", "<f2", 2), ("float32", "<f4", 4)])
def test_maps_as_floats_are_there_as_they_were_kept(tmp_path, kind, stored, bytes_each):
    write_report_run(tmp_path / "run", USUAL._replace(samples=1), raw_kind=kind)
    view = read_run(tmp_path / "run")
    found = Report(write_report(view, tmp_path / "seen", form="folder").path)[detail_key(0)]
    entries = {(entry.explainer, entry.label): entry for entry in view.samples[0].maps}
    for one in found["maps"]:
        raw, entry = one["raw"], entries[METHODS[one["method"]], one["label"]]
        assert (raw["flag"], raw["kind"], raw["width"], raw["height"]) == (1, kind, 130, 96)
        content = found.array(raw["values"]).tobytes()
        assert len(content) == 130 * 96 * bytes_each
        values = np.frombuffer(content, stored).reshape(96, 130).astype(np.float32) * np.float32(2.0 ** raw["exponent"])
        assert np.array_equal(values, view.saliency(entry))


def test_maps_as_floats_that_are_not_as_recorded_say_why_and_are_counted(tmp_path):
    write_report_run(tmp_path / "run", USUAL._replace(samples=1), raw_kind="float16")
    view = read_run(tmp_path / "run")
    missing, cut, other = (view.summary_dir / entry.raw.path for entry in view.samples[0].maps)
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    other.write_bytes(other.read_bytes()[:-2] + bytes(2))
    written = write_report(view, tmp_path / "seen", form="folder")
    report = Report(written.path)
    assert [found["raw"] for found in report[detail_key(0)]["maps"]] == [
        {"flag": 2, "reason": "the map as floats is missing"},
        {
            "flag": 2,
            "reason": "the map as floats cannot be read: a map of 130 x 96 must have other than 25,087 bytes: it is "
            "cut, or too long",
        },
        {"flag": 2, "reason": "the map as floats is not the one that was recorded"},
    ]
    assert (report.run["counts"]["damaged_raw_maps"], report.run["counts"]["damaged_cells"]) == (3, 0)
    assert (written.unreadable, written.complete) == (3, False)


def test_a_sample_s_maps_as_floats_have_no_more_than_some_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "MOST_RAW_BYTES", 60_000)  # two maps of 24,960 and their headers
    write_report_run(tmp_path / "run", USUAL._replace(samples=1), raw_kind="float16")
    written = write_report(tmp_path / "run", tmp_path / "seen", form="folder")
    flags = [found["raw"]["flag"] for found in Report(written.path)[detail_key(0)]["maps"]]
    assert (flags, written.unreadable, written.complete) == ([1, 1, 2], 0, True)


def test_a_file_of_floats_that_two_records_name_is_shown_once(tmp_path):
    write_report_run(tmp_path / "run", USUAL._replace(samples=1), raw_kind="float16")
    view = read_run(tmp_path / "run")
    one = view.samples[0]
    again = tuple(replace(entry, raw=replace(one.maps[0].raw)) for entry in one.maps)
    written = write_report(replace(view, samples={0: replace(one, maps=again)}), tmp_path / "seen", form="folder")
    flags = [found["raw"]["flag"] for found in Report(written.path)[detail_key(0)]["maps"]]
    assert flags == [1, 2, 2]


def test_scores_are_all_there_undefined_ones_as_null(written, detail):
    found = [
        (tuple(METRICS)[entry["metric"]], NAMES[entry["method"]], entry["label"], entry["value"])
        for entry in detail["scores"]
    ]
    expected = [
        (score.metric, score.explainer, score.label, None if math.isnan(score.value) else score.value)
        for score in written.view.samples[NUMBER].scores
    ]
    assert found == expected
    assert [entry for entry in found if entry[3] is None]
    assert [entry for entry in found if entry[2] is None]


def test_curves_are_all_there_with_their_areas(written, detail):
    curves = written.view.samples[NUMBER].curves
    assert len(detail["curves"]) == len(curves) == 20
    for found, curve in zip(detail["curves"], curves, strict=True):
        assert (NAMES[found["method"]], found["label"], found["fill"]) == (curve.explainer, curve.label, curve.fill)
        assert detail.array(found["x"]).tolist() == curve.fractions.tolist()
        assert detail.array(found["y"]).tolist() == curve.probabilities.tolist()
        assert found["area"] == pytest.approx(np.trapz(curve.probabilities, curve.fractions), rel=1e-6)


def test_edits_have_boxes_and_the_part_of_the_image_that_they_cover(detail):
    (found,) = detail["edits"]
    assert (found["label"], found["mask"], found["by_masking"], found["size"]) == (2, "gaussian:9", False, [130, 96])
    assert [layer["p"] for layer in found["layers"]] == [0.75, 0.625]
    assert found["layers"][1]["boxes"] == [[4, 8, 10, 20], [20, 0, 8, 6]]
    assert [layer["part"] for layer in found["layers"]] == [1200 / 12480, 248 / 12480]
    assert found["part"] == 248 / 12480


def test_edits_without_a_result_have_the_reason(written):
    found = written.report[detail_key(4)]["edits"]
    assert [(entry["label"], entry["reason"], entry["layers"], entry["part"]) for entry in found] == [
        (4, "no region is enough", [], None)
    ]


def test_what_a_strangers_sample_may_hold_is_no_error():
    made = sample(1, [0.5, 0.25, 0.25])
    points = np.float32([0, np.nan]), np.float32([np.inf, 1])
    curves = ScoreCurve(1, "A", "M", 0, "x", *points), ScoreCurve(1, "B", "M", 0, "x", *points)
    odd = EditTree(1, 7, "\ud800", True, (EditLayer(math.nan, ((0, 0, 1, 1),)),), {"box": [0, 0]}, "")
    stranger = SampleView(1, made.image, made.prediction, curves=curves, edit_trees=(odd, tree(0, (1, 1, 2, 2))))
    found = Chunk(detail_chunk(stranger, Damaged("the picture is missing"), [], CATALOGUE))
    assert found["picture"] == {"flag": 2, "reason": "the picture is missing"}
    assert [curve["area"] for curve in found["curves"]] == [None]
    assert (found["edits"][0]["size"], found["edits"][0]["mask"], found["edits"][0]["layers"][0]["p"]) == (
        None,
        "\ufffd",
        None,
    )
    assert found["edits"][1]["part"] == 4 / 80
