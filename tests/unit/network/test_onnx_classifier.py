"""Outputs by ONNX Runtime are those that the network gives at that moment, or MindSpore's."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError
from typing import Any

import mindspore
import numpy as np
import pytest
from gpus import FakeGpu
from mindspore import Tensor, nn, ops
from networks import SmallCnn

from explainer import RunOptions
from explainer.errors import EngineError, NetworkOutputError
from explainer.explanation import RISE, Occlusion
from explainer.network import translation
from explainer.network.engine import Engine, default_engine, version_of
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.of import classifier_of
from explainer.network.onnx.session import Session
from explainer.network.onnx_classifier import OnnxClassifier
from explainer.network.sessions import Sessions

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
SOFTMAX = nn.Softmax()


class Backwards(SmallCnn):
    """Has a backward rule of its own, which no graph holds."""

    def bprop(self, images: Tensor, output: Tensor, gradient: Tensor) -> tuple[Tensor]:
        return (images * 0,)


class BySize(SmallCnn):
    """Answers one image otherwise than several."""

    def construct(self, images: Tensor) -> Tensor:
        logits = super().construct(images)
        return logits * 2 if images.shape[0] == 1 else logits


class Pair(SmallCnn):
    """Gives two tensors."""

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = super().construct(images)
        return logits, images.mean((2, 3))


class Stopped(SmallCnn):
    """Stops a part of its gradient."""

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images) + ops.stop_gradient(super().construct(images))


def on_onnx(network: nn.Cell) -> OnnxClassifier:
    return classifier_of(network, SOFTMAX, engine="onnxruntime")


def assert_mindspores(found: Any, network: nn.Cell) -> None:
    """The network itself is asked, not what is known of it."""
    expected = network(Tensor(IMAGES)).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


@pytest.fixture
def sessions_made(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each session."""
    made: list[None] = []
    own = Session.__init__

    def counted(self: Session, *given: Any, **named: Any) -> None:
        made.append(None)
        own(self, *given, **named)

    monkeypatch.setattr(Session, "__init__", counted)
    return made


@pytest.fixture
def graphs_taken(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each graph that MindSpore exports."""
    taken: list[None] = []
    own = translation.captured

    def counted(*given: Any) -> Any:
        taken.append(None)
        return own(*given)

    monkeypatch.setattr(translation, "captured", counted)
    return taken


@pytest.fixture
def no_mindspore(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, nothing may ask MindSpore for outputs of many images."""

    def forbid() -> None:
        def asked(*given: Any) -> Any:
            raise AssertionError("MindSpore was asked")

        monkeypatch.setattr(MindSporeClassifier, "logits", asked)
        monkeypatch.setattr(MindSporeClassifier, "outputs", asked)

    return forbid


def test_outputs_come_from_onnx_runtime_for_any_number_of_images(no_mindspore: Callable[[], None]) -> None:
    network = SmallCnn()
    no_mindspore()
    asked = classifier_of(network, SOFTMAX, engine="onnxruntime", batch_size=2)
    assert_mindspores(asked.logits(IMAGES), network)
    assert_mindspores(asked.outputs(IMAGES), network)
    assert_mindspores(asked.clean_logits(IMAGES), network)
    expected = ops.softmax(network(Tensor(IMAGES))).asnumpy()
    np.testing.assert_allclose(asked.probabilities(IMAGES), expected, atol=2e-6)
    found = asked.engine_for(IMAGES)
    assert found.name == "onnxruntime" and 0 <= found.difference < 2e-6


def test_small_images_are_asked_about_for_four_passes_at_once_where_onnx_runtime_answers() -> None:
    network = SmallCnn()
    classifier = on_onnx(network)
    assert classifier.asked_at_once(32, (2, 5, 7)) == 32  # nobody knows yet who answers
    classifier.logits(IMAGES)
    assert classifier.asked_at_once(32, (2, 5, 7)) == 128
    assert classifier.asked_at_once(32, (2, 224, 224)) == 32


def test_several_outputs_are_a_tuple_and_no_logits() -> None:
    network = Pair()
    logits, means = on_onnx(network).outputs(IMAGES)
    expected = [output.asnumpy() for output in network(Tensor(IMAGES))]
    np.testing.assert_allclose(logits, expected[0], atol=1e-5)
    np.testing.assert_allclose(means, expected[1], atol=1e-6)
    with pytest.raises(NetworkOutputError, match="one tensor of logits"):
        on_onnx(network).logits(IMAGES)


# The network changes.


def written_in_place(network: SmallCnn) -> None:
    ops.assign(network.conv1.weight, network.conv1.weight * 2)


def trained(network: SmallCnn) -> None:
    step = nn.TrainOneStepCell(
        nn.WithLossCell(network, nn.SoftmaxCrossEntropyWithLogits(sparse=True)),
        nn.SGD(network.trainable_params(), learning_rate=0.5),
    )
    step(Tensor(IMAGES), Tensor(np.int32([1, 2, 3])))
    network.set_train(False)


def put_into(network: SmallCnn) -> None:
    network.fc.weight.set_data(network.fc.weight * -1)


def loaded(network: SmallCnn) -> None:
    other = {name: mindspore.Parameter(weight * 3) for name, weight in network.parameters_dict().items()}
    mindspore.load_param_into_net(network, other)


def replaced(network: SmallCnn) -> None:
    network.relu1 = nn.Identity()


@pytest.mark.parametrize(
    ("change", "graphs"), [(written_in_place, 1), (trained, 1), (put_into, 1), (loaded, 1), (replaced, 2)]
)
def test_a_change_is_seen_at_once(change: Callable[[SmallCnn], None], graphs: int, graphs_taken: list[None]) -> None:
    """New weights need a new session alone; another cell needs another graph."""
    network = SmallCnn()
    asked = on_onnx(network)
    before = asked.logits(IMAGES)
    change(network)
    assert np.abs(network(Tensor(IMAGES)).asnumpy() - before).max() > 1e-3
    assert_mindspores(asked.logits(IMAGES), network)
    assert len(graphs_taken) == graphs


class Scaled(SmallCnn):
    """Multiplies by what it holds: a number, and an entry of a dictionary, which nobody can see change."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = 1.0
        self.settings = {"scale": 1.0}

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images) * self.factor * self.settings["scale"]


def test_a_constant_that_changes_is_seen_at_once() -> None:
    network = Scaled()
    asked = on_onnx(network)
    asked.logits(IMAGES)
    network.factor = 3.0
    assert_mindspores(asked.logits(IMAGES), network)


class BySetting(SmallCnn):
    """Reads an entry of a list for large images alone, so that a small one cannot tell that it has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.factors = [1.0]

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images * self.factors[0] if images.shape[2] > 6 else images)


class Clamped(SmallCnn):
    """What it is changed by shows with bright images alone."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 100.0

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(self.cut(images))

    def cut(self, images: Tensor) -> Tensor:
        return ops.clamp(images, None, self.limit)


def limited(images: Tensor) -> Tensor:
    return ops.clamp(images, None, 1.0)


UNSEEN_AT_FIRST: dict[str, Callable[[Any], None]] = {
    "a number": lambda network: setattr(network, "limit", 1.0),
    "a method": lambda network: setattr(network, "cut", limited),
}


@pytest.mark.parametrize("change", UNSEEN_AT_FIRST.values(), ids=UNSEEN_AT_FIRST)
def test_a_graph_of_what_the_network_was_is_not_taken_though_the_first_images_do_not_show_it(
    change: Callable[[Any], None], graphs_taken: list[None]
) -> None:
    network = Clamped()
    classifier = on_onnx(network)
    dark, bright = np.minimum(IMAGES, 0.4), np.abs(IMAGES) + 5
    classifier.logits(dark)
    change(network)
    with classifier.unchanged():  # as each method and each run asks
        classifier.logits(dark)
        found = classifier.logits(bright)
    np.testing.assert_allclose(found, network(Tensor(bright)).asnumpy(), rtol=1e-4, atol=1e-5)
    assert len(graphs_taken) == 2


@pytest.mark.parametrize("method", [RISE, Occlusion])
def test_no_pass_is_larger_for_what_is_asked_at_once_and_no_map_is_another(
    method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_ENGINE", "onnxruntime")
    settings: dict[str, Any] = {"masks": 50, "seed": 3} if method is RISE else {"window": 2, "stride": 1}
    explainer = method(SmallCnn(), SOFTMAX, 4, **settings)
    first = explainer(IMAGES, [0, 1, 2])  # asked batch by batch, as nothing is known yet
    sizes: list[int] = []
    own = Session.__call__
    monkeypatch.setattr(Session, "__call__", lambda self, *given: sizes.append(len(given[0])) or own(self, *given))
    again = explainer(IMAGES, [0, 1, 2])
    assert max(sizes) == 4 and len(sizes) <= -(-len(IMAGES) * 50 // 4) + 1
    np.testing.assert_allclose(again, first, rtol=0, atol=1e-6)


@pytest.mark.parametrize("engine", ["onnxruntime", "mindspore"])
def test_what_can_be_seen_to_be_others_is_dropped_though_a_known_answer_stays(engine: str) -> None:
    network, large = BySetting(), np.random.default_rng(1).standard_normal((3, 2, 8, 7)).astype(np.float32)
    asked = classifier_of(network, batch_size=1, engine=engine)
    for images in (IMAGES, large):
        for _ in range(2):
            asked.logits(images)
    network.factors[0] = 3.0
    with asked.unchanged():
        expected = network(Tensor(large)).asnumpy()
        np.testing.assert_allclose(asked.logits(large), expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_threads_that_come_and_go_leave_the_network_looked_at() -> None:
    """One begins before the other and ends before it."""
    network = SmallCnn()
    asked = on_onnx(network)
    entered, left = threading.Event(), threading.Event()

    def other() -> None:
        with asked.in_run("onnxruntime"):
            entered.set()
            left.wait(10)

    thread = threading.Thread(target=other)
    with asked.in_run("onnxruntime"):
        asked.clean_logits(IMAGES)
        thread.start()
        entered.wait(10)
    left.set()
    thread.join()
    assert not asked.keeps_outputs
    ops.assign(network.conv1.weight, network.conv1.weight * 2)
    assert_mindspores(asked.clean_logits(IMAGES), network)


def test_while_weights_are_shuffled_no_other_thread_sees_them() -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    before = asked.logits(IMAGES)
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(asked.logits(IMAGES)))
    with asked.randomised(1) as shuffle:
        shuffle("fc")
        thread.start()
        thread.join(0.2)
        assert not seen
    thread.join(10)
    assert np.array_equal(seen[0], before)


def test_a_graph_that_onnx_runtime_cannot_run_is_left_for_mindspore(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: Any, *given: Any) -> Any:
        raise RuntimeError("Split: a number of rows\nmore")

    network = SmallCnn()
    asked = classifier_of(network, SOFTMAX, engine="auto")
    with monkeypatch.context() as patch, asked.in_run("auto"):
        patch.setattr("onnxruntime.InferenceSession.run", run)
        assert_mindspores(asked.logits(IMAGES), network)
        assert (
            asked.engine_for(IMAGES).reason == "ONNX Runtime failed for 1 images of (2, 5, 7): Split: a number of rows"
        )


class Wrapper(nn.Cell):
    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.backbone = network

    def construct(self, images: Tensor) -> Tensor:
        return self.backbone(images) * 2


def test_parameters_may_get_other_names() -> None:
    """As those of a network that becomes a part of another one do."""
    network = SmallCnn()
    asked = on_onnx(network)
    before = asked.logits(IMAGES)
    wrapper = Wrapper(network)
    assert network.fc.weight.name == "backbone.fc.weight"
    assert np.array_equal(asked.logits(IMAGES), before)
    assert_mindspores(on_onnx(wrapper).logits(IMAGES), wrapper)
    network.fc.weight.set_data(network.fc.weight * 3)
    assert_mindspores(asked.logits(IMAGES), network)


class OfItsOwn(SmallCnn):
    """Has another cell for one of its names."""

    def __init__(self) -> None:
        super().__init__()
        self.choices = nn.CellList([nn.ReLU(), nn.Tanh()])
        self.choice = self.choices[0]

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(self.choice(images))


def test_a_name_that_is_given_to_another_cell_of_the_network_is_seen() -> None:
    network = OfItsOwn()
    asked = on_onnx(network)
    before = asked.logits(IMAGES)
    network.choice = network.choices[1]
    assert_mindspores(asked.logits(IMAGES), network)
    assert np.abs(asked.logits(IMAGES) - before).max() > 1e-3


class InList(SmallCnn):
    """Holds a weight in a list, of which no cell knows."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = [mindspore.Parameter(Tensor(np.float32([2.0])), name="hidden")]

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images * self.weights[0])


def test_a_weight_that_no_cell_knows_is_left_for_mindspore() -> None:
    network = InList()
    asked = classifier_of(network, SOFTMAX, engine="auto")
    for _ in range(4):
        assert_mindspores(asked.logits(IMAGES), network)
    with pytest.raises(EngineError, match="'hidden' is in a list or a dictionary, of which no cell knows"):
        on_onnx(network).logits(IMAGES)


def test_what_no_cell_tells_is_seen_where_the_network_is_asked_first() -> None:
    """As an explainer's call does, and a run."""
    network = Scaled()
    asked = on_onnx(network)
    asked.logits(IMAGES)
    network.settings["scale"] = 3.0
    asked.class_count(IMAGES)
    assert_mindspores(asked.logits(IMAGES), network)
    network.settings["scale"] = 5.0
    with asked.unchanged():
        assert_mindspores(asked.logits(IMAGES), network)


def test_weights_are_looked_at_once_while_nobody_changes_them(
    sessions_made: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    asked.logits(IMAGES)
    looked: list[None] = []
    own = Session.holds
    monkeypatch.setattr(Session, "holds", lambda *given: looked.append(None) or own(*given))
    with asked.unchanged():
        for _ in range(3):
            asked.logits(IMAGES)
    assert (len(looked), len(sessions_made)) == (1, 1)
    for _ in range(3):
        asked.logits(IMAGES)
    assert (len(looked), len(sessions_made)) == (4, 1)


def test_weights_that_are_shuffled_are_those_that_answer_and_then_the_old_ones() -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    with asked.unchanged():
        before = asked.logits(IMAGES)
        with asked.randomised(1) as shuffle:
            for name in ("fc", "conv1"):
                shuffle(name)
                assert_mindspores(asked.logits(IMAGES), network)
                assert np.abs(asked.logits(IMAGES) - before).max() > 1e-2
        np.testing.assert_array_equal(asked.logits(IMAGES), before)


def test_one_session_serves_all_who_ask_of_a_network(sessions_made: list[None]) -> None:
    network = SmallCnn()
    asked = on_onnx(network), classifier_of(network, engine="onnxruntime", batch_size=1)
    for classifier in asked:
        assert_mindspores(classifier.logits(IMAGES), network)
    assert len(sessions_made) == 1


# Which engine.


def test_outside_a_run_auto_takes_onnx_runtime_with_the_third_batch(no_mindspore: Callable[[], None]) -> None:
    network = SmallCnn()
    asked = classifier_of(network, engine="auto")
    for _ in range(2):
        assert_mindspores(asked.logits(IMAGES), network)
        assert asked.engine_for(IMAGES) == Engine("mindspore")
    no_mindspore()
    assert_mindspores(asked.logits(IMAGES), network)
    assert asked.engine_for(IMAGES).name == "onnxruntime"


def test_outside_a_run_auto_takes_onnx_runtime_for_many_pixels_at_once(
    no_mindspore: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Sessions._made

    def quick(self: Sessions, images: Any, device: str) -> Any:
        found = own(self, images, device)
        found.speedup = 2.0
        return found

    monkeypatch.setattr(Sessions, "_made", quick)
    network, images = SmallCnn(), np.random.default_rng(1).standard_normal((4, 2, 500, 510)).astype(np.float32)
    few = classifier_of(network, engine="auto", batch_size=2)
    few.logits(images[:, :, :100])
    assert few.engine_for(images[:, :, :100]) == Engine("mindspore")
    no_mindspore()
    asked = classifier_of(network, engine="auto")
    asked.logits(images)
    assert asked.engine_for(images).name == "onnxruntime"


class Centred(SmallCnn):
    """Takes the mean of the batch away, so that an image's answer depends on the others."""

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images - images.mean(0) / 2)


def test_a_network_that_mixes_the_images_of_a_batch_is_refused() -> None:
    """How many images go together is nobody's business but the engine's."""
    with pytest.raises(
        EngineError, match=r"depends on the others of its batch, by \d.*must answer each image for itself"
    ):
        on_onnx(Centred()).logits(IMAGES)


def test_a_weight_that_is_transposed_in_place_is_seen() -> None:
    network = nn.SequentialCell(nn.Flatten(), nn.Dense(70, 6), nn.ReLU(), nn.Dense(6, 6))
    asked, reference = on_onnx(network), classifier_of(network, engine="mindspore")
    for _ in range(2):
        for _ in range(3):  # the third is compiled
            assert_mindspores(asked.logits(IMAGES), network)
            assert_mindspores(reference.logits(IMAGES), network)
        network[3].weight.set_data(network[3].weight.T)


def test_a_zero_that_gets_a_sign_makes_one_session(sessions_made: list[None]) -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    ops.assign(network.conv1.bias, ops.zeros_like(network.conv1.bias))
    asked.logits(IMAGES)
    ops.assign(network.conv1.bias, -network.conv1.bias)
    asked.logits(IMAGES)
    del sessions_made[:]
    for _ in range(3):
        assert_mindspores(asked.logits(IMAGES), network)
    assert sessions_made == []


@pytest.mark.parametrize("engine", ["mindspore", "onnxruntime"])
def test_no_images_are_refused(engine: str) -> None:
    classifier = classifier_of(SmallCnn(), engine=engine)
    classifier.logits(IMAGES)
    with pytest.raises(ValueError, match="must have at least one image, got none"):
        classifier.logits(IMAGES[:0])


def test_outside_a_run_a_gradient_counts_as_three_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(Sessions, "_made", lambda self, images, device: asked.append(len(images)) or EngineError("no"))
    network = SmallCnn()
    images = np.random.default_rng(1).standard_normal((2, 2, 410, 420)).astype(np.float32)
    seed = np.eye(4, dtype=np.float32)[[1, 3]]
    classifier = classifier_of(network, engine="auto")
    classifier.logits(images)
    assert asked == []
    other = classifier_of(SmallCnn(), engine="auto")
    other.gradient(images, seed)
    assert asked == [2]


def test_in_a_run_all_classifiers_of_a_network_have_its_engine(no_mindspore: Callable[[], None]) -> None:
    network = SmallCnn()
    explainers = [Occlusion(network, SOFTMAX, 1, window=3, stride=2), RISE(network, SOFTMAX, masks=3, grid=2)]
    expected = [explainer(IMAGES, 1) for explainer in explainers]
    no_mindspore()
    with classifier_of(network, SOFTMAX, engine="mindspore").in_run("auto"):
        found = [explainer(IMAGES, 1) for explainer in explainers]
    for ours, mindspores in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, mindspores, rtol=0, atol=1e-5 * np.abs(mindspores).max())
    with pytest.raises(AssertionError, match="MindSpore was asked"):
        explainers[0](IMAGES, 1)


def test_where_it_is_slower_mindspore_answers(monkeypatch: pytest.MonkeyPatch, no_mindspore: Any) -> None:
    network = SmallCnn()
    own = Sessions._made

    def slow(self: Sessions, images: Any, device: str) -> Any:
        found = own(self, images, device)
        found.speedup = 0.9
        return found

    monkeypatch.setattr(Sessions, "_made", slow)
    asked = classifier_of(network, engine="auto")
    with asked.in_run("auto"):
        asked.logits(IMAGES)
        found = asked.engine_for(IMAGES)
    assert found == Engine("mindspore", reason="ONNX Runtime was not faster for the first images")
    no_mindspore()
    assert_mindspores(on_onnx(network).logits(IMAGES), network)  # but who asks for it has it


@pytest.mark.parametrize(
    ("make", "why", "level"),
    [
        (Backwards, r"the network has a backward rule of its own \(bprop\)", logging.INFO),
        (BySize, r"other outputs than MindSpore for a batch of 1, by \d", logging.WARNING),
    ],
)
def test_what_cannot_be_computed_alike_is_mindspores_and_told_once(
    make: type[SmallCnn], why: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    network = make()
    asked = classifier_of(network, engine="auto")
    with caplog.at_level(logging.INFO, "explainer"), asked.in_run("auto"):
        for _ in range(3):
            assert_mindspores(asked.logits(IMAGES), network)
        found = asked.engine_for(IMAGES)
    (told,) = [record for record in caplog.records if "not ONNX Runtime" in record.message]
    assert told.levelno == level
    for text in (told.message, found.reason):
        assert re.search(why, text)
    with pytest.raises(EngineError, match=f'`engine` "onnxruntime" cannot compute `network` .*{why}.*; give "auto"'):
        on_onnx(network).logits(IMAGES)


def failing(self: Session, images: Any) -> Any:
    raise RuntimeError("Failed to allocate memory\nmore")


def test_a_session_that_fails_is_left_for_mindspore(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = SmallCnn()
    asked = classifier_of(network, engine="auto")
    with asked.in_run("auto"), caplog.at_level(logging.INFO, "explainer"):
        asked.logits(IMAGES)
        monkeypatch.setattr(Session, "__call__", failing)
        for _ in range(2):
            assert_mindspores(asked.logits(IMAGES), network)
    told = [record.message for record in caplog.records if "Failed to allocate memory" in record.message]
    assert told == [
        "MindSpore computes the network, not ONNX Runtime: ONNX Runtime failed for 3 images of (2, 5, 7): Failed to "
        "allocate memory"
    ]


def test_a_session_that_fails_is_an_error_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = on_onnx(SmallCnn())
    asked.logits(IMAGES)
    monkeypatch.setattr(Session, "__call__", failing)
    for _ in range(2):
        with pytest.raises(EngineError, match=r"ONNX Runtime failed for 3 images .* Failed to allocate memory; give"):
            asked.logits(IMAGES)


def test_without_onnxruntime_mindspore_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    network = SmallCnn()
    asked = classifier_of(network, engine="auto")
    with asked.in_run("auto"):
        assert_mindspores(asked.logits(IMAGES), network)
    with pytest.raises(EngineError, match="onnxruntime cannot be imported"):
        on_onnx(network).logits(IMAGES)


def test_on_another_device_auto_is_mindspore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explainer.network.sessions.device_in_use", lambda: "Ascend")
    asked = classifier_of(SmallCnn(), engine="auto")
    with asked.in_run("auto"):
        asked.logits(IMAGES)
        assert asked.engine_for(IMAGES) == Engine("mindspore")


# On a GPU.


@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_on_a_gpu_every_question_is_asked_there(engine: str, gpu: FakeGpu) -> None:
    network = SmallCnn()
    asked = classifier_of(network, SOFTMAX, engine=engine, device="cuda")
    assert_mindspores(asked.logits(IMAGES), network)  # a first batch, for which "auto" makes no session elsewhere
    seed = np.eye(4, dtype=np.float32)[[1, 2, 3]]
    by_mindspore = MindSporeClassifier(network, SOFTMAX)
    np.testing.assert_allclose(asked.gradient(IMAGES, seed), by_mindspore.gradient(IMAGES, seed), atol=1e-5)
    found = asked.engine_for(IMAGES)
    assert (found.name, found.device, found.questions["gradient"].device) == ("onnxruntime", "cuda", "cuda")
    assert found.recorded["device"] == found.recorded["questions"]["gradient"]["device"] == "cuda"
    assert [providers[0][0] for providers in gpu.asked] == ["CUDAExecutionProvider"] * 2


def test_one_network_is_asked_on_both_devices(gpu: FakeGpu) -> None:
    network = SmallCnn()
    on_gpu, on_cpu = (classifier_of(network, engine="onnxruntime", device=device) for device in ("cuda", "cpu"))
    for asked in (on_gpu, on_cpu, on_gpu):
        assert_mindspores(asked.logits(IMAGES), network)
    assert [asked.engine_for(IMAGES).device for asked in (on_gpu, on_cpu)] == ["cuda", "cpu"]
    assert len(gpu.asked) == 2
    assert "device" not in on_cpu.engine_for(IMAGES).recorded


def test_in_a_run_all_classifiers_of_a_network_have_its_device(gpu: FakeGpu) -> None:
    network = SmallCnn()
    explainer = Occlusion(network, SOFTMAX, 1, window=3, stride=2)
    with classifier_of(network, SOFTMAX).in_run("auto", "cuda"):
        explainer(IMAGES, 1)
    assert {str(providers[0][0]) for providers in gpu.asked} == {"CUDAExecutionProvider"}


@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_a_gpu_that_cannot_compute_a_network_is_not_replaced(engine: str, gpu: FakeGpu) -> None:
    asked = classifier_of(Backwards(), engine=engine, device="cuda")
    with pytest.raises(
        EngineError,
        match=r'^`device` "cuda" cannot compute `network` \(Backwards\): .*bprop.*; give device="cpu"$',
    ):
        asked.logits(IMAGES)


@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_a_gpu_whose_libraries_are_missing_is_not_replaced(engine: str, gpu: FakeGpu) -> None:
    gpu.used = ["CPUExecutionProvider"]
    with pytest.raises(EngineError, match=r'"cuda" is not in use: .* session for CPUExecutionProvider alone'):
        classifier_of(SmallCnn(), engine=engine, device="cuda").logits(IMAGES)


def test_a_gpu_that_gives_other_numbers_is_refused(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Session.__call__
    monkeypatch.setattr(Session, "__call__", lambda *given: tuple(array * 1.001 for array in own(*given)))
    with pytest.raises(EngineError, match=r'"cuda" cannot compute .* other outputs than MindSpore .* by 6\.\de-04'):
        classifier_of(SmallCnn(), engine="auto", device="cuda").logits(IMAGES)


def test_a_gradient_that_the_gpu_cannot_give_is_a_warning(gpu: FakeGpu, caplog: pytest.LogCaptureFixture) -> None:
    network = Stopped()
    asked = classifier_of(network, SOFTMAX, device="cuda", engine="auto")
    with caplog.at_level(logging.INFO, "explainer"):
        asked.gradient(IMAGES, np.eye(4, dtype=np.float32)[[1, 2, 3]])
    (told,) = [record for record in caplog.records if "not ONNX Runtime" in record.message]
    assert (told.levelno, told.message[:34]) == (logging.WARNING, "MindSpore computes the gradient, n")


@pytest.mark.parametrize("how", ["given", "by the environment"])
def test_mindspore_has_a_device_of_its_own(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_ENGINE", "mindspore")
    with pytest.raises(ValueError, match=r'`device` "cuda" is ONNX Runtime\'s, and `engine` is "mindspore", whose'):
        classifier_of(SmallCnn(), device="cuda", engine="mindspore" if how == "given" else None)


def test_without_cuda_a_gpu_is_refused_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    for ask in (partial(classifier_of, SmallCnn(), engine="auto"), partial(RunOptions, engine="auto")):
        with pytest.raises(EngineError, match=r"CUDAExecutionProvider; the one that is installed .* onnxruntime-gpu"):
            ask(device="cuda")


def test_the_version_is_that_of_the_package_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "onnxruntime-gpu":
            return "1.99"
        raise PackageNotFoundError(name)

    monkeypatch.setattr("explainer.network.engine.version", version)
    assert (version_of("onnxruntime"), version_of("mindspore")) == ("1.99", None)


def test_the_environment_says_which_engine_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    network = SmallCnn()
    monkeypatch.setenv("EXPLAINER_ENGINE", "onnxruntime")
    assert default_engine() == "onnxruntime"
    assert classifier_of(network) is classifier_of(network, engine="onnxruntime")
    monkeypatch.delenv("EXPLAINER_ENGINE")
    assert classifier_of(network) is classifier_of(network, engine="auto")
    monkeypatch.setenv("EXPLAINER_ENGINE", "onnx")
    with pytest.raises(ValueError, match="`EXPLAINER_ENGINE in the environment` must be one of auto"):
        classifier_of(network)
