"""Hidden pixels drawn from their neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve

from explainer.arrays import BoolArray, FloatArray


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
    positions, pixels, mask = np.argwhere(hidden), image.reshape(len(image), -1), hidden.ravel()
    count = len(positions)
    number = np.cumsum(mask) - 1  # of each hidden pixel among the hidden ones
    weight_sums, known = np.zeros(count), np.zeros((count, len(image)))
    system = coo_matrix((count, count)).tocsr()
    for offset, weight in _neighbours(hidden.ndim):
        near = positions + offset
        row = np.flatnonzero(((near >= 0) & (near < hidden.shape)).all(axis=1))
        neighbour = np.ravel_multi_index(tuple(near[row].T), hidden.shape)
        weight_sums[row] += weight
        unknown = mask[neighbour]
        known[row[~unknown]] += weight * pixels[:, neighbour[~unknown]].T.astype(np.float64)
        entries = np.full(int(unknown.sum()), weight)
        system -= coo_matrix((entries, (row[unknown], number[neighbour[unknown]])), (count, count)).tocsr()
    solved = spsolve((system + diags(weight_sums)).tocsc(), known)
    pixels[:, mask] = solved.reshape(count, -1).T


def _neighbours(axes: int) -> Iterator[tuple[NDArray[np.int64], float]]:
    """Offsets of direct and diagonal neighbours with their weights."""
    for offset in product((-1, 0, 1), repeat=axes):
        steps = sum(map(abs, offset))
        if steps in (1, 2):
            yield np.array(offset), 3.0 - steps
