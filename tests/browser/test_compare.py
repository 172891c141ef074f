"""The page of two runs: what changed, and the maps of both with their difference."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from paired_runs import MAP, METADATA, Item, write
from written_reports import Report

from explainer.analysis.comparison import compare_runs
from explainer.analysis.view import RunView, read_run
from explainer.report.write import write_report
from explainer.summary.folder import find_runs

CAT, DOG, EEL = (0.625, 0.125, 0.25), (0.125, 0.625, 0.25), (0.125, 0.25, 0.625)
UP, WAVES = MAP / 32, np.sin(np.arange(35)).reshape(5, 7)
RED_BLUE = "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061"
PICTURE = np.full((5, 7, 3), 99, np.uint8)
MAPS = "#/compare?show=maps&palette=grey&blend=map"
WHERE = {"GradCAM": 1, "RISE": 2}  # the places of the columns, after the picture's
STEP, PIXEL = 120, 16  # from one column to the next, and a pixel of a map, in pixels of the screen


class Both(NamedTuple):
    """Two runs, and the report of the first against the second one."""

    report: Report
    view: RunView
    other: RunView

    @property
    def page(self) -> Path:
        return self.report.page


def _items(b: bool) -> list[Item]:
    """Six samples of a, five of b in another order: 1 is wrong in b alone, 2 in a alone, 3 has another label."""
    predicted = [DOG, CAT, DOG, EEL, DOG] if b else [DOG, DOG, CAT, DOG, DOG, DOG]
    items = []
    for number, row in enumerate(predicted):
        up, waves = (UP[::-1] * (1 + number), WAVES - number) if b else (UP * (1 + number), WAVES)
        maps = {("GradCAM", 1): up, ("RISE", 1): waves}
        if b and number == 4:
            maps = {("GradCAM", 1): UP * 5}
        score = 0.25 + 0.05 * number + (0.1 + 0.01 * (number % 2) if b else 0)
        scores = {("DeletionAUC", "GradCAM", 1): score, ("PointingGame", "RISE", 1): float(number % 2)}
        truth = () if number == 3 else (1,)
        items.append(Item(number, f"<b>{number}</b>.png", b"", truth, row, scores, maps, PICTURE))
    return [one.but(number=9 - one.number) for one in reversed(items)] if b else items


@pytest.fixture(scope="package")
def both(tmp_path_factory) -> Both:
    """Pictures of 5 x 7 pixels; a folder."""
    folder = tmp_path_factory.mktemp("both")
    other = {**METADATA.parameters, "seed": 8}
    metadata = METADATA.__class__(**{**METADATA.__dict__, "parameters": other})
    a, b = write(folder / "a", _items(b=False)), write(folder / "b", _items(b=True), metadata)
    page = write_report(a, folder / "report", form="folder", against=b).path
    return Both(Report(page), read_run(a), read_run(b))


def _open_maps(viewer, page, to=MAPS):
    viewer.open(page, to)
    viewer.page.wait_for_selector(".pair-line")
    viewer.page.wait_for_function(
        "() => [...document.querySelectorAll('.pair-line .pictures')].every((canvas) => canvas.clientHeight === 80)"
    )
    return viewer


def _row(number: int) -> str:
    return f'.row:has(a[href*="#/sample/{number}?"])'


def _numbers(viewer) -> list[int]:
    return [int(text) for text in viewer.page.locator(".row .row-name b").all_inner_texts()]


def _maps(both, number: int, method: str):
    """The values of a and b, or None where there is no such map."""
    found = []
    for run, sample in ((both.view, number), (both.other, 9 - number)):
        entries = [entry for entry in run.samples[sample].maps if entry.explainer == method]
        found.append(run.saliency(entries[0]).astype(np.float64) if entries else None)
    return found


def _pixels(viewer, number: int, line: int, method: str) -> np.ndarray:
    """The colours (5, 7, 3) of a map's pixels."""
    canvas = viewer.pixels(f'{_row(number)} .pictures[data-line="{line}"]')
    rows, columns = 8 + PIXEL * np.arange(5), WHERE[method] * STEP + 8 + PIXEL * np.arange(7)
    return canvas[np.ix_(rows, columns)][..., :3].astype(int)


def _colour(index: int, anchors: str = RED_BLUE) -> list[int]:
    colours = [[int(text[at : at + 2], 16) for at in (0, 2, 4)] for text in anchors.split()]
    at = index / 255 * (len(colours) - 1)
    left = min(int(at), len(colours) - 2)
    pairs = zip(colours[left], colours[left + 1], strict=True)
    return [math.floor(low + (high - low) * (at - left) + 0.5) for low, high in pairs]


def test_what_changed_is_what_compare_says(both, viewer):
    viewer.open(both.page, "#/compare")
    facts = compare_runs(both.view.summary_dir, both.other.summary_dir)
    predictions, (score, *_) = facts["predictions"], facts["scores"]
    difference = score["difference"]
    text = viewer.text("main")
    for words in (
        "a a, 6 samples · b b, 5 samples",
        "5 pairs by the names of their files · only in a: 1, only in b: 0",
        f"Accuracy {100 * predictions['a']['mean']:.1f} % → {100 * predictions['b']['mean']:.1f} %",
        f"+{difference['mean']:.3f}",
        f"[{difference['low']:.3f}, {difference['high']:.3f}]",
        "▲ worse",
        "Became incorrect: 1",
        "Became correct: 1",
        "Another label: 1",
        "seed",
    ):
        assert words in text
    assert "/" not in viewer.text(".page-head")


def test_how_the_other_run_stands_is_said(both, viewer, tmp_path):
    viewer.open(both.page, "#/compare")
    assert viewer.page.locator(".page-head .alarming").count() == 0
    other = tmp_path / "b"
    shutil.copytree(both.other.summary_dir, other)
    (other / both.other.samples[9].maps[0].path).unlink()
    file = find_runs(other)[-1].event_file
    file.write_bytes(file.read_bytes()[:-3])
    page = write_report(both.view, tmp_path / "report.html", against=other).path
    viewer.open(page, "#/compare")
    said = "▲ b is damaged; 1 picture or map of b cannot be read"
    assert viewer.page.locator(".page-head .alarming").all_inner_texts() == [said]


@pytest.mark.parametrize(("title", "number"), [("Became incorrect", 1), ("Became correct", 2), ("Another label", 3)])
def test_a_changed_sample_is_linked_and_shown_alone_side_by_side(both, viewer, title, number):
    viewer.open(both.page, "#/compare")
    part = viewer.page.locator(".two > div", has_text=title)
    part.get_by_role("link", name=f"<b>{number}</b>.png").click()
    viewer.page.wait_for_selector(".pane canvas")
    assert viewer.hash.startswith(f"#/sample/{number}")
    viewer.page.go_back()
    part.get_by_role("link", name="maps side by side").click()
    viewer.page.wait_for_selector(".pair-line")
    assert _numbers(viewer) == [number]


def test_tabs_count_what_became_of_the_samples(both, viewer):
    viewer.open(both.page, "#/compare").press("g", "m")
    viewer.page.wait_for_selector('main[data-page="scores"]')
    viewer.press("g", "d")
    viewer.page.get_by_role("button", name="maps side by side").click()
    viewer.page.wait_for_selector(".pair-line")
    buttons = viewer.page.get_by_role("group", name="What became of them").get_by_role("button")
    assert buttons.all_inner_texts() == ["all 5", "▲ now incorrect 1", "● now correct 1", "other label 1"]
    assert _numbers(viewer)[:2] == [0, 1]
    buttons.nth(1).click()
    assert _numbers(viewer) == [1]
    alike = both.report["pairs"].column("likeness")[1]
    assert re.sub(r"\s+", " ", viewer.text(".pair-head")) == (
        "1 <b>1</b>.png a ● correct: dog 0.63 b ▲ incorrect: cat 0.63 for dog 0.13 for dog −0.50 "
        f"maps alike {alike:.2f}"
    )
    assert viewer.hash == "#/compare?show=maps&changed=incorrect"


def test_pairs_are_sorted_by_what_changed_most_and_gone_through_by_keys(both, viewer):
    _open_maps(viewer, both.page)
    pairs, columns = both.report["pairs"], both.report["cols"]
    change = np.abs(np.array(pairs.column("p")) - columns.column("p"))[:5]
    likeness = np.array(pairs.column("likeness"))[:5]
    for sort, expected in (
        ("probability", np.argsort(-change, kind="stable")),
        ("likeness", np.argsort(likeness, kind="stable")),
    ):
        viewer.page.get_by_label("Sort").select_option(sort)
        viewer.page.wait_for_function("(by) => location.hash.includes(`by=${by}`)", arg=sort)
        seen = _numbers(viewer)
        assert len(seen) >= 2 and seen == expected.tolist()[: len(seen)]
    viewer.press("j", "j")
    viewer.page.wait_for_function("() => document.activeElement.closest('.row.current')")
    viewer.press("Enter")
    viewer.page.wait_for_selector(".pane canvas")
    assert viewer.hash.startswith(f"#/sample/{expected[1]}?")


@pytest.mark.parametrize("method", ["GradCAM", "RISE"])
def test_both_maps_have_one_scale(both, viewer, method):
    _open_maps(viewer, both.page, f"{MAPS}&by=number")
    for number in (0, 1):
        a, b = _maps(both, number, method)
        low, high = min(a.min(), b.min()), max(a.max(), b.max())
        if method == "GradCAM":
            for line, values in ((0, a), (1, b)):
                expected = np.rint(255 * (values - low) / (high - low))
                assert np.abs(_pixels(viewer, number, line, method) - expected[..., None]).max() <= 1
        else:
            most = max(-low, high)
            for line, values in ((0, a), (1, b)):
                indices = np.floor(255 * (values / most + 1) / 2 + 0.5).astype(int)
                expected = np.array([[_colour(index) for index in row] for row in indices])
                assert np.abs(_pixels(viewer, number, line, method) - expected).max() <= 6  # a neighbour in the palette


@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize("method", ["GradCAM", "RISE"])
def test_a_difference_has_the_colours_of_the_palette_with_0_in_its_middle(both, viewer, method, stretch):
    _open_maps(viewer, both.page, MAPS + ("&stretch=1" if stretch else ""))
    for number in (0, 1):
        a, b = _maps(both, number, method)
        difference = b - a
        low, high = min(a.min(), b.min()), max(a.max(), b.max())
        wide = high - low if method == "GradCAM" else 2 * max(-low, high)
        most = np.abs(difference).max() if stretch else wide
        places = np.clip(difference / most, -1, 1) if most else difference * 0
        seen = _pixels(viewer, number, 2, method)
        expected = np.array([[_colour(int(np.floor(255 * (place + 1) / 2 + 0.5))) for place in row] for row in places])
        assert np.abs(seen - expected).max() <= 6  # a neighbour in the palette
        assert seen[np.abs(difference) < 1e-6].tolist() == [_colour(128)] * int((np.abs(difference) < 1e-6).sum())


def test_the_same_map_in_both_runs_has_no_difference_and_a_missing_one_says_so(both, viewer):
    _open_maps(viewer, both.page, f"{MAPS}&q=4")
    assert (_pixels(viewer, 4, 2, "GradCAM") == _colour(128)).all()
    cells = viewer.page.locator(f"{_row(4)} .pair-line").all()
    assert [cell.locator(".reason").all_inner_texts() for cell in cells] == [[], ["no map in b"], ["no map in b"]]
    assert viewer.page.get_by_label("GradCAM, b − a: 0 … 0").count() == 1


def test_the_values_below_the_cursor_are_those_of_both_runs(both, viewer):
    _open_maps(viewer, both.page)
    box = viewer.page.locator(f"{_row(1)} .pair-line").nth(2).locator('[data-place="2"]').bounding_box()
    viewer.page.mouse.move(box["x"] + 5.5 * PIXEL, box["y"] + 2.5 * PIXEL)
    assert viewer.text(".pair-legend b") == "x 5 y 2"
    for place, method in enumerate(WHERE):
        a, b = (values[2, 5] for values in _maps(both, 1, method))
        texts = viewer.page.locator(".column-head .pair-values").nth(place).locator("div").all_inner_texts()
        shown = [float(text.replace("−", "-")) for text in texts]
        assert shown == pytest.approx([a, b, b - a], abs=0.006)
    assert viewer.page.locator(f"{_row(1)} .hair.across").count() == 7
    viewer.page.locator(f"{_row(1)} .pair-lines").focus()
    viewer.press("Shift+ArrowLeft")
    assert viewer.text(".pair-legend b") == "x 4 y 2"


def test_the_look_and_the_filter_of_the_samples_hold_here_too(both, viewer):
    _open_maps(viewer, both.page, "#/compare?show=maps&top=0")
    assert _numbers(viewer) == [2]
    viewer.page.get_by_role("button", name="predicted cat").click()
    viewer.page.wait_for_function("() => document.querySelectorAll('.row').length > 1")
    before = _pixels(viewer, 0, 2, "GradCAM")
    viewer.press("p", "p", "p", "p")
    viewer.page.wait_for_timeout(50)
    assert (before != _pixels(viewer, 0, 2, "GradCAM")).any()


def test_a_chunk_of_the_other_run_that_is_missing_is_said_and_read_when_it_is_back(both, viewer, tmp_path):
    page = tmp_path / "index.html"
    page.write_text(both.report.html, encoding="utf-8")
    data = both.page.parent / "data"
    for path in data.rglob("*.js"):
        target = tmp_path / "data" / path.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name != "c":
            target.write_bytes(path.read_bytes())
    viewer.open(page, MAPS)
    viewer.page.wait_for_selector(".failed")
    assert "data/c/0.js is missing" in viewer.page.locator(".failed").first.inner_text()
    viewer.expected("ERR_FILE_NOT_FOUND")
    (tmp_path / "data" / "c" / "0.js").write_bytes((data / "c" / "0.js").read_bytes())
    viewer.page.get_by_role("button", name="Retry").first.click()
    viewer.page.wait_for_selector(".pair-line")


@pytest.mark.parametrize("to", ["#/compare", MAPS])
def test_a_phone_shows_it_without_a_scroll_to_the_side(both, phone, to):
    phone.open(both.page, to)
    phone.page.wait_for_selector(".pair-line" if "maps" in to else ".changes")
    assert phone.sees_no_more_than_its_width()


def test_one_file_shows_the_same(both, viewer, tmp_path):
    page = write_report(both.view, tmp_path / "seen.html", against=both.other.summary_dir).path
    _open_maps(viewer, page)
    assert _numbers(viewer)[:2] == [0, 1]
    assert _pixels(viewer, 0, 2, "GradCAM").shape == (5, 7, 3)
