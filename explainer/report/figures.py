"""Figures for papers, slides and notebooks: samples of a run, or one image, with the maps of several methods."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.chosen import chosen_label, chosen_sample
from explainer.analysis.view import RunView, read_run
from explainer.arrays import FloatArray, Pixels
from explainer.checks import require_choice, require_flag, require_number, require_type
from explainer.errors import MissingExtraError
from explainer.report.grid import TEXT, Bar, Cell, Line, Page, Row
from explainer.report.overlays import PALETTES, Limits, limits_of, map_of, overlay, picture_of
from explainer.resizing import resized
from explainer.summary.reader import SampleView

if TYPE_CHECKING:
    from explainer.report.drawing import GridFigure

SCALES = ("map", "method")
"""What has a scale of colours of its own: each map, or each method with all of its maps that are shown."""
_FIRST_SAMPLES = 4  # by default
_MOST_ROWS, _MOST_COLUMNS = 50, 30
_LONGEST = 200  # letters of a name that are shown at most
_CORRECT, _INCORRECT = "#1f7a5a", "#b4540a"


def figure(
    run: RunView | str | os.PathLike[str],
    samples: Sequence[int | str] | int | str | None = None,
    explainers: Sequence[str] | str | None = None,
    labels: Sequence[int | str] | int | str | None = None,
    *,
    scale: str = "map",
    palette: str | None = None,
    percentile: float = 99.0,
    alpha: float = 0.6,
    grey: bool = True,
    width: float | None = None,
) -> GridFigure:
    """A row for each sample: what was predicted, its picture, and the map of each method over it.

    A figure of Matplotlib, which a notebook shows; `save(path)` writes it as .png, .pdf or .svg.

    Args:
        run: a run that was read; or a job folder, whose newest run is read.
        samples: numbers of samples, or the names of their files; by default the first four.
        explainers: names of methods; by default all of the run.
        labels: whose maps are shown, by number or name: one for all samples, or one for each; by default the most
            probable label, or where that was not explained, the first one that was.
        scale: "map": the colours of each map run over its own values; "method": those of a method over all of its maps
            in the figure, so that rows can be compared.
        palette: as for `overlay`; by default "viridis", and "blue_red" for methods with values below 0.
        percentile: of the values, where the colours end.
        alpha: how much of a map is seen over its image.
        grey: whether the image below a map is grey.
        width: of the figure, in inches, as that of a page; by default pictures are 1.2 inches wide.

    Raises:
        MissingExtraError: there is no matplotlib.
        SummaryReadError: a picture or map cannot be read.
        TypeError, ValueError: an unknown sample, method, label, scale or palette, or a number out of its range.
    """
    look = _Look(scale, palette, percentile, alpha, grey)
    drawing = _drawing()
    require_type("run", run, (RunView, str, os.PathLike), "a run that was read, or the path of its folder")
    run = run if isinstance(run, RunView) else read_run(run)
    names = _chosen_explainers(run, explainers)
    views = _chosen_samples(run, samples)
    wanted = _chosen_labels(run, labels, len(views))
    entries = [_Sample(run, view, names, label) for view, label in zip(views, wanted, strict=True)]
    captions = [entry.caption() for entry in entries]
    return _grid(drawing, names, [(entry.picture, entry.maps) for entry in entries], captions, look, width)


def show(
    image: Any,
    maps: Any,
    targets: Any = None,
    *,
    preprocess: Any = None,
    caption: str = "",
    palette: str | None = None,
    percentile: float = 99.0,
    alpha: float = 0.6,
    grey: bool = True,
    width: float | None = None,
) -> GridFigure:
    """An image and maps of it over it, side by side, each with its name.

    Args:
        image: with maps as for `overlay`; with explainers what they take, (C, H, W) or (1, C, H, W); with a
            `preprocess` any picture that it takes.
        maps: for each name, as that of a method, a map as `overlay` takes it, for instance what an explainer returns;
            or an explainer, or a list of them, which explain `targets` here.
        targets: with explainers: a label, by number or by a name that they know, or a list of labels, a row for each.
        preprocess: an `explainer.Preprocess`, through which the image goes first; the picture is what the network sees.
        caption: what stands beside the image.
        palette: as for `figure`.
        percentile: as for `figure`.
        alpha: as for `figure`.
        grey: as for `figure`.
        width: as for `figure`.

    Raises:
        MissingExtraError: there is no matplotlib.
        TypeError, ValueError: what `overlay` or an explainer refuses; no map; explainers without `targets`, maps with
            them; more than one image.
    """
    look = _Look("map", palette, percentile, alpha, grey)
    drawing = _drawing()
    taken = _one(np.asarray(image) if preprocess is None else preprocess(image))
    rows = _given(maps, targets) if isinstance(maps, Mapping) else _explained(taken, maps, targets)
    picture = np.rint(picture_of(taken)).astype(np.uint8) if preprocess is None else preprocess.to_pixels(taken)
    content = [(picture, row.maps) for row in rows]
    captions = [[*([Line(_plain(caption), bold=True)] if caption else []), *row.lines] for row in rows]
    return _grid(drawing, rows[0].names, content, captions, look, width)


@dataclass(frozen=True)
class _ShownRow:
    names: list[str]
    maps: list[FloatArray]
    lines: list[Line]


def _given(maps: Mapping[str, Any], targets: Any) -> list[_ShownRow]:
    """The row of maps that were made before."""
    if targets is not None:
        raise ValueError(f"`targets` must be None beside maps, which are of a label already, got {targets!r}")
    _require_columns(len(maps))
    return [_ShownRow([str(name) for name in maps], [map_of(saliency) for saliency in maps.values()], [])]


def _explained(image: Any, explainers: Any, targets: Any) -> list[_ShownRow]:
    """A row for each target."""
    methods = list(explainers) if isinstance(explainers, list | tuple) else [explainers]
    if not all(callable(method) and hasattr(method, "name") for method in methods):
        raise TypeError(
            "`maps` must be a mapping of names to maps, as {'GradCAM': saliency}, or explainers, as [gradient, "
            f"gradcam], got {type(explainers).__name__}"
        )
    if image.dtype == np.uint8:
        raise ValueError(
            f"`image` must be what the network takes, (C, H, W) floats, got a picture {image.shape} of uint8; give the "
            "explainer.Preprocess that makes one of the other: preprocess=..."
        )
    if targets is None:
        raise ValueError("`targets` must be given to explainers: the label to be explained, by number or by name")
    _require_columns(len(methods))
    labels = _several(targets)
    maps = [method(image[None], [labels])[0] for method in methods]
    names = next((method.labels for method in methods if getattr(method, "labels", None)), None)
    return [
        _ShownRow([method.name for method in methods], [of[place] for of in maps], [_of_label(label, names)])
        for place, label in enumerate(labels)
    ]


def _of_label(label: Any, names: Sequence[str] | None) -> Line:
    name = label if isinstance(label, str) or names is None else names[label]
    return Line(f"maps of: {_plain(str(name))}")


def _require_columns(count: int) -> None:
    if not 0 < count <= _MOST_COLUMNS:
        raise ValueError(f"`maps` must hold 1 to {_MOST_COLUMNS} maps, got {count}")


def _one(images: NDArray[Any]) -> NDArray[Any]:
    """The image of a batch of one; whatever has no batch axis as it is."""
    if images.ndim == 4 and len(images) != 1:
        raise ValueError(f"`image` must be one image, got {len(images)}; show them one by one")
    image: NDArray[Any] = images[0] if images.ndim == 4 else images
    return image


def _drawing() -> ModuleType:
    try:
        from explainer.report import drawing
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"figures need {error.name}: pip install 'mindspore-explainer[figure]', or pip install '.[figure]' in a "
            "checkout"
        ) from error
    return drawing


@dataclass(frozen=True)
class _Look:
    """How maps are shown, checked."""

    scale: str
    palette: str | None
    percentile: float
    alpha: float
    grey: bool

    def __post_init__(self) -> None:
        require_choice("scale", self.scale, SCALES)
        if self.palette is not None:
            require_choice("palette", self.palette, PALETTES)
        require_number("percentile", self.percentile, 0.0, 100.0)
        require_number("alpha", self.alpha, 0.0, 1.0)
        require_flag("grey", self.grey)

    @property
    def end(self) -> str:
        """Where colours end, in words."""
        return "highest" if self.percentile == 100 else f"{self.percentile:g}th percentile"


# ------------------------------------------------- what is chosen of a run


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else [given]


def _chosen_samples(run: RunView, samples: Any) -> list[SampleView]:
    if not run.samples:
        raise ValueError(f"the run {run.files.event_file} has no complete sample to show")
    if samples is None:
        return list(islice(run.samples.values(), _FIRST_SAMPLES))
    given = _several(samples)
    if not 0 < len(given) <= _MOST_ROWS:
        raise ValueError(f"`samples` must be 1 to {_MOST_ROWS} samples, got {len(given)}")
    return [chosen_sample(run.samples, sample, argument="samples") for sample in given]


def _chosen_explainers(run: RunView, explainers: Any) -> list[str]:
    names = list(run.metadata.explainers) if explainers is None else _several(explainers)
    if not 0 < len(names) <= _MOST_COLUMNS:
        raise ValueError(f"`explainers` must be 1 to {_MOST_COLUMNS} methods, got {len(names)}")
    for name in names:
        require_choice("explainers", name, run.metadata.explainers)
    return names


def _chosen_labels(run: RunView, labels: Any, count: int) -> list[int | None]:
    """For each sample the label whose maps are shown; None for the one that suits it."""
    if labels is None:
        return [None] * count
    names = run.metadata.labels
    given: list[int | None] = [chosen_label(names, label, argument="labels") for label in _several(labels)]
    if len(given) not in (1, count):
        raise ValueError(f"`labels` must be one label, or one for each of {count} samples, got {len(given)}")
    return given * count if len(given) == 1 else given


class _Sample:
    """What is shown of a sample: its picture, and a map of each method, None where the label has none."""

    def __init__(self, run: RunView, view: SampleView, names: Sequence[str], label: int | None) -> None:
        self._view, self._labels = view, run.metadata.labels
        probabilities = view.prediction.probabilities
        self._top = int(probabilities.argmax()) if probabilities.size else None
        known = {(entry.explainer, entry.label): entry for entry in view.maps}
        self._label = self._suitable(names) if label is None else label
        self.picture = _over_white(run.picture(view.image))
        entries = [known.get((name, self._label)) for name in names]
        self.maps = [None if entry is None else run.saliency(entry) for entry in entries]
        if all(entry is None for entry in entries):
            raise ValueError(
                f"sample {view.sample_id} has no map of {', '.join(names)} for the label {self._name(self._label)!r}; "
                f"it has maps for {', '.join(self._name(label) for label in self._explained(names)) or 'none'}"
            )

    def _explained(self, names: Sequence[str]) -> list[int]:
        return list(dict.fromkeys(entry.label for entry in self._view.maps if entry.explainer in names))

    def _suitable(self, names: Sequence[str]) -> int:
        explained = self._explained(names)
        if self._top in explained or not explained:
            return self._top or 0
        return explained[0]

    def _name(self, label: int) -> str:
        return _plain(self._labels[label]) if 0 <= label < len(self._labels) else str(label)

    def caption(self) -> list[Line]:
        """Name, true labels, the most probable label with its probability and interval, and whose maps these are."""
        view, truth = self._view, self._view.prediction.ground_truth
        lines = [Line(_plain(view.source) or f"sample {view.sample_id}", bold=True)]
        if truth:
            lines.append(Line(f"true: {', '.join(map(self._name, truth))}"))
        if self._top is not None:
            lines += self._predicted(self._top)
        if self._label != self._top:
            lines.append(Line(f"maps of: {self._name(self._label)}"))
        return lines

    def _predicted(self, top: int) -> list[Line]:
        mark, colour = {True: ("✓ ", _CORRECT), False: ("✗ ", _INCORRECT), None: ("", TEXT)}[self._view.correct]
        lines = [Line(f"{mark}predicted: {self._name(top)}", colour=colour)]
        probability = f"{self._view.prediction.probabilities[top]:.2f}"
        uncertainty = self._view.uncertainty
        if uncertainty is not None and len(uncertainty.low) == len(uncertainty.high) == len(self._labels):
            probability += f" [{uncertainty.low[top]:.2f}, {uncertainty.high[top]:.2f}]"
        return [*lines, Line(probability, colour=colour)]


def _over_white(pixels: Pixels) -> Pixels:
    """Without transparency."""
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return np.rint(picture_of(pixels)).astype(np.uint8)
    seen = pixels[..., 3:] / 255
    shown: Pixels = np.rint(pixels[..., :3] * seen + 255 * (1 - seen)).astype(np.uint8)
    return shown


def _plain(text: str) -> str:
    """The text in one line, without what a stranger's file may hold."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)


# ------------------------------------------------- what is drawn

_Content = Sequence[tuple[Pixels, Sequence[FloatArray | None]]]
"""For each row its picture, and for each column its map."""


@dataclass(frozen=True)
class _Column:
    """How the maps of a method are coloured; limits: None where each map has its own."""

    palette: str
    limits: Limits | None

    def limits_of(self, saliency: NDArray[Any], look: _Look) -> Limits:
        return limits_of(saliency, self.palette, look.percentile) if self.limits is None else self.limits


def _grid(
    drawing: ModuleType,
    names: Sequence[str],
    content: _Content,
    captions: Sequence[Sequence[Line]],
    look: _Look,
    width: float | None,
) -> GridFigure:
    """The figure of these rows."""
    if width is not None:
        require_number("width", width, 0.0, 100.0)
    fitted = [(picture, [_fitted(entry, picture) for entry in maps]) for picture, maps in content]
    columns = [_column([maps[place] for _, maps in fitted], look) for place in range(len(names))]
    rows = [
        Row(tuple(caption), (Cell(picture), *_cells(picture, maps, columns, look)))
        for (picture, maps), caption in zip(fitted, captions, strict=True)
    ]
    page = Page(("", *map(_plain, names)), tuple(rows), tuple(_bars(columns, look)), _legend(columns, look))
    made: GridFigure = drawing.drawn(page, width=width)
    return made


def _fitted(saliency: FloatArray | None, picture: Pixels) -> FloatArray | None:
    return None if saliency is None else resized(saliency, picture.shape[:2])


def _column(maps: Sequence[FloatArray | None], look: _Look) -> _Column:
    values = np.concatenate([entry.ravel() for entry in maps if entry is not None] or [np.zeros(1, np.float32)])
    palette = look.palette or ("blue_red" if values.min() < 0 else "viridis")
    return _Column(palette, limits_of(values, palette, look.percentile) if look.scale == "method" else None)


def _cells(
    picture: Pixels, maps: Sequence[FloatArray | None], columns: Sequence[_Column], look: _Look
) -> list[Cell | None]:
    return [
        None if entry is None else _cell(picture, entry, column, look)
        for entry, column in zip(maps, columns, strict=True)
    ]


def _cell(picture: Pixels, saliency: FloatArray, column: _Column, look: _Look) -> Cell:
    low, high = column.limits_of(saliency, look)
    limits = (low, high) if low < high else None  # a constant map has the first colour
    pixels = overlay(picture, saliency, alpha=look.alpha, palette=column.palette, limits=limits, grey=look.grey)
    note = "" if look.scale == "method" else _range(low, high, column.palette)
    return Cell(pixels, note)


def _range(low: float, high: float, palette: str) -> str:
    if palette == "blue_red":
        return f"±{_number(high)}"
    return f"{_number(low, high)} … {_number(high)}" if low < high else f"{_number(low)}, constant"


def _number(value: float, beside: float = 0.0) -> str:
    """Two digits; 0 where nothing is left of it beside a larger one."""
    shown = 0.0 if abs(value) < 0.005 * abs(beside) else value
    return f"{shown:.2g}".replace("-", "−")


def _bars(columns: Sequence[_Column], look: _Look) -> list[Bar]:
    """Below each column where it has one scale, else one for each palette."""
    if look.scale == "method":
        return [
            Bar(column.palette, _ticks(*column.limits, column.palette), place + 1)
            for place, column in enumerate(columns)
            if column.limits is not None
        ]
    end = look.end
    ends = {"blue_red": (f"−{end}", "0", f"+{end}")}
    palettes = dict.fromkeys(column.palette for column in columns)
    return [Bar(palette, ends.get(palette, ("lowest", "", end))) for palette in palettes]


def _ticks(low: float, high: float, palette: str) -> tuple[str, str, str]:
    return _number(low, high), "0" if palette == "blue_red" else "", _number(high)


def _legend(columns: Sequence[_Column], look: _Look) -> str:
    """What the scales are, in words."""
    palettes = {column.palette for column in columns}
    signed = f"to the {look.end} of absolute values on both sides of 0"
    unsigned = f"from the lowest value to the {look.end}"
    ends = signed if palettes == {"blue_red"} else unsigned
    if len(palettes) > 1:
        ends = f"{unsigned}; with signs {signed}"
    if look.scale == "method":
        return f"The maps of a method share a scale, {ends}."
    return f"Each map has a scale of its own, {ends}. Its ends stand below it."
