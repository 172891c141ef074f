"""How the adapter runs a computation on a borrowed network: eager at first, compiled when it pays."""

from __future__ import annotations

import inspect
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
from mindspore import Tensor, nn

from explainer.arrays import FloatArray
from explainer.errors import ExplainerError
from explainer.memory import images_once, images_per_pass, pieces
from explainer.network.mindspore.borrowing import TracedCalls, blocking, compiling, forget_failed_pass, reclassed
from explainer.network.mindspore.stderr import quiet_stderr

_EAGER_BATCHES = 2  # batches of one shape that run eagerly before the graph is compiled
_COMPARED = 8  # images for which a graph is compared with the eager pass
_GAP = 0.02  # how far apart the two may be, relative to the norm: a wrong graph is off by about 1
_UNSTEADY = 1e-4  # how far apart two passes of one graph may be
_NUMBERS = itertools.count()
_LOG = logging.getLogger("explainer")


@dataclass(frozen=True)
class Trace:
    """A function of tensors, and what is in force while it runs.

    Attributes:
        function: the function.
        classes: the classes that cells of the network have meanwhile.
        around: what else is in force.
        eager: the function as it runs uncompiled, where it then does more (such as looking at its own way back).
        eager_around: what is in force as well while it runs uncompiled.
    """

    function: Callable[..., Any]
    classes: Mapping[nn.Cell, type[nn.Cell]] = field(default_factory=dict)
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    eager: Callable[..., Any] | None = None
    eager_around: Callable[[], AbstractContextManager[None]] = nullcontext

    def compiled(self, example: Sequence[FloatArray]) -> Trace:
        """The same compiled, for arrays of the example's shapes but for the batch axis."""
        return Trace(_compiled(self.function, example), self.classes, self.around)


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
        *,
        compilable: bool = True,
        compile_on_failure: bool = False,
    ) -> None:
        self._trace = trace
        self._compile_on_failure = compile_on_failure
        self._seen = 0
        self._proven: set[int] = set()  # how many images an eager pass has had that ran to its end
        self._compiled: Trace | None = None
        self._compilable = compilable and os.environ.get("EXPLAINER_COMPILE", "").lower() != "off"

    @property
    def compiled(self) -> bool:
        """Whether the computation has been compiled."""
        return self._compiled is not None

    def __call__(self, *arrays: FloatArray, batch_size: int, compiles: bool = True) -> tuple[FloatArray, ...]:
        """The outputs for arrays of (N, ...), the images first: at most `batch_size` and what fits at a time.

        Without `compiles` these batches do not count, and nothing is compiled that runs eagerly.
        """
        chunks = pieces(len(arrays[0]), images_per_pass(batch_size, arrays[0].shape[1:]))
        parts = [self._run([array[chunk] for array in arrays], compiles) for chunk in chunks]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))

    def _run(self, chunk: list[FloatArray], compiles: bool) -> tuple[FloatArray, ...]:
        self._seen += compiles
        # None: there is no graph yet, or MindSpore cannot make one, or it gives other values.
        outputs = None
        if self._compiled is not None:
            outputs = _call(self._compiled, chunk)
        elif compiles and self._compilable and self._seen > _EAGER_BATCHES:
            outputs = self._compile(chunk)
        if outputs is not None:
            return outputs
        return self._run_in_parts(chunk) if self._seen <= _EAGER_BATCHES else self._run_eagerly(chunk)

    def _run_in_parts(self, chunk: list[FloatArray]) -> tuple[FloatArray, ...]:
        """Few large images at a time: MindSpore keeps what it once took, and another engine may answer from now on."""
        parts = pieces(len(chunk[0]), images_once(chunk[0].shape[1:]))
        found = [self._run_part([array[part] for array in chunk]) for part in parts]
        return tuple(np.concatenate(outputs) for outputs in zip(*found, strict=True))

    def _run_part(self, part: list[FloatArray]) -> tuple[FloatArray, ...]:
        return self._run_eagerly(part) if self._compiled is None else _call(self._compiled, part)

    def _run_eagerly(self, chunk: list[FloatArray]) -> tuple[FloatArray, ...]:
        try:
            return self._call_eagerly(chunk)
        except ExplainerError:
            raise
        except Exception:
            outputs = self._compile(chunk, proven=False) if self._compile_on_failure and self._compilable else None
            if outputs is None:
                raise
            return outputs

    def _call_eagerly(self, chunk: list[FloatArray]) -> tuple[FloatArray, ...]:
        count = len(chunk[0])
        traced = TracedCalls()
        # The first pass is a probe: queued, the failure of an operator is seen too late, and may end the process.
        try:
            with nullcontext() if count in self._proven else blocking():
                outputs = _call(self._trace(count), chunk)
        except BaseException:
            forget_failed_pass()
            raise
        finally:
            self._compilable &= not traced.any
        self._proven.add(count)
        return outputs

    def _compile(self, chunk: list[FloatArray], *, proven: bool = True) -> tuple[FloatArray, ...] | None:
        """The outputs compiled, where they are the eager ones; `proven=False` where there are none to compare with."""
        compiled = self._trace(1).compiled(chunk)
        try:
            with without_dump(), quiet_stderr():
                outputs, again = _call(compiled, chunk), _call(compiled, chunk)
        except Exception as error:  # MindSpore raises nearly anything for code that it cannot compile
            self._compilable = False
            _LOG.info("the network runs eagerly: MindSpore cannot compile it (%s)", str(error).split("\n")[0][:200])
            return None
        steady = all(map(partial(_nearly_equal, gap=_UNSTEADY), again, outputs))  # a graph may write into its constants
        if not steady or (proven and not self._is_as_eager(outputs, chunk)):
            self._compilable = False
            _LOG.warning("the network runs eagerly: compiled by MindSpore it gives other values")
            return None
        self._compiled = compiled
        return outputs

    def _is_as_eager(self, outputs: tuple[FloatArray, ...], chunk: list[FloatArray]) -> bool:
        """Whether the first outputs are the eager ones, but for units so near a kink that rounding decides."""
        # A few images tell: a wrong graph is wrong for all of them.
        wanted = self._call_eagerly([array[:_COMPARED] for array in chunk])
        return all(_nearly_equal(ours[:_COMPARED], eager) for ours, eager in zip(outputs, wanted, strict=True))


def _nearly_equal(one: FloatArray, other: FloatArray, gap: float = _GAP) -> bool:
    if one.shape != other.shape:
        return False
    finite = np.isfinite(other)
    if not np.array_equal(np.isfinite(one), finite):
        return False
    wanted = other[finite].astype(np.float64)
    return bool(np.linalg.norm(one[finite] - wanted) <= gap * np.linalg.norm(wanted))


def _compiled(function: Callable[..., Any], chunk: Sequence[FloatArray]) -> Callable[..., Any]:
    """The function compiled for arrays of these shapes, the batch axis left open."""
    function.__name__ = f"{function.__name__}_{next(_NUMBERS)}"  # one name twice: MindSpore warns "compiled again"
    names = list(inspect.signature(function).parameters)
    shapes = {
        name: Tensor(shape=[None, *array.shape[1:]], dtype=mindspore.float32)
        for name, array in zip(names, chunk, strict=True)
    }
    jitted = mindspore.jit(mindspore.enable_dynamic(**shapes)(function))

    def compiled(*tensors: Tensor) -> Any:
        with compiling():
            return jitted(*tensors)

    return compiled


@contextmanager
def without_dump() -> Iterator[None]:
    """Removes the folder "rank_0" that a failed compilation or export leaves in the working directory."""
    dump = Path.cwd() / "rank_0"
    was_there = dump.exists()
    try:
        yield
    finally:
        if not was_there:
            shutil.rmtree(dump, ignore_errors=True)


def _call(trace: Trace, arrays: list[FloatArray]) -> tuple[FloatArray, ...]:
    tensors = [Tensor(np.ascontiguousarray(array, np.float32)) for array in arrays]  # copies: a network may write
    with trace.around(), trace.eager_around(), reclassed(trace.classes):
        outputs = (trace.eager or trace.function)(*tensors)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(output.astype(mindspore.float32).asnumpy() for output in outputs)
