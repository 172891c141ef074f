"""Reports in Chromium and in Firefox, from the disk or from a server; after every test the console must be empty.

Without a browser its tests are skipped; EXPLAINER_BROWSERS=chromium,firefox says which must be there: then they fail.
EXPLAINER_CHROMIUM and EXPLAINER_FIREFOX name other programs than those that would be found.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest
from marionette import Firefox
from report_runs import USUAL, write_report_run
from report_viewer import Viewer
from served_reports import serving
from written_reports import Report

from explainer.analysis.view import RunView, read_run
from explainer.report.write import write_report

PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "firefox": ("firefox-esr", "firefox"),
}
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 400, "height": 800}


@dataclass(frozen=True)
class Shown:
    """A run and its report."""

    view: RunView
    report: Report
    served_at: str = ""

    @property
    def page(self) -> Path | str:
        """What is opened: the report's file, or the address where the run is served."""
        return self.served_at or self.report.page


@pytest.fixture(scope="session")
def chromium():
    """The browser, started once."""
    program = _program("chromium")
    with _playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def started_firefox(tmp_path_factory) -> Iterator[Firefox]:
    """The browser, started once."""
    program = _program("firefox")
    with Firefox(program, tmp_path_factory.mktemp("profile")) as firefox:
        yield firefox


def _program(browser: str) -> str:
    wanted = os.environ.get(f"EXPLAINER_{browser.upper()}")
    names = (wanted,) if wanted else PROGRAMS[browser]
    found = [program for name in names if (program := shutil.which(name))]
    return found[0] if found else _absent(browser, f"there is no {' or '.join(names)} here: apt-get install {browser}")


def _playwright():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _absent("chromium", "playwright is not installed: pip install playwright")
    return sync_playwright()


def _absent(browser: str, reason: str) -> NoReturn:
    wanted = os.environ.get("EXPLAINER_BROWSERS", "").split(",")
    (pytest.fail if browser in wanted else pytest.skip)(reason)


@pytest.fixture(scope="package")
def shown(tmp_path_factory) -> Shown:
    """12 samples of 96 x 130 pixels in 16 rows, three methods, all there; a folder."""
    return _written(tmp_path_factory.mktemp("shown"), "folder")


@pytest.fixture(scope="package")
def single(tmp_path_factory) -> Shown:
    """The same in one file."""
    return _written(tmp_path_factory.mktemp("single"), "single")


@pytest.fixture(scope="package", params=["file", "serve"])
def either(request, shown) -> Iterator[Shown]:
    """The report from the disk, and the same run from a server."""
    if request.param == "file":
        yield shown
        return
    with serving(shown.view.summary_dir) as server:
        yield replace(shown, served_at=server.page(""))


def _written(folder: Path, form: str) -> Shown:
    write_report_run(folder / "run", USUAL)
    view = read_run(folder / "run")
    to = folder / ("report.html" if form == "single" else "report")
    return Shown(view, Report(write_report(view, to, form=form).path))


@pytest.fixture
def viewer(chromium) -> Iterator[Viewer]:
    yield from _viewer(chromium, WIDE)


@pytest.fixture
def phone(chromium) -> Iterator[Viewer]:
    yield from _viewer(chromium, NARROW)


@pytest.fixture
def firefox(started_firefox) -> Iterator[Firefox]:
    started_firefox.console()
    yield started_firefox
    assert started_firefox.console() == []


def _viewer(chromium, size) -> Iterator[Viewer]:
    context = chromium.new_context(viewport=size, color_scheme="light", reduced_motion="reduce")
    viewer = Viewer(context)
    yield viewer
    said = [*viewer.said]
    context.close()
    assert said == []
