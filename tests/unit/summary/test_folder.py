"""The names in a job folder, and that nothing is reached from it that lies outside."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hand_made_runs import STARTED, write_run

from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.command.main import main
from explainer.errors import SummaryReadError
from explainer.summary.folder import (
    JobFolder,
    entries_below,
    find_runs,
    inside,
    latest_timestamp,
    led_out,
    require_no_file,
)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job folder beside a file and a folder that it must not reach."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(bytes(100_000))
    (tmp_path / "job").mkdir()
    return tmp_path / "job"


# ------------------------------------------------- one function for every path


@pytest.mark.parametrize("path", ["a.png", "x/a.png", "x/../a.png", "./a.png", "", "%2e%2e/a.png", "..a/b", "C:\\x"])
def test_a_path_that_stays_inside_is_where_it_says(job: Path, path):
    assert inside(job, path) == Path(os.path.normpath(job.resolve() / path))


@pytest.mark.parametrize("path", ["..", "../outside", "x/../../outside/secret", "/etc/passwd", "/", "../job2/a.png"])
def test_a_path_that_leads_out_is_refused(job: Path, path):
    with pytest.raises(SummaryReadError, match="paths must stay in the summary's folder, got"):
        inside(job, path)


def test_a_link_that_leads_out_is_refused_whichever_part_of_the_path_it_is(job: Path):
    (job / "file").symlink_to("../outside/secret")
    (job / "up").symlink_to(job.parent, target_is_directory=True)
    (job / "again").symlink_to("up")
    for path in ("file", "up", "up/outside/secret", "again/outside", "x/../up/outside"):
        with pytest.raises(SummaryReadError, match="paths must stay in the summary's folder"):
            inside(job, path)


def test_many_paths_of_a_folder_lead_where_each_leads_alone(job: Path):
    (job / "x" / "deep").mkdir(parents=True)
    (job / "x" / "real.png").write_bytes(b"")
    links = {
        "link": "x",
        "out": "../outside",
        "x/link.png": "real.png",
        "x/out.png": "../../outside/secret",
        "loop": "loop",
    }
    for name, target in links.items():
        (job / name).symlink_to(target)
    parts = [
        "x",
        "deep",
        "link",
        "out",
        "loop",
        "..",
        ".",
        "",
        "real.png",
        "link.png",
        "out.png",
        "absent",
        "a\0b",
        "/",
    ]
    paths = [
        *parts,
        *("/".join((a, b)) for a in parts for b in parts),
        "../job/x/real.png",
        "x/../link/deep/..",
        "../job",
    ]
    folder = JobFolder(job)

    def found(followed, *arguments):
        try:
            return followed(*arguments)
        except SummaryReadError as error:
            return str(error)

    for path in (*paths, *paths):  # the second time from what is remembered
        assert found(folder.inside, path) == found(inside, job, path), path


def test_a_link_that_stays_inside_is_followed_and_so_is_a_link_to_the_folder(job: Path):
    (job / "real.png").touch()
    (job / "link.png").symlink_to("real.png")
    (job.parent / "linked").symlink_to(job, target_is_directory=True)
    assert inside(job.parent / "linked", "link.png") == job.resolve() / "real.png"


def test_a_way_out_and_in_again_is_judged_by_where_it_ends(job: Path):
    assert inside(job, "../job/a.png") == job.resolve() / "a.png"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="a loop is met when it is opened")
def test_a_loop_of_links_is_refused(job: Path):
    (job / "one").symlink_to("two")
    (job / "two").symlink_to("one")
    with pytest.raises(SummaryReadError, match="could not follow the path 'one'"):
        inside(job, "one")


def test_a_nul_character_is_refused(job: Path):
    with pytest.raises(SummaryReadError, match="could not follow the path"):
        inside(job, "a\x00b")


# ------------------------------------------------- runs


def moved_and_linked(job: Path, name: str) -> None:
    """The entry of a job folder is outside now, and a link leads there."""
    (job / name).rename(job.parent / "outside" / name)
    (job / name).symlink_to(job.parent / "outside" / name)


def test_an_event_file_that_leads_out_is_left_out_and_told(job: Path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    write_run(job)
    newer = write_run(job, clock=STARTED + 9).event_file.name
    moved_and_linked(job, newer)
    run = read_run(job)
    assert (run.files.timestamp, run.older) == (STARTED, ())
    assert led_out(job) == [newer]
    assert facts_of(run)["led_out"] == [newer]
    main(["inspect", str(job)])
    assert f"left out    {newer} leads out of the folder\n" in capsys.readouterr().out


def test_a_folder_whose_only_event_file_leads_out_says_so(job: Path):
    name = write_run(job).event_file.name
    moved_and_linked(job, name)
    with pytest.raises(SummaryReadError, match=f"found no summary in .*: {name} leads out of it"):
        read_run(job)


def test_an_event_file_that_is_a_link_inside_is_read(job: Path):
    event_file = write_run(job).event_file
    event_file.rename(job / "elsewhere")
    event_file.symlink_to("elsewhere")
    assert read_run(job).ended


def test_a_loop_in_place_of_an_event_file_is_left_out(job: Path):
    (job / "summary.1800000000_explain").symlink_to("summary.1800000000_explain")
    write_run(job)
    assert [run.timestamp for run in find_runs(job)] == [1800000001]


def test_the_next_run_gets_a_greater_number_than_one_that_leads_out(job: Path):
    """MindInsight follows links, and reads the greatest number."""
    (job / "summary.1800000000.1_explain").symlink_to("../outside/secret")
    assert latest_timestamp(job) == 1800000000
    assert write_run(job).timestamp == 1800000001


def test_a_data_folder_alone_is_a_number_that_is_taken(job: Path):
    write_run(job)
    (job / "_explain_1900000000").mkdir()
    (job / "_explain_me").mkdir()
    assert latest_timestamp(job) == 1900000000
    assert write_run(job).timestamp == 1900000001


def test_no_run_has_no_latest_timestamp(job: Path):
    assert latest_timestamp(job) == latest_timestamp(job / "absent") == -1


def test_the_folder_above_names_no_linked_folder(job: Path):
    write_run(job)
    (job.parent / "linked").symlink_to(job, target_is_directory=True)
    with pytest.raises(SummaryReadError, match="; its folders job hold summaries"):
        read_run(job.parent)


def test_a_folder_below_that_may_not_be_read_is_no_obstacle(job: Path, monkeypatch: pytest.MonkeyPatch):
    write_run(job / "digits")
    (job / "closed").mkdir()
    listed = Path.iterdir

    def iterdir(self: Path) -> object:
        if self.name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(SummaryReadError, match="its folders digits hold summaries"):
        read_run(job)


# ------------------------------------------------- what is below a folder


def test_a_data_folder_that_is_a_link_is_not_walked_and_its_pictures_are_refused(job: Path, capsys):
    data_dir = write_run(job).data_dir
    moved_and_linked(job, data_dir.name)
    assert main(["inspect", str(job), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["picture_bytes"], facts["led_out"]) == (0, [data_dir.name])
    run = read_run(job)
    with pytest.raises(SummaryReadError, match="paths must stay in the summary's folder"):
        run.picture(run.samples[0].image)


def test_bytes_are_counted_without_following_links(job: Path, capsys):
    data_dir = write_run(job).data_dir
    before = facts_of(read_run(job))["picture_bytes"]
    assert before == sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file())
    (data_dir / "file").symlink_to(job.parent / "outside" / "secret")
    (data_dir / "folder").symlink_to(job.parent / "outside")
    (data_dir / "root").symlink_to("/")
    (data_dir / "loop").symlink_to(data_dir)
    assert facts_of(read_run(job))["picture_bytes"] == before


def test_links_pipes_and_files_are_entries_and_folders_are_walked(job: Path):
    for name in ("a/b/c", "a/d"):
        (job / name).parent.mkdir(parents=True, exist_ok=True)
        (job / name).touch()
    (job / "a" / "link").symlink_to("..")
    (job / "dead").symlink_to("absent")
    os.mkfifo(job / "pipe")
    found = {Path(entry.path).relative_to(job).as_posix() for entry in entries_below(job)}
    assert found == {"a/b/c", "a/d", "a/link", "dead", "pipe"}


def test_a_folder_that_is_not_there_has_no_entries(job: Path):
    assert list(entries_below(job / "absent")) == []


def test_a_folder_and_one_to_be_made_are_no_file_but_what_lies_in_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for fitting in (tmp_path, tmp_path / "new" / "job", "relative/job", tmp_path / ("long" * 100)):
        require_no_file("`summary_dir`", fitting)
    with pytest.raises(ValueError, match=r"^`summary_dir` must be a folder, .* is a file; give another path$"):
        require_no_file("`summary_dir`", tmp_path / "file")
    with pytest.raises(ValueError, match=r"deep lies in .*file, which is a file; give another path$"):
        require_no_file("`summary_dir`", tmp_path / "file" / "deep")
