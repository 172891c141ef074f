"""What every request must be like, and what every answer says to the browser."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD")
LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""How a browser on this machine names it."""


@dataclass(frozen=True)
class Address:
    """Where the server listens.

    >>> Address("127.0.0.1", 8000).is_public, Address("0.0.0.0", 8000).is_public
    (False, True)
    """

    host: str
    port: int

    @property
    def is_public(self) -> bool:
        """Whether others than this machine may reach it."""
        address = _ip(self.host)
        return self.host != "localhost" and (address is None or not address.is_loopback)

    @property
    def url(self) -> str:
        """Of the page, for a browser on this machine.

        >>> Address("::1", 8000).url, Address("0.0.0.0", 8000).url
        ('http://[::1]:8000/', 'http://127.0.0.1:8000/')
        """
        return f"http://{'127.0.0.1' if self._is_every else _in_url(self.host)}:{self.port}/"

    def is_named(self, host: str) -> bool:
        """Whether a Host header names this server, and no page of another name that leads here.

        A server for every address of the machine is named by numbers, which nobody else's name server can choose.

        >>> [Address("127.0.0.1", 8000).is_named(host) for host in ("localhost:8000", "localhost", "evil.example:8000")]
        [True, False, False]
        """
        name, _, port = host.lower().rpartition(":")
        if self.port == 80 and not port.isdecimal():
            name, port = host.lower(), "80"
        if port != str(self.port):
            return False
        if name in (*LOCAL, _in_url(self.host.lower())):
            return True
        return self._is_every and (name == socket.gethostname().lower() or _ip(name.strip("[]")) is not None)

    @property
    def _is_every(self) -> bool:
        address = _ip(self.host)
        return address is not None and address.is_unspecified


class Guard:
    """An app behind a door: what is not meant for this server, or would change anything, is refused.

    Args:
        app: what is behind it.
        address: of the server.
        headers: of every answer.
    """

    def __init__(self, app: ASGIApp, address: Address, headers: Mapping[str, str]) -> None:
        self._app = app
        self._address = address
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, as ASGI has it."""
        await (self._refusal(scope) or self._app)(scope, receive, self._with_headers(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or not self._address.is_named(hosts[0]):
            names = f"{LOCAL[0]}:{self._address.port} or {LOCAL[1]}:{self._address.port}"
            said = f"This server answers to {names} alone; an address that is forwarded to it needs the same port.\n"
            return PlainTextResponse(said, 400)
        if scope["method"] not in METHODS:
            return PlainTextResponse("Runs are looked at here, by GET and HEAD.\n", 405, {"allow": ", ".join(METHODS)})
        return None

    def _with_headers(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        return sent


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
