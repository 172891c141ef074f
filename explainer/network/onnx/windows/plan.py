"""What of a network a hidden window changes, how far it pays to compute that alone, and what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import NamedTuple

from explainer.network.onnx.graph import Batch, Graph, Node, Shape, Value
from explainer.network.onnx.operators.operands import fixed
from explainer.network.onnx.windows.locality import Locality, locality_of, size_of
from explainer.network.onnx.windows.products import Product, products_of
from explainer.network.onnx.windows.spans import SAME_PLACE, Region, Span, are_alike

_PARTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# What moving a number costs beside a multiplication and an addition, which ONNX Runtime does eight at a time.
MOVED = 40
_TAKEN = 10  # what it costs to take a weight from among others, in long rows
_PLAIN = 10


class Felt(NamedTuple):
    """What a node computes of the maps: how it sees them, and the part of its output that changes."""

    locality: Locality
    region: Region


class Plan:
    """A network for images that differ from one that is known in a window of one size alone.

    Of each map only the part is computed that the window changes; from where that is nearly all of it, or an operator
    looks at all of it, the map is made whole, with the rest from the image that is known. To a product of all of a map
    with few columns of weights what the part changes is added.

    Args:
        graph: the network.
        window: height and width.
        parts: of a map, that may count as all of it; the cheapest of them does.

    Attributes:
        felt: the nodes that compute parts of maps.
        whole: what all of the network costs for an image, in multiplications and additions, estimated.
        spared: how much less a window costs.
        fetchings: how often a part of a map, or all of it, is fetched or made ready for that.
    """

    def __init__(self, graph: Graph, window: tuple[int, int], parts: Sequence[float] = _PARTS) -> None:
        self.graph = graph
        self.window = window
        self._fixed = alike_for_all_images(graph)
        self._local = self._localities()
        self._products = self._cheap_products()
        self.whole = sum(work_of(node) for node in graph.nodes if self.maps_of(node))
        choices = [self._widened(self._kept(part)) for part in parts]
        costs = [self._cost(felt) for felt in choices]
        self.felt = choices[costs.index(min(costs))]
        self.spared = self.whole - min(costs)
        self.fetchings = len(list(self._moved(self.felt)))

    @property
    def gain(self) -> float:
        """How many times as much all of the network costs."""
        return self.whole / (self.whole - self.spared)

    @cached_property
    def regions(self) -> dict[Value, Region]:
        """The parts of maps that are computed, those of the images first."""
        return {self.graph.images: self.window_region} | _regions_of(self.felt)

    @cached_property
    def products(self) -> dict[Node, Product]:
        """Those of which only the change is computed, by both of their nodes."""
        used = [product for product in self._products if product.map in self.regions]
        return {node: product for product in used for node in (product.flattened, product.multiplied)}

    @cached_property
    def window_region(self) -> Region:
        """That of the images: the windows themselves."""
        height, width = (Span.of_windows(*pair) for pair in zip(self.window, size_of(self.graph.images), strict=True))
        return height, width

    def depends_on_images(self, value: Value | None) -> bool:
        """Whether a value is not the same for all images."""
        return value is not None and value not in self._fixed

    def maps_of(self, node: Node) -> list[Value]:
        """What the node is given that depends on the images."""
        return [value for value in node.inputs if value is not None and value not in self._fixed]

    def _localities(self) -> dict[Node, Felt]:
        """Of every node that sees maps from images to itself place by place, however much of them has changed."""
        regions = {self.graph.images: self.window_region}
        found = {}
        for node in self.graph.nodes:
            maps = self.maps_of(node)
            if not maps or any(value not in regions for value in maps):
                continue
            locality = locality_of(node, self.graph.constants)
            if locality is not None:
                found[node] = Felt(locality, _behind(node, locality, [regions[value] for value in maps]))
                regions.update((output, found[node].region) for output in node.outputs)
        return found

    def _cheap_products(self) -> list[Product]:
        """The products whose change costs less than to make the map whole."""
        regions = _regions_of(self._local)
        return [
            product
            for product in products_of(self.graph, self.depends_on_images)
            if product.map in regions
            and MOVED * _moved_by(product, regions[product.map])
            < MOVED * elements(product.map.shape) + work_of(product.multiplied)
        ]

    def _kept(self, part: float) -> dict[Node, Felt]:
        """The nodes that compute parts of maps, where `part` of a map counts as all of it.

        What one node needs whole is there for all others, so nothing is computed from a part of it.
        """
        whole: set[Value] = set()
        while True:
            kept: dict[Node, Felt] = {}
            there = {self.graph.images} - whole
            for node, felt in self._local.items():
                if all(value in there for value in self.maps_of(node)) and _part_of(felt.region) < part:
                    kept[node] = felt
                    there.update(set(node.outputs) - whole)
            needed = whole | self._needed_whole(kept)
            if needed == whole:
                return kept
            whole = needed

    def _needed_whole(self, kept: dict[Node, Felt]) -> set[Value]:
        needed = set(self.graph.outputs)
        added = {product.flattened for product in self._products}
        for node in self.graph.nodes:
            if node not in kept and node not in added and not counts_images(node):
                needed.update(self.maps_of(node))
        return needed

    def _widened(self, kept: dict[Node, Felt]) -> dict[Node, Felt]:
        """What is only needed where something else changes as well is computed there at once, not fetched."""
        widened = dict(kept)
        uses: dict[Value, list[Node]] = defaultdict(list)
        for node in self.graph.nodes:
            for value in self.maps_of(node):
                uses[value].append(node)
        for node, felt in reversed(kept.items()):
            users = [user for output in node.outputs for user in uses[output]]
            if users and all(user in widened and _sees_places(widened[user]) for user in users):
                widened[node] = felt._replace(region=widened[users[0]].region)
        return widened

    def _cost(self, felt: dict[Node, Felt]) -> float:
        """In multiplications and additions."""
        spared = sum(work_of(node) * (1 - _part_of(entry.region)) for node, entry in felt.items())
        regions = _regions_of(felt)
        changed = [product for product in self._products if product.map in regions]
        spared += sum(work_of(product.multiplied) * (1 - _part_of(regions[product.map])) for product in changed)
        return self.whole - spared + MOVED * sum(self._moved(felt))

    def _moved(self, kept: dict[Node, Felt]) -> Iterator[float]:
        """How many numbers each fetching of a part, or of a whole map, moves, and what must be there for it."""
        if not kept:
            return
        regions = {self.graph.images: self.window_region} | _regions_of(kept)
        fetched = set()
        for node, felt in kept.items():
            for value in self.maps_of(node):
                if value in regions and needs_fetching(felt, regions[value]):
                    fetched.add(value)
                    yield channels_of(value) * prod(
                        reach.extent + (span.length - 1) * (1 if reach.extent == 1 else reach.stride)
                        for reach, span in zip(felt.locality.reaches, felt.region, strict=True)
                    )
        yield from (_moved_by(one, regions[one.map]) for one in self._products if one.map in regions)
        for value in self._needed_whole(kept):
            if value in regions:
                fetched.add(value)
                yield elements(value.shape)
        yield from (channels_of(value) * prod(span.length for span in regions[value]) for value in fetched)


def _regions_of(felt: dict[Node, Felt]) -> dict[Value, Region]:
    """The part of each output that nodes compute."""
    return {output: entry.region for node, entry in felt.items() for output in node.outputs}


def _moved_by(product: Product, region: Region) -> float:
    """How many numbers the change of a product moves: the part before and now, and the weights for it."""
    part = channels_of(product.map) * prod(span.length for span in region)
    return part * (2 + product.columns * _TAKEN / MOVED)


def counts_images(node: Node) -> bool:
    """Whether a node only asks how many images there are, which a part of a map tells as well."""
    return node.operator == "Shape" and (node.attributes.get("start"), node.attributes.get("end")) == (0, 1)


def needs_fetching(felt: Felt, given: Region) -> bool:
    """Whether what a node sees is not just the part of the map that is there."""
    return not (_sees_places(felt) and are_alike(felt.region, given))


def channels_of(value: Value) -> int:
    """Of a map."""
    return fixed(value.shape[1])


def elements(shape: Shape) -> int:
    """How many numbers there are for one image."""
    return prod(size.rows if isinstance(size, Batch) else size for size in shape)


def alike_for_all_images(graph: Graph) -> set[Value]:
    """What does not depend on the images."""
    fixed = {*graph.weights.values(), *graph.constants}
    for node in graph.nodes:
        if all(value is None or value in fixed for value in node.inputs):
            fixed.update(node.outputs)
    return fixed


def _behind(node: Node, locality: Locality, regions: list[Region]) -> Region:
    joined = (Span.joined(spans) for spans in zip(*regions, strict=True))
    rows, columns = (
        span.behind(reach, size)
        for span, reach, size in zip(joined, locality.reaches, size_of(node.outputs[0]), strict=True)
    )
    return rows, columns


def _sees_places(felt: Felt) -> bool:
    return felt.locality.reaches == (SAME_PLACE, SAME_PLACE)


def _part_of(region: Region) -> float:
    return prod(span.length / span.size for span in region)


def work_of(node: Node) -> float:
    """Multiplications and additions for all of an image."""
    made = sum(elements(output.shape) for output in node.outputs)
    if node.operator == "Conv":
        return made * _all(node.inputs[1], 1)
    if node.operator == "MatMul":
        return made * _all(node.inputs[0], -1)
    if node.operator in ("MaxPool", "AveragePool"):
        return made * float(prod(node.attributes["kernel_shape"]))
    return 0 if node.operator == "Reshape" else made * _PLAIN


def _all(value: Value | None, start: int) -> int:
    assert value is not None
    return elements(value.shape[start:])
