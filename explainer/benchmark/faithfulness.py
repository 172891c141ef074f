"""Faithfulness: whether the network needs the pixels that a map calls important."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import Case, FilledCurve, LabelMetric
from explainer.benchmark.network_probe import NetworkProbe, correlations
from explainer.checks import require_choice, require_distinct, require_flag, require_integer, require_number
from explainer.network.of import require_activation
from explainer.passes import Passes
from explainer.perturb.fills import Fill, MaskFill, fill_of, recorded_fill
from explainer.representation import of_fields

_ROUNDING = 1e-7  # probabilities that differ by less are equal
METRICS = ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")


class Curve(NamedTuple):
    """How the probability changes while pixels are deleted or inserted, the most important first.

    Attributes:
        fractions: of the pixels that are changed, (P + 1,), from 0 on.
        probabilities: of each label, (N, L, P + 1).
    """

    fractions: Float64Array
    probabilities: FloatArray

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


class Faithfulness(LabelMetric):
    """How well a map's values foretell what hiding pixels does to the probability; one score per map, in [0, 1].

    NaiveFaithfulness: blocks of pixels, the most important half of the image, are hidden one at a time; (1 + r) / 2, r
    the correlation of the blocks' mean saliency with the drop of the probability. nan where either is constant.
    DeletionAUC: 1 - the area under the probability while pixels are hidden one block after another.
    InsertionAUC: the area under the probability while they are shown one block after another.

    Source: Petsiuk et al. 2018, "RISE", section 4.1, for the areas; the documentation of `mindspore.explainer` for
    NaiveFaithfulness. There the deletion score was upside down (a perfect map scored below its negative), the areas
    left out half of the first and the last step, and only half of the pixels were deleted.

    Args:
        num_labels: how many labels there are.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid().
        metric: one of the three.
        percent: the part of the pixels that are changed, at least one; by default 0.5 for NaiveFaithfulness, else all.
        steps: how many blocks; by default the root of the number of pixels.
        fill: what is shown where pixels are hidden; as for `Occlusion`.
        curve_fills: with which fills, beside `fill`, a run keeps curves of some samples (`RunOptions.control_samples`),
            so that a plot shows what depends on the choice; by default "blur" (where that is the fill: 0). Scores are
            of `fill` alone.
        normalize: divide the areas by the probability for the whole image, so that unsure predictions count as much.
        batch_size: images in one pass through the network.

    Cost: `steps` forward passes per map, and one more per map for the areas; one per image for NaiveFaithfulness and
    `normalize`. All labels share batches. For the areas, a run does as much again for each of `curve_fills`, on the
    samples on which it computes them.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an unknown metric, or another wrong value.

    >>> from mindspore import Tensor, nn
    >>> dense = nn.Dense(4, 2, weight_init=Tensor([[3.0, 2, 1, 0], [0, 0, 0, 0]]), has_bias=False)
    >>> network = nn.SequentialCell(nn.Flatten(), dense)
    >>> from explainer.explanation import InputXGradient
    >>> explainer, image = InputXGradient(network), np.ones((1, 1, 2, 2), np.float32)
    >>> Faithfulness(2, nn.Sigmoid(), "DeletionAUC", steps=4).evaluate(explainer, image, 0).round(3).tolist()
    [0.267]
    """

    needs = frozenset({"explainer"})
    cheaper = "fewer `steps`"

    def __init__(
        self,
        num_labels: int,
        activation_fn: Any,
        metric: str = "NaiveFaithfulness",
        *,
        percent: float | None = None,
        steps: int | None = None,
        fill: Any = 0.0,
        curve_fills: Sequence[Any] | None = None,
        normalize: bool = False,
        batch_size: int = 32,
    ) -> None:
        super().__init__(num_labels)
        require_activation(activation_fn)
        if not isinstance(metric, str):
            raise TypeError(f"`metric` must be a string, got {type(metric).__name__}")
        require_choice("metric", metric, METRICS)
        self.name = self._metric = metric
        by_default = 0.5 if metric == METRICS[0] else 1.0
        self._percent = by_default if percent is None else require_number("percent", percent, 0.0, 1.0)
        if self._percent == 0:
            raise ValueError("`percent` must be above 0: nothing would be changed")
        self._steps = None if steps is None else require_integer("steps", steps, 2)
        self._fill = fill_of("fill", fill)
        self._curve_fills = _other_fills(fill, curve_fills) if metric in METRICS[1:] else {}
        usual = _other_fills(fill, None) if metric in METRICS[1:] else {}
        self._defaults = {"percent": by_default, "curve_fills": list(usual)}
        self._normalize = require_flag("normalize", normalize)
        self._probe = NetworkProbe(activation_fn, require_integer("batch_size", batch_size, 1))
        self.settings = {
            "metric": metric,
            "percent": self._percent,
            "steps": self._steps,
            "fill": recorded_fill(fill),
            "curve_fills": list(self._curve_fills),
            "normalize": self._normalize,
        }

    def curve(self, explainer: Any, inputs: Any, targets: Any, saliency: Any = None) -> Curve:
        """The probability while pixels are deleted (DeletionAUC) or inserted (InsertionAUC).

        Args:
            explainer: as for `evaluate`.
            inputs: as for `evaluate`.
            targets: as for `evaluate`.
            saliency: as for `evaluate`.

        Raises:
            TypeError, ValueError: as for `evaluate`; a metric that has no curve.
        """
        if self._metric == METRICS[0]:
            raise ValueError(f"{METRICS[0]} has no curve; make a Faithfulness with DeletionAUC or InsertionAUC")
        images, labels, maps, _ = self._checked(explainer, inputs, targets, saliency)
        return self._curve(images, labels, maps, explainer, self._fill)

    def score_and_curves(self, case: Case) -> tuple[Float64Array, tuple[FilledCurve, ...]]:
        """The scores (L,), and for the areas their curves with `fill`, and with `curve_fills` where they are wanted."""
        if self._metric == METRICS[0]:
            return self.score(case), ()
        images, labels = case.image[None], np.array(case.labels, np.int64)[None]
        fills = {str(self.settings["fill"]): self._fill} | (self._curve_fills if case.further_curves else {})
        curves = {
            name: self._curve(images, labels, case.saliency[None], case.explainer, fill) for name, fill in fills.items()
        }
        own = next(iter(curves.values()))
        return self._areas(own, images, labels, case.explainer)[0], tuple(
            FilledCurve(name, curve.fractions, curve.probabilities[0]) for name, curve in curves.items()
        )

    def passes(self, case: Case) -> Passes:
        """One for each step and map, and for the start of a curve; the image's own where it is needed."""
        steps = self._step_count(case.image[0].size)
        own = Passes(forwards=1, known=1)
        if self._metric == METRICS[0]:
            return own + len(case.labels) * Passes(forwards=steps)
        curves = len(case.labels) * (1 + case.further_curves * len(self._curve_fills))
        shows_all = self._metric == METRICS[1] or self._percent == 1  # at a curve's start, or at its end
        return self._normalize * own + curves * Passes(forwards=steps + 1, known=int(shows_all))

    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: NDArray[np.bool_] | None,
        explainer: Any,
    ) -> Float64Array:
        if self._metric == METRICS[0]:
            return self._naive(images, labels, saliency, explainer)
        return self._areas(self._curve(images, labels, saliency, explainer, self._fill), images, labels, explainer)

    def _areas(self, curve: Curve, images: FloatArray, labels: LabelArray, explainer: Any) -> Float64Array:
        """The scores (N, L) that a curve stands for."""
        fractions, probabilities = curve
        heights = (probabilities[..., 1:] + probabilities[..., :-1].astype(np.float64)) / 2
        areas: Float64Array = (heights * np.diff(fractions)).sum(axis=-1) / fractions[-1]
        if self._normalize:
            whole = self._probe.probabilities(explainer, images, labels)
            areas = np.clip(areas / np.where(whole > 0, whole, np.nan), 0, 1)
        return 1 - areas if self._metric == METRICS[1] else areas

    def _naive(self, images: FloatArray, labels: LabelArray, saliency: FloatArray, explainer: Any) -> Float64Array:
        blocks = [[self._blocks(one) for one in of_image] for of_image in saliency]
        keeps = (
            (index, _without(saliency.shape[2:], block))
            for index, of_image in enumerate(blocks)
            for of_label in of_image
            for block in of_label
        )
        whole = self._probe.probabilities(explainer, images, labels)
        hidden = self._probe.under(explainer, images, labels, keeps, self._fill)
        flat = saliency.reshape(*labels.shape, 1, -1).astype(np.float64)
        means = np.take_along_axis(flat, np.array(blocks).reshape(*labels.shape, 1, -1), 3)
        means = means.reshape(*hidden.shape, -1).mean(axis=-1)
        return (1 + correlations(means, whole[..., None] - hidden, rounding=_ROUNDING)) / 2

    def _curve(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        explainer: Any,
        fill: Fill | MaskFill,
    ) -> Curve:
        pixels = saliency.shape[2] * saliency.shape[3]
        ends = self._ends(pixels)
        inserted = self._metric == METRICS[2]
        keeps = (
            (index, keep if inserted else ~keep)
            for index, of_image in enumerate(saliency)
            for one in of_image
            for keep in _growing(one, ends)
        )
        probabilities = self._probe.under(explainer, images, labels, keeps, fill)
        return Curve(ends / pixels, probabilities.astype(np.float32))

    def _step_count(self, pixels: int) -> int:
        return min(self._steps or isqrt(pixels), self._changed_count(pixels))

    def _changed_count(self, pixels: int) -> int:
        return max(1, int(pixels * self._percent))

    def _blocks(self, saliency: FloatArray) -> list[NDArray[np.int64]]:
        """The pixels of each block, the most important first, of one length; equal ones in their order."""
        steps = self._step_count(saliency.size)
        length = self._changed_count(saliency.size) // steps
        order = np.argsort(-saliency.ravel(), kind="stable")
        return list(order[: steps * length].reshape(steps, length))

    def _ends(self, pixels: int) -> NDArray[np.int64]:
        """How many pixels are changed after each step, from 0 on."""
        ends: Float64Array = np.linspace(0, self._changed_count(pixels), self._step_count(pixels) + 1)
        return np.rint(ends).astype(np.int64)


def _other_fills(fill: Any, given: Sequence[Any] | None) -> dict[str, Fill | MaskFill]:
    """The fills of further curves by their recorded names, that of the scores left out."""
    if given is None:
        given = (0.0,) if isinstance(fill, str) and fill.startswith("blur") else ("blur",)
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f'`curve_fills` must be a sequence of fills, as ("blur", 0.5), got {given!r}')
    fills = [fill_of(f"curve_fills[{index}]", one) for index, one in enumerate(given)]
    names = [str(recorded_fill(one)) for one in [fill, *given]]
    require_distinct("fill and curve_fills", names, "curves are filed under their fill")
    return dict(zip(names[1:], fills, strict=True))


def _growing(saliency: FloatArray, ends: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    """Which pixels (H, W) are among the most important ones, more at each step; equal ones in their order."""
    rank = np.empty(saliency.size, np.int64)
    rank[np.argsort(-saliency.ravel(), kind="stable")] = np.arange(saliency.size)
    return ((rank < end).reshape(saliency.shape) for end in ends)


def _without(size: tuple[int, ...], block: NDArray[np.int64]) -> NDArray[np.bool_]:
    keep = np.ones(int(np.prod(size)), bool)
    keep[block] = False
    return keep.reshape(size)
