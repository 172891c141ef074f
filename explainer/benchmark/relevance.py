"""How much of a map lies in the region of the object."""

from __future__ import annotations

import numpy as np

from explainer.arrays import Float64Array, Region
from explainer.benchmark.by_map import RegionMetric


class RelevanceMass(RegionMetric):
    """The part of a map's positive values that lies in the region; in [0, 1], nan where there are none.

    A map of one value scores the region's part of the image: chance.

    Source: Arras, Osman and Samek 2022, "CLEVR-XAI", section 4.2, relevance mass accuracy.

    Args:
        num_labels: how many labels there are.

    Cost: no forward pass.

    >>> RelevanceMass(1)._score_region(np.array([[1.0, 3, -5]]), np.array([[False, True, True]]))
    0.75
    """

    name = "RelevanceMass"

    def _score_region(self, saliency: Float64Array, region: Region) -> float:
        positive = np.maximum(saliency, 0)
        return float(positive[region].sum() / positive.sum()) if positive.any() else np.nan


class RelevanceRank(RegionMetric):
    """Of the K highest pixels of a map, K the region's size, the part that lies in it; in [0, 1], nan if all are equal.

    Pixels that equal the last of them count in part, so that their order does not matter.

    Source: Arras, Osman and Samek 2022, "CLEVR-XAI", section 4.2, relevance rank accuracy.

    Args:
        num_labels: how many labels there are.

    Cost: no forward pass.

    >>> RelevanceRank(1)._score_region(np.array([[1.0, 3, 2]]), np.array([[True, True, False]]))
    0.5
    """

    name = "RelevanceRank"

    def _score_region(self, saliency: Float64Array, region: Region) -> float:
        if np.ptp(saliency) == 0:
            return np.nan
        size = int(region.sum())
        last = np.sort(saliency, axis=None)[-size]
        above, equal = saliency > last, saliency == last
        taken = (size - above.sum()) / equal.sum()
        return float(((above & region).sum() + taken * (equal & region).sum()) / size)


class EnergyPointingGame(RegionMetric):
    """The part of a map, stretched from its minimum to its maximum, that lies in the region; nan for a constant map.

    Source: Wang et al. 2020, "Score-CAM", section 4.3.

    Args:
        num_labels: how many labels there are.

    Cost: no forward pass.

    >>> EnergyPointingGame(1)._score_region(np.array([[1.0, 4, 2]]), np.array([[True, True, False]]))
    0.75
    """

    name = "EnergyPointingGame"

    def _score_region(self, saliency: Float64Array, region: Region) -> float:
        energy = saliency - saliency.min()
        return float(energy[region].sum() / energy.sum()) if energy.any() else np.nan


class AttributionAUC(RegionMetric):
    """How often a pixel of the region is above one outside, equal ones counting half; nan if nothing is outside.

    The area under the ROC curve of the map as a detector of the region: 0.5 by chance, also for a constant map.

    Source: Davis and Goadrich 2006, "The relationship between Precision-Recall and ROC curves"; Mann and Whitney 1947.

    Args:
        num_labels: how many labels there are.

    Cost: no forward pass.

    >>> AttributionAUC(1)._score_region(np.array([[1.0, 4, 2]]), np.array([[True, True, False]]))
    0.5
    """

    name = "AttributionAUC"

    def _score_region(self, saliency: Float64Array, region: Region) -> float:
        from scipy.stats import rankdata

        inside, outside = int(region.sum()), int((~region).sum())
        if not outside:
            return np.nan
        ranks = rankdata(saliency, axis=None).reshape(saliency.shape)
        return float((ranks[region].sum() - inside * (inside + 1) / 2) / (inside * outside))
