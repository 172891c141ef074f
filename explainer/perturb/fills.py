"""What is shown where an image is hidden."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.checks import did_you_mean, require_finite, require_number
from explainer.perturb.inpainting import inpainted
from explainer.streams import sample_stream

Fill = Callable[[FloatArray], FloatArray]
"""Images (N, C, ...) -> what is shown where they are hidden, of the same shape."""

NAMES = ("mean", "local_mean", "blur", "noise", "inpaint")
"""Fills that go by a name; blur:SIGMA and noise:SEED take a number."""

_BLUR = 1 / 20  # the standard deviation of the blur, as a part of the shortest side


@dataclass(frozen=True)
class MaskFill:
    """A fill that depends on what is hidden.

    Attributes:
        function: images (B, C, ...) and keep masks of the same shape, 1 = shown -> what is shown where they are hidden.
    """

    function: Callable[[FloatArray, FloatArray], FloatArray]

    def __call__(self, images: FloatArray, shown: FloatArray) -> FloatArray:
        """What is shown where the images are hidden, of their shape."""
        return self.function(images, shown)


def fill_of(name: str, given: Any) -> Fill | MaskFill:
    """The fill that a user's value stands for.

    A number; one number per channel; "mean" (of each channel of the image), "local_mean" (of what is hidden), "blur" or
    "blur:SIGMA" (the image, blurred; by default by a 20th of the shortest side), "noise" or "noise:SEED" (normal, with
    each channel's mean and deviation), "inpaint" (drawn from the neighbours); or a function of the images, or of the
    images and their keep masks.

    Raises:
        TypeError: none of these.
        ValueError: an unknown name or a value that is not finite; when called, numbers that do not fit the channels or
            a function that gives another shape or values that are not finite, which a ReLU would hide.

    >>> fill_of("fill", [1, 2])(np.zeros((1, 2, 1, 1), np.float32)).ravel().tolist()
    [1.0, 2.0]
    >>> fill_of("fill", "mean")(np.float32([[[[1, 2, 6]]]])).ravel().tolist()
    [3.0, 3.0, 3.0]
    """
    if callable(given):
        return _checked(name, given)
    if isinstance(given, str):
        return _named(name, given)
    if not isinstance(given, Sequence | np.ndarray):
        return _constant(name, [require_number(name, given, -_LARGEST, _LARGEST)])
    if np.ndim(given) != 1 or len(given) == 0:
        raise ValueError(f"`{name}` must be a number or one number per channel, got shape {np.shape(given)}")
    return _constant(
        name, [require_number(f"{name}[{index}]", value, -_LARGEST, _LARGEST) for index, value in enumerate(given)]
    )


def baseline_of(given: Any) -> Fill:
    """The image without information that a user's value stands for: a fill that does not depend on what is hidden.

    Raises:
        TypeError, ValueError: as for `fill_of`; a fill that depends on what is hidden.
    """
    fill = fill_of("baseline", given)
    if isinstance(fill, MaskFill):
        raise ValueError(f"`baseline` must not depend on what is hidden, as nothing is, got {recorded_fill(given)!r}")
    return fill


def recorded_fill(given: Any) -> Any:
    """The user's value as a summary records it: numbers, or the name."""
    if callable(given):
        return getattr(given, "__name__", type(given).__name__)
    if isinstance(given, str):
        return given
    return float(given) if np.ndim(given) == 0 else [float(value) for value in given]


_LARGEST = float(np.finfo(np.float32).max)


def _constant(name: str, values: list[float]) -> Fill:
    def constant(images: FloatArray) -> FloatArray:
        if len(values) not in (1, images.shape[1]):
            raise ValueError(f"`{name}` must have one number or one per channel ({images.shape[1]}), got {len(values)}")
        channels = np.array(values, np.float32).reshape(1, -1, *[1] * (images.ndim - 2))
        return np.broadcast_to(channels, images.shape)

    return constant


def _named(name: str, given: str) -> Fill | MaskFill:
    kind, separator, number = given.partition(":")
    if kind not in NAMES or (separator and kind not in ("blur", "noise")):
        raise ValueError(
            f"`{name}` must be a number, one per channel, a function, or one of {', '.join(NAMES)}, blur:SIGMA, "
            f"noise:SEED, got {given!r}{did_you_mean(kind, NAMES)}"
        )
    if kind == "blur":
        return _blurred(_sigma(name, given, number) if separator else None)
    if kind == "noise":
        return _noise(_seed(name, given, number) if separator else 0)
    named: dict[str, Fill | MaskFill] = {
        "mean": lambda images: np.broadcast_to(_channel_means(images), images.shape),
        "local_mean": MaskFill(_local_means),
        "inpaint": MaskFill(inpainted_images),
    }
    return named[kind]


def _sigma(name: str, given: str, text: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = 0.0
    if not 0 < sigma < np.inf:
        raise ValueError(f"`{name}` must end in a number > 0, got {given!r}")
    return sigma


def _seed(name: str, given: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"`{name}` must end in a whole number >= 0, got {given!r}")
    return int(text)


def _channel_means(images: FloatArray) -> FloatArray:
    """(N, C, 1, ...)."""
    means: NDArray[np.float64] = images.mean(axis=tuple(range(2, images.ndim)), keepdims=True, dtype=np.float64)
    return means.astype(np.float32)


def _local_means(images: FloatArray, shown: FloatArray) -> FloatArray:
    """Each channel's mean over what is hidden of it, everywhere."""
    hidden = 1.0 - shown
    axes = tuple(range(2, images.ndim))
    total = hidden.sum(axis=axes, keepdims=True, dtype=np.float64)
    means = (images * hidden).sum(axis=axes, keepdims=True, dtype=np.float64) / np.where(total == 0, 1, total)
    return np.broadcast_to(means.astype(np.float32), images.shape)


def _blurred(sigma: float | None) -> Fill:
    def blurred(images: FloatArray) -> FloatArray:
        from scipy.ndimage import gaussian_filter

        spread = max(1.0, _BLUR * min(images.shape[2:])) if sigma is None else sigma
        filled: FloatArray = gaussian_filter(images, (0, 0, *[spread] * (images.ndim - 2)), mode="nearest")
        return filled

    return blurred


def _noise(seed: int) -> Fill:
    """Normal noise for each image from its own stream, so that it does not depend on the other images."""

    def noise(images: FloatArray) -> FloatArray:
        pairs = zip(images, _channel_means(images), strict=True)
        return np.stack([_like(image, means, sample_stream(seed, image)) for image, means in pairs])

    return noise


def _like(image: FloatArray, means: FloatArray, stream: np.random.Generator) -> FloatArray:
    """Normal noise with the image's (C, ...) deviation and its means (C, 1, ...)."""
    deviations = image.std(axis=tuple(range(1, image.ndim)), keepdims=True, dtype=np.float64)
    noise = stream.standard_normal(image.shape)
    noise *= deviations
    noise += means
    return noise.astype(np.float32)


def inpainted_images(images: FloatArray, shown: FloatArray) -> FloatArray:
    """The images (B, C, ...) with what is less than half shown drawn from its neighbours."""
    return np.stack([inpainted(image, mask < 0.5) for image, mask in zip(images, shown, strict=True)])


def _checked(name: str, function: Callable[..., Any]) -> Fill | MaskFill:
    def of_images(images: FloatArray) -> FloatArray:
        return _fitting(name, images, function(images.copy()))

    def of_images_and_masks(images: FloatArray, shown: FloatArray) -> FloatArray:
        return _fitting(name, images, function(images.copy(), shown.copy()))

    return MaskFill(of_images_and_masks) if _takes_masks(function) else of_images


def _takes_masks(function: Callable[..., Any]) -> bool:
    """Whether the function has two arguments without a default, in order."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions tell nothing
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.default is one.empty and one.kind in positional for one in parameters) == 2


def _fitting(name: str, images: FloatArray, given: Any) -> FloatArray:
    filled = np.asarray(given, np.float32)
    if filled.shape != images.shape:
        raise ValueError(f"`{name}` must give images of shape {images.shape}, gave {filled.shape}")
    require_finite(f"{name}(images)", filled)
    return filled
