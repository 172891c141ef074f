"""RISE against the paper's sum over given masks, and its mean against the expectation over every mask there is."""

from __future__ import annotations

import tracemalloc
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import (
    TARGETS,
    RecordingNetwork,
    Score,
    asked,
    cnn_scores,
    enlarged,
    every_rise_mask,
    linear_scores,
    mirrored,
    normal_images,
    of_targets,
    rise_cell,
    sigmoid,
    softmax,
    whole_numbers,
)

from explainer.explanation import RISE
from explainer.perturb.masks import random_grids
from explainer.streams import sample_stream

FloatArray = NDArray[Any]

WEIGHTS = whole_numbers(4, 70, seed=1)
MASKS = np.random.default_rng(3).random((11, 5, 7)).astype(np.float32)
# Sums of some ten terms whose scores are off by some 1e-7 (probabilities) or 1e-6 (logits), in float32.
CNN_ROUNDING = {"rtol": 1e-5, "atol": 2e-6}


def slow_rise(score: Score, image: FloatArray, filled: FloatArray, masks: FloatArray, probability: float) -> FloatArray:
    """Equation 6 of the paper: sum of f(I * M) M / (number of masks * P(1)), (K, H, W)."""
    total: Any = 0
    for mask in masks.astype(np.float64):
        scores = score((image * mask + filled * (1 - mask))[None])[0]
        total = total + scores[:, None, None] * mask
    return total / (len(masks) * probability)


# Masks of one's own.


@pytest.mark.parametrize(
    ("activation", "replica", "score"),
    [
        (nn.Softmax(), softmax, "probability"),
        (nn.Sigmoid(), sigmoid, "probability"),
        (nn.Softmax(), lambda logits: logits, "logit"),
        (None, lambda logits: logits, "logit"),
    ],
    ids=["softmax", "sigmoid", "logit with softmax", "logit"],
)
@pytest.mark.parametrize("masks", [MASKS, MASKS**3], ids=["half shown", "a quarter shown"])
def test_given_masks_are_weighed_by_the_score_of_what_they_show(
    activation: Any, replica: Score, score: str, masks: FloatArray
) -> None:
    network, images = SmallCnn(), normal_images()
    scores = cnn_scores(network, replica)
    wanted = of_targets([slow_rise(scores, image, 0 * image, masks, mean_of(masks)) for image in images])
    rise = RISE(network, activation, 4, masks=masks, score=score)
    np.testing.assert_allclose(rise(images, TARGETS), wanted, **CNN_ROUNDING)


@pytest.mark.parametrize("shown", [0.02, 0.3, 0.9])
def test_given_masks_of_any_mean_give_the_unit_of_the_score(shown: float) -> None:
    """The mean over the pixels of the map of a score that never changes is that score, whatever the masks show."""
    masks = np.random.default_rng(5).random((50, 5, 7)) < shown
    maps = RISE(LinearNetwork(np.zeros((4, 70))), nn.Softmax(), masks=masks)(normal_images(), TARGETS)
    np.testing.assert_allclose(maps.mean(axis=(2, 3), dtype=np.float64), 0.25, rtol=1e-6)


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_the_probability_and_the_seed_mean_nothing_to_given_masks(probability: float) -> None:
    maps, others = (
        RISE(SmallCnn(), nn.Softmax(), masks=MASKS, **options)(normal_images(), TARGETS)
        for options in ({}, {"probability": probability, "seed": 3, "grid": 2})
    )
    np.testing.assert_array_equal(maps, others)


def mean_of(masks: FloatArray) -> float:
    return float(np.mean(masks.astype(np.float64)))


@pytest.mark.parametrize("fill", [0.7, [1.5, -0.5], mirrored], ids=["number", "per channel", "function"])
def test_the_fill_is_shown_as_far_as_the_image_is_hidden(fill: Any) -> None:
    network, images = SmallCnn(), normal_images()
    filled = fill(images) if callable(fill) else np.reshape(fill, (1, -1, 1, 1)) * np.ones(images.shape)
    scores = cnn_scores(network, softmax)
    wanted = of_targets([slow_rise(scores, *pair, MASKS, mean_of(MASKS)) for pair in zip(images, filled, strict=True)])
    maps = RISE(network, nn.Softmax(), masks=MASKS, fill=fill)(images, TARGETS)
    np.testing.assert_allclose(maps, wanted, **CNN_ROUNDING)


def test_masks_of_one_pixel_give_what_that_pixel_adds() -> None:
    images = whole_numbers(3, 2, 5, 7, seed=2)
    masks = np.eye(35, dtype=np.float32).reshape(35, 5, 7)
    rise = RISE(LinearNetwork(WEIGHTS), None, masks=masks, score="logit")
    contributions = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * images[:, None]).sum(axis=2)
    # Whole numbers are exact, their product with 1 / (35 * (1 / 35)) is rounded.
    np.testing.assert_allclose(rise(images, TARGETS), contributions, rtol=1e-6)


def test_masks_that_show_all_give_the_score_everywhere() -> None:
    images = whole_numbers(3, 2, 5, 7, seed=2)
    rise = RISE(LinearNetwork(WEIGHTS), None, masks=np.ones((3, 5, 7)), score="logit")
    logits = np.take_along_axis(linear_scores(WEIGHTS)(images), TARGETS, axis=1)
    np.testing.assert_array_equal(rise(images, TARGETS), logits[..., None, None] * np.ones((5, 7)))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_masks_of_another_type_show_the_same(dtype: Any) -> None:
    network, masks = SmallCnn(), np.random.default_rng(3).integers(0, 2, (11, 5, 7))
    found, wanted = (
        RISE(network, nn.Softmax(), masks=masks.astype(kind))(normal_images(), TARGETS) for kind in (dtype, np.float32)
    )
    np.testing.assert_array_equal(found, wanted)


def test_masks_given_are_left_as_they_were_and_are_those_of_that_moment() -> None:
    masks = MASKS.copy()
    rise = RISE(SmallCnn(), nn.Softmax(), masks=masks)
    first = rise(normal_images(), TARGETS)
    np.testing.assert_array_equal(masks, MASKS)
    masks[:] = 0
    np.testing.assert_array_equal(rise(normal_images(), TARGETS), first)


# Masks that are drawn.


@pytest.fixture
def recording() -> RecordingNetwork:
    return RecordingNetwork(SmallCnn())


def test_each_image_is_shown_under_the_masks_of_its_own_stream(recording: RecordingNetwork) -> None:
    images = normal_images()
    rise = RISE(recording, nn.Softmax(), 7, masks=20, grid=(2, 3), probability=0.4, seed=9)
    found = np.concatenate(asked(recording, lambda: rise(images, 1)))
    for image, perturbed in zip(images, found.reshape(3, 20, 2, 5, 7), strict=True):
        masks = list(islice(random_grids(sample_stream(9, image), (5, 7), (2, 3), 0.4), 20))
        np.testing.assert_array_equal(perturbed, image * np.array(masks)[:, None])


def test_the_map_is_the_mean_of_the_masks_that_were_shown_weighted_by_the_score(recording: RecordingNetwork) -> None:
    images = normal_images() + np.float32(10)  # far from 0, so that what was shown tells the mask
    rise = RISE(recording, nn.Softmax(), 7, masks=20, grid=(2, 3), probability=0.4)
    maps = rise(images, TARGETS)
    shown = np.concatenate(recording.shown[1:]).reshape(3, 20, 2, 5, 7)
    masks = (shown / images[:, None]).mean(axis=2)
    scores = cnn_scores(recording.network, softmax)
    wanted = [slow_rise(scores, image, 0 * image, own, 0.4) for image, own in zip(images, masks, strict=True)]
    np.testing.assert_allclose(maps, of_targets(wanted), **CNN_ROUNDING)


def expected_rise(
    score: Score, image: FloatArray, grid: tuple[int, int], probability: float
) -> tuple[FloatArray, FloatArray]:
    """The mean and the standard deviation of f(I * M) M / P(1) over every grid and every shift, (K, H, W) each."""
    masks, odds = every_rise_mask(image.shape[1:], grid, probability)
    scores = score(image * masks[:, None])
    terms = scores[:, :, None, None] * masks[:, None] / probability
    mean = np.tensordot(odds, terms, 1)
    return mean, np.sqrt(np.tensordot(odds, (terms - mean) ** 2, 1))


LINEAR = (LinearNetwork(WEIGHTS), None, "logit", linear_scores(WEIGHTS))
CNN = (SmallCnn(), nn.Softmax(), "probability", cnn_scores(SmallCnn(), softmax))


@pytest.mark.parametrize(
    ("asked_of", "grid", "probability"),
    [(LINEAR, (2, 2), 0.5), (LINEAR, (3, 2), 0.3), (CNN, (2, 2), 0.3), (CNN, (3, 2), 0.5)],
    ids=["linear", "linear, finer", "cnn", "cnn, finer"],
)
def test_the_mean_over_seeds_is_the_expectation_over_every_mask(
    asked_of: tuple[Any, Any, str, Score], grid: tuple[int, int], probability: float
) -> None:
    network, activation, score, replica = asked_of
    image, label = normal_images(1), 2
    options = {"masks": 200, "grid": grid, "probability": probability, "score": score}
    maps = [RISE(network, activation, 200, seed=seed, **options)(image, label)[0, 0] for seed in range(40)]
    mean, deviation = (of_classes[label] for of_classes in expected_rise(replica, image[0], grid, probability))
    error = deviation / np.sqrt(40 * 200)
    assert error.max() < 0.1 * np.abs(mean).max()
    distance = (np.mean(maps, axis=0) - mean) / error
    # Normal numbers, strongly correlated from pixel to pixel: three standard errors, their mean square near 1.
    assert np.abs(distance).max() < 3
    assert (distance**2).mean() < 3


def mask_products(size: tuple[int, int], grid: tuple[int, int], probability: float) -> FloatArray:
    """E[M_q M_p] in closed form, (H, W, H, W): P(1)^2 + P(1) (1 - P(1)) * the cells that q and p share.

    A mask is R G C^T, of independent cells G and of the shifted rows of two enlargements R and C.
    """
    shared = []
    for pixels, places, cell in zip(size, grid, rise_cell(size, grid), strict=True):
        weights = enlarged(np.eye(places), ((places + 1) * cell, places))
        crops = [weights[shift : shift + pixels] for shift in range(cell + 1)]
        shared.append(np.mean([crop @ crop.T for crop in crops], axis=0))
    return probability**2 + probability * (1 - probability) * np.einsum("ik,jl->ijkl", *shared)


@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_the_mean_for_a_linear_network_is_each_contribution_times_the_mask_it_shares(probability: float) -> None:
    """E[f(I * M) M_p] = sum over q of w_q I_q E[M_q M_p]; too many masks to be enumerated."""
    images, grid = normal_images(2), (3, 4)
    contributions = (WEIGHTS.reshape(4, 1, 2, 5, 7) * images).sum(axis=2)[[2, 1], [0, 1]]
    wanted = np.einsum("nij,ijkl->nkl", contributions, mask_products((5, 7), grid, probability)) / probability
    options = {"masks": 200, "grid": grid, "probability": probability, "score": "logit"}
    network = LinearNetwork(WEIGHTS)
    maps = np.array([RISE(network, None, 200, seed=seed, **options)(images, [2, 1])[:, 0] for seed in range(40)])
    error = maps.std(axis=0, ddof=1) / np.sqrt(40)
    assert error.max() < 0.1 * np.abs(wanted).max()
    distance = (maps.mean(axis=0) - wanted) / error
    # Student's t with 39 degrees of freedom, strongly correlated from pixel to pixel; its mean square is near 1.
    assert np.abs(distance).max() < 3.5
    assert (distance**2).mean() < 3


def test_a_network_that_does_not_look_has_its_score_everywhere() -> None:
    """The score times the mean of the masks over their expectation, which is 1 within four standard errors."""
    network = LinearNetwork(np.zeros((4, 70)))
    maps = RISE(network, nn.Softmax(), 500, masks=2000, grid=3, probability=0.3)(normal_images(1), 1)
    # A pixel's mask has the standard deviation sqrt(0.3 * 0.7) at most.
    np.testing.assert_allclose(maps / 0.25, 1, rtol=0, atol=4 * np.sqrt(0.3 * 0.7 / 2000) / 0.3)


@pytest.mark.parametrize("height_and_width", [(5, 7), (7, 5), (3, 20)])
@pytest.mark.parametrize("grid", [1, 10, (4, 2)])
def test_grids_coarser_and_finer_than_the_image_are_drawn(height_and_width: tuple[int, int], grid: Any) -> None:
    images = np.ones((2, 1, *height_and_width), np.float32)
    images[1] = 2
    weights = np.zeros((2, images[0].size), np.float32)
    weights[1, -1] = 1  # logit 1 is the last pixel: the map is the mean of its mask times theirs
    maps = RISE(LinearNetwork(weights), None, 300, masks=300, grid=grid, score="logit")(images, 1)
    assert (maps[0] <= maps[0, 0, -1, -1] + 1e-6).all()
    # E[M^2] / P(1) lies between P(1), for a mask that is P(1) everywhere, and 1, for a binary one.
    assert 0.4 < maps[0, 0, -1, -1] < 1.2


# What a map depends on.


def rise_maps(seed: int = 5, batch_size: int = 32, order: Any = slice(None), **options: Any) -> FloatArray:
    rise = RISE(SmallCnn(), nn.Softmax(), batch_size, masks=40, grid=(2, 3), seed=seed, **options)
    return rise(normal_images()[order], TARGETS[order])


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.usefixtures("compiled")
def test_the_same_seed_gives_the_same_map_however_many_images_share_a_pass(batch_size: int) -> None:
    np.testing.assert_allclose(rise_maps(batch_size=batch_size), rise_maps(), **CNN_ROUNDING)


@pytest.mark.usefixtures("compiled")
def test_the_same_seed_gives_the_same_map_in_whatever_order_the_images_come() -> None:
    order = [2, 0, 1]
    np.testing.assert_allclose(rise_maps(order=order), rise_maps()[order], **CNN_ROUNDING)
    for place in range(3):
        alone = rise_maps(order=slice(place, place + 1))
        np.testing.assert_allclose(alone[0], rise_maps()[place], **CNN_ROUNDING)


def test_the_same_call_twice_gives_the_same_map() -> None:
    rise = RISE(SmallCnn(), nn.Softmax(), 200, masks=40)
    np.testing.assert_array_equal(rise(normal_images(), TARGETS), rise(normal_images(), TARGETS))


def test_another_seed_gives_another_map() -> None:
    assert np.abs(rise_maps(seed=6) - rise_maps()).max() > 0.01


def test_numpy_s_global_generator_is_left_alone_and_of_no_account() -> None:
    np.random.seed(1)
    before = repr(np.random.get_state())
    first = rise_maps()
    assert repr(np.random.get_state()) == before
    np.random.seed(2)
    np.testing.assert_array_equal(rise_maps(), first)


def test_one_number_one_label_each_and_several_labels_give_the_same_maps() -> None:
    rise, images = RISE(SmallCnn(), nn.Softmax(), 200, masks=40, grid=3), normal_images()
    of_all = rise(images, np.tile(np.arange(4), (3, 1)))
    np.testing.assert_array_equal(rise(images, 2), of_all[:, 2:3])
    np.testing.assert_array_equal(rise(images, [2, 0, 3]), of_all[np.arange(3), [2, 0, 3]][:, None])
    np.testing.assert_array_equal(rise(images, TARGETS), of_all[np.arange(3)[:, None], TARGETS])


# What the network is asked.


@pytest.mark.parametrize("targets", [1, [2, 1, 3], TARGETS, np.tile(np.arange(4), (3, 5))])
@pytest.mark.parametrize("masks", [20, MASKS], ids=["drawn", "given"])
def test_all_labels_come_from_the_same_masks(recording: RecordingNetwork, masks: Any, targets: Any) -> None:
    rise = RISE(recording, nn.Softmax(), 8, masks=masks)
    batches = asked(recording, lambda: rise(normal_images(), targets))
    assert sum(len(batch) for batch in batches) == 3 * (20 if isinstance(masks, int) else len(MASKS))


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_images_share_batches_that_are_full_and_never_too_large(
    recording: RecordingNetwork, count: int, batch_size: int
) -> None:
    rise = RISE(recording, nn.Softmax(), batch_size, masks=10)
    lengths = [len(batch) for batch in asked(recording, lambda: rise(normal_images(count), 1))]
    assert len(lengths) == ceil(10 * count / batch_size)
    assert lengths[:-1] == [batch_size] * (len(lengths) - 1)
    assert lengths[-1] <= batch_size


@pytest.mark.usefixtures("compiled")
def test_memory_does_not_grow_with_the_number_of_masks() -> None:
    network, image = LinearNetwork(np.ones((2, 48 * 48))), np.ones((1, 1, 48, 48), np.float32)
    rise = RISE(network, None, 16, masks=2000, score="logit")
    rise(image, 1)
    tracemalloc.start()
    rise(image, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A batch has 16 masks, and as many images, in a few copies, also in float64; all the masks would be 2000.
    assert peak < 16 * 20 * image.nbytes


# Orthogonal masks, and as many as are needed.


def orthogonal(network: Any, activation: Any, masks: int, grid: Any, **options: Any) -> RISE:
    return RISE(network, activation, 200, masks=masks, grid=grid, sampling="orthogonal", **options)


def test_orthogonal_masks_make_less_noise() -> None:
    found = {
        sampling: RISE(
            SmallCnn(), nn.Softmax(), 256, masks=1024, grid=(2, 3), tolerance=1e-9, sampling=sampling
        ).explained(normal_images(), TARGETS)
        for sampling in ("independent", "orthogonal")
    }
    assert (found["orthogonal"].standard_errors < 0.7 * found["independent"].standard_errors).all()
    assert (found["orthogonal"].standard_errors ** 2).mean() < 0.1 * (found["independent"].standard_errors ** 2).mean()


def test_a_network_that_does_not_look_has_exactly_its_score_everywhere_with_orthogonal_masks() -> None:
    maps = orthogonal(LinearNetwork(np.zeros((4, 70))), nn.Softmax(), 50, 3)(normal_images(1), 1)
    np.testing.assert_allclose(maps, 0.25, rtol=1e-6)


@pytest.mark.parametrize("masks", [64, 200])
def test_the_mean_over_seeds_of_orthogonal_masks_is_the_expectation_over_every_mask(masks: int) -> None:
    network, activation, score, replica = CNN
    image, label = normal_images(1), 2
    maps = np.array(
        [
            orthogonal(network, activation, masks, (3, 2), seed=seed, score=score)(image, label)[0, 0]
            for seed in range(60)
        ]
    )
    mean, deviation = (of_classes[label] for of_classes in expected_rise(replica, image[0], (3, 2), 0.5))
    error = maps.std(axis=0, ddof=1) / np.sqrt(60)
    assert error.max() < 0.5 * deviation.max() / np.sqrt(60 * masks)
    assert (np.abs(maps.mean(axis=0) - mean) < 4 * error + 1e-6).all()


def sure(tolerance: float = 0.004, batch_size: int = 64, **options: Any) -> RISE:
    return RISE(SmallCnn(), nn.Softmax(), batch_size, masks=4096, grid=(2, 3), tolerance=tolerance, **options)


@pytest.mark.parametrize("sampling", ["independent", "orthogonal"])
def test_masks_are_drawn_until_the_standard_error_is_that_asked_for(sampling: str) -> None:
    block = 256 if sampling == "independent" else 16
    tolerance, counts = 0.0025 if sampling == "independent" else 0.002, []
    options = {"grid": (2, 3), "sampling": sampling}
    for image in normal_images():
        recording = RecordingNetwork(SmallCnn())
        rise = RISE(recording, nn.Softmax(), 64, masks=4096, tolerance=tolerance, **options)
        found = rise.explained(image[None], [[0, 2]])
        shown = np.concatenate(recording.shown[1:])  # without the image that finds the number of classes
        whole = RISE(SmallCnn(), nn.Softmax(), masks=len(shown), **options)(image[None], [[0, 2]])
        counts.append(len(shown))
        np.testing.assert_allclose(found.maps, whole, rtol=1e-5, atol=1e-6)
        blocks = [
            RISE(SmallCnn(), nn.Softmax(), masks=count, **options)(image[None], [[0, 2]]).astype(float) * count
            for count in range(block, len(shown) + 1, block)
        ]
        means = np.diff([np.zeros_like(blocks[0]), *blocks], axis=0) / block
        errors = means.std(axis=0, ddof=1) / np.sqrt(len(means))
        np.testing.assert_allclose(found.standard_errors, np.sqrt((errors**2).mean(axis=(2, 3))), rtol=1e-2)
        assert found.standard_errors.max() <= tolerance
        before = means[:-1].std(axis=0, ddof=1) / np.sqrt(len(means) - 1)
        assert len(means) == 4 or np.sqrt((before**2).mean(axis=(2, 3))).max() > tolerance
    assert all(count % block == 0 and 4 * block <= count < 4096 for count in counts)
    assert len(set(counts)) > 1


def test_the_standard_error_is_how_far_maps_of_other_seeds_lie_apart() -> None:
    found = [sure(0.003, 512, sampling="orthogonal", seed=seed).explained(normal_images(1), 1) for seed in range(30)]
    apart = np.std([one.maps for one in found], axis=0, ddof=1)
    told = np.mean([one.standard_errors for one in found])
    assert np.sqrt((apart**2).mean()) == pytest.approx(told, rel=0.3)


def test_where_the_masks_do_not_suffice_all_are_taken_and_the_error_is_told() -> None:
    rise = RISE(SmallCnn(), nn.Softmax(), 64, masks=1100, grid=(2, 3), tolerance=1e-9)
    found = rise.explained(normal_images(1), 1)
    whole = RISE(SmallCnn(), nn.Softmax(), masks=1024, grid=(2, 3))(normal_images(1), 1)
    np.testing.assert_allclose(found.maps, whole, rtol=1e-5)
    assert found.standard_errors is not None and found.standard_errors.item() > 1e-3
    assert RISE(SmallCnn(), nn.Softmax(), masks=40).explained(normal_images(1), 1).standard_errors is None


@pytest.mark.parametrize("sampling", ["independent", "orthogonal"])
def test_a_sure_map_does_not_depend_on_the_batch_or_on_other_images(sampling: str) -> None:
    images = normal_images()
    together = sure(batch_size=64, sampling=sampling).explained(images, TARGETS)
    for place in (2, 0, 1):
        alone = sure(batch_size=7, sampling=sampling).explained(images[place : place + 1], TARGETS[place : place + 1])
        np.testing.assert_allclose(alone.maps[0], together.maps[place], **CNN_ROUNDING)
        assert together.standard_errors is not None and alone.standard_errors is not None
        np.testing.assert_allclose(alone.standard_errors[0], together.standard_errors[place], rtol=1e-3)


def test_the_ways_to_need_fewer_masks_are_recorded_where_they_are_taken() -> None:
    rise = sure(0.02, sampling="orthogonal")
    assert (rise.parameters["sampling"], rise.parameters["tolerance"]) == ("orthogonal", 0.02)
    assert not {"sampling", "tolerance"} & RISE(SmallCnn(), nn.Softmax()).parameters.keys()


# Errors.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masks": 0}, "`masks` must be at least 1, got 0"),
        ({"masks": np.zeros((5, 7))}, r"`masks` must be a number, or masks of shape \(M, H, W\), got shape \(5, 7\)"),
        ({"masks": np.zeros((4, 1, 5, 7))}, r"masks of shape \(M, H, W\), got shape \(4, 1, 5, 7\)"),
        ({"masks": np.zeros((0, 5, 7))}, r"masks of shape \(M, H, W\), got shape \(0, 5, 7\)"),
        ({"masks": np.full((4, 5, 7), 1.5)}, r"`masks` must lie in \[0, 1\], got values in \[1.5, 1.5\]"),
        ({"masks": MASKS - 0.5}, r"`masks` must lie in \[0, 1\], got values in \[-0.4"),
        ({"masks": np.full((4, 5, 7), np.nan)}, "`masks` must be finite"),
        ({"masks": np.zeros((4, 5, 7))}, "`masks` must show something, got zeros alone; 1 shows the image"),
        ({"grid": 0}, "`grid` must be at least 1, got 0"),
        ({"grid": (3, -1)}, r"`grid\[1\]` must be at least 1, got -1"),
        ({"grid": (3, 3, 3)}, r"`grid` must be one number or \(h, w\), got \(3, 3, 3\)"),
        ({"probability": 0.0}, "`probability` must lie between 0 and 1, got 0.0; all masks would be equal"),
        ({"probability": 1}, "`probability` must lie between 0 and 1, got 1; all masks would be equal"),
        ({"probability": -0.1}, r"`probability` must lie in \[0, 1\], got -0.1"),
        ({"probability": 50}, r"`probability` must lie in \[0, 1\], got 50"),
        ({"probability": np.nan}, r"`probability` must lie in \[0, 1\], got nan"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"sampling": "orthogonl"}, "`sampling` must be one of independent, orthogonal, .*; did you mean 'orthogonal'"),
        ({"sampling": "orthogonal", "probability": 0.3}, "`probability` must be 0.5 with orthogonal masks, got 0.3"),
        ({"sampling": "orthogonal", "masks": MASKS}, "`sampling` and `tolerance` are about masks that are drawn"),
        ({"tolerance": 0.1, "masks": MASKS}, "`sampling` and `tolerance` are about masks that are drawn"),
        ({"tolerance": -0.1}, r"`tolerance` must lie in \[0, inf\], got -0.1"),
        ({"tolerance": 0.1, "masks": 1023}, "`masks` must be at least 1024 with a tolerance, got 1023; the error"),
        ({"fill": np.nan}, r"`fill` must lie in \[.*\], got nan"),
        ({"score": "probabilities"}, "`score` must be one of probability, logit, .*; did you mean 'probability'"),
        ({"perturbation_per_eval": 0}, "`perturbation_per_eval` must be at least 1, got 0"),
    ],
)
def test_values_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RISE(SmallCnn(), nn.Softmax(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masks": True}, "`masks` must be a whole number, got bool True"),
        ({"masks": 6000.0}, "`masks` must be a whole number, got float 6000.0"),
        ({"masks": "6000"}, "`masks` must be a whole number, got str '6000'"),
        ({"masks": None}, "`masks` must be a whole number, got NoneType"),
        ({"masks": np.full((4, 5, 7), "1")}, "`masks` must hold numbers, got dtype <U1"),
        ({"masks": np.ones((4, 5, 7), complex)}, "`masks` must hold numbers, got dtype complex128"),
        ({"grid": 2.5}, "`grid` must be a whole number, got float 2.5"),
        ({"grid": (True, 2)}, r"`grid\[0\]` must be a whole number, got bool True"),
        ({"probability": "0.5"}, "`probability` must be a number, got str '0.5'"),
        ({"probability": True}, "`probability` must be a number, got bool True"),
        ({"seed": 1.0}, "`seed` must be a whole number, got float 1.0"),
        ({"seed": None}, "`seed` must be a whole number, got NoneType None"),
        ({"tolerance": "0.1"}, "`tolerance` must be a number, got str '0.1'"),
        ({"perturbation_per_eval": "32"}, "`perturbation_per_eval` must be a whole number, got str '32'"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        RISE(SmallCnn(), nn.Softmax(), **options)


def test_masks_of_another_size_than_the_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`masks` must have the size \(5, 7\) of the images, got \(7, 5\)"):
        RISE(SmallCnn(), nn.Softmax(), masks=np.ones((4, 7, 5)))(normal_images(), 1)


@pytest.mark.parametrize(
    ("masks", "recorded"),
    [
        (40, {"masks": 40, "masks_given": False, "grid": [2, 3], "probability": 0.25, "seed": 7}),
        (MASKS, {"masks": 11, "masks_given": True, "masks_mean": pytest.approx(mean_of(MASKS), rel=1e-12)}),
    ],
    ids=["drawn", "given"],
)
def test_what_was_asked_for_is_recorded(masks: Any, recorded: dict[str, Any]) -> None:
    rise = RISE(SmallCnn(), nn.Softmax(), masks=masks, grid=(2, 3), probability=0.25, seed=7, fill=[0.5, 1])
    assert rise.parameters == {"class": "RISE", **recorded, "fill": [0.5, 1.0], "score": "probability"}
