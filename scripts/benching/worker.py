"""The process of a side: it imports the side's module, and answers requests, one JSON object a line.

`python -m benching.worker SIDE FOLDER`, SIDE a module of this package with `works(row, exported)`, which gives a `Work`
for each column that the side fills.

    {"prepare": row's key}   {"columns": [...]}
    {"time": column}         {"seconds": one call's}
    {"peak": true}           {"peak": megabytes above what the process took when all was imported}
    any of them              {"error": why not}
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benching.networks import NETWORKS, Exported
from benching.rows import Work, named


def main(side: str, folder: Path) -> None:
    """Answers until nobody asks."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    asked = _Asked(side, folder)
    for line in sys.stdin:
        try:
            answer = asked.answer(json.loads(line))
        except Exception as error:  # whatever it is, the row says it
            answer = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # MindSpore's cells print a traceback each when Python ends


class _Asked:
    """A side's module, and what it made of the row that was prepared."""

    def __init__(self, side: str, folder: Path) -> None:
        self._module = importlib.import_module(f"benching.{side}")
        self._folder = folder
        self._works: dict[str, Work] = {}
        self._imported = memory("VmRSS")

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What is answered."""
        if "prepare" in request:
            row = named(request["prepare"])
            self._works = self._module.works(row, Exported(self._folder, NETWORKS[row.network]))
            return {"columns": list(self._works)}
        if "time" in request:
            work = self._works[request["time"]]
            start = time.perf_counter()
            work.call()
            return {"seconds": (time.perf_counter() - start) * work.times}
        return {"peak": memory("VmHWM") - self._imported}


def memory(name: str) -> float:
    """VmRSS or VmHWM of this process, in megabytes; getrusage would begin with that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split(f"{name}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
