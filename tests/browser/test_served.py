"""Reports from a server: a run that goes on, ends, is damaged, begun anew, or vanishes; the list of runs."""

from __future__ import annotations

import shutil

import pytest
from report_runs import write_report_run
from served_reports import Growing, serving

from explainer.summary.folder import find_runs

NEWS, ROW = ".live-bar", '.row[data-sample="3"]'


@pytest.fixture
def growing(tmp_path):
    """A run of 8 samples that is being written, and a server of it."""
    with Growing(tmp_path / "digits", 8) as run, serving(tmp_path / "digits") as server:
        yield run, server


def test_new_rows_are_announced_and_shown_when_they_are_asked_for_and_nothing_jumps(growing, viewer):
    run, server = growing
    viewer.page.set_viewport_size({"width": 1400, "height": 500})
    viewer.open(server.page(""))
    viewer.page.eval_on_selector(".grid", "grid => grid.scrollTo(0, 330)")
    viewer.page.wait_for_selector(f"{ROW} .pictures")
    seen, pixels = _places(viewer), viewer.pixels(f"{ROW} .pictures")
    assert viewer.page.locator(NEWS).count() == 0
    run.add(14)
    viewer.wait_for_text(NEWS, "14 new:")
    viewer.wait_for_text(".top-bar", "22 samples so far")
    assert (viewer.count, _places(viewer)) == ("8 of 8 samples", seen)
    viewer.page.get_by_role("button", name="show").click()
    viewer.wait_for_count("22 of 22 samples")
    viewer.page.wait_for_selector(NEWS, state="detached")
    assert _places(viewer) == seen
    assert (viewer.pixels(f"{ROW} .pictures") == pixels).all()
    viewer.press("End")
    viewer.page.wait_for_selector('.row[data-sample="21"] .pictures')


def _places(viewer):
    """Where the rows that are seen are on the screen, but for the bar that comes and goes."""
    return viewer.page.evaluate(
        """() => { const topOf = (element) => element.getBoundingClientRect().top;
            const top = topOf(document.querySelector(".grid"));
            return [...document.querySelectorAll(".row[data-row]")]
                .map((row) => [row.dataset.sample, Math.round(topOf(row) - top)])
                .filter(([, at]) => at > -150 && at < innerHeight).sort(); }"""
    )


def test_where_the_new_rows_come_first_the_seen_ones_stay_where_they_are(growing, viewer):
    run, server = growing
    viewer.page.set_viewport_size({"width": 1400, "height": 500})
    viewer.open(server.page(""), "#/samples?down=1")
    viewer.page.eval_on_selector(".grid", "grid => grid.scrollTo(0, 330)")
    viewer.page.wait_for_selector('.row[data-sample="5"] .pictures')
    first = _first_seen(viewer)
    run.add(3)
    viewer.wait_for_text(NEWS, "3 new:")
    viewer.page.get_by_role("button", name="show").click()
    viewer.wait_for_count("11 of 11 samples")
    viewer.page.wait_for_selector(NEWS, state="detached")
    viewer.wait_for_rows()
    assert _first_seen(viewer) == first


def _first_seen(viewer):
    """The first row below the head, and where it is."""
    return viewer.page.evaluate(
        """() => { const top = document.querySelector(".grid").getBoundingClientRect().top;
            return [...document.querySelectorAll(".row[data-row]")]
                .map((row) => [row.getBoundingClientRect().top - top, row.dataset.sample])
                .sort((a, b) => a[0] - b[0]).find(([at]) => at > -100).map((value) => String(value)); }"""
    )


def test_the_facts_follow_what_is_shown(growing, viewer):
    run, server = growing
    viewer.open(server.page(""), "#/")
    viewer.wait_for_text("main", "8 samples so far")
    run.add(2)
    viewer.wait_for_text(NEWS, "2 new:")
    viewer.page.get_by_role("button", name="show").click()
    viewer.wait_for_text(".run-facts", "10 samples")
    run.end()
    viewer.wait_for_text(".top-bar", "● ended")
    viewer.wait_for_text("main", "Ended · 10 samples")


def test_the_end_of_a_run_with_rows_that_are_not_shown_is_said(growing, viewer):
    run, server = growing
    viewer.open(server.page(""))
    run.add(1)
    run.end()
    viewer.wait_for_text(NEWS, "1 new; the run does not go on:")
    assert viewer.count == "8 of 8 samples"


def test_a_run_that_is_left_by_its_writer_did_not_end(tmp_path, viewer):
    with Growing(tmp_path / "run", 3) as run, serving(tmp_path / "run") as server:
        viewer.open(server.page(""))
        viewer.wait_for_text(".top-bar", "○ running")
        run.__exit__()
        viewer.wait_for_text(".top-bar", "▲ ended before its end: 3 complete samples")


def test_a_run_that_was_cut_has_other_rows_and_the_page_is_filled_anew(growing, viewer):
    _, server = growing
    viewer.open(server.page(""))
    file = find_runs(server.shelf.places()[0].job)[-1].event_file
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    viewer.wait_for_text(NEWS, "The run has other samples than are shown:")
    assert viewer.count == "8 of 8 samples"
    viewer.page.get_by_role("button", name="show").click()
    viewer.wait_for_rows()
    viewer.wait_for_count("of 3 samples")


def test_a_folder_that_vanishes_is_said_and_what_is_there_stays(growing, viewer):
    _, server = growing
    viewer.open(server.page(""))
    shutil.rmtree(server.shelf.places()[0].job)
    viewer.wait_for_text(NEWS, "No such file or directory")
    viewer.wait_for_text(NEWS, "What is shown is how it stood at")
    assert viewer.count == "8 of 8 samples"
    viewer.expected("410")


def test_a_server_that_stops_is_said(tmp_path, viewer):
    write_report_run(tmp_path / "run")
    with serving(tmp_path / "run") as server:
        viewer.open(server.page(""))
    viewer.wait_for_text(NEWS, "the server does not answer")
    assert viewer.count == "12 of 12 samples"
    viewer.expected("ERR_CONNECTION_REFUSED")


def test_the_list_of_runs_leads_to_each_and_follows_them(tmp_path, viewer):
    write_report_run(tmp_path / "old")
    with Growing(tmp_path / "new", 2) as run, serving(tmp_path) as server:
        viewer.page.goto(server.address.url)
        rows = viewer.page.locator("main tbody tr")
        rows.first.wait_for()
        assert rows.all_inner_texts() == [
            "new\t2023-11-14 22:15:00\t○ running\t2\tGradCAM, RISE, Gradient",
            "old\t2023-11-14 22:13:20\t● ended\t12\tGradCAM, RISE, Gradient",
        ]
        run.add(1)
        viewer.wait_for_text("main tbody", "○ running\t3")
        viewer.page.get_by_role("link", name="old").click()
        viewer.wait_for_text(".run-name", "old")
        viewer.wait_for_text(".run-facts", "12 samples")
        viewer.press("g", "r")
        viewer.page.wait_for_selector('main[data-page="runs"]')
        assert viewer.page.locator("nav.rail a[aria-current]").inner_text() == "Runs"


def test_a_report_on_the_disk_has_no_list_of_runs(shown, viewer):
    viewer.open(shown.page, "#/runs")
    assert viewer.page.locator("nav.rail").get_by_text("Runs").count() == 0
    assert viewer.page.locator("main").get_attribute("data-page") == "runs"


def test_a_served_page_fits_a_narrow_screen(growing, phone):
    run, server = growing
    for page in ("", "samples", "runs", "about"):
        phone.open(server.page(""), f"#/{page}")
        run.add(1)
        phone.wait_for_text(NEWS, "new:")
        assert phone.sees_no_more_than_its_width(), page
        assert phone.page.locator("nav.rail").bounding_box()["y"] > 700, page


def test_nothing_is_loaded_from_elsewhere_and_scripts_of_others_are_refused(growing, viewer):
    _, server = growing
    asked = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    viewer.open(server.page(""))
    assert all(url.startswith(server.address.url) for url in asked)
    refused = viewer.page.evaluate(
        """async () => {
            const script = document.createElement("script");
            try { script.src = "https://evil.example/x.js"; } catch { return "refused"; }
        }"""
    )
    assert refused == "refused"
    viewer.expected("TrustedScriptURL")
