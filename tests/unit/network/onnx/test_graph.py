"""A graph knows the shape of each value but for the number of images, and computes nothing twice."""

from __future__ import annotations

import numpy as np
import pytest

from explainer.network.onnx.graph import Batch, GraphBuilder, Value, broadcast
from explainer.network.onnx.session import Session

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
SHAPE = (Batch(), 2, 5, 7)


def computed(graph: GraphBuilder, *outputs: Value) -> list[np.ndarray]:
    return list(Session(graph.finished(outputs), {}, threads=1)(IMAGES))


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (((Batch(), 2, 5, 7), (7,)), (Batch(), 2, 5, 7)),
        (((2, 1, 1), (Batch(), 1, 5, 7)), (Batch(), 2, 5, 7)),
        (((1, 5), (Batch(3), 1)), (Batch(3), 5)),
        (((), (4,)), (4,)),
        (((), ()), ()),
    ],
)
def test_shapes_broadcast_as_numpys_do(shapes, expected):
    assert broadcast(*shapes) == expected


def test_reshaping_back_is_the_value_itself():
    graph = GraphBuilder(SHAPE)
    doubled = graph.node("Add", graph.images, graph.images)
    flat = graph.reshaped(doubled, (Batch(), 70))
    assert graph.reshaped(graph.reshaped(flat, (Batch(2), 35)), SHAPE) is doubled
    assert graph.reshaped(doubled, SHAPE) is doubled


def test_rows_of_the_batch_are_counted_when_the_graph_runs():
    graph = GraphBuilder(SHAPE)
    rows = graph.reshaped(graph.images, (Batch(10), 7))
    expanded = graph.expanded(graph.constant([[1, 2]], "float32"), (Batch(10), 2))
    both = graph.node("Concat", rows, expanded, shape=(Batch(10), 9), axis=1)
    expected = np.concatenate([IMAGES.reshape(30, 7), np.tile([[1, 2]], (30, 1))], axis=1)
    assert np.array_equal(computed(graph, both)[0], expected)


def test_the_size_of_the_batch_is_looked_up_once():
    graph = GraphBuilder(SHAPE)
    assert graph.batch_size(4) is graph.batch_size(4)
    assert [array.tolist() for array in computed(graph, graph.batch_size(4), graph.batch_size(1))] == [[12], [3]]


def test_a_value_of_its_own_is_handed_on_where_no_gradient_is_to_pass():
    graph = GraphBuilder(SHAPE)
    stopped = graph.stopped(graph.images)
    assert np.array_equal(computed(graph, stopped)[0], IMAGES)
    assert [node.differentiable for node in graph.finished((stopped,)).nodes] == [False]


def test_a_graph_that_goes_on_leaves_what_it_goes_on_from():
    first = GraphBuilder(SHAPE)
    scale = first.weight("scale", (2, 1, 1), "float32")
    graph = first.finished((first.node("Mul", first.images, scale),))
    more = GraphBuilder.going_on(graph)
    whole = more.finished((more.node("Add", graph.outputs[0], more.given("shift", SHAPE, "float32")),))
    assert [node.operator for node in graph.nodes] == ["Mul"]
    assert [node.operator for node in whole.nodes] == ["Mul", "Add"]
    assert ([value.name for value in whole.inputs], whole.weights) == (["images", "shift"], {"scale": scale})
    assert graph.inputs == (graph.images,)


def test_a_pooling_tells_its_positions_when_it_is_asked():
    graph = GraphBuilder(SHAPE)
    pooled = graph.node("MaxPool", graph.images, shape=(Batch(), 2, 2, 3), kernel_shape=[3, 2], strides=[2, 2])
    node = graph.made_by(pooled)
    assert node is not None
    positions = graph.another_output(node, pooled.shape, "int64")
    values, places = computed(graph, pooled, positions)
    assert np.array_equal(IMAGES.ravel()[places], values)


def test_what_no_node_gives_is_made_by_none():
    graph = GraphBuilder(SHAPE)
    assert graph.made_by(graph.images) is None
