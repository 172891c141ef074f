"""A graph computed by NumPy in float64, slowly: what derivatives and engines are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import erf

from explainer.network.onnx.graph import Graph, Node, Value

Array = NDArray[Any]


def computed(
    graph: Graph,
    images: Array,
    weights: Mapping[str, Array],
    outputs: tuple[Value, ...] = (),
    known: Any = None,
    others: Sequence[Array] = (),
) -> list[Array]:
    """The values for these images; `known` are values that are taken as they are and not computed."""
    found: dict[Value, Array] = dict(zip(graph.inputs, map(_doubled, (images, *others)), strict=True))
    found |= {value: _doubled(weights[name]) for name, value in graph.weights.items()}
    found |= {value: _doubled(array) for value, array in graph.constants.items()}
    found |= known or {}
    for node in graph.nodes:
        if not all(value in found for value in node.outputs):
            inputs = [None if value is None else found[value] for value in node.inputs]
            results = _OPERATORS[node.operator](node, *inputs)
            results = results if isinstance(results, tuple) else (results,)
            found |= {
                value: result
                for value, result in zip(node.outputs, results, strict=False)
                if value not in (known or {})
            }
    return [found[value] for value in outputs or graph.outputs]


def _doubled(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def _conv(node: Node, images: Array, weights: Array, bias: Array | None = None) -> Array:
    settings = node.attributes
    spatial = weights.ndim - 2
    padded = _padded(images, settings["pads"], 0.0)
    dilated = _dilated(weights, settings.get("dilations", [1] * spatial))
    windows = _windows(padded, dilated.shape[2:], settings["strides"])  # (N, C, *out, *kernel)
    groups = settings.get("group", 1)
    parts = zip(np.split(windows, groups, 1), np.split(dilated, groups, 0), strict=True)
    axes = [1, *range(2 + spatial, 2 + 2 * spatial)]
    kernel_axes = list(range(1, 2 + spatial))
    output = np.concatenate(
        [np.moveaxis(np.tensordot(part, kernel, (axes, kernel_axes)), -1, 1) for part, kernel in parts], 1
    )
    return output if bias is None else output + bias.reshape(-1, *(1,) * spatial)


def _conv_transpose(node: Node, upstream: Array, weights: Array) -> Array:
    """Each number is spread by the kernel."""
    settings = node.attributes
    spatial = weights.ndim - 2
    strides, pads, rest = settings["strides"], settings["pads"], settings.get("output_padding", [0] * spatial)
    dilated = _dilated(weights, settings.get("dilations", [1] * spatial))
    groups, counts = settings.get("group", 1), upstream.shape[2:]
    size = [(count - 1) * stride + kernel + more for count, stride, kernel, more in zip(
        counts, strides, dilated.shape[2:], rest, strict=True)]  # fmt: skip
    output = np.zeros((len(upstream), weights.shape[1] * groups, *size))
    parts = list(zip(np.split(upstream, groups, 1), np.split(dilated, groups, 0), strict=True))
    for at in np.ndindex(*dilated.shape[2:]):
        spread = [np.moveaxis(np.tensordot(part, kernel[(..., *at)], (1, 0)), -1, 1) for part, kernel in parts]
        places = (slice(start, start + (count - 1) * stride + 1, stride) for start, count, stride in zip(
            at, counts, strides, strict=True))  # fmt: skip
        output[(..., *places)] += np.concatenate(spread, 1)
    return output[(..., *(slice(pads[axis], size[axis] - pads[axis + spatial]) for axis in range(spatial)))]


def _max_pool(node: Node, images: Array) -> tuple[Array, Array]:
    """The largest of each window, the first of several, and its index in the whole tensor."""
    settings = node.attributes
    spatial = images.ndim - 2
    numbers = np.arange(images.size).reshape(images.shape)
    windows = _pooled(node, images, -np.inf)
    positions = _pooled(node, numbers, -1)
    flat = windows.reshape(*windows.shape[: 2 + spatial], -1)
    first = flat.argmax(-1)[..., None]
    index = np.take_along_axis(positions.reshape(flat.shape), first, -1)[..., 0]
    assert settings.get("storage_order", 0) == 0
    return np.take_along_axis(flat, first, -1)[..., 0], index


def _average_pool(node: Node, images: Array) -> Array:
    settings = node.attributes
    axes = tuple(range(images.ndim, 2 * images.ndim - 2))
    ones = np.ones((1, 1, *images.shape[2:]))
    if settings.get("count_include_pad", 0):
        ones = _padded(ones, settings["pads"], 1.0)
        counts = _windows(_stretched(node, ones, images.shape, 0.0), settings["kernel_shape"], settings["strides"])
    else:
        counts = _pooled(node, ones, 0.0)
    counted = counts.sum(tuple(range(ones.ndim, counts.ndim)))
    return _pooled(node, images, 0.0).sum(axes) / counted


def _pooled(node: Node, array: Array, fill: float) -> Array:
    """The windows of a pooling: (N, C, *out, *kernel)."""
    settings = node.attributes
    padded = _padded(array, settings["pads"], fill)
    kernel = [
        (size - 1) * step + 1
        for size, step in zip(settings["kernel_shape"], _dilations(node), strict=True)
    ]  # fmt: skip
    windows = _windows(_stretched(node, padded, array.shape, fill), kernel, settings["strides"])
    steps = tuple(slice(None, None, step) for step in _dilations(node))
    return windows[(..., *steps)]


def _dilations(node: Node) -> list[int]:
    return list(node.attributes.get("dilations", [1] * len(node.attributes["kernel_shape"])))


def _stretched(node: Node, padded: Array, shape: tuple[int, ...], fill: float) -> Array:
    """Rounded up: so much more at the ends that the output has its size."""
    settings = node.attributes
    wanted = [int(size) for size in node.outputs[0].shape[2:]]  # type: ignore[arg-type]
    more = [(0, 0), (0, 0)]
    for axis, (count, stride, size, step) in enumerate(
        zip(wanted, settings["strides"], settings["kernel_shape"], _dilations(node), strict=True)
    ):
        more.append((0, max((count - 1) * stride + (size - 1) * step + 1 - padded.shape[2 + axis], 0)))
    return np.pad(padded, more, constant_values=fill)


def _padded(array: Array, pads: list[int], fill: float) -> Array:
    half = len(pads) // 2
    pairs = [(0, 0), (0, 0), *zip(pads[:half], pads[half:], strict=True)]
    cut = tuple(slice(max(-before, 0), size - max(-after, 0)) for (before, after), size in zip(
        pairs, array.shape, strict=True))  # fmt: skip
    return np.pad(array[cut], [(max(a, 0), max(b, 0)) for a, b in pairs], constant_values=fill)


def _windows(padded: Array, kernel: Any, strides: Any) -> Array:
    axes = tuple(range(2, padded.ndim))
    windows = sliding_window_view(padded, tuple(kernel), axes)
    return windows[(slice(None), slice(None), *(slice(None, None, stride) for stride in strides))]


def _dilated(weights: Array, dilations: Any) -> Array:
    size = [(count - 1) * step + 1 for count, step in zip(weights.shape[2:], dilations, strict=True)]
    dilated = np.zeros((*weights.shape[:2], *size))
    dilated[(slice(None), slice(None), *(slice(None, None, step) for step in dilations))] = weights
    return dilated


def _batch_norm(node: Node, images: Array, scale: Array, shift: Array, mean: Array, variance: Array) -> Array:
    scale, shift, mean, variance = (
        entry.reshape(-1, *(1,) * (images.ndim - 2)) for entry in (scale, shift, mean, variance)
    )
    return (images - mean) / np.sqrt(variance + node.attributes["epsilon"]) * scale + shift


def _layer_norm(node: Node, value: Array, scale: Array, shift: Array) -> Array:
    axes = tuple(range(node.attributes["axis"], value.ndim))
    centred = value - value.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + node.attributes["epsilon"]) * scale + shift


def _instance_norm(node: Node, value: Array, scale: Array, shift: Array) -> Array:
    axes = tuple(range(2, value.ndim))
    centred = value - value.mean(axes, keepdims=True)
    normalised = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + node.attributes["epsilon"])
    shape = (-1, *(1,) * len(axes))
    return normalised * scale.reshape(shape) + shift.reshape(shape)


def _gelu(node: Node, x: Array) -> Array:
    if node.attributes["approximate"] == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _softmax(node: Node, x: Array) -> Array:
    shifted = np.exp(x - x.max(node.attributes["axis"], keepdims=True))
    return shifted / shifted.sum(node.attributes["axis"], keepdims=True)


def _elu(node: Node, x: Array) -> Array:
    return np.where(x > 0, x, node.attributes.get("alpha", 1.0) * np.expm1(np.minimum(x, 0)))


def _selu(x: Array) -> Array:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def _hard_sigmoid(node: Node, x: Array) -> Array:
    return np.clip(node.attributes["alpha"] * x + node.attributes["beta"], 0, 1)


def _slice(node: Node, value: Array, starts: Array, ends: Array, axes: Array, steps: Array) -> Array:
    parts = [slice(None)] * value.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        parts[axis] = slice(int(start), None if end < -value.shape[axis] else int(end), int(step))
    return value[tuple(parts)]


def _pad(node: Node, value: Array, pads: Array, fill: Array | None = None) -> Array:
    half = len(pads) // 2
    pairs = [(int(a), int(b)) for a, b in zip(pads[:half], pads[half:], strict=True)]
    cut = tuple(slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(pairs, value.shape, strict=True))
    more = [(max(a, 0), max(b, 0)) for a, b in pairs]
    mode = node.attributes["mode"]
    if mode == "constant":
        return np.pad(value[cut], more, constant_values=0 if fill is None else fill)
    return np.pad(value[cut], more, mode=mode)


def _split(node: Node, value: Array, sizes: Array) -> tuple[Array, ...]:
    return tuple(np.split(value, np.cumsum(sizes)[:-1], node.attributes["axis"]))


def _reduced(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda node, value, axes: function(
        value, axis=tuple(int(axis) for axis in axes), keepdims=bool(node.attributes["keepdims"])
    )


def _scatter(node: Node, value: Array, index: Array, updates: Array) -> Array:
    assert node.attributes["reduction"] == "add"
    places = list(np.indices(index.shape))
    places[node.attributes["axis"]] = index
    summed = value.copy()
    np.add.at(summed, tuple(places), updates)
    return summed


def _max_unpool(node: Node, value: Array, index: Array, shape: Array) -> Array:
    flat = np.zeros(int(np.prod(shape)))
    flat[index] = value
    return flat.reshape(tuple(shape))


def _first(value: Array, *bounds: Array | None) -> Array:
    low, high = bounds
    return np.clip(value, -np.inf if low is None else low, np.inf if high is None else high)


def _cast(node: Node, value: Array) -> Array:
    types = {1: np.float64, 6: np.int32, 7: np.int64, 9: bool, 11: np.float64}
    return value.astype(types[node.attributes["to"]])


def _elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda node, *inputs: function(*inputs)


def _index_of(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda node, value: function(value, axis=node.attributes["axis"], keepdims=bool(node.attributes["keepdims"]))


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "Gelu": _gelu,
    "Softmax": _softmax,
    "LogSoftmax": lambda node, x: np.log(_softmax(node, x)),
    "Elu": _elu,
    "HardSigmoid": _hard_sigmoid,
    "Slice": _slice,
    "Pad": _pad,
    "Split": _split,
    "Cast": _cast,
    "ScatterElements": _scatter,
    "MaxUnpool": _max_unpool,
    "ConstantOfShape": lambda node, shape: np.zeros(tuple(shape)),
    "Shape": lambda node, x: np.array(x.shape[node.attributes["start"] : node.attributes["end"]]),
    "Concat": lambda node, *parts: np.concatenate(parts, node.attributes["axis"]),
    "Gather": lambda node, x, index: np.take(x, index, node.attributes["axis"]),
    "Transpose": lambda node, x: x.transpose(node.attributes["perm"]),
    "ReduceMean": _reduced(np.mean),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ArgMax": _index_of(np.argmax),
    "ArgMin": _index_of(np.argmin),
    **{
        name: _elementwise(function)
        for name, function in {
            "Abs": np.abs,
            "Add": np.add,
            "And": np.logical_and,
            "Ceil": np.ceil,
            "Clip": _first,
            "Cos": np.cos,
            "Div": np.divide,
            "Equal": np.equal,
            "Erf": erf,
            "Exp": np.exp,
            "Expand": lambda x, shape: x * np.ones(tuple(shape), x.dtype),
            "Floor": np.floor,
            "Greater": np.greater,
            "GreaterOrEqual": np.greater_equal,
            "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
            "Identity": lambda x: x,
            "Less": np.less,
            "LessOrEqual": np.less_equal,
            "Log": np.log,
            "MatMul": np.matmul,
            "Max": np.maximum,
            "Min": np.minimum,
            "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
            "Mul": np.multiply,
            "Neg": np.negative,
            "Not": np.logical_not,
            "Or": np.logical_or,
            "PRelu": lambda x, slope: np.where(x > 0, x, x * slope),
            "Pow": np.power,
            "Reciprocal": np.reciprocal,
            "Relu": lambda x: np.maximum(x, 0),
            "Reshape": lambda x, shape: x.reshape(tuple(shape)),
            "Round": np.round,
            "Selu": _selu,
            "Sigmoid": _sigmoid,
            "Sign": np.sign,
            "Sin": np.sin,
            "Softplus": lambda x: np.logaddexp(0, x),
            "Sqrt": np.sqrt,
            "Sub": np.subtract,
            "Tanh": np.tanh,
            "Tile": np.tile,
            "Where": np.where,
        }.items()
    },
}
