"""The wire: the committed code is that of the proto file, and no field number ever changes its meaning."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from explainer.summary import explain_pb2

REPOSITORY = Path(__file__).parents[2]
NEWEST_ALLOWED = (7, 34)  # MindSpore 2.10 needs this protobuf, so older code must not want a newer one
KINDS = {
    FieldDescriptorProto.TYPE_DOUBLE: "double",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_INT64: "int64",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
}
RULES = {
    FieldDescriptorProto.LABEL_OPTIONAL: "",
    FieldDescriptorProto.LABEL_REQUIRED: "required ",
    FieldDescriptorProto.LABEL_REPEATED: "repeated ",
}

# What MindInsight 2.3.1 reads, from mindinsight_xai.proto.
MINDINSIGHT = {
    "Event": {
        "wall_time": (1, "required double"),
        "step": (2, "int64"),
        "version": (3, "string"),
        "explain": (6, "Explain"),
    },
    "Explain": {
        "sample_id": (1, "int32"),
        "image_path": (2, "string"),
        "ground_truth_label": (3, "repeated int32"),
        "inference": (4, "Inference"),
        "explanation": (5, "repeated Explanation"),
        "benchmark": (6, "repeated Benchmark"),
        "metadata": (7, "Metadata"),
        "status": (8, "string"),
        "hoc": (9, "repeated Hoc"),
    },
    "Explain.Inference": {
        "ground_truth_prob": (1, "repeated float"),
        "predicted_label": (2, "repeated int32"),
        "predicted_prob": (3, "repeated float"),
        "ground_truth_prob_sd": (4, "repeated float"),
        "ground_truth_prob_itl95_low": (5, "repeated float"),
        "ground_truth_prob_itl95_hi": (6, "repeated float"),
        "predicted_prob_sd": (7, "repeated float"),
        "predicted_prob_itl95_low": (8, "repeated float"),
        "predicted_prob_itl95_hi": (9, "repeated float"),
    },
    "Explain.Explanation": {
        "explain_method": (1, "string"),
        "label": (2, "int32"),
        "heatmap_path": (3, "string"),
    },
    "Explain.Benchmark": {
        "benchmark_method": (1, "string"),
        "explain_method": (2, "string"),
        "total_score": (3, "float"),
        "label_score": (4, "repeated float"),
    },
    "Explain.Metadata": {
        "label": (1, "repeated string"),
        "explain_method": (2, "repeated string"),
        "benchmark_method": (3, "repeated string"),
    },
    "Explain.HocLayer": {"prob": (1, "float"), "box": (2, "repeated int32")},
    "Explain.Hoc": {"label": (1, "int32"), "mask": (2, "string"), "layer": (3, "repeated HocLayer")},
}

# What this project has added. Lines are added to this table, never changed and never taken away.
OURS = {
    "Explain": {
        "run": (1000, "Run"),
        "sample": (1001, "Sample"),
        "score": (1002, "repeated Score"),
        "done": (1003, "bool"),
        "skipped": (1004, "string"),
        "curve": (1005, "repeated Curve"),
        "uncertainty": (1006, "Uncertainty"),
        "edit_tree": (1007, "repeated EditTree"),
        "repaired": (1008, "string"),
        "resumed": (1009, "string"),
        "order": (1010, "Order"),
    },
    "Explain.Order": {"samples": (1, "int64"), "digest": (2, "bytes")},
    "Explain.Explanation": {
        "low": (1000, "float"),
        "high": (1001, "float"),
        "completeness_gap": (1002, "float"),
        "digest": (1003, "bytes"),
        "raw": (1004, "RawMap"),
        "standard_error": (1005, "float"),
    },
    "Explain.RawMap": {"path": (1, "string"), "digest": (2, "bytes"), "exponent": (3, "int32")},
    "Explain.Benchmark": {"defined": (1000, "int64"), "undefined": (1001, "int64")},
    "Explain.Run": {
        "format_major": (1, "int32"),
        "format_minor": (2, "int32"),
        "package_version": (3, "string"),
        "label": (4, "repeated string"),
        "job": (5, "repeated string"),
        "parameters": (6, "string"),
        "explain_method": (7, "repeated string"),
        "benchmark_method": (8, "repeated string"),
    },
    "Explain.Sample": {
        "image_path": (1, "string"),
        "ground_truth": (2, "repeated int32"),
        "predicted": (3, "repeated int32"),
        "explained": (4, "repeated int32"),
        "probability": (5, "repeated float"),
        "image_digest": (1000, "bytes"),
        "input_digest": (1001, "bytes"),
        "source": (1002, "string"),
        "source_digest": (1003, "bytes"),
        "objects": (1004, "Objects"),
    },
    "Explain.Objects": {
        "width": (1, "int32"),
        "height": (2, "int32"),
        "label": (3, "repeated int32"),
        "box": (4, "repeated int32"),
    },
    "Explain.Score": {
        "explain_method": (1, "string"),
        "benchmark_method": (2, "string"),
        "label": (3, "int32"),
        "value": (4, "float"),
    },
    "Explain.Uncertainty": {
        "mean": (1, "repeated float"),
        "deviation": (2, "repeated float"),
        "low": (3, "repeated float"),
        "high": (4, "repeated float"),
        "total": (5, "float"),
        "aleatoric": (6, "float"),
        "epistemic": (7, "float"),
        "drawn_label": (8, "repeated int32"),
        "draw": (9, "repeated float"),
    },
    "Explain.EditStep": {
        "layer": (1, "int32"),
        "box": (2, "repeated int32"),
        "network_output": (3, "double"),
        "step_change": (4, "double"),
        "stop_reason": (5, "string"),
        "child": (6, "repeated EditStep"),
    },
    "Explain.EditTree": {
        "label": (1, "int32"),
        "mask": (2, "string"),
        "by_masking": (3, "bool"),
        "layer": (4, "repeated HocLayer"),
        "root": (5, "EditStep"),
        "reason": (6, "string"),
    },
    "Explain.Curve": {
        "explain_method": (1, "string"),
        "benchmark_method": (2, "string"),
        "label": (3, "int32"),
        "fill": (4, "string"),
        "fraction": (5, "repeated float"),
        "probability": (6, "repeated float"),
    },
}


def committed() -> FileDescriptorProto:
    proto = FileDescriptorProto()
    explain_pb2.DESCRIPTOR.CopyToProto(proto)
    return proto


def messages_of(messages: list[DescriptorProto], prefix: str = "") -> dict[str, DescriptorProto]:
    """Every message by its name without the package, nested ones too."""
    found = {}
    for message in messages:
        found[prefix + message.name] = message
        found |= messages_of(message.nested_type, f"{prefix}{message.name}.")
    return found


MESSAGES = messages_of(committed().message_type)


def fields_of(message: str) -> dict[str, tuple[int, str]]:
    """Field name -> number and type, as a table above has them."""
    return {
        field.name: (field.number, RULES[field.label] + (KINDS.get(field.type) or field.type_name.split(".")[-1]))
        for field in MESSAGES[message].field
    }


def test_the_committed_code_is_that_of_the_proto_file(tmp_path: Path):
    """If this fails: scripts/build_proto."""
    output = tmp_path / "explain.bin"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-Iexplainer/summary=proto", f"--descriptor_set_out={output}"]
    done = subprocess.run(
        [*command, "explainer/summary/explain.proto"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    (compiled,) = FileDescriptorSet.FromString(output.read_bytes()).file
    for message in messages_of(compiled.message_type).values():
        for field in message.field:
            field.ClearField("json_name")  # derived from the name; code generators leave it out
    assert compiled == committed()


def test_the_stubs_name_every_field():
    stubs = Path(explain_pb2.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    for message in MESSAGES.values():
        for field in message.field:
            assert re.search(rf"^ +{field.name}: ", stubs, re.MULTILINE), f"{message.name}.{field.name}"


@pytest.mark.parametrize("message", MINDINSIGHT)
def test_mindinsights_fields_have_its_numbers_and_types(message):
    below = {name: field for name, field in fields_of(message).items() if field[0] < 1000}
    assert below == MINDINSIGHT[message]


@pytest.mark.parametrize("message", OURS)
def test_our_own_fields_keep_their_numbers_and_types(message):
    own = {name: field for name, field in fields_of(message).items() if name not in MINDINSIGHT.get(message, {})}
    assert own == OURS[message]


@pytest.mark.parametrize("message", MINDINSIGHT)
def test_our_own_fields_in_mindinsights_messages_start_at_1000(message):
    own = fields_of(message).keys() - MINDINSIGHT[message].keys()
    assert all(fields_of(message)[name][0] >= 1000 for name in own)
    assert own == OURS.get(message, {}).keys()


def test_every_message_is_in_one_of_the_tables():
    assert MESSAGES.keys() == MINDINSIGHT.keys() | OURS.keys()


@pytest.mark.parametrize("message", MESSAGES)
def test_the_numbers_of_a_message_are_unique(message):
    numbers = [number for number, _ in fields_of(message).values()]
    assert len(set(numbers)) == len(numbers)


def test_what_mindinsight_reads_is_not_packed():
    packed = {name for name, message in MESSAGES.items() for field in message.field if field.options.packed}
    assert packed == {f"Explain.{name}" for name in ("Sample", "Objects", "Curve", "Uncertainty", "EditStep")}


def test_an_event_is_a_version_or_an_explanation_as_in_mindinsight():
    event = MESSAGES["Event"]
    assert [oneof.name for oneof in event.oneof_decl] == ["what"]
    assert {field.name for field in event.field if field.HasField("oneof_index")} == {"version", "explain"}


def gencode_version() -> tuple[int, ...]:
    source = Path(explain_pb2.__file__).read_text(encoding="utf-8")
    found = re.search(r"^# Protobuf Python Version: (\d+)\.(\d+)\.(\d+)$", source, re.MULTILINE)
    return tuple(int(part) for part in found.groups())


def test_the_committed_code_runs_with_the_protobuf_of_mindspore():
    """Code of protobuf x.y refuses to be imported with an older one."""
    assert gencode_version()[:2] <= NEWEST_ALLOWED


def test_the_committed_code_runs_with_the_oldest_protobuf_that_may_be_installed():
    setup = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    floor = re.search(r'"protobuf>=(\d+)\.(\d+)\.(\d+)', setup)
    assert gencode_version() <= tuple(int(part) for part in floor.groups())


def test_the_version_in_the_comment_is_the_one_that_is_checked_at_import():
    source = Path(explain_pb2.__file__).read_text(encoding="utf-8")
    checked = re.search(r"Domain\.PUBLIC,\s+(\d+),\s+(\d+),\s+(\d+),", source)
    assert tuple(int(part) for part in checked.groups()) == gencode_version()
