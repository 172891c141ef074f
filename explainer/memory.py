"""How many images are held in memory at once: bounded in bytes as well as in number, so that large images fit, too.

What a pass through a network takes grows with the bytes of its images. Results do not depend on the batch size, so the
bound changes none.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Iterator, Sequence

VARIABLE = "EXPLAINER_BATCH_MB"
"""The environment variable that says how many megabytes (10^6 bytes) of images go together through a network."""
_MEGABYTES = 64.0
_ASKED = 2e6  # bytes of small images that are asked about together
_ONCE = 1.6e6  # bytes of images that go through MindSpore together where it is asked once or twice
_TOGETHER = 2.5e5  # bytes of small arrays that NumPy is given at once: beyond, it gains nothing
_PASSES = 4  # in which they go, at most
_LEAST_EVEN = 8  # images in a batch beyond which an odd number costs more than a smaller rest
_BYTES = 4  # of a float32


def images_per_pass(batch_size: int, image_shape: Sequence[int]) -> int:
    """How many images of this shape (C, ...) go together: at most `batch_size` and what fits, at least one.

    Fewer than `batch_size` are an even number, or one, as an odd batch does not divide among cores.

    Raises:
        ValueError: EXPLAINER_BATCH_MB in the environment is no number above 0.

    >>> images_per_pass(32, (3, 224, 224)), images_per_pass(32, (3, 800, 800)), images_per_pass(32, (3, 1500, 2000))
    (32, 8, 1)
    """
    fitting = int(_bound() // (_BYTES * math.prod(image_shape)))
    if fitting >= batch_size:
        return batch_size
    return max(1, fitting - fitting % 2)


def images_at_once(batch_size: int, image_shape: Sequence[int]) -> int:
    """How many images of this shape (C, ...) are asked about together: those of a few passes where they are small.

    What is done once for all of them (looking whether the network is the same, the activation) then costs each pass
    less. At most `batch_size` of them go through the network together all the same.

    Raises:
        ValueError: as for `images_per_pass`.

    >>> images_at_once(32, (3, 32, 32)), images_at_once(32, (3, 224, 224))
    (128, 32)
    """
    size = images_per_pass(batch_size, image_shape)
    fitting = int(_ASKED // (_BYTES * math.prod(image_shape) * size))
    return size * min(max(1, fitting), _PASSES)


def passes(count: int, image_shape: Sequence[int]) -> Iterator[slice]:
    """The slices of `count` images of this shape (C, ...), each of as many as fit; one slice where all do.

    Raises:
        ValueError: as for `images_per_pass`.

    >>> list(passes(3, (3, 1500, 1500)))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    return _slices(count, images_per_pass(max(1, count), image_shape))


def images_once(image_shape: Sequence[int]) -> int:
    """How many images of this shape (C, ...) MindSpore is given where it is asked once or twice: two or more, even.

    It keeps what a pass once took, which is much for large images.

    >>> [images_once((3, side, side)) for side in (32, 160, 224)]
    [130, 4, 2]
    """
    return max(2, int(_ONCE // (_BYTES * math.prod(image_shape))) // 2 * 2)


def blocks(count: int, shape: Sequence[int]) -> Iterator[slice]:
    """The slices of `count` small arrays of this shape that are worked on together: few bytes, at least one array.

    >>> list(blocks(3, (400, 400)))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    return _slices(count, max(1, int(_TOGETHER // (_BYTES * math.prod(shape)))))


def pieces(count: int, batch_size: int) -> list[slice]:
    """As few pieces as the batch size allows, of about one size: a small rest would cost more per image.

    Larger ones are even: an odd batch does not divide among cores and takes up to a third more (ResNet-20, two cores).

    Raises:
        ValueError: there is nothing to cut.

    >>> [len(range(100)[piece]) for piece in pieces(100, 32)]
    [26, 26, 26, 22]
    """
    if count < 1:
        raise ValueError("`images` must have at least one image, got none")
    size = -(-count // -(-count // batch_size))
    if _LEAST_EVEN < size < batch_size:
        size += size % 2
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def give_back() -> None:
    """Memory that is free again goes back to the system, where the C library keeps it otherwise (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def _slices(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _bound() -> float:
    given = os.environ.get(VARIABLE, "").strip()
    try:
        megabytes = float(given) if given else _MEGABYTES
    except ValueError:
        megabytes = math.nan
    if not 0 < megabytes < math.inf:
        raise ValueError(
            f"`{VARIABLE}` in the environment must be a number above 0, the megabytes of images that go together "
            f"through a network, got {given!r}; leave it out for {_MEGABYTES:g}"
        )
    return megabytes * 1e6
