"""Signals during a run: the sample at hand is finished, whoever calls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset

import explainer
from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.errors import ExplainerError, RunInterrupted
from explainer.explanation import Gradient
from explainer.run.interrupts import Interrupts

COUNT = 6


class Signalling:
    """A sink that sends the process a signal when a sample begins, as a user would at the keyboard."""

    def __init__(self, number: int, sample_id: int) -> None:
        self.number = number
        self.sample_id = sample_id

    def write(self, record: object) -> None:
        if type(record).__name__ == "OriginalImage" and record.sample_id == self.sample_id:
            os.kill(os.getpid(), self.number)

    def close(self) -> None:
        pass


def runner_in(folder: Path) -> ImageClassificationRunner:
    network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 4 * 5, 2))
    images = np.random.default_rng(0).random((COUNT, 3, 4, 5), np.float32)
    data = NumpySlicesDataset({"image": images}, shuffle=False), ["a", "b"]
    runner = ImageClassificationRunner(folder, data, network, nn.Softmax(), options=RunOptions(progress=False))
    runner.register_saliency([Gradient(network)])
    return runner


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_run_behind_the_sample_at_hand(tmp_path: Path, name: str) -> None:
    runner, before = runner_in(tmp_path), signal.getsignal(getattr(signal, name))
    runner.register_sink(Signalling(getattr(signal, name), 2))
    with pytest.raises(KeyboardInterrupt, match=f"interrupted by {name} after 3 samples") as caught:
        runner.run()
    assert isinstance(caught.value, RunInterrupted) and caught.value.signal_number == getattr(signal, name)
    run = read_run(tmp_path)
    assert (list(run.samples), run.unfinished, run.ended, run.findings) == ([0, 1, 2], (), False, ())
    assert signal.getsignal(getattr(signal, name)) == before


def test_who_catches_errors_does_not_catch_a_signal() -> None:
    assert not issubclass(RunInterrupted, Exception | ExplainerError)


def test_the_handlers_are_those_of_before_after_a_run_and_after_an_error(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    runner_in(tmp_path).run()
    with pytest.raises(ZeroDivisionError), Interrupts():
        _ = 1 / 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_run_in_another_thread_leaves_the_handlers_alone(tmp_path: Path) -> None:
    before, seen = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(target=lambda: seen.append(runner_in(tmp_path).run().samples))
    thread.start()
    thread.join()
    assert seen == [COUNT] and signal.getsignal(signal.SIGINT) == before


WATCH = """
import os, signal, time
from explainer.errors import RunInterrupted
from explainer.run.interrupts import Interrupts, SignalWatch
mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
with SignalWatch(), Interrupts() as interrupts:
    os.kill(os.getpid(), signal.{name})
    while not interrupts.noted:
        time.sleep(0.01)
    try:
        interrupts.check(samples=4)
    except RunInterrupted as error:
        print(error, error.signal_number, flush=True)
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask and SignalWatch.current is None
with SignalWatch(), Interrupts():
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.2)
    os.kill(os.getpid(), signal.{name})
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_watch_takes_the_first_signal_and_the_second_ends_the_process_at_once(name: str) -> None:
    # In a process of its own: threads that are there already, MindSpore's among them, would take the signals.
    package = {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    call = [sys.executable, "-c", WATCH.format(name=name)]
    ended = subprocess.run(call, capture_output=True, text=True, timeout=30, env=os.environ | package)
    number = getattr(signal, name)
    said = f"interrupted by {name} after 4 samples, which are complete on disk; "
    assert ended.stdout == f"{said}run(resume=True) (--resume) goes on from there {number:d}\n"
    assert (ended.returncode, ended.stderr) == (128 + number, "")
