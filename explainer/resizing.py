"""Maps made larger or smaller, pixel centres aligned."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from explainer.memory import blocks

_CUBIC = -0.5  # the free parameter of the cubic kernel


def resized(maps: NDArray[np.float32], size: tuple[int, ...], method: str = "linear") -> NDArray[np.float32]:
    """The maps (..., h, w) resized to (..., H, W), or along as many last axes as `size` has.

    Args:
        maps: (..., h, w).
        size: (H, W).
        method: "linear" or "nearest" (both hold the edge's values beyond it), or "bicubic" (mirrored there).

    >>> resized(np.float32([[[0, 4]]]), (1, 4)).tolist()
    [[[0.0, 1.0, 3.0, 4.0]]]
    """
    if maps.shape[-len(size) :] == tuple(size):
        return maps
    leading, old = maps.shape[: maps.ndim - len(size)], maps.shape[maps.ndim - len(size) :]
    matrices = [_matrix(method, *lengths) for lengths in zip(old, size, strict=True)]
    flat, result = maps.reshape(-1, *old), np.empty((*leading, *size), np.float32)
    for some in blocks(len(flat), size):  # as they are resized in float64
        result.reshape(-1, *size)[some] = _along_each_axis(flat[some], matrices)
    return result


@lru_cache(maxsize=8)  # maps come in thousands of one size
def _matrix(method: str, old: int, new: int) -> NDArray[np.float64]:
    return _MATRICES[method](old, new)


def _along_each_axis(values: NDArray[np.float32], matrices: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    result = values.astype(np.float64)
    if len(matrices) == 2:
        product: NDArray[np.float64] = matrices[0] @ result @ matrices[1].T  # a tenth of the general way's time
        return product
    for axis, matrix in enumerate(matrices, start=1):
        result = np.moveaxis(np.tensordot(result, matrix, (axis, 1)), -1, axis)
    return result


def interpolation(old: int, new: int) -> NDArray[np.float64]:
    """The matrix (new, old) that interpolates `new` values linearly between `old` ones; each row sums to 1.

    >>> interpolation(2, 4).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance = np.abs(position[:, None] - np.arange(old)[None, :])
    weights: NDArray[np.float64] = np.maximum(1 - distance, 0)
    return weights


def nearest(old: int, new: int) -> NDArray[np.float64]:
    """The matrix (new, old) that takes the nearest of `old` values.

    >>> nearest(2, 4).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    weights = np.zeros((new, old))
    weights[np.arange(new), ((np.arange(new) + 0.5) * old / new).astype(int)] = 1
    return weights


def cubic_interpolation(old: int, new: int) -> NDArray[np.float64]:
    """The matrix (new, old) that interpolates cubically between `old` values, mirrored at the edges; rows sum to 1.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing", with a = -1/2.

    >>> cubic_interpolation(2, 2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    position = (np.arange(new) + 0.5) * old / new - 0.5
    weights = np.zeros((new, old))
    for tap in range(-1, 3):
        at = np.floor(position).astype(int) + tap
        mirrored = at % (2 * old)
        mirrored = np.where(mirrored < old, mirrored, 2 * old - 1 - mirrored)
        np.add.at(weights, (np.arange(new), mirrored), _cubic(np.abs(position - at)))
    return weights


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = (_CUBIC + 2) * distance**3 - (_CUBIC + 3) * distance**2 + 1
    far = _CUBIC * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    weights: NDArray[np.float64] = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    return weights


_MATRICES = {"linear": interpolation, "nearest": nearest, "bicubic": cubic_interpolation}
