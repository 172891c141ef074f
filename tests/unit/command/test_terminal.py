"""What reaches the terminal: nothing that a stranger's file could command it with, and nothing that it lacks."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import struct
import sys
import termios
from fcntl import ioctl

import pytest

from explainer.command import terminal
from explainer.command.tables import Rows, Table

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


# ------------------------------------------------- tables


def everywhere(text: str) -> list[Rows | Table]:
    """A text in each place that rows and tables have."""
    rows = [Rows([(text, text)]), Rows([(text, text)], cut=frozenset({text}))]
    return [*rows, Table([text, text], [[text, text]], "lr", notes=[text], in_parts=False)]


def test_no_text_in_a_table_commands_the_terminal(written, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    text, _ = written(terminal.print_tables, everywhere(f"[red]a\n{ODD}[/red]"))
    assert text.count(rf"[red]a\n{ESCAPED}[/red]") == 9
    assert all(char == "\n" or char.isprintable() for char in text)


def test_signs_that_a_terminal_has_not_have_others_of_their_width(written, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    table = Table(["Scores", "IoSR ↑", "Infidelity ↓"], [["Hündin", "1", "鰻"]], "lll")
    text, _ = written(terminal.print_tables, [table, Rows([("command", "x" * 40)], cut=frozenset({"command"}))])
    head, rule, row, _, cut = text.splitlines()
    if "↑" in text:  # UTF-8
        assert (head, rule) == ("Scores  IoSR ↑  Infidelity ↓", "─" * 28)
        assert row == "Hündin  1       鰻"
        assert cut.endswith("xxx…")
    else:
        assert head.split() == ["Scores", "IoSR", "^", "Infidelity", "v"]
        assert set(rule) == {"-"} and len(rule) == len(head.rstrip())
        assert "ü" in row or r"H\xfcndin" in row
        assert cut.endswith("xxx~")
    assert len(cut) == 40


class Terminal(io.TextIOWrapper):
    """A terminal whose width is not known."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch):
    """What a terminal is sent."""

    def call(blocks, **environment):
        stream = Terminal(io.BytesIO(), encoding="utf-8")
        with monkeypatch.context() as patch:
            for name in ("COLUMNS", "NO_COLOR", "TERM"):
                patch.delenv(name, raising=False)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdout", stream)
            terminal.print_tables(blocks)
        return stream.buffer.getvalue().decode()

    return call


CODES = re.compile(r"\x1b\[[012]m")


def test_a_terminal_is_sent_bold_and_dim_and_no_other_code(shown):
    text = shown(everywhere(ODD))
    assert set(CODES.findall(text)) == {"\x1b[0m", "\x1b[1m", "\x1b[2m"}
    assert "\x1b" not in CODES.sub("", text)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_codes_gets_none(shown, environment):
    assert "\x1b" not in shown(everywhere("a"), **environment)
    assert "\x1b" in shown(everywhere("a"), NO_COLOR="")


def test_what_is_no_terminal_gets_no_codes_whatever_the_environment_asks_for(written, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert "\x1b" not in written(terminal.print_tables, everywhere("a"))[0]


LONG = [Rows([("command", "x" * 400)], cut=frozenset({"command"}))]


@pytest.mark.parametrize(
    ("columns", "width"), [(None, 80), ("100", 100), ("10", 40), ("", 80), ("wide", 80), ("-5", 80), ("9" * 5000, 80)]
)
def test_a_line_is_80_columns_wide_unless_columns_says_otherwise(written, shown, monkeypatch, columns, width):
    environment = {} if columns is None else {"COLUMNS": columns}
    assert len(shown(LONG, NO_COLOR="1", **environment)) == width + 1
    monkeypatch.delenv("COLUMNS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert len(written(terminal.print_tables, LONG)[0]) == width + 1


def test_a_terminal_is_filled_to_its_width(monkeypatch):
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 63, 0, 0))
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    with open(follower, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        terminal.print_tables(LONG)
        monkeypatch.undo()
        said = os.read(leader, 1000).decode()
    os.close(leader)
    assert len(said.rstrip("\r\n")) == 63


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
