"""A gradient that is zero because the way back is cut is an error; one that is zero in truth is a map."""

from __future__ import annotations

from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import LinearNetwork, SmallCnn, random_weights

from explainer.errors import LayerError, NetworkOutputError, NoGradientError
from explainer.explanation import GradCAM, Gradient, GuidedBackprop, HiResCAM, IntegratedGradients, ScoreCAM
from explainer.network.mindspore.adapter import MindSporeClassifier

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)


class Rounded(nn.Cell):
    """Sees its images in steps of 1 / 255, as 8 bits would hold them."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = SmallCnn()

    def construct(self, images: Tensor) -> Tensor:
        return self.cnn(ops.round(images * 255) / 255)


class TwoWays(nn.Cell):
    """The logits see the layer by two ways, one of which is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 1, weight_init=random_weights((3, 2, 1, 1), 1))
        self.fc = nn.Dense(3, 4, weight_init=random_weights((4, 3), 2))

    def construct(self, images: Tensor) -> Tensor:
        features = self.conv(images)
        return self.fc(features.mean((2, 3)) + ops.stop_gradient(features.max((2, 3))))


class Dead(nn.Cell):
    """No unit of its ReLU is ever active: the logits are the bias."""

    def __init__(self, below: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, weight_init=random_weights((6, 2, 3, 3), 1, 0.1))
        self.below = below
        self.relu = nn.ReLU()
        self.fc = nn.Dense(6, 4, weight_init=random_weights((4, 6), 2), bias_init=random_weights((4,), 3))

    def construct(self, images: Tensor) -> Tensor:
        features = self.conv(images)
        return self.fc(self.relu(features - features.max() - self.below).mean((2, 3)))


CUT = (
    r"the gradient at {what} is exactly zero in row \d+, yet a change .* takes the logit from .* to .*: something cuts"
)


@pytest.mark.parametrize("method", [Gradient, IntegratedGradients, GuidedBackprop])
def test_rounding_that_cuts_the_way_back_to_the_image_is_told(method: Any) -> None:
    with pytest.raises(LayerError, match=CUT.format(what="the input")):
        method(Rounded())(IMAGES, 1)


def test_the_row_that_is_cut_is_named() -> None:
    class CutForDark(SmallCnn):
        def construct(self, images: Tensor) -> Tensor:
            dark = (images.mean((1, 2, 3)) < 0).astype(mindspore.float32).reshape(-1, 1, 1, 1)
            return super().construct(dark * ops.stop_gradient(images) + (1 - dark) * images)

    images = np.stack([np.abs(IMAGES[0]), np.abs(IMAGES[1]), -np.abs(IMAGES[2])])
    assert Gradient(CutForDark())(images[:2], 1).any(axis=(1, 2, 3)).all()
    with pytest.raises(LayerError, match="exactly zero in row 2"):
        Gradient(CutForDark())(images, 1)


def test_a_layer_of_which_one_way_is_cut_keeps_the_gradient_of_the_other() -> None:
    network = TwoWays()
    weights = network.fc.weight.asnumpy()
    _, gradient = MindSporeClassifier(network).layer(IMAGES, np.eye(4, dtype=np.float32)[[1, 2, 3]], "conv")
    np.testing.assert_allclose(gradient, np.broadcast_to(weights[1:4, :, None, None] / 35, (3, 3, 5, 7)), rtol=1e-5)


@pytest.mark.parametrize("below", [1.0, 1e-4])  # far from the threshold, and so near that a nudge reaches it
def test_a_map_that_is_zero_since_no_unit_is_active_is_a_map(below: float) -> None:
    network = Dead(below)
    assert not Gradient(network)(IMAGES, 1).any()
    assert not HiResCAM(network, "conv")(IMAGES, 1).any()


def test_a_map_that_is_zero_since_the_weights_are_is_a_map() -> None:
    weights = np.ones((4, 70))
    weights[2] = 0
    assert not Gradient(LinearNetwork(weights))(IMAGES, 2).any()


class Behind(nn.Cell):
    """The layer `first` lies before the cut, `second` behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, weight_init=random_weights((3, 2, 3, 3), 1))
        self.second = nn.Conv2d(3, 3, 3, weight_init=random_weights((3, 3, 3, 3), 2))
        self.fc = nn.Dense(3, 4, weight_init=random_weights((4, 3), 3))

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.second(ops.stop_gradient(self.first(images))).mean((2, 3)))


def test_auto_takes_a_layer_behind_the_cut() -> None:
    explainer = GradCAM(Behind(), "auto")
    explainer(IMAGES, 1)
    assert explainer.parameters["chosen_layer"] == "second"


@pytest.mark.parametrize("batch_size", [1, 32])
def test_what_a_layer_gives_is_right_before_the_cut_too(batch_size: int) -> None:
    network = Behind()
    classifier = MindSporeClassifier(network, batch_size=batch_size)
    wanted = network.first(Tensor(IMAGES)).asnumpy()
    np.testing.assert_allclose(classifier.activations(IMAGES, "first"), wanted, rtol=1e-5, atol=1e-6)
    output, _ = classifier.layer(IMAGES, np.zeros((3, 4), np.float32), "first")
    np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-6)
    assert ScoreCAM(network, "first")(IMAGES, 1).any()


class Largest(nn.Cell):
    """The largest value so far along each row, of which MindSpore has no gradient on CPU."""

    def construct(self, images: Tensor) -> Tensor:
        return ops.relu(ops.cummax(images, 3)[0]).mean((2, 3))


@pytest.mark.parametrize("method", [Gradient, GuidedBackprop, lambda network: GradCAM(network, "")])
def test_an_operator_without_a_gradient_is_told_in_one_sentence(method: Any) -> None:
    with pytest.raises(
        NoGradientError, match=r"MindSpore has none for an operator .*; it says: .*; use a method"
    ) as told:
        method(Largest())(IMAGES, 1)
    assert "\n" not in str(told.value)
    assert told.value.__cause__ is not None


class Mixing(nn.Cell):
    """Answers a batch with one row."""

    def construct(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)).mean(0, keep_dims=True)


@pytest.mark.parametrize("ask", ["logits", "outputs", "gradient", "layer"])
def test_a_network_that_answers_a_batch_as_one_image_is_refused(ask: str) -> None:
    classifier = MindSporeClassifier(nn.SequentialCell(nn.Identity(), Mixing()))
    seeds = np.ones((3, 2), np.float32)
    arguments = {"gradient": (seeds,), "layer": (seeds, "0")}.get(ask, ())
    with pytest.raises(NetworkOutputError, match=r"a row for each image, gave shape \(1, 2\) for a batch of 3"):
        getattr(classifier, ask)(IMAGES, *arguments)


# At a threshold the gradient is zero in truth.


class WithoutBias(nn.Cell):
    """Answers a black image with zeros: every ReLU is at its threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, weight_init=random_weights((6, 2, 3, 3), 1), has_bias=False)
        self.relu = nn.ReLU()
        self.fc = nn.Dense(6, 4, weight_init=random_weights((4, 6), 2), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.relu(self.conv(images)).mean((2, 3)))


@pytest.mark.parametrize("method", [Gradient, GuidedBackprop, IntegratedGradients, lambda net: GradCAM(net, "conv")])
def test_a_black_image_has_a_map_of_zeros_where_no_bias_lights_a_unit(method: Any) -> None:
    images = IMAGES.copy()
    images[1] = 0
    maps = method(WithoutBias())(images, 1)
    assert not maps[1].any()
    assert maps[0].any()


@pytest.mark.parametrize("at_zero", [ops.abs, lambda images: ops.maximum(images, 0)], ids=["abs", "maximum"])
def test_a_kink_at_the_image_is_no_cut(at_zero: Any) -> None:
    class Kinked(nn.Cell):
        def construct(self, images: Tensor) -> Tensor:
            return at_zero(images).sum((2, 3))

    Gradient(Kinked())(np.zeros((2, 2, 5, 7), np.float32), 1)
