"""What every explanation method is: a network and images in, one saliency map per image and label out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar, final

import numpy as np

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import require_finite, require_type
from explainer.class_names import require_names
from explainer.explanation.inputs import ImagesAndLabels, Inputs
from explainer.made_with import MadeWith
from explainer.memory import passes
from explainer.network.of import classifier_of, is_tensor, to_tensor
from explainer.passes import ONE_GRADIENT, Passes
from explainer.representation import changed, line, name_of, short

_Attribution = TypeVar("_Attribution", bound="Attribution")

Parameters = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""A method's configuration as JSON values, or a function that gives it, where a call adds to it."""


class _MapsAndGaps(NamedTuple):
    maps: FloatArray
    completeness_gaps: FloatArray | None = None


class Explained(_MapsAndGaps):
    """Saliency maps and what is known of their faults; as a tuple the maps and their gaps.

    Attributes:
        maps: (N, L, H, W) float32.
        completeness_gaps: (N, L) float32, how much of the logit's difference the attributions miss; None for a method
            whose attributions do not claim to sum to it.
        standard_errors: (N, L) float32, of maps that are estimates: the root mean square over the pixels, from random
            draws (`RISE`), or over the windows (`Occlusion`); None where they were not estimated.
    """

    standard_errors: FloatArray | None

    def __new__(
        cls,
        maps: FloatArray,
        completeness_gaps: FloatArray | None = None,
        standard_errors: FloatArray | None = None,
    ) -> Explained:
        """The maps, and what is known of them."""
        made = super().__new__(cls, maps, completeness_gaps)
        made.standard_errors = standard_errors  # no entry of the tuple: who unpacks it takes two
        return made

    def __repr__(self) -> str:
        """The shapes of what there is."""
        known = {"completeness_gaps": self.completeness_gaps, "standard_errors": self.standard_errors}
        there = {name: value for name, value in known.items() if value is not None}
        return line(type(self).__name__, short(self.maps), **there)

    def of(self, rows: Any) -> Explained:
        """What is known of these images alone; rows index the first axis."""
        gaps, errors = self.completeness_gaps, self.standard_errors
        return Explained(
            self.maps[rows], None if gaps is None else gaps[rows], None if errors is None else errors[rows]
        )


@dataclass(frozen=True)
class Traits:
    """What a kind of method declares of itself; the defaults are those of a method of a gradient per image and label.

    Attributes:
        passes: what goes through the network for each label of an image, or for an image where all of its labels come
            from the same passes; or a function of (C, H, W) and the number of labels.
        gives_pictures: whether maps are (N, L, H, W) for images (N, C, H, W) and labels (N, L), as a run needs them.
        cheaper: what makes it cheaper, in words: "fewer `masks`".
        trial: of the method, images and targets: the first bit of the work, where the whole takes long.
        classifier: how a network's classifier is made: `classifier_of`, or `evaluator_of` where any function will do.
        inputs: what a call takes, made for the classifier.
    """

    passes: Passes | Callable[[tuple[int, ...], int], Passes] = ONE_GRADIENT
    gives_pictures: bool = True
    cheaper: str = ""
    trial: Callable[[Any, FloatArray, Any], object] | None = None
    classifier: Callable[..., Any] = classifier_of
    inputs: Callable[[Any], Inputs] = ImagesAndLabels


ONE_PASS = Traits()
"""Those of a method of a gradient per image and label."""


class Attribution(MadeWith, ABC):
    """A method that explains why a network gives a label to an image. The declared hole is `_explain`.

    Args:
        network: the mindspore.nn.Cell to be explained, images (N, C, H, W) -> logits (N, K). It is borrowed for each
            call, with its weights of that moment, and given back as it was.
        name: what the method is called in a summary; by default the name of its class.
        batch_size: images in one pass through the network.
        activation_fn: logits -> probabilities, for methods that explain a probability.
        parameters: what a summary records of the method's configuration.
        traits: what the kind of method declares of itself.

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
        parameters: Parameters | None = None,
        traits: Traits = ONE_PASS,
    ) -> None:
        if name is not None:
            require_type("name", name, str, "a string")
        self._name = type(self).__name__ if name is None else name.strip()
        if not self._name:
            raise ValueError(f"`name` must not be blank, got {name!r}; it names the method in the summary")
        self._classifier = traits.classifier(network, activation_fn, batch_size=batch_size)
        self._inputs = traits.inputs(self._classifier)
        self._traits = traits
        self._parameters: Parameters = {} if parameters is None else parameters

    @property
    def network(self) -> Any:
        """The network being explained."""
        return self._classifier.network

    @property
    def name(self) -> str:
        """What the method is called in a summary."""
        return self._name

    @final
    @property
    def parameters(self) -> dict[str, Any]:
        """The method's configuration, as JSON values."""
        own = self._parameters() if callable(self._parameters) else self._parameters
        return {"class": type(self).__name__, **own}

    @property
    def batch_size(self) -> int:
        """Images in one pass through the network, at most."""
        size: int = self._classifier.batch_size
        return size

    def __repr__(self) -> str:
        """The method, its network, and the settings that are not its defaults."""
        settings = changed(type(self), self.parameters, batch_size=32)
        named = {"name": self.name} if self.name != type(self).__name__ else {}
        labels = {} if self.labels is None else {"labels": list(self.labels)}
        return line(type(self).__name__, name_of(self.network), **settings, **named, **labels)

    @final
    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the classes, which targets may be; None where they are not known."""
        return self._inputs.labels

    @final
    def with_labels(self: _Attribution, labels: Sequence[str]) -> _Attribution:
        """The same method, which takes names of classes as targets, too: gradcam(images, "cat").

        Args:
            labels: the names of all classes, in the order of the network's outputs.

        Raises:
            TypeError, ValueError: no list of names.
        """
        named = copy(self)
        named._inputs = self._inputs.with_labels(require_names(labels))
        return named

    @final
    def passes(self, image_shape: tuple[int, ...], labels: int = 1) -> Passes:
        """What goes through the network when so many labels of an image (C, H, W) are explained; nothing is computed.

        >>> from mindspore import nn
        >>> from explainer.explanation import RISE, IntegratedGradients
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(12, 2))
        >>> IntegratedGradients(network, steps=20).passes((3, 2, 2), labels=2)
        Passes(forwards=2, backwards=40, known=1, is_exact=True)
        >>> RISE(network, nn.Softmax()).passes((3, 2, 2), labels=2).total
        6000
        """
        given = self._traits.passes
        if callable(given):
            return given(image_shape, labels)
        return given * (labels if self.one_pass_per_label else 1)

    @final
    @property
    def gives_pictures(self) -> bool:
        """Whether the maps are (N, L, H, W) for images (N, C, H, W) and labels (N, L), as a run needs them."""
        return self._traits.gives_pictures

    @final
    def __call__(self, inputs: Any, targets: Any) -> Any:
        """The saliency maps, (N, 1, H, W), or (N, L, H, W) for targets of (N, L); float32, larger = more important.

        Args:
            inputs: (N, C, H, W), a Tensor or array of finite numbers.
            targets: the labels to be explained: an int for all images, or an array of shape (), (N,) or (N, L); or
                names in their place, see `with_labels`.

        Returns:
            A Tensor when `inputs` is a Tensor, else an ndarray.

        Raises:
            TypeError: `inputs` does not hold numbers or `targets` holds neither whole numbers nor known names.
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
        unchanged = getattr(self._classifier, "unchanged", nullcontext)  # of an Evaluator nobody can tell
        with unchanged():  # so that the network is asked once, not with each pass, whether it answers as it did
            images, labels = self._inputs.checked(inputs, targets)
            found = self._explain(images, labels)
        explained = found if isinstance(found, Explained) else Explained(found)
        saliency = np.ascontiguousarray(explained.maps, dtype=np.float32)
        expected = self._inputs.map_shape(images, labels)
        if saliency.shape != expected:
            raise ValueError(
                f"{self._name} must give maps of shape {expected}, gave {saliency.shape}; mend its _explain"
            )
        require_finite(f"saliency of {self._name}", saliency)
        return Explained(saliency, explained.completeness_gaps, explained.standard_errors)

    @final
    def check(self, inputs: Any) -> None:
        """Nothing; tries the images with label 0, so that what a call would refuse is known before a long run.

        Args:
            inputs: (N, C, H, W), best one image.

        Raises:
            TypeError, ValueError: as for a call.
        """
        if self._traits.trial is None:
            self.explained(inputs, 0)
        else:
            self._traits.trial(self, *self._inputs.checked(inputs, 0))

    @final
    @property
    def cheaper(self) -> str:
        """What makes it cheaper, in words; "" where nothing does."""
        return self._traits.cheaper

    @abstractmethod
    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray | Explained:
        """Maps (N, L, H, W) for checked images (N, C, H, W) and targets (N, L), or `Explained` where more is known."""


def one_hot_pairs(images: FloatArray, targets: LabelArray, class_count: int) -> tuple[FloatArray, FloatArray]:
    """Each (image, label) pair as a row: images (N * L, C, H, W) and one-hot seeds (N * L, K)."""
    return np.repeat(images, targets.shape[1], axis=0), one_hot(targets.ravel(), class_count)


def pair_batches(images: FloatArray, targets: LabelArray) -> Iterator[tuple[LabelArray | slice, LabelArray]]:
    """Each (image, label) pair, image by image, in batches of as many as fit: indices in `images`, and labels (B,).

    Indices are (B,), or a slice where each image has one label, so that none is copied.

    >>> ((indices, labels),) = pair_batches(np.zeros((2, 1, 3, 3), np.float32), np.array([[3, 0], [1, 3]]))
    >>> indices.tolist(), labels.tolist()
    ([0, 0, 1, 1], [3, 0, 1, 3])
    """
    labels = targets.ravel()
    parts = passes(len(labels), images.shape[1:])
    if len(labels) == len(images):
        return ((rows, labels[rows]) for rows in parts)
    indices = np.repeat(np.arange(len(images)), targets.shape[1])
    return ((indices[rows], labels[rows]) for rows in parts)


def one_hot(labels: LabelArray, class_count: int) -> FloatArray:
    """A row per label, (M, K), with 1 at the label.

    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    rows = np.zeros((len(labels), class_count), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows
