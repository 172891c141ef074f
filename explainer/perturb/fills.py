"""What is shown where an image is hidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.checks import require_finite, require_number

FloatArray = NDArray[np.float32]
Fill = Callable[[FloatArray], FloatArray]
"""Images (N, C, H, W) -> what is shown where they are hidden, of the same shape."""


def fill_of(name: str, given: Any) -> Fill:
    """The fill that a user's value stands for: a number, one number per channel, or a function of the images.

    Raises:
        TypeError: none of these.
        ValueError: a value that is not finite; when called, numbers that do not fit the channels or a function that
            gives another shape or values that are not finite, which a ReLU would hide.

    >>> fill_of("fill", [1, 2])(np.zeros((1, 2, 1, 1), np.float32)).ravel().tolist()
    [1.0, 2.0]
    """
    if callable(given):
        return _checked(name, given)
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray):
        return _constant(name, [require_number(name, given, -_LARGEST, _LARGEST)])
    if np.ndim(given) != 1 or len(given) == 0:
        raise ValueError(f"`{name}` must be a number or one number per channel, got shape {np.shape(given)}")
    return _constant(
        name, [require_number(f"{name}[{place}]", value, -_LARGEST, _LARGEST) for place, value in enumerate(given)]
    )


def recorded_fill(given: Any) -> Any:
    """The user's value as a summary records it: numbers, or the name of the function."""
    if callable(given):
        return getattr(given, "__name__", type(given).__name__)
    return float(given) if np.ndim(given) == 0 else [float(value) for value in given]


_LARGEST = float(np.finfo(np.float32).max)


def _constant(name: str, values: list[float]) -> Fill:
    def constant(images: FloatArray) -> FloatArray:
        if len(values) not in (1, images.shape[1]):
            raise ValueError(f"`{name}` must have one number or one per channel ({images.shape[1]}), got {len(values)}")
        channels = np.array(values, np.float32).reshape(1, -1, 1, 1)
        return np.broadcast_to(channels, images.shape)

    return constant


def _checked(name: str, function: Callable[[FloatArray], Any]) -> Fill:
    def checked(images: FloatArray) -> FloatArray:
        filled = np.asarray(function(images.copy()), np.float32)
        if filled.shape != images.shape:
            raise ValueError(f"`{name}` must give images of shape {images.shape}, gave {filled.shape}")
        require_finite(f"{name}(images)", filled)
        return filled

    return checked
