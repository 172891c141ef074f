"""How the maps of two runs differ, pair by pair of samples."""

from __future__ import annotations

import heapq
import math
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from explainer.analysis.limits import MOST_METHODS
from explainer.analysis.rank_correlation import rank_correlation
from explainer.arrays import Pixels
from explainer.errors import SummaryReadError
from explainer.records import SaliencyFile
from explainer.resizing import resized
from explainer.summary import images
from explainer.summary.pictures import picture_of
from explainer.summary.reader import SampleView

Facts = dict[str, Any]
_MOST_CHANGED = 5


@dataclass
class _OfMethod:
    """Of one method: for each sample the mean correlation over its labels, and what has none."""

    correlations: array[float] = field(default_factory=lambda: array("d"))
    constant: int = 0
    unreadable: int = 0
    resized: int = 0
    most_changed: list[tuple[float, int, str]] = field(default_factory=list)  # a heap, the least changed first


class MapChanges:
    """Takes pairs of samples, and tells how far the maps of each method differ: by the correlation of their ranks.

    Args:
        first: the job folder of the first run.
        second: that of the second one.
        most_pixels: of a map; one that claims more is not read.
    """

    def __init__(self, first: Path, second: Path, most_pixels: int = images.LARGEST_PICTURE) -> None:
        self._first, self._second = first, second
        self._most_pixels = most_pixels
        self._methods: dict[str, _OfMethod] = {}

    def take(self, first: SampleView, second: SampleView) -> None:
        """Takes the maps of a sample in both runs, those of labels that were explained in both."""
        others = {(entry.explainer, entry.label): entry for entry in second.maps}
        found: dict[str, list[float]] = {}
        for entry in first.maps:
            other = others.get((entry.explainer, entry.label))
            if other is not None and (entry.explainer in self._methods or len(self._methods) < MOST_METHODS):
                kept = self._methods.setdefault(entry.explainer, _OfMethod())
                found.setdefault(entry.explainer, []).append(self._correlation(entry, other, kept))
        for name, correlations in found.items():
            defined = [value for value in correlations if not math.isnan(value)]
            if defined:
                _add(self._methods[name], math.fsum(defined) / len(defined), first)

    def _correlation(self, entry: SaliencyFile, other: SaliencyFile, kept: _OfMethod) -> float:
        """The correlation; nan where one cannot be read or is constant, which is counted."""
        try:
            first, second = self._grey(self._first, entry), self._grey(self._second, other)
        except SummaryReadError:
            kept.unreadable += 1
            return math.nan
        if first.shape != second.shape:
            kept.resized += 1
            second = np.rint(resized(second.astype(np.float32), first.shape)).astype(np.uint8)
        correlation = rank_correlation(first, second)
        kept.constant += math.isnan(correlation)
        return correlation

    def _grey(self, folder: Path, entry: SaliencyFile) -> Pixels:
        """The map's 256 greys, which have the order of its values."""
        grey = picture_of(folder, entry, self._most_pixels)
        if grey.ndim != 2:
            raise SummaryReadError(f"the saliency map {entry.path!r} must be a grey picture, got shape {grey.shape}")
        return grey

    def facts(self) -> list[Facts]:
        """For each method how far its maps differ, in the order of the first run's maps."""
        return [{"explainer": name, **_facts(kept)} for name, kept in self._methods.items()]


def _add(kept: _OfMethod, correlation: float, sample: SampleView) -> None:
    kept.correlations.append(correlation)
    entry = -correlation, -sample.sample_id, sample.source or f"sample {sample.sample_id}"
    heapq.heappush(kept.most_changed, entry)
    if len(kept.most_changed) > _MOST_CHANGED:
        heapq.heappop(kept.most_changed)


def _facts(kept: _OfMethod) -> Facts:
    found = np.array(kept.correlations)
    return {
        "mean": math.fsum(found) / len(found) if len(found) else math.nan,
        "median": float(np.median(found)) if len(found) else math.nan,
        "lowest": float(found.min()) if len(found) else math.nan,
        "samples": len(found),
        "constant_pairs": kept.constant,
        "unreadable_pairs": kept.unreadable,
        "resized_pairs": kept.resized,
        "most_changed": [
            {"name": name, "sample_a": -number, "correlation": -correlation}
            for correlation, number, name in sorted(kept.most_changed, reverse=True)
        ],
    }
