"""The facts of a run as JSON values, for text, programs and pages alike."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from explainer.analysis.controls import ControlVerdicts
from explainer.analysis.curves import MeanCurve, MeanCurves
from explainer.analysis.json_values import finite
from explainer.analysis.limits import Limits
from explainer.analysis.reliability import ReliabilityFacts
from explainer.analysis.score_table import PARTS, ScoreTable
from explainer.analysis.statistics import MethodStatistics, statistics_of
from explainer.analysis.view import RunView, open_run, scanned_run, state_of
from explainer.errors import SummaryReadError
from explainer.records import Benchmark, RunMetadata
from explainer.summary.folder import entries_below, led_out
from explainer.summary.reader import SampleView
from explainer.summary.run_notes import Finding
from explainer.summary.settings import mapping

FORMAT = 1
"""Of the facts (docs/inspect.md): a key is never renamed, taken away nor changed in meaning without a greater number;
keys may be added."""
COMPLETE = ("ended", "repaired")
"""The states of runs that nothing is missing of, but for what a repair says."""
Facts = dict[str, Any]


def facts_of(run: RunView, *, sources: bool = True) -> Facts:
    """The facts of a run, as JSON values; an undefined score is null.

    Each sample is looked at once, so that it need not be in memory.

    Args:
        run: a run.
        sources: whether the names of all files are among them, which are most of what the facts take.
    """
    gathered = GatheredFacts(run, sources=sources)
    for sample in run.samples.values():
        gathered.take(sample)
    return gathered.facts()


def run_and_facts(
    summary_dir: str | os.PathLike[str], *, run: int | str | None = None, sources: bool = True
) -> tuple[RunView, Facts]:
    """A run of a job folder, whose samples are read when they are asked for, and its facts.

    All of the event file was read then: once where the run has an index that is right, else twice.

    Args:
        summary_dir: the job folder.
        run: which run of the folder, by its timestamp or the name of its event file; by default the newest.
        sources: as in `facts_of`.

    Raises:
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
    """
    with suppress(SummaryReadError):
        found = open_run(summary_dir, run=run)
        return found, facts_of(found, sources=sources)
    found = scanned_run(summary_dir, run=run)  # what is damaged was found in the middle
    return found, facts_of(found, sources=sources)


class GatheredFacts:
    """The facts of a run, gathered while its samples pass by.

    Args:
        run: a run.
        sources: as in `facts_of`.

    Attributes:
        scores: all single scores.
    """

    def __init__(self, run: RunView, *, sources: bool = True) -> None:
        self._run = run
        self._samples, self._maps = _SampleFacts(sources), _MapFacts(run.metadata.explainers)
        self._controls, self.scores = _ControlSamples(), ScoreTable()
        self._curves, self._limits = MeanCurves(), Limits()
        self._reliability = ReliabilityFacts(run.metadata)

    def take(self, sample: SampleView) -> None:
        """Takes the next sample of the run."""
        parts = self._samples, self._maps, self._controls, self.scores, self._curves, self._limits, self._reliability
        for part in parts:
            part.take(sample)

    def facts(self) -> Facts:
        """The facts, once all samples were taken."""
        run = self._run
        findings = list(dict.fromkeys([*run.findings, *self._limits.beyond()]))
        facts = {
            "format": FORMAT,
            **_run_facts(run, findings),
            **self._samples.facts(),
            "samples_unfinished": list(run.unfinished),
            "samples_skipped": {str(number): reason for number, reason in sorted(run.skipped.items())},
            **self._maps.facts(),
            "scores": [_score(benchmark, run) for benchmark in run.benchmarks],
            "control_samples": self._controls.facts(run.metadata),
            "statistics": _statistics(self.scores, run.metadata),
            "curves": [_curve(*kind, mean) for kind, mean in self._curves.means(run.samples.values())],
            **self._reliability.facts(),
            **_file_facts(run, findings),
        }
        return {name: finite(fact) for name, fact in facts.items()}


def _run_facts(run: RunView, findings: Sequence[Finding]) -> Facts:
    return {
        "folder": str(run.summary_dir),
        "event_file": run.files.event_file.name,
        "started": time_of(run.files.timestamp),
        "ended": None if run.ended_at is None else time_of(run.ended_at),
        "state": state_of(damaged=bool(findings), ended=run.ended, repaired=bool(run.repaired)),
        "repaired": run.repaired,
        "resumed": [dict(changed) for changed in run.resumed],
        "package_version": run.metadata.package_version,
        "parameters": dict(run.metadata.parameters),
        "jobs": {job: run.metadata.parameters.get(job, {}) for job in run.metadata.jobs},
        "labels": list(run.metadata.labels),
        "explainers": list(run.metadata.explainers),
        "metrics": list(run.metadata.metrics),
    }


def time_of(timestamp: float) -> str | None:
    """The time in whole seconds, or None: any number can stand in a file and in its name."""
    try:
        return datetime.fromtimestamp(int(timestamp), timezone.utc).isoformat()
    except (OSError, OverflowError, ValueError):
        return None


class _SampleFacts:
    def __init__(self, sources: bool) -> None:
        self._counts = dict.fromkeys(("samples", "correct", "with_ground_truth", "with_boxes"), 0)
        self._sources: dict[str, str] | None = {} if sources else None

    def take(self, sample: SampleView) -> None:
        self._counts["samples"] += 1
        self._counts["correct"] += sample.correct is True
        self._counts["with_ground_truth"] += sample.truth_known
        self._counts["with_boxes"] += sample.objects is not None
        if self._sources is not None and sample.source:
            self._sources[str(sample.sample_id)] = sample.source

    def facts(self) -> Facts:
        return {**self._counts, **({} if self._sources is None else {"sources": self._sources})}


class _MapFacts:
    def __init__(self, explainers: Sequence[str]) -> None:
        self._explainers = explainers
        self._written: Counter[str] = Counter()
        self._constant: Counter[str] = Counter()
        self._largest: dict[str, dict[str, float]] = {"completeness_gap": {}, "standard_error": {}}

    def take(self, sample: SampleView) -> None:
        for entry in sample.maps:
            name = entry.explainer
            self._written[name] += 1
            self._constant[name] += entry.constant
            for kind, found in self._largest.items():
                number = getattr(entry, kind)
                if number is not None and math.isfinite(number):
                    found[name] = max(found.get(name, 0.0), abs(number))

    def facts(self) -> Facts:
        """The counts; of each explainer with such a number the largest absolute one."""
        return {
            "maps": {name: self._written[name] for name in self._explainers},
            "constant_maps": {name: self._constant[name] for name in self._explainers},
            **{f"largest_{kind}": found for kind, found in self._largest.items()},
        }


def _score(benchmark: Benchmark, run: RunView) -> Facts:
    by_label = zip(run.metadata.labels, benchmark.by_label, strict=False)
    return {
        "explainer": benchmark.explainer,
        "metric": benchmark.metric,
        "mean": benchmark.total,
        "by_label": dict(by_label),
        "defined": benchmark.defined,
        "undefined": benchmark.undefined,
    }


def _statistics(table: ScoreTable, metadata: RunMetadata) -> list[Facts]:
    verdicts = ControlVerdicts(table, metadata)

    def part(entry: MethodStatistics, name: str = "") -> Facts:
        summary = getattr(entry, name or "overall")
        rank = entry.part_ranks[PARTS.index(name)] if name else entry.rank
        against = verdicts.of(entry.metric, entry.explainer, name)
        return {"rank": rank, **summary._asdict(), **{key: list(names) for key, names in against._asdict().items()}}

    return [
        {
            "metric": entry.metric,
            "higher_is_better": entry.higher_is_better,
            "explainer": entry.explainer,
            "control": entry.control,
            **part(entry),
            **{name: part(entry, name) for name in PARTS},
        }
        for entry in statistics_of(table, metadata)
    ]


class _ControlSamples:
    def __init__(self) -> None:
        self._samples = 0

    def take(self, sample: SampleView) -> None:
        self._samples += _has_further(sample)

    def facts(self, metadata: RunMetadata) -> Facts | None:
        """On how many samples the controls and curves with further fills are, and how they were drawn; None for all."""
        drawn = mapping(metadata.parameters.get("control_samples"))
        return {**drawn, "samples": self._samples} if drawn else None


def _has_further(sample: SampleView) -> bool:
    """Whether a sample has more than its maps' own scores and curves: those of controls, or with another fill."""
    scored = {score.explainer for score in sample.scores} - {entry.explainer for entry in sample.maps}
    curves = Counter((curve.metric, curve.explainer, curve.label) for curve in sample.curves)
    return bool(scored) or max(curves.values(), default=0) > 1


def _curve(metric: str, explainer: str, fill: str, mean: MeanCurve) -> Facts:
    return {
        "metric": metric,
        "explainer": explainer,
        "fill": fill,
        "curves": mean.curves,
        "area": mean.area,
        "fractions": mean.fractions.tolist(),
        "probabilities": mean.probabilities.tolist(),
        "low": mean.low.tolist(),
        "high": mean.high.tolist(),
    }


def _file_facts(run: RunView, findings: Sequence[Finding]) -> Facts:
    return {
        "event_bytes": run.files.event_file.stat().st_size,
        "picture_bytes": _bytes_below(run.files.data_dir),
        "damage": [{"offset": finding.offset, "what": finding.what} for finding in findings],
        "newest": all(other.timestamp < run.files.timestamp for other in run.older),
        "other_runs": [older.event_file.name for older in run.older],
        "led_out": led_out(run.summary_dir),
    }


def _bytes_below(directory: Path) -> int:
    files = (entry for entry in entries_below(directory) if entry.is_file(follow_symlinks=False))
    return sum(entry.stat(follow_symlinks=False).st_size for entry in files)
