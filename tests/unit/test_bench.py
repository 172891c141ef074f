"""What the bench tells of what it measured, and what it measures again."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
from benching import table
from benching.estimates import Told
from benching.measuring import Effort, Measured
from benching.onnx_floor import part_of
from benching.results import Results
from benching.rows import BEFORE, MINDSPORE, ONNX, OURS, PEER, PEER_LAST, ROWS, selected
from benching.sides import sides_of

GUIDED, PLAIN, FORWARD = "ResNet-20: GuidedBackprop", "ResNet-20: Gradient", "ResNet-20: forward of 32"


def results(**columns: list[float]) -> Results:
    """Of GuidedBackprop, with these seconds, and of a Gradient that takes ours 0.2."""
    found = Results("two cores", {"torch": "2"}, "2026-01-02")
    found.rows[PLAIN] = Measured(PLAIN, {OURS: [0.2]}, {OURS: 1.0})
    found.rows[GUIDED] = Measured(GUIDED, columns, dict.fromkeys(columns, 1.0))
    return found


def test_every_row_has_a_key_of_its_own():
    assert [key for key, count in Counter(row.key for row in ROWS).items() if count > 1] == []


def test_an_estimate_is_told_beside_what_was_taken_and_short_parts_do_not_count():
    found = results(ours=[1.0])
    found.estimates = [Told("RISE", 4.0, 2.0), Told("ROAD", 2.0, 2.5), Told("Sparseness", 0.001, 0.009)]
    text = table.printed(found)
    assert "4.000 s told    2.000 s taken   0.50 not met" in text
    assert "2.000 s told    2.500 s taken   1.25\n" in text
    assert text.endswith("1 of 2 within a factor of 1.5")


def test_a_pattern_chooses_by_group_network_and_name():
    chosen = selected("^gradient: SqueezeNet: Grad")
    assert [row.key for row in chosen] == [f"SqueezeNet: {name}" for name in ("Gradient", "GradCAM", "GradCAMPlusPlus")]


def test_goals_are_told_as_times_of_a_floor_and_times_ahead_of_a_peer():
    text = table.printed(results(ours=[0.3, 0.1, 0.2], onnxruntime=[0.1], peer=[0.23]))
    assert "2.00 of onnxruntime (goal 1.15) not met; 1.15 times ahead of peer (goal 1.2) not met" in text
    assert "1.00 of Gradient (goal 1.25)\n" in text


def test_a_median_stands_with_half_the_spread_and_a_first_call_with_a_star():
    text = table.printed(results(ours=[0.3, 0.1, 0.2], peer=[1.0]))
    assert " 200 ±50 % " in text
    assert " 1000* " in text


def test_rows_where_a_peer_in_any_column_or_the_past_was_faster_are_named():
    text = table.printed(results(ours=[0.3], before=[0.2], peer=[0.4], **{PEER_LAST: [0.1]}))
    assert f"slower than before: {GUIDED} (1.50)" in text
    assert f"slower than a peer in any of its columns: {GUIDED} (3.00)" in text


def test_what_others_disturbed_or_was_in_haste_is_measured_again():
    found = results(ours=[1.0])
    assert found.is_done(GUIDED, quick=False)
    found.rows[GUIDED].quick = True
    assert not found.is_done(GUIDED, quick=False)
    assert found.is_done(GUIDED, quick=True)
    found.rows[GUIDED].others = 0.5
    assert not found.is_done(GUIDED, quick=True)
    assert not found.is_done(FORWARD, quick=True)


def test_results_come_back_from_their_file(tmp_path):
    found = results(ours=[0.5, 0.25])
    found.write(tmp_path / "found.json")
    assert Results.read(tmp_path / "found.json") == found


def test_the_page_keeps_what_stands_around_the_section(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
    table.write_page(results(ours=[0.5]), "the command", page)
    lines = page.read_text(encoding="utf-8").splitlines()
    assert (lines[:2], lines[-2:]) == (["before", table.BEGIN], [table.END, "after"])
    assert "two cores; torch 2; 2026-01-02; `the command`." in lines
    assert "old" not in lines


def test_a_page_without_its_place_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="must have the lines"):
        table.write_page(results(ours=[0.5]), "the command", page)
    assert page.read_text(encoding="utf-8") == "nothing\n"


def test_a_long_floor_runs_in_part_and_counts_whole():
    ran = []
    work = part_of([(32, lambda: ran.append(32))] * 6, 170, 224)
    work.call()
    assert (ran, work.times) == ([32], 170 / 32)


def test_who_takes_long_is_asked_once_but_for_ours_and_the_floors():
    effort = Effort(seconds=1.0, patience=1.5)
    columns = (OURS, BEFORE, MINDSPORE, PEER)
    assert [effort.is_asked_again(column, 2.0) for column in columns] == [True, True, True, False]
    assert [effort.is_asked_again(column, 7.0) for column in columns] == [True, False, True, False]
    assert [effort.warm_ups(column, 0.1) for column in columns] == [3, 3, 1, 1]
    assert [effort.warm_ups(column, 6.5) for column in columns] == [1, 0, 0, 0]
    assert [effort.is_enough(OURS, taken) for taken in ([9.0], [9.0, 9.0], [0.1] * 4)] == [False, True, False]
    assert [effort.is_enough(ONNX, taken) for taken in ([], [9.0])] == [False, True]


def test_peers_without_their_environment_are_left_out_and_say_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLAINER_PEERS", str(tmp_path))
    (row,) = selected("ResNet-20: Gradient$")
    assert sides_of(row) == {
        **dict.fromkeys((OURS, BEFORE, MINDSPORE, ONNX), ""),
        "torch": "no environment of the peers; scripts/bench --peers makes it",
    }
