"""The only way out of the command: it shows, escaped, what a stranger's file may hold and the terminal lacks.

A label, a path or a reason in a summary may hold commands to the terminal (ESC), line ends, letters that turn the
reading direction, or letters that the terminal's encoding has not.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from explainer.command.tables import Rows, Table

_NAME_WIDTH = 12
_WIDTH = 80  # of what is no terminal
_NARROWEST = 40
_SIMPLER = {"↑": "^", "↓": "v", "…": "~", "─": "-"}
"""What stands for signs of ours in a terminal that has them not; each is as wide."""


def print_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Prints a line for each row, whatever its text holds."""
    _write(sys.stdout, "".join(f"{name:<{_NAME_WIDTH}}{_one_line(text)}\n" for name, text in rows))


def print_tables(blocks: Sequence[Rows | Table]) -> None:
    """Prints rows and tables as wide as the terminal; in bold and dim where it is one and NO_COLOR is not set.

    What is no terminal gets plain text of 80 columns; COLUMNS sets another width for both.
    """
    from explainer.command.tables import drawn

    stream = sys.stdout
    simpler = _simpler(stream.encoding or "utf-8")
    escape = partial(_shown_in, stream.encoding or "utf-8", simpler)
    text = drawn(blocks, _width_of(stream), escape, styled=_has_styles(stream))
    _send(stream, text.translate(simpler))  # all texts are escaped, the rest is drawn by rich


def width() -> int | None:
    """Of the terminal, or as COLUMNS says; None where neither is there, as for what is read by a program."""
    return _width_of(sys.stdout) if sys.stdout.isatty() or os.environ.get("COLUMNS") else None


def _simpler(encoding: str) -> dict[int, str]:
    return {ord(sign): other for sign, other in _SIMPLER.items() if not _has(encoding, sign)}


def _shown_in(encoding: str, simpler: dict[int, str], text: str) -> str:
    shown = _one_line(text.translate(simpler))
    return _escaped(shown, partial(_can_be_shown, encoding), _in_text)


def _width_of(stream: TextIO) -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and 0 < len(given) < 5:
        return max(int(given), _NARROWEST)
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, _NARROWEST) if stream.isatty() else _WIDTH
    except (OSError, ValueError):
        return _WIDTH


def _has_styles(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(facts: Any) -> None:
    """Prints one JSON object; what the terminal lacks is escaped as JSON has it."""
    _write(sys.stdout, json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n", _in_json)


def print_text(text: str) -> None:
    """Prints a text of our own, its line ends kept."""
    _write(sys.stdout, f"{text}\n")


def print_usage(text: str) -> None:
    """Prints a help text of our own to standard error, its line ends kept."""
    _write(sys.stderr, text.rstrip("\n") + "\n")


def print_error(text: str) -> None:
    """Prints a message to standard error; further lines are indented, so that none looks like a message of its own."""
    _write(sys.stderr, text.rstrip("\n").replace("\n", "\n  ") + "\n")


def print_traceback(error: BaseException) -> None:
    """Prints where an error came from to standard error, as Python does."""
    _write(sys.stderr, "".join(traceback.format_exception(error)))


@contextmanager
def log_shown() -> Iterator[None]:
    """Warnings of the package's log are printed as messages are."""
    handler = _LogHandler(logging.WARNING)
    logger = logging.getLogger("explainer")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _LogHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_error(f"explainer: {record.getMessage()}")


def _one_line(text: str) -> str:
    return _escaped(text, lambda char: char.isprintable(), _in_text)


def _write(stream: TextIO, text: str, escape: Callable[[str], str] | None = None) -> None:
    _send(stream, _escaped(text, partial(_can_be_shown, stream.encoding or "utf-8"), escape or _in_text))


def _send(stream: TextIO, shown: str) -> None:
    try:
        stream.write(shown)
        stream.flush()
    except BrokenPipeError:  # `| head` has read enough; the exit status says what it always says
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _escaped(text: str, is_shown: Callable[[str], bool], escape: Callable[[str], str]) -> str:
    return text.translate({ord(char): escape(char) for char in set(text) if not is_shown(char)})


def _can_be_shown(encoding: str, char: str) -> bool:
    return char == "\n" or (char.isprintable() and _has(encoding, char))


def _has(encoding: str, char: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _in_text(char: str) -> str:
    r"""As Python writes it: \x1b, \n, \u202e."""
    return ascii(char)[1:-1]


def _in_json(char: str) -> str:
    r"""As JSON writes it: \u001b, \ud83e\udd8a."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
