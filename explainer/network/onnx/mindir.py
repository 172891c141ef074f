"""MindSpore's own graph format, MindIR, read: what is computed, without the plumbing between.

A graph is exported for a batch of `BATCH` images: a large prime, so that a dimension that it divides grows with the
batch. The messages are those of MindSpore's `mind_ir.proto`; they come as they were parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from explainer.errors import EngineError
from explainer.network.onnx.call import Call
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Shape, Value
from explainer.network.onnx.operators import OPERATORS

BATCH = 9973
_REFERENCE = "REF::"
_TYPES = {
    "FLOAT": "float32",
    "FLOAT16": "float16",
    "DOUBLE": "float64",
    "FLOAT64": "float64",
    "BOOL": "bool",
    **{name: name.lower() for name in ("UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "UINT32", "UINT64")},
}
_HALF = ("FLOAT16", "BFLOAT16")
_LISTS = ("ints", "floats", "doubles", "strings")


def graph_of(model: Any) -> Graph:
    """The graph of a network of one input, from the model that MindSpore exports for `BATCH` images.

    Raises:
        EngineError: it computes something that has no translation here; the message says what.
    """
    if model.functions:
        raise EngineError("the network chooses by its data what it computes (a condition or a loop on a tensor)")
    return _Reading(model).graph()


class _Reading:
    """A model that is being read: what each name in it stands for."""

    def __init__(self, model: Any) -> None:
        self._graph = model.graph
        (images,) = model.graph.input
        self._builder = GraphBuilder(_tensor_type(images.tensor[0])[0])
        self._known: dict[str, Any] = {images.name: self._builder.images}
        self._known |= {entry.name: self._weight(entry) for entry in model.graph.parameter}
        self._primitives = {entry.name: entry for entry in model.primitives}

    def graph(self) -> Graph:
        for node in self._graph.node:
            name = self._name_of(node)
            read = _PLUMBING.get(name)
            self._known[node.output[0]] = self._computed(name, node) if read is None else read(self, node)
        output = self._known[self._graph.output[0].name]
        outputs = output if isinstance(output, tuple) else (output,)
        if not all(isinstance(entry, Value) for entry in outputs):
            raise EngineError("the network gives something else than tensors")
        return self._builder.finished(outputs)

    def _name_of(self, node: Any) -> str:
        if not node.op_type.startswith(_REFERENCE):
            return str(node.op_type)
        primitive = self._primitives.get(node.op_type.removeprefix(_REFERENCE))
        return str(node.op_type if primitive is None else primitive.op_type)

    def _computed(self, name: str, node: Any) -> Any:
        translate = OPERATORS.get(name)
        if translate is None:
            raise EngineError(f"the operator {name} has no translation ({node.domain or 'no scope'})")
        primitive = self._primitives[node.op_type.removeprefix(_REFERENCE)]
        call = Call(
            name,
            tuple(self._known.get(entry) for entry in node.input),
            _output_types(node),
            {entry.name: _attribute(entry) for entry in primitive.attribute},
            node.output[0],
            node.domain,
        )
        self._builder.scope = node.domain
        return translate(self._builder, call)

    def _weight(self, parameter: Any) -> Value:
        return self._builder.weight(parameter.name.split(":", 1)[1], *_tensor_type(parameter))

    def _constant(self, node: Any) -> Any:
        value = _attribute(node.attribute[0])
        return self._shared_rows(value) if isinstance(value, np.ndarray) else value

    def _shared_rows(self, array: Any) -> Value:
        """A constant tensor; one of a row for each image must have them all alike."""
        if not array.ndim or array.shape[0] % BATCH or not array.size:
            return self._builder.constant(array, array.dtype.name)
        rows = array.reshape(BATCH, -1, *array.shape[1:])
        if rows.shape[1] > 1 or not np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape)):
            raise EngineError("the network holds a tensor that is made for one size of the batch")
        row = self._builder.constant(array[:1], array.dtype.name)
        return self._builder.expanded(row, (Batch(), *array.shape[1:]))

    def _first(self, node: Any) -> Any:
        return self._known[node.input[0]]

    def _tuple(self, node: Any) -> Any:
        return tuple(self._known[entry] for entry in node.input)

    def _item(self, node: Any) -> Any:
        entries, index = (self._known[entry] for entry in node.input)
        return entries[index]

    def _nothing(self, node: Any) -> None:
        return None


_PLUMBING: Mapping[str, Callable[[_Reading, Any], Any]] = {
    "Constant": _Reading._constant,
    "Depend": _Reading._first,
    "Load": _Reading._first,
    "MakeList": _Reading._tuple,
    "MakeTuple": _Reading._tuple,
    "ListGetItem": _Reading._item,
    "TupleGetItem": _Reading._item,
    "UpdateState": _Reading._nothing,
}


def _output_types(node: Any) -> tuple[tuple[Shape, str], ...]:
    shapes = [entry for entry in node.attribute if entry.name == "shape"]
    return tuple(_tensor_type(tensor) for entry in shapes for tensor in _tensors(entry))


def _tensors(attribute: Any) -> list[Any]:
    return [*attribute.tensors, *(tensor for entry in attribute.values for tensor in _tensors(entry))]


def _tensor_type(tensor: Any) -> tuple[Shape, str]:
    name = tensor.DataType.Name(tensor.data_type)
    if name not in _TYPES or name in _HALF:
        raise EngineError(f"the network computes in {name.lower()}, in which engines round differently")
    if any(size < 0 for size in tensor.dims):
        raise EngineError("the network makes tensors whose shape depends on their numbers")
    return tuple(_dimension(size) for size in tensor.dims), _TYPES[name]


def _dimension(size: int) -> int | Batch:
    return Batch(size // BATCH) if size and size % BATCH == 0 else size


def _attribute(attribute: Any) -> Any:
    """The value of an attribute: a number, a text, an array, None, or a tuple of them."""
    kind = attribute.AttributeType.Name(attribute.type)
    if kind in ("TUPLE", "LIST"):
        return tuple(_attribute(entry) for entry in attribute.values)
    if kind == "TENSORS" and attribute.tensors:
        return _array(attribute.tensors[0])
    if kind in ("NONE", "UMONAD", "IOMONAD"):
        return None
    return _plain(attribute, kind)


def _plain(attribute: Any, kind: str) -> Any:
    listed = [entry for name in _LISTS for entry in getattr(attribute, name)]  # as an entry of a tuple has it
    if kind == "STRING":
        return (listed[0] if listed else attribute.s).decode()
    if kind in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"):
        return float(listed[0] if listed else attribute.f if kind == "FLOAT" else attribute.d)
    number = listed[0] if listed else attribute.i
    return bool(number) if kind == "BOOL" else _dimension(int(number))


def _array(tensor: Any) -> Any:
    name = tensor.DataType.Name(tensor.data_type)
    if name not in _TYPES:
        raise EngineError(f"the network holds a tensor of type {name.lower()}")
    return np.frombuffer(tensor.raw_data, _TYPES[name]).reshape(tuple(tensor.dims))
