"""How objects show themselves at a prompt: one line, what differs from the default, and no array in full."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import PurePath
from typing import Any

import numpy as np

_LONGEST = 60  # letters of a value
_MOST = 4  # values of a list


def line(kind: str, /, *values: str, **settings: Any) -> str:
    """A call that would make the object, or nearly so.

    >>> line("GradCAM", "LeNet5", layer="conv2")
    "GradCAM(LeNet5, layer='conv2')"
    """
    named = (f"{key}={short(value)}" for key, value in settings.items())
    return f"{kind}({', '.join([*values, *named])})"


def short(value: Any) -> str:
    """A value in a few letters; of an array its shape and type, of a long list its beginning and its length.

    >>> short(np.zeros((2, 3))), short(list(range(9))), short({"a": 1})
    ('float64 (2, 3)', '[0, 1, 2, 3, ... 9 in all]', "{'a': 1}")
    """
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, str | PurePath):
        return repr(str(value) if len(str(value)) <= _LONGEST else f"{str(value)[: _LONGEST - 3]}...")
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if type(value) in (list, tuple):
        return _list(value)
    if isinstance(value, Mapping):
        entries = _several(f"{short(key)}: {_nested(entry)}" for key, entry in value.items())
        return f"{{{entries}}}"
    return _other(value)


def changed(function: Callable[..., Any], settings: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The settings, by names of parameters, that are other than the defaults of a constructor.

    >>> changed(lambda grid=7, seed=0: None, {"grid": [7, 7], "seed": 3, "made": 1})
    {'seed': 3}
    """
    known = {
        name: entry.default
        for name, entry in inspect.signature(function).parameters.items()
        if entry.default is not entry.empty
    } | defaults
    return {name: _name(value) for name, value in settings.items() if name in known and not _alike(value, known[name])}


def of_changed_fields(given: Any) -> str:
    """A dataclass with those of its fields that are other than their defaults."""
    return line(type(given).__name__, **{name: value for name, value in _fields(given) if value is not MISSING})


def of_fields(given: Any) -> str:
    """A dataclass or named tuple with all of its fields."""
    names = given._fields if hasattr(given, "_fields") else [entry.name for entry in fields(given)]
    return line(type(given).__name__, **{name: getattr(given, name) for name in names})


def name_of(network: Any) -> str:
    """What a network or function is called: the name of its class, or its own."""
    return str(getattr(network, "__name__", None) or type(network).__name__)


def _fields(given: Any) -> Iterator[tuple[str, Any]]:
    for entry in fields(given):
        value = getattr(given, entry.name)
        if not _alike(value, _default(entry)):
            yield entry.name, value


def _default(entry: Field[Any]) -> Any:
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def _alike(value: Any, default: Any) -> bool:
    """Whether a recorded value is this default, which may be one number for both axes, a tuple or a class."""
    if isinstance(default, type):
        return bool(_name(value) == default.__name__)
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return value is default
    if isinstance(value, list | tuple) and not isinstance(default, list | tuple):
        return bool(value) and all(entry == default for entry in value)
    listed = isinstance(value, list | tuple)
    return bool(list(value) == list(default)) if listed else bool(value == default)


def _name(value: Any) -> Any:
    """The class of what is recorded with settings of its own."""
    return value["class"] if isinstance(value, Mapping) and "class" in value else value


def _nested(value: Any) -> str:
    return f"{{{len(value)} entries}}" if isinstance(value, Mapping) else short(value)


def _list(values: list[Any] | tuple[Any, ...]) -> str:
    shown = _several(map(short, values[: _MOST + 1]), len(values))
    if isinstance(values, list):
        return f"[{shown}]"
    return f"({shown},)" if len(values) == 1 else f"({shown})"


def _several(entries: Iterable[str], count: int | None = None) -> str:
    known = list(entries)
    total = len(known) if count is None else count
    return ", ".join(known) if total <= _MOST else f"{', '.join(known[:_MOST])}, ... {total} in all"


def _other(value: Any) -> str:
    if inspect.isroutine(value) or isinstance(value, type):
        return str(getattr(value, "__qualname__", value))
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 3 * _LONGEST else type(value).__name__
