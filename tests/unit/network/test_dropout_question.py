"""MC dropout by ONNX Runtime: the draws of MindSpore's passes in their order, and so MindSpore's numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, mint, nn, ops
from networks import SmallCnn, random_weights

from explainer.errors import EngineError, NoDropoutError
from explainer.network import dropout_question
from explainer.network.dropout_at_work import DropoutAtWork
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.of import classifier_of
from explainer.network.onnx.dropping import Drop, with_draws
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder
from explainer.network.onnx.session import Session
from explainer.network.onnx_classifier import OnnxClassifier

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
SOFTMAX = nn.Softmax()
ROUNDING = 1e-5  # of the largest probability: the goal of the seam, float32 differs by 1e-7
DROPOUT = "network under its dropout"


def on_onnx(network: nn.Cell, batch_size: int = 32) -> OnnxClassifier:
    return classifier_of(network, SOFTMAX, engine="onnxruntime", batch_size=batch_size)


def by_mindspore(network: nn.Cell) -> MindSporeClassifier:
    return MindSporeClassifier(network, SOFTMAX)


def assert_same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def assert_answered_by_onnx(network: nn.Cell, draws: int = 4, batch_size: int = 32) -> None:
    """With MindSpore's numbers, which vary from draw to draw."""
    asked = on_onnx(network, batch_size)
    found, expected = asked.sampled_probabilities(IMAGES, draws, 5), by_mindspore(network).sampled_probabilities(
        IMAGES, draws, 5
    )  # fmt: skip
    assert asked.engine_for(IMAGES).questions[DROPOUT].name == "onnxruntime"
    assert expected.std(axis=0).max() > 1e-3
    assert_same(found, expected)


class Head(nn.Cell):
    """Two convolutions, dropped from as a test says, and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 4, 3, weight_init=random_weights((4, 2, 3, 3), 1))
        self.other = nn.Conv2d(2, 4, 1, weight_init=random_weights((4, 2, 1, 1), 2))
        self.fc = nn.Dense(4, 4, weight_init=random_weights((4, 4), 3, 2.0))


class Branches(Head):
    """What is written last runs first in the graph; the rates, and what is dropped, are all different."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers, self.channels = nn.Dropout(p=0.3), nn.Dropout2d(p=0.5)
        self.inside = nn.SequentialCell(nn.Identity(), nn.SequentialCell(mint.nn.Dropout(p=0.7)))

    def construct(self, images: Tensor) -> Tensor:
        other = self.channels(self.other(images))
        one = self.numbers(self.one(images))
        return self.fc(self.inside((one - ops.exp(other)).mean((2, 3))))


class Twice(Head):
    """One cell, and one stream, in two places behind each other, of two shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(p=0.4)

    def construct(self, images: Tensor) -> Tensor:
        return self.fc(self.dropout(self.dropout(self.one(images)).mean((2, 3))))


class TwiceBeside(Head):
    """One cell in two branches: which of them is first no graph tells."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(p=0.4)

    def construct(self, images: Tensor) -> Tensor:
        other = self.dropout(self.other(images))
        return self.fc((self.dropout(self.one(images)) - other).mean((2, 3)))


class OnTheSame(Head):
    """One cell twice on the same values, which a compiler may take for one."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(p=0.4)

    def construct(self, images: Tensor) -> Tensor:
        features = self.one(images)
        return self.fc((self.dropout(features) + ops.exp(self.dropout(features))).mean((2, 3)))


@pytest.mark.parametrize("make", [SmallCnn, Branches, Twice])
def test_the_draws_are_mindspores(make: Callable[[], nn.Cell]) -> None:
    assert_answered_by_onnx(make())


@pytest.mark.parametrize("make", [TwiceBeside, OnTheSame])
def test_the_draws_are_mindspores_where_the_graph_does_not_tell_their_order(make: Callable[[], nn.Cell]) -> None:
    network = make()
    expected = by_mindspore(network).sampled_probabilities(IMAGES, 4, 5)
    assert_same(on_onnx(network).sampled_probabilities(IMAGES, 4, 5), expected)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", [nn.Dropout, mint.nn.Dropout, nn.Dropout2d, mint.nn.Dropout2d])
def test_every_kind_drops_at_its_rate(kind: Any, rate: float) -> None:
    network = Branches()
    network.channels = kind(p=rate)
    assert_answered_by_onnx(network)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_the_draws_do_not_depend_on_the_batch_size(batch_size: int) -> None:
    assert_answered_by_onnx(Branches(), draws=3, batch_size=batch_size)


def test_what_changes_in_the_network_is_seen_at_once() -> None:
    network = Branches()
    before = on_onnx(network).sampled_probabilities(IMAGES, 4, 5)
    for change in (
        lambda: ops.assign(network.fc.weight, network.fc.weight * 0.5),
        lambda: network.one.weight.set_data(-network.one.weight),
        lambda: setattr(network.numbers, "p", 0.8),
        lambda: setattr(network, "channels", nn.Dropout(p=0.2)),
    ):
        change()
        after = by_mindspore(network).sampled_probabilities(IMAGES, 4, 5)
        assert np.abs(after - before).max() > 1e-2
        assert_answered_by_onnx(network)
        before = after


def test_other_draws_than_mindspores_are_left_for_mindspore(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Here by another order: the draws of the two that are first are exchanged."""
    network = Branches()
    network.channels = nn.Dropout(p=0.3)
    own = dropout_question.dropped_logits

    def exchanged(*given: Any) -> Any:
        logits, calls = own(*given)
        return logits, [calls[1], calls[0], calls[2]]

    monkeypatch.setattr(dropout_question, "dropped_logits", exchanged)
    expected = by_mindspore(network).sampled_probabilities(IMAGES, 2, 5)
    asked = on_onnx(network)
    with caplog.at_level(logging.INFO, "explainer"):
        for _ in range(2):
            assert_same(asked.sampled_probabilities(IMAGES, 2, 5), expected)
    (told,) = [entry for entry in caplog.records if f"computes the {DROPOUT}, not ONNX Runtime" in entry.message]
    assert told.levelno == logging.WARNING and "for the same dropout masks, by " in told.message
    assert asked.engine_for(IMAGES).questions[DROPOUT].name == "mindspore"


def test_for_the_comparison_mindspore_draws_for_as_few_images_at_once_as_for_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, own = [], dropout_question.dropped_logits

    def noted(network: nn.Cell, images: Any, streams: Any) -> Any:
        given.append(len(images))
        return own(network, images, streams)

    monkeypatch.setattr(dropout_question, "dropped_logits", noted)
    monkeypatch.setattr(dropout_question, "compared_at_once", lambda shape: 2)
    assert_answered_by_onnx(Branches())
    assert given == [2, 2, 2, 2]


def test_an_answer_that_fails_is_mindspores(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Branches()
    asked = on_onnx(network)
    expected = asked.sampled_probabilities(IMAGES, 3, 5)

    def failing(self: Session, images: Any, *others: Any) -> Any:
        raise RuntimeError("Failed to allocate memory")

    monkeypatch.setattr(Session, "__call__", failing)
    for _ in range(2):
        assert_same(asked.sampled_probabilities(IMAGES, 3, 5), expected)


def test_bad_questions_are_refused_before_anything_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropout_question, "captured_with_marks", None)
    with pytest.raises(ValueError, match="`draws` must be"):
        on_onnx(Branches()).sampled_probabilities(IMAGES, 0, 1)
    with pytest.raises(NoDropoutError):
        network = SmallCnn()
        network.dropout.p = 0.0
        on_onnx(network).sampled_probabilities(IMAGES, 2, 1)


# What no mask reaches.


def rows_given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, ...], int]]:
    """Of each answer of ONNX Runtime: what is given for an image, and for how many."""
    given: list[tuple[tuple[int, ...], int]] = []
    own = Session.__call__

    def counted(self: Session, images: Any, *others: Any) -> Any:
        given.append((images.shape[1:], len(images)))
        return own(self, images, *others)

    monkeypatch.setattr(Session, "__call__", counted)
    return given


BEFORE, BEHIND = (2, 5, 7), (6,)  # the images, and the features of SmallCnn from which is dropped


@pytest.mark.parametrize("batch_size", [2, 5, 32])
def test_what_comes_before_the_first_dropout_is_computed_once_for_an_image(
    batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = on_onnx(SmallCnn(), batch_size)
    expected = by_mindspore(asked.network).sampled_probabilities(IMAGES, 4, 5)
    asked.sampled_probabilities(IMAGES, 1, 5)
    given = rows_given(monkeypatch)
    assert_same(asked.sampled_probabilities(IMAGES, 4, 5), expected)
    passes = [rows for shape, rows in given if shape == BEHIND]
    assert sum(passes) == 3 * 4 and max(passes) <= batch_size
    assert sum(rows for shape, rows in given if shape == BEFORE) == 3


def test_images_of_which_too_much_would_be_known_come_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.concatenate([IMAGES, -IMAGES, 2 * IMAGES])
    asked = on_onnx(SmallCnn(), 4)
    expected = asked.sampled_probabilities(images, 7, 5)
    given = rows_given(monkeypatch)
    monkeypatch.setattr(DropoutAtWork, "numbers_per_image", 7e6)  # two of them in 64 MB
    assert_same(asked.sampled_probabilities(images, 7, 5), expected)
    assert max(rows for shape, rows in given if shape == BEFORE) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda network: ops.assign(network.conv1.weight, network.conv1.weight * 0.5),
        lambda network: network.conv2.weight.set_data(-network.conv2.weight),
        lambda network: ops.assign(network.fc.weight, network.fc.weight * 0.5),
        lambda network: setattr(network.dropout, "p", 0.8),
    ],
    ids=["before, in place", "before", "behind, in place", "rate"],
)
def test_what_changes_on_either_side_of_the_first_dropout_is_seen_at_once(change: Callable[[Any], Any]) -> None:
    network = SmallCnn()
    before = on_onnx(network).sampled_probabilities(IMAGES, 4, 5)
    change(network)
    after = by_mindspore(network).sampled_probabilities(IMAGES, 4, 5)
    assert np.abs(after - before).max() > 1e-2
    assert_answered_by_onnx(network)


def test_shuffled_weights_count_for_both_sides() -> None:
    network = SmallCnn()
    asked = on_onnx(network)
    before = asked.sampled_probabilities(IMAGES, 4, 5)
    with asked.randomised(1) as shuffle:
        shuffle("conv1")
        expected = by_mindspore(network).sampled_probabilities(IMAGES, 4, 5)
        assert np.abs(expected - before).max() > 1e-2
        assert_same(asked.sampled_probabilities(IMAGES, 4, 5), expected)
    assert_same(asked.sampled_probabilities(IMAGES, 4, 5), before)


# The graph alone.


def marked(*operators: str) -> Graph:
    """Images (N, 4), and operators of them with a mark."""
    builder = GraphBuilder((Batch(), 4))
    value, mark = builder.images, builder.weight("mark", (1,), "float32")
    for operator in operators:
        value = builder.node(operator, mark, value)
    return builder.finished((value,))


def test_draws_are_given_in_the_order_of_the_calls() -> None:
    graph = with_draws(marked("Mul", "Mul"), {"mark": Drop(0.25, channels=False)}, ["mark", "mark"])
    assert [value.shape for value in graph.others] == [(Batch(), 4)] * 2 and not graph.weights
    draws = np.float32([[0.2, 0.25, 0.5, 0.1]]), np.float32([[0.9, 0.9, 0.24, 0.1]])
    found = Session(graph, {})(np.float32([[1, 2, 3, 4]]), *draws)[0]
    np.testing.assert_allclose(found, [[0, 2 / 0.75**2, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("operators", "rate", "calls", "told"),
    [
        (["Mul"], 0.5, 2, r"run otherwise in the graph than in MindSpore \(runs of each: {'mark': \(1, 2\)}\)"),
        (["Add"], 0.5, 1, "a dropout is more than a product"),
        (["Mul"], 1.0, 1, "a dropout drops everything"),
    ],
)
def test_what_is_no_dropout_s_place_is_refused(operators: list[str], rate: float, calls: int, told: str) -> None:
    with pytest.raises(EngineError, match=told):
        with_draws(marked(*operators), {"mark": Drop(rate, channels=False)}, ["mark"] * calls)


def test_a_dropout_of_something_else_than_a_row_for_each_image_is_refused() -> None:
    builder = GraphBuilder((Batch(), 4))
    both = builder.reshaped(builder.images, (Batch(2), 2))
    dropped = builder.node("Mul", both, builder.weight("mark", (1,), "float32"))
    with pytest.raises(EngineError, match="something else than a row for each image"):
        with_draws(builder.finished((dropped,)), {"mark": Drop(0.5, channels=True)}, ["mark"])
