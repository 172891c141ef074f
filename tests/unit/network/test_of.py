"""The door to a network: who shares a classifier, and what is taken in place of a network."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from mindspore import nn
from networks import SmallCnn
from replicas import normal_images

from explainer.benchmark import Faithfulness
from explainer.classifier import Classifier, Evaluator
from explainer.explanation import LIME, RISE, GradCAM, Gradient, Occlusion
from explainer.network.function import FunctionClassifier
from explainer.network.of import classifier_of, evaluator_of
from explainer.network.onnx_classifier import OnnxClassifier
from explainer.testing import CountingClassifier

IMAGES = normal_images()


def test_one_classifier_serves_all_who_come_with_the_same_activation_and_batch_size() -> None:
    network, softmax = SmallCnn(), nn.Softmax()
    found = classifier_of(network, softmax, batch_size=8)
    assert classifier_of(network, softmax, batch_size=8) is found
    assert (found.network, found.batch_size) == (network, 8)
    others = [
        classifier_of(*given, batch_size=8) for given in ((network,), (network, nn.Softmax()), (SmallCnn(), softmax))
    ]
    assert all(other is not found for other in [*others, classifier_of(network, softmax, batch_size=9)])


def test_explainers_and_metrics_of_a_network_have_one_classifier() -> None:
    network, softmax = SmallCnn(), nn.Softmax()
    made = [RISE(network, softmax, masks=2), LIME(network, softmax, grid=2), Occlusion(network, softmax)]
    classifiers = {id(explainer._classifier) for explainer in made}
    probe = Faithfulness(4, softmax)._probe
    assert classifiers == {id(probe.of(made[0]))}
    assert Gradient(network)._classifier is GradCAM(network, "conv2")._classifier


def test_a_classifier_is_gone_with_those_who_hold_it() -> None:
    network = SmallCnn()
    found = classifier_of(network)
    gone = weakref.ref(found)
    del found
    gc.collect()
    assert gone() is None


def test_a_classifier_of_ones_own_is_given_back_as_it_is() -> None:
    network = SmallCnn()
    own = CountingClassifier(network, nn.Softmax(), clean=IMAGES)
    assert isinstance(own, Classifier) and classifier_of(own) is own and evaluator_of(own) is own
    maps = Gradient(own)(IMAGES, 1)
    np.testing.assert_array_equal(maps, Gradient(network)(IMAGES, 1))


def test_a_function_is_evaluated_but_is_no_classifier() -> None:
    found = evaluator_of(lambda images: images.sum(axis=(2, 3)))
    assert isinstance(found, FunctionClassifier) and isinstance(found, Evaluator) and not isinstance(found, Classifier)
    np.testing.assert_allclose(found.outputs(IMAGES), IMAGES.sum(axis=(2, 3)), rtol=1e-6)
    assert isinstance(evaluator_of(SmallCnn()), OnnxClassifier)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((lambda images: images,), TypeError, "`network` must be a mindspore.nn.Cell"),
        ((SmallCnn,), TypeError, "`network` must be a mindspore.nn.Cell"),
        ((None,), TypeError, "`network` must be a mindspore.nn.Cell"),
        ((SmallCnn(), "softmax"), TypeError, "`activation_fn` must be a mindspore.nn.Cell"),
    ],
)
def test_what_is_no_network_is_refused(given: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        classifier_of(*given)


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_batch_size_that_is_none_is_refused_though_one_was_there_before(size: Any, error: type[Exception]) -> None:
    network = SmallCnn()
    classifier_of(network, batch_size=1)
    with pytest.raises(error, match="`batch_size` must be"):
        classifier_of(network, batch_size=size)


def test_an_activation_that_cannot_be_called_is_refused_for_a_function() -> None:
    with pytest.raises(TypeError, match="`activation_fn` must be a cell, a function or None, got str"):
        evaluator_of(lambda images: images, "softmax")
