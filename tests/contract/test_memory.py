"""What holds images never holds more than fit, and says the same as if all fitted."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isabstract, signature
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn
from numpy.typing import NDArray
from replicas import RecordingNetwork, normal_images

from explainer import OcclusionSensitivity, explanation
from explainer.benchmark import (
    ROAD,
    ClassSensitivity,
    Completeness,
    Faithfulness,
    Infidelity,
    MaxSensitivity,
    Robustness,
)
from explainer.counterfactual import HierarchicalOcclusion
from explainer.data.batch import Sample
from explainer.data.mindspore_dataset import read_batches
from explainer.explanation import Gradient, Occlusion
from explainer.explanation.base import Attribution
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.saliency import explain
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty

FloatArray = NDArray[Any]
Way = Callable[[nn.Cell], Any]

TWO_IMAGES = "0.0007"  # megabytes; an image has 2 x 5 x 7 float32, 280 bytes
SOFTMAX = nn.Softmax()
IMAGES = normal_images()
LABELS = np.array([[2, 0], [1, 3], [3, 2]])
MAPS = normal_images(3, 2, seed=4)
EXPLAINED = [(2,), (0, 1, 3), (1, 2)]
OPTIONS: dict[str, dict[str, Any]] = {
    "IntegratedGradients": {"steps": 5},
    "SmoothGrad": {"samples": 5},
    "RISE": {"masks": 20},
    "LIME": {"samples": 20, "grid": (2, 3)},
    "KernelSHAP": {"samples": 20, "grid": (2, 3)},
    "Occlusion": {"window": 3, "stride": 2},
    "ScoreCAM": {"layer": "network.conv2"},
    "GradCAM": {"layer": "network.conv2"},
}
METHODS = [name for name in explanation.__all__ if not isabstract(getattr(explanation, name))]


def explained(name: str) -> Way:
    kind = getattr(explanation, name)
    options = OPTIONS.get(name, {})
    if "activation_fn" in signature(kind).parameters:
        options = options | {"activation_fn": SOFTMAX}
    return lambda network: kind(network, **options)(IMAGES, LABELS)


def scored(metric: Any) -> Way:
    return lambda network: metric.evaluate(Gradient(network), IMAGES, LABELS, MAPS)


def sensitivity(network: nn.Cell) -> FloatArray:
    metric = OcclusionSensitivity()
    metric.update(network, IMAGES[:1], 1)
    return metric.eval()


def searched(network: nn.Cell) -> list[float]:
    occlusion = HierarchicalOcclusion(network, SOFTMAX, [4, 2], [2, 1], threshold=0.4, by_masking=True)
    return occlusion.search(IMAGES[0], 1, 0.0).layer_outputs


def examined(network: nn.Cell) -> FloatArray:
    samples = [Sample(place, image, (1,)) for place, image in enumerate(IMAGES)]
    cases = [
        PredictedSample(sample, np.zeros(4), (), labels) for sample, labels in zip(samples, EXPLAINED, strict=True)
    ]
    return np.concatenate([found.maps for found in explain(Gradient(network), PredictedBatch(tuple(cases)))])


WAYS: dict[str, Way] = {name: explained(name) for name in METHODS} | {
    "Occlusion, all at once": lambda network: Occlusion(network, SOFTMAX, None, fill="local_mean")(IMAGES, LABELS),
    "Faithfulness": scored(Faithfulness(4, SOFTMAX)),
    "DeletionAUC": scored(Faithfulness(4, SOFTMAX, "DeletionAUC")),
    "ROAD": scored(ROAD(4, SOFTMAX)),
    "Infidelity": scored(Infidelity(4, SOFTMAX, perturbations=9)),
    "Completeness": scored(Completeness(4)),
    "Robustness": scored(Robustness(4, SOFTMAX, threshold=1, perturbations=3)),
    "MaxSensitivity": scored(MaxSensitivity(4, SOFTMAX, threshold=0.02, perturbations=3)),
    "ClassSensitivity": lambda network: ClassSensitivity().evaluate(Gradient(network), IMAGES),
    "OcclusionSensitivity": sensitivity,
    "HierarchicalOcclusion": searched,
    "DropoutUncertainty": lambda network: DropoutUncertainty(network, SOFTMAX, draws=5).draws(IMAGES),
    "AugmentationUncertainty": lambda network: AugmentationUncertainty(network, SOFTMAX, draws=5).draws(IMAGES),
    "EnsembleUncertainty": lambda network: EnsembleUncertainty([network, SmallCnn()], SOFTMAX).draws(IMAGES),
    "the saliency of a run": examined,
}


@pytest.mark.parametrize("name", WAYS)
def test_no_pass_is_larger_than_what_fits_and_what_comes_out_is_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # a compiled network does not remember
    whole, in_parts = RecordingNetwork(SmallCnn()), RecordingNetwork(SmallCnn())
    wanted = WAYS[name](whole)
    monkeypatch.setenv("EXPLAINER_BATCH_MB", TWO_IMAGES)
    found = WAYS[name](in_parts)
    assert max(len(batch) for batch in whole.shown) > 2 or "control" in name.lower()
    assert max((len(batch) for batch in in_parts.shown), default=0) <= 2
    # Batches of another size may be summed in another order, in float32; a small fall has the rounding of the whole.
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_function_is_asked_about_as_many_inputs_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def function(inputs: FloatArray) -> FloatArray:
        lengths.append(len(inputs))
        return inputs.reshape(len(inputs), -1)[:, :4]

    wanted = Occlusion(function, None, score="logit")(IMAGES, LABELS)
    assert max(lengths) > 2
    lengths.clear()
    monkeypatch.setenv("EXPLAINER_BATCH_MB", TWO_IMAGES)
    np.testing.assert_array_equal(Occlusion(function, None, score="logit")(IMAGES, LABELS), wanted)
    assert max(lengths) == 2


def test_the_cost_of_an_occlusion_counts_the_passes_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    occlusion = Occlusion(SmallCnn(), SOFTMAX, window=3, stride=2)
    assert occlusion.cost(IMAGES).passes == 2  # 3 images, and 3 x 6 windows
    monkeypatch.setenv("EXPLAINER_BATCH_MB", TWO_IMAGES)
    assert occlusion.cost(IMAGES).passes == 2 + 9


def test_samples_are_read_in_batches_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_BATCH_MB", TWO_IMAGES)
    images = normal_images(5, 1, 7, 10)
    dataset = NumpySlicesDataset((images, np.arange(5, dtype=np.int32) % 4), ["image", "label"], shuffle=False)
    batches = [batch.images for batch in read_batches(dataset.batch(5), 4, 32)]
    assert [len(batch) for batch in batches] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(batches), images)


def test_the_methods_of_the_face_are_all_here() -> None:
    assert set(METHODS) <= set(WAYS)
    assert all(issubclass(getattr(explanation, name), Attribution) for name in METHODS)
