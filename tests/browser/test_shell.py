"""What is around the pages: keys, links, theme, narrow screens, names and roles, hostile text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_runs import LABELS

import explainer.report
from explainer.analysis.view import read_run
from explainer.records import OriginalImage, Prediction, RunEnd, RunMetadata, Saliency, SampleDone, SampleOrigin
from explainer.report.write import write_report
from explainer.summary.writer import SummaryWriter

PAGES = ("", "samples", "sample/1", "scores", "classes", "edits", "compare", "about")


GOES = {"s": "samples", "m": "scores", "c": "classes", "e": "edits", "d": "compare", "a": "about", "o": ""}


def test_g_and_a_letter_open_a_page(either, viewer):
    viewer.open(either.page, "#/")
    for letter, page in GOES.items():
        viewer.press("g", letter)
        viewer.page.wait_for_selector(f'main[data-page="{page or "overview"}"]')
        assert viewer.page.evaluate("location.hash") == f"#/{page}"


def test_the_table_of_keys_opens_and_names_those_of_the_page(shown, viewer):
    viewer.open(shown.page).press("?")
    dialog = viewer.page.get_by_role("dialog", name="Keys")
    text = dialog.inner_text()
    for words in (
        "next row",
        "next method",
        "open the sample",
        "less opacity",
        "next palette",
        "search",
        "light or dark",
    ):
        assert words in text
    viewer.press("Escape")
    assert dialog.count() == 0


@pytest.mark.parametrize("to", ["#/", "#/samples", "#/sample/3", "#/edits"])
def test_while_the_table_of_keys_is_open_the_page_behind_it_gets_no_key(to, shown, viewer):
    viewer.open(shown.page, to)
    dialog = viewer.page.get_by_role("dialog", name="Keys")
    for closing in ("Escape", "?"):
        viewer.press("?")
        dialog.wait_for()
        viewer.press("g", "c", "j", "t")
        assert dialog.is_visible()
        viewer.press(closing)
        dialog.wait_for(state="hidden")
        assert viewer.hash == to
    assert viewer.page.evaluate("document.documentElement.dataset.theme") in (None, "light")


def test_single_keys_can_be_switched_off(shown, viewer):
    viewer.open(shown.page).press("?")
    viewer.page.get_by_label("Single keys do something").uncheck()
    viewer.page.get_by_role("button", name="Close").click()
    viewer.press("p", "b")
    assert viewer.hash == "#/samples"


def test_no_key_does_anything_in_a_text_field_or_with_control(shown, viewer):
    viewer.open(shown.page).press("f")
    viewer.page.keyboard.type("pbst?1")
    viewer.wait_for_count("0 of 12")
    assert viewer.hash == "#/samples?q=pbst%3F1"
    viewer.page.get_by_label("Search samples").fill("")
    viewer.wait_for_count("12 of 12")
    viewer.press("Escape", "Control+b", "Alt+p")
    assert viewer.hash == "#/samples"


def test_the_theme_follows_the_system_until_it_is_chosen(shown, viewer):
    viewer.open(shown.page)
    theme = "document.documentElement.dataset.theme"
    assert viewer.page.evaluate(theme) == "light"
    viewer.page.emulate_media(color_scheme="dark")
    viewer.page.wait_for_function(f"() => {theme} === 'dark'")
    viewer.press("t")
    viewer.page.wait_for_function(f"() => {theme} === 'light'")
    assert viewer.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 250)"


def test_paper_is_light_whatever_the_theme(shown, viewer):
    viewer.page.emulate_media(color_scheme="dark")
    viewer.open(shown.page, "#/scores")
    line = ".method-name line"
    dark = viewer.page.locator(line).first.get_attribute("stroke")
    viewer.page.emulate_media(color_scheme="dark", media="print")
    viewer.page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    assert viewer.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert viewer.page.locator(".rail").is_hidden()
    assert viewer.page.locator(line).first.get_attribute("stroke") != dark


def test_rows_on_paper_are_as_wide_as_it_and_no_longer_than_they_are(shown, viewer):
    viewer.open(shown.page)
    viewer.page.emulate_media(media="print")
    viewer.page.get_by_text("those that were on the screen").wait_for()
    widths = "[...document.querySelectorAll('.pictures')].map((canvas) => canvas.getBoundingClientRect().right)"
    assert max(viewer.page.evaluate(widths)) <= 703  # A4 within its margins
    ends = viewer.page.evaluate(
        """() => ['.rows', '.row:last-child'].map((of) => document.querySelector(of).getBoundingClientRect().bottom)"""
    )
    assert ends[0] == pytest.approx(ends[1], abs=1)
    viewer.page.emulate_media(media="screen")
    viewer.page.get_by_text("those that were on the screen").wait_for(state="detached")


def test_a_copied_link_shows_the_same_in_another_window(either, viewer):
    viewer.context.add_init_script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    viewer.open(either.page, "#/samples?outcome=1").press("p", "End")
    viewer.page.get_by_label("Sort", exact=True).select_option("margin")
    viewer.press("k", "l", "y")
    viewer.wait_for_text(".message", "link copied")
    before, seen = viewer.places, (viewer.focus, viewer.count)
    link = viewer.page.evaluate("window.copied")
    viewer.page.close()
    viewer.page = viewer.new_page()
    viewer.page.goto(link)
    viewer.wait_for_rows()
    assert (viewer.focus, viewer.count) == seen
    assert viewer.focus[0] in viewer.seen
    common = before.keys() & viewer.places.keys()  # how far the page was scrolled is not in the link
    assert len(common) >= 3
    assert {sample: viewer.places[sample] for sample in common} == {sample: before[sample] for sample in common}
    assert viewer.hash == link[link.index("#") :]


def test_a_link_that_nobody_wrote_shows_the_samples_all_the_same(shown, viewer):
    viewer.open(shown.page, "#/samples?sort=score.99.99&methods=77&row=999999&outcome=9&metric=50&palette=jet")
    assert viewer.count == "0 of 12 samples"


def test_nothing_is_wider_than_a_narrow_screen(either, phone):
    for page in PAGES:
        phone.open(either.page, f"#/{page}")
        phone.page.wait_for_timeout(100)
        assert phone.sees_no_more_than_its_width(), page


def test_on_a_narrow_screen_the_facets_are_a_sheet(shown, phone):
    phone.open(shown.page)
    assert not phone.page.get_by_role("checkbox", name="right").is_visible()
    phone.page.get_by_role("button", name="Filter").click()
    phone.page.get_by_role("checkbox", name="false positive").check()
    phone.page.get_by_role("button", name="Done").click()
    phone.wait_for_count("4 of 12")


_NAMELESS = """
() => [...document.querySelectorAll("button, a, input, select, [role=gridcell], [role=img], dialog")]
  .filter((element) => !(element.ariaLabel || element.innerText?.trim() || element.labels?.length
    || element.getAttribute("aria-labelledby") || element.textContent.trim()))
  .map((element) => element.outerHTML.slice(0, 120))
"""


def test_everything_that_is_used_has_a_name(either, viewer):
    for page in PAGES:
        viewer.open(either.page, f"#/{page}")
        assert viewer.page.evaluate(_NAMELESS) == [], page


def test_the_grid_says_how_large_it_is_and_where_one_is(shown, viewer):
    viewer.open(shown.page).press("End", "l", "l")
    grid = viewer.page.get_by_role("grid")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("13", "5")
    row = viewer.page.evaluate("document.activeElement.closest('[role=row]').ariaRowIndex")
    cell = viewer.page.evaluate("[document.activeElement.ariaColIndex, document.activeElement.ariaLabel]")
    assert (row, cell[0]) == ("13", "3")
    assert re.match(r"GradCAM for \w+: strongest at .* of the area holds half of the map; score ", cell[1])
    assert viewer.page.locator('[role=grid] [tabindex="0"]').count() == 1


def test_focus_stays_when_its_row_is_scrolled_away(shown, viewer):
    viewer.page.set_viewport_size({"width": 1400, "height": 420})
    viewer.open(shown.page).press("j", "l")
    viewer.page.eval_on_selector(".grid", "grid => grid.scrollTo(0, 1e6)")
    viewer.page.wait_for_selector('.row[data-sample="11"]')
    assert viewer.focus == (0, 1)


def test_the_colours_of_text_stand_out(shown):
    style = (Path(explainer.report.__file__).parent / "app/src/style/tokens.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in style.split('[data-theme="dark"]')
    )
    for theme in (light, dark):
        for name in ("text", "muted", "accent", "right", "false-positive", "false-negative"):
            assert min(_contrast(theme[name], theme[ground]) for ground in ("bg", "surface")) >= 4.5, name


def _contrast(one: str, other: str) -> float:
    """Source: WCAG 2.1, contrast ratio."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\u202eabc\u05d0", "x" * 10_000, "a&amp;b")


def _hostile_report(folder):
    import numpy as np

    name = "</title><script>alert(2)</script>"
    with SummaryWriter(folder / "run", RunMetadata(HOSTILE, (HOSTILE[0],), (), ("saliency",))) as writer:
        for number, label in enumerate((0, 1, 2, 3, 4)):
            writer.write(OriginalImage(number, np.full((40, 30, 3), 50 * number, np.uint8)))
            probabilities = np.full(5, 0.1, np.float32)
            probabilities[label] = 0.6
            writer.write(Prediction(number, (label,), (label,), (label,), probabilities))
            writer.write(SampleOrigin(number, bytes(16), f"{name}{number}.png"))
            writer.write(Saliency(number, HOSTILE[0], label, np.random.default_rng(1).random((40, 30), np.float32)))
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    return write_report(read_run(folder / "run"), folder / "seen.html", form="single").path


def test_text_of_a_run_is_only_ever_text(viewer, tmp_path):
    page = _hostile_report(tmp_path)
    viewer.open(page)
    assert HOSTILE[0] in viewer.text('.row[data-sample="0"]')
    assert "onerror" in viewer.text('.row[data-sample="1"]')
    assert "alert(2)" in viewer.text('.row[data-sample="0"]')
    for number in range(5):
        viewer.open(page, f"#/sample/{number}")
    for other in PAGES:
        viewer.open(page, f"#/{other}")
    assert viewer.page.evaluate("document.images.length") == 0
    assert viewer.sees_no_more_than_its_width()


def test_a_label_s_direction_does_not_turn_what_is_around_it(viewer, tmp_path):
    viewer.open(_hostile_report(tmp_path))
    line = viewer.page.locator('.row[data-sample="2"] .row-head > div').nth(1)
    assert line.locator("bdi").count() == 2
    first, last = (line.locator("bdi").nth(index).bounding_box() for index in (0, 1))
    assert first["x"] < last["x"]


def test_labels_have_their_own_order(shown, viewer):
    viewer.open(shown.page)
    names = viewer.page.get_by_role("group", name="True label").locator("bdi").all_inner_texts()
    assert names[: len(LABELS)] == list(LABELS)
