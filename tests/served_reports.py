"""Reports that a real server gives on this machine, and runs that grow while they are looked at."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report_runs import USUAL, Sizes, metadata_of, records_of

from explainer.errors import SummaryWriteError
from explainer.records import RunEnd, SampleDone
from explainer.serve.guard import Address
from explainer.serve.server import address_of, listening, server_of
from explainer.serve.shelf import Shelf
from explainer.summary.writer import SummaryWriter


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names in small letters."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Server:
    """A server that listens: asks it as a client does."""

    def __init__(self, address: Address, shelf: Shelf, connections: Collection[object]) -> None:
        self.address = address
        self.shelf = shelf
        self._connections = connections

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """The answer to one request; a header's name is written with _ for -."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=30)) as client:
            client.request(method, path, headers=names)
            answer = client.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def wait_until_alone(self) -> None:
        """Until the server has ended every connection."""
        while self._connections:
            time.sleep(0.01)

    @property
    def newest(self) -> str:
        """The path of the newest run's page."""
        return f"/runs/{self.shelf.places()[0].key}/"

    def page(self, to: str) -> str:
        """The address of the newest run's page, at this place."""
        return f"{self.address.url.rstrip('/')}{self.newest}{to}"


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server of the runs in a folder, in a thread."""
    shelf = Shelf(folder)
    with closing(listening("127.0.0.1", 0)) as listener:
        address = address_of("127.0.0.1", listener)
        server = server_of(shelf, address)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield Server(address, shelf, server.server_state.connections)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


class Growing:
    """A run that is being written, sample by sample; a context manager, after which nobody writes it any more."""

    def __init__(self, folder: Path, samples: int = 0, sizes: Sizes = USUAL, started: int = 1_700_000_100) -> None:
        self._sizes = sizes
        self._writer = SummaryWriter(folder, metadata_of(sizes), clock=lambda: started)
        self._written = 0
        self._writer.__enter__()
        self.add(samples)

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(SummaryWriteError):  # a test may have taken its folder away
            self._writer.__exit__(None, None, None)

    def add(self, samples: int) -> None:
        """Writes the next samples."""
        for number in range(self._written, self._written + samples):
            self.write(number)
        self._written += samples

    def write(self, number: int) -> None:
        """Writes the sample of this number."""
        for record in records_of(number, self._sizes):
            self._writer.write(record)
        self._writer.write(SampleDone(number))

    def end(self) -> None:
        """Ends the run as planned."""
        self._writer.write(RunEnd())
