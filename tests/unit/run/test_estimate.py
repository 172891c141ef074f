"""The table of an estimate, and what it advises."""

from __future__ import annotations

import math
from dataclasses import replace

from explainer.run.estimate import Estimate, EstimateRow
from explainer.run.stopwatch import PREDICTION, WRITING, Part

ROBUSTNESS = Part("metric", "Robustness")
MASKS = 'fewer `masks`, or sampling="orthogonal" and a `tolerance` (RISE)'
ROWS = (
    EstimateRow(PREDICTION, "", 200, 1, 0.01),
    EstimateRow(Part("saliency", "Gradient"), "", 200, 1.5, 0.02),
    EstimateRow(Part("saliency", "RISE"), "", 200, 6000, 12.0, MASKS),
    EstimateRow(ROBUSTNESS, "Gradient", 200, 25, 0.5, "fewer `perturbations` (Robustness)"),
    EstimateRow(ROBUSTNESS, "RISE", 200, 60010, 120.0, f"fewer `perturbations` (Robustness); {MASKS}"),
    EstimateRow(ROBUSTNESS, "the controls", 20, 20, 0.4, "fewer `control_samples`"),
    EstimateRow(Part("job", "my own"), "", 200, 0, math.nan),
    EstimateRow(WRITING, "", 200, 0, 0.005),
)
ESTIMATE = Estimate(ROWS, 200, 1.25, 42_000, 3.5)

TABLE = """\
200 samples, 1.25 labels explained of each
                                  passes/sample       passes         time
prediction                                    1          200        2.0 s
saliency Gradient                           1.5          300        4.0 s
saliency RISE                             6,000    1,200,000       40 min
metric Robustness                        60,037   12,007,400        6.7 h
job my own                                    0            0    not known
writing                                       0            0        1.0 s
all                                               13,207,900        7.4 h
before the first sample: 3.5 s; on disk: 8.4 MB"""


def test_it_is_a_table_of_what_each_part_needs() -> None:
    assert repr(ESTIMATE) == TABLE
    assert max(map(len, TABLE.splitlines())) <= 80


def test_a_metric_has_a_row_of_all_methods_together() -> None:
    found = ESTIMATE.recorded
    assert found["metric Robustness"] == 200 * 0.5 + 200 * 120 + 20 * 0.4
    assert list(found) == [
        *("prediction", "saliency Gradient", "saliency RISE", "metric Robustness", "job my own", "writing")
    ]


def test_what_nobody_knows_is_left_out_of_the_sum() -> None:
    known = 200 * (0.01 + 0.02 + 12 + 0.5 + 120 + 0.005) + 20 * 0.4
    assert ESTIMATE.seconds == known
    assert math.isnan(ESTIMATE.recorded["job my own"])


def test_above_ten_minutes_it_says_what_takes_most_and_what_would_take_less() -> None:
    assert ESTIMATE.is_long
    assert ESTIMATE.costliest is ROWS[4]
    assert ESTIMATE.told.splitlines()[-3:] == [
        "most of it, 6.7 h, is Robustness of RISE, 60,010 passes for each sample.",
        "Cheaper: fewer `perturbations` (Robustness); fewer `masks`, or",
        'sampling="orthogonal" and a `tolerance` (RISE); fewer samples (--limit)',
    ]
    assert ESTIMATE.told.startswith(TABLE)


def test_up_to_ten_minutes_there_is_no_advice() -> None:
    ten = replace(ESTIMATE, rows=(EstimateRow(WRITING, "", 200, 0, 3.0),))
    assert ten.seconds == 600
    assert not ten.is_long
    assert ten.told == repr(ten)
    assert replace(ten, rows=(EstimateRow(WRITING, "", 200, 0, 3.01),)).is_long


def test_of_an_unknown_number_of_samples_one_is_told() -> None:
    row = EstimateRow(Part("saliency", "Gradient"), "", 1.0, 1.0, 0.25)
    one = Estimate((row,), None, 1.0, 2_000, 0.0)
    assert repr(one).splitlines()[0] == "one sample (their number is not known), 1 labels explained of each"
    assert (one.seconds, one.bytes) == (0.25, 2_000)


def test_a_long_name_is_cut() -> None:
    row = EstimateRow(Part("saliency", "a" * 60), "", 3, 1, 1)
    lines = repr(Estimate((row,), 3, 1.0, 0, 0)).splitlines()
    assert lines[2] == f"saliency {'a' * 22}..." + f"{'1':>13}{'3':>13}{'3.0 s':>13}"


def test_a_notebook_shows_the_table_as_it_is() -> None:
    row = EstimateRow(Part("job", "<b>"), "", 3, 1, 1)
    shown = Estimate((row,), 3, 1.0, 0, 0)._repr_html_()
    assert shown.startswith("<pre>3 samples") and "job &lt;b&gt;" in shown
