"""A graph written as an ONNX model. The weights are not in it: each is named, and handed over with the session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from explainer.network.onnx.graph import Batch, Graph, Node, Value
from explainer.network.onnx.messages import TYPE_NUMBERS, ModelProto

_OPERATORS = 20  # the version of ONNX's operators: the first with Gelu; ONNX Runtime 1.23 has later ones, too
_FORMAT = 9  # of the file, as it belongs to that version
_FLOAT, _INTEGER, _TEXT, _FLOATS, _INTEGERS = 1, 2, 3, 6, 7
_EXTERNAL = 1
_IN_MEMORY = "weights"  # where an external weight is said to be; ONNX Runtime is given them all, and opens no file


def model_of(graph: Graph, outputs: Iterable[Value] = ()) -> bytes:
    """The model that gives the graph's outputs, or others of its values; what they do not need is left out."""
    wanted = tuple(outputs) or graph.outputs
    nodes = needed(graph, wanted)
    model = ModelProto(ir_version=_FORMAT, producer_name="explainer")
    model.opset_import.add(domain="", version=_OPERATORS)
    model.graph.name = "network"
    for value in graph.inputs:
        _declare(model.graph.input.add(), value)
    used = {value for node in nodes for value in node.inputs} | set(wanted)
    for name, value in needed_weights(graph, wanted).items():
        _name_weight(model.graph.initializer.add(), name, value)
    for value, array in graph.constants.items():
        if value in used:
            model.graph.initializer.add(
                name=value.name, dims=array.shape, data_type=TYPE_NUMBERS[value.dtype], raw_data=_little_endian(array)
            )
    for node in nodes:
        _write(model.graph.node.add(), node)
    for value in wanted:
        _declare(model.graph.output.add(), value)
    serialized: bytes = model.SerializeToString()
    return serialized


def needed(graph: Graph, outputs: Iterable[Value]) -> list[Node]:
    """The nodes without which these values could not be computed, in their order."""
    wanted: set[Value | None] = set(outputs)
    found = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            found.append(node)
    return found[::-1]


def needed_weights(graph: Graph, outputs: Iterable[Value]) -> dict[str, Value]:
    """The weights without which these values could not be computed, by their names."""
    wanted = tuple(outputs)
    used = {value for node in needed(graph, wanted) for value in node.inputs} | set(wanted)
    return {name: value for name, value in graph.weights.items() if value in used}


def _declare(info: Any, value: Value) -> None:
    info.name = value.name
    info.type.tensor_type.elem_type = TYPE_NUMBERS[value.dtype]
    info.type.tensor_type.shape.SetInParent()  # a scalar has no dimension, but a shape
    for entry in value.shape:
        dimension = info.type.tensor_type.shape.dim.add()
        if not isinstance(entry, Batch):
            dimension.dim_value = entry
        else:
            dimension.dim_param = "N" if entry.rows == 1 else f"{entry.rows}N"


def _name_weight(tensor: Any, name: str, value: Value) -> None:
    tensor.name = value.name
    tensor.dims.extend(value.shape)
    tensor.data_type = TYPE_NUMBERS[value.dtype]
    tensor.data_location = _EXTERNAL
    tensor.external_data.add(key="location", value=_IN_MEMORY)


def _write(message: Any, node: Node) -> None:
    message.op_type = node.operator
    message.name = node.outputs[0].name
    message.input.extend("" if value is None else value.name for value in node.inputs)
    message.output.extend(value.name for value in node.outputs)
    for name, setting in node.attributes.items():
        _set(message.attribute.add(name=name), setting)


def _set(attribute: Any, setting: Any) -> None:
    if isinstance(setting, str):
        attribute.type, attribute.s = _TEXT, setting.encode()
    elif isinstance(setting, float):
        attribute.type, attribute.f = _FLOAT, setting
    elif isinstance(setting, int):
        attribute.type, attribute.i = _INTEGER, setting
    elif all(isinstance(entry, int) for entry in setting):
        attribute.type = _INTEGERS
        attribute.ints.extend(setting)
    else:
        attribute.type = _FLOATS
        attribute.floats.extend(setting)


def _little_endian(array: Any) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
