"""The engine on a score that anyone can work out: each channel's pixels, weighted by their place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import normal_images, whole_numbers

from explainer.arrays import Mask
from explainer.perturb.engine import (
    Evaluated,
    Request,
    Variant,
    evaluated,
    evaluated_by,
    evaluating_perturbed,
    outputs_of_variants,
)
from explainer.perturb.fills import MaskFill

FloatArray = NDArray[Any]

WEIGHTS = whole_numbers(4, 2, 5, 7, seed=8)
PLACES = [2, 0, 1, 1, 0, 2, 2]


def weighted_sums(images: FloatArray) -> FloatArray:
    return np.einsum("nchw,kchw->nk", images.astype(np.float64), WEIGHTS.astype(np.float64))


def scored(score: Any, images: FloatArray, keeps: Any, *, fill: Any, batch_size: int) -> Iterator[Evaluated]:
    """What the engine gives for pairs (image, keep)."""
    requests = (Request(image, keep) for image, keep in keeps)
    return evaluated(lambda shown, indices: score(shown), images, requests, fill=fill, batch_size=batch_size)


def perturbed(images: FloatArray, keeps: Any, *, fill: Any, batch_size: int) -> Iterator[Evaluated]:
    """The perturbed images themselves, as the outputs."""
    return scored(lambda shown: shown, images, keeps, fill=fill, batch_size=batch_size)


class Remembered:
    """A score that remembers the batches it was asked about."""

    def __init__(self) -> None:
        self.batches: list[FloatArray] = []

    def __call__(self, images: FloatArray) -> FloatArray:
        self.batches.append(images)
        return weighted_sums(images)


def binary_masks(length: int, seed: int = 0) -> list[FloatArray]:
    return list(np.random.default_rng(seed).integers(0, 2, (length, 5, 7)).astype(np.float32))


def soft_masks(length: int, seed: int = 0) -> list[FloatArray]:
    """Values in quarters, so that a mix of whole numbers is exact in float32."""
    return list(np.random.default_rng(seed).integers(0, 5, (length, 5, 7)).astype(np.float32) / 4)


def backwards(images: FloatArray) -> FloatArray:
    return images[..., ::-1, :]


def shown_to(images: FloatArray, keeps: list[tuple[int, Mask]], batch_size: int = 3, fill: Any = backwards) -> Any:
    """The perturbed images, one after another."""
    score = Remembered()
    list(scored(score, images, keeps, fill=fill, batch_size=batch_size))
    return np.concatenate(score.batches)


def mixed_pixel_by_pixel(image: FloatArray, filled: FloatArray, keep: FloatArray) -> FloatArray:
    perturbed = np.zeros(image.shape)
    for channel, row, column in np.ndindex(image.shape):
        share = float(keep[row, column])
        perturbed[channel, row, column] = (
            share * image[channel, row, column] + (1 - share) * filled[channel, row, column]
        )
    return perturbed


@pytest.mark.parametrize("masks", [binary_masks(7), soft_masks(7)], ids=["binary", "soft"])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 50])
def test_each_image_is_mixed_with_its_own_fill_and_scored_in_the_given_order(
    masks: list[FloatArray], batch_size: int
) -> None:
    images = whole_numbers(3, 2, 5, 7)
    keeps = list(zip(PLACES, masks, strict=True))
    batches = list(scored(weighted_sums, images, keeps, fill=backwards, batch_size=batch_size))
    perturbed = np.array([mixed_pixel_by_pixel(images[place], images[place, :, ::-1], keep) for place, keep in keeps])
    assert np.concatenate([batch.indices for batch in batches]).tolist() == PLACES
    np.testing.assert_array_equal(np.concatenate([batch.masks for batch in batches]), masks)
    np.testing.assert_array_equal(np.concatenate([batch.outputs for batch in batches]), weighted_sums(perturbed))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 50])
def test_all_batches_but_the_last_are_full_whatever_the_images(batch_size: int) -> None:
    score = Remembered()
    keeps = zip(PLACES, binary_masks(7), strict=True)
    found = [
        len(batch.outputs) for batch in scored(score, normal_images(), keeps, fill=backwards, batch_size=batch_size)
    ]
    full, rest = divmod(7, batch_size)
    assert found == [batch_size] * full + [rest] * (rest > 0)
    assert [len(batch) for batch in score.batches] == found


# Numbers that a mix by addition and subtraction would not give back: image + (1 - keep) * (fill - image) is not exact.
HARD = np.float32([1e-30, 3e38, -1e30, 1 / 3, 0, 7, -0.1]) * np.ones((3, 2, 5, 1), np.float32)


def test_the_image_is_exact_where_it_is_shown_and_the_fill_where_it_is_not() -> None:
    keep = binary_masks(1)[0]
    (perturbed,) = shown_to(HARD, [(1, keep)], fill=lambda images: images[..., ::-1])
    np.testing.assert_array_equal(perturbed, np.where(keep == 1, HARD[1], HARD[1, :, :, ::-1]))


def test_all_shown_is_the_image_and_all_hidden_is_the_fill() -> None:
    keeps = [(2, np.ones((5, 7))), (2, np.zeros((5, 7)))]
    perturbed = shown_to(HARD, keeps, fill=lambda images: np.full_like(images, 1 / 7))
    np.testing.assert_array_equal(perturbed[0], HARD[2])
    np.testing.assert_array_equal(perturbed[1], np.full((2, 5, 7), np.float32(1 / 7)))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_masks_of_another_type_hide_the_same(dtype: Any) -> None:
    images, masks = whole_numbers(3, 2, 5, 7), binary_masks(7)
    wanted = shown_to(images, list(zip(PLACES, masks, strict=True)))
    given = [(place, mask.astype(dtype)) for place, mask in zip(PLACES, masks, strict=True)]
    np.testing.assert_array_equal(shown_to(images, given), wanted)
    for batch in scored(weighted_sums, images, given, fill=backwards, batch_size=3):
        assert batch.masks.dtype == np.float32


def test_perturbed_images_are_float32_whatever_the_fill_and_the_mask() -> None:
    keeps = [(0, np.full((5, 7), 0.3))]
    assert shown_to(normal_images(), keeps, fill=lambda images: images.astype(np.float64)).dtype == np.float32


def test_without_masks_nothing_is_asked() -> None:
    score = Remembered()
    assert list(scored(score, normal_images(), [], fill=backwards, batch_size=3)) == []
    assert score.batches == []


def test_an_image_without_masks_is_left_out() -> None:
    keeps = [(2, np.ones((5, 7))), (0, np.ones((5, 7)))]
    np.testing.assert_array_equal(shown_to(normal_images(), keeps), normal_images()[[2, 0]])


def test_the_fill_is_made_once_and_of_all_images() -> None:
    asked = []

    def fill(images: FloatArray) -> FloatArray:
        asked.append(images.copy())
        return images

    shown_to(normal_images(), list(zip(PLACES, binary_masks(7), strict=True)), batch_size=2, fill=fill)
    assert len(asked) == 1
    np.testing.assert_array_equal(asked[0], normal_images())


def test_images_masks_and_fill_are_left_as_they_were() -> None:
    images, masks, filled = normal_images(), soft_masks(7), normal_images(seed=1)
    shown_to(images, list(zip(PLACES, masks, strict=True)), fill=lambda images: filled)
    np.testing.assert_array_equal(images, normal_images())
    np.testing.assert_array_equal(masks, soft_masks(7))
    np.testing.assert_array_equal(filled, normal_images(seed=1))


class Drawn:
    """Endless masks that know how many of them were drawn."""

    def __init__(self) -> None:
        self.count = 0

    def __iter__(self) -> Iterator[tuple[int, Mask]]:
        for number in count():
            self.count += 1
            yield number % 3, np.full((5, 7), 1 / (number + 1))


@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_endless_masks_are_drawn_one_batch_at_a_time(batch_size: int) -> None:
    drawn, score = Drawn(), Remembered()
    batches = scored(score, normal_images(), drawn, fill=backwards, batch_size=batch_size)
    assert drawn.count == 0
    for number, batch in enumerate(islice(batches, 5), start=1):
        assert drawn.count == number * batch_size
        assert len(score.batches) == number
        np.testing.assert_allclose(batch.masks[-1], np.full((5, 7), 1 / drawn.count), rtol=1e-7)


def test_a_score_that_fails_is_not_asked_again() -> None:
    drawn = Drawn()

    def failing(images: FloatArray) -> FloatArray:
        raise RuntimeError("the score failed on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        list(scored(failing, normal_images(), drawn, fill=backwards, batch_size=4))
    assert drawn.count == 4


# Hidden rectangles, masks per channel, and inputs of any number of axes.

SERIES, PICTURES, VOLUMES = (3, 2, 7), (3, 2, 5, 7), (3, 2, 4, 5, 7)
RECTANGLES = {
    SERIES: [np.s_[:, 2:5], np.s_[1:2, 4:7]],
    PICTURES: [np.s_[:, 1:3, 4:7], np.s_[0:1, 3:5, :2]],
    VOLUMES: [np.s_[:, 3:4, 1:3, 4:7], np.s_[1:2, :2, 2:5, 0:1]],
}


def all_shown(shape: tuple[int, ...], keeps: list[Any], fill: Any, batch_size: int = 2) -> FloatArray:
    """What is shown for images of whole numbers, the places being 2, 0, 1, 1, ..."""
    pairs = list(zip(PLACES, keeps, strict=False))
    return np.concatenate(
        [batch.outputs for batch in perturbed(whole_numbers(*shape), pairs, fill=fill, batch_size=batch_size)]
    )


def seven(images: FloatArray) -> FloatArray:
    """A fill that is nowhere equal to whole_numbers."""
    return np.full_like(images, 7)


@pytest.mark.parametrize("shape", [SERIES, PICTURES, VOLUMES])
def test_a_rectangle_shows_the_fill_inside_and_the_image_all_around(shape: tuple[int, ...]) -> None:
    shown = all_shown(shape, RECTANGLES[shape], seven)
    for row, place, hidden in zip(shown, PLACES, RECTANGLES[shape], strict=False):
        image = whole_numbers(*shape)[place]
        inside = [range(*one.indices(length)) for one, length in zip(hidden, image.shape, strict=True)]
        for at in np.ndindex(image.shape):
            is_hidden = all(index in axis for index, axis in zip(at, inside, strict=True))
            assert row[at] == (7 if is_hidden else image[at])


@pytest.mark.parametrize("shape", [SERIES, PICTURES, VOLUMES])
@pytest.mark.parametrize("fill", [backwards, MaskFill(lambda images, shown: images[..., ::-1, :] + shown)])
def test_a_rectangle_hides_the_same_as_its_mask(shape: tuple[int, ...], fill: Any) -> None:
    masks = [np.ones(shape[1:], bool) for _ in RECTANGLES[shape]]
    for mask, hidden in zip(masks, RECTANGLES[shape], strict=True):
        mask[hidden] = False
    np.testing.assert_array_equal(all_shown(shape, RECTANGLES[shape], fill), all_shown(shape, masks, fill))


@pytest.mark.parametrize("shape", [SERIES, PICTURES, VOLUMES])
def test_a_mask_of_the_places_hides_every_channel_and_one_of_all_axes_its_own(shape: tuple[int, ...]) -> None:
    stream = np.random.default_rng(3)
    of_places, of_all = (stream.integers(0, 5, size).astype(np.float32) / 4 for size in (shape[2:], shape[1:]))
    shown, shown_by_channel = all_shown(shape, [of_places, of_all], seven)
    images = whole_numbers(*shape)
    for at in np.ndindex(shape[1:]):
        keep = of_places[at[1:]]
        assert shown[at] == keep * images[PLACES[0]][at] + (1 - keep) * 7
        assert shown_by_channel[at] == of_all[at] * images[PLACES[1]][at] + (1 - of_all[at]) * 7


def test_rectangles_and_masks_go_together_in_one_batch() -> None:
    rectangle, mask = RECTANGLES[PICTURES][1], binary_masks(1)[0]
    (batch,) = perturbed(whole_numbers(*PICTURES), [(1, rectangle), (2, mask)], fill=seven, batch_size=5)
    assert batch.indices.tolist() == [1, 2]
    assert batch.requests[0].shown is rectangle
    assert batch.requests[1].shown is mask
    np.testing.assert_array_equal(batch.outputs[0], all_shown(PICTURES, [rectangle] * 3, seven)[2])
    np.testing.assert_array_equal(batch.outputs[1], np.where(mask == 1, whole_numbers(*PICTURES)[2], 7))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 50])
def test_perturbed_images_do_not_depend_on_the_batches(batch_size: int) -> None:
    keeps = [*RECTANGLES[PICTURES], *soft_masks(5)]
    fill = MaskFill(lambda images, shown: images[..., ::-1] * shown)
    np.testing.assert_array_equal(
        all_shown(PICTURES, keeps, fill, batch_size), all_shown(PICTURES, keeps, fill, batch_size=7)
    )


def test_a_mask_fill_is_asked_for_each_batch_with_its_images_and_their_masks() -> None:
    asked: list[tuple[FloatArray, FloatArray]] = []

    def zeros(images: FloatArray, shown: FloatArray) -> FloatArray:
        asked.append((images.copy(), shown.copy()))
        return np.zeros_like(images)

    images, soft = whole_numbers(*PICTURES), soft_masks(1)[0]
    rectangle = np.s_[1:2, 3:5, 2:6]
    pairs: list[Any] = [(2, soft), (0, rectangle), (2, soft > 0)]
    list(perturbed(images, pairs, fill=MaskFill(zeros), batch_size=2))
    np.testing.assert_array_equal(asked[0][0], images[[2, 0]])
    np.testing.assert_array_equal(asked[0][1][0], np.stack([soft, soft]))
    in_the_rectangle = np.zeros((2, 5, 7))
    in_the_rectangle[1, 3:5, 2:6] = 1
    np.testing.assert_array_equal(asked[0][1][1], 1 - in_the_rectangle)
    np.testing.assert_array_equal(asked[1][0], images[[2]])
    np.testing.assert_array_equal(asked[1][1], np.stack([[soft > 0, soft > 0]]))
    assert {array.dtype for pair in asked for array in pair} == {np.dtype(np.float32)}
    assert len(asked) == 2


def test_a_mask_fill_that_gives_the_images_themselves_hides_nothing() -> None:
    fill = MaskFill(lambda images, shown: images)
    shown = all_shown(PICTURES, [*soft_masks(3), *RECTANGLES[PICTURES]], fill)
    np.testing.assert_array_equal(shown, whole_numbers(*PICTURES)[PLACES[:5]])


def test_a_mask_fill_that_writes_into_its_images_does_not_write_into_what_is_shown() -> None:
    def cleared(images: FloatArray, shown: FloatArray) -> FloatArray:
        images[:] = 0
        return images

    keeps = soft_masks(4)
    wanted = all_shown(PICTURES, keeps, np.zeros_like)
    np.testing.assert_array_equal(all_shown(PICTURES, keeps, MaskFill(cleared)), wanted)


def test_perturbed_images_can_be_written_to_without_harm_to_the_next() -> None:
    images = whole_numbers(*PICTURES)
    found = []
    for batch in perturbed(images, [(1, np.s_[:, :2])] * 4, fill=lambda images: images, batch_size=1):
        found.append(batch.outputs.copy())
        batch.outputs[:] = 99
    np.testing.assert_array_equal(np.concatenate(found), images[[1, 1, 1, 1]])
    np.testing.assert_array_equal(images, whole_numbers(*PICTURES))


# Payloads, and images of which nothing is hidden.


def test_a_payload_comes_back_with_its_outputs() -> None:
    images, masks = whole_numbers(3, 2, 5, 7), binary_masks(7)
    pairs = list(zip(PLACES, masks, strict=True))
    requests = (Request(image, mask, payload=(number, image)) for number, (image, mask) in enumerate(pairs))
    batches = evaluated(lambda shown, _: weighted_sums(shown), images, requests, fill=backwards, batch_size=3)
    found = [entry for batch in batches for entry in zip(batch.requests, batch.outputs, strict=True)]
    assert [request.payload for request, _ in found] == list(enumerate(PLACES))
    np.testing.assert_array_equal([output for _, output in found], weighted_sums(shown_to(images, pairs)))


def test_the_caller_is_told_whose_images_it_evaluates() -> None:
    told: list[list[int]] = []

    def evaluate(shown: FloatArray, indices: Any) -> FloatArray:
        told.append(indices.tolist())
        return shown

    requests = [Request(image, mask) for image, mask in zip(PLACES, binary_masks(7), strict=True)]
    list(evaluated(evaluate, normal_images(), requests, fill=backwards, batch_size=4))
    assert told == [PLACES[:4], PLACES[4:]]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
def test_what_a_mask_leaves_whole_is_evaluated_as_a_clean_image(batch_size: int) -> None:
    images, masks = whole_numbers(3, 2, 5, 7), binary_masks(7)
    masks[1] = masks[4] = masks[5] = np.ones((5, 7))
    clean: list[FloatArray] = []

    def evaluate_clean(shown: FloatArray, indices: Any) -> FloatArray:
        np.testing.assert_array_equal(shown, images[indices])
        clean.extend(shown)
        return -weighted_sums(shown)  # so that it shows

    requests = [Request(image, mask) for image, mask in zip(PLACES, masks, strict=True)]
    batches = evaluated(
        lambda shown, _: weighted_sums(shown),
        images,
        requests,
        fill=backwards,
        batch_size=batch_size,
        evaluate_clean=evaluate_clean,
    )
    outputs = np.concatenate([batch.outputs for batch in batches])
    wanted = weighted_sums(shown_to(images, list(zip(PLACES, masks, strict=True))))
    wanted[[1, 4, 5]] *= -1
    np.testing.assert_array_equal(outputs, wanted)
    assert len(clean) == 3


def test_the_engine_says_that_it_evaluates_only_while_it_does() -> None:
    """Not while whoever takes a batch works on it, and not after an error."""
    states, images = [], normal_images()

    def evaluate(shown: Any, indices: Any) -> Any:
        states.append(evaluating_perturbed())
        if len(states) == 3:
            raise RuntimeError("failed")
        return shown.sum(axis=(1, 2, 3))

    requests = (Request(0, Variant(image)) for image in images)
    with pytest.raises(RuntimeError, match="failed"):
        for _ in evaluated(evaluate, images, requests, batch_size=1):
            states.append(evaluating_perturbed())
    assert states == [True, False, True]
    assert not evaluating_perturbed()


# Variants, and the outputs of a classifier.


def test_a_variant_is_shown_in_full_in_place_of_its_image() -> None:
    images, others = normal_images(2), normal_images(3, seed=9)
    requests = [
        Request(1, Variant(others[2]), "c"),
        Request(0, Variant(others[0]), "a"),
        Request(0, Variant(others[1])),
    ]
    batches = list(evaluated(lambda shown, indices: shown, images, iter(requests), batch_size=2))
    np.testing.assert_array_equal(np.concatenate([batch.outputs for batch in batches]), others[[2, 0, 1]])
    assert [batch.indices.tolist() for batch in batches] == [[1, 0], [0]]
    assert [request.payload for batch in batches for request in batch.requests] == ["c", "a", None]
    assert all(request.shown is None for batch in batches for request in batch.requests)  # the batch has a copy


def test_variants_masks_and_rectangles_go_together_in_one_batch() -> None:
    images, other = normal_images(1), normal_images(1, seed=9)[0]
    mask = np.zeros((5, 7))
    mask[1, 2] = 1
    rectangle = slice(None), slice(1, 3), slice(2, 6)
    requests = [Request(0, Variant(other)), Request(0, mask), Request(0, rectangle)]
    (batch,) = evaluated(lambda shown, indices: shown, images, requests, fill=np.zeros_like, batch_size=3)
    hidden = images[0].copy()
    hidden[rectangle] = 0
    np.testing.assert_array_equal(batch.outputs, np.stack([other, images[0] * mask, hidden]).astype(np.float32))


class Weighted:
    """A classifier whose logits are weighted sums, and which remembers what it evaluated as clean."""

    batch_size = 4

    def __init__(self, *, keeps_outputs: bool) -> None:
        self.keeps_outputs = keeps_outputs
        self.clean = 0

    def logits(self, images: FloatArray) -> FloatArray:
        return weighted_sums(images)

    def clean_logits(self, images: FloatArray) -> FloatArray:
        self.clean += len(images)
        return weighted_sums(images)


@pytest.mark.parametrize(("keeps_outputs", "clean"), [(True, 2), (False, 0)])
def test_where_nothing_is_hidden_a_classifier_that_keeps_outputs_is_asked_for_what_it_knows(
    keeps_outputs: bool, clean: int
) -> None:
    images, shown, hidden = normal_images(2), np.ones((5, 7)), np.zeros((5, 7))
    classifier = Weighted(keeps_outputs=keeps_outputs)
    requests = [Request(0, shown), Request(0, hidden), Request(1, shown)]
    (batch,) = evaluated_by(classifier, "logits", images, requests, batch_size=4, fill=np.zeros_like)
    np.testing.assert_array_equal(batch.outputs, weighted_sums(np.stack([images[0], 0 * images[0], images[1]])))
    assert classifier.clean == clean


def test_the_outputs_of_a_variant_of_each_image_come_in_their_order() -> None:
    images, variants = normal_images(5), normal_images(5, seed=9)
    classifier = Weighted(keeps_outputs=True)
    found = outputs_of_variants(classifier, "logits", images, variants, batch_size=2)
    np.testing.assert_allclose(found, weighted_sums(variants))
    assert classifier.clean == 0
