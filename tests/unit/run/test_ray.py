"""Two workers of a local Ray share a run, and it is as if one process had done it."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from run_leaves import compared, leaves_of
from worker_runs import COUNT, runner_of

from explainer.run import ray as by_ray
from explainer.summary.verify import verify


def values_of(folder: Path) -> dict[str, Any]:
    own = ("metadata.parameters.merged", "metadata.parameters.length", "metadata.parameters.provenance.command")
    return {where: value for where, value in leaves_of(folder) if not where.startswith(own)}


def test_two_workers_of_which_one_is_killed_give_the_run_of_one_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner_of(tmp_path / "whole").run()
    with caplog.at_level(logging.WARNING, "explainer"):
        make = partial(runner_of, notes=tmp_path, killed_at=(6,))
        result = by_ray.run(make, tmp_path / "out", workers=2)
    different, largest = compared(values_of(tmp_path / "whole"), values_of(tmp_path / "out"))
    assert largest <= 1e-5, different[:5]
    assert verify(tmp_path / "out").problems == ()
    assert (result.samples, result.resumed) == (COUNT, 0)
    assert [" was lost at sample " in message for message in caplog.messages] == [True]
    assert len(list((tmp_path / "out").iterdir())) == 2
