"""One picture file as the image that a network takes: upright, over white, scaled to [0, 1] by all of its bits.

Only the decoders of FORMATS run, whatever a file's name says: others of Pillow's start programs (EPS: Ghostscript).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features

from explainer.arrays import FloatArray
from explainer.data.framing import Framing
from explainer.digests import digest_of
from explainer.errors import RemoteError
from explainer.remote import Place

_ENDINGS_BY_FORMAT = {
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpeg", ".jpg"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
_OPTIONAL = {"AVIF", "WEBP"}  # what Pillow may be built without
_BUILT = {name.upper() for name in features.get_supported()}
FORMATS = tuple(kind for kind in _ENDINGS_BY_FORMAT if kind not in _OPTIONAL or kind in _BUILT)
ENDINGS = tuple(ending for kind in FORMATS for ending in _ENDINGS_BY_FORMAT[kind])

_DEEP = 16  # bits of a deep picture
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How files are decoded.

    Attributes:
        max_megapixels: what has more is refused before it is decoded.
        bits: how many of its 16 bits a deep grey picture uses: 2^bits - 1 becomes 1.
    """

    max_megapixels: float = 64.0
    bits: int = _DEEP

    @property
    def most_pixels(self) -> int:
        """`max_megapixels` as a number of pixels."""
        return int(self.max_megapixels * 1e6)

    @property
    def deep_white(self) -> int:
        """The value of a deep grey picture that becomes 1."""
        return int(2**self.bits - 1)


@dataclass(frozen=True, eq=False)
class PictureContent:
    """What a picture file holds.

    Attributes:
        image: (C, H, W) float32 in [0, 1].
        size: (H, W) of the upright picture before it was brought to the network's size.
        has_more_frames: whether it is an animation, or has pages; the image is the first.
        deep_peak: the largest value in 0..65535 of a picture of 16 bits, None for one of 8.
        is_cut: whether it has 16 bits, of which Pillow reads the upper 8: in colour, or with transparency.
        digest: of the file, where it was read from one.
    """

    image: FloatArray
    size: tuple[int, int]
    has_more_frames: bool
    deep_peak: int | None
    is_cut: bool
    digest: bytes = b""


@contextmanager
def pixel_cap(decoding: Decoding) -> Iterator[None]:
    """Has Pillow's own limit follow ours; it is what holds where a decoder takes memory before it tells the size.

    Pillow refuses above twice its limit and warns above it; `read_picture` refuses what it warns of.
    """
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = decoding.most_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def read_picture(path: Place, channels: int, framing: Framing, decoding: Decoding | None = None) -> PictureContent:
    """A picture in its new size, in grey (1 channel) or colour (3).

    It is turned upright as its EXIF orientation says, and laid over white where it is transparent; of an animation it
    is the first frame.

    Raises:
        ValueError: the file is no picture, or damaged, or too large, or its values have no known scale; says which.
        RemoteError: what a URL leads to cannot be reached, so that nothing can be said of the picture.
    """
    rules = decoding or Decoding()
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            _require_size(image, rules)
            digest = _digest_of(file)
            return replace(picture_content(image, channels, framing, rules), digest=digest)
    except RemoteError:
        raise
    except Exception as error:  # Pillow raises whatever a parser came upon: SyntaxError, struct.error, KeyError, ...
        raise ValueError(f"could not read the picture {path}: {_reason(path, error, rules)}") from error


def _digest_of(file: BinaryIO) -> bytes:
    """Of all that an open file holds; who reads it goes on where it was."""
    before = file.tell()
    file.seek(0)
    found = digest_of(file.read())
    file.seek(before)
    return found


def notes_on(path: Place, content: PictureContent, decoding: Decoding) -> dict[str, str]:
    """What the user may not expect of a picture, by its kind."""
    notes = {}
    if content.has_more_frames:
        notes["frames"] = f"{path} has more than one frame; of such pictures the first is explained"
    if content.deep_peak is not None and decoding.bits == _DEEP and 0 < content.deep_peak < 2**_DEEP / 8:
        do = "scale such pictures to 8 bits" if content.is_cut else f"give --bits {_likely_bits(content.deep_peak)}"
        notes["dark"] = (
            f"{path} has 16 bits, of whose range it uses less than an eighth: to the network it is nearly black; "
            f"where the data has fewer bits, {do}"
        )
    return notes


def _likely_bits(peak: int) -> int:
    """The least of the usual numbers of bits that a value fits in."""
    return next(bits for bits in (8, 10, 12, 14) if peak < 2**bits)


def _require_size(image: Image.Image, decoding: Decoding) -> None:
    if image.width * image.height > decoding.most_pixels:
        raise ValueError(f"it has {image.width} x {image.height} pixels, {_too_many(decoding)}")


def _too_many(decoding: Decoding) -> str:
    return f"more than {decoding.max_megapixels:g} megapixels; --max-megapixels allows more"


def _reason(path: Place, error: Exception, decoding: Decoding) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        count = re.search(r"\d+", str(error))
        return f"it has {count[0] if count else 'too many'} pixels, {_too_many(decoding)}"
    if isinstance(error, UnidentifiedImageError):
        return f"it is none of {', '.join(FORMATS)}, or damaged" if path.stat().st_size else "the file is empty"
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())


def picture_content(image: Image.Image, channels: int, framing: Framing, decoding: Decoding) -> PictureContent:
    """What an open picture holds, which is turned upright in place.

    Raises:
        ValueError: its values have no known scale, or its sides do not fit the framing.
    """
    has_more_frames = image.format != "MPO" and getattr(image, "is_animated", False)  # MPO: a photo and its preview
    is_cut = _is_cut(image)
    ImageOps.exif_transpose(image, in_place=True)
    size = image.height, image.width
    if image.mode == "F":
        raise ValueError("its values are decimal numbers without a known scale; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        deep = _deep(values, channels, framing, decoding)
        return PictureContent(deep, size, has_more_frames, int(values.max()), is_cut)
    shallow = _over_white(image).convert("L" if channels == 1 else "RGB")
    peak = int(np.max(shallow.getextrema())) * 257 if is_cut else None
    return PictureContent(_shallow(shallow, framing), size, has_more_frames, peak, is_cut)


def _is_cut(image: Image.Image) -> bool:
    """Whether the file has 16 bits in each of several bands; Pillow tells by the layout that it decodes."""
    layouts = "".join(str(tile[3]) for tile in getattr(image, "tile", ()))
    return image.format in ("PNG", "TIFF") and len(image.getbands()) > 1 and ";16" in layouts


def _over_white(image: Image.Image) -> Image.Image:
    """The picture as it looks on a white page."""
    if image.mode not in _ALPHA_MODES and "transparency" not in image.info:
        return image
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)


def _shallow(image: Image.Image, framing: Framing) -> FloatArray:
    """The image (C, H, W) of a picture of 8 bits."""
    pixels = np.asarray(framing.of(image), np.float32) / 255
    return np.ascontiguousarray(pixels.reshape(*framing.size, -1).transpose(2, 0, 1))


def _deep(values: NDArray[Any], channels: int, framing: Framing, decoding: Decoding) -> FloatArray:
    """The image (C, H, W) of the values (H, W) of a deep grey picture; rounding to 8 bits would lose what it has."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > decoding.deep_white:
        raise ValueError(
            f"its values go from {low} to {high}, outside 0 to {decoding.deep_white} (--bits {decoding.bits}); "
            "save it with 8 or 16 bits, or say how many it has"
        )
    grey = np.asarray(framing.of(Image.fromarray(values.astype(np.float32)))) / np.float32(decoding.deep_white)
    return np.repeat(grey[None], channels, axis=0)
