"""Dropout, ensembles and changed images: slow replicas of the draws, closed forms, and the doors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, NormalisedCnn, SmallCnn, random_weights
from numpy.typing import NDArray
from replicas import RecordingNetwork, cnn_scores, normal_images, sigmoid, softmax

from explainer.errors import BadSampleError, NetworkOutputError, NoDropoutError
from explainer.streams import sample_stream
from explainer.testing.networks import FailingNetwork
from explainer.uncertainty import (
    AugmentationUncertainty,
    DropoutUncertainty,
    EnsembleUncertainty,
    Estimate,
    Uncertainty,
)
from explainer.uncertainty.posterior import entropies_of, interval_of

FloatArray = NDArray[Any]
Augmentation = Callable[[FloatArray, np.random.Generator], FloatArray]
IMAGES = normal_images()
PIXELS = np.random.default_rng(1).uniform(0.3, 0.6, (3, 2, 5, 7)).astype(np.float32)
ROUNDING: dict[str, Any] = {"rtol": 0, "atol": 1e-6}  # float32 sums against float64 ones, of probabilities


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling takes seconds, and a compiled network does not remember what it was shown."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


def passed_through() -> nn.Cell:
    """A "network" whose probabilities, with nn.Identity, are the pixels: (N, 70) for images (2, 5, 7)."""
    return LinearNetwork(np.eye(70))


def ensemble_of(network: nn.Cell, activation: Any, **options: Any) -> EnsembleUncertainty:
    return EnsembleUncertainty([network, SmallCnn(seed=10), SmallCnn(seed=20)], activation, **options)


def dropout_of(network: nn.Cell, activation: Any, **options: Any) -> DropoutUncertainty:
    return DropoutUncertainty(network, activation, **{"draws": 6, **options})


def augmentation_of(network: nn.Cell, activation: Any, **options: Any) -> AugmentationUncertainty:
    return AugmentationUncertainty(network, activation, **{"augment": "noise", "draws": 6, **options})


WAYS: dict[str, Callable[..., Uncertainty]] = {
    "dropout": dropout_of,
    "ensemble": ensemble_of,
    "augmentation": augmentation_of,
}
every_way = pytest.mark.parametrize("way", WAYS)
with_seed = pytest.mark.parametrize("way", ["dropout", "augmentation"])


def numbers_of(estimate: Estimate) -> list[FloatArray]:
    return [*estimate[:4], *estimate.entropies]


def assert_same(found: Estimate, wanted: Estimate) -> None:
    for part, other in zip(numbers_of(found), numbers_of(wanted), strict=True):
        np.testing.assert_allclose(part, other, **ROUNDING)


def part_of(estimate: Estimate, rows: Any) -> list[FloatArray]:
    return [part[rows] for part in numbers_of(estimate)]


# From draws to an estimate.


class GivenDraws(Uncertainty):
    """Gives the draws that it was given, and remembers what it was asked."""

    method = "given"

    def __init__(self, given: FloatArray, interval: str = "beta") -> None:
        super().__init__(interval)
        self.given = given
        self.asked: list[FloatArray] = []

    def _parameters(self) -> dict[str, Any]:
        return {"count": len(self.given)}

    def _draws(self, images: FloatArray) -> FloatArray:
        self.asked.append(images)
        return self.given


@pytest.mark.parametrize("kind", ["beta", "quantile"])
def test_an_estimate_is_what_the_draws_say(kind: str) -> None:
    draws = np.random.default_rng(2).dirichlet(np.ones(4), (7, 3)).astype(np.float32)
    found = GivenDraws(draws, kind)(IMAGES)
    low, high, deviation = interval_of(draws, kind)
    wanted = Estimate(draws.astype(np.float64).sum(axis=0) / 7, deviation, low, high, entropies_of(draws))
    for part, other in zip(numbers_of(found), numbers_of(wanted), strict=True):
        assert part.dtype == np.float64
        np.testing.assert_allclose(part, other, rtol=1e-12)


def test_the_mean_of_many_draws_is_not_rounded_like_a_sum_of_float32() -> None:
    draws = np.full((100_000, 1, 1), 0.1, np.float32)
    assert GivenDraws(draws)(IMAGES[:1]).mean[0, 0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_beta_and_quantile_intervals_differ() -> None:
    draws = np.random.default_rng(2).dirichlet(np.ones(4), (7, 3))
    assert (GivenDraws(draws, "beta")(IMAGES).low != GivenDraws(draws, "quantile")(IMAGES).low).all()


def test_parameters_name_the_method_the_interval_and_the_settings() -> None:
    assert GivenDraws(np.ones((3, 1, 1)), "quantile").parameters == {
        "method": "given",
        "interval": "quantile",
        "count": 3,
    }
    assert DropoutUncertainty(SmallCnn(), nn.Softmax(), seed=4, draws=9).parameters == {
        "method": "dropout",
        "interval": "beta",
        "draws": 9,
        "seed": 4,
    }
    assert EnsembleUncertainty([SmallCnn(), SmallCnn()], nn.Softmax(), interval="quantile").parameters == {
        "method": "ensemble",
        "interval": "quantile",
        "networks": 2,
    }


def test_fifty_draws_of_seed_zero_are_the_default() -> None:
    assert DropoutUncertainty(SmallCnn(), nn.Softmax()).parameters == {
        "method": "dropout",
        "interval": "beta",
        "draws": 50,
        "seed": 0,
    }
    assert AugmentationUncertainty(SmallCnn(), nn.Softmax()).parameters == {
        "method": "augmentation",
        "interval": "beta",
        "augment": "shift",
        "draws": 50,
        "seed": 0,
    }


# Inputs.


def test_images_arrive_as_float32_whatever_they_were() -> None:
    for given in (IMAGES, Tensor(IMAGES), IMAGES.astype(np.float64), IMAGES.tolist()):
        uncertainty = GivenDraws(np.full((2, 3, 4), 0.25))
        uncertainty(given)
        uncertainty.draws(given)
        for asked in uncertainty.asked:
            assert asked.dtype == np.float32
            np.testing.assert_array_equal(asked, IMAGES)


@every_way
def test_a_tensor_gives_what_its_array_gives(way: str) -> None:
    uncertainty = WAYS[way](SmallCnn(), nn.Softmax())
    assert_same(uncertainty(Tensor(IMAGES)), uncertainty(IMAGES))


@every_way
@pytest.mark.parametrize("given", [IMAGES[0], IMAGES[None], IMAGES[:0]], ids=["one image", "five axes", "none"])
def test_what_is_no_batch_of_images_is_refused(way: str, given: FloatArray) -> None:
    uncertainty = WAYS[way](SmallCnn(), nn.Softmax())
    for ask in (uncertainty, uncertainty.draws):
        with pytest.raises(ValueError, match="`inputs` must"):
            ask(given)


@every_way
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_that_is_not_finite_is_refused_by_its_place(way: str, value: float) -> None:
    images = IMAGES.copy()
    images[1, 0, 2, 3] = value
    with pytest.raises(BadSampleError, match="`inputs` must be finite, got NaN or infinity in sample 1 of 3"):
        WAYS[way](SmallCnn(), nn.Softmax())(images)


@every_way
def test_images_that_are_no_numbers_are_refused(way: str) -> None:
    with pytest.raises(TypeError, match="`inputs` must hold numbers"):
        WAYS[way](SmallCnn(), nn.Softmax())(np.full((3, 2, 5, 7), "a"))


# What every way promises.


@every_way
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_estimates_do_not_depend_on_the_batch_size(way: str, batch_size: int) -> None:
    whole = WAYS[way](SmallCnn(), nn.Softmax(), batch_size=100)(IMAGES)
    assert_same(WAYS[way](SmallCnn(), nn.Softmax(), batch_size=batch_size)(IMAGES), whole)


@every_way
def test_estimates_do_not_depend_on_whether_the_network_is_compiled(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = WAYS[way](SmallCnn(), nn.Softmax())(IMAGES)
    monkeypatch.setenv("EXPLAINER_COMPILE", "on")
    assert_same(WAYS[way](SmallCnn(), nn.Softmax(), batch_size=1)(IMAGES), wanted)


@every_way
@pytest.mark.parametrize("network", [SmallCnn, NormalisedCnn])
def test_the_estimate_of_an_image_does_not_depend_on_the_images_beside_it(
    way: str, network: Callable[[], nn.Cell]
) -> None:
    uncertainty = WAYS[way](network(), nn.Softmax(), batch_size=4)
    whole = uncertainty(IMAGES)
    for rows in ([0], [2], [2, 0, 1], [1, 1]):
        for part, other in zip(numbers_of(uncertainty(IMAGES[rows])), part_of(whole, rows), strict=True):
            np.testing.assert_allclose(part, other, **ROUNDING)


@every_way
def test_the_same_question_has_the_same_answer(way: str) -> None:
    uncertainty = WAYS[way](SmallCnn(), nn.Softmax())
    np.random.seed(1)
    first = uncertainty.draws(IMAGES)
    np.random.seed(2)
    np.testing.assert_array_equal(uncertainty.draws(IMAGES), first)
    np.testing.assert_array_equal(WAYS[way](SmallCnn(), nn.Softmax()).draws(IMAGES), first)


@with_seed
def test_another_seed_gives_other_draws(way: str) -> None:
    first, second = (WAYS[way](SmallCnn(), nn.Softmax(), seed=seed).draws(IMAGES) for seed in (0, 1))
    assert (np.abs(first - second).max(axis=2) > 1e-5).all()


@with_seed
def test_every_draw_is_another_one_and_fewer_are_the_first_of_more(way: str) -> None:
    draws = WAYS[way](TwiceDropped(), nn.Softmax(), draws=8).draws(IMAGES)
    assert draws.shape == (8, 3, 4)
    for n in range(3):
        assert len(np.unique(draws[:, n], axis=0)) == 8
    np.testing.assert_allclose(WAYS[way](TwiceDropped(), nn.Softmax(), draws=3).draws(IMAGES), draws[:3], **ROUNDING)


@every_way
def test_the_interval_that_was_asked_for_is_given(way: str) -> None:
    beta, quantile = (WAYS[way](SmallCnn(), nn.Softmax(), interval=kind) for kind in ("beta", "quantile"))
    draws = beta.draws(IMAGES)
    for uncertainty, kind in ((beta, "beta"), (quantile, "quantile")):
        assert uncertainty.parameters["interval"] == kind
        np.testing.assert_allclose(uncertainty(IMAGES)[1:4], np.array(interval_of(draws, kind))[[2, 0, 1]], rtol=1e-6)


@every_way
def test_no_pass_shows_more_images_than_a_batch(way: str) -> None:
    network = RecordingNetwork(SmallCnn())
    WAYS[way](network, nn.Softmax(), batch_size=2)(IMAGES)
    assert max(len(shown) for shown in network.shown) == 2


@every_way
def test_the_images_that_are_given_are_not_changed(way: str) -> None:
    images = IMAGES.copy()
    WAYS[way](SmallCnn(), nn.Softmax())(images)
    np.testing.assert_array_equal(images, IMAGES)


# The network is borrowed.


def observed(network: nn.Cell) -> dict[str, Any]:
    """Classes, flags and the bytes of all parameters, batch norm's statistics among them."""
    cells = {
        name: (type(cell), cell.training, cell.requires_grad, cell.phase) for name, cell in network.cells_and_names()
    }
    values = {
        name: (id(parameter), parameter.requires_grad, parameter.asnumpy().tobytes())
        for name, parameter in network.parameters_and_names()
    }
    return {"cells": cells, "values": values}


def half_trained(network: nn.Cell) -> nn.Cell:
    network.set_train(True)
    network.dropout.set_train(False)
    network.fc.weight.requires_grad = False
    network(Tensor(IMAGES))  # a first pass, in which MindSpore gives parameters their storage
    return network


@every_way
@pytest.mark.parametrize("network", [SmallCnn, NormalisedCnn])
def test_the_network_comes_back_as_it_was(way: str, network: Callable[[], nn.Cell]) -> None:
    given = half_trained(network())
    before = observed(given)
    WAYS[way](given, nn.Softmax())(IMAGES)
    assert observed(given) == before


@every_way
@pytest.mark.parametrize("good_calls", [0, 1, 2])
def test_a_network_that_raises_in_the_middle_comes_back_as_it_was(way: str, good_calls: int) -> None:
    network = FailingNetwork(half_trained(NormalisedCnn()), good_calls)
    before = observed(network)
    uncertainty = WAYS[way](network, nn.Softmax(), batch_size=1)
    with pytest.raises(RuntimeError, match="failed on purpose"):
        uncertainty(IMAGES)
    assert network.calls == good_calls + 1
    assert observed(network) == before


@every_way
def test_a_network_in_training_is_evaluated_all_the_same(way: str) -> None:
    """Batch norm by its moving statistics, not those of the batch; and without dropout where it is not asked for."""
    network = NormalisedCnn()
    rng = np.random.default_rng(3)
    network.norm.moving_mean.set_data(Tensor(rng.standard_normal(5).astype(np.float32)))
    network.norm.moving_variance.set_data(Tensor(rng.uniform(0.5, 2, 5).astype(np.float32)))
    evaluated = WAYS[way](network.set_train(False), nn.Softmax())(IMAGES)
    assert_same(WAYS[way](network.set_train(True), nn.Softmax())(IMAGES), evaluated)


# Dropout.


class TwiceDropped(nn.Cell):
    """Dropout on the pixels - Dense - ReLU - dropout - Dense."""

    def __init__(self, first: float = 0.25, second: float = 0.5) -> None:
        super().__init__()
        self.first = nn.Dropout(p=first)
        self.hidden = nn.Dense(
            70,
            6,
            weight_init=random_weights((6, 70), 7, 0.1),
            bias_init=Tensor(np.linspace(0.5, 2, 6).astype(np.float32)),
        )
        self.second = nn.Dropout(p=second)
        self.fc = nn.Dense(6, 4, weight_init=random_weights((4, 6), 9), bias_init=random_weights((4,), 10))

    def construct(self, images: Tensor) -> Tensor:
        pixels = self.first(images).reshape((images.shape[0], -1))
        return self.fc(self.second(nn.ReLU()(self.hidden(pixels))))


def slow_dropout(network: TwiceDropped, draws: int, seed: int, rates: tuple[float, float] = (0.25, 0.5)) -> FloatArray:
    """Logits (S, N, K): each image's and draw's own stream gives the masks, layer after layer; what is kept grows."""
    weights = {name: value.asnumpy().astype(np.float64) for name, value in network.parameters_and_names()}
    drawn = np.zeros((draws, len(IMAGES), 4))
    for draw, n in product(range(draws), range(len(IMAGES))):
        stream = sample_stream(seed, IMAGES[n], draw)
        kept = stream.random((2, 5, 7), np.float32) >= rates[0]
        pixels = (IMAGES[n] * kept / (1 - rates[0])).ravel()
        hidden = np.maximum(weights["hidden.weight"] @ pixels + weights["hidden.bias"], 0)
        kept = stream.random(6, np.float32) >= rates[1]
        drawn[draw, n] = weights["fc.weight"] @ (hidden * kept / (1 - rates[1])) + weights["fc.bias"]
    return drawn


@pytest.mark.parametrize("batch_size", [1, 4, 32])
@pytest.mark.parametrize("seed", [0, 11])
def test_dropout_is_that_of_a_slow_replica(seed: int, batch_size: int) -> None:
    network = TwiceDropped()
    uncertainty = DropoutUncertainty(network, nn.Softmax(), draws=9, seed=seed, batch_size=batch_size)
    logits = slow_dropout(network, 9, seed)
    wanted = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(uncertainty.draws(IMAGES), wanted, **ROUNDING)
    found = uncertainty(IMAGES)
    np.testing.assert_allclose(found.mean, wanted.mean(axis=0), **ROUNDING)
    np.testing.assert_allclose(found.deviation, wanted.std(axis=0, ddof=1), **ROUNDING)
    assert (found.deviation > 0.001).all()


def test_the_activation_makes_probabilities_of_the_draws() -> None:
    network = TwiceDropped()
    drawn = DropoutUncertainty(network, nn.Sigmoid(), draws=3).draws(IMAGES)
    np.testing.assert_allclose(drawn, sigmoid(slow_dropout(network, 3, 0)), **ROUNDING)


def test_a_dropout_of_rate_zero_beside_another_draws_nothing() -> None:
    network = TwiceDropped(first=0.0)
    stream_of_second_alone = DropoutUncertainty(network, nn.Sigmoid(), draws=3).draws(IMAGES)
    weights = {name: value.asnumpy().astype(np.float64) for name, value in network.parameters_and_names()}
    for draw, n in product(range(3), range(3)):
        kept = sample_stream(0, IMAGES[n], draw).random(6, np.float32) >= 0.5
        hidden = np.maximum(weights["hidden.weight"] @ IMAGES[n].ravel() + weights["hidden.bias"], 0)
        wanted = sigmoid(weights["fc.weight"] @ (hidden * kept / 0.5) + weights["fc.bias"])
        np.testing.assert_allclose(stream_of_second_alone[draw, n], wanted, **ROUNDING)


class DroppedPixel(nn.Cell):
    """Dropout, then a Dense of one pixel: logits w x, or w x / (1 - p) and 0 under dropout."""

    def __init__(self, rate: float, weights: list[float]) -> None:
        super().__init__()
        self.dropout = nn.Dropout(p=rate)
        self.linear = LinearNetwork(np.array(weights)[:, None])

    def construct(self, images: Tensor) -> Tensor:
        return self.linear(self.dropout(images))


def test_mean_and_variance_of_one_dropped_pixel_are_their_closed_forms() -> None:
    """w x / (1 - p) with the chance 1 - p, else 0: mean w x, variance w^2 x^2 p / (1 - p)."""
    rate, draws, weights = 0.2, 2000, [0.5, 1.0, 0.25, 0.8]
    pixels = np.array([0.25, 0.5, 0.75], np.float32).reshape(3, 1, 1, 1)  # at most 0.75 / 0.8 < 1
    network = DroppedPixel(rate, weights)
    found = DropoutUncertainty(network, nn.Identity(), draws=draws, seed=5, batch_size=1000)(pixels)
    plain = pixels.reshape(3, 1) * np.array(weights)
    variance = plain**2 * rate / (1 - rate)
    assert (np.abs(found.mean - plain) < 4 * np.sqrt(variance / draws)).all()
    # The variance of a sample's variance is (fourth moment - variance^2) / S; of 0 and 1 with chance q the fourth
    # central moment is v (1 - 3 v), v = q (1 - q).
    v = rate * (1 - rate)
    relative = np.sqrt(((1 - 3 * v) / v - 1) / draws)
    np.testing.assert_allclose(found.deviation**2, variance, rtol=4 * relative)
    assert (np.abs(found.deviation**2 / variance - 1) > 1e-6).all()  # drawn, not computed


def test_the_two_values_of_one_dropped_pixel_are_exact() -> None:
    network = DroppedPixel(0.2, [0.5, 1.0, 0.25, 0.8])
    drawn = DropoutUncertainty(network, nn.Identity(), draws=40)
    pixel = np.full((1, 1, 1, 1), 0.5, np.float32)
    alive = np.abs(drawn.draws(pixel)[:, 0] - 0.5 * np.array([0.5, 1.0, 0.25, 0.8]) / 0.8).max(axis=1) < 1e-6
    dropped = (drawn.draws(pixel)[:, 0] == 0).all(axis=1)
    assert (alive ^ dropped).all()
    assert alive.any()
    assert dropped.any()


@pytest.mark.parametrize(
    "network", [lambda: LinearNetwork(np.ones((4, 70))), lambda: DroppedPixel(0.0, [1.0])], ids=["none", "rate 0"]
)
def test_a_network_that_drops_nothing_is_refused_with_what_to_do(network: Callable[[], nn.Cell]) -> None:
    with pytest.raises(NoDropoutError, match=r"has no dropout cell.*several trained networks.*test-time augmentation"):
        DropoutUncertainty(network(), nn.Softmax())


# Ensembles.


def test_an_ensemble_is_the_mean_and_the_deviation_over_its_networks() -> None:
    networks = [SmallCnn(seed=seed) for seed in (0, 10, 20, 30)]
    wanted = np.array([cnn_scores(network, softmax)(IMAGES) for network in networks])
    uncertainty = EnsembleUncertainty(networks, nn.Softmax())
    np.testing.assert_allclose(uncertainty.draws(IMAGES), wanted, **ROUNDING)
    found = uncertainty(IMAGES)
    np.testing.assert_allclose(found.mean, wanted.mean(axis=0), **ROUNDING)
    np.testing.assert_allclose(found.deviation, wanted.std(axis=0, ddof=1), **ROUNDING)
    assert (found.deviation > 0.01).any(axis=1).all()


def test_an_ensemble_of_labels_has_the_probabilities_of_its_activation() -> None:
    networks = (SmallCnn(seed=0), SmallCnn(seed=10))
    wanted = [cnn_scores(network, sigmoid)(IMAGES) for network in networks]
    np.testing.assert_allclose(EnsembleUncertainty(networks, nn.Sigmoid()).draws(IMAGES), wanted, **ROUNDING)


def test_networks_of_equal_weights_leave_no_doubt_about_the_network() -> None:
    found = EnsembleUncertainty([SmallCnn(), SmallCnn(), SmallCnn()], nn.Softmax())(IMAGES)
    assert (found.deviation == 0).all()
    np.testing.assert_array_equal(found.low, found.high)
    np.testing.assert_allclose(found.entropies.epistemic, 0, atol=1e-12)


def test_an_ensemble_follows_weights_that_change_after_it_was_made() -> None:
    networks = [LinearNetwork(np.zeros((4, 70))), LinearNetwork(np.zeros((4, 70)))]
    uncertainty = EnsembleUncertainty(networks, nn.Softmax())
    assert uncertainty(IMAGES).deviation.max() == 0
    networks[1].fc.weight.set_data(random_weights((4, 70), 3))
    assert (uncertainty(IMAGES).deviation > 0.001).any(axis=1).all()


def test_every_network_of_an_ensemble_comes_back_as_it_was() -> None:
    networks = [half_trained(NormalisedCnn()), half_trained(SmallCnn())]
    before = [observed(network) for network in networks]
    EnsembleUncertainty(networks, nn.Softmax())(IMAGES)
    assert [observed(network) for network in networks] == before


def test_networks_of_other_labels_are_refused() -> None:
    networks = [SmallCnn(classes=4), SmallCnn(classes=4), SmallCnn(classes=3)]
    with pytest.raises(NetworkOutputError, match=r"`networks` must all have the same labels, got \[4, 4, 3\] outputs"):
        EnsembleUncertainty(networks, nn.Softmax())(IMAGES)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_networks_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"`networks` must hold at least two networks, all different, got {count};"):
        EnsembleUncertainty([SmallCnn() for _ in range(count)], nn.Softmax())


def test_a_network_that_is_there_twice_is_refused() -> None:
    network = SmallCnn()
    with pytest.raises(ValueError, match=r"all different, got 3; equal ones would say that the prediction is sure"):
        EnsembleUncertainty([network, SmallCnn(), network], nn.Softmax())


@pytest.mark.parametrize("networks", [SmallCnn(), None, {SmallCnn(): 1}, 5], ids=["network", "None", "dict", "number"])
def test_networks_that_are_no_list_are_refused(networks: Any) -> None:
    with pytest.raises(TypeError, match="`networks` must be a list of networks, got"):
        EnsembleUncertainty(networks, nn.Softmax())


def test_a_member_that_is_no_network_is_named_by_its_place() -> None:
    with pytest.raises(TypeError, match=r"`networks\[1\]` must be a mindspore.nn.Cell, got function"):
        EnsembleUncertainty([SmallCnn(), softmax], nn.Softmax())


# Changed images.


def shifted(image: FloatArray, down: int, right: int) -> FloatArray:
    """Moved, the edges repeated; pixel by pixel."""
    height, width = image.shape[1:]
    moved = np.zeros_like(image)
    for i, j in product(range(height), range(width)):
        moved[:, i, j] = image[:, min(max(i - down, 0), height - 1), min(max(j - right, 0), width - 1)]
    return moved


def slowly_shifted(most: int) -> Augmentation:
    def shift(image: FloatArray, rng: np.random.Generator) -> FloatArray:
        down, right = rng.integers(-most, most + 1, 2)
        return shifted(image, down, right)

    return shift


def slowly_noisy(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    noise: FloatArray = (image.max() - image.min()) / 20 * rng.standard_normal(image.shape)
    return image + noise


def brighter(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A user's own augmentation, which works in place."""
    image *= rng.uniform(0.5, 1.5)
    return image


class Mirror:
    """A user's augmentation that is an object."""

    def __call__(self, image: FloatArray, rng: np.random.Generator) -> FloatArray:
        return image[:, :, ::-1] if rng.random() < 0.5 else image


def slow_changes(augment: Augmentation, images: FloatArray, draws: int, seed: int) -> FloatArray:
    """The changed images, (S, N, C, H, W)."""
    return np.array(
        [[augment(image.copy(), sample_stream(seed, image, draw)) for image in images] for draw in range(draws)]
    )


AUGMENTED: dict[str, tuple[Any, Augmentation]] = {
    "shift": ("shift", slowly_shifted(1)),
    "noise": ("noise", slowly_noisy),
    "function": (brighter, brighter),
    "object": (Mirror(), Mirror()),
}


@pytest.mark.parametrize("batch_size", [1, 4, 32])
@pytest.mark.parametrize("augmented", AUGMENTED)
def test_the_network_sees_the_images_of_a_slow_replica(augmented: str, batch_size: int) -> None:
    augment, slow = AUGMENTED[augmented]
    uncertainty = AugmentationUncertainty(
        passed_through(), nn.Identity(), augment, draws=7, seed=3, batch_size=batch_size
    )
    wanted = slow_changes(slow, PIXELS, 7, 3).reshape(7, 3, 70)
    np.testing.assert_allclose(uncertainty.draws(PIXELS), wanted, **ROUNDING)
    found = uncertainty(PIXELS)
    np.testing.assert_allclose(found.mean, wanted.mean(axis=0), **ROUNDING)
    np.testing.assert_allclose(found.deviation, wanted.std(axis=0, ddof=1), **ROUNDING)
    assert found.deviation.max() > 0.001


def test_probabilities_are_those_of_the_changed_images() -> None:
    network = SmallCnn()
    drawn = AugmentationUncertainty(network, nn.Softmax(), "noise", draws=3).draws(IMAGES)
    wanted = [cnn_scores(network, softmax)(images) for images in slow_changes(slowly_noisy, IMAGES, 3, 0)]
    np.testing.assert_allclose(drawn, wanted, **ROUNDING)


@pytest.mark.parametrize(("size", "most"), [((5, 7), 1), ((33, 50), 2), ((50, 33), 2), ((31, 40), 1), ((70, 49), 3)])
def test_images_are_shifted_by_up_to_a_sixteenth_of_the_shorter_side(size: tuple[int, int], most: int) -> None:
    """The pixel in the middle tells the shift; 300 draws have every one of up to 49."""
    height, width = size
    place = np.arange(height * width).reshape(1, 1, height, width) / (height * width)
    middle = np.zeros((1, height * width))
    middle[0, height // 2 * width + width // 2] = 1
    network = LinearNetwork(middle)
    drawn = AugmentationUncertainty(network, nn.Identity(), "shift", draws=300, batch_size=300).draws(place)
    rows, columns = np.divmod(np.round(drawn.ravel() * height * width).astype(int), width)
    found = set(zip((height // 2 - rows).tolist(), (width // 2 - columns).tolist(), strict=True))
    assert found == set(product(range(-most, most + 1), repeat=2))


def test_noise_has_the_deviation_of_a_twentieth_of_the_range_and_no_mean() -> None:
    draws = 1000
    found = AugmentationUncertainty(passed_through(), nn.Identity(), "noise", draws=draws, batch_size=500)(PIXELS)
    images = PIXELS.reshape(3, -1).astype(np.float64)
    deviation = (images.max(axis=1, keepdims=True) - images.min(axis=1, keepdims=True)) / 20
    # 70 pixels of 1,000 draws: the standard error of the deviation is 1 / sqrt(2 * 70,000) of it; 4 of them.
    ratio = np.sqrt((found.deviation**2).mean(axis=1, keepdims=True)) / deviation
    np.testing.assert_allclose(ratio, 1, atol=4 / np.sqrt(2 * 70 * draws))
    assert (np.abs((found.mean - images).mean(axis=1, keepdims=True)) < 4 * deviation / np.sqrt(70 * draws)).all()


def test_an_image_of_one_colour_is_not_changed() -> None:
    plain = np.full((1, 2, 5, 7), 0.25, np.float32)
    for augment in ("shift", "noise"):
        drawn = AugmentationUncertainty(passed_through(), nn.Identity(), augment, draws=4).draws(plain)
        assert (drawn == 0.25).all()


def test_an_augmentation_that_changes_nothing_gives_the_plain_prediction() -> None:
    network = SmallCnn()
    found = AugmentationUncertainty(network, nn.Softmax(), lambda image, rng: image, draws=3)(IMAGES)
    np.testing.assert_allclose(found.mean, cnn_scores(network, softmax)(IMAGES), **ROUNDING)
    np.testing.assert_allclose(found.deviation, 0, atol=1e-6)


def test_no_more_images_than_a_batch_are_changed_ahead_of_the_network() -> None:
    network = RecordingNetwork(SmallCnn())
    ahead: list[int] = []

    def counted(image: FloatArray, rng: np.random.Generator) -> FloatArray:
        ahead.append(len(ahead) + 1 - sum(len(shown) for shown in network.shown))
        return image

    AugmentationUncertainty(network, nn.Softmax(), counted, draws=6, batch_size=4)(IMAGES)
    assert len(ahead) == 18
    assert max(ahead) == 4


def test_an_augmentation_in_place_leaves_the_images_and_the_next_draws_alone() -> None:
    images = PIXELS.copy()
    AugmentationUncertainty(passed_through(), nn.Identity(), brighter, draws=4)(images)
    np.testing.assert_array_equal(images, PIXELS)


@pytest.mark.parametrize(
    ("augment", "name"),
    [
        ("shift", "shift"),
        ("noise", "noise"),
        (brighter, "brighter"),
        (Mirror(), "Mirror"),
        (lambda image, rng: image, "<lambda>"),
    ],
    ids=["shift", "noise", "function", "object", "lambda"],
)
def test_the_augmentation_is_recorded_by_its_name(augment: Any, name: str) -> None:
    uncertainty = AugmentationUncertainty(SmallCnn(), nn.Softmax(), augment, draws=9, seed=4, interval="quantile")
    assert uncertainty.parameters == {
        "method": "augmentation",
        "interval": "quantile",
        "augment": name,
        "draws": 9,
        "seed": 4,
    }


@pytest.mark.parametrize("shape", [(2, 5, 6), (1, 2, 5, 7), (5, 7), (2, 7, 5)])
def test_an_augmentation_that_gives_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    uncertainty = AugmentationUncertainty(
        SmallCnn(), nn.Softmax(), lambda image, rng: np.zeros(shape, np.float32), draws=2
    )
    with pytest.raises(ValueError) as raised:
        uncertainty(IMAGES)
    assert str(raised.value) == f"`augment` must give finite images of shape (2, 5, 7), gave shape {shape}"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_augmentation_that_gives_what_is_not_finite_is_refused(value: float) -> None:
    def spoilt(image: FloatArray, rng: np.random.Generator) -> FloatArray:
        image[1, 2, 3] = value
        return image

    with pytest.raises(ValueError, match=r"`augment` must give finite images .* with a NaN or an infinity$"):
        AugmentationUncertainty(SmallCnn(), nn.Softmax(), spoilt, draws=2)(IMAGES)


def test_an_augmentation_that_forgets_to_return_is_refused() -> None:
    def forgetful(image: FloatArray, rng: np.random.Generator) -> Any:
        pass

    with pytest.raises(ValueError, match=r"`augment` must give finite images of shape \(2, 5, 7\), gave shape \(\)"):
        AugmentationUncertainty(SmallCnn(), nn.Softmax(), forgetful, draws=2)(IMAGES)


def test_an_unknown_augmentation_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"`augment` must be one of shift, noise, got 'shfit'; did you mean 'shift'\?"):
        AugmentationUncertainty(SmallCnn(), nn.Softmax(), "shfit")


@pytest.mark.parametrize("augment", [None, 3, ["shift"]])
def test_an_augmentation_of_another_type_is_refused(augment: Any) -> None:
    with pytest.raises(TypeError, match="`augment` must be a function, or one of shift, noise, got"):
        AugmentationUncertainty(SmallCnn(), nn.Softmax(), augment)


# Arguments that all or several have.


@every_way
def test_a_network_that_is_no_cell_is_refused(way: str) -> None:
    with pytest.raises(TypeError, match=r"`network(s\[0\])?` must be a mindspore.nn.Cell, got function"):
        WAYS[way](softmax, nn.Softmax())


@every_way
@pytest.mark.parametrize("activation", [None, softmax, "softmax"])
def test_an_activation_that_is_no_cell_is_refused(way: str, activation: Any) -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore\.nn\.Cell, got"):
        WAYS[way](SmallCnn(), activation)


@every_way
@pytest.mark.parametrize("activation", [nn.Identity(), nn.ReLU()])
def test_an_activation_that_gives_no_probabilities_is_refused(way: str, activation: nn.Cell) -> None:
    uncertainty = WAYS[way](SmallCnn(), activation)
    with pytest.raises(NetworkOutputError, match=r"`activation_fn` must give probabilities in \[0, 1\]"):
        uncertainty(5 * IMAGES)


@every_way
@pytest.mark.parametrize("interval", ["betta", "", None])
def test_an_unknown_interval_is_refused(way: str, interval: Any) -> None:
    with pytest.raises(ValueError, match="`interval` must be one of beta, quantile, got"):
        WAYS[way](SmallCnn(), nn.Softmax(), interval=interval)


@every_way
@pytest.mark.parametrize(
    ("batch_size", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_a_batch_size_that_is_no_count_is_refused(way: str, batch_size: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`batch_size` must be"):
        WAYS[way](SmallCnn(), nn.Softmax(), batch_size=batch_size)


@with_seed
@pytest.mark.parametrize(("draws", "error"), [(1, ValueError), (0, ValueError), (5.0, TypeError), (True, TypeError)])
def test_fewer_than_two_draws_are_refused(way: str, draws: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`draws` must be"):
        WAYS[way](SmallCnn(), nn.Softmax(), draws=draws)


@with_seed
def test_two_draws_are_enough(way: str) -> None:
    uncertainty = WAYS[way](SmallCnn(), nn.Softmax(), draws=2)
    first, second = uncertainty.draws(IMAGES).astype(np.float64)
    np.testing.assert_allclose(uncertainty(IMAGES).deviation, np.abs(first - second) / np.sqrt(2), atol=1e-12)


@with_seed
@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (0.5, TypeError), (None, TypeError), (True, TypeError)])
def test_a_seed_that_is_no_whole_number_is_refused(way: str, seed: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`seed` must be"):
        WAYS[way](SmallCnn(), nn.Softmax(), seed=seed)
