"""Localization against small maps scored by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, normal_images, whole_numbers

from explainer.benchmark import Case, Localization
from explainer.explanation import Gradient, InputXGradient

FloatArray = NDArray[Any]

METRICS = ["PointingGame", "IoSR"]
GRADIENT = Gradient(SmallCnn())
MAPS = np.random.default_rng(4).standard_normal((3, 2, 5, 7)).astype(np.float32)
MASKS = np.random.default_rng(6).random((3, 2, 5, 7)) > 0.6
NAN = float("nan")


def score_of(saliency: Any, mask: Any, metric: str = "PointingGame", **options: Any) -> float:
    """Of one map (H, W) and one region."""
    map_, region = (np.asarray(given)[None, None] for given in (saliency, mask))
    images = np.zeros((1, 2, *map_.shape[2:]))
    (score,) = Localization(4, metric, **options).evaluate(GRADIENT, images, 1, map_, region)
    return float(score)


def inside(height: int, width: int, rows: slice, columns: slice) -> NDArray[np.bool_]:
    region = np.zeros((height, width), bool)
    region[rows, columns] = True
    return region


def peak(row: int, column: int, height: int = 5, width: int = 7) -> FloatArray:
    """A map that falls with the distance from one pixel."""
    rows, columns = np.mgrid[:height, :width]
    return -np.hypot(rows - row, columns - column)


# The pointing game.


@pytest.mark.parametrize(("row", "column", "score"), [(1, 4, 1), (2, 6, 1), (0, 4, 0), (3, 4, 0), (1, 3, 0), (4, 1, 0)])
def test_the_pointing_game_is_won_where_the_maximum_lies_in_the_region(row: int, column: int, score: float) -> None:
    assert score_of(peak(row, column), inside(5, 7, slice(1, 3), slice(4, 7))) == score


@pytest.mark.parametrize("size", [(5, 7), (7, 5), (6, 6)])
def test_the_pointing_game_does_not_exchange_rows_and_columns(size: tuple[int, int]) -> None:
    map_ = peak(1, 4, *size)
    assert score_of(map_, inside(*size, slice(1, 2), slice(4, 5))) == 1
    assert score_of(map_, inside(*size, slice(4, 5), slice(1, 2))) == 0


def test_every_pixel_points_at_itself_alone() -> None:
    for place, other in np.ndindex(6, 6):
        map_, region = np.zeros((2, 3)), np.zeros((2, 3), bool)
        map_.flat[place], region.flat[other] = 1, True
        assert score_of(map_, region) == (place == other)


def test_of_several_maxima_the_fraction_that_lies_in_the_region_counts() -> None:
    map_ = [[2, 0, 2], [1, 2, 0]]
    assert score_of(map_, [[1, 1, 0], [1, 0, 0]]) == pytest.approx(1 / 3, abs=1e-15)
    assert score_of(map_, [[1, 0, 1], [0, 0, 0]]) == pytest.approx(2 / 3, abs=1e-15)
    assert score_of(map_, [[0, 1, 0], [1, 0, 1]]) == 0


def test_the_maximum_may_be_below_zero() -> None:
    assert score_of([[-3, -1, -2]], [[0, 1, 0]]) == 1


@pytest.mark.parametrize(("tolerance", "score"), [(0, 0), (1, 0), (1.4, 0), (1.5, 1), (np.float32(2), 1), (100, 1)])
def test_a_maximum_within_the_tolerance_counts_as_inside(tolerance: float, score: float) -> None:
    # one pixel above the region and one beside it, 1.41 in all
    assert score_of(peak(1, 2), inside(5, 7, slice(2, 4), slice(3, 5)), tolerance=tolerance) == score


def test_the_tolerance_is_a_distance_along_both_axes_alike() -> None:
    region = inside(5, 7, slice(2, 3), slice(3, 4))
    for row, column in [(0, 3), (4, 3), (2, 1), (2, 5)]:
        assert score_of(peak(row, column), region, tolerance=2) == 1
        assert score_of(peak(row, column), region, tolerance=1.9) == 0


@pytest.mark.parametrize("value", [0, 1, -2, 0.1])
def test_a_constant_map_points_nowhere(value: float) -> None:
    assert np.isnan(score_of(np.full((5, 7), value), inside(5, 7, slice(0, 2), slice(0, 2))))


def test_by_chance_the_pointing_game_scores_the_region_s_part_of_the_image() -> None:
    region = inside(5, 7, slice(1, 4), slice(2, 6))
    scores = [score_of(peak(row, column), region) for row, column in np.ndindex(5, 7)]
    assert np.mean(scores) == pytest.approx(12 / 35, abs=1e-12)


# IoSR.

SIX = [[8, 5, 4], [1, 6, -9]]


@pytest.mark.parametrize(
    ("mask", "score"),
    [
        ([[1, 1, 0], [0, 1, 0]], 1),  # the salient region, 8, 5 and 6
        ([[1, 1, 1], [1, 1, 1]], 1),
        ([[0, 0, 1], [1, 0, 1]], 0),
        ([[1, 0, 1], [0, 0, 0]], 1 / 3),
        ([[1, 0, 0], [1, 1, 0]], 2 / 3),
    ],
)
def test_iosr_is_the_part_of_the_salient_region_that_lies_inside(mask: Any, score: float) -> None:
    assert score_of(SIX, mask, "IoSR") == pytest.approx(score, abs=1e-15)


@pytest.mark.parametrize(
    ("theta", "score"),
    [
        (0, 2 / 5),  # all but -9; 0 itself would not be salient
        (0.125, 2 / 4),  # 1 lies at the threshold, not above it
        (0.5, 1 / 3),
        (0.625, 1 / 2),
        (0.75, 1),
        (1, 1),  # what is left is the maximum
    ],
)
def test_theta_is_the_part_of_the_maximum_above_which_a_pixel_is_salient(theta: float, score: float) -> None:
    assert score_of(SIX, [[1, 0, 1], [0, 0, 0]], "IoSR", theta=theta) == pytest.approx(score, abs=1e-15)


def test_with_a_theta_of_one_iosr_is_the_pointing_game() -> None:
    for saliency, mask in zip(MAPS.reshape(6, 5, 7), MASKS.reshape(6, 5, 7), strict=True):
        assert score_of(saliency, mask, "IoSR", theta=1) == score_of(saliency, mask)
    tied, mask = [[2, 0, 2], [1, 2, 0]], [[1, 1, 0], [1, 0, 0]]
    assert score_of(tied, mask, "IoSR", theta=1) == score_of(tied, mask)


@pytest.mark.parametrize("largest", [1e-45, 1e-30, 3e38])
def test_iosr_is_defined_for_the_smallest_and_the_largest_maps(largest: float) -> None:
    for theta in (0.5, 0.9):
        assert score_of(np.float32([[0, largest, 0]]), [[0, 1, 0]], "IoSR", theta=theta) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_maps_of_the_largest_numbers_do_not_overflow(metric: str) -> None:
    assert score_of(np.float32([[-3e38, 3e38, 0]]), [[0, 1, 0]], metric) == 1


def test_iosr_of_a_constant_map_is_the_region_s_part_of_the_image() -> None:
    assert score_of(np.ones((5, 7)), inside(5, 7, slice(1, 4), slice(2, 6)), "IoSR") == pytest.approx(12 / 35)


@pytest.mark.parametrize("saliency", [np.zeros((5, 7)), np.full((5, 7), -1), peak(1, 4), -np.abs(MAPS[0, 0])])
def test_iosr_is_undefined_where_nothing_is_above_zero(saliency: FloatArray) -> None:
    assert np.isnan(score_of(saliency, inside(5, 7, slice(0, 2), slice(3, 6)), "IoSR"))


@pytest.mark.parametrize("size", [(5, 7), (7, 5), (6, 6)])
def test_iosr_does_not_exchange_rows_and_columns(size: tuple[int, int]) -> None:
    map_ = peak(1, 4, *size) + 1.2  # above half of 1.2 at one pixel
    assert score_of(map_, inside(*size, slice(1, 2), slice(4, 5)), "IoSR") == 1
    assert score_of(map_, inside(*size, slice(4, 5), slice(1, 2)), "IoSR") == 0


# Both.


@pytest.mark.parametrize("options", [{}, {"tolerance": 3}, {"metric": "IoSR"}])
def test_an_empty_region_cannot_be_found(options: dict[str, Any]) -> None:
    assert np.isnan(score_of(np.abs(MAPS[0, 0]), np.zeros((5, 7)), **options))


@pytest.mark.parametrize("metric", METRICS)
def test_the_whole_image_cannot_be_missed(metric: str) -> None:
    assert score_of(MAPS[0, 0], np.ones((5, 7)), metric) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_a_map_keeps_its_score_when_it_is_stretched(metric: str) -> None:
    localization = Localization(4, metric)
    scores = localization.evaluate(GRADIENT, normal_images(), TARGETS, MAPS, MASKS)
    stretched = localization.evaluate(GRADIENT, normal_images(), TARGETS, MAPS * 4, MASKS)
    np.testing.assert_array_equal(stretched, scores)


@pytest.mark.parametrize("metric", METRICS)
def test_map_and_region_are_turned_together(metric: str) -> None:
    for saliency, mask in zip(MAPS.reshape(6, 5, 7), MASKS.reshape(6, 5, 7), strict=True):
        assert score_of(saliency.T, mask.T, metric) == score_of(saliency, mask, metric)
        assert score_of(saliency[::-1], mask[::-1], metric) == score_of(saliency, mask, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_each_label_has_its_map_and_its_region(metric: str) -> None:
    scores = Localization(4, metric).evaluate(GRADIENT, normal_images(), TARGETS, MAPS, MASKS)
    alone = [[score_of(MAPS[i, j], MASKS[i, j], metric) for j in (0, 1)] for i in range(3)]
    np.testing.assert_array_equal(scores, alone)
    assert len(np.unique(scores)) > 1


@pytest.mark.parametrize("metric", METRICS)
def test_a_case_of_a_run_scores_as_alone(metric: str) -> None:
    localization = Localization(4, metric)
    scores = localization.evaluate(GRADIENT, normal_images(), TARGETS, MAPS, MASKS)
    for place, image in enumerate(normal_images()):
        case = Case(image, tuple(TARGETS[place].tolist()), MAPS[place], MASKS[place], GRADIENT)
        np.testing.assert_array_equal(localization.score(case), scores[place])


@pytest.mark.parametrize("metric", METRICS)
def test_a_case_without_boxes_has_a_score_for_none_of_its_labels(metric: str) -> None:
    case = Case(normal_images()[0], (2, 1), MAPS[0], None, GRADIENT)
    np.testing.assert_array_equal(Localization(4, metric).score(case), [NAN, NAN])


def test_the_explainer_makes_the_map_where_none_is_given() -> None:
    weights = whole_numbers(4, 35, seed=1)
    weights[3, 18] = 100  # row 2, column 4
    explainer, images = InputXGradient(LinearNetwork(weights)), np.ones((1, 1, 5, 7), np.float32)
    for column, score in [(4, 1), (3, 0)]:
        mask = inside(5, 7, slice(2, 3), slice(column, column + 1))[None, None]
        assert Localization(4).evaluate(explainer, images, 3, mask=mask).tolist() == [score]


@pytest.mark.parametrize(
    "mask",
    [MASKS.astype(np.int32), MASKS * 255.0, MASKS * -0.5, Tensor(MASKS.astype(np.float32)), Tensor(MASKS)],
    ids=["int", "255", "negative", "float Tensor", "bool Tensor"],
)
@pytest.mark.parametrize("metric", METRICS)
def test_anything_but_zero_is_inside(metric: str, mask: Any) -> None:
    localization = Localization(4, metric)
    scores = localization.evaluate(GRADIENT, normal_images(), TARGETS, Tensor(MAPS), mask)
    np.testing.assert_array_equal(scores, localization.evaluate(GRADIENT, normal_images(), TARGETS, MAPS, MASKS))


# What is recorded, and errors.


@pytest.mark.parametrize(
    ("options", "recorded"),
    [
        ({}, {"metric": "PointingGame", "tolerance": 0}),
        ({"tolerance": np.int64(15), "theta": 0.3}, {"metric": "PointingGame", "tolerance": 15}),
        ({"metric": "IoSR"}, {"metric": "IoSR", "theta": 0.5}),
        ({"metric": "IoSR", "theta": np.float32(0.25), "tolerance": 3}, {"metric": "IoSR", "theta": 0.25}),
    ],
)
def test_what_was_asked_for_is_recorded_as_json(options: dict[str, Any], recorded: dict[str, Any]) -> None:
    localization = Localization(4, **options)
    assert localization.name == recorded["metric"]
    declared = {"class": "Localization", "higher_is_better": True, "bounds": [0, 1], "per_label": True}
    assert json.loads(json.dumps(localization.parameters)) == declared | recorded


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("saliency", [None, MAPS])
def test_without_a_mask_there_is_no_localization(metric: str, saliency: Any) -> None:
    with pytest.raises(ValueError, match=r"`mask` must be given, \(N, 1, H, W\)"):
        Localization(4, metric).evaluate(GRADIENT, normal_images(), TARGETS, saliency)


@pytest.mark.parametrize("mask", [MASKS[:, :1], MASKS[0], MASKS.transpose(0, 1, 3, 2), np.ones((3, 2))])
def test_a_mask_of_another_shape_is_refused(mask: Any) -> None:
    with pytest.raises(ValueError, match=r"`mask` must have shape \(3, 2, 5, 7\), one map per input and label, got"):
        Localization(4).evaluate(GRADIENT, normal_images(), TARGETS, MAPS, mask)


def test_a_mask_with_nan_is_refused_and_the_sample_named() -> None:
    mask = MASKS.astype(np.float32)
    mask[2, 1, 3, 4] = NAN
    with pytest.raises(ValueError, match="`mask` must be finite, got NaN or infinity in sample 2 of 3"):
        Localization(4).evaluate(GRADIENT, normal_images(), TARGETS, MAPS, mask)


def test_a_mask_of_words_is_refused() -> None:
    with pytest.raises(TypeError, match="`mask` must hold numbers, got str"):
        Localization(4).evaluate(GRADIENT, normal_images(), TARGETS, MAPS, "box")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "pointinggame"}, "`metric` must be one of PointingGame, IoSR, .*; did you mean 'PointingGame'"),
        ({"tolerance": -1}, "`tolerance` must lie in .*, got -1"),
        ({"tolerance": NAN}, "`tolerance` must lie in .*, got nan"),
        ({"theta": -0.1}, r"`theta` must lie in \[0, 1\], got -0.1"),
        ({"theta": 1.5}, r"`theta` must lie in \[0, 1\], got 1.5"),
        ({"theta": NAN}, r"`theta` must lie in \[0, 1\], got nan"),
    ],
)
def test_values_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Localization(4, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": None}, "`metric` must be a string, got NoneType"),
        ({"tolerance": "15"}, "`tolerance` must be a number, got str '15'"),
        ({"theta": True}, "`theta` must be a number, got bool True"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Localization(4, **options)
