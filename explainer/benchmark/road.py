"""ROAD: whether the network needs the pixels that a map calls important, once their neighbours fill them in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import Case, LabelMetric
from explainer.benchmark.network_probe import NetworkProbe
from explainer.checks import require_choice, require_integer, require_number
from explainer.network.of import require_activation
from explainer.passes import Passes
from explainer.perturb.fills import MaskFill, inpainted_images
from explainer.streams import sample_stream

ORDERS = ("combined", "MoRF", "LeRF")
_TENTHS = tuple(tenth / 10 for tenth in range(1, 10))


class ROAD(LabelMetric):
    """The mean probability of the label after a part of the pixels is drawn from their neighbours, over several parts.

    "MoRF": the most relevant pixels go first, lower is better. "LeRF": the least relevant ones, higher is better.
    "combined": (1 + LeRF - MoRF) / 2, higher is better, 0.5 by chance. All in [0, 1]. What is removed is replaced by
    the weighted mean of its neighbours and a little noise, so that the mask itself tells the network nothing.

    Source: Rong et al. 2022, "A Consistent and Efficient Evaluation Strategy for Attribution Methods", section 4. There
    the accuracy over a dataset is counted; the probability has a value for every image.

    Args:
        num_labels: how many labels there are.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid().
        order: "combined", "MoRF" or "LeRF".
        percents: the parts of the pixels that are removed, each in (0, 1).
        noise: the deviation of the noise, as a part of that of each channel of the image.
        seed: of the noise; an image has its own, whatever the batch.
        batch_size: images in one pass through the network.

    Cost: a forward pass per part and map, twice as many for "combined", and a sparse linear system for each.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value.

    >>> from mindspore import nn
    >>> ROAD(2, nn.Softmax(), "MoRF").higher_is_better
    False
    """

    needs = frozenset({"explainer"})
    cheaper = "fewer `percents`"

    def __init__(
        self,
        num_labels: int,
        activation_fn: Any,
        order: str = "combined",
        *,
        percents: Sequence[float] = _TENTHS,
        noise: float = 0.01,
        seed: int = 0,
        batch_size: int = 32,
    ) -> None:
        super().__init__(num_labels)
        require_activation(activation_fn)
        require_choice("order", order, ORDERS)
        self._order = order
        self.name = "ROAD" if order == ORDERS[0] else f"ROAD-{order}"
        self.higher_is_better = order != "MoRF"
        self._percents = [require_number(f"percents[{index}]", one, 0.0, 1.0) for index, one in enumerate(percents)]
        if not self._percents or not 0 < min(self._percents) <= max(self._percents) < 1:
            raise ValueError(f"`percents` must be parts between 0 and 1, at least one, got {list(percents)}")
        self._noise = require_number("noise", noise, 0.0, np.inf)
        self._seed = require_integer("seed", seed, 0)
        self._probe = NetworkProbe(activation_fn, require_integer("batch_size", batch_size, 1))
        self.settings = {"order": order, "percents": self._percents, "noise": self._noise, "seed": self._seed}

    def passes(self, case: Case) -> Passes:
        """One for each part and map, two where both orders count."""
        orders = 2 if self._order == ORDERS[0] else 1
        return len(case.labels) * Passes(forwards=orders * len(self._percents))

    def _scores(
        self, images: FloatArray, labels: LabelArray, saliency: FloatArray, regions: Any, explainer: Any
    ) -> Float64Array:
        keeps = ((index, keep) for index, maps in enumerate(saliency) for one in maps for keep in self._keeps(one))
        outputs = self._probe.under(explainer, images, labels, keeps, MaskFill(self._imputed))
        means: Float64Array = outputs.reshape(*labels.shape, -1, len(self._percents)).mean(axis=3)  # (N, L, orders)
        return (1 + means[..., 1] - means[..., 0]) / 2 if self._order == ORDERS[0] else means[..., 0]

    def _keeps(self, saliency: FloatArray) -> Iterator[FloatArray]:
        """What is shown for each part: most relevant first gone, then least relevant first, as the order asks."""
        flat = saliency.ravel()
        orders = {"MoRF": np.argsort(-flat, kind="stable"), "LeRF": np.argsort(flat, kind="stable")}
        for name in ("MoRF", "LeRF"):
            if self._order in (ORDERS[0], name):
                for percent in self._percents:
                    keep = np.ones(flat.size, np.float32)
                    keep[orders[name][: round(percent * flat.size)]] = 0
                    yield keep.reshape(saliency.shape)

    def _imputed(self, images: FloatArray, shown: FloatArray) -> FloatArray:
        imputed = inpainted_images(images, shown)
        for image, filled in zip(images, imputed, strict=True):
            spread = self._noise * image.std(axis=(1, 2), keepdims=True, dtype=np.float64)
            filled += spread * sample_stream(self._seed, image).standard_normal(image.shape)
        return imputed
