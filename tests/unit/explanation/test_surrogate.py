"""KernelSHAP against Shapley values by permutations, LIME against scikit-learn's ridge regression."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import ceil
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import (
    TARGETS,
    RecordingNetwork,
    Score,
    asked,
    cnn_scores,
    mirrored,
    normal_images,
    of_targets,
    sigmoid,
    softmax,
    whole_numbers,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics.pairwise import cosine_distances

from explainer.explanation import LIME, Attribution, KernelSHAP

FloatArray = NDArray[Any]

WEIGHTS = whole_numbers(4, 70, seed=1)
IMAGES = whole_numbers(3, 2, 5, 7, seed=2)
# Images of 5 x 7 in a grid of 2 x 3.
GRID = (2, 3)
CELLS = np.array([[0, 0, 0, 1, 1, 2, 2]] * 3 + [[3, 3, 3, 4, 4, 5, 5]] * 2)
# A regression over some 100 scores that float32 rounds by some 1e-7 (probabilities) or 1e-6 (logits).
CNN_ROUNDING = {"rtol": 1e-4, "atol": 5e-6}
# Whole numbers below 1000 are exact in float32; the regression is in float64, the map is rounded to float32.
LINEAR_ROUNDING = {"rtol": 1e-6, "atol": 1e-5}
SURROGATES = [LIME, KernelSHAP]


def values(maps: FloatArray, cells: FloatArray = CELLS) -> FloatArray:
    """What each cell adds, (..., cells), from maps (..., H, W) that say the same everywhere in a cell."""
    in_cells = [maps[..., cells == cell] for cell in range(cells.max() + 1)]
    assert all((in_cell == in_cell[..., :1]).all() for in_cell in in_cells)
    return np.stack([in_cell[..., 0] for in_cell in in_cells], axis=-1)


def cells_of(size: tuple[int, int], grid: tuple[int, int]) -> FloatArray:
    """Pixels in rows and columns of cells, the first ones larger where they do not share out."""
    rows, columns = (
        np.concatenate([np.full(ceil((pixels - place) / places), place) for place in range(places)])
        for pixels, places in zip(size, grid, strict=True)
    )
    return rows[:, None] * grid[1] + columns


def linear_contributions(filled: Any, cells: FloatArray) -> FloatArray:
    """What each cell adds to the logits of TARGETS, (N, L, cells)."""
    pixels = (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * (IMAGES - filled)[:, None]).sum(axis=2)
    return np.stack([pixels[..., cells == cell].sum(axis=-1) for cell in range(cells.max() + 1)], axis=-1)


def show(image: FloatArray, filled: FloatArray, shown: Any) -> FloatArray:
    """The image where the cell is among those shown, the fill elsewhere."""
    return np.where(np.isin(CELLS, list(shown)), image, filled)


def shapley_values(score: Score, image: FloatArray, filled: FloatArray) -> FloatArray:
    """Each cell's mean effect over all orders in which the cells are shown one after another, (K, cells)."""
    known: dict[frozenset[int], FloatArray] = {}

    def worth(shown: frozenset[int]) -> FloatArray:
        if shown not in known:
            known[shown] = score(show(image, filled, shown)[None])[0]
        return known[shown]

    effects: dict[int, list[FloatArray]] = {cell: [] for cell in range(6)}
    for order in permutations(range(6)):
        for place, cell in enumerate(order):
            before = frozenset(order[:place])
            effects[cell].append(worth(before | {cell}) - worth(before))
    return np.stack([np.mean(effects[cell], axis=0) for cell in range(6)], axis=1)


@pytest.fixture
def recording() -> RecordingNetwork:
    return RecordingNetwork(SmallCnn())


def coalitions(recording: RecordingNetwork, images: FloatArray, samples: int) -> FloatArray:
    """Which cells the network was shown of each image, (N, samples, cells), by what it was shown; fill 0."""
    perturbed = np.concatenate(recording.shown[1:]).reshape(len(images), samples, *images.shape[1:])
    shown = perturbed == images[:, None]
    assert (shown | (perturbed == 0)).all()
    return values(shown.all(axis=2))


# KernelSHAP.


@pytest.mark.parametrize(
    ("activation", "replica", "score"),
    [
        (nn.Softmax(), softmax, "probability"),
        (nn.Sigmoid(), sigmoid, "probability"),
        (None, lambda logits: logits, "logit"),
    ],
    ids=["softmax", "sigmoid", "logit"],
)
@pytest.mark.parametrize("fill", [0.0, [1.5, -0.5], mirrored], ids=["zero", "per channel", "function"])
def test_with_every_set_of_cells_the_values_are_shapley_s(
    activation: Any, replica: Score, score: str, fill: Any
) -> None:
    network, images = SmallCnn(), normal_images()
    filled = fill(images) if callable(fill) else np.reshape(fill, (1, -1, 1, 1)) * np.ones(images.shape)
    scores = cnn_scores(network, replica)
    wanted = of_targets([shapley_values(scores, *pair) for pair in zip(images, filled, strict=True)])
    maps = KernelSHAP(network, activation, grid=GRID, samples=64, fill=fill, score=score)(images, TARGETS)
    np.testing.assert_allclose(values(maps), wanted, **CNN_ROUNDING)


def test_two_cells_share_what_they_do_together() -> None:
    # worths 0, f(1) = 2, f(2) = 0, f(both) = 9 by a ReLU: each adds its own and half of the 7 that only both make
    hidden = nn.Dense(2, 2, weight_init=Tensor([[2.0, 0], [7, 7]]), bias_init=Tensor([0.0, -7]))
    network = nn.SequentialCell(nn.Flatten(), hidden, nn.ReLU(), nn.Dense(2, 2, weight_init=Tensor([[0.0, 0], [1, 1]])))
    shap = KernelSHAP(network, None, grid=(1, 2), score="logit")
    np.testing.assert_allclose(shap(np.ones((1, 1, 1, 2), np.float32), 1), [[[[5.5, 3.5]]]], rtol=1e-6)


@pytest.mark.parametrize("samples", [64, 1000])
def test_every_set_of_cells_is_shown_once_where_the_samples_allow(recording: RecordingNetwork, samples: int) -> None:
    images = normal_images()
    KernelSHAP(recording, nn.Softmax(), 32, grid=GRID, samples=samples)(images, 1)
    for shown in coalitions(recording, images, 64):
        assert len({tuple(row) for row in shown}) == 64


@pytest.mark.parametrize(("samples", "count"), [(63, 62), (62, 62), (40, 40)])
def test_else_pairs_of_a_set_and_its_complement_are_shown_beside_the_whole_image_and_the_fill(
    recording: RecordingNetwork, samples: int, count: int
) -> None:
    images = normal_images()
    KernelSHAP(recording, nn.Softmax(), 32, grid=GRID, samples=samples)(images, 1)
    for shown in coalitions(recording, images, count).astype(int):
        found = sorted(shown.tolist())
        assert found == sorted((1 - shown).tolist())
        assert found[0] == [0] * 6
        assert found[1] != [0] * 6


def test_sets_are_drawn_from_the_shapley_kernel(recording: RecordingNetwork) -> None:
    images = normal_images(1)
    KernelSHAP(recording, nn.Softmax(), 4000, grid=(3, 4), samples=4000, seed=1)(images, 1)
    perturbed = np.concatenate(recording.shown[1:])[2:]
    shown = values((perturbed == images).all(axis=1), cells_of((5, 7), (3, 4)))
    sizes = np.arange(1, 12)
    odds = 1 / (sizes * (12 - sizes))
    wanted = len(shown) * odds / odds.sum()
    found = np.bincount(shown.sum(axis=1), minlength=12)[1:]
    # Drawn in pairs, a set and its complement: twice the variance of a count, four standard errors.
    assert (np.abs(found - wanted) < 4 * np.sqrt(2 * wanted)).all()
    assert np.abs(shown.mean(axis=0) - 0.5).max() == 0
    of_size_one = shown[shown.sum(axis=1) == 1].sum(axis=0)
    share = of_size_one.sum() / 12
    assert (np.abs(of_size_one - share) < 4 * np.sqrt(share)).all()


@pytest.mark.parametrize("samples", [30, 62, 64], ids=["few", "drawn", "exact"])
@pytest.mark.parametrize("fill", [0.0, [1.5, -0.5]])
def test_the_values_sum_to_the_score_of_the_image_less_that_of_the_fill(samples: int, fill: Any) -> None:
    network, images = SmallCnn(), normal_images()
    maps = KernelSHAP(network, nn.Softmax(), grid=GRID, samples=samples, fill=fill)(images, TARGETS)
    filled = np.reshape(fill, (1, -1, 1, 1)) * np.ones(images.shape)
    scores = cnn_scores(network, softmax)
    wanted = np.take_along_axis(scores(images) - scores(filled), TARGETS, axis=1)
    np.testing.assert_allclose(values(maps).sum(axis=-1), wanted, **CNN_ROUNDING)


@pytest.mark.parametrize("grid", [(2, 3), (3, 4), (5, 7)])
@pytest.mark.parametrize("fill", [0.0, [0.5, -1], mirrored], ids=["zero", "per channel", "function"])
def test_drawn_sets_give_the_exact_contributions_of_a_linear_network(grid: tuple[int, int], fill: Any) -> None:
    filled = fill(IMAGES) if callable(fill) else np.reshape(fill, (1, -1, 1, 1))
    cells = cells_of((5, 7), grid)
    samples = {(2, 3): 40, (3, 4): 200, (5, 7): 500}[grid]
    shap = KernelSHAP(LinearNetwork(WEIGHTS), None, 500, grid=grid, samples=samples, fill=fill, score="logit")
    wanted = linear_contributions(filled, cells)
    np.testing.assert_allclose(values(shap(IMAGES, TARGETS), cells), wanted, **LINEAR_ROUNDING)


def test_drawn_sets_come_closer_to_the_exact_values_the_more_there_are() -> None:
    network, images, grid = SmallCnn(), normal_images(), (3, 3)

    def shapley(samples: int, seed: int = 0) -> FloatArray:
        return KernelSHAP(network, nn.Softmax(), 512, grid=grid, samples=samples, seed=seed)(images, TARGETS)

    exact = shapley(512)
    errors = {
        samples: np.sqrt(np.mean([(shapley(samples, seed) - exact) ** 2 for seed in range(8)]))
        for samples in (30, 120, 480)
    }
    # Four times the samples should halve the error; 8 seeds, 3 images and 2 labels tell it to some tenths.
    assert errors[120] < 0.65 * errors[30]
    assert errors[480] < 0.65 * errors[120]
    assert errors[480] < 0.1 * np.abs(exact).max()


def test_drawn_sets_are_right_on_average() -> None:
    network, images, grid = SmallCnn(), normal_images(1), (3, 3)
    exact = KernelSHAP(network, nn.Softmax(), 512, grid=grid, samples=512)(images, 2)
    cells = cells_of((5, 7), grid)
    drawn = [KernelSHAP(network, nn.Softmax(), 200, grid=grid, samples=200, seed=seed)(images, 2) for seed in range(25)]
    found = np.array([values(maps[0, 0], cells) for maps in drawn])
    error = found.std(axis=0, ddof=1) / np.sqrt(25)
    # Nine values: four standard errors, beside a bias of the order of the error squared.
    assert (np.abs(found.mean(axis=0) - values(exact[0, 0], cells)) < 4 * error).all()


@pytest.mark.parametrize(("grid", "samples"), [((2, 3), 11), ((3, 4), 23), ((5, 7), 69)])
def test_fewer_samples_than_there_are_values_are_refused(grid: tuple[int, int], samples: int) -> None:
    with pytest.raises(ValueError, match=rf"`samples` must .*got {samples}; with fewer the values are not determined"):
        KernelSHAP(SmallCnn(), nn.Softmax(), grid=grid, samples=samples)


@pytest.mark.parametrize(("grid", "samples"), [((1, 3), 6), ((2, 3), 12), ((3, 4), 24), ((3, 4), 31), ((5, 7), 70)])
@pytest.mark.parametrize("seed", range(8))
def test_few_samples_still_determine_the_values(grid: tuple[int, int], samples: int, seed: int) -> None:
    """Sets that come twice, or are sums of others, tell nothing new: with the fewest samples most draws fail."""
    cells = cells_of((5, 7), grid)
    shap = KernelSHAP(LinearNetwork(WEIGHTS), None, 300, grid=grid, samples=samples, seed=seed, score="logit")
    # The fewest equations may be ill-conditioned: some digits of float64 are lost, none of the map's float32.
    np.testing.assert_allclose(values(shap(IMAGES, TARGETS), cells), linear_contributions(0, cells), **LINEAR_ROUNDING)


def test_two_cells_need_four_samples_and_no_more() -> None:
    image = np.float32([[[[10, 20]]]])
    shap = KernelSHAP(LinearNetwork(np.float32([[0, 0], [1, 3]])), None, grid=(1, 2), samples=4, score="logit")
    np.testing.assert_allclose(shap(image, 1), [[[[10, 60]]]], rtol=1e-6)


# LIME.


@pytest.mark.parametrize("width", [0.25, 1.0])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("score", ["probability", "logit"])
def test_lime_is_the_ridge_regression_of_the_score_on_the_cells_shown(
    recording: RecordingNetwork, width: float, penalty: float, score: str
) -> None:
    images = normal_images()
    options = {"grid": GRID, "samples": 50, "width": width, "penalty": penalty, "score": score}
    maps = LIME(recording, nn.Softmax(), 32, **options)(images, TARGETS)
    shown = coalitions(recording, images, 50).astype(float)
    scores = cnn_scores(recording.network, softmax if score == "probability" else lambda logits: logits)
    for image, labels, features, found in zip(images, TARGETS, shown, values(maps), strict=True):
        said = scores(np.array([show(image, 0 * image, np.flatnonzero(row)) for row in features]))[:, labels]
        weights = np.exp(-(cosine_distances(features, np.ones((1, 6)))[:, 0] ** 2) / width**2)
        model = Ridge(alpha=penalty) if penalty else LinearRegression()
        wanted = model.fit(features, said, sample_weight=weights).coef_
        np.testing.assert_allclose(found, wanted, **CNN_ROUNDING)


def test_the_defaults_are_those_of_the_paper_s_code() -> None:
    network, images = SmallCnn(), normal_images()
    spelled_out = LIME(network, nn.Softmax(), 500, width=0.25, penalty=1.0, fill=0.0, seed=0, samples=1000, grid=(2, 3))
    np.testing.assert_array_equal(LIME(network, nn.Softmax(), 500, grid=GRID)(images, 1), spelled_out(images, 1))


@pytest.mark.parametrize("grid", [(2, 3), (3, 4), (1, 7), (5, 1)])
@pytest.mark.parametrize("fill", [0.0, [0.5, -1], mirrored], ids=["zero", "per channel", "function"])
def test_without_a_penalty_lime_gives_the_contributions_of_a_linear_network(grid: tuple[int, int], fill: Any) -> None:
    filled = fill(IMAGES) if callable(fill) else np.reshape(fill, (1, -1, 1, 1))
    cells = cells_of((5, 7), grid)
    lime = LIME(LinearNetwork(WEIGHTS), None, 300, grid=grid, samples=300, fill=fill, score="logit", penalty=0)
    wanted = linear_contributions(filled, cells)
    np.testing.assert_allclose(values(lime(IMAGES, TARGETS), cells), wanted, **LINEAR_ROUNDING)


def test_a_penalty_without_end_leaves_nothing() -> None:
    lime = LIME(LinearNetwork(WEIGHTS), None, 300, grid=GRID, samples=300, score="logit", penalty=1e12)
    assert np.abs(lime(IMAGES, TARGETS)).max() < 1e-6


def test_lime_shows_the_image_the_fill_and_then_each_cell_every_other_time(recording: RecordingNetwork) -> None:
    images = normal_images()
    LIME(recording, nn.Softmax(), 500, grid=GRID, samples=1000)(images, 1)
    shown = coalitions(recording, images, 1000)
    assert shown[:, 0].all()
    assert not shown[:, 1].any()
    # 998 draws of 1/2: a standard error of 0.016 each, four of them; two cells agree every other time, too.
    drawn = shown[:, 2:]
    assert np.abs(drawn.mean(axis=1) - 0.5).max() < 0.064
    together = [(drawn[..., [i]] == drawn[..., i + 1 :]).mean(axis=1) for i in range(5)]
    assert np.abs(np.concatenate(together, axis=-1) - 0.5).max() < 0.064
    assert (drawn[0] != drawn[1]).any()


# Both.


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize("grid", [(2, 3), (3, 2), (5, 7), (1, 4), (4, 1)])
def test_a_map_says_the_same_everywhere_in_a_cell(method: type[Attribution], grid: tuple[int, int]) -> None:
    maps = method(SmallCnn(), nn.Softmax(), 200, grid=grid, samples=200)(normal_images(), TARGETS)
    found = values(maps, cells_of((5, 7), grid))
    assert (np.ptp(found, axis=-1) > 0).all()


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize("targets", [1, [2, 1, 3], TARGETS, np.tile(np.arange(4), (3, 5))])
def test_all_labels_come_from_the_same_passes(
    recording: RecordingNetwork, method: type[Attribution], targets: Any
) -> None:
    surrogate = method(recording, nn.Softmax(), 8, grid=GRID, samples=40)
    batches = asked(recording, lambda: surrogate(normal_images(), targets))
    assert sum(len(batch) for batch in batches) == 3 * 40


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("batch_size", [7, 32])
def test_images_share_batches_that_are_full_and_never_too_large(
    recording: RecordingNetwork, method: type[Attribution], count: int, batch_size: int
) -> None:
    surrogate = method(recording, nn.Softmax(), batch_size, grid=GRID, samples=20)
    lengths = [len(batch) for batch in asked(recording, lambda: surrogate(normal_images(count), 1))]
    assert len(lengths) == ceil(20 * count / batch_size)
    assert lengths[:-1] == [batch_size] * (len(lengths) - 1)
    assert lengths[-1] <= batch_size


@pytest.mark.parametrize("method", SURROGATES)
def test_one_number_one_label_each_and_several_labels_give_the_same_maps(method: type[Attribution]) -> None:
    surrogate, images = method(SmallCnn(), nn.Softmax(), 40, grid=GRID, samples=40), normal_images()
    of_all = surrogate(images, np.tile(np.arange(4), (3, 1)))
    # A regression of four labels at once may sum in another order than one of each: float64.
    same = {"rtol": 1e-6, "atol": 1e-9}
    np.testing.assert_allclose(surrogate(images, 2), of_all[:, 2:3], **same)
    np.testing.assert_allclose(surrogate(images, [2, 0, 3]), of_all[np.arange(3), [2, 0, 3]][:, None], **same)
    np.testing.assert_allclose(surrogate(images, TARGETS), of_all[np.arange(3)[:, None], TARGETS], **same)


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.usefixtures("compiled")
def test_the_same_seed_gives_the_same_map_however_many_images_share_a_pass(
    method: type[Attribution], batch_size: int
) -> None:
    options = {"grid": GRID, "samples": 40, "seed": 5}
    network, images, order = SmallCnn(), normal_images(), [2, 0, 1]
    wanted = method(network, nn.Softmax(), **options)(images, TARGETS)
    maps = method(network, nn.Softmax(), batch_size, **options)(images[order], TARGETS[order])
    np.testing.assert_allclose(maps, wanted[order], **CNN_ROUNDING)


@pytest.mark.parametrize("method", SURROGATES)
def test_another_seed_gives_another_map(method: type[Attribution]) -> None:
    maps = [method(SmallCnn(), nn.Softmax(), grid=GRID, samples=40, seed=seed)(normal_images(), 1) for seed in (5, 6)]
    assert np.abs(maps[0] - maps[1]).max() > 1e-3


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize("grid", [(6, 2), (2, 8), 7])
def test_a_grid_finer_than_the_image_is_refused_when_the_image_comes(method: type[Attribution], grid: Any) -> None:
    surrogate = method(SmallCnn(), nn.Softmax(), grid=grid)
    with pytest.raises(ValueError, match=r"`grid` must be no finer than the image of 5 x 7, got \("):
        surrogate(normal_images(), 1)


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": 1}, r"`grid` must have two cells or more, got \(1, 1\); one cell is the whole image"),
        ({"grid": (1, 1)}, r"`grid` must have two cells or more, got \(1, 1\)"),
        ({"grid": (2, 0)}, r"`grid\[1\]` must be at least 1, got 0"),
        ({"grid": (2, 3, 4)}, r"`grid` must be one number or \(h, w\)"),
        ({"samples": 1}, "`samples` must be at least 2, got 1"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"fill": np.nan}, r"`fill` must lie in \[.*\], got nan"),
        ({"score": "logits"}, "`score` must be one of probability, logit, got 'logits'; did you mean 'logit'"),
        ({"perturbation_per_eval": 0}, "`perturbation_per_eval` must be at least 1, got 0"),
    ],
)
def test_values_that_make_no_sense_are_refused(
    method: type[Attribution], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        method(SmallCnn(), nn.Softmax(), **options)


@pytest.mark.parametrize("method", SURROGATES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": 2.0}, "`grid` must be a whole number, got float 2.0"),
        ({"grid": (True, 2)}, r"`grid\[0\]` must be a whole number, got bool True"),
        ({"samples": 1e3}, "`samples` must be a whole number, got float 1000.0"),
        ({"samples": "all"}, "`samples` must be a whole number, got str 'all'"),
        ({"seed": True}, "`seed` must be a whole number, got bool True"),
        ({"perturbation_per_eval": 1.0}, "`perturbation_per_eval` must be a whole number, got float 1.0"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused(
    method: type[Attribution], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        method(SmallCnn(), nn.Softmax(), **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"width": 0}, ValueError, r"`width` must lie in \[.*\], got 0"),
        ({"width": -0.25}, ValueError, r"`width` must lie in \[.*\], got -0.25"),
        ({"width": np.nan}, ValueError, r"`width` must lie in \[.*\], got nan"),
        ({"width": "0.25"}, TypeError, "`width` must be a number, got str '0.25'"),
        ({"penalty": -1}, ValueError, r"`penalty` must lie in \[.*\], got -1"),
        ({"penalty": np.inf}, ValueError, r"`penalty` must lie in \[.*\], got inf"),
        ({"penalty": True}, TypeError, "`penalty` must be a number, got bool True"),
        ({"penalty": None}, TypeError, "`penalty` must be a number, got NoneType None"),
    ],
)
def test_a_kernel_or_penalty_that_makes_no_sense_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LIME(SmallCnn(), nn.Softmax(), **options)


@pytest.mark.parametrize("method", SURROGATES)
def test_a_probability_needs_an_activation(method: type[Attribution]) -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore.nn.Cell, got None"):
        method(SmallCnn(), None)


@pytest.mark.parametrize(("method", "own"), [(KernelSHAP, {}), (LIME, {"width": 0.5, "penalty": 2.0})])
def test_what_was_asked_for_is_recorded(method: Callable[..., Attribution], own: dict[str, float]) -> None:
    surrogate = method(SmallCnn(), nn.Softmax(), grid=(2, 3), samples=50, seed=7, fill=1, name="mine", **own)
    assert surrogate.name == "mine"
    assert surrogate.parameters == {
        "class": method.__name__,
        "grid": [2, 3],
        "samples": 50,
        "seed": 7,
        "fill": 1.0,
        "score": "probability",
        **own,
    }
