"""What a map alone, or a map and a region, is worth: by hand, at the limits, and against slow replicas."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from networks import SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, normal_images

from explainer.benchmark import (
    AttributionAUC,
    Case,
    Complexity,
    EnergyPointingGame,
    LabelMetric,
    RelevanceMass,
    RelevanceRank,
    Sparseness,
)
from explainer.explanation import Gradient

FloatArray = NDArray[Any]

OF_MAPS = {"Sparseness": Sparseness, "Complexity": Complexity}
OF_REGIONS = {
    "RelevanceMass": RelevanceMass,
    "RelevanceRank": RelevanceRank,
    "EnergyPointingGame": EnergyPointingGame,
    "AttributionAUC": AttributionAUC,
}
ALL = OF_MAPS | OF_REGIONS
SALIENCY = np.float32([[[[0, 1, 2, 0], [0, 4, 3, -2], [0, 0, 1, 1]]]])  # (1, 1, 3, 4)
REGION = np.zeros((1, 1, 3, 4), bool)
REGION[..., :2, 1:3] = True  # 1, 2, 4 and 3: 10 of 12, and four of the five highest


def score_of(metric: str, saliency: Any, region: Any = None) -> float:
    """The score of one map (H, W)."""
    maps = np.asarray(saliency, np.float32)[None, None]
    explainer, images = Gradient(SmallCnn()), np.zeros((1, 2, *maps.shape[2:]), np.float32)
    regions = {} if metric in OF_MAPS else {"mask": np.asarray(region)[None, None]}
    (score,) = ALL[metric](4).evaluate(explainer, images, 1, maps, **regions)
    return float(score)


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("RelevanceMass", 10 / 12),
        ("RelevanceRank", (3 + 1 / 3) / 4),  # 4, 3 and 2 are inside; of the three ones on place four one is
        ("EnergyPointingGame", (10 + 4 * 2) / (10 + 12 * 2)),  # 2 higher everywhere: the sum is 10
        ("AttributionAUC", (8 + 8 + 8 + (6 + 2 / 2)) / 32),  # of 8 outside; 1 is above six of them, equal to two
    ],
)
def test_a_map_and_its_region_by_hand(metric: str, wanted: float) -> None:
    assert score_of(metric, SALIENCY[0, 0], REGION[0, 0]) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("saliency", "gini", "entropy"),
    [
        ([[5, 5, 5, 5]], 0.0, np.log(4)),
        ([[0, 0, 7, 0]], 3 / 4, 0.0),
        ([[0, -2, 0, 2]], 1 / 2, np.log(2)),
        ([[1, 2, 3, 4]], (-3 * 1 - 1 * 2 + 1 * 3 + 3 * 4) / 40, -sum(p * np.log(p) for p in (0.1, 0.2, 0.3, 0.4))),
    ],
)
def test_how_little_a_map_says_by_hand(saliency: Any, gini: float, entropy: float) -> None:
    assert score_of("Sparseness", saliency) == pytest.approx(gini, abs=1e-12)
    assert score_of("Complexity", saliency) == pytest.approx(entropy, abs=1e-12)


def test_the_gini_index_is_the_mean_difference_of_all_pairs() -> None:
    values = np.abs(normal_images()[0, 0].astype(np.float64))
    pairs = np.abs(values.ravel()[:, None] - values.ravel()).mean()
    assert score_of("Sparseness", normal_images()[0, 0]) == pytest.approx(pairs / (2 * values.mean()), rel=1e-12)


def test_the_area_under_the_curve_is_the_share_of_pairs_in_the_right_order() -> None:
    saliency, region = np.round(normal_images()[1, 1]), normal_images()[0, 0] > 0
    pairs = [
        (inside > outside) + 0.5 * (inside == outside) for inside in saliency[region] for outside in saliency[~region]
    ]
    assert score_of("AttributionAUC", saliency, region) == pytest.approx(np.mean(pairs), abs=1e-12)


# At the limits.


@pytest.mark.parametrize("metric", OF_REGIONS)
def test_a_perfect_map_scores_the_top_and_its_inverse_the_bottom(metric: str) -> None:
    region = REGION[0, 0]
    assert score_of(metric, region, region) == 1
    assert score_of(metric, ~region, region) == 0


@pytest.mark.parametrize("metric", OF_REGIONS)
def test_random_maps_score_the_chance_level(metric: str) -> None:
    region = np.zeros((20, 30), bool)
    region[3:9, 4:20] = True  # 96 of 600
    scores = [score_of(metric, np.random.default_rng(seed).random((20, 30)), region) for seed in range(60)]
    chance = 0.5 if metric == "AttributionAUC" else 96 / 600
    assert abs(np.mean(scores) - chance) < 3 * np.std(scores) / np.sqrt(60)
    assert 0 < np.std(scores) < 0.1


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [("RelevanceMass", 4 / 12), ("RelevanceRank", np.nan), ("EnergyPointingGame", np.nan), ("AttributionAUC", 0.5)],
)
def test_a_constant_map(metric: str, wanted: float) -> None:
    np.testing.assert_allclose(score_of(metric, np.full((3, 4), 2.0), REGION[0, 0]), wanted)


@pytest.mark.parametrize(
    ("metric", "saliency", "region"),
    [
        ("RelevanceMass", -SALIENCY[0, 0] - 3, REGION[0, 0]),  # nothing above 0
        ("RelevanceMass", SALIENCY[0, 0], np.zeros((3, 4))),
        ("RelevanceRank", SALIENCY[0, 0], np.zeros((3, 4))),
        ("EnergyPointingGame", SALIENCY[0, 0], np.zeros((3, 4))),
        ("AttributionAUC", SALIENCY[0, 0], np.zeros((3, 4))),
        ("AttributionAUC", SALIENCY[0, 0], np.ones((3, 4))),  # nothing outside
        ("Sparseness", np.zeros((3, 4)), None),
        ("Complexity", np.zeros((3, 4)), None),
    ],
)
def test_what_says_nothing_is_undefined_and_not_zero(metric: str, saliency: Any, region: Any) -> None:
    assert np.isnan(score_of(metric, saliency, region))


@pytest.mark.parametrize("metric", ["RelevanceMass", "EnergyPointingGame", "AttributionAUC", "RelevanceRank", *OF_MAPS])
def test_the_scale_of_a_map_does_not_matter(metric: str) -> None:
    saliency, region = normal_images()[0, 0], normal_images()[1, 0] > 0
    assert score_of(metric, 1000 * saliency, region) == pytest.approx(score_of(metric, saliency, region), rel=1e-5)


@pytest.mark.parametrize("metric", OF_REGIONS)
def test_rows_are_not_columns(metric: str) -> None:
    saliency = np.zeros((5, 7))
    saliency[1, 4] = 1
    region = np.zeros((5, 7), bool)
    region[0:3, 4:5] = True  # transposed it would lie elsewhere
    assert score_of(metric, saliency, region) > score_of(metric, saliency[::-1, ::-1], region)


# Of several maps.


@pytest.mark.parametrize("metric", ALL)
def test_every_image_and_label_has_its_score(metric: str) -> None:
    maps = normal_images(6).reshape(3, 2, 2, 5, 7)[:, :, 0]
    regions = maps[::-1, ::-1] > 0.3
    mask = {} if metric in OF_MAPS else {"mask": regions}
    scored: LabelMetric = ALL[metric](4)
    scores = scored.evaluate(Gradient(SmallCnn()), normal_images(), TARGETS, maps, **mask)
    wanted = [[score_of(metric, maps[at], regions[at]) for at in ((row, 0), (row, 1))] for row in range(3)]
    np.testing.assert_allclose(scores, wanted, rtol=1e-12)
    case = Case(normal_images()[0], tuple(TARGETS[0].tolist()), maps[0], regions[0], Gradient(SmallCnn()))
    np.testing.assert_allclose(scored.score(case), wanted[0], rtol=1e-12)


@pytest.mark.parametrize("metric", OF_REGIONS)
def test_without_a_region_there_is_no_score(metric: str) -> None:
    with pytest.raises(ValueError, match=r"`mask` must be given, \(N, 1, H, W\)"):
        ALL[metric](4).evaluate(Gradient(SmallCnn()), normal_images(), 1)
    case = Case(normal_images()[0], (1,), normal_images()[0, :1], None, None)
    assert np.isnan(ALL[metric](4).score(case)).all()


@pytest.mark.parametrize("metric", ALL)
def test_what_a_metric_is_is_recorded(metric: str) -> None:
    recorded = json.loads(json.dumps(ALL[metric](4).parameters, allow_nan=False))
    assert recorded["class"] == metric
    assert recorded["higher_is_better"] == (metric != "Complexity")
    assert recorded["bounds"] == ([0.0, None] if metric == "Complexity" else [0.0, 1.0])
    assert ALL[metric].needs == (frozenset() if metric in OF_MAPS else {"boxes"})
