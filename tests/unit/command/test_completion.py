"""`explainer completion`, and what a shell gets from it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class

import explainer
from explainer.command.main import cli, main


def completed(*words, shell="bash"):
    """What a shell is offered behind these words, the last of which is incomplete."""
    kind = get_completion_class(shell)(cli, {}, "explainer", "_EXPLAINER_COMPLETE")
    return [(item.type, item.value) for item in kind.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command(capsys, shell):
    assert main(["completion", shell]) == 0
    output, error = capsys.readouterr()
    assert error == ""
    assert f"_EXPLAINER_COMPLETE={shell}_complete" in output and "explainer" in output


def test_another_shell_is_refused(capsys):
    assert main(["completion", "ksh"]) == 2
    assert "'ksh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err


def test_commands_options_and_choices_are_completed():
    assert completed("me") == [("plain", "merge"), ("plain", "methods"), ("plain", "metrics")]
    assert ("plain", "--network-args") in completed("run", "--net")
    assert completed("run", "--uncertainty", "") == [("plain", "dropout"), ("plain", "shift"), ("plain", "noise")]


def test_values_that_are_not_finished_stop_no_completion():
    assert ("plain", "--metrics") in completed("run", "--size", "3", "x", "--limit", "many", "--met")
    assert ("plain", "--metrics") in completed("run", "--config", "nowhere.toml", "--met")


def test_the_last_name_of_a_list_is_completed():
    assert completed("run", "--explainers", "Gradient,Guided") == [("plain", "Gradient,GuidedBackprop")]
    assert completed("run", "--metrics", "Comp") == [("plain", "Completeness"), ("plain", "Complexity")]
    assert completed("methods", "Lay") == [("plain", "LayerCAM")]
    assert completed("metrics", "ROA") == [("plain", "ROAD")]


def paths_of(command):
    return [
        parameter for parameter in command.params if parameter.metavar in ("DIR", "FILE", "CKPT", "OUT", "PATH", "NEW")
    ]


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_paths_are_completed_by_the_shell(name):
    for parameter in paths_of(cli.commands[name]):
        assert isinstance(parameter.type, click.Path), parameter.name
        if isinstance(parameter, click.Option):
            assert completed(name, parameter.opts[0], "some") == [("file", "some")]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_the_command(tmp_path):
    command = tmp_path / "explainer"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m explainer.command.main "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    script = (
        "source <(explainer completion bash); "
        'COMP_WORDS=(explainer metrics Loc); COMP_CWORD=2; _explainer_completion explainer; echo "${COMPREPLY[@]}"'
    )
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=120, env=os.environ | path, cwd=tmp_path
    )
    assert (ended.stdout, ended.stderr) == ("Localization\n", "")
