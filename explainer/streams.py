"""Randomness that belongs to a sample: the same draws whatever the batch size, the order or the shard."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def sample_stream(seed: int, image: NDArray[np.float32], *branch: int) -> np.random.Generator:
    """A generator that depends on the seed, the image's content and the branch (draw, repeat, ...) alone.

    >>> image = np.zeros((1, 2, 2), np.float32)
    >>> sample_stream(7, image, 0).integers(1000) == sample_stream(7, image, 0).integers(1000)
    True
    >>> sample_stream(7, image, 0).integers(1000) == sample_stream(7, image, 1).integers(1000)
    False
    """
    return sample_streams(seed, image)(*branch)


def sample_streams(seed: int, image: NDArray[np.float32]) -> Callable[..., np.random.Generator]:
    """`sample_stream` of one image, by the branch; its content is looked at once."""
    content = hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
    words = np.frombuffer(content, np.uint32).tolist()

    def stream(*branch: int) -> np.random.Generator:
        return np.random.default_rng([seed, *words, *branch])

    return stream
