"""No thread of the process takes a signal that is meant for the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import explainer
from explainer.run.signals import kept_from_new_threads

ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

THREADS = """
import json, os, pathlib, re
os.sched_setaffinity(0, range(os.cpu_count()))  # a worker of the tests has one core
import explainer.command.main

masks = {}
for task in pathlib.Path("/proc/self/task").iterdir():
    masks[task.name] = int(re.search(r"SigBlk:\\t(\\w+)", (task / "status").read_text())[1], 16)
print(json.dumps([masks.pop(str(os.getpid())), list(masks.values())]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are asked of Linux")
def test_threads_that_are_started_when_the_command_is_loaded_get_no_signal_that_ends_it():
    """NumPy and SciPy start a thread for each further core when they are imported."""
    package = str(Path(explainer.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        env=os.environ | {"PYTHONPATH": package, "OPENBLAS_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    main, others = json.loads(done.stdout)
    wanted = sum(1 << number - 1 for number in ENDING)
    assert main & wanted == 0
    assert others or os.cpu_count() == 1
    assert [mask & wanted for mask in others] == [wanted] * len(others)


def test_the_thread_itself_takes_signals_as_before_also_after_an_error():
    started: list[set[int]] = []
    note = threading.Thread(target=lambda: started.append(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pytest.raises(ZeroDivisionError), kept_from_new_threads():
        note.start()
        raise ZeroDivisionError
    note.join()
    assert started[0] >= ENDING
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
