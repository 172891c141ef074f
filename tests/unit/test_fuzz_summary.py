"""A short run of scripts/fuzz_summary, and that it finds what it looks for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import explainer

REPOSITORY = Path(__file__).parents[2]


def fuzz(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the script, after some other code in its process."""
    script = REPOSITORY / "scripts" / "fuzz_summary.py"
    code = f"""
import runpy, sys
sys.argv = ["fuzz", *{arguments!r}]
{before}
runpy.run_path({str(script)!r}, run_name="__main__")
"""
    environment = os.environ | {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=environment)


def test_what_comes_of_damaged_and_forged_summaries_is_documented():
    done = fuzz("--memory", "2000", "--disk", "50")
    assert (done.returncode, done.stderr) == (0, "")
    memory, disk, peak = done.stdout.splitlines()
    assert memory.startswith("memory: 2000 cases (") and "damaged" in memory and "whole" in memory
    assert disk.startswith("disk: 50 cases (")
    assert float(peak.split()[2]) < 300  # MB


BUGS = {
    "an error that nobody catches": (
        "reader.DecodeError = KeyError",
        ["--memory", "500", "--disk", "0"],
        "DecodeError",
    ),
    "a sample that damage hit": (
        "assemble.SampleAssembler.drop = lambda self: None",
        ["--memory", "0", "--disk", "200"],
        "AssertionError: read_run gave the samples",
    ),
    "a warning": (
        "curves.np.errstate = lambda **_: contextlib.nullcontext()",
        ["--memory", "0", "--disk", "50", "--first", "1100"],
        "Warning",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_what_is_not_documented_is_found_and_told_with_its_case(bug: str):
    code, arguments, told = BUGS[bug]
    imports = "import contextlib\nfrom explainer.summary import assemble, reader\nfrom explainer.analysis import curves"
    done = fuzz(*arguments, before=f"{imports}\n{code}")
    assert done.returncode == 1
    assert ": case " in done.stdout and told in done.stdout
