"""ONNX's messages, as far as they are needed: made here, so that the `onnx` package is not.

The numbers of the fields are those of `onnx.proto`; a registry of their own keeps them apart from that package's.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

TYPE_NUMBERS = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
}

_PACKAGE = "onnx"
_NUMBERS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "float": FieldDescriptorProto.TYPE_FLOAT,
}
# Enumerations travel as int32 does. A list is "[type]".
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "ModelProto": {
        "ir_version": (1, "int64"),
        "producer_name": (2, "string"),
        "graph": (7, "GraphProto"),
        "opset_import": (8, "[OperatorSetIdProto]"),
    },
    "OperatorSetIdProto": {"domain": (1, "string"), "version": (2, "int64")},
    "GraphProto": {
        "node": (1, "[NodeProto]"),
        "name": (2, "string"),
        "initializer": (5, "[TensorProto]"),
        "input": (11, "[ValueInfoProto]"),
        "output": (12, "[ValueInfoProto]"),
    },
    "NodeProto": {
        "input": (1, "[string]"),
        "output": (2, "[string]"),
        "name": (3, "string"),
        "op_type": (4, "string"),
        "attribute": (5, "[AttributeProto]"),
        "domain": (7, "string"),
    },
    "AttributeProto": {
        "name": (1, "string"),
        "f": (2, "float"),
        "i": (3, "int64"),
        "s": (4, "bytes"),
        "floats": (7, "[float]"),
        "ints": (8, "[int64]"),
        "type": (20, "int32"),
    },
    "ValueInfoProto": {"name": (1, "string"), "type": (2, "TypeProto")},
    "TypeProto": {"tensor_type": (1, "TensorTypeProto")},
    "TensorTypeProto": {"elem_type": (1, "int32"), "shape": (2, "TensorShapeProto")},
    "TensorShapeProto": {"dim": (1, "[DimensionProto]")},
    "DimensionProto": {"dim_value": (1, "int64"), "dim_param": (2, "string")},
    "TensorProto": {
        "dims": (1, "[int64]"),
        "data_type": (2, "int32"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
        "external_data": (13, "[StringStringEntryProto]"),
        "data_location": (14, "int32"),
    },
    "StringStringEntryProto": {"key": (1, "string"), "value": (2, "string")},
}


def _described(name: str, fields: dict[str, tuple[int, str]]) -> DescriptorProto:
    message = DescriptorProto(name=name)
    for field_name, (number, kind) in fields.items():
        repeated = kind.startswith("[")
        of = kind.strip("[]")
        message.field.add(
            name=field_name,
            number=number,
            label=FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL,
            type=_NUMBERS.get(of, FieldDescriptorProto.TYPE_MESSAGE),
            type_name=None if of in _NUMBERS else f".{_PACKAGE}.{of}",
        )
    return message


def _made() -> Any:
    pool = DescriptorPool()
    pool.Add(
        FileDescriptorProto(
            name="onnx_messages.proto",
            package=_PACKAGE,
            syntax="proto2",
            message_type=[_described(name, fields) for name, fields in _MESSAGES.items()],
        )
    )
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.ModelProto"))


ModelProto: Any = _made()
