"""Infidelity: how badly a map's values add up to what hiding parts of the image does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import Case, LabelMetric
from explainer.benchmark.network_probe import NetworkProbe
from explainer.checks import require_flag, require_integer
from explainer.network.of import require_activation
from explainer.passes import Passes
from explainer.perturb.engine import Hidden
from explainer.perturb.fills import fill_of, recorded_fill
from explainer.streams import sample_stream


class Infidelity(LabelMetric):
    """The mean squared difference of what a hidden square's saliency sums to and what the probability drops by.

    0 for a map whose values are what its pixels contribute. With `normalize` the map is scaled so that it fits best,
    and the error is a part of the mean squared drop: in [0, 1], 1 for a map without information. nan where nothing
        drops.

    Source: Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", definition 2.1 with the square
    removal of section 2.2, and the scaling of its appendix.

    Args:
        num_labels: how many labels there are.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid().
        perturbations: squares per image, each of random position and of a side from 1 to half the shorter one.
        fill: what hides; as for `Occlusion`.
        normalize: scale the map, as above; without, the error is that of the map's own units.
        seed: of the squares; an image has its own, the same for all its labels, whatever the batch.
        batch_size: images in one pass through the network.

    Cost: `perturbations` forward passes per image, whatever the number of its labels, and one more.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value.

    >>> from mindspore import nn
    >>> Infidelity(2, nn.Softmax(), normalize=False).parameters["bounds"]
    [0.0, None]
    """

    name = "Infidelity"
    higher_is_better = False
    needs = frozenset({"explainer"})
    cheaper = "fewer `perturbations`"

    def __init__(
        self,
        num_labels: int,
        activation_fn: Any,
        *,
        perturbations: int = 100,
        fill: Any = 0.0,
        normalize: bool = True,
        seed: int = 0,
        batch_size: int = 32,
    ) -> None:
        super().__init__(num_labels)
        require_activation(activation_fn)
        self.bounds = (0.0, 1.0 if normalize else float("inf"))
        self._perturbations = require_integer("perturbations", perturbations, 2)
        self._fill = fill_of("fill", fill)
        self._normalize = require_flag("normalize", normalize)
        self._seed = require_integer("seed", seed, 0)
        self._probe = NetworkProbe(activation_fn, require_integer("batch_size", batch_size, 1))
        self.settings = {
            "perturbations": self._perturbations,
            "fill": recorded_fill(fill),
            "normalize": self._normalize,
            "seed": self._seed,
        }

    def passes(self, case: Case) -> Passes:
        """One for each square, and the image's own, whatever the number of labels."""
        return Passes(forwards=self._perturbations + 1, known=1)

    def _scores(
        self, images: FloatArray, labels: LabelArray, saliency: FloatArray, regions: Any, explainer: Any
    ) -> Float64Array:
        whole = self._probe.probabilities(explainer, images, labels)
        squares = [list(self._squares(image)) for image in images]
        hidden = ((index, square) for index, of_image in enumerate(squares) for square in of_image)
        drops = whole[..., None] - self._probe.under(explainer, images, labels, hidden, self._fill, shared=True)
        sums = np.array([_sums(*pair) for pair in zip(saliency, squares, strict=True)])
        if not self._normalize:
            return _mean_square(sums - drops)
        squared = (sums**2).sum(axis=2)
        scale = (sums * drops).sum(axis=2) / np.where(squared > 0, squared, 1)
        size = _mean_square(drops)
        missed: Float64Array = _mean_square(scale[..., None] * sums - drops) / np.where(size > 0, size, np.nan)
        return missed

    def _squares(self, image: FloatArray) -> Iterator[Hidden]:
        """What each square hides."""
        stream, (height, width) = sample_stream(self._seed, image), image.shape[1:]
        for _ in range(self._perturbations):
            side = int(stream.integers(1, max(1, min(height, width) // 2) + 1))
            top, left = int(stream.integers(0, height - side + 1)), int(stream.integers(0, width - side + 1))
            yield slice(None), slice(top, top + side), slice(left, left + side)


def _sums(maps: FloatArray, squares: list[Hidden]) -> Float64Array:
    """Of the maps (L, H, W) over each square, (L, M)."""
    return np.stack([maps[square].sum(axis=(1, 2), dtype=np.float64) for square in squares], axis=1)


def _mean_square(values: Float64Array) -> Float64Array:
    means: Float64Array = (values**2).mean(axis=2)
    return means
