"""Resizing against its definition: linear between pixel centres, the edge's values held beyond them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import enlarged, normal_images

from explainer.resizing import interpolation, resized

FloatArray = NDArray[Any]

LENGTHS = [*product([1, 2, 3, 5, 8], [1, 2, 3, 4, 7, 13]), (7, 224), (224, 7), (14, 65)]
# Sums of two float64 products.
ROUNDING = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize(("old", "new"), LENGTHS)
def test_an_axis_is_interpolated_between_the_centres_of_its_pixels(old: int, new: int) -> None:
    values = np.random.default_rng(0).standard_normal(old)
    wanted = np.interp((np.arange(new) + 0.5) / new, (np.arange(old) + 0.5) / old, values)
    np.testing.assert_allclose(interpolation(old, new) @ values, wanted, **ROUNDING)


@pytest.mark.parametrize(("old", "new"), LENGTHS)
def test_each_new_value_is_a_mean_of_two_neighbours(old: int, new: int) -> None:
    weights = interpolation(old, new)
    assert weights.shape == (new, old)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, **ROUNDING)
    for row in weights:
        assert np.ptp(np.flatnonzero(row)) <= 1


@pytest.mark.parametrize(("old", "new"), LENGTHS)
def test_an_axis_read_backwards_gives_its_values_backwards(old: int, new: int) -> None:
    np.testing.assert_allclose(interpolation(old, new)[::-1, ::-1], interpolation(old, new), **ROUNDING)


@pytest.mark.parametrize("length", [1, 2, 7, 65])
def test_an_axis_of_the_same_length_keeps_its_values(length: int) -> None:
    np.testing.assert_array_equal(interpolation(length, length), np.eye(length))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0, 4], [0, 1, 3, 4]),  # centres at 1/4 and 3/4; the new ones at 1/8, 3/8, 5/8, 7/8
        ([0, 4], [0, 0, 4 / 3, 8 / 3, 4, 4]),
        ([6, 0, 3], [6, 6, 4, 2, 0, 1, 2, 3, 3]),  # every third pixel keeps its old value
        ([5], [5, 5, 5]),
        ([1, 2, 4, 8], [1.5, 6]),  # half the pixels: between two centres
        ([1, 2, 4, 8, 16, 32], [2, 16]),  # a third of them: every third value, no mean of three
        ([1, 2, 4], [2]),
    ],
)
def test_rows_resized_by_hand(values: list[float], wanted: list[float]) -> None:
    np.testing.assert_allclose(resized(np.float32([values]), (1, len(wanted))), [wanted], rtol=1e-6)
    column = np.float32([values]).T
    np.testing.assert_allclose(resized(column, (len(wanted), 1)), np.transpose([wanted]), rtol=1e-6)


@pytest.mark.parametrize("size", [(5, 7), (9, 8), (1, 1), (3, 20), (12, 2)])
def test_each_map_of_a_batch_is_resized_along_both_axes(size: tuple[int, int]) -> None:
    maps = normal_images(3, 2, 4, 6)
    wanted = [[enlarged(map_, size) for map_ in maps_of_image] for maps_of_image in maps]
    # Both in float64 but for the last rounding to float32, 6e-8 of a value.
    np.testing.assert_allclose(resized(maps, size), wanted, rtol=1e-6, atol=1e-7)


def test_the_sums_are_kept_in_float64_until_the_end() -> None:
    # 1 + 2**-23 and 1 in float32: their mean 1 + 2**-24 is no float32 and must be rounded once, to the even one
    map_ = np.float32([[1 + 2.0**-23, 1], [1 + 2.0**-23, 1 + 2.0**-23]])
    wanted = np.float32(map_.astype(np.float64).mean())
    assert resized(map_, (1, 1)).item() == wanted == np.float32(1 + 2.0**-23)


@pytest.mark.parametrize("size", [(5, 7), (2, 9)])
def test_maps_stay_float32(size: tuple[int, int]) -> None:
    assert resized(normal_images(), size).dtype == np.float32


def test_maps_of_the_right_size_are_given_back_as_they_are() -> None:
    maps = normal_images()
    assert resized(maps, (5, 7)) is maps


def test_maps_given_are_left_as_they_were() -> None:
    maps = normal_images()
    resized(maps, (9, 3))[:] = 0
    np.testing.assert_array_equal(maps, normal_images())


def test_as_many_last_axes_are_resized_as_the_size_has() -> None:
    maps = normal_images()
    np.testing.assert_array_equal(resized(maps, (2, 5, 7)), maps)
    np.testing.assert_allclose(resized(maps, (4, 5, 7)), resized(np.moveaxis(maps, 1, 2), (4, 7)).swapaxes(1, 2))
