"""What a window changes, computed alone, is what the whole network gives: every operator, border and size of window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Value
from explainer.network.onnx.session import Session
from explainer.network.onnx.windows.laid import laid
from explainer.network.onnx.windows.plan import Plan
from explainer.network.onnx.windows.spans import Reach, Span

CHANNELS, HEIGHT, WIDTH = 2, 13, 17
SIZES = [(1, 1), (2, 3), (5, 4), (7, 10), (1, 17), (13, 17)]
ROUNDING = 1e-6  # of the largest output: sums in another order
Layers = Callable[["Net", Value], Value | tuple[Value, ...]]


class Net:
    """A graph in the making, with weights that are drawn."""

    def __init__(self) -> None:
        self.builder = GraphBuilder((Batch(), CHANNELS, HEIGHT, WIDTH))
        self.weights: dict[str, NDArray[np.float32]] = {}
        self._random = np.random.default_rng(1)

    def weight(self, *shape: int, positive: bool = False) -> Value:
        array = self._random.standard_normal(shape).astype(np.float32)
        name = f"weight{len(self.weights)}"
        self.weights[name] = np.abs(array) + 1 if positive else array
        return self.builder.weight(name, shape, "float32")

    def sliding(
        self, operator: str, value: Value, size: Any, *more: Value, channels: int | None = None, **settings: Any
    ) -> Value:
        """A convolution or a pooling; its output's size follows from ONNX's formula."""
        strides, pads = settings.get("strides", [1, 1]), settings.get("pads", [0] * 4)
        dilations = settings.get("dilations", [1, 1])
        shape: list[Any] = [Batch(), value.shape[1] if channels is None else channels]
        for axis in (0, 1):
            free = value.shape[axis + 2] + pads[axis] + pads[axis + 2] - dilations[axis] * (size[axis] - 1) - 1
            shape.append((-(-free // strides[axis]) if settings.get("ceil_mode") else free // strides[axis]) + 1)
        return self.builder.node(operator, value, *more, shape=tuple(shape), **settings)

    def conv(self, value: Value, channels: int, size: Any = (3, 3), group: int = 1, **settings: Any) -> Value:
        weight = self.weight(channels, value.shape[1] // group, *size)
        return self.sliding("Conv", value, size, weight, channels=channels, group=group, **settings)

    def pooled(self, operator: str, value: Value, size: Any, **settings: Any) -> Value:
        return self.sliding(operator, value, size, kernel_shape=list(size), **settings)

    def relu(self, value: Value) -> Value:
        return self.builder.node("Relu", value)

    def joined(self, *values: Value) -> Value:
        shape = values[0].shape
        channels = sum(value.shape[1] for value in values)
        return self.builder.node("Concat", *values, shape=(shape[0], channels, *shape[2:]), axis=1)

    def mean(self, value: Value, keepdims: int = 0) -> Value:
        shape = (Batch(), value.shape[1], 1, 1)[: 4 if keepdims else 2]
        return self.builder.node("ReduceMean", value, self.builder.integers(2, 3), shape=shape, keepdims=keepdims)

    def logits(self, value: Value) -> Value:
        """Of the whole map, so that no place can be wrong unseen."""
        count = int(np.prod(value.shape[1:]))
        flat = self.builder.reshaped(value, (Batch(), count))
        return self.builder.node("MatMul", flat, self.weight(count, 3), shape=(Batch(), 3))

    def finished(self, outputs: Value | tuple[Value, ...]) -> Graph:
        return self.builder.finished(outputs if isinstance(outputs, tuple) else (outputs,))


def strided(net: Net, images: Value) -> Value:
    first = net.relu(net.conv(images, 3, (3, 5), strides=[2, 1], pads=[1, 0, 2, 3]))
    return net.logits(net.relu(net.conv(first, 4, (2, 3), strides=[1, 2], pads=[0, 2, 1, 0])))


def wider_strides_than_windows(net: Net, images: Value) -> Value:
    """Places that nothing sees."""
    return net.logits(net.relu(net.conv(images, 3, (2, 1), strides=[3, 2], pads=[0, 1, 1, 0])))


def dilated(net: Net, images: Value) -> Value:
    return net.logits(net.conv(images, 3, (3, 2), dilations=[2, 3], pads=[2, 1, 1, 2]))


def grouped(net: Net, images: Value) -> Value:
    many = net.relu(net.conv(images, 4, (1, 1)))
    return net.logits(net.conv(net.conv(many, 4, group=4, pads=[1] * 4), 6, group=2))


def pooled(net: Net, images: Value) -> Value:
    """Of negative numbers, for which a margin of zeros would be the largest."""
    below = net.builder.node("Sub", images, net.builder.constant(9, "float32"))
    return net.logits(net.pooled("MaxPool", below, (3, 2), strides=[2, 2], pads=[1, 1, 1, 0], dilations=[2, 1]))


def pooled_rounded_up(net: Net, images: Value) -> Value:
    below = net.builder.node("Sub", images, net.builder.constant(9, "float32"))
    return net.logits(net.pooled("MaxPool", below, (2, 3), strides=[3, 3], ceil_mode=1))


def mean_without_margin(net: Net, images: Value) -> Value:
    return net.logits(net.pooled("AveragePool", net.conv(images, 3), (3, 2), strides=[2, 1]))


def mean_that_counts_its_margin(net: Net, images: Value) -> Value:
    pads = {"pads": [1, 0, 0, 1], "count_include_pad": 1}
    return net.logits(net.pooled("AveragePool", net.conv(images, 3), (3, 2), strides=[2, 1], **pads))


def mean_that_leaves_its_margin_out(net: Net, images: Value) -> Value:
    return net.logits(net.pooled("AveragePool", net.conv(images, 3), (3, 3), pads=[1] * 4))


def mean_rounded_up(net: Net, images: Value) -> Value:
    return net.logits(net.pooled("AveragePool", net.conv(images, 3), (2, 2), strides=[2, 2], ceil_mode=1))


def fire(net: Net, images: Value) -> Value:
    squeezed = net.relu(net.conv(images, 2, (1, 1)))
    both = net.relu(net.conv(squeezed, 3, (1, 1))), net.relu(net.conv(squeezed, 3, pads=[1] * 4))
    return net.logits(net.joined(*both))


def residual(net: Net, images: Value) -> Value:
    one = net.relu(net.conv(images, 3, pads=[1] * 4))
    two = net.relu(net.builder.node("Add", net.conv(one, 3, (5, 3), pads=[2, 1, 2, 1]), one))
    main = net.conv(net.relu(net.conv(two, 4, strides=[2, 2], pads=[1] * 4)), 4, pads=[1] * 4)
    return net.logits(net.relu(net.builder.node("Add", main, net.conv(two, 4, (1, 1), strides=[2, 2]))))


def shortcut_of_slices(net: Net, images: Value) -> Value:
    """Every second row and third column from the second on, zeros around the channels."""
    builder = net.builder
    bounds = [builder.integers(*entry) for entry in [(1, 2), (HEIGHT, WIDTH), (2, 3), (2, 3)]]
    cut = builder.node("Slice", images, *bounds, shape=(Batch(), CHANNELS, 6, 5))
    padded = builder.node("Pad", cut, builder.integers(0, 1, 0, 0, 0, 2, 0, 0), shape=(Batch(), CHANNELS + 3, 6, 5))
    main = net.conv(net.conv(images, 5, strides=[2, 3]), 5, (3, 3), pads=[1] * 4)
    return net.logits(builder.node("Add", main, padded))


def padded_with_zeros(net: Net, images: Value) -> Value:
    builder = net.builder
    shape = (Batch(), CHANNELS, HEIGHT + 3, WIDTH + 3)
    pads = builder.integers(0, 0, 1, 0, 0, 0, 2, 3)
    return net.logits(net.conv(builder.node("Pad", images, pads, shape=shape), 3))


def padded_with_mirrors(net: Net, images: Value) -> Value:
    pads = net.builder.integers(0, 0, 1, 1, 0, 0, 1, 1)
    shape = (Batch(), 3, HEIGHT, WIDTH)
    return net.logits(net.builder.node("Pad", net.conv(images, 3), pads, shape=shape, mode="reflect"))


def normalised(net: Net, images: Value) -> Value:
    features = net.conv(images, 3, pads=[1] * 4)
    statistics = [net.weight(3), net.weight(3), net.weight(3), net.weight(3, positive=True)]
    scaled = net.builder.node("BatchNormalization", features, *statistics, shape=features.shape, epsilon=1e-3)
    return net.logits(net.builder.node("PRelu", scaled, net.weight(3, 1, 1)))


def split(net: Net, images: Value) -> Value:
    many = net.conv(images, 5)
    shapes = [((Batch(), count, *many.shape[2:]), "float32") for count in (2, 3)]
    some, others = net.builder.nodes("Split", (many, net.builder.integers(2, 3)), shapes, axis=1)
    return net.logits(net.joined(net.conv(others, 2, (3, 1), pads=[1, 0, 1, 0]), some))


def scaled_by_all_of_it(net: Net, images: Value) -> Value:
    """A window changes the scale, and so every place."""
    features = net.relu(net.conv(images, 3))
    scale = net.builder.node("Sigmoid", net.mean(features, keepdims=1))
    return net.logits(net.conv(net.builder.node("Mul", features, scale), 2))


def with_places(net: Net, images: Value) -> Value:
    """What is added is another number at every place."""
    places = net.builder.constant(np.arange(HEIGHT * WIDTH).reshape(1, 1, HEIGHT, WIDTH), "float32")
    return net.logits(net.builder.node("Add", net.conv(images, 2, pads=[1] * 4), places))


def with_columns(net: Net, images: Value) -> Value:
    columns = net.builder.constant(np.arange(WIDTH), "float32")
    return net.logits(net.builder.node("Add", net.conv(images, 2, pads=[1] * 4), columns))


def one_map_used_twice(net: Net, images: Value) -> tuple[Value, ...]:
    """A map that one looks at place by place and another at all of."""
    features = net.relu(net.conv(images, 3, pads=[1] * 4))
    return net.logits(net.conv(features, 2)), net.mean(features), features


def counted(net: Net, images: Value) -> Value:
    """The number of images is a number of the graph."""
    features = net.conv(images, 2)
    target = net.builder.dimensions((Batch(), *features.shape[1:]))
    reshaped = net.builder.node("Reshape", features, target, shape=features.shape)
    return net.logits(net.builder.node("Add", reshaped, features))


def flat(net: Net, images: Value) -> Value:
    return net.logits(images)


CUT: list[Layers] = [
    *(strided, wider_strides_than_windows, dilated, grouped, pooled, pooled_rounded_up, mean_without_margin),
    *(mean_that_counts_its_margin, mean_that_leaves_its_margin_out, mean_rounded_up, fire, residual),
    *(shortcut_of_slices, padded_with_zeros, padded_with_mirrors, normalised, split, scaled_by_all_of_it),
    *(with_places, with_columns, one_map_used_twice, counted),
]


def made(layers: Layers) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    net = Net()
    return net.finished(layers(net, net.builder.images)), net.weights


def every_place(size: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    places = np.indices((HEIGHT - size[0] + 1, WIDTH - size[1] + 1)).reshape(2, -1)
    return places[0], places[1]


def assert_alike(layers: Layers, size: tuple[int, int], part: float, *, at_least: int) -> None:
    graph, weights = made(layers)
    plan = Plan(graph, size, [part])
    assert len(plan.felt) >= at_least
    graphs = laid(plan)
    random = np.random.default_rng(0)
    image = random.standard_normal((1, CHANNELS, HEIGHT, WIDTH)).astype(np.float32)
    tops, lefts = every_place(size)
    parts = random.standard_normal((len(tops), CHANNELS, *size)).astype(np.float32) * 3
    shown = np.repeat(image, len(tops), axis=0)
    for row, part, top, left in zip(shown, parts, tops, lefts, strict=True):
        row[:, top : top + size[0], left : left + size[1]] = part
    full, known, windowed = (Session(entry, weights, threads=1) for entry in (graph, graphs.known, graphs.windowed))
    found = windowed(parts, *graphs.given(known(image), tops, lefts))
    for ours, expected in zip(found, full(shown), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layers", CUT, ids=lambda layers: layers.__name__)
@pytest.mark.parametrize("part", [1.0, 0.5, 2.0])
def test_windows_at_every_place_give_what_the_whole_images_give(
    layers: Layers, size: tuple[int, int], part: float
) -> None:
    """Parts are computed as far as it goes, up to half of a map, and even where they are all of it."""
    assert_alike(layers, size, part, at_least=1 if part == 2 else 0)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layers", CUT, ids=lambda layers: layers.__name__)
def test_maps_that_are_made_whole_give_what_the_whole_images_give(
    layers: Layers, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where it would be cheaper to add what the window changes of a product."""
    monkeypatch.setattr(Plan, "_cheap_products", lambda plan: [])
    assert_alike(layers, size, 1.0, at_least=0)


def dense(columns: int, *, uses: int = 1) -> Layers:
    """A convolution, and products of all that it gives with so many columns of weights."""

    def layers(net: Net, images: Value) -> tuple[Value, ...]:
        value = net.relu(net.conv(images, 4))
        count = int(np.prod(value.shape[1:]))
        products = []
        for _ in range(uses):
            flat = net.builder.node("Reshape", value, net.builder.integers(-1, count), shape=(Batch(), count))
            weight = net.weight(count, columns)
            products.append(net.builder.node("MatMul", flat, weight, shape=(Batch(), columns)))
        return tuple(products)

    return layers


@pytest.mark.parametrize(
    ("layers", "size", "products"),
    [(dense(3), (2, 3), 1), (dense(3, uses=2), (2, 3), 2), (dense(300), (2, 3), 0), (dense(40), (7, 10), 0)],
)
def test_what_a_window_changes_of_a_product_is_added_where_that_is_cheap(
    layers: Layers, size: tuple[int, int], products: int
) -> None:
    plan = Plan(made(layers)[0], size, [1.0])
    assert len({product.output for product in plan.products.values()}) == products
    whole = [entry for entry in laid(plan).others if not isinstance(entry, int) and entry.lengths == (11, 15)]
    assert len(whole) == (0 if products else 1)
    assert_alike(layers, size, 1.0, at_least=1)


def test_a_map_may_be_needed_whole_beside_its_product() -> None:
    def layers(net: Net, images: Value) -> tuple[Value, ...]:
        value = net.relu(net.conv(images, 4))
        return net.logits(value), net.mean(value)

    assert_alike(layers, (2, 3), 1.0, at_least=1)


KNOWN_AT_ONCE = {"mean_that_leaves_its_margin_out": 1, "mean_rounded_up": 1, "padded_with_mirrors": 1}
"""Nodes in front of an operator that looks beyond places, or counts otherwise at the border."""


@pytest.mark.parametrize("name", KNOWN_AT_ONCE)
def test_what_is_not_the_same_at_every_place_is_computed_in_full(name: str) -> None:
    graph, _ = made(next(layers for layers in CUT if layers.__name__ == name))
    assert len(Plan(graph, (1, 1), [1.0]).felt) == KNOWN_AT_ONCE[name]


def test_a_network_without_maps_is_computed_in_full() -> None:
    plan = Plan(made(flat)[0], (2, 3))
    assert (dict(plan.felt), plan.gain) == ({}, 1.0)
    assert_alike(flat, (2, 3), 1.0, at_least=0)


def test_what_all_of_a_network_needs_is_not_computed_in_parts() -> None:
    """The images' mean is added to each of them at once."""

    def layers(net: Net, images: Value) -> Value:
        centred = net.builder.node("Sub", images, net.mean(images, keepdims=1))
        return net.logits(net.conv(centred, 3))

    assert Plan(made(layers)[0], (2, 3)).gain == 1.0


def lengths(plan: Plan, operator: str) -> list[int]:
    """How many rows of each output of an operator are computed."""
    return [felt.region[0].length for node, felt in plan.felt.items() if node.operator == operator]


def test_branches_that_meet_are_computed_where_any_of_them_changes() -> None:
    """Not fetched: of the squeezed map, which is small, more is."""
    plan = Plan(made(fire)[0], (2, 2), [1.0])
    assert lengths(plan, "Conv") == [2, 4, 4]
    assert lengths(plan, "Relu") == [2, 4, 4]


def test_what_a_convolution_needs_as_well_is_computed_where_it_changes_alone() -> None:
    assert lengths(Plan(made(residual)[0], (1, 1), [1.0]), "Relu")[:2] == [3, 7]


def test_the_number_of_images_is_told_by_a_part_of_them() -> None:
    graphs = laid(Plan(made(counted)[0], (1, 1), [1.0]))
    assert [entry.lengths for entry in graphs.others if not isinstance(entry, int)] == [(5, 5), (11, 15)]


def deep(net: Net, images: Value) -> Value:
    value = images
    for _ in range(3):
        value = net.relu(net.conv(value, 16, pads=[1] * 4))
    return net.logits(value)


def test_the_gain_falls_with_the_window_and_is_none_where_it_hides_everything() -> None:
    graph, _ = made(deep)
    gains = [Plan(graph, size).gain for size in [(1, 1), (3, 3), (7, 9), (13, 17)]]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 2 and gains[-1] == 1.0


def test_the_work_of_a_network_is_that_of_its_multiplications() -> None:
    """Two convolutions, a product of matrices, and what a ReLU counts for; a reshape is for nothing."""
    graph, _ = made(lambda net, images: net.logits(net.relu(net.conv(net.conv(images, 4), 5, (2, 1)))))
    inner, last = 11 * 15, 10 * 15
    multiplications = 4 * inner * 9 * 2 + 5 * last * 2 * 4 + 5 * last * 3
    assert Plan(graph, (13, 17)).whole == multiplications + 10 * 5 * last


@pytest.mark.parametrize(
    ("reach", "size"), [(Reach(3, 1, 1), 9), (Reach(2, 2, 0), 4), (Reach(5, 3, 2), 3), (Reach(1, 4, 0), 3)], ids=str
)
def test_a_span_is_where_a_window_is_felt(reach: Reach, size: int) -> None:
    """As is found by looking which outputs see one of the window's places."""
    span = Span.of_windows(2, 9).behind(reach, size)
    for start in range(8):
        outputs = [
            output
            for output in range(size)
            if set(range(output * reach.stride - reach.before, output * reach.stride - reach.before + reach.extent))
            & {start, start + 1}
        ]
        first = span.starts[start]
        assert set(outputs) <= set(range(first, first + span.length))
        assert 0 <= first <= size - span.length
        if outputs:
            assert span.changed[:, start].tolist() == [outputs[0], outputs[-1]]
