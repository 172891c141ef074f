"""From a user's picture - a file, a PIL image, an array of pixels, a Tensor - to the images that a network takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

import numpy as np
from PIL import Image

from explainer.arrays import FloatArray, Pixels
from explainer.checks import require_flag, require_integer, require_pair
from explainer.data.framing import Framing
from explainer.data.normalisation import in_unit, normalised, pixels_of, require_as_many, require_mean_and_std
from explainer.data.picture_file import Decoding, picture_content, read_picture
from explainer.remote import place_of
from explainer.representation import of_changed_fields

_NETWORK_CHANNELS = (1, 3)
_PICTURE_CHANNELS = (1, 3, 4)  # of an array of pixels: grey, colour, colour with transparency


@dataclass(frozen=True)
class Preprocess:
    """What pictures go through before the network: image = (pixels in [0, 1] - mean) / std, in the network's size.

    Called with pictures it gives the images, (N, C, H, W) float32; `to_pixels` is the way back.

    Args:
        size: (H, W) of the images; one number is both.
        channels: 1 for grey, 3 for colour.
        mean: what is subtracted, of all channels or of each, for pixels in [0, 1]; values above 1 are for [0, 255].
        std: what the rest is divided by, in the same way.
        resize: what a picture is scaled to before its middle is cut out: its shorter side, which keeps the proportions,
            or (H, W). By default so that it just covers `size`.
        center_crop: cut the middle out; else pictures are stretched to `size`.

    Raises:
        TypeError, ValueError: a setting of a wrong type or value; as many `mean` or `std` as there are no channels.

    >>> preprocess = Preprocess((2, 4), mean=0.5, std=0.25)
    >>> preprocess
    Preprocess(size=(2, 4), mean=(0.5,), std=(0.25,))
    >>> images = preprocess(np.full((6, 8, 3), 255, np.uint8))
    >>> images.shape, float(images.max()), preprocess.to_pixels(images[0]).shape
    ((1, 3, 2, 4), 2.0, (2, 4, 3))
    """

    size: int | tuple[int, int]
    _: KW_ONLY
    channels: int = 3
    mean: float | Sequence[float] = 0.0
    std: float | Sequence[float] = 1.0
    resize: int | tuple[int, int] | None = None
    center_crop: bool = False

    __repr__ = of_changed_fields

    def __post_init__(self) -> None:
        if require_integer("channels", self.channels, 1) not in _NETWORK_CHANNELS:
            raise ValueError(f"`channels` must be 1 for grey or 3 for colour, got {self.channels}")
        require_flag("center_crop", self.center_crop)
        require_mean_and_std(self.mean, self.std)
        for name, values in zip(("mean", "std"), in_unit(self.mean, self.std), strict=True):
            require_as_many(name, values, self.channels)
            object.__setattr__(self, name, tuple(values.tolist()))
        object.__setattr__(self, "size", require_pair("size", self.size))
        object.__setattr__(self, "resize", _resize(self.resize))
        self.framing  # noqa: B018 - raises where the sizes do not fit one another

    @classmethod
    def imagenet(cls, size: int = 224) -> Preprocess:
        """What most networks of ImageNet take: the middle, of which the shorter side is 8/7, in ImageNet's colours.

        >>> Preprocess.imagenet().resize
        256
        """
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        return cls(size, mean=mean, std=std, resize=size * 8 // 7, center_crop=True)

    @classmethod
    def cifar(cls) -> Preprocess:
        """32 x 32 pixels and the colours of CIFAR-10; some networks are trained with a `std` of their own."""
        return cls(32, mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616))

    @property
    def framing(self) -> Framing:
        """What becomes of a picture's size."""
        return Framing(require_pair("size", self.size), _resize(self.resize), self.center_crop)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (self.channels, *self.framing.size)

    @property
    def recorded(self) -> dict[str, Any]:
        """The settings as JSON values, as a summary keeps them."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}

    def __call__(self, pictures: Any) -> FloatArray:
        """The images of pictures, (N, C, H, W) float32.

        Args:
            pictures: a picture, or a list of them, which may have unlike sizes: a path; a PIL image; an array or Tensor
                of uint8, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). An array or Tensor (N, H, W, C) is a list, too.

        Raises:
            TypeError: no pictures, or arrays that are not uint8: what 1 stands for in them is not known.
            ValueError: no picture at all; channels that come first; a file that cannot be read.
        """
        return np.stack([self.normalised(self._pixels(picture)) for picture in _listed(pictures)])

    def normalised(self, pixels: FloatArray) -> FloatArray:
        """The image (C, H, W) of pixels (C, H, W) in [0, 1] that have their size already."""
        return normalised(pixels, np.array(self.mean), np.array(self.std))

    def to_pixels(self, images: Any) -> Pixels:
        """The pictures of images, to look at: (N, H, W, 3) uint8, or (N, H, W) in grey; without N for one (C, H, W).

        Raises:
            ValueError: images of other channels, or of other axes than (N, C, H, W) or (C, H, W).
        """
        given = np.asarray(_array(images), np.float32)
        axes = f"(N, {self.channels}, H, W) or ({self.channels}, H, W)"
        if given.ndim not in (3, 4) or given.shape[-3] != self.channels or not len(given):
            raise ValueError(f"`images` must have axes {axes}, got shape {given.shape}")
        mean, std = np.array(self.mean), np.array(self.std)
        if given.ndim == 3:
            return pixels_of(given, mean, std)
        return np.stack([pixels_of(image, mean, std) for image in given])

    def _pixels(self, picture: Any) -> FloatArray:
        """A picture in its new size, (C, H, W) in [0, 1]."""
        if isinstance(picture, str | os.PathLike):
            return read_picture(place_of(picture, "`pictures`"), self.channels, self.framing).image
        opened = picture.copy() if isinstance(picture, Image.Image) else _image_of(picture)  # it is turned in place
        return picture_content(opened, self.channels, self.framing, Decoding()).image


def _resize(given: Any) -> int | tuple[int, int] | None:
    """The setting as one number, a pair or None."""
    if isinstance(given, tuple | list):
        return require_pair("resize", given)
    return None if given is None else require_integer("resize", given, 1)


def _listed(pictures: Any) -> list[Any]:
    """The pictures, one by one."""
    if isinstance(pictures, str | os.PathLike | Image.Image):
        return [pictures]
    given = pictures if isinstance(pictures, list | tuple) else _array(pictures)
    several = isinstance(given, list | tuple) or given.ndim == 4
    if several and not len(given):
        raise ValueError("`pictures` must hold a picture at least, got none")
    return list(given) if several else [given]


def _array(given: Any) -> Any:
    """An array of a Tensor, which need not be MindSpore's; anything else as NumPy sees it."""
    return given.asnumpy() if hasattr(given, "asnumpy") else np.asarray(given)


def _image_of(picture: Any) -> Image.Image:
    """The PIL image of an array or Tensor."""
    pixels = _array(picture)
    if pixels.dtype != np.uint8:
        raise TypeError(
            f"`pictures` must be paths, PIL images, or arrays of uint8, got dtype {pixels.dtype}: whether 1 or 255 is "
            "white is not known; give (pixels * 255).astype(np.uint8) for pixels in [0, 1], and images that are "
            "normalised to the network itself"
        )
    shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    if len(shape) == 3 and shape[2] not in _PICTURE_CHANNELS and shape[0] in _PICTURE_CHANNELS:
        raise ValueError(
            f"`pictures` must have channels last, (H, W, C), got shape {pixels.shape}; move its axes: "
            "np.moveaxis(picture, 0, -1)"
        )
    if len(shape) != 3 or shape[2] not in _PICTURE_CHANNELS or 0 in shape:
        raise ValueError(
            f"`pictures` must be (H, W), or (H, W, C) of 1, 3 or 4 channels each, got shape {pixels.shape}"
        )
    return Image.fromarray(np.ascontiguousarray(pixels.reshape(shape[:2]) if shape[2] == 1 else pixels))
