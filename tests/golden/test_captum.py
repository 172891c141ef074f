"""What captum and grad-cam, second implementations on PyTorch, say of the trained CIFAR ResNet-20.

Their numbers are kept here, computed in float64 (scripts/captum_numbers.py made them and says what each one is); the
weights and the images are shared material, without which the tests skip.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from numpy.typing import NDArray
from trial.data import cifar10, require_shared
from trial.networks import CifarResNet20

from explainer.explanation import (
    Deconvolution,
    GradCAM,
    GradCAMPlusPlus,
    Gradient,
    GuidedBackprop,
    HiResCAM,
    InputXGradient,
    IntegratedGradients,
    LayerCAM,
    Occlusion,
    ScoreCAM,
)
from explainer.network.mindspore.adapter import MindSporeClassifier

FloatArray = NDArray[Any]

# Relative to the largest value of each map. Ours are float32 sums of some thousand terms through twenty layers, which
# stray by some 1e-6 of it; measured: below 3e-6.
RELATIVE = 1e-4
# The gradient jumps where the input of a ReLU crosses 0, and float32 does not tell on which side an input of 1e-7 lies.
# The images were chosen so that no ReLU comes that close for them and the 8 steps from the baseline to them. On 50
# steps some does: measured 3e-4 for one image, as far as captum in float32 is from captum in float64; other kernels may
# stray up to 6e-3 (found with noise of 3e-7 of the layer's largest value after each convolution). 49 steps differ by
# 4e-2, and so do the other rules of integration.
RELATIVE_ACROSS_KINKS = 1e-2

LAYERS = ["layer2", "layer3"]
GRADIENTS = {"gradient": Gradient, "guided_backprop": GuidedBackprop, "deconvolution": Deconvolution}
CLASS_ACTIVATIONS = {
    "grad_cam": GradCAM,
    "hires_cam": HiResCAM,
    "layer_cam": LayerCAM,
    "grad_cam_plus_plus": GradCAMPlusPlus,
    "score_cam": ScoreCAM,
}
WINDOWS = {"3x3+1+1": (3, 1), "8x8+4+4": (8, 4), "8x4+4+2": ((8, 4), (4, 2))}


def strongest(gradients: FloatArray) -> FloatArray:
    highest, lowest = gradients.max(axis=1), gradients.min(axis=1)
    return np.where(highest >= -lowest, highest, lowest)


REDUCTIONS = {
    "abs_max": lambda gradients: np.abs(gradients).max(axis=1),
    "signed": strongest,
    "sum": lambda gradients: gradients.sum(axis=1, dtype=np.float64),
}


@pytest.fixture(scope="module")
def stored() -> dict[str, FloatArray]:
    with np.load(Path(__file__).with_name("captum_resnet20.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture(scope="module")
def network() -> nn.Cell:
    require_shared()
    return CifarResNet20()


@pytest.fixture(scope="module")
def images(stored: dict[str, FloatArray]) -> FloatArray:
    require_shared()
    return cifar10().images[stored["indices"]]


def assert_agrees(got: FloatArray, wanted: FloatArray, relative: float = RELATIVE) -> None:
    """Map by map: a strong map must not hide a weak one's error."""
    assert got.shape == wanted.shape
    for map_, wanted_map in zip(got, wanted, strict=True):
        assert wanted_map.any()
        np.testing.assert_allclose(map_, wanted_map, rtol=0, atol=relative * np.abs(wanted_map).max())


def test_the_networks_are_the_same(network, images, stored):
    assert_agrees(MindSporeClassifier(network).logits(images), stored["logits"])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("method", GRADIENTS)
def test_gradients_are_captums(network, images, stored, method, reduction):
    maps = GRADIENTS[method](network, reduction=reduction)(images, stored["targets"])
    assert_agrees(maps[:, 0], REDUCTIONS[reduction](stored[method]))


def test_input_x_gradient_is_captums(network, images, stored):
    maps = InputXGradient(network)(images, stored["targets"])
    assert_agrees(maps[:, 0], stored["input_x_gradient"])


@pytest.mark.parametrize(("steps", "relative"), [(8, RELATIVE), (50, RELATIVE_ACROSS_KINKS)])
def test_integrated_gradients_are_captums(network, images, stored, steps, relative):
    maps = IntegratedGradients(network, steps=steps)(images, stored["targets"])
    assert_agrees(maps[:, 0], stored[f"integrated_gradients/{steps}"], relative)


def test_the_completeness_gap_is_captums_convergence_delta_the_other_way_round(network, images, stored):
    gaps = IntegratedGradients(network, steps=8).completeness_gap(images, stored["targets"])
    assert_agrees(gaps, -stored["convergence_delta/8"][:, None])


@pytest.mark.parametrize("layer", LAYERS)
def test_grad_cam_before_resizing_is_captums(network, images, stored, layer):
    seeds = np.eye(10, dtype=np.float32)[stored["targets"]]
    maps = GradCAM(network, layer).combined(*MindSporeClassifier(network).layer(images, seeds, layer))
    assert_agrees(np.maximum(maps, 0), stored[f"grad_cam_raw/{layer}"])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("method", CLASS_ACTIVATIONS)
def test_class_activation_maps_are_those_of_captum_and_grad_cam(network, images, stored, method, layer):
    maps = CLASS_ACTIVATIONS[method](network, layer)(images, stored["targets"])
    assert_agrees(maps[:, 0], stored[f"{method}/{layer}"])


# The smallest windows, 1,024 of them, with one score and one image only: they would take as long as all the others.
@pytest.mark.parametrize(
    ("name", "score"), [("3x3+1+1", "probability"), *product(("8x8+4+4", "8x4+4+2"), ("logit", "probability"))]
)
def test_occlusion_is_captums(network, images, stored, name, score):
    window, stride = WINDOWS[name]
    occlusion = Occlusion(network, nn.Softmax(), window=window, stride=stride, signed=True, score=score)
    few = slice(1 if name == "3x3+1+1" else 2)
    maps = occlusion(images[few], stored["targets"][few])
    assert_agrees(maps[:, 0], stored[f"occlusion/{score}/{name}"][few], 1e-5)
