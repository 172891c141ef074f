"""What `explainer inspect` says of a run: facts as JSON values, and the same as text."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from explainer.analysis.statistics import LEAST, Summary
from explainer.analysis.view import RunView
from explainer.command.trust import or_none, trust_facts, trust_lines
from explainer.records import Benchmark, ScoreCurve

_MOST_NAMES = 12
_PARTS = ("right", "wrong")
_GRID = 101  # points of a mean curve


def summarise(run: RunView) -> dict[str, Any]:
    """The facts of a run, as JSON values; an undefined score is null."""
    files = [path for path in run.files.data_dir.rglob("*") if path.is_file()]
    maps = Counter(entry.explainer for sample in run.samples.values() for entry in sample.maps)
    constant = Counter(entry.explainer for sample in run.samples.values() for entry in sample.maps if entry.constant)
    return {
        "folder": str(run.summary_dir),
        "event_file": run.files.event_file.name,
        "started": _started(run.files.timestamp),
        "state": _state(run),
        "package_version": run.metadata.package_version,
        "parameters": dict(run.metadata.parameters),
        "labels": list(run.metadata.labels),
        "explainers": list(run.metadata.explainers),
        "metrics": list(run.metadata.metrics),
        "samples": len(run.samples),
        "right": _right(run),
        "with_ground_truth": sum(sample.truth_known for sample in run.samples.values()),
        "samples_unfinished": list(run.unfinished),
        "samples_skipped": {str(number): reason for number, reason in sorted(run.skipped.items())},
        "maps": {name: maps[name] for name in run.metadata.explainers},
        "constant_maps": {name: constant[name] for name in run.metadata.explainers},
        "largest_completeness_gap": _largest_gaps(run),
        "scores": [_score(benchmark, run) for benchmark in run.benchmarks],
        "statistics": _statistics(run),
        "curves": _curves(run),
        **trust_facts(run),
        "event_bytes": _size(run.files.event_file),
        "picture_bytes": sum(_size(path) for path in files),
        "damage": [{"offset": finding.offset, "what": finding.what} for finding in run.findings],
        "other_runs": [older.event_file.name for older in run.older],
    }


def as_text(facts: dict[str, Any]) -> str:
    """The facts for a person, one per line."""
    lines = [
        ("summary", f"{facts['folder']} ({facts['event_file']})"),
        ("state", f"{facts['state']}, started {facts['started'] or 'at an unknown time'}"),
        ("labels", _names(facts["labels"])),
        ("samples", _samples(facts)),
        *[("explainer", _explainer(name, facts)) for name in facts["explainers"]],
        *[("score", text) for text in _score_lines(facts)],
        *[("curve", text) for text in _curve_lines(facts)],
        *trust_lines(facts),
        ("bytes", f"{_bytes(facts['event_bytes'])} records, {_bytes(facts['picture_bytes'])} pictures"),
        *[("skipped", reason) for reason in list(facts["samples_skipped"].values())[:_MOST_NAMES]],
        *[("damage", f"{entry['what']} (byte {entry['offset']})") for entry in facts["damage"]],
    ]
    if facts["other_runs"]:
        lines.append(("also here", f"{len(facts['other_runs'])} older: {_names(facts['other_runs'])}"))
    return "\n".join(f"{name:<10}{_one_line(value)}" for name, value in lines)


def _one_line(text: str) -> str:
    """The text with line ends and commands to the terminal made visible: a stranger's labels may hold any."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _started(timestamp: int) -> str | None:
    """The time, or None: any number can stand in a file name."""
    try:
        return datetime.fromtimestamp(timestamp, timezone.utc).isoformat()
    except (OSError, OverflowError, ValueError):
        return None


def _state(run: RunView) -> str:
    if run.findings:
        return "damaged"
    return "ended" if run.ended else "not ended"


def _right(run: RunView) -> int:
    """How many samples have their most probable label among the true ones."""
    return sum(sample.right is True for sample in run.samples.values())


def _score(benchmark: Benchmark, run: RunView) -> dict[str, Any]:
    by_label = zip(run.metadata.labels, benchmark.by_label, strict=False)
    return {
        "explainer": benchmark.explainer,
        "metric": benchmark.metric,
        "mean": or_none(benchmark.total),
        "by_label": {label: or_none(score) for label, score in by_label},
        "defined": benchmark.defined,
        "undefined": benchmark.undefined,
    }


def _samples(facts: dict[str, Any]) -> str:
    parts = [f"{facts['samples']} whole"]
    if facts["with_ground_truth"]:
        parts.append(f"{facts['right']} of {facts['with_ground_truth']} predicted right")
    if facts["samples_unfinished"]:
        parts.append(f"{len(facts['samples_unfinished'])} unfinished")
    if facts["samples_skipped"]:
        parts.append(f"{len(facts['samples_skipped'])} skipped")
    return ", ".join(parts)


def _explainer(name: str, facts: dict[str, Any]) -> str:
    parts = [f"{facts['maps'][name]} maps"]
    if facts["constant_maps"][name]:
        parts.append(f"{facts['constant_maps'][name]} of them constant")
    if name in facts["largest_completeness_gap"]:
        parts.append(f"completeness gap up to {facts['largest_completeness_gap'][name]:.3g}")
    return f"{name}: {', '.join(parts)}{_settings(name, facts)}"


def _settings(name: str, facts: dict[str, Any]) -> str:
    """The explainer's own settings, for a person: what is not None, the class left out where it is the name."""
    explainers = facts["parameters"].get("explainers")
    recorded = explainers.get(name) if isinstance(explainers, dict) else None
    settings = recorded if isinstance(recorded, dict) else {}
    shown = [
        f"{key}={value}" for key, value in settings.items() if value is not None and (key, value) != ("class", name)
    ]
    return f" ({', '.join(shown)})" if shown else ""


def _largest_gaps(run: RunView) -> dict[str, float]:
    """For each explainer with completeness gaps the largest absolute one."""
    gaps: dict[str, float] = {}
    for entry in (entry for sample in run.samples.values() for entry in sample.maps):
        if entry.completeness_gap is not None and math.isfinite(entry.completeness_gap):
            gaps[entry.explainer] = max(gaps.get(entry.explainer, 0.0), abs(entry.completeness_gap))
    return gaps


def _statistics(run: RunView) -> list[dict[str, Any]]:
    return [
        {
            "metric": entry.metric,
            "higher_is_better": entry.higher_is_better,
            "explainer": entry.explainer,
            "control": entry.control,
            "rank": entry.rank,
            **_as_json(entry.overall),
            "right": _as_json(entry.right),
            "wrong": _as_json(entry.wrong),
        }
        for entry in run.statistics()
    ]


def _curves(run: RunView) -> list[dict[str, Any]]:
    """For each metric, method and fill the mean of its curves."""
    found: dict[tuple[str, str, str], list[ScoreCurve]] = {}
    for curve in (curve for sample in run.samples.values() for curve in sample.curves):
        found.setdefault((curve.metric, curve.explainer, curve.fill), []).append(curve)
    return [_mean_curve(*names, curves) for names, curves in found.items()]


def _mean_curve(metric: str, explainer: str, fill: str, curves: list[ScoreCurve]) -> dict[str, Any]:
    """The mean over a grid of 101 fractions, as images of different sizes have different steps."""
    grid = np.linspace(0, max(float(curve.fractions[-1]) for curve in curves), _GRID)
    mean = np.mean([np.interp(grid, curve.fractions, curve.probabilities) for curve in curves], axis=0)
    area = float(((mean[1:] + mean[:-1]) / 2).mean())  # by trapezia of one width
    return {
        "metric": metric,
        "explainer": explainer,
        "fill": fill,
        "curves": len(curves),
        "area": or_none(area),
        "fractions": [or_none(value) for value in grid.tolist()],
        "probabilities": [or_none(value) for value in mean.tolist()],
    }


def _as_json(summary: Summary) -> dict[str, Any]:
    return {name: or_none(value) if isinstance(value, float) else value for name, value in summary._asdict().items()}


def _score_lines(facts: dict[str, Any]) -> list[str]:
    """A line per metric and method; without single scores the totals alone."""
    if facts["statistics"]:
        return [_statistic_text(entry) for entry in facts["statistics"]]
    return [_score_text(score) for score in facts["scores"]]


def _statistic_text(entry: dict[str, Any]) -> str:
    head = f"{entry['metric']} of {entry['explainer']}: "
    left_out = f", {entry['undefined']} undefined" if entry["undefined"] else ""
    if entry["mean"] is None:
        return f"{head}undefined{left_out}"
    spread = "" if entry["deviation"] is None else f", sd {entry['deviation']:.3f}"
    parts = [
        f"{part} {entry[part]['mean']:.3f} (n {entry[part]['defined']})" for part in _PARTS if entry[part]["defined"]
    ]
    known = entry["low"] is not None
    interval = f"[{entry['low']:.3f}, {entry['high']:.3f}]" if known else f"(no interval below n {LEAST})"
    return (
        f"{head}mean {entry['mean']:.3f} {interval}, median {entry['median']:.3f}{spread}, "
        f"n {entry['defined']}{left_out}, rank {entry['rank']:g}{'; ' * bool(parts)}{', '.join(parts)}"
    )


def _curve_lines(facts: dict[str, Any]) -> list[str]:
    """A line per metric and method: the area under its mean curve with each fill."""
    areas: dict[tuple[str, str], list[str]] = {}
    for entry in facts["curves"]:
        area = "undefined" if entry["area"] is None else f"{entry['area']:.3f}"
        areas.setdefault((entry["metric"], entry["explainer"]), []).append(f"{area} ({entry['fill']})")
    return [f"{metric} of {name}: area by fill {', '.join(texts)}" for (metric, name), texts in areas.items()]


def _score_text(score: dict[str, Any]) -> str:
    mean = "undefined" if score["mean"] is None else f"{score['mean']:.4f}"
    left_out = f", {score['undefined']} undefined" if score["undefined"] else ""
    return f"{score['explainer']} {score['metric']}: {mean} (mean of {score['defined']}{left_out})"


def _names(names: list[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _size(path: Path) -> int:
    return path.stat().st_size
