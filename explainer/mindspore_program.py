"""How the adapter runs a user's network: borrowed, eager at first, compiled when it pays.

Cells are never replaced and never hooked. To change what a cell does for the length of a call, its *class* is exchanged
for a subclass and put back: the object, its parameters, hooks and places in containers stay what they were, it works at
every call site of a shared cell, and MindSpore compiles it like any other cell.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
_EAGER_BATCHES = 2  # batches of one shape that run eagerly before the graph is compiled
_LEAST_EVEN = 8  # images in a batch beyond which an odd number costs more than a smaller rest
_NUMBERS = itertools.count()
_LOG = logging.getLogger("explainer")


@contextmanager
def borrowed(network: nn.Cell) -> Iterator[None]:
    """The network in evaluation mode and PyNative; every flag and the mode are put back, whatever happens."""
    states = [(cell, _flags(cell)) for _, cell in network.cells_and_names()]
    mode = mindspore.get_context("mode")
    try:
        for cell, _ in states:
            cell.add_flags(training=False)
            cell.requires_grad = False
        network.phase = "predict"
        if mode != mindspore.PYNATIVE_MODE:
            mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
        yield
    finally:
        if mode != mindspore.PYNATIVE_MODE:
            mindspore.set_context(mode=mode)
        for cell, flags in states:
            _restore(cell, flags)


@contextmanager
def reclassed(classes: Mapping[nn.Cell, type[nn.Cell]]) -> Iterator[None]:
    """Each cell behaves as the class given for it; all are put back, whatever happens."""
    originals = [(cell, type(cell), cell.has_bprop) for cell in classes]
    try:
        for cell, kind in classes.items():
            cell.__class__ = kind
            cell.has_bprop = hasattr(kind, "bprop")
        yield
    finally:
        for cell, kind, has_bprop in originals:
            cell.__class__ = kind
            cell.has_bprop = has_bprop


@dataclass(frozen=True)
class Trace:
    """A function of tensors, the classes that cells of the network have while it runs, and what else is in force."""

    function: Callable[..., Any]
    classes: Mapping[nn.Cell, type[nn.Cell]] = field(default_factory=dict)
    around: Callable[[], AbstractContextManager[None]] = nullcontext


class Program:
    """A computation on images of one shape: eager for the first batches, then compiled once for every batch size.

    `trace(count)` gives the function for `count` images. Compiling costs about as much as some eager batches, so a few
    images are never compiled for. What MindSpore cannot compile runs eagerly throughout, and with `compile_on_failure`
    what it can only compile (some strided slices have no eager gradient) is compiled at once. `compilable=False` and
    `EXPLAINER_COMPILE=off` in the environment switch compiling off.
    """

    def __init__(
        self,
        trace: Callable[[int], Trace],
        batch_size: int,
        *,
        compilable: bool = True,
        compile_on_failure: bool = False,
    ) -> None:
        self._trace = trace
        self._compile_on_failure = compile_on_failure
        self._batch_size = batch_size
        self._seen = 0
        self._compiled: Trace | None = None
        self._compilable = compilable and os.environ.get("EXPLAINER_COMPILE", "").lower() != "off"

    @property
    def compiled(self) -> bool:
        """Whether the computation has been compiled."""
        return self._compiled is not None

    def __call__(self, *arrays: FloatArray) -> tuple[FloatArray, ...]:
        """The outputs for arrays of (N, ...), each (N, ...), computed at most `batch_size` samples at a time."""
        pieces = _pieces(len(arrays[0]), self._batch_size)
        parts = [self._run([array[piece] for array in arrays]) for piece in pieces]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))

    def _run(self, chunk: list[FloatArray]) -> tuple[FloatArray, ...]:
        self._seen += 1
        if self._compiled is not None:
            return _call(self._compiled, chunk)
        if self._compilable and self._seen > _EAGER_BATCHES:
            outputs = self._compile(chunk)
            if outputs is not None:
                return outputs
        return self._run_eagerly(chunk)

    def _run_eagerly(self, chunk: list[FloatArray]) -> tuple[FloatArray, ...]:
        try:
            return _call(self._trace(len(chunk[0])), chunk)
        except Exception:
            outputs = self._compile(chunk) if self._compile_on_failure and self._compilable else None
            if outputs is None:
                raise
            return outputs

    def _compile(self, chunk: list[FloatArray]) -> tuple[FloatArray, ...] | None:
        trace = self._trace(1)
        compiled = replace(trace, function=_jitted(trace.function, chunk))
        try:
            with _without_dump():
                outputs = _call(compiled, chunk)
        except Exception as error:  # MindSpore raises nearly anything for code that it cannot compile
            self._compilable = False
            _LOG.info("the network runs eagerly: MindSpore cannot compile it (%s)", str(error).split("\n")[0][:200])
            return None
        self._compiled = compiled
        return outputs


def _pieces(count: int, batch_size: int) -> list[slice]:
    """As few pieces as the batch size allows, of about one size: a small rest would cost more per image.

    Larger ones are even: an odd batch does not divide among cores and takes up to a third more (ResNet-20, two cores).

    >>> [len(range(100)[piece]) for piece in _pieces(100, 32)]
    [26, 26, 26, 22]
    """
    size = -(-count // -(-count // batch_size))
    if _LEAST_EVEN < size < batch_size:
        size += size % 2
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _jitted(function: Callable[..., Any], chunk: list[FloatArray]) -> Callable[..., Any]:
    """The function compiled for arrays of these shapes, the batch axis left open."""
    function.__name__ = f"{function.__name__}_{next(_NUMBERS)}"  # one name twice: MindSpore warns "compiled again"
    names = list(inspect.signature(function).parameters)
    shapes = {
        name: Tensor(shape=[None, *array.shape[1:]], dtype=mindspore.float32)
        for name, array in zip(names, chunk, strict=True)
    }
    compiled: Callable[..., Any] = mindspore.jit(mindspore.enable_dynamic(**shapes)(function))
    return compiled


@contextmanager
def _without_dump() -> Iterator[None]:
    """Removes the folder "rank_0" that a failed compilation leaves in the working directory."""
    dump = Path("rank_0")
    was_there = dump.exists()
    try:
        yield
    finally:
        if not was_there:
            shutil.rmtree(dump, ignore_errors=True)


def without_tensor(value: Any) -> Any:
    """A tensor as a NumPy array, anything else as it is."""
    return value.asnumpy() if isinstance(value, Tensor) else value


def to_tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor of the same dtype, sharing nothing with it."""
    return Tensor(array)


def is_cell(value: Any) -> bool:
    """Whether the value is a MindSpore cell."""
    return isinstance(value, nn.Cell)


def is_tensor(value: Any) -> bool:
    """Whether the value is a MindSpore tensor."""
    return isinstance(value, Tensor)


def _call(trace: Trace, arrays: list[FloatArray]) -> tuple[FloatArray, ...]:
    tensors = [Tensor(np.ascontiguousarray(array, np.float32)) for array in arrays]  # copies: a network may write
    with trace.around(), reclassed(trace.classes):
        outputs = trace.function(*tensors)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(output.astype(mindspore.float32).asnumpy() for output in outputs)


def _flags(cell: nn.Cell) -> dict[str, Any]:
    kept = {name: vars(cell)[name] for name in ("training", "requires_grad", "_phase") if name in vars(cell)}
    graph_flags = vars(cell).get("_func_graph_flags")
    return kept | {"_func_graph_flags": None if graph_flags is None else dict(graph_flags)}


def _restore(cell: nn.Cell, flags: dict[str, Any]) -> None:
    graph_flags = flags["_func_graph_flags"]
    if graph_flags is None:
        vars(cell).pop("_func_graph_flags", None)
    else:
        cell._func_graph_flags.clear()
        cell._func_graph_flags.update(graph_flags)
    vars(cell).update({name: value for name, value in flags.items() if name != "_func_graph_flags"})
