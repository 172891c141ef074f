"""A name of the public face costs what it needs; reading a summary loads no MindSpore."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import explainer

READING = [
    *("analysis", "analysis.calibration", "analysis.curves", "analysis.facts", "analysis.reliability"),
    *("analysis.comparison", "command.compare", "command.figure", "report.figures"),
    *("benchmark", "explanation", "command.names"),
    *(
        "analysis.statistics",
        "analysis.tables",
        "analysis.view",
        "command.export",
        "command.main",
        "command.terminal",
        "command.merge",
        "command.repair",
        "command.report",
        "command.text",
        "command.verify",
    ),
    *(
        "data.batch",
        "records",
        "report",
        "report.export",
        "report.overlays",
        "report.write",
        "run.inference",
        "run.job",
        "run.options",
        "summary",
    ),
]


def fresh(script: str) -> str:
    """What a fresh Python prints."""
    package = {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=os.environ | package
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_the_package_and_all_that_reads_load_no_mindspore() -> None:
    imports = "; ".join(f"import explainer.{name}" for name in READING)
    script = f"import explainer; {imports}; explainer.read_run; explainer.overlay; explainer.RunOptions; import sys; "
    absent = ("mindspore", "scipy.stats", "matplotlib")
    assert fresh(script + f"print([name for name in {absent} if name in sys.modules])") == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["inspect", "--help"],
        ["compare", "--help"],
        ["figure", "--help"],
        ["run", "--help"],
        ["methods"],
        ["methods", "RISE"],
        ["metrics"],
        ["metrics", "Robustness"],
        ["verify", "--help"],
        ["merge", "--help"],
        ["repair", "--help"],
        ["export", "--help"],
        ["report", "--help"],
        ["--version"],
    ],
)
def test_the_command_s_help_and_lists_load_no_mindspore(arguments: list[str]) -> None:
    script = (
        "import sys, contextlib, io\nfrom explainer.command.main import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    main({arguments!r})\n"
        "print('mindspore' in sys.modules)"
    )
    assert fresh(script) == "False"


def test_every_public_name_is_there_and_listed() -> None:
    for name in explainer.__all__:
        assert getattr(explainer, name) is not None
        assert name in dir(explainer)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'explainer' has no attribute 'Runner'"):
        explainer.Runner  # noqa: B018
