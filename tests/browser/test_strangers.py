"""A stranger's summary in the browser: hostile texts on every page, odd numbers, paths that lead away."""

from __future__ import annotations

import base64
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hostile_runs import event, write

from explainer.analysis.view import read_run
from explainer.records import (
    Box,
    Draws,
    EditLayer,
    EditTree,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    Uncertainty,
)
from explainer.report.write import write_report
from explainer.summary import codec
from explainer.summary.explain_pb2 import Explain
from explainer.summary.images import png_of
from explainer.summary.writer import SummaryWriter

PAGES = ("", "samples", "sample/0", "scores", "classes", "edits", "compare", "about")
TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}",
    "\u202egnp.exe",
    "\u2067\u05d0bc",  # an isolate that is never closed
    "\u2069\u202edef",  # the end of one that was never begun
    "\u05d0\u05d1\u05d2 12",
    "NUL \0 and \x1b[31m",
    "\U0001f600" * 40,
    "x" * 10_000,
    "__proto__",
    "</script><!--",
    " ",
)


@pytest.fixture(scope="module")
def texts_page(tmp_path_factory) -> Path:
    """A report whose labels, methods, metrics, files, reasons and settings are all hostile texts."""
    folder = tmp_path_factory.mktemp("texts")
    parameters = {
        "network": TEXTS[0],
        "dataset": {TEXTS[1]: TEXTS[3]},
        "metrics": {text: {"class": TEXTS[0], "higher_is_better": True} for text in TEXTS},
        "explainers": {text: {TEXTS[1]: text} for text in TEXTS},
        "provenance": {TEXTS[4]: TEXTS[5], "command": list(TEXTS)},
    }
    jobs = ("saliency", "benchmark", "uncertainty", "hierarchical_occlusion")
    metadata = RunMetadata(TEXTS, TEXTS, TEXTS, jobs, parameters)
    with pytest.warns(match="are shown with a blank"), SummaryWriter(folder / "run", metadata) as writer:
        for number in range(len(TEXTS)):
            for record in _of_texts(number):
                writer.write(record)
        writer.write(SampleSkipped(99, TEXTS[1]))
        writer.write(RunEnd())
    return write_report(folder / "run", folder / "seen.html").path


_ROOT = {"layer": -1, "box": [0, 0, 30, 20], "network_output": 0.75, "step_change": 0.5, "children": []}


def _of_texts(number: int):
    rng = np.random.default_rng(number)
    count = len(TEXTS)
    probabilities = np.full(count, 0.01, np.float32)
    probabilities[number] = 0.6
    wrong = (number + 1) % count
    yield OriginalImage(number, rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    yield Prediction(number, (wrong, number) if number % 2 else (wrong,), (number,), (number,), probabilities)
    yield SampleOrigin(number, bytes(16), TEXTS[number])
    yield ObjectBoxes(number, (Box(wrong, 3, 4, 9, 8),), (30, 20))
    row = probabilities / 2
    yield Uncertainty(number, row, row, row, row, 1, 0.5, 0.5, Draws((number,), np.float32([[0.25], [0.75]])))
    for name in TEXTS:
        yield Saliency(number, name, number, rng.random((20, 30), np.float32))
        for metric in TEXTS:
            yield Score(number, name, metric, number, float(rng.random()))
    points = np.float32([0, 0.5, 1])
    yield ScoreCurve(number, TEXTS[number], TEXTS[number], number, TEXTS[wrong], points, 1 - points)
    layers = (EditLayer(0.75, ((1, 2, 9, 8),)),)
    yield EditTree(number, number, "gaussian:2", False, layers, _ROOT)
    yield SampleDone(number)


def _all_pages(viewer, page: Path):
    """Every page, and of the scores each of its forms."""
    for to in (*PAGES, "scores?as=dots", "scores?as=axes", "scores?as=classes"):
        viewer.open(page, f"#/{to}")
        viewer.page.wait_for_timeout(80)
        yield to


_MADE = """
() => [...document.querySelectorAll("img, iframe, object, embed, script:not([type]), [onerror], [href^='javascript']")]
  .filter((element) => !(element.tagName === "SCRIPT" && !element.src && element.parentElement === document.body))
  .map((element) => element.outerHTML.slice(0, 80))
"""
_WIDE = """
() => [
  ...[...document.querySelectorAll("[aria-label], [title]")].flatMap((element) => [element.ariaLabel, element.title]),
  ...[...document.querySelectorAll("option, text, bdi")].map((element) => element.textContent),
]
  .filter((text) => text && text.length > 700 && text.includes("xxxxxxxx")).map((text) => text.length)
"""


def test_a_text_is_nothing_but_text_on_every_page_and_never_endless(texts_page, viewer):
    for to in _all_pages(viewer, texts_page):
        assert viewer.page.evaluate(_MADE) == [], to
        assert viewer.page.evaluate(_WIDE) == [], to
        assert len(viewer.page.inner_text("main")) < 60_000, to
        assert viewer.sees_no_more_than_its_width(), to


def test_each_text_is_there_as_it_is(texts_page, viewer):
    viewer.open(texts_page, "#/samples")
    names = (
        viewer.page.get_by_role("group", name="True label")
        .locator("bdi")
        .evaluate_all("all => all.map((one) => one.textContent)")
    )
    for text in TEXTS[:4] + TEXTS[7:9]:
        assert any(text.startswith(name.removesuffix("…")) for name in names if name.strip()), ascii(text)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 9])
def test_what_stands_behind_a_text_is_not_turned_round(texts_page, viewer, number):
    """The arrow stands between true label and prediction, the outcome and the probability behind them."""
    viewer.open(texts_page, f"#/sample/{number}")
    parts = viewer.page.locator(".sample-title > *")
    boxes = [parts.nth(index).bounding_box() for index in range(parts.count())]
    order = [(round(box["y"] / 20), box["x"]) for box in boxes]
    assert order == sorted(order)
    labels = viewer.page.locator(".sample-title > .clip").nth(1).locator("bdi")
    places = [labels.nth(index).bounding_box()["x"] for index in range(labels.count())]
    assert places == sorted(places)
    assert re.fullmatch(r"0\.60 \[0\.30, 0\.30\]", parts.last.inner_text().strip())
    assert _reads_from_left_to_right(viewer, ".sample-title > :last-child")


_LEFTS = """
(selector) => {
  const walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  const lefts = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (let at = 0; at < node.length; at++) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      lefts.push(range.getBoundingClientRect().left);
    }
  return lefts;
}
"""


def _reads_from_left_to_right(viewer, selector: str) -> bool:
    lefts = viewer.page.evaluate(_LEFTS, selector)
    return lefts == sorted(lefts)


def test_the_numbers_at_the_ends_of_lines_stand_behind_the_names(texts_page, viewer):
    for number in (3, 4, 5, 6):
        viewer.open(texts_page, f"#/sample/{number}")
        viewer.page.wait_for_selector(".chart .own")
        numbers = viewer.page.evaluate(
            """() => [...document.querySelectorAll(".chart .own")].map((text) => {
              const last = text.getNumberOfChars() - 1;
              const places = Array.from({ length: last + 1 }, (_, at) => text.getEndPositionOfChar(at).x);
              return places[last] >= Math.max(...places) - 0.01;
            })"""
        )
        assert numbers and all(numbers), number


# Numbers and paths.

HUGE = 3e38


@pytest.fixture(scope="module")
def odd_page(tmp_path_factory) -> Path:
    """A report of a summary that our writer would never have written."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "secret.png").write_bytes(png_of(np.full((4, 4), 200, np.uint8)))
    job = write(folder / "run", b"".join(map(event, _odd_messages(str(folder)))))
    for name in ("ok", "map 0"):
        (job / f"{name}.png").write_bytes(png_of(np.arange(24, dtype=np.uint8).reshape(4, 6)))
    (job / "link.png").symlink_to(folder / "secret.png")
    view = read_run(job)
    assert list(view.samples) == [-(2**31), 0, 1, 2, 2**31 - 1]
    return write_report(view, folder / "seen.html").path


PATHS = (
    *("map {place}.png", "../secret.png", "{folder}/secret.png", "link.png"),
    *("..\\secret.png", "%2e%2e/secret.png", "C:\\x.png", ""),
)
LABELS = ("cat", "dog")


def _odd_messages(folder: str):
    yield codec.encode_metadata(RunMetadata(LABELS, ("A", "A", ""), ("M", "N"), ("saliency",), {"metrics": {"M": 3}}))
    for place, number in enumerate((0, 1, 2, -(2**31), 2**31 - 1)):
        yield _odd_sample(number, place, folder)
        yield Explain(sample_id=number, done=True)
    yield codec.encode_end()


def _odd_sample(number: int, place: int, folder: str) -> Explain:
    probabilities = [
        [math.nan, math.inf],
        [-math.inf, HUGE, 0.5, 0.25],
        [],
        [0.25, 0.75],
        [-1.0, 7.0],
    ][place]
    message = Explain(sample_id=number)
    sample = message.sample
    sample.image_path = "ok.png" if place == 0 else "../secret.png"
    sample.ground_truth.extend([99, -5, 0])
    sample.predicted.extend([7, 1])
    sample.explained.extend([1, 99, -3])
    sample.probability.extend(probabilities)
    sample.objects.width, sample.objects.height = (6, 4) if place == 0 else (place - 1, 1)
    sample.objects.label.extend([0, 99, -1])
    sample.objects.box.extend([1, 1, 3, 2, -(2**31), 2**31 - 1, 2**31 - 1, -5, 0, 0, 0, 0])
    doubt = message.uncertainty
    doubt.mean.extend([math.nan])
    doubt.low.extend([math.inf, -HUGE, 1, 2, 3])
    doubt.high.extend([HUGE])
    doubt.total = doubt.aleatoric = HUGE
    doubt.drawn_label.extend([1, 99])
    doubt.draw.extend([math.nan, HUGE, -1, math.inf])
    _add_maps(message, folder, place)
    for value in (HUGE, -HUGE, math.inf, math.nan, 1e-44):
        message.score.add(explain_method="A", benchmark_method="M", label=1, value=value)
        message.score.add(explain_method="B", benchmark_method="N", value=value)
    message.curve.add(
        explain_method="A", benchmark_method="M", label=1, fraction=[math.nan, HUGE], probability=[math.inf, -HUGE]
    )
    tree = message.edit_tree.add(label=1, mask="gaussian:999999999", reason="")
    tree.layer.add(prob=HUGE, box=[-(2**31), -(2**31), 2**31 - 1, 2**31 - 1])
    tree.layer.add(prob=math.nan, box=[0, 0, 0, 0])
    message.edit_tree.add(label=99, mask="", reason="x" * 10_000)
    return message


def _add_maps(message: Explain, folder: str, place: int) -> None:
    for index, form in enumerate(PATHS):
        path = form.format(folder=folder, place=place)
        low, high = [(0, 1), (-HUGE, HUGE), (math.nan, 1), (5, 5)][index % 4]
        entry = message.explanation.add(explain_method=f"of {index}", label=1, heatmap_path=path, low=low, high=high)
        entry.completeness_gap = HUGE
        entry.raw.path, entry.raw.exponent = path, 2**31 - 1


def test_odd_numbers_and_paths_break_no_page(odd_page, viewer):
    for to in (*_all_pages(viewer, odd_page), "sample/1", "sample/2", f"sample/{2**31 - 1}", "sample/0?label=99"):
        viewer.page.goto(odd_page.as_uri() + f"#/{to}")
        viewer.page.wait_for_timeout(80)
        text = viewer.page.inner_text("main")
        assert len(text) > 20, to
        assert not re.search(r"\bNaN\b|Infinity|\[object|\bnull\b", text), to
        assert viewer.sees_no_more_than_its_width(), to


def test_a_path_that_leads_away_is_hatched_and_its_picture_not_in_the_report(odd_page, viewer):
    secret = (odd_page.parent / "secret.png").read_bytes()
    assert base64.b64encode(secret)[:60].decode() not in odd_page.read_text()
    viewer.open(odd_page, "#/samples")
    row = viewer.page.locator('.row[data-sample="1"]')
    assert row.locator(".cell.there").count() == 0
    assert row.locator(".cell.damaged").count() == len(PATHS) + 1


def test_the_boxes_of_a_stranger_stay_in_their_panes(odd_page, viewer):
    viewer.open(odd_page, "#/sample/0")
    assert viewer.page.locator('[data-pane="0"] .box.object').count() == 3
    assert viewer.page.get_by_role("list", name="Boxes of true objects").get_by_role("listitem").count() == 3
    assert viewer.sees_no_more_than_its_width()
