"""What Quantus, a second implementation, says of some maps (scripts/quantus_numbers.py made the numbers).

Where the two differ by definition no number is kept: Quantus' faithfulness and robustness metrics change other pixels
in other units, and its Infidelity draws its own perturbations.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor, nn

from explainer.benchmark import (
    MPRT,
    AttributionAUC,
    Complexity,
    EfficientMPRT,
    Localization,
    RandomLogit,
    RelevanceMass,
    RelevanceRank,
    Sparseness,
)
from explainer.explanation import Gradient

STORED = Path(__file__).with_name("quantus_scores.npz")
METRICS = {
    "Sparseness": Sparseness(3),
    "Complexity": Complexity(3),
    "PointingGame": Localization(3),
    "RelevanceRank": RelevanceRank(3),
    "RelevanceMass": RelevanceMass(3),
    "AttributionAUC": AttributionAUC(3),
}


@pytest.mark.parametrize("name", METRICS)
def test_scores_are_those_of_quantus(name):
    stored = np.load(STORED)
    maps = stored["maps"]
    explainer = Gradient(nn.SequentialCell(nn.Flatten(), nn.Dense(maps[0].size, 3)))
    regions = {} if name in ("Sparseness", "Complexity") else {"mask": stored["regions"]}
    scores = METRICS[name].evaluate(explainer, np.zeros_like(maps), 0, maps, **regions)
    np.testing.assert_allclose(scores, stored[name], rtol=0, atol=1e-4)
    assert np.ptp(stored[name]) > 0.01


class KnownMaps:
    """An "explainer" whose maps are known: of label 0, of any other, and after so many layers were randomised."""

    def __init__(self, maps, others, layers=3):
        self.network = nn.SequentialCell(
            nn.Flatten(),
            *[nn.Dense(4, 4, weight_init=Tensor(np.arange(16, dtype=np.float32).reshape(4, 4))) for _ in range(layers)],
        )
        self._maps, self._others = maps, others

    def __call__(self, images, labels):
        changed = sum(bool((cell.weight.asnumpy().ravel() != np.arange(16)).any()) for cell in self.network[1:])
        places = images[:, 0, 0, 0].astype(int)
        if changed:
            return self._others[changed - 1][places]
        return (self._maps if (labels == 0).all() else self._others[0])[places]


@pytest.mark.parametrize("metric", [RandomLogit(2), MPRT(2), EfficientMPRT(2)], ids=lambda metric: metric.name)
def test_sanity_checks_are_those_of_quantus(metric):
    stored = np.load(STORED)
    maps = stored["maps"]
    explainer = KnownMaps(maps, stored["other_maps"])
    images = np.zeros_like(maps) + np.arange(len(maps), dtype=np.float32)[:, None, None, None]
    scores = metric.evaluate(explainer, images, 0, maps)
    if metric.name == "MPRT":
        scores = (3 * scores + 1) / 4  # the untouched network counts as a stage, too, there
    np.testing.assert_allclose(scores, stored[metric.name], rtol=0, atol=1e-4)
    assert np.ptp(stored[metric.name]) > 0.01
