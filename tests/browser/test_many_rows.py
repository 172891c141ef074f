"""A hundred thousand rows, higher than a browser lets an element be: sorted, filtered, scrolled to their end."""

from __future__ import annotations

import pytest
from many_rows import ROWS, write_many_rows

SEEN = """(() => {
  const grid = document.querySelector(".grid");
  const { top, bottom } = grid.getBoundingClientRect();
  const head = grid.querySelector(".grid-head").offsetHeight;
  return [...grid.querySelectorAll(".row[data-row]")]
    .map((row) => [Number(row.dataset.row), row.getBoundingClientRect()])
    .filter(([, box]) => box.bottom > top + head + 1 && box.top < bottom - 1)
    .sort(([, a], [, b]) => a.top - b.top)
    .map(([row, box]) => [row, Math.round(box.top - top - head), Math.round(box.bottom - bottom)]);
})()"""


@pytest.fixture(scope="package")
def many(shown, tmp_path_factory):
    return write_many_rows(shown.report, tmp_path_factory.mktemp("many") / "report")


@pytest.fixture
def seen(viewer):
    """What a function gives of the rows that are seen: row, px below the head, px below the lower edge."""
    return lambda: viewer.page.evaluate(SEEN)


def test_all_are_counted_and_one_is_found(many, viewer):
    viewer.open(many)
    assert viewer.count == f"{ROWS:,} of {ROWS:,} samples"
    viewer.press("f")
    viewer.page.keyboard.type("img_099999")
    viewer.wait_for_count(f"1 of {ROWS:,}")
    viewer.wait_for_rows()
    assert viewer.samples == [ROWS - 1]


def test_a_filter_lets_half_of_them_through(many, viewer):
    viewer.open(many)
    viewer.page.get_by_role("checkbox", name="right").check()
    viewer.wait_for_count(f"{ROWS // 2:,} of {ROWS:,}")
    viewer.wait_for_rows()
    assert viewer.samples[:3] == [0, 2, 4]


def test_the_end_of_the_scroll_bar_is_the_last_row(many, viewer, seen):
    viewer.open(many)
    assert seen()[0][:2] == [0, 0]
    viewer.page.eval_on_selector(".grid", "grid => { grid.scrollTop = grid.scrollHeight; }")
    viewer.page.wait_for_selector(f'.row[data-row="{ROWS - 1}"] .pictures')
    rows = seen()
    assert [row for row, *_ in rows] == list(range(ROWS - len(rows), ROWS))
    assert abs(rows[-1][2]) <= 1


def test_half_of_the_scroll_bar_is_half_of_the_rows(many, viewer, seen):
    viewer.open(many)
    viewer.page.eval_on_selector(".grid", "grid => { grid.scrollTop = (grid.scrollHeight - grid.clientHeight) / 2; }")
    viewer.page.wait_for_selector(f'.row[data-row="{ROWS // 2}"]')
    rows = [row for row, *_ in seen()]
    assert rows == list(range(rows[0], rows[0] + len(rows)))
    assert abs((rows[0] + rows[-1]) / 2 - ROWS / 2) <= 2
    viewer.page.wait_for_selector(".failed")  # these chunks were not written
    viewer.expected("ERR_FILE_NOT_FOUND")


def test_keys_reach_the_last_row_and_those_before(many, viewer, seen):
    viewer.open(many).press("End")
    viewer.page.wait_for_selector(f'.row[data-row="{ROWS - 1}"] .pictures')
    assert viewer.focus[0] == ROWS - 1
    assert abs(seen()[-1][2]) <= 1
    for _ in range(7):
        viewer.press("k")
    assert viewer.focus[0] == ROWS - 8
    assert abs(seen()[0][1]) <= 1 and seen()[0][0] == ROWS - 8
    assert viewer.press("Home").focus[0] == 0
    assert seen()[0][:2] == [0, 0]


def test_a_sort_turns_them_round(many, viewer, seen):
    viewer.open(many, "#/samples?sort=confidence")
    assert seen()[0][:2] == [ROWS - 1, 0]
    viewer.page.eval_on_selector(".grid", "grid => { grid.scrollTop = grid.scrollHeight; }")
    viewer.page.wait_for_selector('.row[data-row="0"] .pictures')
    assert [row for row, *_ in seen()][-3:] == [2, 1, 0]


def test_firefox_shows_the_last_row_too(many, firefox):
    firefox.open(many, "#/samples")
    firefox.wait_for('document.querySelector(`.row[data-row="0"] .pictures`)')
    firefox.run('const grid = document.querySelector(".grid"); grid.scrollTop = grid.scrollHeight;')
    firefox.wait_for(f'document.querySelector(`.row[data-row="{ROWS - 1}"] .pictures`)')
    rows = firefox.run(f"return {SEEN}")
    assert [row for row, *_ in rows] == list(range(ROWS - len(rows), ROWS))
    assert abs(rows[-1][2]) <= 1
    said = firefox.console()  # rows are put where the scroll bar says, which Firefox remarks upon
    assert all("scroll-linked positioning" in text for text in said), said
