"""What the page's policy stops, in both browsers: a script that got into the page, and addresses that are no chunks.

Nothing here reaches a network: what is at `foreign.invalid` is refused before it is looked for.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

INJECTED = """
<script>document.documentElement.dataset.broken = "inline";</script>
<script src="https://foreign.invalid/data/cols.js"></script>
<img src="data:,nothing" onerror="document.documentElement.dataset.broken = 'handler'">
<style>main { display: none }</style>
"""
REFUSED = {
    "a script of text": "document.createElement('script').textContent = 'document.title = 1'",
    "a script of another site": "document.createElement('script').src = 'https://foreign.invalid/data/cols.js'",
    "a script beside the page": "document.createElement('script').src = 'foreign.js'",
    "markup": "document.body.innerHTML = '<b>broken</b>'",
    "a policy of one's own": "trustedTypes.createPolicy('mine', { createScriptURL: (url) => url })",
}


@pytest.fixture(params=["chromium", "firefox"])
def browser(request):
    """A browser; what its console says is asked for by the test."""
    if request.param == "chromium":
        viewer = request.getfixturevalue("viewer")
        yield _InChromium(viewer)
    else:
        yield _InFirefox(request.getfixturevalue("firefox"))


class _InChromium:
    def __init__(self, viewer) -> None:
        self.viewer = viewer

    def open(self, page: Path) -> None:
        self.viewer.open(page)

    def run(self, script: str):
        return self.viewer.page.evaluate(f"() => {{ {script} }}")

    def wait_for(self, expression: str) -> None:
        self.viewer.page.wait_for_function(f"() => {expression}")

    def said(self) -> list[str]:
        self.viewer.page.evaluate("1")  # what came meanwhile is taken in
        said, self.viewer.said[:] = [*self.viewer.said], []
        return said


class _InFirefox:
    def __init__(self, firefox) -> None:
        self.firefox = firefox

    def open(self, page: Path) -> None:
        self.firefox.open(page, "#/samples")
        self.firefox.wait_for('document.querySelector(".row .pictures")')

    def run(self, script: str):
        return self.firefox.run(script)

    def wait_for(self, expression: str) -> None:
        self.firefox.wait_for(expression)

    def said(self) -> list[str]:
        return self.firefox.console()


def _complaints(browser, count: int) -> list[str]:
    """What is said of the policy, until there is as much as this: a console may be late."""
    until, found = time.monotonic() + 10, []
    while len(found) < count and time.monotonic() < until:
        found += [
            text for text in browser.said() if re.search("Content.Security.Policy|Trusted(Type|Script|HTML)", text)
        ]
    return found


def test_nothing_runs_that_got_into_the_page(shown, browser, tmp_path):
    browser.open(_with(INJECTED, shown, tmp_path))
    assert browser.run("return document.documentElement.dataset.broken ?? ''") == ""
    assert browser.run("return getComputedStyle(document.querySelector('main')).display") != "none"
    assert len(_complaints(browser, 4)) == 4


def test_nor_does_a_file_beside_the_page(shown, viewer, tmp_path):
    """In Chromium. Firefox applies no policy to what is read from the disk (SECURITY.md)."""
    page = _with('<script src="foreign.js"></script>', shown, tmp_path)
    (page.parent / "foreign.js").write_text('document.documentElement.dataset.broken = "foreign";')
    viewer.open(page)
    assert viewer.page.evaluate("document.documentElement.dataset.broken ?? ''") == ""
    viewer.expected("Content Security Policy")


def _with(markup: str, shown, folder: Path) -> Path:
    """A copy of the report with this in its page."""
    shutil.copytree(shown.page.parent, folder / "report")
    page = folder / "report" / shown.page.name
    page.write_text(page.read_text("utf-8").replace('<div id="app">', f'{markup}<div id="app">'), "utf-8")
    return page


@pytest.mark.parametrize("what", REFUSED)
def test_the_page_s_own_code_cannot_load_or_write(what, shown, browser):
    """Where there are Trusted Types: Firefox has them since 148, its release for companies (ESR) 140 has none."""
    browser.open(shown.page)
    if not browser.run("return 'trustedTypes' in window"):
        pytest.skip("this browser has no Trusted Types (SECURITY.md)")
    told = browser.run(f"try {{ {REFUSED[what]}; return 'nothing'; }} catch (error) {{ return error.name; }}")
    assert told == "TypeError"
    assert len(_complaints(browser, 1)) == 1


def test_nothing_is_fetched(shown, browser):
    browser.open(shown.page)
    browser.run("fetch('https://foreign.invalid/').catch((error) => { document.title = error.name; })")
    browser.wait_for("document.title === 'TypeError'")
    assert "connect-src" in " ".join(_complaints(browser, 1))
    browser.said()
