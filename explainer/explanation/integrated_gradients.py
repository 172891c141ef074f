"""IntegratedGradients: what each pixel contributes on the way from a baseline to the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import roots_legendre

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import require_integer
from explainer.explanation.base import Explained, Traits, pair_batches
from explainer.explanation.by_channel import ByChannel
from explainer.passes import Passes
from explainer.perturb.engine import outputs_of_variants
from explainer.perturb.fills import baseline_of, recorded_fill


class IntegratedGradients(ByChannel):
    """(image - baseline) times the mean gradient between the two, summed over the channels; any sign.

    The sum of a map is the difference of the logit between image and baseline, but for the error of the integration:
    the completeness gap, which `completeness_gap` gives and a summary records beside each map.

    Source: Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks", equation 1; the integral by
    Gauss-Legendre quadrature, where the paper's equation 3 has a Riemann sum, which needs more steps.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        baseline: the image without information: a number, one per channel, "mean", "blur", "noise", or a function of
            the images.
        steps: gradients per image and label.
        reduction: "sum", "signed" (the channel of the largest absolute value) or "abs_max"; the sum alone is complete.
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: `steps` forward and backward passes per label, and two forward passes per image.

    Raises:
        TypeError: `network` is not a mindspore.nn.Cell, or another argument of a wrong type.
        ValueError: `steps` below 1, or a `reduction` that is none of the three.

    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 2, weight_init=Tensor([[1.0, -2], [3, 4]])))
    >>> IntegratedGradients(network, baseline=5.0)(np.float32([[[[10, 20]]]]), 0).round(4).tolist()
    [[[[5.0, -30.0]]]]
    """

    def __init__(
        self,
        network: Any,
        *,
        baseline: Any = 0.0,
        steps: int = 50,
        reduction: str = "sum",
        name: str | None = None,
        batch_size: int = 32,
    ) -> None:
        self._baseline = baseline_of(baseline)
        # Gauss-Legendre nodes on [-1, 1], moved to [0, 1], which halves the weights.
        nodes, weights = roots_legendre(require_integer("steps", steps, 1))
        self._path = list(zip((nodes + 1) / 2, weights / 2, strict=True))
        super().__init__(
            network,
            reduction=reduction,
            name=name,
            batch_size=batch_size,
            parameters={"baseline": recorded_fill(baseline), "steps": int(steps)},
        )
        ends = Passes(forwards=2, known=1)  # the baseline and the image, for the completeness gaps
        path = Passes(backwards=len(self._path))
        self._traits = Traits(passes=lambda shape, labels: ends + labels * path, cheaper="fewer `steps`")

    def _explain_channels(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """What every channel contributes to each image's logit, (M, C, H, W)."""
        return self._integrated(images, self._baseline(images), labels)

    def completeness_gap(self, inputs: Any, targets: Any) -> FloatArray:
        """How much of the logit's difference the attributions miss: f(image) - f(baseline) - their sum, (N, L).

        Args:
            inputs: as for a call.
            targets: as for a call.

        Raises:
            TypeError, ValueError: as for a call.
        """
        gaps = self.explained(inputs, targets).completeness_gaps
        assert gaps is not None
        return gaps

    def _explain(self, images: FloatArray, targets: LabelArray) -> Explained:
        baselines = self._baseline(images)  # once, as one that is drawn differs each time
        maps, sums = [], []
        for indices, labels in pair_batches(images, targets):
            attributions = self._integrated(images[indices], baselines[indices], labels)
            sums.append(attributions.sum(axis=(1, 2, 3), dtype=np.float64))
            maps.append(self._reduced(attributions))
        of_baselines = outputs_of_variants(self._classifier, "logits", images, baselines, batch_size=self.batch_size)
        with np.errstate(invalid="ignore"):  # infinity less infinity is nan; the map of such logits is refused
            differences = self._classifier.clean_logits(images) - of_baselines
        explained = np.concatenate(sums).reshape(targets.shape)
        gaps = (np.take_along_axis(differences, targets, 1) - explained).astype(np.float32)
        return Explained(np.concatenate(maps).reshape(*targets.shape, *images.shape[2:]), gaps)

    def _integrated(self, images: FloatArray, baselines: FloatArray, labels: LabelArray) -> FloatArray:
        path = self._between(images, baselines)
        return (images - baselines) * self._weighted_sums(self._gradients, path, images, labels)

    def _between(self, images: FloatArray, baselines: FloatArray) -> Iterator[tuple[int, FloatArray, float]]:
        for index, (image, baseline) in enumerate(zip(images, baselines, strict=True)):
            for along, weight in self._path:
                yield index, baseline + np.float32(along) * (image - baseline), weight
