"""The page's numbers are the run's: random samples of random runs, compared with what Python reads.

The seed is printed; EXPLAINER_TEST_SEED gives one.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from report_runs import CONTROLS, METRICS
from report_viewer import Viewer

from explainer.analysis.view import RunView, read_run
from explainer.records import (
    Box,
    Draws,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    Score,
    Uncertainty,
)
from explainer.report.write import write_report
from explainer.summary.writer import SummaryWriter

LABELS = (*(f"label {number}" for number in range(12)), "<b>bold</b>", "a, b → c")
METHODS = ("GradCAM", "RISE", "My <own> method")
SAMPLES = 8
NUMBER = r"(−?[\d.]+(?:e[+−]\d+)?)"


@dataclass(frozen=True)
class Made:
    """A run that was read again, its report, and the maps as the methods gave them."""

    view: RunView
    page: Path
    maps: dict[tuple[int, str, int], np.ndarray]
    rng: np.random.Generator


KINDS = [("single", None), ("folder", None), ("single", "float16"), ("folder", "float32")]


@pytest.fixture(scope="module", params=KINDS, ids=[f"{form}, {kind}" for form, kind in KINDS])
def made(request, tmp_path_factory) -> Made:
    form, raw_kind = request.param
    seed = int(os.environ.get("EXPLAINER_TEST_SEED") or secrets.randbits(32))
    print(f"EXPLAINER_TEST_SEED={seed}")
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("numbers")
    maps = _write(folder / "run", rng, raw_kind)
    to = folder / ("report.html" if form == "single" else "report")
    view = read_run(folder / "run")
    return Made(view, write_report(view, to, form=form).path, maps, rng)


def _write(folder: Path, rng, raw_kind) -> dict[tuple[int, str, int], np.ndarray]:
    parameters = {"metrics": METRICS, "controls": {name: {"class": "Control"} for name in CONTROLS}}
    metadata = RunMetadata(LABELS, METHODS, tuple(METRICS), ("saliency", "benchmark", "uncertainty"), parameters)
    maps = {}
    with SummaryWriter(folder, metadata, raw_kind=raw_kind) as writer:
        for number in range(SAMPLES):
            for record in _records(number, rng):
                writer.write(record)
                if isinstance(record, Saliency):
                    maps[number, record.explainer, record.label] = record.saliency
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    return maps


def _records(number: int, rng):
    height, width = rng.integers(20, 90, 2).tolist()
    labels = tuple(rng.permutation(len(LABELS))[: rng.integers(1, 4)].tolist())
    truth = tuple(sorted(labels[: rng.integers(0, len(labels) + 1)]))
    yield OriginalImage(number, rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    yield Prediction(number, truth, (), tuple(sorted(labels)), _probabilities(rng))
    yield SampleOrigin(number, bytes(16), f"{rng.integers(10**6)} & {number}.png")
    if truth:
        corner = rng.integers(0, 15, 2).tolist()
        yield ObjectBoxes(number, (Box(truth[0], *corner, *rng.integers(1, 5, 2).tolist()),), (width, height))
    if rng.random() < 0.7:
        yield _uncertainty(number, rng)
    for name in METHODS:
        for label in labels:
            yield Saliency(number, name, label, _map(rng, height, width))
    for name in (*METHODS, *CONTROLS):
        for metric in ("DeletionAUC", "MaxSensitivity"):
            for label in labels:
                yield Score(number, name, metric, label, _value(rng))
        yield Score(number, name, "ClassSensitivity", None, _value(rng))


def _probabilities(rng) -> np.ndarray:
    return rng.dirichlet(np.full(len(LABELS), 0.3)).astype(np.float32)


def _uncertainty(number: int, rng) -> Uncertainty:
    mean, deviation = _probabilities(rng), rng.random(len(LABELS), np.float32) / 4
    low, high = np.maximum(mean - deviation, 0), np.minimum(mean + deviation, 1)
    draws = Draws((3, 0), rng.random((4, 2), np.float32))
    return Uncertainty(number, mean, deviation, low, high, *rng.random(3).tolist(), draws)


def _map(rng, height: int, width: int) -> np.ndarray:
    """Of any size and sign, some constant, some smaller than the picture."""
    shape = (height, width) if rng.random() < 0.7 else (-(-height // 2), -(-width // 2))
    if rng.random() < 0.1:
        return np.full(shape, rng.standard_normal(), np.float32)
    values = rng.standard_normal(shape) * 10 ** rng.uniform(-9, 6)
    return (values if rng.random() < 0.5 else np.abs(values)).astype(np.float32)


def _value(rng) -> float:
    return float("nan") if rng.random() < 0.2 else float(rng.standard_normal() * 10 ** rng.uniform(-5, 4))


def _some(made: Made, count: int = 2) -> list[tuple[int, int]]:
    """Random samples, each with one of its explained labels."""
    numbers = made.rng.permutation(SAMPLES)[:count].tolist()
    return [(number, int(made.rng.choice(made.view.samples[number].prediction.explained))) for number in numbers]


def _open(viewer: Viewer, made: Made, number: int, label: int) -> None:
    viewer.open(made.page, f"#/sample/{number}?label={label}")
    viewer.page.wait_for_selector(".probabilities")


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


def _shows(text: str, value: float, places: int) -> bool:
    """Whether the text is the value with so many decimals."""
    found = re.fullmatch(r"−?\d+(?:\.(\d+))?", text)
    return (
        found is not None
        and len(found[1] or "") == places
        and abs(_number(text) - value) <= 0.5 * 10**-places * (1 + 1e-6)
    )


def test_the_head_names_the_sample_and_its_labels_with_probability_and_interval(made, viewer):
    for number, label in _some(made):
        one = made.view.samples[number]
        _open(viewer, made, number, label)
        head = viewer.page.locator(".sample-title > *")
        texts = [text.strip() for text in head.all_inner_texts()]
        assert texts[:2] == [str(number), one.source]
        truth = ", ".join(LABELS[true] for true in one.prediction.ground_truth) or "?"
        assert texts[2] == f"{truth} → {LABELS[int(one.prediction.probabilities.argmax())]}"
        shown, *bounds = texts[4].split(maxsplit=1)
        assert _shows(shown, one.prediction.probabilities[label], 2)
        if one.uncertainty is None:
            assert bounds == []
        else:
            low, high = bounds[0].strip("[]").split(", ")
            assert _shows(low, one.uncertainty.low[label], 2)
            assert _shows(high, one.uncertainty.high[label], 2)


def test_every_probability_has_its_label_its_number_and_its_interval(made, viewer):
    for number, label in _some(made):
        one = made.view.samples[number]
        _open(viewer, made, number, label)
        probabilities, truth = one.prediction.probabilities, one.prediction.ground_truth
        ranked = np.argsort(-probabilities, kind="stable").tolist()
        wanted = [index for index in ranked if index in {*ranked[:10], *truth, *one.prediction.explained}]
        rows = viewer.page.locator(".probabilities tbody tr")
        assert rows.count() == len(wanted)
        for index, row in zip(wanted, rows.all(), strict=True):
            assert row.locator("th bdi").inner_text() == LABELS[index]
            assert ("● true" in row.locator("th").inner_text()) == (index in truth)
            shown, *bounds = row.locator(".number").inner_text().split(maxsplit=1)
            assert _shows(shown, probabilities[index], 3)
            if one.uncertainty is not None:
                low, high = bounds[0].strip("[] ").split(", ")
                assert _shows(low, one.uncertainty.low[index], 2)
                assert _shows(high, one.uncertainty.high[index], 2)
            else:
                assert bounds == []


def test_single_draws_are_ticks_of_their_label(made, viewer):
    number = next(number for number, one in made.view.samples.items() if one.uncertainty is not None)
    one = made.view.samples[number]
    _open(viewer, made, number, one.prediction.explained[0])
    for row in viewer.page.locator(".probabilities tbody tr").all():
        label = LABELS.index(row.locator("th bdi").inner_text())
        path = row.locator(".ticks path")
        if label not in one.uncertainty.draws.labels:
            assert path.count() == 0
            continue
        places = [float(place) for place in re.findall(r"M(\S+) 0V1", path.get_attribute("d"))]
        expected = one.uncertainty.draws.probabilities[:, one.uncertainty.draws.labels.index(label)]
        np.testing.assert_array_equal(np.float32(places), expected)


def test_every_score_is_that_of_the_run(made, viewer):
    for number, label in _some(made):
        one = made.view.samples[number]
        _open(viewer, made, number, label)
        table = viewer.page.get_by_role("table").filter(has_text="DeletionAUC").first
        metrics = table.locator("thead bdi").all_inner_texts()
        assert metrics == list(METRICS)
        scores = {(score.explainer, score.metric): score.value for score in one.scores if score.label in (None, label)}
        rows = table.locator("tbody tr")
        assert sorted(rows.locator("th").all_inner_texts()) == sorted((*METHODS, *CONTROLS))
        for row in rows.all():
            name = row.locator("th").inner_text()
            for metric, cell in zip(metrics, row.locator("td").all_inner_texts(), strict=True):
                value, shown = scores[name, metric], cell.split("\n")[0]
                if np.isnan(value):
                    assert shown == "undefined"
                elif 0 < abs(value) < 0.001:
                    assert _number(shown) == pytest.approx(value, rel=0.05)
                else:
                    assert _shows(shown, value, 0 if abs(value) >= 100 else 3), (name, metric, value)


def test_the_values_under_the_cursor_are_those_of_the_maps_to_within_what_is_said(made, viewer):
    for number, label in _some(made):
        one = made.view.samples[number]
        _open(viewer, made, number, label)
        height, width = made.view.picture(one.image).shape[:2]
        box = viewer.page.locator('[data-pane="1"]').bounding_box()
        for _ in range(3):
            x, y = int(made.rng.integers(width)), int(made.rng.integers(height))
            place = (x + 0.5) / width, (y + 0.5) / height
            viewer.page.mouse.move(*_on_the_screen(box, place, width / height))
            viewer.wait_for_text(".readout", f"x {x} y {y}")
            spans = viewer.page.locator(".readout > span").all()
            assert [span.locator("bdi").inner_text() for span in spans] == list(METHODS)
            for name, span in zip(METHODS, spans, strict=True):
                entry = next(entry for entry in one.maps if (entry.explainer, entry.label) == (name, label))
                _require_value(span.inner_text().removeprefix(name).strip(), made, entry, place)


def _on_the_screen(box, place, shape):
    """A point of a picture of this shape that is fitted into a pane."""
    shown = min(box["width"], box["height"] * shape), min(box["height"], box["width"] / shape)
    left, top = box["x"] + (box["width"] - shown[0]) / 2, box["y"] + (box["height"] - shown[1]) / 2
    return left + place[0] * shown[0], top + place[1] * shown[1]


def _require_value(text: str, made: Made, entry, place) -> None:
    of_the_method = made.maps[entry.sample_id, entry.explainer, entry.label]
    height, width = of_the_method.shape
    pixel = int(place[1] * height), int(place[0] * width)
    true, read = float(of_the_method[pixel]), float(made.view.saliency(entry)[pixel])
    found = re.match(rf"{NUMBER} (?:exact|± {NUMBER}) \(", text)
    assert found is not None, text
    value = _number(found[1])
    if found[2] is None:
        assert entry.constant or made.view.samples[entry.sample_id].maps[0].raw.path  # greys alone are never exact
        assert np.float32(value) == np.float32(true) == np.float32(read), text
        return
    error = _number(found[2])
    assert abs(value - true) <= error, text
    assert abs(value - read) <= error, text
    most = (
        (entry.high - entry.low) / 510
        if entry.raw is None
        else max(abs(true) * 2**-11, 2.0 ** (entry.raw.exponent - 25))
    )
    assert error <= 1.2 * most, text


def test_boxes_are_drawn_where_they_are_and_said_and_can_be_switched_off(made, viewer):
    number = next(number for number, one in made.view.samples.items() if one.objects is not None)
    one = made.view.samples[number]
    (wanted,) = one.objects.boxes
    _open(viewer, made, number, one.prediction.explained[0])
    pane = viewer.page.locator('[data-pane="0"]').bounding_box()
    drawn = viewer.page.locator('[data-pane="0"] .box.object').bounding_box()
    width, height = one.objects.size
    left, top = _on_the_screen(pane, (wanted.x / width, wanted.y / height), width / height)
    right, bottom = _on_the_screen(
        pane, ((wanted.x + wanted.width) / width, (wanted.y + wanted.height) / height), width / height
    )
    found = drawn["x"], drawn["y"], drawn["x"] + drawn["width"], drawn["y"] + drawn["height"]
    assert found == pytest.approx((left, top, right, bottom), abs=0.1)
    assert viewer.page.locator('[data-pane="0"] .box.object bdi').inner_text() == LABELS[wanted.label]
    assert viewer.page.locator('[data-pane="1"] .box.object').count() == 1
    said = viewer.page.get_by_role("list", name="Boxes of true objects").get_by_role("listitem").all_inner_texts()
    assert said == [f"{LABELS[wanted.label]}: {wanted.width} × {wanted.height} at x {wanted.x} y {wanted.y}"]
    viewer.page.get_by_label("1 box of true objects").uncheck()
    assert viewer.page.locator(".box.object").count() == 0
    assert "objects=off" in viewer.hash
    viewer.page.get_by_label("1 box of true objects").check()
    assert viewer.page.locator('[data-pane="1"] .box.object').count() == 1
    assert "objects" not in viewer.hash


def test_the_list_says_the_same_of_each_sample(made, viewer):
    viewer.open(made.page)
    for number, one in made.view.samples.items():
        row = viewer.page.locator(f'.row[data-sample="{number}"]')
        if row.count() == 0:
            continue  # scrolled out of sight
        text = row.locator(".row-head").inner_text()
        probabilities, explained = one.prediction.probabilities, one.prediction.explained
        top = int(probabilities.argmax())
        label = top if top in explained else explained[0]
        assert one.source in text and LABELS[top] in text
        last = row.locator(".row-head > .clip").last.inner_text()
        shown, *bounds = last.split(maxsplit=1)
        assert _shows(shown, probabilities[label], 2)
        assert bool(bounds) == (one.uncertainty is not None)
