"""Completeness: whether a map's values add up to what the whole image does."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import Case, LabelMetric
from explainer.benchmark.network_probe import NetworkProbe
from explainer.checks import require_integer, require_labels_in_range
from explainer.passes import Passes
from explainer.perturb.engine import outputs_of_variants
from explainer.perturb.fills import baseline_of, recorded_fill


class Completeness(LabelMetric):
    """The part of the logit's difference between image and baseline that a map's sum misses; 0 for a complete map.

    |f(x) - f(baseline) - sum of the map| / |f(x) - f(baseline)|, lower is better; nan where the two logits are equal.
    Of use for methods that claim it, with the baseline for which they do: IntegratedGradients, InputXGradient on some
    networks, KernelSHAP with `score="logit"` and its map divided by the size of its cells.

    Source: Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks", axiom completeness, as a size.

    Args:
        num_labels: how many labels there are.
        baseline: the image without information: a number, one per channel, "mean", "blur", "noise", or a function.
        batch_size: images in one pass through the network.

    Cost: two forward passes per image.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value.

    >>> from mindspore import nn
    >>> from explainer.explanation import InputXGradient
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(4, 2, has_bias=False))
    >>> score = Completeness(2).evaluate(InputXGradient(network), np.ones((1, 1, 2, 2)), 1)
    >>> bool(score < 1e-5)
    True
    """

    name = "Completeness"
    higher_is_better = False
    bounds = (0.0, float("inf"))
    needs = frozenset({"explainer"})

    def __init__(self, num_labels: int, *, baseline: Any = 0.0, batch_size: int = 32) -> None:
        super().__init__(num_labels)
        self._baseline = baseline_of(baseline)
        self._probe = NetworkProbe(None, require_integer("batch_size", batch_size, 1))
        self.settings = {"baseline": recorded_fill(baseline)}

    def passes(self, case: Case) -> Passes:
        """The image and its baseline, whatever the number of labels."""
        return Passes(forwards=2, known=1)

    def _scores(
        self, images: FloatArray, labels: LabelArray, saliency: FloatArray, regions: Any, explainer: Any
    ) -> Float64Array:
        classifier = self._probe.of(explainer)
        require_labels_in_range(labels, classifier.class_count(images))
        baselines = np.ascontiguousarray(self._baseline(images), np.float32)
        of_baselines = outputs_of_variants(classifier, "logits", images, baselines, batch_size=classifier.batch_size)
        logits = classifier.clean_logits(images).astype(np.float64) - of_baselines
        differences = np.take_along_axis(logits, labels, 1)
        missed = np.abs(differences - saliency.sum(axis=(2, 3), dtype=np.float64))
        scores: Float64Array = missed / np.where(differences != 0, np.abs(differences), np.nan)
        return scores
