"""RISE: random parts of the image are shown, and parts that were shown when the score was high count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray, Mask
from explainer.checks import require_choice, require_finite, require_integer, require_number, require_pair
from explainer.explanation.base import Explained, Traits
from explainer.explanation.by_perturbation import PerturbationAttribution, add_weighted, of_targets
from explainer.network.of import without_tensor
from explainer.passes import Passes
from explainer.perturb.masks import orthogonal_block, orthogonal_grids, random_grids
from explainer.streams import sample_stream

SAMPLINGS = ("independent", "orthogonal")
_BLOCK = 256  # independent masks whose mean is looked at as one
_LEAST_BLOCKS = 4  # of whose means a standard error is made
_CHEAPER = 'fewer `masks`, or sampling="orthogonal" and a `tolerance`'


class RISE(PerturbationAttribution):
    """The mean of score * mask over random masks, divided by the masks' mean: the score to be expected where shown.

    Each mask is a random binary grid, enlarged linearly and shifted by up to one cell; the image is multiplied by it.
    Values have the unit and range of the score. All labels of an image come from the same masks, which are drawn as
    they are needed: memory does not grow with their number. An image's masks depend on the seed and the image alone.

    Source: Petsiuk, Das and Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
    equation 6 and section 3.2. The reference enlarged the masks through 8 bits, failed on images that are not square,
    shifted by 10 pixels whatever the size, drew from NumPy's global generator and did not divide by the masks' mean.

    Two ways to need fewer masks: `sampling="orthogonal"` balances them, and a `tolerance` stops when the map is sure.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network, whatever the number of images.
        masks: how many masks are drawn for each image, or your own masks, (M, H, W) in [0, 1], used for every image and
            divided by their own mean; `grid`, `probability` and `seed` then mean nothing.
        grid: cells of the random grid, one number for both axes or (h, w).
        probability: that a cell is shown, in (0, 1), which is the mean of the masks that are drawn.
        sampling: "independent" masks, or "orthogonal" ones, balanced in blocks of twice the power of 2 that the cells
            fit into (256 for 100 cells), with the same expectation and less noise; these need probability=0.5, and best
            whole blocks.
        tolerance: the standard error, in the unit of the score, at which no more masks are drawn for an image: the root
            mean square over the pixels, of the label that is least sure. It is estimated from blocks of masks and
            looked at after each, from the fourth on, until `masks` are reached; the masks of an image, and so its map,
            do not depend on other images or the batch. `explained` gives it, and a summary records it, for each map.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images.
        seed: of the masks, a whole number >= 0.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.

    Cost: `masks` forward passes per image; all labels together.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value, such as masks of zeros alone; when called, masks of another size than the images.

    >>> from mindspore import Tensor, nn
    >>> linear = nn.Dense(2, 2, weight_init=Tensor([[1.0, 3], [0, 0]]), has_bias=False)
    >>> network = nn.SequentialCell(nn.Flatten(), linear)
    >>> rise = RISE(network, None, masks=np.float32([[[1, 0]], [[0, 1]]]), score="logit")
    >>> rise(np.float32([[[[10, 10]]]]), 0).tolist()
    [[[[10.0, 30.0]]]]
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        masks: int | NDArray[np.floating[Any]] = 6000,
        grid: int | tuple[int, int] = 10,
        probability: float = 0.5,
        sampling: str = "independent",
        tolerance: float | None = None,
        fill: Any = 0.0,
        seed: int = 0,
        score: str = "probability",
        name: str | None = None,
    ) -> None:
        masks = without_tensor(masks)
        self._given = _given_masks(masks) if isinstance(masks, np.ndarray) else None
        self._count = require_integer("masks", masks, 1) if self._given is None else len(self._given)
        self._grid = require_pair("grid", grid)
        self._probability = require_number("probability", probability, 0.0, 1.0)
        if self._probability in (0.0, 1.0):
            raise ValueError(f"`probability` must lie between 0 and 1, got {probability}; all masks would be equal")
        self._seed = require_integer("seed", seed, 0)
        require_choice("sampling", sampling, SAMPLINGS)
        self._orthogonal = sampling == SAMPLINGS[1]
        self._block = orthogonal_block(self._grid) if self._orthogonal else _BLOCK
        self._tolerance = None if tolerance is None else require_number("tolerance", tolerance, 0.0, np.inf)
        self._require_drawn()
        self._mean = self._probability if self._given is None else float(self._given.mean(dtype=np.float64))
        drawn = {"grid": list(self._grid), "probability": self._probability, "seed": self._seed}
        drawn |= {"sampling": sampling} if self._orthogonal else {}
        drawn |= {} if self._tolerance is None else {"tolerance": self._tolerance}
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            fill=fill,
            score=score,
            name=name,
            parameters={
                "masks": self._count,
                "masks_given": self._given is not None,
                **(drawn if self._given is None else {"masks_mean": self._mean}),
            },
            traits=Traits(passes=self._most_passes(), cheaper=_CHEAPER),
        )

    def _most_passes(self) -> Passes:
        """One for each mask; with a tolerance whole blocks of them, or fewer."""
        if self._tolerance is None:
            return Passes(forwards=self._count)
        return Passes(forwards=self._count - self._count % self._block, is_exact=False)

    def _require_drawn(self) -> None:
        """Raises ValueError where an option has no meaning for the masks."""
        if self._given is not None and (self._orthogonal or self._tolerance is not None):
            raise ValueError("`sampling` and `tolerance` are about masks that are drawn; leave them out with your own")
        if self._orthogonal and self._probability != 0.5:
            raise ValueError(f"`probability` must be 0.5 with orthogonal masks, got {self._probability}")
        if self._tolerance is not None and self._count < _LEAST_BLOCKS * self._block:
            raise ValueError(
                f"`masks` must be at least {_LEAST_BLOCKS * self._block} with a tolerance, got {self._count}; the "
                f"error is estimated from {_LEAST_BLOCKS} blocks of {self._block} or more"
            )

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray | Explained:
        if self._tolerance is None:
            return self._all_masks(images, targets)
        return self._until_sure(images, targets, self._tolerance)

    def _all_masks(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        sums = np.zeros((*targets.shape, *images.shape[2:]), np.float64)
        for batch in self._outputs_under(images, self._keeps(images)):
            indices = batch.indices
            add_weighted(sums, indices, of_targets(batch.outputs, indices, targets), batch.masks)
        sums /= self._count * self._mean
        return sums.astype(np.float32)

    def _until_sure(self, images: FloatArray, targets: LabelArray, tolerance: float) -> Explained:
        """Block by block, each image until its map is sure; means and sums of squares are those of the blocks."""
        masks = [self._masks(image) for image in images]
        means, squares = (np.zeros((*targets.shape, *images.shape[2:]), np.float64) for _ in range(2))
        errors = np.full(targets.shape, np.inf)
        for number in range(1, self._count // self._block + 1):
            left = np.flatnonzero(errors.max(axis=1) > tolerance)
            if not left.size:
                break
            block = self._block_means(images, targets, left, masks)
            change = block - means[left]
            means[left] += change / number  # Welford
            squares[left] += change * (block - means[left])
            if number >= _LEAST_BLOCKS:
                errors[left] = np.sqrt(squares[left].mean(axis=(2, 3)) / (number * (number - 1)))
        return Explained(means.astype(np.float32), standard_errors=errors.astype(np.float32))

    def _block_means(
        self, images: FloatArray, targets: LabelArray, left: LabelArray, masks: Sequence[Iterator[FloatArray]]
    ) -> NDArray[np.float64]:
        """The maps that a block of further masks alone gives for the images that are left."""
        keeps = ((place, keep) for place, index in enumerate(left) for keep in islice(masks[index], self._block))
        sums = np.zeros((len(left), *targets.shape[1:], *images.shape[2:]), np.float64)
        for batch in self._outputs_under(images[left], keeps):
            add_weighted(sums, batch.indices, of_targets(batch.outputs, batch.indices, targets[left]), batch.masks)
        return sums / (self._block * self._mean)

    def _keeps(self, images: FloatArray) -> Iterator[tuple[int, Mask]]:
        return ((index, keep) for index, image in enumerate(images) for keep in self._masks(image))

    def _masks(self, image: FloatArray) -> Iterator[FloatArray]:
        size = image.shape[1], image.shape[2]
        if self._given is None:
            stream = sample_stream(self._seed, image)
            if self._orthogonal:
                return islice(orthogonal_grids(stream, size, self._grid), self._count)
            return islice(random_grids(stream, size, self._grid, self._probability), self._count)
        if self._given.shape[1:] != size:
            raise ValueError(f"`masks` must have the size {size} of the images, got {self._given.shape[1:]}")
        return iter(self._given)


def _given_masks(masks: NDArray[np.floating[Any]]) -> FloatArray:
    if masks.dtype.kind not in "fiub":
        raise TypeError(f"`masks` must hold numbers, got dtype {masks.dtype}")
    if masks.ndim != 3 or 0 in masks.shape:
        raise ValueError(f"`masks` must be a number, or masks of shape (M, H, W), got shape {masks.shape}")
    given = masks.astype(np.float32)
    require_finite("masks", given)
    if given.min() < 0 or given.max() > 1:
        raise ValueError(f"`masks` must lie in [0, 1], got values in [{given.min():g}, {given.max():g}]")
    if not given.any():
        raise ValueError("`masks` must show something, got zeros alone; 1 shows the image, 0 hides it")
    return given
