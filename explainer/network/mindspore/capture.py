"""The graph of a network, as MindSpore compiles it: taken in memory, the network and all around it left as found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import mindspore
from mindspore import Parameter, Tensor, context, nn
from mindspore.common.initializer import Zero
from numpy.typing import NDArray

from explainer.errors import EngineError
from explainer.network.mindspore.borrowing import (
    await_writes,
    borrowed,
    cells_by_name,
    cells_of,
    compiling,
    forget_compiled,
)
from explainer.network.mindspore.graph_files import holds_graph
from explainer.network.mindspore.program import without_dump
from explainer.network.mindspore.shared import shared_of
from explainer.network.mindspore.stderr import quiet_stderr

_HOOKS = tuple(name for name in vars(nn.Cell()) if name.startswith(("_lazy_forward", "_lazy_backward")))
_CACHES = ("_compile_cache", "_phase_cache")
_LONGEST = 200


class _TakenError(Exception):
    """Ends the export: what was wanted is there, and no file is to be written."""


def captured(network: nn.Cell, image_shape: tuple[int, ...], batch: int) -> Any:
    """The model (MindIR, a parsed message) of a network for `batch` images of a shape; weights are not in it.

    Raises:
        EngineError: something in the network is not in its graph, or MindSpore cannot export it; the message says what.
    """
    require_all_in_graph(network)
    found: list[Any] = []

    def take(model: Any) -> None:
        found.append(model)
        raise _TakenError

    images = Tensor(shape=(batch, *image_shape), dtype=mindspore.float32, init=Zero())  # takes no memory
    with borrowed(network), compiling(), _left_as_found(network):
        try:
            mindspore.export(network, images, file_name="network", file_format="MINDIR", custom_func=take)
        except _TakenError:
            shared_of(network).parameters.update(network.parameters_dict())  # as they are called in the graph
        except Exception as error:  # MindSpore raises nearly anything for code that it cannot compile
            raise EngineError(f"MindSpore cannot export the network ({_first_line(error)})") from error
    return found[0]


def require_all_in_graph(network: nn.Cell) -> None:
    """Raises EngineError where a graph would silently be without something of the network's own."""
    if holds_graph(network):
        raise EngineError("the network is a graph of a MindIR file, which an export would spoil")
    for name, cell in cells_by_name(network).items():
        place = f"the cell {name!r} ({type(cell).__name__})" if name else "the network"
        if cell.has_bprop:
            raise EngineError(f"{place} has a backward rule of its own (bprop), which no graph holds")
        if any(vars(cell).get(kind) for kind in _HOOKS):
            raise EngineError(f"{place} has a hook, which no graph holds")


def parameters_of(network: nn.Cell, names: list[str]) -> dict[str, NDArray[Any]]:
    """The values, as they are now, of the parameters that had these names when a graph was taken.

    Raises:
        EngineError: the network holds one of them where no cell knows of it.
    """
    shared = shared_of(network)
    known: Mapping[str, Parameter] = shared.parameters
    if not known.keys() >= set(names):
        known = {**network.parameters_dict(), **known}
    missing = [name for name in names if name not in known]
    if missing:
        raise EngineError(f"the parameter {missing[0]!r} is in a list or a dictionary, of which no cell knows")
    await_writes()
    return {name: shared.values_of(known[name]) for name in names}


@contextmanager
def _left_as_found(network: nn.Cell) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(_same_cells(network))
        stack.enter_context(without_dump())
        stack.enter_context(quiet_stderr())
        level = context.get_context("jit_syntax_level")
        stack.callback(context.set_context, jit_syntax_level=level)
        yield


@contextmanager
def _same_cells(network: nn.Cell) -> Iterator[None]:
    """Cells keep nothing of a compilation, so that the next one finds what the network is then."""
    before = [(cell, dict(vars(cell)), _caches(cell)) for cell in cells_of(network)]
    try:
        yield
    finally:
        made = set(network.compile_cache) - set(before[0][2].get("_compile_cache", ()))
        if made:
            forget_compiled(network, made)
        for cell, attributes, caches in before:
            for name, kept in caches.items():
                attributes[name].clear()
                attributes[name].update(kept)
            for name in set(vars(cell)) - set(attributes):
                del vars(cell)[name]
            vars(cell).update(attributes)


def _caches(cell: nn.Cell) -> dict[str, Any]:
    return {name: vars(cell)[name].copy() for name in _CACHES if vars(cell).get(name) is not None}


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("-")]
    return (telling[0] if telling else type(error).__name__)[:_LONGEST].rstrip(".")
