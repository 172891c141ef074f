"""What becomes of a picture's size before a network sees it."""

import numpy as np
import pytest
from mindspore.dataset import vision
from PIL import Image

from explainer.data.framing import Framing


def ramp(height, width):
    """A grey picture whose values are 10 * row + column."""
    return Image.fromarray(np.add.outer(10 * np.arange(height), np.arange(width)).astype(np.uint8))


def test_a_picture_that_is_not_cut_is_stretched_to_the_size():
    shown = Framing((3, 5)).of(ramp(12, 8))
    assert shown.size == (5, 3)  # PIL: width first
    expected = ramp(12, 8).resize((5, 3), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(np.asarray(shown), np.asarray(expected))


def test_a_picture_of_the_size_is_as_it_was():
    np.testing.assert_array_equal(np.asarray(Framing((4, 7), center_crop=True).of(ramp(4, 7))), np.asarray(ramp(4, 7)))


@pytest.mark.parametrize(
    ("shape", "resize", "scaled"),
    [
        ((300, 400), 256, (256, 341)),  # 341.33, cut off as torchvision does
        ((400, 300), 256, (341, 256)),
        ((50, 50), 256, (256, 256)),
        ((300, 400), (230, 300), (230, 300)),
        ((300, 400), None, (224, 299)),  # 298.67, so that it just covers the size
        ((400, 300), None, (299, 224)),
    ],
)
def test_a_picture_that_is_cut_is_scaled_first(shape, resize, scaled):
    assert Framing((224, 224), resize, center_crop=True).scaled_size(*shape) == scaled


def test_what_covers_a_size_that_is_no_square_covers_both_sides():
    framing = Framing((20, 50), center_crop=True)
    assert framing.scaled_size(100, 100) == (50, 50)
    assert framing.scaled_size(10, 1000) == (20, 2000)


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [((4, 4), (1, 5), (2, 6)), ((3, 5), (2, 5), (2, 7)), ((6, 8), (0, 6), (0, 8))],
    # rounded to even, as Python and torchvision do: (6 - 3) / 2 is 2, (8 - 5) / 2 is 2
)
def test_the_middle_is_cut_out(size, rows, columns):
    cut = Framing(size, resize=(6, 8), center_crop=True).of(ramp(6, 8))
    expected = np.asarray(ramp(6, 8))[slice(*rows), slice(*columns)]
    np.testing.assert_array_equal(np.asarray(cut), expected)


def test_a_picture_too_thin_to_be_scaled_is_refused_before_it_takes_the_memory():
    with pytest.raises(ValueError, match=r"it is 1 x 400000, which would be 224 x 89600000 before it is cut; cut it"):
        Framing((224, 224), center_crop=True).of(Image.new("L", (1, 400_000)))
    assert Framing((224, 224)).of(Image.new("L", (1, 400_000))).size == (224, 224)


@pytest.mark.parametrize("resize", [200, (256, 223), (223, 256)])
def test_what_is_cut_must_be_covered(resize):
    with pytest.raises(ValueError, match=r"`resize` must cover `size`, \(224, 224\), which is cut out of it, got"):
        Framing((224, 224), resize, center_crop=True)


def test_a_resize_without_a_cut_is_refused():
    with pytest.raises(ValueError, match=r"`resize` goes with `center_crop`, got 256 alone; .* leave `resize` out, or"):
        Framing((224, 224), 256)


@pytest.mark.parametrize("height", range(4, 14))
@pytest.mark.parametrize("kept", [3, 4])
def test_the_middle_is_where_mindspore_cuts_pictures(height, kept):
    expected = np.asarray(vision.CenterCrop((kept, 5))(ramp(height, 9)))
    cut = Framing((kept, 5), resize=(height, 9), center_crop=True).of(ramp(height, 9))
    np.testing.assert_array_equal(np.asarray(cut), expected)


# ---- boxes, [x, y, width, height] ----


def test_a_box_is_scaled_along_each_axis_and_moved_by_the_cut():
    # 20 x 10 -> shorter side 5: 10 x 5; the middle of 4 x 3 begins at x = 3, y = 1
    framing = Framing((3, 4), resize=5, center_crop=True)
    placed = framing.placed(np.array([[8, 2, 6, 4], [0, 0, 20, 10]]), 10, 20)
    np.testing.assert_allclose(placed, [[1, 0, 3, 2], [-3, -1, 10, 5]])


def test_a_box_follows_when_proportions_change():
    placed = Framing((6, 9)).placed(np.array([[2, 4, 3, 8]]), 24, 18)  # y by 1/4, x by 1/2
    np.testing.assert_allclose(placed, [[1, 1, 1.5, 2]])


@pytest.mark.parametrize(
    "framing",
    [
        Framing((9, 11), resize=12, center_crop=True),
        Framing((10, 8)),
        Framing((9, 11), resize=(24, 36), center_crop=True),
        Framing((7, 7), center_crop=True),
    ],
)
def test_a_box_lies_around_what_it_was_drawn_around(framing):
    values = np.zeros((24, 36), np.uint8)
    x, y, width, height = 14, 9, 8, 6
    values[y : y + height, x : x + width] = 255
    seen = np.asarray(framing.of(Image.fromarray(values))) > 127
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    (box,) = framing.placed(np.array([[x, y, width, height]]), *values.shape)
    edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose([box[0], box[1], box[0] + box[2], box[1] + box[3]], edges, atol=0.5)  # whole pixels
