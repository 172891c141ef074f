"""What is told beforehand of the passes through a network, in closed form; the contracts hold it to what is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import SmallCnn
from replicas import normal_images

from explainer.benchmark import (
    MPRT,
    ROAD,
    Case,
    ClassSensitivity,
    Completeness,
    EfficientMPRT,
    Infidelity,
    Metric,
    RandomLogit,
    Robustness,
    Sparseness,
)
from explainer.benchmark.base import passes_of
from explainer.explanation import (
    LIME,
    RISE,
    Attribution,
    GradCAM,
    Gradient,
    IntegratedGradients,
    KernelSHAP,
    Occlusion,
    ScoreCAM,
    SmoothGrad,
)
from explainer.explanation.controls import CentreControl, RandomControl
from explainer.passes import Passes
from explainer.testing import CountingClassifier
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty

pytestmark = pytest.mark.usefixtures("uncompiled")

NETWORK, SOFTMAX = SmallCnn(), nn.Softmax()
IMAGE = normal_images(seed=3)[:1]  # (1, 2, 5, 7)
LABELS = (2, 0)


def test_passes_add_up_and_are_exact_where_all_are() -> None:
    some, others = Passes(3, 2, known=1), Passes(1, 1, is_exact=False)
    assert some + others == Passes(4, 3, known=1, is_exact=False)
    assert 2 * some == some * 2 == Passes(6, 4, known=2)
    assert (some.total, some.in_run, some.of_changed) == (5, 4, Passes(3, 2))


EXPLAINERS: list[tuple[Attribution, Passes]] = [  # of two labels
    (Gradient(NETWORK), Passes(backwards=2)),
    (GradCAM(NETWORK, "conv2"), Passes(backwards=2)),
    (SmoothGrad(NETWORK, samples=7), Passes(backwards=14)),
    (SmoothGrad(NETWORK, lambda network: IntegratedGradients(network, steps=4), samples=3), Passes(backwards=24)),
    (IntegratedGradients(NETWORK, steps=20), Passes(forwards=2, backwards=40, known=1)),
    (ScoreCAM(NETWORK, "conv1"), Passes(forwards=1 + 5)),
    (ScoreCAM(NETWORK, ""), Passes(forwards=2)),  # the input is there, and has two channels
    (Occlusion(NETWORK, SOFTMAX, window=1), Passes(forwards=36, known=1)),
    (Occlusion(NETWORK, None, window=1, score="logit"), Passes(forwards=36)),
    (Occlusion(NETWORK, SOFTMAX, window=1, per_channel=True), Passes(forwards=71, known=1)),
    (Occlusion(NETWORK, SOFTMAX, window=1, refine=0.3), Passes(forwards=1 + 12 + 7 + 8, known=1)),
    (Occlusion(NETWORK, SOFTMAX, segments=np.arange(35).reshape(5, 7) % 4), Passes(forwards=5, known=1)),
    (RISE(NETWORK, SOFTMAX), Passes(forwards=6000)),
    (RISE(NETWORK, SOFTMAX, masks=np.ones((9, 5, 7))), Passes(forwards=9)),
    (RISE(NETWORK, SOFTMAX, masks=1300, tolerance=0.0), Passes(forwards=1280, is_exact=False)),
    (LIME(NETWORK, SOFTMAX, samples=15, grid=3), Passes(forwards=15, known=1)),
    (KernelSHAP(NETWORK, SOFTMAX, samples=16, grid=2), Passes(forwards=16, known=1)),  # all sets
    (KernelSHAP(NETWORK, SOFTMAX, samples=13, grid=(2, 3)), Passes(forwards=12, known=1)),  # pairs
    (RandomControl(NETWORK), Passes()),
    (CentreControl(NETWORK), Passes()),
]


@pytest.mark.parametrize(("explainer", "passes"), EXPLAINERS, ids=[str(at) for at in range(len(EXPLAINERS))])
def test_an_explainer_tells_its_passes(explainer: Attribution, passes: Passes) -> None:
    assert explainer.passes((2, 5, 7), 2) == passes


def test_segments_that_an_image_decides_on_are_not_told_as_exact() -> None:
    occlusion = Occlusion(NETWORK, SOFTMAX, segments=lambda image: (image[0] > 0).astype(np.int64))
    assert not occlusion.passes((2, 5, 7)).is_exact


@pytest.mark.parametrize("method", [lambda network: RISE(network, SOFTMAX, masks=1100, tolerance=1e9)])
def test_a_method_that_may_stop_early_makes_no_more_passes_than_it_tells(method: Any) -> None:
    classifier = CountingClassifier(NETWORK, SOFTMAX, clean=IMAGE)
    explainer = method(classifier)
    explainer(IMAGE, 1)
    assert 0 < classifier.passes.forwards == 4 * 256 <= explainer.passes((2, 5, 7)).forwards


LAYERS = 3
RISE_6 = {"masks": 6, "grid": 2}
METRICS: list[tuple[Metric, Passes]] = [  # of maps by RISE, two labels
    (Sparseness(4), Passes()),
    (ROAD(4, SOFTMAX), Passes(forwards=2 * 18)),
    (ROAD(4, SOFTMAX, "LeRF", percents=(0.2, 0.4)), Passes(forwards=4)),
    (Infidelity(4, SOFTMAX, perturbations=30), Passes(forwards=31, known=1)),
    (Completeness(4), Passes(forwards=2, known=1)),
    (ClassSensitivity(), Passes(forwards=1 + 6, known=1)),
    (Robustness(4, SOFTMAX, perturbations=5), Passes(forwards=1 + 5 * (1 + 6), known=1, is_exact=False)),
    (RandomLogit(4), Passes(forwards=6)),
    (MPRT(4), Passes(forwards=LAYERS * 6)),
    (EfficientMPRT(4), Passes(forwards=6)),
]


def case_of(explainer: Any) -> Case:
    return Case(IMAGE[0], LABELS, IMAGE[0], None, explainer)


@pytest.mark.parametrize(("metric", "passes"), METRICS, ids=[metric.name for metric, _ in METRICS])
def test_a_metric_tells_its_passes(metric: Metric, passes: Passes) -> None:
    assert passes_of(metric, case_of(RISE(NETWORK, SOFTMAX, **RISE_6))) == passes


def test_rise_with_robustness_takes_60000_passes_a_map_by_default() -> None:
    told = Robustness(4, SOFTMAX).passes(case_of(RISE(NETWORK, SOFTMAX)))
    assert told.total == 1 + 10 * (1 + 6000)


def test_of_a_metric_that_does_not_say_new_maps_are_expected_where_it_needs_the_explainer() -> None:
    class Own(Metric):
        name = "Own"

        def score(self, case: Case) -> Any:
            raise NotImplementedError

    class Asking(Own):
        needs = frozenset({"explainer"})

    assert passes_of(Own(), case_of(Gradient(NETWORK))) == Passes()
    assert passes_of(Asking(), case_of(Gradient(NETWORK))) == Passes(backwards=2)
    assert passes_of(Asking(), case_of(lambda images, labels: None)) == Passes(backwards=2)


@pytest.mark.parametrize(("threshold", "most"), [(1.0, 5), (0.0, 3 * 5)])
def test_robustness_makes_what_it_tells_where_each_first_try_is_taken(threshold: float, most: int) -> None:
    classifier = CountingClassifier(NETWORK, SOFTMAX, clean=IMAGE)
    metric = Robustness(4, SOFTMAX, perturbations=5, threshold=threshold)
    case = case_of(Gradient(classifier))
    metric.score(case)
    made, told = classifier.passes, metric.passes(case)
    assert made.forwards == 1 + most
    assert made.backwards == (told.backwards if threshold == 1 else 0)  # nothing is taken, so nothing is explained
    assert told == Passes(forwards=1 + 5, backwards=5 * 2, known=1, is_exact=False)


def test_draws_tell_their_passes() -> None:
    networks = [SmallCnn(seed=seed) for seed in range(3)]
    assert DropoutUncertainty(NETWORK, SOFTMAX, draws=7).passes == Passes(forwards=7)
    assert AugmentationUncertainty(NETWORK, SOFTMAX, draws=9).passes == Passes(forwards=9)
    assert EnsembleUncertainty(networks, SOFTMAX).passes == Passes(forwards=3)


def test_augmentation_makes_the_passes_that_it_tells() -> None:
    classifier = CountingClassifier(NETWORK, SOFTMAX, clean=IMAGE)
    AugmentationUncertainty(classifier, SOFTMAX, draws=9)(IMAGE)
    assert classifier.passes == Passes(forwards=9)
