"""A gradient that is zero though it should not be: the way back is cut, and a map of it would be zero for no reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from explainer.arrays import BoolArray, Float64Array, FloatArray, IndexArray
from explainer.errors import LayerError
from explainer.memory import images_per_pass

_NUDGE = 1e-2  # of the deviation
_FINER = 8.0
_NOTICED = 1e-5  # of the largest logit


class Found(NamedTuple):
    """A gradient that was computed.

    Attributes:
        what: where it is the gradient, in words.
        images: (N, C, H, W).
        seed: (N, K), the weight of each logit.
        values: what lies where the gradient is taken, (N, ...): the images, or a layer's output.
        gradient: of <seed, logits> there, (N, ...).
    """

    what: str
    images: FloatArray
    seed: FloatArray
    values: FloatArray
    gradient: FloatArray


def require_uncut(
    found: Found,
    gradient_of: Callable[[FloatArray, FloatArray], FloatArray],
    logits_of_nudged: Callable[[IndexArray, FloatArray], FloatArray],
    batch_size: int,
) -> None:
    """Raises LayerError when a gradient is exactly zero and small changes of the values change the logits.

    By as much as a slope would: twice the change, twice the effect. Near the threshold of a ReLU the effect falls off
    faster. At the threshold itself (a black image) it does not, but there the gradient of an image beside it is not
    zero.

    Args:
        found: the gradient.
        gradient_of: the same gradient for other images and their seeds.
        logits_of_nudged: the logits (M, K) of the images with these indices (M,), the values being changed by (M, ...).
        batch_size: images in one pass, at most.
    """
    zero = np.flatnonzero(found.seed.any(axis=1) & ~_any(found.gradient))
    size = images_per_pass(batch_size, found.values.shape[1:])
    for rows in (zero[at : at + size] for at in range(0, len(zero), size)):
        seed, change = found.seed[rows], _nudges(found.values[rows])
        at_rest, coarse, fine = (
            (seed * logits_of_nudged(rows, (scale * change).astype(np.float32))).sum(axis=1, dtype=np.float64)
            for scale in (0.0, 1.0, 1 / _FINER)
        )
        effect = np.abs(coarse - at_rest)
        cut = (effect > _NOTICED * np.abs(at_rest).max()) & (np.abs(fine - at_rest) > effect / (3 * _FINER))
        # A kink may lie just here (a dead ReLU): beside it an intact way back has a gradient again.
        if cut.any():
            beside = found.images[rows] + _nudges(found.images[rows]).astype(np.float32)
            cut &= ~_any(gradient_of(beside, seed))
        if cut.any():
            at = int(np.argmax(cut))
            raise _cut(found.what, int(rows[at]), at_rest[at], coarse[at])


def _any(gradient: FloatArray) -> BoolArray:
    """Whether each row has an entry that is not zero, (N,)."""
    found: BoolArray = gradient.reshape(len(gradient), -1).any(axis=1)
    return found


def _cut(what: str, row: int, at_rest: float, nudged_logit: float) -> LayerError:
    return LayerError(
        f"the gradient at {what} is exactly zero in row {row}, yet a change of {what} by {_NUDGE:g} of its deviation "
        f"takes the logit from {at_rest:g} to {nudged_logit:g}: something cuts the way back (a bprop, stop_gradient, "
        "rounding, a detour through NumPy), and the map would be zero for no reason; name a layer behind it, or use a "
        "method without gradients"
    )


def _nudges(values: FloatArray) -> Float64Array:
    """A small random change of each row, in the unit of its deviation; the same at each call."""
    axes = tuple(range(1, values.ndim))
    deviation = values.std(axis=axes, keepdims=True)
    unit = np.where(deviation > 0, deviation, np.maximum(np.abs(values).max(axis=axes, keepdims=True), 1e-3))
    changes: Float64Array = _NUDGE * unit * np.random.default_rng(0).standard_normal(values.shape)
    return changes
