"""Occlusion from coarse to fine: every second window is hidden, then those between where it matters."""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np

from explainer.arrays import Float64Array, FloatArray, IndexArray
from explainer.explanation.hidden_regions import HiddenRegion, WindowRegions
from explainer.perturb.masks import Windows
from explainer.streams import sample_stream

_CHECKED = 8  # windows of an input that are hidden to see how far their estimates are off


class CoarseToFine:
    """Which windows of an input are hidden, and what is taken for the drops under the others.

    First come every second window along each axis, and the last; then a share of the others, those whose estimate is
    largest. The estimate of a window is the mean of the first ones next to it: two, or four at a corner of them.

    Args:
        windows: F of them on each input.
        share: of those that are not among the first, in [0, 1].

    >>> plan = CoarseToFine(Windows((1, 6), (1, 2), (1, 1)), 0.5)
    >>> plan.first.tolist(), plan.further
    ([0, 2, 4], 2)
    >>> plan.estimates(np.array([[1.0], [3.0], [2.0]])).ravel().tolist()
    [1.0, 2.0, 3.0, 2.5, 2.0]
    """

    def __init__(self, windows: Windows, share: float) -> None:
        self._windows = windows
        others = len(windows) - prod(len(numbers) for numbers in self._first_of_axes)
        self._refined = round(share * others)
        self._checked = min(_CHECKED, others - self._refined)

    @cached_property
    def regions(self) -> list[HiddenRegion]:
        """All windows."""
        return [region for _, region in WindowRegions(1, self._windows, "mean", None)]

    @cached_property
    def first(self) -> IndexArray:
        """The numbers of the windows that are hidden first, (G,)."""
        return np.ravel_multi_index(np.ix_(*self._first_of_axes), self._windows.grid).ravel()

    @property
    def further(self) -> int:
        """How many windows are hidden then, P."""
        return self._refined + self._checked

    def estimates(self, first_drops: Float64Array) -> Float64Array:
        """The drops under all windows, (F, L), of those under the first, (G, L), for which they are the same."""
        drops = first_drops.reshape(*map(len, self._first_of_axes), -1)
        for axis, (first, length) in enumerate(zip(self._first_of_axes, self._windows.grid, strict=True)):
            before = np.searchsorted(first, np.arange(length), side="right") - 1
            behind = np.searchsorted(first, np.arange(length))
            drops = (np.take(drops, before, axis) + np.take(drops, behind, axis)) / 2
        return drops.reshape(len(self._windows), -1)

    def chosen(self, estimates: Float64Array, image: FloatArray) -> IndexArray:
        """The numbers of further windows, (P,): where a score drops or rises most; last those that are drawn to check.

        Args:
            estimates: as `estimates` gives them.
            image: on which the draw depends, (C, ...).
        """
        others = np.setdiff1d(np.arange(len(estimates)), self.first)
        ranked = others[np.argsort(-np.abs(estimates[others]).max(axis=1), kind="stable")]
        refined, drawn = ranked[: self._refined], sample_stream(0, image).permutation(others)
        return np.concatenate([refined, drawn[~np.isin(drawn, refined)][: self._checked]])

    def error(self, misses: Float64Array) -> Float64Array:
        """The root mean square error of the drops under all windows, (L,).

        Args:
            misses: how far the estimates at `chosen` were off, (P, L).
        """
        estimated = len(self._windows) - len(self.first) - self.further
        squares = (misses[self._refined :] ** 2).sum(axis=0) / max(1, self._checked)
        error: Float64Array = np.sqrt(squares * estimated / len(self._windows))
        return error

    @cached_property
    def _first_of_axes(self) -> list[IndexArray]:
        return [np.unique([*range(0, length, 2), length - 1]) for length in self._windows.grid]
