"""The table of methods by metrics, its marks and notes, and one metric in detail."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_tables import lines_of

from explainer.command.score_text import metric_tables, score_tables, scored_metrics, told

Facts = dict[str, Any]
UNSCORED: Facts = {"rank": None, "mean": None, "median": None, "deviation": None, "low": None, "high": None}
UNSCORED |= {"defined": 0, "undefined": 0, "better_than": [], "too_few": [], "tied_with": []}
A, B = "control: random", "control: centre"


def score(metric: str, explainer: str, mean: float | None, rank: float | None, **changed: Any) -> Facts:
    """The statistics of 20 scores."""
    reach = {} if mean is None else {"median": mean, "deviation": 0.125, "low": mean - 0.25, "high": mean + 0.25}
    known = {**UNSCORED, "mean": mean, "rank": rank, "defined": 20, "better_than": [A, B], **reach}
    return {
        "metric": metric,
        "higher_is_better": metric != "Infidelity",
        "explainer": explainer,
        "control": explainer in (A, B),
        **known,
        "correct": UNSCORED,
        "incorrect": UNSCORED,
        **changed,
    }


def facts(*statistics: Facts, **changed: Any) -> Facts:
    return {
        "explainers": ["Gradient", "GradCAM", "RISE"],
        "metrics": ["IoSR", "Infidelity"],
        "statistics": list(statistics),
        "scores": [],
        "curves": [],
        "parameters": {},
        "samples": 100,
        "control_samples": None,
        **changed,
    }


CONTROLS = [score("IoSR", A, 0.125, 4, better_than=[]), score("IoSR", B, 0.25, 3, better_than=[])]


def test_a_row_for_each_method_and_a_column_for_each_metric() -> None:
    known = facts(
        *CONTROLS,
        score("IoSR", "RISE", 0.5, 2),
        score("IoSR", "Gradient", 0.75, 1),
        score("Infidelity", "Gradient", 0.375, 2),
        score("Infidelity", "RISE", 0.3, 1),
    )
    assert lines_of(score_tables(known)) == [
        "Scores             IoSR ↑              Infidelity ↓",
        "────────────────────────────────────────────────────────",
        "Gradient           0.750 [0.50,1.00]   0.375 [0.12,0.62]",
        "RISE               0.500 [0.25,0.75]   0.300 [0.05,0.55]",
        "a control: random  0.125 [-0.12,0.38]      -",
        "b control: centre  0.250 [0.00,0.50]       -",
        "mean over maps [95 % interval]; ↑ higher is better, ↓ lower is better",
        "a, b: controls, which know nothing of the network",
    ]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, ["Gradient", "GradCAM", "RISE", "Own", f"a {A}"]),
        ("IoSR", ["RISE", "Own", f"a {A}", "Gradient", "GradCAM"]),
        ("Infidelity", ["GradCAM", "Gradient", "RISE", "Own", f"a {A}"]),
    ],
)
def test_methods_stand_in_the_order_of_the_run_or_of_a_metrics_ranks(sort: str | None, order: list[str]) -> None:
    """Where sorted, controls stand among the methods; what has no rank stands last."""
    (table,) = score_tables(
        facts(
            score("IoSR", A, 0.5, 3),
            score("IoSR", "Own", 0.625, 2),
            score("IoSR", "RISE", 0.75, 1),
            score("IoSR", "Gradient", 0.25, 4),
            score("IoSR", "GradCAM", None, None),
            score("Infidelity", "GradCAM", 0.1, 1),
        ),
        sort,
    )
    assert [row[0] for row in table.rows] == order
    assert table.dimmed == {order.index(f"a {A}")}


@pytest.mark.parametrize(
    ("against", "mark"),
    [
        ({"better_than": [A, B]}, ""),
        ({"better_than": []}, " ~ab"),
        ({"better_than": [A]}, " ~b"),
        ({"better_than": [], "too_few": [A, B]}, " ?ab"),
        ({"better_than": [B], "tied_with": [A]}, " =a"),
        ({"better_than": [A, B], "tied_with": [B]}, " =b"),
        ({"better_than": [], "tied_with": [A]}, " =a ~b"),
        ({"better_than": [], "tied_with": [A], "too_few": [A, B]}, " =a ?b"),
    ],
)
def test_a_mark_names_the_controls_that_a_method_does_not_beat(against: Facts, mark: str) -> None:
    (table,) = score_tables(facts(score("IoSR", "RISE", 0.5, 1, **against), *CONTROLS))
    assert table.rows[0] == ["RISE", f"0.500 {'[0.25,0.75]':<12}{mark}".rstrip()]


def test_marks_are_explained_below_where_there_are_any() -> None:
    def notes(*statistics: Facts) -> list[str]:
        (table,) = score_tables(facts(*statistics, *CONTROLS))
        return list(table.notes[2:])

    clear = score("IoSR", "Gradient", 0.75, 1)
    assert notes(clear) == []
    tied = score("IoSR", "RISE", 0.5, 1, better_than=[], tied_with=[A])
    few = score("IoSR", "GradCAM", 0.5, 1, better_than=[A], too_few=[B])
    assert notes(clear, tied, few) == [
        "=a: nearly every sample scores as with that control, to a hundredth of the range: "
        "the metric does not tell these maps from its (docs/metrics.md)",
        "~b: not clearly better than that control",
        "?b: fewer than 5 pairs of scores with that control, too few to tell",
    ]


def test_a_metric_without_scores_of_controls_has_no_marks() -> None:
    known = facts(*CONTROLS, score("IoSR", "RISE", 0.5, 1), score("Infidelity", "RISE", 0.5, 1, better_than=[]))
    (table,) = score_tables(known)
    assert table.rows[0] == ["RISE", "0.500 [0.25,0.75]", "0.500 [0.25,0.75]"]


def test_below_five_scores_there_is_their_number_in_place_of_an_interval() -> None:
    (table,) = score_tables(facts(score("IoSR", "RISE", 0.5, 1, defined=2, low=None, high=None)))
    assert table.rows == [["RISE", "0.500 (n 2)"]]
    assert table.notes == ["mean over maps [95 % interval], (n) without one, fewer than 5 scores; ↑ higher is better"]


def test_undefined_scores_are_counted_below() -> None:
    undefined = score("IoSR", "RISE", None, None, defined=0, undefined=7)
    known = facts(undefined, score("IoSR", "Gradient", 0.5, 1, undefined=2), score("Infidelity", "RISE", 0.5, 1))
    (table,) = score_tables(known)
    assert table.rows[1] == ["RISE", "undefined", "0.500 [0.25,0.75]"]
    assert table.notes[-1] == "left out as undefined: IoSR up to 7 of 7"


def test_a_total_without_single_scores_is_a_mean_alone() -> None:
    total = {"explainer": "RISE", "metric": "Own", "mean": 0.4375, "by_label": {}, "defined": 7, "undefined": 2}
    of_both = {**total, "metric": "IoSR", "mean": 0.1}
    known = facts(score("IoSR", "RISE", 0.5, 1), scores=[total, of_both])
    (table,) = score_tables(known)
    assert table.heads == ["Scores", "IoSR ↑", "Own ↑"]
    assert table.rows == [["RISE", "0.500 [0.25,0.75]", "0.438"]]
    assert table.notes[-1] == "left out as undefined: Own up to 2 of 9"


@pytest.mark.parametrize(
    ("means", "cells"),
    [
        ((12.5, -0.5), ["12.500", "-0.500"]),
        ((123.456, 5.0), ["123.5", "  5.0"]),
        ((0.0625, 0.004), ["0.0625", "0.0040"]),
        ((2.5e7, 1.0), ["2.5e+07", "      1"]),
        ((0.0002, 0.00015), ["0.0002", "0.00015"]),
        ((0.5, -0.0004), ["0.500", "0.000"]),
    ],
)
def test_all_means_of_a_metric_have_one_form(means: tuple[float, float], cells: list[str]) -> None:
    scores = (score("IoSR", f"M{place}", mean, 1, low=None, high=None) for place, mean in enumerate(means))
    (table,) = score_tables(facts(*scores))
    assert [row[1].removesuffix(" (n 20)").strip() for row in table.rows] == [cell.strip() for cell in cells]


def test_what_is_rounded_to_nothing_has_no_sign() -> None:
    assert [told(value) for value in (-0.0001, -0.0006, 0.0, None)] == ["0.000", "-0.001", "0.000", "undefined"]


def test_many_methods_and_metrics_are_cut_and_counted() -> None:
    known = facts(*(score(f"M{metric}", f"E{method}", 0.5, 1) for metric in range(30) for method in range(70)))
    (table,) = score_tables(known)
    assert (len(table.heads), len(table.rows)) == (25, 60)
    assert table.notes[-2:] == [
        "the first 60 of 70 methods; --json has them all",
        "the first 24 of 30 metrics; --json has them all",
    ]


def test_without_scores_there_is_no_table() -> None:
    assert score_tables(facts()) == []


def test_metrics_stand_in_the_order_of_the_run_then_those_of_own_jobs() -> None:
    known = facts(score("Own", "x", 0.5, 1), score("Infidelity", "x", 0.5, 1), score("IoSR", "x", 0.5, 1))
    assert scored_metrics(known) == ["IoSR", "Infidelity", "Own"]
    assert scored_metrics(facts(score("Own", "x", 0.5, 1))) == ["Own"]


# ------------------------------------------------- one metric


PART = {**UNSCORED, "defined": 16, "mean": 0.75, "rank": 1, "low": 0.625, "high": 0.875, "median": 0.5, "deviation": 1}
FEW = {**UNSCORED, "defined": 2, "undefined": 1, "mean": 0.25, "rank": 2, "median": 0.25, "deviation": 0.5}
SETTINGS = {"class": "Localization", "metric": "IoSR", "theta": 0.5, "bounds": [0.0, 1.0], "higher_is_better": True}


def test_a_metric_is_shown_with_all_that_is_known_of_its_scores() -> None:
    known = facts(
        score("IoSR", "RISE", 0.5, 2, undefined=3, better_than=[A], correct=PART, incorrect=FEW),
        score("IoSR", "Gradient", 0.75, 1, correct=PART),
        *CONTROLS,
        score("Infidelity", "RISE", 0.5, 1),
        parameters={"metrics": {"IoSR": SETTINGS}},
        curves=[
            {"metric": "IoSR", "explainer": "RISE", "fill": fill, "curves": count, "area": area}
            for fill, count, area in (("0.0", 20, 0.125), ("blur", 5, None))
        ],
    )
    assert lines_of(metric_tables(known, "IoSR")) == [
        "metric      IoSR ↑",
        "asks        Which part of what is above half the maximum lies in the object's",
        "            box?",
        "formula     pixels in the box with at least theta times the maximum / all pixels",
        "            with that",
        "bounds      from 0 to 1",
        "settings    class=Localization, metric=IoSR, theta=0.5",
        "",
        "All samples        rank   mean    95 % interval  median     sd         n",
        "────────────────────────────────────────────────────────────────────────────",
        "Gradient              1  0.750   [0.500, 1.000]   0.750  0.125        20",
        "RISE                  2  0.500   [0.250, 0.750]   0.500  0.125  20 of 23  ~b",
        "b control: centre     3  0.250   [0.000, 0.500]   0.250  0.125        20",
        "a control: random     4  0.125  [-0.125, 0.375]   0.125  0.125        20",
        "means are over maps",
        "a, b: controls, which know nothing of the network",
        "~b: not clearly better than that control",
        "",
        "By prediction      correct             n  rank  incorrect       n  rank",
        "───────────────────────────────────────────────────────────────────────",
        "Gradient           0.750 [0.62,0.88]  16     1      -           0     -",
        "RISE               0.750 [0.62,0.88]  16     1  0.250      2 of 3     2",
        "b control: centre      -               0     -      -           0     -",
        "a control: random      -               0     -      -           0     -",
        "",
        "Area under the mean curve      fill 0.0        fill blur",
        "────────────────────────────────────────────────────────",
        "RISE                       0.125 (n 20)  undefined (n 5)",
    ]


def test_a_metric_of_ones_own_has_no_words_and_a_total_no_ranks() -> None:
    total = {"explainer": "RISE", "metric": "Own", "mean": 0.4375, "by_label": {}, "defined": 7, "undefined": 2}
    assert lines_of(metric_tables(facts(scores=[total]), "Own")) == [
        "metric      Own ↑",
        "",
        "All samples  rank   mean  95 % interval  median  sd       n",
        "──────────────────────────────────────────────────────────────",
        "RISE            -  0.438              -       -   -  7 of 9",
        "means are over maps",
    ]


@pytest.mark.parametrize(("bounds", "said"), [([0, None], "from 0 to none"), ([-1.0, 1.0], "from -1 to 1"), ("x", "")])
def test_bounds_are_said_where_they_are_declared(bounds: Any, said: str) -> None:
    known = facts(score("Own", "RISE", 0.5, 1), parameters={"metrics": {"Own": {"bounds": bounds}}})
    rows, *_ = metric_tables(known, "Own")
    assert dict(rows.rows).get("bounds", "") == said


def test_another_metric_may_order_the_methods() -> None:
    known = facts(
        score("IoSR", "RISE", 0.5, 2),
        score("IoSR", "Gradient", 0.75, 1),
        score("Infidelity", "RISE", 0.25, 1),
        score("Infidelity", "Gradient", 0.5, 2),
    )
    _, table = metric_tables(known, "IoSR", "Infidelity")
    assert [row[:2] for row in table.rows] == [["RISE", "2"], ["Gradient", "1"]]
