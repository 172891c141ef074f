"""The command `explainer`: help, version, and wrong command lines."""

from __future__ import annotations

import pytest

from explainer.command.main import main
from explainer.version import __version__


def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *command: str) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_help_names_every_command_and_has_an_example(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch)
    for expected in ("inspect", "run", "--version", "--help", "example:\n", "\n  explainer inspect "):
        assert expected in text


def test_the_help_of_inspect_has_its_options_an_example_and_the_exit_status(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch, "inspect")
    for expected in (
        "usage: explainer inspect",
        "DIR",
        "--json",
        "example:\n",
        "\n  explainer inspect summary_dir/digits",
    ):
        assert expected in text
    assert "exit status: 0 the summary is whole; 1 the run did not end or the file is damaged; 2 there is no" in text


RUN_OPTIONS = (
    "--network MODULE:FACTORY",
    "--images DIR",
    "--labels FILE",
    "--summary-dir OUT",
    "--checkpoint CKPT",
    "--explainers LIST",
    "--metrics LIST",
    "--hierarchical-occlusion",
    "--uncertainty {dropout,shift,noise}",
    "--activation {softmax,sigmoid}",
    "--size H W",
    "--channels {1,3}",
    "--mean M [M ...]",
    "--std S [S ...]",
    "--batch-size N",
    "--top-k K",
    "--limit N",
)


def test_the_help_of_run_explains_every_option(capsys, monkeypatch):
    lines = [line.strip() for line in help_of(capsys, monkeypatch, "run").splitlines()]
    for option in RUN_OPTIONS:
        (place,) = [place for place, line in enumerate(lines) if line.startswith(option)]
        assert lines[place] != option or not lines[place + 1].startswith("-"), f"{option} is not explained"
    named = {line.split()[0] for line in lines if line.startswith("--")}
    assert named == {option.split()[0] for option in RUN_OPTIONS}  # a new option belongs into this table


def test_the_help_of_run_has_an_example_and_the_exit_status(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch, "run")
    assert "example:\n  explainer run --network mypackage.nets:resnet20 --checkpoint resnet20.ckpt \\\n" in text
    assert "exit status: 0 done; 1 the run failed, what was finished stays; 2 a wrong argument" in text


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"explainer {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["inspcet"], ["inspect"], ["inspect", "a", "b"], ["inspect", "a", "--yaml"]])
def test_a_wrong_command_line_has_exit_status_2_and_shows_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: explainer")
