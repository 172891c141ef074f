"""What every explanation method is: a network and images in, one saliency map per image and label out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, final

import numpy as np

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import label_matrix, require_finite, require_images, require_labels_in_range, require_type
from explainer.memory import passes
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.program import is_tensor, to_tensor, without_tensor


class Explained(NamedTuple):
    """Saliency maps and what is known of their faults.

    Attributes:
        maps: (N, L, H, W) float32.
        completeness_gaps: (N, L) float32, how much of the logit's difference the attributions miss; None for a method
            whose attributions do not claim to sum to it.
    """

    maps: FloatArray
    completeness_gaps: FloatArray | None


class Attribution(ABC):
    """A method that explains why a network gives a label to an image.

    Args:
        network: the mindspore.nn.Cell to be explained, images (N, C, H, W) -> logits (N, K). It is borrowed for each
            call, with its weights of that moment, and given back as it was.
        name: what the method is called in a summary; by default the name of its class.
        batch_size: images in one pass through the network.
        activation_fn: logits -> probabilities, for methods that explain a probability.
        parameters: what a summary records of the method's configuration, as JSON values.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an empty name or a batch size below 1.
    """

    one_pass_per_label: ClassVar[bool] = True
    """Whether each label of an image costs as much as another image; False: all labels come from the same passes."""

    def __init__(
        self,
        network: Any,
        *,
        name: str | None = None,
        batch_size: int = 32,
        activation_fn: Any = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        if name is not None:
            require_type("name", name, str, "a string")
        self._name = type(self).__name__ if name is None else name.strip()
        if not self._name:
            raise ValueError(f"`name` must not be blank, got {name!r}; it names the method in the summary")
        self._classifier = self._classifier_of(network, activation_fn, batch_size)
        self._parameters = dict(parameters or {})

    @property
    def network(self) -> Any:
        """The network being explained."""
        return self._classifier.network

    @property
    def name(self) -> str:
        """What the method is called in a summary."""
        return self._name

    @property
    def parameters(self) -> dict[str, Any]:
        """The method's configuration, as JSON values."""
        return {"class": type(self).__name__, **self._parameters}

    @property
    def batch_size(self) -> int:
        """Images in one pass through the network, at most."""
        return self._classifier.batch_size

    def passes_per_image(self, image_shape: tuple[int, ...]) -> int:
        """About how many images go through the network for each that is explained, (C, H, W); 1 unless told."""
        return 1

    @property
    def gives_pictures(self) -> bool:
        """Whether the maps are (N, L, H, W) for images (N, C, H, W) and labels (N, L), as a run needs them."""
        return True

    @final
    def __call__(self, inputs: Any, targets: Any) -> Any:
        """The saliency maps, (N, 1, H, W), or (N, L, H, W) for targets of (N, L); float32, larger = more important.

        Args:
            inputs: (N, C, H, W), a Tensor or array of finite numbers.
            targets: the labels to be explained: an int for all images, or an array of shape (), (N,) or (N, L).

        Returns:
            A Tensor when `inputs` is a Tensor, else an ndarray.

        Raises:
            TypeError: `inputs` does not hold numbers or `targets` does not hold whole numbers.
            ValueError: a wrong shape, a NaN or infinity, or a label that the network does not have.
        """
        maps = self.explained(inputs, targets).maps
        return to_tensor(maps) if is_tensor(inputs) else maps

    @final
    def explained(self, inputs: Any, targets: Any) -> Explained:
        """What a call gives, as arrays, and what the method knows of its maps' faults.

        Args:
            inputs: as for a call.
            targets: as for a call.

        Raises:
            TypeError, ValueError: as for a call.
        """
        images, labels = self._checked(inputs, targets)
        maps, gaps = self._explain_with_gaps(images, labels)
        saliency = np.ascontiguousarray(maps, dtype=np.float32)
        expected = self._map_shape(images, labels)
        if saliency.shape != expected:
            raise ValueError(
                f"{self._name} must give maps of shape {expected}, gave {saliency.shape}; mend its _explain"
            )
        require_finite(f"saliency of {self._name}", saliency)
        return Explained(saliency, gaps)

    def check(self, inputs: Any) -> None:
        """Nothing; explains the images for label 0, so that what a call would refuse is told before a long run.

        Args:
            inputs: (N, C, H, W), best one image.

        Raises:
            TypeError, ValueError: as for a call.
        """
        self.explained(inputs, 0)

    def _classifier_of(self, network: Any, activation_fn: Any, batch_size: int) -> MindSporeClassifier:
        """The network as it is asked."""
        return MindSporeClassifier(network, activation_fn, batch_size=batch_size)

    def _map_shape(self, images: FloatArray, targets: LabelArray) -> tuple[int, ...]:
        """What the maps' shape has to be."""
        return (*targets.shape, *images.shape[2:])

    def _checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, LabelArray]:
        """Images (N, C, H, W) and labels (N, L) of a call's arguments."""
        images = require_images(without_tensor(inputs))
        labels = label_matrix(without_tensor(targets), len(images))
        require_labels_in_range(labels, self._classifier.class_count(images))
        return images, labels

    def _explain_with_gaps(self, images: FloatArray, targets: LabelArray) -> Explained:
        """The maps, and their completeness gaps where the method is complete in theory."""
        return Explained(self._explain(images, targets), None)

    @abstractmethod
    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        """Maps (N, L, H, W) for checked images (N, C, H, W) and targets (N, L)."""


def one_hot_pairs(images: FloatArray, targets: LabelArray, class_count: int) -> tuple[FloatArray, FloatArray]:
    """Each (image, label) pair as a row: images (N * L, C, H, W) and one-hot seeds (N * L, K)."""
    return np.repeat(images, targets.shape[1], axis=0), one_hot(targets.ravel(), class_count)


def pair_batches(images: FloatArray, targets: LabelArray) -> Iterator[tuple[LabelArray | slice, LabelArray]]:
    """Each (image, label) pair, image by image, in batches of as many as fit: places in `images`, and labels (B,).

    Places are (B,), or a slice where each image has one label, so that none is copied.

    >>> ((places, labels),) = pair_batches(np.zeros((2, 1, 3, 3), np.float32), np.array([[3, 0], [1, 3]]))
    >>> places.tolist(), labels.tolist()
    ([0, 0, 1, 1], [3, 0, 1, 3])
    """
    labels = targets.ravel()
    parts = passes(len(labels), images.shape[1:])
    if len(labels) == len(images):
        return ((rows, labels[rows]) for rows in parts)
    places = np.repeat(np.arange(len(images)), targets.shape[1])
    return ((places[rows], labels[rows]) for rows in parts)


def one_hot(labels: LabelArray, class_count: int) -> FloatArray:
    """A row per label, (M, K), with 1 at the label.

    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    rows = np.zeros((len(labels), class_count), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows
