"""`explainer serve`: what it prints, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from hand_made_runs import write_run

from explainer.command.main import main

OF_THE_EXTRA = tuple(f"explainer.serve.{name}" for name in ("app", "guard", "server"))


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "explainer.command.main", "serve", str(folder), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def address_in(process: subprocess.Popen[str]) -> str:
    """The address that is printed in the second line."""
    assert process.stdout is not None
    process.stdout.readline()
    return process.stdout.readline().split()[1]


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_serves_until_it_is_ended(tmp_path: Path, how, status):
    write_run(tmp_path / "run")
    with started(tmp_path / "run") as process:
        address = address_in(process)
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}runs.json", timeout=20) as answer:
            assert b'"samples":4' in answer.read()
        process.send_signal(how)
        assert process.wait(20) == status
        assert process.stderr is not None
        assert process.stderr.read() == ("explainer: the server has ended\n" if how == signal.SIGINT else "")


def test_a_public_address_is_warned_of(tmp_path: Path):
    write_run(tmp_path / "run")
    with started(tmp_path / "run", "--host", "0.0.0.0") as process:
        assert address_in(process).startswith("http://127.0.0.1:")
        assert process.stderr is not None
        assert process.stderr.readline().startswith("explainer: warning: whoever can reach 0.0.0.0 sees the pictures")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_folder_without_a_run_is_named_with_exit_status_2(tmp_path: Path, capsys):
    assert main(["serve", str(tmp_path)]) == 2
    assert f"found no summary in {tmp_path}: no file" in capsys.readouterr().err
    assert main(["serve", str(tmp_path / "none")]) == 2
    assert f"found no summary in {tmp_path / 'none'}: there is no such folder" in capsys.readouterr().err


def test_an_address_that_is_another_machine_s_is_named_with_exit_status_2(tmp_path: Path, capsys):
    write_run(tmp_path / "run")
    assert main(["serve", str(tmp_path / "run"), "--host", "192.0.2.1"]) == 2
    assert "cannot listen at 192.0.2.1, port 0: " in capsys.readouterr().err


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_it_is_named_with_exit_status_2(tmp_path: Path, capsys, monkeypatch, package):
    write_run(tmp_path / "run")
    for name in [name for name in sys.modules if name.split(".")[0] == package or name in OF_THE_EXTRA]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["serve", str(tmp_path / "run")]) == 2
    errors = capsys.readouterr().err
    assert f"serve needs {package}" in errors and "pip install 'mindspore-explainer[serve]'" in errors
