"""`explainer serve`: a page of runs that goes on with them."""

from __future__ import annotations

import socket
import webbrowser
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from explainer.command import terminal, text
from explainer.command.paths import PATH
from explainer.errors import SummaryReadError
from explainer.serve.shelf import Shelf

if TYPE_CHECKING:
    from explainer.serve.guard import Address  # imports what the extra brings

_ENDED, _FAILED = 0, 2


@click.command(help=text.SERVE, short_help="Show runs in the browser while they go on.", epilog=text.SERVE_END)
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="NAME", help=text.HOST_OPTION)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one", metavar="N", help="Where.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
def serve(folder: Path, host: str, port: int, opens: bool) -> int:
    """Serves the runs of a folder until it is interrupted; the exit status."""
    try:
        from explainer.serve.server import address_of, listening
    except ImportError as error:
        terminal.print_error(f"explainer: {text.serve_lacks(error.name)}")
        return _FAILED
    try:
        shelf = Shelf(folder)
        listener = listening(host, port)
    except (OSError, SummaryReadError) as error:
        terminal.print_error(f"explainer: {error}")
        return _FAILED
    with closing(listener):
        try:
            _serve(shelf, folder, listener, address_of(host, listener), opens=opens)
        except KeyboardInterrupt:
            terminal.print_error("explainer: the server has ended")
    return _ENDED


def _serve(shelf: Shelf, folder: Path, listener: socket.socket, address: Address, *, opens: bool) -> None:
    from explainer.serve.server import server_of

    terminal.print_rows(text.serve_rows(folder, address.url))
    if address.is_public:
        terminal.print_error(f"explainer: {text.public_address(address.host)}")
    if opens:
        webbrowser.open(address.url)
    server_of(shelf, address).run(sockets=[listener])
