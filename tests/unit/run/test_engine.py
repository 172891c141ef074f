"""A run is computed by the engine that it asks for, from the first batch to the last, and says by which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gpus import FakeGpu
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset
from networks import SmallCnn

from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.analysis.facts import facts_of
from explainer.benchmark import Faithfulness
from explainer.command.inspect_text import provenance_rows
from explainer.errors import EngineError
from explainer.explanation import Occlusion
from explainer.network.engine import version_of
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.onnx.session import Session

IMAGES = np.random.default_rng(0).standard_normal((5, 3, 5, 7)).astype(np.float32)
LABELS = ["ant", "bee", "cat", "dog"]
SOFTMAX = nn.Softmax()


class Backwards(SmallCnn):
    """Has a backward rule of its own, which no graph holds."""

    def bprop(self, images: Tensor, output: Tensor, gradient: Tensor) -> tuple[Tensor]:
        return (images * 0,)


def explained(folder: Path, engine: str, network: nn.Cell | None = None, device: str = "cpu") -> Any:
    """The run of an engine; its explainer is made with the bare network."""
    network = SmallCnn(3) if network is None else network
    rows = [(image, np.int32(index % 4)) for index, image in enumerate(IMAGES)]
    data = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1), LABELS
    options = RunOptions(batch_size=2, progress=False, engine=engine, device=device, raw_maps="float32")
    runner = ImageClassificationRunner(folder, data, network, SOFTMAX, options=options)
    runner.register_saliency(
        [Occlusion(network, SOFTMAX, 1, window=3, stride=2)], [Faithfulness(4, SOFTMAX, metric="DeletionAUC", steps=4)]
    )
    runner.run()
    return read_run(folder)


@pytest.fixture(scope="module")
def by_mindspore(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return explained(tmp_path_factory.mktemp("run") / "mindspore", "mindspore")


@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_a_run_by_onnx_runtime_has_mindspores_numbers_and_asks_it_for_none(
    engine: str, by_mindspore: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MindSporeClassifier, "logits", lambda *given: pytest.fail("MindSpore was asked"))
    run = explained(tmp_path / "job", engine)
    for ours, mindspores in zip(run.samples.values(), by_mindspore.samples.values(), strict=True):
        np.testing.assert_allclose(ours.prediction.probabilities, mindspores.prediction.probabilities, atol=2e-6)
        for one, other in zip(ours.maps, mindspores.maps, strict=True):
            wanted = by_mindspore.saliency(other)
            np.testing.assert_allclose(run.saliency(one), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
        ours_scores, wanted_scores = ([score.value for score in sample.scores] for sample in (ours, mindspores))
        np.testing.assert_allclose(ours_scores, wanted_scores, atol=1e-5)
    engine_of_run = dict(run.metadata.parameters["engine"])
    assert engine_of_run.pop("difference") < 2e-6
    assert engine_of_run == {"name": "onnxruntime", "version": version_of("onnxruntime")}
    (told,) = [row for row in provenance_rows(facts_of(run)) if row[0] == "engine"]
    assert told[1].startswith(f"onnxruntime {version_of('onnxruntime')}, outputs within ")


def test_a_run_by_mindspore_makes_no_session(
    by_mindspore: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "__init__", lambda *given, **named: pytest.fail("a session was made"))
    run = explained(tmp_path / "job", "mindspore")
    assert run.metadata.parameters["engine"] == {"name": "mindspore", "version": version_of("mindspore")}
    assert ("engine", f"mindspore {version_of('mindspore')}") in provenance_rows(facts_of(run))


def test_a_run_that_falls_to_mindspore_says_why(tmp_path: Path) -> None:
    run = explained(tmp_path / "job", "auto", Backwards(3))
    reason = "the network has a backward rule of its own (bprop), which no graph holds"
    wanted = {"name": "mindspore", "version": version_of("mindspore"), "reason": reason}
    assert run.metadata.parameters["engine"] == wanted


def test_an_engine_that_cannot_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match=r'`engine` "onnxruntime" cannot compute `network` \(Backwards\): the network'
    ):
        explained(tmp_path / "job", "onnxruntime", Backwards(3))
    assert not (tmp_path / "job").exists()


def test_a_run_on_a_gpu_is_computed_there_and_says_so(gpu: FakeGpu, by_mindspore: Any, tmp_path: Path) -> None:
    run = explained(tmp_path / "job", "auto", device="cuda")
    for ours, mindspores in zip(run.samples.values(), by_mindspore.samples.values(), strict=True):
        np.testing.assert_allclose(ours.prediction.probabilities, mindspores.prediction.probabilities, atol=2e-6)
    assert {providers[0][0] for providers in gpu.asked} == {"CUDAExecutionProvider"}
    engine = run.metadata.parameters["engine"]
    assert (engine["name"], engine["device"]) == ("onnxruntime", "cuda")
    (told,) = [row for row in provenance_rows(facts_of(run)) if row[0] == "engine"]
    assert told[1].startswith(f"onnxruntime {version_of('onnxruntime')} on cuda, outputs within ")


def test_a_gpu_that_cannot_is_refused_before_anything_is_written(gpu: FakeGpu, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r'`device` "cuda" cannot compute `network` \(Backwards\): the network'):
        explained(tmp_path / "job", "auto", Backwards(3), device="cuda")
    assert not (tmp_path / "job").exists()
