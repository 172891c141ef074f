"""All sides of a row, asked in turn: what each took, and what else the machine did meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benching.rows import BEFORE, FLOORS, OURS, Row
from benching.sides import Side, SideError, sides_of

BUSY = 0.25
"""More cores than this taken by others: the row says little, and is to be measured again."""

_LOOK_SECONDS, _MOST_LOOKS = 0.04, 25  # CPU time is told in hundredths of a second


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        repeats: timed calls of each column, at most.
        seconds: that a column's timed calls may take; each has one at least, ours two.
        patience: a peer whose first call takes longer than so many seconds is not asked again; nor is before, when it
            takes four times as long.
    """

    repeats: int = 5
    seconds: float = 1.0
    patience: float = 1.5

    def is_asked_again(self, column: str, first: float) -> bool:
        """Whether there are timed calls after the first, or the first has to do."""
        return column in (OURS, *FLOORS) or first <= self.patience * (4 if column == BEFORE else 1)

    def warm_ups(self, column: str, first: float) -> int:
        """Calls between the first and those that are timed: MindSpore compiles a network with its third batch."""
        if first > 4 * self.patience:  # so many batches that it has compiled
            return int(column == OURS)
        return 3 if column in (OURS, BEFORE) else 1

    def is_enough(self, column: str, taken: Sequence[float]) -> bool:
        """Whether the column need not be timed again."""
        return len(taken) >= (2 if column == OURS else 1) and sum(taken) >= self.seconds


QUICK = Effort(repeats=3, seconds=0.4)


@dataclass
class Measured:
    """What was found for a row.

    Attributes:
        key: the row's.
        seconds: of each timed call, by column; of the first alone, where that took too long to ask again.
        first: seconds of the first call, by column.
        peak: megabytes above the imports, by column.
        reasons: why a column is empty.
        load: the machine's load average at the end.
        others: how many cores were taken by processes that are not the bench's.
        took: seconds, all in all.
        quick: whether it was measured in haste.
    """

    key: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    load: float = 0.0
    others: float = 0.0
    took: float = 0.0
    quick: bool = False

    @property
    def busy(self) -> bool:
        """Whether others took so much of the machine that the figures say little."""
        return self.others > BUSY

    def median(self, column: str) -> float | None:
        """Of the timed calls; None where there is none."""
        return statistics.median(self.seconds[column]) if self.seconds.get(column) else None

    def spread(self, column: str) -> float:
        """The largest less the smallest, in parts of the median; 0 for one call."""
        return (max(self.seconds[column]) - min(self.seconds[column])) / statistics.median(self.seconds[column])


def measured(row: Row, folder: Path, effort: Effort, lasting: Mapping[str, Side]) -> Measured:
    """The row, each side in a process of its own, which begins with it unless it is one of the lasting ones."""
    found = Measured(row.key, quick=effort == QUICK)
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for name, reason in sides_of(row).items():
            if reason:
                found.reasons[name] = reason
            else:
                sides[name] = lasting.get(name) or stack.enter_context(Side(name, folder))
        with _others_watched(found, sides):
            columns = _prepared(row, sides, found)
            _warm_up(row, columns, found, effort)
            _take_turns(columns, found, effort, [side.pid for side in sides.values()])
    found.load = os.getloadavg()[0]
    return found


def _prepared(row: Row, sides: dict[str, Side], found: Measured) -> dict[str, Side]:
    """The side of each column; all prepare at once, as nothing is timed yet."""
    for side in sides.values():
        side.send(prepare=row.key)
    columns: dict[str, Side] = {}
    for name, side in sides.items():
        try:
            columns |= dict.fromkeys(side.received()["columns"], side)
        except SideError as error:
            found.reasons[name] = str(error)
    return {column: side for column, side in columns.items() if column not in row.left_out}


def _warm_up(row: Row, columns: dict[str, Side], found: Measured, effort: Effort) -> None:
    """The first calls; the peak is that of a side's first column, before another layout has been in its process."""
    known: set[Side] = set()
    for column, side in columns.items():
        try:
            found.first[column] = side.asked(time=column)["seconds"]
            if effort.is_asked_again(column, found.first[column]):
                for _ in range(effort.warm_ups(column, found.first[column])):
                    side.asked(time=column)
            if side not in known and row.has_peak:
                found.peak[column] = side.asked(peak=True)["peak"]
            known.add(side)
        except SideError as error:
            found.reasons[column] = str(error)
            found.first.pop(column, None)


def _take_turns(columns: dict[str, Side], found: Measured, effort: Effort, pids: Sequence[int]) -> None:
    for column, first in found.first.items():
        found.seconds[column] = [] if effort.is_asked_again(column, first) else [first]
    asked = {column: taken for column, taken in found.seconds.items() if not taken}
    for _ in range(effort.repeats):
        for column, taken in asked.items():
            if not effort.is_enough(column, taken):
                _rest(pids)
                taken.append(columns[column].asked(time=column)["seconds"])


def _rest(pids: Sequence[int]) -> None:
    """Until the processes use no CPU: threads of MindSpore, OpenBLAS and OpenMP spin for a while after their work.

    Whoever was asked next shared the cores with them: torch took twice as long for a forward pass behind MindSpore.
    """
    for _ in range(_MOST_LOOKS):
        before = sum(map(_seconds_of, pids))
        time.sleep(_LOOK_SECONDS)
        if sum(map(_seconds_of, pids)) == before:
            return


@contextmanager
def _others_watched(found: Measured, sides: dict[str, Side]) -> Iterator[None]:
    pids = [os.getpid(), *(side.pid for side in sides.values())]
    start, before, own = time.perf_counter(), _busy_seconds(), sum(map(_seconds_of, pids))
    try:
        yield
    finally:
        taken = _busy_seconds() - before - (sum(map(_seconds_of, pids)) - own)
        found.took = time.perf_counter() - start
        found.others = max(0.0, taken / found.took)


def _busy_seconds() -> float:
    """CPU seconds that the machine has worked since it started; what its host took from it counts, too."""
    fields = list(map(int, Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")  # less idle, less waiting


def _seconds_of(pid: int) -> float:
    """CPU seconds of a process and of those that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
