"""As its user runs it, a trial network is computed by ONNX Runtime, and its maps are MindSpore's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import explainer
from explainer.explanation import GradCAM, Gradient, GuidedBackprop, LayerCAM
from explainer.network.of import classifier_of

from .data import require_shared
from .run import run_cifar, run_photos
from .test_mindcv import SIZE, script  # noqa: F401  the fixture

ROUNDING = 1e-5  # of a map's largest number
FLIPS = 5e-2  # relative L2: units near zero are on the other side in another engine


@pytest.mark.parametrize("run", [lambda base: run_cifar(base, 12), run_photos], ids=["ResNet-20", "SqueezeNet"])
def test_a_run_without_a_word_of_engines_is_onnx_runtimes_and_the_same(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_shared()
    by_mindspore = explainer.read_run(run(tmp_path / "mindspore").summary_dir)
    monkeypatch.delenv("EXPLAINER_ENGINE")
    by_default = explainer.read_run(run(tmp_path / "default").summary_dir)
    recorded = by_default.metadata.parameters["engine"]
    assert recorded["name"] == "onnxruntime" and recorded["difference"] < ROUNDING
    assert len(recorded["questions"]) == 2  # the gradient, and that at a layer
    assert {entry["name"] for entry in recorded["questions"].values()} == {"onnxruntime"}
    for ours, mindspores in zip(by_default.samples.values(), by_mindspore.samples.values(), strict=True):
        np.testing.assert_allclose(ours.prediction.probabilities, mindspores.prediction.probabilities, atol=1e-5)
        assert ours.prediction.explained == mindspores.prediction.explained
        for one, other in zip(ours.maps, mindspores.maps, strict=True):
            # Pictures of 256 greys: a difference of less than half a grey may be one.
            gap = by_default.saliency(one).astype(float) - by_mindspore.saliency(other)
            assert np.linalg.norm(gap) <= FLIPS * np.linalg.norm(by_mindspore.saliency(other))


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2_100", "convnext_tiny"])
def test_the_layer_that_auto_takes_and_the_gradients_of_a_mindcv_network_are_mindspores(
    script: Any,  # noqa: F811
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, images = script.network_of(name, SIZE), script.noise(2, SIZE, seed=1)
    methods: list[Any] = [Gradient, lambda network: GradCAM(network, "auto"), lambda network: LayerCAM(network, "auto")]
    methods += [GuidedBackprop] * script.NETWORKS[name].relu
    wanted = [method(network)(images, [1, 2]) for method in methods]
    monkeypatch.setenv("EXPLAINER_ENGINE", "onnxruntime")
    asked = classifier_of(network)
    for method, expected in zip(methods, wanted, strict=True):
        found = method(network)(images, [1, 2])
        assert np.linalg.norm(found - expected) <= FLIPS * np.linalg.norm(expected)
    questions = asked.engine_for(images).questions
    assert f"gradient at the layer {script.NETWORKS[name].layer!r}" in questions
    assert {entry.name for entry in questions.values()} == {"onnxruntime"}
