"""What is told of a long explanation, by a clock that the tests wind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from explainer.explanation import progress
from explainer.explanation.progress import ProgressReporter

Logged = pytest.LogCaptureFixture


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: Logged) -> Iterator[Clock]:
    caplog.set_level(logging.INFO, logger="explainer")
    clock = Clock()
    monkeypatch.setattr(progress.time, "perf_counter", clock)
    yield clock
    monkeypatch.undo()


def add_all(clock: Clock, explanation: progress.Progress, batches: list[tuple[float, int]]) -> None:
    """Batches of (seconds that it takes, parts)."""
    for seconds, count in batches:
        clock.now += seconds
        explanation.add(count)


def test_the_function_is_called_after_each_batch_with_what_is_done_and_all(clock: Clock) -> None:
    told: list[tuple[int, int]] = []
    add_all(clock, ProgressReporter("Occlusion", lambda *counts: told.append(counts)).of(9), [(1, 4), (1, 4), (1, 1)])
    assert told == [(4, 9), (8, 9), (9, 9)]


def test_each_explanation_counts_by_itself(clock: Clock) -> None:
    told: list[tuple[int, int]] = []
    teller = ProgressReporter("Occlusion", lambda *counts: told.append(counts))
    first, second = teller.of(9), teller.of(4)
    first.add(5)
    second.add(3)
    first.add(4)
    second.add(1)
    assert told == [(5, 9), (3, 4), (9, 9), (4, 4)]


def test_an_error_of_the_function_is_raised(clock: Clock) -> None:
    def failing(done: int, total: int) -> None:
        raise RuntimeError("stopped on purpose")

    with pytest.raises(RuntimeError, match="stopped on purpose"):
        ProgressReporter("Occlusion", failing).of(9).add(4)


@pytest.mark.parametrize(("given", "kind"), [(True, "bool"), ("print", "str"), ([print], "list")])
def test_what_is_no_function_is_refused(given: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"`on_progress` must be a function, got {kind}$"):
        ProgressReporter("Occlusion", given)


def test_what_takes_long_is_told_from_the_second_batch(clock: Clock, caplog: Logged) -> None:
    explanation = ProgressReporter("Mine", None).of(1000)
    add_all(clock, explanation, [(500, 10)])  # the first prepares: its time does not count
    assert caplog.records == []
    add_all(clock, explanation, [(2, 10)])  # 0.2 s for each of 990: 198 s
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("explainer", "WARNING")
    assert record.getMessage() == (
        "Mine: 1000 parts to be hidden, one after another, take about 3.3 minutes; larger strides or fewer "
        "segments take less"
    )


@pytest.mark.parametrize(("seconds", "told"), [(6.0, False), (6.1, True)])
def test_only_more_than_a_minute_is_long(clock: Clock, caplog: Logged, seconds: float, told: bool) -> None:
    add_all(clock, ProgressReporter("Mine", None).of(110), [(1, 10), (seconds, 10)])  # ten batches after the first
    assert [record.args for record in caplog.records] == [("Mine", 110, pytest.approx(61 / 60))] * told


def test_a_little_more_than_a_minute_is_one_minute(clock: Clock, caplog: Logged) -> None:
    add_all(clock, ProgressReporter("Mine", None).of(30), [(1, 10), (31, 10)])
    assert "take about 1." in caplog.text


def test_batches_of_different_lengths_are_weighed_by_their_parts(clock: Clock, caplog: Logged) -> None:
    # 45 parts in 45 s after the first batch, 110 of them in all: 1 s each.
    add_all(clock, ProgressReporter("Mine", None).of(120), [(1, 10), (2, 25), (43, 20)])
    assert "take about 1.8" in caplog.text


def test_what_becomes_slow_later_is_told_then(clock: Clock, caplog: Logged) -> None:
    explanation = ProgressReporter("Mine", None).of(100)
    add_all(clock, explanation, [(1, 10), (1, 10)])
    assert caplog.records == []
    add_all(clock, explanation, [(199, 10)])  # 200 s for 20 of 90: 900 s
    assert "take about 15." in caplog.text


def test_it_is_told_once_however_many_batches_and_explanations(clock: Clock, caplog: Logged) -> None:
    teller = ProgressReporter("Mine", None)
    add_all(clock, teller.of(10000), [(100, 10)] * 5)
    add_all(clock, teller.of(10000), [(100, 10)] * 5)
    assert len(caplog.records) == 1
    add_all(clock, ProgressReporter("Another", None).of(10000), [(100, 10)] * 5)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["Mine", "Another"]


@pytest.mark.parametrize("batches", [[(1000, 20)], [(1000, 10), (1000, 10)], []])
def test_at_the_end_nothing_is_left_to_wait_for(clock: Clock, caplog: Logged, batches: list[tuple[float, int]]) -> None:
    add_all(clock, ProgressReporter("Mine", None).of(20), batches)
    assert caplog.records == []


def test_the_function_is_called_whatever_is_told(clock: Clock, caplog: Logged) -> None:
    told: list[tuple[int, int]] = []
    add_all(clock, ProgressReporter("Mine", lambda *counts: told.append(counts)).of(1000), [(100, 10), (100, 10)])
    assert len(caplog.records) == 1
    assert told == [(10, 1000), (20, 1000)]
