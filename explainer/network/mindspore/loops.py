"""Loops whose length may be that of a batch: not to be compiled for batches of any size.

MindSpore infers the types in such a loop in threads of its own. Where it fails, as at a list that is empty before the
first turn, one of them may outlive the compilation and let go of Python's objects without Python's lock, which ends
the process: 1 in 20 of such compilations, MindSpore 2.10.
"""

from __future__ import annotations

import ast
import inspect
import textwrap

from mindspore import nn

from explainer.network.mindspore.borrowing import cells_of

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def has_open_loop(network: nn.Cell) -> bool:
    """Whether the code of a cell loops as often as a tensor, or a number that it computes, says.

    Helpers outside of the cells' classes are not read.

    >>> has_open_loop(nn.SequentialCell(nn.ReLU(), nn.Flatten()))
    False
    """
    return any(_is_looping(kind) for kind in {type(cell) for cell in cells_of(network)})


def _is_looping(kind: type[nn.Cell]) -> bool:
    written = (base for base in kind.__mro__ if base.__module__.split(".")[0] not in ("mindspore", "builtins"))
    return any(map(_loops_in, map(_tree_of, written)))


def _tree_of(kind: type) -> ast.AST:
    """Its source; nothing where there is none, as MindSpore compiles from source."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def _loops_in(tree: ast.AST) -> bool:
    functions = [node for node in ast.walk(tree) if isinstance(node, _Function) and node.name != "__init__"]
    return any(_is_open(lengths, _given_to(function)) for function in functions for lengths in _lengths_in(function))


def _lengths_in(function: ast.AST) -> list[ast.expr]:
    """What says how often each loop turns."""
    loops = [node.iter for node in ast.walk(function) if isinstance(node, ast.For | ast.comprehension)]
    return loops + [node.test for node in ast.walk(function) if isinstance(node, ast.While)]


def _given_to(function: _Function) -> set[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {argument.arg for argument in arguments} - {"self"}


def _is_open(lengths: ast.expr, given: set[str]) -> bool:
    """Whether it is more than what the cell holds and constants: what a function is given, or a number of its own."""
    names = {node.id for node in ast.walk(lengths) if isinstance(node, ast.Name)} - {"self"}
    counted = isinstance(lengths, ast.Compare) or "range" in names
    return bool(names & given) or (counted and bool(names - {"range", "len", "enumerate", "zip", "reversed"}))
