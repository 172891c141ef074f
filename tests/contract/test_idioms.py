"""However a network is written, every method gives the map of the plain network, or a named error that says why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from inspect import isabstract
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import pytest
from contract.test_engines import REFUSED
from idioms import IDIOMS, IMAGES, Idiom
from mindspore import nn
from networks import SmallCnn
from numpy.typing import NDArray

from explainer import errors, explanation
from explainer.explanation import Deconvolution, GradCAM, GuidedBackprop
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.of import classifier_of
from explainer.relu_rules import guided

pytestmark = pytest.mark.usefixtures("queued_operators")

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
LABELS = np.array([1, 3, 2])
SEEDS = np.eye(4, dtype=np.float32)[LABELS]
GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "gradients": {
        "Gradient": {},
        "InputXGradient": {},
        "IntegratedGradients": {"steps": 2},
        "SmoothGrad": {
            "samples": 2,
            "seed": 1,
        },  # noise that brings no unit near its kink, where half precision decides
    },
    "rules": {"Deconvolution": {}, "GuidedBackprop": {}},
    "cams": {"GradCAM": {}, "GradCAMPlusPlus": {}, "HiResCAM": {}, "LayerCAM": {}},
    "ScoreCAM": {"ScoreCAM": {}},
    "perturbation": {
        "Occlusion": {"window": 3, "stride": 2},
        "RISE": {"masks": 6, "grid": 3},
        "LIME": {"grid": 2, "samples": 6},
        "KernelSHAP": {"grid": 2, "samples": 16},
    },
}
METHODS = {name: group for group, methods in GROUPS.items() for name in methods}
SOFTMAX = nn.Softmax()
KEPT: list[Any] = []


@pytest.fixture(autouse=True)
def mode() -> Iterator[None]:
    """The mode of the process is what it was."""
    before = mindspore.get_context("mode")
    yield
    mindspore.set_context(mode=before)


def explained(name: str, network: nn.Cell, layer: str) -> NDArray[np.float32]:
    group = METHODS[name]
    options = dict(GROUPS[group][name])
    if group in ("cams", "ScoreCAM"):
        options["layer"] = layer
    if group == "perturbation":
        options["activation_fn"] = SOFTMAX
    maps: NDArray[np.float32] = getattr(explanation, name)(network, **options)(IMAGES, LABELS)
    return maps


@cache
def written_as(name: str, engine: str = "mindspore") -> nn.Cell:
    """The network of an idiom, one for all methods: they share what is found out of it."""
    network = IDIOMS[name].make()
    KEPT.append(classifier_of(network, engine=engine))
    return network


@cache
def wanted(name: str, layer: str) -> NDArray[np.float32]:
    return explained(name, SmallCnn(), layer)


def assert_equal_to_rounding(got: NDArray[Any], expected: NDArray[Any], tolerance: float) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_every_method_is_in_the_table() -> None:
    exported = {name for name in explanation.__all__ if not isabstract(getattr(explanation, name))}
    assert set(METHODS) == exported - {"Attribution", "RandomControl", "CentreControl"}


@pytest.mark.parametrize("written", IDIOMS)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_gives_the_plain_network_s_map_or_says_why_not(
    name: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # what is compiled is asked below
    idiom = IDIOMS[written]
    expected = wanted(name, idiom.plain_layer)
    network = idiom.make() if written == "graph mode" else written_as(written)
    error = idiom.errors.get(METHODS[name])
    if error is None:
        assert_equal_to_rounding(explained(name, network, idiom.layer), expected, idiom.tolerance)
    else:
        with pytest.raises(getattr(errors, error)):
            explained(name, network, idiom.layer)


@pytest.mark.parametrize("written", [written for written in IDIOMS if written != "graph mode"])
@pytest.mark.parametrize("name", METHODS)
def test_onnx_runtime_gives_the_plain_network_s_map_too_and_reaches_more(
    name: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where MindSpore exports a network, a rule reaches its ReLUs wherever they are called."""
    idiom = IDIOMS[written]
    expected = wanted(name, idiom.plain_layer)
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
    monkeypatch.setenv("EXPLAINER_ENGINE", "onnxruntime")
    network = written_as(written, "onnxruntime")
    error = idiom.errors.get(METHODS[name])
    if written in REFUSED:
        with pytest.raises(errors.ExplainerError):
            explained(name, network, idiom.layer)
    elif error is None or (error == "NoReluError" and METHODS[name] == "rules"):
        assert_equal_to_rounding(explained(name, network, idiom.layer), expected, idiom.tolerance)
    else:
        with pytest.raises(getattr(errors, error)):
            explained(name, network, idiom.layer)


@cache
def wanted_of_seam() -> dict[str, Any]:
    return seam(SmallCnn(), "conv2")


def seam(network: nn.Cell, layer: str, errors: Any = ()) -> dict[str, Any]:
    """One classifier asked for everything in turn, in batches of one: two run eagerly, the third is compiled."""
    asked = MindSporeClassifier(network, SOFTMAX, batch_size=1)
    answers: dict[str, Any] = {}
    if "rules" not in errors:
        answers["guided"] = asked.gradient(IMAGES, SEEDS, relu_rule=guided)
    answers["gradient"] = asked.gradient(IMAGES, SEEDS)
    if "cams" not in errors:
        answers["activation"], answers["gradient at the layer"] = asked.layer(IMAGES, SEEDS, layer)
    return answers | {"probabilities": asked.probabilities(IMAGES)}


COMPILED = {name: idiom for name, idiom in IDIOMS.items() if re.search("jit|recompute|float|tuple|second", name)}


@pytest.mark.parametrize("idiom", COMPILED.values(), ids=COMPILED)
def test_what_is_compiled_for_many_batches_is_the_same(idiom: Idiom) -> None:
    for question, answer in seam(idiom.make(), idiom.layer, idiom.errors).items():
        assert_equal_to_rounding(answer, wanted_of_seam()[question], idiom.tolerance)


@pytest.mark.parametrize("idiom", IDIOMS.values(), ids=IDIOMS)
def test_auto_reads_a_layer_that_gives_a_map(idiom: Idiom) -> None:
    network = idiom.make()
    explainer = GradCAM(network, "auto")
    maps = explainer(IMAGES, LABELS)
    by_layer = [wanted("GradCAM", layer) for layer in ("conv1", "relu1", "conv2", "relu2")]
    assert min(np.abs(maps - each).max() / np.abs(each).max() for each in by_layer) < idiom.tolerance


def test_the_table_in_the_docs_is_that_of_the_tests() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text("utf-8"), re.M)
    told = {idiom: dict(zip(GROUPS, outcomes, strict=True)) for idiom, *outcomes in rows if idiom in IDIOMS}
    assert told == {
        name: {group: idiom.errors.get(group, "=" if idiom.tolerance < 1e-3 else "= to 1e-2") for group in GROUPS}
        for name, idiom in IDIOMS.items()
    }


@pytest.mark.parametrize("first", [GuidedBackprop, Deconvolution])
def test_a_graph_that_the_user_compiled_keeps_no_rule(first: Any) -> None:
    """The user's own graph is compiled after a rule was laid on the cells in it, and is asked afterwards."""
    network = IDIOMS["`jit` on the method"].make()
    first(network)(IMAGES, LABELS)
    network.set_train(False)
    gradient = mindspore.grad(lambda images, seeds: (network(images) * seeds).sum())
    ours = gradient(mindspore.Tensor(IMAGES), mindspore.Tensor(SEEDS)).asnumpy()
    assert_equal_to_rounding(np.abs(ours).max(axis=1, keepdims=True), wanted("Gradient", ""), 1e-5)
