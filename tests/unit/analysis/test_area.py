"""The area of boxes together, held to pixels that are painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.analysis.area import covered_pixels

BOXES = st.lists(st.tuples(*[st.integers(-5, 12)] * 4), max_size=12)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(boxes=BOXES, width=st.integers(1, 11), height=st.integers(1, 9))
def test_the_area_is_that_of_the_painted_pixels(boxes, width, height):
    painted = np.zeros((height, width), bool)
    for x, y, w, h in boxes:
        painted[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = True
    assert covered_pixels(boxes, width, height) == painted.sum()


@pytest.mark.parametrize("boxes", [[], [(0, 0, 0, 5)], [(0, 0, -3, 4)], [(20, 0, 3, 3)], [(-9, -9, 3, 3)]])
def test_no_box_inside_covers_nothing(boxes):
    assert covered_pixels(boxes, 10, 8) == 0


def test_the_size_of_the_image_costs_nothing():
    assert covered_pixels([(0, 0, 2**31, 2**31), (5, 5, 7, 7)], 2**31, 2**31) == 2**62


def test_many_boxes_are_added_up():
    count = 10_000
    boxes = [(7 * index, 5 * (index * 7919 % count), 6, 4) for index in range(count)]
    assert covered_pixels(boxes, 10**6, 10**6) == 24 * count
