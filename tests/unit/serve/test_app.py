"""What a real server answers, over a real socket."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys

import pytest
from report_runs import write_report_run
from served_reports import Growing, serving
from written_reports import Chunk

from explainer.analysis.view import read_run
from explainer.records import RunEnd, RunMetadata
from explainer.report.page import policy
from explainer.serve.guard import Address
from explainer.summary.writer import SummaryWriter

OTHERS = {"form", "detail", "served"}


def run_in(page: bytes):
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', page.decode(), re.DOTALL)
    return json.loads(found[1])


def test_every_chunk_is_byte_for_byte_that_of_a_report_s_folder(served):
    files = sorted((served.report / "data").rglob("*.js"))
    assert len(files) == 18
    for path in files:
        answer = served.server.ask(f"{served.server.newest}{path.relative_to(served.report).as_posix()}")
        assert (answer.status, answer.content) == (200, path.read_bytes()), path


def test_the_page_is_that_of_a_report_but_for_what_it_may_ask_and_how_it_is_served(served):
    page = served.server.ask(served.server.newest)
    written = (served.report / "index.html").read_bytes()
    expected, found = run_in(written), run_in(page.content)
    assert {name: found[name] for name in found if name not in OTHERS} == {
        name: expected[name] for name in expected if name not in OTHERS
    }
    assert (found["form"], found["detail"], found["served"]["measured"]) == ("served", True, 12)
    without = re.compile(
        rb"<noscript>.*?</noscript>|connect-src '\w+'|<script type=\"application/json\".*?</script>", re.DOTALL
    )
    assert without.sub(b"", page.content) == without.sub(b"", written)
    assert served.server.ask(f"{served.server.newest}run.json").json == found


def test_one_run_is_shown_at_once(served):
    answer = served.server.ask("/")
    assert (answer.status, answer.headers["location"]) == (307, served.server.newest)


def test_of_several_runs_the_list_is_shown_first_the_newest_at_its_top(tmp_path):
    write_report_run(tmp_path / "old")
    with Growing(tmp_path / "new", 2), serving(tmp_path) as server:
        assert server.ask("/").headers["location"] == f"{server.newest}#/runs"
        runs = server.ask("/runs.json").json
        assert server.ask(f"/runs/{runs['runs'][1]['key']}/run.json").json["run"]["name"] == "old"
    lines = [{name: value for name, value in line.items() if name != "key"} for line in runs["runs"]]
    methods = ["GradCAM", "RISE", "Gradient"]
    assert lines == [
        {"name": "new", "started": "2023-11-14T22:15:00+00:00", "state": "running", "samples": 2, "methods": methods},
        {"name": "old", "started": "2023-11-14T22:13:20+00:00", "state": "ended", "samples": 12, "methods": methods},
    ]
    assert runs["in_all"] == 2


def test_a_list_follows_its_runs_and_tells_what_cannot_be_read(tmp_path):
    write_report_run(tmp_path / "old")
    with Growing(tmp_path / "new", 1) as run, serving(tmp_path) as server:
        first = server.ask("/runs.json")
        assert server.ask("/runs.json", If_None_Match=first.headers["etag"]).status == 304
        run.add(2)
        run.end()
        (tmp_path / "gone").mkdir()
        (tmp_path / "gone/events.out.events.summary.1.2_explain").write_bytes(b"no run")
        lines = server.ask("/runs.json", If_None_Match=first.headers["etag"]).json["runs"]
    assert [(line["name"], line["state"], line["samples"]) for line in lines] == [
        ("new", "ended", 3),
        ("old", "ended", 12),
        ("gone", "damaged", 0),
    ]


# ------------------------------------------------- what is refused

PATHS = (
    "data/../../../../etc/passwd.js",
    "data/%2e%2e/%2e%2e/etc/passwd.js",
    "data/..%2f..%2fetc%2fpasswd.js",
    "data/%2fetc%2fpasswd.js",
    "data//etc/passwd.js",
    "data/g/0%00.js",
    "data/g/-1.js",
    "data/g/99.js",
    "data/g/0.js/",
    "data/s/1/3.js",
    "data/s/0/3%0a.js",
    "data/score-64.js",
    "data/score-3.js",
    "data/COLS.js",
    "data/g/%d9%a0.js",  # a digit, but none of ours
    "index.html",
    "../state.json",
    "run.json/",
)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_key_is_not_found(served, path):
    answer = served.server.ask(f"{served.server.newest}{path}")
    assert answer.status == 404
    assert b"E(" not in answer.content and b"root" not in answer.content


@pytest.mark.parametrize("run", ["..", "%2e%2e", "0" * 16, "A" * 16, "x/../y", "run"])
def test_a_run_that_is_none_is_not_found(served, run):
    assert served.server.ask(f"/runs/{run}/state.json").status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:{port}", ""]
)
def test_another_host_is_refused(served, host):
    answer = served.server.ask("/", Host=host.format(port=served.server.address.port))
    assert answer.status == 400
    assert b"This server answers to localhost:" in answer.content
    assert "location" not in answer.headers


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_the_names_of_this_machine_are_served(served, host):
    assert served.server.ask("/", Host=host.format(port=served.server.address.port)).status == 307


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FETCH"])
def test_nothing_but_looking_is_allowed(served, method):
    for path in ("/", served.server.newest, "/nowhere"):
        answer = served.server.ask(path, method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_head_is_an_answer_without_its_content(served):
    path = f"{served.server.newest}data/cols.js"
    get, head = served.server.ask(path), served.server.ask(path, "HEAD")
    assert (head.status, head.content) == (200, b"")
    assert {name: value for name, value in head.headers.items() if name != "date"} == {
        name: value for name, value in get.headers.items() if name != "date"
    }


@pytest.mark.parametrize(
    ("path", "host"), [("/", None), ("{run}", None), ("{run}data/cols.js", None), ("/no", None), ("/", "evil")]
)
def test_every_answer_tells_the_browser_what_it_may_do(served, path, host):
    answer = served.server.ask(path.format(run=served.server.newest), **({} if host is None else {"Host": host}))
    expected = {
        "content-security-policy": f"{policy(chr(39) + 'self' + chr(39))}; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


# ------------------------------------------------- what a client has already


@pytest.mark.parametrize("path", ["", "state.json", "run.json", "data/cols.js", "data/g/0.js", "data/s/0/3.js"])
def test_what_is_as_it_was_is_not_sent_again(served, path):
    path = f"{served.server.newest}{path}"
    first = served.server.ask(path)
    again = served.server.ask(path, If_None_Match=first.headers["etag"])
    assert (first.status, again.status, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache, private"
    assert served.server.ask(path, If_None_Match='"other"').status == 200


# ------------------------------------------------- what goes on


def test_a_run_that_grows_is_told_and_shown_when_it_is_asked_for(tmp_path):
    with Growing(tmp_path / "run", 3) as run, serving(tmp_path / "run") as server:
        page = run_in(server.ask(server.newest).content)
        assert (page["samples"], page["run"]["state"]) == (3, "running")
        before = server.ask(f"{server.newest}state.json")
        edition = page["served"]["edition"]
        assert before.json == {**before.json, "edition": edition, "state": "running", "samples": 3, "measured": 3}
        assert server.ask(f"{server.newest}state.json", If_None_Match=before.headers["etag"]).status == 304
        run.add(9)
        after = server.ask(f"{server.newest}state.json", If_None_Match=before.headers["etag"])
        assert (after.status, after.json["samples"], after.json["edition"]) == (200, 12, edition)
        cols = server.ask(f"{server.newest}data/cols.js?edition={edition}")
        renewed = server.ask(f"{server.newest}run.json").json
        assert (renewed["samples"], renewed["served"]["edition"]) == (12, edition)
        assert server.ask(f"{server.newest}data/cols.js?edition={edition}").content != cols.content
        run.end()
        assert server.ask(f"{server.newest}state.json").json["state"] == "ended"


def test_rows_of_another_edition_are_refused_with_a_sentence(served):
    answer = served.server.ask(f"{served.server.newest}data/cols.js?edition=other")
    assert (answer.status, answer.content) == (409, b"the run has other rows now: reload the page\n")


def test_a_folder_that_vanishes_is_said_and_what_was_read_stays(tmp_path):
    write_report_run(tmp_path / "run")
    with serving(tmp_path / "run") as server:
        page = server.newest
        cols = server.ask(f"{page}data/cols.js")
        shutil.rmtree(tmp_path / "run")
        answer = server.ask(f"{page}state.json")
        assert answer.status == 410
        assert b"could not read" in answer.content and b"No such file" in answer.content
        assert server.ask(f"{page}data/cols.js").content == cols.content


def test_names_of_the_server():
    every = Address("0.0.0.0", 8000)
    named = ("192.168.1.7:8000", "[fe80::1]:8000", "localhost:8000", "evil.example:8000", "192.168.1.7:1")
    assert [every.is_named(host) for host in named] == [True, True, True, False, False]
    assert [Address("box.example", 80).is_named(host) for host in ("box.example", "box.example:80", "other")] == [
        True,
        True,
        False,
    ]
    assert [
        Address(host, 1).is_public
        for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9", "0.0.0.0", "::", "10.0.0.1", "box")
    ] == [
        False,
        False,
        False,
        False,
        True,
        True,
        True,
        True,
    ]


# ------------------------------------------------- a folder of somebody else


def test_what_leads_out_of_the_folder_is_not_served(tmp_path):
    write_report_run(tmp_path / "elsewhere")
    write_report_run(tmp_path / "jobs/run")
    (tmp_path / "jobs/link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    picture = read_run(tmp_path / "jobs/run").samples[3].image.path
    secret = next((tmp_path / "elsewhere").rglob("origin_images/**/5.png"))
    (tmp_path / "jobs/run" / picture).unlink()
    (tmp_path / "jobs/run" / picture).symlink_to(secret)
    with serving(tmp_path / "jobs") as server:
        assert [line["name"] for line in server.ask("/runs.json").json["runs"]] == ["run"]
        content = server.ask(f"{server.newest}data/s/0/3.js").content
    found = Chunk(base64.b64decode(content[len('E("s/0/3","') : -2]))
    assert found["picture"]["flag"] == 2
    assert "paths must stay in the summary's folder" in found["picture"]["reason"]
    assert secret.read_bytes() not in found.body


def test_serving_writes_nothing_and_loads_no_mindspore(tmp_path):
    write_report_run(tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with serving(tmp_path / "run") as server:
        for path in ("", "state.json", "run.json", "data/cols.js", "data/g/0.js", "data/s/0/3.js", "data/score-0.js"):
            assert server.ask(f"{server.newest}{path}").status == 200
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    asked = "import sys, explainer.command.serve, explainer.serve.server; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked]).returncode == 0


def test_text_of_a_run_stands_in_the_page_as_text(tmp_path):
    name = "</script><script>alert(1)</script>"
    with SummaryWriter(tmp_path / "run", RunMetadata((name,), (name,), (), ("saliency",))) as writer:
        writer.write(RunEnd())
    with serving(tmp_path / "run") as server:
        page = server.ask(server.newest).content
    assert run_in(page)["run"]["labels"] == [name]
    assert b"<script>alert" not in page
