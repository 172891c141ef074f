"""A grid of pictures with names, captions and colour bars on a figure of Matplotlib, which this module imports.

Every place is computed in inches from the sizes of the texts, so that nothing overlaps, whatever names there are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font_names
from matplotlib.textpath import TextToPath

from explainer.arrays import Pixels
from explainer.remote import local_path
from explainer.report.export_place import drafted_file
from explainer.report.grid import MUTED, Bar, Cell, Line, Page, Row
from explainer.report.overlays import anchors_of, coloured

DPI = 200
FORMATS = ("png", "pdf", "svg")
_LINE = "#c9c9c4"
_MARGIN, _GAP, _ROW_GAP = 0.06, 0.06, 0.10  # inches
_BAR, _BAR_GAP, _LONGEST_BAR = 0.09, 0.3, 2.0  # height of a colour bar, between bars, length
_HEAD, _SMALL, _SMALLEST = 8.0, 6.0, 4.0  # letters, in points
_CAPTION = 1.5  # the widest column of captions
_LEAST_CELL = 0.35
_TALLEST, _FLATTEST = 1.6, 0.4  # height of a picture, in its width
_LEADING = 1.25  # of a line, in the size of its letters
_MOST_LINES = 4
_POINTS = 72  # to the inch
_HINTED = 1.05  # how much wider letters get on a coarse grid of pixels
# Where the usual font lacks a letter; those that are installed are asked.
_OTHER_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
    "Hiragino Sans",
    "Malgun Gothic",
    "Arial Unicode MS",
)
# Where a text may be broken: Integrated|Gradients, Grad|CAM|Plus|Plus, a_|folder/|IMG_|1.|png
_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[\s/_\-.:])(?=[^\s/_\-.:])")


class GridFigure(Figure):
    """A figure of Matplotlib that a notebook shows, and that saves the same bytes each time."""

    def save(self, path: str | os.PathLike[str], *, dpi: int = DPI) -> None:
        """Writes the figure: .png, or .pdf or .svg, whose texts stay texts (TrueType fonts in a PDF).

        A file of that name is replaced once the new one is complete; an interrupt or a full disk leaves it as it was.

        Args:
            path: where to; its ending says what it is. Missing folders are made.
            dpi: of a PNG, and of the pictures in a PDF or SVG.

        Raises:
            ValueError: another ending.
            SummaryWriteError: the disk refused; nothing half-written is left.
        """
        kind = local_path(path, "`path`").suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            raise ValueError(f"a figure is written as .png, .pdf or .svg, got {os.fspath(path)!r}")
        content = self._bytes(kind, dpi)
        with drafted_file(Path(path)) as draft:
            draft.write_bytes(content)

    def _bytes(self, kind: str, dpi: int) -> bytes:
        file = BytesIO()
        date = {"png": "Software", "pdf": "CreationDate", "svg": "Date"}[kind]  # what would be other each time
        settings = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "explainer", "savefig.bbox": None}
        with mpl.rc_context(settings):
            self.savefig(file, format=kind, dpi=dpi, metadata={date: None})
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self._bytes("png", 100)


def drawn(page: Page, *, width: float | None = None, cell: float = 1.2) -> GridFigure:
    """The page as a figure.

    Args:
        page: what it shows.
        width: of the figure, in inches; by default as wide as it gets with pictures of `cell` inches.
        cell: the width of a picture.

    Raises:
        ValueError: the width leaves pictures less than 0.35 inches.
    """
    return _Drawing(page, width, cell).figure()


class _Drawing:
    """Where everything stands, in inches from the top left."""

    def __init__(self, page: Page, width: float | None, cell: float) -> None:
        self._page = page
        self._ruler = _Ruler()
        self._caption = self._caption_width()
        count = len(page.names)
        self._start = _MARGIN + (self._caption + _GAP if self._caption else 0.0)
        self._cell = cell if width is None else (width - self._start - _MARGIN - (count - 1) * _GAP) / count
        if self._cell < _LEAST_CELL:
            raise ValueError(
                f"`width` must leave each of {count} pictures {_LEAST_CELL} inches, got {width}; give more, or fewer "
                "explainers"
            )
        self._width = self._start + count * self._cell + (count - 1) * _GAP + _MARGIN

    def _caption_width(self) -> float:
        lines = [line for row in self._page.rows for line in row.caption]
        return min(_CAPTION, max((self._ruler.width(line) for line in lines), default=0.0) + 0.02)

    def figure(self) -> GridFigure:
        """Draws from top to bottom, first all sizes, then all places."""
        heads = self._heads()
        head = max(map(_height_of, heads), default=0.0) + 0.04
        captions = [self._broken(row.caption) for row in self._page.rows]
        heights = [self._row_height(*both) for both in zip(self._page.rows, captions, strict=True)]
        legend = self._ruler.broken(Line(self._page.legend, 6.5, MUTED), self._width - self._start - _MARGIN)
        foot = self._foot_height() + _height_of(legend)
        total = _MARGIN + head + sum(heights) + _ROW_GAP * len(heights) + foot + _MARGIN
        self._total = total
        self._figure = GridFigure(figsize=(self._width, total), facecolor="white")
        self._draw_heads(heads, _MARGIN + head - 0.04)
        top = _MARGIN + head
        for row, caption, height in zip(self._page.rows, captions, heights, strict=True):
            self._draw_row(row, caption, top)
            top += height + _ROW_GAP
        self._draw_bars(top)
        self._draw_lines(legend, self._start, top + self._foot_height())
        return self._figure

    def _heads(self) -> list[list[Line]]:
        """The names of the columns, all of one size, in which their longest part fits."""
        parts = [Line(part, _HEAD, bold=True) for name in self._page.names for part in _BREAK.split(name)]
        widest = max((self._ruler.width(part) for part in parts), default=0.0)
        size = _HEAD * float(np.clip(self._cell / widest, _SMALLEST / _HEAD, 1)) if widest else _HEAD
        return [self._ruler.broken(Line(name, size, bold=True), self._cell) for name in self._page.names]

    def _broken(self, lines: Sequence[Line]) -> list[Line]:
        return [part for line in lines for part in self._ruler.broken(line, self._caption)]

    def _row_height(self, row: Row, caption: Sequence[Line]) -> float:
        pictures = max(self._picture_height(cell) + self._note_height(cell) for cell in row.cells if cell is not None)
        return max(pictures, _height_of(caption))

    def _picture_height(self, cell: Cell) -> float:
        height, width = cell.picture.shape[:2]
        return self._cell * float(np.clip(height / width, _FLATTEST, _TALLEST))

    def _note_height(self, cell: Cell) -> float:
        return _height_of(self._note(cell)) + 0.02 if cell.note else 0.0

    def _note(self, cell: Cell) -> list[Line]:
        return [self._ruler.fitted(Line(cell.note, _SMALL, MUTED), self._cell)] if cell.note else []

    def _foot_height(self) -> float:
        return _BAR + 0.04 + _LEADING * _SMALL / _POINTS + 0.03 if self._page.bars else 0.0

    def _left(self, column: int) -> float:
        return self._start + column * (self._cell + _GAP)

    # What is drawn.

    def _draw_heads(self, heads: Sequence[Sequence[Line]], bottom: float) -> None:
        for column, lines in enumerate(heads):
            middle = self._left(column) + self._cell / 2
            self._draw_lines(lines, middle, bottom - _height_of(lines), align="center")

    def _draw_row(self, row: Row, caption: Sequence[Line], top: float) -> None:
        self._draw_lines(caption, _MARGIN, top)
        tallest = max(self._picture_height(cell) for cell in row.cells if cell is not None)
        for column, cell in enumerate(row.cells):
            left = self._left(column)
            if cell is None:
                self._draw_lines([Line("no map", 6.5, MUTED)], left + self._cell / 2, top + tallest / 2, "center")
                continue
            height = self._picture_height(cell)
            self._draw_picture(cell.picture, (left, top, self._cell, height))
            self._draw_lines(self._note(cell), left + self._cell / 2, top + height + 0.02, "center")

    def _draw_bars(self, top: float) -> None:
        shared = [bar for bar in self._page.bars if bar.column is None]
        for bar in self._page.bars:
            if bar.column is None:
                room = self._width - self._start - _MARGIN - _BAR_GAP * (len(shared) - 1)
                length = min(_LONGEST_BAR, room / len(shared))
                left = self._start + shared.index(bar) * (length + _BAR_GAP)
            else:
                length, left = self._cell, self._left(bar.column)
            self._draw_bar(bar, left, top, length)

    def _draw_bar(self, bar: Bar, left: float, top: float, length: float) -> None:
        colours = np.rint(coloured(np.linspace(0, 1, 256)[None], 0, 1, anchors_of(bar.palette))).astype(np.uint8)
        self._draw_picture(colours, (left, top, length, _BAR))
        size = self._ruler.fitted(Line("  ".join(filter(None, bar.ticks)), _SMALL), length).size
        for text, part, align in zip(bar.ticks, (0, 0.5, 1), ("left", "center", "right"), strict=True):
            self._draw_lines([Line(text, size, MUTED)] if text else [], left + part * length, top + _BAR + 0.03, align)

    def _draw_picture(self, picture: Pixels, place: tuple[float, float, float, float]) -> None:
        left, top, width, height = place
        bottom = self._total - top - height
        axes = self._figure.add_axes(
            (left / self._width, bottom / self._total, width / self._width, height / self._total)
        )
        axes.imshow(picture, aspect="auto", interpolation="antialiased")
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set(linewidth=0.4, edgecolor=_LINE)

    def _draw_lines(self, lines: Sequence[Line], x: float, top: float, align: str = "left") -> None:
        for line in lines:
            top += _LEADING * line.size / _POINTS
            baseline = self._total - top + 0.32 * line.size / _POINTS
            self._figure.text(
                x / self._width,
                baseline / self._total,
                line.text,
                ha=align,
                va="baseline",
                color=line.colour,
                fontproperties=self._ruler.font(line),
                parse_math=False,  # a dollar is a dollar
                usetex=False,
            )


class _Ruler:
    """How wide a text is, and how it is broken."""

    def __init__(self) -> None:
        installed = {*get_font_names()}
        usual: Any = mpl.rcParams["font.family"]
        self._families = [*usual, *(name for name in _OTHER_FONTS if name in installed)]
        self._paths = TextToPath()

    def font(self, line: Line) -> FontProperties:
        """The font of a line."""
        return FontProperties(family=self._families, size=line.size, weight="bold" if line.bold else "normal")

    def width(self, line: Line) -> float:
        """In inches."""
        width, _, _ = self._paths.get_text_width_height_descent(line.text, self.font(line), ismath=False)
        return _HINTED * float(width) / _POINTS

    def fitted(self, line: Line, width: float) -> Line:
        """The line in letters that are small enough for it to be no wider."""
        needed = self.width(line)
        return line if needed <= width else replace(line, size=line.size * width / needed)

    def broken(self, line: Line, width: float) -> list[Line]:
        """The line as lines that are no wider, broken between words and parts of a name where that is possible."""
        found = [""]
        for piece in self._pieces(line, width):
            if found[-1] and self._width_of(line, (found[-1] + piece).rstrip()) > width:
                found.append("")
            found[-1] += piece if found[-1] else piece.lstrip()
        if len(found) > _MOST_LINES:
            found[_MOST_LINES - 1 :] = [found[_MOST_LINES - 1].rstrip()[:-1] + "…"]
        return [replace(line, text=text.rstrip()) for text in found if text.strip()]

    def _pieces(self, line: Line, width: float) -> Iterator[str]:
        for piece in _BREAK.split(line.text):
            if self._width_of(line, piece.rstrip()) <= width:
                yield piece
            else:
                yield from piece  # letter by letter

    def _width_of(self, line: Line, text: str) -> float:
        return self.width(replace(line, text=text))


def _height_of(lines: Sequence[Line]) -> float:
    """In inches."""
    return sum(_LEADING * line.size / _POINTS for line in lines)
