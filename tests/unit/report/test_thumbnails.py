"""Thumbnails keep what counts, and what is said of a map is what its pixels say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from explainer.report.thumbnails import (
    disagreement,
    likeness,
    map_facts,
    map_thumbnail,
    picture_thumbnail,
    thumbnail_size,
)
from explainer.summary.images import from_grey, to_grey

RNG = np.random.default_rng(5)


def facts_of(grey, low=0.0, high=1.0):
    grey = np.uint8(grey)
    return map_facts(grey, map_thumbnail(grey, low, high), low, high)


def blocks(length, count):
    """Where each of some blocks of a side begins and ends."""
    return [(index * length // count, (index + 1) * length // count) for index in range(count)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 64), (64, 64)), ((5, 7), (5, 7)), ((65, 65), (64, 64)), ((100, 200), (32, 64)), ((3000, 10), (64, 1))],
)
def test_a_thumbnail_has_the_form_of_its_picture(size, expected):
    assert thumbnail_size(*size) == expected
    assert map_thumbnail(np.zeros(size, np.uint8), 0.0, 1.0).shape == expected
    assert picture_thumbnail(np.zeros((*size, 3), np.uint8)).shape == (3, *expected)


@pytest.mark.parametrize(("low", "high"), [(0.0, 2.0), (-1.0, 2.0), (-2.0, 1.0), (-3.0, 0.0), (-1.0, 1.0)])
@pytest.mark.parametrize("size", [(100, 200), (224, 224), (65, 64), (70, 3)])
def test_each_pixel_of_a_map_is_the_value_of_largest_magnitude_of_its_block(low, high, size):
    grey = RNG.integers(0, 256, size, dtype=np.uint8)
    values, shown = from_grey(grey, low, high), from_grey(map_thumbnail(grey, low, high), low, high)
    height, width = shown.shape
    for row, (top, bottom) in enumerate(blocks(size[0], height)):
        for column, (left, right) in enumerate(blocks(size[1], width)):
            block = values[top:bottom, left:right]
            assert abs(shown[row, column]) == abs(block).max()
            assert shown[row, column] in block


def test_small_maps_are_as_they_are():
    grey = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    assert np.array_equal(map_thumbnail(grey, -1.0, 1.0), grey)


def test_a_pixel_of_a_picture_is_the_mean_of_its_block_in_planes():
    pixels = RNG.integers(0, 256, (128, 96, 3), dtype=np.uint8)
    shown = picture_thumbnail(pixels)
    means = pixels.reshape(64, 2, 48, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert shown.shape == (3, 64, 48)
    assert np.abs(shown - means).max() <= 1  # rounded after each of two passes


def test_grey_pictures_have_three_equal_planes():
    grey = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    assert np.array_equal(picture_thumbnail(grey), np.stack([grey] * 3))


def test_what_is_transparent_is_white():
    pixels = np.uint8([[[10, 20, 30, 0], [10, 20, 30, 255]]])
    assert picture_thumbnail(pixels)[:, 0].T.tolist() == [[255, 255, 255], [10, 20, 30]]


def test_half_of_the_map_is_in_this_part_of_the_area():
    assert facts_of([[255, 255], [0, 0]]).half == 0.25  # two equal pixels: half of the sum is in one of four
    assert facts_of([[255, 0, 0, 0, 0]]).half == 0.1
    assert facts_of(np.full((4, 5), 255)).half == 0.5


def test_magnitudes_count_where_values_have_both_signs():
    grey = to_grey(np.float32([[-3, 1, 1, 1, 0, 0]]))
    found = facts_of(grey.grey, grey.low, grey.high)
    assert found.half == pytest.approx(1 / 6, abs=0.01)
    assert found.place == "left"
    assert found.p99 == 3.0


def test_the_99th_percentile_is_a_level_that_99_percent_do_not_exceed():
    grey = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert facts_of(grey, 0.0, 255.0).p99 == 197.0  # 198 of 200 are at most 197


def test_quantiles_of_a_ramp_are_the_ramp():
    grey = np.repeat(np.arange(101, dtype=np.uint8), 7)[None]
    assert facts_of(grey, 0.0, 255.0).quantiles.tolist() == list(range(101))


@pytest.mark.parametrize(
    ("place", "expected"),
    [((0, 0), "upper left"), ((0, 4), "top"), ((4, 4), "centre"), ((8, 0), "lower left"), ((5, 8), "right")],
)
def test_a_bright_corner_is_found(place, expected):
    grey = np.zeros((9, 9), np.uint8)
    grey[place] = 255
    assert facts_of(grey).place == expected


def test_a_map_of_few_pixels_has_a_place_too():
    assert facts_of([[0, 255]]).place == "right"
    assert facts_of([[255]]).place == "centre"


def test_a_map_of_one_value_is_no_error():
    assert facts_of(np.zeros((3, 5)), 0.0, 0.0).half == 1.0
    assert facts_of(np.zeros((3, 5)), -2.0, -2.0).p99 == 2.0


def test_disagreement_is_one_minus_spearmans_mean_over_the_pairs():
    maps = [RNG.integers(0, 9, (13, 64), dtype=np.uint8) for _ in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = 1 - np.mean([spearmanr(maps[a].ravel(), maps[b].ravel()).statistic for a, b in pairs])
    assert disagreement(maps) == pytest.approx(expected, abs=1e-5)


def test_maps_of_one_order_agree_and_opposite_ones_disagree():
    ramp = np.arange(35, dtype=np.uint8).reshape(5, 7)
    assert disagreement([ramp, ramp * 3]) == pytest.approx(0, abs=1e-6)
    assert disagreement([ramp, 34 - ramp]) == pytest.approx(2, abs=1e-6)


def test_nothing_is_compared_with_constant_maps_or_maps_of_another_size():
    ramp = np.arange(35, dtype=np.uint8).reshape(5, 7)
    assert np.isnan(disagreement([]))
    assert np.isnan(disagreement([ramp, np.zeros_like(ramp)]))
    assert np.isnan(disagreement([ramp, ramp.T.copy()]))
    assert disagreement([ramp, np.zeros_like(ramp), ramp.T.copy(), ramp]) == pytest.approx(0, abs=1e-6)


def test_likeness_is_spearmans_mean_over_the_pairs_that_can_be_compared():
    first, second, third = (RNG.integers(0, 9, (13, 64), dtype=np.uint8) for _ in range(3))
    expected = np.mean([spearmanr(first.ravel(), other.ravel()).statistic for other in (second, third)])
    flat, turned = np.zeros_like(first), first.T.copy()
    left_out = [(first, flat), (flat, first), (first, turned), (first, None), (None, first)]
    assert likeness([(first, second), *left_out, (first, third)]) == pytest.approx(expected, abs=1e-5)
    assert likeness([(first, first)]) == pytest.approx(1, abs=1e-6)
    assert np.isnan(likeness(left_out)) and np.isnan(likeness([]))
