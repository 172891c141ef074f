"""Saliency maps as floats, beside their pictures: NumPy files of one kind only, read without NumPy's own reader."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.summary.images import LARGEST_PICTURE, bounded_content

RAW_MAPS = ("float16", "float32")
"""How maps can be kept."""
RAW_ENDING = ".npy"
_TYPES = {"float16": "<f2", "float32": "<f4"}
_HEADER = 128  # bytes; NumPy wants a multiple of 64
_WIDEST = 4  # bytes of a value
_SHAPE = re.compile(
    rb"\x93NUMPY\x01\0v\0\{'descr': '(<f[24])', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n"
)
_TOP = 15  # scaled values of float16 lie below 2 ** 15, and its largest is 65504
_BELOW_TOP = 32752  # the largest number of float16 below 2 ** 15
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_MOST_EXPONENT = 200  # float32 has 2 ** -149 to 2 ** 128


@dataclass(frozen=True)
class RawMap:
    """A map as a file has it: saliency = value * 2 ** exponent."""

    content: bytes
    exponent: int


def to_raw(saliency: NDArray[np.float32], kind: str) -> RawMap:
    """The map (H, W) as float32, exactly; or as float16, scaled by a power of 2 so that its largest value fits.

    Scaled to float16, a value keeps 11 binary digits down to 2 ** -29 of the largest one; nothing becomes infinite.

    Args:
        saliency: the map.
        kind: "float16" or "float32".

    Raises:
        ValueError: the map is not finite.

    >>> to_raw(np.float32([[0.5, -1e30]]), "float16").exponent
    85
    """
    if not np.isfinite(saliency).all():
        raise ValueError("a map must be finite to be kept, got NaN or infinity")
    exponent, scaled = (0, saliency) if kind == "float32" else _scaled(saliency)
    scaled = scaled.astype(_TYPES[kind])
    return RawMap(_header(scaled.dtype.str, *saliency.shape) + scaled.tobytes(), exponent)


def from_raw(content: bytes, exponent: int, most_pixels: int = LARGEST_PICTURE) -> NDArray[np.float32]:
    """The map (H, W) that `to_raw` made the bytes of.

    Raises:
        OSError: they are not such a file, or a map of more pixels, or one that is not finite.
    """
    values = stored_values(content, most_pixels)
    require_scalable(float(np.abs(values).max()), exponent)
    saliency: NDArray[np.float32] = np.ldexp(values.astype(np.float32), exponent)
    return saliency


def stored_values(content: bytes, most_pixels: int = LARGEST_PICTURE) -> NDArray[Any]:
    """The values (H, W) as they stand in a file, float16 or float32; finite.

    Raises:
        OSError: as `from_raw`.
    """
    found = _SHAPE.match(content[:_HEADER])
    if found is None:
        raise OSError("it is no map: its header is none of ours")
    kind, height, width = found[1].decode(), int(found[2]), int(found[3])
    if content[:_HEADER] != _header(kind, height, width):
        raise OSError("it is no map: its header is none of ours")
    if not 0 < height * width <= most_pixels:
        raise OSError(f"a map must have 1 to {most_pixels:,} pixels, got {width} x {height}")
    if len(content) != _HEADER + height * width * np.dtype(kind).itemsize:
        raise OSError(
            f"a map of {width} x {height} must have other than {len(content):,} bytes: it is cut, or too long"
        )
    values: NDArray[Any] = np.frombuffer(content, kind, offset=_HEADER).reshape(height, width)
    if not np.isfinite(values).all():
        raise OSError("the map holds NaN or infinity")
    return values


def require_scalable(largest: float, exponent: int) -> None:
    """Raises OSError where a map with this largest stored value would not be finite as float32."""
    if abs(exponent) > _MOST_EXPONENT or math.ldexp(largest, exponent) > _LARGEST_FLOAT:
        raise OSError(f"the map is not finite with its exponent {exponent}")


def raw_path(picture_path: str) -> str:
    """Where a map lies whose picture lies here.

    >>> raw_path("_explain_17/heatmap/GradCAM/0/5_2.png")
    '_explain_17/heatmap/GradCAM/0/5_2.npy'
    """
    return str(PurePosixPath(picture_path).with_suffix(RAW_ENDING))


def content_of(path: Path, most_pixels: int = LARGEST_PICTURE) -> bytes:
    """The bytes of a map's file.

    Raises:
        OSError: there is no such file, or it is longer than the largest map needs.
    """
    return bounded_content(path, _HEADER + _WIDEST * most_pixels, "map")


def _scaled(saliency: NDArray[np.float32]) -> tuple[int, NDArray[np.float32]]:
    """The map divided by a power of 2 so that its largest value lies in [2 ** 14, 2 ** 15), and that power."""
    largest = float(np.abs(saliency).max())
    exponent = math.frexp(largest)[1] - _TOP if largest else 0
    # What would be rounded up to 2 ** 15 might be infinite when it is scaled back.
    return exponent, np.clip(np.ldexp(saliency, -exponent), -_BELOW_TOP, _BELOW_TOP)


def _header(kind: str, height: int, width: int) -> bytes:
    """As NumPy writes it for version 1.0 of its format: magic, length of the text, the text, blanks, a line end."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({height}, {width}), }}"
    start = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
    return start + text.encode().ljust(_HEADER - 11) + b"\n"
