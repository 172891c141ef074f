"""The class sensitivity and the robustness of the reference, from the golden arrays of `mindspore.explainer` 1.3.

They skip where the shared material is absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import nn
from numpy.typing import NDArray
from trial.data import require_shared
from trial.networks import golden, golden_images, golden_net

from explainer.benchmark import ClassSensitivity, Robustness
from explainer.explanation import Deconvolution, Gradient, GuidedBackprop, Occlusion
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.perturb.masks import coverage

FloatArray = NDArray[Any]

METHODS = {"Gradient": Gradient, "Deconvolution": Deconvolution, "GuidedBackprop": GuidedBackprop}
ROUNDING = {"rtol": 0, "atol": 1e-5}  # of float32 maps; measured: below 1e-6


class OneWindowTooMany:
    """Occlusion as in the reference, which divides by the covering windows and one more."""

    def __init__(self, network: nn.Cell) -> None:
        self.network = network
        self._occlusion = Occlusion(network, nn.Softmax())

    def __call__(self, images: FloatArray, labels: FloatArray) -> FloatArray:
        windows, strides = self._occlusion.geometry(images.shape[2:])
        covering = np.outer(*(coverage(*axis) for axis in zip(images.shape[2:], windows, strides, strict=True)))
        return self._occlusion(images, labels) * covering / (covering + 1)


class Replayed(Robustness):
    """The noise of the reference: of its three draws for each perturbation it used the third."""

    def _noise(self, image: FloatArray, number: int, attempt: int) -> FloatArray:
        return golden("robustness")["noise_softmax_seed11"][3 * number + 2]


@pytest.fixture(scope="module")
def network() -> nn.Cell:
    require_shared("golden")
    return golden_net("max", gain=3)


def test_logits_are_the_golden_ones(network: nn.Cell) -> None:
    logits = MindSporeClassifier(network).logits(golden_images(6, 4))
    np.testing.assert_allclose(logits, golden("classsens")["logits"], **ROUNDING)


@pytest.mark.parametrize("method", METHODS)
def test_class_sensitivity_is_the_golden_one(network: nn.Cell, method: str) -> None:
    scores = ClassSensitivity().evaluate(METHODS[method](network), golden_images(6, 4))
    np.testing.assert_allclose(scores, golden("classsens")[method], **ROUNDING)


def test_class_sensitivity_of_occlusion_is_the_golden_one_but_for_its_one_window_too_many(network: nn.Cell) -> None:
    scores = ClassSensitivity().evaluate(OneWindowTooMany(network), golden_images(6, 4))
    np.testing.assert_allclose(scores, golden("classsens")["Occlusion"], **ROUNDING)


def test_robustness_with_the_golden_noise_is_the_golden_one(network: nn.Cell) -> None:
    metric = Replayed(10, nn.Softmax(), threshold=1)
    scores = metric.evaluate(Gradient(network), golden_images(1, 1), 3)
    np.testing.assert_allclose(scores, golden("robustness")["grad_softmax_t3_seed11"], **ROUNDING)


def test_robustness_with_noise_of_our_own_is_the_golden_one_on_average(network: nn.Cell) -> None:
    explainer, images = Gradient(network), golden_images(1, 1)
    saliency = explainer(images, 3)
    metrics = [Robustness(10, nn.Softmax(), threshold=1, seed=seed) for seed in range(20)]
    scores = np.array([metric.evaluate(explainer, images, 3, saliency).item() for metric in metrics])
    theirs = golden("robustness")["grad_softmax_t3_100seeds"]
    error = np.sqrt(scores.var(ddof=1) / len(scores) + theirs.var(ddof=1) / len(theirs))
    assert abs(scores.mean() - theirs.mean()) < 3 * error  # measured: 0.45 of it
