"""Softmax and sigmoid without MindSpore: the same numbers, and only where they are what the activation does."""

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from explainer.network.mindspore.closed_form import ClosedForm, sigmoid, softmax
from explainer.network.of import classifier_of

LOGITS = np.float32([[0.5, -2, 3, 0], [80, -90, 0, 1], [-1e30, 4, 4, -100]])


class Counted:
    """The activation by MindSpore, and how often it was asked."""

    def __init__(self, activation):
        self.activation = activation
        self.calls = 0

    def __call__(self, logits):
        self.calls += 1
        return self.activation(Tensor(logits)).asnumpy()


class Cooler(nn.Softmax):
    def construct(self, logits):
        return super().construct(logits / 2)


def of_its_own():
    cell = nn.Softmax()
    cell.construct = lambda logits: ops.softmax(logits / 2, -1)
    return cell


@pytest.mark.parametrize(
    "activation", [nn.Softmax(), nn.Softmax(1), nn.Sigmoid()], ids=["softmax", "axis 1", "sigmoid"]
)
def test_the_formula_gives_what_mindspore_gives_and_asks_it_once(activation):
    form, theirs = ClosedForm(activation), Counted(activation)
    for logits in (LOGITS, LOGITS[:1], -LOGITS):
        expected = activation(Tensor(logits)).asnumpy()
        np.testing.assert_allclose(form(logits, theirs), expected, rtol=0, atol=1e-6)
    assert theirs.calls == 1


@pytest.mark.parametrize(
    "activation",
    [nn.Softmax(0), Cooler(), of_its_own(), nn.Tanh(), nn.SequentialCell(nn.Softmax())],
    ids=["axis 0", "subclass", "own code", "tanh", "within another"],
)
def test_whatever_else_is_mindspores(activation):
    form, theirs = ClosedForm(activation), Counted(activation)
    for _ in range(2):
        np.testing.assert_array_equal(form(LOGITS, theirs), activation(Tensor(LOGITS)).asnumpy())
    assert theirs.calls == 2


def test_an_activation_that_changed_is_asked_again():
    activation = nn.Softmax()
    form, theirs = ClosedForm(activation), Counted(activation)
    form(LOGITS, theirs)
    activation.softmax = ops.Softmax(0)
    for _ in range(2):
        np.testing.assert_array_equal(form(LOGITS, theirs), activation(Tensor(LOGITS)).asnumpy())


def test_a_hook_is_heard_each_time():
    activation, heard = nn.Softmax(), []
    activation.register_forward_hook(lambda cell, inputs, output: heard.append(1))
    form, theirs = ClosedForm(activation), Counted(activation)
    for _ in range(3):
        form(LOGITS, theirs)
    assert len(heard) == 3


def test_what_is_not_finite_stays_so():
    assert np.isnan(softmax(np.float32([[np.nan, 1]]))).all()
    assert np.isnan(softmax(np.float32([[np.inf, 1]]))).any()
    assert np.isnan(sigmoid(np.float32([[np.nan]]))).all()


@pytest.mark.parametrize("activation", [nn.Softmax(), nn.Sigmoid()], ids=["softmax", "sigmoid"])
def test_probabilities_are_the_same_by_both_engines(activation):
    weights = np.random.default_rng(0).standard_normal((4, 105)).astype(np.float32)
    network = nn.SequentialCell(nn.Flatten(), nn.Dense(105, 4, weight_init=Tensor(weights)))
    images = np.random.default_rng(1).standard_normal((3, 3, 5, 7)).astype(np.float32)
    ours = classifier_of(network, activation, engine="onnxruntime")
    ours.probabilities(images)
    theirs = classifier_of(network, activation, engine="mindspore")
    np.testing.assert_allclose(ours.probabilities(images), theirs.probabilities(images), rtol=0, atol=2e-6)
