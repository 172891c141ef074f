"""Gradients and layers by ONNX Runtime are MindSpore's, each proven once; what cannot be proven is MindSpore's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore.ops.operations.nn_ops import ReLUV3
from networks import NormalisedCnn, SmallCnn, random_weights

from explainer.errors import LayerError, NoReluError
from explainer.network import questions
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.program import Program
from explainer.network.mindspore.shared import shared_of
from explainer.network.of import classifier_of
from explainer.network.onnx.session import Session
from explainer.network.onnx_classifier import OnnxClassifier
from explainer.network.sessions import AtWork
from explainer.relu_rules import deconvolution, guided, plain

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
SEED = np.float32([[0, 1, 0, 0], [1, 0, 0, -2], [0, 0, 0.5, 0]])
SOFTMAX = nn.Softmax()
FLOAT32 = 2e-6


def on_onnx(network: nn.Cell, batch_size: int = 32) -> OnnxClassifier:
    return classifier_of(network, SOFTMAX, engine="onnxruntime", batch_size=batch_size)


def by_mindspore(network: nn.Cell) -> MindSporeClassifier:
    return MindSporeClassifier(network, SOFTMAX)


def assert_same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=FLOAT32 * np.abs(expected).max())


@pytest.fixture
def asked_of_mindspore(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What MindSpore is asked for, and for how many images."""
    asked: list[tuple[str, int]] = []

    def watch(name: str) -> None:
        own = getattr(MindSporeClassifier, name)

        def watched(self: Any, images: Any, *given: Any, **named: Any) -> Any:
            asked.append((name, len(images)))
            return own(self, images, *given, **named)

        monkeypatch.setattr(MindSporeClassifier, name, watched)

    for name in ("gradient", "layer", "activations"):
        watch(name)
    return asked


def test_sessions_of_a_network_hold_its_weights_once() -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    asked.logits(IMAGES)
    asked.gradient(IMAGES, SEED)
    asked.layer(IMAGES, SEED, "conv1")
    sessions = [entry.session for entry in shared_of(network).known.values() if isinstance(entry, AtWork)]
    held = [session.held["conv1.weight"] for session in sessions]
    assert len(held) == 3 and all(array is held[0] for array in held)
    network.conv1.weight.set_data(network.conv1.weight * 2)
    np.testing.assert_allclose(asked.logits(IMAGES), by_mindspore(network).logits(IMAGES), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(2 * held[0], shared_of(network).held_weights["conv1.weight"])


@pytest.mark.parametrize("kind", ["gradient", "layer"])
def test_mindspore_compiles_nothing_to_be_compared_with(
    kind: str, monkeypatch: pytest.MonkeyPatch, asked_of_mindspore: list[tuple[str, int]]
) -> None:
    def compile_nothing(*given: Any, **named: Any) -> None:
        pytest.fail("MindSpore compiles what ONNX Runtime is about to answer")

    monkeypatch.setattr(Program, "_compile", compile_nothing)
    network = classifier_of(SmallCnn(), SOFTMAX, engine="auto")
    names = ("conv1",) if kind == "layer" else ()
    for _ in range(4):
        getattr(network, kind)(IMAGES, SEED, *names)
    assert asked_of_mindspore == [(kind, 3), (kind, 3), (kind, 1)]


class Residual(nn.Cell):
    """A class used twice, with a sum, a concatenation and a cell that passes its input on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Branches(2, 1), Branches(6, 2)
        self.same = nn.Identity()
        self.scale = nn.Conv2d(6, 6, 1, weight_init=random_weights((6, 6, 1, 1), 7))
        self.fc = nn.Dense(6, 4, weight_init=random_weights((4, 6), 8, 2.0))

    def construct(self, images: Tensor) -> Tensor:
        features = self.second(self.first(images))
        features = features + self.scale(self.same(features))
        return self.fc(features.mean((2, 3)))


class Branches(nn.Cell):
    """Two convolutions beside each other, a ReLU called as a function."""

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, 2, 1, weight_init=random_weights((2, channels, 1, 1), seed))
        self.three = nn.Conv2d(channels, 4, 3, weight_init=random_weights((4, channels, 3, 3), seed + 1))

    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(ops.concat((self.one(features), self.three(features)), 1))


@pytest.mark.parametrize("rule", [plain, guided, deconvolution])
@pytest.mark.parametrize("make", [SmallCnn, NormalisedCnn, Residual])
def test_a_gradient_is_mindspores_under_every_rule(
    make: Callable[[], nn.Cell], rule: Any, asked_of_mindspore: list[Any]
) -> None:
    network = make()
    expected = by_mindspore(network).gradient(IMAGES, SEED, relu_rule=rule)
    asked_of_mindspore.clear()
    asked = on_onnx(network, batch_size=2)
    for _ in range(2):
        assert_same(asked.gradient(IMAGES, SEED, relu_rule=rule), expected)
    assert asked_of_mindspore == [("gradient", 1)]  # for the proof


@pytest.mark.parametrize("layer", ["first", "second", "first.three", "second.one", "scale", "same"])
def test_a_layer_is_found_by_what_it_gives_whatever_scope_mindspore_tells(layer: str, asked_of_mindspore: Any) -> None:
    """`same` gives the numbers of `second`, and has another gradient: the sum's other operand is not behind it."""
    network = Residual()
    expected = by_mindspore(network).layer(IMAGES, SEED, layer)
    of_second = by_mindspore(network).layer(IMAGES, SEED, "second")[1]
    asked_of_mindspore.clear()
    for _ in range(2):
        for found, wanted in zip(on_onnx(network).layer(IMAGES, SEED, layer), expected, strict=True):
            assert_same(found, wanted)
    if layer == "same":
        assert np.abs(expected[1] - of_second).max() > 0.1 * np.abs(of_second).max()


@pytest.mark.parametrize("layer", ["first", "second", "second.three", "scale"])
def test_a_layer_s_output_alone_is_mindspores(layer: str) -> None:
    network = Residual()
    assert_same(on_onnx(network).activations(IMAGES, layer), by_mindspore(network).activations(IMAGES, layer))


def test_the_input_is_a_layer_too() -> None:
    activation, gradient = on_onnx(SmallCnn()).layer(IMAGES, SEED, "")
    assert np.array_equal(activation, IMAGES)
    assert_same(gradient, by_mindspore(SmallCnn()).gradient(IMAGES, SEED))


def out_of_reach() -> SmallCnn:
    """Its ReLUs are an operator of another name, which MindSpore's rules do not reach."""
    return SmallCnn(relu=ReLUV3)


@pytest.mark.parametrize("engine", ["onnxruntime", "auto"])
def test_a_rule_reaches_every_relu_of_the_graph(engine: str) -> None:
    """With "auto" MindSpore is asked first, of a network of which little has been asked."""
    expected = by_mindspore(SmallCnn()).gradient(IMAGES, SEED, relu_rule=guided)
    asked = classifier_of(out_of_reach(), engine=engine)
    assert_same(asked.gradient(IMAGES, SEED, relu_rule=guided), expected)
    with pytest.raises(NoReluError):
        classifier_of(out_of_reach(), engine="mindspore").gradient(IMAGES, SEED, relu_rule=guided)


@pytest.mark.parametrize("make", [SmallCnn, out_of_reach])
@pytest.mark.parametrize("rule", [guided, deconvolution])
def test_where_a_rule_passes_nothing_back_the_gradient_is_zero(make: Callable[[], SmallCnn], rule: Any) -> None:
    network = make()
    weights = np.abs(network.fc.weight.asnumpy())
    weights[1] *= -1
    network.fc.weight.set_data(Tensor(weights))
    asked = on_onnx(network)
    assert asked.gradient(IMAGES, np.eye(4, dtype=np.float32)[[0, 0, 0]], relu_rule=rule).any()
    seed = np.eye(4, dtype=np.float32)[[0, 1, 1]]
    found = asked.gradient(IMAGES, seed, relu_rule=rule)
    assert found.reshape(3, -1).any(axis=1).tolist() == [True, False, False]
    assert asked.gradient(IMAGES, seed)[1:].any()


class Smooth(nn.Cell):
    """No ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, weight_init=random_weights((3, 2, 3, 3), 1))
        self.fc = nn.Dense(3, 4, weight_init=random_weights((4, 3), 2))

    def construct(self, images: Tensor) -> Tensor:
        return self.fc((self.conv(images) ** 2).mean((2, 3)))


def test_a_rule_without_a_relu_is_refused_and_a_smooth_gradient_is_exact() -> None:
    network = Smooth()
    assert_same(on_onnx(network).gradient(IMAGES, SEED), by_mindspore(network).gradient(IMAGES, SEED))
    with pytest.raises(NoReluError):
        on_onnx(network).gradient(IMAGES, SEED, relu_rule=guided)


def test_no_question_is_put_where_nothing_is_asked_for() -> None:
    """A seed of zeros tells nothing of the gradient, so nothing is proven by it."""
    network = SmallCnn()
    asked = on_onnx(network)
    assert not asked.gradient(IMAGES, np.zeros_like(SEED)).any()
    assert "gradient" not in asked.engine_for(IMAGES).questions
    seed = SEED * [[0], [1], [1]]
    assert_same(asked.gradient(IMAGES, seed), by_mindspore(network).gradient(IMAGES, seed))
    assert asked.engine_for(IMAGES).questions["gradient"].difference < FLOAT32


class Rounded(SmallCnn):
    """Its logits are steps: the way back is cut."""

    def construct(self, images: Tensor) -> Tensor:
        return ops.round(super().construct(images) * 1e3)


def test_a_way_back_that_is_cut_is_an_error() -> None:
    with pytest.raises(LayerError, match="the gradient at the input is exactly zero"):
        on_onnx(Rounded()).gradient(IMAGES, SEED)


def test_an_image_without_a_gradient_has_zeros_beside_others() -> None:
    """Every unit of a dark image is off; the others are as they are without it."""
    network = SmallCnn()
    for name in ("conv1", "conv2"):
        bias = getattr(network, name).bias
        bias.set_data(Tensor(-np.abs(bias.asnumpy()) - 0.1))
    images = IMAGES * 3
    images[1] = 0
    found = on_onnx(network).gradient(images, SEED)
    assert not found[1].any() and found[0].any()
    assert_same(found, by_mindspore(network).gradient(images, SEED))


class Steep(Smooth):
    """Sines of large numbers: the last digit of an image decides the fourth of a gradient."""

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(ops.sin(images * 300))


@pytest.mark.parametrize("explained", [True, False])
def test_a_smooth_gradient_may_differ_by_what_the_last_digit_of_the_images_changes(
    explained: bool, asked_of_mindspore: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Steep()
    monkeypatch.setattr(questions, "_SMOOTH", 1e-12)  # no rounding but what can be explained
    if not explained:
        monkeypatch.setattr(questions, "with_other_last_digits", lambda images: images)
    asked = on_onnx(network)
    asked.gradient(IMAGES, SEED)
    assert asked.engine_for(IMAGES).questions["gradient"].name == ("onnxruntime" if explained else "mindspore")
    assert asked_of_mindspore[:2] == [("gradient", 1)] * 2


class Stopping(SmallCnn):
    """MindSpore's export has no stop: the gradient of its graph is another."""

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images * ops.stop_gradient(images))


def clipped(gradient: Tensor) -> Tensor:
    return ops.clip_by_value(gradient, -0.1, 0.1)


class Inserting(SmallCnn):
    """Changes a gradient where it is large."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = ops.InsertGradientOf(clipped)

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(self.clip(images) * 2)


class Halving(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images * 2

    def bprop(self, images: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream * 1.03,)


class WithHidden(SmallCnn):
    """Has a backward rule in a cell of which no cell knows; it is off by less than units near zero would be."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = [Halving()]

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(self.hidden[0](images))


@pytest.mark.parametrize("make", [Stopping, Inserting, WithHidden])
def test_where_a_network_changes_a_gradient_outputs_are_onnx_runtimes_and_gradients_mindspores(
    make: type[SmallCnn], asked_of_mindspore: Any
) -> None:
    network = make()
    asked = on_onnx(network)
    assert_same(asked.logits(IMAGES), network(Tensor(IMAGES)).asnumpy())
    assert_same(asked.activations(IMAGES, "conv1"), by_mindspore(network).activations(IMAGES, "conv1"))
    asked_of_mindspore.clear()
    assert_same(asked.gradient(IMAGES, SEED), by_mindspore(network).gradient(IMAGES, SEED))
    assert asked_of_mindspore == [("gradient", 3)] * 2
    found = asked.engine_for(IMAGES)
    assert found.name == "onnxruntime" and "changes a gradient itself" in str(found.questions["gradient"].reason)


class Untrained(nn.Cell):
    """Two blocks whose last scale is zero, as ResNets begin: all their values are the same until they are trained."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, weight_init=random_weights((4, 2, 3, 3), 1))
        self.one, self.two = Block(2), Block(3)
        self.fc = nn.Dense(4, 4, weight_init=random_weights((4, 4), 4))

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.two(self.one(ops.relu(self.stem(images)))).mean((2, 3)))


class Block(nn.Cell):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, weight_init=random_weights((4, 4, 3, 3), seed))
        self.scale = mindspore.Parameter(Tensor(np.zeros((1, 4, 1, 1), np.float32)), name="scale")

    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(features + self.conv(features) * self.scale)


@pytest.mark.parametrize("layer", ["one", "two"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_layer_that_was_the_same_as_others_is_found_again_with_other_weights(layer: str, shuffled: bool) -> None:
    network = Untrained()
    asked, reference = on_onnx(network), by_mindspore(network)
    asked.layer(IMAGES, SEED, layer)
    asked.activations(IMAGES, layer)
    for block in (network.one, network.two):
        ops.assign(block.scale, Tensor(np.full((1, 4, 1, 1), 0.7, np.float32)))
    for found, wanted in zip(asked.layer(IMAGES, SEED, layer), reference.layer(IMAGES, SEED, layer), strict=True):
        assert_same(found, wanted)
    assert_same(asked.activations(IMAGES, layer), reference.activations(IMAGES, layer))
    if shuffled:
        with asked.randomised(1) as shuffle:
            shuffle("one.conv")
            pairs = zip(asked.layer(IMAGES, SEED, layer), reference.layer(IMAGES, SEED, layer), strict=True)
            for found, wanted in pairs:
                assert_same(found, wanted)
        assert_same(asked.layer(IMAGES, SEED, layer)[0], reference.activations(IMAGES, layer))


# The network changes.


def test_other_weights_have_other_gradients_at_once() -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    before = asked.gradient(IMAGES, SEED)
    for change in (
        lambda: ops.assign(network.conv1.weight, network.conv1.weight * 2),
        lambda: network.fc.weight.set_data(-network.fc.weight),
    ):
        change()
        found = asked.gradient(IMAGES, SEED)
        assert np.abs(found - before).max() > 1e-2
        assert_same(found, by_mindspore(network).gradient(IMAGES, SEED))
        assert_same(asked.layer(IMAGES, SEED, "conv2")[0], by_mindspore(network).activations(IMAGES, "conv2"))


def test_shuffled_weights_are_given_with_the_question_and_make_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    network = SmallCnn()
    asked, reference = on_onnx(network), by_mindspore(network)
    made: list[None] = []
    own = Session.__init__
    with asked.unchanged():
        before = asked.gradient(IMAGES, SEED)
        monkeypatch.setattr(Session, "__init__", lambda *given, **named: made.append(None) or own(*given, **named))
        with asked.randomised(1) as shuffle:
            for name in ("fc", "conv2", "conv1"):
                shuffle(name)
                found = asked.gradient(IMAGES, SEED)
                assert_same(found, reference.gradient(IMAGES, SEED))
                assert_same(asked.logits(IMAGES), reference.logits(IMAGES))
                assert np.abs(found - before).max() > 1e-2
        assert np.array_equal(asked.gradient(IMAGES, SEED), before)
    assert len(made) == 2  # one that is given weights for each of the two questions


# What cannot be proven.


def test_a_gradient_that_is_another_is_left_for_mindspore(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = SmallCnn()
    own = questions.gradient_graph
    monkeypatch.setattr(questions, "gradient_graph", lambda graph, **named: own(graph, rule=deconvolution))
    asked = on_onnx(network)
    with caplog.at_level(logging.INFO, "explainer"):
        for _ in range(2):
            assert_same(asked.gradient(IMAGES, SEED), by_mindspore(network).gradient(IMAGES, SEED))
    (told,) = [entry for entry in caplog.records if "computes the gradient, not ONNX Runtime" in entry.message]
    assert told.levelno == logging.WARNING and "is another than MindSpore's, by " in told.message
    found = asked.engine_for(IMAGES)
    assert found.name == "onnxruntime" and found.questions["gradient"].name == "mindspore"
    assert found.recorded["questions"]["gradient"]["reason"] in told.message


def test_a_layer_that_is_no_value_of_the_graph_is_left_for_mindspore(monkeypatch: pytest.MonkeyPatch) -> None:
    network = SmallCnn()
    monkeypatch.setattr(questions, "values_like", lambda *given: [])
    for found, expected in zip(
        on_onnx(network).layer(IMAGES, SEED, "conv2"), by_mindspore(network).layer(IMAGES, SEED, "conv2"), strict=True
    ):
        assert_same(found, expected)
    questions_put = on_onnx(network).engine_for(IMAGES).questions
    assert questions_put["gradient at the layer 'conv2'"].reason == (
        "no value of the graph is what the layer 'conv2' gives"
    )


def test_an_answer_that_fails_is_mindspores(monkeypatch: pytest.MonkeyPatch) -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    expected = asked.gradient(IMAGES, SEED)

    def failing(self: Session, images: Any, *others: Any) -> Any:
        raise RuntimeError("Failed to allocate memory")

    monkeypatch.setattr(Session, "__call__", failing)
    for _ in range(2):
        assert_same(asked.gradient(IMAGES, SEED), expected)
