"""One network object, one adapter: compiled once, run once for each clean image, gone with the last who uses it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import Counting, LinearNetwork, SmallCnn

from explainer.explanation import LIME, RISE, GradCAM, Gradient, IntegratedGradients
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.mindspore.program import Program
from explainer.network.mindspore.randomised import layers_with_weights, randomised
from explainer.network.mindspore.shared import shared_of

IMAGES = np.random.default_rng(0).standard_normal((4, 2, 5, 7)).astype(np.float32)
SOFTMAX = nn.Softmax()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is compiled, one entry for each time."""
    names: list[str] = []
    compile_it = Program._compile

    def noted(program: Program, chunk: Any, **options: Any) -> Any:
        names.append(program._trace(1).function.__name__.split("_")[0])
        return compile_it(program, chunk, **options)

    monkeypatch.setattr(Program, "_compile", noted)
    return names


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pass that is compiled calls no Python, so that nothing could be counted."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    yield


def test_a_question_is_compiled_once_for_all_who_ask_it(compiled: list[str]) -> None:
    network = SmallCnn()
    for explainer in (Gradient(network, batch_size=1), IntegratedGradients(network, steps=4, batch_size=1)):
        explainer(IMAGES, 1)
    for explainer in (RISE(network, SOFTMAX, 2, masks=8), LIME(network, nn.Softmax(), 4, samples=20, grid=2)):
        explainer(IMAGES, 1)
    assert compiled == ["gradient", "forward"]


def test_two_network_objects_share_nothing() -> None:
    assert shared_of(SmallCnn()) is not shared_of(SmallCnn())
    network = SmallCnn()
    assert Gradient(network)._classifier.reference._shared is GradCAM(network)._classifier.reference._shared


@pytest.mark.usefixtures("uncompiled")
def test_a_network_is_gone_when_all_who_ask_it_are() -> None:
    """What MindSpore has compiled it keeps for the life of the process, the network included; the rest is ours."""
    network: Any = SmallCnn()
    explainers = [Gradient(network, batch_size=1), RISE(network, SOFTMAX, 2, masks=8)]
    maps = [explainer(IMAGES, 1) for explainer in explainers]
    gone = weakref.ref(network)
    del network, explainers
    gc.collect()
    assert gone() is None
    assert len(maps) == 2


# Clean images.


def test_outputs_of_clean_images_are_computed_once_while_they_are_kept() -> None:
    network = Counting(SmallCnn())
    classifier = MindSporeClassifier(network, SOFTMAX)
    wanted = classifier.logits(IMAGES)
    network.passes.clear()
    with classifier.outputs_kept():
        np.testing.assert_array_equal(classifier.clean_logits(IMAGES), wanted)
        np.testing.assert_allclose(classifier.clean_logits(IMAGES[[2, 0, 2]]), wanted[[2, 0, 2]])
        MindSporeClassifier(network, SOFTMAX).clean_probabilities(IMAGES)
    assert network.passes == [4]
    classifier.clean_logits(IMAGES[:2])
    assert network.passes == [4, 2]  # nobody knows what has been trained since


def test_only_new_images_are_computed() -> None:
    network = Counting(SmallCnn())
    classifier = MindSporeClassifier(network)
    with classifier.outputs_kept():
        classifier.clean_logits(IMAGES[:2])
        network.passes.clear()
        got = classifier.clean_logits(IMAGES[[3, 1, 0, 2]])
    assert network.passes == [2]
    np.testing.assert_allclose(got, classifier.logits(IMAGES[[3, 1, 0, 2]]), rtol=1e-5, atol=1e-6)


def test_weights_replaced_meanwhile_are_honoured() -> None:
    network = LinearNetwork(np.ones((4, 70)))
    classifier = MindSporeClassifier(network)
    with classifier.outputs_kept():
        classifier.clean_logits(IMAGES)
        network.fc.weight.set_data(Tensor(np.zeros((4, 70), np.float32)))
        assert not classifier.clean_logits(IMAGES).any()


def test_a_none_that_is_taken_away_is_seen() -> None:
    class Scaling(LinearNetwork):
        factor: Any = 3.0

        def construct(self, images: Tensor) -> Tensor:
            logits = super().construct(images)
            return logits if self.factor is None else logits * self.factor

    network = Scaling(np.ones((4, 70)))
    network.factor = None
    classifier = MindSporeClassifier(network)
    before = [classifier.logits(IMAGES) for _ in range(4)][-1]
    del vars(network)["factor"]
    np.testing.assert_allclose(classifier.logits(IMAGES), 3 * before, rtol=1e-5)


def test_nothing_is_kept_while_weights_are_shuffled() -> None:
    network = SmallCnn()
    classifier = MindSporeClassifier(network)
    with classifier.outputs_kept():
        before = classifier.clean_logits(IMAGES)
        with randomised(network, 1) as shuffle:
            shuffle(layers_with_weights(network)[-1])
            assert not np.allclose(classifier.clean_logits(IMAGES), before)
        np.testing.assert_array_equal(classifier.clean_logits(IMAGES), before)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "explainer.network.mindspore.shared._KEPT_BYTES", 3 * (4 * 4 + 250)
    )  # three rows of four logits
    classifier = MindSporeClassifier(SmallCnn())
    with classifier.outputs_kept():
        for image in IMAGES:
            classifier.clean_logits(image[None])
        assert len(classifier._shared._here.outputs or ()) == 3
