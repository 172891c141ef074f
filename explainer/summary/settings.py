"""What is other in the settings of two runs, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_MOST_SHOWN = 8  # entries of a list in a message


class Difference(NamedTuple):
    """A setting that two runs do not have alike.

    Attributes:
        name: where it stands, "explainers.GradCAM.layer".
        first: its value in the first run; None where it is not there.
        second: its value in the second run; None where it is not there.
    """

    name: str
    first: Any
    second: Any


def differences(first: Any, second: Any, name: str = "") -> Iterator[Difference]:
    """The differences of two JSON values, down to the single setting.

    Short lists are compared as one; of long ones the first entry that is other is told, or the numbers of entries.

    >>> list(differences({"seed": 1, "GradCAM": {"layer": "a"}}, {"seed": 1, "GradCAM": {"layer": "b"}}))
    [Difference(name='GradCAM.layer', first='a', second='b')]
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in {**first, **second}:
            yield from differences(first.get(key), second.get(key), f"{name}.{key}" if name else key)
    elif _are_long(first, second):
        yield from _first_other(first, second, name)
    elif first != second:
        yield Difference(name, first, second)


def _first_other(first: list[Any], second: list[Any], name: str) -> Iterator[Difference]:
    pairs = enumerate(zip(first, second, strict=False))
    index = next((index for index, (one, other) in pairs if one != other), None)
    if index is not None:
        yield from differences(first[index], second[index], f"{name}[{index}]")
    elif len(first) != len(second):
        yield Difference(name, len(first), len(second))


def _are_long(*values: Any) -> bool:
    """Whether these are lists that nobody would read in a message."""
    return all(isinstance(value, list) for value in values) and max(map(len, values)) > _MOST_SHOWN


def mapping(value: Any) -> dict[str, Any]:
    """What a run declares, which may be anything where a file is damaged; {} where it is no mapping."""
    return dict(value) if isinstance(value, Mapping) else {}
