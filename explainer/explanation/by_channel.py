"""Methods that attribute the logit to every channel of every pixel, and how the channels become one map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import numpy as np

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import require_choice
from explainer.explanation.base import Attribution, one_hot, pair_batches
from explainer.perturb.engine import Request, Variant, evaluated
from explainer.relu_rules import ReluRule, plain


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


class ByChannel(Attribution):
    """A method that attributes to every channel; the hole is `_explain_channels`, and how that becomes maps.

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
        own = {"reduction": reduction, **(parameters or {})}
        super().__init__(network, name=name, batch_size=batch_size, parameters=own)

    @final
    def attributions(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The attribution of each image's own label to every channel, (M, C, H, W), for labels (M,); unchecked."""
        return self._explain_channels(images, labels)

    @abstractmethod
    def _explain_channels(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The attribution of each image's own label to every channel, (M, C, H, W), for labels (M,)."""

    def _gradients(self, images: FloatArray, labels: LabelArray, rule: ReluRule = plain) -> FloatArray:
        """The gradient of each image's own logit, (M, C, H, W)."""
        seeds = one_hot(labels, self._classifier.class_count(images))
        found: FloatArray = self._classifier.gradient(images, seeds, relu_rule=rule)
        return found

    def _reduced(self, attributions: FloatArray) -> FloatArray:
        """Maps (B, H, W) of attributions (B, C, H, W)."""
        return REDUCTIONS[self._reduction](attributions)

    def _weighted_sums(
        self,
        attribute: Callable[[FloatArray, LabelArray], FloatArray],
        drawn: Iterable[tuple[int, FloatArray, float]],
        images: FloatArray,
        labels: LabelArray,
    ) -> FloatArray:
        """For each image the sum of weight * attribution over the variants (index, variant, weight) drawn of it."""
        totals = np.zeros(images.shape, np.float64)
        batches = evaluated(
            lambda shown, indices: attribute(shown, labels[indices]),
            images,
            (Request(index, Variant(variant), weight) for index, variant, weight in drawn),
            batch_size=self.batch_size,
        )
        for batch in batches:
            for request, one in zip(batch.requests, batch.outputs, strict=True):
                totals[request.image] += np.multiply(one, request.payload, dtype=np.float64)
        return totals.astype(np.float32)


class ChannelAttribution(ByChannel):
    """An attribution of every channel, reduced to one map. The declared hole is `_explain_channels`.

    Args, Raises: as for `ByChannel`.
    """

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        pairs = pair_batches(images, targets)
        maps = [self._reduced(self._explain_channels(images[indices], labels)) for indices, labels in pairs]
        return np.concatenate(maps).reshape(*targets.shape, *images.shape[2:])
