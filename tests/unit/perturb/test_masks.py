"""Windows, random grids and cells against their definitions."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import combinations, islice, product
from math import ceil
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import every_rise_mask, rise_cell, rise_mask

from explainer.perturb.masks import (
    EDGES,
    Windows,
    _SoftMasks,
    coverage,
    grid_cells,
    orthogonal_block,
    orthogonal_cells,
    orthogonal_grids,
    random_grids,
    spans,
)

FloatArray = NDArray[Any]

AXES = [
    (length, window, stride)
    for length in range(1, 13)
    for window in range(1, length + 1)
    for stride in range(1, window + 1)
]
LONG_AXES = [(64, 2, 2), (65, 2, 2), (224, 7, 7), (230, 7, 7), (230, 30, 11)]


# Windows.


@pytest.mark.parametrize(
    ("axis", "wanted"),
    [
        ((10, 4, 3), [0, 3, 6]),
        ((11, 4, 3), [0, 3, 6, 7]),
        ((12, 4, 3), [0, 3, 6, 8]),
        ((5, 5, 5), [0]),
        ((5, 4, 4), [0, 1]),
        ((3, 1, 1), [0, 1, 2]),
        ((7, 2, 3), [0, 3, 5]),  # place 2 is in none
        ((230, 7, 7), [*range(0, 224, 7), 223]),
    ],
)
def test_windows_start_at_each_stride_and_once_more_at_the_end(axis: tuple[int, int, int], wanted: list[int]) -> None:
    assert spans(*axis) == [(start, start + axis[1]) for start in wanted]


@pytest.mark.parametrize("axis", LONG_AXES)
def test_long_axes_are_covered_to_the_last_pixel_with_no_window_too_many(axis: tuple[int, int, int]) -> None:
    assert_covered(*axis)


def test_short_axes_are_covered_to_the_last_pixel_with_no_window_too_many() -> None:
    for axis in AXES:
        assert_covered(*axis)


def assert_covered(length: int, window: int, stride: int) -> None:
    found = [start for start, _ in spans(length, window, stride)]
    assert found[0] == 0
    assert found[-1] == length - window
    assert found[:-1] == [stride * place for place in range(len(found) - 1)]
    assert 0 < length - window - found[-2] <= stride if len(found) > 1 else length == window
    assert len(found) == ceil((length - window) / stride) + 1


def test_full_windows_are_those_that_end_within_the_axis() -> None:
    for length, window, stride in [*AXES, *LONG_AXES, (7, 2, 3), (5, 1, 9)]:
        found = spans(length, window, stride, "full")
        assert len(found) == (length - window) // stride + 1
        assert found == [(stride * place, stride * place + window) for place in range(len(found))]
        assert found[-1][1] <= length < found[-1][1] + stride


def test_clipped_windows_are_centred_at_every_stride() -> None:
    for length, window, stride in [*AXES, *LONG_AXES, (7, 2, 3), (5, 1, 9), (3, 8, 1)]:
        found = spans(length, window, stride, "clip")
        assert len(found) == ceil(length / stride)
        for place, (start, end) in enumerate(found):
            around = range(place * stride - window // 2, place * stride - window // 2 + window)
            assert list(range(start, end)) == [pixel for pixel in around if 0 <= pixel < length]


@pytest.mark.parametrize("edges", EDGES)
def test_coverage_counts_the_windows_at_each_place(edges: str) -> None:
    for length, window, stride in [*AXES, *LONG_AXES, (9, 2, 4)]:
        found = spans(length, window, stride, edges)
        wanted = [sum(start <= place < end for start, end in found) for place in range(length)]
        assert coverage(length, window, stride, edges).tolist() == wanted


def test_windows_are_rectangles_row_by_row() -> None:
    windows = Windows((3, 5), (2, 3), (2, 2))
    wanted = [np.s_[0:2, 0:3], np.s_[0:2, 2:5], np.s_[1:3, 0:3], np.s_[1:3, 2:5]]
    assert list(windows) == wanted
    assert windows.grid == (2, 2)
    assert len(windows) == 4


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("size", [(5,), (5, 7), (4, 5, 7)])
def test_windows_of_any_number_of_axes_hide_each_place_as_often_as_it_is_covered(
    size: tuple[int, ...], edges: str
) -> None:
    windows = Windows(size, (2, 3, 4)[: len(size)], (3, 1, 4)[: len(size)], edges)
    hidden = np.zeros(size, int)
    for window in windows:
        hidden[window] += 1
    axes = zip(size, windows.window, windows.stride, strict=True)
    wanted = reduce(np.multiply.outer, [coverage(*axis, edges) for axis in axes])
    np.testing.assert_array_equal(hidden, wanted)
    assert windows.uncovered == (wanted == 0).sum()
    assert len(windows) == len(list(windows)) == np.prod(windows.grid)


# Random grids.

GEOMETRIES = [
    ((5, 7), (2, 3)),  # 5 and 7 are no multiples
    ((6, 9), (2, 3)),
    ((7, 5), (3, 2)),
    ((5, 7), (5, 7)),  # a cell is a pixel
    ((3, 4), (10, 6)),  # finer than the image
    ((4, 9), (1, 1)),  # one cell: all or nothing
    ((1, 12), (1, 5)),
    ((20, 33), (7, 10)),
]


def drawn_masks(count: int, size: tuple[int, int], grid: tuple[int, int], probability: float, seed: int) -> FloatArray:
    return np.array(list(islice(random_grids(np.random.default_rng(seed), size, grid, probability), count)))


@pytest.mark.parametrize("probability", [0.5, 0.2])
@pytest.mark.parametrize(("size", "grid"), GEOMETRIES)
def test_random_grids_are_those_of_the_paper_for_the_same_draws(
    size: tuple[int, int], grid: tuple[int, int], probability: float
) -> None:
    stream, cell = np.random.default_rng(4), rise_cell(size, grid)
    for mask in drawn_masks(20, size, grid, probability, seed=4):
        shown = (stream.random(grid) < probability).astype(float)
        top, left = (stream.integers(0, pixels, endpoint=True) for pixels in cell)
        # Two float32 products with weights that are rounded to float32: some 1e-7.
        np.testing.assert_allclose(mask, rise_mask(shown, size, top, left), rtol=0, atol=1e-6)


@pytest.mark.parametrize("probability", [0.5, 0.2])
@pytest.mark.parametrize(("size", "grid"), GEOMETRIES)
def test_the_mean_of_random_grids_is_the_probability_at_every_pixel(
    size: tuple[int, int], grid: tuple[int, int], probability: float
) -> None:
    masks = drawn_masks(4000, size, grid, probability, seed=1)
    errors = masks.std(axis=0) / np.sqrt(len(masks))
    assert errors.max() < 0.01
    assert (np.abs(masks.mean(axis=0) - probability) < 4 * errors).all()


@pytest.mark.parametrize(("size", "grid"), GEOMETRIES)
def test_random_grids_lie_between_hidden_and_shown(size: tuple[int, int], grid: tuple[int, int]) -> None:
    masks = drawn_masks(500, size, grid, 0.5, seed=2)
    assert masks.shape == (500, *size)
    assert masks.dtype == np.float32
    assert masks.min() >= 0
    assert masks.max() <= 1


@pytest.mark.parametrize("probability", [0.5, 0.4])
@pytest.mark.parametrize(("size", "grid"), [((5, 7), (2, 2)), ((4, 6), (2, 3)), ((1, 7), (1, 3))])
def test_every_grid_and_every_shift_up_to_a_cell_comes_as_often_as_it_should(
    size: tuple[int, int], grid: tuple[int, int], probability: float
) -> None:
    likely: Counter[bytes] = Counter()
    for mask, odds in zip(*every_rise_mask(size, grid, probability), strict=True):
        likely[rounded(mask)] += odds
    count = 20_000
    found = Counter(rounded(mask) for mask in drawn_masks(count, size, grid, probability, seed=3))
    assert found.keys() <= likely.keys()
    wanted = count * np.array(list(likely.values()))
    assert wanted.min() > 5
    chi_square = ((np.array([found[mask] for mask in likely]) - wanted) ** 2 / wanted).sum()
    # For M kinds of mask chi-square has the mean M - 1 and the variance 2 (M - 1); 4 standard deviations.
    assert abs(chi_square - (len(likely) - 1)) < 4 * np.sqrt(2 * (len(likely) - 1))


def rounded(mask: FloatArray) -> bytes:
    """The same for masks that differ by float32's rounding alone."""
    return (np.round(mask.astype(np.float64) * 1e4) + 0.0).tobytes()


def test_one_random_grid_tells_nothing_of_the_next() -> None:
    # 1 x 2 cells of one pixel: the left pixel of a mask is a cell or, shifted, a mean of both
    masks = drawn_masks(10_000, (1, 2), (1, 2), 0.5, seed=5)[:, 0, 0]
    # The correlation of independent numbers has the standard error 1 / sqrt(10 000) = 0.01; 4 of them.
    assert abs(np.corrcoef(masks[:-1], masks[1:])[0, 1]) < 0.04


def test_random_grids_of_one_seed_are_the_same_and_of_another_are_not() -> None:
    first, again, other = (drawn_masks(5, (5, 7), (2, 3), 0.5, seed) for seed in (6, 6, 7))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


# Cells.


@pytest.mark.parametrize(
    ("size", "grid", "wanted"),
    [
        ((2, 5), (1, 2), [[0, 0, 0, 1, 1]] * 2),
        ((5, 7), (2, 3), [[0, 0, 0, 1, 1, 2, 2]] * 3 + [[3, 3, 3, 4, 4, 5, 5]] * 2),
        ((3, 4), (3, 2), [[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]),
        ((2, 3), (2, 3), [[0, 1, 2], [3, 4, 5]]),
        ((4, 3), (1, 1), [[0, 0, 0]] * 4),
        ((1, 8), (1, 3), [[0, 0, 0, 1, 1, 1, 2, 2]]),
    ],
)
def test_cells_are_numbered_row_by_row(size: tuple[int, int], grid: tuple[int, int], wanted: list[list[int]]) -> None:
    assert grid_cells(size, grid).tolist() == wanted


def test_cells_are_rectangles_that_differ_by_one_pixel_a_side_at_most() -> None:
    for size, grid in product([(5, 7), (20, 33), (14, 9)], [(1, 2), (2, 3), (5, 7), (4, 1)]):
        cells = grid_cells(size, grid)
        sides = np.array([side_lengths(cells == cell) for cell in range(grid[0] * grid[1])])
        assert sides.prod(axis=1).sum() == cells.size
        assert sides.min(axis=0).tolist() == [size[0] // grid[0], size[1] // grid[1]]
        assert sides.max(axis=0).tolist() == [ceil(size[0] / grid[0]), ceil(size[1] / grid[1])]


def side_lengths(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """Height and width of the rectangle of pixels that are inside."""
    rows, columns = np.nonzero(inside)
    sides = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    assert sides[0] * sides[1] == len(rows)
    return sides


# Orthogonal grids.


def orthogonal_masks(count: int, size: tuple[int, int], grid: tuple[int, int], seed: int) -> FloatArray:
    return np.array(list(islice(orthogonal_grids(np.random.default_rng(seed), size, grid), count)))


@pytest.mark.parametrize(
    ("grid", "masks"), [((10, 10), 256), ((8, 8), 128), ((1, 1), 2), ((1, 2), 4), ((3, 5), 32), ((1, 17), 64)]
)
def test_a_block_is_twice_the_power_of_two_that_the_cells_fit_into(grid: tuple[int, int], masks: int) -> None:
    assert orthogonal_block(grid) == masks


@pytest.mark.parametrize("grid", [(2, 2), (3, 5), (1, 3)])
def test_in_a_block_any_three_cells_are_shown_in_all_combinations_equally_often(grid: tuple[int, int]) -> None:
    half = orthogonal_block(grid) // 2
    drawn = list(islice(orthogonal_cells(np.random.default_rng(5), grid), 3 * half))
    for start in (0, half, 2 * half):
        cells = np.array(drawn[start : start + half]).reshape(half, -1)
        cells = np.concatenate([cells, 1 - cells])
        for places in combinations(range(cells.shape[1]), 3):
            _, counts = np.unique(cells[:, places], axis=0, return_counts=True)
            assert counts.tolist() == [half / 4] * 8
    assert (np.array(drawn[:half]) != np.array(drawn[half : 2 * half])).any()


def test_each_orthogonal_grid_is_followed_by_its_complement_at_the_next_shift_of_the_lattice() -> None:
    size, grid = (5, 7), (2, 3)
    masks = np.array(list(islice(orthogonal_grids(np.random.default_rng(6), size, grid), 40)))
    np.testing.assert_allclose(masks[0::2] + masks[1::2], 1, atol=1e-6)
    stream = np.random.default_rng(6)
    soft = _SoftMasks(size, grid)
    shifts = list(islice(soft.even_shifts(stream), 20))  # draws its place first
    for mask, cells, shift in zip(masks[0::2], orthogonal_cells(stream, grid), shifts, strict=False):
        np.testing.assert_allclose(mask, rise_mask(cells, size, *shift), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("size", "grid"), [((5, 7), (2, 2)), ((4, 6), (2, 3)), ((1, 7), (1, 3))])
def test_each_orthogonal_grid_is_as_likely_as_any_random_one(size: tuple[int, int], grid: tuple[int, int]) -> None:
    likely: Counter[bytes] = Counter()
    for mask, odds in zip(*every_rise_mask(size, grid, 0.5), strict=True):
        likely[rounded(mask)] += odds
    count = 8000
    for place in (0, 3, orthogonal_block(grid) + 1):
        found = Counter(rounded(orthogonal_masks(place + 1, size, grid, seed)[place]) for seed in range(count))
        assert found.keys() <= likely.keys()
        for mask, odds in likely.items():
            assert abs(found[mask] / count - odds) < 4.5 * np.sqrt(odds / count)


def test_the_shifts_of_blocks_fill_the_cell_evenly() -> None:
    stream, masks = np.random.default_rng(1), _SoftMasks((16, 12), (4, 4))  # cells of 4 x 3 pixels
    found = Counter(islice(masks.even_shifts(stream), 200))
    assert found.keys() == {(top, left) for top in range(5) for left in range(4)}
    assert all(abs(count - 10) <= 3 for count in found.values())  # a standard deviation of shifts at random
