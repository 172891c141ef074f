"""The engine: scores of images under keep masks, in full batches whatever the number of images or masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.perturb.fills import Fill

FloatArray = NDArray[np.float32]
Mask = NDArray[Any]
"""A keep mask (H, W), boolean or with values in [0, 1]: 1 shows the image, 0 shows the fill."""


class Scored(NamedTuple):
    """One batch of perturbed images.

    Attributes:
        places: which image each row belongs to, (B,).
        keeps: its keep mask, (B, H, W) float32.
        scores: what the network says of it, (B, K).
    """

    places: NDArray[np.int64]
    keeps: FloatArray
    scores: FloatArray


def scores_under(
    score: Callable[[FloatArray], FloatArray],
    images: FloatArray,
    keeps: Iterable[tuple[int, Mask]],
    *,
    fill: Fill,
    batch_size: int,
) -> Iterator[Scored]:
    """The scores of keep * image + (1 - keep) * fill for each (place, keep), in their order.

    Args:
        score: images (B, C, H, W) -> scores (B, K).
        images: (N, C, H, W).
        keeps: pairs of a place in `images` and a mask (H, W): 1 shows the image, 0 shows the fill. They are drawn as
            they are needed; pairs of several images share batches.
        fill: images -> what is shown where they are hidden, of the same shape.
        batch_size: perturbed images that are alive at once.

    >>> image = np.float32([[[[1, 2, 3]]]])
    >>> keeps = [(0, np.array([[0, 1, 1]])), (0, np.array([[1, 1, 0]]))]
    >>> total = lambda images: images.sum(axis=(1, 2, 3))[:, None]
    >>> [batch.scores.tolist() for batch in scores_under(total, image, keeps, fill=np.zeros_like, batch_size=2)]
    [[[5.0], [3.0]]]
    """
    filled = np.asarray(fill(images), np.float32)
    pairs = iter(keeps)
    while chunk := list(islice(pairs, batch_size)):
        places = np.array([place for place, _ in chunk], np.int64)
        shown = np.stack([keep for _, keep in chunk]).astype(np.float32)
        yield Scored(places, shown, score(_mixed(images[places], filled[places], shown[:, None])))


def _mixed(images: FloatArray, filled: FloatArray, shown: FloatArray) -> FloatArray:
    """The images where they are shown, the fill elsewhere; exactly the image at 1 and exactly the fill at 0."""
    images = images * shown
    images += filled * (1 - shown)
    return images
