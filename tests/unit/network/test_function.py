"""A function of arrays, asked in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from numpy.typing import NDArray
from replicas import normal_images, softmax, whole_numbers

from explainer.errors import NetworkOutputError
from explainer.network.function import FunctionClassifier

FloatArray = NDArray[Any]

WEIGHTS = whole_numbers(4, 70, seed=8)
INPUTS = whole_numbers(7, 2, 5, 7)
LOGITS = INPUTS.reshape(7, 70) @ WEIGHTS.T


class Network:
    """A linear function that remembers how many inputs it was given each time."""

    def __init__(self, then: Callable[[FloatArray], Any] = lambda logits: logits) -> None:
        self.sizes: list[int] = []
        self.then = then

    def __call__(self, inputs: FloatArray) -> Any:
        assert inputs.dtype == np.float32
        self.sizes.append(len(inputs))
        return self.then(inputs.reshape(len(inputs), -1) @ WEIGHTS.T)


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, [1] * 7), (2, [2, 2, 2, 1]), (3, [3, 2, 2]), (6, [4, 3]), (7, [7]), (10**18, [7])]
)
def test_inputs_are_asked_in_few_batches_that_hold_no_more_than_they_may(batch_size: int, sizes: list[int]) -> None:
    network = Network()
    outputs = FunctionClassifier(network, batch_size=batch_size).outputs(INPUTS)
    np.testing.assert_array_equal(outputs, LOGITS)
    assert network.sizes == sizes


def test_outputs_of_any_number_of_axes_are_joined() -> None:
    for then in (lambda logits: logits[:, 0], lambda logits: logits[:, :, None, None] * np.ones((5, 7))):
        outputs = FunctionClassifier(Network(then), batch_size=3).outputs(INPUTS)
        np.testing.assert_array_equal(outputs, then(LOGITS))


@pytest.mark.parametrize("kind", [Tensor, np.float64, np.int32, list])
def test_tensors_and_numbers_of_other_kinds_become_float32(kind: Any) -> None:
    def then(logits: FloatArray) -> Any:
        if kind is list:
            return logits.tolist()
        return Tensor(logits) if kind is Tensor else logits.astype(kind)

    outputs = FunctionClassifier(Network(then), batch_size=3).outputs(INPUTS)
    assert outputs.dtype == np.float32
    np.testing.assert_array_equal(outputs, LOGITS)


def test_several_outputs_are_joined_each_by_itself() -> None:
    def then(logits: FloatArray) -> tuple[Any, ...]:
        return Tensor(logits), logits.sum(axis=1), logits[:, :2, None]

    outputs = FunctionClassifier(Network(then), batch_size=3).outputs(INPUTS)
    assert isinstance(outputs, tuple)
    assert len(outputs) == 3
    for output, wanted in zip(outputs, (LOGITS, LOGITS.sum(axis=1), LOGITS[:, :2, None]), strict=True):
        assert output.dtype == np.float32
        np.testing.assert_array_equal(output, wanted)


def test_an_output_alone_in_a_tuple_is_that_output() -> None:
    outputs = FunctionClassifier(Network(lambda logits: (logits,)), batch_size=3).outputs(INPUTS)
    np.testing.assert_array_equal(outputs, LOGITS)


def test_what_the_function_writes_does_not_reach_the_inputs() -> None:
    def cleared(inputs: FloatArray) -> FloatArray:
        logits = inputs.reshape(len(inputs), -1) @ WEIGHTS.T
        inputs[:] = 0
        return logits

    inputs = INPUTS.copy()
    classifier = FunctionClassifier(cleared, lambda logits: softmax(logits / 100), batch_size=3)
    classifier.output_shapes(inputs)
    np.testing.assert_array_equal(classifier.outputs(inputs), LOGITS)
    classifier.probabilities(inputs)
    np.testing.assert_array_equal(inputs, INPUTS)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_outputs_that_are_the_inputs_can_be_written_to(batch_size: int) -> None:
    inputs = INPUTS.copy()
    FunctionClassifier(lambda given: given, batch_size=batch_size).outputs(inputs)[:] = 0
    np.testing.assert_array_equal(inputs, INPUTS)


def test_a_function_may_write_each_answer_into_the_same_array() -> None:
    answer = np.zeros((1, 4), np.float32)

    def network(inputs: FloatArray) -> FloatArray:
        answer[:] = inputs.reshape(1, -1) @ WEIGHTS.T
        return answer

    np.testing.assert_array_equal(FunctionClassifier(network, batch_size=1).outputs(INPUTS), LOGITS)


def test_shapes_are_found_with_one_input_and_once_for_each_shape_of_inputs() -> None:
    network = Network(lambda logits: (logits, logits[:, 0], logits[:, :, None]))
    classifier = FunctionClassifier(network, batch_size=3)
    for _ in range(2):
        assert classifier.output_shapes(INPUTS) == [(4,), (), (4, 1)]
    assert network.sizes == [1]
    assert classifier.output_shapes(INPUTS.reshape(7, 70)) == [(4,), (), (4, 1)]
    assert network.sizes == [1, 1]


def test_it_knows_its_function_and_its_batch_size() -> None:
    network = Network()
    classifier = FunctionClassifier(network, batch_size=3)
    assert classifier.network is network
    assert classifier.batch_size == 3
    assert FunctionClassifier(network).batch_size == 32


@pytest.mark.parametrize(
    ("then", "shapes"),
    [
        (lambda logits: logits[:1], r"\(1, 4\)"),
        (lambda logits: logits.sum(), r"\(\)"),
        (lambda logits: 0.5, r"\(\)"),
        (lambda logits: (logits, logits.T), r"\(3, 4\), \(4, 3\)"),
        (lambda logits: (logits, 1), r"\(3, 4\), \(\)"),
        (lambda logits: (), "none"),
    ],
)
def test_outputs_need_a_row_for_each_input(then: Callable[[FloatArray], Any], shapes: str) -> None:
    classifier = FunctionClassifier(Network(then), batch_size=3)
    with pytest.raises(
        NetworkOutputError, match=f"`network` must give a row for each of 3 inputs, gave shapes {shapes}$"
    ):
        classifier.outputs(INPUTS[:3])


def test_shapes_need_a_row_for_the_one_input() -> None:
    classifier = FunctionClassifier(Network(lambda logits: np.ones((2, 4))))
    with pytest.raises(NetworkOutputError, match=r"must give a row for each of 1 inputs, gave shapes \(2, 4\)$"):
        classifier.output_shapes(INPUTS)


def test_an_error_of_the_function_is_its_own() -> None:
    def failing(inputs: FloatArray) -> FloatArray:
        raise KeyError("on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        FunctionClassifier(failing).outputs(INPUTS)


@pytest.mark.parametrize(
    "activation",
    [softmax, nn.Softmax(), lambda logits: Tensor(softmax(logits)), lambda logits: softmax(logits).tolist()],
)
def test_probabilities_are_the_outputs_after_the_activation(activation: Any) -> None:
    images = normal_images()
    classifier = FunctionClassifier(lambda given: given[:, 0, 1, :4], activation, batch_size=2)
    probabilities = classifier.probabilities(images)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, softmax(images[:, 0, 1, :4].astype(np.float64)), rtol=1e-5)


def test_an_activation_may_make_probabilities_of_maps() -> None:
    classifier = FunctionClassifier(lambda given: given, lambda outputs: softmax(outputs.mean(axis=(2, 3))))
    images = normal_images()
    np.testing.assert_allclose(classifier.probabilities(images), softmax(images.mean(axis=(2, 3))), rtol=1e-6)


@pytest.mark.parametrize(
    ("activation", "shape"),
    [
        (lambda logits: logits[:, :1], r"\(7, 1\)"),
        (lambda logits: logits[:1], r"\(1, 4\)"),
        (lambda logits: logits.sum(), r"\(\)"),
        (lambda logits: (logits, logits), r"\(2, 7, 4\)"),
    ],
)
def test_an_activation_that_gives_another_shape_is_refused(activation: Any, shape: str) -> None:
    with pytest.raises(
        NetworkOutputError, match=rf"`activation_fn` must give probabilities \(7, 4\), got shape {shape}$"
    ):
        FunctionClassifier(Network(), activation).probabilities(INPUTS)


@pytest.mark.parametrize(
    ("batch_size", "error", "message"),
    [
        (0, ValueError, "`batch_size` must be at least 1, got 0"),
        (2.0, TypeError, "`batch_size` must be a whole number, got float 2.0"),
        (True, TypeError, "`batch_size` must be a whole number, got bool True"),
    ],
)
def test_a_batch_holds_at_least_one_input(batch_size: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FunctionClassifier(Network(), batch_size=batch_size)
