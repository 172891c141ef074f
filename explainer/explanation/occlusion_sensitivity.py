"""OcclusionSensitivity: the metric of mindspore.train, complete and without its needless passes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from mindspore.train import Metric, rearrange_inputs
from tqdm import tqdm

from explainer.arrays import FloatArray
from explainer.checks import require_finite, require_integer, require_number, require_numbers, require_type
from explainer.classifier import Classifier
from explainer.errors import NetworkOutputError
from explainer.network.of import classifier_of, require_classifiable, without_tensor
from explainer.perturb.engine import Hidden, Request, evaluated
from explainer.perturb.fills import fill_of
from explainer.representation import changed, line

_LARGEST = float(np.finfo(np.float32).max)


class OcclusionSensitivity(Metric):
    """How far the network's output for a label drops when a cuboid around each position of the input is hidden.

    Every position of the input counts, channels included: at index i the cuboid [i - margin, i + margin) along each
    axis is filled with `pad_val`. Higher values: more important. A cuboid in which nothing changes, or that changes the
    same positions as an earlier one, is not evaluated.

    Source: `mindspore.train.OcclusionSensitivity` of MindSpore 2.10, whose numbers these are; Zeiler and Fergus 2014,
    section 3. There a Sequence for `margin`, an int for a label and labels of shape (1,) fail, though documented.

    Args:
        pad_val: what hides.
        margin: how far a cuboid reaches along each axis, one whole number >= 0 for all axes or one for each, channels
            included.
        n_batch: inputs in one pass through the network.
        b_box: the positions to be explained, [min1, max1, min2, max2, ...] for every axis but the batch, both included;
            a negative minimum is 0, a negative maximum the last position. None: all of them.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an argument of a wrong value.

    >>> from mindspore import Tensor, nn
    >>> weight, bias = Tensor([[0.1, 0.8, 0.1, 0.1], [1, 1, 1, 1]]), Tensor([0.3, 0.6])
    >>> metric = OcclusionSensitivity()
    >>> metric.clear()
    >>> metric.update(nn.Dense(4, 2, weight, bias), np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), 1)
    >>> print(metric.eval())
    [0.29999995 0.6        1.         0.9       ]
    """

    def __init__(
        self,
        pad_val: float = 0.0,
        margin: int | Sequence[int] = 2,
        n_batch: int = 128,
        b_box: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.pad_val = require_number("pad_val", pad_val, -_LARGEST, _LARGEST)
        self.margin = _margins(margin)
        self.n_batch = require_integer("n_batch", n_batch, 1)
        self.b_box = None if b_box is None else _whole_numbers("b_box", b_box)
        self._classifier: Classifier | None = None
        self.clear()

    def __repr__(self) -> str:
        """The metric, and the settings that are not its defaults."""
        settings = {"pad_val": self.pad_val, "margin": self.margin, "n_batch": self.n_batch, "b_box": self.b_box}
        return line(type(self).__name__, **changed(type(self), settings))

    def clear(self) -> None:
        """Forgets what was computed."""
        self._sensitivity: FloatArray | None = None

    @rearrange_inputs  # type: ignore[untyped-decorator]
    def update(self, *inputs: Any) -> None:
        """Computes the map of one input.

        Args:
            inputs: `model`, the mindspore.nn.Cell to be evaluated, in its evaluation mode, or a Classifier; `y_pred`,
                one input as a Tensor, list or array (1, ...) of any number of axes; `label`, an int, or a Tensor or
                array of one number.

        Raises:
            ValueError: not three inputs, a label that the network does not have, a bounding box that does not fit, or
                an input that is not finite.
            RuntimeError: more than one input, or not one label.
            TypeError: `model` is neither of them, or the label no whole number.
        """
        if len(inputs) != 3:
            raise ValueError(f"`update` needs 3 inputs, model, y_pred and label, got {len(inputs)}")
        model, image, label = inputs[0], _array("y_pred", inputs[1]), _label(inputs[2])
        require_classifiable("model", model)
        if image.ndim < 2 or len(image) != 1:
            raise RuntimeError(f"`y_pred` must be a batch of one input, (1, ...), got shape {image.shape}")
        require_finite("y_pred", image)
        box = _bounds(self.b_box, image.shape[1:])
        self._classifier = classifier_of(model, batch_size=self.n_batch)
        self._sensitivity = self._map(self._classifier, image, label, box)

    def eval(self) -> FloatArray:
        """The map: float32, an axis for each of the input's in which the bounding box has more than one position.

        Raises:
            RuntimeError: `update` was not called, or `clear` after it.
        """
        if self._sensitivity is None:
            raise RuntimeError("there is nothing to evaluate; call `update` with a model, an input and a label first")
        return self._sensitivity.copy()

    def _map(self, classifier: Classifier, image: FloatArray, label: int, box: list[range]) -> FloatArray:
        whole = float(_outputs(classifier, image, label)[0])
        regions = _DistinctRegions(image[0], self.pad_val, self._margins_of(image.ndim - 1), box)
        score_drops = [0.0]  # where nothing changes
        fill = fill_of("pad_val", self.pad_val)
        with tqdm(total=prod(map(len, box)), unit="position", disable=None) as bar:  # None: on a terminal only
            batches = evaluated(
                lambda shown, indices: _outputs(classifier, shown, label),
                image,
                (Request(0, region) for region in regions),
                fill=fill,
                batch_size=self.n_batch,
            )
            for batch in batches:
                score_drops.extend(whole - batch.outputs.astype(np.float64))
                bar.update(len(regions.numbers) - bar.n)
            bar.update(len(regions.numbers) - bar.n)
        sensitivity: FloatArray = np.array(score_drops, np.float32)[regions.numbers]
        return np.squeeze(sensitivity.reshape([len(axis) for axis in box]))

    def _margins_of(self, axes: int) -> tuple[int, ...]:
        if isinstance(self.margin, int):
            return (self.margin,) * axes
        if len(self.margin) != axes:
            raise ValueError(
                f"`margin` must be one number, or one for each of the {axes} axes of the input but the batch (channels "
                f"included), got {len(self.margin)}"
            )
        return self.margin


class _DistinctRegions:
    """The hidden cuboids around the positions of a box, those left out that change what another one changes.

    Attributes:
        numbers: for each position, after the regions were drawn, the number of its cuboid from 1; 0 where nothing
            changes.
    """

    def __init__(self, image: FloatArray, pad_val: float, margins: tuple[int, ...], box: list[range]) -> None:
        self._changes = image != np.float32(pad_val)
        self._ids = np.arange(image.size).reshape(image.shape)
        self._margins = margins
        self._box = box
        self.numbers: list[int] = []

    def __iter__(self) -> Iterator[Hidden]:
        known = {hashlib.blake2b(b"", digest_size=16).digest(): 0}
        sides = zip(self._box, self._margins, self._ids.shape, strict=True)
        spans = [[slice(max(0, at - margin), min(size, at + margin)) for at in axis] for axis, margin, size in sides]
        for region in product(*spans):
            changed = self._ids[region][self._changes[region]].tobytes()
            key = hashlib.blake2b(changed, digest_size=16).digest()
            if key not in known:
                known[key] = len(known)
                self.numbers.append(known[key])
                yield region
            else:
                self.numbers.append(known[key])


def _outputs(classifier: Classifier, images: FloatArray, label: int) -> FloatArray:
    """The network's output for the label, (B,)."""
    outputs = classifier.outputs(images)
    if isinstance(outputs, tuple) or outputs.ndim != 2:
        raise NetworkOutputError(f"`model` must give one tensor (N, K), gave {np.shape(outputs)}")
    if not 0 <= label < outputs.shape[1]:
        raise ValueError(f"`label` must lie in [0, {outputs.shape[1] - 1}], as the model has so many, got {label}")
    of_label: FloatArray = outputs[:, label]
    return of_label


def _array(name: str, given: Any) -> FloatArray:
    return np.ascontiguousarray(require_numbers(name, without_tensor(given)), np.float32)


def _label(given: Any) -> int:
    label = np.asarray(without_tensor(given))
    if label.size != 1:
        raise RuntimeError(f"`label` must be one label, as there is one input, got {label.size}")
    if label.dtype.kind not in "iu":
        raise TypeError(f"`label` must be a whole number, got {type(given).__name__} of dtype {label.dtype}")
    return int(label.reshape(()))


def _margins(given: Any) -> int | tuple[int, ...]:
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str):
        return require_integer("margin", given, 0)
    return tuple(require_integer(f"margin[{index}]", value, 0) for index, value in enumerate(given))


def _whole_numbers(name: str, given: Any) -> tuple[int, ...]:
    require_type(name, given, (Sequence, np.ndarray), "a sequence of whole numbers")
    return tuple(require_integer(f"{name}[{index}]", value, -sys.maxsize) for index, value in enumerate(given))


def _bounds(b_box: tuple[int, ...] | None, size: tuple[int, ...]) -> list[range]:
    """The positions of each axis."""
    if b_box is None:
        return [range(length) for length in size]
    if len(b_box) != 2 * len(size):
        raise ValueError(
            f"`b_box` must have a minimum and a maximum for each of the {len(size)} axes of the input but the batch, "
            f"got {len(b_box)} numbers"
        )
    positions = []
    for lowest, highest, length in zip(b_box[::2], b_box[1::2], size, strict=True):
        first, last = max(0, lowest), length - 1 if highest < 0 else highest
        if last >= length:
            raise ValueError(f"`b_box` must stay within the input: a maximum must be below {length}, got {last}")
        if first > last:
            raise ValueError(f"`b_box` must have minima up to the maxima, got [{first}, {last}]")
        positions.append(range(first, last + 1))
    return positions
