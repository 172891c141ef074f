"""`explainer figure`: a figure for a paper or slides."""

from __future__ import annotations

from pathlib import Path

import click

from explainer.analysis.view import open_run
from explainer.command import terminal, text
from explainer.command.copies import on_disk
from explainer.command.paths import PATH, PLACE
from explainer.remote import Place
from explainer.report.figures import SCALES
from explainer.report.figures import figure as figure_of
from explainer.report.overlays import PALETTES


def _names(context: click.Context, option: click.Parameter, value: str | None) -> list[int | str] | None:
    """Numbers and names, separated by commas."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts:
        raise click.BadParameter("it names nothing.")
    return [int(part) if part.isascii() and part.isdecimal() else part for part in parts]


@click.command(help=text.FIGURE, short_help="Draw samples with the maps of methods.", epilog=text.FIGURE_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--samples", callback=_names, metavar="LIST", show_default="first four", help=text.SAMPLES_OPTION)
@click.option("--explainers", callback=_names, metavar="LIST", show_default="all", help="Methods, separated by commas.")
@click.option("--labels", callback=_names, metavar="LIST", show_default="the most probable", help=text.LABELS_OPTION)
@click.option("--to", required=True, metavar="FILE", type=PATH, help=text.FIGURE_TO_OPTION)
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
@click.option("--scale", type=click.Choice(SCALES), default=SCALES[0], show_default=True, help=text.SCALE_OPTION)
@click.option("--palette", type=click.Choice(PALETTES), show_default="by sign", help="The colours.")
@click.option(
    "--percentile",
    type=float,
    default=99.0,
    show_default=True,
    metavar="P",
    help="Of the values, where the colours end.",
)
@click.option("--width", type=float, metavar="INCHES", show_default="1.2 a picture", help="Of the figure.")
@click.option("--dpi", type=click.IntRange(20, 1200), default=200, show_default=True, metavar="N", help=text.DPI_OPTION)
def figure(
    folder: Place,
    samples: list[int | str] | None,
    explainers: list[str] | None,
    labels: list[int | str] | None,
    to: Path,
    chosen: str | None,
    scale: str,
    palette: str | None,
    percentile: float,
    width: float | None,
    dpi: int,
) -> int:
    """Draws samples of a run and prints what was written; the exit status."""
    run = open_run(on_disk(folder), run=chosen)
    drawn = figure_of(
        run, samples, explainers, labels, scale=scale, palette=palette, percentile=percentile, width=width
    )
    drawn.save(to, dpi=dpi)
    terminal.print_rows(text.figure_rows(to, drawn.get_size_inches().tolist(), to.stat().st_size))
    return 0
