"""Which samples lie where: against sets, for parts of any kind, and for counts that a stranger writes."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.summary.cover import Cover, some_of


def cover_of(*parts: list[int]) -> Cover:
    return Cover([np.array(part, np.int64) for part in parts])


@given(st.lists(st.lists(st.integers(0, 20), unique=True), min_size=1, max_size=4))
def test_it_says_what_sets_say(parts: list[list[int]]):
    cover = cover_of(*parts)
    assert sorted(cover) == sorted((number, owner) for owner, part in enumerate(parts) for number in part)
    assert [number for number, _ in cover] == sorted(number for part in parts for number in part)
    assert len(cover) == sum(map(len, parts))
    there = {number for part in parts for number in part}
    assert list(cover.gaps(21)) == [number for number in range(21) if number not in there]
    doubled = {number for number in there if sum(number in part for part in parts) > 1}
    assert {number for number, _, _ in cover.doubles} == doubled
    for number, one, other in cover.doubles:
        assert one != other
        assert number in parts[one]
        assert number in parts[other]


@pytest.mark.parametrize(
    ("parts", "count", "beyond"),
    [(([0, 2], [1]), 3, None), (([0, 3], [1]), 3, (3, 0)), (([0], [-1]), 3, (-1, 1)), (([],), 0, None)],
)
def test_a_sample_that_none_can_be_is_found(parts: tuple[list[int], ...], count: int, beyond: tuple[int, int] | None):
    assert cover_of(*parts).beyond(count) == beyond


def test_a_dataset_that_claims_to_be_huge_costs_nothing():
    cover = cover_of([5], [0])
    assert cover.missing(2**62) == 2**62 - 2
    assert list(islice(cover.gaps(2**62), 6)) == [1, 2, 3, 4, 6, 7]
    assert some_of(cover.gaps(2**62), cover.missing(2**62)) == f"1, 2, 3, 4, 6 and {2**62 - 7} more"
