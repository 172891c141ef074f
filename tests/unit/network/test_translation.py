"""A network is translated and gives what MindSpore gives, or it is refused in a sentence that says why."""

from __future__ import annotations

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import NormalisedCnn, SmallCnn

from explainer.errors import EngineError, NetworkInputError
from explainer.network.mindspore.reference import eager_outputs
from explainer.network.translation import session_of, translated

pytestmark = pytest.mark.usefixtures("queued_operators")

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)


@pytest.mark.parametrize("make", [SmallCnn, NormalisedCnn])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_outputs_are_mindspores_for_any_number_of_images(make, count):
    network = make()
    found = translated(network, IMAGES[1:])
    (expected,) = eager_outputs(network, IMAGES[:count])
    np.testing.assert_allclose(found.session(IMAGES[:count])[0], expected, atol=2e-6 * np.abs(expected).max(), rtol=0)
    assert found.difference < 2e-6


def test_one_image_is_enough():
    network = SmallCnn()
    found = translated(network, IMAGES[:1])
    (expected,) = eager_outputs(network, IMAGES)
    np.testing.assert_allclose(found.session(IMAGES)[0], expected, atol=2e-6 * np.abs(expected).max(), rtol=0)


def test_other_weights_are_those_of_another_session():
    network = SmallCnn()
    found = translated(network, IMAGES)
    before = found.session(IMAGES)[0]
    network.fc.bias.set_data(Tensor(np.arange(4, dtype=np.float32)))
    network.conv1.weight.set_data(network.conv1.weight * 2)
    (expected,) = eager_outputs(network, IMAGES)
    again = session_of(found.graph, network)(IMAGES)[0]
    np.testing.assert_allclose(again, expected, atol=2e-6 * np.abs(expected).max(), rtol=0)
    assert np.array_equal(found.session(IMAGES)[0], before)


def test_a_session_keeps_the_weights_that_it_was_made_with_when_they_are_written_in_place():
    network = SmallCnn()
    found = translated(network, IMAGES)
    before = found.session(IMAGES)[0]
    for weight in network.get_parameters():
        ops.assign(weight, weight * 2)
    assert np.array_equal(found.session(IMAGES)[0], before)
    (expected,) = eager_outputs(network, IMAGES)
    again = session_of(found.graph, network)(IMAGES)[0]
    np.testing.assert_allclose(again, expected, atol=2e-6 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize(("side", "together"), [(7, 8), (224, 2)])
def test_of_large_images_few_are_given_to_mindspore_at_once(side, together, monkeypatch):
    given = []

    def noted(network, images, *others):
        given.append(len(images))
        return eager_outputs(network, images, *others)

    monkeypatch.setattr("explainer.network.translation.eager_outputs", noted)
    images = np.random.default_rng(1).standard_normal((9, 3, side, side)).astype(np.float32)
    translated(SmallCnn(3), images)
    assert given == [1, together]


class Several(SmallCnn):
    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return super().construct(images), images.mean((1, 2))


def test_several_outputs_come_in_their_order():
    network = Several()
    ours = translated(network, IMAGES).session(IMAGES)
    for one, other in zip(ours, eager_outputs(network, IMAGES), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6 * np.abs(other).max(), rtol=0)


class WithToken(nn.Cell):
    """A learned row and a constant one for each image, as transformers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.token = mindspore.Parameter(Tensor(np.array([[[1, -2, 3]]], np.float32)))

    def construct(self, images: Tensor) -> Tensor:
        count = images.shape[0]
        tokens = images[:, 0, :, :3]
        learned = ops.broadcast_to(self.token, (count, 1, 3))
        return ops.concat((learned, ops.ones((count, 1, 3), mindspore.float32) * 4, tokens), 1)


def test_rows_that_are_made_for_each_image_follow_the_batch():
    network = WithToken()
    found = translated(network, IMAGES[:2])
    assert np.array_equal(found.session(IMAGES)[0], eager_outputs(network, IMAGES)[0])


class AsNextName(nn.Cell):
    """`one += images` makes another tensor: `other` is what it was."""

    def construct(self, images: Tensor) -> Tensor:
        one = images * 2
        other = one
        one += images
        return one * other


class InPlace(nn.Cell):
    """What is written into is read afterwards; what writing gives is not used."""

    def construct(self, images: Tensor) -> Tensor:
        features = images * 2
        features.add_(images)
        return features * images


@pytest.mark.parametrize("make", [AsNextName, InPlace])
def test_what_is_written_in_place_is_as_eagerly(make):
    network = make()
    np.testing.assert_allclose(translated(network, IMAGES).session(IMAGES)[0], eager_outputs(network, IMAGES)[0], 1e-6)


class Magnified(nn.Cell):
    """Sines of so large numbers that the last digits of the images decide them to `loss`."""

    def __init__(self, loss: float) -> None:
        super().__init__()
        self.scale = loss * 1e7

    def construct(self, images: Tensor) -> Tensor:
        return ops.sin(images.sum((1, 2, 3)) * self.scale)


def test_rounding_that_the_network_magnifies_is_no_reason_to_refuse_it():
    assert translated(Magnified(3e-6), IMAGES).difference < 1e-4


class Approximated(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return ops.tanh(images)


def test_what_mindspores_kernels_approximate_is_no_reason_to_refuse_a_network():
    images = np.linspace(-6, 6, 2 * 5 * 1000, dtype=np.float32).reshape(1, 2, 5, 1000)
    found = translated(Approximated(), images)
    assert 2e-5 < found.difference < 1e-3  # MindSpore's is 1e-4 off
    np.testing.assert_allclose(found.session(images)[0], np.tanh(images.astype(np.float64)), atol=1e-6)


class OfLargeBatches(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        if images.shape[0] > 4:
            return images * 2
        return images * 3


class OfEvenBatches(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        if images.shape[0] % 2 == 0:
            return images * 2
        return images * 3


class PerBatch(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images * (images.sum() / images.shape[0])


class PerBatchFolded(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images * ops.ones((images.shape[0], 1, 1, 1), mindspore.float32).sum()


class RowsOfTheBatch(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images * ops.arange(images.shape[0]).reshape(-1, 1, 1, 1)


class FirstOnly(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return images - images[:1]


class ByItsNumbers(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        if images.sum() > 0:
            return images * 2
        return images * 3


class Looped(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        while images.max() < 100:
            images = images * 2
        return images


class Untranslated(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return ops.atan2(images, images + 1)


class Counting(SmallCnn):
    def __init__(self) -> None:
        super().__init__()
        self.count = mindspore.Parameter(Tensor(0.0), requires_grad=False)

    def construct(self, images: Tensor) -> Tensor:
        self.count += 1
        return super().construct(images)


class AtHalf(SmallCnn):
    def construct(self, images: Tensor) -> Tensor:
        return super().construct(images).astype(mindspore.float16)


class UnlikeCompiled(nn.Cell):
    """Slices that run both ways: MindSpore's eager mode gives other rows than its graphs, and NumPy."""

    def construct(self, images: Tensor) -> Tensor:
        return images[:, :, ::-1, 1:4]


@mindspore.jit(capture_mode="trace")
def traced(images: Tensor) -> Tensor:
    return ops.relu(images)


class WithoutNumbers(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return ops.log(-ops.relu(images))


class Traced(nn.Cell):
    def construct(self, images: Tensor) -> Tensor:
        return traced(images)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (OfLargeBatches, "other outputs than MindSpore for a batch of 1"),
        (OfEvenBatches, "other outputs than MindSpore for a batch of 2"),
        (PerBatch, "computes with the size of the batch"),
        (PerBatchFolded, "other outputs than MindSpore for a batch of 1"),
        (RowsOfTheBatch, "a tensor that is made for one size of the batch"),
        (FirstOnly, "no translation of some images of a batch"),
        (ByItsNumbers, "chooses by its data what it computes"),
        (Looped, "chooses by its data what it computes"),
        (Untranslated, r"the operator Atan2 has no translation \(Default/Atan2-op0\)"),
        (Counting, "the operator Assign"),
        (AtHalf, "computes in float16"),
        (UnlikeCompiled, "other outputs than MindSpore"),
        (Traced, "is traced"),
        (WithoutNumbers, "the network itself gives NaN or infinity for the first images"),
    ],
)
def test_a_network_is_refused_in_a_sentence_that_says_why(make, reason):
    with pytest.raises(EngineError, match=reason) as caught:
        translated(make(), IMAGES)
    assert "\n" not in str(caught.value)


def test_mindspore_works_on_after_a_refusal():
    for make in (ByItsNumbers, Traced, Untranslated, OfLargeBatches):
        with pytest.raises(EngineError):
            translated(make(), IMAGES)
    assert translated(SmallCnn(), IMAGES).difference < 2e-6


def test_images_that_the_network_does_not_take_are_the_callers_error():
    with pytest.raises(NetworkInputError):
        translated(SmallCnn(channels=3), IMAGES)
