"""Code of the user's, by the name MODULE:NAME: imported, called, and what it raises told in one sentence."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from explainer.checks import did_you_mean

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def imported(module_name: str, name: str, *, option: str) -> Callable[..., Any]:
    """A function or class of a module, which is looked for in the working directory, too.

    Raises:
        ValueError: there is no such module or function, or the module raised, whatever exception.
    """
    with told_as(f"{option}: could not import {module_name!r}", module_name), _working_directory_on_path():
        module = importlib.import_module(module_name)
        found = getattr(module, name, None)
    if not callable(found):
        known = [known for known, value in vars(module).items() if callable(value) and not known.startswith("_")]
        raise ValueError(f"{option}: {module_name} has no function {name!r}{did_you_mean(name, known)}")
    made: Callable[..., Any] = found
    return made


def require_arguments(option: str, what: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raises ValueError unless a function takes these arguments by name and has a default for every other.

    Args:
        option: what messages call the arguments.
        what: what they call the function.
        function: that is to be called.
        arguments: by name.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built-in code that does not say
        return
    known = [entry.name for entry in parameters if entry.kind in _BY_NAME]
    takes_any = any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in parameters)
    unknown = [] if takes_any else [name for name in arguments if name not in known]
    if unknown:
        takes = f"takes {', '.join(_nearest_first(unknown[0], known))}" if known else "takes no arguments"
        raise ValueError(f"{option}: {what} {takes}; got {unknown[0]!r}{did_you_mean(unknown[0], known)}")
    missing = [entry.name for entry in parameters if _must_be_given(entry) and entry.name not in arguments]
    if missing:
        raise ValueError(
            f"{option} must give {', '.join(missing)}, for which {what} has no default; write {missing[0]}=VALUE"
        )


@contextmanager
def told_as(what: str, module_name: str = "") -> Iterator[None]:
    """Makes one sentence of whatever the user's code raises, SystemExit included; Ctrl-C stays what it is."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        is_missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        do = "is it on the Python path?" if is_missing else "--traceback shows where"
        raise ValueError(f"{what} ({one_line(error)}); {do}") from error


def one_line(error: BaseException) -> str:
    """The class of an error and what it says first."""
    said = first_paragraph(error)
    return f"{type(error).__name__}{': ' * bool(said)}{said}"


def first_paragraph(error: BaseException) -> str:
    """What an error says, in one line; MindSpore goes on for a page."""
    return " ".join(str(error).strip().split("\n\n")[0].split())


def _must_be_given(parameter: inspect.Parameter) -> bool:
    return parameter.kind in _BY_NAME and parameter.default is parameter.empty


def _nearest_first(name: str, known: list[str]) -> list[str]:
    near = difflib.get_close_matches(name, known, n=len(known) or 1, cutoff=0.5)
    return [*near, *(other for other in known if other not in near)]


def is_from_here(module_name: str) -> bool:
    """Whether a module that was imported lies in the working directory, and is not installed there."""
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file is None:
        return False
    path = Path(file).absolute()
    return path.is_relative_to(Path.cwd()) and "site-packages" not in path.parts


@contextmanager
def _working_directory_on_path() -> Iterator[None]:
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have changed the path itself
            sys.path.remove("")
