"""A graph is given as many images at once as stay near the cores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explainer.network.onnx import footprint
from explainer.network.onnx.footprint import bytes_held, images_together
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Value, with_open_weights
from explainer.network.onnx.session import Session

SHAPE = (Batch(), 2, 5, 7)
NUMBERS = 2 * 5 * 7


def chain(length: int, *, kept: bool = False) -> Graph:
    """ReLUs in a row; where they are kept, all of them are added up at the end."""
    builder = GraphBuilder(SHAPE)
    values = [builder.images]
    for _ in range(length):
        values.append(builder.node("Relu", values[-1]))
    total = values[-1]
    if kept:
        for value in values[-2:0:-1]:
            total = builder.node("Add", total, value)
    return builder.finished((total,))


@pytest.mark.parametrize("length", [2, 9])
def test_in_a_chain_two_values_are_held_whatever_its_length(length: int) -> None:
    assert bytes_held(chain(length)) == 2 * 4 * NUMBERS


@pytest.mark.parametrize("length", [2, 9])
def test_what_is_needed_at_the_end_is_held_until_then(length: int) -> None:
    assert bytes_held(chain(length, kept=True)) == (length + 1) * 4 * NUMBERS


def test_another_shape_of_the_same_numbers_takes_no_memory_and_keeps_what_it_is_of() -> None:
    builder = GraphBuilder(SHAPE)
    first = builder.node("Relu", builder.images)
    flat = builder.reshaped(first, (Batch(), NUMBERS))
    sums = builder.node("ReduceSum", builder.node("Relu", builder.images), shape=(Batch(),))
    output = builder.node("Add", flat, sums, shape=(Batch(), NUMBERS))
    assert bytes_held(builder.finished((output,))) == 4 * (2 * NUMBERS + 1)


def test_what_no_output_needs_is_never_there() -> None:
    builder = GraphBuilder(SHAPE)
    output = builder.node("Relu", builder.images)
    for _ in range(3):
        builder.node("Concat", output, output, shape=(Batch(), 4, 5, 7), axis=1)
    assert bytes_held(builder.finished((output,))) == 4 * NUMBERS


@pytest.mark.parametrize(("side", "threads", "expected"), [(500, 2, 10), (500, 1, 4), (1500, 2, 1), (3000, 2, 1)])
def test_threads_have_room_for_so_many_images(side: int, threads: int, expected: int) -> None:
    builder = GraphBuilder((Batch(), 2, side, side))
    graph = builder.finished((builder.node("Relu", builder.node("Relu", builder.images)),))
    assert images_together(graph, "cpu", threads) == expected


def test_a_network_of_many_weights_gets_more_images_and_so_does_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "_NEAR", 1000)
    monkeypatch.setattr(footprint, "_HELD", 32_000)

    def graph(rows: int) -> Graph:
        builder = GraphBuilder((Batch(), rows))
        weight = builder.weight("w", (rows, 50), "float32")
        return builder.finished(
            (builder.node("Relu", builder.node("MatMul", builder.images, weight, shape=(Batch(), 50))),)
        )

    assert [images_together(graph(rows), "cpu", 1) for rows in (2, 40)] == [2, 10]
    assert images_together(with_open_weights(graph(40)), "cpu", 1) == 10
    assert images_together(graph(2), "cuda", 1) == 80


def test_parts_are_those_of_the_whole_each_image_with_what_is_given_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = GraphBuilder(SHAPE)
    scale, weight = builder.given("scale", (Batch(), 1, 1, 1), "float32"), builder.weight("w", (2, 1, 1), "float32")
    scaled = builder.node("Mul", builder.node("Mul", builder.images, scale), weight)
    sums: Value = builder.node("ReduceSum", scaled, builder.integers(1, 2, 3), shape=(Batch(),), keepdims=0)
    graph, weights = builder.finished((scaled, sums)), {"w": np.float32([[[2]], [[-3]]])}
    monkeypatch.setattr(footprint, "_NEAR", 2.5 * bytes_held(graph))
    session, sizes = Session(graph, weights, threads=1), []
    whole = Session.__call__

    def counted(self: Session, *given: Any) -> Any:
        sizes.append(len(given[0]))
        return whole(self, *given)

    monkeypatch.setattr(Session, "__call__", counted)
    images = np.random.default_rng(0).standard_normal((5, 2, 5, 7)).astype(np.float32)
    scales = np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1, 1)
    found = session.in_parts(images, scales)
    expected = images * scales * weights["w"]
    assert sizes == [2, 2, 1]
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    np.testing.assert_allclose(found[1], expected.sum(axis=(1, 2, 3)), rtol=0, atol=1e-4)


def test_what_is_given_beside_all_images_is_given_with_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "_NEAR", 1)
    builder = GraphBuilder(SHAPE)
    graph = builder.finished((builder.node("Mul", builder.images, builder.weight("w", (2, 1, 1), "float32")),))
    images = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
    weight = np.float32([[[2]], [[-3]]])
    (found,) = Session(with_open_weights(graph), {}, threads=1).in_parts(images, always=[weight])
    np.testing.assert_allclose(found, images * weight, rtol=1e-6)
