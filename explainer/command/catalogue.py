"""What there is to choose from: methods and metrics, with their options, as their signatures and docstrings say."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from explainer.command.names import DEFAULTS, NOT_FOR_A_COMMAND

_BLANK = re.compile(r"\n\s*\n")
_HEADING = re.compile(r"(?:(?:Args|Attributes|Cost|Raises|Source)(?:, )?)+:")
_REFERENCE = re.compile(r"as for (\w+)")
_ENTRY = re.compile(r"^(?: {4})(\w+): (.*)$")


@dataclass(frozen=True)
class Option:
    """A setting of a method or metric, as `NAME:option=value` takes it.

    Attributes:
        default: as it is written behind the `=`; None where there is none.
        text: what it is.
    """

    name: str
    default: str | None
    text: str


@dataclass(frozen=True)
class Choice:
    """A method or metric.

    Attributes:
        summary: one sentence.
        more: paragraphs.
        cost: how much it takes.
        source: where it is from.
        options: in the order in which they are declared.
        kind: the class itself.
    """

    name: str
    summary: str
    more: tuple[str, ...]
    cost: str
    source: str
    options: tuple[Option, ...]
    kind: type


def choice_of(name: str, kind: type) -> Choice:
    """What a class says of itself.

    >>> from explainer.explanation import LayerCAM
    >>> layer = choice_of("LayerCAM", LayerCAM).options[0]
    >>> layer.name, layer.default, layer.text[:30]
    ('layer', 'auto', 'as for GradCAM; by default "au')
    """
    summary, *blocks = _blocks(kind)
    options = tuple(Option(key, default, _text(kind, key)) for key, default in _defaults(kind))
    more = tuple(_joined(block) for block in blocks if not block.startswith(">>>") and not _HEADING.match(block))
    return Choice(name, _joined(summary), more, _section(kind, "Cost"), _section(kind, "Source"), options, kind)


def _blocks(kind: type) -> list[str]:
    return _BLANK.split(inspect.cleandoc(kind.__doc__ or kind.__name__))


def _section(kind: type, name: str) -> str:
    """What a docstring says under a heading, which it may have for several: "Args, Cost: as for `Robustness`."."""
    for block in _blocks(kind):
        heading = _HEADING.match(block)
        if heading and name in heading[0]:
            return _joined(block[heading.end() :])
    return ""


def _joined(block: str) -> str:
    """The lines of a paragraph as one; code loses its quotes."""
    return " ".join(block.split()).replace("`", "")


def _text(kind: type, key: str) -> str:
    """What a class, one of its bases, or one that it refers to, says of an argument."""
    said = (entry for base in _described(kind) for block in _blocks(base) for entry in _arguments(block))
    return next((text for name, text in said if name == key), "")


def _described(kind: type) -> Iterator[type]:
    yield from kind.__mro__
    reference = _REFERENCE.match(_section(kind, "Args"))
    other = getattr(sys.modules[kind.__module__], reference[1], None) if reference else None
    if other is not None:
        yield other


def _arguments(block: str) -> Iterator[tuple[str, str]]:
    """The names and texts of a block "Args:", whose entries are indented by four and whose lines go on by eight."""
    if not block.startswith("Args:\n"):
        return
    name, lines = "", [""]
    for line in block.splitlines()[1:]:
        entry = _ENTRY.match(line)
        if entry:
            yield name, _joined("\n".join(lines))
            name, lines = entry[1], [entry[2]]
        else:
            lines.append(line)
    yield name, _joined("\n".join(lines))


def _defaults(kind: Callable[..., Any]) -> Iterator[tuple[str, str | None]]:
    for key, parameter in inspect.signature(kind).parameters.items():
        if key not in NOT_FOR_A_COMMAND:
            default = DEFAULTS.get(kind, {}).get(key, parameter.default)
            yield key, None if default in (None, parameter.empty) else _written(default)


def _written(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
