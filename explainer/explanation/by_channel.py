"""Methods that attribute the logit to every channel of every pixel, and how the channels become one map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np

from explainer.checks import require_choice
from explainer.explanation.base import Attribution, FloatArray, LabelArray, image_label_pairs


def absolute_maximum(attributions: FloatArray) -> FloatArray:
    """The largest absolute value over the channels; >= 0, so evidence for and against look alike.

    >>> absolute_maximum(np.float32([[[[1]], [[-3]]]])).tolist()
    [[[3.0]]]
    """
    largest: FloatArray = np.abs(attributions).max(axis=1)
    return largest


def signed_maximum(attributions: FloatArray) -> FloatArray:
    """The value of the channel whose absolute value is largest, with its sign; of two equal ones the first.

    >>> signed_maximum(np.float32([[[[1]], [[-3]]]])).tolist()
    [[[-3.0]]]
    """
    strongest = np.abs(attributions).argmax(axis=1, keepdims=True)
    return np.take_along_axis(attributions, strongest, axis=1)[:, 0]


def channel_sum(attributions: FloatArray) -> FloatArray:
    """The sum over the channels, with its sign.

    >>> channel_sum(np.float32([[[[1]], [[-3]]]])).tolist()
    [[[-2.0]]]
    """
    total: FloatArray = attributions.sum(axis=1)
    return total


REDUCTIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "abs_max": absolute_maximum,
    "signed": signed_maximum,
    "sum": channel_sum,
}


class ChannelAttribution(Attribution):
    """An attribution of every channel, reduced to one map. The declared hole is `attributions`.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        reduction: "abs_max", "signed" or "sum": how the channels of a pixel become one value.
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.
        parameters: what else a summary records.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value.
    """

    def __init__(
        self,
        network: Any,
        *,
        reduction: str = "abs_max",
        name: str | None = None,
        batch_size: int = 32,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        require_choice("reduction", reduction, REDUCTIONS)
        self._reduction = reduction
        super().__init__(
            network, name=name, batch_size=batch_size, parameters={"reduction": reduction, **(parameters or {})}
        )

    @abstractmethod
    def attributions(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The attribution of each image's own label to every channel, (M, C, H, W), for labels (M,); unchecked."""

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        return self._reduced(self.attributions(*image_label_pairs(images, targets)), targets)

    def _reduced(self, attributions: FloatArray, targets: LabelArray) -> FloatArray:
        """Maps (N, L, H, W) of attributions (N * L, C, H, W)."""
        maps = REDUCTIONS[self._reduction](attributions)
        return maps.reshape(*targets.shape, *maps.shape[1:])

    def _weighted_sums(
        self,
        attribute: Callable[[FloatArray, LabelArray], FloatArray],
        drawn: Iterable[tuple[int, FloatArray, float]],
        images: FloatArray,
        labels: LabelArray,
    ) -> FloatArray:
        """For each image the sum of weight * attribution over the variants (place, variant, weight) drawn of it."""
        totals = np.zeros(images.shape, np.float64)
        variants = iter(drawn)
        while chunk := list(islice(variants, self._classifier.batch_size)):
            places, changed, weights = (np.array(column) for column in zip(*chunk, strict=True))
            np.add.at(totals, places, attribute(changed, labels[places]) * weights.reshape(-1, 1, 1, 1))
        return totals.astype(np.float32)
