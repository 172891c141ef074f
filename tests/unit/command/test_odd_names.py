"""`explainer run` where folders and pictures have names that are no text, or more than text."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import numpy as np

from explainer import read_run
from explainer.command import text

RED = b"\x1b[31m"


def test_pictures_of_any_name_are_explained_and_none_commands_the_terminal(command, photos, tmp_path) -> None:
    moved, out = tmp_path / "my photos", Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9sum\xe9 1"))
    photos.rename(moved)
    ants = os.fsencode(moved / "ant")
    shutil.copy(moved / "ant" / "2.png", os.fsdecode(ants + b"/3 caf\xe9" + RED + b".png"))
    Path(os.fsdecode(ants + b"/4 \xff" + RED + b".png")).write_bytes(b"no picture")
    Path(os.fsdecode(ants + b"/5" + RED + b".t" + RED)).write_bytes(b"no picture")
    status, output, error = command("--on-bad-sample", "skip", images=moved, summary_dir=out)
    assert status == 0
    assert "\x1b" not in output + error
    assert r"4 \udcff\x1b[31m.png: it is none of " in output
    run = read_run(out)
    assert (len(run.samples), len(run.skipped)) == (6, 1)
    second, third = run.samples[1], run.samples[2]  # the same picture under another name
    np.testing.assert_array_equal(run.picture(second.image), run.picture(third.image))
    assert third.prediction.ground_truth == (0,)


def test_the_lines_to_look_at_it_are_ones_that_a_shell_takes() -> None:
    assert text.look_again("runs/digits").splitlines() == [
        "these facts again: explainer inspect runs/digits",
        "look at it: explainer report runs/digits",
    ]
    for folder in ("my runs/it's", "a;b", "$HOME"):
        for line, command in zip(text.look_again(folder).splitlines(), ("inspect", "report"), strict=True):
            assert shlex.split(line.partition(": ")[2]) == ["explainer", command, folder]
