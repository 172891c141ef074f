"""What a call of a method takes: images and labels, checked once at the door."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import label_matrix, require_images, require_labels_in_range
from explainer.classifier import Classifier
from explainer.network.of import without_tensor


class Inputs(Protocol):
    """The door of a method."""

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, NDArray[Any]]:
        """Images (N, C, ...), and their targets, a row for each; raises TypeError or ValueError."""

    def map_shape(self, images: FloatArray, targets: NDArray[Any]) -> tuple[int, ...]:
        """The shape that the maps of checked images and targets have."""


class AnyLabels:
    """Images (N, C, H, W) and labels (N, L), whether the network has them or not.

    Args:
        classifier: not used.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, LabelArray]:
        """Images (N, C, H, W) and labels (N, L).

        Raises:
            TypeError: `inputs` does not hold numbers or `targets` does not hold whole numbers.
            ValueError: a wrong shape, or a NaN or infinity.
        """
        images = require_images(without_tensor(inputs))
        return images, label_matrix(without_tensor(targets), len(images))

    def map_shape(self, images: FloatArray, targets: LabelArray) -> tuple[int, ...]:
        """(N, L, H, W)."""
        return (*targets.shape, *images.shape[2:])


class ImagesAndLabels:
    """Images (N, C, H, W) and labels (N, L) that the network has.

    Args:
        classifier: of the network.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._plain = AnyLabels(classifier)

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, LabelArray]:
        """Images (N, C, H, W) and labels (N, L).

        Raises:
            TypeError, ValueError: as for `AnyLabels`; a label that the network does not have.
        """
        images, labels = self._plain.checked(inputs, targets)
        require_labels_in_range(labels, self._classifier.class_count(images))
        return images, labels

    def map_shape(self, images: FloatArray, targets: LabelArray) -> tuple[int, ...]:
        """(N, L, H, W)."""
        return self._plain.map_shape(images, targets)
