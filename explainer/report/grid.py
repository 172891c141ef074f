"""What stands in a figure: rows of pictures with captions, names of columns, colour bars."""

from __future__ import annotations

from dataclasses import dataclass

from explainer.arrays import Pixels

TEXT, MUTED = "#1b1c1e", "#62646a"


@dataclass(frozen=True)
class Line:
    """A line of text; it is broken where it is too long."""

    text: str
    size: float = 7.0
    colour: str = TEXT
    bold: bool = False


@dataclass(frozen=True)
class Cell:
    """A picture (H, W, 3) and what stands below it."""

    picture: Pixels
    note: str = ""


@dataclass(frozen=True)
class Row:
    """What is said of a sample, and its pictures; None where there is none."""

    caption: tuple[Line, ...]
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Bar:
    """A colour bar: its palette, and the texts at its beginning, its middle and its end.

    column: below which column it stands; None for below all.
    """

    palette: str
    ticks: tuple[str, str, str]
    column: int | None = None


@dataclass(frozen=True)
class Page:
    """All of a figure: the names of the columns, the rows, the bars, and what is said of the colours."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    legend: str
