"""`explainer run`: its options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from explainer.analysis.facts import run_and_facts
from explainer.command import terminal, text
from explainer.command.completion import methods_in_list, metrics_in_list
from explainer.command.configuration import CONFIGURATION, ConfiguredCommand, config_option
from explainer.command.copies import records_of
from explainer.command.inspect_text import short_overview
from explainer.command.network_options import NetworkCommand, network_options
from explainer.command.paths import PLACE
from explainer.command.picture_options import picture_options, taken
from explainer.network.engine import ENGINES
from explainer.network.onnx.device import CPU, DEVICES
from explainer.run.interrupts import SignalWatch
from explainer.run.launchers import AUTO
from explainer.summary.raw_maps import RAW_MAPS


class _RunCommand(NetworkCommand, ConfiguredCommand):
    """Its options come from a file, too."""


def _samples(context: click.Context, option: click.Parameter, value: str) -> int | str | None:
    if value in ("auto", "all"):
        return None if value == "all" else value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} must be a number of samples, auto or all.")
    return int(value)


def _shard(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, int] | str | None:
    if value is None or value == AUTO:
        return value
    index, slash, count = value.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        raise click.BadParameter(f"{value!r} must be INDEX/COUNT, as 0/16 for the first of sixteen parts, or auto.")
    if not int(index) < int(count):
        raise click.BadParameter(
            f"{value!r} names no part: of {count} parts the indices are 0 to {int(count) - 1}."
            if int(count)
            else f"{value!r} names no part: there must be at least one."
        )
    return int(index), int(count)


def _workers(context: click.Context, option: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == AUTO:
        return value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} must be a number of processes, or auto.")
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
@picture_options
@click.option(
    "--summary-dir", required=True, type=PLACE, metavar="OUT", help="Where the summary goes: a folder or its URL."
)
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
@click.option("--batch-size", type=int, default=32, show_default=True, metavar="N", help="Images in one pass.")
@click.option(
    "--top-k",
    type=int,
    default=0,
    show_default=True,
    metavar="K",
    help="Explain the K most probable labels as well.",
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
    "--device",
    type=click.Choice(DEVICES),
    default=CPU,
    show_default=True,
    help="Where ONNX Runtime computes; cuda, a GPU, needs onnxruntime-gpu.",
)
@click.option(
    "--shard",
    callback=_shard,
    show_default="all of the pictures",
    metavar="INDEX/COUNT",
    help="Explain one of COUNT parts, INDEX from 0, into OUT/shard-INDEX-of-COUNT; auto: the launcher's. Then "
    "`explainer merge`.",
)
@click.option(
    "--workers",
    callback=_workers,
    show_default="one, this one",
    metavar="N",
    help="So many processes share the pictures, each with a network of its own; auto: as many as pay.",
)
@click.option(
    "--ray",
    is_flag=False,
    flag_value="local",
    show_default="without Ray",
    metavar="[ADDRESS]",
    help="Ray places the workers, on this machine, or in the cluster at an address (auto: that of this machine).",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the unfinished run in OUT, where there is one, and compute what is left."
)
@click.option(
    "--dry-run", is_flag=True, help="Tell what the run will take, in passes, time and disk; nothing is written."
)
@click.option("--traceback", is_flag=True, help="Show where an error came from, too.")
@click.pass_context
def run(context: click.Context, /, traceback: bool, dry_run: bool, **given: Any) -> int:
    """Explains the pictures of a folder and prints what the summary holds; the exit status."""
    if dry_run and given["resume"]:
        raise click.UsageError("--dry-run tells what a new run will take; leave --resume out.")
    if dry_run and given["shard"]:
        raise click.UsageError("--dry-run tells what the run of all pictures will take; leave --shard out.")
    if dry_run and (given["workers"] or given["ray"]):
        raise click.UsageError("--dry-run tells what one process will take; leave --workers and --ray out.")
    if given["shard"] and (given["workers"] or given["ray"]):
        raise click.UsageError("--shard and --workers (or --ray) are two ways to share the pictures; give one of them.")
    # Before MindSpore is loaded, whose threads and handlers would take the signals.
    with SignalWatch(), terminal.log_shown(), _traceback_shown() if traceback else nullcontext():
        from explainer.command import folder_run  # loads MindSpore, which --help has no use for

        pictures, others = taken(given)
        options = folder_run.FolderRun(pictures=pictures, **others, configuration=context.meta[CONFIGURATION])
        if dry_run:
            terminal.print_text(folder_run.estimate_folder(options).told)
            return 0
        result = folder_run.run_folder(options)
    if result.resumed:
        terminal.print_error(text.resumed(result.resumed, result.samples))
    with records_of(result.summary_dir) as records:
        found = run_and_facts(records.folder, sources=False)
        terminal.print_tables(short_overview(records.where_they_lie(*found)))
    terminal.print_text(f"\n{text.look_again(result.summary_dir)}")
    return 0
