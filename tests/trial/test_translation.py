"""The trial networks, and two of MindCV, give in ONNX Runtime what they give in MindSpore, picture by picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mindspore import nn

from explainer.network.mindspore.reference import eager_outputs
from explainer.network.translation import translated

from .data import cifar10, mnist, photos, require_shared
from .networks import CifarResNet20, DigitCnn, SqueezeNet11
from .test_mindcv import SIZE, script  # noqa: F401  the fixture

ROUNDING = 1e-5  # of the largest logit; measured: 1e-6 and less


def assert_alike(network: nn.Cell, images: Any) -> None:
    found = translated(network, images)
    (expected,) = eager_outputs(network, images)
    (ours,) = found.session(images)
    assert max(found.difference, np.abs(ours - expected).max() / np.abs(expected).max()) < ROUNDING
    assert np.array_equal(ours.argmax(axis=1), expected.argmax(axis=1))


TRIALS = [(CifarResNet20, cifar10), (SqueezeNet11, photos), (DigitCnn, mnist)]


@pytest.mark.parametrize(("make", "pictures"), TRIALS, ids=lambda entry: entry.__name__)
def test_a_trial_network_predicts_alike(make, pictures):
    require_shared()
    assert_alike(make(), pictures().images[::4])


@pytest.mark.parametrize("name", ["squeezenet1_1", "convnext_tiny"])
def test_a_network_of_mindcv_predicts_alike(script, name):  # noqa: F811
    assert_alike(script.network_of(name, SIZE), script.noise(3, SIZE, seed=1))
