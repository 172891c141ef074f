"""What reaches the terminal: nothing that a stranger's file could command it with, and nothing that it lacks."""

from __future__ import annotations

import io
import json
import sys

import pytest

from explainer.command import terminal

# what a terminal obeys or hides: ESC, the one-letter CSI, a backspace, DEL, line ends, reading direction, half a pair
ODD = "\x1b[31m \x9b31m \x08 \x7f \r \u2028 \u202e \udce9"
ESCAPED = r"\x1b[31m \x9b31m \x08 \x7f \r \u2028 \u202e \udce9"


@pytest.fixture(params=["utf-8", "ascii", "latin-1"])
def written(request, monkeypatch):
    """What a function writes to standard output and error of a terminal of some encoding."""

    def call(function, *arguments):
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding=request.param) for name in ("stdout", "stderr")}
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            function(*arguments)
        return tuple(stream.buffer.getvalue().decode(request.param) for stream in streams.values())

    return call


def test_a_row_is_one_line_whatever_it_holds(written):
    rows = [("labels", f"a\nstate: {ODD}"), ("bytes", "1 kB")]
    labels = f"labels      a\\nstate: {ESCAPED}\n"
    assert written(terminal.print_rows, rows) == (f"{labels}bytes       1 kB\n", "")


def test_json_is_escaped_as_json_and_comes_back_as_it_was(written):
    facts = {"labels": [ODD, "Hündin", "鰻", "🦊"], "mean": None, "n": 0.5}
    text, _ = written(terminal.print_json, facts)
    assert all(char == "\n" or char.isprintable() for char in text)
    assert json.loads(text) == facts


def test_json_is_never_written_with_what_json_has_not(written):
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(terminal.print_json, {"mean": float("nan")})


def test_an_error_has_no_line_that_looks_like_another_message(written):
    message = f"explainer: {ODD}\nexplainer: all is well"
    assert written(terminal.print_error, message) == ("", f"explainer: {ESCAPED}\n  explainer: all is well\n")


def test_texts_of_our_own_keep_their_lines(written):
    assert written(terminal.print_text, "\nlook at it again: \x1b") == ("\nlook at it again: \\x1b\n", "")
    assert written(terminal.print_usage, "Usage: explainer\n\nError: \x1b\n") == (
        "",
        "Usage: explainer\n\nError: \\x1b\n",
    )


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "Hündin 鰻"), ("ascii", r"H\xfcndin \u9c3b")])
def test_letters_of_every_language_stay_where_the_terminal_has_them(monkeypatch, encoding, shown):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.print_text("Hündin 鰻")
    assert stream.buffer.getvalue().decode(encoding) == f"{shown}\n"


def test_an_output_that_nobody_reads_is_dropped(monkeypatch, tmp_path):
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            return file.fileno()

    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(sys, "stdout", Closed())
        terminal.print_text("text")
        file.write("what comes later")
    assert (tmp_path / "file").read_text() == ""
