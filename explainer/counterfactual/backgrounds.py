"""What a hierarchical occlusion shows where the image is hidden."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.checks import require_finite, require_numbers, require_type
from explainer.perturb.fills import MaskFill, fill_of

_GAUSSIAN = re.compile(r"gaussian:(\d+)", re.ASCII)


def auto_mask(short_side: int) -> str:
    """The mask for an image when none is given: a blur with a 25th of its short side as standard deviation.

    Raises:
        ValueError: a short side below 13, for which that rounds to 0.

    >>> auto_mask(64), auto_mask(224)
    ('gaussian:3', 'gaussian:9')
    """
    deviation = round(short_side / 25)
    if deviation < 1:
        raise ValueError(
            f"`image` must have a short side of at least 13 pixels for an automatic mask, got {short_side}; a 25th of "
            "it is no blur, so give a `mask`, such as 'gaussian:1' or 0.0"
        )
    return f"gaussian:{deviation}"


def background_of(mask: Any, image: FloatArray) -> FloatArray:
    """What a user's mask shows in place of an image, of its shape.

    Args:
        mask: None, for `auto_mask`; "gaussian:N", the image blurred with the standard deviation N over height and
            width, its border continued; a float; a tuple of one float per channel; or an image of the same shape,
            (C, H, W) or (1, C, H, W).
        image: (1, C, H, W).

    Raises:
        TypeError: none of these; whole numbers too, which would leave open whether 255 or 1 is white.
        ValueError: another string, a number that is not finite, or another shape.

    >>> background_of((0.5, 2.0), np.zeros((1, 2, 1, 1), np.float32)).ravel().tolist()
    [0.5, 2.0]
    """
    if mask is None:
        mask = auto_mask(min(image.shape[2:]))
    require_type("mask", mask, (str, float, np.floating, tuple, np.ndarray), _KINDS, "write 0.0 for 0")
    if isinstance(mask, np.ndarray):
        return _picture(mask, image.shape)
    if isinstance(mask, tuple):
        for index, value in enumerate(mask):
            require_type(f"mask[{index}]", value, (float, np.floating), "a float", "write 0.0 for 0")
    fill = fill_of("mask", f"blur:{_deviation(mask)}" if isinstance(mask, str) else mask)
    assert not isinstance(fill, MaskFill)  # neither a blur nor numbers depend on what is hidden
    return fill(image)


_KINDS = "None, 'gaussian:N', a float, a tuple of one float per channel or an array of the image's shape"


def _deviation(mask: str) -> int:
    found = _GAUSSIAN.fullmatch(mask)
    if found is None or int(found[1]) < 1:
        raise ValueError(f"`mask` must be 'gaussian:N' with a whole number N of at least 1, got {mask!r}")
    return int(found[1])


def _picture(mask: NDArray[Any], shape: tuple[int, ...]) -> FloatArray:
    if mask.shape not in (shape, shape[1:]):
        raise ValueError(f"`mask` must have the image's shape {shape[1:]}, got {mask.shape}")
    picture = require_numbers("mask", mask).astype(np.float32).reshape(shape)
    require_finite("mask", picture)
    return picture
