"""Every sink of the package holds the contract that a consumer of one's own holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explainer.run.job import Sink
from explainer.summary.images import read_png
from explainer.summary.reader import read_records
from explainer.summary.writer import SummaryWriter
from explainer.testing import SinkContract
from explainer.testing.examples import METADATA


class TestSummaryWriter(SinkContract):
    takes_metadata = False
    takes_a_second_run = False

    def make(self, folder: Path) -> Sink:
        return SummaryWriter(folder, METADATA, clock=lambda: 1_000_000_000.0)

    def seen(self, sink: Any) -> Any:
        pictures = {path.name: read_png(path) for path in sorted(sink.data_dir.rglob("*.png"))}
        manifest = (sink.data_dir / "manifest.json").read_text(encoding="utf-8")
        return [list(read_records(sink.event_file)), pictures, manifest]
