"""Which ReLUs a rule changes, and that those out of its reach are told."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, mint, nn, ops

from explainer.errors import NoReluError
from explainer.explanation import Deconvolution, Gradient, GuidedBackprop
from explainer.mindspore_relus import ruled_relus
from explainer.relu_rules import guided


class Sum(nn.Cell):
    """One logit: the sum of `weights` times the activated pixels, the activation given by a subclass."""

    def __init__(self, activation: nn.Cell | None = None) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.activation = activation or nn.ReLU()
        self.dense = nn.Dense(4, 1, weight_init=Tensor([[2.0, -3.0, 5.0, 7.0]]), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        return self.dense(self.activation(self.flatten(images)))


class WithFunction(Sum):
    def construct(self, images: Tensor) -> Tensor:
        return super().construct(ops.relu(images))


class WithFunctionalModule(Sum):
    def construct(self, images: Tensor) -> Tensor:
        return super().construct(mint.nn.functional.relu(images))


class WithOperator(Sum):
    def __init__(self) -> None:
        super().__init__()
        self.operator = ops.ReLU()

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(self.operator(images))


class NamedRelu(Sum):
    """A cell held as `relu` and called as `self.relu(x)` is within reach."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()

    def construct(self, images: Tensor) -> Tensor:
        return super().construct(self.relu(images))


PIXELS = np.float32([[[[-1, 2], [3, 8]]]])  # below 0, twice between 0 and 6, above 6


def test_relu6_cells_pass_back_nothing_at_their_bound():
    network = Sum(nn.ReLU6())
    assert Gradient(network)(PIXELS, 0).ravel().tolist() == [0, 3, 5, 0]
    assert GuidedBackprop(network)(PIXELS, 0).ravel().tolist() == [0, 0, 5, 0]
    assert Deconvolution(network)(PIXELS, 0).ravel().tolist() == [2, 0, 5, 0]


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (WithFunction, r"the network itself \(WithFunction\) calls the function 'relu'"),
        (WithFunctionalModule, r"the network itself \(WithFunctionalModule\) calls the function 'relu'"),
        (WithOperator, r"the network itself \(WithOperator\) holds the operator ReLU as 'operator'"),
    ],
)
@pytest.mark.parametrize("method", [GuidedBackprop, Deconvolution])
def test_a_relu_that_is_no_cell_is_told_though_there_are_relu_cells(network, found, method):
    with pytest.raises(NoReluError, match=f"found 1 ReLU cells .*{found}.*use nn.ReLU cells"):
        method(network())(PIXELS, 0)


def test_the_cell_inside_is_named():
    with pytest.raises(NoReluError, match=r"0 \(WithFunction\) calls the function 'relu'"):
        ruled_relus(nn.SequentialCell(WithFunction()), guided)


def test_a_relu_cell_of_any_name_is_within_reach():
    assert GuidedBackprop(NamedRelu())(PIXELS, 0).ravel().tolist() == [0, 0, 5, 7]


def test_a_network_with_a_hidden_relu_still_has_a_gradient():
    assert Gradient(WithFunction())(PIXELS, 0).ravel().tolist() == [0, 3, 5, 7]


def test_a_relu6_of_mint_is_told():
    with pytest.raises(NoReluError, match=r"activation is a mint.nn.ReLU6"):
        ruled_relus(nn.SequentialCell(nn.ReLU(), Sum(mint.nn.ReLU6())), guided)
