"""`explainer layers`: the layers of a network, to choose one from."""

from __future__ import annotations

import click

from explainer.command import layers_text, terminal
from explainer.command.network_options import GivenNetwork, NetworkCommand, network_options, size_options_named


@click.command(
    cls=NetworkCommand,
    help=layers_text.LAYERS,
    short_help="List the layers of a network.",
    epilog=layers_text.LAYERS_END,
)
@network_options
@click.option(
    "--size",
    nargs=2,
    type=click.IntRange(1),
    default=(224, 224),
    show_default="224 224",
    metavar="H W",
    help="Of the images that the network is shown.",
)
@click.option("--channels", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="Of these images.")
@click.option(
    "--classes",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    metavar="N",
    help="For how many a network of MindCV is made.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def layers(size: tuple[int, int], channels: int, classes: int, as_json: bool, **network: object) -> int:
    """Prints the layers of a network; the exit status."""
    from explainer.command.layer_list import layer_facts  # loads MindSpore, which --help has no use for

    made = GivenNetwork(**network).made(classes)  # type: ignore[arg-type]
    with size_options_named():
        facts = layer_facts(made, (channels, *size))
    if as_json:
        terminal.print_json(facts)
    else:
        terminal.print_text(layers_text.list_text(facts, terminal.width()))
    return 0
