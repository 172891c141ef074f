"""A gradient for slices with a step in MindSpore's eager mode, where version 2.10 has none that works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mindspore
from mindspore import Tensor, ops

_WHOLE = slice(None)


@contextmanager
def differentiable_slices() -> Iterator[None]:
    """Slices with a step, such as `x[:, :, ::2, ::2]` and `x[:, ::-1]`, take their entries by index meanwhile.

    The values are the same. Without this their gradient fails ("StridedSliceGrad ... out of bounds") in eager mode.
    """
    own = vars(Tensor).get("__getitem__")
    original = Tensor.__getitem__

    def sliced(tensor: Tensor, index: Any) -> Any:
        entries = _basic(index, tensor.ndim)
        if entries is None or not any(_has_step(entry) for entry in entries):
            return original(tensor, index)
        axes = [entry for entry in entries if entry is not None]
        taken = {axis: range(tensor.shape[axis])[entry] for axis, entry in enumerate(axes) if _has_step(entry)}
        if not all(taken.values()):
            return original(tensor, index)  # empty: there is no gradient to be had
        for axis, steps in taken.items():
            tensor = ops.gather(tensor, Tensor(list(steps), mindspore.int32), axis)
        return original(tensor, tuple(_WHOLE if _has_step(entry) else entry for entry in entries))

    Tensor.__getitem__ = sliced
    try:
        yield
    finally:
        if own is None:
            del Tensor.__getitem__
        else:
            Tensor.__getitem__ = own


def _basic(index: Any, axes: int) -> tuple[Any, ...] | None:
    """The entries of an index of slices, numbers, None and "..." alone, "..." written out; None for any other.

    >>> _basic((..., slice(0, 8, 2)), 3)
    (slice(None, None, None), slice(None, None, None), slice(0, 8, 2))
    """
    entries = index if isinstance(index, tuple) else (index,)
    if not all(entry is None or entry is ... or type(entry) in (slice, int) for entry in entries):
        return None
    if ... not in entries:
        return entries
    at = entries.index(...)
    missing = axes - sum(type(entry) in (slice, int) for entry in entries)
    return (*entries[:at], *(_WHOLE,) * missing, *entries[at + 1 :])


def _has_step(entry: Any) -> bool:
    return isinstance(entry, slice) and entry.step not in (None, 1)
