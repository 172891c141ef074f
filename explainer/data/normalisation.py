"""mean and std: image = (pixels - mean) / std, and back. The one place where the two formulas stand."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.arrays import Float64Array, FloatArray, Pixels


def require_mean_and_std(mean: Any, std: Any) -> None:
    """Raises unless these are numbers, one or one for each channel.

    Raises:
        TypeError: no numbers.
        ValueError: one of them is None; numbers that are not finite; a `std` that is not above 0.
    """
    if mean is None or std is None:
        raise ValueError("`mean` and `std` must be given together: pixels = image * std + mean")
    for name, value in (("mean", mean), ("std", std)):
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "fiu" or numbers.ndim > 1 or not numbers.size:
            raise TypeError(f"`{name}` must be a number, or one for each channel, got {value!r}")
    if not np.all(np.asarray(std) > 0):
        raise ValueError(f"`std` must be positive in every channel, got {np.asarray(std).tolist()}")
    for name, value in (("mean", mean), ("std", std)):
        if not np.isfinite(np.asarray(value)).all():
            raise ValueError(f"`{name}` must be finite in every channel, got {np.asarray(value).tolist()}")


def require_as_many(name: str, values: Float64Array, channels: int) -> None:
    """Raises ValueError unless there is one value for all channels, or one for each."""
    if values.size not in (1, channels):
        raise ValueError(
            f"`{name}` must have 1 or {channels} values for images of {channels} channels, got {values.size}"
        )


def white_of(mean: Any, std: Any) -> float:
    """What is white in the pixels that mean and std are for: 255 where one of them is above 1, else 1.

    >>> white_of([0.485, 0.456, 0.406], 0.2), white_of(123.7, 58.4)
    (1.0, 255.0)
    """
    return 255.0 if max(np.max(mean), np.max(std)) > 1 else 1.0


def in_unit(mean: Any, std: Any) -> tuple[Float64Array, Float64Array]:
    """Both for pixels in [0, 1]; where one of them is above 1 they were given for pixels in [0, 255].

    >>> [part.tolist() for part in in_unit(127.5, [51, 102])]
    [[0.5], [0.2, 0.4]]
    """
    means, deviations = (np.atleast_1d(np.asarray(value, np.float64)) for value in (mean, std))
    white = white_of(means, deviations)
    return means / white, deviations / white


def normalised(pixels: FloatArray, mean: Float64Array, std: Float64Array) -> FloatArray:
    """The image of pixels (C, H, W) in [0, 1]; mean and std of all channels or of each."""
    shift, scale = (np.asarray(part, np.float32).reshape(-1, 1, 1) for part in (mean, std))
    image: FloatArray = ((pixels - shift) / scale).astype(np.float32)
    return image


def pixels_of(image: FloatArray, mean: Float64Array, std: Float64Array) -> Pixels:
    """The picture of an image (C, H, W): (H, W) for 1 channel, (H, W, 3) of the first three else.

    Raises:
        ValueError: mean or std are of another number of channels.

    >>> pixels_of(np.float32([[[-1, 1]]]), np.array([0.5]), np.array([0.5])).tolist()
    [[0, 255]]
    """
    for name, values in (("mean", mean), ("std", std)):
        require_as_many(name, values, len(image))
    return picture_of((image * std.reshape(-1, 1, 1) + mean.reshape(-1, 1, 1)) * 255)


def picture_of(values: Float64Array) -> Pixels:
    """Values (C, H, W) in [0, 255] as a picture: grey for 1 channel, RGB of the first three else."""
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels[:3].transpose(1, 2, 0))
