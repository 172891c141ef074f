"""What is left of a run whose metadata, and the copy of it, are damaged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from explainer.errors import SummaryReadError
from explainer.records import Benchmark, RunMetadata
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import Damage
from explainer.summary.run_notes import Finding

LOST_METADATA = Finding(0, "the metadata is damaged, and its copy, too: labels have numbers for names")


def guessed_metadata(samples: Iterable[SampleView], benchmarks: Iterable[Benchmark]) -> RunMetadata:
    """What samples and totals tell: how many labels there are, which explainers and which metrics."""
    totals = list(benchmarks)
    count = max((len(entry.by_label) for entry in totals), default=0)
    explainers = dict.fromkeys(entry.explainer for entry in totals)
    metrics = dict.fromkeys(entry.metric for entry in totals)
    for sample in samples:
        count = max(count, len(sample.prediction.probabilities))
        explainers.update(dict.fromkeys(entry.explainer for entry in sample.maps))
        metrics.update(dict.fromkeys(score.metric for score in sample.scores))
    return RunMetadata(tuple(map(str, range(count))), tuple(explainers), tuple(metrics), (), {}, "")


def nothing_in(event_file: Path, findings: Iterable[Finding]) -> SummaryReadError:
    """The error that says why a file without metadata and without a sample cannot be read."""
    if any(finding.what == Damage.TRUNCATED.value for finding in findings):
        return SummaryReadError(
            f"{event_file} is truncated: it ends within its first record (or was written by another tool)"
        )
    return SummaryReadError(f"{event_file} holds no metadata of this project; was it written by another tool?")
