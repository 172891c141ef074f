"""`explainer repair`: a copy of what is complete."""

from __future__ import annotations

from pathlib import Path

import click

from explainer.command import terminal, text
from explainer.command.copies import on_disk
from explainer.command.paths import PATH, PLACE
from explainer.remote import Place
from explainer.summary import repair as summary
from explainer.summary.images import LARGEST_PICTURE


@click.command(help=text.REPAIR, short_help="Copy what is complete of a summary.", epilog=text.REPAIR_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--to", required=True, metavar="NEW", type=PATH, help="The folder of the copy, new or empty.")
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
@click.option("--max-pixels", type=click.IntRange(1), default=LARGEST_PICTURE, metavar="N", help=text.MAX_PIXELS_OPTION)
def repair(folder: Place, to: Path, chosen: str | None, max_pixels: int) -> int:
    """Copies a run and prints what was copied; the exit status."""
    made = summary.repair(on_disk(folder), to, run=chosen, most_pixels=max_pixels)
    counts = made.samples, made.pictures, made.raw_maps
    terminal.print_rows(text.repair_rows(to, made.event_file.name, counts, made.note))
    terminal.print_rows(text.left_out_rows(made.left_out))
    return 0
