"""`explainer compare`: what is other in a second run."""

from __future__ import annotations

import click

from explainer.analysis.comparison import compare_runs
from explainer.command import terminal, text
from explainer.command.copies import on_disk
from explainer.command.paths import PLACE
from explainer.remote import Place
from explainer.summary.images import LARGEST_PICTURE


@click.command(help=text.COMPARE, short_help="Say what is other in a second run.", epilog=text.COMPARE_END)
@click.argument("first", metavar="A", type=PLACE)
@click.argument("second", metavar="B", type=PLACE)
@click.option("--run-a", metavar="N", help="The run of A with this number or event file; by default the newest.")
@click.option("--run-b", metavar="N", help="In the same way, of B.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--max-pixels", type=click.IntRange(1), default=LARGEST_PICTURE, metavar="N", help=text.MAX_PIXELS_OPTION)
def compare(first: Place, second: Place, run_a: str | None, run_b: str | None, as_json: bool, max_pixels: int) -> int:
    """Prints what is other in the second run; the exit status."""
    facts = compare_runs(on_disk(first), on_disk(second), run_a=run_a, run_b=run_b, most_pixels=max_pixels)
    for name, place in (("a", first), ("b", second)):
        facts[name]["folder"] = str(place)
    if as_json:
        terminal.print_json(facts)
    else:
        terminal.print_rows(text.comparison_rows(facts))
    return 0
