"""Gradients of whole networks: in ONNX Runtime they are float64's, where float64 takes the same units as active.

How many units float64 has on the other side of zero, and how far that moves the gradient, is reported and not judged:
every float32 engine has such units, and other ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forced_gradients import forced
from mindspore import nn

from explainer.network.mindspore.capture import captured, parameters_of
from explainer.network.onnx.backward import gradient_graph
from explainer.network.onnx.mindir import BATCH, graph_of
from explainer.network.onnx.session import Session
from explainer.relu_rules import ReluRule, guided, plain

from .data import cifar10, photos, require_shared
from .networks import CifarResNet20, SqueezeNet11
from .test_mindcv import script  # noqa: F401  the fixture

ROUNDING = 2e-6  # of the largest number of the gradient; measured: 7e-7 and less
SIZE = 224


def assert_float64s(network: nn.Cell, images: Any, rule: ReluRule, record: Any) -> None:
    """For the predicted class."""
    graph = graph_of(captured(network, images.shape[1:], BATCH))
    weights = parameters_of(network, list(graph.weights))
    logits = Session(graph, weights)(images)[0]
    seed = np.eye(logits.shape[1], dtype=np.float32)[logits.argmax(axis=1)]
    found = forced(gradient_graph(graph, rule=rule), weights, images, seed)
    record("error", found.error)
    record("flips", f"{found.flips} of {found.choices}")
    record("relative L2 to float64, flips and all", found.distance)
    assert found.error < ROUNDING


@pytest.mark.parametrize("rule", [plain, guided])
@pytest.mark.parametrize(("make", "pictures"), [(CifarResNet20, cifar10), (SqueezeNet11, photos)])
def test_the_gradient_of_a_trial_network(make, pictures, rule, record_property):
    require_shared()
    assert_float64s(make(), pictures().images[:2], rule, record_property)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("resnet18", plain),
        ("resnet18", guided),
        ("mobilenet_v2_100", plain),
        ("mobilenet_v2_100", guided),
        ("convnext_tiny", plain),  # without a ReLU
    ],
)
def test_the_gradient_of_a_network_of_mindcv(script, name, rule, record_property):  # noqa: F811
    assert_float64s(script.network_of(name, SIZE), script.noise(1, SIZE, seed=1), rule, record_property)
