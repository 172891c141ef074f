"""The board of scores: closed forms, and undefined scores that are counted and never averaged."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explainer.score_board import ScoreBoard


def board_of(*scores: tuple[int | None, float], label_count: int = 4) -> ScoreBoard:
    board = ScoreBoard(label_count)
    for label, score in scores:
        board.add([label], [score])
    return board


def test_the_mean_is_over_all_scores_and_not_over_the_means_of_labels():
    board = board_of((2, 1.0), (2, 0.0), (2, 0.5), (0, 0.25))
    assert board.mean == 0.4375  # (1 + 0 + 0.5 + 0.25) / 4; the mean of the two means would be 0.375


def test_the_mean_of_each_label_stands_at_its_index():
    board = board_of((2, 1.0), (2, 0.0), (2, 0.5), (0, 0.25))
    np.testing.assert_array_equal(board.mean_by_label, [0.25, math.nan, 0.5, math.nan])


@pytest.mark.parametrize("undefined", [math.nan, math.inf, -math.inf, float(np.float32("inf"))])
def test_a_score_that_is_not_finite_is_counted_and_left_out_of_every_mean(undefined):
    board = board_of((1, 0.5), (1, undefined), (3, undefined))
    assert (board.mean, board.defined, board.undefined) == (0.5, 1, 2)
    np.testing.assert_array_equal(board.mean_by_label, [math.nan, 0.5, math.nan, math.nan])


def test_an_empty_board_has_the_mean_nan():
    board = ScoreBoard(label_count=3)
    assert math.isnan(board.mean)
    assert len(board.mean_by_label) == 3
    assert all(math.isnan(mean) for mean in board.mean_by_label)
    assert (board.defined, board.undefined) == (0, 0)


def test_a_board_of_undefined_scores_alone_has_the_mean_nan():
    board = board_of((0, math.nan), (1, math.inf))
    assert math.isnan(board.mean)
    assert (board.defined, board.undefined) == (0, 2)


def test_a_score_without_a_label_is_in_the_mean_and_in_no_labels_mean():
    board = board_of((None, 0.75), (None, 0.25), (None, math.nan))
    assert (board.mean, board.defined, board.undefined) == (0.5, 2, 1)
    assert all(math.isnan(mean) for mean in board.mean_by_label)


def test_label_zero_is_not_taken_for_no_label():
    board = board_of((0, 0.25), (None, 0.75), label_count=2)
    np.testing.assert_array_equal(board.mean_by_label, [0.25, math.nan])


def test_one_call_with_many_labels_equals_many_calls_with_one():
    scores = [(3, 0.1), (1, math.nan), (3, 0.7), (0, -2.0)]
    at_once = ScoreBoard(4)
    at_once.add([label for label, _ in scores], np.array([score for _, score in scores]))
    one_by_one = board_of(*scores)
    assert at_once.mean == one_by_one.mean
    np.testing.assert_array_equal(at_once.mean_by_label, one_by_one.mean_by_label)
    assert (at_once.defined, at_once.undefined) == (one_by_one.defined, one_by_one.undefined) == (3, 1)


def test_negative_scores_and_scores_above_one_are_averaged_as_they_are():
    assert board_of((1, -3.0), (2, 7.0)).mean == 2.0


def test_the_mean_does_not_depend_on_the_order_of_the_scores():
    """Summed exactly: in the order 1e16, 1, -1e16 a plain sum of doubles loses the 1."""
    assert board_of((0, 1e16), (1, 1.0), (2, -1e16)).mean == board_of((0, 1e16), (2, -1e16), (1, 1.0)).mean == 1 / 3


def test_reading_a_board_leaves_it_as_it_is():
    board = board_of((2, 0.5))
    first = (board.mean, board.mean_by_label, board.defined, board.undefined)
    np.testing.assert_array_equal((board.mean, *board.mean_by_label), (first[0], *first[1]))
    assert (board.defined, board.undefined) == first[2:] == (1, 0)


def test_labels_and_scores_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is shorter"):
        ScoreBoard(4).add([0, 1], [0.5])
