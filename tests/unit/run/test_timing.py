"""How calls are timed, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from explainer.perturb.engine import Request, evaluated, watched
from explainer.run.timing import Timer


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def batches(
    clock: Clock, seconds: Callable[[int], float], passes: int, done: list[int], before: float = 7.0, used: float = 0.5
) -> None:
    """A call of the engine in batches of ten, whose sizes are noted: what each takes, and what it does beside."""

    def evaluate(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        clock.pass_by(seconds(len(done)))
        done.append(len(images))
        return images

    image = np.zeros((1, 1, 2, 2), np.float32)
    requests: Iterator[Request] = (Request(0, np.ones((2, 2), bool)) for _ in range(passes))
    clock.pass_by(before)
    for _ in evaluated(evaluate, image, requests, batch_size=10, fill=np.zeros_like):
        clock.pass_by(used)


def test_after_the_calls_that_prepare_the_median_counts() -> None:
    clock, durations = Clock(), iter([0.125, 0.125, 0.03125, 0.0625, 0.046875, 0.03125, 0.0625])
    assert Timer(3, clock).seconds(lambda: clock.pass_by(next(durations))) == 0.046875


def test_where_all_calls_prepare_the_last_counts() -> None:
    clock, durations = Clock(), iter([1.5, 0.75, 9.0])
    assert Timer(3, clock).seconds(lambda: clock.pass_by(next(durations))) == 0.75


def test_a_long_call_is_made_once() -> None:
    clock, durations = Clock(), iter([2.0])
    assert Timer(3, clock).seconds(lambda: clock.pass_by(next(durations))) == 2.0


def test_a_short_call_is_made_more_often_than_it_must() -> None:
    clock, made = Clock(), []

    def call() -> None:
        made.append(clock.now)
        clock.pass_by(0.01 * len(made))

    assert Timer(2, clock).seconds(call) == pytest.approx(0.045)  # of 0.02 to 0.07
    assert len(made) == 7


def test_a_call_of_many_passes_ends_after_some_batches_of_which_the_later_ones_count() -> None:
    clock, done = Clock(), []
    taken = [20.0, 20.0, 20.0, 1.5, 1.5, 40.0]
    call = lambda: batches(clock, lambda number: taken[number], 1000, done)  # noqa: E731
    # Before the first batch 7 s, which takes 20.5 s; of the last three of six the median is 2 s, as for all others.
    assert Timer(2, clock).seconds_in_part(call, 1000) == pytest.approx(27.5 + 99 * 2.0)
    assert done == [10] * 6


def test_a_call_of_short_batches_goes_on_for_half_a_second() -> None:
    clock, done = Clock(), []
    each = 1 / 64
    call = lambda: batches(clock, lambda number: each, 1000, done, before=0.0, used=0.0)  # noqa: E731
    assert Timer(2, clock).seconds_in_part(call, 1000) == 100 * each
    assert len(done) == 32


@pytest.mark.parametrize(("before", "times"), [(0.25, 2), (7.0, 1)])
def test_a_call_of_few_passes_is_made_in_full_and_again_unless_it_is_long(before: float, times: int) -> None:
    clock, done = Clock(), []
    call = lambda: batches(clock, lambda number: 0.125, 25, done, before, used=0.0)  # noqa: E731
    assert Timer(2, clock).seconds_in_part(call, 25) == before + 3 * 0.125
    assert done == [10, 10, 5] * times


def test_what_a_call_raises_is_raised() -> None:
    def fail() -> None:
        raise KeyError("as it is")

    with pytest.raises(KeyError, match="as it is"):
        Timer(2, Clock()).seconds_in_part(fail, 1000)


def test_a_watcher_is_told_of_batches_inside_of_others_and_no_more_at_the_end() -> None:
    told: list[int] = []
    image = np.zeros((1, 1, 2, 2), np.float32)

    def plain(count: int) -> Iterator[Request]:
        return (Request(0, np.ones((2, 2), bool)) for _ in range(count))

    def within(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        list(evaluated(lambda images, indices: images, images[:1], plain(3), batch_size=2, fill=np.zeros_like))
        return images

    def outside() -> None:
        list(evaluated(within, image, plain(5), batch_size=4, fill=np.zeros_like))

    with watched(told.append):
        outside()
    outside()
    assert told == [2, 1, 4, 2, 1, 1]
