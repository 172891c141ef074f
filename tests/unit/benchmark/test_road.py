"""ROAD against a slow replica, at its limits, and by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from networks import SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, RecordingNetwork, normal_images

from explainer.benchmark import ROAD, Case
from explainer.explanation import Gradient
from explainer.passes import Passes
from explainer.perturb.inpainting import inpainted

FloatArray = NDArray[Any]


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


class Brightness(nn.Cell):
    """Class 1 has the logit 10 * (mean of the marked pixels - 1/2), class 0 the logit 0."""

    def __init__(self, mark: FloatArray) -> None:
        super().__init__()
        self.mark = Tensor(10 * mark.astype(np.float32) / mark.sum())

    def construct(self, images: Tensor) -> Tensor:
        logit = (images[:, 0] * self.mark).sum((1, 2)) - 5
        return ops.stack([0 * logit, logit], axis=1)


def marked() -> FloatArray:
    mark = np.zeros((8, 9), bool)
    mark[2:5, 3:7] = True  # 12 of 72 pixels
    return mark


def picture() -> FloatArray:
    """The marked pixels are 1, the others 0."""
    return marked().astype(np.float32)[None, None]


def slow_road(
    network: nn.Cell, image: FloatArray, label: int, saliency: FloatArray, percents: Any
) -> tuple[float, float]:
    """(MoRF, LeRF) without noise."""
    means = []
    for sign in (-1, 1):
        order = sorted(range(saliency.size), key=lambda pixel: sign * float(saliency.ravel()[pixel]))
        found = []
        for percent in percents:
            hidden = np.zeros(saliency.size, bool)
            hidden[order[: round(percent * saliency.size)]] = True
            filled = inpainted(image, np.broadcast_to(hidden.reshape(saliency.shape), image.shape))
            found.append(float(nn.Softmax()(network(Tensor(filled[None]))).asnumpy()[0, label]))
        means.append(float(np.mean(found)))
    return means[0], means[1]


@pytest.mark.parametrize("order", ["combined", "MoRF", "LeRF"])
def test_scores_are_those_of_a_slow_replica(order: str) -> None:
    network, images, percents = SmallCnn(), normal_images(), (0.2, 0.5, 0.9)
    maps = normal_images(9)[3:].reshape(3, 2, 2, 5, 7)[:, :, 0]
    metric = ROAD(4, nn.Softmax(), order, percents=percents, noise=0)
    scores = metric.evaluate(Gradient(network), images, TARGETS, maps)
    for at in np.ndindex(3, 2):
        morf, lerf = slow_road(network, images[at[0]], int(TARGETS[at]), maps[at], percents)
        wanted = {"combined": (1 + lerf - morf) / 2, "MoRF": morf, "LeRF": lerf}[order]
        assert scores[at] == pytest.approx(wanted, abs=1e-6)


def test_a_perfect_map_is_above_a_random_one_and_its_inverse_below() -> None:
    network, explainer = Brightness(marked()), Gradient(Brightness(marked()))
    road = ROAD(2, nn.Softmax(), noise=0)
    perfect = float(road.evaluate(explainer, picture(), 1, picture())[0])
    inverse = float(road.evaluate(explainer, picture(), 1, -picture())[0])
    random = [
        float(road.evaluate(explainer, picture(), 1, np.random.default_rng(seed).random((1, 1, 8, 9)))[0])
        for seed in range(12)
    ]
    assert perfect > max(random)
    assert inverse < min(random)
    assert perfect > 0.8
    assert perfect + inverse == pytest.approx(1, abs=1e-6)
    assert np.mean(random) == pytest.approx(0.5, abs=3 * np.std(random) / np.sqrt(12))
    assert network.mark.shape == (8, 9)


def test_the_orders_are_what_they_say() -> None:
    explainer = Gradient(Brightness(marked()))
    morf = ROAD(2, nn.Softmax(), "MoRF", noise=0).evaluate(explainer, picture(), 1, picture())[0]
    lerf = ROAD(2, nn.Softmax(), "LeRF", noise=0).evaluate(explainer, picture(), 1, picture())[0]
    assert morf < 0.2 < 0.8 < lerf
    both = ROAD(2, nn.Softmax(), noise=0).evaluate(explainer, picture(), 1, picture())[0]
    assert both == pytest.approx((1 + lerf - morf) / 2)


def test_noise_is_small_seeded_and_of_each_image() -> None:
    explainer, maps = Gradient(SmallCnn()), normal_images()[:, :1]
    quiet, noisy, other = (
        ROAD(4, nn.Softmax(), noise=noise, seed=seed).evaluate(explainer, normal_images(), 1, maps)
        for noise, seed in ((0, 0), (0.01, 0), (0.01, 1))
    )
    assert 0 < np.abs(noisy - quiet).max() < 0.01
    assert (noisy != other).any()
    one_by_one = [
        ROAD(4, nn.Softmax(), batch_size=5).evaluate(explainer, image[None], 1, one[None])[0]
        for image, one in zip(normal_images(), maps, strict=True)
    ]
    np.testing.assert_allclose(noisy, one_by_one, rtol=0, atol=1e-6)


def test_it_costs_what_it_says() -> None:
    for order, count in (("combined", 6), ("MoRF", 3)):
        network = RecordingNetwork(SmallCnn())
        road = ROAD(4, nn.Softmax(), order, percents=(0.1, 0.5, 0.9))
        case = Case(normal_images()[0], (1, 3), normal_images()[0, :2], None, None)
        assert road.passes(case) == Passes(forwards=2 * count)
        maps = np.broadcast_to(normal_images()[:, :1], (3, 2, 5, 7))
        road.evaluate(Gradient(network), normal_images(), TARGETS, maps)
        assert sum(map(len, network.shown)) == 6 * count + 1  # and a first look


def test_what_it_is_is_declared() -> None:
    road = ROAD(4, nn.Softmax(), "MoRF", percents=[0.5], noise=0.02, seed=3)
    recorded = json.loads(json.dumps(road.parameters, allow_nan=False))
    assert (road.name, ROAD(4, nn.Softmax()).name) == ("ROAD-MoRF", "ROAD")
    assert recorded["higher_is_better"] is False
    assert ROAD(4, nn.Softmax()).parameters["higher_is_better"] is True
    assert (recorded["order"], recorded["percents"], recorded["noise"], recorded["seed"]) == ("MoRF", [0.5], 0.02, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"order": "morf"}, ValueError, "`order` must be one of combined, MoRF, LeRF, got 'morf'"),
        ({"percents": []}, ValueError, "`percents` must be parts between 0 and 1, at least one"),
        ({"percents": [0.5, 1.0]}, ValueError, "`percents` must be parts between 0 and 1"),
        ({"percents": [0, 0.5]}, ValueError, "`percents` must be parts between 0 and 1"),
        ({"percents": ["0.5"]}, TypeError, r"`percents\[0\]` must be a number"),
        ({"noise": -1}, ValueError, r"`noise` must lie in \[0, inf\]"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        ROAD(4, nn.Softmax(), **options)


def test_a_label_that_the_network_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 7"):
        ROAD(9, nn.Softmax()).evaluate(Gradient(SmallCnn()), normal_images(), 7, normal_images()[:, :1])
