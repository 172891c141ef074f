"""The network is given perturbed images by the perturbation engine alone, so that what makes it faster serves all.

Explainers and metrics hold this by their contracts, too; here it is seen as well who perturbs anything at all.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isabstract
from typing import Any

import numpy as np
import pytest
from contract.test_own_explainers import EXPLAINERS, OPTIONS
from contract.test_own_metrics import METRICS, made
from mindspore import nn
from networks import SmallCnn
from replicas import normal_images

from explainer import OcclusionSensitivity, benchmark, explanation
from explainer.benchmark import Case
from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import Attribution, Gradient, Occlusion
from explainer.explanation.controls import CentreControl, RandomControl
from explainer.testing import CountingClassifier
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty

pytestmark = pytest.mark.usefixtures("uncompiled")

SOFTMAX = nn.Softmax()
IMAGES = normal_images(seed=3)  # with seed 0 the first would be the noise with which layers are found
LABELS = np.array([[2, 0], [1, 3], [3, 2]])
MAPS = normal_images(3, 2, seed=4)
Use = Callable[[CountingClassifier], Any]


def counting(images: Any = IMAGES) -> CountingClassifier:
    return CountingClassifier(SmallCnn(), SOFTMAX, clean=images)


def explaining(name: str) -> Use:
    return lambda network: getattr(explanation, name)(network, **OPTIONS.get(name, {}))(IMAGES, LABELS)


def scoring(name: str) -> Use:
    regions = np.zeros((2, 5, 7), bool)
    regions[:, 1:3, 4:6] = True
    return lambda network: made(name).score(Case(IMAGES[0], (2, 0), MAPS[0], regions, Gradient(network)))


def sensitivity(network: CountingClassifier) -> Any:
    metric = OcclusionSensitivity()
    metric.update(network, IMAGES[:1], 1)
    return metric.eval()


def searching(by_masking: bool) -> Use:
    def search(network: CountingClassifier) -> Any:
        occlusion = HierarchicalOcclusion(network, SOFTMAX, [4, 2], [2, 1], threshold=0.3, by_masking=by_masking)
        return occlusion.search_all(IMAGES[0], [0, 1, 2, 3], mask=0.0)

    return search


USES: dict[str, Use] = (
    {name: explaining(name) for name in EXPLAINERS}
    | {name: scoring(name) for name in METRICS}
    | {
        "RandomControl": lambda network: RandomControl(network)(IMAGES, LABELS),
        "CentreControl": lambda network: CentreControl(network)(IMAGES, LABELS),
        "Occlusion, refined": lambda network: Occlusion(network, SOFTMAX, window=1, refine=0.2)(IMAGES, LABELS),
        "OcclusionSensitivity": sensitivity,
        "HierarchicalOcclusion": searching(by_masking=False),
        "HierarchicalOcclusion, by masking": searching(by_masking=True),
        "DropoutUncertainty": lambda network: DropoutUncertainty(network, SOFTMAX, draws=3)(IMAGES),
        "AugmentationUncertainty": lambda network: AugmentationUncertainty(network, SOFTMAX, draws=3)(IMAGES),
        "EnsembleUncertainty": lambda network: EnsembleUncertainty([network, counting()], SOFTMAX)(IMAGES),
    }
)
PERTURBING = {
    *("IntegratedGradients", "KernelSHAP", "LIME", "Occlusion", "Occlusion, refined", "RISE", "ScoreCAM", "SmoothGrad"),
    *("AvgSensitivity", "Completeness", "Infidelity", "MaxSensitivity", "ROAD", "Robustness"),
    *(name for name in METRICS if name.startswith("Faithfulness")),
    *("OcclusionSensitivity", "HierarchicalOcclusion", "HierarchicalOcclusion, by masking", "AugmentationUncertainty"),
}


@pytest.mark.parametrize("name", USES)
def test_perturbed_images_come_from_the_engine_alone(name: str) -> None:
    classifier = counting()
    USES[name](classifier)
    assert bool(classifier.perturbed) is (name in PERTURBING)


def test_every_explainer_and_metric_is_here() -> None:
    faces = {name: getattr(room, name) for room in (explanation, benchmark) for name in room.__all__}
    kinds = {name for name, kind in faces.items() if isinstance(kind, type) and not isabstract(kind)}
    methods = {name for name in kinds if issubclass(faces[name], Attribution | benchmark.Metric)}
    assert methods <= {name.split()[0] for name in USES}


class PastTheEngine(Attribution):
    """Brightens the images by itself."""

    def _explain(self, images: Any, targets: Any) -> Any:
        brighter = self._classifier.probabilities(images + 1)
        return np.broadcast_to(brighter[:, :1, None, None], (*targets.shape, *images.shape[2:]))


@pytest.mark.parametrize(
    "question", ["logits", "clean_logits", "probabilities", "clean_probabilities", "outputs", "activations"]
)
def test_a_perturbed_image_is_refused_by_every_question(question: str) -> None:
    name = ("conv1",) if question == "activations" else ()
    with pytest.raises(AssertionError, match=f"`{question.removeprefix('clean_')}` was evaluated past the engine"):
        getattr(counting(), question)(IMAGES + 1, *name)


@pytest.mark.parametrize(("question", "name"), [("gradient", ()), ("layer", ("conv1",))])
def test_a_perturbed_image_is_refused_by_every_gradient(question: str, name: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError, match=f"`{question}` was evaluated past the engine"):
        getattr(counting(), question)(IMAGES[:1] + 1, np.eye(4, dtype=np.float32)[:1], *name)


def test_dropout_of_a_perturbed_image_is_refused() -> None:
    with pytest.raises(AssertionError, match="`sampled_probabilities` was evaluated past the engine"):
        counting().sampled_probabilities(IMAGES + 1, 2, 0)


def test_a_method_that_goes_past_the_engine_fails() -> None:
    with pytest.raises(AssertionError, match="`probabilities` was evaluated past the engine"):
        PastTheEngine(counting())(IMAGES, LABELS)


def test_a_single_perturbed_image_among_clean_ones_is_refused() -> None:
    images = IMAGES.copy()
    images[2, 1, 4, 6] += 0.5
    with pytest.raises(AssertionError, match="past the engine"):
        counting().logits(images)


def test_clean_images_and_the_noise_that_finds_a_layer_are_counted_apart() -> None:
    classifier = counting()
    explanation.HiResCAM(classifier)(IMAGES[[2, 0]], LABELS[[2, 0]])
    assert (dict(classifier.clean), dict(classifier.perturbed)) == ({"layer": 4}, {})
    assert classifier.probes["layer"] == 1
