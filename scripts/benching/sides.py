"""The sides as processes: each waits, idle, until it is asked, and is asked alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benching.rows import BEFORE, MINDSPORE, ONNX, OURS, Row

ROOT = Path(__file__).resolve().parents[2]
PEERS_VARIABLE = "EXPLAINER_PEERS"


@dataclass(frozen=True)
class Kind:
    """A side: the module that it runs, in which environment, with which variables."""

    module: str
    peers: bool = False
    variables: dict[str, str] = field(default_factory=dict)


KINDS = {
    OURS: Kind("ours", variables={"EXPLAINER_ENGINE": "auto"}),
    BEFORE: Kind("ours", variables={"EXPLAINER_ENGINE": "mindspore"}),
    MINDSPORE: Kind("mindspore_floor"),
    ONNX: Kind("onnx_floor"),
    "torch": Kind("torch_peer", peers=True),
    "mindspore.train": Kind("mindspore_peer"),
}


class SideError(Exception):
    """A side could not do what it was asked, and says why."""


def sides_of(row: Row) -> dict[str, str]:
    """The sides that a row asks, in that order, each with why it is left out, "" where it is not.

    Who is compared comes one after the other, and who takes long comes last: restless seconds of the machine meet them
    alike.
    """
    asked = [OURS]
    if row.needs is not None:
        asked.append(ONNX)
    if row.peer:
        asked.append("mindspore.train" if row.peer == "mindspore.train" else "torch")
    if row.needs is not None:
        asked.append(MINDSPORE)
    asked.append(BEFORE)
    return {side: row.left_out.get("peer" if side == "torch" else side, "") or _absence(side) for side in asked}


def peers_python() -> Path:
    """The Python of the peers' environment, there or not."""
    return Path(os.environ.get(PEERS_VARIABLE, ROOT / ".venv-peers")) / "bin" / "python"


def _absence(side: str) -> str:
    if KINDS[side].peers and not peers_python().exists():
        return "no environment of the peers; scripts/bench --peers makes it"
    return ""


class Side:
    """The process of a side; a context manager."""

    def __init__(self, name: str, folder: Path) -> None:
        kind = KINDS[name]
        python = peers_python() if kind.peers else sys.executable
        variables = (_variables(ROOT / "scripts") if kind.peers else main_variables()) | kind.variables
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [str(python), "-m", "benching.worker", kind.module, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, env=variables,
        )  # fmt: skip

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def send(self, **request: Any) -> None:
        """Asks, without waiting for the answer."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)

    def received(self) -> dict[str, Any]:
        """The answer; SideError says why there is none."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise SideError(f"the process ended: {self._errors.read()[-300:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SideError(answer["error"])
        return answer

    def asked(self, **request: Any) -> dict[str, Any]:
        """The answer to a request."""
        self.send(**request)
        return self.received()


def export(folder: Path, network: str) -> None:
    """Writes the network's folder, in a process of its own."""
    command = [sys.executable, "-m", "benching.exporting", str(folder), network]
    subprocess.run(command, check=True, env=main_variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main_variables() -> dict[str, str]:
    """The environment of a process that imports the package, the trial networks and the bench."""
    return _variables(ROOT / "scripts", ROOT, ROOT / "tests")


def _variables(*paths: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
