"""Whether the first images of a run look as if they had been normalised as it was told."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.data.normalisation import white_of

_FAR = 0.25  # of the range of pixels: resizing and changes of colour reach less far beyond it
_BYTES = 30.0  # pixels in [0, 1] that were divided by a std above 1 / 30 are smaller
_DARK, _BRIGHT = 0.1, 0.9  # of the range: photographs as they are reach below and above


def doubt_about(images: NDArray[np.float32], mean: Any, std: Any) -> str | None:
    """Why images are unlikely to have been normalised as a run was told, in a sentence; None where they may well be.

    Args:
        images: (N, C, H, W).
        mean: what was subtracted from pixels, a number or one for each channel; None where that was not told.
        std: what the rest was divided by.
    """
    if mean is None:
        return _never_normalised(images) if _are_bytes(images) else None
    white = white_of(mean, std)
    pixels = images * np.reshape(std, (-1, 1, 1)) + np.reshape(mean, (-1, 1, 1))
    low, high = float(pixels.min()), float(pixels.max())
    is_far = low < -_FAR * white or high > (1 + _FAR) * white
    if is_far and _are_bytes(images):
        return _never_normalised(images)
    if is_far or (white == 255 and 0.5 < high <= 1.01):  # the latter are pixels in [0, 1]
        return _other_mean_and_std(low, high, white)
    if np.max(mean) > 0 and _are_unit_pixels(images) and not (low < _DARK * white and high > _BRIGHT * white):
        return _not_applied(images)
    return None


def _are_bytes(images: NDArray[np.float32]) -> bool:
    return bool(images.min() >= 0 and _BYTES < images.max() <= 255)


def _are_unit_pixels(images: NDArray[np.float32]) -> bool:
    """Whether they are pixels in [0, 1]; images that were normalised have pixels below their mean, and are negative."""
    return bool(0 <= images.min() < _DARK and _BRIGHT < images.max() <= 1)


def _never_normalised(images: NDArray[np.float32]) -> str:
    return (
        f"images should be normalised as in the network's training, but the first have values {_range(images)}, as "
        "pixels of files have, so that predictions and maps may mean nothing; divide by 255, subtract the training's "
        "mean and divide by its std, unless the network was trained on such values"
    )


def _not_applied(images: NDArray[np.float32]) -> str:
    return (
        f"images should be normalised by `mean` and `std`, but the first have values {_range(images)}, none below the "
        "mean, so that predictions and maps may mean nothing; subtract mean and divide by std, or give mean=0.0 and "
        "std=1.0 where the network was trained on such values"
    )


def _other_mean_and_std(low: float, high: float, white: float) -> str:
    return (
        "images should be normalised by `mean` and `std`, but image * std + mean of the first goes from "
        f"{_short(low)} to {_short(high)} and not from 0 to {white:g}, so that pictures in the summary are wrong, and "
        "predictions may be; normalise once, and give the mean and std that were used"
    )


def _range(images: NDArray[np.float32]) -> str:
    return f"from {_short(float(images.min()))} to {_short(float(images.max()))}"


def _short(value: float) -> str:
    """With two decimals at most, and without a minus of nothing."""
    return f"{round(value, 2) + 0.0:g}"
