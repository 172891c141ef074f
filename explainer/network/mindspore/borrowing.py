"""How a user's network is borrowed: by one thread at a time, uncompiled, in evaluation mode, given back as it was.

Cells are never replaced and never hooked. To change what a cell does for the length of a call, its *class* is exchanged
for a subclass and put back: the object, its parameters, hooks and positions in containers stay what they were, it works
at every call site of a shared cell, and MindSpore compiles it like any other cell.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from inspect import ismethod
from types import SimpleNamespace
from typing import Any

import mindspore
from mindspore import context, nn
from mindspore._c_expression import ms_ctx_param

_LOCK = threading.RLock()
_borrowed: set[int] = set()  # ids of the networks that the thread with the lock has borrowed
_RECOMPUTE = "_recompute_cell"


def _module(*names: str) -> Any:
    """The first of these modules of MindSpore that there is: they move between versions."""
    for name in names:
        with suppress(ImportError):
            return importlib.import_module(name)
    return SimpleNamespace()


_RECOMPUTATION: Any = importlib.import_module("mindspore.common.recompute")  # not the function of that name


class _NotRecomputed(_RECOMPUTATION._RecomputeCell):
    """Made for a block, it is the block itself."""

    def __new__(cls, block: nn.Cell) -> Any:
        return block


def _not_recomputed(
    block: Any, output_recompute: Any, early_stop: Any, context_fn: Any, *inputs: Any, **named: Any
) -> Any:
    named.pop("save_rng_state", None)
    return block(*inputs, **named)


_RECOMPUTED = {"_RecomputeCell": _NotRecomputed, "recompute_without_reentrant": _not_recomputed}
_TRACING = _module("mindspore.graph.jit_trace", "mindspore.common.jit_trace")
_BYTECODE = getattr(
    _module("mindspore.graph._utils.pijit_context", "mindspore.common._pijit_context"), "PIJitCaptureContext", None
)
_traced_calls: list[None] = []


def _traced_already() -> bool:
    """What a traced function calls first; it then calls what it wraps."""
    _traced_calls.append(None)
    return True


class _AsWritten:
    """Made for a function that is compiled by parsing it, it is the function itself; MindSpore's own are compiled."""

    def __new__(cls, function: Callable[..., Any], key: Any, signature: Any, owner: Any, *settings: Any) -> Any:
        if owner is None and function.__module__.startswith("mindspore."):  # `vmap` would call itself for ever
            return _EXECUTOR(function, key, signature, owner, *settings)
        return function


_API = _module("mindspore.graph.api", "mindspore.common.api")
_EXECUTOR = _API._JitExecutor
_MINDSPORES_OWN = [  # and what stands there while nothing of the user's is to be compiled
    (owner, name, getattr(owner, name), idle)
    for owner, name, idle in (
        (_API, "_JitExecutor", _AsWritten),
        (_TRACING, "jit_context", _traced_already),
        (_BYTECODE, "__enter__", lambda capture: capture),
        (_BYTECODE, "__exit__", lambda capture, *error: None),
    )
    if hasattr(owner, name)
]


@contextmanager
def borrowed(network: nn.Cell) -> Iterator[None]:
    """The network in evaluation mode and PyNative; every flag and the mode are put back, whatever happens.

    MindSpore's eager mode belongs to the process: two threads in it at once abort, hang or give zeros. So one thread
    has the networks at a time, all others wait. What the user has compiled (`mindspore.jit`) runs as it was written, so
    that layers and ReLUs inside can be reached; what pays is compiled by us.
    """
    with _LOCK, ExitStack() as stack:
        if id(network) not in _borrowed:
            cells = cells_of(network)
            stack.enter_context(_in_evaluation_mode(network, cells))
            stack.enter_context(_without_recomputation(cells))
            stack.enter_context(_jit_switched(off=True))
            _borrowed.add(id(network))
            stack.callback(_borrowed.discard, id(network))
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """No other thread has a network meanwhile."""
    with _LOCK:
        yield


@contextmanager
def reclassed(classes: Mapping[nn.Cell, type[nn.Cell]]) -> Iterator[None]:
    """Each cell behaves as the class given for it; all are put back, whatever happens."""
    originals = [(cell, type(cell), cell.has_bprop, vars(cell).get("construct")) for cell in classes]
    try:
        for cell, kind in classes.items():
            vars(cell).pop("construct", None)  # an object's own would hide its class's
            cell.__class__ = kind
            cell.has_bprop = hasattr(kind, "bprop")
        yield
    finally:
        for cell, kind, has_bprop, construct in originals:
            cell.__class__ = kind
            cell.has_bprop = has_bprop
            if construct is not None:
                vars(cell)["construct"] = construct


def class_of(cell: nn.Cell) -> type[nn.Cell]:
    """The cell's class, with the `construct` that the object itself may hold (`cell.construct = ...`)."""
    own = vars(cell).get("construct")
    if own is None:
        return type(cell)
    function = own.__func__ if ismethod(own) and own.__self__ is cell else _without_self(own)
    return type(type(cell).__name__, (type(cell),), {"construct": uncompiled(function)})


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it was written, where `mindspore.jit` has wrapped it."""
    while getattr(function, "__wrapped_by_jit__", False):
        function = function.__wrapped__  # type: ignore[attr-defined]
    return function


def is_as_made(cell: nn.Cell, kinds: tuple[type[nn.Cell], ...]) -> bool:
    """Whether the cell computes what one of these classes does: a subclass may compute something else."""
    return any(isinstance(cell, kind) and class_of(cell).construct is kind.construct for kind in kinds)


def cells_of(network: nn.Cell) -> list[nn.Cell]:
    """Every cell once, the network first, in MindSpore's order."""
    found: dict[int, nn.Cell] = {}
    waiting = [network]
    while waiting:  # `cells_and_names` is recursive, and takes three times as long
        cell = waiting.pop()
        if id(cell) not in found:
            found[id(cell)] = cell
            waiting += [child for child in reversed(cell._cells.values()) if child is not None]
    return list(found.values())


def cells_by_name(network: nn.Cell) -> dict[str, nn.Cell]:
    """Every name of every cell, "" for the network itself; a cell bound to two names has both."""
    found: dict[str, nn.Cell] = {}
    _add_cells(network, "", found, ())
    return found


@contextmanager
def compiling() -> Iterator[None]:
    """Inside `borrowed`: MindSpore compiles again, for a graph of ours."""
    with _jit_switched(off=False):
        yield


class TracedCalls:
    """Whether functions that the user has traced, `jit(capture_mode="trace")`, were called since this was made.

    Traced while a graph of ours is parsed they fail, and MindSpore never leaves the trace: no operator works again.
    """

    def __init__(self) -> None:
        _traced_calls.clear()

    @property
    def any(self) -> bool:
        """Whether there were any."""
        return bool(_traced_calls)


def forget_failed_pass() -> None:
    """MindSpore drops what an eager pass that failed has left behind; else later gradients trip over it."""
    _API._pynative_executor.clear_res()


def forget_compiled(network: nn.Cell, phases: set[str]) -> None:
    """MindSpore drops graphs of a network, by the names that its `compile_cache` has for them."""
    _API._cell_graph_executor.del_net_res(network, phases)


def await_writes() -> None:
    """Until all operators that are queued have run: an optimizer's step may still be on its way."""
    _API._pynative_executor.sync()


@contextmanager
def blocking() -> Iterator[None]:
    """Operators run one after the other, so that a failing one raises at once.

    By default MindSpore's eager mode queues them. Whoever touches the output of one that failed meanwhile brings the
    process down.
    """
    settings = context._context()
    before = settings.get_param(ms_ctx_param.pynative_synchronize)
    settings.set_param(ms_ctx_param.pynative_synchronize, True)
    try:
        yield
    finally:
        settings.set_param(ms_ctx_param.pynative_synchronize, before)


@contextmanager
def _in_evaluation_mode(network: nn.Cell, cells: list[nn.Cell]) -> Iterator[None]:
    # Before `try`: what was not looked at could not be put back.
    states = [(vars(cell), _flags(vars(cell))) for cell in cells]
    mode = mindspore.get_context("mode")
    try:
        for own, _ in states:
            # What `add_flags(training=False)` and `requires_grad = False` do, which MindSpore takes long for.
            own.setdefault("_func_graph_flags", {})["training"] = False
            own.update(_EVALUATED)
        network.phase = "predict"
        if mode != mindspore.PYNATIVE_MODE:
            mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
        yield
    finally:
        if mode != mindspore.PYNATIVE_MODE:
            mindspore.set_context(mode=mode)
        for own, flags in states:
            _restore(own, *flags)


_Flags = tuple[dict[str, Any], dict[str, Any] | None]
_EVALUATED = {"training": False, "requires_grad": False}


def _flags(own: dict[str, Any]) -> _Flags:
    """The flags among a cell's attributes, and those for the compiler, None where it has no place for them yet."""
    graph_flags = own.get("_func_graph_flags")
    kept: dict[str, Any] = {name: own[name] for name in ("training", "requires_grad", "_phase") if name in own}
    return kept, None if graph_flags is None else graph_flags.copy()


def _restore(own: dict[str, Any], kept: dict[str, Any], graph_flags: dict[str, Any] | None) -> None:
    own.update(kept)
    if graph_flags is None:
        own.pop("_func_graph_flags", None)
    elif own["_func_graph_flags"] != graph_flags:
        own["_func_graph_flags"].clear()
        own["_func_graph_flags"].update(graph_flags)


@contextmanager
def _without_recomputation(cells: list[nn.Cell]) -> Iterator[None]:
    """`Cell.recompute` and `mindspore.recompute` do nothing meanwhile.

    Recomputation saves memory and changes no number, but computes the gradients inside in a pass of its own, where a
    layer that is read, or a rule, is not seen.
    """
    with ExitStack() as stack:
        for cell in cells:
            held = cell._cells if _RECOMPUTE in cell._cells else vars(cell)
            if held.get(_RECOMPUTE) is not None:
                stack.callback(held.__setitem__, _RECOMPUTE, held[_RECOMPUTE])
                held[_RECOMPUTE] = None
        for name, idle in _RECOMPUTED.items():
            stack.enter_context(_attribute(_RECOMPUTATION, name, idle))
        yield


@contextmanager
def _jit_switched(*, off: bool) -> Iterator[None]:
    """`mindspore.jit` in all its three modes does nothing, or what MindSpore has it do."""
    with ExitStack() as stack:
        for owner, name, own, idle in _MINDSPORES_OWN:
            stack.enter_context(_attribute(owner, name, idle if off else own))
        yield


@contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _without_self(function: Callable[..., Any]) -> Callable[..., Any]:
    def construct(self: nn.Cell, *inputs: Any, **named: Any) -> Any:
        return function(*inputs, **named)

    return construct


def _add_cells(cell: nn.Cell, name: str, found: dict[str, nn.Cell], above: tuple[nn.Cell, ...]) -> None:
    found[name] = cell
    for child_name, child in cell._cells.items():  # name_cells() leaves out a second name
        if child is not None and child_name != _RECOMPUTE and not any(child is other for other in (cell, *above)):
            _add_cells(child, f"{name}.{child_name}" if name else child_name, found, (cell, *above))
