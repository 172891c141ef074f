"""Maps made larger or smaller: linear interpolation, pixel centres aligned, the edge's values held beyond it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resized(maps: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    """The maps (..., h, w) resized to (..., H, W).

    >>> resized(np.float32([[[0, 4]]]), (1, 4)).tolist()
    [[[0.0, 1.0, 3.0, 4.0]]]
    """
    if maps.shape[-2:] == tuple(size):
        return maps
    rows, columns = (interpolation(old, new) for old, new in zip(maps.shape[-2:], size, strict=True))
    return (rows @ maps.astype(np.float64) @ columns.T).astype(np.float32)


def interpolation(old: int, new: int) -> NDArray[np.float64]:
    """The matrix (new, old) that interpolates `new` values linearly between `old` ones; each row sums to 1.

    >>> interpolation(2, 4).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance = np.abs(position[:, None] - np.arange(old)[None, :])
    weights: NDArray[np.float64] = np.maximum(1 - distance, 0)
    return weights
