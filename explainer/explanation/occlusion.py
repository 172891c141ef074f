"""Occlusion: how far the score falls when a window hides a part of the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from explainer.checks import require_pair
from explainer.explanation.base import FloatArray, LabelArray
from explainer.explanation.by_perturbation import PerturbationAttribution, add_weighted, of_targets
from explainer.perturb.engine import Mask
from explainer.perturb.masks import coverage, windows

_SMALL = 63  # up to this length of an axis a window is 3 pixels wide, beyond it a 32nd part of the axis


class Occlusion(PerturbationAttribution):
    """The mean fall of the target's score over the windows that cover each pixel, as an absolute value; >= 0.

    A window is slid over the image and hides all channels with the fill. An axis longer than 63 pixels is cut into
    windows of a 32nd part of it, side by side; a shorter one has windows of 3 pixels at every place. The last window is
    aligned to the end of the axis, so that every pixel is covered.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 3. The reference
    divided by one window too many, never covered what was left over at the right and at the bottom, and had windows of
    one pixel for axes of 33 to 63 pixels.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network, whatever the number of images.
        window: height and width of the window in pixels, one number for both or (h, w); by default as above.
        stride: how far the window moves, one number or (h, w), at most the window; by default as above, or 1 for a
            window of your own.
        fill: what hides: a number, one per channel, or a function of the images.
        signed: keep the sign: > 0 where hiding lowers the score, < 0 where it raises it.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value; when called, a window larger than the image.

    >>> from mindspore import Tensor, nn
    >>> linear = nn.Dense(3, 2, weight_init=Tensor([[1.0, 2, -4], [0, 0, 0]]), has_bias=False)
    >>> network = nn.SequentialCell(nn.Flatten(), linear)
    >>> occlusion = Occlusion(network, None, window=(1, 2), signed=True, score="logit")
    >>> occlusion(np.float32([[[[10, 10, 10]]]]), 0).tolist()
    [[[[30.0, 5.0, -20.0]]]]
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        window: int | tuple[int, int] | None = None,
        stride: int | tuple[int, int] | None = None,
        fill: Any = 0.0,
        signed: bool = False,
        score: str = "probability",
        name: str | None = None,
    ) -> None:
        if not isinstance(signed, bool):
            raise TypeError(f"`signed` must be True or False, got {signed!r}")
        self._window = None if window is None else require_pair("window", window)
        self._stride = None if stride is None else require_pair("stride", stride)
        self._signed = signed
        if self._window and self._stride:
            _require_no_gaps(self._window, self._stride)
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            fill=fill,
            score=score,
            name=name,
            parameters={
                "window": None if self._window is None else list(self._window),
                "stride": None if self._stride is None else list(self._stride),
                "signed": signed,
            },
        )

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        size = images.shape[2], images.shape[3]
        whole = np.take_along_axis(self._scores(images), targets, axis=1)
        falls = np.zeros((*targets.shape, *size), np.float64)
        for places, shown, scores in self._scores_under(images, self._keeps(images)):
            add_weighted(falls, places, whole[places] - of_targets(scores, places, targets), 1 - shown)
        rows, columns = (coverage(*axis) for axis in zip(size, *self.geometry(size), strict=True))
        mean = (falls / np.outer(rows, columns)).astype(np.float32)
        return mean if self._signed else np.abs(mean)

    def _keeps(self, images: FloatArray) -> Iterator[tuple[int, Mask]]:
        size = images.shape[2], images.shape[3]
        window, stride = self.geometry(size)
        return ((place, keep) for place in range(len(images)) for keep in windows(size, window, stride))

    def geometry(self, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Window and stride, (h, w) each, for images of this size (H, W).

        Raises:
            ValueError: a window larger than the image, or a stride larger than the window.
        """
        defaults = _default_geometry(size[0]), _default_geometry(size[1])
        window = self._window or (defaults[0][0], defaults[1][0])
        stride = self._stride or ((defaults[0][1], defaults[1][1]) if self._window is None else (1, 1))
        _require_no_gaps(window, stride)
        if window[0] > size[0] or window[1] > size[1]:
            raise ValueError(
                f"`window` must fit into the image of {size[0]} x {size[1]}, got {window[0]} x {window[1]}"
            )
        return window, stride


def _default_geometry(length: int) -> tuple[int, int]:
    """Window and stride of an axis.

    >>> [_default_geometry(length) for length in (2, 32, 63, 64, 224)]
    [(2, 1), (3, 1), (3, 1), (2, 2), (7, 7)]
    """
    return (min(3, length), 1) if length <= _SMALL else (length // 32, length // 32)


def _require_no_gaps(window: tuple[int, int], stride: tuple[int, int]) -> None:
    if stride[0] > window[0] or stride[1] > window[1]:
        raise ValueError(
            f"`stride` must be at most the window, got stride {stride} and window {window}; "
            "pixels between the windows would never be hidden"
        )
