"""What the records of a run say of all of it, beside its samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explainer.records import (
    Benchmark,
    DatasetOrder,
    RunEnd,
    RunMetadata,
    RunRepaired,
    RunResumed,
    SampleSkipped,
    StoredRecord,
)


@dataclass(frozen=True)
class Finding:
    """Damage in the event file, at a byte of it."""

    offset: int
    what: str


class RunNotes:
    """What is noted of a run while its records are read.

    Attributes:
        metadata: None where it is damaged.
        skipped: why a sample was left out, by its number.
        benchmarks: the mean scores.
        findings: what is damaged.
        ended: whether the run ended as planned.
        ended_at: when, in seconds since 1970-01-01 UTC; None where it did not.
        repairs: what `explainer repair`, or a merge of shards, had to leave out, for each time.
        resumed: what was other when the run was resumed, for each time that anything was.
        order: of the dataset of which the run worked on a part; None for another run, or where it was not recorded.
    """

    def __init__(self, metadata: RunMetadata | None = None) -> None:
        self.metadata = metadata
        self.skipped: dict[int, str] = {}
        self.benchmarks: list[Benchmark] = []
        self.findings: list[Finding] = []
        self.ended = False
        self.ended_at: float | None = None
        self.repairs: list[str] = []
        self.resumed: list[Mapping[str, Any]] = []
        self.order: DatasetOrder | None = None

    def note(self, record: StoredRecord | Finding) -> bool:
        """Whether this was about the run, or about a sample that was left out; else it is a part of a sample."""
        match record:
            case RunMetadata():
                self.metadata = self.metadata or record
            case SampleSkipped():
                self.skipped[record.sample_id] = record.reason
            case Benchmark():
                self.benchmarks.append(record)
            case Finding():
                self.findings.append(record)
            case _:
                return self._note_course(record)
        return True

    def _note_course(self, record: StoredRecord) -> bool:
        """Whether this was about what became of the run as a whole."""
        match record:
            case DatasetOrder():
                self.order = record
            case RunEnd():
                self.ended, self.ended_at = True, record.at
            case RunRepaired():
                self.repairs.append(record.left_out)
            case RunResumed():
                self.resumed.append(record.changed)
            case _:
                return False
        return True
