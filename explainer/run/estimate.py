"""What a run will take, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from textwrap import fill

from explainer.run.stopwatch import Part

LONG = 600.0
"""Seconds; of a run that takes longer it is said what takes most, and what would take less."""
_WIDTH = 78
_NAME_WIDTH, _NUMBER_WIDTH = 34, 13
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True)
class EstimateRow:
    """A part of a run.

    Attributes:
        part: which one.
        of: the method whose maps a metric scores; "" elsewhere.
        samples: how many it works on.
        passes: images that go through the network for each of these samples, on average; known outputs do not count.
        seconds: for each of these samples; nan where nothing tells.
        cheaper: how to make it cheaper, in words.
    """

    part: Part
    of: str
    samples: float
    passes: float
    seconds: float = math.nan
    cheaper: str = ""

    @property
    def is_known(self) -> bool:
        """Whether its time is."""
        return not math.isnan(self.seconds)

    @property
    def total_passes(self) -> float:
        """For all of the samples."""
        return self.samples * self.passes

    @property
    def total_seconds(self) -> float:
        """For all of the samples."""
        return self.samples * self.seconds


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a run will take; `print` shows it as a table.

    Attributes:
        rows: of each method, of each metric with each method whose maps it scores, of each other job.
        samples: how many there are; None where that is not known before they are read: all is of one sample then.
        labels: that are explained of a sample, on average over the first batch.
        bytes_per_sample: on disk.
        ready_seconds: what came before, and comes again in each run: the export of the network, the first batch, and
            the first image tried with each method.
    """

    rows: tuple[EstimateRow, ...]
    samples: int | None
    labels: float
    bytes_per_sample: float
    ready_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole run, after it was made ready; what cannot be told is left out."""
        return sum(row.total_seconds for row in self.rows if row.is_known)

    @property
    def passes(self) -> float:
        """Images that go through the network, all in all."""
        return sum(row.total_passes for row in self.rows)

    @property
    def bytes(self) -> float:
        """On disk, all in all."""
        return self.bytes_per_sample * (self.samples or 1)

    @property
    def is_long(self) -> bool:
        """Whether it takes more than ten minutes."""
        return self.seconds > LONG

    @property
    def costliest(self) -> EstimateRow:
        """What takes most."""
        return max((row for row in self.rows if row.is_known), key=lambda row: row.total_seconds)

    @property
    def recorded(self) -> dict[str, float]:
        """The seconds of each part, by its name."""
        return {str(part): sum(row.total_seconds for row in rows) for part, rows in self._by_part()}

    @property
    def advice(self) -> str:
        """What takes most, and how to make it cheaper, in a line."""
        row = self.costliest
        what = f"{row.part.name} of {row.of}" if row.of else str(row.part)
        passes = f", {row.passes:,.0f} passes for each sample" if row.passes > 1 else ""
        fewer = "fewer samples (--limit)" if self.samples is not None else "fewer samples"
        ways = "; ".join(way for way in (row.cheaper, fewer) if way)
        return f"most of it, {spoken(row.total_seconds)}, is {what}{passes}. Cheaper: {ways}"

    @property
    def told(self) -> str:
        """The table, and below it the advice where the run is long."""
        return f"{self!r}\n{fill(self.advice, _WIDTH)}" if self.is_long else repr(self)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    def _lines(self) -> Iterable[str]:
        unknown = "one sample (their number is not known)"
        samples = unknown if self.samples is None else f"{self.samples:,} samples"
        yield f"{samples}, {self.labels:.3g} labels explained of each"
        yield _line("", "passes/sample", "passes", "time")
        for part, rows in self._by_part():
            yield _row(str(part), rows)
        yield _line("all", "", _counted(self.passes), spoken(self.seconds))
        yield f"before the first sample: {spoken(self.ready_seconds)}; on disk: {spoken_bytes(self.bytes)}"

    def _by_part(self) -> list[tuple[Part, list[EstimateRow]]]:
        order = list(dict.fromkeys(row.part for row in self.rows))
        rows = sorted(self.rows, key=lambda row: order.index(row.part))
        return [(part, list(of_part)) for part, of_part in groupby(rows, key=lambda row: row.part)]


def _row(name: str, rows: Sequence[EstimateRow]) -> str:
    """Of one part; a metric's rows are those of all the methods whose maps it scores."""
    most = max(row.samples for row in rows)
    passes = sum(row.total_passes for row in rows)
    seconds = sum(row.total_seconds for row in rows)
    return _line(name, _counted(passes / most if most else 0.0), _counted(passes), spoken(seconds))


def _line(name: str, *numbers: str) -> str:
    shown = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 3]}..."
    return f"{shown:<{_NAME_WIDTH}}{''.join(f'{number:>{_NUMBER_WIDTH}}' for number in numbers)}".rstrip()


def _counted(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def spoken(seconds: float) -> str:
    """A time in words, to two figures or so.

    >>> [spoken(seconds) for seconds in (0.004, 0.42, 12.3, 95, 4000, 200000, float("nan"))]
    ['0.0 s', '0.4 s', '12 s', '1.6 min', '1.1 h', '2.3 days', 'not known']
    """
    if math.isnan(seconds):
        return "not known"
    for unit, length in (("days", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= length:
            return f"{_rounded(seconds / length)} {unit}"
    return f"{_rounded(seconds)} s"


def spoken_bytes(count: float) -> str:
    """A size on disk in words.

    >>> [spoken_bytes(count) for count in (900, 34_000, 5_600_000, 7_800_000_000)]
    ['0.9 kB', '34 kB', '5.6 MB', '7.8 GB']
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{_rounded(count / size)} {unit}"
    return f"{_rounded(count / 1e3)} kB"


def _rounded(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"
