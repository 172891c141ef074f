"""The page of one sample, and that of the edits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter
from report_runs import LABELS, METHODS

from explainer.report.write import write_report


def _maps(shown, number):
    """The maps of a sample's top label, by method."""
    sample = shown.view.samples[number]
    top = int(sample.prediction.probabilities.argmax())
    return {entry.explainer: shown.view.saliency(entry) for entry in sample.maps if entry.label == top}


def _point_at(viewer, x, y, width=130, height=96):
    """Moves the cursor to the middle of a pixel of the picture."""
    box = viewer.page.locator('[data-pane="1"]').bounding_box()
    viewer.page.mouse.move(box["x"] + (x + 0.5) / width * box["width"], box["y"] + (y + 0.5) / height * box["height"])


@pytest.mark.parametrize("form", ["shown", "single"])
def test_the_line_tells_the_values_below_the_cursor(form, request, viewer):
    shown = request.getfixturevalue(form)
    viewer.open(shown.page, "#/sample/1")
    maps = _maps(shown, 1)
    for x, y in ((0, 0), (113, 64), (129, 95)):
        _point_at(viewer, x, y)
        viewer.wait_for_text(".readout", f"x {x} y {y}")
        line = viewer.text(".readout").replace("−", "-").replace("\n", " ")
        for name in METHODS:
            told = float(line.split(name)[1].split()[0])
            value = float(maps[name][y, x])
            assert told == pytest.approx(value, abs=max(0.006 * abs(value), 0.006))


def test_the_cursor_s_percentile_is_that_of_its_map(shown, viewer):
    viewer.open(shown.page, "#/sample/1")
    _point_at(viewer, 60, 40)
    viewer.wait_for_text(".readout", "x 60 y 40")
    values = _maps(shown, 1)["GradCAM"]
    part = 100 * (values <= values[40, 60]).mean()
    told = viewer.text(".readout").split("GradCAM")[1].split("(")[1].split(" ")[0]
    assert abs(int("".join(filter(str.isdigit, told))) - part) <= 1


def test_a_magnified_map_shows_the_pixels_of_the_table(either, viewer):
    viewer.open(either.page, "#/sample/1?palette=grey&blend=map&scale=fixed&low=0&high=1&zoom=4")
    pane = viewer.pixels('[data-pane="2"] canvas')
    values = _maps(either, 1)["RISE"]
    height, width = pane.shape[:2]
    shown_x = [x for x in range(130) if 0 <= (x - 65) * 4 + width / 2 < width - 4]
    shown_y = [y for y in range(96) if 0 <= (y - 48) * 4 + height / 2 < height - 4]
    assert len(shown_x) > 60
    across = [int((x - 65) * 4 + width / 2) + 2 for x in shown_x]
    down = [int((y - 48) * 4 + height / 2) + 2 for y in shown_y]
    expected = 255 * np.clip(values[np.ix_(shown_y, shown_x)], 0, 1)
    assert np.abs(pane[np.ix_(down, across)][..., 0] - expected).max() <= 1


def test_the_wheel_zooms_all_panes_and_a_double_click_fits_them_again(shown, viewer):
    viewer.open(shown.page, "#/sample/1")
    before = [viewer.pixels(f'[data-pane="{pane}"] canvas') for pane in range(4)]
    _point_at(viewer, 30, 30)
    viewer.page.mouse.wheel(0, -200)
    viewer.page.wait_for_selector(".pane.zoomed")
    for pane in range(4):
        assert (viewer.pixels(f'[data-pane="{pane}"] canvas') != before[pane]).any()
    assert "zoom=" in viewer.hash
    viewer.page.mouse.dblclick(*_middle(viewer, '[data-pane="1"]'))
    viewer.page.wait_for_selector(".pane:not(.zoomed)")
    assert "zoom=" not in viewer.hash


def _middle(viewer, selector):
    box = viewer.page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_enter_opens_the_sample_and_escape_returns_to_its_place(either, viewer):
    viewer.open(either.page).press("j", "j", "j", "l")
    assert viewer.focus == (2, 1)
    viewer.press("Enter")
    viewer.page.wait_for_selector(".pane canvas")
    assert viewer.text(".sample h1") == "2"
    viewer.press("Escape")
    viewer.wait_for_rows()
    assert viewer.focus == (2, 1)


def test_back_returns_as_well(shown, viewer):
    viewer.open(shown.page, "#/samples?outcome=1").press("j", "Enter")
    viewer.page.wait_for_selector(".pane canvas")
    viewer.page.go_back()
    viewer.wait_for_rows()
    assert viewer.hash.startswith("#/samples?outcome=1")


def test_the_next_sample_is_the_next_of_the_filter_and_sort(either, viewer):
    viewer.open(either.page, "#/samples?outcome=2&sort=confidence").press("Home")
    order = viewer.samples
    viewer.press("Enter")
    for place, number in enumerate(order):
        viewer.wait_for_text(".neighbours", f"{place + 1} of {len(order)}")
        assert viewer.text(".sample h1") == str(number)
        viewer.press("j")
    assert viewer.page.get_by_role("button", name="next").is_disabled()
    viewer.press("k")
    viewer.wait_for_text(".neighbours", f"{len(order) - 1} of {len(order)}")


def test_probabilities_have_their_numbers_and_intervals(shown, viewer):
    sample = shown.view.samples[3]
    probabilities, spread = sample.prediction.probabilities, sample.uncertainty
    viewer.open(shown.page, "#/sample/3")
    rows = viewer.page.locator(".probabilities tbody tr").all()
    for row, label in zip(rows, np.argsort(-probabilities), strict=True):
        text = row.inner_text()
        assert LABELS[label] in text
        assert f"{probabilities[label]:.3f}" in text
        assert f"[{spread.low[label]:.2f}, {spread.high[label]:.2f}]" in text
        assert ("true" in text) == (label in sample.prediction.ground_truth)


def test_scores_are_those_of_the_run_and_undefined_ones_say_so(either, viewer):
    sample = either.view.samples[4]
    viewer.open(either.page, "#/sample/4")
    table = viewer.page.get_by_role("table").filter(has_text="DeletionAUC").first
    scores = {s.explainer: s.value for s in sample.scores if s.metric == "DeletionAUC" and s.label == 4}
    for name, value in scores.items():
        cell = table.get_by_role("row", name=name).get_by_role("cell").first.inner_text()
        assert cell.startswith("undefined" if np.isnan(value) else f"{value:.3f}"), name


def test_a_score_s_rank_is_among_the_method_s_scores(shown, viewer):
    scores = shown.report["score-1"]
    values = scores.array(scores["values"]).reshape(-1, scores["methods"])[:, 0]
    row = next(row for row in range(3, 20) if shown.report["cols"].column("of")[row] == 3)
    viewer.open(shown.page, f"#/sample/3?label={shown.report['cols'].column('label')[row]}")
    rank = 1 + int((values < values[row]).sum())  # MaxSensitivity: lower is better
    viewer.wait_for_text(".parts", f"{rank} of {np.isfinite(values).sum()}")


def test_curves_are_drawn_and_shown_as_a_table(shown, viewer):
    viewer.open(shown.page, "#/sample/1")
    figure = viewer.page.locator(".chart-figure").first
    assert figure.locator("path").count() == len(METHODS) + 2
    figure.get_by_role("button", name="show as table").click()
    first = figure.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
    assert first == ["1.000"] * (len(METHODS) + 2)


def test_layers_are_stepped_through(shown, viewer):
    viewer.open(shown.page, "#/sample/1")
    pressed = viewer.page.locator('.film[aria-pressed="true"]')
    assert "Layer 2" in pressed.get_attribute("aria-label")
    viewer.press("[")
    viewer.page.wait_for_selector('.film[aria-pressed="true"][aria-label^="Layer 1"]')
    assert viewer.hash.endswith("layer=0")
    assert "0.75" in viewer.text(".filmstrip li:nth-child(1)")
    assert viewer.page.locator(".box").count() == 1
    viewer.press("]")
    viewer.page.wait_for_selector('.film[aria-pressed="true"][aria-label^="Layer 2"]')
    assert viewer.page.locator(".box").count() == 2


def test_what_the_network_saw_is_redrawn_to_the_last_digit(either, viewer):
    viewer.open(either.page, "#/sample/1?hidden=seen")
    viewer.page.wait_for_selector(".film canvas")
    sample = either.view.samples[1]
    picture = Image.fromarray(either.view.picture(sample.image))
    blurred = np.array(picture.filter(ImageFilter.GaussianBlur(9)))
    for index, layer in enumerate(sample.edit_trees[0].layers):
        expected = blurred.copy()
        for x, y, width, height in layer.boxes:
            expected[y : y + height, x : x + width] = np.asarray(picture)[y : y + height, x : x + width]
        seen = viewer.pixels(f".filmstrip li:nth-child({index + 1}) canvas")[..., :3]
        assert (seen == expected).all()


def test_the_edits_are_listed_with_their_results_and_reasons(shown, viewer):
    trees = [tree for sample in shown.view.samples.values() for tree in sample.edit_trees]
    found = sum(bool(tree.layers) for tree in trees)
    viewer.open(shown.page, "#/edits")
    tabs = viewer.page.get_by_role("group", name="Which").get_by_role("button")
    assert tabs.all_inner_texts() == [f"all {len(trees)}", f"found {found}", f"no result {len(trees) - found}"]
    tabs.nth(2).click()
    viewer.wait_for_text(".row", "no region is enough")
    tabs.nth(1).click()
    viewer.page.wait_for_selector(".film canvas")
    viewer.page.locator(".film").first.click()
    viewer.page.wait_for_selector(".pane canvas")
    assert viewer.hash.startswith("#/sample/1?") and "layer=0" in viewer.hash


def test_without_details_the_small_pictures_are_shown(shown, viewer, tmp_path):
    page = write_report(shown.view, tmp_path / "seen", detail=False).path
    viewer.open(page, "#/sample/1")
    assert "without details" in viewer.text(".sample")
    assert viewer.page.locator(".pane canvas").count() == 1 + len(METHODS)


def test_a_number_that_no_sample_has(shown, viewer):
    viewer.page.goto(shown.page.as_uri() + "#/sample/999")
    viewer.wait_for_text(".note", "no sample 999")
