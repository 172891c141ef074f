"""`explainer run`: its options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.command import terminal, text
from explainer.command.completion import methods_in_list, metrics_in_list
from explainer.command.configuration import CONFIGURATION, ConfiguredCommand, config_option
from explainer.command.inspect_text import short_overview
from explainer.command.network_options import NetworkCommand, network_options
from explainer.command.paths import PATH
from explainer.network.engine import ENGINES
from explainer.run.interrupts import SignalWatch
from explainer.summary.raw_maps import RAW_MAPS

_SEVERAL = ("--mean", "--std")  # these take all numbers that follow, which click's options do not


class _RunCommand(NetworkCommand, ConfiguredCommand):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, gathered(args, _SEVERAL))


def gathered(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """The arguments, with the numbers after each of these options as one argument.

    >>> gathered(["--mean", "0.4", "0.5", "--limit", "3"], ["--mean"])
    ['--mean', '0.4 0.5', '--limit', '3']
    """
    left, found = list(arguments), []
    while left:
        found.append(left.pop(0))
        count = _leading_numbers(left) if found[-1] in options else 0
        if count:
            found.append(" ".join(left[:count]))
            del left[:count]
    return found


def _leading_numbers(arguments: Sequence[str]) -> int:
    return next((count for count, text in enumerate(arguments) if not _is_number(text)), len(arguments))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(context: click.Context, option: click.Parameter, value: str) -> tuple[float, ...]:
    if not value.split() or not all(map(_is_number, value.split())):
        raise click.BadParameter(f"{value!r} is no number, nor numbers such as 0.485 0.456 0.406.")
    return tuple(map(float, value.split()))


def _number(context: click.Context, option: click.Parameter, value: str) -> int:
    return int(value)


def _samples(context: click.Context, option: click.Parameter, value: str) -> int | str | None:
    if value in ("auto", "all"):
        return None if value == "all" else value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} must be a number of samples, auto or all.")
    return int(value)


@contextmanager
def _traceback_shown() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        terminal.print_traceback(error)
        raise


@click.command(cls=_RunCommand, help=text.RUN, short_help="Explain a folder of images.", epilog=text.RUN_END)
@config_option
@network_options
@click.option("--images", required=True, type=PATH, metavar="DIR", help="Folder of pictures.")
@click.option("--labels", required=True, type=PATH, metavar="FILE", help="One class name per line.")
@click.option("--summary-dir", required=True, type=PATH, metavar="OUT", help="Where the summary goes.")
@click.option(
    "--explainers",
    default="Gradient,GradCAM:layer=auto",
    show_default=True,
    metavar="LIST",
    shell_complete=methods_in_list,
    help="Names with options, separated by commas, as Occlusion:window=16x16:stride=8,Gradient.",
)
@click.option(
    "--metrics",
    default="",
    show_default="none",
    metavar="LIST",
    shell_complete=metrics_in_list,
    help="In the same way, as Faithfulness:metric=DeletionAUC:steps=16.",
)
@click.option("--hierarchical-occlusion", is_flag=True, help="Find the regions that are enough for each label.")
@click.option(
    "--uncertainty",
    type=click.Choice(["dropout", "shift", "noise"]),
    show_default="not evaluated",
    help="How certain the network is, by its own dropout or by changing the images.",
)
@click.option(
    "--activation",
    type=click.Choice(["softmax", "sigmoid"]),
    default="softmax",
    show_default=True,
    help="From the network's outputs to probabilities.",
)
@click.option(
    "--size",
    nargs=2,
    type=int,
    default=(224, 224),
    show_default="224 224",
    metavar="H W",
    help="Resize pictures.",
)
@click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    callback=_number,
    default="3",
    show_default=True,
    help="1 for grey, 3 for colour.",
)
@click.option(
    "--mean",
    callback=_numbers,
    default="0",
    show_default=True,
    metavar="M...",
    help="Of all channels or of each, in [0, 1].",
)
@click.option(
    "--std",
    callback=_numbers,
    default="1",
    show_default=True,
    metavar="S...",
    help="Of all channels or of each, in [0, 1].",
)
@click.option("--batch-size", type=int, default=32, show_default=True, metavar="N", help="Images in one pass.")
@click.option(
    "--top-k",
    type=int,
    default=0,
    show_default=True,
    metavar="K",
    help="Explain the K most probable labels as well.",
)
@click.option("--limit", type=int, metavar="N", help="Explain the first N pictures only.")
@click.option(
    "--max-megapixels",
    type=float,
    default=64,
    show_default=True,
    metavar="N",
    help="Larger pictures are not decoded.",
)
@click.option(
    "--bits",
    type=click.IntRange(1, 16),
    default=16,
    show_default=True,
    metavar="N",
    help="How many bits grey pictures of 16 bits really use, as 12.",
)
@click.option(
    "--on-bad-sample",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="End at a picture that cannot be read, or leave it out.",
)
@click.option(
    "--control-samples",
    callback=_samples,
    default="auto",
    show_default=True,
    metavar="N",
    help="On how many samples controls and further fills are computed; auto, or all.",
)
@click.option(
    "--raw-maps",
    type=click.Choice(RAW_MAPS),
    show_default="pictures alone",
    help="Keep maps as floats, too, beside their pictures.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    show_default="auto, or EXPLAINER_ENGINE",
    help="What computes the network; auto: ONNX Runtime where it gives the same faster, else MindSpore.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the unfinished run in OUT, where there is one, and compute what is left."
)
@click.option("--traceback", is_flag=True, help="Show where an error came from, too.")
@click.pass_context
def run(context: click.Context, /, traceback: bool, **given: Any) -> int:
    """Explains the pictures of a folder and prints what the summary holds; the exit status."""
    # Before MindSpore is loaded, whose threads and handlers would take the signals.
    with SignalWatch(), terminal.log_shown(), _traceback_shown() if traceback else nullcontext():
        from explainer.command.folder_run import FolderRun, run_folder  # loads MindSpore, which --help has no use for

        result = run_folder(FolderRun(**given, configuration=context.meta[CONFIGURATION]))
    if result.resumed:
        terminal.print_error(text.resumed(result.resumed, result.samples))
    terminal.print_tables(short_overview(facts_of(read_run(result.summary_dir))))
    terminal.print_text(f"\n{text.look_again(result.summary_dir)}")
    return 0
