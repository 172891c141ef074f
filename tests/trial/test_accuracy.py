"""The trial networks reach the accuracies that shared/data/README.md promises.

Counts are exact: the closest call is decided by 4e-3 of a logit, and float rounding stays below 1e-4.
"""

import numpy as np
import pytest
from mindspore import Tensor, nn
from numpy.typing import NDArray

from explainer.analysis.calibration import separation
from explainer.uncertainty import DropoutUncertainty

from .data import Photos, cifar10, cifar10_train, imagenet_labels, mnist, photos, require_shared
from .networks import CifarResNet20, DigitCnn, SqueezeNet11

Array = NDArray[np.float32]

# The README rounds to three digits (5e-4); the rest leaves room for other convolution kernels.
PROBABILITY_TOLERANCE = 2e-3


def test_uncertainty_detects_incorrectly_predicted_digits() -> None:
    """Three of 100 are incorrect; measured with 50 draws: deviations of 0.26 and 0.08, AUROC 0.94."""
    require_shared()
    images, labels, _ = mnist()
    network = DigitCnn()
    predicted = network(Tensor(images)).asnumpy().argmax(axis=1)
    estimate = DropoutUncertainty(network, nn.Softmax(), draws=25)(images)
    deviations = estimate.deviation[np.arange(len(images)), predicted]
    incorrect, correct = deviations[predicted != labels], deviations[predicted == labels]
    assert separation(incorrect.tolist(), correct.tolist()) > 0.9
    assert incorrect.mean() > 2 * correct.mean()


@pytest.fixture(scope="module")
def resnet20() -> nn.Cell:
    require_shared()
    return CifarResNet20()


@pytest.fixture(scope="module")
def photographs() -> Photos:
    require_shared()
    return photos()


@pytest.fixture(scope="module")
def photo_probabilities(photographs: Photos) -> Array:
    """(5, 1000), each row sums to 1."""
    logits = logits_of(SqueezeNet11(), photographs.images)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def test_resnet20_names_161_of_200_test_images(resnet20: nn.Cell) -> None:
    images, labels, _ = cifar10()
    assert top_k_hits(logits_of(resnet20, images), labels, 1) == 161  # 0.805


def test_resnet20_has_198_of_200_test_images_among_its_first_five(resnet20: nn.Cell) -> None:
    images, labels, _ = cifar10()
    assert top_k_hits(logits_of(resnet20, images), labels, 5) == 198  # 0.990


def test_resnet20_names_every_training_image(resnet20: nn.Cell) -> None:
    images, labels, _ = cifar10_train()
    assert top_k_hits(logits_of(resnet20, images), labels, 1) == len(labels) == 100


def test_digit_cnn_names_97_of_100_digits() -> None:
    require_shared()
    images, labels, _ = mnist()
    assert top_k_hits(logits_of(DigitCnn(), images), labels, 1) == 97


@pytest.mark.parametrize(
    ("photo", "predicted", "probability"),
    [
        ("Egyptian cat", "Egyptian cat", 0.686),
        ("espresso", "espresso", 0.840),
        ("tripod", "tripod", 0.770),
        ("missile", "mosque", 0.322),
        ("space shuttle", "red wine", 0.180),
    ],
)
def test_squeezenet_is_as_sure_of_a_photo_as_promised(
    photographs: Photos, photo_probabilities: Array, photo: str, predicted: str, probability: float
) -> None:
    row = photo_probabilities[photographs.names.index(photo)]
    assert imagenet_labels()[row.argmax()] == predicted
    assert row.max() == pytest.approx(probability, abs=PROBABILITY_TOLERANCE)


def logits_of(network: nn.Cell, images: Array, batch_size: int = 50) -> Array:
    """(N, K) float32, in PyNative."""
    starts = range(0, len(images), batch_size)
    return np.concatenate([network(Tensor(images[start : start + batch_size])).asnumpy() for start in starts])


def top_k_hits(logits: Array, labels: NDArray[np.int32], k: int) -> int:
    """How many rows have their label among the k largest logits."""
    largest = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return int((largest == labels[:, None]).any(axis=1).sum())
