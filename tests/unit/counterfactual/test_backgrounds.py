"""What is seen where the image is hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.counterfactual import auto_mask
from explainer.counterfactual.backgrounds import background_of
from explainer.errors import BadSampleError

FloatArray = NDArray[Any]

IMAGE = np.random.default_rng(0).standard_normal((1, 2, 27, 38)).astype(np.float32)


@pytest.mark.parametrize(("short_side", "deviation"), [(13, 1), (37, 1), (38, 2), (56, 2), (64, 3), (112, 4), (224, 9)])
def test_the_automatic_blur_is_a_25th_of_the_short_side(short_side: int, deviation: int) -> None:
    assert auto_mask(short_side) == f"gaussian:{deviation}"


def test_an_image_too_small_for_a_blur_is_told_what_to_give() -> None:
    with pytest.raises(ValueError, match=r"at least 13 pixels for an automatic mask, got 12; .* give a `mask`"):
        auto_mask(12)


def blurred(image: FloatArray, deviation: int) -> FloatArray:
    """A Gaussian filter by its definition: cut off at 4 deviations, the border pixels repeated beyond the border."""
    reach = 4 * deviation
    bell = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2.0 * deviation**2))
    bell /= bell.sum()
    padded = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (reach, reach), (reach, reach)), mode="edge")
    rows = sum(weight * padded[:, :, at : at + image.shape[2]] for at, weight in enumerate(bell))
    return sum(weight * rows[..., at : at + image.shape[3]] for at, weight in enumerate(bell))


def test_a_gaussian_blurs_height_and_width_alone() -> None:
    # float32 sums of values near 1 on one side
    np.testing.assert_allclose(background_of("gaussian:3", IMAGE), blurred(IMAGE, 3), rtol=0, atol=1e-6)


def test_without_a_mask_the_blur_is_that_of_the_short_side() -> None:
    np.testing.assert_array_equal(background_of(None, IMAGE), background_of("gaussian:1", IMAGE))
    assert np.abs(background_of(None, IMAGE) - background_of("gaussian:2", IMAGE)).max() > 0.1


@pytest.mark.parametrize("grey", [0.25, np.float32(0.25)])
def test_a_float_is_seen_everywhere(grey: Any) -> None:
    np.testing.assert_array_equal(background_of(grey, IMAGE), np.full(IMAGE.shape, 0.25))


def test_a_tuple_has_a_float_for_each_channel() -> None:
    background = background_of((0.5, -2.0), IMAGE)
    assert background.shape == IMAGE.shape
    assert (np.unique(background[:, 0]).tolist(), np.unique(background[:, 1]).tolist()) == ([0.5], [-2.0])


@pytest.mark.parametrize("axes", [3, 4])
def test_an_array_is_the_background(axes: int) -> None:
    given = np.arange(IMAGE.size, dtype=np.float64).reshape(IMAGE.shape)
    background = background_of(given[0] if axes == 3 else given, IMAGE)
    np.testing.assert_array_equal(background, given)
    assert background.dtype == np.float32


@pytest.mark.parametrize("given", [1, True, [0.5, 0.5], (0, 1), (0.5, True), b"gaussian:3", np.array(["x"] * 2)])
def test_what_is_no_mask_is_a_type_error(given: Any) -> None:
    if isinstance(given, np.ndarray):
        given = np.broadcast_to(given[0], IMAGE.shape)
    with pytest.raises(TypeError, match="`mask"):
        background_of(given, IMAGE)


@pytest.mark.parametrize(
    "given",
    ["gauss:3", "gaussian:0", "gaussian:-1", "gaussian:2.5", "gaussian:", "gaussian", " gaussian:3", "", "blur"],
)
def test_an_unknown_string_is_a_value_error(given: str) -> None:
    with pytest.raises(ValueError, match=f"'gaussian:N' with a whole number N of at least 1, got '{given}'"):
        background_of(given, IMAGE)


@pytest.mark.parametrize("given", [float("nan"), float("inf"), (0.5, float("nan")), (0.5,) * 3, ()])
def test_numbers_that_do_not_fit_are_a_value_error(given: Any) -> None:
    with pytest.raises(ValueError, match="`mask"):
        background_of(given, IMAGE)


def test_a_single_number_in_a_tuple_is_for_all_channels() -> None:
    np.testing.assert_array_equal(background_of((0.5,), IMAGE), background_of(0.5, IMAGE))


@pytest.mark.parametrize("shape", [(2, 38, 27), (1, 27, 38), (27, 38), (2, 2, 27, 38)])
def test_an_array_of_another_shape_is_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`mask` must have the image's shape \(2, 27, 38\), got"):
        background_of(np.zeros(shape, np.float32), IMAGE)


def test_an_array_that_is_not_finite_is_refused() -> None:
    with pytest.raises(BadSampleError, match="`mask` must be finite"):
        background_of(np.where(IMAGE > 2, np.nan, IMAGE), IMAGE)
