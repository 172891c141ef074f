"""The picture files of a run: PNG, lossless, at most 1000 to a folder."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

LARGEST_PICTURE = 64_000_000
"""Pixels of the largest picture that is read unless somebody asks for more; a small file can claim far more."""
LEVELS = 256
"""Grey levels of a map."""
_PER_FOLDER = 1000
_LONGEST_FOLDER = 64  # characters of an explainer's folder name
_MODES = ("L", "RGB", "RGBA")
_BYTES_PER_PIXEL = 5  # of a file: RGBA that cannot be compressed has little more than 4
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


def explainer_folders(names: tuple[str, ...]) -> dict[str, str]:
    """A folder name of plain characters for each explainer, all different.

    >>> explainer_folders(("Grad CAM", "GradCAM", "gradcam"))
    {'Grad CAM': 'Grad_CAM', 'GradCAM': 'GradCAM', 'gradcam': 'gradcam_2'}
    """
    folders: dict[str, str] = {}
    for index, name in enumerate(names):
        plain = re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_")[:_LONGEST_FOLDER] or "explainer"
        taken = {other.lower() for other in folders.values()}
        while plain.lower() in taken:
            plain = f"{plain}_{index}"
        folders[name] = plain
    return folders


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file of mode L, RGB or RGBA for pixels (H, W) or (H, W, 3 or 4) uint8."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=_FAST)
    return file.getvalue()


def read_png(path: Path, most_pixels: int = LARGEST_PICTURE) -> NDArray[np.uint8]:
    """The pixels of a PNG file of mode L, RGB or RGBA.

    Args:
        path: of the file.
        most_pixels: a picture that claims more is refused before it is decoded. (Pillow warns above 89,478,485 pixels
            and refuses twice as many, whatever is given here.)

    Raises:
        OSError: there is no such file, or it is not such a PNG, or damaged, or too large.
    """
    return pixels_of(content_of(path, most_pixels), most_pixels)


def content_of(path: Path, most_pixels: int = LARGEST_PICTURE) -> bytes:
    """The bytes of a picture's file.

    Raises:
        OSError: there is no such file, or it is longer than the largest picture needs.
    """
    return bounded_content(path, _BYTES_PER_PIXEL * most_pixels, "PNG")


def bounded_content(path: Path, most_bytes: int, what: str) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is no such file, or it has more bytes, which is found out before it is read.
    """
    if not path.is_file():  # opening a pipe would wait for ever
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
    if path.stat().st_size > most_bytes:
        raise OSError(f"the {what} must have at most {most_bytes:,} bytes, got {path.stat().st_size:,}")
    return path.read_bytes()


def pixels_of(content: bytes, most_pixels: int = LARGEST_PICTURE) -> NDArray[np.uint8]:
    """The pixels that `png_of` made the bytes of.

    Raises:
        OSError: they are not such a PNG, or damaged, or too large.
    """
    try:
        with Image.open(BytesIO(content), formats=("PNG",)) as image:
            _require_picture(image, most_pixels)
            return np.asarray(image)
    except UnidentifiedImageError as error:
        raise OSError("cannot identify image file, it is no PNG") from error
    except OSError:
        raise
    except Exception as error:  # Pillow raises whatever its parser came upon: ValueError, SyntaxError, IndexError, ...
        raise OSError(f"the PNG cannot be read: {error}") from error


def _require_picture(image: Image.Image, most_pixels: int) -> None:
    """Raises OSError, before anything is decoded, for a picture that is too large or was never written by us."""
    width, height = image.size
    if width * height > most_pixels:
        raise OSError(f"the PNG must have at most {most_pixels:,} pixels, got {width} x {height}")
    if image.mode not in _MODES:
        raise OSError(f"the PNG must have mode {', '.join(_MODES)}, got {image.mode}")


def _folder(sample_id: int) -> int:
    return sample_id // _PER_FOLDER * _PER_FOLDER
