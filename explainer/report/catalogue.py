"""What a report knows of a run by number: its methods, its metrics, its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from explainer.analysis.view import RunView
from explainer.records import RunMetadata
from explainer.summary.reader import SampleView
from explainer.summary.run_notes import Finding

MOST_NAMES = 64
"""Methods, and metrics, that a report shows. No real run has so many; a small file of a stranger can have far more."""
MOST_ROWS = 100
"""Rows of one sample."""
NO_LABEL = -1


@dataclass(frozen=True)
class Catalogue:
    """The methods and metrics of a run, which a report names by their indices here.

    Attributes:
        methods: by name, the controls last.
        metrics: by name.
        controls: which of the methods know nothing of the network.
        label_count: how many labels the run has.
        findings: what is left out.
    """

    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    controls: frozenset[str]
    label_count: int
    findings: tuple[Finding, ...] = ()

    @cached_property
    def method_index(self) -> Mapping[str, int]:
        """The index of each method."""
        return {name: index for index, name in enumerate(self.methods)}

    @cached_property
    def metric_index(self) -> Mapping[str, int]:
        """The index of each metric."""
        return {name: index for index, name in enumerate(self.metrics)}


class CatalogueNames:
    """The methods and metrics that a run declares, and those that its samples name beside them, as these pass by.

    Args:
        metadata: of the run.
    """

    def __init__(self, metadata: RunMetadata) -> None:
        self._metadata = metadata
        self._mapped: dict[str, None] = {}
        self._scored: dict[str, None] = {}
        self._metrics = dict.fromkeys(metadata.metrics)
        self._most_labels = 0

    def take(self, sample: SampleView) -> None:
        """Takes a sample."""
        self._mapped.update(dict.fromkeys(entry.explainer for entry in sample.maps))
        self._scored.update(dict.fromkeys(score.explainer for score in sample.scores))
        self._metrics.update(dict.fromkeys(score.metric for score in sample.scores))
        self._most_labels = max(self._most_labels, len(sample.prediction.explained))

    def catalogue(self) -> Catalogue:
        """The methods and metrics, once all samples were taken."""
        controls = dict.fromkeys(mapping(self._metadata.parameters.get("controls")))
        named = dict.fromkeys((*self._metadata.explainers, *self._mapped, *self._scored))
        methods = [*(name for name in named if name not in controls), *controls]
        found = (
            _beyond(len(methods), MOST_NAMES, "methods"),
            _beyond(len(self._metrics), MOST_NAMES, "metrics"),
            _beyond(self._most_labels, MOST_ROWS, "labels explained of one sample"),
        )
        return Catalogue(
            tuple(methods[:MOST_NAMES]),
            tuple(self._metrics)[:MOST_NAMES],
            frozenset(controls),
            len(self._metadata.labels),
            tuple(finding for finding in found if finding is not None),
        )


def catalogue_of(run: RunView) -> Catalogue:
    """The methods and metrics of a run."""
    names = CatalogueNames(run.metadata)
    for sample in run.samples.values():
        names.take(sample)
    return names.catalogue()


def rows_of(sample: SampleView, label_count: int) -> list[int]:
    """The labels of a sample's rows: those that were explained, else its most probable one, else NO_LABEL."""
    return _labels_of(sample, label_count)[:MOST_ROWS] or [top_label(sample)]


def top_label(sample: SampleView) -> int:
    """The most probable label; NO_LABEL where there are no probabilities."""
    probabilities = sample.prediction.probabilities
    return int(probabilities.argmax()) if probabilities.size else NO_LABEL


def mapping(recorded: Any) -> Mapping[str, Any]:
    """What a file has recorded, which may be anything; {} where it is no mapping."""
    return recorded if isinstance(recorded, Mapping) else {}


def _labels_of(sample: SampleView, label_count: int) -> list[int]:
    mapped, searched = (entry.label for entry in sample.maps), (tree.label for tree in sample.edit_trees)
    labels = dict.fromkeys((*sample.prediction.explained, *mapped, *searched))
    return [label for label in labels if 0 <= label < label_count]


def _beyond(count: int, most: int, what: str) -> Finding | None:
    return Finding(0, f"there are {count:,} {what}: the report shows the first {most:,}") if count > most else None
