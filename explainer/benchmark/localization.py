"""Localization: whether a map points at the object."""

from __future__ import annotations

import numpy as np

from explainer.arrays import Float64Array, Region
from explainer.benchmark.by_map import RegionMetric
from explainer.checks import require_choice, require_number

METRICS = ("PointingGame", "IoSR")


class Localization(RegionMetric):
    """How well a map finds the region of the label's object; one score per map, in [0, 1].

    PointingGame: 1 if the map's maximum lies in the region, else 0; of several equal maxima the fraction that do. nan
    for a constant map and for an empty region.
    IoSR: the part of the salient region, where the map is above `theta` times its maximum or at it, that lies in the
    region. nan where the maximum is not above 0, and for an empty region.

    By chance PointingGame scores the region's part of the image; any map scores about as much as its controls.

    Source: Zhang et al. 2018, "Top-Down Neural Attention by Excitation Backprop", section 4.2; the documentation of
    `mindspore.explainer` for IoSR. There the pointing game looked at the transposed map, forgave 15 pixels, and had a
    zero map point at the corner.

    Args:
        num_labels: how many labels there are.
        metric: "PointingGame" or "IoSR".
        tolerance: how far, in pixels, the maximum may lie from the region; 15 in the paper's code.
        theta: the part of the maximum above which a pixel is salient.

    Cost: no forward pass.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an unknown metric, or another wrong value.

    >>> from mindspore import nn
    >>> from explainer.explanation import Gradient
    >>> saliency, mask = np.float32([[[[0, 1, 4, 3]]]]), np.array([[[[0, 0, 1, 1]]]])
    >>> explainer, image = Gradient(nn.SequentialCell(nn.Flatten(), nn.Dense(4, 2))), np.zeros((1, 1, 1, 4))
    >>> Localization(2).evaluate(explainer, image, 1, saliency, mask).tolist()
    [1.0]
    """

    def __init__(
        self, num_labels: int, metric: str = "PointingGame", *, tolerance: float = 0.0, theta: float = 0.5
    ) -> None:
        super().__init__(num_labels)
        if not isinstance(metric, str):
            raise TypeError(f"`metric` must be a string, got {type(metric).__name__}")
        require_choice("metric", metric, METRICS)
        self.name = self._metric = metric
        self._tolerance = require_number("tolerance", tolerance, 0.0, np.inf)
        self._theta = require_number("theta", theta, 0.0, 1.0)
        own = {"tolerance": self._tolerance} if metric == METRICS[0] else {"theta": self._theta}
        self.settings = {"metric": metric, **own}

    def _score_region(self, saliency: Float64Array, region: Region) -> float:
        return self._points(saliency, region) if self._metric == METRICS[0] else self._overlaps(saliency, region)

    def _points(self, saliency: Float64Array, region: Region) -> float:
        from scipy.ndimage import distance_transform_edt

        highest = saliency == saliency.max()
        if highest.all():
            return np.nan
        near = distance_transform_edt(~region) <= self._tolerance
        return float(near[highest].mean())

    def _overlaps(self, saliency: Float64Array, region: Region) -> float:
        highest = saliency.max()
        if highest <= 0:
            return np.nan
        salient = (saliency > self._theta * highest) | (saliency == highest)
        return float(region[salient].mean())
