"""Hierarchical occlusion: the smallest region of an image that is enough for a label, or that it cannot do without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, TypeVar

import numpy as np

from explainer.arrays import FloatArray
from explainer.checks import require_flag, require_integer, require_number
from explainer.class_names import class_id, require_all_named, require_names
from explainer.counterfactual.backgrounds import background_of
from explainer.counterfactual.edited_image import EditedImage
from explainer.counterfactual.label_search import Goal, LabelSearch, SearchResult
from explainer.counterfactual.windows import layers_for, require_layers
from explainer.errors import BadSampleError, NetworkOutputError, NoValidResultError, OriginalOutputError
from explainer.network.of import evaluator_of, without_tensor
from explainer.representation import changed, line, name_of

_Label = TypeVar("_Label", int, str)
_ROUNDING = 1e-5  # what float32 sums may stray beyond [0, 1]


class HierarchicalOcclusion:
    """The smallest region that is enough for a label, as a tree of boxes; or the smallest without which it is lost.

    Boxes of the original are laid on a blurred image, always the one that raises the label's probability most, until it
    reaches the threshold; then each box is searched in the same way with smaller windows, layer by layer. By masking,
    boxes of the blurred image are laid on the original until the probability has fallen to the threshold.

    Source: `HierarchicalOcclusion` of MindSpore XAI and of `mindspore.explainer` 1.3, whose trees these are, but for
    its faults: with more than 64 windows in a search it recorded wrong boxes, and images that are not square failed. It
    scored every window again in each step, in batches padded to 64; here no picture is shown to the network twice. Its
    IndexError for a class out of range is a ValueError, as are its two errors about results.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K), or any function of arrays. It is
            borrowed for each search, with its weights of that moment, and given back as it was.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); None: the network gives probabilities.
        win_sizes: the side of the windows of each layer, falling; by default half the short side, a quarter and an
            eighth as far as these have 28 pixels.
        strides: from one window to the next in each layer, falling, none larger than its window; by default a fifth of
            it. Give both or none.
        threshold: in [0, 1): the probability to be reached; by masking, to be fallen to.
        by_masking: search what the label cannot do without.
        batch_size: pictures held in memory at once, and in one pass through the network; changes no result but by
            float32 rounding.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value.

    >>> probabilities = lambda images: images.mean(axis=(1, 2, 3))[:, None] * [1, -1] + [0, 1]
    >>> occlusion = HierarchicalOcclusion(probabilities, None, [2, 1], [2, 1], threshold=0.3)
    >>> image = np.float32([[[0, 0, 0, 0], [0, 1, 1, 0], [0, 4, 2, 0]]])
    >>> root, layer_outputs = occlusion.search(image, 0, 0.0)
    >>> [root.get_layer_steps(layer)[0].box for layer in (0, 1)], [round(output, 3) for output in layer_outputs]
    ([(0, 1, 2, 2), (1, 2, 1, 1)], [0.417, 0.333])
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any = None,
        win_sizes: list[int] | tuple[int, ...] | None = None,
        strides: list[int] | tuple[int, ...] | None = None,
        *,
        threshold: float = 0.5,
        by_masking: bool = False,
        batch_size: int = 64,
    ) -> None:
        self._classifier = evaluator_of(network, activation_fn, batch_size=batch_size)
        self._labels: tuple[str, ...] | None = None
        self._activated = activation_fn is not None
        self._own_layers = require_layers(win_sizes, strides)
        if require_number("threshold", threshold, 0, 1) == 1:
            raise ValueError("`threshold` must be below 1, got 1; no probability lies above it, so nothing is searched")
        self._goal = Goal(float(threshold), falling=require_flag("by_masking", by_masking))

    def __repr__(self) -> str:
        """The search, its network, and the settings that are not its defaults."""
        labels = {} if self._labels is None else {"labels": list(self._labels)}
        return line(type(self).__name__, name_of(self.network), **changed(type(self), self.parameters), **labels)

    @property
    def network(self) -> Any:
        """The network being explained."""
        return self._classifier.network

    @property
    def threshold(self) -> float:
        """The probability to be reached, or by masking to be fallen to."""
        return self._goal.threshold

    @property
    def by_masking(self) -> bool:
        """Whether the region is searched without which the label is lost."""
        return self._goal.falling

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings, as JSON values; None: by the size of the image."""
        own = self._own_layers
        return {
            "win_sizes": None if own is None else own.win_sizes,
            "strides": None if own is None else own.strides,
            "threshold": self.threshold,
            "by_masking": self.by_masking,
        }

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the classes, which a label may be; None where they are not known."""
        return self._labels

    def with_labels(self, labels: Sequence[str]) -> HierarchicalOcclusion:
        """The same search, which takes names of classes, too: search(image, "cat").

        Args:
            labels: the names of all classes, in the order of the network's outputs.

        Raises:
            TypeError, ValueError: no list of names.
        """
        named = copy(self)
        named._labels = require_names(labels)
        return named

    def require_image(self, image: Any, mask: Any = None) -> None:
        """Raises what `search` raises for an image or a mask that it cannot work on; the network is not evaluated.

        Args:
            image: as for `search`.
            mask: as for `search`.

        Raises:
            TypeError, ValueError: as for `search`.
        """
        pixels = _one_image(image)
        layers_for(self._own_layers, min(pixels.shape[2:]))
        background_of(without_tensor(mask), pixels)

    def search(self, image: Any, class_idx: int | str, mask: Any = None) -> SearchResult:
        """The tree of boxes of one label, and the probability with the boxes of each layer.

        Args:
            image: (C, H, W) or (1, C, H, W), a Tensor or array of finite numbers.
            class_idx: the label, by number or, see `with_labels`, by name.
            mask: what is seen where the image is hidden: None, a blur with a 25th of the short side; "gaussian:N", a
                blur with the standard deviation N in pixels; a float; a tuple of one float per channel; or an image of
                the same shape.

        Raises:
            TypeError: an argument of a wrong type, or a mask of whole numbers.
            OriginalOutputError: the label's probability is not above the threshold in the first place.
            NoValidResultError: no region meets the threshold.
            NetworkOutputError: the network gives no probabilities (N, K).
            BadSampleError: NaN or infinity in the image, or in the network's output for it.
            ValueError: any other wrong value: an image too small for the windows, or a label that the network does not
                have, ...
        """
        (found,) = self.search_all(image, [self._number(class_idx)], mask).values()
        if isinstance(found, SearchResult):
            return found
        raise found

    def search_all(
        self, image: Any, class_indices: Iterable[_Label], mask: Any = None
    ) -> dict[_Label, SearchResult | OriginalOutputError | NoValidResultError]:
        """What `search` gives for each label of an image, by what it was called, or the error of one without a result.

        A picture that several labels need is shown to the network once.

        Args:
            image: as for `search`.
            class_indices: the labels.
            mask: as for `search`.

        Raises:
            TypeError, ValueError: as for `search`, but for the two errors that are given in place of a result.
        """
        numbers = {label: self._number(label) for label in class_indices}
        labels = list(numbers.values())
        pixels = _one_image(image)
        layers = layers_for(self._own_layers, min(pixels.shape[2:]))
        edited = EditedImage(
            pixels,
            background_of(without_tensor(mask), pixels),
            by_masking=self._goal.falling,
            score=lambda images: self._probabilities(images, labels),
            batch_size=self._classifier.batch_size,
        )
        searches = {label: LabelSearch(edited, index, layers, self._goal) for index, label in enumerate(numbers)}
        return {label: _result_or_error(search) for label, search in searches.items()}

    def _number(self, label: int | str) -> int:
        if isinstance(label, str):
            return class_id(label, self._labels, argument="class_idx")
        return require_integer("class_idx", label, 0)

    def _probabilities(self, images: FloatArray, labels: list[int]) -> FloatArray:
        """Those of the labels, (B, L)."""
        evaluate = self._classifier.probabilities if self._activated else self._classifier.outputs
        probabilities = _checked_probabilities(evaluate(images), len(images))
        class_count = probabilities.shape[1]
        if self._labels is not None:
            require_all_named(self._labels, class_count)
        if max(labels) >= class_count:
            raise ValueError(
                f"`class_idx` must lie in [0, {class_count - 1}] as the network has {class_count} classes, "
                f"got {max(labels)}"
            )
        return probabilities[:, labels]


def _one_image(given: Any) -> FloatArray:
    """The image as (1, C, H, W) float32."""
    pixels = np.asarray(without_tensor(given))
    if pixels.dtype.kind not in "fiu":
        raise TypeError(f"`image` must hold numbers, got dtype {pixels.dtype}; convert it to float32")
    if pixels.ndim not in (3, 4) or 0 in pixels.shape or (pixels.ndim == 4 and len(pixels) != 1):
        raise ValueError(
            f"`image` must be one image, (C, H, W) or (1, C, H, W), got shape {pixels.shape}; search images one by one"
        )
    image = np.ascontiguousarray(pixels.reshape(1, *pixels.shape[-3:]), np.float32)
    if not np.isfinite(image).all():
        raise BadSampleError("`image` must be finite, got NaN or infinity; nothing found in it would mean anything")
    return image


def _checked_probabilities(outputs: Any, count: int) -> FloatArray:
    """Probabilities (B, K), rounding errors at 0 and 1 cut off."""
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        given = f"an output of shape {outputs.shape}" if isinstance(outputs, np.ndarray) else f"{len(outputs)} outputs"
        raise NetworkOutputError(f"`network` must give one output (N, K), got {given} for {count} images")
    if not np.isfinite(outputs).all():
        raise BadSampleError("the network must give finite outputs, gave NaN or infinity for the edited image")
    lowest, highest = outputs.min(), outputs.max()
    if lowest < -_ROUNDING or highest > 1 + _ROUNDING:
        raise NetworkOutputError(
            f"`network` must give probabilities in [0, 1] to be compared with the threshold, got values in "
            f"[{lowest:g}, {highest:g}]; if these are logits, give an `activation_fn`: nn.Softmax() or nn.Sigmoid()"
        )
    return np.clip(outputs, 0, 1)


def _result_or_error(search: LabelSearch) -> SearchResult | OriginalOutputError | NoValidResultError:
    try:
        return search.result()
    except (OriginalOutputError, NoValidResultError) as error:
        return error.with_traceback(None)  # which would keep the pictures in memory
