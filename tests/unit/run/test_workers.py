"""Several processes share a run, and it is as if one had done it; whoever is killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import worker_runs
from run_leaves import compared, leaves_of
from worker_runs import COUNT, runner_of

import explainer
from explainer.errors import BadSampleError, LabelCountError, WorkerError
from explainer.run import shared_run, workers
from explainer.run.coordinator import Coordinator, Share
from explainer.run.failure import Failure
from explainer.run.parts import Part, Parts
from explainer.run.shared_run import SharedRun
from explainer.run.worker import AskedPortion, Assignment, work
from explainer.summary.folder import find_runs
from explainer.summary.sample_index import index_of
from explainer.summary.verify import verify

ROUNDING = 1e-5  # docs/architecture.md, "A run that goes on": other batches are summed in another order


def values_of(folder: Path) -> dict[str, Any]:
    own = ("metadata.parameters.merged", "metadata.parameters.length", "metadata.parameters.provenance.command")
    return {where: value for where, value in leaves_of(folder) if not where.startswith(own)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All that can be read of the run of one process."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    runner_of(folder).run()
    return values_of(folder)


def require_whole(folder: Path, whole: dict[str, Any]) -> None:
    different, largest = compared(whole, values_of(folder))
    assert largest <= ROUNDING, different[:5]
    assert verify(folder).problems == ()
    assert len(list(folder.iterdir())) == 2  # the events and the pictures: no parts are left


# ------------------------------------------------- processes


def test_two_workers_of_which_one_is_killed_twice_give_the_run_of_one_process(
    tmp_path: Path, whole: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    runner = runner_of(tmp_path / "out", tmp_path, (6, 17))
    with caplog.at_level(logging.WARNING, "explainer"):
        result = runner.run(workers=2)
    require_whole(tmp_path / "out", whole)
    assert (result.samples, result.skipped, result.resumed) == (COUNT, 0, 0)
    assert result.maps == sum(len(sample.maps) for sample in explainer.read_run(tmp_path / "out").samples.values())
    told = [message for message in caplog.messages if "was killed by SIGKILL" in message]
    assert len(told) == 2
    assert told[0].endswith("it is started again, and goes on there")


def test_a_driver_that_is_killed_and_one_that_is_interrupted_are_gone_on_with(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    folder = tmp_path / "out"
    drive_until(folder, 3, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"parts holds parts of a run that workers have begun .* resume=True"):
        runner_of(folder).run(workers=2)
    with pytest.raises(RuntimeError, match="holds parts of a run"):
        runner_of(folder).run(resume=True)
    before = complete_in(folder)
    error = drive_until(folder, len(before) + 2, signal.SIGINT)
    assert f"interrupted by SIGINT after {len(complete_in(folder))} samples, which are complete on disk" in error
    assert before < complete_in(folder)
    before = complete_in(folder)
    result = workers.run(runner_of, folder, workers=3, resume=True)
    assert (result.samples, result.resumed) == (COUNT, len(before))
    require_whole(folder, whole)


def drive_until(folder: Path, samples: int, number: signal.Signals) -> str:
    """Starts a driver and sends it the signal when so many samples are complete; what it has printed."""
    paths = os.pathsep.join([str(Path(explainer.__file__).parents[1]), str(Path(worker_runs.__file__).parent)])
    driver = subprocess.Popen(
        [sys.executable, worker_runs.__file__, folder],
        env=os.environ | {"PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(complete_in(folder)) < samples and driver.poll() is None:
        time.sleep(0.02)
    driver.send_signal(number)
    _, error = driver.communicate(timeout=60)  # and of the workers, who have the same pipe
    assert driver.returncode != 0, error
    return error


def complete_in(folder: Path) -> set[int]:
    """The samples that are complete in the parts."""
    runs = [run for part in folder.glob("parts/*") for run in find_runs(part)]
    return {sample for run in runs for sample in index_of(run.event_file).samples}


def test_a_script_that_starts_workers_when_it_is_imported_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from worker_runs import drive\ndrive('out')\n", encoding="utf-8")
    paths = os.pathsep.join([str(Path(explainer.__file__).parents[1]), str(Path(worker_runs.__file__).parent)])
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"PYTHONPATH": paths}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"RuntimeError: {workers._UNGUARDED}"
    assert not (tmp_path / "out").exists()


def test_a_worker_that_dies_again_and_again_ends_the_run_and_names_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_run, "_MOST_DEATHS", 0)
    make = partial(runner_of, notes=tmp_path, killed_at=(0,), batch_size=1)
    with pytest.raises(WorkerError, match=r"^worker [01] was killed by SIGKILL .* at sample 0, 1 times"):
        workers.run(make, tmp_path / "out", workers=2)


# ------------------------------------------------- what a worker does


class Giving:
    """Gives out samples to one worker, and keeps what it says."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self.asked: list[int] = []
        self.noted: list[int] = []
        self.logged: list[str] = []
        self.weights: list[str] = []

    def weigh(self, weights: str) -> None:
        self.weights.append(weights)

    def claim(self, start: int, total: int | None, most: int) -> Share:
        self.asked.append(len(self.noted))
        assert (total, most) == (COUNT, 4)
        return self._coordinator.claim("worker-0", start, total, most)

    def note(self, sample_id: int) -> None:
        self.noted.append(sample_id)

    def log(self, level: int, text: str) -> None:
        self.logged.append(text)


def test_a_worker_asks_for_more_when_it_has_done_what_it_was_given(tmp_path: Path) -> None:
    giving = Giving(Coordinator(1))
    work(runner_of, Assignment("worker-0", tmp_path / "worker-0", []), giving)
    assert giving.noted == list(range(COUNT))
    given = [len(span) for span in giving._coordinator._given["worker-0"]]
    assert giving.asked == [sum(given[:times]) for times in range(len(giving.asked))]
    assert given[0] == 4
    assert len(giving.weights) == 1


def test_what_another_worker_has_is_left_to_it(tmp_path: Path) -> None:
    giving = Giving(Coordinator(2, {"worker-1": range(3, 9)}))
    giving._coordinator.claim("worker-1", 0, COUNT, 4)
    work(runner_of, Assignment("worker-0", tmp_path / "worker-0", []), giving)
    assert giving.noted == list(range(9, COUNT))


def test_a_runner_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="`make_runner` must give an ImageClassificationRunner, gave str"):
        work(str, Assignment("worker-0", tmp_path, []), Giving(Coordinator(1)))


def test_messages_are_passed_on(tmp_path: Path) -> None:
    def make(folder: Path) -> Any:
        logging.getLogger("explainer").info("not this")
        logging.getLogger("explainer").warning("%d bees", 3)
        return runner_of(folder)

    giving = Giving(Coordinator(1))
    work(make, Assignment("worker-0", tmp_path / "worker-0", []), giving)
    assert giving.logged == ["3 bees"]


def test_samples_that_the_own_folder_has_are_among_those_asked_for() -> None:
    shares = iter([Share(3, (0, 2)), Share(6, ()), Share(9, (8,))])
    portion = AskedPortion(Assignment("worker-0", Path(), [4, 7]), lambda start: next(shares))
    assert [number for number in range(9) if portion.has(number)] == [0, 2, 4, 7, 8]


# ------------------------------------------------- the one who gives out samples


def shared_in(folder: Path, *parts: Part, count: int = 2) -> SharedRun:
    return SharedRun(Parts(folder), parts, count, False)


def test_parts_that_have_not_ended_are_gone_on_with_and_new_ones_join_them(tmp_path: Path) -> None:
    ended = Part(tmp_path / "worker-0", (0, 1), has_ended=True)
    left = Part(tmp_path / "worker-2", (2,))
    assert shared_in(tmp_path, ended, left, count=3).names == ["worker-2", "worker-1", "worker-3"]
    assert shared_in(tmp_path, left, Part(tmp_path / "worker-4"), count=1).names == ["worker-2", "worker-4"]


def test_workers_must_have_made_the_same_network(tmp_path: Path) -> None:
    shared = shared_in(tmp_path)
    shared.weigh("worker-1", "aa" * 16)
    shared.weigh("worker-1", "aa" * 16)  # anew, after it was killed
    with pytest.raises(ValueError, match=r"worker 0 has other weights \(bbbbbbbb\) than worker 1 \(aaaaaaaa\)"):
        shared.weigh("worker-0", "bb" * 16)


def test_what_several_workers_say_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shared = shared_in(tmp_path)
    with caplog.at_level(logging.INFO, "explainer"):
        shared.log("worker-1", logging.INFO, "bees")
        shared.log("worker-0", logging.INFO, "bees")
        shared.log("worker-0", logging.INFO, "ants")
    assert caplog.messages == ["worker 1: bees", "worker 0: ants"]


def test_a_worker_may_die_now_and_then(tmp_path: Path) -> None:
    shared = shared_in(tmp_path)
    shared.claim("worker-0", 0, 100, 8)
    for sample in range(8):
        shared.died("worker-0", "ended with exit status 1")
        shared.note("worker-0", sample)
    for _ in range(3):
        shared.died("worker-0", "ended with exit status 1")
    with pytest.raises(WorkerError, match=r"worker 0 ended .* 1 before its first sample, 4 times in a row"):
        shared.died("worker-0", "ended with exit status 1")


@pytest.mark.parametrize(
    "error",
    [
        LabelCountError("4 outputs, 3 labels", outputs=4, labels=3),
        BadSampleError("a NaN", sample_id=3),
        KeyError("ant"),
        OSError(2, "no such file", "a.png"),
    ],
)
def test_an_error_comes_through_as_it_is(error: Exception) -> None:
    found = Failure.of(error).error("worker 1")
    assert (type(found), str(found), vars(found)) == (type(error), str(error), vars(error))
    assert str(found.__cause__).startswith("in worker 1:\n")


def test_an_error_of_a_class_that_no_other_process_knows_is_told(tmp_path: Path) -> None:
    class OwnError(Exception):
        pass

    found = Failure.of(OwnError("three bees")).error("worker 1")
    assert (type(found), str(found)) == (RuntimeError, "OwnError: three bees")


# ------------------------------------------------- at the door


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
        ({"workers": "two"}, ValueError, "`workers` must be a number of processes, or \"auto\", got 'two'"),
        ({"workers": 2.0}, TypeError, "`workers` must be a whole number"),
        ({"workers": 2, "shard": (0, 2)}, ValueError, "`shard` and `workers` are two ways to share a run, got both"),
    ],
)
def test_what_is_no_number_of_workers_is_refused(tmp_path: Path, given: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        runner_of(tmp_path / "out").run(**given)
    assert str(raised.value).startswith(message)
    assert not (tmp_path / "out").exists()


class Keeping:
    """A consumer."""

    def write(self, record: Any) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError


def test_a_consumer_cannot_be_sent(tmp_path: Path) -> None:
    runner = runner_of(tmp_path / "out")
    runner.register_sink(Keeping())
    with pytest.raises(TypeError, match="a consumer that was registered cannot be sent to workers"):
        runner.run(workers=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("make_runner", "error", "message"),
    [
        (3, TypeError, r"`make_runner` must be a function, or its name, \"module:function\", got int"),
        ("worker_runs", ValueError, r"must be \"module:function\", got 'worker_runs'"),
        ("worker_runs:no", ValueError, "must name a function, got 'worker_runs:no': module 'worker_runs' has no"),
        (lambda folder: None, TypeError, "must be a function that another process can import"),
    ],
)
def test_what_makes_no_runner_is_refused(tmp_path: Path, make_runner: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        workers.run(make_runner, tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


def test_one_worker_is_the_ordinary_run_and_a_run_that_has_ended_stays(tmp_path: Path) -> None:
    result = workers.run("worker_runs:runner_of", tmp_path / "out", workers=1)
    assert result.samples == COUNT
    again = runner_of(tmp_path / "out").run(workers=2, resume=True)
    assert (again.event_file, again.resumed) == (result.event_file, COUNT)


def test_auto_is_bound_by_cores_memory_and_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "thread_count", lambda: 8)
    monkeypatch.setattr(workers, "_free_bytes", lambda: 13e9)
    monkeypatch.setattr(workers, "_own_bytes", lambda: 0.5e9)
    assert workers.worker_count("auto") == 6  # of 2 GB each
    assert workers.worker_count("auto", 3) == 3
    monkeypatch.setattr(workers, "_own_bytes", lambda: 5e9)
    assert workers.worker_count("auto") == 2
    monkeypatch.setattr(workers, "_free_bytes", lambda: 1e9)
    assert workers.worker_count("auto") == 1
    monkeypatch.setattr(workers, "_free_bytes", lambda: float("inf"))
    assert workers.worker_count("auto") == 8
