"""A run that workers share wherever Ray places them: on this machine, or on those of a cluster.

Ray places the workers and starts one again that has died; which samples it works on is said by a desk, an actor too.
Nothing large goes through Ray: the function that makes a runner goes out, numbers of samples come back. Images are read
and results written where the worker is, in a folder that all machines see.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from explainer.checks import require_flag, require_number, require_type
from explainer.errors import MissingExtraError, RunInterrupted, WorkerError
from explainer.network.onnx.session import thread_count
from explainer.remote import RemotePath, local_path
from explainer.run.coordinator import Coordinator, Share
from explainer.run.failure import Failure
from explainer.run.interrupts import Interrupts
from explainer.run.one_run import RunResult
from explainer.run.parts import Parts
from explainer.run.shared_run import SharedRun
from explainer.run.worker import Assignment, work
from explainer.run.workers import AUTO, MakeRunner, is_for_one, made_by, worker_count
from explainer.summary.folder import require_no_file

LOCAL = "local"
_POLL = 0.2  # seconds
_CPU = "CPU"
_OWN = {_CPU: "num_cpus", "GPU": "num_gpus"}


def run(
    make_runner: MakeRunner | str,
    summary_dir: str | os.PathLike[str] | RemotePath,
    *,
    workers: int | str = AUTO,
    address: str | None = None,
    resources: Mapping[str, float] | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> RunResult:
    """Explains every sample on workers that Ray places and writes one summary; what it wrote and where.

    Each worker is an actor, which makes network, data and methods for itself and works on the samples that it is given,
    range by range. One that dies is started again by Ray, elsewhere where its machine is gone, and goes on with what it
    has written. What they write lies in "parts" in the folder until it is put together at the end, by this process. See
    docs/how-to/workers.md.

    Args:
        make_runner: summary_dir -> ImageClassificationRunner, with all registered that is to be done; a function, or
            its name, "module:function", which every machine can import.
        summary_dir: the folder for the summary, which every machine sees by this path.
        workers: how many; "auto": as many as the cluster has resources for.
        address: of the cluster, "auto" for one that runs on this machine; None: Ray is started here, for this run. A
            connection that the process has is used.
        resources: that each worker needs, by Ray's names, as {"GPU": 1} or {"NPU": 1, "CPU": 4}; by default the cores
            of this machine are divided.
        resume: go on with what workers have left in the folder; they may be more or fewer than before.
        progress: show one bar for all; None: only on a terminal.

    Raises:
        MissingExtraError: Ray is not installed.
        TypeError, ValueError, RuntimeError: as for `explainer.run.workers.run`; no room for a worker in the cluster.
        WorkerError: a worker died again and again; names the sample that it was at.
        RunInterrupted: a KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; the samples before are complete.
    """
    ray = _imported()
    require_flag("resume", resume)
    require_type("summary_dir", summary_dir, (str, os.PathLike, RemotePath), "a path")
    require_no_file("`summary_dir`", local_path(summary_dir, "`summary_dir`"))
    require_type("address", address, (str, type(None)), "a text")
    needed = _needed(resources)
    most = thread_count() if workers == AUTO else worker_count(workers)
    made_by(make_runner)
    folder = local_path(summary_dir, "`summary_dir`").absolute()
    with _connected(ray, address, most * math.ceil(needed.get(_CPU, 1.0))):
        count = _fitting(ray, needed) if workers == AUTO else most
        if is_for_one(folder, 2, resume=resume):  # one worker may have a device that this process has not
            found: RunResult = made_by(make_runner)(folder).run(resume=resume)
            return found
        parts = Parts(folder)
        with parts.held() as there:
            shared = SharedRun(parts, there, count, progress)
            if not shared.is_done:
                options = _options(needed or {_CPU: max(1, thread_count() // count)})
                _Workers(ray, make_runner, shared, options).run(count)
            return shared.result()


# ------------------------------------------------- where Ray has placed it


class Desk:
    """Gives out samples, and keeps what workers say until it is asked for.

    Args:
        coordinator: knows which samples are left.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._said: list[tuple[str, tuple[Any, ...]]] = []
        self._stopping = False

    def claim(self, name: str, start: int, total: int | None, most: int) -> Share:
        """What a worker is to work on next."""
        self._said.append((name, ("claim", start, total, most)))
        return self._coordinator.claim(name, start, total, most)

    def say(self, name: str, *message: Any) -> bool:
        """Takes note of it; whether the worker is to end."""
        self._said.append((name, message))
        if message[0] == "note":
            self._coordinator.note(name, message[1])
        return self._stopping

    def begin(self, name: str) -> list[int]:
        """The samples that the folder of a worker has, which begins, or begins anew."""
        self._said.append((name, ("began",)))
        return self._coordinator.done_by(name)

    def said(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What has come since it was asked for last: who has said it, and what."""
        said, self._said = self._said, []
        return said

    def stop(self) -> None:
        """Workers end behind the sample at hand."""
        self._stopping = True


class Worker:
    """A worker, in a process of Ray's."""

    def work(self, desk: Any, make_runner: bytes, assignment: Assignment, place: Place) -> tuple[Any, ...]:
        """("ended", what it wrote), ("failed", why) or ("interrupted",).

        Args:
            desk: gives out samples.
            make_runner: pickled, from a folder to the runner.
            assignment: of the worker.
            place: what its process has in common with the one that has asked for the run.
        """
        import ray

        place.take()
        done = ray.get(desk.begin.remote(assignment.name))
        try:
            make = made_by(pickle.loads(make_runner))
            result = work(make, replace(assignment, done=done), _AtDesk(ray, desk, assignment.name))
        except KeyboardInterrupt:
            return ("interrupted",)
        except BaseException as error:
            return "failed", Failure.of(error)
        return "ended", result


@dataclass(frozen=True)
class Place:
    """Where a process looks for files and modules.

    Attributes:
        folder: that it works in.
        paths: as in `sys.path`.
    """

    folder: str
    paths: tuple[str, ...]

    @classmethod
    def here(cls) -> Place:
        """Of this process."""
        return cls(str(Path.cwd()), tuple(sys.path))

    def take(self) -> None:
        """The process looks there, too, as far as there is anything."""
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        sys.path += [path for path in self.paths if path not in sys.path]


class _AtDesk:
    """The overseer of a worker of Ray's."""

    def __init__(self, ray: Any, desk: Any, name: str) -> None:
        self._ray = ray
        self._desk = desk
        self._name = name

    def weigh(self, weights: str) -> None:
        self._say("weigh", weights)

    def claim(self, start: int, total: int | None, most: int) -> Share:
        share: Share = self._ray.get(self._desk.claim.remote(self._name, start, total, most))
        return share

    def note(self, sample_id: int) -> None:
        self._say("note", sample_id)

    def log(self, level: int, text: str) -> None:
        self._say("log", level, text)

    def _say(self, *message: Any) -> None:
        if self._ray.get(self._desk.say.remote(self._name, *message)):
            raise RunInterrupted("the driver was interrupted", signal_number=2)


# ------------------------------------------------- in the process that has asked for the run


class _Workers:
    """The actors of a run.

    Args:
        ray: the package.
        make_runner: from a folder to the runner.
        shared: the run.
        options: of each actor.
    """

    def __init__(self, ray: Any, make_runner: MakeRunner | str, shared: SharedRun, options: Mapping[str, Any]) -> None:
        self._ray = ray
        self._make_runner = ray.cloudpickle.dumps(make_runner)
        self._shared = shared
        self._options = options
        self._desk = ray.remote(Desk).options(num_cpus=0).remote(shared.coordinator)
        self._actors: dict[Any, Any] = {}
        self._begun: set[str] = set()

    def run(self, count: int) -> None:
        """Until there is no sample left."""
        waiting = self._shared.names
        with Interrupts() as interrupts, self._shared.shown():
            try:
                while self._actors or (waiting and not interrupts.noted):
                    while waiting and len(self._actors) < count and not interrupts.noted:
                        self._start(self._shared.assignment(waiting.pop(0)))
                    self._listen()
                    if interrupts.noted:
                        self._desk.stop.remote()
            finally:
                for actor in [*self._actors.values(), self._desk]:
                    self._ray.kill(actor)
            interrupts.check(samples=self._shared.done)

    def _start(self, assignment: Assignment) -> None:
        actor = self._ray.remote(Worker).options(**self._options).remote()
        given = self._desk, self._make_runner, assignment, Place.here()
        self._actors[actor.work.remote(*given)] = actor

    def _listen(self) -> None:
        ready, _ = self._ray.wait([*self._actors], timeout=_POLL)
        for name, message in self._ray.get(self._desk.said.remote()):
            self._take(name, *message)
        for ended in ready:
            self._ray.kill(self._actors.pop(ended))
            kind, *what = self._outcome(ended)
            if kind == "failed":
                raise what[0].error("a worker")
            if kind == "ended":
                self._shared.ended(what[0].summary_dir.name, what[0])

    def _outcome(self, ended: Any) -> Any:
        try:
            return self._ray.get(ended)
        except self._ray.exceptions.RayError as error:
            raise WorkerError(f"a worker could not go on: {error}") from error

    def _take(self, name: str, kind: str, *what: Any) -> None:
        match kind:
            case "began":
                if name in self._begun:
                    self._shared.died(name, "was lost")
                self._begun.add(name)
            case "weigh":
                self._shared.weigh(name, *what)
            case "claim":
                self._shared.claim(name, *what)
            case "note":
                self._shared.note(name, *what)
            case "log":
                self._shared.log(name, *what)


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            f"Ray is not installed ({error}); install it with pip install 'mindspore-explainer[ray]'"
        ) from error
    return ray


@contextmanager
def _connected(ray: Any, address: str | None, cores: int) -> Iterator[None]:
    """Ray is there: as it is, or as long as it is needed; here it shares out so many cores, which may be none."""
    if ray.is_initialized():
        yield
        return
    where = {"num_cpus": cores, "include_dashboard": False} if address in (None, LOCAL) else {"address": address}
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
    try:
        yield
    finally:
        ray.shutdown()


def _needed(resources: Any) -> dict[str, float]:
    require_type("resources", resources, (Mapping, type(None)), "a mapping of Ray's names to numbers")
    for name, number in (resources or {}).items():
        require_type("resources", name, str, "a mapping of Ray's names to numbers")
        require_number(f"resources[{name!r}]", number, 0.0, math.inf)
    return dict(resources or {})


def _fitting(ray: Any, needed: Mapping[str, float]) -> int:
    """How many workers there is room for; ValueError where there is none."""
    if not needed:
        return worker_count(AUTO)
    there = ray.cluster_resources()
    room = {name: there.get(name, 0.0) / number for name, number in needed.items() if number}
    count = int(min(room.values(), default=1.0))
    if count < 1:
        scarce = min(room, key=lambda name: room[name])
        raise ValueError(
            f"`resources` asks for {needed[scarce]:g} {scarce} for each worker, and Ray has {there.get(scarce, 0):g} "
            "in all: give less, or add machines"
        )
    return count


def _options(needed: Mapping[str, float]) -> dict[str, Any]:
    """As Ray takes them: its own resources by arguments of their own."""
    own = {_OWN[name]: number for name, number in needed.items() if name in _OWN}
    others = {name: number for name, number in needed.items() if name not in _OWN}
    return {"num_cpus": 1, **own, "resources": others, "max_restarts": -1, "max_task_retries": -1}
