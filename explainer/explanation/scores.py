"""What is explained: one number per target from the output of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array, FloatArray
from explainer.checks import require_choice
from explainer.classifier import Evaluator
from explainer.network.of import without_tensor

Task = Callable[[Callable[[FloatArray], Any], FloatArray, NDArray[Any]], Any]
"""f(model, x, y) -> (B,): `model` gives the network's output for an array, y is the row of targets of each x."""

_TINY = 1e-12  # keeps a cosine with nothing at 0


def total_activation(outputs: FloatArray) -> FloatArray:
    """Outputs (B, K) as they are; of outputs (B, K, ...) the sum over all positions, (B, K).

    >>> total_activation(np.float32([[[1, 2], [3, 4]]])).tolist()
    [[3.0, 7.0]]
    """
    sums: Float64Array = outputs.reshape(*outputs.shape[:2], -1).sum(axis=2, dtype=np.float64)
    return sums.astype(np.float32)


def regression(model: Callable[[FloatArray], Any], x: FloatArray, y: NDArray[Any]) -> Float64Array:
    """The sum of the outputs (B, K), each times its weight in y (B, K).

    >>> regression(lambda x: x, np.float32([[1, 2, 3]]), np.float32([[1, 0, -1]])).tolist()
    [-2.0]
    """
    return _sums(_outputs_like(model, x, y) * y)


def segmentation(model: Callable[[FloatArray], Any], x: FloatArray, y: NDArray[Any]) -> Float64Array:
    """The mean of the outputs (B, K, ...) times y over the zone in which y (B, K, ...) is not 0.

    Source: Xplique 2.0, semantic segmentation.

    >>> segmentation(lambda x: x, np.float32([[[1, 2], [3, 4]]]), np.float32([[[1, 0], [0, 1]]])).tolist()
    [2.5]
    """
    sizes = _sums(y != 0)
    if not sizes.all():
        raise ValueError(
            "`targets` must mark a zone in every row for a segmentation, got a row of zeros: nothing to explain"
        )
    means: Float64Array = _sums(_outputs_like(model, x, y) * y) / sizes
    return means


def object_detection(model: Callable[[FloatArray], Any], x: FloatArray, y: NDArray[Any]) -> Float64Array:
    """How well some detected box matches: overlap times objectness times likeness of the classes, at best.

    Outputs (B, boxes, 5 + K) and targets (B, 5 + K) or (B, boxes, 5 + K) hold left, top, right, bottom, objectness and
    the scores of K classes; rows of zeros are no box. Of several target boxes the mean is taken.

    Source: Petsiuk et al. 2021, "Black-box Explanation of Object Detectors via Saliency Maps" (D-RISE), equations 3 to
    6, the target's objectness being 1.

    >>> box = np.float32([[[0, 0, 2, 2, 0.5, 0, 1]]])
    >>> object_detection(lambda x: x, box, np.float32([[0, 0, 2, 1, 1, 0, 1]])).tolist()
    [0.25]
    """
    detected = np.asarray(model(x), np.float64)
    wanted = np.asarray(y, np.float64)
    wanted = wanted[:, None] if wanted.ndim == 2 else wanted
    if detected.ndim != 3 or wanted.ndim != 3 or detected.shape[2] != wanted.shape[2] or wanted.shape[2] < 6:
        raise ValueError(
            "object detection needs outputs (N, boxes, 5 + K) and targets (N, 5 + K) or (N, boxes, 5 + K), got outputs "
            f"{detected.shape} and targets {np.shape(y)}"
        )
    return np.array([_detection_score(*pair) for pair in zip(detected, wanted, strict=True)])


TASKS: dict[str, Task] = {
    "regression": regression,
    "segmentation": segmentation,
    "object detection": object_detection,
}
"""Scores by the name of the task; "classification" is the logit of a label."""


OF_LABELS = ("probability", "logit")
OUTPUTS = (*OF_LABELS, *TASKS)


@dataclass(frozen=True)
class ExplainedOutput:
    """The number that is explained for each target.

    Attributes:
        name: one of OUTPUTS, or "function".
        function: the user's own, where it is one.
        recorded: what a summary keeps.
    """

    name: str
    function: Task | None = None
    recorded: str = ""

    @classmethod
    def given(cls, score: Any, activation_fn: Any, choices: Iterable[str]) -> ExplainedOutput:
        """What a user gives as `score`, one of the choices.

        Raises:
            TypeError: a probability without an `activation_fn`.
            ValueError: another choice.
        """
        require_choice("score", score, choices)
        if activation_fn is None and score == "probability":
            raise TypeError('`activation_fn` must be a mindspore.nn.Cell, got None; only score="logit" needs none')
        return cls(score, None, score)

    @classmethod
    def given_or_function(cls, score: Any, activation_fn: Any) -> ExplainedOutput:
        """As `given`, of OUTPUTS, or a function of the user's.

        Raises:
            TypeError, ValueError: as for `given`.
        """
        if callable(score):
            return cls("function", score, getattr(score, "__name__", "function"))
        return cls.given(score, activation_fn, OUTPUTS)

    @property
    def of_labels(self) -> bool:
        """Whether targets are labels."""
        return self.name in OF_LABELS

    @property
    def is_kept(self) -> bool:
        """Whether a run knows it of images as they are in the data."""
        return self.name == "probability"

    def of_clean(self, evaluator: Evaluator, inputs: FloatArray, rows: NDArray[Any]) -> FloatArray:
        """As `of`, for inputs as they are in the data."""
        if self.is_kept:
            return np.take_along_axis(evaluator.clean_probabilities(inputs), rows, 1)
        return self.of(evaluator, inputs, rows)

    def of(self, evaluator: Evaluator, inputs: FloatArray, rows: NDArray[Any]) -> FloatArray:
        """The number of each input's own targets, (B, L).

        Raises:
            ValueError: a function of the user's gives something else than a number for each input.
        """
        if self.name == "probability":
            return np.take_along_axis(evaluator.probabilities(inputs), rows, 1)
        if self.name == "logit":
            return np.take_along_axis(total_activation(evaluator.outputs(inputs)), rows, 1)
        task: Any = self.function or TASKS[self.name]
        found = np.asarray(without_tensor(task(evaluator.outputs, inputs, rows)), np.float32)
        if found.shape not in ((len(inputs),), (len(inputs), 1)):
            raise ValueError(f"`score` must give one number per input, ({len(inputs)},), gave shape {found.shape}")
        return found.reshape(-1, 1)


def _outputs_like(model: Callable[[FloatArray], Any], x: FloatArray, y: NDArray[Any]) -> Float64Array:
    outputs = np.asarray(model(x), np.float64)
    if outputs.shape != y.shape:
        raise ValueError(f"`targets` must have a weight for each output, {_row_shape(outputs)}, got {_row_shape(y)}")
    return outputs


def _row_shape(rows: NDArray[Any]) -> str:
    return f"({', '.join(['N', *map(str, rows.shape[1:])])})"


def _sums(values: NDArray[Any]) -> Float64Array:
    sums: Float64Array = values.reshape(len(values), -1).sum(axis=1, dtype=np.float64)
    return sums


def _detection_score(detected: Float64Array, wanted: Float64Array) -> float:
    """Of one input: detected boxes (D, 5 + K), wanted boxes (W, 5 + K)."""
    detected, wanted = (boxes[(boxes != 0).any(axis=1)] for boxes in (detected, wanted))
    if not len(detected) or not len(wanted):
        return 0.0
    classes = wanted[:, 5:] @ detected[:, 5:].T
    norms = np.linalg.norm(wanted[:, 5:], axis=1)[:, None] * np.linalg.norm(detected[:, 5:], axis=1)
    matches = _overlaps(wanted[:, :4], detected[:, :4]) * detected[:, 4] * classes / np.maximum(norms, _TINY)
    return float(matches.max(axis=1).mean())


def _overlaps(some: Float64Array, others: Float64Array) -> Float64Array:
    """Intersection over union of each pair of boxes, (S, O)."""
    corner = np.maximum(some[:, None, :2], others[:, :2])
    opposite = np.minimum(some[:, None, 2:], others[:, 2:])
    shared: Float64Array = np.prod(np.maximum(0, opposite - corner), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (some, others)]
    union = areas[0][:, None] + areas[1] - shared
    overlaps: Float64Array = shared / np.maximum(union, _TINY)
    return overlaps
