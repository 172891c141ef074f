"""Infidelity on a network whose probabilities are sums over pixels, where the right map is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, RecordingNetwork, normal_images

from explainer.benchmark import Infidelity
from explainer.explanation import Gradient, InputXGradient

FloatArray = NDArray[Any]

WEIGHTS = np.random.default_rng(0).random((4, 70)).astype(np.float32) / 70  # outputs are in [0, 1] for such images
IMAGES = np.random.default_rng(1).random((3, 2, 5, 7)).astype(np.float32)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


def additive() -> nn.Cell:
    return LinearNetwork(WEIGHTS)


def contributions(fill: float = 0.0) -> FloatArray:
    return (WEIGHTS.reshape(4, 2, 5, 7)[TARGETS] * (IMAGES[:, None] - fill)).sum(axis=2)


def infidelity(**options: Any) -> Infidelity:
    return Infidelity(4, nn.Identity(), **options)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("fill", [0.0, 0.25])
def test_the_contributions_of_an_additive_network_have_none(normalize: bool, fill: float) -> None:
    metric = infidelity(normalize=normalize, fill=fill)
    scores = metric.evaluate(InputXGradient(additive()), IMAGES, TARGETS, contributions(fill))
    np.testing.assert_allclose(scores, np.zeros((3, 2)), atol=1e-9)


def test_the_map_of_input_x_gradient_is_right_for_such_a_network() -> None:
    np.testing.assert_allclose(infidelity().evaluate(InputXGradient(additive()), IMAGES, 2), np.zeros(3), atol=1e-9)


def test_the_scale_of_the_map_counts_only_without_scaling() -> None:
    explainer = InputXGradient(additive())
    assert infidelity().evaluate(explainer, IMAGES, TARGETS, 1000 * contributions()).max() < 1e-9
    plain = infidelity(normalize=False).evaluate(explainer, IMAGES, TARGETS, 3 * contributions())
    sums = infidelity(normalize=False).evaluate(explainer, IMAGES, TARGETS, 0 * contributions())
    np.testing.assert_allclose(plain, 4 * sums, rtol=1e-4)  # (3 - 1)^2 times the mean squared fall


def test_a_map_of_nothing_misses_everything() -> None:
    scores = infidelity().evaluate(Gradient(additive()), IMAGES, TARGETS, np.zeros((3, 2, 5, 7)))
    np.testing.assert_allclose(scores, np.ones((3, 2)))


def test_a_random_map_is_worse_than_the_right_one_and_no_worse_than_nothing() -> None:
    maps = normal_images(3)[:, :1]
    scores = infidelity().evaluate(Gradient(additive()), IMAGES, 1, maps)
    assert scores.min() > 0.05
    assert scores.max() <= 1


def test_a_network_that_never_moves_is_undefined() -> None:
    still = LinearNetwork(np.zeros((4, 70)))
    assert np.isnan(infidelity().evaluate(Gradient(still), IMAGES, TARGETS, contributions())).all()


def test_scores_are_those_of_a_slow_replica() -> None:
    network, images, maps = SmallCnn(), normal_images(), normal_images(5)[2:, :1]
    metric = Infidelity(4, nn.Softmax(), perturbations=9, normalize=False, seed=4)
    scores = metric.evaluate(Gradient(network), images, 3, maps)

    def probability(shown: FloatArray) -> float:
        return float(nn.Softmax()(network(Tensor(shown[None]))).asnumpy()[0, 3])

    for place, (image, saliency) in enumerate(zip(images, maps[:, 0], strict=True)):
        errors = []
        for hidden in pixels_of(metric, image):
            shown = np.where(hidden, 0, image).astype(np.float32)
            errors.append((saliency[hidden].sum() - (probability(image) - probability(shown))) ** 2)
        assert scores[place] == pytest.approx(np.mean(errors), rel=1e-4)


def pixels_of(metric: Infidelity, image: FloatArray) -> Iterator[FloatArray]:
    """Which pixels (H, W) each square hides."""
    for square in metric._squares(image):
        hidden = np.zeros(image.shape, bool)
        hidden[square] = True
        assert (hidden == hidden[0]).all()
        yield hidden[0]


def test_squares_lie_within_the_image_and_have_sides_up_to_half_the_shorter_one() -> None:
    sides = set()
    for hidden in pixels_of(infidelity(perturbations=200), IMAGES[0]):
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert len(rows) == len(columns)
        assert hidden.sum() == len(rows) * len(columns)
        sides.add(len(rows))
    assert sides == {1, 2}  # of 5 x 7


def test_squares_are_of_the_seed_and_the_image_alone() -> None:
    explainer, maps = Gradient(SmallCnn()), normal_images()[:, :1]

    def scores(**options: Any) -> FloatArray:
        return Infidelity(4, nn.Softmax(), perturbations=8, **options).evaluate(explainer, normal_images(), 1, maps)

    np.testing.assert_allclose(scores(batch_size=3), scores(batch_size=50), rtol=1e-4)
    assert (scores(seed=1) != scores(seed=2)).any()
    one = Infidelity(4, nn.Softmax(), perturbations=8).evaluate(explainer, normal_images()[2:], 1, maps[2:])
    np.testing.assert_allclose(one, scores()[2:], rtol=1e-4)


def test_labels_share_the_passes() -> None:
    network = RecordingNetwork(SmallCnn())
    maps = np.broadcast_to(normal_images()[:, :1], (3, 2, 5, 7))
    Infidelity(4, nn.Softmax(), perturbations=10).evaluate(Gradient(network), normal_images(), TARGETS, maps)
    assert sum(map(len, network.shown)) == 3 * 10 + 3 + 1  # the squares, the images, a first look


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"perturbations": 1}, ValueError, "`perturbations` must be at least 2, got 1"),
        ({"normalize": 1}, TypeError, "`normalize` must be True or False, got 1"),
        ({"fill": "grey"}, ValueError, "`fill` must be a number"),
        ({"seed": 0.5}, TypeError, "`seed` must be a whole number"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        infidelity(**options)


def test_an_activation_that_is_no_cell_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore.nn.Cell"):
        Infidelity(4, None)


def test_a_label_that_the_network_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 7"):
        Infidelity(9, nn.Softmax()).evaluate(Gradient(SmallCnn()), normal_images(), 7, normal_images()[:, :1])
