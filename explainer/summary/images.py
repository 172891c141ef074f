"""The picture files of a run: PNG, lossless, at most 1000 to a folder."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_PER_FOLDER = 1000
_MODES = ("L", "RGB", "RGBA")
_FAST = 1  # zlib level: maps hardly get smaller at higher ones


@dataclass(frozen=True)
class GreyMap:
    """A saliency map in 8 bits: saliency = low + grey / 255 * (high - low)."""

    grey: NDArray[np.uint8]
    low: float
    high: float


def to_grey(saliency: NDArray[np.float32]) -> GreyMap:
    """The map (H, W) stretched from its minimum to its maximum over 0..255; a constant map is all 0.

    >>> to_grey(np.float32([[1, 2, 3]])).grey.tolist()
    [[0, 128, 255]]
    """
    low, high = float(saliency.min()), float(saliency.max())
    if low == high:
        return GreyMap(np.zeros(saliency.shape, np.uint8), low, high)
    stretched = (saliency.astype(np.float64) - low) / (high - low) * 255
    return GreyMap(np.rint(stretched).astype(np.uint8), low, high)


def from_grey(grey: NDArray[np.uint8], low: float, high: float) -> NDArray[np.float32]:
    """The map (H, W) float32 that `to_grey` made the grey values of, to within (high - low) / 510."""
    return (low + grey.astype(np.float64) / 255 * (high - low)).astype(np.float32)


def image_path(data_folder: str, sample_id: int) -> str:
    """Where a sample's picture lies, relative to the job folder.

    >>> image_path("_explain_17", 2005)
    '_explain_17/origin_images/2000/2005.png'
    """
    return f"{data_folder}/origin_images/{_folder(sample_id)}/{sample_id}.png"


def saliency_path(data_folder: str, explainer_folder: str, sample_id: int, label: int) -> str:
    """Where a saliency map lies, relative to the job folder.

    >>> saliency_path("_explain_17", "GradCAM", 5, 2)
    '_explain_17/heatmap/GradCAM/0/5_2.png'
    """
    return f"{data_folder}/heatmap/{explainer_folder}/{_folder(sample_id)}/{sample_id}_{label}.png"


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Writes pixels (H, W) or (H, W, 3 or 4) uint8 as a PNG of mode L, RGB or RGBA, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG", compress_level=_FAST)


def read_png(path: Path) -> NDArray[np.uint8]:
    """The pixels of a PNG file of mode L, RGB or RGBA.

    Raises:
        OSError: there is no such file, or it is not such a PNG, or damaged, or too large to be meant as a picture.
    """
    if not path.is_file():  # opening a pipe would wait for ever
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.mode not in _MODES:
                raise OSError(f"the PNG must have mode {', '.join(_MODES)}, got {image.mode}")
            return np.asarray(image)
    except OSError:
        raise
    except Exception as error:  # Pillow raises whatever its parser came upon: ValueError, SyntaxError, IndexError, ...
        raise OSError(f"the PNG cannot be read: {error}") from error


def _folder(sample_id: int) -> int:
    return sample_id // _PER_FOLDER * _PER_FOLDER
