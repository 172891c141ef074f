"""What a user's fill stands for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import mirrored, normal_images, whole_numbers

from explainer.perturb.fills import MaskFill, fill_of, recorded_fill

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
        ("blur:2.5", "blur:2.5"),
        ("local_mean", "local_mean"),
        (mirrored, "mirrored"),
        (Grey(), "Grey"),
    ],
)
def test_a_summary_records_numbers_or_the_name_of_the_function(given: Any, wanted: Any) -> None:
    assert json.loads(json.dumps(recorded_fill(given))) == wanted


# Fills by name.

SERIES, PICTURES, VOLUMES = (3, 2, 7), (3, 2, 5, 7), (3, 2, 4, 5, 7)
ANY_AXES = pytest.mark.parametrize("shape", [SERIES, PICTURES, VOLUMES])
# Sums of at most 280 numbers of order 1 in float64, rounded to float32: 6e-8 of a value.
ROUNDING = {"rtol": 1e-6, "atol": 1e-6}


def normal(shape: tuple[int, ...], seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def channels_of(images: FloatArray) -> list[tuple[int, int]]:
    """Every (image, channel)."""
    return list(np.ndindex(images.shape[:2]))


@ANY_AXES
def test_mean_is_the_mean_of_each_channel_of_each_image(shape: tuple[int, ...]) -> None:
    images = normal(shape)
    filled = fill_of("fill", "mean")(images)
    assert (filled.shape, filled.dtype) == (shape, np.float32)
    for at in channels_of(images):
        mean = sum(images[at].ravel().tolist()) / images[at].size
        np.testing.assert_allclose(filled[at], np.full(shape[2:], mean), **ROUNDING)


def test_the_mean_is_taken_in_float64() -> None:
    images = np.full((1, 1, 5, 7), 3e38, np.float32)  # their sum is no float32
    np.testing.assert_array_equal(fill_of("fill", "mean")(images), images)
    np.testing.assert_array_equal(fill_of("fill", "local_mean")(images, np.zeros_like(images)), images)


@ANY_AXES
def test_local_mean_is_the_mean_of_what_is_hidden_alone(shape: tuple[int, ...]) -> None:
    images = normal(shape)
    hidden = np.random.default_rng(1).random(shape) < 0.3
    filled = fill_of("fill", "local_mean")(images, 1 - hidden.astype(np.float32))
    for at in channels_of(images):
        found = [value for value, is_hidden in zip(images[at].flat, hidden[at].flat, strict=True) if is_hidden]
        np.testing.assert_allclose(filled[at], np.full(shape[2:], sum(found) / len(found)), **ROUNDING)


def test_local_mean_weighs_each_pixel_by_how_far_it_is_hidden() -> None:
    images = np.float32([[[10, 20, 40], [1, 2, 3]]])
    shown = np.float32([[[1, 0.5, 0.75], [0, 0.5, 1]]])
    filled = fill_of("fill", "local_mean")(images, shown)
    # (0.5 * 20 + 0.25 * 40) / 0.75 and (1 * 1 + 0.5 * 2) / 1.5
    np.testing.assert_allclose(filled, [[[80 / 3] * 3, [4 / 3] * 3]], rtol=1e-6)


def test_local_mean_of_all_is_the_mean_and_of_one_pixel_that_pixel() -> None:
    images = normal_images()
    fill = fill_of("fill", "local_mean")
    np.testing.assert_allclose(fill(images, np.zeros_like(images)), fill_of("fill", "mean")(images), **ROUNDING)
    shown = np.ones_like(images)
    shown[:, :, 3, 2] = 0
    wanted = np.broadcast_to(images[:, :, 3:4, 2:3], images.shape)
    np.testing.assert_array_equal(fill(images, shown), wanted)


def test_local_mean_where_nothing_is_hidden_is_finite() -> None:
    images = normal_images()
    assert np.isfinite(fill_of("fill", "local_mean")(images, np.ones_like(images))).all()


def blurred_by_hand(values: FloatArray, sigma: float) -> FloatArray:
    """Each axis in turn: the mean under a bell, cut off at 4 deviations, the border's values held beyond it."""
    reach = int(4 * sigma + 0.5)
    bell = np.exp(-((np.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    for axis in range(values.ndim):
        near = np.clip(np.arange(values.shape[axis])[:, None] + np.arange(-reach, reach + 1), 0, values.shape[axis] - 1)
        values = np.moveaxis(np.moveaxis(values, axis, -1)[..., near] @ bell / bell.sum(), -1, axis)
    return values


@ANY_AXES
@pytest.mark.parametrize(("name", "sigma"), [("blur", 1), ("blur:0.8", 0.8), ("blur:2", 2), ("blur:1e1", 10)])
def test_blur_is_the_mean_under_a_bell_of_each_channel_of_each_image(
    shape: tuple[int, ...], name: str, sigma: float
) -> None:
    images = normal(shape)
    filled = fill_of("fill", name)(images)
    assert filled.dtype == np.float32
    for at in channels_of(images):
        np.testing.assert_allclose(filled[at], blurred_by_hand(images[at].astype(np.float64), sigma), **ROUNDING)


@pytest.mark.parametrize("shape", [(1, 1, 60, 90), (1, 1, 90, 60), (1, 1, 60)])
def test_blur_is_by_a_20th_of_the_shortest_side(shape: tuple[int, ...]) -> None:
    images = normal(shape)
    np.testing.assert_array_equal(fill_of("fill", "blur")(images), fill_of("fill", "blur:3")(images))


def test_a_blur_leaves_a_flat_channel_as_it_is_and_a_narrow_one_the_image() -> None:
    flat = np.broadcast_to(np.float32([0.25, -3]).reshape(1, 2, 1, 1), PICTURES)
    np.testing.assert_allclose(fill_of("fill", "blur:2")(flat), flat, rtol=1e-6)
    np.testing.assert_array_equal(fill_of("fill", "blur:0.01")(normal_images()), normal_images())


@ANY_AXES
@pytest.mark.parametrize("name", ["noise", "noise:3"])
def test_noise_of_an_image_does_not_depend_on_the_others(shape: tuple[int, ...], name: str) -> None:
    images = normal(shape)
    fill = fill_of("fill", name)
    filled = fill(images)
    np.testing.assert_array_equal(fill(images), filled)
    np.testing.assert_array_equal(fill(images[[2, 0, 1, 2]]), filled[[2, 0, 1, 2]])
    np.testing.assert_array_equal(fill(images[1:2]), filled[1:2])


def test_noise_depends_on_the_seed_which_is_0_when_none_is_given() -> None:
    images = normal_images()
    zero, one, two = (fill_of("fill", f"noise:{seed}")(images) for seed in range(3))
    np.testing.assert_array_equal(fill_of("fill", "noise")(images), zero)
    assert not np.isclose(zero, one).any()
    assert not np.isclose(one, two).any()


def test_seeds_beyond_the_whole_numbers_of_float64_differ() -> None:
    images = normal_images()
    first, second = (fill_of("fill", f"noise:{2**53 + more}")(images) for more in (0, 1))
    assert not np.isclose(first, second).any()
    assert np.isfinite(fill_of("fill", "noise:" + "1" * 400)(images)).all()


def test_noise_has_the_mean_and_the_deviation_of_each_channel() -> None:
    stream = np.random.default_rng(0)
    means, deviations = np.array([[5, -2], [0, 100]]), np.array([[0.1, 3], [1, 20]])
    images = (means[..., None, None] + deviations[..., None, None] * stream.random((2, 2, 100, 120))).astype(np.float32)
    filled = fill_of("fill", "noise")(images).astype(np.float64)
    for at in channels_of(images):
        mean, deviation = images[at].mean(dtype=np.float64), images[at].std(dtype=np.float64)
        # Of 12000 draws the mean deviates by 1/110 and the deviation by 1/155 of a deviation: 5 of these each.
        assert abs(filled[at].mean() - mean) < deviation * 5 / 110
        assert abs(filled[at].std() / deviation - 1) < 5 / 155
        # Normal, not uniform as the images are: 4.55 % beyond 2 deviations, give or take 5 * 0.19 %.
        assert abs((np.abs(filled[at] - mean) > 2 * deviation).mean() - 0.0455) < 0.0095


def test_noise_of_channels_and_images_is_not_the_same() -> None:
    stream = np.random.default_rng(0)
    images = stream.standard_normal((2, 2, 100, 120)).astype(np.float32)
    drawn = fill_of("fill", "noise")(images).reshape(4, -1)
    # Correlations of 12000 independent draws are 0 give or take 5 / 110.
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 5 / 110


def test_noise_of_a_flat_channel_is_that_channel() -> None:
    flat = np.broadcast_to(np.float32([0.25, -3]).reshape(1, 2, 1, 1), PICTURES)
    np.testing.assert_array_equal(fill_of("fill", "noise:5")(flat), flat)


def test_inpaint_fills_what_is_hidden_by_more_than_half_of_each_image_by_itself() -> None:
    ramp = np.arange(7, dtype=np.float32) * np.ones((5, 1), np.float32)
    images = np.stack([[ramp, 2 * ramp], [-ramp, ramp + 3], [ramp * 0.5, ramp * 8]])
    shown = np.ones_like(images)
    shown[0, :, :, 2:4] = 0
    shown[1, :, :, 4] = 0.4
    shown[2, 1, :, 1] = 0.2  # one channel alone
    shown[2, 0, :, 1] = 0.5
    images[2, 0, :, 1] = 99  # off the ramp, but not hidden by more than half
    spoilt = np.where(shown < 0.5, 99, images).astype(np.float32)
    # Across a ramp, hidden columns whole, the solution is the ramp.
    np.testing.assert_allclose(fill_of("fill", "inpaint")(spoilt, shown), images, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["mean", "blur", "blur:3", "noise", "noise:7"])
def test_named_fills_of_images_leave_them_as_they_were(name: str) -> None:
    images = normal_images()
    fill_of("fill", name)(images)
    np.testing.assert_array_equal(images, normal_images())


@pytest.mark.parametrize("name", ["local_mean", "inpaint"])
def test_named_fills_of_images_and_masks_leave_them_as_they_were(name: str) -> None:
    images, shown = normal_images(), normal_images(seed=2) > 0
    fill = fill_of("fill", name)
    assert isinstance(fill, MaskFill)
    fill(images, shown.astype(np.float32))
    np.testing.assert_array_equal(images, normal_images())
    np.testing.assert_array_equal(shown, normal_images(seed=2) > 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("grey", r"got 'grey'$"),
        ("means", r"got 'means'; did you mean 'mean'"),
        ("Blur", r"got 'Blur'; did you mean 'blur'\?"),
        ("mean:2", r"got 'mean:2'; did you mean 'mean'"),
        ("inpaint:1", "got 'inpaint:1'"),
        ("local_mean:", "got 'local_mean:'"),
        ("", "got ''"),
        ("0.5", "got '0.5'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(given: str, message: str) -> None:
    known = "mean, local_mean, blur, noise, inpaint, blur:SIGMA, noise:SEED, "
    with pytest.raises(
        ValueError, match=f"`fill` must be a number, one per channel, a function, or one of {known}{message}"
    ):
        fill_of("fill", given)


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "1e999", "wide", "", "2:3"])
def test_a_blur_must_have_a_width(number: str) -> None:
    with pytest.raises(ValueError, match=rf"`fill` must end in a number > 0, got 'blur:{number}'"):
        fill_of("fill", f"blur:{number}")


@pytest.mark.parametrize("number", ["-1", "1.5", "1e3", "nan", "seed", "", "2:3"])
def test_a_seed_must_be_a_whole_number(number: str) -> None:
    with pytest.raises(ValueError, match=rf"`baseline` must end in a whole number >= 0, got 'noise:{number}'"):
        fill_of("baseline", f"noise:{number}")


# Functions of the images and their keep masks.


def half_shown(images: FloatArray, shown: FloatArray) -> FloatArray:
    return images * shown / 2


class HalfShown:
    def __call__(self, images: FloatArray, shown: FloatArray, *, by: float = 2) -> FloatArray:
        return images * shown / by


@pytest.mark.parametrize(
    "given",
    [
        half_shown,
        HalfShown(),
        MaskFill(half_shown),
        lambda images, shown, by=2: images * shown / by,
        lambda images, shown, /: images * shown / 2,
    ],
)
def test_a_function_of_two_arguments_is_given_the_keep_masks(given: Any) -> None:
    images, shown = whole_numbers(*PICTURES), whole_numbers(*PICTURES, seed=1)
    fill = fill_of("fill", given)
    assert isinstance(fill, MaskFill)
    np.testing.assert_array_equal(fill(images, shown), images * shown / 2)


def scaled(images: FloatArray, by: float = 3) -> FloatArray:
    return images * by


@pytest.mark.parametrize(
    "given",
    [
        scaled,
        lambda images, *more: images * 3,
        lambda images, *, by=3: images * by,
        np.vectorize(lambda value: value * 3),  # tells nothing of its arguments
    ],
)
def test_a_function_of_one_argument_is_given_the_images_alone(given: Any) -> None:
    fill = fill_of("fill", given)
    assert not isinstance(fill, MaskFill)
    np.testing.assert_array_equal(fill(whole_numbers(*PICTURES)), whole_numbers(*PICTURES) * 3)


def test_a_function_of_masks_that_writes_writes_to_neither() -> None:
    images, shown = whole_numbers(*PICTURES), whole_numbers(*PICTURES, seed=1)

    def writing(given: FloatArray, masks: FloatArray) -> FloatArray:
        given[:] = masks
        masks[:] = 0
        return given

    np.testing.assert_array_equal(fill_of("fill", writing)(images, shown), shown)
    np.testing.assert_array_equal(images, whole_numbers(*PICTURES))
    np.testing.assert_array_equal(shown, whole_numbers(*PICTURES, seed=1))


def test_what_a_function_of_masks_gives_is_checked_and_becomes_float32() -> None:
    images, shown = normal_images(), np.ones((3, 2, 5, 7), np.float32)
    assert fill_of("fill", lambda images, shown: images.astype(np.float64))(images, shown).dtype == np.float32
    with pytest.raises(ValueError, match=r"`fill` must give images of shape \(3, 2, 5, 7\), gave \(3, 2\)"):
        fill_of("fill", lambda images, shown: images.mean(axis=(2, 3)))(images, shown)
    shown[2, 1, 4, 0] = 0
    with (
        np.errstate(divide="ignore"),
        pytest.raises(ValueError, match=r"`fill\(images\)` must be finite, got NaN or infinity in sample 2 of 3"),
    ):
        fill_of("fill", lambda images, shown: images / shown)(images, shown)
