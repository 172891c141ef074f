"""One worker of a run that several share: it asks for samples as it goes, and tells what becomes of them."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from explainer.records import Record, SampleDone, SampleSkipped
from explainer.run.coordinator import Share

_LOG = logging.getLogger("explainer")
_TELLING = ("explainer", "py.warnings")


class Overseer(Protocol):
    """Whom a worker asks and tells; it may be in another process."""

    def weigh(self, weights: str) -> None:
        """The digest of the network's weights, which must be those of all workers."""

    def claim(self, start: int, total: int | None, most: int) -> Share:
        """What to work on next; see `Coordinator.claim`."""

    def note(self, sample_id: int) -> None:
        """A sample is complete, or was left out."""

    def log(self, level: int, text: str) -> None:
        """What the user should know."""


@dataclass(frozen=True)
class Assignment:
    """What a worker is to do.

    Attributes:
        name: of the worker.
        folder: of its summary.
        done: the samples that its folder has, in rising order.
        log_level: from which on messages are passed on.
    """

    name: str
    folder: Path
    done: Sequence[int]
    log_level: int = logging.WARNING


class AskedPortion:
    """The samples that a worker is given while it goes on, and those that its folder has.

    Args:
        assignment: of the worker.
        claim: asks for more: from which sample on.

    >>> portion = AskedPortion(Assignment("worker-0", Path("out"), [5]), lambda start: Share(start + 3, (start + 1,)))
    >>> list(portion.ids(6)), portion.ends(5)
    ([1, 4, 5], True)
    """

    is_known = False

    def __init__(self, assignment: Assignment, claim: Callable[[int], Share]) -> None:
        self._assignment = assignment
        self._claim = claim
        self._stop = 0
        self._share: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Of the folder that its run is written to."""
        return self._assignment.name

    @property
    def recorded(self) -> dict[str, str]:
        """What a summary keeps of it."""
        return {"worker": self._assignment.name}

    def has(self, sample_id: int) -> bool:
        """Whether this sample is given to the worker; asks where nobody has said."""
        while sample_id >= self._stop:
            self._ask()
        return sample_id in self._share

    def ids(self, total: int) -> Iterator[int]:
        """The samples that the worker is given, asked for one after another."""
        while self._stop < total:
            self._ask()
            yield from (sample_id for sample_id in self._share if sample_id < total)

    def ends(self, sample_id: int) -> bool:
        """Whether it is the last of those that are known."""
        return sample_id == self._share[-1]

    def count(self, total: int | None) -> int | None:
        """Nobody knows before the end."""
        return None

    def _ask(self) -> None:
        start = self._stop
        share = self._claim(start)
        done = self._assignment.done
        own = done[bisect_left(done, start) : bisect_left(done, share.stop)]
        self._stop, self._share = share.stop, tuple(sorted({*own, *share.samples}))


class _Noting:
    """Tells the overseer of each sample that is on disk."""

    def __init__(self, overseer: Overseer) -> None:
        self._overseer = overseer

    def write(self, record: Record) -> None:
        if isinstance(record, SampleDone | SampleSkipped):
            self._overseer.note(record.sample_id)

    def close(self) -> None:
        pass


def work(make_runner: Callable[[Path], Any], assignment: Assignment, overseer: Overseer) -> Any:
    """The worker's run, begun or gone on with, up to the end of the dataset; what it wrote and where.

    Args:
        make_runner: from the folder to the runner.
        assignment: the worker's.
        overseer: gives out samples.

    Raises:
        TypeError: what `make_runner` gives is no runner.
        Exception: what a run raises.
    """
    from explainer.data.mindspore_dataset import exact_sample_count
    from explainer.run.one_run import OneRun
    from explainer.run.registration import require_jobs
    from explainer.run.runner import ImageClassificationRunner

    with _passed_on(assignment, overseer):
        runner = make_runner(assignment.folder)
        if not isinstance(runner, ImageClassificationRunner):
            raise TypeError(f"`make_runner` must give an ImageClassificationRunner, gave {type(runner).__name__}")
        setup = runner.setup
        require_jobs(setup.jobs, resume=True)
        overseer.weigh(setup.classifier.weights_digest())
        total = exact_sample_count(setup.dataset)
        most = setup.options.batch_size
        portion = AskedPortion(assignment, lambda start: overseer.claim(start, total, most))
        own = replace(setup, options=replace(setup.options, progress=False), sinks=[_Noting(overseer), *setup.sinks])
        return OneRun(own, assignment.folder, portion).run(resume=True)


@contextmanager
def _passed_on(assignment: Assignment, overseer: Overseer) -> Iterator[None]:
    """Messages of the package, and warnings, go to the overseer."""
    handler = _Handler(overseer)
    loggers = [logging.getLogger(name) for name in _TELLING]
    before = [(logger.level, logger.propagate) for logger in loggers]
    logging.captureWarnings(True)
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(assignment.log_level)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
        logging.captureWarnings(False)


class _Handler(logging.Handler):
    def __init__(self, overseer: Overseer) -> None:
        super().__init__()
        self._overseer = overseer

    def emit(self, record: logging.LogRecord) -> None:
        self._overseer.log(record.levelno, record.getMessage())
