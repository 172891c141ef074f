"""Drafts: whose is removed, whose never is, and how they get their place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from explainer.report import drafts
from explainer.report.drafts import DraftFolder, put_in_place
from explainer.summary.lock import LOCK

WRITE = """
import sys, time
from pathlib import Path
from explainer.report.drafts import DraftFolder
draft = DraftFolder(Path(sys.argv[1]))
(draft.path / "page").write_text("half")
print(draft.path.name, flush=True)
time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_draft_is_hidden_and_leaves_nothing(tmp_path: Path) -> None:
    draft = DraftFolder(tmp_path)
    (draft.path / "page").touch()
    assert names(tmp_path) == [draft.path.name] and draft.path.name.startswith(".explainer-report-")
    draft.close()
    assert names(tmp_path) == []
    draft.close()


def test_the_draft_of_a_living_writer_stays_and_that_of_a_killed_one_goes(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        other = writer.stdout.readline().strip()
        own = DraftFolder(tmp_path)
        assert names(tmp_path) == sorted([other, own.path.name])
        own.unmark()
        DraftFolder(tmp_path).close()
        assert names(tmp_path) == sorted([other, own.path.name])
        writer.kill()
        writer.wait()
    DraftFolder(tmp_path).close()
    assert names(tmp_path) == [own.path.name]
    own.close()


def test_what_has_no_lock_or_lies_elsewhere_is_nobodys_business(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for folder in (mine, tmp_path / "there" / ".explainer-report-0.draft", tmp_path / "there" / "other.draft"):
        folder.mkdir(parents=True)
    for folder in (mine, tmp_path / "there" / "other.draft"):
        (folder / LOCK).touch()
    (tmp_path / "there" / ".explainer-report-1.draft").symlink_to(mine)
    before = names(tmp_path / "there")
    DraftFolder(tmp_path / "there").close()
    assert names(tmp_path / "there") == before
    assert names(mine) == [LOCK]


def test_where_nothing_can_be_locked_a_draft_has_no_lock_that_seems_left(tmp_path: Path, monkeypatch) -> None:
    def refuse(folder: Path) -> None:
        (folder / LOCK).touch()
        raise NotImplementedError

    monkeypatch.setattr(drafts, "RunLock", refuse)
    draft, other = DraftFolder(tmp_path), DraftFolder(tmp_path)
    assert names(tmp_path) == sorted([draft.path.name, other.path.name])
    assert names(draft.path) == []
    draft.close()
    other.close()


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def refuse(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drafts, "RunLock", refuse)
    with pytest.raises(KeyboardInterrupt):
        DraftFolder(tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("old", ["nothing", "file", "folder"])
@pytest.mark.parametrize("new", ["file", "folder"])
def test_a_draft_takes_the_place_of_what_is_there(tmp_path: Path, old: str, new: str) -> None:
    draft, place = tmp_path / "draft", tmp_path / "place"
    for path, kind in ((draft, new), (place, old)):
        if kind == "folder":
            path.mkdir()
            (path / path.name).touch()
        elif kind == "file":
            path.write_text(path.name)
    put_in_place(draft, place)
    assert names(tmp_path) == ["place"]
    assert names(place) == ["draft"] if new == "folder" else place.read_text() == "draft"


def test_a_folder_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "page").touch()
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / "no draft", tmp_path / "place")
    assert names(tmp_path) == ["place"]
    assert names(tmp_path / "place") == ["page"]
