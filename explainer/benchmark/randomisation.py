"""Sanity checks: whether a map depends on the label that it explains, and on what the network has learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import Case, LabelMetric, passes_of_maps, require_maps
from explainer.benchmark.network_probe import correlations
from explainer.checks import require_choice, require_integer
from explainer.network.of import classifier_of
from explainer.passes import Passes
from explainer.representation import of_fields
from explainer.streams import sample_stream

ORDERS = ("top_down", "bottom_up")
_WINDOW = 7  # of the structural similarity, as in skimage and Quantus
_STABILITY = (0.01, 0.03)  # its constants K1, K2


class RandomLogit(LabelMetric):
    """How much the map of a label is like that of another one, drawn at random; in [-1, 1], 1 for equal maps.

    The structural similarity (SSIM) of both maps, each divided by its largest absolute value. Lower is better: a
    method whose maps do not depend on the label does not explain the prediction. nan where a map is all zeros.

    Source: Sixt, Granz and Landgraf 2020, "When Explanations Lie", section 4.3; Wang et al. 2004, "Image Quality
    Assessment", equation 13, with a flat window of 7 x 7 pixels (less in smaller images). Quantus compares the maps
    as rows of numbers, so its windows run over the ends of lines.

    Args:
        num_labels: how many labels there are, at least two.
        seed: what the other label depends on, beside the image and its label.

    Cost: one map per map.

    Raises:
        TypeError, ValueError: an argument is no whole number, or too small.

    >>> from mindspore import Tensor, nn
    >>> from explainer.explanation import Gradient
    >>> alike = nn.Dense(4, 2, weight_init=Tensor([[3.0, 2, 1, 0], [3, 2, 1, 0]]), has_bias=False)
    >>> explainer = Gradient(nn.SequentialCell(nn.Flatten(), alike))
    >>> RandomLogit(2).evaluate(explainer, np.ones((1, 1, 2, 2)), 0).round(6).tolist()
    [1.0]
    """

    name = "RandomLogit"
    higher_is_better = False
    bounds = (-1.0, 1.0)
    needs = frozenset({"explainer"})

    def __init__(self, num_labels: int, *, seed: int = 0) -> None:
        super().__init__(num_labels)
        require_integer("num_labels", num_labels, 2)
        self._seed = require_integer("seed", seed, 0)
        self.settings = {"seed": self._seed}

    def passes(self, case: Case) -> Passes:
        """New maps, of another label each."""
        return passes_of_maps(case, len(case.labels))

    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: NDArray[np.bool_] | None,
        explainer: Any,
    ) -> Float64Array:
        drawn = [[self._other(image, label) for label in row] for image, row in zip(images, labels, strict=True)]
        others = np.array(drawn, np.int64)
        maps = require_maps("saliency", explainer(images, others), saliency.shape)
        size = saliency.shape[2:]
        pairs = zip(saliency.reshape(-1, *size), maps.reshape(-1, *size), strict=True)
        scores = [structural_similarity(_scaled(one), _scaled(other)) for one, other in pairs]
        return np.array(scores).reshape(labels.shape)

    def _other(self, image: FloatArray, label: int) -> int:
        drawn = int(sample_stream(self._seed, image, label).integers(self.num_labels - 1))
        return drawn + (drawn >= label)


class Cascade(NamedTuple):
    """How like its map of the trained network a map stays while layers lose what they have learned.

    Attributes:
        layers: the layer whose weights were shuffled at each stage, those before it staying shuffled.
        similarities: of the maps after each stage, (N, L, stages), in [-1, 1]; nan where a map was constant.
    """

    layers: tuple[str, ...]
    similarities: Float64Array

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


class MPRT(LabelMetric):
    """How much a map stays what it is while the network's layers lose what they have learned; 1 for no change.

    The weights of one layer after another are shuffled; the mean over these stages of the rank correlation of both
    maps' values, in [-1, 1]. Lower is better: a map that stays does not show what was learned. nan where every stage is
    undefined, as for a constant map.

    How maps are like one another depends on the task, too: a low score of a good method is not owed (Yona and
    Greenfeld 2021), and top-down similarities favour noisy maps (Hedström et al. 2023); see `EfficientMPRT`.

    Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 4.1, the model parameter randomization test,
    cascading. There weights are drawn anew; here those of a tensor change their positions, which keeps their scale
    without knowing how they were drawn. Quantus counts the untouched network as a stage, too.

    Args:
        num_labels: how many labels there are.
        order: "top_down" from the last layer on, "bottom_up" from the first.
        seed: what the shuffling depends on, beside the layer's name.

    Cost: a map per map for each layer with weights.

    Raises:
        TypeError, ValueError: a wrong type, or another wrong value.

    >>> from mindspore import nn
    >>> from explainer.explanation import InputXGradient
    >>> network = nn.SequentialCell(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Dense(3 * 5 * 7, 4))
    >>> image = np.random.default_rng(0).random((1, 2, 5, 7), np.float32)
    >>> MPRT(4).cascade(InputXGradient(network), image, 1).layers
    ('3', '0')
    """

    name = "MPRT"
    higher_is_better = False
    bounds = (-1.0, 1.0)
    needs = frozenset({"explainer"})
    cheaper = "`EfficientMPRT` in its place"

    def __init__(self, num_labels: int, *, order: str = "top_down", seed: int = 0) -> None:
        super().__init__(num_labels)
        require_choice("order", order, ORDERS)
        self._order = order
        self._seed = require_integer("seed", seed, 0)
        self.settings = {"order": order, "seed": self._seed}

    def cascade(self, explainer: Any, inputs: Any, targets: Any, saliency: Any = None) -> Cascade:
        """The similarities stage by stage, of which the score is the mean.

        Args:
            explainer: as for `evaluate`.
            inputs: as for `evaluate`.
            targets: as for `evaluate`.
            saliency: as for `evaluate`.

        Raises:
            TypeError, ValueError: as for `evaluate`.
        """
        images, labels, maps, _ = self._checked(explainer, inputs, targets, saliency)
        return self._cascade(images, labels, maps, explainer)

    def passes(self, case: Case) -> Passes:
        """New maps for each layer with weights."""
        layers = classifier_of(case.explainer.network).layers_with_weights()
        return len(layers) * passes_of_maps(case, len(case.labels)).of_changed

    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: NDArray[np.bool_] | None,
        explainer: Any,
    ) -> Float64Array:
        similarities = self._cascade(images, labels, saliency, explainer).similarities
        known = np.isfinite(similarities)
        counts = known.sum(axis=2)
        means: Float64Array = np.where(known, similarities, 0).sum(axis=2) / np.where(counts > 0, counts, np.nan)
        return means

    def _cascade(self, images: FloatArray, labels: LabelArray, saliency: FloatArray, explainer: Any) -> Cascade:
        layers = classifier_of(explainer.network).layers_with_weights()[:: -1 if self._order == ORDERS[0] else 1]
        ranks = _ranks(saliency)
        stages = _of_randomised_maps(
            lambda maps: correlations(ranks, _ranks(maps)),
            explainer,
            images,
            labels,
            [[layer] for layer in layers],
            self._seed,
        )
        similarities = np.stack(stages, axis=2) if stages else np.full((*labels.shape, 0), np.nan)
        return Cascade(tuple(layers), similarities)


class EfficientMPRT(LabelMetric):
    """By how much a map's disorder rises when the whole network loses what it has learned; 0.5 is half as much again.

    (H(e') - H(e)) / H(e), H the entropy of the histogram of absolute values, e' the map after the weights of all layers
    were shuffled. Higher is better; nan for a constant map.

    Source: Hedström et al. 2023, "Sanity Checks Revisited", section 4.2, eMPRT, with their 100 bins for every image.
    Weights are shuffled, as in `MPRT`.

    Args:
        num_labels: how many labels there are.
        bins: of the histogram.
        seed: what the shuffling depends on, beside the layer's name.

    Cost: one map per map.

    Raises:
        TypeError, ValueError: an argument is no whole number, or too small.

    >>> EfficientMPRT(2).bounds
    (-1.0, inf)
    """

    name = "EfficientMPRT"
    bounds = (-1.0, float("inf"))
    needs = frozenset({"explainer"})

    def __init__(self, num_labels: int, *, bins: int = 100, seed: int = 0) -> None:
        super().__init__(num_labels)
        self._bins = require_integer("bins", bins, 2)
        self._seed = require_integer("seed", seed, 0)
        self.settings = {"bins": self._bins, "seed": self._seed}

    def passes(self, case: Case) -> Passes:
        """New maps, of another network."""
        return passes_of_maps(case, len(case.labels)).of_changed

    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: NDArray[np.bool_] | None,
        explainer: Any,
    ) -> Float64Array:
        layers = classifier_of(explainer.network).layers_with_weights()
        before = self._disorder(saliency)
        (after,) = _of_randomised_maps(self._disorder, explainer, images, labels, [layers], self._seed)
        rises: Float64Array = (after - before) / np.where(before > 0, before, np.nan)
        return rises

    def _disorder(self, maps: FloatArray) -> Float64Array:
        flat = (np.abs(one, dtype=np.float64) for one in maps.reshape(-1, maps.shape[2] * maps.shape[3]))
        from scipy.stats import entropy  # half a second, which a list of the metrics need not wait for

        found = [entropy(np.histogram(values, bins=self._bins)[0]) for values in flat]
        return np.array(found).reshape(maps.shape[:2])


def structural_similarity(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The mean structural similarity of two pictures (H, W) over their common range; nan where that is nothing.

    Source: Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity", equation 13,
    over flat windows that lie wholly in the picture, with sample variances.

    >>> picture = np.arange(64.0).reshape(8, 8)
    >>> round(structural_similarity(picture, picture), 6), round(structural_similarity(picture, picture.T), 2)
    (1.0, 0.25)
    """
    window = min(_WINDOW, *one.shape)
    span = max(one.max(), other.max()) - min(one.min(), other.min())
    if not np.isfinite(span) or span == 0:
        return np.nan
    inside = tuple(slice(window // 2, window // 2 + length - window + 1) for length in one.shape)

    from scipy.ndimage import uniform_filter

    def mean(values: NDArray[Any]) -> Float64Array:
        means: Float64Array = uniform_filter(values.astype(np.float64), window)[inside]
        return means

    a, b = mean(one), mean(other)
    sample = window**2 / max(window**2 - 1, 1)
    variances = sample * (mean(one * one) - a * a + mean(other * other) - b * b)
    covariance = sample * (mean(one * other) - a * b)
    first, second = ((constant * span) ** 2 for constant in _STABILITY)
    likeness = (2 * a * b + first) * (2 * covariance + second)
    return float(np.mean(likeness / ((a * a + b * b + first) * (variances + second))))


def _of_randomised_maps(
    measure: Callable[[FloatArray], Float64Array],
    explainer: Any,
    images: FloatArray,
    labels: LabelArray,
    stages: list[list[str]],
    seed: int,
) -> list[Float64Array]:
    """What is measured of the maps (N, L, H, W) at each stage, when its layers and those before are shuffled."""
    shape = (*labels.shape, *images.shape[2:])
    measured = []
    with classifier_of(explainer.network).randomised(seed) as shuffle:
        for layers in stages:
            for layer in layers:
                shuffle(layer)
            measured.append(measure(require_maps("saliency", explainer(images, labels), shape)))
    return measured


def _ranks(maps: FloatArray) -> Float64Array:
    """The ranks of each map's values, (N, L, H x W); equal ones share the mean of theirs."""
    from scipy.stats import rankdata

    ranks: Float64Array = rankdata(maps.reshape(*maps.shape[:2], -1), axis=-1)
    return ranks


def _scaled(saliency: FloatArray) -> Float64Array:
    values = saliency.astype(np.float64)
    largest = np.abs(values).max()
    return values / largest if largest > 0 else np.full(values.shape, np.nan)
