"""How the time of a run is divided among its parts, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from explainer.run.stopwatch import PREDICTION, Part, Stopwatch

RISE, ROAD = Part("saliency", "RISE"), Part("metric", "ROAD")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_innermost_part_alone_is_counted() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with watch.at(ROAD):
        clock.now += 1
        with watch.at(RISE):
            clock.now += 10
        clock.now += 2
    clock.now += 100
    with watch.at(RISE):
        clock.now += 5
    assert watch.seconds == {ROAD: 3, RISE: 15}


def test_a_part_that_raises_has_ended() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with pytest.raises(KeyError), watch.at(ROAD), watch.at(RISE):
        clock.now += 4
        raise KeyError
    clock.now += 9
    with watch.at(ROAD):
        clock.now += 1
    assert watch.seconds == {RISE: 4, ROAD: 1}


def test_entries_are_timed_while_they_are_made_not_while_they_are_used() -> None:
    clock = Clock()
    watch = Stopwatch(clock)

    def made() -> Iterator[int]:
        for number in range(3):
            clock.now += 2
            yield number
        clock.now += 1

    for _ in watch.over(made(), RISE):
        clock.now += 50
    assert watch.seconds == {RISE: 7}


def test_it_tells_what_begins_and_what_goes_on() -> None:
    told: list[Part] = []
    watch = Stopwatch(Clock())
    watch.on_part = told.append
    with watch.at(ROAD), watch.at(RISE):
        pass
    assert told == [ROAD, RISE, ROAD]


def test_a_reset_forgets_what_was() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with watch.at(PREDICTION):
        clock.now += 3
    watch.reset()
    assert watch.seconds == {}


def test_parts_have_names() -> None:
    assert [str(part) for part in (PREDICTION, RISE)] == ["prediction", "saliency RISE"]
