"""Class sensitivity: whether the maps of different labels differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import (
    AggregatingMetric,
    Case,
    passes_of_maps,
    require_explainer,
    require_maps,
    scores_of_result,
    unchanged,
)
from explainer.benchmark.network_probe import NetworkProbe, correlations
from explainer.checks import require_images, require_integer
from explainer.network.of import without_tensor
from explainer.passes import Passes


class ClassSensitivity(AggregatingMetric):
    """How much the maps of the labels of the highest and the lowest logit differ; one score per image, in [0, 1].

    (1 - r) / 2, r the correlation of the two maps over the pixels: 0 for maps that are alike, 0.5 for unrelated ones,
    1 for opposite ones. nan where a map is constant, and where all logits are equal: there is no other label then.
    Of equal logits the first counts.

    Source: the documentation of `mindspore.explainer`. There RISE always failed, and undefined scores were dropped
    without being counted.

    Args:
        batch_size: images in one pass through the network for the logits.

    Cost: one forward pass and two maps per image, both from one call of the explainer.

    Raises:
        TypeError, ValueError: `batch_size` is no whole number of at least 1.

    >>> from mindspore import Tensor, nn
    >>> from explainer.explanation import Gradient
    >>> dense = nn.Dense(4, 2, weight_init=Tensor([[3.0, 2, 1, 0], [0, 1, 2, 3]]), has_bias=False)
    >>> explainer, image = Gradient(nn.SequentialCell(nn.Flatten(), dense)), np.float32([[[[1, 0], [0, 0]]]])
    >>> ClassSensitivity().evaluate(explainer, image).tolist()
    [1.0]
    """

    name = "ClassSensitivity"
    needs = frozenset({"explainer"})
    per_label = False

    def __init__(self, *, batch_size: int = 32) -> None:
        super().__init__(label_count=0)
        self._probe = NetworkProbe(None, require_integer("batch_size", batch_size, 1))

    def aggregate(self, result: Any) -> None:
        """Takes scores as `evaluate` gives them.

        Args:
            result: (N,), or one score.

        Raises:
            TypeError, ValueError: they are no numbers, or have more axes.
        """
        scores = scores_of_result(result)
        if scores.ndim != 1:
            raise ValueError(f"`result` must have a score per image, (N,), got shape {scores.shape}")
        self._board.add([None] * len(scores), scores.tolist())

    def evaluate(self, explainer: Any, inputs: Any) -> Float64Array:
        """The scores of the explainer for the images, (N,); nan = undefined.

        Args:
            explainer: whose network is evaluated, and which makes the maps.
            inputs: (N, C, H, W).

        Raises:
            TypeError: an argument of a wrong type.
            ValueError: a wrong shape, a NaN or infinity.
        """
        require_explainer(explainer)
        with unchanged(explainer, self.needs):
            return self._scores(require_images(without_tensor(inputs)), explainer)

    def passes(self, case: Case) -> Passes:
        """The image's own, and maps of two labels."""
        return Passes(forwards=1, known=1) + passes_of_maps(case, 2)

    def score(self, case: Case) -> Float64Array:
        """(1,), the score of the case's explainer for its image; its labels and maps do not matter."""
        return self._scores(case.image[None], case.explainer)

    def _scores(self, images: FloatArray, explainer: Any) -> Float64Array:
        labels = self._extremes(images, explainer)
        maps = require_maps("saliency", explainer(images, labels), (*labels.shape, *images.shape[2:]))
        pairs = (pair.reshape(2, -1).astype(np.float64) for pair in maps)
        scores = (1 - np.array([correlations(*pair) for pair in pairs])) / 2
        return np.where(labels[:, 0] == labels[:, 1], np.nan, scores)

    def _extremes(self, images: FloatArray, explainer: Any) -> LabelArray:
        """The labels of the highest and of the lowest logit, (N, 2)."""
        logits = self._probe.of(explainer).clean_logits(images)
        extremes: LabelArray = np.stack([logits.argmax(axis=1), logits.argmin(axis=1)], axis=1)
        return extremes
