"""Dropout at work in ONNX Runtime: what no mask reaches is computed once for an image, the rest for each draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explainer.arrays import FloatArray, IndexArray
from explainer.memory import images_per_pass
from explainer.network.mindspore.capture import parameters_of
from explainer.network.onnx.graph import Graph
from explainer.network.onnx.halves import halves
from explainer.network.onnx.session import Session


class DropoutAtWork:
    """A graph that is given random numbers beside the images, with the weights of one moment.

    Args:
        graph: as `with_draws` makes it.
        network: whose weights it gets.
        device: where it is computed.

    Attributes:
        graph: as it was given.
        device: as it was given.
        difference: from what MindSpore gives, as it was found for the first images.
        seen: see `AtWork`.
        is_one_of_several: see `AtWork`; it never is.

    Raises:
        EngineError: ONNX Runtime does not take the graph.
    """

    compiled = True
    is_one_of_several = False

    def __init__(self, graph: Graph, network: Any, device: str) -> None:
        self.graph = graph
        self.device = device
        self.difference = 0.0
        self.seen: int | None = None
        self._halves = halves(graph)
        self._take(network)

    def __call__(self, images: FloatArray, draws: Sequence[FloatArray]) -> FloatArray:
        """The logits (N, K) of images (N, C, H, W), each under its row of the draws."""
        return self.dropped(self.known(images), draws)

    @property
    def numbers_per_image(self) -> int:
        """How many numbers are known of an image."""
        return self._halves.numbers_per_image

    def known(self, images: FloatArray) -> tuple[FloatArray, ...]:
        """What no mask reaches, (N, ...) each: the images themselves where that is cheaper."""
        return (images,) if self._known is None else self._known.in_parts(images)

    def dropped(self, known: Sequence[FloatArray], draws: Sequence[FloatArray]) -> FloatArray:
        """The logits (N, K) of images of which this is known, each under its row of the draws."""
        logits: FloatArray = self._rest.in_parts(*known, *draws)[0]
        return logits

    def with_weights(self, network: Any, *, for_a_moment: bool) -> bool:
        """It answers with the network's weights of this moment; whether they are others than before."""
        weights = parameters_of(network, list(self.graph.weights))
        if self._rest.holds(weights) and (self._known is None or self._known.holds(weights)):
            return False
        self._take(network)
        return True

    def _take(self, network: Any) -> None:
        weights = parameters_of(network, list(self.graph.weights))
        known = self._halves.known
        self._known = None if known is None else Session(known, weights, device=self.device)
        self._rest = Session(self._halves.rest, weights, device=self.device)


class DroppedImages:
    """Images under dropout, of which what no mask reaches is known of a few at a time.

    Args:
        at_work: the network.
        images: (N, C, H, W).
        batch_size: images in one pass.
    """

    def __init__(self, at_work: DropoutAtWork, images: FloatArray, batch_size: int) -> None:
        self._at_work = at_work
        self._images = images
        together = images_per_pass(batch_size, images.shape[1:])
        self._size = images_per_pass(together, (at_work.numbers_per_image,))
        self._known: tuple[FloatArray, ...] = ()
        self._from = self._end = 0

    def logits(self, indices: IndexArray, draws: Sequence[FloatArray]) -> FloatArray:
        """The logits (B, K) of some of the images, their indices rising, each under its row of the draws."""
        first, last = int(indices[0]), int(indices[-1])
        if not self._from <= first <= last < self._end:
            self._from, self._end = first, max(first + self._size, last + 1)
            self._known = self._at_work.known(self._images[self._from : self._end])
        return self._at_work.dropped([array[indices - self._from] for array in self._known], draws)
