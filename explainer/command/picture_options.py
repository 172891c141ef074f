"""Which pictures `explainer run` explains, with which labels and boxes, and what they become for the network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import click

from explainer.command import picture_text as text
from explainer.command.number_lists import edges, numbers
from explainer.command.paths import PLACE
from explainer.data.picture_file import Decoding
from explainer.data.preprocess import Preprocess
from explainer.remote import Place

_COLOURED = ("imagenet", "cifar")  # presets with mean and std
_PRESETS = {
    "imagenet": Preprocess.imagenet(),
    "cifar": Preprocess.cifar(),
    "none": Preprocess(224),
}

SEVERAL_NUMBERS = ("--mean", "--std", "--center-crop")
"""Options that take all numbers that follow, as `--mean 0.4 0.5 0.6`, which click's options do not."""


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """The options about pictures, by their names; `explainer run --help` says what each is.

    Raises:
        ValueError: options that make no sense, alone or together; says which.
    """

    images: Place
    labels: Place | None = None
    labels_csv: Place | None = None
    annotations: Place | None = None
    boxes: Place | None = None
    on_unknown_label: str = "raise"
    preprocess: str | None = None
    size: tuple[int, int] | None = None
    resize: int | None = None
    center_crop: tuple[int, int] | None = None
    channels: int = 3
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    limit: int | None = None
    sample_seed: int | None = None
    max_megapixels: float = 64.0
    bits: int = 16

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"--size must be at least 1 1, got {self.size[0]} {self.size[1]}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"--limit must be at least 1, got {self.limit}")
        if not 0 < self.max_megapixels < math.inf:
            raise ValueError(f"--max-megapixels must be a number above 0, got {self.max_megapixels:g}")
        self._require_one_of_each()
        self._require_crop()
        for name in ("mean", "std"):
            self._require_values(name)

    def _require_one_of_each(self) -> None:
        for first, second in (("labels_csv", "annotations"), ("annotations", "boxes"), ("size", "resize")):
            if getattr(self, first) is not None and getattr(self, second) is not None:
                raise ValueError(
                    f"{_option(first)} and {_option(second)} say the same thing in two ways, got both; give one of them"
                )
        if self.sample_seed is not None and self.limit is None:
            raise ValueError("--sample-seed draws as many pictures as --limit says, got no --limit; give it, too")

    def _require_crop(self) -> None:
        crop, resize = self._crop, self._resize
        if crop is None and resize is not None:
            raise ValueError(
                f"--resize needs --center-crop, got {self.resize} alone: pictures would have sizes of their own; give "
                "--center-crop, too, or --size for both edges"
            )
        if crop is None or resize is None:
            return
        least = resize if isinstance(resize, tuple) else (resize, resize)
        if crop[0] > least[0] or crop[1] > least[1]:
            raise ValueError(
                f"--center-crop must be no more than what pictures are resized to, got {crop[0]} {crop[1]} of "
                f"{least[0]} {least[1]}{self._of_preset()}; give a smaller crop or a larger --resize"
            )

    def _require_values(self, name: str) -> None:
        given = getattr(self, name)
        values = given or getattr(self._preset, name)
        if len(values) not in (1, self.channels):
            raise ValueError(
                f"{_option(name)} must have 1 or {self.channels} values for {self.channels} channels, got "
                f"{len(values)}{'' if given else self._of_preset()}"
            )
        if given and max(given) > 1 and self.preprocess in _COLOURED and None in (self.mean, self.std):
            raise ValueError(
                f"{_option(name)} above 1 is for pixels up to 255, got {max(given):g}, but the preset's numbers are "
                "for pixels in [0, 1]; give --mean and --std, or divide by 255"
            )

    def _of_preset(self) -> str:
        return "" if self.preprocess is None else f" (--preprocess {self.preprocess})"

    @property
    def _preset(self) -> Preprocess:
        return _PRESETS[self.preprocess or "none"]

    @property
    def _crop(self) -> tuple[int, int] | None:
        """What is cut out: a size that is given replaces the preset's crop."""
        preset = self._preset
        cut = preset.framing.size if preset.center_crop and self.size is None else None
        return self.center_crop or cut

    @property
    def _resize(self) -> int | tuple[int, int] | None:
        """What pictures are scaled to before."""
        return (self.size if self.center_crop else None) or self.resize or (self._crop and self._preset.framing.resize)

    @property
    def made(self) -> Preprocess:
        """What pictures become: what is given, else what the preset says."""
        preset = self._preset
        return Preprocess(
            self._crop or self.size or preset.size,
            channels=self.channels,
            mean=self.mean or preset.mean,
            std=self.std or preset.std,
            resize=self._resize,
            center_crop=self._crop is not None,
        )

    @property
    def decoding(self) -> Decoding:
        """How pictures are decoded."""
        return Decoding(max_megapixels=self.max_megapixels, bits=self.bits)

    @property
    def labels_option(self) -> str:
        """The option that the names of the classes come from."""
        return "--labels" if self.labels else "--annotations" if self.annotations else "--images"

    @property
    def provenance(self) -> dict[str, str]:
        """Where pictures, labels and boxes come from."""
        given = {name: getattr(self, name) for name in ("images", "labels", "labels_csv", "annotations", "boxes")}
        return {name: str(path) for name, path in given.items() if path is not None}

    @property
    def recorded(self) -> dict[str, Any]:
        """What a summary keeps of how pictures were chosen, and of the preset."""
        return {"preset": self.preprocess, "limit": self.limit, "sample_seed": self.sample_seed}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whole(context: click.Context, option: click.Parameter, value: str) -> int:
    return int(value)


_OPTIONS = (
    click.option("--images", required=True, type=PLACE, metavar="DIR", help=text.IMAGES),
    click.option("--labels", type=PLACE, metavar="FILE", help=text.LABELS),
    click.option("--labels-csv", type=PLACE, metavar="FILE", help=text.LABELS_CSV),
    click.option("--annotations", type=PLACE, metavar="PATH", help=text.ANNOTATIONS),
    click.option("--boxes", type=PLACE, metavar="FILE", help=text.BOXES),
    click.option(
        "--on-unknown-label",
        type=click.Choice(["raise", "ignore"]),
        default="raise",
        show_default=True,
        help=text.ON_UNKNOWN_LABEL,
    ),
    click.option("--preprocess", type=click.Choice(list(_PRESETS)), help=text.PREPROCESS),
    click.option("--size", nargs=2, type=int, show_default="224 224", metavar="H W", help=text.SIZE),
    click.option("--resize", type=click.IntRange(1), metavar="N", help=text.RESIZE),
    click.option("--center-crop", callback=edges, metavar="N...", help=text.CENTER_CROP),
    click.option(
        "--channels", type=click.Choice(["1", "3"]), callback=_whole, default="3", show_default=True, help=text.CHANNELS
    ),
    click.option("--mean", callback=numbers, show_default="0", metavar="M...", help=text.MEAN),
    click.option("--std", callback=numbers, show_default="1", metavar="S...", help=text.MEAN),
    click.option("--limit", type=int, metavar="N", help=text.LIMIT),
    click.option("--sample-seed", type=click.IntRange(0), metavar="S", help=text.SAMPLE_SEED),
    click.option("--max-megapixels", type=float, default=64, show_default=True, metavar="N", help=text.MAX_MEGAPIXELS),
    click.option("--bits", type=click.IntRange(1, 16), default=16, show_default=True, metavar="N", help=text.BITS),
)


def picture_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options about pictures to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def taken(given: Mapping[str, Any]) -> tuple[PictureOptions, dict[str, Any]]:
    """The options about pictures among those given to a command, and the others."""
    names = {field.name for field in fields(PictureOptions)}
    options = PictureOptions(**{name: value for name, value in given.items() if name in names})
    return options, {name: value for name, value in given.items() if name not in names}
