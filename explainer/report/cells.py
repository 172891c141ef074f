"""The cells of a grid: a sample's picture and its maps, small, with what is said of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Pixels
from explainer.records import SaliencyFile
from explainer.report.catalogue import NO_LABEL, Catalogue
from explainer.report.chunks import Body
from explainer.report.picture_files import Damaged, Picture, PngFile
from explainer.report.thumbnails import MapFacts, disagreement, likeness, map_facts, map_thumbnail, picture_thumbnail
from explainer.summary.reader import SampleView

_SHOWN, _DAMAGED = 1, 2
_LONGEST = 60  # characters of a name in a sentence


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell: what a grid's header says of it, and the array that goes with it under that name."""

    header: dict[str, Any]
    name: str = ""
    values: Pixels | None = None

    @property
    def damaged(self) -> bool:
        """Whether it cannot be shown."""
        return self.values is None


@dataclass(frozen=True, eq=False)
class MapCell(Cell):
    """The cell of a map, and what it tells of its method."""

    quantiles: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class RowCells:
    """The cells of a row."""

    image: Cell
    maps: tuple[MapCell, ...]
    disagreement: float


@dataclass(frozen=True, eq=False)
class OtherCells:
    """The cells of the same row in another run; image: None where it is the same picture."""

    image: Cell | None
    maps: tuple[MapCell, ...]
    likeness: float


@dataclass(frozen=True)
class Names:
    """The names of a run: what a sentence calls its methods and labels."""

    catalogue: Catalogue
    labels: Sequence[str]

    def of_map(self, entry: SaliencyFile) -> str:
        """A map in words.

        >>> names = Names(Catalogue(("GradCAM",), (), frozenset(), 2), ("cat", "dog"))
        >>> names.of_map(SaliencyFile(0, "GradCAM", 1, "0.png", 0.0, 1.0))
        'GradCAM for dog'
        """
        label = _short(self.labels[entry.label]) if 0 <= entry.label < len(self.labels) else NO_LABEL
        return f"{_short(entry.explainer)} for {label}"


class GridChunk:
    """The rows of one chunk of a grid.

    Args:
        first: the number of its first row.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.body = Body()
        self._rows: list[dict[str, Any] | None] = []
        self._image: tuple[Cell | None, dict[str, Any] | None] | None = None  # of the last row

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def header(self) -> dict[str, Any]:
        """What stands where."""
        return {"first": self.first, "rows": self._rows}

    @property
    def is_empty(self) -> bool:
        """Whether none of its rows holds anything."""
        return not any(self._rows)

    def add(self, row: RowCells | OtherCells | None) -> None:
        """Takes the next row; rows of one sample share their picture, which is there once."""
        if row is None:
            self._rows.append(None)
            return
        if self._image is None or self._image[0] is not row.image:
            self._image = row.image, None if row.image is None else self._placed(row.image)
        self._rows.append({"image": self._image[1], "maps": [self._placed(cell) for cell in row.maps]})

    def _placed(self, cell: Cell) -> dict[str, Any]:
        """The header of a cell, with the place of its array."""
        return cell.header if cell.values is None else {**cell.header, cell.name: self.body.add(cell.values)}


def image_cell(sample: SampleView, picture: Picture | Damaged) -> Cell:
    """The cell of a sample's picture."""
    text = _short(sample.source) or f"sample {sample.sample_id}"
    if isinstance(picture, Damaged):
        return Cell(_damaged(picture, text))
    thumbnail = picture_thumbnail(picture.pixels)
    return Cell({**_shown(thumbnail.shape[1:], picture.file), "text": text}, "rgb", thumbnail)


def map_cell(entry: SaliencyFile, picture: Picture | Damaged, names: Names) -> MapCell:
    """The cell of a map."""
    method, name = names.catalogue.method_index[entry.explainer], names.of_map(entry)
    if isinstance(picture, Damaged):
        return MapCell({**_damaged(picture, name), "method": method})
    thumbnail = map_thumbnail(picture.pixels, entry.low, entry.high)
    facts = map_facts(picture.pixels, thumbnail, entry.low, entry.high)
    header = {
        **_shown(thumbnail.shape, picture.file),
        "method": method,
        "lo": entry.low,
        "hi": entry.high,
        "p99": facts.p99,
        "text": f"{name}: {_in_words(entry, facts)}",
    }
    return MapCell(header, "values", thumbnail, facts.quantiles)


def row_of(image: Cell, maps: Sequence[MapCell], catalogue: Catalogue) -> RowCells:
    """A row of a sample's picture and the maps of one label; controls are not compared with methods."""
    compared = [
        cell.values
        for cell in maps
        if cell.values is not None and catalogue.methods[cell.header["method"]] not in catalogue.controls
    ]
    return RowCells(image, tuple(maps), disagreement(compared))


def other_row(image: Cell | None, maps: Sequence[MapCell], own: Sequence[MapCell]) -> OtherCells:
    """The row of another run, and how alike its maps are to the own ones of the same methods."""
    values = {cell.header["method"]: cell.values for cell in own}
    return OtherCells(image, tuple(maps), likeness([(values.get(cell.header["method"]), cell.values) for cell in maps]))


def _shown(size: tuple[int, ...], file: PngFile) -> dict[str, Any]:
    return {"flag": _SHOWN, "w": size[1], "h": size[0], "width": file.width, "height": file.height}


def _damaged(picture: Damaged, name: str) -> dict[str, Any]:
    return {"flag": _DAMAGED, "reason": picture.reason, "text": f"{name}: {picture.reason}"}


def _in_words(entry: SaliencyFile, facts: MapFacts) -> str:
    if entry.constant:
        return "the same everywhere"
    part = f"{facts.half:.0%}".replace("%", " %") if facts.half >= 0.01 else "less than 1 %"
    return f"strongest at the {facts.place}, {part} of the area holds half of the map"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
