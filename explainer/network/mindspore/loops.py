"""Loops whose length may be that of a batch: not to be compiled for batches of any size.

MindSpore infers the types in such a loop in threads of its own. Where it fails, as at a list that is empty before the
first turn, one of them may outlive the compilation and let go of Python's objects without Python's lock, which ends
the process: of 12 that compiled 20 or 30 such networks 10 ended so, MindSpore 2.10.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable
from types import FunctionType
from typing import Any

from mindspore import nn

from explainer.network.mindspore.borrowing import cells_of

_AROUND = {"self", "range", "len", "enumerate", "zip", "reversed"}


def has_open_loop(network: nn.Cell) -> bool:
    """Whether the code of a cell loops as often as a tensor, or a number that it computes, says.

    >>> has_open_loop(nn.SequentialCell(nn.ReLU(), nn.Flatten()))
    False
    """
    return any(map(_is_looping, _functions_of({type(cell) for cell in cells_of(network)})))


def _functions_of(kinds: Iterable[type]) -> set[FunctionType]:
    """The user's functions that run in a pass: `construct`, and what these name in their classes and modules."""
    waiting = [(kind, getattr(kind, "construct", None)) for kind in kinds]
    found: set[tuple[type, FunctionType]] = set()
    while waiting:
        kind, function = waiting.pop()
        function = _unwrapped(function)
        if isinstance(function, FunctionType) and (kind, function) not in found and not _is_mindspores(function):
            found.add((kind, function))
            for name in function.__code__.co_names:
                waiting += [(kind, getattr(kind, name, None)), (kind, function.__globals__.get(name))]
    return {function for _, function in found}


def _unwrapped(entry: Any) -> Any:
    """What a static method, a class method or a decorator is made of."""
    return inspect.unwrap(entry.__func__ if isinstance(entry, staticmethod | classmethod) else entry)


def _is_mindspores(what: Any) -> bool:
    return (what.__module__ or "").split(".")[0] in ("mindspore", "builtins")


def _is_looping(function: FunctionType) -> bool:
    tree = _tree_of(function)
    given = {argument.arg for argument in ast.walk(tree) if isinstance(argument, ast.arg)}
    return any(_is_open(length, given - {"self"}) for length in _lengths_in(tree))


def _tree_of(function: FunctionType) -> ast.AST:
    """Its source; nothing where there is none, as MindSpore compiles from source."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def _lengths_in(tree: ast.AST) -> list[ast.expr]:
    """What says how often each loop turns."""
    loops = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    return loops + [node.test for node in ast.walk(tree) if isinstance(node, ast.While)]


def _is_open(length: ast.expr, given: set[str]) -> bool:
    """Whether it is more than what the cell holds and constants: what a function is given, or a number of its own."""
    names = {node.id for node in ast.walk(length) if isinstance(node, ast.Name)}
    is_counted = isinstance(length, ast.Compare) or "range" in names
    return bool(names & given) or (is_counted and bool(names - _AROUND))
