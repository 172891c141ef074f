"""Sanity checks: similarity against slow replicas, shuffled weights, and what they say of maps that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn, random_weights
from numpy.typing import NDArray
from replicas import TARGETS, normal_images, whole_numbers
from scipy.stats import spearmanr

from explainer.benchmark import MPRT, EfficientMPRT, RandomLogit
from explainer.benchmark.randomisation import structural_similarity
from explainer.explanation import Gradient
from explainer.explanation.controls import CentreControl
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.randomised import layers_with_weights, randomised

FloatArray = NDArray[Any]
IMAGES = normal_images(3)
METRICS = [RandomLogit(4), MPRT(4), EfficientMPRT(4)]


class Remembering:
    """An explainer whose maps depend on the image, the label and the sum of a weight, and which remembers its calls."""

    def __init__(self, network: nn.Cell, map_of: Callable[[FloatArray, int], FloatArray]) -> None:
        self.network = network
        self.map_of = map_of
        self.asked: list[NDArray[np.int64]] = []

    def __call__(self, images: FloatArray, labels: NDArray[np.int64]) -> FloatArray:
        self.asked.append(labels.copy())
        pairs = zip(images, labels, strict=True)
        return np.array([[self.map_of(image, label) for label in of_image] for image, of_image in pairs], np.float32)


class NormalisedCnn(nn.Cell):
    """Conv - batch norm - ReLU - a Dense twice with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3, weight_init=random_weights((5, 2, 3, 3), 0))
        self.norm = nn.BatchNorm2d(5, gamma_init=random_weights((5,), 1), moving_mean_init=random_weights((5,), 2))
        self.first = nn.Dense(5, 5, weight_init=random_weights((5, 5), 3), bias_init=random_weights((5,), 4))
        self.second = nn.Dense(5, 5, weight_init=random_weights((5, 5), 3), bias_init=random_weights((5,), 5))
        self.second.weight = self.first.weight

    def construct(self, images: Any) -> Any:
        return self.second(self.first(nn.ReLU()(self.norm(self.conv(images))).mean((2, 3))))


def values_of(network: nn.Cell) -> dict[str, FloatArray]:
    return {name: weight.asnumpy().copy() for name, weight in network.parameters_and_names()}


def changed(network: nn.Cell, before: dict[str, FloatArray]) -> set[str]:
    return {name for name, value in values_of(network).items() if not np.array_equal(value, before[name])}


# Weights.


def test_layers_with_weights_come_in_order_and_statistics_are_no_weights() -> None:
    assert layers_with_weights(NormalisedCnn()) == ["conv", "norm", "first", "second"]
    assert layers_with_weights(nn.Flatten()) == []


def test_shuffling_changes_one_layer_keeps_its_values_and_gives_all_back() -> None:
    network = NormalisedCnn()
    before = values_of(network)
    with randomised(network, 0) as shuffle:
        shuffle("norm")
        assert changed(network, before) == {"norm.gamma"}  # beta is all zeros
        shuffle("conv")
        assert changed(network, before) == {"norm.gamma", "conv.weight"}
        after = values_of(network)
        assert np.array_equal(np.sort(after["conv.weight"], axis=None), np.sort(before["conv.weight"], axis=None))
        assert after["conv.weight"].shape == (5, 2, 3, 3)
    assert changed(network, before) == set()


def test_weights_are_given_back_after_an_exception() -> None:
    network = NormalisedCnn()
    before = values_of(network)
    with pytest.raises(ZeroDivisionError), randomised(network, 0) as shuffle:
        shuffle("conv")
        shuffle("first")
        raise ZeroDivisionError
    assert changed(network, before) == set()


def test_a_shared_weight_is_shuffled_once_and_given_back() -> None:
    network = NormalisedCnn()
    before = values_of(network)
    with randomised(network, 0) as shuffle:
        shuffle("second")
        once = network.second.weight.asnumpy().copy()
        shuffle("first")
        assert np.array_equal(network.first.weight.asnumpy(), once)
        assert changed(network, before) == {"first.weight", "first.bias", "second.bias"}
    assert changed(network, before) == set()


def test_shuffling_depends_on_the_seed_and_the_layer_alone() -> None:
    def shuffled(seed: int, *names: str) -> dict[str, FloatArray]:
        network = NormalisedCnn()
        with randomised(network, seed) as shuffle:
            for name in names:
                shuffle(name)
            return values_of(network)

    weight = "conv.weight"
    np.testing.assert_array_equal(shuffled(1, "conv")[weight], shuffled(1, "first", "conv")[weight])
    assert (shuffled(1, "conv")[weight] != shuffled(2, "conv")[weight]).any()


def test_a_compiled_network_sees_the_shuffled_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLAINER_COMPILE")
    network = SmallCnn()
    images = normal_images(8)
    classifier = MindSporeClassifier(network, batch_size=2)
    before = classifier.logits(images)  # compiled on the way
    with randomised(network, 0) as shuffle:
        shuffle("fc")
        wanted = MindSporeClassifier(network, batch_size=8).logits(images)
        np.testing.assert_allclose(classifier.logits(images), wanted, rtol=1e-5, atol=1e-5)
        assert np.abs(wanted - before).max() > 0.1
    np.testing.assert_array_equal(classifier.logits(images), before)


# Similarity.


def slow_similarity(one: FloatArray, other: FloatArray, window: int = 7) -> float:
    span = max(one.max(), other.max()) - min(one.min(), other.min())
    first, second = (0.01 * span) ** 2, (0.03 * span) ** 2
    found = []
    for top in range(one.shape[0] - window + 1):
        for left in range(one.shape[1] - window + 1):
            a, b = (values[top : top + window, left : left + window].ravel() for values in (one, other))
            (va, cov), (_, vb) = np.cov(a, b)
            nominator = (2 * a.mean() * b.mean() + first) * (2 * cov + second)
            found.append(nominator / ((a.mean() ** 2 + b.mean() ** 2 + first) * (va + vb + second)))
    return float(np.mean(found))


@pytest.mark.parametrize(("size", "window"), [((9, 12), 7), ((7, 8), 7), ((5, 9), 5), ((4, 6), 4)])
def test_similarity_is_that_of_a_slow_replica(size: tuple[int, int], window: int) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=size) + 1, rng.normal(size=size)
    for picture in (other, one + other / 2):
        assert structural_similarity(one, picture) == pytest.approx(slow_similarity(one, picture, window), abs=1e-9)


def test_the_similarity_of_equal_constant_pictures_is_undefined() -> None:
    assert np.isnan(structural_similarity(np.ones((8, 8)), np.ones((8, 8))))


# RandomLogit.


def of_label(image: FloatArray, label: int) -> FloatArray:
    return image[0] * (label + 1) + image[1] ** 2


def test_another_label_is_drawn_for_each_and_the_maps_are_scaled() -> None:
    explainer = Remembering(LinearNetwork(whole_numbers(4, 70)), of_label)
    labels = np.array([[0, 1, 2, 3]] * 3)
    maps = explainer(IMAGES, labels)
    explainer.asked.clear()
    scores = RandomLogit(4).evaluate(explainer, IMAGES, labels, maps)
    (others,) = explainer.asked
    assert (others != labels).all() and len(set(others.ravel())) > 2
    scaled = maps / np.abs(maps).max(axis=(2, 3), keepdims=True)
    for place, row in np.ndindex(3, 4):
        wanted = slow_similarity(scaled[place, row], scaled[place, others[place, row]], 5)
        assert scores[place, row] == pytest.approx(wanted, abs=1e-5)


def test_the_other_label_does_not_depend_on_what_else_is_asked() -> None:
    explainer = Remembering(LinearNetwork(whole_numbers(4, 70)), of_label)
    metric = RandomLogit(4)
    together = metric.evaluate(explainer, IMAGES, TARGETS)
    alone = [[metric.evaluate(explainer, IMAGES[n : n + 1], int(TARGETS[n, k]))[0] for k in (0, 1)] for n in (0, 1, 2)]
    np.testing.assert_array_equal(together, alone)
    assert (RandomLogit(4, seed=1).evaluate(explainer, IMAGES, TARGETS) != together).any()


def test_a_method_that_does_not_look_at_the_label_scores_1() -> None:
    explainer = CentreControl(LinearNetwork(whole_numbers(4, 70)))
    np.testing.assert_allclose(RandomLogit(4).evaluate(explainer, IMAGES, TARGETS), 1)


def test_unrelated_maps_score_about_0() -> None:
    images = normal_images(4, 2, 40, 30)
    explainer = Remembering(LinearNetwork(whole_numbers(2, 2400)), lambda image, label: image[label])
    assert np.abs(RandomLogit(2).evaluate(explainer, images, 0)).max() < 0.1


@pytest.mark.parametrize("empty", [0, 1])
def test_a_map_of_zeros_has_no_similarity(empty: int) -> None:
    explainer = Remembering(LinearNetwork(whole_numbers(2, 70)), lambda image, label: image[0] * (label != empty))
    assert np.isnan(RandomLogit(2).evaluate(explainer, IMAGES, 0)).all()


# The randomisation of parameters.


def stage_maps(network: SmallCnn, layers: list[str], seed: int = 0) -> list[FloatArray]:
    """The gradients after each layer."""
    with randomised(network, seed) as shuffle:
        found = []
        for layer in layers:
            shuffle(layer)
            found.append(Gradient(network)(IMAGES, TARGETS))
    return found


@pytest.mark.parametrize(
    ("order", "layers"), [("top_down", ("fc", "conv2", "conv1")), ("bottom_up", ("conv1", "conv2", "fc"))]
)
def test_mprt_is_the_mean_rank_correlation_of_the_stages(order: str, layers: tuple[str, ...]) -> None:
    network = SmallCnn()
    explainer = Gradient(network)
    maps = explainer(IMAGES, TARGETS)
    wanted = np.array(
        [
            [[spearmanr(maps[n, k].ravel(), stage[n, k].ravel())[0] for stage in stage_maps(network, list(layers))]
             for k in (0, 1)]
            for n in (0, 1, 2)
        ]
    )  # fmt: skip
    cascade = MPRT(4, order=order).cascade(explainer, IMAGES, TARGETS, maps)
    assert cascade.layers == layers
    np.testing.assert_allclose(cascade.similarities, wanted, atol=1e-6)
    np.testing.assert_allclose(
        MPRT(4, order=order).evaluate(explainer, IMAGES, TARGETS, maps), wanted.mean(axis=2), atol=1e-6
    )
    assert np.ptp(wanted) > 0.1


def test_efficient_mprt_is_the_rise_of_the_histogram_entropy() -> None:
    network = SmallCnn()
    explainer = Gradient(network)
    maps = explainer(IMAGES, TARGETS)
    after = stage_maps(network, ["fc", "conv1", "conv2"], seed=3)[-1]

    def disorder(one: FloatArray) -> float:
        counts = np.histogram(np.abs(one.astype(np.float64)), bins=20)[0]
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())

    pairs = [[(disorder(maps[n, k]), disorder(after[n, k])) for k in (0, 1)] for n in (0, 1, 2)]
    wanted = [[(late - early) / early for early, late in row] for row in pairs]
    scores = EfficientMPRT(4, bins=20, seed=3).evaluate(explainer, IMAGES, TARGETS, maps)
    np.testing.assert_allclose(scores, wanted, atol=1e-9)
    assert np.ptp(wanted) > 0.01


def test_a_method_that_does_not_look_at_the_network_shows_no_change() -> None:
    explainer = CentreControl(SmallCnn())
    np.testing.assert_allclose(MPRT(4).evaluate(explainer, IMAGES, TARGETS), 1)
    np.testing.assert_allclose(EfficientMPRT(4).evaluate(explainer, IMAGES, TARGETS), 0)


@pytest.mark.parametrize("metric", METRICS[1:], ids=lambda metric: metric.name)
def test_a_constant_map_is_undefined(metric: Any) -> None:
    explainer = Remembering(SmallCnn(), lambda image, label: np.full((5, 7), 2.0))
    assert np.isnan(metric.evaluate(explainer, IMAGES, TARGETS)).all()


def test_stages_without_a_correlation_are_left_out_of_the_mean() -> None:
    network = SmallCnn()
    trained = network.fc.weight.asnumpy().copy()

    def until_fc_is_shuffled_then_constant(image: FloatArray, label: int) -> FloatArray:
        return image[0] * np.array_equal(network.fc.weight.asnumpy(), trained)

    explainer = Remembering(network, until_fc_is_shuffled_then_constant)
    similarities = MPRT(4, order="bottom_up").cascade(explainer, IMAGES, 1).similarities
    np.testing.assert_allclose(similarities[:, 0], [[1, 1, np.nan]] * 3)
    np.testing.assert_allclose(MPRT(4, order="bottom_up").evaluate(explainer, IMAGES, 1), 1)


def test_a_network_without_weights_has_no_score() -> None:
    explainer = Remembering(nn.Flatten(), of_label)
    assert np.isnan(MPRT(70).evaluate(explainer, IMAGES, 1)).all()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_network_is_given_back_and_the_given_maps_are_not_made_anew(metric: Any) -> None:
    network = SmallCnn()
    before = values_of(network)
    explainer = Remembering(network, of_label)
    maps = explainer(IMAGES, TARGETS)
    explainer.asked.clear()
    metric.evaluate(explainer, IMAGES, TARGETS, maps)
    assert len(explainer.asked) == {"RandomLogit": 1, "MPRT": 3, "EfficientMPRT": 1}[metric.name]
    assert changed(network, before) == set()


@pytest.mark.parametrize("metric", METRICS[1:], ids=lambda metric: metric.name)
def test_the_network_is_given_back_when_a_map_fails(metric: Any) -> None:
    network = SmallCnn()
    before = values_of(network)

    def failing(image: FloatArray, label: int) -> FloatArray:
        if changed(network, before):
            raise ZeroDivisionError
        return image[0]

    explainer = Remembering(network, failing)
    with pytest.raises(ZeroDivisionError):
        metric.evaluate(explainer, IMAGES, TARGETS)
    assert changed(network, before) == set()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_scores_do_not_depend_on_the_batch(metric: Any) -> None:
    explainer = Gradient(SmallCnn())
    together = metric.evaluate(explainer, IMAGES, TARGETS)
    alone = [metric.evaluate(explainer, IMAGES[n : n + 1], TARGETS[n : n + 1])[0] for n in (0, 1, 2)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: RandomLogit(1), ValueError, "`num_labels` must be at least 2"),
        (lambda: RandomLogit(4, seed=-1), ValueError, "`seed`"),
        (lambda: MPRT(4, order="sideways"), ValueError, "`order` must be one of top_down, bottom_up"),
        (lambda: MPRT(4, seed=0.5), TypeError, "`seed`"),
        (lambda: EfficientMPRT(4, bins=1), ValueError, "`bins` must be at least 2"),
    ],
)
def test_arguments_are_checked(make: Callable[[], Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        make()


def test_they_declare_themselves() -> None:
    assert RandomLogit(2, seed=3).parameters == {
        "class": "RandomLogit",
        "higher_is_better": False,
        "bounds": [-1.0, 1.0],
        "per_label": True,
        "seed": 3,
    }
    assert MPRT(2).parameters["order"] == "top_down" and MPRT(2).parameters["higher_is_better"] is False
    assert EfficientMPRT(2).parameters["bins"] == 100 and EfficientMPRT(2).parameters["bounds"] == [-1.0, None]
