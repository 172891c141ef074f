"""Numbers by names are a dict's, in a few bytes each."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from explainer.summary.name_numbers import NameNumbers


@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_those_of_a_dict(seed):
    generator = np.random.default_rng(seed)
    numbers, expected = NameNumbers(), dict[str, int]()
    for name in map(str, generator.integers(0, 3_000, 6_000)):  # beyond what is there at first, and many twice
        expected[name] = int(generator.integers(0, 2**64, dtype=np.uint64))
        numbers.put(name, expected[name])
    assert len(numbers) == len(expected) > 2_000
    assert [numbers.get(name) for name in map(str, range(3_000))] == [expected.get(str(key)) for key in range(3_000)]


def test_any_name_and_the_least_and_the_largest_number_are_kept():
    numbers = NameNumbers()
    names = ["", "\0", "\ud800", "a" * 10_000, "\xe4"]
    for number, name in zip((0, 2**64 - 1, 1, 2, 3), names, strict=True):
        numbers.put(name, number)
    assert [numbers.get(name) for name in names] == [0, 2**64 - 1, 1, 2, 3]


def test_names_that_meet_at_one_place_have_their_own_numbers(monkeypatch):
    monkeypatch.setattr(NameNumbers, "_mark", lambda self, name: 1024 * int(name) + 1023)  # the last place of all
    numbers = NameNumbers()
    for name in map(str, range(600)):
        numbers.put(name, int(name) + 7)
    assert [numbers.get(name) for name in map(str, range(601))] == [*range(7, 607), None]


@pytest.mark.slow
def test_a_hundred_thousand_names_take_some_dozens_of_bytes_each():
    tracemalloc.start()
    numbers = NameNumbers()
    for number in range(100_000):
        numbers.put(f"/somewhere/far/away/{number}.png", number)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held / 100_000 < 46  # 16 for each place, of which three to six in eight are taken
