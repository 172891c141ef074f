"""`explainer export`: a run in the formats of other tools."""

from __future__ import annotations

from pathlib import Path

import click

from explainer.command import terminal, text
from explainer.command.copies import on_disk
from explainer.command.paths import PATH, PLACE
from explainer.remote import Place
from explainer.report import export as report
from explainer.summary.images import LARGEST_PICTURE


@click.command(help=text.EXPORT, short_help="Write a summary for other tools.", epilog=text.EXPORT_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--format", "chosen_format", required=True, type=click.Choice(report.FORMATS), help=text.FORMAT_OPTION)
@click.option(
    "--to",
    required=True,
    metavar="PATH",
    type=PATH,
    help="A new file (csv, json) or folder (the others).",
)
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
@click.option("--max-pixels", type=click.IntRange(1), default=LARGEST_PICTURE, metavar="N", help=text.MAX_PIXELS_OPTION)
@click.option(
    "--shard-samples",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Of npz: how many samples are in a file at most.",
)
def export(folder: Place, chosen_format: str, to: Path, chosen: str | None, max_pixels: int, shard_samples: int) -> int:
    """Writes a run and prints what was written; the exit status."""
    try:
        found = report.export(
            on_disk(folder), to, format=chosen_format, run=chosen, most_pixels=max_pixels, shard_samples=shard_samples
        )
    except ImportError as error:
        raise click.UsageError(str(error)) from error
    terminal.print_rows(text.export_rows(to, chosen_format, found.counts, (found.left_out, found.reasons)))
    terminal.print_rows(text.export_notes(found.damage, found.hints))
    return 0 if found.complete else 1
