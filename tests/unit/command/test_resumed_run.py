"""`explainer run --resume`, and where the pictures of a summary come from."""

from pathlib import Path

import pytest
from photo_runs import pixels_of, run_of
from PIL import Image

from explainer.command.main import main
from explainer.digests import digest_of
from explainer.summary.verify import verify

NAMES = ["ant/1.PNG", "ant/2.png", "dog/a.png", "gnu/a.png", "zero.png"]


@pytest.fixture
def stopped(command, photos):
    """A run that ended at its third picture, of which the file was damaged."""
    whole = (photos / "dog" / "a.png").read_bytes()
    (photos / "dog" / "a.png").write_bytes(b"")
    status, _, error = command()
    assert status == 1 and "the file is empty" in error
    (photos / "dog" / "a.png").write_bytes(whole)


def test_the_same_command_goes_on_with_what_is_left(stopped, command, tmp_path):
    status, output, error = command("--resume")
    assert (status, error) == (0, "resumed: 2 of 5 samples were complete before\n")
    assert "\n5 complete " in output and "state       ended" in output
    run = run_of(tmp_path)
    assert [*run.samples] == [0, 1, 2, 3, 4] and run.older == () and run.resumed == ()
    assert verify(tmp_path / "out").problems == ()


def test_a_picture_may_be_left_out_from_then_on(stopped, command, photos, tmp_path):
    (photos / "dog" / "a.png").write_bytes(b"")
    assert command("--resume", "--on-bad-sample", "skip")[0] == 0
    run = run_of(tmp_path)
    assert [*run.samples] == [0, 1, 3, 4] and [*run.skipped] == [2]
    assert run.resumed[0]["on_bad_sample"] == "skip"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            ["--explainers", "Gradient:reduction=signed"],
            "explainers.Gradient.reduction differs: 'abs_max' then, 'signed'",
        ),
        (["--limit", 4], "dataset.samples differ: 5 then, 4 now"),
        (["--mean", 0.5], "options.preprocess.mean differ"),
        (["--top-k", 2], "options.top_k differs: 0 then, 2 now"),
    ],
)
def test_another_command_is_refused_with_what_differs(stopped, command, capsys, more, told):
    status, _, error = command("--resume", *more)
    assert status == 2
    assert error.startswith("explainer: cannot go on with ") and told in error


def test_another_picture_is_refused_by_its_name(stopped, command, photos):
    Image.fromarray(pixels_of(7)).save(photos / "ant" / "2.png")
    status, _, error = command("--resume")
    assert status == 2
    assert "images differ: sample 1 (ant/2.png) is not the one that was explained" in error


def test_a_run_that_has_ended_is_left_as_it_is(command, tmp_path):
    assert command()[0] == 0
    before = run_of(tmp_path).files.event_file.read_bytes()
    status, _, error = command("--resume")
    assert status == 0 and "has ended: all of its samples are complete, nothing was computed" in error
    assert run_of(tmp_path).files.event_file.read_bytes() == before


def test_names_and_digests_of_the_files_go_with_the_samples(command, photos, tmp_path):
    assert command()[0] == 0
    samples = run_of(tmp_path).samples.values()
    assert [sample.source for sample in samples] == NAMES
    assert [sample.origin.source_digest for sample in samples] == [
        digest_of((photos / name).read_bytes()) for name in NAMES
    ]
    assert len({sample.origin.input_digest for sample in samples}) == 5


def test_inspect_tells_where_a_run_comes_from(command, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")  # so that nothing is cut
    assert command()[0] == 0
    main(["inspect", str(tmp_path / "out")])
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if " " in line)
    run = run_of(tmp_path)
    weights = run.metadata.parameters["provenance"]["weights"]
    assert lines["network"].endswith(f"weights {weights}") and "folder_run_factories:" in lines["network"]
    assert "GeneratorDataset" in lines["data"] and "samples 5" in lines["data"]
    assert f"images {photos}" in lines["made"] and "mindspore " in lines["made"]
    told = run.metadata.parameters["dataset"]
    assert {name: told[name] for name in told if told[name] is not None} == {
        "class": "GeneratorDataset",
        "columns": ["image", "label"],
        "samples": 5,
        "preset": "none",
    }


def test_a_summary_names_its_sources(command, tmp_path: Path, capsys):
    assert command()[0] == 0
    main(["inspect", str(tmp_path / "out"), "--json"])
    assert '"sources": {\n  "0": "ant/1.PNG",' in capsys.readouterr().out
