"""Two runs compared, sample by sample: the facts as JSON values.

One sample of each run is in memory at a time; what stays are some numbers for each sample and method.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from explainer.analysis.json_values import finite
from explainer.analysis.map_changes import MapChanges
from explainer.analysis.pairing import Pairing, SampleKey, key_of, paired
from explainer.analysis.prediction_changes import PredictionChanges
from explainer.analysis.score_changes import ScoreChanges
from explainer.analysis.view import state_of
from explainer.errors import ComparisonError
from explainer.records import RunMetadata
from explainer.remote import local_path
from explainer.summary.folder import chosen_run
from explainer.summary.images import LARGEST_PICTURE
from explainer.summary.sample_index import SampleReader, index_of, samples_at
from explainer.summary.settings import differences, mapping

Facts = dict[str, Any]
Source = str | os.PathLike[str]


def compare_runs(
    first: Source,
    second: Source,
    *,
    run_a: int | str | None = None,
    run_b: int | str | None = None,
    most_pixels: int = LARGEST_PICTURE,
) -> Facts:
    """What is other in the second run: settings, predictions, scores and maps of the samples that both have.

    Args:
        first: the job folder of the run "a".
        second: that of the run "b"; it may be the same folder.
        run_a: which run of the first folder, by its timestamp or the name of its event file; by default the newest.
        run_b: which one of the second.
        most_pixels: of a map; one that claims more is not read.

    Returns:
        JSON values, an undefined number being null; docs/comparison.md says what each is. Differences are b - a.

    Raises:
        SummaryReadError: there is no such run, it cannot be read, or its format is a later one.
        ComparisonError: the labels differ, no sample is in both runs, or a metric has two directions.
    """
    a, b = _StoredRun(local_path(first, "`first`"), run_a), _StoredRun(local_path(second, "`second`"), run_b)
    _require_same_labels(a.metadata.labels, b.metadata.labels)
    keys = a.keys(), b.keys()
    pairing = paired(*keys)
    predictions, scores = PredictionChanges(a.metadata.labels), ScoreChanges()
    maps = MapChanges(a.folder, b.folder, most_pixels)
    with a.reader() as of_a, b.reader() as of_b:
        for number, other in pairing.pairs:
            pair = of_a.sample(number), of_b.sample(other)
            for changes in (predictions, scores, maps):
                changes.take(*pair)
    facts = {
        "a": a.facts(),
        "b": b.facts(),
        "paired": _pairing_facts(pairing, *keys),
        "differences": _setting_facts(a.metadata, b.metadata),
        "explainers": _in_both(a.metadata.explainers, b.metadata.explainers),
        "metrics": _in_both(a.metadata.metrics, b.metadata.metrics),
        "predictions": predictions.facts(),
        "scores": scores.facts(a.metadata, b.metadata),
        "scores_left_out": scores.left_out,
        "maps": maps.facts(),
    }
    return {name: finite(fact) for name, fact in facts.items()}


class _StoredRun:
    """A run on disk, of which it is known where its samples stand."""

    def __init__(self, folder: Path, run: int | str | None) -> None:
        self.folder = folder
        self.event_file = chosen_run(folder, run)[0].event_file
        self._index = index_of(self.event_file)
        if self._index.metadata is None:
            raise ComparisonError(
                f"the runs cannot be compared: the metadata of {self.event_file} is damaged, and its copy, too, so "
                "that nobody can tell what its labels are"
            )
        self.metadata: RunMetadata = self._index.metadata

    def keys(self) -> list[SampleKey]:
        """What each sample is known again by, in the order of their numbers."""
        return sorted(map(key_of, samples_at(self.event_file, self._index)))

    def reader(self) -> SampleReader:
        """The samples, in any order."""
        return SampleReader(self.event_file, self._index)

    def facts(self) -> Facts:
        """Which run it is."""
        index = self._index
        return {
            "folder": str(self.folder),
            "event_file": self.event_file.name,
            "state": state_of(damaged=bool(index.findings), ended=index.ended, repaired=bool(index.repairs)),
            "samples": len(index.samples),
        }


def _require_same_labels(first: Sequence[str], second: Sequence[str]) -> None:
    if list(first) == list(second):
        return
    if sorted(first) == sorted(second):
        what = "they have the same labels in another order"
    elif len(first) != len(second):
        what = f"they have {len(first)} and {len(second)} labels"
    else:
        number, *_ = (number for number, pair in enumerate(zip(first, second, strict=True)) if len({*pair}) == 2)
        what = f"label {number} is {first[number]!r} in the first and {second[number]!r} in the second"
    raise ComparisonError(f"the runs cannot be compared: their labels differ: {what}")


def _pairing_facts(pairing: Pairing, first: Sequence[SampleKey], second: Sequence[SampleKey]) -> Facts:
    of_a, of_b = ({key.number: key for key in keys} for keys in (first, second))
    digests = [(of_a[a].input_digest, of_b[b].input_digest) for a, b in pairing.pairs]
    return {
        "by": pairing.by,
        "samples": len(pairing.pairs),
        "pairs": [list(pair) for pair in pairing.pairs],
        "only_in_a": _names(of_a[number] for number in pairing.only_in_first),
        "only_in_b": _names(of_b[number] for number in pairing.only_in_second),
        "other_input": sum(bool(a and b) and a != b for a, b in digests),
        "input_unknown": sum(not (a and b) for a, b in digests),
    }


def _names(keys: Iterable[SampleKey]) -> list[str]:
    return [key.name for key in keys]


def _setting_facts(first: RunMetadata, second: RunMetadata) -> list[Facts]:
    """Every setting that differs; what is not there is null."""
    found = differences(_settings(first), _settings(second))
    return [{"name": difference.name, "a": difference.first, "b": difference.second} for difference in found]


def _settings(metadata: RunMetadata) -> Facts:
    provenance = dict(mapping(metadata.parameters.get("provenance")))
    provenance.pop("configuration", None)  # the options of the command, which are compared as settings and data
    parameters = {**metadata.parameters, "provenance": provenance}
    parameters.pop("merged", None)  # who worked on which samples
    return {"package_version": metadata.package_version, "jobs": list(metadata.jobs), **parameters}


def _in_both(first: Sequence[str], second: Sequence[str]) -> Facts:
    of_a, of_b = dict.fromkeys(first), dict.fromkeys(second)
    return {
        "in_both": [name for name in of_a if name in of_b],
        "only_in_a": [name for name in of_a if name not in of_b],
        "only_in_b": [name for name in of_b if name not in of_a],
    }
