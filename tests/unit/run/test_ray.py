"""Two workers of a local Ray share a run, and it is as if one process had done it."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from run_leaves import compared, leaves_of
from worker_runs import COUNT, runner_of

from explainer.errors import MissingExtraError
from explainer.run import ray as by_ray
from explainer.run.coordinator import Coordinator, Share
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


def test_a_desk_gives_out_samples_and_keeps_what_is_said() -> None:
    desk = by_ray.Desk(Coordinator(1, {"worker-1": [0]}))
    assert desk.begin("worker-1") == [0]
    assert desk.claim("worker-0", 0, 100, 4) == Share(4, (1, 2, 3))
    assert not desk.say("worker-0", "note", 1)
    assert desk.said() == [
        ("worker-1", ("began",)),
        ("worker-0", ("claim", 0, 100, 4)),
        ("worker-0", ("note", 1)),
    ]
    assert desk.said() == []
    assert desk.begin("worker-0") == [1]
    desk.stop()
    assert desk.say("worker-0", "note", 2)


class Cluster:
    """As much of Ray as tells what there is."""

    def __init__(self, **resources: float) -> None:
        self._resources = resources

    def cluster_resources(self) -> dict[str, float]:
        return self._resources


@pytest.mark.parametrize(
    ("needed", "count"), [({"GPU": 1}, 3), ({"CPU": 4, "GPU": 1}, 2), ({"CPU": 0.5}, 20), ({"CPU": 0}, 1)]
)
def test_there_are_as_many_workers_as_the_cluster_has_room_for(needed: dict[str, float], count: int) -> None:
    assert by_ray._fitting(Cluster(CPU=10, GPU=3), needed) == count


def test_no_room_for_a_worker_is_told() -> None:
    with pytest.raises(ValueError, match="asks for 1 NPU for each worker, and Ray has 0 in all"):
        by_ray._fitting(Cluster(CPU=10), {"CPU": 2, "NPU": 1})


def test_resources_go_to_ray_as_it_takes_them() -> None:
    endless = {"max_restarts": -1, "max_task_retries": -1}
    assert by_ray._options({"GPU": 1, "NPU": 2}) == {"num_cpus": 1, "num_gpus": 1, "resources": {"NPU": 2}, **endless}
    assert by_ray._options({"CPU": 4}) == {"num_cpus": 4, "resources": {}, **endless}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"resources": [1]}, TypeError, "`resources` must be a mapping of Ray's names to numbers"),
        ({"resources": {"GPU": -1}}, ValueError, r"`resources\['GPU'\]` must lie"),
        ({"workers": 0}, ValueError, "`workers` must be at least 1"),
        ({"address": 6379}, TypeError, "`address` must be a text"),
    ],
)
def test_what_cannot_be_is_refused_before_ray_is_started(tmp_path: Path, given: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        by_ray.run(runner_of, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_without_ray_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mindspore-explainer\[ray\]'"):
        by_ray.run(runner_of, tmp_path / "out")
