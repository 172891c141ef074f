"""What docs/metrics.md says of each metric: which maps it does not tell apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import SmallCnn
from replicas import normal_images

import explainer
from explainer import benchmark
from explainer.benchmark import (
    MPRT,
    ROAD,
    AttributionAUC,
    ClassSensitivity,
    Completeness,
    Complexity,
    EfficientMPRT,
    EnergyPointingGame,
    Faithfulness,
    Infidelity,
    Localization,
    RandomLogit,
    RelevanceMass,
    RelevanceRank,
    Robustness,
    Sparseness,
)
from explainer.explanation import Gradient
from explainer.explanation.controls import CentreControl, RandomControl

Change = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
PAGE = (Path(explainer.__file__).parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Which maps a metric is blind to\n")[2].partition("\n## ")[0]
HEIGHT, WIDTH = 10, 12
LABELS = np.array([1, 0, 2])
RNG = np.random.default_rng(0)
MAPS = RNG.permutation(HEIGHT * WIDTH * 3).reshape(3, 1, HEIGHT, WIDTH).astype(np.float32) / 500 - 0.25
REGION = np.zeros((3, 1, HEIGHT, WIDTH), bool)
REGION[:, :, 2:7, 3:7] = True
NETWORK = SmallCnn()
IMAGES = normal_images(3, 2, HEIGHT, WIDTH)


def scores(metric: Any, maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The scores of some maps."""
    mask = {"mask": REGION} if "boxes" in metric.needs else {}
    found: np.ndarray[Any, Any] = metric.evaluate(Gradient(NETWORK), IMAGES, LABELS, maps.astype(np.float32), **mask)
    return found


def scaled(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return maps * 4


def lifted(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return maps + 8


def negative(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return -maps


def curved(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A growing function that is no straight line."""
    return np.exp(3 * maps)


def shuffled(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Other places for the same values."""
    order = np.random.default_rng(1).permutation(HEIGHT * WIDTH)
    return maps.reshape(3, 1, -1)[..., order].reshape(maps.shape)


def other_signs(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return maps * np.random.default_rng(1).choice([-1, 1], maps.shape)


def without_negatives(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(maps < 0, maps * 7, maps)


def other_below_the_highest(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """All pixels but the highest shuffled."""
    flat = maps.reshape(3, -1).copy()
    for one in flat:
        rest = one.argsort()[:-1]
        one[rest] = one[np.random.default_rng(1).permutation(rest)]
    return flat.reshape(maps.shape)


def other_among_the_highest(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As many of the highest pixels as the region has shuffled among themselves, and the others as well."""
    flat, size = maps.reshape(3, -1).copy(), int(REGION[0].sum())
    for one in flat:
        order = one.argsort()
        for part in (order[:-size], order[-size:]):
            one[part] = one[np.random.default_rng(1).permutation(part)]
    return flat.reshape(maps.shape)


DELETION, INSERTION = (Faithfulness(4, nn.Softmax(), f"{kind}AUC") for kind in ("Deletion", "Insertion"))
BLIND = [
    *((Faithfulness(4, nn.Softmax()), change) for change in (scaled, lifted)),
    *(
        (metric, change)
        for metric in (DELETION, INSERTION, ROAD(4, nn.Softmax()))
        for change in (scaled, lifted, curved)
    ),
    *((Infidelity(4, nn.Softmax()), change) for change in (scaled, negative)),
    *((Localization(4), change) for change in (scaled, lifted, curved, other_below_the_highest)),
    *((Localization(4, "IoSR"), change) for change in (scaled, without_negatives)),
    *((RelevanceMass(4), change) for change in (scaled, without_negatives)),
    *((RelevanceRank(4), change) for change in (scaled, lifted, curved, other_among_the_highest)),
    *((EnergyPointingGame(4), change) for change in (scaled, lifted)),
    *((AttributionAUC(4), change) for change in (scaled, lifted, curved)),
    (Completeness(4), shuffled),
    *((metric, change) for metric in (Sparseness(4), Complexity(4)) for change in (scaled, shuffled, other_signs)),
]
SEEN = [
    (Infidelity(4, nn.Softmax(), normalize=False), scaled),
    (Localization(4, "IoSR"), lifted),
    (RelevanceMass(4), lifted),
    (EnergyPointingGame(4), curved),
    *((metric, shuffled) for metric in (DELETION, AttributionAUC(4), RelevanceRank(4))),
]


def named(pair: tuple[Any, Change]) -> str:
    return f"{pair[0].name}-{pair[1].__name__}"


@pytest.mark.parametrize("pair", BLIND, ids=named)
def test_maps_that_differ_in_what_a_metric_is_blind_to_have_one_score(pair: tuple[Any, Change]) -> None:
    metric, change = pair
    assert (change(MAPS) != MAPS).mean() > 0.2
    expected = scores(metric, MAPS)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(scores(metric, change(MAPS)), expected, rtol=1e-4, atol=1e-5)  # float32 maps


@pytest.mark.parametrize("pair", SEEN, ids=named)
def test_what_it_is_not_blind_to_changes_the_score(pair: tuple[Any, Change]) -> None:
    metric, change = pair
    assert (np.abs(scores(metric, change(MAPS)) - scores(metric, MAPS)) > 1e-3).any()


def test_iosr_of_a_map_that_is_nowhere_below_half_of_its_maximum_is_the_part_of_the_box() -> None:
    maps = 0.6 + 0.1 * (MAPS - MAPS.min()) / np.ptp(MAPS)
    np.testing.assert_allclose(scores(Localization(4, "IoSR"), maps), REGION.mean(axis=(2, 3))[:, 0], rtol=1e-6)
    assert (scores(Localization(4, "IoSR", theta=0.99), maps) != REGION[0].mean()).any()


@pytest.mark.parametrize("metric", [RelevanceMass(4), EnergyPointingGame(4)], ids=lambda metric: metric.name)
def test_a_large_offset_drowns_a_map_and_gives_the_part_of_the_box(metric: Any) -> None:
    maps = MAPS * REGION + 100
    maps[:, :, 0, 0] = 0.0  # one very low pixel, as an offset for the stretched map
    np.testing.assert_allclose(scores(metric, maps), REGION.mean(axis=(2, 3))[:, 0], rtol=0.02)


def test_the_right_sum_spread_over_all_pixels_is_complete() -> None:
    logits = [NETWORK(Tensor(images)).asnumpy() for images in (IMAGES, np.zeros_like(IMAGES))]
    differences = (logits[0] - logits[1])[np.arange(3), LABELS]
    spread = np.broadcast_to(differences[:, None, None, None] / (HEIGHT * WIDTH), MAPS.shape)
    np.testing.assert_allclose(scores(Completeness(4), spread), 0, atol=1e-5)


@pytest.mark.parametrize(
    ("metric", "control", "wanted", "tolerance"),
    [
        (ClassSensitivity(), RandomControl, 0.5, 0.1),
        (ClassSensitivity(), CentreControl, 0.0, 1e-6),
        (RandomLogit(4), RandomControl, 0.0, 0.2),
        (RandomLogit(4), CentreControl, 1.0, 1e-6),
        (MPRT(4), RandomControl, 1.0, 1e-6),
        (MPRT(4), CentreControl, 1.0, 1e-6),
        (EfficientMPRT(4), RandomControl, 0.0, 1e-6),
        (EfficientMPRT(4), CentreControl, 0.0, 1e-6),
        (Robustness(4, nn.Softmax(), threshold=1), CentreControl, 1.0, 1e-6),
    ],
    ids=lambda value: getattr(value, "name", getattr(value, "__name__", None)),
)
def test_controls_have_the_scores_that_the_page_says(
    metric: Any, control: Any, wanted: float, tolerance: float
) -> None:
    made, rest = control(NETWORK), () if isinstance(metric, ClassSensitivity) else (LABELS,)
    found = metric.evaluate(made, IMAGES, *rest)
    np.testing.assert_allclose(found.mean(), wanted, rtol=0, atol=tolerance)


def test_the_page_has_a_section_for_each_metric() -> None:
    heads = re.findall(r"^#### (.+)$", SECTION, re.MULTILINE)
    told = {name for head in heads for name in re.split(r", | and ", head)}
    kinds = {
        "Faithfulness": ["NaiveFaithfulness", "DeletionAUC", "InsertionAUC"],
        "Localization": ["PointingGame", "IoSR"],
    }
    classes = [name for name in benchmark.__all__ if re.search(rf"`{name}\(", PAGE.partition("## ")[0])]
    assert told == {name for known in classes for name in kinds.get(known, [known])}
    assert {"Robustness", "ROAD", "EfficientMPRT"} <= told
