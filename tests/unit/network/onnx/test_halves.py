"""A graph in two gives what it gives whole; what comes before the first draw is not in its second half."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from explainer.network.onnx.graph import Batch, Graph, GraphBuilder, Value
from explainer.network.onnx.halves import halves
from explainer.network.onnx.session import Session

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((3, 2, 5, 7)).astype(np.float32)
WEIGHTS = {
    "kernel": RNG.standard_normal((8, 2, 5, 5)).astype(np.float32),
    "other": RNG.standard_normal((8, 2, 5, 5)).astype(np.float32),
    "dense": RNG.standard_normal((4, 280)).astype(np.float32),
    "bias": RNG.standard_normal(4).astype(np.float32),
}
FEATURES = (Batch(), 8, 5, 7)
PADS = [2, 2, 2, 2]


class Made(GraphBuilder):
    """Two convolutions of the images, what drops from them, and a dense layer."""

    def __init__(self) -> None:
        super().__init__((Batch(), 2, 5, 7))

    def convolved(self, name: str = "kernel", images: Value | None = None) -> Value:
        kernel = self.weight(name, (8, 2, 5, 5), "float32")
        return self.node("Conv", self.images if images is None else images, kernel, shape=FEATURES, pads=PADS)

    def dropped(self, value: Value) -> Value:
        return self.node("Mul", value, self.given(f"draws_{len(self._others)}", value.shape, "float32"))

    def ending(self, features: Value) -> Graph:
        weight = self.node("Transpose", self.weight("dense", (4, 280), "float32"), shape=(280, 4), perm=[1, 0])
        flat = self.reshaped(features, (Batch(), 280))
        logits = self.node("MatMul", flat, weight, shape=(Batch(), 4))
        return self.finished((self.node("Add", logits, self.weight("bias", (4,), "float32")),))


def late() -> Graph:
    made = Made()
    return made.ending(made.dropped(made.node("Relu", made.convolved())))


def two_values() -> Graph:
    """What drops is one branch; the other is known, too."""
    made = Made()
    one, other = made.convolved(), made.node("Relu", made.convolved("other"))
    return made.ending(made.node("Mul", made.dropped(one), other))


def twice() -> Graph:
    """The second draws are behind the first."""
    made = Made()
    return made.ending(made.dropped(made.node("Relu", made.dropped(made.convolved()))))


def with_the_images() -> Graph:
    """The images themselves are needed behind the first draw."""
    made = Made()
    mean = made.node("ReduceMean", made.images, made.integers(1), shape=(Batch(), 1, 5, 7), keepdims=1)
    return made.ending(made.node("Mul", made.dropped(made.convolved()), mean))


def counting() -> Graph:
    """Behind the first draw it is asked how many images there are, and something is made of that."""
    made = Made()
    dropped = made.dropped(made.convolved())
    split = made.reshaped(dropped, (Batch(8), 5, 7))
    made.node("Mul", made.batch_size(1), made.integers(2))
    ones = made.expanded(made.constant(np.ones((1, 5, 7)), "float32"), (Batch(8), 5, 7))
    return made.ending(made.reshaped(made.node("Add", split, ones), FEATURES))


@pytest.mark.parametrize(
    ("make", "before", "given"),
    [
        (late, ["Conv", "Relu"], 1),
        (two_values, ["Conv", "Conv", "Relu"], 2),
        (twice, ["Conv"], 1),
        (with_the_images, ["Conv", "ReduceMean"], 2),
        (counting, ["Conv"], 1),
    ],
)
def test_both_halves_together_give_what_the_whole_gives(
    make: Callable[[], Graph], before: list[str], given: int
) -> None:
    graph = make()
    found = halves(graph)
    assert found.known is not None
    assert sorted(node.operator for node in found.known.nodes) == before
    assert "Conv" not in [node.operator for node in found.rest.nodes]
    assert len(found.known.outputs) == given
    draws = [RNG.random((3, *value.shape[1:]), np.float32) for value in graph.others]
    known = Session(found.known, WEIGHTS, threads=1)(IMAGES)
    assert found.numbers_per_image == sum(array[0].size for array in known)
    ours = Session(found.rest, WEIGHTS, threads=1)(*known, *draws)[0]
    (whole,) = Session(graph, WEIGHTS, threads=1)(IMAGES, *draws)
    np.testing.assert_allclose(ours, whole, rtol=0, atol=1e-6 * np.abs(whole).max())


def test_one_known_image_serves_many_draws() -> None:
    graph = late()
    found = halves(graph)
    assert found.known is not None
    draws = RNG.random((6, 8, 5, 7), dtype=np.float32)
    (known,) = Session(found.known, WEIGHTS, threads=1)(IMAGES[1:2])
    ours = Session(found.rest, WEIGHTS, threads=1)(known[np.zeros(6, np.int64)], draws)[0]
    (whole,) = Session(graph, WEIGHTS, threads=1)(IMAGES[[1] * 6], draws)
    np.testing.assert_allclose(ours, whole, rtol=0, atol=1e-6 * np.abs(whole).max())


def at_once() -> Graph:
    """Nothing comes before the first draw."""
    made = Made()
    images = made.dropped(made.images)
    return made.ending(
        made.node("Conv", images, made.weight("kernel", (8, 2, 5, 5), "float32"), shape=FEATURES, pads=PADS)
    )


def cheap() -> Graph:
    """What comes before is made again sooner than it is handed over."""
    made = Made()
    images = made.dropped(made.node("Relu", made.images))
    return made.ending(
        made.node("Conv", images, made.weight("kernel", (8, 2, 5, 5), "float32"), shape=FEATURES, pads=PADS)
    )


def in_rows() -> Graph:
    """What is known has several rows for an image."""
    made = Made()
    rows = made.node("Relu", made.reshaped(made.convolved(), (Batch(8), 5, 7)))
    return made.ending(made.reshaped(made.dropped(rows), FEATURES))


def beside() -> Graph:
    """One of the outputs depends on no draw."""
    made = Made()
    convolved = made.convolved()
    return made.finished((made.dropped(convolved), convolved))


@pytest.mark.parametrize("make", [at_once, cheap, in_rows, beside])
def test_what_cannot_be_parted_or_is_not_worth_it_stays_whole(make: Callable[[], Graph]) -> None:
    graph = make()
    found = halves(graph)
    assert (found.known, found.rest, found.numbers_per_image) == (None, graph, 70)
