"""How a picture of any size becomes one of the network's: stretched, or scaled and cut out of the middle.

The one place where a picture changes its size before a network sees it, and boxes on it their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explainer.arrays import Float64Array

_MOST_PIXELS = 64e6  # of a picture that is only made to be cut


@dataclass(frozen=True)
class Framing:
    """What becomes of a picture's size.

    Attributes:
        size: (H, W), that of the image in the end.
        resize: what the picture is scaled to before its middle is cut out: its shorter side, which keeps the
            proportions, or (H, W). None: so that it just covers `size`.
        center_crop: cut `size` out of the middle of what was scaled; False: stretch the picture to `size`.

    Raises:
        ValueError: a `resize` that does not cover `size`, or that is given without `center_crop`.

    >>> Framing((224, 224), resize=256, center_crop=True).scaled_size(300, 400)
    (256, 341)
    """

    size: tuple[int, int]
    resize: int | tuple[int, int] | None = None
    center_crop: bool = False

    def __post_init__(self) -> None:
        if self.resize is None:
            return
        height, width = self.size
        if not self.center_crop:
            raise ValueError(
                f"`resize` goes with `center_crop`, got {self.resize!r} alone; a picture that is not cut is stretched "
                f"to `size`, ({height}, {width}): leave `resize` out, or cut with center_crop=True"
            )
        scaled = self.resize if isinstance(self.resize, tuple) else (self.resize, self.resize)
        if scaled[0] < height or scaled[1] < width:
            raise ValueError(
                f"`resize` must cover `size`, ({height}, {width}), which is cut out of it, got {self.resize!r}"
            )

    def scaled_size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) of a picture of (height, width) before anything is cut off it."""
        if not self.center_crop:
            return self.size
        if isinstance(self.resize, tuple):
            return self.resize
        if self.resize is None:
            scale = max(self.size[0] / height, self.size[1] / width)
            return max(self.size[0], round(height * scale)), max(self.size[1], round(width * scale))
        shorter = min(height, width)
        return self.resize * height // shorter, self.resize * width // shorter

    def of(self, picture: Image.Image) -> Image.Image:
        """The picture in `size`, by bilinear interpolation over all of its pixels.

        Source: Resize and CenterCrop of torchvision on PIL images, whose sizes and places these are.

        Raises:
            ValueError: the picture is so long and thin that scaling it would take more than 64 million pixels.

        >>> Framing((2, 2), center_crop=True).of(Image.new("L", (9, 3))).size
        (2, 2)
        """
        height, width = self.scaled_size(picture.height, picture.width)
        if height * width > _MOST_PIXELS:
            raise ValueError(
                f"it is {picture.width} x {picture.height}, which would be {width} x {height} before it is cut; cut it "
                "yourself, or stretch pictures with center_crop=False"
            )
        scaled = picture.resize((width, height), Image.Resampling.BILINEAR)
        if (height, width) == self.size:
            return scaled
        top, left = self._corner(height, width)
        return scaled.crop((left, top, left + self.size[1], top + self.size[0]))

    def placed(self, boxes: NDArray[Any], height: int, width: int) -> Float64Array:
        """Where boxes (k, 4) on a picture of (height, width) lie on the image; neither rounded nor clipped.

        Boxes are [x, y, width, height] in pixels, x across and y down.

        >>> Framing((2, 3), resize=(4, 3), center_crop=True).placed(np.array([[2, 1, 4, 6]]), 8, 6).tolist()
        [[1.0, -0.5, 2.0, 3.0]]
        """
        scaled = self.scaled_size(height, width)
        top, left = self._corner(*scaled)
        scale = np.array([scaled[1] / width, scaled[0] / height] * 2)
        placed: Float64Array = boxes * scale - np.array([left, top, 0, 0])
        return placed

    def _corner(self, height: int, width: int) -> tuple[int, int]:
        """(top, left) of what is cut out of the scaled picture."""
        return round((height - self.size[0]) / 2), round((width - self.size[1]) / 2)
