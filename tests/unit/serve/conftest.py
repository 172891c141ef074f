"""A run, its report in a folder, and a server of it, started once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from report_runs import write_report_run
from served_reports import Server, serving

from explainer.report.write import write_report


@dataclass(frozen=True)
class Served:
    """A server of a finished run, and the folder of the run's report."""

    server: Server
    job: Path
    report: Path


@pytest.fixture(scope="package")
def served(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve")
    write_report_run(folder / "run")
    report = write_report(folder / "run", folder / "seen", form="folder").path.parent
    with serving(folder / "run") as server:
        yield Served(server, folder / "run", report)
