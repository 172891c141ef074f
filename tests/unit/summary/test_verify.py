"""What `verify` finds: each kind of damage, where it is, and nothing in a run that is whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import DATA, MAP_FILE, METADATA, OTHER, PICTURE_FILE, STARTED, flip, write_run

from explainer.errors import SummaryReadError
from explainer.records import ImageFile, OriginalImage, Prediction, RunEnd, SampleDone
from explainer.summary import codec, images
from explainer.summary.images import png_of
from explainer.summary.recordfile import frame
from explainer.summary.verify import Problem, verify
from explainer.summary.writer import SummaryWriter

PICTURES = 4 * 4  # of each sample the picture and three maps


def problems_of(folder: Path, **options: object) -> list[Problem]:
    found = verify(folder, **options)
    assert found.complete == (not found.problems)
    return list(found.problems)


def test_a_whole_run_has_no_problem(tmp_path: Path):
    writer = write_run(tmp_path)
    found = verify(tmp_path)
    assert found.problems == ()
    assert (found.complete, found.ended, found.repaired) == (True, True, "")
    assert (found.files.event_file, found.samples, found.skipped, found.pictures) == (writer.event_file, 4, 1, PICTURES)


def test_a_run_without_digests_is_whole_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As version 1.1 of the format wrote it."""
    monkeypatch.setattr("explainer.summary.writer.digest_of", lambda content: b"")
    write_run(tmp_path)
    monkeypatch.undo()
    assert problems_of(tmp_path) == []


def test_any_run_of_the_folder_is_verified(tmp_path: Path):
    write_run(tmp_path, ended=False)
    write_run(tmp_path, clock=STARTED + 9)
    assert problems_of(tmp_path) == []
    (problem,) = problems_of(tmp_path, run=STARTED)
    assert problem.what == "the run did not end"


def test_a_run_that_did_not_end_is_told(tmp_path: Path):
    name = write_run(tmp_path, ended=False).event_file.name
    assert problems_of(tmp_path) == [Problem(name, "the run did not end")]


def test_damage_is_told_with_its_byte_and_its_sample(tmp_path: Path):
    event_file = write_run(tmp_path).event_file
    offset = flip(event_file, 3)  # a map of the first sample
    first, second, *rest = problems_of(tmp_path)
    assert first == Problem(f"byte {offset} of {event_file.name}", "a record's content is damaged")
    assert second == Problem("sample 0", "is unfinished")
    assert {problem.what for problem in rest} == {"is named by no record of a complete sample"}
    assert len(rest) == 4


def test_metadata_that_is_damaged_twice_is_told(tmp_path: Path):
    event_file = write_run(tmp_path).event_file
    flip(event_file, 0)
    flip(event_file, 1)
    assert problems_of(tmp_path)[-1].what.startswith("the metadata is damaged")


def test_a_file_that_is_cut_is_told(tmp_path: Path):
    event_file = write_run(tmp_path).event_file
    event_file.write_bytes(event_file.read_bytes()[:-3])
    assert [problem.what for problem in problems_of(tmp_path)] == [
        "the file ends in the middle of a record",
        "the run did not end",
    ]


WRONG = {
    "removed": (lambda path: path.unlink(), "is missing"),
    "emptied": (lambda path: path.write_bytes(b""), "cannot be read: cannot identify image file"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:40]), "cannot be read: "),
    "other": (lambda path: path.write_bytes(png_of(OTHER)), "is not the picture that was recorded"),
    "re-packed": (lambda path: path.write_bytes(path.read_bytes() + b" "), "is not the picture that was recorded"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is missing"),
    "a link out": (
        lambda path: (path.unlink(), path.symlink_to("/etc/hostname")),
        "paths must stay in the summary's folder, got",
    ),
    "a loop": (lambda path: (path.unlink(), path.symlink_to(path.name)), ("could not follow", "is missing")),
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("path", [PICTURE_FILE, MAP_FILE], ids=["picture", "map"])
def test_a_picture_that_is_not_what_was_written_is_named_with_what_is_wrong(tmp_path: Path, path, how):
    write_run(tmp_path)
    damage, what = WRONG[how]
    damage(tmp_path / path)
    found = verify(tmp_path)
    assert found.problems[0].where == path
    assert found.problems[0].what.startswith(what)
    assert all(problem.what == "is named by no record of a complete sample" for problem in found.problems[1:])
    assert len(found.problems) <= 2
    assert (found.samples, found.ended) == (4, True)


def test_every_flipped_bit_of_a_picture_is_found(tmp_path: Path):
    write_run(tmp_path)
    whole = (tmp_path / PICTURE_FILE).read_bytes()
    for bit in range(0, len(whole) * 8, 7):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / PICTURE_FILE).write_bytes(flipped)
        assert [problem.where for problem in problems_of(tmp_path)] == [PICTURE_FILE], f"bit {bit}"


def test_a_coloured_picture_in_place_of_a_map_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explainer.summary.writer.digest_of", lambda content: b"")
    write_run(tmp_path)
    (tmp_path / MAP_FILE).write_bytes(png_of(np.zeros((5, 7, 3), np.uint8)))
    assert problems_of(tmp_path) == [Problem(MAP_FILE, "is no grey picture, as a saliency map must be")]


def test_a_picture_of_too_many_pixels_is_told_unless_they_are_asked_for(tmp_path: Path):
    write_run(tmp_path)
    what = "cannot be read: the PNG must have at most 34 pixels, got 7 x 5"
    assert {problem.what for problem in problems_of(tmp_path, most_pixels=34)} == {what}
    assert problems_of(tmp_path, most_pixels=35) == []


def test_files_that_belong_to_no_sample_are_named(tmp_path: Path):
    data_dir = write_run(tmp_path).data_dir
    for name in ("heatmap/GradCAM/0/9_1.png", "origin_images/0/9.png.draft", "notes.txt"):
        (data_dir / name).write_bytes(b"x")
    (data_dir / "away").symlink_to("/etc")
    assert sorted(problems_of(tmp_path)) == [
        Problem(f"{DATA}/{name}", "is named by no record of a complete sample")
        for name in ("away", "heatmap/GradCAM/0/9_1.png", "notes.txt", "origin_images/0/9.png.draft")
    ]


def test_files_of_other_runs_are_no_matter(tmp_path: Path):
    write_run(tmp_path)
    write_run(tmp_path, clock=STARTED + 9)
    (tmp_path / "checkpoint.ckpt").touch()
    assert problems_of(tmp_path) == []


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"saliency_map": true}', "x" * 5000, "[" * 4000])
def test_a_manifest_that_mindinsight_breaks_on_is_told(tmp_path: Path, content):
    manifest = write_run(tmp_path).data_dir / "manifest.json"
    manifest.unlink() if content is None else manifest.write_text(content)
    what = "is missing or broken; MindInsight then lists no job at all"
    assert problems_of(tmp_path) == [Problem(f"{DATA}/manifest.json", what)]


def test_a_data_folder_that_leads_out_is_not_read(tmp_path: Path):
    data_dir = write_run(tmp_path / "job").data_dir
    data_dir.rename(tmp_path / "outside")
    data_dir.symlink_to("../outside")
    problems = problems_of(tmp_path / "job")
    assert problems[-1] == Problem(DATA, "leads out of the folder, and is not read")
    assert {problem.what.partition(",")[0] for problem in problems[:-1]} == {"paths must stay in the summary's folder"}
    assert len(problems) == PICTURES + 1


def test_a_data_folder_that_is_gone_is_told_picture_by_picture(tmp_path: Path):
    shutil.rmtree(write_run(tmp_path).data_dir)
    problems = problems_of(tmp_path)
    assert [problem.what for problem in problems[:-1]] == ["is missing"] * PICTURES
    assert problems[-1].where == f"{DATA}/manifest.json"


def test_a_sample_recorded_twice_is_judged_by_its_last_record(tmp_path: Path):
    with SummaryWriter(tmp_path, METADATA) as writer:
        for grey in (1, 2):
            writer.write(OriginalImage(0, np.full((5, 7), grey, np.uint8)))
            writer.write(Prediction(0, (1,), (), (), np.float32([0.25, 0.25, 0.25, 0.25])))
            writer.write(SampleDone(0))
        writer.write(RunEnd())
    assert problems_of(tmp_path) == []


def test_a_picture_that_many_records_name_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A stranger may name one large picture a million times."""
    (tmp_path / "1.png").write_bytes(png_of(OTHER))
    prediction = Prediction(0, (1,), (), (), np.float32([0.5, 0.5]))
    messages = [codec.encode_metadata(METADATA)]
    for number, path in enumerate(["1.png", "./1.png", "x/../1.png"] * 20):
        messages += [codec.encode_sample(ImageFile(number, path), prediction), codec.encode_done(SampleDone(number))]
    content = b"".join(frame(codec.as_event(message, 1.5).SerializeToString()) for message in messages)
    (tmp_path / "summary.17_explain").write_bytes(content)
    decoded = []
    pixels_of = images.pixels_of
    monkeypatch.setattr(images, "pixels_of", lambda *arguments: decoded.append(1) or pixels_of(*arguments))
    assert verify(tmp_path).pictures == 1
    assert len(decoded) == 1


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 100])
def test_where_nothing_can_be_read_verifying_is_a_read_error(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "summary.17_explain").write_bytes(content)
    with pytest.raises(SummaryReadError):
        verify(tmp_path)
