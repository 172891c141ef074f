"""What every explanation method is: a network and images in, one saliency map per image and label out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from explainer.checks import label_matrix, require_finite, require_images, require_labels_in_range, require_type
from explainer.classifier import Classifier
from explainer.mindspore_classifier import MindSporeClassifier
from explainer.mindspore_program import is_tensor, to_tensor, without_tensor
from explainer.relu_rules import ReluRule

FloatArray = NDArray[np.float32]
LabelArray = NDArray[np.int64]


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
        self._classifier = MindSporeClassifier(network, activation_fn, batch_size=batch_size)
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
        images = require_images(without_tensor(inputs))
        labels = label_matrix(without_tensor(targets), len(images))
        require_labels_in_range(labels, self._classifier.class_count(images))
        saliency = np.ascontiguousarray(self._explain(images, labels), dtype=np.float32)
        expected = (*labels.shape, *images.shape[2:])
        if saliency.shape != expected:
            raise ValueError(
                f"{self._name} must give maps of shape {expected}, gave {saliency.shape}; mend its _explain"
            )
        require_finite(f"saliency of {self._name}", saliency)
        return to_tensor(saliency) if is_tensor(inputs) else saliency

    @abstractmethod
    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        """Maps (N, L, H, W) for checked images (N, C, H, W) and targets (N, L)."""


def one_hot_pairs(images: FloatArray, targets: LabelArray, class_count: int) -> tuple[FloatArray, FloatArray]:
    """Each (image, label) pair as a row: images (N * L, C, H, W) and one-hot seeds (N * L, K)."""
    seeds = np.zeros((targets.size, class_count), np.float32)
    seeds[np.arange(targets.size), targets.ravel()] = 1
    return (images if targets.shape[1] == 1 else np.repeat(images, targets.shape[1], axis=0)), seeds


def gradient_maps(classifier: Classifier, images: FloatArray, targets: LabelArray, relu_rule: ReluRule) -> FloatArray:
    """Maps (N, L, H, W): the gradient of each target's logit, its largest absolute value over the channels."""
    rows, seeds = one_hot_pairs(images, targets, classifier.class_count(images))
    return absolute_maximum(classifier.gradient(rows, seeds, relu_rule=relu_rule), targets)


def absolute_maximum(gradients: FloatArray, targets: LabelArray) -> FloatArray:
    """Maps (N, L, H, W) from gradients (N * L, C, H, W): the largest absolute value over the channels."""
    maps: FloatArray = np.abs(gradients).max(axis=1)
    return maps.reshape(*targets.shape, *maps.shape[1:])
