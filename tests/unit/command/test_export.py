"""`explainer export`: what it says, and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hand_made_runs import MAP_FILE, STARTED, write_run

import explainer
from explainer.command.main import main
from explainer.report.export import FORMATS


def exported(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["export", *map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_run(tmp_path / "job")
    return tmp_path / "job"


WRITTEN = {
    "csv": "4 samples, 12 rows",
    "json": "4 samples, 12 rows",
    "npz": "4 samples, 12 maps, 1 file",
    "tensorboard": "4 samples, 16 images, 1 scalar",
    "metadata": "4 samples, 4 pictures",
}


@pytest.mark.parametrize("chosen", FORMATS)
def test_a_whole_run_is_exported_with_exit_status_0(job: Path, capsys, chosen: str):
    out = job.parent / "out"
    status, text, errors = exported(capsys, job, "--format", chosen, "--to", out)
    assert (status, errors) == (0, "")
    lines = text.splitlines()
    assert lines[:2] == [f"export      {out} ({chosen})", f"written     {WRITTEN[chosen]}"]
    hint = [f"hint        look at it: tensorboard --logdir {out}"] if chosen == "tensorboard" else []
    assert lines[2:] == hint


@pytest.mark.parametrize("chosen", FORMATS)
def test_a_run_that_did_not_end_is_exported_with_exit_status_1(tmp_path: Path, capsys, chosen: str):
    write_run(tmp_path / "job", ended=False)
    status, text, errors = exported(capsys, tmp_path / "job", "--format", chosen, "--to", tmp_path / "out")
    assert (status, errors) == (1, "")
    assert "damage      the run did not end" in text.splitlines()


def test_what_is_left_out_is_said_with_exit_status_1(job: Path, capsys):
    (job / MAP_FILE).unlink()
    status, text, _ = exported(capsys, job, "--format", "npz", "--to", job.parent / "out")
    assert status == 1
    assert text.splitlines()[1] == "written     4 samples, 11 maps, 1 file"
    assert text.splitlines()[2].startswith(f"left out    sample 2: could not read the picture '{MAP_FILE}'")


def test_of_much_that_is_left_out_the_first_is_said(job: Path, capsys):
    for path in job.rglob("heatmap/*/*/*.png"):
        path.unlink()
    (next(job.rglob("origin_images/0/0.png"))).unlink()
    _, text, _ = exported(capsys, job, "--format", "tensorboard", "--to", job.parent / "out")
    lines = [line for line in text.splitlines() if line.startswith("left out")]
    assert len(lines) == 10  # nine maps, and a sample with all of its maps


def test_a_run_a_limit_and_the_size_of_files_can_be_chosen(job: Path, capsys):
    write_run(job, ended=False, clock=STARTED + 9)
    out = job.parent / "out"
    assert exported(capsys, job, "--format", "npz", "--to", out)[0] == 1
    assert exported(capsys, job, "--format", "npz", "--to", out, "--run", STARTED)[0] == 0
    assert exported(capsys, job, "--format", "npz", "--to", out, "--run", STARTED, "--max-pixels", 34)[0] == 1
    assert exported(capsys, job, "--format", "npz", "--to", out, "--run", STARTED, "--shard-samples", 1)[0] == 0
    assert len(list(out.glob("*.npz"))) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "parquet"], "Invalid value for '--format': 'parquet' is not one of"),
        (["--format", "npz", "--shard-samples", "0"], "Invalid value for '--shard-samples'"),
        (["--format", "npz", "--max-pixels", "0"], "Invalid value for '--max-pixels'"),
        ([], "Missing option '--format'"),
        (["--format", "csv", "--run", "17"], "found no run 17 in"),
    ],
)
def test_a_wrong_argument_has_exit_status_2(job: Path, capsys, arguments: list[str], message: str):
    status, text, errors = exported(capsys, job, "--to", job.parent / "out", *arguments)
    assert (status, text) == (2, "")
    assert message in errors
    assert not (job.parent / "out").exists()


def test_a_taken_place_has_exit_status_2(job: Path, capsys):
    (job.parent / "out").write_text("precious")
    status, text, errors = exported(capsys, job, "--format", "csv", "--to", job.parent / "out")
    assert (status, text) == (2, "")
    assert (
        errors == f"explainer: `to` must be a new file, or an earlier export of this format, got {job.parent / 'out'}\n"
    )
    assert (job.parent / "out").read_text() == "precious"


def test_nothing_to_read_has_exit_status_2(tmp_path: Path, capsys):
    status, text, errors = exported(capsys, tmp_path / "absent", "--format", "csv", "--to", tmp_path / "out")
    assert (status, text) == (2, "")
    assert errors.startswith("explainer: found no summary in")


def test_an_export_that_could_not_be_written_has_exit_status_1(job: Path, capsys):
    (job.parent / "file").touch()
    status, text, errors = exported(capsys, job, "--format", "csv", "--to", job.parent / "file" / "out")
    assert (status, text) == (1, "")
    assert errors.startswith("explainer: could not write ")


def test_without_tensorboardx_the_extra_is_named_with_exit_status_2(job: Path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX.proto", None)
    monkeypatch.delitem(sys.modules, "tensorboardX", raising=False)
    status, text, errors = exported(capsys, job, "--format", "tensorboard", "--to", job.parent / "out")
    assert (status, text) == (2, "")
    assert "pip install 'mindspore-explainer[tensorboard]'" in errors


@pytest.mark.parametrize("chosen", FORMATS)
def test_exporting_loads_no_mindspore(job: Path, chosen: str):
    script = (
        "import sys\nfrom explainer.command.main import main\n"
        f"status = main(['export', {str(job)!r}, '--format', {chosen!r}, '--to', {str(job.parent / 'out')!r}])\n"
        "sys.exit(status or ('mindspore' in sys.modules))"
    )
    package = {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, env=os.environ | package, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, b"")
