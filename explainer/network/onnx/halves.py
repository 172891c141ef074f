"""A graph in two: what the images alone decide, and the rest, which depends on what is given beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from explainer.network.onnx.graph import Batch, Graph, Node, Value
from explainer.network.onnx.model import needed
from explainer.network.onnx.windows.plan import MOVED, alike_for_all_images, counts_images, elements, work_of


@dataclass(frozen=True)
class Halves:
    """A graph in two.

    Attributes:
        known: gives, of the images, what the rest is given in their place; None where that is the images themselves.
        rest: gives what the whole graph does; `others` begins with all that `known` gives but the first.
    """

    known: Graph | None
    rest: Graph

    @property
    def numbers_per_image(self) -> int:
        """How many numbers the rest is given of each image."""
        given = (self.rest.images,) if self.known is None else self.known.outputs
        return sum(value.numbers_per_image or 0 for value in given)


def halves(graph: Graph) -> Halves:
    """The graph parted where what is given beside the images is first used, so that what comes before is computed once.

    It is left whole where too little comes before, or what is known there is no row for each image.

    >>> from explainer.network.onnx.graph import GraphBuilder
    >>> builder = GraphBuilder((Batch(), 200))
    >>> hidden = builder.node("MatMul", builder.images, builder.weight("w", (200, 3), "float32"), shape=(Batch(), 3))
    >>> dropped = builder.node("Mul", hidden, builder.given("mask", (Batch(), 3), "float32"))
    >>> found = halves(builder.finished((dropped,)))
    >>> [node.operator for node in found.known.nodes], [node.operator for node in found.rest.nodes]
    (['MatMul'], ['Mul'])
    """
    nodes = needed(graph, graph.outputs)
    late = _late(graph, nodes)
    made_after = late | alike_for_all_images(graph) | _counts(graph, nodes)
    after = [node for node in nodes if made_after.intersection(node.outputs)]
    seam = _seam(after, made_after)
    known = replace(graph, outputs=seam, nodes=tuple(needed(graph, seam)), others=())
    is_row_each = all(value.numbers_per_image and value.shape[0] == Batch() for value in seam)
    if not (seam and is_row_each and late.issuperset(graph.outputs) and _pays(known)):
        return Halves(None, graph)
    nodes_after = tuple(_counting(node, graph.images, seam[0]) for node in after)
    return Halves(known, replace(graph, images=seam[0], nodes=nodes_after, others=(*seam[1:], *graph.others)))


def _late(graph: Graph, nodes: Sequence[Node]) -> set[Value]:
    """What is given beside the images, and all that depends on it."""
    late = set(graph.others)
    for node in nodes:
        if late.intersection(node.inputs):
            late.update(node.outputs)
    return late


def _counts(graph: Graph, nodes: Sequence[Node]) -> set[Value]:
    """What depends on the number of images alone: any value with a row for each tells it as well."""
    counts: set[Value] = set()
    for node in nodes:
        given = {value for value in node.inputs if value is not None} - graph.constants.keys()
        if (counts_images(node) and given == {graph.images}) or (given and given <= counts):
            counts.update(node.outputs)
    return counts


def _seam(after: Sequence[Node], made: set[Value]) -> tuple[Value, ...]:
    """What the nodes of the second half are given that the first makes."""
    given = (value for node in after if not counts_images(node) for value in node.inputs)
    return tuple(dict.fromkeys(value for value in given if value is not None and value not in made))


def _pays(known: Graph) -> bool:
    """Whether to compute it costs more than to hand over what it gives."""
    work = sum(work_of(node) for node in known.nodes)
    return work > MOVED * sum(elements(value.shape) for value in known.outputs)


def _counting(node: Node, images: Value, instead: Value) -> Node:
    """The node, which counts the rows of something else than the images."""
    return replace(node, inputs=(instead,)) if counts_images(node) and node.inputs == (images,) else node
