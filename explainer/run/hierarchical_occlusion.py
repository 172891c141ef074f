"""The job that finds, for each label that the network sees, the few regions that are enough for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.counterfactual.backgrounds import auto_mask, background_of
from explainer.counterfactual.label_search import SearchResult
from explainer.counterfactual.search import HierarchicalOcclusion
from explainer.data.batch import Batch
from explainer.digests import digest_of_array
from explainer.errors import BadSampleError
from explainer.network.of import without_tensor
from explainer.records import EditLayer, EditTree, Record
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.summary.reader import SampleView

_CHANNELS = 3


class HierarchicalOcclusionJob:
    """Yields an EditTree for each label of each sample whose probability is above the search's threshold.

    A label without a result, and a sample too small for the windows, is explained in the record's `reason`.

    Args:
        search: how regions are searched.
        mask: what is seen where the image is hidden; see `HierarchicalOcclusion.search`.

    Raises:
        TypeError, ValueError: a mask of a wrong type or value; an image is checked with the first batch.
    """

    name = "hierarchical_occlusion"

    def __init__(self, search: HierarchicalOcclusion, mask: Any = None) -> None:
        self._search = search
        self._mask = without_tensor(mask)
        if not (self._mask is None or isinstance(self._mask, np.ndarray)):  # an image is compared with the first one
            background_of(self._mask, np.zeros((1, _CHANNELS, 1, 1), np.float32))

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings, as JSON values."""
        return self._search.parameters | {"mask": "auto" if self._mask is None else _mask_text(self._mask)}

    @property
    def provenance(self) -> dict[str, Any]:
        """Which image is seen where the image is hidden, if one was given."""
        return {"mask_digest": digest_of_array(self._mask).hex()} if isinstance(self._mask, np.ndarray) else {}

    def check(self, first_batch: Batch, labels: Sequence[str]) -> None:
        """Raises ValueError for images that have not three channels, or are too small, or that do not fit the mask."""
        image = first_batch.images[0]
        if len(image) != _CHANNELS:
            raise ValueError(
                f"hierarchical occlusion needs images of {_CHANNELS} channels, got {len(image)}; for others call "
                "explainer.counterfactual.HierarchicalOcclusion alone"
            )
        self._search.require_image(image, self._mask)

    def worked_on(self, batch: PredictedBatch) -> PredictedBatch:
        """The samples with a label above the search's threshold."""
        return PredictedBatch(tuple(sample for sample in batch.samples if self._labels(sample)))

    def start(self) -> Iterator[Record]:
        """Nothing."""
        yield from ()

    def on_batch(self, batch: PredictedBatch) -> Iterator[Record]:
        """The trees of each sample, its labels together.

        Raises:
            BadSampleError: the network's output for an edited image is not finite; names the sample.
        """
        for sample in batch.samples:
            yield from self._of_sample(sample)

    def recall(self, sample: SampleView) -> None:
        """Nothing is gathered over samples."""

    def finish(self) -> Iterator[Record]:
        """Nothing."""
        yield from ()

    def _of_sample(self, sample: PredictedSample) -> Iterator[EditTree]:
        labels = self._labels(sample)
        if not labels:
            return
        image = sample.image
        try:
            self._search.require_image(image, self._mask)
        except ValueError as error:
            mask = "" if self._mask is None else _mask_text(self._mask)
            yield from (self._without_result(sample, label, mask, str(error)) for label in labels)
            return
        try:
            found = self._search.search_all(image, labels, self._mask)
        except BadSampleError as error:
            raise BadSampleError(
                f"the hierarchical occlusion of {sample.named} met a NaN or an infinity",
                sample_id=sample.sample_id,
            ) from error
        for label, result in found.items():
            if isinstance(result, SearchResult):
                yield self._tree(sample, label, result)
            else:
                yield self._without_result(sample, label, self._mask_of(image), str(result))

    def _labels(self, sample: PredictedSample) -> list[int]:
        """Those that are searched."""
        found: list[int] = np.flatnonzero(sample.probabilities > self._search.threshold).tolist()
        return found

    def _tree(self, sample: PredictedSample, label: int, result: SearchResult) -> EditTree:
        root, outputs = result
        layers = tuple(
            EditLayer(output, tuple(step.box for step in root.get_layer_or_leaf_steps(layer)))
            for layer, output in enumerate(outputs)
        )
        return EditTree(
            sample.sample_id, label, self._mask_of(sample.image), self._search.by_masking, layers, root.as_dict()
        )

    def _without_result(self, sample: PredictedSample, label: int, mask: str, reason: str) -> EditTree:
        return EditTree(sample.sample_id, label, mask, self._search.by_masking, reason=reason)

    def _mask_of(self, image: NDArray[np.float32]) -> str:
        return auto_mask(min(image.shape[1:])) if self._mask is None else _mask_text(self._mask)


def _mask_text(mask: Any) -> str:
    """The mask as a summary keeps it: its name, or its numbers where there are few."""
    return f"an image of shape {mask.shape}" if isinstance(mask, np.ndarray) else str(mask)
