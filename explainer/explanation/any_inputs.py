"""Inputs of any axes - images, volumes, series, tables - and targets of any kind, checked at the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import label_matrix, require_images, require_labels_in_range
from explainer.class_names import class_ids, require_all_named, require_names
from explainer.classifier import Evaluator
from explainer.errors import NetworkOutputError
from explainer.explanation.base import one_hot
from explainer.explanation.layouts import Layout
from explainer.explanation.scores import ExplainedOutput
from explainer.network.of import without_tensor

Shapes = list[tuple[int, ...]]


class AnyInputs:
    """Inputs in a layout of the user's, and the targets that the explained output needs.

    Args:
        evaluator: of the network or function.
        layout: the axes of the inputs.
        output: what is explained.
        labels: the names of the classes, so that a target may be a name; or None.
        map_shape: the shape of the maps, of checked inputs and the number of labels; raises where there is no map.

    Raises:
        TypeError: `labels` is no list of names.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        layout: Layout,
        output: ExplainedOutput,
        labels: Any,
        map_shape: Callable[[FloatArray, int], tuple[int, ...]],
    ) -> None:
        self._evaluator = evaluator
        self._layout = layout
        self._output = output
        self._labels = None if labels is None else require_names(labels)
        self._shape = map_shape

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the classes, or None."""
        return self._labels

    def with_labels(self, labels: tuple[str, ...]) -> AnyInputs:
        """The same door, which knows these names."""
        return AnyInputs(
            self._evaluator, layout=self._layout, output=self._output, labels=labels, map_shape=self._shape
        )

    def checked(self, inputs: Any, targets: Any) -> tuple[FloatArray, NDArray[Any]]:
        """The inputs as (N, C, ...), and labels (N, L) or whatever targets the output needs, a row per input.

        Raises:
            TypeError, ValueError: inputs or targets that do not fit; an output without labels.
        """
        images = self.images(inputs)
        self._shape(images, 1)  # raises where there is no map, before the network is asked
        shapes = self._evaluator.output_shapes(self._layout.outside(images[:1]))
        if not self._output.of_labels:
            return images, self._rows(targets, len(images), shapes)
        if len(shapes) != 1 or not shapes[0]:
            raise NetworkOutputError(
                f"`network` must give one tensor of logits (N, K), or (N, K, ...), got shapes {shapes} for one input; "
                "let `score` be a function that makes a number of it"
            )
        labels = label_matrix(class_ids(without_tensor(targets), self._labels), len(images))
        if self._labels is not None:
            require_all_named(self._labels, shapes[0][0])
        require_labels_in_range(labels, shapes[0][0])
        return images, labels

    def images(self, inputs: Any) -> FloatArray:
        """The inputs as (N, C, ...) float32.

        Raises:
            TypeError, ValueError: no batch of finite numbers with these axes.
        """
        arrays = require_images(without_tensor(inputs), self._layout.letters)
        return np.ascontiguousarray(self._layout.inside(arrays))

    def rows_of(self, targets: Any) -> NDArray[Any]:
        """One target for each input, as `checked` takes it: class ids for names and for one-hot rows (N, K).

        Raises:
            TypeError, ValueError: unknown names; rows that are not one-hot.
        """
        rows = np.asarray(class_ids(without_tensor(targets), self._labels))
        return _labels_of_rows(rows) if self._output.of_labels and rows.ndim == 2 else rows

    def map_shape(self, images: FloatArray, targets: NDArray[Any]) -> tuple[int, ...]:
        """(N, L, ...), one map for each label, or for each row of targets."""
        return self._shape(images, targets.shape[1] if self._output.of_labels else 1)

    def _rows(self, targets: Any, count: int, shapes: Shapes) -> NDArray[Any]:
        """The targets with a row per input."""
        rows = np.asarray(without_tensor(targets))
        if rows.ndim == 0:
            rows = np.full(count, rows)
        if len(rows) != count:
            raise ValueError(f"`targets` must have a row for each of {count} inputs, got shape {rows.shape}")
        if self._output.name == "regression" and rows.ndim == 1 and rows.dtype.kind in "iu":
            labels = label_matrix(rows, count)
            require_labels_in_range(labels, shapes[0][0])
            return one_hot(labels[:, 0], shapes[0][0])
        return rows


def _labels_of_rows(rows: NDArray[Any]) -> LabelArray:
    """Class ids of one-hot rows (N, K)."""
    if not (((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()):
        raise ValueError(
            '`targets` (N, K) must be one-hot rows, a single 1 in each; other weights go with score="regression"'
        )
    labels: LabelArray = rows.argmax(axis=1)
    return labels
