"""The page holds what is meant to be run, by its hash, and nothing of a stranger's text is anything but text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from written_reports import Report

from explainer.records import (
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    SampleDone,
    SampleSkipped,
    Score,
)
from explainer.report import page
from explainer.report.page import MARK, app_file, in_file, in_page, json_for_script
from explainer.report.write import write_report
from explainer.summary.writer import SummaryWriter

EVIL = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\u202egnp.exe",
    "$style ${run}",
    "<!--",
    "x" * 10_000,
)


class Tags(HTMLParser):
    """The tags of a page with their attributes, and the text in each kind."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open = tag

    def handle_data(self, data):
        self.texts.setdefault(self._open, []).append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.fixture(scope="module")
def evil(tmp_path_factory) -> Report:
    """The report of a run whose names are markup, of which one could be mistaken for a slot."""
    folder = tmp_path_factory.mktemp("evil") / "<b>&run"
    parameters = {"network": EVIL[0], "note": "\ud800 \u2028", "metrics": {EVIL[1]: {"class": "<b>", "bounds": [0, 1]}}}
    metadata = RunMetadata(EVIL, explainers=(EVIL[0],), metrics=(EVIL[1],), parameters=parameters)
    with SummaryWriter(folder, metadata) as writer:
        writer.write(OriginalImage(0, np.zeros((5, 7), np.uint8)))
        writer.write(Prediction(0, (1,), (0,), (0, 1), np.float32([0.5, 0.5, 0, 0, 0, 0])))
        writer.write(Score(0, EVIL[0], EVIL[1], 1, 0.5))
        writer.write(SampleDone(0))
        writer.write(SampleSkipped(1, EVIL[1]))
        writer.write(RunEnd())
    return Report(write_report(folder).path)


def test_the_policy_allows_the_script_and_the_style_of_the_page_by_their_hashes(written):
    html = written.report.html
    (policy,) = [meta["content"] for meta in Tags(html).all("meta") if meta.get("http-equiv")]
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert (len(script), len(style)) == (1, 1)
    assert policy == (
        f"default-src 'none'; script-src '{hash_of(script[0])}' 'strict-dynamic'; style-src '{hash_of(style[0])}'; "
        "img-src data: blob:; connect-src 'none'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types chunk"
    )


def test_nothing_stands_before_the_policy_that_it_would_not_hold_for(written):
    tags = [tag for tag, _ in Tags(written.report.html).tags]
    assert tags[:4] == ["html", "head", "meta", "meta"]


def test_a_page_begins_with_its_mark(written):
    assert written.report.page.read_bytes().startswith(MARK)


def test_the_app_comes_last_and_has_a_place(written):
    found = Tags(written.report.html)
    assert [attributes.get("id") for attributes in found.all("div")] == ["app"]
    scripts = found.all("script")
    assert scripts == [{"type": "application/json", "id": "run"}, {}]


def test_a_name_of_markup_is_text_in_every_place(evil, written):
    found, usual = Tags(evil.html), Tags(written.report.html)
    data = {"script", "bdi", "th", "tr", "td", "table", "dt", "dd"}
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in usual.tags} | data
    assert [attributes for attributes in found.all("script") if attributes.get("type") is None] == [{}]
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert evil.run["run"]["labels"] == [*EVIL]
    assert evil.run["skipped"] == [{"sample": 1, "reason": EVIL[1]}]
    assert "<b>&run · explainer" in found.texts["title"]


def test_what_reads_like_a_slot_of_the_page_is_text(evil):
    assert EVIL[3] in evil.run["run"]["labels"]
    assert evil.html.count("<style>") == 1


def test_lone_surrogates_and_line_separators_of_javascript_do_not_reach_the_page(evil):
    assert evil.run["run"]["parameters"]["note"] == "\ufffd \u2028"
    assert not re.search("[\u2028\u2029\ud800-\udfff]", evil.html)


def test_without_scripts_the_facts_and_mean_scores_are_seen(written):
    (html,) = re.findall(r"<noscript>(.*?)</noscript>", written.report.html, re.DOTALL)
    found = Tags(html)
    text = " ".join("".join(found.texts[tag]) for tag in ("bdi", "td", "th", "p"))
    assert {"run", "ended", "7 of 11 with a true label"} <= set(found.texts["bdi"])
    entry = next(one for one in written.view.statistics() if (one.metric, one.explainer) == ("DeletionAUC", "RISE"))
    mean, low, high = entry.overall.mean, entry.overall.low, entry.overall.high
    assert (
        f"{mean:.3f} [{low:.3f}, {high:.3f}] (n {entry.overall.defined}, {entry.overall.undefined} undefined)" in text
    )
    assert len(found.all("tr")) == 1 + 5
    assert "style" not in {name for _, attributes in found.tags for name in attributes}


def test_names_are_cut_and_set_apart_where_scripts_are_off(evil):
    (html,) = re.findall(r"<noscript>(.*?)</noscript>", evil.html, re.DOTALL)
    assert "\u202e" not in html
    assert "<script>" not in html
    assert page._shown("x" * 300) == f"<bdi>{'x' * 200}…</bdi>"


@pytest.mark.parametrize("text", ["</script>", "<!--", "a & b", "\u2028", "\u2029", "\ud800"])
def test_json_between_script_tags_has_no_character_that_could_end_it(text):
    made = json_for_script({"a": text})
    assert not set("<>&\u2028\u2029\ud800") & set(made)
    assert json.loads(made) == {"a": text.replace("\ud800", "\ufffd")}


def test_a_chunk_in_a_page_and_in_a_file():
    assert b"".join(in_page("g/1", b"QUI=")) == b'<script type="text/plain" id="g/1">QUI=</script>\n'
    assert b"".join(in_file("g/1", b"QUI=")) == b'E("g/1","QUI=")'


@pytest.mark.parametrize("name", ["app.js", "app.css"])
def test_the_app_fits_between_its_tags(name):
    assert app_file(name)
    assert "\r" not in app_file(name)


@pytest.mark.parametrize("text", ["a </SCRIPT> b", "</style>", "<!-- a"])
def test_an_app_that_would_end_its_tag_is_refused(monkeypatch, text):
    monkeypatch.setattr(page, "_resource", lambda name: text)
    with pytest.raises(ValueError, match=r"the app's app\.js must hold none of </script, </style and <!--"):
        app_file("app.js")
