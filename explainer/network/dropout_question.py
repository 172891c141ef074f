"""MC dropout on a network's graph: the same draws from the same streams, and so the same numbers as MindSpore's."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import numpy as np

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.memory import pieces
from explainer.network.dropout_at_work import DropoutAtWork
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.borrowing import borrowed
from explainer.network.mindspore.dropout import drop_rate, dropped_logits, drops_channels
from explainer.network.mindspore.dropping_export import captured_with_marks, marks_of
from explainer.network.onnx.dropping import Drop, drawn, with_draws
from explainer.network.onnx.graph import Graph
from explainer.network.onnx.mindir import BATCH, graph_of
from explainer.network.translation import compared_at_once, difference_of, rounding_of

_COMPARED = 8  # draws: where nearly all is dropped, a few of them would tell nothing


@dataclass(frozen=True)
class DropoutQuestion:
    """The logits while the network's dropout is at work, each image under the masks of its own stream.

    What answers is given, beside the images, what `drawn` takes from the streams.

    Attributes:
        reference: MindSpore's answers.
        images: some of those that it is for, (N, C, H, W) float32.
    """

    reference: MindSporeClassifier
    images: FloatArray

    @property
    def key(self) -> Hashable:
        """What makes it another question."""
        return "dropout"

    @property
    def label(self) -> str:
        """What is asked for, in words."""
        return "network under its dropout"

    @property
    def of_gradient(self) -> bool:
        """No."""
        return False

    def proven(self, graph: Graph, device: str) -> DropoutAtWork:
        """A graph of its own, in which dropouts stay, found to give what MindSpore gives for the same draws.

        The order of MindSpore's calls in a pass is that of the draws.

        Raises:
            EngineError: MindSpore cannot export it, or it gives something else; says what.
        """
        network = self.reference.network
        images = np.resize(self.images[:_COMPARED], (_COMPARED, *self.images.shape[1:]))
        streams = [partial(np.random.default_rng, index) for index in range(_COMPARED)]
        chunks = pieces(_COMPARED, compared_at_once(images.shape[1:]))
        with borrowed(network):
            found = [
                dropped_logits(network, images[chunk], [stream() for stream in streams[chunk]]) for chunk in chunks
            ]
        expected, calls = np.concatenate([logits for logits, _ in found]), found[0][1]
        marks = marks_of(network)
        drops = {name: Drop(drop_rate(cell), drops_channels(cell)) for cell, name in marks.items()}
        marked = graph_of(captured_with_marks(network, images.shape[1:], BATCH))
        asked = with_draws(marked, drops, [marks[cell] for cell in calls])
        at_work = DropoutAtWork(asked, network, device)
        answer = at_work(images, drawn(asked, [stream() for stream in streams]))
        difference = difference_of([answer], [expected], [expected])
        if difference > rounding_of(asked):
            raise EngineError(
                f"the graph gives other outputs than MindSpore for the same dropout masks, by {difference:.1e} of the "
                "largest; a cell may drop in several branches at once",
                difference=difference,
            )
        at_work.difference = difference
        return at_work
