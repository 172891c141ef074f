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
STAGES = 3  # of the randomised network: layers with weights


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


def other_maps() -> np.ndarray:
    """What the maps become, for another label and after each stage of randomisation, (STAGES, N, 1, H, W)."""
    maps, _ = maps_and_regions()
    noise = np.random.default_rng(12).standard_normal((STAGES, *maps.shape)).astype(np.float32)
    return np.stack([(1 - share) * maps + share * drawn for share, drawn in zip((0.2, 0.5, 1.0), noise, strict=True)])


def of_other_maps() -> dict[str, np.ndarray]:
    """Scores of how like the other maps are. The "explainer" tells from the weights how many layers are randomised."""
    maps, _ = maps_and_regions()
    others = other_maps()
    layers = [torch.nn.Linear(4, 4) for _ in range(STAGES)]
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.AdaptiveAvgPool1d(4), *layers).eval()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.25)

    def explain(model: torch.nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: object) -> np.ndarray:
        changed = sum(bool((layer.weight != 0.25).any()) for layer in model[2:])
        places = np.asarray(inputs)[:, 0, 0, 0].round().astype(int)
        first = maps if (np.asarray(targets) == 0).all() else others[0]
        return (first if changed == 0 else others[changed - 1])[places]

    inputs = np.zeros_like(maps) + np.arange(COUNT, dtype=np.float32)[:, None, None, None]
    quiet = {"disable_warnings": True, "display_progressbar": False, "abs": False}
    asked = {"model": model, "x_batch": inputs, "y_batch": np.zeros(COUNT, int), "a_batch": maps, "device": "cpu"}
    mprt = quantus.MPRT(normalise=False, layer_order="top_down", return_average_correlation=True, **quiet)
    rise = quantus.EfficientMPRT(**(quiet | {"abs": True}), complexity_func_kwargs={"n_bins": 100})
    scaled = [[one[0] / np.abs(one).max() for one in of_label] for of_label in (maps, others[0])]
    # Quantus' RandomLogit flattens maps before it compares them, so its similarity function is asked itself.
    return {
        "RandomLogit": np.array([quantus.similarity_func.ssim(one, other) for one, other in zip(*scaled, strict=True)]),
        "MPRT": np.array(mprt(**asked, explain_func=explain)),
        "EfficientMPRT": np.array(rise(**asked, explain_func=explain)),
    }


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
    scores |= of_other_maps()
    np.savez_compressed(OUT, maps=maps, regions=regions.astype(bool), other_maps=other_maps(), **scores)
    for name, values in scores.items():
        print(name, values.round(4))


if __name__ == "__main__":
    main()
