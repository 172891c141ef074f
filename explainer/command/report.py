"""`explainer report`: a page of a run, to be opened in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from explainer.analysis.view import scanned_run
from explainer.command import terminal, text
from explainer.command.copies import on_disk
from explainer.command.paths import PATH, PLACE
from explainer.errors import ComparisonError, ReportWriteError, SummaryReadError
from explainer.remote import Place, is_url
from explainer.report.write import WrittenReport, write_report

_COMPLETE, _INCOMPLETE, _FAILED = 0, 1, 2


@click.command(help=text.REPORT, short_help="Write a page to look at a summary.", epilog=text.REPORT_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--to", metavar="PATH", type=PATH, help=text.REPORT_TO_OPTION)
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
@click.option("--single", "form", flag_value="single", help="One file, however large.")
@click.option("--folder", "form", flag_value="folder", help="A page with files beside it, loaded when looked at.")
@click.option(
    "--detail",
    type=click.Choice(["full", "none"]),
    default="full",
    show_default=True,
    help="Whether pictures and maps are there in full size, and all about single samples.",
)
@click.option("--against", metavar="DIR", type=PLACE, help=text.AGAINST_OPTION)
@click.option("--against-run", metavar="N", help="The run of that folder with this number or event file.")
def report(
    folder: Place,
    to: Path | None,
    chosen: str | None,
    form: str | None,
    detail: str,
    against: Place | None,
    against_run: str | None,
) -> int:
    """Writes the report of a run and prints where it is; the exit status."""
    if to is None and is_url(folder):
        raise click.UsageError("--to must say where the report goes, as that of a URL has no place: --to report.html")
    try:
        run = scanned_run(on_disk(folder), run=chosen)
        other = None if against is None else on_disk(against)
        written = write_report(
            run, to, form=form or "auto", detail=detail == "full", against=other, against_run=against_run
        )
    except (ComparisonError, ReportWriteError, SummaryReadError) as error:
        terminal.print_error(f"explainer: {error}")
        return _FAILED
    terminal.print_rows(text.report_rows(facts_of_report(written)))
    return _COMPLETE if written.complete else _INCOMPLETE


def facts_of_report(written: WrittenReport) -> text.Facts:
    """What was written, as JSON values."""
    return {
        "page": str(written.path),
        "address": written.path.resolve().as_uri(),
        "files": written.files,
        "bytes": written.bytes,
        "samples": written.samples,
        "state": written.state,
        "unreadable": written.unreadable,
        "against": written.against,
        "against_unreadable": written.against_unreadable,
    }
