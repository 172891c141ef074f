"""What a page says of a run as a whole, as JSON values."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.facts import COMPLETE, GatheredFacts
from explainer.analysis.json_values import or_none
from explainer.analysis.score_table import PARTS, ScoreTable
from explainer.analysis.view import RunView
from explainer.arrays import Float64Array
from explainer.report.catalogue import Catalogue, mapping
from explainer.report.cells import RowCells
from explainer.report.columns import Rows
from explainer.report.metric_words import words_of
from explainer.report.thumbnails import CELL
from explainer.summary.lock import has_writer
from explainer.summary.reader import SampleView
from explainer.version import __version__

FORMAT = 1
ROWS_PER_CHUNK = 8
MOST_MEASURED = 2_000
"""Maps of a method of which the percentiles of its values are made, evenly spaced; half as many at least."""
_MOST_FINDINGS, _MOST_NUMBERS = 100, 1_000
Facts = dict[str, Any]


class _Spaced:
    """Of any number of entries up to MOST_MEASURED: every one, else every second, else every fourth, and so on."""

    def __init__(self) -> None:
        self.kept: list[NDArray[np.float32]] = []
        self._seen = 0
        self._every = 1

    def add(self, entry: NDArray[np.float32]) -> None:
        if self._seen % self._every == 0:
            self.kept.append(entry)
        self._seen += 1
        if len(self.kept) > MOST_MEASURED:
            self.kept, self._every = self.kept[::2], 2 * self._every


@dataclass
class Measured:
    """What is found out of a run's pictures while they pass by.

    Attributes:
        disagreements: of each row.
        damaged: how many pictures and maps cannot be shown.
        damaged_raw_maps: how many maps cannot be shown as floats.
    """

    disagreements: array[float] = field(default_factory=lambda: array("d"))
    damaged: int = 0
    damaged_raw_maps: int = 0
    _quantiles: dict[int, _Spaced] = field(default_factory=dict)

    def take(self, rows: Sequence[RowCells]) -> None:
        """Takes the rows of a sample, which share their picture."""
        self.damaged += rows[0].image.damaged
        for row in rows:
            self.disagreements.append(row.disagreement)
            for cell in row.maps:
                self.damaged += cell.damaged
                if cell.quantiles is not None:
                    self._quantiles.setdefault(cell.header["method"], _Spaced()).add(cell.quantiles)

    def percentiles(self, method: int) -> tuple[float | None, float | None]:
        """The 1st and the 99th percentile of a method's values; None where it has no map."""
        found = self._quantiles.get(method)
        if not found:
            return None, None
        low, high = np.percentile(np.concatenate(found.kept).astype(np.float64), (1, 99))
        return float(low), float(high)


class RunFacts:
    """The facts of a run, but for those of the report's form, gathered while its samples pass by.

    Args:
        run: a run.
        catalogue: of it.
    """

    def __init__(self, run: RunView, catalogue: Catalogue) -> None:
        self._run = run
        self._catalogue = catalogue
        self._gathered = GatheredFacts(run, sources=False)
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._maps: Counter[str] = Counter()
        self._constant: Counter[str] = Counter()
        self._signed: set[str] = set()
        self._scored: set[str] = set()

    def take(self, sample: SampleView) -> None:
        """Takes the next sample of the run."""
        self._gathered.take(sample)
        for name, holds in _COUNTED.items():
            self._counts[name] += holds(sample)
        self._scored.update(score.metric for score in sample.scores)
        for entry in sample.maps:
            self._maps[entry.explainer] += 1
            self._constant[entry.explainer] += entry.constant
            if entry.low < 0:
                self._signed.add(entry.explainer)

    def facts(self, rows: Rows, measured: Measured) -> Facts:
        """The facts, once all samples were taken."""
        run, catalogue, facts = self._run, self._catalogue, self._gathered.facts()
        left_out = [{"offset": finding.offset, "what": finding.what} for finding in catalogue.findings]
        findings = [*facts["damage"], *left_out]
        return {
            "format": FORMAT,
            "version": __version__,
            "cell": CELL,
            "rows_per_chunk": ROWS_PER_CHUNK,
            "rows": len(rows),
            "samples": len(rows.samples),
            "run": _about(run, facts),
            "counts": self._counts_of(facts, measured),
            "methods": self._methods(facts["largest_completeness_gap"], measured),
            "metrics": _metrics(run, self._scored, catalogue),
            "control_samples": facts["control_samples"],
            "statistics": _statistics(self._gathered.scores, facts, catalogue),
            "totals": facts["scores"],
            "curves": [_curve(curve, catalogue) for curve in facts["curves"] if _is_known(curve, catalogue)],
            **{name: facts[name] for name in ("calibration", "uncertainty", "hierarchical_occlusion")},
            "findings": findings[:_MOST_FINDINGS],
            "findings_in_all": len(findings),
            "skipped": [
                {"sample": number, "reason": reason} for number, reason in sorted(run.skipped.items())[:_MOST_NUMBERS]
            ],
            "unfinished": list(run.unfinished[:_MOST_NUMBERS]),
            "bytes": {"events": facts["event_bytes"], "pictures": facts["picture_bytes"]},
        }

    def _counts_of(self, facts: Facts, measured: Measured) -> Facts:
        known = {
            "correct": facts["correct"],
            "incorrect": self._counts["incorrect"],
            "with_truth": facts["with_ground_truth"],
            "unfinished": len(self._run.unfinished),
            "skipped": len(self._run.skipped),
            "maps": self._maps.total(),
            "damaged_cells": measured.damaged,
            "damaged_raw_maps": measured.damaged_raw_maps,
        }
        return {**known, **{name: count for name, count in self._counts.items() if name not in known}}

    def _methods(self, gaps: Facts, measured: Measured) -> list[Facts]:
        return [
            {
                **_method(name, self._run, name in self._catalogue.controls),
                **dict(zip(("p01", "p99"), measured.percentiles(index), strict=True)),
                "signed": name in self._signed,
                "maps": self._maps[name],
                "constant_maps": self._constant[name],
                "largest_gap": gaps.get(name),
            }
            for index, name in enumerate(self._catalogue.methods)
        ]


_COUNTED: Mapping[str, Callable[[SampleView], bool]] = {
    "incorrect": lambda sample: sample.correct is False,
    "with_uncertainty": lambda sample: sample.uncertainty is not None,
    "with_edits": lambda sample: any(tree.layers for tree in sample.edit_trees),
    "with_scores": lambda sample: bool(sample.scores),
}


def run_facts(run: RunView, catalogue: Catalogue, rows: Rows, measured: Measured) -> Facts:
    """The facts of a run, but for those of the report's form."""
    found = RunFacts(run, catalogue)
    for sample in rows.samples:
        found.take(sample)
    return found.facts(rows, measured)


def _about(run: RunView, facts: Facts) -> Facts:
    parameters = run.metadata.parameters
    return {
        "name": run.summary_dir.resolve().name,
        "event_file": run.files.event_file.name,
        "timestamp": run.files.timestamp,
        "started": facts["started"],
        "ended": facts["ended"],
        "state": state_of(run, facts["state"]),
        "complete": facts["state"] in COMPLETE,
        "package_version": run.metadata.package_version,
        "labels": facts["labels"],
        "jobs": list(run.metadata.jobs),
        "network": parameters.get("network"),
        "dataset": parameters.get("dataset"),
        "provenance": mapping(parameters.get("provenance")),
        "parameters": facts["parameters"],
        "repaired": run.repaired,
        "resumed": facts["resumed"],
    }


def state_of(run: RunView, state: str) -> str:
    """The state of a run; "running" where one that did not end has a writer."""
    return "running" if not run.ended and has_writer(run.summary_dir, run.files) else state


def _method(name: str, run: RunView, control: bool) -> Facts:
    recorded = mapping(run.metadata.parameters.get("controls" if control else "explainers"))
    return {"name": name, "kind": "control" if control else "method", "settings": mapping(recorded.get(name))}


def _metrics(run: RunView, scored: Container[str], catalogue: Catalogue) -> list[Facts]:
    recorded = mapping(run.metadata.parameters.get("metrics"))
    settings = [mapping(recorded.get(name)) for name in catalogue.metrics]
    return [
        {"name": name, "scores": name in scored, **_metric(settings[index])}
        for index, name in enumerate(catalogue.metrics)
    ]


def _metric(settings: Mapping[str, Any]) -> Facts:
    """What a run has recorded of a metric, which may be anything where its file is damaged."""
    kind, bounds = settings.get("class"), settings.get("bounds")
    low, high = bounds if isinstance(bounds, list) and len(bounds) == 2 else (None, None)
    return {
        "class": kind if isinstance(kind, str) else None,
        "better": "lower" if settings.get("higher_is_better") is False else "higher",
        "low": low if isinstance(low, int | float) else None,
        "high": high if isinstance(high, int | float) else None,
        **words_of(settings)._asdict(),
        "per_label": settings.get("per_label") is not False,
        "settings": settings,
    }


# Statistics and curves.


def _is_known(entry: Facts, catalogue: Catalogue) -> bool:
    return entry["metric"] in catalogue.metric_index and entry["explainer"] in catalogue.method_index


def _statistics(scores: ScoreTable, facts: Facts, catalogue: Catalogue) -> list[Facts]:
    return [
        {
            "metric": catalogue.metric_index[entry["metric"]],
            "method": catalogue.method_index[entry["explainer"]],
            "rank": entry["rank"],
            "all": _summary(entry, catalogue),
            **{part: _summary(entry[part], catalogue) for part in PARTS},
            "labels": _label_means(scores.scores(entry["metric"], entry["explainer"]).by_label),
        }
        for entry in facts["statistics"]
        if _is_known(entry, catalogue)
    ]


def _summary(entry: Facts, catalogue: Catalogue) -> Facts:
    """Numbers; and of the controls that the method is better than, or has too few pairs with, their places."""
    places = catalogue.method_index
    return {
        **{name: entry[name] for name in ("mean", "median", "deviation", "low", "high")},
        "n": entry["defined"],
        **{name: entry[name] for name in ("undefined", "rank")},
        **{kind: [places[name] for name in entry[kind] if name in places] for kind in ("better_than", "too_few")},
    }


def _label_means(scores: Mapping[int, Float64Array]) -> Facts:
    defined = [values[np.isfinite(values)] for values in scores.values()]
    return {
        "label": list(scores),
        "mean": [or_none(math.fsum(values) / len(values)) if len(values) else None for values in defined],
        "n": [len(values) for values in defined],
        "undefined": [len(all_) - len(values) for all_, values in zip(scores.values(), defined, strict=True)],
    }


def _curve(entry: Facts, catalogue: Catalogue) -> Facts:
    return {
        "metric": catalogue.metric_index[entry["metric"]],
        "method": catalogue.method_index[entry["explainer"]],
        "fill": entry["fill"],
        "n": entry["curves"],
        "area": entry["area"],
        "x": entry["fractions"],
        "mean": entry["probabilities"],
        "low": entry["low"],
        "high": entry["high"],
    }
