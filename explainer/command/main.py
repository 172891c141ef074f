"""The command `explainer`: its commands, its version, and its exit statuses."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Sequence

import click

from explainer.errors import BadSampleError, DatasetError, ExplainerError
from explainer.run.signals import kept_from_new_threads
from explainer.version import __version__

with kept_from_new_threads():  # those that NumPy and SciPy start when they are imported, so nothing above imports them
    from explainer.checks import did_you_mean
    from explainer.command import terminal, text
    from explainer.command.choices import methods, metrics
    from explainer.command.compare import compare
    from explainer.command.completion import completion
    from explainer.command.config import config
    from explainer.command.export import export
    from explainer.command.figure import figure
    from explainer.command.inspect import inspect
    from explainer.command.layers import layers
    from explainer.command.merge import merge
    from explainer.command.repair import repair
    from explainer.command.report import report
    from explainer.command.run import run
    from explainer.command.serve import serve
    from explainer.command.verify import verify

_NAME = "explainer"
_FAILED, _WRONG_ARGUMENT = 1, 2


class _Group(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}{did_you_mean(args[0], known)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    help=text.EXPLAINER,
    epilog=text.EXPLAINER_END,
    commands=[
        compare,
        completion,
        config,
        export,
        figure,
        inspect,
        layers,
        merge,
        methods,
        metrics,
        repair,
        report,
        run,
        serve,
        verify,
    ],
    subcommand_metavar="COMMAND ...",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Without a command, the help and the exit status of a wrong argument."""
    if context.invoked_subcommand is None:
        terminal.print_usage(context.get_help())
        context.exit(_WRONG_ARGUMENT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    given = None if arguments is None else list(arguments)
    try:
        return cli.main(given, prog_name=_NAME, standalone_mode=False) or 0
    except click.Abort as abort:
        terminal.print_error(text.interrupted(abort.__cause__))
        return 128 + getattr(abort.__cause__, "signal_number", signal.SIGINT)
    except click.ClickException as error:
        terminal.print_usage(_shown(error))
        return error.exit_code
    except (ExplainerError, OSError, RuntimeError, TypeError, ValueError) as error:
        terminal.print_error(f"{_NAME}: {error}")
        return _status_of(error)


def _shown(error: click.ClickException) -> str:
    shown = io.StringIO()
    error.show(shown)
    return shown.getvalue()


def _status_of(error: Exception) -> int:
    of_the_data = isinstance(error, BadSampleError | DatasetError)
    return _WRONG_ARGUMENT if isinstance(error, TypeError | ValueError) and not of_the_data else _FAILED


if __name__ == "__main__":
    sys.exit(main())
