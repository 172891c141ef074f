"""What Quantus, a second implementation, says of some maps (scripts/quantus_numbers.py made the numbers).

Where the two differ by definition no number is kept: Quantus' faithfulness and robustness metrics change other pixels
in other units, and its Infidelity draws its own perturbations.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import nn

from explainer.benchmark import AttributionAUC, Complexity, Localization, RelevanceMass, RelevanceRank, Sparseness
from explainer.explanation import Gradient

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
    stored = np.load(Path(__file__).with_name("quantus_scores.npz"))
    maps = stored["maps"]
    explainer = Gradient(nn.SequentialCell(nn.Flatten(), nn.Dense(maps[0].size, 3)))
    regions = {} if name in ("Sparseness", "Complexity") else {"mask": stored["regions"]}
    scores = METRICS[name].evaluate(explainer, np.zeros_like(maps), 0, maps, **regions)
    np.testing.assert_allclose(scores, stored[name], rtol=0, atol=1e-4)
    assert np.ptp(stored[name]) > 0.01
