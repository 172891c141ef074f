"""The order of an input's axes: the network's own outside, samples, channels and positions inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray


@dataclass(frozen=True)
class Layout:
    """Axes by letter: N samples, C channels (at most one axis, maybe none), all others positions.

    Attributes:
        letters: such as "NCHW", "NHWC", "NCDHW", "NTW" (time series), "NW" (tabular).

    >>> Layout("NHWC").inside(np.zeros((1, 5, 7, 3), np.float32)).shape
    (1, 3, 5, 7)
    >>> Layout("NW").inside(np.zeros((1, 5), np.float32)).shape
    (1, 1, 5)
    """

    letters: str

    def __post_init__(self) -> None:
        letters = self.letters
        if not isinstance(letters, str):
            raise TypeError(f"`data_format` must be a string of axes such as 'NCHW', got {type(letters).__name__}")
        indices = set(letters) - {"N", "C"}
        capitals = letters.isalpha() and letters.isupper()
        if letters[:1] != "N" or not capitals or len(set(letters)) < len(letters) or not indices:
            raise ValueError(
                "`data_format` must have N first, C at most once and one letter more for each other axis, all "
                f"capitals, such as NCHW, NHWC, NCDHW, NTW or NW, got {letters!r}"
            )

    @property
    def axes(self) -> int:
        """How many axes are neither samples nor channels."""
        return len(self.letters) - 1 - ("C" in self.letters)

    def inside(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """The inputs as (N, C, ...); one channel where they have none."""
        if "C" in self.letters:
            return np.moveaxis(inputs, self.letters.index("C"), 1)
        return inputs[:, None]

    def outside(self, images: FloatArray) -> FloatArray:
        """Images (N, C, ...) as the network takes them."""
        if "C" not in self.letters:
            return images[:, 0]
        return np.ascontiguousarray(np.moveaxis(images, 1, self.letters.index("C")))
