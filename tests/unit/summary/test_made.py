"""What is made together, and taken back together."""

from __future__ import annotations

from pathlib import Path

import pytest

from explainer.summary.made import Made


def test_a_written_file_has_its_name_when_all_are_settled(tmp_path: Path):
    made = Made()
    made.write(tmp_path / "a", b"1")
    made.write(tmp_path / "b", b"2")
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()
    made.settle()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("settled", [False, True])
def test_what_was_made_can_be_taken_back(tmp_path: Path, settled):
    made = Made()
    made.folders(tmp_path / "x" / "y")
    made.write(tmp_path / "x" / "y" / "a", b"1")
    if settled:
        made.settle()
    made.take_back()
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_bytes(b"old")
    made = Made()
    made.folders(tmp_path / "x")
    made.write(tmp_path / "x" / "a", b"new")
    made.take_back()
    assert (tmp_path / "x" / "a").read_bytes() == b"old"
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["a"]


def test_what_others_put_into_a_folder_keeps_it(tmp_path: Path):
    made = Made()
    made.folders(tmp_path / "x" / "y")
    (tmp_path / "x" / "theirs").touch()
    made.take_back()
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["theirs"]


def test_below_a_folder_that_is_gone_nothing_is_made(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        Made().folders(tmp_path / "gone" / "x" / "y", below=tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path: Path):
    (tmp_path / "x").touch()
    for path in (tmp_path / "x", tmp_path / "x" / "y"):
        with pytest.raises(OSError, match=r"File exists|Not a directory"):
            Made().folders(path)


def test_a_folder_that_is_made_for_a_claim_must_be_new(tmp_path: Path):
    (tmp_path / "x").mkdir()
    made = Made()
    with pytest.raises(FileExistsError):
        made.folder(tmp_path / "x")
    made.take_back()
    assert (tmp_path / "x").is_dir()


def test_a_file_that_somebody_else_makes_is_taken_back_too(tmp_path: Path):
    made = Made()
    made.note(tmp_path / "a")
    made.note(tmp_path / "absent")
    (tmp_path / "a").touch()
    made.take_back()
    assert list(tmp_path.iterdir()) == []


def test_a_tree_is_taken_back_with_all_that_is_in_it(tmp_path: Path):
    """Of a hundred thousand files none is noted."""
    (tmp_path / "x").mkdir()
    made = Made()
    made.tree(tmp_path / "x" / "y")
    (tmp_path / "x" / "y" / "z").mkdir()
    (tmp_path / "x" / "y" / "z" / "a").write_bytes(b"1")
    (tmp_path / "outside").write_bytes(b"2")
    (tmp_path / "x" / "y" / "link").symlink_to(tmp_path / "outside")
    made.take_back()
    assert list((tmp_path / "x").iterdir()) == []
    assert (tmp_path / "outside").read_bytes() == b"2"


def test_a_tree_that_was_there_before_is_refused_and_stays(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"1")
    made = Made()
    with pytest.raises(FileExistsError):
        made.tree(tmp_path)
    made.take_back()
    assert (tmp_path / "a").exists()
