"""A run with all that a report shows, and its report, written once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from report_runs import USUAL, write_report_run
from written_reports import Report

from explainer.analysis.view import RunView, read_run
from explainer.report.write import write_report


@dataclass(frozen=True)
class Written:
    """A run and its report; broken and missing: what is damaged in it, by sample, method and label."""

    view: RunView
    report: Report


@pytest.fixture(scope="package")
def written(tmp_path_factory) -> Written:
    """12 samples of 96 x 130 pixels in 16 rows, all there."""
    folder = tmp_path_factory.mktemp("report")
    write_report_run(folder / "run", USUAL)
    view = read_run(folder / "run")
    return Written(view, Report(write_report(view, folder / "seen", form="folder").path))
