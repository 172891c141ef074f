"""A run that several processes of one machine share."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from explainer.checks import require_flag, require_integer, require_type
from explainer.errors import WorkerError
from explainer.network.onnx.session import thread_count
from explainer.remote import RemotePath, place_of
from explainer.run.crew import NO_GUARD, Crew, Process, require_guard
from explainer.run.interrupts import Interrupts
from explainer.run.one_run import RunResult
from explainer.run.parts import Parts
from explainer.run.shared_run import SharedRun
from explainer.summary.folder import find_runs, require_no_file
from explainer.summary.staging import staged

AUTO = "auto"
_WORKER_BYTES = 2e9  # that a worker is taken to need, where this process does not need more
_UNGUARDED = (
    "this script starts workers when it is imported, and each worker imports it: put what it does under "
    '`if __name__ == "__main__":`'
)
MakeRunner = Callable[[Path], Any]


def run(
    make_runner: MakeRunner | str,
    summary_dir: str | os.PathLike[str] | RemotePath,
    *,
    workers: int | str = AUTO,
    resume: bool = False,
    progress: bool | None = None,
) -> RunResult:
    """Explains every sample in several processes and writes one summary; what it wrote and where.

    Each process makes network, data and methods for itself, and works on the samples that it is given, range by range.
    What they write lies in "parts" in the folder until it is put together at the end. One that is killed is started
    again and goes on. See docs/how-to/workers.md.

    Args:
        make_runner: summary_dir -> ImageClassificationRunner, with all registered that is to be done; a function that
            can be imported, or its name, "module:function".
        summary_dir: the folder for the summary, or its URL.
        workers: how many processes; "auto": as many as pay, by cores and memory.
        resume: go on with what workers have left in the folder; they may be more or fewer than before.
        progress: show one bar for all; None: only on a terminal.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value; and whatever the run itself raises in a worker.
        RuntimeError: the folder has parts of a run that has not ended, and `resume` is not given; or the script that is
            run starts workers when it is imported.
        WorkerError: a worker died again and again; names the sample that it was at.
        RunInterrupted: a KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; the samples before are complete.
    """
    require_guard()
    require_flag("resume", resume)
    require_type("summary_dir", summary_dir, (str, os.PathLike, RemotePath), "a path or a URL")
    place = place_of(summary_dir, "`summary_dir`")
    require_no_file("`summary_dir`", place)
    make, count = made_by(make_runner), worker_count(workers)
    with staged(place, resume=resume, progress=progress) as folder:
        result = _run(make, folder, count, resume=resume, progress=progress)
    return result.at(place)


def _run(make: MakeRunner, folder: Path, count: int, *, resume: bool, progress: bool | None) -> RunResult:
    if is_for_one(folder, count, resume=resume):
        found: RunResult = make(folder).run(resume=resume)
        return found
    return run_shared(_pickled(make), folder, count, resume=resume, progress=progress)


def made_by(make_runner: Any) -> MakeRunner:
    """The function that makes the runner; TypeError or ValueError unless it is one, or the name of one."""
    if not isinstance(make_runner, str):
        if not callable(make_runner):
            raise TypeError(
                '`make_runner` must be a function, or its name, "module:function", got '
                f"{type(make_runner).__name__}; a runner that is made already has a `run` of its own"
            )
        found: MakeRunner = make_runner
        return found
    module, colon, name = make_runner.partition(":")
    if not (module and colon and name):
        raise ValueError(f'`make_runner` must be "module:function", got {make_runner!r}')
    try:
        return made_by(getattr(import_module(module), name))
    except (ImportError, AttributeError) as error:
        raise ValueError(f"`make_runner` must name a function, got {make_runner!r}: {error}") from error


def worker_count(asked: Any, samples: int | None = None) -> int:
    """How many processes are to work.

    Args:
        asked: a number, or "auto": one for each core, as long as there is memory for it, and a sample.
        samples: how many there are; None where nobody knows.

    Raises:
        TypeError, ValueError: it is neither, or a number below 1.
    """
    if asked != AUTO:
        if isinstance(asked, str):
            raise ValueError(f'`workers` must be a number of processes, or "auto", got {asked!r}')
        return require_integer("workers", asked, 1)
    most = thread_count() if samples is None else min(samples, thread_count())
    return max(1, int(min(most, _free_bytes() / max(_WORKER_BYTES, _own_bytes()))))


def is_for_one(summary_dir: Path, count: int, *, resume: bool) -> bool:
    """Whether one process does all, in the ordinary way: no other is wanted, or one has begun what is gone on with.

    Raises:
        RuntimeError: there are parts of a run, and `resume` is not given.
    """
    parts = Parts(summary_dir)
    parts.publish()
    if not resume:
        parts.require_none()
    return not parts.exist and (count == 1 or (resume and bool(find_runs(summary_dir))))


def run_shared(make_runner: bytes, summary_dir: Path, count: int, *, resume: bool, progress: bool | None) -> RunResult:
    """The run of so many processes.

    Args:
        make_runner: pickled, from a folder to the runner.
        summary_dir: the folder for the summary.
        count: how many processes.
        resume: as for `run`.
        progress: as for `run`.
    """
    parts = Parts(summary_dir)
    with parts.held() as found:
        shared = SharedRun(parts, found, count, progress)
        if not shared.is_done:
            _work(make_runner, shared, count)
        return shared.result()


def _work(make_runner: bytes, shared: SharedRun, count: int) -> None:
    waiting = shared.names
    with Crew(make_runner, max(1, thread_count() // count)) as crew, Interrupts() as interrupts, shared.shown():
        while crew.size or (waiting and not interrupts.noted):
            while waiting and crew.size < count and not interrupts.noted:
                crew.start(shared.assignment(waiting.pop(0)))
            for worker, message in crew.news():
                if message == ("gone",) and not (worker.has_ended or interrupts.noted):
                    _require_begun(worker)
                    shared.died(worker.name, worker.death)
                    waiting.insert(0, worker.name)
                else:
                    _take(shared, worker, message)
            if interrupts.noted:
                crew.stop()
        interrupts.check(samples=shared.done)


def _take(shared: SharedRun, worker: Process, message: tuple[Any, ...]) -> None:
    match message:
        case "weigh", weights:
            shared.weigh(worker.name, weights)
        case "claim", *asked:
            worker.answer(shared.claim(worker.name, *asked))
        case "note", sample_id:
            shared.note(worker.name, sample_id)
        case "log", level, text:
            shared.log(worker.name, level, text)
        case "ended", result:
            worker.has_ended = True
            shared.ended(worker.name, result)
        case "failed", failure:
            shared.failed(worker.name, failure)


def _require_begun(worker: Process) -> None:
    """Raises where a process could not even read what it is to do, which another would not, either."""
    status = worker.process.exitcode
    if status == NO_GUARD:
        raise RuntimeError(_UNGUARDED)
    if not worker.has_begun and status is not None and status > 0:
        raise WorkerError(f"{worker.name} could not begin: it {worker.death}; what it has printed tells why")


def _pickled(make_runner: MakeRunner) -> bytes:
    try:
        return pickle.dumps(make_runner)
    except Exception as error:  # whatever an object of the user's raises
        raise TypeError(
            f"`make_runner` must be a function that another process can import, defined in a file and outside of "
            f"functions: {error}"
        ) from error


def _free_bytes() -> float:
    """Of memory; without a bound where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * next(float(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float("inf")


def _own_bytes() -> float:
    """The most that this process has needed: a worker that makes the same network needs about as much."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0.0
    return 1024 * float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
