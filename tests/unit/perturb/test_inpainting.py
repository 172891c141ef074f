"""Inpainting against its equation: a hidden pixel is the weighted mean of its neighbours."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import whole_numbers

from explainer.perturb.inpainting import inpainted

FloatArray = NDArray[Any]

SERIES, PICTURE, VOLUME = (2, 9), (2, 5, 7), (2, 4, 5, 3)
ANY_AXES = pytest.mark.parametrize("shape", [SERIES, PICTURE, VOLUME])
# The solution is rounded to float32, 6e-8 of a value of at most 100.
ROUNDING = {"rtol": 1e-6, "atol": 1e-5}


def random_holes(shape: tuple[int, ...], share: float = 0.5, seed: int = 1) -> NDArray[np.bool_]:
    """The same holes in every channel."""
    hidden = np.random.default_rng(seed).random(shape[1:]) < share
    assert hidden.any()
    assert not hidden.all()
    return np.broadcast_to(hidden, shape)


def mean_of_neighbours(channel: FloatArray, at: tuple[int, ...]) -> float:
    """Direct neighbours count 2, diagonal ones, of two steps, 1; those beyond the border nothing."""
    total = weights = 0.0
    for offset in product((-1, 0, 1), repeat=channel.ndim):
        weight = {1: 2.0, 2: 1.0}.get(sum(abs(step) for step in offset), 0.0)
        near = tuple(index + step for index, step in zip(at, offset, strict=True))
        if weight and all(0 <= index < length for index, length in zip(near, channel.shape, strict=True)):
            total += weight * float(channel[near])
            weights += weight
    return total / weights


def require_solved(filled: FloatArray, image: FloatArray, hidden: NDArray[np.bool_]) -> None:
    """The equation in every hidden pixel, the image itself in all others."""
    for channel, at in product(range(len(image)), np.ndindex(image.shape[1:])):
        if hidden[channel][at]:
            assert filled[channel][at] == pytest.approx(mean_of_neighbours(filled[channel], at), abs=1e-5)
        else:
            assert filled[channel][at] == image[channel][at]


@ANY_AXES
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_each_hidden_pixel_is_the_weighted_mean_of_its_neighbours(shape: tuple[int, ...], share: float) -> None:
    image, hidden = whole_numbers(*shape), random_holes(shape, share)
    require_solved(inpainted(image, hidden), image, hidden)


@ANY_AXES
def test_holes_of_each_channel_are_its_own(shape: tuple[int, ...]) -> None:
    image, hidden = whole_numbers(*shape), np.random.default_rng(2).random(shape) < 0.4
    assert (hidden[0] != hidden[1]).any()
    filled = inpainted(image, hidden)
    require_solved(filled, image, hidden)
    for channel in range(2):
        alone = inpainted(image[[channel]], hidden[[channel]])
        np.testing.assert_allclose(filled[[channel]], alone, **ROUNDING)


@ANY_AXES
def test_only_a_channel_with_holes_is_filled(shape: tuple[int, ...]) -> None:
    image, hidden = whole_numbers(*shape), random_holes(shape).copy()
    hidden[0] = False
    filled = inpainted(image, hidden)
    np.testing.assert_array_equal(filled[0], image[0])
    require_solved(filled, image, hidden)


@pytest.mark.parametrize("place", [(2, 3), (1, 1), (0, 3), (4, 0), (0, 6)])
def test_one_hidden_pixel_is_the_mean_of_what_is_around_it(place: tuple[int, int]) -> None:
    """In the middle 1/6 of each direct and 1/12 of each diagonal neighbour."""
    image = whole_numbers(*PICTURE)
    hidden = np.zeros(PICTURE, bool)
    hidden[(slice(None), *place)] = True
    filled = inpainted(image, hidden)
    for channel in range(2):
        assert filled[channel][place] == pytest.approx(mean_of_neighbours(image[channel], place), rel=1e-6)
    if place == (2, 3):
        direct = image[1, [1, 3, 2, 2], [3, 3, 2, 4]].sum()
        diagonal = image[1, [1, 1, 3, 3], [2, 4, 2, 4]].sum()
        assert filled[1, 2, 3] == pytest.approx(direct / 6 + diagonal / 12, rel=1e-6)


def test_a_linear_series_is_restored() -> None:
    image = np.float32([np.linspace(3, -5, 9), np.linspace(0, 80, 9)])
    hidden = np.zeros(SERIES, bool)
    hidden[:, [1, 2, 3, 6]] = True
    np.testing.assert_allclose(inpainted(np.where(hidden, 99, image).astype(np.float32), hidden), image, **ROUNDING)


def test_a_linear_ramp_in_a_picture_is_restored() -> None:
    rows, columns = np.mgrid[:8, :11]
    image = np.float32([3 * rows - 2 * columns + 1, rows + 0.25 * columns])
    hidden = np.zeros(image.shape, bool)
    hidden[:, 1:4, 1:6] = True  # two holes and a lone pixel, none on the border
    hidden[:, 5:7, 6:10] = True
    hidden[:, 6, 3] = True
    np.testing.assert_allclose(inpainted(np.where(hidden, 99, image).astype(np.float32), hidden), image, **ROUNDING)


def test_a_linear_ramp_in_a_volume_is_restored() -> None:
    depths, rows, columns = np.mgrid[:5, :6, :7]
    image = np.float32([2 * depths - rows + 3 * columns])
    hidden = np.zeros(image.shape, bool)
    hidden[:, 1:4, 2:5, 1:5] = True
    np.testing.assert_allclose(inpainted(np.where(hidden, 99, image).astype(np.float32), hidden), image, **ROUNDING)


def test_the_end_of_a_series_takes_the_value_of_the_last_one_known() -> None:
    image = np.float32([[9, 9, 5, 1, 2, 9, 9, 9]])
    hidden = image == 9
    np.testing.assert_allclose(inpainted(image, hidden), [[5, 5, 5, 1, 2, 2, 2, 2]], rtol=1e-6)


def test_one_known_pixel_fills_everything() -> None:
    image = whole_numbers(*PICTURE)
    hidden = np.ones(PICTURE, bool)
    hidden[:, 3, 5] = False
    wanted = np.broadcast_to(image[:, 3:4, 5:6], PICTURE)
    np.testing.assert_allclose(inpainted(image, hidden), wanted, rtol=1e-6)


def test_filled_pixels_lie_between_the_known_ones() -> None:
    image, hidden = whole_numbers(*PICTURE), random_holes(PICTURE)
    filled = inpainted(image, hidden)
    for channel in range(2):
        known = image[channel][~hidden[channel]]
        assert known.min() <= filled[channel].min()
        assert filled[channel].max() <= known.max()


def test_separate_holes_do_not_know_of_each_other() -> None:
    image = whole_numbers(1, 5, 9)
    left, right = np.zeros((2, 1, 5, 9), bool)
    left[0, 1:4, 1:3] = True
    right[0, 0:3, 6:9] = True
    both = inpainted(image, left | right)
    np.testing.assert_allclose(both[left], inpainted(image, left)[left], **ROUNDING)
    np.testing.assert_allclose(both[right], inpainted(image, right)[right], **ROUNDING)


@ANY_AXES
def test_what_was_in_the_holes_does_not_count(shape: tuple[int, ...]) -> None:
    image, hidden = whole_numbers(*shape), random_holes(shape)
    spoilt = np.where(hidden, 1e6, image).astype(np.float32)
    np.testing.assert_array_equal(inpainted(spoilt, hidden), inpainted(image, hidden))


@ANY_AXES
def test_filling_is_linear_in_what_is_known(shape: tuple[int, ...]) -> None:
    image, other, hidden = whole_numbers(*shape), whole_numbers(*shape, seed=5), random_holes(shape)
    wanted = 2 * inpainted(image, hidden) - 3 * inpainted(other, hidden)
    np.testing.assert_allclose(inpainted(2 * image - 3 * other, hidden), wanted, **ROUNDING)


def test_a_mirrored_picture_is_filled_mirrored() -> None:
    image, hidden = whole_numbers(*PICTURE), random_holes(PICTURE)
    filled = inpainted(image, hidden)
    np.testing.assert_allclose(inpainted(image[..., ::-1], hidden[..., ::-1]), filled[..., ::-1], **ROUNDING)
    swapped = inpainted(image.swapaxes(1, 2), hidden.swapaxes(1, 2))
    np.testing.assert_allclose(swapped, filled.swapaxes(1, 2), **ROUNDING)


@ANY_AXES
def test_a_channel_that_is_hidden_whole_becomes_its_mean(shape: tuple[int, ...]) -> None:
    image = whole_numbers(*shape)
    means = image.reshape(2, -1).astype(np.float64).mean(axis=1).reshape(2, *[1] * (len(shape) - 1))
    wanted = np.broadcast_to(means, shape)
    np.testing.assert_allclose(inpainted(image, np.ones(shape, bool)), wanted, rtol=1e-6)
    hidden = random_holes(shape).copy()
    hidden[1] = True
    filled = inpainted(image, hidden)
    np.testing.assert_allclose(filled[1], wanted[1], rtol=1e-6)
    require_solved(filled[:1], image[:1], hidden[:1])


@ANY_AXES
def test_where_nothing_is_hidden_nothing_changes(shape: tuple[int, ...]) -> None:
    image = whole_numbers(*shape)
    filled = inpainted(image, np.zeros(shape, bool))
    np.testing.assert_array_equal(filled, image)
    assert filled is not image
    assert not np.shares_memory(filled, image)


@ANY_AXES
@pytest.mark.parametrize("share", [0.5, 1.1])
def test_the_image_and_its_holes_are_left_as_they_were(shape: tuple[int, ...], share: float) -> None:
    image, hidden = whole_numbers(*shape), np.random.default_rng(1).random(shape) < share
    filled = inpainted(image, hidden)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(image, whole_numbers(*shape))
    np.testing.assert_array_equal(hidden, np.random.default_rng(1).random(shape) < share)


def test_an_image_that_is_not_in_the_order_of_its_axes_is_filled_too() -> None:
    image, hidden = whole_numbers(7, 5, 2).T, random_holes(PICTURE)
    assert not image.flags.c_contiguous
    require_solved(inpainted(image, hidden), image, hidden)


def test_the_largest_numbers_do_not_overflow() -> None:
    image = np.float32([[3e38, 0, 3e38, 0, 0, 1e38]])
    hidden = np.array([[False, True, False, True, True, False]])
    wanted = [[3e38, 3e38, 3e38, 7e38 / 3, 5e38 / 3, 1e38]]
    np.testing.assert_allclose(inpainted(image, hidden), wanted, rtol=1e-6)
