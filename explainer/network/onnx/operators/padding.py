"""A margin around a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explainer.errors import EngineError
from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import GraphBuilder, Value
from explainer.network.onnx.operators.operands import Translation, as_value, integers, require

_MODES = {"constant": "constant", "edge": "edge", "reflect": "reflect", "replicate": "edge", "REFLECT": "reflect"}


def _by_pairs(graph: GraphBuilder, call: Call) -> Value:
    """Settings: (before, after) for each axis."""
    return _padded(graph, call, list(call.settings["paddings"]), "constant", 0)


def _from_the_last_axis(graph: GraphBuilder, call: Call) -> Value:
    """(input, paddings, value): (before, after) of the last axis, then of the one before it, and so on."""
    mode = _MODES.get(call.settings.get("mode", "constant"), "")
    require(mode != "", call.operator, f"in mode {call.settings.get('mode')}")
    numbers = integers(_numbers(graph, call.arguments[1]))
    pairs = list(zip(numbers[0::2], numbers[1::2], strict=True))
    if call.settings.get("paddings_contiguous", True) is False:
        half = len(numbers) // 2
        pairs = list(zip(numbers[:half], numbers[half:], strict=True))
    return _padded(graph, call, pairs[::-1], mode, call.argument(2, 0))


def _mirrored(graph: GraphBuilder, call: Call) -> Value:
    """(input, paddings), (before, after) for each axis."""
    require(call.settings["mode"] == "REFLECT", call.operator, f"in mode {call.settings['mode']}")
    return _padded(graph, call, _numbers(graph, call.arguments[1]), "reflect", 0)


def _reflected(graph: GraphBuilder, call: Call) -> Value:
    numbers = integers(_numbers(graph, call.arguments[1]))
    return _padded(graph, call, list(zip(numbers[0::2], numbers[1::2], strict=True))[::-1], "reflect", 0)


def _repeated(graph: GraphBuilder, call: Call) -> Value:
    numbers = integers(_numbers(graph, call.arguments[1]))
    return _padded(graph, call, list(zip(numbers[0::2], numbers[1::2], strict=True))[::-1], "edge", 0)


def _padded(graph: GraphBuilder, call: Call, pairs: Any, mode: str, fill: Any) -> Value:
    """(before, after) of the last axes."""
    whole = [(0, 0)] * (len(call.shape) - len(pairs)) + [tuple(pair) for pair in pairs]
    pads = graph.integers(*(before for before, _ in whole), *(after for _, after in whole))
    value = None if mode != "constant" else as_value(graph, 0 if fill is None else fill, call.dtype)
    if value is not None and value.shape:
        value = graph.reshaped(value, ())
    return graph.node("Pad", call.first, pads, value, shape=call.shape, mode=mode)


def _numbers(graph: GraphBuilder, argument: Any) -> Any:
    """A tuple of numbers, be it given as a tensor."""
    if not isinstance(argument, Value):
        return argument
    array = graph.known(argument)
    if array is None:
        raise EngineError("the network computes how far it pads")
    return array.tolist() if array.ndim > 1 else tuple(array.tolist())


OPERATORS: Mapping[str, Translation] = {
    "ConstantPadND": _from_the_last_axis,
    "MirrorPad": _mirrored,
    "Pad": _by_pairs,
    "PadV3": _from_the_last_axis,
    "ReflectionPad1D": _reflected,
    "ReflectionPad2D": _reflected,
    "ReplicationPad1D": _repeated,
    "ReplicationPad2D": _repeated,
}
