"""Makes tests/golden/quantus_scores.npz: what Quantus, a second implementation, says of some maps.

Run it in an environment with Quantus 0.6 and PyTorch (`pip install quantus torch`). Maps are signed normal noise, one
of them with a peak in its region; regions are rectangles. Quantus is told to leave the maps as they are (`abs=False`,
`normalise=False`), but for Sparseness and Complexity, which are of absolute values.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import quantus
import torch

OUT = Path(__file__).parents[1] / "tests" / "golden" / "quantus_scores.npz"
HEIGHT, WIDTH, COUNT = 9, 12, 6


def maps_and_regions() -> tuple[np.ndarray, np.ndarray]:
    """Maps (N, 1, H, W) float32 without equal values, and regions (N, 1, H, W) of 0 and 1."""
    rng = np.random.default_rng(11)
    maps = rng.standard_normal((COUNT, 1, HEIGHT, WIDTH)).astype(np.float32)
    regions = np.zeros((COUNT, 1, HEIGHT, WIDTH))
    for place in range(COUNT):
        top, left = int(rng.integers(0, 5)), int(rng.integers(0, 6))
        regions[place, 0, top : top + int(rng.integers(2, 5)), left : left + int(rng.integers(2, 7))] = 1
    maps[0][regions[0] > 0] += 3
    maps[1][regions[1] > 0] -= 3
    return maps, regions


def main() -> None:
    """Writes the file."""
    maps, regions = maps_and_regions()
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(HEIGHT * WIDTH, 3))
    inputs, targets = np.zeros_like(maps), np.zeros(COUNT, int)
    quiet = {"disable_warnings": True, "display_progressbar": False, "normalise": False}
    positive = np.maximum(maps, 0)
    metrics = {
        "Sparseness": (quantus.Sparseness(abs=True, **quiet), maps),
        "Complexity": (quantus.Complexity(abs=True, **quiet), maps),
        "PointingGame": (quantus.PointingGame(abs=False, **quiet), maps),
        "RelevanceRank": (quantus.RelevanceRankAccuracy(abs=False, **quiet), maps),
        "RelevanceMass": (quantus.RelevanceMassAccuracy(abs=False, **quiet), positive),  # of the positive part
        "AttributionAUC": (quantus.AUC(abs=False, **quiet), maps),
    }
    scores = {
        name: np.array(
            metric(model=model, x_batch=inputs, y_batch=targets, a_batch=shown, s_batch=regions, device="cpu"), float
        )
        for name, (metric, shown) in metrics.items()
    }
    np.savez_compressed(OUT, maps=maps, regions=regions.astype(bool), **scores)
    for name, values in scores.items():
        print(name, values.round(4))


if __name__ == "__main__":
    main()
