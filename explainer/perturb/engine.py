"""The engine: outputs for images of which parts are hidden, in full batches whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, Mask
from explainer.memory import images_per_pass
from explainer.perturb.fills import Fill, MaskFill

Hidden = tuple[slice, ...]
"""A rectangle of (C, H, W) in which the fill is shown, the image all around it: a slice per axis."""


class Request(NamedTuple):
    """One perturbed image that is to be evaluated.

    Attributes:
        image: the index of the image.
        keep: its keep mask, or the rectangle that is hidden.
        payload: whatever the caller wants back with the outputs.
    """

    image: int
    keep: Any
    payload: Any = None


class Evaluated(NamedTuple):
    """A batch of requests with what came of them.

    Attributes:
        requests: B of them.
        outputs: (B, ...), as the caller's `evaluate` gives them.
    """

    requests: list[Request]
    outputs: FloatArray

    @property
    def indices(self) -> NDArray[np.int64]:
        """Which image each request is of, (B,)."""
        return np.array([request.image for request in self.requests], np.int64)

    @property
    def masks(self) -> FloatArray:
        """The keep masks, (B, H, W)."""
        return np.stack([request.keep for request in self.requests], dtype=np.float32)


Evaluate = Callable[[FloatArray, NDArray[np.int64]], FloatArray]
"""Images (B, C, ...), and the index of each -> outputs (B, ...)."""


def evaluated(
    evaluate: Evaluate,
    images: FloatArray,
    requests: Iterable[Request],
    *,
    fill: Fill | MaskFill,
    batch_size: int,
    evaluate_clean: Evaluate | None = None,
) -> Iterator[Evaluated]:
    """The outputs of keep * image + (1 - keep) * fill for each request, in their order.

    The one way in which perturbed images go through a network. Requests are drawn as they are needed, and those of
    several images share batches, so that memory depends on the batch size alone and no pass is half empty.

    Args:
        evaluate: what is asked of the perturbed images.
        images: (N, C, ...), of any number of axes behind the channels.
        requests: which image, and what of it is shown.
        fill: images -> what is shown where they are hidden, of the same shape; or a MaskFill.
        batch_size: perturbed images in one batch, at most; large ones are fewer, see `explainer.memory`.
        evaluate_clean: what is asked where a mask hides nothing; by default `evaluate` as well.

    >>> image = np.float32([[[[1, 2, 3]]]])
    >>> requests = [Request(0, np.array([[0, 1, 1]]), "first"), Request(0, np.array([[1, 1, 0]]), "last")]
    >>> total = lambda images, indices: images.sum(axis=(1, 2, 3))
    >>> batches = evaluated(total, image, requests, fill=np.zeros_like, batch_size=2)
    >>> [(request.payload, float(output)) for batch in batches for request, output in zip(*batch)]
    [('first', 5.0), ('last', 3.0)]
    """
    for chunk, shown in _perturbed(images, requests, fill=fill, batch_size=batch_size):
        indices = np.array([request.image for request in chunk], np.int64)
        clean = np.zeros(len(chunk), bool)
        if evaluate_clean is not None:
            clean[:] = [not isinstance(request.keep, tuple) and bool((request.keep == 1).all()) for request in chunk]
        if evaluate_clean is None or not clean.any():
            yield Evaluated(chunk, evaluate(shown, indices))
        else:
            yield Evaluated(chunk, _merged(clean, images, shown, indices, evaluate, evaluate_clean))


def _merged(
    clean: NDArray[np.bool_],
    images: FloatArray,
    shown: FloatArray,
    indices: NDArray[np.int64],
    evaluate: Evaluate,
    evaluate_clean: Evaluate,
) -> FloatArray:
    """The outputs of a batch of which some images are clean."""
    of_clean = evaluate_clean(images[indices[clean]], indices[clean])
    outputs = np.empty((len(clean), *of_clean.shape[1:]), of_clean.dtype)
    outputs[clean] = of_clean
    if not clean.all():
        outputs[~clean] = evaluate(shown[~clean], indices[~clean])
    return outputs


def _perturbed(
    images: FloatArray, requests: Iterable[Request], *, fill: Fill | MaskFill, batch_size: int
) -> Iterator[tuple[list[Request], FloatArray]]:
    """The requests in batches, and the images of each, (B, C, ...)."""
    once = None if isinstance(fill, MaskFill) else np.asarray(fill(images), np.float32)
    waiting = iter(requests)
    size = images_per_pass(batch_size, images.shape[1:])
    while chunk := list(islice(waiting, size)):
        rows = images[[request.image for request in chunk]]
        if isinstance(fill, MaskFill):
            shown = np.stack([_shown(request.keep, images.shape[1:]) for request in chunk])
            filled = list(np.asarray(fill(rows.copy(), shown), np.float32))  # may give back what it was given
        else:
            assert once is not None
            filled = [once[request.image] for request in chunk]
        for image, hidden, request in zip(rows, filled, chunk, strict=True):
            _hide(image, hidden, request.keep)
        yield chunk, rows


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
