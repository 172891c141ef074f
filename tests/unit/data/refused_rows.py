"""Rows that MindSpore cannot carry; run by test_dataset.py in a process of its own."""

import numpy as np
import pytest
from unit.data.test_mindspore_dataset import rows_with, samples_of


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": {"b": 1}}, "a dict of 'a' at sample 0|dictionary objects in column"),
        (None, "the column '{name}' must hold numbers, in arrays without None"),
        ([{"a": 1}], "the column '{name}' must hold numbers, in arrays without None"),
        (np.array([1, None], object), "the column '{name}' must hold numbers, in arrays without None"),
        ([[1], [2, 3]], r"rows of unequal length \(pad them\)"),
        (np.array([1j]), "each column must hold numbers"),
        (np.array(["2020-01-01"], "M8[D]"), "each column must hold numbers"),
    ],
)
def test_what_mindspore_cannot_carry_is_told_in_one_line(value, told, place, batch_size):
    dataset = rows_with(value, place)
    with pytest.raises((TypeError, ValueError), match=told.format(name=["scan", "meta", "zones"][place])) as refusal:
        samples_of(dataset if batch_size is None else dataset.batch(batch_size))
    assert "\n" not in str(refusal.value)
