"""What the bar of a run shows, by a clock that the test moves."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from explainer.perturb.engine import Request, evaluated
from explainer.run.progress import RunBar, shown
from explainer.run.stopwatch import Part, Stopwatch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0  # so that nothing is left out as too soon
        return self.now


def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is written from now on; pytest has a stream of its own for the call of a test."""
    monkeypatch.setattr(sys, "stderr", found := io.StringIO())
    return found


def last(stream: io.StringIO) -> str:
    return stream.getvalue().rstrip("\n").rpartition("\r")[2]


def test_it_moves_inside_of_a_sample_by_the_images_that_were_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    bar = RunBar(10, 4, 200.0, True, Clock())
    assert "40%" in last(stream) and "4/10" in last(stream)
    bar.evaluated(100)
    assert "45%" in last(stream) and "4/10" in last(stream)
    bar.evaluated(1000)  # more than was expected
    assert "50%" in last(stream) and "4/10" in last(stream)  # 49.9 %, rounded
    bar.sample_done()
    assert "50%" in last(stream) and "5/10" in last(stream)
    bar.close()


def test_it_shows_what_is_worked_on_and_how_long_it_will_take_from_the_first_images_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = terminal(monkeypatch)
    bar = RunBar(10, 0, 100.0, True, Clock())
    assert "?" in last(stream)  # nothing was done, so nothing tells
    bar.at(Part("metric", "ROAD"))
    bar.evaluated(50)
    assert "ROAD" in last(stream) and "?" not in last(stream)
    bar.close()
    assert "ROAD" not in last(stream)


def test_it_is_shown_at_most_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)

    class Quick(Clock):
        def __call__(self) -> float:
            self.now += 0.03
            return self.now

    bar = RunBar(10, 0, 1000.0, True, Quick())
    before = stream.getvalue().count("\r")
    for _ in range(100):
        bar.evaluated(1)
    assert stream.getvalue().count("\r") - before == 25  # every fourth
    bar.close()


def test_it_is_quiet_off_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    bar = RunBar(10, 0, 100.0, None, Clock())
    bar.evaluated(50)
    bar.sample_done()
    bar.close()
    assert stream.getvalue() == ""


def test_the_engine_and_the_stopwatch_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    watch, image = Stopwatch(), np.zeros((1, 1, 2, 2), np.float32)
    requests = (Request(0, np.ones((2, 2), bool)) for _ in range(30))
    with shown(RunBar(2, 0, 60.0, True, Clock()), watch), watch.at(Part("saliency", "RISE")):
        list(evaluated(lambda images, indices: images, image, requests, batch_size=10, fill=np.zeros_like))
        assert " 25%" in last(stream) and "RISE" in last(stream)
    assert watch.on_part is None


def test_an_unknown_number_of_samples_is_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    bar = RunBar(None, 0, 10.0, True, Clock())
    bar.sample_done()
    assert "1image" in last(stream)
    bar.close()
