"""`explainer merge`: one summary of those of shards."""

from __future__ import annotations

from pathlib import Path

import click

from explainer.command import merge_text, terminal
from explainer.command.copies import all_on_disk
from explainer.command.paths import PATH, PLACE
from explainer.command.tables import Rows
from explainer.remote import Place
from explainer.summary.merge import merge as merged


@click.command(help=merge_text.MERGE, short_help="Make one summary of those of shards.", epilog=merge_text.MERGE_END)
@click.argument("out", metavar="OUT", type=PATH)
@click.argument("shards", metavar="SHARD...", type=PLACE, nargs=-1, required=True)
@click.option("--partial", is_flag=True, help=merge_text.PARTIAL_OPTION)
def merge(out: Path, shards: tuple[Place, ...], partial: bool) -> int:
    """Puts shards together and prints what became of them; the exit status."""
    made = merged(out, [all_on_disk(shard) for shard in shards], partial=partial)
    terminal.print_tables([Rows(merge_text.merge_rows(out, made))])
    return 0
