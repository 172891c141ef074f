"""`explainer verify`: whether a summary is complete."""

from __future__ import annotations

import click

from explainer.command import terminal, text
from explainer.command.copies import on_disk
from explainer.command.paths import PLACE
from explainer.remote import Place
from explainer.summary import verify as summary
from explainer.summary.images import LARGEST_PICTURE


@click.command(help=text.VERIFY, short_help="Say whether a summary is complete.", epilog=text.VERIFY_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
@click.option("--max-pixels", type=click.IntRange(1), default=LARGEST_PICTURE, metavar="N", help=text.MAX_PIXELS_OPTION)
def verify(folder: Place, as_json: bool, chosen: str | None, max_pixels: int) -> int:
    """Prints what is wrong with a run in a folder; the exit status."""
    found = summary.verify(on_disk(folder), run=chosen, most_pixels=max_pixels)
    if as_json:
        terminal.print_json(facts_of_verification(folder, found))
    else:
        terminal.print_rows(text.verification_rows(facts_of_verification(folder, found)))
    return 0 if found.complete else 1


def facts_of_verification(folder: Place, found: summary.Verification) -> text.Facts:
    """What was found, as JSON values."""
    return {
        "folder": str(folder),
        "event_file": found.files.event_file.name,
        "complete": found.complete,
        "ended": found.ended,
        "repaired": found.repaired,
        "merged": found.merged,
        "samples": found.samples,
        "samples_skipped": found.skipped,
        "pictures": found.pictures,
        "raw_maps": found.raw_maps,
        "problems": [problem._asdict() for problem in found.problems],
    }
