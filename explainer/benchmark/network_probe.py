"""The network of an explainer, evaluated by a metric for changed images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, LabelArray, Mask
from explainer.checks import require_labels_in_range
from explainer.classifier import Classifier
from explainer.network.of import classifier_of, require_activation
from explainer.perturb.engine import Hidden, Request, evaluated_by
from explainer.perturb.fills import Fill, MaskFill


class NetworkProbe:
    """Evaluates the network of whatever explainer is given, with one activation.

    Args:
        activation_fn: logits -> probabilities; None where only logits are needed.
        batch_size: images in one pass through the network.

    Raises:
        TypeError: `activation_fn` is neither None nor a mindspore.nn.Cell.
    """

    def __init__(self, activation_fn: Any, batch_size: int) -> None:
        if activation_fn is not None:
            require_activation(activation_fn)
        self._activation = activation_fn
        self._batch_size = batch_size
        self._classifier: Classifier | None = None

    def of(self, explainer: Any) -> Classifier:
        """The explainer's network."""
        # Kept, so that what was compiled for it lives from one call to the next.
        self._classifier = classifier_of(explainer.network, self._activation, batch_size=self._batch_size)
        return self._classifier

    def probabilities(self, explainer: Any, images: FloatArray, labels: LabelArray) -> Float64Array:
        """Of the labels (N, L) of each image, (N, L).

        Raises:
            ValueError: a label that the network does not have.
        """
        self._require(explainer, images, labels)
        return np.take_along_axis(self.of(explainer).clean_probabilities(images), labels, 1).astype(np.float64)

    def under(
        self,
        explainer: Any,
        images: FloatArray,
        labels: LabelArray,
        keeps: Iterable[tuple[int, Mask | Hidden]],
        fill: Fill | MaskFill,
        *,
        shared: bool = False,
    ) -> Float64Array:
        """The probability of each label under its keep masks, (N, L, masks), evaluated in full batches.

        Args:
            explainer: whose network is evaluated.
            images: (N, C, H, W).
            labels: (N, L).
            keeps: pairs of an index into `images` and a mask or a hidden rectangle, as many for each label of each
                image, in their order.
            fill: what is shown where the images are hidden.
            shared: the masks are those of an image, for all its labels.

        Raises:
            ValueError: a label that the network does not have.
        """
        self._require(explainer, images, labels)
        requests = (Request(index, keep) for index, keep in keeps)
        batches = evaluated_by(
            self.of(explainer), "probabilities", images, requests, batch_size=self._batch_size, fill=fill
        )
        outputs = np.concatenate([batch.outputs for batch in batches])
        outputs = outputs.reshape(len(images), 1 if shared else labels.shape[1], -1, outputs.shape[1])
        return np.take_along_axis(outputs, labels[:, :, None, None], 3)[..., 0].astype(np.float64)

    def _require(self, explainer: Any, images: FloatArray, labels: LabelArray) -> None:
        require_labels_in_range(labels, self.of(explainer).class_count(images))


def correlations(some: Float64Array, others: Float64Array, *, rounding: float = 0.0) -> Float64Array:
    """Pearson's along the last axis; nan where `some` is constant, or `others` up to `rounding`.

    >>> correlations(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])).item()
    1.0
    """
    constant = (np.ptp(some, axis=-1) == 0) | (np.ptp(others, axis=-1) <= rounding)
    some, others = (values - values.mean(axis=-1, keepdims=True) for values in (some, others))
    norms = np.sqrt((some**2).sum(axis=-1) * (others**2).sum(axis=-1))
    found: Float64Array = (some * others).sum(axis=-1) / np.where(constant, np.nan, norms)
    return found.clip(-1, 1)  # rounding leaves it by some 1e-16
