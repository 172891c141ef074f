"""`explainer methods` and `explainer metrics`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from explainer.checks import require_choice
from explainer.command import choices_text, terminal
from explainer.command.completion import methods_in_list, metrics_in_list


@click.command(help=choices_text.METHODS, short_help="List the methods.", epilog=choices_text.METHODS_END)
@click.argument("name", required=False, shell_complete=methods_in_list)
def methods(name: str | None) -> int:
    """Prints the methods, or the page of one; the exit status."""
    from explainer.command.names import EXPLAINERS  # loads SciPy, which --help has no use for

    _print("--explainers", EXPLAINERS, name)
    return 0


@click.command(help=choices_text.METRICS, short_help="List the metrics.", epilog=choices_text.METRICS_END)
@click.argument("name", required=False, shell_complete=metrics_in_list)
def metrics(name: str | None) -> int:
    """Prints the metrics, or the page of one; the exit status."""
    from explainer.command.names import METRICS

    _print("--metrics", METRICS, name)
    return 0


def _print(option: str, kinds: Mapping[str, Any], name: str | None) -> None:
    from explainer.command.catalogue import choice_of

    if name is None:
        listed = choices_text.list_text(choice_of(name, kinds[name]) for name in sorted(kinds, key=str.lower))
        terminal.print_text(listed)
        return
    require_choice("NAME", name, kinds)
    terminal.print_text(choices_text.page_text(option, choice_of(name, kinds[name])))
