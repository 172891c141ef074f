"""The way back: rules on every ReLU, any value's gradient, and what MindSpore gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import NormalisedCnn, SmallCnn
from numpy.testing import assert_allclose

from explainer.errors import EngineError
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.capture import captured, parameters_of
from explainer.network.onnx.backward import gradient_graph, relus_of
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder
from explainer.network.onnx.mindir import BATCH, graph_of
from explainer.network.onnx.session import Session
from explainer.relu_rules import deconvolution, guided, plain

pytestmark = pytest.mark.usefixtures("queued_operators")

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((3, 5)).astype(np.float32)
SEED = RNG.standard_normal((3, 4)).astype(np.float32)
WEIGHTS = {"one": RNG.standard_normal((5, 6)).astype(np.float32), "two": RNG.standard_normal((6, 4)).astype(np.float32)}


def leaking(upstream: Any, relu_input: Any) -> Any:
    """A rule of a user's own: a tenth passes where the input is negative, and more the larger it is."""
    return upstream * (0.1 + (relu_input > 0) * abs(relu_input) / 2) - (upstream < -0.5) * 0.25


RULES = [plain, deconvolution, guided, leaking]


def two_layers(top: bool = False) -> Graph:
    """relu(relu6(5 x A) B), (N, 4)."""
    builder = GraphBuilder((Batch(), 5))
    one, two = (builder.weight(name, WEIGHTS[name].shape, "float32") for name in ("one", "two"))
    five, *bounds = (builder.constant(number, "float32") for number in (5, 0, 6))
    scaled = builder.node("Mul", builder.node("MatMul", builder.images, one, shape=(Batch(), 6)), five)
    hidden = builder.node("Clip", scaled, *bounds)
    return builder.finished((builder.node("Relu", builder.node("MatMul", hidden, two, shape=(Batch(), 4))),))


def by_hand(rule: Any) -> tuple[Any, Any]:
    """The gradients of the images and of the bounded layer, with arrays, in float64."""
    one, two = (WEIGHTS[name].astype(np.float64) for name in ("one", "two"))
    scaled = 5 * IMAGES @ one
    of_second = rule(SEED.astype(np.float64), np.clip(scaled, 0, 6) @ two)
    of_hidden = of_second @ two.T
    return 5 * rule(of_hidden * (scaled < 6), scaled) @ one.T, of_hidden


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_laid_on_every_relu(rule):
    graph = two_layers()
    (gradient,) = Session(gradient_graph(graph, rule=rule), WEIGHTS)(IMAGES, SEED)
    expected, _ = by_hand(rule)
    assert_allclose(gradient, expected, atol=2e-6 * np.abs(expected).max())


def test_rules_differ():
    maps = [by_hand(rule)[0] for rule in RULES]
    assert all(np.abs(one - other).max() > 0.1 for at, one in enumerate(maps) for other in maps[:at])


@pytest.mark.parametrize("rule", RULES)
def test_a_value_has_its_own_gradient_and_is_given_with_it(rule):
    graph = two_layers()
    (hidden,) = next(node.outputs for node in graph.nodes if node.operator == "Clip")
    gradient, activation = Session(gradient_graph(graph, rule=rule, at=hidden), WEIGHTS)(IMAGES, SEED)
    assert_allclose(activation, np.clip(5 * IMAGES @ WEIGHTS["one"], 0, 6), atol=1e-5)
    assert_allclose(gradient, by_hand(rule)[1], atol=1e-5)


def test_the_graph_that_is_given_stays_as_it_is():
    graph = two_layers()
    before = graph.nodes
    gradient = gradient_graph(graph)
    assert (graph.nodes, graph.others, len(graph.outputs)) == (before, (), 1)
    assert [value.name for value in gradient.inputs] == ["images", "seed"]
    assert Session(graph, WEIGHTS)(IMAGES)[0].shape == (3, 4)


def test_relus_are_counted_where_images_go_through_them():
    graph = two_layers()
    assert [node.operator for node in relus_of(graph)] == ["Clip", "Relu"]
    builder = GraphBuilder.going_on(graph)
    of_weights = builder.node("Relu", graph.weights["two"])
    output = builder.node("MatMul", builder.images, of_weights, shape=(Batch(), 4))
    assert relus_of(builder.finished((output,)))[-1].operator == "Relu"
    assert len(relus_of(builder.finished((output,)))) == 2


def test_what_comes_back_by_several_ways_is_added_up():
    builder = GraphBuilder((Batch(), 5))
    x = builder.images
    cube = builder.node("Mul", builder.node("Mul", x, x), x)
    (gradient,) = Session(gradient_graph(builder.finished((builder.node("Add", cube, x),))), {})(IMAGES, IMAGES)
    assert_allclose(gradient, IMAGES * (3 * IMAGES**2 + 1), rtol=1e-5)


def test_where_the_user_stops_it_no_gradient_passes():
    builder = GraphBuilder((Batch(), 5))
    x = builder.images
    (gradient,) = Session(gradient_graph(builder.finished((builder.node("Mul", builder.stopped(x), x),))), {})(
        IMAGES, np.ones_like(IMAGES)
    )
    assert np.array_equal(gradient, IMAGES)


def test_what_the_logits_do_not_depend_on_has_a_gradient_of_zero():
    builder = GraphBuilder((Batch(), 5))
    beside = builder.node("Relu", builder.images)
    graph = builder.finished((builder.node("Neg", builder.images),))
    gradient, value = Session(gradient_graph(graph, at=beside), {})(IMAGES, IMAGES)
    assert not gradient.any()
    assert (gradient.shape, np.array_equal(value, np.maximum(IMAGES, 0))) == (IMAGES.shape, True)


@pytest.mark.parametrize("shape", [(Batch(), 5, 1), (Batch(),)])
def test_what_is_no_row_of_logits_has_no_gradient(shape):
    builder = GraphBuilder((Batch(), 5))
    with pytest.raises(EngineError, match=rf"logits \(N, K\), but the network gives float32 of {len(shape)} axes"):
        gradient_graph(builder.finished((builder.node("Reshape", builder.images, builder.integers(-1), shape=shape),)))


def choosing(upstream: Any, relu_input: Any) -> Any:
    return upstream if upstream > 0 else 0 * upstream


def with_an_operator(upstream: Any, relu_input: Any) -> Any:
    return ops.maximum(upstream, 0)


def with_a_method(upstream: Any, relu_input: Any) -> Any:
    return upstream * relu_input.sign()


def constant(upstream: Any, relu_input: Any) -> Any:
    return 0.0


@pytest.mark.parametrize("rule", [choosing, with_an_operator, with_a_method, constant])
def test_a_rule_that_does_more_than_compute_and_compare_is_refused(rule):
    with pytest.raises(EngineError, match=f"the ReLU rule {rule.__name__} cannot be laid on a graph"):
        gradient_graph(two_layers(), rule=rule)


# Against MindSpore.


class Residual(nn.Cell):
    """ReLUs as cell, operator, function and bounded, pooling, a slice, a sum and a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 6, 3, weight_init="normal")
        self.two = nn.Conv2d(6, 6, 3, group=2, weight_init="normal")
        self.relu, self.bounded, self.operator = nn.ReLU(), nn.ReLU6(), ops.ReLU()
        self.pool = nn.MaxPool2d(3, 2)
        self.dense = nn.Dense(9, 4, weight_init="normal")

    def construct(self, images: Tensor) -> Tensor:
        features = self.relu(self.one(images * 40))
        pooled = self.pool(features + ops.relu(self.two(features)))
        joined = ops.concat((self.operator(pooled), self.bounded(pooled[:, 1:4] * 2)), 1)
        return self.dense(joined.mean((2, 3)))


NETWORKS = [lambda: SmallCnn(channels=3), lambda: NormalisedCnn(channels=3), Residual]
PICTURES = RNG.standard_normal((3, 3, 9, 11)).astype(np.float32)


def graph_and_weights(network: nn.Cell) -> tuple[Graph, Any]:
    graph = graph_of(captured(network, PICTURES.shape[1:], BATCH))
    return graph, parameters_of(network, list(graph.weights))


@pytest.mark.parametrize("rule", [plain, deconvolution, guided])
@pytest.mark.parametrize("make", NETWORKS, ids=["SmallCnn", "NormalisedCnn", "Residual"])
def test_the_gradient_is_mindspores_under_each_rule(make, rule):
    network = make()
    graph, weights = graph_and_weights(network)
    (ours,) = Session(gradient_graph(graph, rule=rule), weights)(PICTURES, SEED)
    expected = MindSporeClassifier(network).gradient(PICTURES, SEED, relu_rule=rule)
    assert_allclose(ours, expected, rtol=0, atol=4e-6 * np.abs(expected).max())
