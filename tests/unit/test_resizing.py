"""Resizing against its definitions: linear between pixel centres, the edge's values held beyond; nearest; cubic."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from replicas import enlarged, normal_images, whole_numbers

from explainer.resizing import cubic_interpolation, interpolation, nearest, resized

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


@pytest.mark.parametrize("method", ["linear", "nearest", "bicubic"])
def test_methods_by_name_use_their_matrix_along_each_axis(method: str) -> None:
    matrix = {"linear": interpolation, "nearest": nearest, "bicubic": cubic_interpolation}[method]
    maps = normal_images(3, 2, 4, 6)
    wanted = np.einsum("nchw,yh,xw->ncyx", maps.astype(np.float64), matrix(4, 9), matrix(6, 5))
    np.testing.assert_allclose(resized(maps, (9, 5), method), wanted, rtol=1e-6, atol=1e-6)
    wanted = np.einsum("nchw,zc,yh,xw->nzyx", maps.astype(np.float64), matrix(2, 3), matrix(4, 9), matrix(6, 5))
    np.testing.assert_allclose(resized(maps, (3, 9, 5), method), wanted, rtol=1e-6, atol=1e-6)
    wanted = np.einsum("nchw,xw->nchx", maps.astype(np.float64), matrix(6, 13))
    np.testing.assert_allclose(resized(maps, (13,), method), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", ["linear", "nearest", "bicubic"])
def test_maps_of_the_right_size_are_given_back_by_every_method(method: str) -> None:
    maps = normal_images()
    assert resized(maps, (5, 7), method) is maps


# Nearest.


@pytest.mark.parametrize(("old", "new"), LENGTHS)
def test_nearest_takes_the_pixel_in_which_the_new_centre_lies(old: int, new: int) -> None:
    values = np.arange(old) + 1.0
    # In whole numbers: the centre (i + 1/2) * old / new lies in pixel (2 i + 1) * old // (2 new).
    wanted = [values[(2 * place + 1) * old // (2 * new)] for place in range(new)]
    np.testing.assert_array_equal(nearest(old, new) @ values, wanted)
    assert ((nearest(old, new) == 1).sum(axis=1) == 1).all()
    assert nearest(old, new).sum() == new


@pytest.mark.parametrize("size", [(5, 7), (10, 14), (13, 9), (3, 2), (224, 65)])
def test_nearest_is_the_nearest_of_pillow(size: tuple[int, int]) -> None:
    map_ = whole_numbers(5, 7)
    wanted = np.asarray(Image.fromarray(map_).resize(size[::-1], Image.Resampling.NEAREST))
    np.testing.assert_array_equal(resized(map_, size, "nearest"), wanted)


def test_nearest_of_a_whole_factor_repeats_each_pixel() -> None:
    map_ = whole_numbers(2, 3, 5)
    np.testing.assert_array_equal(resized(map_, (6, 20), "nearest"), map_.repeat(2, axis=1).repeat(4, axis=2))


# Cubic.


def keys_kernel(distance: float) -> float:
    """Keys 1981, equation 15: a = -1/2."""
    distance = abs(distance)
    if distance < 1:
        return 1.5 * distance**3 - 2.5 * distance**2 + 1
    if distance < 2:
        return -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return 0.0


def cubic_by_hand(values: FloatArray, new: int) -> FloatArray:
    """All values and their mirror images on both sides, again and again, weighed by the kernel."""
    old = len(values)
    mirrored = np.concatenate([values, values[::-1]])
    found = []
    for place in range(new):
        at = (place + 0.5) * old / new - 0.5
        found.append(sum(keys_kernel(at - tap) * mirrored[tap % (2 * old)] for tap in range(-4, old + 5)))
    return np.array(found)


@pytest.mark.parametrize(("old", "new"), LENGTHS)
def test_cubic_weighs_four_values_with_the_kernel_of_keys_mirrored_at_the_edges(old: int, new: int) -> None:
    values = np.random.default_rng(0).standard_normal(old)
    np.testing.assert_allclose(cubic_interpolation(old, new) @ values, cubic_by_hand(values, new), **ROUNDING)


@pytest.mark.parametrize(("old", "new"), LENGTHS)
def test_cubic_weights_sum_to_1(old: int, new: int) -> None:
    np.testing.assert_allclose(cubic_interpolation(old, new).sum(axis=1), 1, **ROUNDING)


@pytest.mark.parametrize("length", [1, 2, 7, 65])
def test_cubic_keeps_the_values_of_an_axis_of_the_same_length(length: int) -> None:
    np.testing.assert_array_equal(cubic_interpolation(length, length), np.eye(length))


@pytest.mark.parametrize(("old", "new"), [(8, 13), (7, 224), (65, 14), (9, 27)])
def test_cubic_gives_a_quadratic_exactly_where_no_mirror_reaches(old: int, new: int) -> None:
    def quadratic(at: FloatArray) -> FloatArray:
        return 2 * at**2 - 3 * at + 5

    centres = (np.arange(new) + 0.5) * old / new - 0.5
    inside = (centres >= 1) & (centres <= old - 2)
    assert inside.sum() > 2
    found = cubic_interpolation(old, new) @ quadratic(np.arange(old))
    np.testing.assert_allclose(found[inside], quadratic(centres[inside]), rtol=1e-12)


def test_cubic_is_not_bounded_by_its_values() -> None:
    (row,) = resized(np.float32([[0, 0, 1, 1]]), (1, 8), "bicubic")
    # At 1/4 and 3/4 only the value at 2 counts, at distances of 7/4 and 5/4; the other end likewise.
    far, near = -3 / 128, -9 / 128
    assert (keys_kernel(1.75), keys_kernel(1.25)) == (far, near)
    np.testing.assert_allclose(row[[1, 2, 5, 6]], [far, near, 1 - near, 1 - far], rtol=1e-6)


@pytest.mark.parametrize("size", [(16, 27), (23, 31), (40, 90)])
def test_cubic_is_the_bicubic_of_pillow_where_no_edge_reaches(size: tuple[int, int]) -> None:
    """Enlarged, as Pillow takes more than four pixels to make a picture smaller; it holds fewer at the edges."""
    map_ = normal_images(1, 1, 8, 9)[0, 0]
    wanted = np.asarray(Image.fromarray(map_).resize(size[::-1], Image.Resampling.BICUBIC))
    found = resized(map_, size, "bicubic")
    rows, columns = (
        np.flatnonzero(np.abs((np.arange(new) + 0.5) * old / new - old / 2) <= old / 2 - 2)
        for old, new in zip(map_.shape, size, strict=True)
    )
    assert min(len(rows), len(columns)) >= 8
    inside = np.ix_(rows, columns)
    # Pillow keeps float32 between both axes.
    np.testing.assert_allclose(found[inside], wanted[inside], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["nearest", "bicubic"])
@pytest.mark.parametrize(("old", "new"), [(5, 8), (8, 5), (7, 224)])
def test_each_method_reads_an_axis_backwards_as_forwards(method: str, old: int, new: int) -> None:
    values = whole_numbers(1, old)
    found = resized(values[:, ::-1], (1, new), method)[:, ::-1]
    np.testing.assert_allclose(found, resized(values, (1, new), method), rtol=1e-6, atol=1e-6)
