"""What an export is asked and what it tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explainer.analysis.json_values import finite
from explainer.analysis.streamed_run import StreamedRun
from explainer.analysis.tables import SCHEMA_VERSION

_MOST_REASONS = 12
_LINE_ENDS = {number: f"\\u{number:04x}" for number in (0x85, 0x2028, 0x2029)}  # which JSON itself leaves as they are


@dataclass(frozen=True)
class ExportSettings:
    """How an export goes about its work. shard_samples: at most in a file of arrays; most_pixels: of a picture."""

    shard_samples: int
    most_pixels: int


class LeftOut:
    """What could not be exported: how much, and the first reasons."""

    def __init__(self) -> None:
        self.count = 0
        self.reasons: list[str] = []

    def add(self, reason: str) -> None:
        """One thing more."""
        self.count += 1
        if self.count <= _MOST_REASONS:
            self.reasons.append(reason)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        counts: how many samples, rows, maps, pictures, ...
        damage: what of the run is damaged, or was not there to be exported.
        left_out: how many maps, pictures or rows could not be exported.
        reasons: why, of the first ones.
        hints: what to know about using it.
    """

    counts: Mapping[str, int]
    damage: tuple[str, ...] = ()
    left_out: int = 0
    reasons: tuple[str, ...] = ()
    hints: tuple[str, ...] = field(default_factory=tuple)

    @property
    def complete(self) -> bool:
        """Whether the run was complete and all of it was exported."""
        return not self.damage and not self.left_out


def exported(run: StreamedRun, counts: Mapping[str, int], left_out: LeftOut, hints: tuple[str, ...] = ()) -> Exported:
    """What was written of a run."""
    return Exported(counts, tuple(run.damage), left_out.count, tuple(left_out.reasons), hints)


def header_of(run: StreamedRun, format: str) -> dict[str, Any]:  # noqa: A002
    """What an export says of itself and of its run; the keys come in this order."""
    metadata = run.metadata
    return {
        "schema": "explainer.export",
        "version": SCHEMA_VERSION,
        "format": format,
        "run": {
            "number": run.files.timestamp,
            "complete": run.complete,
            "package_version": metadata.package_version,
            "labels": list(metadata.labels),
            "explainers": list(metadata.explainers),
            "metrics": list(metadata.metrics),
            "parameters": finite(dict(metadata.parameters)),
        },
    }


def as_json(value: Any) -> str:
    """One line of JSON; no text of a summary can end it, nor is NaN or infinity in it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_LINE_ENDS)
