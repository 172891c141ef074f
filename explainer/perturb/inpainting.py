"""Hidden pixels drawn from their neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import splu

from explainer.arrays import BoolArray, FloatArray

# The diagonal is at least the sum of its row: no pivoting, and an order of the unknowns made for such systems. Their
# columns have few entries, for which larger blocks take half as long again.
_SYMMETRIC: dict[str, Any] = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
    "relax": 1,
    "panel_size": 1,
}


def inpainted(image: FloatArray, hidden: BoolArray) -> FloatArray:
    """The image (C, ...) with every hidden pixel the weighted mean of its neighbours, hidden ones included.

    A direct neighbour counts twice as much as a diagonal one: 1/6 and 1/12 in the middle of a picture; in a volume,
    those three steps away do not count. Nor does what lies beyond the border. A channel that is hidden whole becomes
    its mean.

    Source: Rong et al. 2022, "A Consistent and Efficient Evaluation Strategy for Attribution Methods" (ROAD), section
    4.2, without the noise that is added there.

    Args:
        image: (C, ...) with any number of further axes.
        hidden: of the same shape.

    >>> inpainted(np.float32([[1, 9, 9, 4]]), np.array([[False, True, True, False]])).round(4).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    filled = image.copy()
    if (hidden == hidden[:1]).all():
        _inpaint(filled, hidden[0])
    else:
        for channel, mask in zip(filled, hidden, strict=True):
            _inpaint(channel[None], mask)
    return filled


def _inpaint(image: FloatArray, hidden: BoolArray) -> None:
    """Writes into the hidden pixels (...) of every channel of the image (C, ...)."""
    if not hidden.any():
        return
    if hidden.all():
        image[:] = image.mean(axis=tuple(range(1, image.ndim)), keepdims=True, dtype=np.float64)
        return
    pixels, mask = image.reshape(len(image), -1), hidden.ravel()
    system, known = _equations(hidden, pixels)
    pixels[:, mask] = splu(system, **_SYMMETRIC).solve(known).T


def _equations(hidden: BoolArray, pixels: FloatArray) -> tuple[csc_matrix, NDArray[np.float64]]:
    """For each hidden pixel: the weights of its neighbours times itself, less those that are hidden, = those shown.

    The system of n hidden pixels, (n, n), and what is shown around them, (n, C), of the pixels (C, H * W).
    """
    positions, mask = np.argwhere(hidden), hidden.ravel()
    count = len(positions)
    number = np.cumsum(mask) - 1  # of each hidden pixel among the hidden ones
    weight_sums, known = np.zeros(count), np.zeros((count, len(pixels)))
    entries = []
    for offset, weight in _neighbours(hidden.ndim):
        near = positions + offset
        row = np.flatnonzero(((near >= 0) & (near < hidden.shape)).all(axis=1))
        neighbour = np.ravel_multi_index(tuple(near[row].T), hidden.shape)
        weight_sums[row] += weight
        unknown = mask[neighbour]
        known[row[~unknown]] += weight * pixels[:, neighbour[~unknown]].T.astype(np.float64)
        entries.append((np.full(int(unknown.sum()), -weight), row[unknown], number[neighbour[unknown]]))
    entries.append((weight_sums, np.arange(count), np.arange(count)))
    values, rows, columns = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    return coo_matrix((values, (rows, columns)), (count, count)).tocsc(), known


def _neighbours(axes: int) -> Iterator[tuple[NDArray[np.int64], float]]:
    """Offsets of direct and diagonal neighbours with their weights."""
    for offset in product((-1, 0, 1), repeat=axes):
        steps = sum(map(abs, offset))
        if steps in (1, 2):
            yield np.array(offset), 3.0 - steps
