"""What a report knows of a run by number: its methods, its metrics, its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from explainer.analysis.view import RunView
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


def catalogue_of(run: RunView) -> Catalogue:
    """The methods and metrics that a run declares, and those that its samples name beside them."""
    samples = run.samples.values()
    metadata = run.metadata
    controls = dict.fromkeys(mapping(metadata.parameters.get("controls")))
    named = dict.fromkeys(metadata.explainers)
    named.update(dict.fromkeys(entry.explainer for sample in samples for entry in sample.maps))
    named.update(dict.fromkeys(score.explainer for sample in samples for score in sample.scores))
    methods = [*(name for name in named if name not in controls), *controls]
    metrics = dict.fromkeys(metadata.metrics)
    metrics.update(dict.fromkeys(score.metric for sample in samples for score in sample.scores))
    found = (_beyond(len(methods), "methods"), _beyond(len(metrics), "metrics"), _rows_beyond(samples))
    return Catalogue(
        tuple(methods[:MOST_NAMES]),
        tuple(metrics)[:MOST_NAMES],
        frozenset(controls),
        len(metadata.labels),
        tuple(finding for finding in found if finding is not None),
    )


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


def _rows_beyond(samples: Iterable[SampleView]) -> Finding | None:
    most = max((len(sample.prediction.explained) for sample in samples), default=0)
    return _finding(most, MOST_ROWS, "labels explained of one sample") if most > MOST_ROWS else None


def _beyond(count: int, what: str) -> Finding | None:
    return _finding(count, MOST_NAMES, what) if count > MOST_NAMES else None


def _finding(count: int, most: int, what: str) -> Finding:
    return Finding(0, f"there are {count:,} {what}: the report shows the first {most:,}")
