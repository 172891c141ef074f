"""Which of ONNX's operators compute a place of a map from places around it, and from how far around."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.network.onnx.graph import Batch, Node, Shape, Value
from explainer.network.onnx.operators.operands import fixed
from explainer.network.onnx.windows.spans import SAME_PLACE, Reach

Constants = Mapping[Value, NDArray[Any]]


class Locality(NamedTuple):
    """How an operator sees a map.

    Attributes:
        reaches: from how far above and below, and from how far left and right.
        margin: what stands outside of the map for it.
        attributes: its settings where what it sees is laid before it, margin included.
        is_choice: whether it only chooses places, so that nothing is left to be computed then.
    """

    reaches: tuple[Reach, Reach] = (SAME_PLACE, SAME_PLACE)
    margin: float = 0.0
    attributes: Mapping[str, Any] | None = None
    is_choice: bool = False


def is_map(value: Value) -> bool:
    """Whether a value has rows and columns for each image: (N, C, H, W) of floats."""
    shape = value.shape
    floats = value.dtype in ("float32", "float64")
    return floats and len(shape) == 4 and shape[0] == Batch() and not any(isinstance(size, Batch) for size in shape[1:])


def size_of(value: Value) -> tuple[int, int]:
    """Rows and columns of a map."""
    height, width = map(fixed, value.shape[2:])
    return height, width


def locality_of(node: Node, constants: Constants) -> Locality | None:
    """How the node sees the maps among its inputs; None where that is not known, or not the same everywhere.

    Its other inputs, if it has any, do not depend on the images.
    """
    if not all(is_map(output) for output in node.outputs):
        return None
    found = _LOCALITIES.get(node.operator)
    return None if found is None else found(node, constants)


def _pointwise(node: Node, constants: Constants) -> Locality | None:
    """What meets the maps must be the same at every place."""
    maps = [value for value in node.inputs if value is not None and is_map(value)]
    others = [value for value in node.inputs if value is not None and not is_map(value)]
    size = size_of(node.outputs[0])
    if any(size_of(value) != size for value in maps) or any(_varies(value.shape) for value in others):
        return None
    return Locality()


def _normalised(node: Node, constants: Constants) -> Locality | None:
    return Locality() if not node.attributes.get("training_mode", 0) else None


def _concatenated(node: Node, constants: Constants) -> Locality | None:
    return Locality() if node.attributes["axis"] in (1, -3) and all(map(_is_given_map, node.inputs)) else None


def _convolved(node: Node, constants: Constants) -> Locality | None:
    weight = node.inputs[1]
    assert weight is not None
    return _sliding(node, [fixed(size) for size in weight.shape[2:]], 0.0)


def _largest(node: Node, constants: Constants) -> Locality | None:
    return _sliding(node, node.attributes["kernel_shape"], -np.inf) if len(node.outputs) == 1 else None


def _mean(node: Node, constants: Constants) -> Locality | None:
    """Only where every mean is of equally many: nothing outside of the map, or all of it counted."""
    found = _sliding(node, node.attributes["kernel_shape"], 0.0)
    pads = node.attributes.get("pads", [0] * 4)
    if found is None or (any(pads) and not node.attributes.get("count_include_pad", 0)):
        return None
    source = node.inputs[0]
    assert source is not None
    sizes = zip(size_of(source), size_of(node.outputs[0]), strict=True)
    for axis, ((given, made), reach) in enumerate(zip(sizes, found.reaches, strict=True)):
        if (made - 1) * reach.stride + reach.extent > given + pads[axis] + pads[axis + 2]:
            return None
    return found


def _sliding(node: Node, size: list[int], margin: float) -> Locality | None:
    """A window that slides over two axes, be it of weights."""
    settings = node.attributes
    if len(size) != 2 or settings.get("auto_pad", "NOTSET") != "NOTSET" or any(map(_is_given_map, node.inputs[1:])):
        return None
    strides, dilations = settings.get("strides", [1, 1]), settings.get("dilations", [1, 1])
    pads = settings.get("pads", [0] * 4)
    rows, columns = (Reach(dilations[axis] * (size[axis] - 1) + 1, strides[axis], pads[axis]) for axis in (0, 1))
    # Where one place is seen at a time, only the places in question are fetched, so that no stride is left.
    left = [1 if reach.extent == 1 else reach.stride for reach in (rows, columns)]
    bare = {name: value for name, value in settings.items() if name not in ("pads", "ceil_mode", "strides")}
    return Locality((rows, columns), margin, {**bare, "strides": left, "pads": [0] * 4})


def _padded(node: Node, constants: Constants) -> Locality | None:
    """Zeros around the rows and columns, and no channel more."""
    numbers = _numbers([value for value in node.inputs[1:] if value is not None], constants)
    if not numbers or node.attributes.get("mode", "constant") != "constant":
        return None
    pads, *others = numbers
    if len(pads) != 8 or others not in ([], [[0]]):
        return None
    if not any(pads[2:4] + pads[6:]):
        return Locality()
    before = Reach(before=pads[2]), Reach(before=pads[3])
    return None if any(pads[:2] + pads[4:6]) else Locality(before, is_choice=True)


def _sliced(node: Node, constants: Constants) -> Locality | None:
    """Every so many rows and columns, or some channels."""
    bounds = _numbers(node.inputs[1:], constants)
    if bounds is None or len(bounds) != 4:
        return None
    starts, _, axes, steps = bounds
    if all(axis == 1 for axis in axes):
        return Locality()
    if not set(axes) <= {2, 3} or any(step < 1 for step in steps):
        return None
    reaches = [SAME_PLACE, SAME_PLACE]
    for start, axis, step in zip(starts, axes, steps, strict=True):
        reaches[axis - 2] = Reach(1, step, -start)
    return Locality((reaches[0], reaches[1]), is_choice=True)


def _split(node: Node, constants: Constants) -> Locality | None:
    return Locality() if node.attributes.get("axis", 0) in (1, -3) else None


def _numbers(values: Iterable[Value | None], constants: Constants) -> list[list[Any]] | None:
    """Of each constant, one after another; None where a value depends on images or weights."""
    arrays = [None if value is None else constants.get(value) for value in values]
    found = [array.ravel().tolist() for array in arrays if array is not None]
    return found if len(found) == len(arrays) else None


def _is_given_map(value: Value | None) -> bool:
    return value is not None and is_map(value)


def _varies(shape: Shape) -> bool:
    """Whether what has this shape is not the same at every row and column of a map that it meets."""
    return any(size != 1 for size in shape[-2:])


_POINTWISE = (
    *("Abs", "Ceil", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity"),
    *("Log", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt"),
    *("Tanh", "Add", "Div", "Max", "Min", "Mul", "Pow", "PRelu", "Sub"),
)
_LOCALITIES: Mapping[str, Callable[[Node, Constants], Locality | None]] = {
    **dict.fromkeys(_POINTWISE, _pointwise),
    "AveragePool": _mean,
    "BatchNormalization": _normalised,
    "Concat": _concatenated,
    "Conv": _convolved,
    "MaxPool": _largest,
    "Pad": _padded,
    "Slice": _sliced,
    "Split": _split,
}
