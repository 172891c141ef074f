"""The facts of a run as JSON values, for text, programs and pages alike."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from explainer.analysis.controls import ControlVerdicts
from explainer.analysis.curves import mean_curve
from explainer.analysis.json_values import finite
from explainer.analysis.limits import MOST_CURVES
from explainer.analysis.reliability import reliability_facts
from explainer.analysis.statistics import PARTS, MethodStatistics
from explainer.analysis.view import RunView
from explainer.records import Benchmark, ScoreCurve
from explainer.summary.folder import entries_below, led_out
from explainer.summary.reader import SampleView
from explainer.summary.settings import mapping

FORMAT = 1
"""Of the facts (docs/inspect.md): a key is never renamed, taken away nor changed in meaning without a greater number;
keys may be added."""
Facts = dict[str, Any]


def facts_of(run: RunView) -> Facts:
    """The facts of a run, as JSON values; an undefined score is null."""
    facts = {
        "format": FORMAT,
        **_run_facts(run),
        **_sample_facts(run),
        **_map_facts(run),
        "scores": [_score(benchmark, run) for benchmark in run.benchmarks],
        "control_samples": _control_samples(run),
        "statistics": _statistics(run),
        "curves": _curves(run),
        **reliability_facts(run),
        **_file_facts(run),
    }
    return {name: finite(fact) for name, fact in facts.items()}


def _run_facts(run: RunView) -> Facts:
    return {
        "folder": str(run.summary_dir),
        "event_file": run.files.event_file.name,
        "started": time_of(run.files.timestamp),
        "ended": None if run.ended_at is None else time_of(run.ended_at),
        "state": run.state,
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


def _sample_facts(run: RunView) -> Facts:
    samples = run.samples.values()
    return {
        "samples": len(samples),
        "correct": sum(sample.correct is True for sample in samples),
        "with_ground_truth": sum(sample.truth_known for sample in samples),
        "with_boxes": sum(sample.objects is not None for sample in samples),
        "sources": {str(number): sample.source for number, sample in run.samples.items() if sample.source},
        "samples_unfinished": list(run.unfinished),
        "samples_skipped": {str(number): reason for number, reason in sorted(run.skipped.items())},
    }


def _map_facts(run: RunView) -> Facts:
    maps = [entry for sample in run.samples.values() for entry in sample.maps]
    written = Counter(entry.explainer for entry in maps)
    constant = Counter(entry.explainer for entry in maps if entry.constant)
    return {
        "maps": {name: written[name] for name in run.metadata.explainers},
        "constant_maps": {name: constant[name] for name in run.metadata.explainers},
        "largest_completeness_gap": _largest((entry.explainer, entry.completeness_gap) for entry in maps),
        "largest_standard_error": _largest((entry.explainer, entry.standard_error) for entry in maps),
    }


def _largest(known: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """For each explainer with such a number the largest absolute one."""
    found: dict[str, float] = {}
    for explainer, number in known:
        if number is not None and math.isfinite(number):
            found[explainer] = max(found.get(explainer, 0.0), abs(number))
    return found


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


def _statistics(run: RunView) -> list[Facts]:
    verdicts = ControlVerdicts(run.samples.values(), run.metadata)

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
        for entry in run.statistics()
    ]


def _control_samples(run: RunView) -> Facts | None:
    """On how many samples the controls and curves with further fills are, and how they were drawn; None for all."""
    drawn = mapping(run.metadata.parameters.get("control_samples"))
    return {**drawn, "samples": sum(map(_has_further, run.samples.values()))} if drawn else None


def _has_further(sample: SampleView) -> bool:
    """Whether a sample has more than its maps' own scores and curves: those of controls, or with another fill."""
    scored = {score.explainer for score in sample.scores} - {entry.explainer for entry in sample.maps}
    curves = Counter((curve.metric, curve.explainer, curve.label) for curve in sample.curves)
    return bool(scored) or max(curves.values(), default=0) > 1


def _curves(run: RunView) -> list[Facts]:
    """For each metric, explainer and fill the mean of its curves."""
    found: dict[tuple[str, str, str], list[ScoreCurve]] = {}
    for curve in (curve for sample in run.samples.values() for curve in sample.curves):
        found.setdefault((curve.metric, curve.explainer, curve.fill), []).append(curve)
    return [_curve(*names, curves) for names, curves in list(found.items())[:MOST_CURVES]]


def _curve(metric: str, explainer: str, fill: str, curves: list[ScoreCurve]) -> Facts:
    mean = mean_curve(curves)
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


def _file_facts(run: RunView) -> Facts:
    return {
        "event_bytes": run.files.event_file.stat().st_size,
        "picture_bytes": _bytes_below(run.files.data_dir),
        "damage": [{"offset": finding.offset, "what": finding.what} for finding in run.findings],
        "newest": all(other.timestamp < run.files.timestamp for other in run.older),
        "other_runs": [older.event_file.name for older in run.older],
        "led_out": led_out(run.summary_dir),
    }


def _bytes_below(directory: Path) -> int:
    files = (entry for entry in entries_below(directory) if entry.is_file(follow_symlinks=False))
    return sum(entry.stat(follow_symlinks=False).st_size for entry in files)
