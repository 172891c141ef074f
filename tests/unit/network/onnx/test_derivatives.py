"""Each derivative is what finite differences in float64 say, and where there are corners, what MindSpore says."""

from __future__ import annotations

from functools import cache
from typing import Any

import mindspore
import numpy as np
import pytest
from graph_replica import computed
from mindspore import Tensor, mint, nn, ops
from numpy.testing import assert_allclose

from explainer.errors import EngineError
from explainer.network.mindspore.capture import parameters_of
from explainer.network.onnx.backward import gradient_graph
from explainer.network.onnx.derivatives.step import merged
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Shape, Value
from explainer.network.onnx.session import Session

from .test_operators import FAMILIES, NAMES
from .translated import IMAGES, Applied, Function, graph_for

pytestmark = pytest.mark.usefixtures("queued_operators")

STEP = 1e-6
CURVATURE = 1e-6  # of a central difference in float64, relative: the third derivative's part and float64's rounding
ROUNDING = 2e-6  # of the largest number of a gradient, in float32


def as_logits(graph: Graph, output: Value) -> Graph:
    """The graph that gives one of its values as (N, K)."""
    builder = GraphBuilder.going_on(graph)
    flat = merged(*output.shape)
    assert isinstance(flat, Batch)
    return builder.finished((builder.reshaped(output, (Batch(), flat.rows)),))


def seed_for(graph: Graph, images: Any = IMAGES) -> Any:
    return np.random.default_rng(5).standard_normal((len(images), graph.outputs[0].shape[1])).astype(np.float32)


def difference_quotient(graph: Graph, weights: Any, images: Any, seed: Any, direction: Any) -> float:
    """Of <seed, logits> along a direction, in float64."""
    above, below = (
        (computed(graph, images.astype(np.float64) + step * direction, weights)[0] * seed).sum()
        for step in (STEP, -STEP)
    )
    return float((above - below) / (2 * STEP))


def assert_derivative(graph: Graph, weights: Any = None, images: Any = IMAGES) -> None:
    """The gradient is the difference quotient along some directions, and ONNX Runtime computes it to float32."""
    weights = weights or {}
    seed, backward = seed_for(graph, images), gradient_graph(graph)
    (gradient,) = computed(backward, images, weights, others=[seed])
    assert gradient.shape == images.shape
    for index in range(3):
        direction = np.random.default_rng(index).standard_normal(images.shape)
        expected = difference_quotient(graph, weights, images, seed, direction)
        assert (gradient * direction).sum() == pytest.approx(expected, rel=CURVATURE, abs=CURVATURE)
    (ours,) = Session(backward, weights, threads=1)(images, seed)
    assert_allclose(ours, gradient, rtol=0, atol=ROUNDING * max(np.abs(gradient).max(), 1))


@cache
def family_of(name: str) -> tuple[Graph, Any]:
    network = Applied([make() for make in FAMILIES[name].values()])
    graph = graph_for(network)
    return graph, parameters_of(network, list(graph.weights))


@pytest.mark.parametrize(("family", "name"), NAMES)
def test_a_derivative_is_the_quotient_of_small_differences(family, name):
    graph, weights = family_of(family)
    output = graph.outputs[list(FAMILIES[family]).index(name)]
    logits = as_logits(graph, output)
    if output.dtype == "float32":
        assert_derivative(logits, weights)
    else:
        with pytest.raises(EngineError, match=f"but the network gives {output.dtype} of 2 axes"):
            gradient_graph(logits)


# What MindSpore's operators lead to seldom, or not in every way.

SHAPE = (Batch(), 4, 5, 7)
Graphs = Any  # a builder and its images -> a value


def numbers(graph: GraphBuilder, *shape: int, seed: int = 1) -> Value:
    return graph.constant(np.random.default_rng(seed).standard_normal(shape), "float32")


def conv(weights: tuple[int, ...], shape: Shape, **settings: Any) -> Graphs:
    whole = {"strides": [1, 1], "dilations": [1, 1], "pads": [0] * 4, "group": 1} | settings
    return lambda graph, x: graph.node("Conv", x, numbers(graph, *weights), shape=shape, **whole)


def transposed(weights: tuple[int, ...], shape: Shape, **settings: Any) -> Graphs:
    whole = {"strides": [1, 1], "dilations": [1, 1], "pads": [0] * 4, "group": 1, "output_padding": [0, 0]} | settings
    return lambda graph, x: graph.node("ConvTranspose", x, numbers(graph, *weights), shape=shape, **whole)


def scaled_conv(graph: GraphBuilder, x: Value) -> Value:
    """A convolution and a BatchNorm: the factor is laid on the weights."""
    features = conv((6, 2, 3, 2), (Batch(), 6, 3, 3), strides=[1, 2], pads=[0, 0, 0, 0], group=2)(graph, x)
    given = np.random.default_rng(2).uniform(0.5, 2, (4, 6))
    normal = [graph.constant(entry, "float32") for entry in given]
    return graph.node("BatchNormalization", features, *normal, shape=features.shape, epsilon=1e-3)


def pool(operator: str, size: tuple[int, ...], shape: Shape, **settings: Any) -> Graphs:
    spatial = len(size)
    whole = {"kernel_shape": list(size), "strides": [1] * spatial, "pads": [0] * 2 * spatial} | settings

    def pooled(graph: GraphBuilder, x: Value) -> Value:
        given = x if spatial == 2 else graph.reshaped(x, (Batch(), 2, 2, 5, 7))
        return graph.node(operator, given, shape=shape, **whole)

    return pooled


def strided(graph: GraphBuilder, x: Value) -> Value:
    bounds = [graph.integers(*entry) for entry in ((4, 1, 3), (-(2**31), 6, 1), (2, 3, 1), (-3, 2, -2))]
    return graph.node("Slice", x, *bounds, shape=(Batch(), 1, 2, 3))


def gathered(*indices: Any, axis: int) -> Graphs:
    array = np.array(indices[0] if len(indices) == 1 else indices)
    shape = (*SHAPE[:axis], *array.shape, *SHAPE[axis + 1 :])
    return lambda graph, x: graph.node("Gather", x, graph.constant(array, "int64"), shape=shape, axis=axis)


def one_of_three_parts(graph: GraphBuilder, x: Value) -> Value:
    parts = [((Batch(), size, 5, 7), "float32") for size in (1, 2, 1)]
    return graph.nodes("Split", (x, graph.integers(1, 2, 1)), parts, axis=1)[1]


def of_itself(operator: str) -> Graphs:
    """Both operands depend on the images, and the second is broadcast."""

    def both(graph: GraphBuilder, x: Value) -> Value:
        row = graph.node("ReduceMean", x, graph.integers(1, 3), shape=(Batch(), 1, 5, 1), keepdims=1)
        return graph.node(operator, x, graph.node("Add", row, graph.constant(3, "float32")))

    return both


def power_of_itself(graph: GraphBuilder, x: Value) -> Value:
    return graph.node("Pow", graph.node("Exp", x), graph.node("Sin", x))


def product_of_itself(graph: GraphBuilder, x: Value) -> Value:
    other = graph.node("Transpose", x, shape=(Batch(), 4, 7, 5), perm=[0, 1, 3, 2])
    row = graph.node("ReduceSum", other, graph.integers(1), shape=(Batch(), 1, 7, 5), keepdims=1)
    return graph.node("MatMul", x, row, shape=(Batch(), 4, 5, 5))


def bent_by_itself(graph: GraphBuilder, x: Value) -> Value:
    slope = graph.node("ReduceMean", x, graph.integers(2, 3), shape=(Batch(), 4, 1, 1), keepdims=1)
    return graph.node("PRelu", x, slope)


def chosen_of_rows(graph: GraphBuilder, x: Value) -> Value:
    row = graph.node("ReduceMax", x, graph.integers(2), shape=(Batch(), 4, 1, 7), keepdims=1)
    return graph.node("Where", graph.node("Greater", x, numbers(graph, 7), dtype="bool"), x, row, dtype="float32")


def normalised(operator: str, *scale: int, **settings: Any) -> Graphs:
    return lambda graph, x: graph.node(
        operator, x, numbers(graph, *scale), numbers(graph, *scale, seed=2), shape=x.shape, epsilon=0.1, **settings
    )


def clipped(graph: GraphBuilder, x: Value) -> Value:
    bounds = [graph.constant(number, "float32") for number in (0, 6)]
    return graph.node("Clip", graph.node("Mul", x, graph.constant(5, "float32")), *bounds)


def doubled(graph: GraphBuilder, x: Value) -> Value:
    wide = graph.node("Cast", x, dtype="float64", to=11)
    return graph.node("Cast", graph.node("Mul", wide, wide), dtype="float32", to=1)


def product_along(graph: GraphBuilder, x: Value) -> Value:
    return graph.node("ReduceProd", x, graph.integers(-1), shape=(Batch(), 4, 5), keepdims=0)


def expanded_in_front(graph: GraphBuilder, x: Value) -> Value:
    total = graph.node("ReduceSum", x, graph.integers(0, 1, 2), shape=(7,), keepdims=0)
    return graph.expanded(total, (Batch(), 3, 7))


def used_twice(graph: GraphBuilder, x: Value) -> Value:
    bent = graph.node("Tanh", x)
    return graph.node("Add", graph.node("Mul", bent, x), graph.node("Mul", bent, bent))


# fmt: off
CASES: dict[str, Graphs] = {
    "padded beyond its reach": conv((3, 4, 1, 2), (Batch(), 3, 9, 12), pads=[2, 3, 2, 3]),
    "padded beyond its reach on one side": conv((3, 4, 2, 2), (Batch(), 3, 7, 6), pads=[3, 0, 0, 0]),
    "groups, dilated": conv((6, 2, 3, 2), (Batch(), 6, 3, 5), dilations=[2, 3], pads=[1, 0, 1, 1], group=2),
    "groups, dilated, strided": conv((6, 2, 2, 3), (Batch(), 6, 2, 2), dilations=[2, 1], strides=[3, 4],
                                     pads=[1, 0, 1, 1], group=2),
    "depthwise with two kernels a channel": conv((8, 1, 3, 2), (Batch(), 8, 3, 6), group=4),
    "stride beyond the kernel": conv((3, 4, 1, 1), (Batch(), 3, 3, 3), strides=[2, 3]),
    "after it a factor": scaled_conv,
    "transposed": transposed((4, 3, 3, 2), (Batch(), 3, 10, 15), strides=[2, 2], pads=[1, 0, 1, 0],
                             output_padding=[1, 1]),
    "transposed, groups": transposed((4, 3, 2, 2), (Batch(), 6, 7, 7), dilations=[2, 1], pads=[0, 1, 0, 0], group=2),
    "largest, side by side": pool("MaxPool", (2, 3), (Batch(), 4, 2, 2), strides=[2, 3]),
    "largest, apart": pool("MaxPool", (1, 2), (Batch(), 4, 3, 2), strides=[2, 4]),
    "largest, side by side beyond the end": pool("MaxPool", (2, 3), (Batch(), 4, 3, 3), strides=[2, 3], ceil_mode=1),
    "largest, side by side, padded": pool("MaxPool", (3, 3), (Batch(), 4, 2, 2), strides=[3, 3], pads=[1, 1, 0, 0]),
    "largest, side by side, dilated": pool("MaxPool", (2, 2), (Batch(), 4, 2, 3), strides=[2, 2], dilations=[2, 2]),
    "largest, overlapping": pool("MaxPool", (3, 2), (Batch(), 4, 5, 3), strides=[1, 3], pads=[1, 0, 1, 1]),
    "largest, overlapping, padded": pool("MaxPool", (3, 3), (Batch(), 4, 3, 4), strides=[2, 2], pads=[1, 1, 1, 1]),
    "largest, overlapping beyond the end": pool("MaxPool", (3, 4), (Batch(), 4, 3, 3), strides=[2, 2],
                                                pads=[0, 0, 2, 1]),
    "largest, overlapping across, apart down": pool("MaxPool", (1, 3), (Batch(), 4, 3, 3), strides=[2, 2]),
    "largest, some read by none": pool("MaxPool", (3, 3), (Batch(), 4, 2, 2), strides=[2, 3]),
    "largest of volumes": pool("MaxPool", (2, 2, 3), (Batch(), 2, 1, 4, 3), strides=[1, 1, 2]),
    "mean, apart": pool("AveragePool", (1, 2), (Batch(), 4, 3, 2), strides=[2, 4]),
    "mean, overlapping, padded": pool("AveragePool", (3, 2), (Batch(), 4, 6, 4), strides=[1, 2], pads=[2, 1, 1, 1]),
    "mean, padding counted": pool("AveragePool", (3, 2), (Batch(), 4, 3, 5), strides=[2, 2], pads=[1, 1, 1, 1],
                                  count_include_pad=1),
    "mean beyond the end": pool("AveragePool", (2, 3), (Batch(), 4, 3, 3), strides=[2, 3], ceil_mode=1),
    "mean of volumes": pool("AveragePool", (2, 2, 3), (Batch(), 2, 1, 4, 4), strides=[1, 1, 2],
                            pads=[0, 0, 1, 0, 0, 1]),
    "strided, backwards and forwards": strided,
    "gathered twice from one place": gathered((2, 0, 2, -1), axis=1),
    "gathered along rows of indices": gathered((1, 0), (4, 4), axis=2),
    "gathered at one index": gathered(3, axis=3),
    "one of three parts": one_of_three_parts,
    "sum": of_itself("Add"),
    "difference": of_itself("Sub"),
    "product": of_itself("Mul"),
    "quotient": of_itself("Div"),
    "larger": of_itself("Max"),
    "smaller": of_itself("Min"),
    "power": power_of_itself,
    "product of matrices": product_of_itself,
    "slope": bent_by_itself,
    "chosen": chosen_of_rows,
    "normalised along some axes": normalised("LayerNormalization", 5, 7, axis=2),
    "normalised by channel": normalised("InstanceNormalization", 4),
    "in float64 meanwhile": doubled,
    "product along an axis": product_along,
    "expanded in front": expanded_in_front,
    "used twice": used_twice,
    "Gelu": lambda graph, x: graph.node("Gelu", x, approximate="none"),
    "Elu": lambda graph, x: graph.node("Elu", x, alpha=0.7),
    "Clip": clipped,
    "Tile": lambda graph, x: graph.node("Tile", x, graph.integers(1, 3, 1, 2), shape=(Batch(), 12, 5, 14)),
}
# fmt: on


def graph_with(make: Graphs) -> Graph:
    builder = GraphBuilder(SHAPE)
    output = make(builder, builder.images)
    return as_logits(builder.finished((output,)), output)


@pytest.mark.parametrize("name", CASES)
def test_a_derivative_is_right_in_seldom_cases(name):
    assert_derivative(graph_with(CASES[name]))


@pytest.mark.parametrize(
    ("size", "strides", "pads"),
    [
        ((3, 3), (2, 2), (0, 0)),
        ((3, 3), (2, 2), (1, 1)),
        ((2, 4), (1, 3), (0, 1)),
        ((3, 3), (1, 1), (1, 1)),
        ((2, 2), (2, 2), (0, 0)),
    ],
)
def test_of_equal_pixels_the_first_of_a_window_in_reading_order_has_the_gradient(size, strides, pads):
    """As MindSpore has it; a window of three grey levels has several largest, in every order of rows and columns."""
    images = np.random.default_rng(3).integers(0, 3, (2, 4, 9, 11)).astype(np.float32)
    counts = [(n + 2 * pad - k) // stride + 1 for n, k, stride, pad in zip((9, 11), size, strides, pads, strict=True)]
    builder = GraphBuilder((Batch(), 4, 9, 11))
    pooled = pool("MaxPool", size, (Batch(), 4, *counts), strides=list(strides), pads=list(pads) * 2)(
        builder, builder.images
    )
    graph = as_logits(builder.finished((pooled,)), pooled)
    seed = np.random.default_rng(4).integers(1, 9, (2, 4 * counts[0] * counts[1])).astype(np.float32)
    expected = np.zeros_like(images)
    for (image, channel, row, column), given in np.ndenumerate(seed.reshape(2, 4, *counts)):
        places = [
            (row * strides[0] + i - pads[0], column * strides[1] + j - pads[1])
            for i in range(size[0])
            for j in range(size[1])
        ]
        inside = [(y, x) for y, x in places if 0 <= y < 9 and 0 <= x < 11]
        y, x = max(inside, key=lambda place: images[image, channel][place])  # the first of several
        expected[image, channel, y, x] += given
    np.testing.assert_array_equal(Session(gradient_graph(graph), {})(images, seed)[0], expected)


@pytest.mark.parametrize("zeros", [1, 2, 7])
def test_a_product_with_zeros_has_the_product_of_the_others(zeros):
    images = IMAGES.copy()
    images[:, 1, 2, :zeros] = 0
    assert_derivative(graph_with(product_along), images=images)


@pytest.mark.parametrize("operator", ["Ceil", "Floor", "Round", "Sign"])
def test_no_gradient_passes_steps(operator):
    def stepped(graph: GraphBuilder, x: Value) -> Value:
        return graph.node("Add", graph.node(operator, x), graph.node("Mul", x, graph.constant(3, "float32")))

    graph = graph_with(stepped)
    seed = seed_for(graph)
    (gradient,) = Session(gradient_graph(graph), {})(IMAGES, seed)
    assert_allclose(gradient, 3 * seed.reshape(IMAGES.shape), rtol=1e-6)


# Corners: numbers of which many are equal, zero, or at a bound, where MindSpore's choice is the one to be kept.


def relu(x: Tensor) -> Tensor:
    return ops.relu(x)


def with_number(x: Tensor) -> Tensor:
    return ops.maximum(x, 0)


def with_its_opposite(x: Tensor) -> Tensor:
    return ops.minimum(x, -x)


def clamped(x: Tensor) -> Tensor:
    return ops.clamp(x, -1.0, 1.0)


def absolute(x: Tensor) -> Tensor:
    return ops.abs(x)


def all_largest(x: Tensor) -> Tensor:
    return ops.amax(x, (2, 3))


def all_smallest(x: Tensor) -> Tensor:
    return ops.amin(x, 1)


def first_largest(x: Tensor) -> Tensor:
    return x.max(axis=2)


def first_smallest(x: Tensor) -> Tensor:
    return ops.min(x, axis=2)[0]


def product_with_zeros(x: Tensor) -> Tensor:
    return ops.ReduceProd()(x, 2)


def norm_of_zeros(x: Tensor) -> Tensor:
    return ops.norm(x + 0.5, dim=1)


def times_its_sign(x: Tensor) -> Tensor:
    return x * (x > 0) + x * ops.sign(x)


def power(x: Tensor) -> Tensor:
    return ops.abs(x) ** 2


def clamped_of_mint(x: Tensor) -> Tensor:
    return mint.clamp(x, min=-1.0)


def by_name(*functions: Any) -> dict[str, Any]:
    return {function.__name__: lambda function=function: Function(function) for function in functions}


CORNERS = {
    **by_name(
        relu,
        with_number,
        with_its_opposite,
        clamped,
        clamped_of_mint,
        absolute,
        all_largest,
        all_smallest,
        first_largest,
        first_smallest,
        product_with_zeros,
        norm_of_zeros,
        times_its_sign,
        power,
    ),
    "HSigmoid": nn.HSigmoid,
    "LeakyReLU": lambda: nn.LeakyReLU(0.2),
    "PReLU": lambda: nn.PReLU(4, 0.3),
    "pool": lambda: nn.MaxPool2d(3, 2),
    "pool same": lambda: nn.MaxPool2d(3, 2, pad_mode="same"),
    "pool padded": lambda: nn.MaxPool2d(3, 2, pad_mode="pad", padding=1),
    "pool side by side": lambda: nn.MaxPool2d(2, 2),
    "pool rounded up": lambda: nn.MaxPool2d(2, 2, pad_mode="pad", ceil_mode=True),
}
WHOLE = np.random.default_rng(0).integers(-2, 3, IMAGES.shape).astype(np.float32)


def assert_as_mindspore(network: nn.Cell, images: Any) -> None:
    graph = graph_for(Applied([network]), images)
    logits = as_logits(graph, graph.outputs[0])
    seed = seed_for(logits, images)

    def objective(x: Tensor) -> Tensor:
        return (network(x).reshape(seed.shape) * Tensor(seed)).sum()

    expected = mindspore.grad(objective)(Tensor(images)).asnumpy()
    weights = parameters_of(Applied([network]), list(graph.weights))
    (ours,) = Session(gradient_graph(logits), weights, threads=1)(images, seed)
    assert np.abs(expected).max() > 0.1
    assert_allclose(ours, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CORNERS)
def test_at_a_corner_the_gradient_is_mindspores(name):
    assert_as_mindspore(CORNERS[name](), WHOLE)


@pytest.mark.parametrize("number", [-3.0, 3.0])
def test_at_the_bounds_of_hswish_the_gradient_is_mindspores(number):
    assert_as_mindspore(nn.HSwish(), np.full((2, 4, 5, 7), number, np.float32))


def test_at_six_a_relu6_passes_nothing_as_under_every_rule():
    """MindSpore's own kernel passes all there, torch's nothing."""
    images = np.float32([-1, 0, 1, 5.5, 6, 7]).reshape(1, 1, 2, 3)
    builder = GraphBuilder((Batch(), 1, 2, 3))
    bounds = [builder.constant(number, "float32") for number in (0, 6)]
    output = builder.node("Clip", builder.images, *bounds)
    graph = gradient_graph(as_logits(builder.finished((output,)), output))
    (gradient,) = Session(graph, {})(images, np.ones((1, 6), np.float32))
    assert gradient.ravel().tolist() == [0, 0, 1, 1, 0, 0]


# What has no derivative is refused by name.


def weights_of_images(graph: GraphBuilder, x: Value) -> Value:
    kernels = graph.node("ReduceSum", x, graph.integers(0), shape=(1, 4, 5, 7), keepdims=1)
    return conv_with(graph, x, kernels)


def conv_with(graph: GraphBuilder, x: Value, kernels: Value) -> Value:
    settings = {"strides": [1, 1], "dilations": [1, 1], "pads": [0] * 4, "group": 1}
    return graph.node("Conv", x, kernels, shape=(Batch(), 1, 1, 1), **settings)


def scale_of_images(graph: GraphBuilder, x: Value) -> Value:
    scale = graph.node("ReduceSum", x, graph.integers(0, 1, 2), shape=(7,), keepdims=0)
    return graph.node("LayerNormalization", x, scale, numbers(graph, 7), shape=x.shape, axis=3, epsilon=0.1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (weights_of_images, "Conv has no derivative here for weights that the network computes from the images"),
        (scale_of_images, "LayerNormalization has no derivative here for a scale that the network computes"),
        (lambda graph, x: graph.node("Unheard", x), "the operator Unheard has no derivative here"),
    ],
)
def test_what_has_no_derivative_is_refused_by_name(make, reason):
    with pytest.raises(EngineError, match=reason):
        gradient_graph(graph_with(make))


def test_a_single_row_in_a_product_is_refused():
    def row(graph: GraphBuilder, x: Value) -> Value:
        return graph.node("MatMul", x, numbers(graph, 7), shape=(Batch(), 4, 5))

    with pytest.raises(EngineError, match="MatMul has no derivative here for a single row"):
        gradient_graph(graph_with(row))
