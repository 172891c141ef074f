"""Every method and metric gives the same numbers on both engines; a network that ONNX Runtime cannot compute is named.

All agree to float32's rounding: 1e-5 of the largest value of a map, 2e-6 of a probability under dropout, augmentation
or in an ensemble, and 1e-4 of a score, which may be a quotient of small differences.
"""

from __future__ import annotations

import re
from typing import Any

import mindspore
import numpy as np
import pytest
from contract.test_own_explainers import EXPLAINERS, OPTIONS
from contract.test_own_metrics import METRICS, made
from idioms import IDIOMS, IMAGES
from mindspore import nn
from networks import SmallCnn

from explainer import explanation
from explainer.benchmark import Case
from explainer.counterfactual import HierarchicalOcclusion
from explainer.errors import EngineError
from explainer.explanation import Occlusion
from explainer.network.of import classifier_of
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty

pytestmark = pytest.mark.usefixtures("uncompiled")

ENGINES = ("mindspore", "onnxruntime")
SOFTMAX = nn.Softmax()
LABELS = np.array([[2, 0], [1, 3], [3, 2]])
MAPS = np.random.default_rng(4).standard_normal((2, 5, 7)).astype(np.float32)
NETWORK, OTHER = SmallCnn(), SmallCnn(seed=7)
KEPT = [classifier_of(network, engine=engine) for network in (NETWORK, OTHER) for engine in ENGINES]
OWN_RULE, TRACED, NO_EXPORT = "a backward rule of its own", "traced", "MindSpore cannot export"
REFUSED = {  # what the error says of the reason
    "hooks": "has a hook",
    "a ReLU with a `bprop` of its own": OWN_RULE,
    "a layer in a cell with a `bprop`": OWN_RULE,
    '`jit(capture_mode="trace")` on the method': TRACED,
    '`jit(capture_mode="trace")` on a function': TRACED,
    "`to_float(float16)`": "computes in float16",
    "float16 weights": "computes in float16",
    "a detour through NumPy": NO_EXPORT,
    "a ReLU as a `_Function`": NO_EXPORT,
    "a function that calls `ops.relu`": NO_EXPORT,  # a lambda, as are the two below
    "`x * (x > 0)` for a ReLU": NO_EXPORT,
    "`maximum(x, 0)` for a ReLU": NO_EXPORT,
}


def on_both(monkeypatch: pytest.MonkeyPatch, ask: Any) -> list[Any]:
    """The answers to a question, by MindSpore and by ONNX Runtime."""
    answers = []
    for engine in ENGINES:
        monkeypatch.setenv("EXPLAINER_ENGINE", engine)
        answers.append(ask())
    return answers


@pytest.mark.parametrize("name", EXPLAINERS)
def test_an_explainer_gives_the_same_maps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = OPTIONS.get(name, {})
    wanted, found = on_both(monkeypatch, lambda: getattr(explanation, name)(NETWORK, **options)(IMAGES, LABELS))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_gives_the_same_scores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    regions = np.zeros((2, 5, 7), bool)
    regions[:, 1:3, 4:6] = True

    def scored() -> Any:
        explainer = Occlusion(NETWORK, SOFTMAX, 1, window=3, stride=2)
        return made(name).score(Case(IMAGES[0], (2, 0), MAPS, regions, explainer))

    wanted, found = on_both(monkeypatch, scored)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_search_gives_the_same_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched() -> Any:
        search = HierarchicalOcclusion(NETWORK, SOFTMAX, [4, 2], [2, 1], threshold=0.2)
        found = search.search_all(IMAGES[0], [0, 1, 2, 3], mask=-3.0)
        return [getattr(entry, "layer_outputs", type(entry).__name__) for entry in found.values()]

    wanted, found = on_both(monkeypatch, searched)
    assert any(isinstance(entry, list | tuple) for entry in wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one == (other if isinstance(other, str) else pytest.approx(other, abs=2e-6))


@pytest.mark.parametrize(
    "make",
    [
        lambda: DropoutUncertainty(NETWORK, SOFTMAX, draws=5),
        lambda: EnsembleUncertainty([NETWORK, OTHER], SOFTMAX),
        lambda: AugmentationUncertainty(NETWORK, SOFTMAX, "noise", draws=3),
    ],
)
def test_uncertainty_is_the_same(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, found = on_both(monkeypatch, lambda: make()(IMAGES))
    np.testing.assert_allclose(found.mean, wanted.mean, atol=2e-6)
    np.testing.assert_allclose(found.deviation, wanted.deviation, atol=2e-6)


@pytest.mark.parametrize("written", IDIOMS)
def test_however_it_is_written_a_network_is_computed_alike_or_refused_by_name(written: str) -> None:
    idiom = IDIOMS[written]
    mode = mindspore.get_context("mode")
    try:
        asked = classifier_of(idiom.make(), SOFTMAX, engine="onnxruntime")
        if written in REFUSED:
            with pytest.raises(EngineError, match=re.escape(REFUSED[written])):
                asked.logits(IMAGES)
            return
        wanted = KEPT[0].logits(IMAGES)
        np.testing.assert_allclose(asked.logits(IMAGES), wanted, rtol=0, atol=idiom.tolerance * np.abs(wanted).max())
    finally:
        mindspore.set_context(mode=mode)
