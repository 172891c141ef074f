"""How a rule reaches ReLUs, be they cells, operators or functions, and that those out of its reach are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, mint, nn, ops
from mindspore.common._grad_function import _Function
from mindspore.ops import relu
from mindspore.ops.operations.nn_ops import ReLUV3
from networks import LinearNetwork, SmallCnn, rectified

from explainer.errors import NoReluError
from explainer.explanation import Attribution, Deconvolution, Gradient, GuidedBackprop
from explainer.network.mindspore.relus import reach
from explainer.relu_rules import guided
from explainer.testing.networks import FailingNetwork

RULED = [GuidedBackprop, Deconvolution]
CALLS = [ops.ReLU.__call__, ops.ReLU6.__call__]  # as MindSpore has them
IMAGES = np.random.default_rng(0).standard_normal((4, 2, 5, 7)).astype(np.float32)
TARGETS = np.array([[2, 0], [1, 3], [3, 2], [0, 1]])
OPERATOR = ops.ReLU()


class Sum(nn.Cell):
    """One logit: the sum of `weights` times the activated pixels."""

    def __init__(self, activation: Any = None) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.activation = activation or nn.ReLU()
        self.dense = nn.Dense(4, 1, weight_init=Tensor([[2.0, -3.0, 5.0, 7.0]]), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.dense(self.activation(self.flatten(images)))


PIXELS = np.float32([[[[-1, 2], [3, 8]]]])  # below 0, twice between 0 and 6, above 6
PIXELS_OF_FOUR = np.repeat(PIXELS, 4, axis=0)


def by_imported_name(features: Tensor) -> Tensor:
    return relu(features)


def by_global_operator(features: Tensor) -> Tensor:
    return OPERATOR(features)


def by_operator_made_for_the_call(features: Tensor) -> Tensor:
    return ops.ReLU()(features)


class Listed(nn.Cell):
    """Its ReLU lies in a list, where MindSpore does not see it: an operator, or a cell."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        self.held = [held]

    def construct(self, features: Tensor) -> Tensor:
        return self.held[0](features)


class Inheriting(Listed):
    """The call stands in the class above."""


# Each makes one ReLU.
FORMS: dict[str, Callable[[], Any]] = {
    "operator": ops.ReLU,
    "one operator for all": lambda: OPERATOR,
    "global operator": lambda: by_global_operator,
    "operator made for the call": lambda: by_operator_made_for_the_call,
    "operator in a list": lambda: Listed(ops.ReLU()),
    "inherited": lambda: Inheriting(ops.ReLU()),
    "cell in a list": lambda: Listed(nn.ReLU()),
    "cells in sequence": lambda: nn.SequentialCell(Listed(ops.ReLU())),
    "function": lambda: ops.relu,
    "imported name": lambda: by_imported_name,
    "mint": lambda: mint.nn.functional.relu,
    "activation by name": lambda: nn.get_activation("relu"),
    "lambda": lambda: lambda features: ops.relu(features),
    "another module": lambda: rectified,
}
FORMS_OF_RELU6: dict[str, Callable[[], Any]] = {
    "cell": nn.ReLU6,
    "operator": ops.ReLU6,
    "function": lambda: ops.relu6,
}


def assert_equal_to_rounding(got: Any, wanted: Any) -> None:
    """To 1e-5 of the largest value: a compiled network sums in another order."""
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


# Values.


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", RULED)
def test_every_form_of_a_relu_gives_exactly_the_maps_of_relu_cells(method: type[Attribution], form: str) -> None:
    wanted = method(SmallCnn())(IMAGES, TARGETS)
    assert np.abs(wanted - Gradient(SmallCnn())(IMAGES, TARGETS)).max() > 0.1 * wanted.max()
    np.testing.assert_array_equal(method(SmallCnn(relu=FORMS[form]))(IMAGES, TARGETS), wanted)


@pytest.mark.parametrize("form", ["operator", "function", "another module"])
@pytest.mark.parametrize("method", RULED)
def test_batches_that_would_be_compiled_with_cells_give_the_maps_of_relu_cells(
    method: type[Attribution], form: str
) -> None:
    wanted = method(SmallCnn(), batch_size=1)(IMAGES, TARGETS)
    assert_equal_to_rounding(method(SmallCnn(relu=FORMS[form]), batch_size=1)(IMAGES, TARGETS), wanted)


@pytest.mark.parametrize("method", RULED)
def test_one_relu_may_be_a_cell_and_the_other_a_function(method: type[Attribution]) -> None:
    wanted = method(SmallCnn())(IMAGES, TARGETS)
    for relus in ([nn.ReLU(), ops.relu], [ops.ReLU(), mint.nn.ReLU()]):
        kinds = iter(relus)
        np.testing.assert_array_equal(method(SmallCnn(relu=lambda: next(kinds)))(IMAGES, TARGETS), wanted)  # noqa: B023


class SharedBesideFunction(nn.Cell):
    """Three ReLUs in a row of layers: one cell at two call sites, or two cells; a function between them."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.cnn = SmallCnn()
        if shared:
            self.cnn.relu2 = self.cnn.relu1

    def construct(self, images: Tensor) -> Tensor:
        return ops.relu(self.cnn(ops.relu(images)) + 1.0)


@pytest.mark.parametrize("method", RULED)
def test_a_shared_cell_beside_a_function_gives_the_maps_of_cells_of_their_own(method: type[Attribution]) -> None:
    wanted = method(SharedBesideFunction(shared=False))(IMAGES, TARGETS)
    assert len(np.unique(wanted)) > 50
    np.testing.assert_array_equal(method(SharedBesideFunction(shared=True))(IMAGES, TARGETS), wanted)


@pytest.mark.parametrize("relu", [*FORMS.values(), nn.ReLU, mint.nn.ReLU], ids=[*FORMS, "cell", "cell of mint"])
def test_relus_pass_back_what_the_rules_say(relu: Callable[[], Any]) -> None:
    network = Sum(relu())
    assert Gradient(network)(PIXELS, 0).ravel().tolist() == [0, 3, 5, 7]
    assert GuidedBackprop(network)(PIXELS, 0).ravel().tolist() == [0, 0, 5, 7]
    assert Deconvolution(network)(PIXELS, 0).ravel().tolist() == [2, 0, 5, 7]


@pytest.mark.parametrize("form", FORMS_OF_RELU6)
def test_relu6_passes_back_nothing_at_its_bound(form: str) -> None:
    network = Sum(FORMS_OF_RELU6[form]())
    assert Gradient(network)(PIXELS, 0).ravel().tolist() == [0, 3, 5, 0]
    assert GuidedBackprop(network)(PIXELS, 0).ravel().tolist() == [0, 0, 5, 0]
    assert Deconvolution(network)(PIXELS, 0).ravel().tolist() == [2, 0, 5, 0]


@pytest.mark.parametrize("form", FORMS_OF_RELU6)
def test_relu6_passes_back_nothing_at_its_bound_in_later_batches_too(form: str) -> None:
    maps = Deconvolution(Sum(FORMS_OF_RELU6[form]()), batch_size=1)(PIXELS_OF_FOUR, 0)
    assert maps.reshape(4, 4).tolist() == [[2, 0, 5, 0]] * 4


def test_a_rule_leaves_the_logits_of_relu_functions_as_they_are() -> None:
    network = Sum(ops.relu)
    before = network(Tensor(PIXELS)).asnumpy()
    GuidedBackprop(network)(PIXELS, 0)
    np.testing.assert_array_equal(network(Tensor(PIXELS)).asnumpy(), before)
    assert before.tolist() == [[-6 + 15 + 56]]


def test_gradient_is_itself_again_after_a_rule_was_laid_on_relu_functions() -> None:
    network = Sum(ops.relu)
    GuidedBackprop(network)(PIXELS, 0)
    assert Gradient(network)(PIXELS, 0).ravel().tolist() == [0, 3, 5, 7]


def test_a_network_that_gets_a_relu_function_after_it_was_explained_is_looked_at_again() -> None:
    network = Sum()
    explainer = GuidedBackprop(network, batch_size=1)
    explainer(PIXELS_OF_FOUR, 0)
    network.activation = nn.SequentialCell(Listed(ops.relu))
    assert explainer(PIXELS_OF_FOUR, 0).reshape(4, 4).tolist() == [[0, 0, 5, 7]] * 4


# The operators are MindSpore's own again.


class Watching(nn.Cell):
    """A network of ReLU functions that notes in each pass whether the operators are MindSpore's own."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = SmallCnn(relu=lambda: ops.relu)
        self.own: list[bool] = []

    def construct(self, images: Tensor) -> Tensor:
        self.own.append([ops.ReLU.__call__, ops.ReLU6.__call__] == CALLS)
        return self.cnn(images)


@pytest.mark.parametrize("method", RULED)
def test_the_operators_are_changed_for_the_length_of_a_pass_alone(method: type[Attribution]) -> None:
    network = Watching()
    method(network, batch_size=2)(IMAGES, 1)
    # classes counted, ReLUs counted, cells ruled, operators ruled and looked at, two batches
    assert network.own == [True, False, True, False, False, False]
    assert [ops.ReLU.__call__, ops.ReLU6.__call__] == CALLS


@pytest.mark.parametrize("good_calls", [0, 1, 2, 3, 4, 5])
def test_the_operators_are_put_back_when_the_network_raises(good_calls: int) -> None:
    watching = Watching()
    with pytest.raises(RuntimeError, match="failed on purpose"):
        GuidedBackprop(FailingNetwork(watching, good_calls), batch_size=1)(IMAGES, 1)
    assert watching.own == [True, False, True, False, False, False][:good_calls]
    assert [ops.ReLU.__call__, ops.ReLU6.__call__] == CALLS


class Interrupting(nn.Cell):
    """Its user presses Ctrl-C in the first pass in which the operators are changed."""

    def construct(self, images: Tensor) -> Tensor:
        if ops.ReLU.__call__ is not CALLS[0]:
            raise KeyboardInterrupt
        return ops.relu(images).mean((2, 3))


def test_the_operators_are_put_back_when_the_user_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        GuidedBackprop(Interrupting())(IMAGES, 1)
    assert [ops.ReLU.__call__, ops.ReLU6.__call__] == CALLS


@pytest.mark.parametrize("mode", [mindspore.PYNATIVE_MODE, mindspore.GRAPH_MODE], ids=["PyNative", "graph"])
def test_relu_functions_are_reached_for_a_user_of_either_mode(mode: int) -> None:
    wanted = GuidedBackprop(SmallCnn())(IMAGES, TARGETS)
    before = mindspore.get_context("mode")
    try:
        mindspore.set_context(mode=mode)
        maps = GuidedBackprop(SmallCnn(relu=lambda: ops.relu))(IMAGES, TARGETS)
    finally:
        mindspore.set_context(mode=before)
    np.testing.assert_array_equal(maps, wanted)


# Out of reach.


class StraightThrough(nn.Cell):
    """A ReLU with a backward rule of its user's own."""

    def construct(self, features: Tensor) -> Tensor:
        return ops.relu(features)

    def bprop(self, features: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
        return (upstream,)


class StraightThroughFunction(_Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        return ops.relu(features)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        return upstream


class ByFunction(nn.Cell):
    def construct(self, features: Tensor) -> Tensor:
        return StraightThroughFunction.apply(features)


OUT_OF_REACH = [(StraightThrough, "a cell with a bprop"), (ByFunction, "StraightThroughFunction")]


@pytest.mark.parametrize(("activation", "found"), OUT_OF_REACH)
@pytest.mark.parametrize("method", RULED)
def test_a_relu_out_of_reach_is_told(method: type[Attribution], activation: type[nn.Cell], found: str) -> None:
    with pytest.raises(NoReluError, match=rf"found 0 ReLU cells .*but 1 of 1 calls of a ReLU lie .*\({found}\)"):
        method(Sum(activation()))(PIXELS, 0)


@pytest.mark.parametrize(("activation", "found"), OUT_OF_REACH)
def test_a_relu_out_of_reach_is_told_though_there_are_relu_cells(activation: type[nn.Cell], found: str) -> None:
    network = nn.SequentialCell(nn.ReLU(), Sum(activation()))
    with pytest.raises(
        NoReluError, match=rf"found 1 ReLU cells .*1 of 2 calls of a ReLU lie .*\({found}\).*use nn.ReLU"
    ):
        reach(network, guided, PIXELS)


def test_an_operator_that_is_a_relu_of_another_name_is_told() -> None:
    network = nn.SequentialCell(nn.ReLU(), Sum(ReLUV3()))
    with pytest.raises(NoReluError, match="the way back under the rule meets 1 calls of a ReLU that it does not reach"):
        GuidedBackprop(network)(PIXELS, 0)


def test_a_backward_rule_around_no_relu_is_no_hindrance() -> None:
    class Doubled(nn.Cell):
        def construct(self, features: Tensor) -> Tensor:
            return 2 * features

        def bprop(self, features: Tensor, output: Tensor, upstream: Tensor) -> tuple[Tensor]:
            return (2 * upstream,)

    network = nn.SequentialCell(Doubled(), Sum())
    assert GuidedBackprop(network)(PIXELS, 0).ravel().tolist() == [0, 0, 10, 14]


WRITTEN_OTHERWISE: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "maximum": (lambda features: ops.maximum(features, 0), "Maximum"),
    "maximum with zeros": (lambda features: ops.maximum(features, ops.zeros_like(features)), "Maximum"),
    "clamp": (lambda features: features.clamp(0), "ClampScalar"),
    "where": (lambda features: ops.where(features > 0, features, 0.0), "Select"),
    "product": (lambda features: features * (features > 0), "Mul"),
    "product with numbers": (lambda features: features * ops.gt(features, 0).astype(mindspore.float32), "Mul"),
    "masked": (lambda features: features.masked_fill(features < 0, 0.0), "MaskedFill"),
}


@pytest.mark.parametrize(("written", "found"), WRITTEN_OTHERWISE.values(), ids=WRITTEN_OTHERWISE)
@pytest.mark.parametrize("method", RULED)
def test_a_relu_written_by_other_means_alone_is_refused(
    method: type[Attribution], written: Callable[[Tensor], Tensor], found: str
) -> None:
    with pytest.raises(NoReluError, match=f"and no call of a ReLU operator; {found} may be one written by other means"):
        method(Sum(written))(PIXELS, 0)


@pytest.mark.parametrize(("written", "found"), WRITTEN_OTHERWISE.values(), ids=WRITTEN_OTHERWISE)
def test_a_relu_written_by_other_means_beside_one_is_told_and_passes_back_its_true_gradient(
    written: Callable[[Tensor], Tensor], found: str
) -> None:
    network = nn.SequentialCell(nn.ReLU(), Sum(written))
    with pytest.warns(UserWarning, match=f"computes by {found} what may be another one written by other means"):
        maps = GuidedBackprop(network)(PIXELS, 0)
    assert maps.ravel().tolist() == [0, 0, 5, 7]


class Gate(nn.Cell):
    """The product of features with others, their larger one, and a choice between both by a third: no ReLU."""

    def construct(self, features: Tensor) -> Tensor:
        others = ops.sigmoid(features)
        return ops.where(others.mean((2, 3), True) > 2, others, ops.maximum(features * others, others - 100))


@pytest.mark.parametrize("method", RULED)
def test_products_and_choices_of_two_are_not_taken_for_relus(method: type[Attribution]) -> None:
    method(nn.SequentialCell(Gate(), Sum()))(PIXELS, 0)  # a warning would be an error


@pytest.mark.parametrize("activation", [nn.Identity, nn.Tanh, lambda: ops.tanh], ids=["identity", "cell", "function"])
@pytest.mark.parametrize("method", RULED)
def test_a_network_without_relu_is_refused(method: type[Attribution], activation: Callable[[], Any]) -> None:
    with pytest.raises(NoReluError, match=r"found 0 ReLU cells among . cells of Sum, and no call of a ReLU operator"):
        method(Sum(activation()))(PIXELS, 0)


def test_gradient_asks_for_no_relu() -> None:
    assert Gradient(LinearNetwork(np.float32([[2, -3, 5, 7]])))(PIXELS, 0).ravel().tolist() == [2, 3, 5, 7]


# Leaky ones.


class LeakyBeforeRelu(nn.Cell):
    def __init__(self, leaky: nn.Cell, relu: Any) -> None:
        super().__init__()
        self.leaky = leaky
        self.sum = Sum(relu)

    def construct(self, images: Tensor) -> Tensor:
        return self.sum(self.leaky(images) + 1.0)


LEAKY = [lambda: nn.LeakyReLU(alpha=0.25), lambda: nn.PReLU(w=0.25), lambda: nn.RReLU(lower=0.25, upper=0.25)]


@pytest.mark.parametrize("leaky", LEAKY, ids=["LeakyReLU", "PReLU", "RReLU"])
@pytest.mark.parametrize("relu", [nn.ReLU(), ops.relu], ids=["cell", "function"])
def test_leaky_relus_beside_relus_are_told_and_pass_back_their_true_gradients(
    leaky: Callable[[], nn.Cell], relu: Any
) -> None:
    network = LeakyBeforeRelu(leaky(), relu)
    with pytest.warns(UserWarning, match=r"LeakyBeforeRelu has ReLUs, and leaky ones \(leaky\): no rule is defined"):
        maps = GuidedBackprop(network)(PIXELS, 0)
    # the leaky pixels are (-0.25, 2, 3, 8), plus 1 all above 0: what is positive of (2, -3, 5, 7), a quarter of the 2
    assert maps.ravel().tolist() == [0.5, 0, 5, 7]


def test_leaky_relus_alone_are_refused_by_name() -> None:
    with pytest.raises(NoReluError, match=r"and no call of a ReLU operator, and leaky ones \(activation\); the map"):
        GuidedBackprop(Sum(nn.LeakyReLU()))(PIXELS, 0)


def test_leaky_relus_are_no_matter_to_gradient() -> None:
    assert Gradient(Sum(nn.LeakyReLU(alpha=0.25)))(PIXELS, 0).ravel().tolist() == [0.5, 3, 5, 7]
