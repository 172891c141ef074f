"""Metrics that look at a map alone, or at a map and the region of its object; they cost no forward pass."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, LabelArray, Region
from explainer.benchmark.base import LabelMetric


class MapMetric(LabelMetric):
    """A metric of a map alone.

    Args:
        num_labels: how many labels there are.

    Raises:
        TypeError, ValueError: `num_labels` is no whole number of at least 1.
    """

    @abstractmethod
    def _score_map(self, saliency: Float64Array) -> float:
        """The score of one map (H, W); nan = undefined."""

    def _scores(
        self, images: FloatArray, labels: LabelArray, saliency: FloatArray, regions: Region | None, explainer: Any
    ) -> Float64Array:
        maps = (one.astype(np.float64) for one in saliency.reshape(-1, *saliency.shape[2:]))
        return np.array([self._score_map(one) for one in maps]).reshape(labels.shape)


class RegionMetric(LabelMetric):
    """A metric of a map and the region of its object; nan for an empty region, which cannot be found.

    Args:
        num_labels: how many labels there are.

    Raises:
        TypeError, ValueError: `num_labels` is no whole number of at least 1.
    """

    needs = frozenset({"boxes"})

    @abstractmethod
    def _score_region(self, saliency: Float64Array, region: Region) -> float:
        """The score of one map (H, W) for a region (H, W) that is not empty; nan = undefined."""

    def _scores(
        self, images: FloatArray, labels: LabelArray, saliency: FloatArray, regions: Region | None, explainer: Any
    ) -> Float64Array:
        if regions is None:
            return np.full(labels.shape, np.nan)
        maps = (one.astype(np.float64) for one in saliency.reshape(-1, *saliency.shape[2:]))
        pairs = zip(maps, regions.reshape(-1, *regions.shape[2:]), strict=True)
        scores = [self._score_region(one, region) if region.any() else np.nan for one, region in pairs]
        return np.array(scores).reshape(labels.shape)
