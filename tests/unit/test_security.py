"""SECURITY.md's promises about a summary folder from someone else that no other test holds.

Paths out of the folder, pipes, damage: tests/unit/summary/test_reader.py; the terminal: tests/unit/command; large
records and pictures: test_recordfile.py and test_images.py beside the reader's tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import explainer
from explainer.records import (
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    Score,
)
from explainer.summary.writer import SummaryWriter

# Imports happen in a first reading; the second one is watched by Python's own audit events.
WATCH = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from explainer import read_run
from explainer.command.main import main
from explainer.summary import iter_samples

def read(folder):
    with redirect_stdout(StringIO()):
        main(["inspect", folder]), main(["inspect", folder, "--json"]), main(["verify", folder])
        main(["compare", folder, folder])
    run = read_run(folder)
    for sample in iter_samples(folder):
        run.picture(sample.image), [(run.saliency(entry), run.picture(entry)) for entry in sample.maps]
    run.statistics(), repr(run), run._repr_html_()

events = []
read(sys.argv[1])
sys.addaudithook(lambda name, arguments: events.append((name, [str(value) for value in arguments])))
read(sys.argv[1])
print(json.dumps([sorted({name for name, _ in events}), [entry for name, entry in events if name == "open"]]))
print("mindspore" in sys.modules)
"""
WATCH_REPORT = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from explainer.command.main import main

def report(folder, to):
    with redirect_stdout(StringIO()):
        assert main(["report", folder, "--to", to]) == 0

events = []
report(*sys.argv[1:])
sys.addaudithook(lambda name, arguments: events.append((name, [str(value) for value in arguments])))
report(*sys.argv[1:])
print(json.dumps([sorted({name for name, _ in events}), [entry for name, entry in events if name == "open"]]))
print("mindspore" in sys.modules)
"""
PYTHON_ITSELF = ("object", "builtins", "sys", "code", "cpython", "array")
MAKING = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}
IN_THREADS, LOCKING = {"_thread.start_new_thread"}, {"fcntl.flock", "os.truncate"}  # the latter of Python 3.10
LOOKING = {"open", "os.listdir", "os.scandir", "pathlib.Path.glob", "pathlib.Path.rglob"}


def written(folder: Path) -> None:
    metadata = RunMetadata(
        labels=("cat", "dog"), explainers=("GradCAM",), metrics=("Faithfulness",), jobs=("saliency",)
    )
    with SummaryWriter(folder, metadata, raw_kind="float16") as writer:
        writer.write(OriginalImage(3, np.full((5, 7, 3), 9, np.uint8)))
        writer.write(Prediction(3, (1,), (0,), (0, 1), np.float32([0.75, 0.25])))
        writer.write(Saliency(3, "GradCAM", 1, np.arange(35, dtype=np.float32).reshape(5, 7)))
        writer.write(Score(3, "GradCAM", "Faithfulness", 1, 0.5))
        writer.write(SampleDone(3))
        writer.write(RunEnd())


def tree(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Every path under a folder with the time of its last change and its content."""
    paths = sorted(folder.rglob("*"))
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in paths}


def watched(script: str, *arguments: Path) -> tuple[set[str], list[list[str]], str]:
    """What a script does in its second round: the kinds of events, every opening, whether MindSpore was loaded."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    report, with_mindspore = done.stdout.splitlines()
    names, opened = json.loads(report)
    return {name for name in names if name.partition(".")[0] not in PYTHON_ITSELF}, opened, with_mindspore


def test_a_report_writes_its_own_files_and_does_nothing_else(tmp_path: Path):
    job, place = tmp_path / "job", tmp_path / "place"
    written(job)
    place.mkdir()
    before = tree(job)
    doing, opened, with_mindspore = watched(WATCH_REPORT, job, place / "report")
    assert doing <= LOOKING | MAKING | IN_THREADS | LOCKING  # nothing is imported, executed or sent
    ours = Path(explainer.__file__).parent / "report"
    for name, mode, flags in opened:
        if mode == "None":  # os.open: rmtree looks into the older report, and the draft's lock is made
            written_to = int(flags) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            assert not written_to or Path(name).is_relative_to(place), name
            continue
        folders = (place,) if mode not in ("r", "rb") else (job, place, ours)
        assert any(Path(name).is_relative_to(folder) for folder in folders), (name, mode)
    assert with_mindspore == "False"
    assert tree(job) == before
    assert [path.name for path in place.iterdir()] == ["report"]


def test_reading_a_summary_looks_into_its_folder_and_does_nothing_else(tmp_path: Path):
    job = tmp_path / "job"
    written(job)
    before = tree(tmp_path)
    doing, opened, with_mindspore = watched(WATCH, job)
    assert doing <= LOOKING  # nothing is imported, executed, started, sent, made or removed
    assert {Path(path).is_relative_to(job) for path, _, _ in opened} == {True}
    assert {mode for _, mode, _ in opened} <= {"r", "rb"}
    assert {path.suffix for path in (Path(path) for path, _, _ in opened)} >= {".png", ".npy"}
    assert with_mindspore == "False"
    assert tree(tmp_path) == before


# The second export of each format is watched, which takes the first one's place.
EXPORT = """
import json, sys
from explainer.report.export import FORMATS, export

events = []
for time in range(2):
    for format in FORMATS:
        export(sys.argv[1], f"{sys.argv[2]}/{format}", format=format)
    if time == 0:
        sys.addaudithook(lambda name, arguments: events.append((name, [str(value) for value in arguments])))
print(json.dumps([sorted({name for name, _ in events}), [entry for name, entry in events if name == "open"]]))
"""


def test_an_export_writes_into_its_place_and_does_nothing_else(tmp_path: Path):
    job = tmp_path / "job"
    written(job)
    before = tree(job)
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, str(job), str(tmp_path / "out")],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    names, opened = json.loads(done.stdout)
    doing = {name for name in names if name.partition(".")[0] not in PYTHON_ITSELF}
    assert doing <= LOOKING | MAKING  # nothing is imported, executed, started or sent
    # What is replaced is removed by names in a folder that is open, and not by paths.
    for path, mode, _ in (entry for entry in opened if Path(entry[0]).is_absolute()):
        places = [tmp_path / "out", *([job] if mode in ("r", "rb") else [])]
        assert any(Path(path).is_relative_to(place) for place in places), path
    assert tree(job) == before
