"""Networks and images that do not fit each other, told in one sentence of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, mint, nn
from networks import LinearNetwork, SmallCnn

from explainer.errors import NetworkInputError
from explainer.explanation import GradCAM, Gradient, Occlusion
from explainer.network.mindspore.adapter import MindSporeClassifier

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)


class TwoInputs(nn.Cell):
    def construct(self, images: Tensor, masks: Tensor) -> Tensor:
        return (images * masks).mean((2, 3))


class WithDefault(nn.Cell):
    def construct(self, images: Tensor, scale: float = 2.0) -> Tensor:
        return scale * images.mean((2, 3))


class OfAnyInputs(nn.Cell):
    def construct(self, *inputs: Tensor) -> Tensor:
        return inputs[0].mean((2, 3))


def for_evaluation() -> nn.Cell:
    return nn.WithEvalCell(SmallCnn(), nn.SoftmaxCrossEntropyWithLogits())


def for_training() -> nn.Cell:
    return nn.WithLossCell(SmallCnn(), nn.SoftmaxCrossEntropyWithLogits())


@pytest.mark.parametrize("method", [Gradient, GradCAM, lambda network: Occlusion(network, nn.Softmax())])
@pytest.mark.parametrize(
    ("network", "takes"), [(TwoInputs, "images, masks"), (for_evaluation, "data, label"), (for_training, "data, label")]
)
def test_a_network_of_two_inputs_is_refused_at_the_door(
    method: Any, network: Callable[[], nn.Cell], takes: str
) -> None:
    with pytest.raises(
        TypeError, match=rf"`network` must take one input, got .* takes {takes}; .*pass the network inside"
    ):
        method(network())


def test_an_activation_of_two_inputs_is_refused_at_the_door() -> None:
    with pytest.raises(TypeError, match="`activation_fn` must take one input, got SoftmaxCrossEntropyWithLogits"):
        MindSporeClassifier(SmallCnn(), nn.SoftmaxCrossEntropyWithLogits())


@pytest.mark.parametrize("network", [WithDefault, OfAnyInputs])
def test_a_network_that_can_do_with_images_alone_is_taken(network: Callable[[], nn.Cell]) -> None:
    assert MindSporeClassifier(network()).logits(IMAGES).shape == (3, 2)


def test_a_compiled_function_is_refused_with_the_cell_to_give_instead() -> None:
    with pytest.raises(TypeError, match=r"must be a mindspore.nn.Cell, got method; pass the SmallCnn itself"):
        Gradient(mindspore.jit(SmallCnn()))


WRONG_IMAGES = [
    (lambda: LinearNetwork(np.ones((4, 48))), (3, 2, 5, 7), "made for"),  # another size
    (SmallCnn, (3, 3, 5, 7), "made for"),  # another number of channels
    (lambda: SmallCnn(channels=3), (3, 5, 7, 3), r"the channels seem to come last: .*transpose\(0, 3, 1, 2\)"),
]


@pytest.mark.parametrize(("network", "shape", "advice"), WRONG_IMAGES)
@pytest.mark.parametrize("method", [Gradient, lambda network: Occlusion(network, nn.Softmax(), window=2, stride=2)])
def test_images_that_do_not_fit_the_network_are_told_in_one_sentence(
    method: Any, network: Callable[[], nn.Cell], shape: tuple[int, ...], advice: str
) -> None:
    message = (
        rf"`network` \(.*\) must be one that can be evaluated for one input of shape \(1, .*MindSpore says: .*{advice}"
    )
    with pytest.raises(NetworkInputError, match=message) as caught:
        method(network())(np.ones(shape, np.float32), 1)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


class Failed(Tensor):
    """What an operator gives that was queued and has failed meanwhile: who reads it is told."""

    LATE = "For 'MatMul' the input dimensions must be equal\n\n- C++ Call Stack: (For framework developers)\n"

    def asnumpy(self) -> Any:
        raise ValueError(self.LATE)

    @property
    def shape(self) -> Any:
        raise ValueError(self.LATE)


class FailsLate(nn.Cell):
    """Fails for more than so many images, and it is told when the output is read."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def construct(self, images: Tensor) -> Tensor:
        logits = images.mean((2, 3))
        return Failed(logits) if len(images) > self.most else logits


@pytest.mark.parametrize(("most", "told"), [(0, r"one input of shape \(1, "), (1, r"inputs of shape \(3, ")])
def test_an_operator_that_mindspore_tells_late_of_is_told_in_one_sentence(most: int, told: str) -> None:
    seeds = np.eye(2, dtype=np.float32)[[1, 0, 1]]
    with pytest.raises(NetworkInputError, match=rf"{told}.*MindSpore says: For 'MatMul' the input dimensions must be"):
        MindSporeClassifier(FailsLate(most)).gradient(IMAGES, seeds)


class WithoutKernel(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return mint.nn.functional.relu6(images).mean((2, 3))


def test_an_operator_that_the_device_lacks_is_told() -> None:
    with pytest.raises(
        NetworkInputError, match=r"MindSpore says: The kernel .* unregistered; .*no such operator on this"
    ):
        Gradient(WithoutKernel())(IMAGES, 1)


class Raises(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        raise LookupError("the user's own")


def test_an_error_of_the_network_s_own_stays_what_it_is() -> None:
    with pytest.raises(LookupError, match="the user's own"):
        Gradient(Raises())(IMAGES, 1)
