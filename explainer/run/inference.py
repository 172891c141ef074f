"""The job of every run: each sample's picture and prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, Pixels
from explainer.data.batch import Batch, Sample
from explainer.data.normalisation import in_unit, picture_of, pixels_of
from explainer.data.preprocess import Preprocess
from explainer.records import ObjectBoxes, OriginalImage, Prediction, Record, SampleOrigin
from explainer.run.job import PredictedBatch
from explainer.run.options import RunOptions
from explainer.summary.reader import SampleView

ToDisplay = Callable[[NDArray[np.float32]], Pixels]


class InferenceJob:
    """Yields an OriginalImage, a Prediction and a SampleOrigin for each sample, and ObjectBoxes where it has boxes."""

    name = "inference"

    def __init__(self, options: RunOptions) -> None:
        self._preprocess = options.preprocess
        self._to_display = display_of(options)

    def check(self, first_batch: Batch, labels: Sequence[str]) -> None:
        """Raises TypeError or ValueError when the first image has another shape than it should, or cannot be drawn."""
        if self._preprocess is not None:
            require_preprocessed(first_batch.samples[0].image, self._preprocess)
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
    if options.preprocess is not None:
        return options.preprocess.to_pixels
    if options.mean is not None and options.std is not None:
        mean, std = in_unit(options.mean, options.std)
        return lambda image: pixels_of(image, mean, std)
    return stretched


def require_preprocessed(image: FloatArray, preprocess: Preprocess) -> None:
    """Raises ValueError unless the image has the shape that the preprocessing gives."""
    if image.shape != preprocess.image_shape:
        raise ValueError(
            f"`preprocess` makes images of shape {preprocess.image_shape}, and the dataset gives {image.shape}; pass "
            "its pictures through it, as in dataset.map(lambda picture: preprocess(picture)[0], ['image'])"
        )


def stretched(image: NDArray[np.float32]) -> Pixels:
    """The picture of an image (C, H, W), from black at its minimum to white at its maximum; a constant one is black.

    >>> stretched(np.float32([[[-1, 1]]])).tolist()
    [[0, 255]]
    """
    low, high = float(image.min()), float(image.max())
    return picture_of((image.astype(np.float64) - low) / (high - low or 1) * 255)


def require_picture(pixels: Any) -> Pixels:
    """The pixels; TypeError or ValueError unless they are (H, W) or (H, W, 3 or 4) uint8."""
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        got = f"dtype {pixels.dtype}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise TypeError(f"`to_display` must give an array of uint8, got {got}; scale to 0..255 and convert")
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ValueError(f"`to_display` must give (H, W) or (H, W, 3 or 4) pixels, got shape {pixels.shape}")
    return pixels
