"""A graph written as a model, and at work: any of its values, with the weights that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest

from explainer.errors import EngineError
from explainer.network.onnx import session as session_module
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder
from explainer.network.onnx.messages import ModelProto
from explainer.network.onnx.model import model_of, needed
from explainer.network.onnx.session import Session, thread_count

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
WEIGHTS = {"scale": np.float32([[[2]], [[-3]]]), "shift": np.float32([0.5])}


def scaled_and_shifted() -> Graph:
    builder = GraphBuilder((Batch(), 2, 5, 7))
    scaled = builder.node("Mul", builder.images, builder.weight("scale", (2, 1, 1), "float32"))
    shifted = builder.node("Add", scaled, builder.weight("shift", (1,), "float32"))
    return builder.finished((builder.node("Relu", shifted),))


def test_a_session_computes_with_its_weights():
    (output,) = Session(scaled_and_shifted(), WEIGHTS, threads=1)(IMAGES)
    assert np.allclose(output, np.maximum(IMAGES * WEIGHTS["scale"] + 0.5, 0), atol=1e-6)


def test_any_value_can_be_asked_for():
    graph = scaled_and_shifted()
    scaled, shifted = graph.nodes[0].outputs[0], graph.nodes[1].outputs[0]
    first, second = Session(graph, WEIGHTS, (shifted, scaled), threads=1)(IMAGES)
    assert np.allclose(second, IMAGES * WEIGHTS["scale"], atol=1e-6)
    assert np.allclose(first, second + 0.5, atol=1e-6)


def test_what_a_value_does_not_need_is_left_out():
    graph = scaled_and_shifted()
    assert [node.operator for node in needed(graph, graph.nodes[0].outputs)] == ["Mul"]
    model = ModelProto.FromString(model_of(graph, graph.nodes[0].outputs))
    assert [tensor.name for tensor in model.graph.initializer] == ["weight scale"]


def test_a_model_names_the_weights_and_does_not_hold_them():
    model = ModelProto.FromString(model_of(scaled_and_shifted()))
    assert [(tensor.name, list(tensor.dims)) for tensor in model.graph.initializer] == [
        ("weight scale", [2, 1, 1]),
        ("weight shift", [1]),
    ]
    assert not any(tensor.raw_data for tensor in model.graph.initializer)
    (images,) = model.graph.input
    dimensions = [entry.dim_param or entry.dim_value for entry in images.type.tensor_type.shape.dim]
    assert dimensions == ["N", 2, 5, 7]


def test_weights_that_no_output_needs_may_be_missing():
    graph = scaled_and_shifted()
    (scaled,) = Session(graph, {"scale": WEIGHTS["scale"]}, graph.nodes[0].outputs, threads=1)(IMAGES)
    assert np.allclose(scaled, IMAGES * WEIGHTS["scale"], atol=1e-6)


def test_what_is_given_beside_the_images_comes_after_them():
    builder = GraphBuilder((Batch(), 2, 5, 7))
    first, second = (builder.given(name, (Batch(), 1, 1, 1), "float32") for name in ("first", "second"))
    output = builder.node("Sub", builder.node("Mul", builder.images, first), second)
    others = np.float32([[2, 3, 4], [10, 20, 30]]).reshape(2, 3, 1, 1, 1)
    session = Session(builder.finished((output,)), {}, threads=1)
    assert np.allclose(session(IMAGES, *others)[0], IMAGES * others[0] - others[1], atol=1e-5)
    with pytest.raises(ValueError, match="shorter"):
        session(IMAGES, others[0])


def test_weights_of_another_shape_are_refused():
    with pytest.raises(EngineError, match=r"weight shift is \(2,\) float32, not \(1,\) float32"):
        Session(scaled_and_shifted(), WEIGHTS | {"shift": np.float32([0.5, 1])})


def test_a_graph_that_onnx_runtime_does_not_take_is_refused():
    builder = GraphBuilder((Batch(), 2, 5, 7))
    with pytest.raises(EngineError, match="ONNX Runtime does not take the graph"):
        Session(builder.finished((builder.node("Unheard", builder.images),)), {})


@pytest.mark.parametrize(("told", "expected"), [("3", 3), ("1", 1)])
def test_threads_are_as_many_as_the_user_says(monkeypatch, told, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert thread_count() == expected


@pytest.mark.parametrize("told", ["", "0", "many"])
def test_without_a_number_threads_are_the_cores_of_the_process(monkeypatch, told):
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    assert thread_count() == 3


def padded_and_pooled() -> Graph:
    builder = GraphBuilder((Batch(), 2, 5, 7))
    margin, zero = builder.integers(0, 0, 0, 0, 0, 0, 1, 1), builder.constant(0, "float32")
    padded = builder.node("Pad", builder.images, margin, zero, shape=(Batch(), 2, 6, 8))
    sizes = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0] * 4}
    return builder.finished((builder.node("MaxPool", padded, shape=(Batch(), 2, 3, 4), **sizes),))


def test_zeros_around_a_map_are_larger_than_what_is_below_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    own = onnxruntime.InferenceSession.__init__

    def made(self: Any, *given: Any, **named: Any) -> None:
        asked.append(named["disabled_optimizers"])  # only some versions get it wrong
        own(self, *given, **named)

    monkeypatch.setattr(onnxruntime.InferenceSession, "__init__", made)
    (pooled,) = Session(padded_and_pooled(), {}, threads=1)(-1 - np.abs(IMAGES))
    assert np.array_equal(pooled == 0, np.broadcast_to(np.arange(12).reshape(3, 4) % 4 == 3, (3, 2, 3, 4)) | (
        np.arange(3) == 2)[:, None])  # fmt: skip
    Session(scaled_and_shifted(), WEIGHTS, threads=1)
    assert asked == [["Pad_Fusion"], []]


def other_copy() -> dict[str, np.ndarray[Any, Any]]:
    return {name: array.copy() for name, array in WEIGHTS.items()}


def test_a_session_knows_the_weights_that_it_holds() -> None:
    session, weights = Session(scaled_and_shifted(), WEIGHTS, threads=1), other_copy()
    assert [session.holds(weights), session.holds(WEIGHTS), session.holds(other_copy())] == [True] * 3
    weights["scale"][1] += 1e-6
    assert not session.holds(weights)
    weights["scale"][1] = WEIGHTS["scale"][1]
    assert session.holds(weights)


@pytest.mark.parametrize(
    "other", [np.float32([2, -3]), np.float64([[[2]], [[-3]]]), np.float32([[[2]], [[np.nan]]])], ids=str
)
def test_weights_of_another_kind_are_others(other: np.ndarray[Any, Any]) -> None:
    session = Session(scaled_and_shifted(), WEIGHTS, threads=1)
    assert not session.holds(WEIGHTS | {"scale": other})


def test_weights_that_lie_apart_in_memory_are_compared_by_number() -> None:
    session = Session(scaled_and_shifted(), WEIGHTS, threads=1)
    apart = np.repeat(WEIGHTS["scale"], 2, axis=0)[::2]
    assert not apart.flags.c_contiguous
    assert session.holds(WEIGHTS | {"scale": apart})
    assert not session.holds(WEIGHTS | {"scale": apart[::-1]})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The arenas that are asked for, as in a new process."""
    asked: list[Any] = []
    monkeypatch.setattr("onnxruntime.create_and_register_allocator", lambda *given: asked.append(given))
    session_module._have_one_arena.cache_clear()
    yield asked
    session_module._have_one_arena.cache_clear()


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is set of sessions."""
    found: list[tuple[str, str]] = []
    own = onnxruntime.SessionOptions.add_session_config_entry

    def add(self: Any, name: str, value: str) -> None:
        found.append((name, value))
        own(self, name, value)

    monkeypatch.setattr(onnxruntime.SessionOptions, "add_session_config_entry", add)
    return found


def test_all_sessions_have_one_arena(registered: list[Any], entries: list[tuple[str, str]]) -> None:
    for _ in range(3):
        Session(scaled_and_shifted(), WEIGHTS, threads=1)
    assert len(registered) == 1
    assert entries.count(("session.use_env_allocators", "1")) == 3


def test_where_somebody_else_has_made_an_arena_each_session_has_its_own(
    registered: list[Any], entries: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> None:
        raise RuntimeError("already registered")

    monkeypatch.setattr("onnxruntime.create_and_register_allocator", refuse)
    (output,) = Session(scaled_and_shifted(), WEIGHTS, threads=1)(IMAGES)
    assert "session.use_env_allocators" not in dict(entries)
    assert np.allclose(output, np.maximum(IMAGES * WEIGHTS["scale"] + 0.5, 0), atol=1e-6)
