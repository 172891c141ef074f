"""What was measured, in a file: so that a run that was stopped goes on, and a page can be written of it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benching.estimates import Told
from benching.flatness import Memory
from benching.measuring import Measured
from benching.shares import Share
from benching.sides import peers_python

PACKAGES = ("mindspore", "onnxruntime", "numpy")
PEER_PACKAGES = ("torch", "captum", "grad-cam", "quantus")


@dataclass
class Results:
    """All that was measured, with where and with what."""

    machine: str
    versions: dict[str, str]
    date: str
    rows: dict[str, Measured] = field(default_factory=dict)
    memory: list[Memory] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    estimates: list[Told] = field(default_factory=list)

    @classmethod
    def here_and_now(cls) -> Results:
        """None yet."""
        return cls(_machine(), _versions(), date.today().isoformat())

    @classmethod
    def read(cls, path: Path) -> Results:
        """Those of a file."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["rows"] = {key: Measured(**row) for key, row in stored["rows"].items()}
        stored["memory"] = [Memory(**row) for row in stored["memory"]]
        stored["shares"] = [Share(**row) for row in stored["shares"]]
        stored["estimates"] = [Told(**row) for row in stored.get("estimates", ())]
        return cls(**stored)

    def write(self, path: Path) -> None:
        """Into the file, whole or not at all."""
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        unfinished.replace(path)

    def is_done(self, key: str, quick: bool) -> bool:
        """Whether the row need not be measured again: nobody disturbed it, and it was not in greater haste."""
        row = self.rows.get(key)
        return row is not None and not row.busy and (quick or not row.quick)


def _machine() -> str:
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.machine()}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    return found | _versions_of_peers()


def _versions_of_peers() -> dict[str, Any]:
    if not peers_python().exists():
        return {}
    asked = f"import json, importlib.metadata as m; print(json.dumps({{p: m.version(p) for p in {PEER_PACKAGES!r}}}))"
    found: dict[str, Any] = json.loads(subprocess.check_output([str(peers_python()), "-c", asked], text=True))
    return found
