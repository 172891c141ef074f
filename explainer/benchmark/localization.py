"""Localization: whether a map points at the object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from explainer.benchmark.base import FloatArray, LabelArray, LabelMetric
from explainer.checks import require_choice, require_number

Doubles = NDArray[np.float64]
Region = NDArray[np.bool_]
METRICS = ("PointingGame", "IoSR")


class Localization(LabelMetric):
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

    needs = frozenset({"boxes"})

    def __init__(
        self, num_labels: int, metric: str = "PointingGame", *, tolerance: float = 0.0, theta: float = 0.5
    ) -> None:
        super().__init__(num_labels)
        if not isinstance(metric, str):
            raise TypeError(f"`metric` must be a string, got {type(metric).__name__}")
        require_choice("metric", metric, METRICS)
        self._metric = metric
        self._tolerance = require_number("tolerance", tolerance, 0.0, np.inf)
        self._theta = require_number("theta", theta, 0.0, 1.0)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The metric's."""
        return self._metric

    @property
    def parameters(self) -> dict[str, Any]:
        """What the metric declares, as JSON values."""
        own = {"tolerance": self._tolerance} if self._metric == METRICS[0] else {"theta": self._theta}
        return super().parameters | {"metric": self._metric} | own

    def evaluate(self, explainer: Any, inputs: Any, targets: Any, saliency: Any = None, mask: Any = None) -> Doubles:
        """The scores of the maps, (N,), or (N, L) for targets of that shape; nan = undefined.

        Args:
            explainer: makes the maps if there are none.
            inputs: (N, C, H, W).
            targets: an int, or labels of shape (), (N,) or (N, L).
            saliency: the maps, (N, 1, H, W) or (N, L, H, W); never computed anew where they are given.
            mask: the regions of the objects, of the same shape; anything but 0 is inside.

        Raises:
            TypeError: an argument of a wrong type.
            ValueError: no `mask`, a wrong shape, a NaN or infinity, or a label that there is not.
        """
        if mask is None:
            raise ValueError("`mask` must be given, (N, 1, H, W): there is no localization without the object's region")
        scores: Doubles = self._evaluate(explainer, inputs, targets, saliency, mask)
        return scores

    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: Region | None,
        explainer: Any,
    ) -> Doubles:
        if regions is None:
            return np.full(labels.shape, np.nan)
        pairs = zip(saliency.reshape(-1, *saliency.shape[2:]), regions.reshape(-1, *regions.shape[2:]), strict=True)
        scores = [self._points(*pair) if self._metric == METRICS[0] else self._overlaps(*pair) for pair in pairs]
        return np.array(scores).reshape(labels.shape)

    def _points(self, saliency: FloatArray, region: Region) -> float:
        highest = saliency == saliency.max()
        if not region.any() or highest.all():
            return np.nan
        near = distance_transform_edt(~region) <= self._tolerance
        return float(near[highest].mean())

    def _overlaps(self, saliency: FloatArray, region: Region) -> float:
        highest = saliency.max()
        if not region.any() or highest <= 0:
            return np.nan
        salient = (saliency > np.float32(self._theta) * highest) | (saliency == highest)
        return float(region[salient].mean())
