"""The command `explainer`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.command import terminal
from explainer.command.text import look_again, rows_of
from explainer.errors import BadSampleError, DatasetError, ExplainerError
from explainer.version import __version__

_EXAMPLE = """\
example:
  explainer inspect summary_dir/digits
  explainer run --help
"""

_INSPECT_EXAMPLE = """\
example:
  explainer inspect summary_dir/digits
  explainer inspect summary_dir/digits --json | python -m json.tool

exit status: 0 the summary is whole; 1 the run did not end or the file is damaged; 2 there is no summary to read
"""

_RUN_EXAMPLE = """\
example:
  explainer run --network mypackage.nets:resnet20 --checkpoint resnet20.ckpt \\
      --images photos/ --labels labels.txt --size 32 32 \\
      --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 \\
      --explainers Gradient,GradCAM:layer=layer3 --metrics Faithfulness:metric=DeletionAUC --uncertainty shift \\
      --summary-dir out/resnet20

  --network mindcv:resnet18 takes the network from the model zoo MindCV (pip install mindcv).
  In --images, pictures lie in one folder per label (photos/cat/1.png), or directly in the folder, then without a true
  label. labels.txt names one class per line, in the order of the network's outputs.

exit status: 0 done; 1 the run failed, what was finished stays; 2 a wrong argument
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (ExplainerError, OSError, RuntimeError, TypeError, ValueError) as error:
        terminal.print_error(f"explainer: {error}")
        of_the_data = isinstance(error, BadSampleError | DatasetError)
        return 2 if options.reads_only or (isinstance(error, TypeError | ValueError) and not of_the_data) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="explainer",
        description="Explains image classifiers, for whole datasets.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"explainer {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_inspect(commands)
    _add_run(commands)
    return parser


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="say what a summary holds",
        description="Says what the newest run in a summary folder holds: labels, explainers, metrics, samples, maps, "
        "scores, whether it ended, bytes.",
        epilog=_INSPECT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inspect.add_argument("folder", metavar="DIR", type=Path, help="the summary folder of a run")
    inspect.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    inspect.set_defaults(command=_inspect, reads_only=True)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="explain a folder of images",
        description="Explains the images of a folder with a network of yours and writes a summary.",
        epilog=_RUN_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    required = run.add_argument_group("what to explain")
    required.add_argument(
        "--network", required=True, metavar="MODULE:FACTORY", help="a function without arguments that makes the network"
    )
    required.add_argument("--images", required=True, type=Path, metavar="DIR", help="folder of pictures")
    required.add_argument("--labels", required=True, type=Path, metavar="FILE", help="one class name per line")
    required.add_argument("--summary-dir", required=True, type=Path, metavar="OUT", help="where the summary goes")
    required.add_argument("--checkpoint", type=Path, metavar="CKPT", help="weights for the network")
    _add_how(run.add_argument_group("how"))
    run.set_defaults(command=_run, reads_only=False)


def _add_how(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--explainers",
        default="Gradient,GradCAM:layer=auto",
        metavar="LIST",
        help="names with options, as Occlusion:window=16x16:stride=8,GradCAM:layer=conv2 (default: %(default)s)",
    )
    how.add_argument(
        "--metrics", default="", metavar="LIST", help="as Sparseness,Faithfulness:metric=DeletionAUC:steps=16 (none)"
    )
    how.add_argument(
        "--hierarchical-occlusion", action="store_true", help="find the regions that are enough for each label"
    )
    how.add_argument(
        "--uncertainty",
        choices=("dropout", "shift", "noise"),
        help="how sure the network is, by its own dropout or by changing the images (not asked)",
    )
    how.add_argument("--activation", default="softmax", choices=("softmax", "sigmoid"), help="default: %(default)s")
    how.add_argument(
        "--size", nargs=2, type=int, default=(224, 224), metavar=("H", "W"), help="pictures are resized to it (224 224)"
    )
    how.add_argument("--channels", type=int, default=3, choices=(1, 3), help="grey or colour (default: %(default)s)")
    how.add_argument("--mean", nargs="+", type=float, default=[0.0], metavar="M", help="of each channel, in [0, 1] (0)")
    how.add_argument("--std", nargs="+", type=float, default=[1.0], metavar="S", help="of each channel, in [0, 1] (1)")
    how.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="images in one pass (default: %(default)s)"
    )
    how.add_argument("--top-k", type=int, default=0, metavar="K", help="explain the K most probable labels as well")
    how.add_argument("--limit", type=int, default=None, metavar="N", help="explain the first N pictures only")


def _inspect(options: argparse.Namespace) -> int:
    run = read_run(options.folder)
    facts = facts_of(run)
    if options.json:
        terminal.print_json(facts)
    else:
        terminal.print_rows(rows_of(facts))
    return 0 if run.ended and not run.findings else 1


def _run(options: argparse.Namespace) -> int:
    from explainer.command.folder_run import FolderRun, run_folder  # loads MindSpore, which inspect has no use for

    given = {name: value for name, value in vars(options).items() if name not in ("command", "reads_only")}
    lists = {name: tuple(given[name]) for name in ("size", "mean", "std")}
    result = run_folder(FolderRun(**given | lists))
    terminal.print_rows(rows_of(facts_of(read_run(result.summary_dir))))
    terminal.print_text(f"\n{look_again(result.summary_dir)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
