"""Rows, tables and their notes as text of a given width. They are drawn by rich, which is imported when they are."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

Row = tuple[str, str]
Escape = Callable[[str], str]
_NAME_WIDTH = 12  # of a row's name
_LONGEST = 30  # of the first column of a table that comes in parts; longer names are folded
_GAP = 2


@dataclass(frozen=True)
class Rows:
    """A name and a text each, wrapped between its words, so that no path is broken.

    Attributes:
        rows: the names and texts.
        bold: the names of rows whose texts are bold.
        cut: the names of rows whose texts have one line, and an ellipsis where there is more.
        where_whole: said below where one was cut.
    """

    rows: Sequence[Row]
    bold: frozenset[str] = frozenset()
    cut: frozenset[str] = frozenset()
    where_whole: str = ""

    def drawn(self, console: Console, escape: Escape) -> Iterator[Text]:
        """The lines."""
        room = console.width - _NAME_WIDTH
        has_cut = False
        for name, text in self.rows:
            whole = escape(text)
            lines = [_cut(whole, room)] if name in self.cut else _wrapped(whole, room)
            has_cut |= name in self.cut and lines != [whole]
            for place, line in enumerate(lines):
                said = "" if place else escape(name)
                yield _assembled((f"{said:<{_NAME_WIDTH}}", "dim"), (line, "bold" if name in self.bold else ""))
        if has_cut and self.where_whole:
            yield _text(self.where_whole, escape, "dim")


@dataclass(frozen=True)
class Table:
    """A table, whose first column names its rows.

    Attributes:
        heads: of the columns.
        rows: as many texts each as there are heads.
        dimmed: the places of rows that are dimmed.
        aligned: for each column "l" or "r", the side on which its texts stand.
        notes: what is said below.
        in_parts: whether a table that is too wide comes in parts, each with the first column and as many others as
            there is room for; its texts are folded otherwise.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    aligned: str
    dimmed: frozenset[int] = frozenset()
    notes: Sequence[str] = ()
    in_parts: bool = True

    def drawn(self, console: Console, escape: Escape) -> Iterator[RichTable | Text]:
        """The table, or its parts, and the lines of the notes."""
        for place, columns in enumerate(self._parts(console.width, escape)):
            if place:
                yield _text("", escape)
            yield self._part(columns, escape)
        for note in self.notes:
            yield from (_text(line, escape, "dim") for line in _wrapped(escape(note), console.width))

    def _parts(self, width: int, escape: Escape) -> Iterator[list[int]]:
        from rich.cells import cell_len

        if not self.in_parts:
            yield list(range(len(self.heads)))
            return
        columns = zip(self.heads, *self.rows, strict=True)
        first, *widths = (max(cell_len(escape(text)) for text in column) for column in columns)
        room = width - min(first, _LONGEST)
        part, left = [0], room
        for place, needed in enumerate(widths, start=1):
            if len(part) > 1 and left < needed + _GAP:
                yield part
                part, left = [0], room
            part.append(place)
            left -= needed + _GAP
        yield part

    def _part(self, columns: Sequence[int], escape: Escape) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable

        part = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
        for place in columns:
            right = self.aligned[place] == "r"
            part.add_column(
                _text(self.heads[place], escape),
                justify="right" if right else "left",
                overflow="fold",
                max_width=_LONGEST if place == 0 and self.in_parts else None,
                no_wrap=right,
            )
        for number, row in enumerate(self.rows):
            style = "dim" if number in self.dimmed else ""
            part.add_row(*(_text(row[place], escape) for place in columns), style=style)
        return part


def drawn(blocks: Sequence[Rows | Table], width: int, escape: Escape, *, styled: bool) -> str:
    """The blocks below one another, an empty line between two.

    Args:
        blocks: what is drawn.
        width: of a line, in columns of a terminal.
        escape: gives the one line of text that is shown for a text, which may hold anything.
        styled: whether it has the codes of a terminal for bold and dim.
    """
    from rich.console import Console

    console = Console(
        file=StringIO(),
        width=width,
        color_system="standard" if styled else None,
        force_terminal=styled,
        force_jupyter=False,
        legacy_windows=False,
        no_color=False,
        _environ={},
    )
    with console.capture() as captured:
        for place, block in enumerate(blocks):
            if place:
                console.print()
            for part in block.drawn(console, escape):
                console.print(part, soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _assembled(*parts: tuple[str, str]) -> Text:
    """Texts and their styles in one line."""
    from rich.text import Text

    return Text.assemble(*parts)


def _text(text: str, escape: Escape, style: str = "") -> Text:
    """Text that rich takes as it stands: no markup, no emoji codes, no highlighting."""
    from rich.text import Text

    return Text(escape(text), style=style)


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, broken between words alone; one where there is none."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _cut(text: str, width: int) -> str:
    from rich.text import Text

    shown = Text(text)
    shown.truncate(width, overflow="ellipsis")
    return shown.plain
