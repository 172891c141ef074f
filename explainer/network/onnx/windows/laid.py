"""A plan as graphs: the one that gives what is kept of an image, and the one that computes what its windows change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, IndexArray
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Node, Shape, Value
from explainer.network.onnx.operators.operands import fixed
from explainer.network.onnx.windows.plan import Felt, Plan, channels_of, counts_images, elements, needs_fetching
from explainer.network.onnx.windows.products import Product
from explainer.network.onnx.windows.spans import Reach, Region, Span

_MARGINS = (0.0, -np.inf)  # the first places of each table: what stands outside of a map
_NOWHERE = -(2**30)  # of a row and of a column, together still an int32


@dataclass(frozen=True, eq=False)
class Fetched:
    """Where a part of a map comes from, for each window: a place of the image that is known, or of what has changed.

    Attributes:
        given: the part that has changed.
        starts: of the part that is fetched, for each place of the window, rows and columns.
        steps: from one row to the next, and from one column.
        lengths: rows and columns.
        margin: the place of the table that stands for what is outside of the map.
        is_of_known: whether it is fetched as it was in the image that is known.
    """

    given: Region
    starts: tuple[IndexArray, IndexArray]
    steps: tuple[int, int]
    lengths: tuple[int, int]
    margin: int
    is_of_known: bool = False

    def places(self, tops: IndexArray, lefts: IndexArray) -> NDArray[np.int32]:
        """Places of the table (B, rows, columns), for windows at (B,) tops and lefts."""
        rows, columns = (axis.known[places] for axis, places in self._along(tops, lefts))
        known: NDArray[np.int32] = rows[:, :, None] + columns[:, None, :]
        if self.is_of_known:
            return known
        height, width = self.given
        rows, columns = (axis.changed[places] for axis, places in self._along(tops, lefts))
        first = np.arange(len(tops), dtype=np.int32) * (height.length * width.length) + height.size * width.size
        changed = (rows + first[:, None])[:, :, None] + columns[:, None, :]
        # What has changed lies behind what is known, and where one of the two is not there, far below zero.
        np.maximum(changed, known, out=known)
        np.maximum(known, self.margin, out=known)
        return known

    def _along(self, tops: IndexArray, lefts: IndexArray) -> Iterator[tuple[_Axis, IndexArray]]:
        return zip(self._axes, (tops, lefts), strict=True)

    @cached_property
    def _axes(self) -> tuple[_Axis, _Axis]:
        _, width = self.given
        # The two tables' places are a row's and a column's, added: those of the margins stand before all rows.
        return self._axis(0, (width.size, width.length), len(_MARGINS)), self._axis(1, (1, 1), 0)

    def _axis(self, axis: int, steps: tuple[int, int], first: int) -> _Axis:
        span = self.given[axis]
        indices = self.starts[axis][:, None] + self.steps[axis] * np.arange(self.lengths[axis])
        changed = indices - span.starts[:, None]
        in_known, in_changed = zip((span.size, span.length), steps, strict=True)
        return _Axis(_placed(indices, *in_known, first), _placed(changed, *in_changed, first))


class _Axis(NamedTuple):
    """For each place of a window along an axis: where what is fetched stands in what is known, and has changed."""

    known: NDArray[np.int32]
    changed: NDArray[np.int32]


def _placed(indices: IndexArray, length: int, step: int, first: int) -> NDArray[np.int32]:
    """Where those inside of a map stand, `step` places apart; where there are none, far below 0."""
    is_inside = (indices >= 0) & (indices < length)
    return np.where(is_inside, indices * step + first, _NOWHERE).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Laid:
    """The graphs of a plan.

    Attributes:
        known: an image (1, C, H, W) -> what is kept of it: tables of its maps, a row for each place, with its channels,
            in front of them what stands outside; and products.
        windowed: the windows (B, C, h, w), and what `others` says -> the network's outputs.
        others: what the second graph is given beside the windows: the number of what is kept, or what is fetched.
    """

    known: Graph
    windowed: Graph
    others: tuple[int | Fetched, ...]

    def given(self, tables: Sequence[FloatArray], tops: IndexArray, lefts: IndexArray) -> list[NDArray[Any]]:
        """What the second graph is given beside the windows, for windows at (B,) tops and lefts."""
        return [tables[entry] if isinstance(entry, int) else entry.places(tops, lefts) for entry in self.others]


def laid(plan: Plan) -> Laid:
    """The graphs of a plan."""
    return _Laying(plan).finished()


class _Laying:
    """One plan on its way into graphs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        graph = plan.graph
        self._builder = GraphBuilder((Batch(), channels_of(graph.images), *plan.window))
        self._names = {value: name for name, value in graph.weights.items()}
        self._parts = {graph.images: self._builder.images}
        self._whole: dict[Value, Value] = {}
        self._tables: dict[Value, Value] = {}
        self._kept: dict[Value, Value] = {}
        self._others: list[int | Fetched] = []

    def finished(self) -> Laid:
        graph = self._plan.graph
        for node in graph.nodes:
            if node in self._plan.felt:
                self._lay_part(node, self._plan.felt[node])
            elif node in self._plan.products:
                if node is self._plan.products[node].multiplied:
                    self._lay_product(self._plan.products[node])
            else:
                self._lay_whole(node)
        outputs = tuple(self._made_whole(output) for output in graph.outputs)
        return Laid(self._known(), self._builder.finished(outputs), tuple(self._others))

    def _lay_part(self, node: Node, felt: Felt) -> None:
        seen = tuple(self._seen(value, felt) for value in node.inputs)
        if felt.locality.is_choice:
            assert seen[0] is not None
            self._parts[node.outputs[0]] = seen[0]
            return
        height, width = (span.length for span in felt.region)
        shapes: list[tuple[Shape, str]] = [
            ((Batch(), channels_of(output), height, width), output.dtype) for output in node.outputs
        ]
        attributes = node.attributes if felt.locality.attributes is None else felt.locality.attributes
        made = self._builder.nodes(node.operator, seen, shapes, **attributes)
        self._parts.update(zip(node.outputs, made, strict=True))

    def _lay_whole(self, node: Node) -> None:
        if counts_images(node) and node.inputs[0] in self._parts:
            inputs: tuple[Value | None, ...] = (self._parts[node.inputs[0]],)
        else:
            inputs = tuple(None if value is None else self._made_whole(value) for value in node.inputs)
        shapes = [(output.shape, output.dtype) for output in node.outputs]
        made = self._builder.nodes(node.operator, inputs, shapes, **node.attributes)
        self._whole.update(zip(node.outputs, made, strict=True))

    def _seen(self, value: Value | None, felt: Felt) -> Value | None:
        """The part of an input that a node sees."""
        if value is None or not self._plan.depends_on_images(value):
            return None if value is None else self._made_whole(value)
        given = self._plan.regions[value]
        return self._fetched(value, _seen_of(felt, given)) if needs_fetching(felt, given) else self._parts[value]

    def _made_whole(self, value: Value) -> Value:
        """All of a value: made at once, or from the part of it that has changed."""
        if value not in self._whole:
            self._whole[value] = self._joined(value) if value in self._parts else self._taken_over(value)
        return self._whole[value]

    def _joined(self, value: Value) -> Value:
        return self._fetched(value, _all_of(self._plan.regions[value]))

    def _taken_over(self, value: Value) -> Value:
        """A weight or a constant."""
        if value in self._names:
            return self._builder.weight(self._names[value], value.shape, value.dtype)
        return self._builder.constant(self._plan.graph.constants[value], value.dtype)

    def _fetched(self, value: Value, fetched: Fetched) -> Value:
        channels = channels_of(value)
        rows = self._taken(self._table(value), self._places(fetched), channels)
        return self._builder.node("Transpose", rows, shape=(Batch(), channels, *fetched.lengths), perm=[0, 3, 1, 2])

    def _taken(self, table: Value, places: Value, length: int) -> Value:
        """The rows of a table, each so long, that stand at places (B, rows, columns)."""
        return self._builder.node("Gather", table, places, shape=(*places.shape, length), dtype=table.dtype, axis=0)

    def _places(self, fetched: Fetched) -> Value:
        self._others.append(fetched)
        return self._builder.given(f"places_{len(self._others)}", (Batch(), *fetched.lengths), "int32")

    def _table(self, value: Value) -> Value:
        """What is known of a map, and behind it the parts of it that have changed, window by window."""
        if value not in self._tables:
            changed = _by_places(self._builder, self._parts[value])
            known = self._known_table(value)
            self._tables[value] = self._builder.node("Concat", known, changed, shape=changed.shape, axis=0)
        return self._tables[value]

    def _known_table(self, value: Value) -> Value:
        channels = channels_of(value)
        return self._kept_of(value, (len(_MARGINS) + elements(value.shape) // channels, channels))

    def _kept_of(self, value: Value, shape: Shape) -> Value:
        """What is kept of the image that is known, of this shape."""
        if value not in self._kept:
            self._others.append(len(self._kept))
            self._kept[value] = self._builder.given(f"known_{len(self._others)}", shape, value.dtype)
        return self._kept[value]

    def _lay_product(self, product: Product) -> None:
        """That of the image that is known, and what of it the part of the map has changed."""
        builder, value, columns = self._builder, product.map, product.columns
        channels, region = channels_of(value), self._plan.regions[value]
        fetched = _as_known(region)
        places = self._places(fetched)
        shape = (Batch(), *fetched.lengths, channels)
        known = self._taken(self._known_table(value), places, channels)
        changed = builder.node("Transpose", self._parts[value], shape=shape, perm=[0, 2, 3, 1])
        size = fetched.lengths[0] * fetched.lengths[1] * channels
        change = builder.reshaped(builder.node("Sub", changed, known), (Batch(), 1, size))
        in_weights = builder.node("Sub", places, builder.constant(len(_MARGINS), "int32"))
        weights = self._taken(self._weights_by_places(product), in_weights, channels * columns)
        by_columns = builder.reshaped(weights, (Batch(), size, columns))
        added = builder.node("MatMul", change, by_columns, shape=(Batch(), 1, columns))
        before = self._kept_of(product.output, (1, columns))
        self._whole[product.output] = builder.node("Add", builder.reshaped(added, (Batch(), columns)), before)

    def _weights_by_places(self, product: Product) -> Value:
        """Weights (C * H * W, K) as (H * W, C * K)."""
        builder, columns, channels = self._builder, product.columns, channels_of(product.map)
        places = fixed(product.weights.shape[0]) // channels
        by_channels = builder.reshaped(self._made_whole(product.weights), (channels, places, columns))
        turned = builder.node("Transpose", by_channels, shape=(places, channels, columns), perm=[1, 0, 2])
        return builder.reshaped(turned, (places, channels * columns))

    def _known(self) -> Graph:
        builder = GraphBuilder.going_on(self._plan.graph)
        products = {product.output for product in self._plan.products.values()}
        kept = [value if value in products else _table_of(builder, value) for value in self._kept]
        return builder.finished(tuple(kept))


def _table_of(builder: GraphBuilder, value: Value) -> Value:
    """A map of one image as a row for each place, and in front of them what stands outside."""
    margins = builder.constant(np.outer(_MARGINS, np.ones(channels_of(value))), value.dtype)
    places = _by_places(builder, value)
    return builder.node("Concat", margins, places, shape=places.shape, axis=0)


def _by_places(builder: GraphBuilder, value: Value) -> Value:
    """A map (N, C, H, W) as (N * H * W, C)."""
    images, channels, *size = value.shape
    turned = builder.node("Transpose", value, shape=(images, *size, channels), perm=[0, 2, 3, 1])
    return builder.reshaped(turned, (Batch(elements(value.shape) // channels_of(value)), channels))


def _seen_of(felt: Felt, given: Region) -> Fetched:
    locality = felt.locality
    (rows, columns) = (_seen_along(*pair) for pair in zip(felt.region, locality.reaches, strict=True))
    margin = _MARGINS.index(locality.margin)
    return Fetched(given, (rows[0], columns[0]), (rows[1], columns[1]), (rows[2], columns[2]), margin)


def _seen_along(span: Span, reach: Reach) -> tuple[IndexArray, int, int]:
    """(starts, step, length) of what is needed for a part, along an axis."""
    starts = span.starts * reach.stride - reach.before
    if reach.extent == 1:
        return starts, reach.stride, span.length
    return starts, 1, (span.length - 1) * reach.stride + reach.extent


def _as_known(changed: Region) -> Fetched:
    """What stood where a part has changed."""
    rows, columns = changed
    return Fetched(changed, (rows.starts, columns.starts), (1, 1), (rows.length, columns.length), 0, is_of_known=True)


def _all_of(given: Region) -> Fetched:
    rows, columns = given
    starts = np.zeros_like(rows.starts), np.zeros_like(columns.starts)
    return Fetched(given, starts, (1, 1), (rows.size, columns.size), 0)
