"""Where a report goes, what it replaces, and that nothing half-written is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from explainer.errors import ReportWriteError
from explainer.report import drafts, target
from explainer.report.page import MARK, Page
from explainer.report.target import MARKER, Draft, Target, target_of

PAGE = Page(MARK.decode() + "a", "z")


def write(place: Target, chunks=(("cols", b"QUI="), ("g/0", b"QUJD"), ("s/0/5", b"QQ=="))):
    with Draft(place) as draft:
        for key, text in chunks:
            draft.add(key, text)
        return draft.finish(lambda form: Page(PAGE.before + form, PAGE.after))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("to", "form", "single", "folder"),
    [
        (None, "auto", "job/report.html", "job/report"),
        (None, "single", "job/report.html", None),
        (None, "folder", None, "job/report"),
        ("a/b.html", "auto", "a/b.html", None),
        ("a/b.HTML", "auto", "a/b.HTML", None),
        ("a/b", "auto", None, "a/b"),
        ("a/b", "single", "a/b", None),
        ("a/b.html", "folder", None, "a/b.html"),
    ],
)
def test_the_name_or_the_form_tells_which_it_is(to, form, single, folder):
    found = target_of(Path("job"), to, form)
    assert found == Target(None if single is None else Path(single), None if folder is None else Path(folder))


def test_a_single_file_holds_every_chunk_between_its_halves(tmp_path):
    written = write(Target(tmp_path / "r.html", None))
    assert (written.form, written.count, written.page) == ("single", 1, tmp_path / "r.html")
    content = written.page.read_bytes()
    assert written.bytes == len(content)
    assert content == MARK + (
        b'asingle<script type="text/plain" id="cols">QUI=</script>\n<script type="text/plain" id="g/0">QUJD</script>\n'
        b'<script type="text/plain" id="s/0/5">QQ==</script>\nz'
    )
    assert names(tmp_path) == ["r.html"]


def test_a_folder_has_a_file_for_each_chunk(tmp_path):
    written = write(Target(None, tmp_path / "r"))
    assert (written.form, written.count, written.page) == ("folder", 5, tmp_path / "r" / "index.html")
    assert names(tmp_path / "r") == [
        "data",
        "data/cols.js",
        "data/g",
        "data/g/0.js",
        "data/s",
        "data/s/0",
        "data/s/0/5.js",
        MARKER,
        "index.html",
    ]
    files = [path for path in (tmp_path / "r").rglob("*") if path.is_file()]
    assert written.bytes == sum(path.stat().st_size for path in files)
    assert (tmp_path / "r" / "data" / "g" / "0.js").read_bytes() == b'E("g/0","QUJD")'
    assert names(tmp_path)[0] == "r"


def test_what_becomes_too_large_for_one_file_becomes_a_folder(tmp_path, monkeypatch):
    both = Target(tmp_path / "r.html", tmp_path / "r")
    monkeypatch.setattr(target, "LARGEST_SINGLE", 12)
    assert write(both).form == "single"
    monkeypatch.setattr(target, "LARGEST_SINGLE", 7)
    assert write(both).form == "folder"
    assert (tmp_path / "r" / "data" / "cols.js").read_bytes() == b'E("cols","QUI=")'
    assert (tmp_path / "r" / "data" / "s" / "0" / "5.js").read_bytes() == b'E("s/0/5","QQ==")'
    assert "chunks" not in names(tmp_path / "r")


def test_a_single_file_that_was_asked_for_is_one_however_large(tmp_path, monkeypatch):
    monkeypatch.setattr(target, "LARGEST_SINGLE", 0)
    assert write(Target(tmp_path / "r.html", None)).form == "single"


def test_an_older_report_is_replaced_whatever_its_form(tmp_path):
    path = tmp_path / "r"
    write(Target(None, path), [("g/7", b"QUI=")])
    write(Target(None, path))
    assert "data/g/7.js" not in names(path)
    write(Target(path, None))
    assert path.is_file()
    write(Target(None, path))
    assert path.is_dir()
    assert [name for name in names(tmp_path) if "/" not in name] == ["r"]


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("what", ["file", "folder", "link", "dangling"])
def test_what_is_no_report_is_not_replaced(tmp_path, single, what):
    place, path = tmp_path / "there", tmp_path / "r"
    match what:
        case "file":
            path.write_text("mine")
        case "folder":
            path.mkdir()
            (path / "index.html").write_bytes(MARK)
        case "link":
            write(Target(None, place))
            path.symlink_to(place)
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
    before = names(tmp_path)
    with pytest.raises(ReportWriteError, match="something is there that is no report of explainer; remove it"):
        write(Target(path, None) if single else Target(None, path))
    assert names(tmp_path) == before


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ReportWriteError, match="No such file or directory"):
        write(Target(tmp_path / "no" / "r.html", None))


@pytest.mark.parametrize("form", ["single", "folder"])
def test_after_an_error_nothing_is_left_and_the_older_report_stays(tmp_path, form):
    place = target_of(tmp_path, tmp_path / "r", form)
    write(place)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)}
    with pytest.raises(KeyError), Draft(place) as draft:
        draft.add("cols", b"QUI=")
        raise KeyError
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)} == before


def test_a_disk_that_refuses_the_last_step_leaves_the_older_report(tmp_path, monkeypatch):
    path = tmp_path / "r"
    write(Target(None, path))

    def refuse(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drafts.os, "replace", refuse)
    with pytest.raises(ReportWriteError, match="No space left on device"):
        write(Target(None, path), [("g/7", b"QUI=")])
    assert "data/cols.js" in names(path)
    assert [name for name in names(tmp_path) if "/" not in name] == ["r"]


KILLED = """
import os, signal, sys
from pathlib import Path
from explainer.report.target import Draft, Target
with Draft(Target(None, Path(sys.argv[1]))) as draft:
    draft.add("g/0", b"QUJD")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_report_left_is_removed_by_the_next_one_there(tmp_path):
    left = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "r")])
    assert left.returncode == -signal.SIGKILL
    assert [path for path in names(tmp_path) if path.endswith("data/g/0.js")] == [names(tmp_path)[-1]]
    write(Target(tmp_path / "r.html", None))
    assert names(tmp_path) == ["r.html"]


def test_a_disk_that_refuses_the_first_step_leaves_nothing(tmp_path, monkeypatch):
    def refuse(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, "_OneFile", refuse)
    with pytest.raises(ReportWriteError, match="No space left on device"):
        write(Target(tmp_path / "r.html", None))
    assert names(tmp_path) == []
