"""Every metric keeps to what it declares: its bounds, its direction, and nan where a score is not defined."""

from __future__ import annotations

import json
import math
from inspect import isabstract
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork
from numpy.typing import NDArray

from explainer import benchmark
from explainer.benchmark import Case, Metric
from explainer.explanation import InputXGradient

SIGMOID = nn.Sigmoid()
LABELS = (2, 0)
EVIDENCE = {2: np.s_[:, 1:3, 4:7], 0: np.s_[:, 3:5, 0:2]}  # where each label's pixels are
IMAGE = np.random.default_rng(0).uniform(0, 0.1, (2, 5, 7)).astype(np.float32)
for _where in EVIDENCE.values():
    IMAGE[_where] += 0.5  # else what ROAD imputes from the neighbours would be as good
METRICS: dict[str, dict[str, Any]] = {  # what a metric needs beside the number of labels
    "AttributionAUC": {},
    "AvgSensitivity": {"activation_fn": SIGMOID},
    "ClassSensitivity": {},
    "Completeness": {},
    "Complexity": {},
    "EfficientMPRT": {},
    "EnergyPointingGame": {},
    "Faithfulness": {"activation_fn": SIGMOID, "metric": "DeletionAUC"},
    "Faithfulness InsertionAUC": {"activation_fn": SIGMOID, "metric": "InsertionAUC"},
    "Faithfulness NaiveFaithfulness": {"activation_fn": SIGMOID, "metric": "NaiveFaithfulness"},
    "Infidelity": {"activation_fn": SIGMOID},
    "Localization": {},
    "Localization IoSR": {"metric": "IoSR"},
    "MPRT": {},
    "MaxSensitivity": {"activation_fn": SIGMOID},
    "ROAD": {"activation_fn": SIGMOID},
    "RandomLogit": {},
    "RelevanceMass": {},
    "RelevanceRank": {},
    "Robustness": {"activation_fn": SIGMOID},
    "Sparseness": {},
}
OF_THE_EXPLAINER = {  # they look at new maps of the explainer, or at its weights, not at the map that is given
    *("AvgSensitivity", "ClassSensitivity", "EfficientMPRT", "MPRT", "MaxSensitivity", "RandomLogit", "Robustness"),
}
OF_THE_MAP = sorted(set(METRICS) - OF_THE_EXPLAINER)


def made(name: str) -> Metric:
    kind = getattr(benchmark, name.split()[0])
    options = METRICS[name]
    return kind(**options) if kind is benchmark.ClassSensitivity else kind(4, **options)


def network() -> nn.Cell:
    """The logit of each label is the weighted sum of its own pixels."""
    weights = np.zeros((4, 2, 5, 7), np.float32)
    for label, where in EVIDENCE.items():
        weights[label][where] = 0.3  # so that the sigmoid is not saturated
    weights[1, :, 0, 0] = weights[3, :, 4, 6] = 0.3
    return LinearNetwork(weights.reshape(4, -1))


def regions() -> NDArray[np.bool_]:
    found = np.zeros((len(LABELS), 5, 7), bool)
    for place, label in enumerate(LABELS):
        found[place][EVIDENCE[label][1:]] = True
    return found


def case_of(saliency: NDArray[Any]) -> Case:
    return Case(IMAGE, LABELS, np.asarray(saliency, np.float32), regions(), InputXGradient(network()))


def perfect() -> NDArray[Any]:
    """What each pixel adds to the label's logit."""
    return np.where(regions(), 0.3 * IMAGE.sum(axis=0), 0)


def random_maps(count: int) -> list[NDArray[Any]]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal((len(LABELS), 5, 7)) for _ in range(count)]


def test_every_metric_is_here() -> None:
    kinds = {name: getattr(benchmark, name) for name in benchmark.__all__}
    metrics = {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Metric)}
    assert {name.split()[0] for name in METRICS} == {name for name in metrics if not isabstract(kinds[name])}


@pytest.mark.parametrize("name", METRICS)
def test_scores_lie_within_the_declared_bounds_or_are_undefined(name: str) -> None:
    metric = made(name)
    for saliency in [perfect(), -perfect(), *random_maps(3), np.zeros((len(LABELS), 5, 7)), regions() * 1e30]:
        scores = np.asarray(metric.score(case_of(saliency)))
        assert scores.shape == ((len(LABELS),) if metric.per_label else (1,))
        low, high = metric.bounds
        rounding = 1e-6 * max(1, *(abs(bound) for bound in (low, high) if math.isfinite(bound)))
        assert (np.isnan(scores) | ((scores >= low - rounding) & (scores <= high + rounding))).all(), scores


@pytest.mark.parametrize("name", OF_THE_MAP)
def test_a_perfect_map_scores_no_worse_than_random_ones(name: str) -> None:
    metric = made(name)
    best = np.asarray(metric.score(case_of(perfect())))
    chance = np.mean([metric.score(case_of(saliency)) for saliency in random_maps(8)], axis=0)
    assert np.isfinite(best).all()
    assert (best >= chance).all() if metric.higher_is_better else (best <= chance).all(), (best, chance)


@pytest.mark.parametrize("name", METRICS)
def test_what_is_declared_can_be_recorded(name: str) -> None:
    metric = made(name)
    declared = json.loads(json.dumps(metric.parameters))
    assert declared["class"] == name.split()[0]
    assert declared["higher_is_better"] is metric.higher_is_better
    assert declared["per_label"] is metric.per_label
    assert metric.needs <= {"boxes", "explainer"}


@pytest.mark.parametrize("name", [name for name in OF_THE_MAP if "boxes" in made(name).needs])
def test_without_an_object_a_score_of_places_is_undefined(name: str) -> None:
    case = case_of(perfect())
    empty = Case(case.image, case.labels, case.saliency, np.zeros_like(regions()), case.explainer)
    assert np.isnan(made(name).score(empty)).all()
