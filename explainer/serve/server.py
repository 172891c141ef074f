"""The server: a socket, uvicorn, and the time that a client has."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from explainer.serve.app import app_of
from explainer.serve.guard import Address
from explainer.serve.shelf import Shelf

SECONDS = 10.0
"""That a client has for the head of a request, and for taking some of an answer."""
_MOST_CLIENTS = 100
_QUEUED = 128


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. port: 0 for any free one.

    Raises:
        OSError: the address is not this machine's, or the port is taken; says what to do.
    """
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family, backlog=_QUEUED)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise OSError(f"cannot listen at {host}, port {port}: {said}; choose another --host or --port") from error


def address_of(host: str, listener: socket.socket) -> Address:
    """The address of a socket that listens at this host."""
    return Address(host, listener.getsockname()[1])


def server_of(shelf: Shelf, address: Address) -> uvicorn.Server:
    """The server of a shelf; its `run(sockets=[...])` ends with a KeyboardInterrupt, or when `should_exit` is set."""
    return uvicorn.Server(
        uvicorn.Config(
            app_of(shelf, address),
            http=_TimedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CLIENTS,
            timeout_graceful_shutdown=2,
        )
    )


class _TimedProtocol(H11Protocol):
    """uvicorn's protocol, which waits for ever for a head that comes slowly, and for an answer that nobody takes."""

    _deadline: asyncio.TimerHandle | None = None
    _left = 0  # bytes of answers that were not taken

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_deadline()
        super().connection_lost(exc)

    def _set_deadline(self) -> None:
        self._drop_deadline()
        self._left = self.transport.get_write_buffer_size()
        self._deadline = self.loop.call_later(SECONDS, self._end_if_idle)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _end_if_idle(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        taking = self.transport.get_write_buffer_size() < self._left
        if answering or taking:
            self._set_deadline()
        else:
            self.transport.abort()
