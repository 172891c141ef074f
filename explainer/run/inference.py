"""The job of every run: each sample's picture and prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Pixels
from explainer.data.batch import Batch, Sample
from explainer.records import ObjectBoxes, OriginalImage, Prediction, Record, SampleOrigin
from explainer.run.job import PredictedBatch
from explainer.run.options import RunOptions
from explainer.summary.reader import SampleView

ToDisplay = Callable[[NDArray[np.float32]], Pixels]


class InferenceJob:
    """Yields an OriginalImage, a Prediction and a SampleOrigin for each sample, and ObjectBoxes where it has boxes."""

    name = "inference"

    def __init__(self, options: RunOptions) -> None:
        self._to_display = display_of(options)

    def check(self, first_batch: Batch, labels: Sequence[str]) -> None:
        """Raises TypeError or ValueError when the first image cannot be drawn."""
        require_picture(self._to_display(first_batch.samples[0].image))

    def start(self) -> Iterator[Record]:
        """Nothing."""
        yield from ()

    def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
        """The picture of each sample, its prediction, where it comes from, and where its objects are."""
        for sample in batch.samples:
            yield OriginalImage(sample.sample_id, require_picture(self._to_display(sample.image)))
            yield Prediction(
                sample_id=sample.sample_id,
                ground_truth=sample.labels,
                predicted=sample.predicted,
                explained=sample.explained,
                probabilities=sample.probabilities,
            )
            yield _origin(sample.sample)
            if sample.boxes:
                height, width = sample.image.shape[1:]
                yield ObjectBoxes(sample.sample_id, sample.boxes, (width, height))

    def recall(self, sample: SampleView) -> None:
        """Nothing is gathered over samples."""

    def finish(self) -> Iterator[Record]:
        """Nothing."""
        yield from ()


def _origin(sample: Sample) -> SampleOrigin:
    if sample.source is None:
        return SampleOrigin(sample.sample_id, sample.digest)
    return SampleOrigin(sample.sample_id, sample.digest, sample.source.name, sample.source.digest())


def display_of(options: RunOptions) -> ToDisplay:
    """The user's way from image to picture: their function, mean and std, or the image stretched over its range."""
    if options.to_display is not None:
        return options.to_display
    if options.mean is not None and options.std is not None:
        return _denormalise(np.asarray(options.mean, float), np.asarray(options.std, float))
    return stretched


def stretched(image: NDArray[np.float32]) -> Pixels:
    """The picture of an image (C, H, W), from black at its minimum to white at its maximum; a constant one is black.

    >>> stretched(np.float32([[[-1, 1]]])).tolist()
    [[0, 255]]
    """
    low, high = float(image.min()), float(image.max())
    return _picture((image.astype(np.float64) - low) / (high - low or 1) * 255)


def require_picture(pixels: Any) -> Pixels:
    """The pixels; TypeError or ValueError unless they are (H, W) or (H, W, 3 or 4) uint8."""
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        got = f"dtype {pixels.dtype}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise TypeError(f"`to_display` must give an array of uint8, got {got}; scale to 0..255 and convert")
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ValueError(f"`to_display` must give (H, W) or (H, W, 3 or 4) pixels, got shape {pixels.shape}")
    return pixels


def _denormalise(mean: NDArray[np.float64], std: NDArray[np.float64]) -> ToDisplay:
    unit = 1 if max(mean.max(), std.max()) > 1 else 255  # given for pixels in [0, 255], or in [0, 1]

    def pixels(image: NDArray[np.float32]) -> Pixels:
        if mean.size not in (1, len(image)) or std.size not in (1, len(image)):
            raise ValueError(
                f"`mean` and `std` must have 1 or {len(image)} values for images of {len(image)} channels, "
                f"got {mean.size} and {std.size}"
            )
        return _picture((image * std.reshape(-1, 1, 1) + mean.reshape(-1, 1, 1)) * unit)

    return pixels


def _picture(values: NDArray[np.float64]) -> Pixels:
    """Grey for 1 channel, RGB of the first three else; a fourth channel is not shown."""
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels[:3].transpose(1, 2, 0))
