"""The time that a client has, on a real socket."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from report_runs import USUAL, write_report_run
from served_reports import serving

from explainer.serve import server as module
from explainer.serve.server import listening

WAIT = 20  # s: what does not end by then never does


@pytest.fixture
def impatient(monkeypatch):
    """Clients have a fifth of a second."""
    monkeypatch.setattr(module, "SECONDS", 0.2)


def to_its_end(client) -> bytes:
    """All that comes until the server ends the connection, also by resetting it."""
    found = b""
    try:
        while part := client.recv(1 << 16):
            found += part
    except ConnectionResetError:
        pass
    return found


def connected(server):
    client = socket.create_connection(("127.0.0.1", server.address.port), WAIT)
    client.settimeout(WAIT)
    return closing(client)


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "])
def test_a_head_that_does_not_come_is_not_waited_for(served, impatient, sent):
    with connected(served.server) as client:
        client.sendall(sent)
        assert to_its_end(client) == b""


def test_a_head_that_comes_letter_by_letter_is_not_waited_for(served, impatient):
    with connected(served.server) as client:
        client.settimeout(0.05)
        for _ in range(200):
            try:
                client.sendall(b"A")
                assert client.recv(1) == b""
                break
            except (BrokenPipeError, ConnectionResetError):
                break
            except TimeoutError:
                continue
        else:
            pytest.fail("the server waits for ever")


def test_neither_is_the_second_head_of_a_connection(served, impatient):
    head = f"GET /runs.json HTTP/1.1\r\nHost: 127.0.0.1:{served.server.address.port}\r\n\r\n".encode()
    with connected(served.server) as client:
        client.sendall(head)
        assert client.recv(12) == b"HTTP/1.1 200"
        client.sendall(b"GET /again")
        assert b"HTTP/1.1" not in to_its_end(client)


def test_an_answer_that_nobody_takes_is_given_up(tmp_path, impatient):
    write_report_run(tmp_path / "run", USUAL._replace(samples=1, height=2000, width=2000, methods=(), plain=True))
    with serving(tmp_path / "run") as server:
        path = f"{server.newest}data/s/0/0.js"
        whole = server.ask(path).content
        with connected(server) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.address.port}\r\n\r\n".encode())
            assert client.recv(12) == b"HTTP/1.1 200"
            server.wait_until_alone()
            assert len(to_its_end(client)) < len(whole)


def test_a_head_without_end_is_refused(served):
    with connected(served.server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 70_000)
        assert to_its_end(client).startswith(b"HTTP/1.1 400")


def test_a_port_that_is_taken_is_named_with_what_to_do(served):
    with pytest.raises(OSError, match=r"cannot listen at 127\.0\.0\.1, port \d+: .*; choose another --host or --port"):
        listening("127.0.0.1", served.server.address.port)
