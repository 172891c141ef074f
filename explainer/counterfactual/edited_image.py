"""An image under edits, and the network's outputs for it: no picture is shown to the network twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

import numpy as np

from explainer.arrays import FloatArray, Keep
from explainer.counterfactual.edit_tree import Box
from explainer.perturb.engine import Hidden, Request, evaluated


class EditedImage:
    """The network's outputs for an image, of parts of which only the background is seen.

    Answers are kept by what is shown, not by the boxes that led to it: boxes that together cover what one box covers
    have the same output.

    Args:
        image: (1, C, H, W).
        background: what is seen where the image is hidden, of its shape.
        by_masking: editing hides the image; else it starts hidden and editing shows it.
        score: images (B, C, H, W) -> their outputs (B, L).
        batch_size: pictures held in memory at once, and in one call of `score`.

    >>> total = lambda images: images.sum(axis=(1, 2, 3))[:, None]
    >>> image = np.float32([[[[1, 2, 4]]]])
    >>> edited = EditedImage(image, np.zeros_like(image), by_masking=False, score=total, batch_size=8)
    >>> edited.outputs([edited.keep([]), edited.keep([(1, 0, 2, 1)])]).tolist()
    [[0.0], [6.0]]
    """

    def __init__(
        self,
        image: FloatArray,
        background: FloatArray,
        *,
        by_masking: bool,
        score: Callable[[FloatArray], FloatArray],
        batch_size: int,
    ) -> None:
        self._image = image
        self._background = background
        self._by_masking = by_masking
        self._score = score
        self._batch_size = batch_size
        self._known: dict[bytes, FloatArray] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self._image.shape[3], self._image.shape[2]

    @property
    def original(self) -> Keep:
        """All of the image shown."""
        return np.ones(self._image.shape[2:], np.bool_)

    def keep(self, boxes: Iterable[Box]) -> Keep:
        """What is shown when these boxes are edited."""
        keep = np.full(self._image.shape[2:], self._by_masking)
        for x, y, width, height in boxes:
            keep[y : y + height, x : x + width] = not self._by_masking
        return keep

    def with_box(self, keep: Keep, box: Box) -> Keep:
        """What is shown when one more box is edited."""
        return keep & self.keep([box]) if self._by_masking else keep | self.keep([box])

    def outputs(self, keeps: Iterable[Keep]) -> FloatArray:
        """The network's output for each, (M, L); they are drawn as they are needed, those already known only looked up.

        Args:
            keeps: one or more.
        """
        return self._answers(self._image, self._background, ((keep, keep) for keep in keeps))

    def outputs_with(self, keep: Keep, boxes: Iterable[Box]) -> FloatArray:
        """As `outputs`, of `with_box` for each of the boxes, one or more."""
        picture = np.where(keep, self._image, self._background)
        edited = self._background if self._by_masking else self._image
        return self._answers(picture, edited, ((self.with_box(keep, box), _rectangle(box)) for box in boxes))

    def _answers(
        self, picture: FloatArray, fill: FloatArray, shown: Iterable[tuple[Keep, Keep | Hidden]]
    ) -> FloatArray:
        """The network's output for each picture in which the fill hides something: what of the image is shown, and how.

        What hides may be a mask, or a rectangle, which the engine need not compute in full.
        """
        wanted: list[bytes] = []
        batches = evaluated(
            lambda images, indices: self._score(images),
            picture,
            self._unknown(shown, wanted),
            fill=lambda _: fill,
            batch_size=self._batch_size,
        )
        for batch in batches:
            self._known.update((request.payload, outputs) for request, outputs in zip(*batch, strict=True))
        return np.stack([self._known[key] for key in wanted])

    def _unknown(self, shown: Iterable[tuple[Keep, Keep | Hidden]], wanted: list[bytes]) -> Iterator[Request]:
        """What is to be evaluated, with keys; notes every key in `wanted`."""
        coming: set[bytes] = set()
        for keep, hidden in shown:
            key = blake2b(np.packbits(keep).tobytes(), digest_size=16).digest()
            wanted.append(key)
            if key not in self._known and key not in coming:
                coming.add(key)
                yield Request(0, hidden, key)


def _rectangle(box: Box) -> Hidden:
    x, y, width, height = box
    return slice(None), slice(y, y + height), slice(x, x + width)
