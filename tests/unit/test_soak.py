"""What scripts/soak.py reads in a run, and that it finds what grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_modules import load_script

soak = load_script("soak")


def readings(
    megabytes: Callable[[int], float] = lambda samples: 500.0,
    descriptors: Callable[[int], int] = lambda samples: 8,
    milliseconds: Callable[[int], float] = lambda samples: 5.0,
) -> list[Any]:
    """Those of a made-up run of 10,000 samples, whose times scatter by a fifth."""
    rng, seconds, made = np.random.default_rng(0), 0.0, []
    for samples in range(1056, 10_001, soak.EVERY):
        seconds += milliseconds(samples) * soak.EVERY / 1e3 * (1 + rng.uniform(-0.2, 0.2))
        made.append(soak.Reading(samples, megabytes(samples), descriptors(samples), seconds, seconds))
    return made


def test_a_run_is_read_every_three_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(soak, "WARM_UP", 97)
    found = soak.soaked(tmp_path, 200)
    assert [reading.samples for reading in found] == [192]
    (reading,) = found
    assert 10 < reading.megabytes < 100_000
    assert reading.descriptors >= 4  # the three of any process, and the event file
    assert len(list(tmp_path.rglob("origin_images/0/*.png"))) == 200


def test_nothing_grows_in_a_run_that_only_scatters():
    assert soak.told_memory(readings()) == []
    assert soak.told_descriptors(readings()) == []
    assert soak.told_time(readings()) == []


def test_memory_may_grow_by_less_than_a_megabyte_for_a_thousand_samples():
    assert soak.told_memory(readings(megabytes=lambda samples: 500 + 0.99e-3 * samples)) == []
    assert soak.told_memory(readings(megabytes=lambda samples: 500 + 1.01e-3 * samples)) == ["memory"]


def test_one_descriptor_that_is_left_open_is_found():
    assert soak.told_descriptors(readings(descriptors=lambda samples: 8 + samples // 9_000)) == ["descriptors"]


def test_a_time_that_grows_with_the_samples_is_found():
    assert soak.told_time(readings(milliseconds=lambda samples: 5 + 0.2e-3 * samples)) == ["time"]


def test_the_line_of_points_on_a_line_is_that_line():
    fit = soak.fitted([1, 2, 4, 7], [5, 7, 11, 17])
    assert fit == pytest.approx((2, 0, 10), abs=1e-12)


def test_the_error_of_a_slope_is_that_of_the_textbook():
    # residuals -1, 2, -1 about the slope 1: sqrt(6 / (3 - 2) / 2)
    assert soak.fitted([0, 1, 2], [0, 4, 2])[:2] == pytest.approx((1, 3**0.5))
