"""The MindSpore adapter gives what NumPy gives, whatever the batch size, eager or compiled, with today's weights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Parameter, Tensor, mint, nn, ops
from networks import Counting, LinearNetwork, NormalisedCnn, SmallCnn, rectified
from numpy.typing import NDArray

import explainer
from explainer.errors import LayerError, NetworkOutputError, NoDropoutError, NoReluError
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.layers import resolve_layer
from explainer.relu_rules import ReluRule, deconvolution, guided, plain

FloatArray = NDArray[Any]

RULES = [plain, deconvolution, guided]
LAYERS = ["conv1", "relu1", "conv2", "relu2", "dropout", "fc"]
WEIGHTS = np.random.default_rng(11).standard_normal((4, 70)).astype(np.float32)
OTHER_WEIGHTS = np.random.default_rng(12).standard_normal((4, 70)).astype(np.float32)


def images_of(count: int = 3, channels: int = 2, height: int = 5, width: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, channels, height, width)).astype(np.float32)


def seeds_of(count: int = 3, classes: int = 4) -> FloatArray:
    """Not one-hot: every logit has a weight of its own, so that none can be mistaken for another."""
    return np.random.default_rng(7).standard_normal((count, classes)).astype(np.float32)


def assert_equal_to_rounding(got: FloatArray, wanted: FloatArray) -> None:
    """To 1e-5 of the largest value: float32 sums of some hundred terms stray by a few 1e-7 of it."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def compiled_shapes(classifier: MindSporeClassifier, *key: Any) -> list[tuple[int, ...]]:
    """The image shapes for which the program of this key runs compiled."""
    name = key[0] if len(key) == 1 else key
    programs = [(key[2], program) for key, program in classifier._shared.known.items() if key[:2] == ("program", name)]
    return [shape for shape, program in programs if program.compiled]


# The slow replica of SmallCnn, in float64.


def convolved(features: FloatArray, kernel: FloatArray, bias: FloatArray) -> FloatArray:
    height, width = features.shape[2:]
    padded = np.pad(features, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = [(row, column) for row in range(3) for column in range(3)]
    terms = [
        np.einsum("nchw,dc->ndhw", padded[:, :, r : r + height, c : c + width], kernel[:, :, r, c]) for r, c in windows
    ]
    return sum(terms) + bias[None, :, None, None]


def convolved_back(upstream: FloatArray, kernel: FloatArray) -> FloatArray:
    count, _, height, width = upstream.shape
    padded = np.zeros((count, kernel.shape[1], height + 2, width + 2))
    for row in range(3):
        for column in range(3):
            part = np.einsum("ndhw,dc->nchw", upstream, kernel[:, :, row, column])
            padded[:, :, row : row + height, column : column + width] += part
    return padded[:, :, 1:-1, 1:-1]


def weights_of(network: nn.Cell) -> dict[str, FloatArray]:
    return {name: value.asnumpy().astype(np.float64) for name, value in network.parameters_and_names()}


def replica_outputs(network: SmallCnn, images: FloatArray) -> dict[str, FloatArray]:
    """The output of each layer; "" is the input."""
    weights = weights_of(network)
    layers = {"": images.astype(np.float64)}
    layers["conv1"] = convolved(layers[""], weights["conv1.weight"], weights["conv1.bias"])
    layers["relu1"] = np.maximum(layers["conv1"], 0)
    layers["conv2"] = convolved(layers["relu1"], weights["conv2.weight"], weights["conv2.bias"])
    layers["relu2"] = np.maximum(layers["conv2"], 0)
    layers["dropout"] = layers["relu2"].mean(axis=(2, 3))
    layers["fc"] = layers["dropout"] @ weights["fc.weight"].T + weights["fc.bias"]
    return layers


def replica_gradients(
    network: SmallCnn, images: FloatArray, seeds: FloatArray, rule: ReluRule = plain
) -> dict[str, FloatArray]:
    """D <seed, logits> / d output of each layer; "" is the input."""
    weights, layers = weights_of(network), replica_outputs(network, images)
    height, width = images.shape[2:]
    back = {"fc": seeds.astype(np.float64)}
    back["dropout"] = back["fc"] @ weights["fc.weight"]
    back["relu2"] = np.broadcast_to(back["dropout"][:, :, None, None] / (height * width), layers["relu2"].shape)
    back["conv2"] = rule(back["relu2"], layers["conv2"])
    back["relu1"] = convolved_back(back["conv2"], weights["conv2.weight"])
    back["conv1"] = rule(back["relu1"], layers["conv1"])
    back[""] = convolved_back(back["conv1"], weights["conv1.weight"])
    return back


# Closed forms and the replica.


def test_logits_of_a_linear_network_are_its_product() -> None:
    images = images_of()
    logits = MindSporeClassifier(LinearNetwork(WEIGHTS)).logits(images)
    assert_equal_to_rounding(logits, images.reshape(3, -1) @ WEIGHTS.T)


def test_probabilities_of_a_linear_network_are_the_softmax_of_its_product() -> None:
    images = images_of()
    probabilities = MindSporeClassifier(LinearNetwork(WEIGHTS), nn.Softmax()).probabilities(images)
    assert_equal_to_rounding(probabilities, softmax(images.reshape(3, -1) @ WEIGHTS.T))


def test_probabilities_of_several_labels_come_from_a_sigmoid() -> None:
    images = images_of()
    probabilities = MindSporeClassifier(LinearNetwork(WEIGHTS), nn.Sigmoid()).probabilities(images)
    assert_equal_to_rounding(probabilities, 1 / (1 + np.exp(-(images.reshape(3, -1) @ WEIGHTS.T))))


def test_gradient_of_a_linear_network_is_the_seeded_sum_of_its_weights() -> None:
    seeds = seeds_of()
    gradient = MindSporeClassifier(LinearNetwork(WEIGHTS)).gradient(images_of(), seeds)
    assert_equal_to_rounding(gradient, (seeds @ WEIGHTS).reshape(3, 2, 5, 7))


def test_the_unnamed_layer_is_the_input_and_its_gradient() -> None:
    images, seeds = images_of(), seeds_of()
    activation, gradient = MindSporeClassifier(LinearNetwork(WEIGHTS)).layer(images, seeds, "")
    np.testing.assert_array_equal(activation, images)
    assert_equal_to_rounding(gradient, (seeds @ WEIGHTS).reshape(3, 2, 5, 7))


def test_a_layer_without_a_map_has_activation_and_gradient_too() -> None:
    images, seeds = images_of(), seeds_of()
    activation, gradient = MindSporeClassifier(LinearNetwork(WEIGHTS)).layer(images, seeds, "flatten")
    np.testing.assert_array_equal(activation, images.reshape(3, 70))
    assert_equal_to_rounding(gradient, seeds @ WEIGHTS)


def test_class_count_is_the_number_of_logits() -> None:
    assert MindSporeClassifier(SmallCnn(classes=6)).class_count(images_of()) == 6


def test_logits_of_a_convolutional_network_are_those_of_the_replica() -> None:
    network, images = SmallCnn(), images_of()
    assert_equal_to_rounding(MindSporeClassifier(network).logits(images), replica_outputs(network, images)["fc"])


@pytest.mark.parametrize("rule", RULES)
def test_gradient_under_each_relu_rule_is_that_of_the_replica(rule: ReluRule) -> None:
    network, images, seeds = SmallCnn(), images_of(), seeds_of()
    gradient = MindSporeClassifier(network).gradient(images, seeds, relu_rule=rule)
    assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds, rule)[""])


def test_gradient_is_the_slope_of_the_replica_along_each_pixel() -> None:
    network, images, seeds = SmallCnn(), images_of(1), seeds_of(1)
    steps = 1e-6 * np.eye(70).reshape(70, 2, 5, 7)  # float64, small beside the distance to the nearest kink
    rises = [replica_outputs(network, images + sign * steps)["fc"] @ seeds[0] for sign in (1, -1)]
    slopes = ((rises[0] - rises[1]) / 2e-6).reshape(1, 2, 5, 7)
    assert_equal_to_rounding(MindSporeClassifier(network).gradient(images, seeds), slopes)


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_has_the_activation_and_gradient_of_the_replica(name: str) -> None:
    network, images, seeds = SmallCnn(), images_of(), seeds_of()
    activation, gradient = MindSporeClassifier(network).layer(images, seeds, name)
    assert_equal_to_rounding(activation, replica_outputs(network, images)[name])
    assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds)[name])


# Batches: 10 images are 10, 4 and 2 batches of 1, 3 and 7, the last not full; the third of a kind is compiled.

METHODS: dict[str, Callable[[MindSporeClassifier, FloatArray, FloatArray], FloatArray]] = {
    "logits": lambda classifier, images, seeds: classifier.logits(images),
    "probabilities": lambda classifier, images, seeds: classifier.probabilities(images),
    "gradient": lambda classifier, images, seeds: classifier.gradient(images, seeds),
    "layer": lambda classifier, images, seeds: np.concatenate(classifier.layer(images, seeds, "relu1"), axis=1),
    "sampled_probabilities": lambda classifier, images, seeds: classifier.sampled_probabilities(images, 2, 5),
}
PROGRAMS: dict[str, tuple[Any, ...]] = {
    "logits": ("logits",),
    "probabilities": ("logits",),
    "gradient": ("gradient", plain),
    "layer": ("layer", "relu1"),
}


@pytest.mark.parametrize("batch_size", [1, 3, 7])
@pytest.mark.parametrize("method", METHODS)
def test_results_do_not_depend_on_the_batch_size(method: str, batch_size: int) -> None:
    network, images, seeds = SmallCnn(), images_of(10), seeds_of(10)
    whole = METHODS[method](MindSporeClassifier(network, nn.Softmax(), batch_size=10), images, seeds)
    pieces = METHODS[method](MindSporeClassifier(network, nn.Softmax(), batch_size=batch_size), images, seeds)
    assert_equal_to_rounding(pieces, whole)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_in_training_mode_gives_what_it_gives_in_evaluation_mode(method: str) -> None:
    network = SmallCnn()
    trained, evaluated = (
        METHODS[method](MindSporeClassifier(network.set_train(mode), nn.Softmax()), images_of(), seeds_of())
        for mode in (True, False)
    )
    np.testing.assert_array_equal(trained, evaluated)


@pytest.mark.parametrize("method", PROGRAMS)
def test_compiled_results_are_the_eager_ones(method: str) -> None:
    images, seeds = images_of(), seeds_of()
    classifier = MindSporeClassifier(SmallCnn(), nn.Softmax(), batch_size=3)
    eager = METHODS[method](classifier, images, seeds)
    assert not compiled_shapes(classifier, *PROGRAMS[method])
    compiled = [METHODS[method](classifier, images, seeds) for _ in range(3)][-1]
    assert compiled_shapes(classifier, *PROGRAMS[method]) == [(2, 5, 7)]
    assert_equal_to_rounding(compiled, eager)


def test_batch_norm_works_compiled_as_it_works_eagerly() -> None:
    images, seeds = images_of(), seeds_of()
    classifier = MindSporeClassifier(NormalisedCnn(), batch_size=1)
    eager = MindSporeClassifier(classifier.network).gradient(images, seeds)
    assert_equal_to_rounding(classifier.gradient(images, seeds), eager)
    assert compiled_shapes(classifier, "gradient", plain)


def test_what_was_compiled_once_serves_every_number_of_images() -> None:
    images = images_of(9)
    classifier = MindSporeClassifier(LinearNetwork(WEIGHTS), batch_size=4)
    for _ in range(2):
        classifier.logits(images)
    program = classifier._shared.known["program", "logits", (2, 5, 7)]
    before = program._compiled
    for count in (1, 2, 3, 7):
        assert_equal_to_rounding(classifier.logits(images[:count]), images[:count].reshape(count, -1) @ WEIGHTS.T)
    assert before is not None
    assert classifier._shared.known["program", "logits", (2, 5, 7)] is program
    assert program._compiled is before


def test_images_of_two_sizes_are_compiled_apart() -> None:
    classifier = MindSporeClassifier(SmallCnn(), batch_size=1)
    for images in (images_of(4), images_of(4, height=6, width=4), images_of(4)):
        wanted = replica_gradients(classifier.network, images, seeds_of(4))[""]
        assert_equal_to_rounding(classifier.gradient(images, seeds_of(4)), wanted)
    assert compiled_shapes(classifier, "gradient", plain) == [(2, 5, 7), (2, 6, 4)]


class LoopNetwork(nn.Cell):
    """One image after the other, in a Python loop that is never given to the compiler with the batch axis open."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        logits = []
        for place in range(images.shape[0]):
            logits.append(self.linear(images[place : place + 1]))
        return ops.concat(logits, 0)


class TryingNetwork(nn.Cell):
    """With a word that MindSpore's compiler does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        try:
            return self.linear(images)
        finally:
            pass


@pytest.mark.parametrize("kind", [LoopNetwork, TryingNetwork])
def test_a_network_that_cannot_be_compiled_runs_eagerly_throughout(kind: type[nn.Cell]) -> None:
    images = images_of(5)
    classifier = MindSporeClassifier(kind(), batch_size=1)
    for _ in range(2):
        assert_equal_to_rounding(classifier.logits(images), images.reshape(5, -1) @ WEIGHTS.T)
    assert not compiled_shapes(classifier, "logits")


class Centred(nn.Cell):
    """Each image less the mean of its batch."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        return self.linear(images - images.mean(0, True))


def test_a_network_that_mixes_a_batch_is_told_of_once(caplog) -> None:
    classifier = MindSporeClassifier(Centred())
    for _ in range(3):
        classifier.logits(images_of(5))
    assert [record.message for record in caplog.records if "the others of its batch" in record.message] == [
        caplog.records[0].message
    ]


def test_a_network_that_does_not_is_not_told_of(caplog) -> None:
    MindSporeClassifier(LinearNetwork(WEIGHTS)).logits(images_of(5))
    assert not caplog.records


def test_compiling_can_be_switched_off(monkeypatch) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    images = images_of(5)
    classifier = MindSporeClassifier(LinearNetwork(WEIGHTS), batch_size=1)
    for _ in range(2):
        assert_equal_to_rounding(classifier.logits(images), images.reshape(5, -1) @ WEIGHTS.T)
    assert not compiled_shapes(classifier, "logits")


class StridedNetwork(nn.Cell):
    """Every second pixel, summed: a slice whose gradient MindSpore has compiled only."""

    def construct(self, images: Tensor) -> Tensor:
        return images[:, :, ::2, ::2].sum((2, 3))


def test_a_gradient_that_exists_compiled_only_is_compiled_for_the_first_batch() -> None:
    wanted = np.zeros((2, 4, 5, 7), np.float32)
    wanted[:, :, ::2, ::2] = seeds_of(2)[:, :, None, None]
    gradient = MindSporeClassifier(StridedNetwork()).gradient(images_of(2, channels=4), seeds_of(2))
    assert_equal_to_rounding(gradient, wanted)


# Today's weights.


def set_data(network: LinearNetwork) -> None:
    network.fc.weight.set_data(Tensor(OTHER_WEIGHTS))


def load_param_into_net(network: LinearNetwork) -> None:
    mindspore.load_param_into_net(network, {"fc.weight": Parameter(Tensor(OTHER_WEIGHTS), name="fc.weight")})


def assign_in_place(network: LinearNetwork) -> None:
    ops.assign(network.fc.weight, Tensor(OTHER_WEIGHTS))


def replace_the_parameter(network: LinearNetwork) -> None:
    network.fc.weight = Parameter(Tensor(OTHER_WEIGHTS), name="fc.weight")


def replace_the_cell(network: LinearNetwork) -> None:
    network.fc = nn.Dense(70, 4, weight_init=Tensor(OTHER_WEIGHTS), has_bias=False)


def step_an_optimizer(network: LinearNetwork) -> None:
    """One step of plain descent along a gradient that is the difference to the other weights."""
    optimizer = nn.SGD(network.trainable_params(), learning_rate=1.0)
    optimizer((Tensor(WEIGHTS - OTHER_WEIGHTS),))


@pytest.mark.parametrize(
    "change",
    [set_data, load_param_into_net, assign_in_place, replace_the_parameter, replace_the_cell, step_an_optimizer],
)
def test_weights_changed_after_compiling_are_honoured(change: Callable[[LinearNetwork], None]) -> None:
    network, images, seeds = LinearNetwork(WEIGHTS), images_of(4), seeds_of(4)
    classifier = MindSporeClassifier(network, batch_size=1)
    classifier.logits(images)
    classifier.gradient(images, seeds)
    assert compiled_shapes(classifier, "logits")
    assert compiled_shapes(classifier, "gradient", plain)
    change(network)
    assert_equal_to_rounding(classifier.logits(images), images.reshape(4, -1) @ OTHER_WEIGHTS.T)
    assert_equal_to_rounding(classifier.gradient(images, seeds), (seeds @ OTHER_WEIGHTS).reshape(4, 2, 5, 7))


def test_a_last_layer_with_more_classes_is_honoured() -> None:
    network, images = LinearNetwork(WEIGHTS), images_of(4)
    classifier = MindSporeClassifier(network, batch_size=1)
    classifier.logits(images)
    network.fc = nn.Dense(70, 6, has_bias=False, weight_init=Tensor(np.ones((6, 70), np.float32)))
    assert classifier.class_count(images) == 6


class Tempered(nn.Cell):
    """A softmax with a temperature of its own, as calibration makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax()
        self.sharpness = Parameter(Tensor(np.float32([1.0])), name="sharpness")

    def construct(self, logits: Tensor) -> Tensor:
        return self.softmax(logits * self.sharpness)


def test_weights_of_the_activation_changed_after_compiling_are_honoured() -> None:
    images, activation = images_of(4), Tempered()
    classifier = MindSporeClassifier(LinearNetwork(WEIGHTS), activation, batch_size=1)
    classifier.probabilities(images)
    assert compiled_shapes(classifier, "logits")
    activation.sharpness.set_data(Tensor(np.float32([0.0])))
    assert_equal_to_rounding(classifier.probabilities(images), np.full((4, 4), 0.25))


class Scaled(nn.Cell):
    """Logits times a number, tensor or buffer that is no parameter."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.linear = LinearNetwork(WEIGHTS)
        self.kind = kind
        self.scale = Tensor(np.float32([1.0])) if kind == "tensor" else 1.0
        self._own_scale = 1.0
        self.register_buffer("kept_scale", Tensor(np.float32([1.0])))

    def construct(self, images: Tensor) -> Tensor:
        if self.kind == "buffer":
            return self.linear(images) * self.kept_scale
        return self.linear(images) * (self._own_scale if self.kind == "private number" else self.scale)

    def set_scale(self, value: float) -> None:
        if self.kind == "buffer":
            self._buffers["kept_scale"] = Tensor(np.float32([value]))
        elif self.kind == "private number":
            self._own_scale = value
        else:
            self.scale = Tensor(np.float32([value])) if self.kind == "tensor" else value


@pytest.mark.parametrize("kind", ["number", "private number", "tensor", "buffer"])
def test_a_constant_of_the_network_changed_after_compiling_is_honoured(kind: str) -> None:
    images, network = images_of(4), Scaled(kind)
    classifier = MindSporeClassifier(network, batch_size=1)
    classifier.logits(images)
    assert compiled_shapes(classifier, "logits")
    network.set_scale(3.0)
    assert_equal_to_rounding(classifier.logits(images), 3 * images.reshape(4, -1) @ WEIGHTS.T)


def test_unchanged_weights_keep_what_was_compiled() -> None:
    classifier = MindSporeClassifier(SmallCnn(), nn.Softmax(), batch_size=1)
    for method in PROGRAMS:
        METHODS[method](classifier, images_of(4), seeds_of(4))
    before = dict(classifier._shared.known)
    for method in METHODS:
        METHODS[method](classifier, images_of(4), seeds_of(4))
    assert classifier._shared.known == before


# ReLU rules.


def test_rules_asked_in_turn_do_not_mix_once_compiled() -> None:
    network, images, seeds = SmallCnn(), images_of(4), seeds_of(4)
    classifier = MindSporeClassifier(network, batch_size=1)
    for rule in (guided, plain, deconvolution, guided, plain):
        gradient = classifier.gradient(images, seeds, relu_rule=rule)
        assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds, rule)[""])
    assert all(compiled_shapes(classifier, "gradient", rule) for rule in RULES)


def test_layers_asked_in_turn_do_not_mix_once_compiled() -> None:
    network, images, seeds = SmallCnn(), images_of(4), seeds_of(4)
    classifier = MindSporeClassifier(network, batch_size=1)
    for name in ("conv2", "conv1", "relu2", "conv2"):
        activation, gradient = classifier.layer(images, seeds, name)
        assert_equal_to_rounding(activation, replica_outputs(network, images)[name])
        assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds)[name])
    assert compiled_shapes(classifier, "layer", "conv1")


@pytest.mark.parametrize("rule", [deconvolution, guided])
def test_a_relu_cell_shared_by_two_call_sites_is_changed_at_both(rule: ReluRule) -> None:
    network, images, seeds = SmallCnn(), images_of(4), seeds_of(4)
    network.relu2 = network.relu1
    classifier = MindSporeClassifier(network, batch_size=1)
    wanted = replica_gradients(network, images, seeds, rule)[""]
    assert_equal_to_rounding(classifier.gradient(images, seeds, relu_rule=rule), wanted)
    assert compiled_shapes(classifier, "gradient", rule)


def halved(upstream: Any, relu_input: Any) -> Any:
    return upstream * 0.5


def test_a_rule_of_the_users_own_is_applied_at_every_relu() -> None:
    network, images, seeds = SmallCnn(), images_of(4), seeds_of(4)
    gradient = MindSporeClassifier(network, batch_size=1).gradient(images, seeds, relu_rule=halved)
    assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds, halved)[""])


def test_the_relu_of_mint_is_a_relu_cell_too() -> None:
    network, images, seeds = SmallCnn(), images_of(), seeds_of()
    network.relu1, network.relu2 = mint.nn.ReLU(), mint.nn.ReLU()
    gradient = MindSporeClassifier(network).gradient(images, seeds, relu_rule=guided)
    assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds, guided)[""])


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize(
    "relu", [ops.ReLU, lambda: ops.relu, lambda: rectified], ids=["operator", "function", "helper"]
)
@pytest.mark.parametrize("rule", RULES)
def test_relus_that_are_no_cells_follow_a_rule_too(rule: ReluRule, relu: Callable[[], Any], batch_size: int) -> None:
    network, images, seeds = SmallCnn(relu=relu), images_of(4), seeds_of(4)
    gradient = MindSporeClassifier(network, batch_size=batch_size).gradient(images, seeds, relu_rule=rule)
    assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds, rule)[""])


def test_rules_asked_in_turn_do_not_mix_where_relus_are_functions() -> None:
    network, images, seeds = SmallCnn(relu=lambda: ops.relu), images_of(4), seeds_of(4)
    classifier = MindSporeClassifier(network, batch_size=1)
    for rule in (guided, plain, deconvolution, guided, plain):
        gradient = classifier.gradient(images, seeds, relu_rule=rule)
        assert_equal_to_rounding(gradient, replica_gradients(network, images, seeds, rule)[""])
    assert_equal_to_rounding(classifier.logits(images), replica_outputs(network, images)["fc"])


@pytest.mark.parametrize("rule", [deconvolution, guided])
def test_a_rule_for_a_network_without_relu_is_refused(rule: ReluRule) -> None:
    with pytest.raises(NoReluError, match=r"found 0 ReLU cells among 3 cells of LinearNetwork.*use nn.ReLU cells"):
        MindSporeClassifier(LinearNetwork(WEIGHTS)).gradient(images_of(), seeds_of(), relu_rule=rule)


# Layers that cannot be used.


class OddLayers(nn.Cell):
    """A linear network behind a cell that a test chooses; `unused` never runs."""

    def __init__(self, odd: nn.Cell) -> None:
        super().__init__()
        self.odd = odd
        self.unused = nn.ReLU()
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        self.odd(images)
        return self.linear(images)


class Pair(nn.Cell):
    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


class BatchOnSecondAxis(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images.swapaxes(0, 1)


class OwnBackward(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images

    def bprop(self, images: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream,)


def test_an_unknown_layer_lists_the_nearest_names() -> None:
    with pytest.raises(LayerError, match="SmallCnn, got 'conv3'; did you mean 'conv2' or 'conv1'"):
        MindSporeClassifier(SmallCnn()).layer(images_of(), seeds_of(), "conv3")


def test_a_layer_that_runs_twice_is_refused() -> None:
    network = SmallCnn()
    network.relu2 = network.relu1
    with pytest.raises(LayerError, match="'relu1' must run once per pass, ran 2 times"):
        MindSporeClassifier(network).layer(images_of(), seeds_of(), "relu1")


def test_a_layer_that_is_not_reached_is_refused() -> None:
    with pytest.raises(LayerError, match="'unused' must run once per pass, ran 0 times"):
        MindSporeClassifier(OddLayers(nn.ReLU())).layer(images_of(), seeds_of(), "unused")


def test_a_layer_that_gives_no_single_tensor_is_refused() -> None:
    with pytest.raises(LayerError, match="'odd' must give one tensor with the batch on axis 0, got tuple"):
        MindSporeClassifier(OddLayers(Pair())).layer(images_of(), seeds_of(), "odd")


def test_a_layer_whose_first_axis_is_not_the_batch_is_refused() -> None:
    with pytest.raises(LayerError, match=r"the batch on axis 0, got shape \(2, 1, 5, 7\)"):
        MindSporeClassifier(OddLayers(BatchOnSecondAxis())).layer(images_of(), seeds_of(), "odd")


def test_a_layer_with_a_backward_rule_of_its_own_is_refused() -> None:
    with pytest.raises(LayerError, match="'odd' has a backward rule of its own"):
        MindSporeClassifier(OddLayers(OwnBackward())).layer(images_of(), seeds_of(), "odd")


class Scaling(nn.Cell):
    def construct(self, images: Tensor, scale: float = 1.0) -> Tensor:
        return images * scale


class KeywordCall(nn.Cell):
    """Calls its layer with a keyword argument."""

    def __init__(self) -> None:
        super().__init__()
        self.scaling = Scaling()
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        return self.linear(self.scaling(images, scale=2.0))


def test_a_layer_called_with_keyword_arguments_can_be_watched() -> None:
    images, seeds = images_of(4), seeds_of(4)
    activation, gradient = MindSporeClassifier(KeywordCall(), batch_size=1).layer(images, seeds, "scaling")
    assert_equal_to_rounding(activation, 2 * images)
    assert_equal_to_rounding(gradient, (seeds @ WEIGHTS).reshape(4, 2, 5, 7))


def test_a_cell_of_the_network_is_resolved_to_its_name() -> None:
    network = OddLayers(nn.ReLU())
    assert resolve_layer(network, network.linear.fc) == "linear.fc"


def test_a_cell_of_another_network_is_refused_as_a_layer() -> None:
    with pytest.raises(LayerError, match="a cell of SmallCnn, got a Conv2d that is not part of it"):
        resolve_layer(SmallCnn(), SmallCnn().conv2)


def test_a_layer_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(TypeError, match="`layer` must be the name of a cell or the cell itself, got int"):
        resolve_layer(SmallCnn(), 2)


# Networks and activations whose output is not what a classifier gives.


class OddOutput(nn.Cell):
    """(N, K) logits in a form that is not one (N, K) tensor."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def construct(self, images: Tensor) -> Any:
        logits = images.mean((2, 3))
        if self.form == "tuple":
            return logits, logits
        if self.form == "dict":
            return {"logits": logits}
        return logits[:, 0] if self.form == "(N,)" else logits[:, :, None, None]


@pytest.mark.parametrize(
    ("form", "got"), [("tuple", "tuple"), ("dict", "dict"), ("(N,)", r"shape \(1,\)"), ("map", r"shape \(1, 2, 1, 1\)")]
)
def test_a_network_that_gives_no_logits_is_refused(form: str, got: str) -> None:
    with pytest.raises(NetworkOutputError, match=rf"\(N, K\), got {got} for one image of \(2, 5, 7\); wrap it"):
        MindSporeClassifier(OddOutput(form)).logits(images_of())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_refuses_a_network_that_gives_no_logits(method: str) -> None:
    network = OddOutput("tuple")
    network.relu1, network.dropout = nn.ReLU(), nn.Dropout(p=0.5)
    with pytest.raises(NetworkOutputError, match=r"`network` must give one tensor of logits"):
        METHODS[method](MindSporeClassifier(network, nn.Softmax()), images_of(), seeds_of())


def test_an_activation_that_leaves_the_unit_interval_is_refused() -> None:
    with pytest.raises(NetworkOutputError, match=r"probabilities in \[0, 1\], got values in \[0, [1-9].*nn.Softmax"):
        MindSporeClassifier(LinearNetwork(WEIGHTS), nn.ReLU()).probabilities(images_of())


class Slightly(nn.Cell):
    """Leaves [0, 1] by a little less than what rounding may do."""

    def construct(self, logits: Tensor) -> Tensor:
        return (logits > 0).astype(mindspore.float32) * 1.00001 - 0.000005


def test_rounding_beyond_the_unit_interval_is_cut_off() -> None:
    probabilities = MindSporeClassifier(LinearNetwork(WEIGHTS), Slightly()).probabilities(images_of())
    assert set(probabilities.ravel().tolist()) == {0.0, 1.0}


class Summed(nn.Cell):
    def construct(self, logits: Tensor) -> Tensor:
        return logits.sum(1)


def test_an_activation_that_changes_the_shape_is_refused() -> None:
    with pytest.raises(NetworkOutputError, match=r"`activation_fn` must keep the shape \(3, 4\), got \(3,\)"):
        MindSporeClassifier(LinearNetwork(WEIGHTS), Summed()).probabilities(images_of())


@pytest.mark.parametrize("method", ["probabilities", "sampled_probabilities"])
def test_probabilities_without_an_activation_are_refused(method: str) -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` is needed.*pass nn.Softmax\(\) or nn.Sigmoid\(\)"):
        METHODS[method](MindSporeClassifier(SmallCnn()), images_of(), seeds_of())


def test_an_activation_that_is_no_cell_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore.nn.Cell, got function"):
        MindSporeClassifier(SmallCnn(), softmax)


# Dropout samples.


class DroppedPixels(nn.Cell):
    """Dropout on the pixels, then a linear network: expectation and variance are sums."""

    def __init__(self, dropout: nn.Cell, weights: FloatArray = WEIGHTS) -> None:
        super().__init__()
        self.dropout = dropout
        self.linear = LinearNetwork(weights)

    def construct(self, images: Tensor) -> Tensor:
        return self.linear(self.dropout(images))


class Shrunk(nn.Cell):
    """An affine activation: means and variances of logits go through it exactly."""

    def construct(self, logits: Tensor) -> Tensor:
        return logits * 0.001 + 0.5


class DroppedChannels(nn.Cell):
    """The mean of each channel after the dropout; the pixels are laid out along the given axes."""

    def __init__(self, dropout: nn.Cell, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.dropout = dropout
        self.axes = axes

    def construct(self, images: Tensor) -> Tensor:
        features = self.dropout(images.reshape(images.shape[:2] + self.axes))
        return features.reshape((*images.shape[:2], -1)).mean(2) / 4


class FrozenNorm(nn.Cell):
    """Batch norm ahead of the logits; the dropout's branch has the weight 0, so every draw is the plain output."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        self.dropout = nn.Dropout(p=0.5)
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        features = self.norm(images)
        return self.linear(features + 0 * self.dropout(features))


def values_of(dropout: nn.Cell, draws: int = 40) -> FloatArray:
    """What a dropout makes of pixels that are all 1: (draws, 1, 70)."""
    network = DroppedPixels(dropout, 0.25 * np.eye(70))
    return 4 * MindSporeClassifier(network, nn.Identity()).sampled_probabilities(
        np.ones((1, 2, 5, 7), np.float32), draws, 3
    )


def test_the_mean_of_many_draws_is_the_network_without_dropout() -> None:
    images, draws = images_of(), 3000
    network = DroppedPixels(nn.Dropout(p=0.3))
    sampled = MindSporeClassifier(network, Shrunk(), batch_size=1000).sampled_probabilities(images, draws, 1)
    standard_error = sampled.std(axis=0, ddof=1) / np.sqrt(draws)
    off = np.abs(sampled.mean(axis=0) - (images.reshape(3, -1) @ WEIGHTS.T * 0.001 + 0.5))
    # 12 means, each within 4 standard errors: beyond that 1 seed in 1300 would fail, and the seed is fixed.
    assert (off < 4 * standard_error).all()


def test_the_variance_of_many_draws_is_that_of_independent_pixels() -> None:
    images, draws = images_of(), 3000
    network = DroppedPixels(nn.Dropout(p=0.3))
    sampled = MindSporeClassifier(network, Shrunk(), batch_size=1000).sampled_probabilities(images, draws, 1)
    wanted = (images.reshape(3, -1) ** 2) @ (WEIGHTS.T**2) * 0.001**2 * 0.3 / 0.7
    # The standard error of the variance of nearly normal draws is sqrt(2 / draws) = 2.6 % of it; 4 of them.
    np.testing.assert_allclose(sampled.var(axis=0, ddof=1), wanted, rtol=4 * np.sqrt(2 / draws))


@pytest.mark.parametrize(
    ("dropout", "kept"),
    [
        (lambda: nn.Dropout(p=0.2), 0.8),
        (lambda: nn.Dropout(keep_prob=0.8), 0.8),
        (lambda: mint.nn.Dropout(p=0.2), 0.8),
        (lambda: nn.Dropout(p=0.7), 0.3),
    ],
)
def test_pixels_are_kept_at_the_cell_s_own_rate_and_scaled_up(dropout: Callable[[], nn.Cell], kept: float) -> None:
    values = values_of(dropout())
    alive = values > 0
    np.testing.assert_allclose(values[alive], 1 / kept, rtol=1e-6)  # a few roundings of float32
    # 2800 pixels: the standard error of their kept part is sqrt(kept * (1 - kept) / 2800); 4 of them.
    assert alive.mean() == pytest.approx(kept, abs=4 * np.sqrt(kept * (1 - kept) / alive.size))


@pytest.mark.parametrize(
    ("dropout", "axes"),
    [
        (lambda: nn.Dropout1d(p=0.5), (35,)),
        (lambda: nn.Dropout2d(p=0.5), (5, 7)),
        (lambda: nn.Dropout3d(p=0.5), (5, 7, 1)),
        (lambda: mint.nn.Dropout2d(p=0.5), (5, 7)),
    ],
)
def test_channel_dropouts_drop_whole_channels(dropout: Callable[[], nn.Cell], axes: tuple[int, ...]) -> None:
    classifier = MindSporeClassifier(DroppedChannels(dropout(), axes), nn.Identity())
    sampled = classifier.sampled_probabilities(np.ones((3, 4, 5, 7), np.float32), 20, 1)
    assert set(sampled.ravel().tolist()) == {0.0, 0.5}


def test_batch_norm_is_frozen_while_dropout_is_alive() -> None:
    classifier = MindSporeClassifier(FrozenNorm(), nn.Softmax())
    images = images_of()
    sampled = classifier.sampled_probabilities(images, 4, 1)
    assert_equal_to_rounding(sampled, np.broadcast_to(classifier.probabilities(images), (4, 3, 4)))


@pytest.mark.parametrize("method", ["logits", "gradient", "sampled_probabilities"])
def test_statistics_of_batch_norm_are_left_as_they_were(method: str) -> None:
    network = NormalisedCnn().set_train(True)
    before = [network.norm.moving_mean.asnumpy().copy(), network.norm.moving_variance.asnumpy().copy()]
    METHODS[method](MindSporeClassifier(network, nn.Softmax(), batch_size=1), images_of(), seeds_of())
    np.testing.assert_array_equal(network.norm.moving_mean.asnumpy(), before[0])
    np.testing.assert_array_equal(network.norm.moving_variance.asnumpy(), before[1])


def test_draws_differ_from_each_other() -> None:
    sampled = MindSporeClassifier(SmallCnn(), nn.Softmax()).sampled_probabilities(images_of(), 5, 1)
    assert len(np.unique(sampled[:, 0], axis=0)) == 5


def test_another_seed_gives_other_draws() -> None:
    classifier = MindSporeClassifier(SmallCnn(), nn.Softmax())
    first, second = (classifier.sampled_probabilities(images_of(), 5, seed) for seed in (1, 2))
    assert (np.abs(first - second).max(axis=(1, 2)) > 1e-3).all()


def test_the_draws_of_an_image_do_not_depend_on_the_order_of_images() -> None:
    images, order = images_of(), [2, 0, 1]
    classifier = MindSporeClassifier(SmallCnn(), nn.Softmax(), batch_size=2)
    shuffled = classifier.sampled_probabilities(images[order], 5, 1)
    assert_equal_to_rounding(shuffled, classifier.sampled_probabilities(images, 5, 1)[:, order])


def test_fewer_draws_are_the_first_of_more() -> None:
    classifier = MindSporeClassifier(SmallCnn(), nn.Softmax())
    few, many = (classifier.sampled_probabilities(images_of(), draws, 1) for draws in (2, 5))
    assert_equal_to_rounding(few, many[:2])


@pytest.mark.parametrize("network", [lambda: LinearNetwork(WEIGHTS), lambda: DroppedPixels(nn.Dropout(p=0.0))])
def test_a_network_that_drops_nothing_is_refused(network: Callable[[], nn.Cell]) -> None:
    with pytest.raises(NoDropoutError, match=r"no dropout cell .* every draw would be equal; .*networks=.*augment="):
        MindSporeClassifier(network(), nn.Softmax()).sampled_probabilities(images_of(), 3, 1)


def test_draws_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(NetworkOutputError, match=r"`activation_fn` must give probabilities in \[0, 1\]"):
        MindSporeClassifier(DroppedPixels(nn.Dropout(p=0.5)), nn.ReLU()).sampled_probabilities(images_of(), 3, 1)


@pytest.mark.parametrize(("draws", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)])
def test_a_number_of_draws_that_is_no_count_is_refused(draws: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`draws` must be"):
        MindSporeClassifier(SmallCnn(), nn.Softmax()).sampled_probabilities(images_of(), draws, 1)


# The user's arrays.


class InPlaceNetwork(nn.Cell):
    """Changes its input in place, as `images -= mean` in a construct does."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = LinearNetwork(WEIGHTS)

    def construct(self, images: Tensor) -> Tensor:
        images += 1.0
        return self.linear(images)


@pytest.mark.parametrize("method", ["logits", "probabilities", "gradient"])
def test_a_network_that_works_in_place_does_not_change_the_user_s_images(method: str) -> None:
    images = images_of(4)
    METHODS[method](MindSporeClassifier(InPlaceNetwork(), nn.Softmax(), batch_size=1), images, seeds_of(4))
    np.testing.assert_array_equal(images, images_of(4))


SLICE_WRITER = """
import numpy as np
import explainer
from mindspore import nn
from explainer.network.mindspore.adapter import MindSporeClassifier

class SliceWriter(nn.Cell):
    def construct(self, images):
        images[:, 0] = 0
        return images.mean((2, 3))

seeds = np.float32([[1, 3], [5, 7]])
print(MindSporeClassifier(SliceWriter()).gradient(np.ones((2, 2, 1, 2), np.float32), seeds).tolist())
"""


def test_a_network_that_writes_to_a_slice_of_its_input_has_a_gradient(tmp_path: Path) -> None:
    """In a process of its own: MindSpore ended it with a segmentation fault when the input itself was written to."""
    script = tmp_path / "slice_writer.py"
    script.write_text(SLICE_WRITER)
    package = {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    finished = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=os.environ | package, capture_output=True, text=True, timeout=120
    )
    assert finished.stdout == "[[[[0.0, 0.0]], [[1.5, 1.5]]], [[[0.0, 0.0]], [[3.5, 3.5]]]]\n"


@pytest.mark.parametrize("method", METHODS)
def test_read_only_images_are_taken(method: str) -> None:
    images = images_of()
    images.flags.writeable = False
    assert np.isfinite(METHODS[method](MindSporeClassifier(SmallCnn(), nn.Softmax()), images, seeds_of())).all()


class Kind(Enum):
    """Compared by `is`, which MindSpore does not compile."""

    ONE = 1
    TWO = 2


def test_mindspore_prints_nothing_of_a_network_that_it_cannot_compile(capfd: pytest.CaptureFixture[str]) -> None:
    class Choosing(SmallCnn):
        kind = Kind.ONE

        def construct(self, images: Tensor) -> Tensor:
            return super().construct(images) * (1 if self.kind is Kind.ONE else 2)

    classifier = MindSporeClassifier(Choosing())
    found = [classifier.logits(np.ones((3, 2, 5, 7), np.float32)) for _ in range(4)]
    np.testing.assert_allclose(found[3], found[0], 1e-5)
    assert not classifier._shared.compiled
    assert "ANALYZER" not in capfd.readouterr().err


def test_few_large_images_go_together_as_long_as_nothing_is_compiled() -> None:
    network = Counting(SmallCnn())
    classifier = MindSporeClassifier(network)
    images = np.random.default_rng(0).standard_normal((5, 2, 300, 400)).astype(np.float32)
    network.passes.clear()
    found = classifier.logits(images)
    assert network.passes == [1, 2, 2, 1]  # the first pass tells the shape of the answer
    np.testing.assert_allclose(
        found, np.concatenate([classifier.logits(images[:3]), classifier.logits(images[3:])]), 1e-5
    )
