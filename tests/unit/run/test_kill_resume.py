"""A trial of scripts/kill_resume.py, and that it finds what it looks for."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_leaves import compared, leaves
from script_modules import load_script

import explainer
from explainer.records import Prediction, Score

SCRIPT = Path(__file__).parents[3] / "scripts" / "kill_resume.py"


kill_resume = load_script("kill_resume")


def test_runs_that_were_killed_and_resumed_are_as_if_nothing_had_happened():
    environment = os.environ | {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    command = [sys.executable, str(SCRIPT), "--trials", "1", "--samples", "12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    trials, result = done.stdout.splitlines()[-2:]
    assert trials.startswith("1 trials (")
    assert result.endswith("; 1 complete; 0 samples explained again")


def difference(one: Any, other: Any) -> tuple[tuple[str, ...], float]:
    sides = [dict(leaves("it", value)) for value in (one, other)]
    return compared(*sides)


def prediction(*probabilities: float, explained: tuple[int, ...] = (2,), kind: type = np.float32) -> Prediction:
    return Prediction(3, (), (2,), explained, np.array(probabilities, kind))


def test_equal_runs_do_not_differ():
    scores = [Score(3, "Gradient", "m", 1, math.nan), Score(3, "Gradient", "m", None, 0.5)]
    assert difference(scores, list(scores)) == ((), 0)
    assert difference(prediction(0.25, 0.75), prediction(0.25, 0.75)) == ((), 0)


def test_numbers_differ_by_their_difference():
    found = difference(prediction(0.25, 0.5, 0.25), prediction(0.25, 0.375, 0.375))
    assert found == (("it.probabilities.1", "it.probabilities.2"), 0.125)


@pytest.mark.parametrize(
    "other",
    [
        prediction(0.25, 0.75, explained=(1,)),
        prediction(0.25, 0.75, explained=(2, 3)),
        prediction(0.25, 0.75, kind=np.float64),
        prediction(0.25, math.nan),
        prediction(0.25),
    ],
    ids=["a label", "one more label", "another type", "nan", "one number fewer"],
)
def test_what_is_no_difference_of_numbers_is_no_rounding(other: Prediction):
    where, by = difference(prediction(0.25, 0.75), other)
    assert where and by == math.inf


@pytest.mark.parametrize(
    ("changed", "good"),
    [
        ({}, True),
        ({"different": ("it",), "largest": 1e-7}, True),
        ({"different": ("it",), "largest": 1e-4}, False),
        ({"different": ("it",), "largest": math.inf}, False),
        ({"again": frozenset({2})}, False),
        ({"problems": ("it is unfinished",)}, False),
    ],
)
def test_a_trial_is_good_where_nothing_but_rounding_differs(changed: dict[str, Any], good: bool):
    as_it_should_be = {"killed_at": (4,), "different": (), "largest": 0.0, "again": frozenset()}
    outcome = kill_resume.Outcome(**{**as_it_should_be, "problems": (), "missed": 0, **changed})
    assert outcome.good is good


def test_a_method_notes_the_images_that_it_is_called_with(tmp_path: Path):
    job, notes, images = kill_resume.Job(tmp_path / "job", 9), tmp_path / "job.notes", kill_resume.noise(9)
    method = kill_resume.Noting(kill_resume.SmallCnn(), images, notes)
    method.check(images[:1])
    assert not notes.exists()
    assert method(images[[7, 3]], [[1, 2], [0, 4]]).shape == (2, 2, kill_resume.SIZE, kill_resume.SIZE)
    assert job.explained == {3, 7}
