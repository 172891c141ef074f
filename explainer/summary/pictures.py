"""The pictures and maps of a sample, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.records import ImageFile, RawMapFile, SaliencyFile
from explainer.summary import images, raw_maps
from explainer.summary.folder import inside


def picture_of(
    summary_dir: Path, entry: ImageFile | SaliencyFile, most_pixels: int = images.LARGEST_PICTURE
) -> NDArray[np.uint8]:
    """The displayable picture of a sample, or of a map: (H, W) or (H, W, 3 or 4) uint8.

    Raises:
        SummaryReadError: the picture is outside the job folder, missing, damaged, or claims more pixels, which is found
            out before it is decoded.
    """
    target = inside(summary_dir, entry.path)
    try:
        return images.read_png(target, most_pixels)
    except OSError as error:
        raise SummaryReadError(f"could not read the picture {entry.path!r}: {error}") from error


def saliency_of(
    summary_dir: Path, entry: SaliencyFile, most_pixels: int = images.LARGEST_PICTURE
) -> NDArray[np.float32]:
    """A map (H, W): of its floats where they were kept, else of its picture, to within (high - low) / 510.

    Raises:
        SummaryReadError: as `picture_of`, or the picture is not grey, or the file of floats is not what was recorded.
    """
    if entry.raw is not None:
        return _raw_map(summary_dir, entry.raw, most_pixels)
    grey = picture_of(summary_dir, entry, most_pixels)
    if grey.ndim != 2:
        raise SummaryReadError(f"the saliency map {entry.path!r} must be a grey picture, got shape {grey.shape}")
    return images.from_grey(grey, entry.low, entry.high)


def _raw_map(summary_dir: Path, raw: RawMapFile, most_pixels: int) -> NDArray[np.float32]:
    target = inside(summary_dir, raw.path)
    try:
        content = raw_maps.content_of(target, most_pixels)
        if raw.digest and digest_of(content) != raw.digest:
            raise SummaryReadError(f"the map {raw.path!r} is not the one that was recorded; `picture` has its picture")
        return raw_maps.from_raw(content, raw.exponent, most_pixels)
    except OSError as error:
        raise SummaryReadError(f"could not read the map {raw.path!r}: {error}; `picture` has its picture") from error
