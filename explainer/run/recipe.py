"""A runner as it was put together, so that a process of its own can put the same together."""

from __future__ import annotations

import io
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from explainer.benchmark.base import Metric
from explainer.explanation.base import Attribution
from explainer.network.mindspore.pickled import reduced

_Given = ParamSpec("_Given")
_DO = (
    "what one process is to hand to another must be importable: defined in a file, outside of functions. Or give a "
    "function that makes the runner: explainer.run.workers.run(make_runner, summary_dir, workers=...)"
)


@dataclass(frozen=True)
class Registration:
    """A call of one of a runner's methods: its name, and what it was given."""

    method: str
    arguments: tuple[Any, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What a runner is made of.

    Attributes:
        kind: its class.
        given: to the class, behind the folder, by name.
        registrations: in their order.
    """

    kind: type[Any]
    given: Mapping[str, Any]
    registrations: list[Registration] = field(default_factory=list)

    def made(self, summary_dir: Path) -> Any:
        """Such a runner, for a folder; warnings were told when the first one was made."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runner = self.kind(summary_dir, **self.given)
            for call in self.registrations:
                getattr(runner, call.method)(*call.arguments, **call.settings)
        return runner

    def pickled(self) -> bytes:
        """`made`, for another process: one network there, too, however many methods were made for it.

        Raises:
            TypeError: something of it cannot be pickled; says what.
        """
        try:
            return _pickled(self.made)
        except Exception as error:  # whatever an object of the user's raises
            for name, value in self._parts():
                _require_pickled(name, value)
            raise TypeError(f"the runner cannot be sent to another process: {error}; {_DO}") from error

    def _parts(self) -> Iterator[tuple[str, Any]]:
        """All that was given, by the names that messages have for it."""
        yield from self.given.items()
        for call in self.registrations:
            for value in (*call.arguments, *call.settings.values()):
                entries = value if isinstance(value, list | tuple) else [value]
                yield from ((f"{type(entry).__name__} of {call.method}", entry) for entry in entries)


class _Registers(Protocol):
    _recipe: Recipe


_Runner = TypeVar("_Runner", bound=_Registers)


def recorded(method: Callable[Concatenate[_Runner, _Given], None]) -> Callable[Concatenate[_Runner, _Given], None]:
    """The method of a runner, whose calls its recipe keeps."""

    @wraps(method)
    def call(self: _Runner, /, *arguments: _Given.args, **settings: _Given.kwargs) -> None:
        method(self, *arguments, **settings)
        self._recipe.registrations.append(Registration(method.__name__, arguments, settings))

    return call


class _Pickler(pickle.Pickler):
    """Keeps methods and metrics as what they were made with, and MindSpore's objects."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Attribution | Metric):
            return _again, (type(value), *value.made_with, _named(value))
        if isinstance(value, type | FunctionType) and value.__module__ == "__main__":
            _require_file(value)
        return reduced(value)


def _again(kind: type[Any], arguments: tuple[Any, ...], settings: dict[str, Any], named: Any) -> Any:
    made = kind(*arguments, **settings)
    if named is None:
        return made
    return made.with_labels(named) if isinstance(made, Attribution) else made.named(named)


def _named(value: Attribution | Metric) -> Any:
    """What it was given after it was made: the names of the classes, or a name of its own."""
    return value.labels if isinstance(value, Attribution) else value.name


def _require_file(value: Any) -> None:
    if not hasattr(sys.modules["__main__"], "__file__"):
        raise TypeError(f"{value.__qualname__} was defined at a prompt or in a notebook, where no process finds it")


def _require_pickled(name: str, value: Any) -> None:
    try:
        _pickled(value)
    except Exception as error:  # whatever an object of the user's raises
        raise TypeError(f"`{name}` cannot be sent to another process: {error}; {_DO}") from error


def _pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return stream.getvalue()
