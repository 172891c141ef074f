"""The processes of workers: started, told what to do, listened to, and started again where one dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from tqdm import tqdm

from explainer.run.coordinator import Share
from explainer.run.failure import Failure
from explainer.run.interrupts import SignalWatch
from explainer.run.signals import kept_from_new_threads
from explainer.run.worker import Assignment

NO_GUARD = 87
"""The exit status of a process that came upon the start of workers while it was reading the user's script."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_POLL = 0.2  # seconds
_LOG = logging.getLogger("explainer")


# ------------------------------------------------- in the worker's process


class _Asking:
    """The overseer at the other end of a pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def weigh(self, weights: str) -> None:
        self._connection.send(("weigh", weights))

    def claim(self, start: int, total: int | None, most: int) -> Share:
        self._connection.send(("claim", start, total, most))
        share: Share = self._connection.recv()
        return share

    def note(self, sample_id: int) -> None:
        self._connection.send(("note", sample_id))

    def log(self, level: int, text: str) -> None:
        self._connection.send(("log", level, text))


def run_in_process(connection: Connection) -> None:
    """What a worker's process does, from its beginning to its end."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a Ctrl-C is for whoever has started the workers, who tells them
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    tqdm.set_lock(threading.RLock())  # one for several processes would be left behind by one that is killed
    with SignalWatch():
        connection.send(("began",))
        try:
            assignment, make_runner = connection.recv(), pickle.loads(connection.recv_bytes())
            from explainer.run.worker import work

            connection.send(("ended", work(make_runner, assignment, _Asking(connection))))
        except KeyboardInterrupt:
            connection.send(("interrupted",))
        except BaseException as error:
            connection.send(("failed", Failure.of(error)))


def _end_with_parent() -> None:
    """Without the one who gives out samples there is no work; those on disk are complete."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# ------------------------------------------------- in the process that has started it


@dataclass
class Process:
    """A worker's process.

    Attributes:
        assignment: of the worker.
        process: the system's.
        connection: to it.
        has_begun: whether it listens.
        has_ended: whether it has said that it ends.
    """

    assignment: Assignment
    process: Any
    connection: Connection
    has_begun: bool = False
    has_ended: bool = False

    @property
    def name(self) -> str:
        """Of the worker."""
        return self.assignment.name

    def answer(self, share: Share) -> None:
        """What it is to work on next; it may have died since it asked."""
        with suppress(OSError):
            self.connection.send(share)

    def begin(self, make_runner: bytes) -> None:
        """What it is to do, sent when it listens: who starts a process that dies would wait for it for ever."""
        self.has_begun = True
        with suppress(OSError):
            self.connection.send(self.assignment)
            self.connection.send_bytes(make_runner)

    @property
    def death(self) -> str:
        """How it has ended, in words."""
        status = self.process.exitcode
        if status is not None and status < 0:
            killed = signal.Signals(-status).name
            return f"was killed by {killed}{' (out of memory?)' if killed == 'SIGKILL' else ''}"
        return f"ended with exit status {status}"


class Crew:
    """Processes that work side by side; a context manager, which leaves none behind.

    Args:
        make_runner: pickled, from a folder to the runner.
        threads: of each process.
    """

    def __init__(self, make_runner: bytes, threads: int) -> None:
        self._make_runner = make_runner
        self._threads = threads
        self._at_work: list[Process] = []
        self._stopping = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *raised: object) -> None:
        for worker in self._at_work:
            worker.process.kill()
        for worker in self._at_work:
            worker.process.join()
            worker.connection.close()

    @property
    def size(self) -> int:
        """How many are at work."""
        return len(self._at_work)

    def start(self, assignment: Assignment) -> None:
        """Starts a process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=run_in_process, args=(theirs,), daemon=True)
        with _threads_of_children(self._threads), kept_from_new_threads():
            process.start()
        theirs.close()
        self._at_work.append(Process(assignment, process, ours))

    def stop(self) -> None:
        """Asks all to end behind the sample at hand; once, as a second signal would end them at once."""
        if self._stopping:
            return
        self._stopping = True
        for worker in self._at_work:
            worker.process.terminate()

    def news(self) -> Iterator[tuple[Process, tuple[Any, ...]]]:
        """What has come from the workers since; ("gone",) from one whose process has ended, after all else of it."""
        channels = {handle: worker for worker in self._at_work for handle in _handles(worker)}
        ready = {id(channels[handle]): channels[handle] for handle in wait(list(channels), _POLL)}
        for worker in ready.values():
            is_gone = not worker.process.is_alive()
            for message in _received(worker.connection):
                if message == ("began",):
                    worker.begin(self._make_runner)
                else:
                    yield worker, message
            if is_gone:
                worker.process.join()
                self._at_work.remove(worker)
                worker.connection.close()
                yield worker, ("gone",)


def _handles(worker: Process) -> tuple[Any, ...]:
    return worker.connection, worker.process.sentinel


def _received(connection: Connection) -> Iterator[tuple[Any, ...]]:
    try:
        while connection.poll():
            yield connection.recv()
    except (EOFError, ConnectionError, pickle.UnpicklingError):
        return  # it died while it was writing


@contextmanager
def _threads_of_children(threads: int) -> Iterator[None]:
    """Processes that are started meanwhile make so many threads, in MindSpore, ONNX Runtime and NumPy alike."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def require_guard() -> None:
    """Ends a process that a worker was to become, and that is reading the user's script yet."""
    if getattr(multiprocessing.process.current_process(), "_inheriting", False):
        os._exit(NO_GUARD)
