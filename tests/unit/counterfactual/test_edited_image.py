"""What the network says of an image under edits, each picture asked for once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.counterfactual.edited_image import EditedImage

FloatArray = NDArray[Any]

IMAGE = np.arange(1, 41, dtype=np.float32).reshape(1, 2, 4, 5)
BACKGROUND = -IMAGE[:, ::-1].copy()


class Score:
    """The sum of each channel; remembers what it was shown."""

    def __init__(self) -> None:
        self.batches: list[FloatArray] = []

    def __call__(self, images: FloatArray) -> FloatArray:
        self.batches.append(images.copy())
        return images.sum(axis=(2, 3))

    @property
    def shown(self) -> list[bytes]:
        return [image.tobytes() for batch in self.batches for image in batch]


def edited_image(score: Score, by_masking: bool = False, batch_size: int = 64) -> EditedImage:
    return EditedImage(IMAGE, BACKGROUND, by_masking=by_masking, score=score, batch_size=batch_size)


def test_unmasking_shows_the_boxes_of_the_image_and_the_background_around_them() -> None:
    score = Score()
    edited = edited_image(score)
    edited.outputs([edited.keep([(1, 0, 2, 3), (4, 2, 1, 2)])])
    wanted = BACKGROUND.copy()
    wanted[..., 0:3, 1:3] = IMAGE[..., 0:3, 1:3]
    wanted[..., 2:4, 4:5] = IMAGE[..., 2:4, 4:5]
    np.testing.assert_array_equal(score.batches, [wanted])


def test_masking_shows_the_background_in_the_boxes_and_the_image_around_them() -> None:
    score = Score()
    edited = edited_image(score, by_masking=True)
    edited.outputs([edited.keep([(1, 0, 2, 3)])])
    wanted = IMAGE.copy()
    wanted[..., 0:3, 1:3] = BACKGROUND[..., 0:3, 1:3]
    np.testing.assert_array_equal(score.batches, [wanted])


@pytest.mark.parametrize("by_masking", [False, True])
def test_one_more_box_is_as_if_it_had_been_among_them(by_masking: bool) -> None:
    edited = edited_image(Score(), by_masking)
    keep = edited.keep([(1, 0, 2, 3)])
    before = keep.copy()
    np.testing.assert_array_equal(edited.with_box(keep, (2, 1, 3, 2)), edited.keep([(1, 0, 2, 3), (2, 1, 3, 2)]))
    np.testing.assert_array_equal(keep, before)


@pytest.mark.parametrize("by_masking", [False, True])
def test_the_outputs_with_one_more_box_are_those_of_its_pictures(by_masking: bool) -> None:
    """Boxes over each other, the last of which changes nothing; each picture is asked for once, by whichever way."""
    score, expected = Score(), Score()
    edited, others = edited_image(score, by_masking), edited_image(expected, by_masking)
    keep = edited.keep([(1, 0, 2, 3)])
    boxes = [(2, 1, 3, 2), (0, 0, 1, 4), (1, 1, 2, 2)]
    edited.outputs([keep])
    found = edited.outputs_with(keep, boxes)
    np.testing.assert_array_equal(found, others.outputs([keep, *(others.with_box(keep, box) for box in boxes)])[1:])
    np.testing.assert_array_equal(np.concatenate(score.batches), np.concatenate(expected.batches))
    edited.outputs(edited.with_box(keep, box) for box in boxes)
    assert len(score.shown) == 3


@pytest.mark.parametrize("by_masking", [False, True])
def test_the_original_is_the_image_itself(by_masking: bool) -> None:
    score = Score()
    edited = edited_image(score, by_masking)
    np.testing.assert_array_equal(edited.outputs([edited.original]), IMAGE.sum(axis=(2, 3)))
    np.testing.assert_array_equal(score.batches, [IMAGE])


def test_the_size_is_width_and_height() -> None:
    assert edited_image(Score()).size == (5, 4)


def test_outputs_come_in_the_order_of_the_question_with_known_and_repeated_ones_among_them() -> None:
    score = Score()
    edited = edited_image(score)
    masks = [edited.keep([(x, 1, 2, 2)]) for x in (2, 0, 3)]
    first = edited.outputs([masks[1]])
    outputs = edited.outputs([masks[0], masks[1], masks[2], masks[0]])
    wanted = [np.where(mask, IMAGE, BACKGROUND).sum(axis=(2, 3))[0] for mask in masks]
    np.testing.assert_array_equal(first, [wanted[1]])
    np.testing.assert_array_equal(outputs, [wanted[0], wanted[1], wanted[2], wanted[0]])
    assert len(score.shown) == len(set(score.shown)) == 3


def test_boxes_that_cover_the_same_are_one_picture() -> None:
    score = Score()
    edited = edited_image(score)
    edited.outputs([edited.keep([(0, 0, 4, 2)])])
    edited.outputs([edited.keep([(0, 0, 2, 2), (2, 0, 2, 2)]), edited.keep([(1, 0, 3, 2), (0, 0, 3, 2)])])
    assert len(score.shown) == 1


def test_pictures_are_drawn_batch_by_batch_and_batches_are_full() -> None:
    score = Score()
    edited = edited_image(score, batch_size=3)
    drawn_before: list[int] = []

    def keeps():
        for place in range(8):
            drawn_before.append(len(score.batches))
            yield edited.keep([(place % 4, place // 4, 1, 1)])

    edited.outputs(keeps())
    assert [len(batch) for batch in score.batches] == [3, 3, 2]
    assert drawn_before == [0, 0, 0, 1, 1, 1, 2, 2]  # batches asked when each was drawn


def test_image_and_background_are_left_as_they_are() -> None:
    image, background = IMAGE.copy(), BACKGROUND.copy()

    def spoil(images: FloatArray) -> FloatArray:
        outputs = images.sum(axis=(2, 3))
        images[:] = 99
        return outputs

    edited = EditedImage(image, background, by_masking=False, score=spoil, batch_size=2)
    edited.outputs([edited.original, edited.keep([]), edited.keep([(1, 1, 2, 2)])])
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(background, BACKGROUND)
