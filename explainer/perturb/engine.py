"""The engine: scores of images under keep masks, in full batches whatever the number of images or masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.memory import images_per_pass
from explainer.perturb.fills import Fill, MaskFill

FloatArray = NDArray[np.float32]
Mask = NDArray[Any]
"""A keep mask (H, W) or (C, H, W), boolean or with values in [0, 1]: 1 shows the image, 0 shows the fill."""
Hidden = tuple[slice, ...]
"""A rectangle of (C, H, W) in which the fill is shown, the image all around it: a slice per axis."""


class Perturbed(NamedTuple):
    """One batch of perturbed images.

    Attributes:
        places: which image each row belongs to, (B,).
        keeps: its keep mask or hidden rectangle, B of them.
        images: what is to be shown to the network, (B, C, H, W).
    """

    places: NDArray[np.int64]
    keeps: list[Any]
    images: FloatArray


class Scored(NamedTuple):
    """What the network says of one batch of perturbed images.

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
    fill: Fill | MaskFill,
    batch_size: int,
) -> Iterator[Scored]:
    """The scores of keep * image + (1 - keep) * fill for each (place, keep), in their order.

    Args:
        score: images (B, C, H, W) -> scores (B, K).
        images: (N, C, H, W).
        keeps: pairs of a place in `images` and a mask (H, W): 1 shows the image, 0 shows the fill. They are drawn as
            they are needed; pairs of several images share batches.
        fill: images -> what is shown where they are hidden, of the same shape; or a MaskFill.
        batch_size: perturbed images that are alive at once, at most; large ones are fewer, see `explainer.memory`.

    >>> image = np.float32([[[[1, 2, 3]]]])
    >>> keeps = [(0, np.array([[0, 1, 1]])), (0, np.array([[1, 1, 0]]))]
    >>> total = lambda images: images.sum(axis=(1, 2, 3))[:, None]
    >>> [batch.scores.tolist() for batch in scores_under(total, image, keeps, fill=np.zeros_like, batch_size=2)]
    [[[5.0], [3.0]]]
    """
    for places, masks, shown in perturbed(images, keeps, fill=fill, batch_size=batch_size):
        yield Scored(places, np.stack(masks, dtype=np.float32), score(shown))


def perturbed(
    images: FloatArray, keeps: Iterable[tuple[int, Mask | Hidden]], *, fill: Fill | MaskFill, batch_size: int
) -> Iterator[Perturbed]:
    """The images under each (place, keep), in their order; of any number of axes behind the channels.

    Args:
        images: (N, C, ...).
        keeps: pairs of a place in `images` and a mask or a hidden rectangle, drawn as they are needed.
        fill: images -> what is shown where they are hidden, of the same shape; or a MaskFill.
        batch_size: perturbed images that are alive at once, at most; large ones are fewer, see `explainer.memory`.

    >>> batch = next(perturbed(np.float32([[[1, 2, 3]]]), [(0, np.s_[:, 1:])], fill=np.zeros_like, batch_size=2))
    >>> batch.images.tolist()
    [[[1.0, 0.0, 0.0]]]
    """
    once = None if isinstance(fill, MaskFill) else np.asarray(fill(images), np.float32)
    pairs = iter(keeps)
    size = images_per_pass(batch_size, images.shape[1:])
    while chunk := list(islice(pairs, size)):
        places = np.array([place for place, _ in chunk], np.int64)
        changes = [keep for _, keep in chunk]
        rows = images[places]
        if isinstance(fill, MaskFill):
            shown = np.stack([_shown(keep, images.shape[1:]) for keep in changes])
            filled = list(np.asarray(fill(rows.copy(), shown), np.float32))  # may give back what it was given
        else:
            assert once is not None
            filled = [once[place] for place in places]
        for image, hidden, keep in zip(rows, filled, changes, strict=True):
            _hide(image, hidden, keep)
        yield Perturbed(places, changes, rows)


def _hide(image: FloatArray, filled: FloatArray, keep: Mask | Hidden) -> None:
    """Writes the fill into the image; where a mask is 1 it stays exactly the image, where it is 0 exactly the fill."""
    if isinstance(keep, tuple):
        image[keep] = filled[keep]
    else:
        keep = keep.astype(np.float32)
        image *= keep
        image += filled * (1 - keep)


def _shown(keep: Mask | Hidden, shape: tuple[int, ...]) -> FloatArray:
    """The keep mask of an image of this shape (C, ...)."""
    if not isinstance(keep, tuple):
        return np.broadcast_to(keep.astype(np.float32), shape)
    shown = np.ones(shape, np.float32)
    shown[keep] = 0
    return shown
