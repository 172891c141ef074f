"""The chunk of a sample holds all that the run has of it, its pictures as they lie on the disk."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hand_made_runs import sample, tree
from report_runs import CONTROLS, METHODS, METRICS
from written_reports import Chunk

from explainer.records import EditLayer, EditTree, ScoreCurve
from explainer.report.catalogue import Catalogue
from explainer.report.detail import detail_chunk, detail_key
from explainer.report.picture_files import Damaged
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
