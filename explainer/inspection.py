"""What `explainer inspect` says of a run: facts as JSON values, and the same as text."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from explainer.records import Benchmark
from explainer.summary.reader import RunView

_MOST_NAMES = 12


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
        "with_ground_truth": sum(bool(sample.prediction.ground_truth) for sample in run.samples.values()),
        "samples_unfinished": list(run.unfinished),
        "samples_skipped": {str(number): reason for number, reason in sorted(run.skipped.items())},
        "maps": {name: maps[name] for name in run.metadata.explainers},
        "constant_maps": {name: constant[name] for name in run.metadata.explainers},
        "largest_completeness_gap": _largest_gaps(run),
        "scores": [_score(benchmark, run) for benchmark in run.benchmarks],
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
        *[("score", _score_text(score)) for score in facts["scores"]],
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
    predictions = [sample.prediction for sample in run.samples.values()]
    return sum(
        int(entry.probabilities.argmax()) in entry.ground_truth for entry in predictions if entry.probabilities.size
    )


def _score(benchmark: Benchmark, run: RunView) -> dict[str, Any]:
    by_label = zip(run.metadata.labels, benchmark.by_label, strict=False)
    return {
        "explainer": benchmark.explainer,
        "metric": benchmark.metric,
        "mean": _or_none(benchmark.total),
        "by_label": {label: _or_none(score) for label, score in by_label},
        "defined": benchmark.defined,
        "undefined": benchmark.undefined,
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
