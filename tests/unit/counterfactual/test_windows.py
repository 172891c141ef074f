"""The windows of each layer: their sizes, their strides and where they lie."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest

from explainer.counterfactual import auto_strides, auto_win_sizes
from explainer.counterfactual.windows import WindowLayers, layers_for, require_layers


@pytest.mark.parametrize(
    ("short_side", "sizes", "strides"),
    [
        (56, [28], [5]),
        (57, [28], [5]),
        (64, [32], [6]),
        (111, [55], [11]),
        (112, [56, 28], [11, 5]),
        (223, [111, 55], [22, 11]),
        (224, [112, 56, 28], [22, 11, 5]),
        (227, [113, 56, 28], [22, 11, 5]),
        (1000, [500, 250, 125], [100, 50, 25]),
    ],
)
def test_automatic_windows_are_halves_and_their_strides_fifths(
    short_side: int, sizes: list[int], strides: list[int]
) -> None:
    assert auto_win_sizes(short_side) == sizes
    assert auto_strides(sizes) == strides


@pytest.mark.parametrize("short_side", [55, 40, 1])
def test_images_too_small_for_automatic_windows_are_told_what_to_give(short_side: int) -> None:
    with pytest.raises(
        ValueError, match=rf"`image` .* at least 56 pixels, got {short_side}; .* give `win_sizes` and `strides`"
    ):
        auto_win_sizes(short_side)


def starts(length: int, window: int, stride: int) -> list[int]:
    """The positions as the specification has them."""
    count = ceil((length - window) / stride)
    if (count - 1) * stride + window < length:
        count += 1
    return [length - window if place == count - 1 else place * stride for place in range(count)]


def test_windows_lie_where_the_formula_says() -> None:
    for length in range(2, 41):
        for window in range(1, length + 1):
            for stride in range(1, window + 1):
                boxes = WindowLayers([window], [stride]).boxes(0, (0, 0, length, window))
                assert [x for x, _, _, _ in boxes] == starts(length, window, stride), (length, window, stride)


def test_windows_of_a_field_come_column_by_column() -> None:
    assert WindowLayers([9, 3], [9, 2]).boxes(1, (10, 20, 6, 4)) == [
        (10, 20, 3, 3),
        (10, 21, 3, 3),
        (12, 20, 3, 3),
        (12, 21, 3, 3),
        (13, 20, 3, 3),
        (13, 21, 3, 3),
    ]


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_automatic_windows_of_224_pixels_are_49_in_each_layer(layer: int) -> None:
    layers = layers_for(None, 224)
    assert len(layers.boxes(layer, (0, 0, *[224 >> layer] * 2))) == 49


@pytest.mark.parametrize(
    ("sizes", "strides", "message"),
    [
        ([4], None, "both or not at all, got `win_sizes` but no `strides`"),
        (None, [4], "both or not at all, got `strides` but no `win_sizes`"),
        ([], [], "`win_sizes` must have a number for each layer, got none"),
        ([4], [], "`strides` must have a number for each layer, got none"),
        ([4, 4], [2, 1], r"`win_sizes` must fall from layer to layer, got \[4, 4\]"),
        ([4, 6], [2, 1], r"`win_sizes` must fall from layer to layer, got \[4, 6\]"),
        ([4, 3], [2, 2], r"`strides` must fall from layer to layer, got \[2, 2\]"),
        ([4, 0], [2, 1], r"`win_sizes\[1\]` must be at least 1, got 0"),
        ([4, 3], [1, 0], r"`strides\[1\]` must be at least 1, got 0"),
        ([4, 3], [2], "a number for each layer, got 2 and 1"),
        ([4, 2], [4, 3], "`strides` must not be larger than their windows, got 3 for a window of 2"),
    ],
)
def test_windows_that_cannot_be_used_are_refused(sizes: Any, strides: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        require_layers(sizes, strides)


@pytest.mark.parametrize(
    ("sizes", "strides", "message"),
    [
        (4, 2, "`win_sizes` must be a list of whole numbers, got int"),
        ([4.0], [2], r"`win_sizes\[0\]` must be a whole number, got float"),
        ([4], [True], r"`strides\[0\]` must be a whole number, got bool"),
        ([4], "2", "`strides` must be a list of whole numbers, got str"),
    ],
)
def test_windows_that_are_no_whole_numbers_are_refused(sizes: Any, strides: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        require_layers(sizes, strides)


def test_a_stride_may_be_as_large_as_its_window() -> None:
    assert require_layers((4, 2), (4, 2)) == WindowLayers([4, 2], [4, 2])


def test_an_image_must_be_larger_than_the_first_window() -> None:
    own = WindowLayers([6, 2], [3, 1])
    assert layers_for(own, 7) is own
    for short_side in (6, 5):
        with pytest.raises(ValueError, match=f"larger than the first window, 6, got a short side of {short_side}"):
            layers_for(own, short_side)
