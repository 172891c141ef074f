"""A run as a notebook shows it: a small table of HTML, complete in itself, in which nothing of the summary is HTML."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from html import escape
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explainer.errors import SummaryReadError
from explainer.summary.reader import SampleView

if TYPE_CHECKING:
    from explainer.analysis.view import RunView

_THUMBNAILS = 6
_SIDE = 96  # pixels of a thumbnail
_MOST_PIXELS = 16_000_000  # of a picture that is decoded for one
_MOST_SCORES = 30
_LONGEST = 60  # characters of a name


def html_of(run: RunView) -> str:
    """The facts of a run, its mean scores and some pictures."""
    facts = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td>{_text(value)}</td></tr>" for name, value in _facts(run)
    )
    return f"<div><table>{facts}</table>{_scores(run)}<div>{''.join(_thumbnails(run))}</div></div>"


def short_list(names: Iterable[str], most: int = 5) -> str:
    r"""Names as Python writes them, so that none of them is a command to a terminal; the first ones.

    >>> short_list(["Gradient", "a\x1b[31m"]), short_list(map(str, range(9)), most=2)
    ("'Gradient', 'a\\x1b[31m'", "'0', '1', ... (9 in all)")
    """
    known = list(names)
    shown = ", ".join(repr(_cut(name)) for name in known[:most])
    return f"{shown}, ... ({len(known)} in all)" if len(known) > most else shown


def _facts(run: RunView) -> Iterator[tuple[str, str]]:
    yield "folder", str(run.summary_dir)
    yield "state", run.state
    yield "samples", f"{len(run.samples)} complete, {len(run.skipped)} skipped, {len(run.unfinished)} unfinished"
    yield "labels", _names(run.metadata.labels)
    yield "explainers", _names(run.metadata.explainers)
    yield "metrics", _names(run.metadata.metrics)


def _scores(run: RunView) -> str:
    statistics = run.statistics()
    if not statistics:
        return ""
    cells = (
        (entry.metric, entry.explainer, f"{entry.overall.mean:.4g}", str(entry.overall.defined))
        for entry in islice(statistics, _MOST_SCORES)
    )
    rows = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in cells)
    more = f"<p>... ({len(statistics)} in all)</p>" if len(statistics) > _MOST_SCORES else ""
    return f"<table><tr><th>metric</th><th>explainer</th><th>mean</th><th>n</th></tr>{rows}</table>{more}"


def _thumbnails(run: RunView) -> Iterator[str]:
    """The first pictures; one that cannot be read has its reason in its place."""
    for sample in islice(run.samples.values(), _THUMBNAILS):
        caption = f"<figcaption>{_text(_caption(run, sample))}</figcaption>"
        yield f"<figure style='display:inline-block;margin:4px'>{_picture(run, sample)}{caption}</figure>"


def _picture(run: RunView, sample: SampleView) -> str:
    try:
        pixels = run.picture(sample.image, most_pixels=_MOST_PIXELS)
    except SummaryReadError as error:
        return f"<span>{_text(str(error))}</span>"
    return f"<img alt='sample {sample.sample_id}' src='data:image/png;base64,{_encoded(pixels)}'>"


def _encoded(pixels: NDArray[np.uint8]) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE))
    file = BytesIO()
    image.save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def _caption(run: RunView, sample: SampleView) -> str:
    probabilities = sample.prediction.probabilities
    if not probabilities.size:
        return str(sample.sample_id)
    top = int(np.argmax(probabilities))
    labels = run.metadata.labels
    return f"{sample.sample_id}: {_cut(labels[top]) if top < len(labels) else top} {probabilities[top]:.2f}"


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(_cut, names[:12]))
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 12 else shown


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def _text(text: str) -> str:
    """Escaped for HTML; what controls a terminal or turns the reading direction is written as an escape."""
    return escape("".join(char if char.isprintable() else ascii(char)[1:-1] for char in text))
