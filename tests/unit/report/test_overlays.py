"""Overlays, pixel by pixel."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image

from explainer import overlay, spotlight
from explainer.report.overlays import PALETTES

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
SALIENCY = np.random.default_rng(1).random((5, 7)).astype(np.float32)


@pytest.mark.parametrize(
    ("palette", "lowest", "highest"),
    [
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("magma", (0, 0, 4), (252, 253, 191)),
        ("cividis", (0, 34, 78), (254, 232, 56)),
        ("blue_red", (5, 48, 97), (103, 0, 31)),
        ("jet", (0, 0, 127), (127, 0, 0)),
    ],
)
def test_a_palette_runs_from_the_smallest_to_the_largest_value(palette: str, lowest: Any, highest: Any) -> None:
    found = overlay(np.zeros((1, 2), np.uint8), np.float32([[-3, 3]]), alpha=1, palette=palette)
    assert found.tolist() == [[list(lowest), list(highest)]]
    assert found.dtype == np.uint8


def test_between_two_colours_lies_their_mean() -> None:
    found = overlay(np.zeros((1, 3), np.uint8), [[0, 1 / 16, 1]], alpha=1, palette="jet")
    assert found[0, 1].tolist() == [0, 0, 191]  # half way from (0, 0, 127) to (0, 0, 255)


def test_the_default_is_half_the_map_and_half_the_image() -> None:
    found = overlay(IMAGE, SALIENCY)
    alone = overlay(IMAGE, SALIENCY, alpha=1).astype(float)
    np.testing.assert_allclose(found, (alone + IMAGE) / 2, atol=1)
    np.testing.assert_array_equal(found, overlay(IMAGE, SALIENCY, alpha=0.5, palette="viridis"))


def test_without_the_map_the_image_is_as_it_was() -> None:
    np.testing.assert_array_equal(overlay(IMAGE, SALIENCY, alpha=0), IMAGE)


def test_a_map_with_signs_is_white_at_zero() -> None:
    found = overlay(np.zeros((1, 3), np.uint8), [[-1, 0, 4]], alpha=1)
    assert found[0, 1].tolist() == [247, 247, 247]
    assert found[0, 0, 2] > found[0, 0, 0]  # bluish
    assert found[0, 2].tolist() == [103, 0, 31]


@pytest.mark.parametrize("image", [IMAGE[..., 0], IMAGE[..., :1], IMAGE[..., 0][None]])
def test_grey_images_of_any_layout_are_grey(image: Any) -> None:
    np.testing.assert_array_equal(overlay(image, SALIENCY, alpha=0), np.repeat(IMAGE[..., :1], 3, axis=2))


def test_channels_may_come_first() -> None:
    np.testing.assert_array_equal(overlay(IMAGE.transpose(2, 0, 1), SALIENCY), overlay(IMAGE, SALIENCY))


def test_an_image_of_floats_is_stretched_from_its_minimum_to_its_maximum() -> None:
    assert overlay(np.float32([[-2, 0, 2]]), [[0, 0, 0]], alpha=0)[0, :, 0].tolist() == [0, 128, 255]
    assert not overlay(np.full((2, 2), 7.0), [[0]], alpha=0).any()


def test_a_coarse_map_is_resized_to_the_image() -> None:
    found = overlay(np.zeros((2, 4), np.uint8), [[0, 4]], alpha=1, palette="jet")
    np.testing.assert_array_equal(
        found, overlay(np.zeros((2, 4), np.uint8), [[0, 1, 3, 4]] * 2, alpha=1, palette="jet")
    )


@pytest.mark.parametrize("palette", PALETTES)
def test_a_map_of_one_value_is_of_one_colour(palette: str) -> None:
    found = overlay(np.zeros((2, 2), np.uint8), np.zeros((2, 2)), alpha=1, palette=palette)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 1
    assert (found == 247).all() == (palette == "blue_red")


def test_safe_palettes_grow_steadily_in_brightness_and_jet_does_not() -> None:
    steps = np.linspace(0, 1, 40)[None]
    for palette in ("viridis", "magma", "cividis", "jet"):
        colours = overlay(np.zeros((1, 40), np.uint8), steps, alpha=1, palette=palette)[0] @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(colours) > 0).all() == (palette != "jet")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((2, 3, 5, 7)), SALIENCY), {}, r"`image` must be .* got shape \(2, 3, 5, 7\); for a batch give one"),
        ((np.zeros((5, 7, 2)), SALIENCY), {}, r"`image` must be .* got shape \(5, 7, 2\)"),
        (
            (IMAGE, np.zeros((2, 5, 7))),
            {},
            r"`saliency` must be one map .* got shape \(2, 5, 7\); of several .* one at",
        ),
        ((IMAGE, np.zeros((1, 2, 5, 7))), {}, r"`saliency` must be one map .* got shape \(1, 2, 5, 7\)"),
        ((IMAGE, np.zeros((1, 1, 1, 5, 7))), {}, r"`saliency` must be one map .* got shape \(1, 1, 1, 5, 7\)"),
        ((IMAGE, np.zeros(35)), {}, r"`saliency` must be one map .* got shape \(35,\)"),
        ((IMAGE, SALIENCY), {"percentile": 101}, r"`percentile` must lie in \[0, 100\], got 101"),
        (
            (IMAGE, SALIENCY),
            {"percentile": 99, "limits": (0, 1)},
            "`percentile` must be left out beside `limits`, got 99",
        ),
        ((IMAGE, SALIENCY), {"limits": (1, 1)}, r"`limits` must be \(low, high\), finite and low < high, got \(1, 1\)"),
        ((IMAGE, SALIENCY), {"limits": (0, np.inf)}, "`limits` must be"),
        ((IMAGE, SALIENCY), {"limits": (0, 1, 2)}, "`limits` must be"),
        ((IMAGE, np.zeros((0, 7))), {}, r"`saliency` must be one map .* got shape \(0, 7\)"),
        ((IMAGE, SALIENCY * np.nan), {}, "`saliency` must be finite"),
        ((np.full((5, 7), np.inf), SALIENCY), {}, "`image` must be finite"),
        ((IMAGE, SALIENCY), {"alpha": 1.5}, r"`alpha` must lie in \[0, 1\], got 1.5"),
        ((IMAGE, SALIENCY), {"palette": "Jet"}, "`palette` must be one of viridis, .*; did you mean 'jet'"),
    ],
)
def test_what_cannot_be_laid_over_is_refused(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        overlay(*arguments, **options)


@pytest.mark.parametrize("arguments", [("image", SALIENCY), (IMAGE, [["a"]]), (IMAGE, 1j * SALIENCY)])
def test_what_is_no_number_is_refused(arguments: Any) -> None:
    with pytest.raises(TypeError, match="must hold numbers"):
        overlay(*arguments)


# Scale.

RAMP = np.arange(101, dtype=np.float32)[None]
BLACK = np.zeros((1, 101), np.uint8)


def test_above_the_percentile_all_has_the_last_colour() -> None:
    found = overlay(BLACK, RAMP, alpha=1, palette="jet", percentile=80)
    assert (found[0, 80:] == (127, 0, 0)).all()
    wanted = overlay(BLACK[:, :81], RAMP[:, :81], alpha=1, palette="jet")
    np.testing.assert_array_equal(found[:, :81], wanted)


def test_the_percentile_of_a_map_with_signs_is_of_absolute_values() -> None:
    found = overlay(BLACK, RAMP - 50, alpha=1, percentile=80)
    np.testing.assert_array_equal(found, overlay(BLACK, RAMP - 50, alpha=1, palette="blue_red", limits=(-40, 40)))
    assert found[0, 50].tolist() == [247, 247, 247]
    assert (found[0, :11] == (5, 48, 97)).all()
    assert (found[0, 90:] == (103, 0, 31)).all()


def test_a_map_that_is_zero_almost_everywhere_keeps_its_maximum() -> None:
    spike = np.zeros((1, 101), np.float32)
    spike[0, 7] = 3
    for sign in (1, -1):
        wanted = overlay(BLACK, sign * spike, alpha=1)
        np.testing.assert_array_equal(overlay(BLACK, sign * spike, alpha=1, percentile=99), wanted)


def test_limits_give_several_maps_one_scale() -> None:
    found = overlay(BLACK[:, :5], [[-1, 0, 1, 4, 9]], alpha=1, palette="viridis", limits=(0, 4))
    wanted = overlay(BLACK[:, :5], [[0, 0, 1, 4, 4]], alpha=1, palette="viridis")
    np.testing.assert_array_equal(found, wanted)


def test_in_grey_the_image_is_as_bright_as_pillow_says_and_has_no_colour() -> None:
    found = overlay(IMAGE, SALIENCY, alpha=0, grey=True)
    assert (found == found[..., :1]).all()
    np.testing.assert_allclose(found[..., 0], np.asarray(Image.fromarray(IMAGE).convert("L"), int), atol=1)
    half = overlay(IMAGE, SALIENCY, grey=True).astype(float)
    np.testing.assert_allclose(half, (overlay(IMAGE, SALIENCY, alpha=1).astype(float) + found) / 2, atol=1)


def test_a_grey_image_is_the_same_in_grey() -> None:
    np.testing.assert_array_equal(overlay(IMAGE[..., 0], SALIENCY, grey=True), overlay(IMAGE[..., 0], SALIENCY))


@pytest.mark.parametrize(
    "saliency", [SALIENCY[None], SALIENCY[None, None], Tensor(SALIENCY), Tensor(SALIENCY[None, None])]
)
def test_a_map_is_taken_as_explainers_give_it(saliency: Any) -> None:
    np.testing.assert_array_equal(overlay(IMAGE, saliency), overlay(IMAGE, SALIENCY))


# Regions.


def test_boxes_are_as_they_were_and_the_rest_is_dark_and_grey() -> None:
    found = spotlight(IMAGE, [(1, 2, 3, 2), (6, 0, 1, 1)])
    inside = np.zeros((5, 7), bool)
    inside[2:4, 1:4] = inside[0, 6] = True
    np.testing.assert_array_equal(found[inside], IMAGE[inside])
    wanted = np.rint(IMAGE.mean(axis=2) * 0.35)
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel][~inside], wanted[~inside])
    assert found.dtype == np.uint8 and found.shape == (5, 7, 3)


def test_what_lies_outside_of_the_image_is_left_out() -> None:
    found = spotlight(IMAGE, [(-2, -1, 4, 3), (5, 3, 9, 9), (-9, 0, 3, 3), (0, 0, 0, 5)])
    inside = np.zeros((5, 7), bool)
    inside[:2, :2] = inside[3:, 5:] = True
    np.testing.assert_array_equal((found == IMAGE).all(axis=2), inside)


def test_without_boxes_all_is_dark_and_the_image_is_not_changed() -> None:
    before = IMAGE.copy()
    assert spotlight(IMAGE, []).max() <= 90
    spotlight(IMAGE, [(0, 0, 7, 5)])
    np.testing.assert_array_equal(IMAGE, before)


def test_a_grey_or_channels_first_image_has_regions_too() -> None:
    grey = IMAGE[..., 0]
    np.testing.assert_array_equal(spotlight(grey, [(1, 1, 2, 2)])[1:3, 1:3, 2], grey[1:3, 1:3])
    np.testing.assert_array_equal(spotlight(IMAGE.transpose(2, 0, 1), [(1, 1, 2, 2)]), spotlight(IMAGE, [(1, 1, 2, 2)]))


@pytest.mark.parametrize(
    ("boxes", "error", "told"),
    [
        ([(0, 0, 1)], ValueError, "`boxes[0]` must be (x, y, width, height)"),
        ([(0, 0, 1, 1), (0, 0, -1, 1)], ValueError, "`boxes[1]`"),
        ([(0, 0, 1.5, 1)], TypeError, "`boxes[0]` must hold whole numbers"),
        ([("0", 0, 1, 1)], TypeError, "`boxes[0]` must hold numbers"),
        ([3], ValueError, "`boxes[0]`"),
    ],
)
def test_boxes_are_checked(boxes: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        spotlight(IMAGE, boxes)


@pytest.mark.parametrize("options", [{"grey": "L"}, {"percentile": "max"}, {"limits": "all"}])
def test_options_of_another_type_are_refused(options: Any) -> None:
    with pytest.raises(TypeError, match=f"`{next(iter(options))}` must"):
        overlay(IMAGE, SALIENCY, **options)
