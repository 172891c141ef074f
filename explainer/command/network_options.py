"""The options that say which network: `--network`, `--network-args`, `--checkpoint`; and the network that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import click.shell_completion

from explainer.command import terminal
from explainer.command.number_lists import gathered
from explainer.command.paths import PATH
from explainer.command.picture_options import SEVERAL_NUMBERS
from explainer.command.values import arguments
from explainer.errors import NetworkInputError
from explainer.remote import is_url

_Function = TypeVar("_Function", bound=Callable[..., Any])
_ARGUMENTS = "--network-args"
_GRAPH = ".mindir"
_IN_PLACE = (
    "{} writes in place (as y += x does): where such a value is used elsewhere, MindSpore's graph gives other outputs "
    "than the network's code did; compare them once"
)


class NetworkName(click.types.StringParamType):
    """What names a network; that of a MindIR file is a path."""

    def is_path(self, value: str) -> bool:
        """Whether this value names a file."""
        return value.endswith(_GRAPH)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is; a URL is refused."""
        if is_url(value):
            PATH.convert(value, param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem[str]]:
        """Files, as a shell completes them."""
        return [click.shell_completion.CompletionItem(incomplete, type="file")]


_OPTIONS = (
    click.option(
        "--network",
        required=True,
        type=NetworkName(),
        metavar="MODULE:FACTORY",
        help="A function that makes the network; mindcv:NAME, a network of MindCV; or a file .mindir.",
    ),
    click.option(
        _ARGUMENTS,
        multiple=True,
        metavar="KEY=VALUE...",
        help="What it is called with: numbers, true, false, texts, lists (depths=2,2,2).",
    ),
    click.option(
        "--checkpoint",
        type=PATH,
        metavar="CKPT",
        help="Weights for the network; its CRC is checked where it has one.",
    ),
)


def network_options(function: _Function) -> _Function:
    """The command, with the options of its network in front of those that it has."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


class NetworkCommand(click.Command):
    """A command whose `--network-args` takes all the KEY=VALUE that follow, and `--mean` and its like all numbers."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, of arguments that click takes."""
        return super().parse_args(ctx, gathered(spread(args), SEVERAL_NUMBERS))


@contextmanager
def size_options_named() -> Iterator[None]:
    """A network that cannot be evaluated for the pictures is told with the options that say what they become."""
    try:
        yield
    except NetworkInputError as error:
        raise NetworkInputError(f"{error} (--size H W, --channels)") from error.__cause__


def spread(given: Sequence[str]) -> list[str]:
    """The arguments, with `--network-args` before each KEY=VALUE that follows it.

    >>> spread(["--network-args", "depth=20", "width=0.5", "--limit=3"])
    ['--network-args', 'depth=20', '--network-args', 'width=0.5', '--limit=3']
    """
    found: list[str] = []
    for entry in given:
        follows = len(found) > 1 and found[-2] == _ARGUMENTS
        if follows and "=" in entry and not entry.startswith("-"):
            found.append(_ARGUMENTS)
        found.append(entry)
    return found


@dataclass(frozen=True, kw_only=True)
class GivenNetwork:
    """The options of a network, by their names."""

    network: str
    network_args: tuple[str, ...]
    checkpoint: Path | None

    @property
    def is_graph(self) -> bool:
        """Whether this is the graph of a MindIR file."""
        return self.network.endswith(_GRAPH)

    def made(self, class_count: int) -> Any:
        """The network, a mindspore.nn.Cell with its weights; what its user should know is printed.

        Raises:
            TypeError, ValueError: an option that does not fit; says which.
        """
        from explainer.network.mindspore.checkpoints import load_weights  # loads MindSpore
        from explainer.network.mindspore.graph_files import writes_in_place
        from explainer.network.mindspore.loading import make_network

        if self.checkpoint is not None and self.is_graph:
            raise ValueError(f"--checkpoint must be left out: {self.network} has its weights, got {self.checkpoint}")
        network = make_network(
            self.network,
            class_count,
            arguments(_ARGUMENTS, self.network_args),
            name="--network",
            arguments_name=_ARGUMENTS,
        )
        if self.is_graph and writes_in_place(Path(self.network)):
            terminal.print_error(_IN_PLACE.format(self.network))
        for note in load_weights(network, self.checkpoint, name="--checkpoint") if self.checkpoint else ():
            terminal.print_error(note)
        return network
