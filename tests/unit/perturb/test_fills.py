"""What a user's fill stands for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import mirrored, normal_images

from explainer.perturb.fills import fill_of, recorded_fill

FloatArray = NDArray[Any]


class Grey:
    def __call__(self, images: FloatArray) -> FloatArray:
        return np.broadcast_to(images.mean(axis=(1, 2, 3), keepdims=True), images.shape)


@pytest.mark.parametrize("given", [1.5, np.float32(1.5), np.float64(1.5), [1.5], (1.5,), np.array([1.5])])
def test_one_number_fills_all_channels(given: Any) -> None:
    filled = fill_of("fill", given)(normal_images())
    np.testing.assert_array_equal(filled, np.full((3, 2, 5, 7), 1.5))
    assert filled.dtype == np.float32


@pytest.mark.parametrize("given", [-2, np.int64(-2), np.int8(-2)])
def test_a_whole_number_is_a_number(given: Any) -> None:
    np.testing.assert_array_equal(fill_of("fill", given)(normal_images()), np.full((3, 2, 5, 7), -2))


@pytest.mark.parametrize("given", [[0.5, -1], (0.5, -1), np.array([0.5, -1]), np.float32([0.5, -1])])
def test_a_number_per_channel_fills_that_channel(given: Any) -> None:
    filled = fill_of("fill", given)(normal_images())
    np.testing.assert_array_equal(filled[:, 0], np.full((3, 5, 7), 0.5))
    np.testing.assert_array_equal(filled[:, 1], np.full((3, 5, 7), -1))


def test_numbers_given_as_an_array_are_those_of_that_moment() -> None:
    given = np.array([0.5, -1])
    fill = fill_of("fill", given)
    given[:] = 9
    assert fill(normal_images())[0, :, 2, 3].tolist() == [0.5, -1]


def test_a_function_gives_what_it_makes_of_the_images() -> None:
    np.testing.assert_array_equal(fill_of("fill", mirrored)(normal_images()), normal_images()[..., ::-1])


def test_what_a_function_gives_becomes_float32() -> None:
    filled = fill_of("fill", lambda images: images.astype(np.float64) / 3)(normal_images())
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled, (normal_images().astype(np.float64) / 3).astype(np.float32))


def test_a_function_that_writes_does_not_write_to_the_images() -> None:
    images = normal_images()

    def cleared(given: FloatArray) -> FloatArray:
        given[:] = 0
        return given

    assert not fill_of("fill", cleared)(images).any()
    np.testing.assert_array_equal(images, normal_images())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (True, "`fill` must be a number, got bool True"),
        (np.True_, "`fill` must be a number, got bool"),
        (None, "`fill` must be a number, got NoneType None"),
        (1j, "`fill` must be a number, got complex"),
        ({0.5}, "`fill` must be a number, got set"),
        ([0.5, "1"], r"`fill\[1\]` must be a number, got str '1'"),
        ([False, 1], r"`fill\[0\]` must be a number, got bool False"),
        ((0.5, None), r"`fill\[1\]` must be a number, got NoneType None"),
    ],
)
def test_what_is_no_number_is_refused(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        fill_of("fill", given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.nan, r"`fill` must lie in \[.*\], got nan"),
        (np.inf, r"`fill` must lie in \[.*\], got inf"),
        (1e39, r"`fill` must lie in \[.*\], got 1e\+39"),  # an infinity in float32
        ([0.5, np.nan], r"`fill\[1\]` must lie in \[.*\], got nan"),
        ((-np.inf, 0.5), r"`fill\[0\]` must lie in \[.*\], got -inf"),
        ([], r"`fill` must be a number or one number per channel, got shape \(0,\)"),
        ([[0.5, 1]], r"`fill` must be a number or one number per channel, got shape \(1, 2\)"),
        (np.zeros((2, 5, 7)), r"`fill` must be a number or one number per channel, got shape \(2, 5, 7\)"),
    ],
)
def test_numbers_that_fill_nothing_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fill_of("fill", given)


@pytest.mark.parametrize("given", [[1, 2, 3], np.zeros(7)])
def test_numbers_that_do_not_fit_the_channels_are_refused_when_the_images_come(given: Any) -> None:
    fill = fill_of("fill", given)
    with pytest.raises(ValueError, match=rf"`fill` must have one number or one per channel \(2\), got {len(given)}"):
        fill(normal_images())


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda images: images[0], r"\(2, 5, 7\)"),
        (lambda images: images[:, :1], r"\(3, 1, 5, 7\)"),
        (lambda images: images.swapaxes(2, 3), r"\(3, 2, 7, 5\)"),
        (lambda images: 0.5, r"\(\)"),
    ],
)
def test_a_function_that_gives_another_shape_is_refused(function: Callable[..., Any], shape: str) -> None:
    with pytest.raises(ValueError, match=rf"`fill` must give images of shape \(3, 2, 5, 7\), gave {shape}"):
        fill_of("fill", function)(normal_images())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_function_that_gives_values_that_are_not_finite_is_refused(value: float) -> None:
    def fill(images: FloatArray) -> FloatArray:
        filled = images.astype(np.float64)
        filled[1, 0, 2, 3] = value
        return filled

    with pytest.raises(ValueError, match=r"`fill\(images\)` must be finite, got NaN or infinity in sample 1 of 3"):
        fill_of("fill", fill)(normal_images())


def test_the_argument_is_called_by_its_name() -> None:
    with pytest.raises(ValueError, match="`baseline` must be a number, one per channel, a function, or one of mean"):
        fill_of("baseline", "grey")
    with pytest.raises(ValueError, match="`baseline` must have one number"):
        fill_of("baseline", [1, 2, 3])(normal_images())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (1, 1.0),
        (np.float32(0.5), 0.5),
        ([1, 2], [1.0, 2.0]),
        (np.float32([0.5, -1]), [0.5, -1.0]),
        (mirrored, "mirrored"),
        (Grey(), "Grey"),
    ],
)
def test_a_summary_records_numbers_or_the_name_of_the_function(given: Any, wanted: Any) -> None:
    assert json.loads(json.dumps(recorded_fill(given))) == wanted
