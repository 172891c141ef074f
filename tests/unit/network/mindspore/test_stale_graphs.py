"""What is compiled is dropped, or never used, where it no longer answers as the network does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import SmallCnn, random_weights

from explainer.errors import NetworkInputError, NetworkOutputError
from explainer.explanation import GradCAM, Gradient, Occlusion, ScoreCAM
from explainer.network.of import classifier_of

IMAGES = np.random.default_rng(0).standard_normal((4, 2, 5, 7)).astype(np.float32)


class Changing(nn.Cell):
    """Holds what it computes with in places that MindSpore takes for constants."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3, weight_init=random_weights((5, 2, 3, 3), 1))
        self.fc = nn.Dense(5, 4, weight_init=random_weights((4, 5), 2))
        self.tensor = Tensor(np.float32([1.0]))
        self.settings = {"scale": 1.0}
        self.activation = ops.tanh

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.activation(self.conv(images) * self.tensor * self.settings["scale"]).mean((2, 3)))


def tensor_written(network: Changing) -> None:
    network.tensor[0] = 3.0


def entry_changed(network: Changing) -> None:
    network.settings["scale"] = 3.0


def function_exchanged(network: Changing) -> None:
    network.activation = ops.sigmoid


def hook_registered(network: Changing) -> None:
    network.conv.register_forward_hook(lambda cell, inputs, output: output * 2)


METHODS: list[Callable[[nn.Cell], Any]] = [
    lambda network: Gradient(network, batch_size=1),
    lambda network: GradCAM(network, "conv", batch_size=1),
    lambda network: Occlusion(network, None, 1, window=3, stride=2, score="logit"),
]


@pytest.mark.parametrize("change", [tensor_written, entry_changed, function_exchanged, hook_registered])
@pytest.mark.parametrize("method", METHODS, ids=["Gradient", "GradCAM", "Occlusion"])
def test_what_a_network_holds_is_honoured_when_it_changes_after_compiling(method: Any, change: Any) -> None:
    network = Changing()
    explainer = method(network)
    before = explainer(IMAGES, 1)
    assert explainer._classifier.reference._shared.compiled
    change(network)
    fresh = Changing()
    change(fresh)
    fresh.fc.weight.set_data(network.fc.weight)
    fresh.fc.bias.set_data(network.fc.bias)
    wanted = method(fresh)(IMAGES, 1)
    assert np.abs(wanted - before).max() > 1e-3 * np.abs(wanted).max()
    np.testing.assert_allclose(explainer(IMAGES, 1), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("change", [tensor_written, function_exchanged])
def test_a_network_that_changed_is_looked_at_when_its_outputs_begin_to_be_kept(change: Any) -> None:
    """As at the beginning of a run, and of a metric's `evaluate`."""
    network = Changing()
    classifier = classifier_of(network, batch_size=1)
    before = classifier.logits(IMAGES)
    assert classifier.reference._shared.compiled
    change(network)
    fresh = Changing()
    change(fresh)
    fresh.fc.weight.set_data(network.fc.weight)
    fresh.fc.bias.set_data(network.fc.bias)
    with classifier.in_run("mindspore"):
        found = classifier.clean_logits(IMAGES)
    assert np.abs(found - before).max() > 1e-3
    np.testing.assert_allclose(found, classifier_of(fresh).logits(IMAGES), rtol=0, atol=1e-5)


class CountingUp(SmallCnn):
    """Loops by a tensor, which MindSpore's graph keeps counting up from pass to pass."""

    def construct(self, images: Tensor) -> Tensor:
        turn = Tensor(0)
        while turn < 3:
            images = ops.tanh(images) * 1.5
            turn += 1
        return super().construct(images)


class Unrolled(SmallCnn):
    def construct(self, images: Tensor) -> Tensor:
        for _ in range(3):
            images = ops.tanh(images) * 1.5
        return super().construct(images)


def test_a_graph_that_writes_into_its_constants_is_not_used() -> None:
    wanted = Gradient(Unrolled())(IMAGES, 1)
    explainer = Gradient(CountingUp(), batch_size=1)
    for _ in range(3):
        np.testing.assert_allclose(explainer(IMAGES, 1), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


class Vmapped(SmallCnn):
    """Uses a function that MindSpore itself compiles."""

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(mindspore.vmap(ops.tanh)(images))


class Tanh(SmallCnn):
    def construct(self, images: Tensor) -> Tensor:
        return super().construct(ops.tanh(images))


def test_what_mindspore_itself_compiles_stays_compiled() -> None:
    wanted = Gradient(Tanh())(IMAGES, 1)
    np.testing.assert_allclose(Gradient(Vmapped())(IMAGES, 1), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


class Overwriting(SmallCnn):
    """Writes into what a layer gave."""

    def construct(self, images: Tensor) -> Tensor:
        features = self.conv2(self.relu1(self.conv1(images)))
        features[features < 0] = 0
        return self.fc(self.dropout(features.mean((2, 3))))


def test_a_layer_is_read_as_it_was_before_it_is_overwritten() -> None:
    wanted = ScoreCAM(SmallCnn(), "conv2")(IMAGES, 1)
    np.testing.assert_allclose(ScoreCAM(Overwriting(), "conv2")(IMAGES, 1), wanted, rtol=0, atol=1e-5)


class OfBatchStatistics(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2, use_batch_statistics=True)

    def construct(self, images: Tensor) -> Tensor:
        return self.norm(images).mean((2, 3))


def test_a_network_that_normalises_by_its_batch_is_refused_and_left_as_it_was() -> None:
    network = OfBatchStatistics()
    with pytest.raises(NetworkOutputError, match=r"cell 'norm' \(BatchNorm2d\) normalises by the statistics of"):
        Gradient(network)(IMAGES, 1)
    assert not network.norm.moving_mean.asnumpy().any()


class OfOneImage(nn.Cell):
    """Takes batches of one image only."""

    def construct(self, images: Tensor) -> Tensor:
        return images.reshape(1, 70)[:, :4]


@pytest.mark.parametrize("method", METHODS[::2], ids=["Gradient", "Occlusion"])
def test_a_network_of_one_image_at_a_time_is_told_in_one_sentence(method: Any) -> None:
    network = OfOneImage()
    kind = Gradient if isinstance(method(network), Gradient) else Occlusion
    explainer = kind(network) if kind is Gradient else Occlusion(network, None, window=3, stride=2, score="logit")
    with pytest.raises(NetworkInputError, match=r"for inputs of shape \(\d+, 2, 5, 7\).* batches of any size") as told:
        explainer(IMAGES, 1)
    assert "\n" not in str(told.value)


class Misspelt(SmallCnn):
    def construct(self, images: Tensor) -> Tensor:
        return self.nothing(images)


def test_an_attribute_that_a_network_lacks_is_the_user_s_own_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        Gradient(Misspelt())(IMAGES, 1)
