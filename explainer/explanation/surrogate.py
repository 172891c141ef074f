"""LIME and KernelSHAP: a linear model of the network, fitted to images with some cells of a grid hidden."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import product
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Coalitions, Float64Array, FloatArray, LabelArray, Mask
from explainer.checks import require_integer, require_number, require_pair
from explainer.explanation.base import Traits
from explainer.explanation.by_perturbation import PerturbationAttribution, of_targets
from explainer.passes import Passes
from explainer.perturb.masks import grid_cells
from explainer.streams import sample_stream


class GridSurrogate(PerturbationAttribution):
    """What each cell of a grid adds to the score, by a linear model; the declared holes are `_drawn` and `_fitted`.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network, whatever the number of images.
        grid: cells of the grid, one number for both axes or (h, w).
        samples: images with hidden cells per image.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images.
        seed: of the draws, a whole number >= 0.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.
        parameters: what else a summary records.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value; when called, a grid finer than the image.
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        grid: int | tuple[int, int] = 7,
        samples: int = 1000,
        fill: Any = 0.0,
        seed: int = 0,
        score: str = "probability",
        name: str | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self._grid = require_pair("grid", grid)
        self._cells = self._grid[0] * self._grid[1]
        if self._cells < 2:
            raise ValueError(f"`grid` must have two cells or more, got {self._grid}; one cell is the whole image")
        self._samples = require_integer("samples", samples, 2)
        self._seed = require_integer("seed", seed, 0)
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            fill=fill,
            score=score,
            name=name,
            parameters={"grid": list(self._grid), "samples": self._samples, "seed": self._seed, **(parameters or {})},
            traits=Traits(passes=self._passes_of, cheaper="fewer `samples`"),
        )

    def _passes_of(self, image_shape: tuple[int, ...], labels: int) -> Passes:
        """One for each, of which one shows all of the image."""
        return Passes(forwards=self._drawn_count, known=1)

    @property
    @abstractmethod
    def _drawn_count(self) -> int:
        """How many perturbed images there are of an image, S."""

    @abstractmethod
    def _drawn(self, stream: np.random.Generator) -> Coalitions:
        """Which cells each perturbed image shows, (S, cells); the first shows all, the second none."""

    @abstractmethod
    def _fitted(self, coalitions: Coalitions, scores: Float64Array) -> Float64Array:
        """What each cell adds, (cells, L), from the scores (S, L) of the coalitions (S, cells)."""

    def _explain(self, images: FloatArray, targets: LabelArray) -> FloatArray:
        drawn = self._coalitions(images)
        batches = self._outputs_under(images, self._shown(images, drawn))
        scores = np.concatenate([of_targets(batch.outputs, batch.indices, targets) for batch in batches])
        by_image = np.split(scores.astype(np.float64), np.cumsum([len(coalitions) for coalitions in drawn])[:-1])
        fitted = [self._fitted(shown, outputs) for shown, outputs in zip(drawn, by_image, strict=True)]
        maps: FloatArray = np.stack([added.T[:, self._numbers(images)] for added in fitted]).astype(np.float32)
        return maps

    def _keeps(self, images: FloatArray) -> Iterator[tuple[int, Mask]]:
        return self._shown(images, self._coalitions(images))

    def _coalitions(self, images: FloatArray) -> list[Coalitions]:
        return [self._drawn(sample_stream(self._seed, image)) for image in images]

    def _shown(self, images: FloatArray, drawn: list[Coalitions]) -> Iterator[tuple[int, Mask]]:
        numbers = self._numbers(images)
        return ((index, shown[numbers]) for index, coalitions in enumerate(drawn) for shown in coalitions)

    def _numbers(self, images: FloatArray) -> NDArray[np.int64]:
        """The number of each pixel's cell, (H, W)."""
        size = images.shape[2], images.shape[3]
        if self._grid[0] > size[0] or self._grid[1] > size[1]:
            raise ValueError(f"`grid` must be no finer than the image of {size[0]} x {size[1]}, got {self._grid}")
        return grid_cells(size, self._grid)


class LIME(GridSurrogate):
    """The weights of a ridge regression of the score on which cells of a grid are shown; any sign.

    Cells are shown at random, each with probability 1/2. An image counts exp(-d^2 / width^2), d the cosine distance of
    the cells that it shows from the whole image; the regression has an intercept, which is not penalised.

    Source: Ribeiro, Singh and Guestrin 2016, "Why Should I Trust You?", equation 1 and section 3.4, with its public
    code's image settings (cosine distance, width 0.25, ridge with penalty 1) and a regular grid for superpixels. The
    kernel is the paper's; the public code takes its square root.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network, whatever the number of images.
        grid: cells of the grid, one number for both axes or (h, w).
        samples: images with hidden cells per image.
        width: of the kernel, above 0.
        penalty: of the ridge regression, >= 0.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images.
        seed: of the draws, a whole number >= 0.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.

    Cost: `samples` forward passes per image; all labels together.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value; when called, a grid finer than the image.

    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 2, weight_init=Tensor([[1.0, 3], [0, 0]])))
    >>> lime = LIME(network, None, grid=(1, 2), score="logit", penalty=0)
    >>> lime(np.float32([[[[10, 10]]]]), 0).round(3).tolist()
    [[[[10.0, 30.0]]]]
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        grid: int | tuple[int, int] = 7,
        samples: int = 1000,
        width: float = 0.25,
        penalty: float = 1.0,
        fill: Any = 0.0,
        seed: int = 0,
        score: str = "probability",
        name: str | None = None,
    ) -> None:
        self._width = require_number("width", width, 1e-6, 1e6)
        self._penalty = require_number("penalty", penalty, 0.0, 1e12)
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            grid=grid,
            samples=samples,
            fill=fill,
            seed=seed,
            score=score,
            name=name,
            parameters={"width": self._width, "penalty": self._penalty},
        )

    @property
    def _drawn_count(self) -> int:
        return self._samples

    def _drawn(self, stream: np.random.Generator) -> Coalitions:
        coalitions = stream.random((self._samples, self._cells)) < 0.5
        coalitions[0], coalitions[1] = True, False
        return coalitions

    def _fitted(self, coalitions: Coalitions, scores: Float64Array) -> Float64Array:
        shown = coalitions.astype(np.float64)
        distance = 1 - np.sqrt(shown.mean(axis=1))  # cosine: k / (sqrt(k) * sqrt(M))
        weights = np.exp(-(distance**2) / self._width**2)[:, None]
        centred = shown - (weights * shown).sum(0) / weights.sum()
        left = (weights * centred).T @ centred + self._penalty * np.eye(self._cells)
        fitted: Float64Array = np.linalg.lstsq(left, (weights * centred).T @ scores, rcond=None)[0]
        return fitted


class KernelSHAP(GridSurrogate):
    """The Shapley value of each cell of a grid: its mean effect on the score over all orders of showing cells.

    Values have any sign and sum, over the cells, to score(image) - score(fill). Where `samples` allows, every set of
    cells is evaluated and the values are exact; else sets are drawn in pairs (a set and its complement) from the
    Shapley kernel, and the weighted regression estimates them.

    Source: Lundberg and Lee 2017, "A Unified Approach to Interpreting Model Predictions", theorem 2; drawing in pairs:
    Covert and Lee 2021, "Improving KernelSHAP", section 4.2.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network, whatever the number of images.
        grid: cells of the grid, one number for both axes or (h, w).
        samples: images with hidden cells per image, at most; 2 ** cells or more gives exact values.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images.
        seed: of the draws, a whole number >= 0.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.

    Cost: `samples` forward passes per image; all labels together.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value, such as fewer samples than twice the cells; when called, a grid finer than the image.

    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 2, weight_init=Tensor([[1.0, 3], [0, 0]])))
    >>> KernelSHAP(network, None, grid=(1, 2), score="logit")(np.float32([[[[10, 10]]]]), 0).round(3).tolist()
    [[[[10.0, 30.0]]]]
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        grid: int | tuple[int, int] = 7,
        samples: int = 1000,
        fill: Any = 0.0,
        seed: int = 0,
        score: str = "probability",
        name: str | None = None,
    ) -> None:
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            grid=grid,
            samples=samples,
            fill=fill,
            seed=seed,
            score=score,
            name=name,
        )
        if not self._exact and self._samples < 2 * self._cells:
            raise ValueError(
                f"`samples` must be at least twice the number of cells, {2 * self._cells}, got {samples}; "
                "with fewer the values are not determined"
            )

    @property
    def _exact(self) -> bool:
        return self._cells < 60 and 2**self._cells <= self._samples

    @property
    def _drawn_count(self) -> int:
        return int(2**self._cells) if self._exact else 2 + 2 * self._pairs

    @property
    def _pairs(self) -> int:
        return (self._samples - 2) // 2

    def _drawn(self, stream: np.random.Generator) -> Coalitions:
        ends = np.array([[True] * self._cells, [False] * self._cells])
        if self._exact:
            return np.concatenate([ends, np.array(list(product((False, True), repeat=self._cells)))[1:-1]])
        halves = self._halves(stream)
        # Few draws may leave cells that are always shown together; their values would be anybody's guess.
        while not _determine_the_values(halves):
            halves = self._halves(stream)
        return np.concatenate([ends, halves, ~halves])

    def _halves(self, stream: np.random.Generator) -> Coalitions:
        """One set of each pair, drawn from the Shapley kernel."""
        sizes = np.arange(1, self._cells)
        odds = 1 / (sizes * (self._cells - sizes))
        drawn = stream.choice(sizes, self._pairs, p=odds / odds.sum())
        ranks = stream.random((len(drawn), self._cells)).argsort(axis=1).argsort(axis=1)
        return ranks < drawn[:, None]

    def _fitted(self, coalitions: Coalitions, scores: Float64Array) -> Float64Array:
        """The regression with the ends met exactly: the last cell's value is what the others leave."""
        empty, total = scores[1], scores[0] - scores[1]
        inner = coalitions[2:].astype(np.float64)
        last = inner[:, -1:]
        root = np.sqrt(self._kernel(coalitions[2:].sum(axis=1)))[:, None]
        left, right = root * (inner[:, :-1] - last), root * (scores[2:] - empty - last * total)
        others = np.linalg.lstsq(left, right, rcond=None)[0]
        return np.vstack([others, total - others.sum(axis=0)])

    def _kernel(self, sizes: NDArray[np.int64]) -> Float64Array:
        """How much a set counts: the Shapley kernel when every set is there, 1 when they were drawn from it."""
        if not self._exact:
            return np.ones(len(sizes))
        weights = {
            size: (self._cells - 1) / (comb(self._cells, size) * size * (self._cells - size))
            for size in range(1, self._cells)
        }
        return np.array([weights[int(size)] for size in sizes])


def _determine_the_values(halves: Coalitions) -> bool:
    """Whether the regression has one solution; a set says, but for the sign, what its complement says."""
    sets = halves.astype(np.float64)
    return bool(np.linalg.matrix_rank(sets[:, :-1] - sets[:, -1:]) == sets.shape[1] - 1)
