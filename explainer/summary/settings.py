"""What is other in the settings of two runs, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


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
    """The differences of two JSON values, down to the single setting; lists are compared as one.

    >>> list(differences({"seed": 1, "GradCAM": {"layer": "a"}}, {"seed": 1, "GradCAM": {"layer": "b"}}))
    [Difference(name='GradCAM.layer', first='a', second='b')]
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in {**first, **second}:
            yield from differences(first.get(key), second.get(key), f"{name}.{key}" if name else key)
    elif first != second:
        yield Difference(name, first, second)


def mapping(value: Any) -> dict[str, Any]:
    """What a run declares, which may be anything where a file is damaged; {} where it is no mapping."""
    return dict(value) if isinstance(value, Mapping) else {}
