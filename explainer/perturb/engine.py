"""The engine: outputs for perturbed images, in full batches whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, Mask
from explainer.classifier import Evaluator
from explainer.memory import images_per_pass
from explainer.perturb.fills import Fill, MaskFill

Hidden = tuple[slice, ...]
"""A rectangle of (C, H, W) in which the fill is shown, the image all around it: a slice per axis."""


@dataclass(frozen=True, eq=False)
class Variant:
    """What is shown in place of an image, in full: (C, ...), as a noisy copy or a point on the way to a baseline."""

    image: FloatArray


class Request(NamedTuple):
    """One perturbed image that is to be evaluated.

    Attributes:
        image: the index of the image.
        shown: its keep mask, the rectangle of it that is hidden, or a variant of it.
        payload: whatever the caller wants back with the outputs.
    """

    image: int
    shown: Any
    payload: Any = None


class Evaluated(NamedTuple):
    """A batch of requests with what came of them.

    Attributes:
        requests: B of them.
        outputs: (B, ...), as the caller's `evaluate` gives them.
    """

    requests: list[Request]
    outputs: NDArray[Any]

    @property
    def indices(self) -> NDArray[np.int64]:
        """Which image each request is of, (B,)."""
        return np.array([request.image for request in self.requests], np.int64)

    @property
    def masks(self) -> FloatArray:
        """The keep masks, (B, H, W)."""
        return np.stack([request.shown for request in self.requests], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Windows:
    """What is hidden in a batch: each is an image that is known, but for one rectangle.

    Attributes:
        images: those that are known, (N, C, H, W).
        indices: which of them each is, (B,).
        rectangles: first row, first column, and behind the last ones, (B, 4).
        kept: what a classifier has found out about the images that are known; it lasts as long as the requests.
    """

    images: FloatArray
    indices: NDArray[np.int64]
    rectangles: NDArray[np.int64]
    kept: dict[Any, Any]

    def __getitem__(self, rows: slice) -> Windows:
        return replace(self, indices=self.indices[rows], rectangles=self.rectangles[rows])

    def by_image(self) -> list[slice]:
        """The rows that follow each other and are of the same image."""
        ends = [0, *np.flatnonzero(np.diff(self.indices)) + 1, len(self.indices)]
        return [slice(int(start), int(end)) for start, end in pairwise(ends)]


Evaluate = Callable[[FloatArray, NDArray[np.int64]], NDArray[Any]]
"""Images (B, C, ...), and the index of each -> outputs (B, ...)."""
OUTPUTS = ("logits", "probabilities")


class _Evaluating(NamedTuple):
    """What the engine is having evaluated."""

    shown: FloatArray
    windows: Windows | None


_EVALUATING: ContextVar[_Evaluating | None] = ContextVar("explainer.perturb.engine.evaluating", default=None)


def evaluating_perturbed() -> bool:
    """Whether the engine is having perturbed images evaluated at this moment, here; how a classifier knows who asks."""
    return _EVALUATING.get() is not None


Watcher = Callable[[int], object]
"""Told, after each batch, how many images it had."""
_WATCHER: ContextVar[Watcher | None] = ContextVar("explainer.perturb.engine.watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """The watcher is told of each batch that is evaluated here meanwhile; what it raises ends the evaluation.

    Of evaluations inside of another one, as of the maps of changed images, it is told, too.
    """
    before = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(before)


def windows_in(images: FloatArray) -> Windows | None:
    """What is hidden in these images; None unless they are the batch that the engine is having evaluated, by windows.

    Whoever was given the batch may have written into it, which nobody tells.

    Args:
        images: what a classifier is asked about.
    """
    evaluating = _EVALUATING.get()
    if evaluating is None or not _is_same_array(images, evaluating.shown):
        return None
    return evaluating.windows


def evaluated(
    evaluate: Evaluate,
    images: FloatArray,
    requests: Iterable[Request],
    *,
    batch_size: int,
    fill: Fill | MaskFill | None = None,
    evaluate_clean: Evaluate | None = None,
) -> Iterator[Evaluated]:
    """The outputs of keep * image + (1 - keep) * fill, or of a variant, for each request, in their order.

    The one way in which perturbed images go through a network. Requests are drawn as they are needed, and those of
    several images share batches, so that memory depends on the batch size alone and no pass is half empty. The requests
    of a batch come back without their variants.

    Args:
        evaluate: what is computed of the perturbed images.
        images: (N, C, ...), of any number of axes behind the channels.
        requests: which image, and what of it, or in its place, is shown.
        batch_size: perturbed images in one batch, at most; large ones are fewer, see `explainer.memory`.
        fill: images -> what is shown where they are hidden, of the same shape; or a MaskFill. Variants need none.
        evaluate_clean: what is computed where a mask hides nothing; by default `evaluate` as well.

    >>> image = np.float32([[[[1, 2, 3]]]])
    >>> requests = [Request(0, np.array([[0, 1, 1]]), "first"), Request(0, Variant(image[0] / 2), "last")]
    >>> total = lambda images, indices: images.sum(axis=(1, 2, 3))
    >>> batches = evaluated(total, image, requests, fill=np.zeros_like, batch_size=2)
    >>> [(request.payload, float(output)) for batch in batches for request, output in zip(*batch)]
    [('first', 5.0), ('last', 3.0)]
    """
    kept: dict[Any, Any] = {}
    for chunk, shown in _perturbed(images, requests, fill=fill, batch_size=batch_size):
        indices = np.array([request.image for request in chunk], np.int64)
        clean = np.zeros(len(chunk), bool)
        if evaluate_clean is not None:
            clean[:] = [_hides_nothing(request.shown) for request in chunk]
        if evaluate_clean is None or not clean.any():
            windows = _windows_of(images, chunk, indices, kept)
            yield Evaluated(chunk, _outputs_of_perturbed(evaluate, shown, indices, windows))
        else:
            yield Evaluated(chunk, _merged(clean, images, shown, indices, evaluate, evaluate_clean))
        watcher = _WATCHER.get()
        if watcher is not None:
            watcher(len(chunk))  # when its taker is done with the batch


def evaluated_by(
    classifier: Evaluator,
    output: str,
    images: FloatArray,
    requests: Iterable[Request],
    *,
    batch_size: int,
    fill: Fill | MaskFill | None = None,
) -> Iterator[Evaluated]:
    """As `evaluated`, for an output of a classifier, which may know it already where nothing is hidden.

    Args:
        classifier: whose output it is.
        output: one of OUTPUTS.
        images: as for `evaluated`.
        requests: as for `evaluated`.
        batch_size: perturbed images in one pass of the classifier, which is asked about those of several at once.
        fill: as for `evaluated`.
    """
    perturbed: Callable[[FloatArray], FloatArray] = getattr(classifier, output)
    clean: Callable[[FloatArray], FloatArray] = getattr(classifier, f"clean_{output}")
    return evaluated(
        lambda shown, indices: perturbed(shown),
        images,
        requests,
        batch_size=asked_at_once(classifier, batch_size, images.shape[1:]),
        fill=fill,
        evaluate_clean=(lambda shown, indices: clean(shown)) if classifier.keeps_outputs else None,
    )


def asked_at_once(classifier: Evaluator, batch_size: int, image_shape: tuple[int, ...]) -> int:
    """How many images of this shape (C, ...) a classifier is asked about together: as many as it says, if it says so.

    Args:
        classifier: has a method `asked_at_once(batch_size, image_shape)` where it divides what it is given itself.
        batch_size: images in one pass.
        image_shape: of one image.
    """
    told: Callable[[int, tuple[int, ...]], int] | None = getattr(classifier, "asked_at_once", None)
    return batch_size if told is None else told(batch_size, image_shape)


def outputs_of_variants(
    classifier: Evaluator, output: str, images: FloatArray, variants: FloatArray, *, batch_size: int
) -> FloatArray:
    """The output of one variant of each image, (N, K).

    Args:
        classifier: as for `evaluated_by`.
        output: as for `evaluated_by`.
        images: (N, C, ...).
        variants: of the same shape.
        batch_size: as for `evaluated_by`.
    """
    requests = (Request(index, Variant(variant)) for index, variant in enumerate(variants))
    batches = evaluated_by(classifier, output, images, requests, batch_size=batch_size)
    return np.concatenate([batch.outputs for batch in batches])


def _hides_nothing(shown: Any) -> bool:
    return isinstance(shown, np.ndarray) and bool((shown == 1).all())


def _merged(
    clean: NDArray[np.bool_],
    images: FloatArray,
    shown: FloatArray,
    indices: NDArray[np.int64],
    evaluate: Evaluate,
    evaluate_clean: Evaluate,
) -> NDArray[Any]:
    """The outputs of a batch of which some images are clean."""
    of_clean = evaluate_clean(images[indices[clean]], indices[clean])
    outputs = np.empty((len(clean), *of_clean.shape[1:]), of_clean.dtype)
    outputs[clean] = of_clean
    if not clean.all():
        outputs[~clean] = _outputs_of_perturbed(evaluate, shown[~clean], indices[~clean])
    return outputs


def _windows_of(
    images: FloatArray, chunk: list[Request], indices: NDArray[np.int64], kept: dict[Any, Any]
) -> Windows | None:
    """What a batch hides, where that is a rectangle of rows and columns in each image, of whatever channels."""
    hidden = [request.shown for request in chunk if isinstance(request.shown, tuple) and len(request.shown) == 3]
    if images.ndim != 4 or len(hidden) < len(chunk):
        return None
    height, width = images.shape[2:]
    spans = [(rows.indices(height), columns.indices(width)) for _, rows, columns in hidden]
    rectangles = [(rows[0], columns[0], rows[1], columns[1]) for rows, columns in spans]
    return Windows(images, indices, np.array(rectangles, np.int64), kept)


def _outputs_of_perturbed(
    evaluate: Evaluate, shown: FloatArray, indices: NDArray[np.int64], windows: Windows | None = None
) -> NDArray[Any]:
    before = _EVALUATING.set(_Evaluating(shown, windows))
    try:
        return evaluate(shown, indices)
    finally:
        _EVALUATING.reset(before)  # before a batch is yielded: what its taker does is not the engine's


def _perturbed(
    images: FloatArray, requests: Iterable[Request], *, fill: Fill | MaskFill | None, batch_size: int
) -> Iterator[tuple[list[Request], FloatArray]]:
    """The requests in batches, and the images of each, (B, C, ...)."""
    # A fill may draw at random: once for all images, so that all requests of an image hide it alike.
    once = None if fill is None or isinstance(fill, MaskFill) else np.asarray(fill(images), np.float32)
    waiting = iter(requests)
    size = images_per_pass(batch_size, images.shape[1:])
    while chunk := list(islice(waiting, size)):
        rows = images[[request.image for request in chunk]]
        if isinstance(fill, MaskFill):
            _hide_by_mask(rows, chunk, fill)
        else:
            for image, request in zip(rows, chunk, strict=True):
                _show(image, request, once)
        yield [_light(request) for request in chunk], rows


def _hide_by_mask(rows: FloatArray, chunk: list[Request], fill: MaskFill) -> None:
    """Hides in each row what its request hides, with a fill that depends on it."""
    shown = np.stack([_mask_of(request.shown, rows.shape[1:]) for request in chunk])
    filled = np.asarray(fill(rows.copy(), shown), np.float32)  # may give back what it was given
    for image, hidden, request in zip(rows, filled, chunk, strict=True):
        _hide(image, hidden, request.shown)


def _show(image: FloatArray, request: Request, filled: FloatArray | None) -> None:
    """Makes of the image what the request shows."""
    if isinstance(request.shown, Variant):
        image[...] = request.shown.image
    else:
        assert filled is not None  # masks come with a fill
        _hide(image, filled[request.image], request.shown)


def _is_same_array(one: FloatArray, other: FloatArray) -> bool:
    """Whether both are the same numbers in memory, as views of one array are, too."""
    return one.dtype == other.dtype and (one.shape, one.strides, one.ctypes.data) == (
        other.shape,
        other.strides,
        other.ctypes.data,
    )


def _light(request: Request) -> Request:
    """The request without its variant, of which the batch has a copy."""
    return request._replace(shown=None) if isinstance(request.shown, Variant) else request


def _hide(image: FloatArray, filled: FloatArray, keep: Mask | Hidden) -> None:
    """Writes the fill into the image; where a mask is 1 it stays exactly the image, where it is 0 exactly the fill."""
    if isinstance(keep, tuple):
        image[keep] = filled[keep]
    else:
        keep = keep.astype(np.float32, copy=False)
        image *= keep
        image += filled * (1 - keep)


def _mask_of(keep: Mask | Hidden, shape: tuple[int, ...]) -> FloatArray:
    """The keep mask of an image of this shape (C, ...)."""
    if not isinstance(keep, tuple):
        return np.broadcast_to(keep.astype(np.float32), shape)
    shown = np.ones(shape, np.float32)
    shown[keep] = 0
    return shown
