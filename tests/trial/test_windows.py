"""Windows on real networks and pictures: computed in part, they give what the whole network gives, and cost less."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from mindspore import nn

from explainer.network.onnx.windows.plan import Plan
from explainer.network.translation import translated
from explainer.network.windowed import PlanAtWork
from explainer.perturb.engine import Windows

from .data import cifar10, photos, require_shared
from .networks import CifarResNet20, SqueezeNet11
from .test_mindcv import script  # noqa: F401  the fixture

ROUNDING = 5e-6  # of the largest logit; measured: 0 to 2e-6


def assert_windows_alike(network: nn.Cell, images: Any, side: int, stride: int, gain: float) -> None:
    """Windows over all of an image, the last ones at its end, in one batch."""
    found = translated(network.set_train(False), images)
    plan = Plan(found.graph, (side, side))
    assert plan.gain > gain
    size = images.shape[-1]
    tops_and_lefts = product(*[[*range(0, size - side, stride), size - side]] * 2)
    rectangles = np.array([(top, left, top + side, left + side) for top, left in tops_and_lefts])
    shown = np.repeat(images[:1], len(rectangles), axis=0)
    for image, (top, left, bottom, right) in zip(shown, rectangles, strict=True):
        image[:, top:bottom, left:right] = 0
    at_work = PlanAtWork(plan, found.session)
    windows = Windows(images, np.zeros(len(shown), np.int64), rectangles, {})
    (expected,) = found.session(shown)
    for _ in range(2):  # the first batch is proven: it is computed in full as well
        outputs = at_work.outputs(shown, windows)
        assert outputs is not None
        np.testing.assert_allclose(outputs[0], expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


TRIALS = [(SqueezeNet11, photos, 16, 37, 2.2), (SqueezeNet11, photos, 56, 42, 1.6), (CifarResNet20, cifar10, 3, 5, 1.4)]


@pytest.mark.parametrize(("make", "pictures", "side", "stride", "gain"), TRIALS)
def test_windows_on_a_trial_network(
    make: Callable[[], nn.Cell], pictures: Callable[[], Any], side: int, stride: int, gain: float
) -> None:
    require_shared()
    assert_windows_alike(make(), pictures().images[:2], side, stride, gain)


@pytest.mark.parametrize(("name", "gain"), [("resnet18", 2.1), ("mobilenet_v2_100", 1.9), ("googlenet", 2.0)])
def test_windows_on_a_network_of_mindcv(name: str, gain: float, script: Any) -> None:  # noqa: F811
    assert_windows_alike(script.network_of(name, 224), script.noise(2, 224, seed=1), 16, 52, gain)


def test_a_network_that_scales_by_all_of_the_image_spares_next_to_nothing(script: Any) -> None:  # noqa: F811
    network = script.network_of("efficientnet_b0", 64)
    assert Plan(translated(network, script.noise(2, 64, seed=1)).graph, (8, 8)).gain < 1.1
