"""Kills workers of a run with SIGKILL at random moments: the run must end as if nothing had happened.

    python scripts/kill_workers.py [--trials 20] [--seed 0]

One process does the run. In each trial two workers do it, of which one, drawn at random, is killed when some of the
samples are on the disk, in every third trial a second time. All that can be read of it must be what the first run left:
predictions, maps, scores, curves, uncertainty, totals, the pictures byte by byte. Numbers may differ by rounding, as
batches are made of other samples. `verify` must find nothing wrong, and no parts may be left. Exit code 1: something
was not so.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from explainer.run import workers
from explainer.summary.verify import verify

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from run_leaves import MISSING, compared, difference, leaves_of
from worker_runs import COUNT, runner_of

ROUNDING = 1e-5  # docs/architecture.md, "A run that goes on"
OWN = ("metadata.parameters.merged", "metadata.parameters.length", "metadata.parameters.provenance.command")
POLL = 0.01  # seconds
PAUSE = 0.05  # for a sample, so that a kill finds one at work


class Killer(threading.Thread):
    """Kills a worker each time when so many samples have been written.

    Attributes:
        killed_at: how many had been written at each kill.
    """

    def __init__(self, folder: Path, moments: Sequence[int], rng: np.random.Generator) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._moments = moments
        self._rng = rng
        self.killed_at: list[int] = []

    def run(self) -> None:
        """Waits for the moments."""
        for moment in self._moments:
            while self._written < moment:
                time.sleep(POLL)
            victims = multiprocessing.active_children()
            if victims:
                os.kill(self._rng.choice([victim.pid for victim in victims]), signal.SIGKILL)
                self.killed_at.append(self._written)

    @property
    def _written(self) -> int:
        """About how many samples are on the disk: a record comes right after its pictures."""
        return sum(1 for _ in self._folder.glob("parts/*/_explain_*/origin_images/*/*.png"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runner_of(Path(folder) / "whole").run()
        whole = values_of(Path(folder) / "whole")
        good = [trial(Path(folder), number, given.seed, whole) for number in range(given.trials)]
    print(f"{sum(good)} of {len(good)} trials ended as the run of one process")
    return 0 if all(good) else 1


def trial(folder: Path, number: int, seed: int, whole: dict[str, Any]) -> bool:
    """Whether the run ended as if nobody had been killed; tells what came of it."""
    out, rng = folder / str(number), np.random.default_rng([seed, number])
    moments = sorted(rng.integers(1, COUNT - 2, 2 if number % 3 == 2 else 1).tolist())
    killer = Killer(out, moments, rng)
    killer.start()
    workers.run(partial(runner_of, pause=PAUSE), out, workers=2)
    found = values_of(out)
    different, largest = compared(whole, found)
    problems = verify(out).problems
    good = largest <= ROUNDING and not problems and len(list(out.iterdir())) == 2 and bool(killer.killed_at)
    print(
        f"trial {number}: killed with {killer.killed_at} samples on the disk; {len(different)} values differ, by up to "
        f"{largest:.2g}; {len(problems)} problems",
        flush=True,
    )
    for where in different:
        if difference(whole.get(where, MISSING), found.get(where, MISSING)) > ROUNDING:
            print(f"  {where}: {whole.get(where)} by one process, {found.get(where)} by two")
    return good


def values_of(folder: Path) -> dict[str, Any]:
    return {where: value for where, value in leaves_of(folder) if not where.startswith(OWN)}


if __name__ == "__main__":
    sys.exit(main())
