"""Samples of the data, and batches of them; nothing of MindSpore is in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explainer.digests import digest_of, digest_of_array
from explainer.records import Box
from explainer.remote import Place


@dataclass(frozen=True)
class SourceFile:
    """The file that a sample was read from: what a summary calls it, where it lies, its digest where that is known."""

    name: str
    path: Place
    known_digest: bytes | None = field(default=None, compare=False, repr=False)

    def digest(self) -> bytes:
        """blake2b, 16 bytes, of its content; empty where it cannot be read."""
        if self.known_digest is not None:
            return self.known_digest
        try:
            return digest_of(self.path.read_bytes())
        except OSError:
            return b""


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: image (C, H, W) float32, its labels in rising order, and its boxes.

    `label_format` is how the labels were read, "ids" or "multi-hot"; None where there is no such column. `fault` is why
    the sample could not be read; its image then means nothing. `source` is the file that it was read from, where that
    is known.
    """

    sample_id: int
    image: NDArray[np.float32]
    labels: tuple[int, ...]
    boxes: tuple[Box, ...] = ()
    label_format: str | None = None
    fault: str | None = None
    source: SourceFile | None = None

    @property
    def named(self) -> str:
        """What messages call the sample: by its number, and its file where that is known."""
        return f"sample {self.sample_id}{'' if self.source is None else f' ({self.source.name})'}"

    @cached_property
    def digest(self) -> bytes:
        """blake2b, 16 bytes, of the image: its shape and values."""
        return digest_of_array(self.image)


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples whose images have one shape."""

    samples: tuple[Sample, ...]

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """The images, (N, C, H, W) float32."""
        return np.stack([sample.image for sample in self.samples])
