"""`explainer inspect`: what a summary holds."""

from __future__ import annotations

from pathlib import Path

import click

from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.command import terminal, text


@click.command(help=text.INSPECT, short_help="Say what a summary holds.", epilog=text.INSPECT_END)
@click.argument("folder", metavar="DIR", type=Path)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
def inspect(folder: Path, as_json: bool, chosen: str | None) -> int:
    """Prints the facts of a run in a folder; the exit status."""
    run = read_run(folder, run=chosen)
    facts = facts_of(run)
    if as_json:
        terminal.print_json(facts)
    else:
        terminal.print_rows(text.rows_of(facts))
    return 0 if run.complete else 1
