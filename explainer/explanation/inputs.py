"""What a call of a method takes: images and labels, checked once at the door."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import label_matrix, require_images, require_labels_in_range
from explainer.class_names import class_ids, require_all_named
from explainer.classifier import Classifier
from explainer.network.of import without_tensor


class Inputs(Protocol):
    """The door of a method."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the classes, which targets may be; None where they are not known."""

    def with_labels(self, labels: tuple[str, ...]) -> Inputs:
        """The same door, which knows these names."""

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, NDArray[Any]]:
        """Images (N, C, ...), and their targets, a row for each; raises TypeError or ValueError."""

    def map_shape(self, images: FloatArray, targets: NDArray[Any]) -> tuple[int, ...]:
        """The shape that the maps of checked images and targets have."""


class AnyLabels:
    """Images (N, C, H, W) and labels (N, L), whether the network has them or not.

    Args:
        classifier: not used.
        labels: the names of the classes.
    """

    def __init__(self, classifier: Classifier, labels: tuple[str, ...] | None = None) -> None:
        self._classifier = classifier
        self._labels = labels

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the classes, or None."""
        return self._labels

    def with_labels(self, labels: tuple[str, ...]) -> AnyLabels:
        """The same door, which knows these names."""
        return AnyLabels(self._classifier, labels)

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, LabelArray]:
        """Images (N, C, H, W) and labels (N, L).

        Raises:
            TypeError: `inputs` does not hold numbers or `targets` holds neither whole numbers nor known names.
            ValueError: a wrong shape, a NaN or infinity, or an unknown name.
        """
        images = require_images(without_tensor(inputs))
        return images, label_matrix(class_ids(without_tensor(targets), self._labels), len(images))

    def map_shape(self, images: FloatArray, targets: LabelArray) -> tuple[int, ...]:
        """(N, L, H, W)."""
        return (*targets.shape, *images.shape[2:])


class ImagesAndLabels:
    """Images (N, C, H, W) and labels (N, L) that the network has.

    Args:
        classifier: of the network.
        labels: the names of the classes.
    """

    def __init__(self, classifier: Classifier, labels: tuple[str, ...] | None = None) -> None:
        self._classifier = classifier
        self._plain = AnyLabels(classifier, labels)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the classes, or None."""
        return self._plain.labels

    def with_labels(self, labels: tuple[str, ...]) -> ImagesAndLabels:
        """The same door, which knows these names."""
        return ImagesAndLabels(self._classifier, labels)

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, LabelArray]:
        """Images (N, C, H, W) and labels (N, L).

        Raises:
            TypeError, ValueError: as for `AnyLabels`; a label that the network does not have; another number of names.
        """
        images, labels = self._plain.checked(inputs, targets)
        class_count = self._classifier.class_count(images)
        if self.labels is not None:
            require_all_named(self.labels, class_count)
        require_labels_in_range(labels, class_count)
        return images, labels

    def map_shape(self, images: FloatArray, targets: LabelArray) -> tuple[int, ...]:
        """(N, L, H, W)."""
        return self._plain.map_shape(images, targets)
