"""Parts of a tensor. ONNX gets bounds counted from the front alone, as derivatives read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import Batch, GraphBuilder, Shape, Value
from explainer.network.onnx.operators.operands import Translation, axis_of, integers, require

_BEFORE_ALL = -(2**31)  # where a slice ends that runs backwards to the first row: ONNX reads -1 as the last one


def _strided(graph: GraphBuilder, call: Call) -> Value:
    """(input, starts, ends, steps, five masks): as NumPy's slices, an index, a new axis or an ellipsis among them."""
    starts, ends, steps = (integers(entry) for entry in call.arguments[1:4])
    open_start, open_end, ellipsis, new_axis, index = (call.argument(at, 0) for at in range(4, 9))
    require(ellipsis == 0 and new_axis == 0, call.operator, "with a new axis or an ellipsis")
    bounds = []
    for axis, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True)):
        bit = 1 << axis
        if index & bit:
            bounds.append(slice(start, None if start == -1 else start + 1, 1))
        else:
            bounds.append(slice(None if open_start & bit else start, None if open_end & bit else end, step))
    return graph.reshaped(sliced(graph, call, bounds), call.shape)


def _cut(graph: GraphBuilder, call: Call) -> Value:
    """(input, starts, sizes); a size of -1 is all that is left."""
    starts, sizes = (integers(entry) for entry in call.arguments[1:3])
    bounds = [
        slice(start, None if size == -1 or isinstance(size, Batch) else start + size)
        for start, size in zip(starts, sizes, strict=True)
    ]
    return sliced(graph, call, bounds)


def _along_one_axis(graph: GraphBuilder, call: Call) -> Value:
    """(input, axis, start, end, step)."""
    axis, start, end, step = (call.argument(at, 1) for at in range(1, 5))
    bounds = [slice(None)] * axis_of(axis, len(call.shape))
    return sliced(graph, call, [*bounds, slice(start, end, step)])


def _narrowed(graph: GraphBuilder, call: Call) -> Value:
    """(input, axis, start, how many)."""
    axis, start, count = call.arguments[1:4]
    bounds = [slice(None)] * axis_of(axis, len(call.shape))
    return sliced(graph, call, [*bounds, slice(start, start + count)])


def _at_one_index(graph: GraphBuilder, call: Call) -> Value:
    """(input, axis, index)."""
    axis, index = call.arguments[1:3]
    bounds = [slice(None)] * axis_of(axis, len(call.first.shape))
    picked = sliced(graph, call, [*bounds, slice(index, None if index == -1 else index + 1)])
    return graph.reshaped(picked, call.shape)


def _backwards(graph: GraphBuilder, call: Call) -> Value:
    axes = integers(call.argument(1, call.settings.get("axis")))
    axes = [axis_of(axis, len(call.shape)) for axis in axes]
    return sliced(graph, call, [slice(None, None, -1 if axis in axes else 1) for axis in range(len(call.shape))])


def sliced(graph: GraphBuilder, call: Call, bounds: list[slice]) -> Value:
    """The part of the call's first argument that Python's slices, one for each of its first axes, choose."""
    value = call.first
    found = [(axis, *_exact(call, value.shape[axis], bound)) for axis, bound in enumerate(bounds)]
    found = [entry for entry in found if entry[4] != value.shape[entry[0]] or entry[3] != 1]
    if not found:
        return value
    axes, starts, ends, steps, sizes = zip(*found, strict=True)
    shape = _with_sizes(value.shape, axes, sizes)
    return graph.node("Slice", value, *(graph.integers(*entry) for entry in (starts, ends, axes, steps)), shape=shape)


def _exact(call: Call, size: int | Batch, bound: slice) -> tuple[int, int, int, int | Batch]:
    """(start, end, step, how many)."""
    if isinstance(size, Batch):
        whole = bound.start in (None, 0) and bound.stop in (None, size) and bound.step in (None, 1)
        require(whole, call.operator, "of some images of a batch")
        return 0, 0, 1, size
    stop = None if isinstance(bound.stop, Batch) else bound.stop
    start, end, step = slice(bound.start, stop, bound.step).indices(size)
    return start, _BEFORE_ALL if end < 0 else end, step, len(range(start, end, step))


def _with_sizes(shape: Shape, axes: Any, sizes: Any) -> Shape:
    changed = list(shape)
    for axis, size in zip(axes, sizes, strict=True):
        changed[axis] = size
    return tuple(changed)


OPERATORS: Mapping[str, Translation] = {
    "NarrowView": _narrowed,
    "ReverseV2": _backwards,
    "SelectExtView": _at_one_index,
    "Slice": _cut,
    "SliceExt": _along_one_axis,
    "SliceExtView": _along_one_axis,
    "StridedSlice": _strided,
}
