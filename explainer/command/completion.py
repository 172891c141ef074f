"""`explainer completion`: what a shell reads to complete the command; and how names in lists are completed."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from explainer.command import terminal

COMPLETION = "Prints what a shell reads so that Tab completes commands, options, methods, metrics and files."
COMPLETION_END = """\
\b
Example, for the session or for good:
  source <(explainer completion bash)
  explainer completion bash >> ~/.bashrc
  explainer completion zsh >> ~/.zshrc
  explainer completion fish > ~/.config/fish/completions/explainer.fish
"""
_NAME, _VARIABLE = "explainer", "_EXPLAINER_COMPLETE"


@click.command(help=COMPLETION, short_help="Let a shell complete the command.", epilog=COMPLETION_END)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Prints the script of a shell; the exit status."""
    kind = get_completion_class(shell)
    if kind is None:  # click knows it, or it would be no choice
        raise click.UsageError(f"click cannot complete in {shell}")
    terminal.print_text(kind(context.find_root().command, {}, _NAME, _VARIABLE).source().strip())
    return 0


def methods_in_list(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The methods that a list such as "Gradient,Gra" may go on with."""
    from explainer.command.names import EXPLAINERS  # loads SciPy, which no other completion has a use for

    return _in_list(incomplete, EXPLAINERS)


def metrics_in_list(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The metrics that a list such as "Sparseness,Fai" may go on with."""
    from explainer.command.names import METRICS

    return _in_list(incomplete, METRICS)


def _in_list(incomplete: str, names: dict[str, type]) -> list[CompletionItem[str]]:
    before, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in sorted(names) if name.startswith(last)]
