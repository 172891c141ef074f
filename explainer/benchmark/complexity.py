"""How simple a map is: concentrated on few pixels, or spread over all."""

from __future__ import annotations

import numpy as np

from explainer.arrays import Float64Array
from explainer.benchmark.by_map import MapMetric


class Sparseness(MapMetric):
    """The Gini index of a map's absolute values: 0 if all are equal, near 1 if one pixel has it all; nan if all are 0.

    Source: Chalasani et al. 2020, "Concise Explanations of Neural Networks using Adversarial Training", section 3.2.

    Args:
        num_labels: how many labels there are.

    Cost: no forward pass.

    >>> Sparseness(1)._score_map(np.array([[0.0, 0, 0, 4]]))
    0.75
    """

    name = "Sparseness"

    def _score_map(self, saliency: Float64Array) -> float:
        values = np.sort(np.abs(saliency), axis=None)
        if values[-1] == 0:
            return np.nan
        rank = np.arange(1, values.size + 1)
        return float(((2 * rank - values.size - 1) * values).sum() / (values.size * values.sum()))


class Complexity(MapMetric):
    """The entropy of the parts that the pixels have in the sum of a map's absolute values, in nats; nan if all are 0.

    0 if one pixel has it all, log(H * W) if all are equal: lower is simpler.

    Source: Bhatt, Weller and Moura 2020, "Evaluating and Aggregating Feature-based Model Explanations", definition 3.

    Args:
        num_labels: how many labels there are.

    Cost: no forward pass.

    >>> round(Complexity(1)._score_map(np.array([[1.0, -1, 0, 0]])), 4)
    0.6931
    """

    name = "Complexity"
    higher_is_better = False
    bounds = (0.0, float("inf"))

    def _score_map(self, saliency: Float64Array) -> float:
        values = np.abs(saliency)
        if not values.any():
            return np.nan
        parts = values[values > 0] / values.sum()
        return float(-(parts * np.log(parts)).sum())
