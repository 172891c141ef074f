"""The limit cases of scripts/simulate_cluster.py, whose times follow without a simulation."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from script_modules import load_script

script = load_script("simulate_cluster")
SHARDS, FOUR, SIXTEEN, RANGES = script.PLANS
EVERY_PLAN = [replace(plan, resumes=resumes) for plan in script.PLANS for resumes in (True, False)]
EXACT = script.Cluster(
    images=4800,
    devices=4,
    seconds=0.5,
    spread=0,
    stragglers=0,
    deaths=0,
    start=0,
    restart=0,
    recalled=0,
    handout=0,
    range_images=100,
    batch=1,
)
ROUGH = replace(
    EXACT,
    images=5003,
    spread=0.4,
    stragglers=0.25,
    deaths=0.9,
    start=7,
    restart=30,
    recalled=0.01,
    handout=0.1,
    batch=8,
)


def simulated(cluster: Any, plan: Any, seed: int = 0) -> Any:
    return script.Simulation(cluster, plan, seed).run()


@pytest.mark.parametrize("plan", EVERY_PLAN)
def test_without_spread_stragglers_and_deaths_every_plan_is_ideal(plan):
    outcome = simulated(EXACT, plan)
    assert outcome.seconds == pytest.approx(4800 * 0.5 / 4, rel=1e-12)
    assert outcome.ideal == pytest.approx(4800 * 0.5 / 4, rel=1e-12)
    assert (outcome.deaths, outcome.lost) == (0, 0)


def test_ranges_are_smaller_where_little_is_left():
    ends = list(script.range_ends(replace(EXACT, images=40, devices=2, range_images=4)))
    sizes = [stop - first for first, stop in pairwise(ends)]
    assert sizes == [4, 4, 4, 4, 4, 3, 2, 2, 2, *[1] * 11]


@pytest.mark.parametrize(("plan", "starts", "handouts"), [(SHARDS, 1, 0), (FOUR, 4, 0), (RANGES, 1, 60)])
def test_one_device_takes_the_sum_of_all_images_and_the_start_of_each_process(plan, starts, handouts):
    cluster = replace(EXACT, devices=1, spread=0.3, start=7, handout=0.25)
    outcome = simulated(cluster, plan)
    assert outcome.seconds == pytest.approx(outcome.ideal + 7 * starts + 0.25 * handouts)


@pytest.mark.parametrize("plan", EVERY_PLAN)
@pytest.mark.parametrize("seed", range(3))
def test_every_image_is_finished_once_whatever_dies(plan, seed):
    outcome = simulated(ROUGH, plan, seed)
    assert outcome.finished.tolist() == [1] * 5003
    assert outcome.deaths > 0


def test_shards_wait_for_the_slowest_device_and_ranges_for_its_last_range():
    slow = replace(EXACT, stragglers=0.25, slowness=3)
    ideal = 4800 * 0.5 / (3 + 1 / 3)
    shards, ranges = simulated(slow, SHARDS), simulated(slow, RANGES)
    assert shards.ideal == pytest.approx(ideal)
    assert shards.seconds == pytest.approx(3 * 1200 * 0.5)
    assert ideal <= ranges.seconds <= ideal + 3 * 100 * 0.5


def test_more_shards_than_images_leave_devices_without_work():
    assert simulated(replace(EXACT, images=3), FOUR).seconds == pytest.approx(0.5)


@pytest.mark.parametrize("plan", script.PLANS)
def test_a_death_loses_a_batch_at_most_where_it_is_resumed_and_more_where_it_is_not(plan):
    resumed, repeated = simulated(ROUGH, plan), simulated(ROUGH, replace(plan, resumes=False))
    assert resumed.lost <= resumed.deaths * 7
    assert repeated.lost > repeated.deaths * 8


def test_a_shard_that_begins_again_loses_less_than_all_of_it():
    outcome = simulated(ROUGH, replace(SHARDS, resumes=False))
    assert outcome.lost < outcome.deaths * 5003 / 4


def test_a_batch_in_which_a_device_dies_is_lost_and_nothing_else():
    one = replace(EXACT, devices=1, deaths=0.9, restart=30, batch=48)
    outcome = simulated(one, SHARDS)
    assert outcome.deaths > 0
    least = outcome.ideal + outcome.deaths * 30 + outcome.lost * 0.5
    assert least <= outcome.seconds <= least + outcome.deaths * 0.5  # of an image in which it died


def test_a_process_that_resumes_reads_back_what_its_folder_has():
    one = replace(EXACT, devices=1, deaths=0.4, batch=48)
    without, reading = (simulated(cluster, SHARDS, 2) for cluster in (one, replace(one, recalled=0.01)))
    assert (without.deaths, reading.deaths) == (1, 1)
    kept = (reading.seconds - without.seconds) / 0.01
    assert kept == pytest.approx(round(kept / 48) * 48)
    assert 0 < kept < 4800


def test_devices_die_as_often_as_told():
    cluster = replace(EXACT, images=2000, devices=2000, deaths=0.3, restart=0)
    deaths = np.mean([simulated(cluster, SHARDS, seed).deaths for seed in range(10)])
    # Each begins once and, if it dies, anew: p / (1 - p) deaths in the mean; the standard error of ten is 8.
    assert deaths == pytest.approx(2000 * 0.3 / 0.7, abs=40)


def test_a_seed_repeats_and_another_does_not():
    again = [simulated(ROUGH, RANGES, seed).seconds for seed in (3, 3, 4)]
    assert again[0] == again[1] != again[2]


def test_images_take_the_same_time_under_every_plan_and_their_mean_is_the_one_told():
    assert simulated(ROUGH, SHARDS).ideal == simulated(ROUGH, RANGES).ideal
    seconds = script.image_seconds(replace(ROUGH, images=100_000), np.random.default_rng(0))
    assert seconds.mean() == pytest.approx(0.5, rel=0.01)  # eight standard errors


def test_files_bytes_upload_merge_and_memory_follow_from_one_sample():
    cluster = script.Cluster(sample_files=3, sample_bytes=5500, uploaded=100, merged=5000, megabytes=600)
    assert script.footprint(cluster).splitlines() == [
        "files      3,000,000: as many inodes, links of a merge, requests of an upload",
        "bytes      5.5 GB",
        "uploading  7.8 minutes at 100 files a second and device",
        "merging    3.3 minutes at 5,000 samples a second",
        "memory     600 MB a device, 38 GB in all",
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"images": 0}, "images must be positive"),
        ({"spread": float("nan")}, "spread must be finite"),
        ({"restart": -1.0}, "restart must be finite and not negative, got -1.0"),
        ({"stragglers": 1.5}, "stragglers is a part of the devices"),
        ({"deaths": 1.0}, "no run ends"),
    ],
)
def test_what_no_cluster_can_be_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        script.Cluster(**wrong)


def test_the_table_has_the_median_and_the_worst_of_all_seeds_over_ideal():
    cluster, plan = replace(ROUGH, images=2000), SHARDS
    resumed, repeated = (
        [simulated(cluster, replace(plan, resumes=resumes), seed) for seed in range(3)] for resumes in (True, False)
    )
    _, _, row, ideal = script.table(cluster, range(3), [plan]).splitlines()
    told = row.removeprefix("1 shard a device").split()
    assert told[0] == f"{np.median([outcome.seconds for outcome in resumed]) / 3600:.2f}"
    for outcomes, (over, worst, lost) in ((resumed, told[1:4]), (repeated, told[4:])):
        assert over == f"{np.median([outcome.over for outcome in outcomes]):.1%}"
        assert worst == f"{max(outcome.over for outcome in outcomes):.1%}"
        assert lost == f"{np.mean([outcome.lost for outcome in outcomes]):,.0f}"
    assert ideal.endswith(f"{np.mean([outcome.deaths for outcome in resumed]):.1f} deaths a run")


def test_the_command_line_prints_a_row_for_each_plan(monkeypatch, capsys):
    small = ["--images", "500", "--devices", "4", "--range-images", "20", "--trials", "2"]
    monkeypatch.setattr(sys, "argv", ["simulate", *small])
    script.main()
    printed = capsys.readouterr().out.splitlines()
    assert [line[:20].strip() for line in printed[2:7]] == [*(plan.name for plan in script.PLANS), "ideal"]
    assert max(map(len, printed)) <= 80


def test_the_command_line_says_what_is_wrong_with_an_argument(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["simulate", "--deaths", "2"])
    with pytest.raises(SystemExit):
        script.main()
    assert "deaths is a part of the devices and must be at most 1, got 2.0" in capsys.readouterr().err
