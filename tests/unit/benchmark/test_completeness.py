"""Completeness, where the sum that a map should have is known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, normal_images, whole_numbers

from explainer.benchmark import Completeness
from explainer.explanation import Gradient, InputXGradient, IntegratedGradients

FloatArray = NDArray[Any]

WEIGHTS = whole_numbers(4, 70, seed=1)
IMAGES = whole_numbers(3, 2, 5, 7, seed=2)


def contributions(baseline: float = 0.0) -> FloatArray:
    return (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * (IMAGES[:, None] - baseline)).sum(axis=2)


@pytest.mark.parametrize("baseline", [0.0, -1.5, 3.0])
def test_the_contributions_of_a_linear_network_are_complete(baseline: float) -> None:
    scores = Completeness(4, baseline=baseline).evaluate(
        Gradient(LinearNetwork(WEIGHTS)), IMAGES, TARGETS, contributions(baseline)
    )
    np.testing.assert_allclose(scores, np.zeros((3, 2)), atol=1e-6)


@pytest.mark.parametrize(("factor", "wanted"), [(0.0, 1.0), (0.5, 0.5), (3.0, 2.0), (-1.0, 2.0)])
def test_what_is_missed_is_a_part_of_the_difference(factor: float, wanted: float) -> None:
    explainer = Gradient(LinearNetwork(WEIGHTS))
    scores = Completeness(4).evaluate(explainer, IMAGES, TARGETS, factor * contributions())
    np.testing.assert_allclose(scores, np.full((3, 2), wanted), rtol=1e-5)


def test_scores_are_the_gaps_that_integrated_gradients_tell() -> None:
    network, images = SmallCnn(), normal_images()
    method = IntegratedGradients(network, baseline=0.5, steps=1)
    maps, gaps = method.explained(images, TARGETS)
    assert gaps is not None

    def logits(shown: FloatArray) -> FloatArray:
        return np.take_along_axis(network(Tensor(shown)).asnumpy(), TARGETS, 1)

    wanted = np.abs(gaps / (logits(images) - logits(np.full_like(images, 0.5))))
    scores = Completeness(4, baseline=0.5).evaluate(method, images, TARGETS, maps)
    np.testing.assert_allclose(scores, wanted, rtol=1e-2, atol=1e-4)
    assert wanted.max() > 0.01
    default = Completeness(4).evaluate(IntegratedGradients(network), images, TARGETS)
    assert default.max() < 0.1 * wanted.max()


def test_input_x_gradient_of_a_linear_network_is_complete() -> None:
    network = LinearNetwork(WEIGHTS)
    np.testing.assert_allclose(Completeness(4).evaluate(InputXGradient(network), IMAGES, 2), np.zeros(3), atol=1e-6)


def test_equal_logits_are_undefined() -> None:
    still = LinearNetwork(np.zeros((4, 70)))
    assert np.isnan(Completeness(4).evaluate(Gradient(still), IMAGES, TARGETS, contributions())).all()


def test_what_it_is_is_declared() -> None:
    recorded = json.loads(json.dumps(Completeness(4, baseline="blur").parameters, allow_nan=False))
    assert (recorded["baseline"], recorded["higher_is_better"], recorded["bounds"]) == ("blur", False, [0.0, None])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"baseline": "inpaint"}, ValueError, "`baseline` must not depend on what is hidden"),
        ({"baseline": None}, TypeError, "`baseline` must be a number"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Completeness(4, **options)


def test_a_label_that_the_network_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 7"):
        Completeness(9).evaluate(Gradient(LinearNetwork(WEIGHTS)), IMAGES, 7, contributions()[:, :1])
