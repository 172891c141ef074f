"""Occlusion: how far the score falls when a part of the input is hidden."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import (
    did_you_mean,
    label_matrix,
    require_choice,
    require_flag,
    require_images,
    require_labels_in_range,
    require_type,
)
from explainer.data.mindspore_dataset import is_dataset, pairs_of
from explainer.errors import NetworkOutputError
from explainer.explanation.base import one_hot
from explainer.explanation.by_perturbation import PerturbationAttribution
from explainer.explanation.layouts import Layout
from explainer.explanation.occluded_parts import (
    AGGREGATES,
    GRIDDED,
    Part,
    SegmentParts,
    Segments,
    WindowParts,
    resized_maps,
    weights_of,
)
from explainer.explanation.progress import ProgressReporter
from explainer.explanation.scores import TASKS, total_activation
from explainer.explanation.window_geometry import Geometry
from explainer.memory import images_per_pass
from explainer.network.function import FunctionClassifier
from explainer.network.mindspore.adapter import MindSporeClassifier, require_device
from explainer.network.mindspore.program import is_cell, is_tensor, to_tensor, without_tensor
from explainer.perturb.engine import Request, evaluated

_OF_LABELS = ("probability", "logit")


class OcclusionCost(NamedTuple):
    """What an explanation costs.

    Attributes:
        windows: hidden parts of each input.
        passes: batches through the network, those of the inputs themselves included.
        uncovered: places of an input that no window hides; their saliency is 0.
    """

    windows: int
    passes: int
    uncovered: int


class Occlusion(PerturbationAttribution):
    """How far the target's score falls when parts of the input are hidden, window by window; one map per target.

    By default the mean fall over the windows that cover each pixel, as an absolute value. A window hides all channels
    with the fill. An axis longer than 63 pixels is cut into windows of a 32nd part of it, side by side; a shorter one
    has windows of 3 pixels at every place. The last window is aligned to the end of the axis, so that every pixel is
    covered.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 3. The reference
    divided by one window too many, never covered what was left over at the right and at the bottom, and had windows of
    one pixel for axes of 33 to 63 pixels. How to get the maps of Xplique, MATLAB, captum and mindspore.train is in
    docs/methods/occlusion.md.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K); or any function of arrays.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None unless a probability is
            explained.
        perturbation_per_eval: perturbed inputs in one pass through the network, at most, whatever their number; None:
            as many as fit (`explainer.memory`).
        window: the window's length along each axis, one number for all or one each, or "auto" (a fifth of the axis); by
            default as above.
        stride: how far the window moves along each axis, likewise, or "auto" (a tenth of the axis); by default as
            above, "auto" for windows that are, or 1 for a window of your own. A stride beyond the window leaves places
            uncovered, which is warned of.
        edges: "cover": windows are whole, the last one moved back to the end; "full": whole windows only, what is left
            at the end is not covered; "clip": the first window is centred at the first pixel, and what lies beyond the
            border is cut off.
        segments: hide these in place of windows: whole numbers (H, W), or (N, H, W), pixels of one number being hidden
            together; or a function of an input (C, H, W) that gives them.
        fill: what hides: a number, one per channel, "mean", "local_mean", "blur", "noise", "inpaint" or a function of
            the images, or of the images and their keep masks; docs/methods/occlusion.md says more.
        per_channel: hide one channel at a time: maps (N, L, C, H, W).
        aggregate: how windows become a map: the "mean" of those that cover a pixel, their "sum", or their mean weighted
            with the "gaussian" bell of each window (deviation: a quarter of it); or one value per window, as the "grid"
            that they form, or that grid resized to the input, "nearest" or "bicubic".
        signed: keep the sign: > 0 where hiding lowers the score, < 0 where it raises it.
        score: what is explained: the "probability" or the "logit" of a label (of a network that gives a map per
            channel, its sum over all places); "regression": the outputs, weighted by targets (N, K); "segmentation":
            the mean output over a zone, targets (N, K, H, W); "object detection": how well a box is found, targets
            (N, 5 + K); or a function f(model, x, y) of the model, inputs (B, ...) and their targets -> scores (B,).
        data_format: the axes of the input: "NCHW", "NHWC", "NCDHW" (volumes), "NTW" (time series), "NW" (tabular), ...
        labels: the names of the classes, so that a target may be a name.
        device: "auto", or the device on which MindSpore has to run: "CPU", "GPU" or "Ascend".
        on_progress: called with the number of parts that are done and of all.
        name: what the method is called in a summary.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value; when called, a window larger than the input.
        RuntimeError: MindSpore does not run on `device`.

    >>> from mindspore import Tensor, nn
    >>> linear = nn.Dense(3, 2, weight_init=Tensor([[1.0, 2, -4], [0, 0, 0]]), has_bias=False)
    >>> network = nn.SequentialCell(nn.Flatten(), linear)
    >>> occlusion = Occlusion(network, None, window=(1, 2), signed=True, score="logit")
    >>> occlusion(np.float32([[[[10, 10, 10]]]]), 0).tolist()
    [[[[30.0, 5.0, -20.0]]]]
    """

    scores = (*_OF_LABELS, *TASKS)
    scores_by_function = True

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int | None = 32,
        *,
        window: int | tuple[int, ...] | str | None = None,
        stride: int | tuple[int, ...] | str | None = None,
        edges: str = "cover",
        segments: Any = None,
        fill: Any = 0.0,
        per_channel: bool = False,
        aggregate: str = "mean",
        signed: bool = False,
        score: Any = "probability",
        data_format: str = "NCHW",
        labels: list[str] | None = None,
        device: str = "auto",
        on_progress: Callable[[int, int], None] | None = None,
        name: str | None = None,
    ) -> None:
        self._layout = Layout(data_format)
        self._geometry = Geometry(window, stride, edges, self._layout.places)
        self._segments = None if segments is None else Segments(segments)
        if self._segments and (window, stride, aggregate) != (None, None, "mean"):
            raise ValueError(
                "`segments` take the place of windows: give no `window`, `stride` or `aggregate` with them"
            )
        self._per_channel = require_flag("per_channel", per_channel)
        self._signed = require_flag("signed", signed)
        require_choice("aggregate", aggregate, AGGREGATES)
        self._aggregate = aggregate
        self._labels = _require_names(labels)
        require_type("device", device, str, "a string")
        require_device(device)
        super().__init__(
            network,
            activation_fn,
            sys.maxsize if perturbation_per_eval is None else perturbation_per_eval,
            fill=fill,
            score=score,
            name=name,
            parameters=self._geometry.recorded
            | {
                "segments": None if self._segments is None else self._segments.recorded,
                "per_channel": per_channel,
                "aggregate": aggregate,
                "signed": signed,
                "data_format": data_format,
            },
        )
        self._progress = ProgressReporter(self.name, on_progress)

    @property
    def gives_pictures(self) -> bool:
        """Whether the maps are (N, L, H, W) for images (N, C, H, W) and labels (N, L), as a run needs them."""
        plain = self._layout.letters == "NCHW" and not self._per_channel and self._aggregate != "grid"
        return plain and self._score_name in _OF_LABELS

    def explain(self, inputs: Any, targets: Any = None) -> Any:
        """The maps of one target for each input: the shape of the inputs without their channels.

        Args:
            inputs: as for a call; or a MindSpore dataset of (inputs, targets), in batches or one by one.
            targets: class ids (N,), or one-hot rows (N, K); what `score` wants; None with a dataset, which has its own.

        Raises:
            TypeError: as for a call.
            ValueError: as for a call; targets beside a dataset, or missing; rows that are not one-hot.

        >>> occlusion = Occlusion(lambda x: x * [1, 2], None, window=1, score="logit", data_format="NW")
        >>> occlusion.explain(np.float32([[3, 4]]), np.float32([[0, 1]])).tolist()
        [[0.0, 8.0]]
        """
        if is_dataset(inputs):
            if targets is not None:
                raise ValueError("`targets` must be None where `inputs` is a dataset, which brings its own")
            pairs = pairs_of(inputs, len(self._layout.letters))
            return np.concatenate([self.explain(*pair) for pair in pairs])
        if targets is None:
            raise ValueError("`targets` must be given: class ids (N,) or one-hot rows (N, K)")
        rows = np.asarray(self._ids(without_tensor(targets)))
        if self._score_name in _OF_LABELS and rows.ndim == 2:
            rows = _labels_of_rows(rows)
        maps = self.explained(inputs, rows).maps[:, 0]
        return to_tensor(maps) if is_tensor(inputs) else maps

    def cost(self, inputs: Any) -> OcclusionCost:
        """What explaining these inputs costs; nothing is computed.

        Args:
            inputs: as for a call.

        Raises:
            TypeError, ValueError: as for a call.

        >>> occlusion = Occlusion(lambda x: x, None, 10, score="logit", window=2, stride=3)
        >>> occlusion.cost(np.zeros((1, 1, 8, 9), np.float32))
        OcclusionCost(windows=12, passes=3, uncovered=30)
        """
        images = self._images(inputs)
        parts = len(self._parts(images))
        batch_size = images_per_pass(self._classifier.batch_size, images.shape[1:])
        return OcclusionCost(
            parts // len(images), -(-len(images) // batch_size) - (-parts // batch_size), self._uncovered(images)
        )

    def passes_per_image(self, image_shape: tuple[int, ...]) -> int:
        """The number of windows or segments."""
        return len(self._parts(np.zeros((1, *image_shape), np.float32)))

    def geometry(self, size: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Window and stride, a number per axis each, for inputs of this size (H, W).

        Raises:
            ValueError: a window larger than the input.
        """
        windows = self._geometry.windows(size)
        return windows.window, windows.stride

    def check(self, inputs: Any) -> None:
        """Nothing; as for any method, from the first hidden parts alone.

        Args:
            inputs: (N, C, H, W), best one image.

        Raises:
            TypeError, ValueError: as for a call.
        """
        next(self._falls(*self._checked(inputs, 0)))

    def _classifier_of(self, network: Any, activation_fn: Any, batch_size: int) -> Any:
        if is_cell(network) or isinstance(network, type) or not callable(network):
            return MindSporeClassifier(network, activation_fn, batch_size=batch_size)
        return FunctionClassifier(network, activation_fn, batch_size=batch_size)

    def _checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, NDArray[Any]]:
        """The inputs as (N, C, ...), and labels (N, L) or whatever targets the score wants, a row per input."""
        images = self._images(inputs)
        shapes = self._classifier.output_shapes(self._layout.outside(images[:1]))
        if self._score_name not in _OF_LABELS:
            return images, self._rows(targets, len(images), shapes)
        if len(shapes) != 1 or not shapes[0]:
            raise NetworkOutputError(
                f"`network` must give one tensor of logits (N, K), or (N, K, ...), got shapes {shapes} for one input; "
                "let `score` be a function that makes a number of it"
            )
        labels = label_matrix(self._ids(without_tensor(targets)), len(images))
        require_labels_in_range(labels, shapes[0][0])
        return images, labels

    def _images(self, inputs: Any) -> FloatArray:
        arrays = require_images(without_tensor(inputs), self._layout.letters)
        return np.ascontiguousarray(self._layout.inside(arrays))

    def _ids(self, targets: Any) -> Any:
        """Class ids for class names; anything else as it is."""
        if not isinstance(targets, str | list | tuple) or not np.all(
            [isinstance(one, str) for one in _listed(targets)]
        ):
            return targets
        known = self._labels
        if known is None:
            raise TypeError(
                f"`targets` must be whole numbers (class ids), got {targets!r}; names need `labels`, the list of them"
            )
        for one in _listed(targets):
            if one not in known:
                near = did_you_mean(one, known)
                raise ValueError(f"`targets` must be among the {len(known)} `labels`, got {one!r}{near}")
        ids = [known.index(one) for one in _listed(targets)]
        return ids[0] if isinstance(targets, str) else ids

    def _rows(self, targets: Any, count: int, shapes: list[tuple[int, ...]]) -> NDArray[Any]:
        """The targets with a row per input."""
        rows = np.asarray(without_tensor(targets))
        if rows.ndim == 0:
            rows = np.full(count, rows)
        if len(rows) != count:
            raise ValueError(f"`targets` must have a row for each of {count} inputs, got shape {rows.shape}")
        if self._score_name == "regression" and rows.ndim == 1 and rows.dtype.kind in "iu":
            labels = label_matrix(rows, count)
            require_labels_in_range(labels, shapes[0][0])
            return one_hot(labels[:, 0], shapes[0][0])
        return rows

    def _map_shape(self, images: FloatArray, targets: NDArray[Any]) -> tuple[int, ...]:
        label_count = targets.shape[1] if self._score_name in _OF_LABELS else 1
        channels = images.shape[1:2] if self._per_channel else ()
        size = self._windows(images).grid if self._aggregate == "grid" else images.shape[2:]
        return len(images), label_count, *channels, *size

    def _windows(self, images: FloatArray) -> Any:
        return self._geometry.windows(images.shape[2:])

    def _parts(self, images: FloatArray) -> WindowParts | SegmentParts:
        """Every hidden part of every input with the input's place, in the order in which they are scored."""
        channels = images.shape[1] if self._per_channel else None
        if self._segments is not None:
            return SegmentParts(self._segments.of(images), channels)
        return WindowParts(len(images), self._windows(images), self._aggregate, channels)

    def _keeps(self, images: FloatArray) -> Iterator[tuple[int, Any]]:
        return ((place, part.keep) for place, part in self._parts(images))

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        self._warn_of_uncovered(images)
        gridded = self._aggregate in GRIDDED
        shape = self._map_shape(images, targets)
        places = images.ndim - 2
        size = self._windows(images).grid if gridded else images.shape[2:]
        falls = np.zeros((*shape[:-places], *size), np.float64)
        for place, part, fall in self._falls(images, targets):
            part.add(falls[place], fall)
        if self._segments is None and not gridded:
            falls /= weights_of(self._windows(images), self._aggregate)
        maps = resized_maps(falls.astype(np.float32), images.shape[2:], self._aggregate)
        return maps if self._signed else np.abs(maps)

    def _falls(self, images: FloatArray, targets: NDArray[Any]) -> Iterator[tuple[int, Part, NDArray[np.float64]]]:
        """How far the scores (L,) of an input fall when a part of it is hidden: (its place, part, fall)."""
        whole = self._of_clean(images, targets).astype(np.float64)
        parts = self._parts(images)
        progress = self._progress.of(len(parts))
        requests = (Request(index, part.keep, part) for index, part in parts)
        batches = evaluated(
            lambda shown, indices: self._of_rows(shown, targets[indices]),
            images,
            requests,
            fill=self._fill,
            batch_size=self._classifier.batch_size,
        )
        for batch in batches:
            for request, scores in zip(batch.requests, batch.outputs, strict=True):
                yield request.image, request.payload, whole[request.image] - scores
            progress.add(len(batch.requests))

    def _of_clean(self, images: FloatArray, rows: NDArray[Any]) -> FloatArray:
        """As `_of_rows`, for images as they are in the data."""
        if self._score_name == "probability":
            return np.take_along_axis(self._classifier.clean_probabilities(self._layout.outside(images)), rows, 1)
        return self._of_rows(images, rows)

    def _of_rows(self, images: FloatArray, rows: NDArray[Any]) -> FloatArray:
        """The score of each row for its own targets, (B, L)."""
        inputs = self._layout.outside(images)
        if self._score_name == "probability":
            return np.take_along_axis(self._classifier.probabilities(inputs), rows, 1)
        if self._score_name == "logit":
            return np.take_along_axis(total_activation(self._classifier.outputs(inputs)), rows, 1)
        task: Any = self._score_function or TASKS[self._score_name]
        scores = np.asarray(without_tensor(task(self._classifier.outputs, inputs, rows)), np.float32)
        if scores.shape not in ((len(images),), (len(images), 1)):
            raise ValueError(f"`score` must give one number per input, ({len(images)},), gave shape {scores.shape}")
        return scores.reshape(-1, 1)

    def _uncovered(self, images: FloatArray) -> int:
        return 0 if self._segments is not None else int(self._windows(images).uncovered)

    def _warn_of_uncovered(self, images: FloatArray) -> None:
        uncovered = self._uncovered(images)
        if uncovered:
            total = int(np.prod(images.shape[2:]))
            warnings.warn(
                f"{self.name}: {uncovered} of {total} places are in no window, so nothing is known of them and their "
                'saliency is 0; a smaller `stride`, or edges="cover", covers them',
                stacklevel=2,
            )


def _require_names(labels: Any) -> list[str] | None:
    if labels is None:
        return None
    if isinstance(labels, str) or not isinstance(labels, Iterable) or not all(isinstance(one, str) for one in labels):
        raise TypeError(f"`labels` must be a list of class names, got {labels!r}")
    return list(labels)


def _listed(targets: Any) -> list[Any]:
    return [targets] if isinstance(targets, str) else list(targets)


def _labels_of_rows(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Class ids of one-hot rows (N, K)."""
    if not (((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()):
        raise ValueError(
            '`targets` (N, K) must be one-hot rows, a single 1 in each; other weights go with score="regression"'
        )
    labels: NDArray[np.int64] = rows.argmax(axis=1)
    return labels
