"""`explainer config`: the options of a run, as a file that runs again."""

from __future__ import annotations

import shlex

import click

from explainer.analysis.view import open_run
from explainer.command import terminal, text
from explainer.command.configuration import CODE_FOLDER, CONFIGURATION, settings_of, toml_of
from explainer.command.copies import records_of
from explainer.command.paths import PLACE
from explainer.command.run import run as run_command
from explainer.errors import SummaryReadError
from explainer.remote import Place
from explainer.summary.settings import mapping

CONFIG = """\
Prints the options of a run in the summary folder DIR, the newest or the one of --run, as TOML that `explainer run
--config` takes: those that were given on the command line or by a file. Paths are absolute. Where the network's module
lay in the working directory, a comment says in which.
"""
CONFIG_END = """\
\b
Example:
  explainer config summary_dir/digits > digits.toml
  explainer run --config digits.toml --summary-dir summary_dir/again

\b
Exit status:
  0  it is printed
  2  there is no summary to read, or it was not made by `explainer run`
"""
_CODE = "# The network's module lay here; from elsewhere run with PYTHONPATH={}"


@click.command(help=CONFIG, short_help="Print the options of a run as a file.", epilog=CONFIG_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
def config(folder: Place, chosen: str | None) -> int:
    """Prints the configuration of a run; the exit status."""
    with records_of(folder) as records:
        provenance = mapping(open_run(records.folder, run=chosen).metadata.parameters.get("provenance"))
    found = mapping(provenance.get(CONFIGURATION))
    if not found:
        raise SummaryReadError(
            f"{folder} keeps no options of `explainer run`: its run was made by Python code, or by an earlier version"
        )
    if provenance.get(CODE_FOLDER):
        terminal.print_text(_CODE.format(shlex.quote(str(provenance[CODE_FOLDER]))))
    in_order = [key for key in settings_of(run_command) if key in found]
    terminal.print_text(toml_of({key: found[key] for key in dict.fromkeys([*in_order, *sorted(found)])}))
    return 0
